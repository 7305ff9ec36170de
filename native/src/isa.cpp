// Everything that depends on the instruction set, compiled once for each: CMake sets MLP_ISA and
// MLP_BYTES beside the compiler's flags.
#include "dispatch.h"
#include "interleaved_memory.h"
#include "interleaved_parameters.h"
#include "interleaved_rows.h"
#include "prediction.h"
#include "trainer_memory.h"
#include "trainer_parameters.h"
#include "trainer_rows.h"

namespace mlp::MLP_ISA {

namespace {

template <class T> int64_t arena_bytes(const Setup& setup) {
  return Trainer<T>::arena_bytes(setup);
}
template <class T> void* place(const Setup& setup, void* arena) {
  return Trainer<T>::place(setup, arena);
}
template <class T>
void load_parameters(void* trainer, const mlp_state& state, const void* parameters,
                     const void* slot_1, const void* slot_2) {
  static_cast<Trainer<T>*>(trainer)->load_parameters(
      state, static_cast<const T*>(parameters), static_cast<const T*>(slot_1),
      static_cast<const T*>(slot_2));
}
template <class T> int32_t run(void* trainer, const RunArguments& arguments) {
  return static_cast<Trainer<T>*>(trainer)->run(arguments);
}
template <class T>
void save(const void* trainer, mlp_state& state, void* parameters, void* slot_1, void* slot_2,
          void* best) {
  static_cast<const Trainer<T>*>(trainer)->save(state, static_cast<T*>(parameters),
                                                static_cast<T*>(slot_1), static_cast<T*>(slot_2),
                                                static_cast<T*>(best));
}
template <class T>
void objective(void* trainer, double* value, double* reported, void* gradient) {
  static_cast<Trainer<T>*>(trainer)->objective(value, reported, static_cast<T*>(gradient));
}
// For tests.
template <class T> void elementary(int32_t function, const void* x_given, void* out_given, int64_t n) {
  using V = Vec<T>;
  const T* x = static_cast<const T*>(x_given);
  T* out = static_cast<T*>(out_given);
  switch (function) {
    case 0: return each(x, out, n, [](V v) { return exp_of<T>(v); });
    case 1: return each(x, out, n, [](V v) { return exp_of_negative<T>(v); });
    case 2: return each(x, out, n, [](V v) { return expm1_of_negative<T>(v); });
    case 3: return each(x, out, n, [](V v) { return log_of<T>(v); });
    case 4: return each(x, out, n, [](V v) { return log1p_of_unit<T>(v); });
    case 5: return each(x, out, n, [](V v) { return tanh_of<T>(v); });
    case 6: return each(x, out, n, [](V v) { return logistic_of<T>(v); });
    case 7: return each(x, out, n, [](V v) { return softplus_of<T>(v); });
    case 8: return each(x, out, n, [](V v) { return normal_cdf<T>(v); });
    default: return;
  }
}

template <class T> const Trainer<T>& network(const void* trainer) {
  return *static_cast<const Trainer<T>*>(trainer);
}
template <class T> bool interleaves(const void* trainer) {
  return Interleaved<T>::takes(network<T>(trainer));
}
template <class T> bool alike(const void* one, const void* other) {
  return Interleaved<T>::alike(network<T>(one), network<T>(other));
}
template <class T> int64_t lane_bytes(const void* trainer) {
  return Interleaved<T>::arena_bytes(network<T>(trainer));
}
template <class T>
void run_interleaved(void* const* trainers, const RunArguments* arguments, int64_t n, void* arena,
                     int32_t* codes) {
  Trainer<T>* networks[lanes<T>] = {};
  for (int64_t i = 0; i < n; ++i) networks[i] = static_cast<Trainer<T>*>(trainers[i]);
  Interleaved<T>(networks, arguments, n, arena).run(codes);
}

template <class T> Backend make() {
  return {arena_bytes<T>, place<T>,      load_parameters<T>, run<T>,        save<T>,
          objective<T>,   elementary<T>, lanes<T>,           interleaves<T>, alike<T>,
          lane_bytes<T>,  run_interleaved<T>};
}

template <class T> PredictionBackend make_prediction() {
  constexpr int64_t size = sizeof(T);
  return {
      [](const mlp_predictor& plan) { return size * panels_size<T>(plan); },
      [](const mlp_predictor& plan, void* panels) { fill_panels(plan, static_cast<T*>(panels)); },
      [](const mlp_predictor& plan, const mlp_rows& rows, int64_t n) {
        return size * scratch_size<T>(plan, rows, n);
      },
      [](const mlp_predictor& plan, const void* panels, const mlp_rows& rows, int64_t from,
         int64_t n, void* scratch, void* out) {
        predict_rows(plan, static_cast<const T*>(panels), rows, from, n, static_cast<T*>(scratch),
                     static_cast<T*>(out));
      },
      [](const mlp_predictor& plan, void* out, int64_t n) {
        apply_link(plan, static_cast<T*>(out), n);
      },
      [](const void* x, int64_t n) { return all_finite(static_cast<const T*>(x), n); }};
}

}  // namespace

Backend backend(int32_t dtype) { return dtype == MLP_FLOAT32 ? make<float>() : make<double>(); }
PredictionBackend prediction(int32_t dtype) {
  return dtype == MLP_FLOAT32 ? make_prediction<float>() : make_prediction<double>();
}

}  // namespace mlp::MLP_ISA
