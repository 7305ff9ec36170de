// Everything that depends on the instruction set, compiled once for each: CMake sets MLP_ISA and
// MLP_BYTES beside the compiler's flags.
#include "dispatch.h"
#include "interleaved_memory.h"
#include "interleaved_parameters.h"
#include "interleaved_rows.h"
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
template <class T> void predict(void* trainer, void* out) {
  static_cast<Trainer<T>*>(trainer)->predict(static_cast<T*>(out));
}

// For tests: the last numbers, which fill no register, go through a padded one.
template <class T, class F> void each(const void* x, void* out, int64_t n, F f) {
  const T* from = static_cast<const T*>(x);
  T* to = static_cast<T*>(out);
  int64_t i = 0;
  for (; i + lanes<T> <= n; i += lanes<T>) store<T>(to + i, f(load(from + i)));
  if (i == n) return;
  T last[lanes<T>] = {};
  for (int64_t j = i; j < n; ++j) last[j - i] = from[j];
  store<T>(last, f(load(last)));
  for (int64_t j = i; j < n; ++j) to[j] = last[j - i];
}
template <class T> void elementary(int32_t function, const void* x, void* out, int64_t n) {
  using V = Vec<T>;
  switch (function) {
    case 0: return each<T>(x, out, n, [](V v) { return exp_of<T>(v); });
    case 1: return each<T>(x, out, n, [](V v) { return exp_of_negative<T>(v); });
    case 2: return each<T>(x, out, n, [](V v) { return expm1_of_negative<T>(v); });
    case 3: return each<T>(x, out, n, [](V v) { return log_of<T>(v); });
    case 4: return each<T>(x, out, n, [](V v) { return log1p_of_unit<T>(v); });
    case 5: return each<T>(x, out, n, [](V v) { return tanh_of<T>(v); });
    case 6: return each<T>(x, out, n, [](V v) { return logistic_of<T>(v); });
    case 7: return each<T>(x, out, n, [](V v) { return softplus_of<T>(v); });
    case 8: return each<T>(x, out, n, [](V v) { return normal_cdf<T>(v); });
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
  return {arena_bytes<T>, place<T>,       load_parameters<T>, run<T>,
          save<T>,        objective<T>,   predict<T>,         elementary<T>,
          lanes<T>,       interleaves<T>, alike<T>,           lane_bytes<T>,
          run_interleaved<T>};
}

}  // namespace

Backend backend(int32_t dtype) { return dtype == MLP_FLOAT32 ? make<float>() : make<double>(); }

}  // namespace mlp::MLP_ISA
