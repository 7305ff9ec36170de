// Optimisers as one pass over a range of parameters, as in `mlplab/optim/transforms.py`.
//
// The pass finishes the gradient (mean over the rows, penalties), measures it, clips it, and
// moves the parameters, so that everything about a parameter is read and written once a step.
#pragma once

#include "abi.h"
#include "vec.h"

namespace mlp::MLP_ISA {

// What is the same for all parameters of a network in a step. C is a number, or a register of
// numbers where each lane holds a network of its own.
template <class C> struct StepConstants {
  C scale;         // 1 / Σ s of the batch
  C l2, l1;        // l2 / Σ s
  C clip_value;    // infinite where nothing is clipped
  C rate;          // negative: what a direction is multiplied by
  C decay;         // rate · weight decay
  C beta_1, beta_2, rest_1, rest_2;   // and 1 - beta
  C correction, epsilon;              // Adam: as in `adam_direction`
  C second_scale, ahead, here;        // NAdam
};

struct Measures {
  double squares = 0, clipped_squares = 0, weight_squares = 0, weight_sizes = 0;
};

// The step of one register from its finished gradient g; m and v are the slots.
template <class T, int O, class C>
static inline Vec<T> step_of(const StepConstants<C>& c, Vec<T> g, T* first, T* second) {
  if constexpr (O == MLP_SGD) return g * c.rate;
  if constexpr (O == MLP_MOMENTUM || O == MLP_NESTEROV) {
    const Vec<T> taken = g * c.rate, velocity = c.beta_1 * load(first) + taken;
    store<T>(first, velocity);
    return O == MLP_NESTEROV ? c.beta_1 * velocity + taken : velocity;
  }
  if constexpr (O == MLP_ADAM || O == MLP_ADAMW) {
    const Vec<T> m = c.beta_1 * load(first) + c.rest_1 * g;
    const Vec<T> v = c.beta_2 * load(second) + c.rest_2 * (g * g);
    store<T>(first, m);
    store<T>(second, v);
    return c.correction * m / (root(v) + c.epsilon) * c.rate;
  }
  if constexpr (O == MLP_NADAM) {
    const Vec<T> m = c.beta_1 * load(first) + c.rest_1 * g;
    const Vec<T> v = c.beta_2 * load(second) + c.rest_2 * (g * g);
    store<T>(first, m);
    store<T>(second, v);
    return (c.here * g + c.ahead * m) / (root(v / c.second_scale) + c.epsilon) * c.rate;
  }
  if constexpr (O == MLP_RMSPROP) {
    const Vec<T> v = c.beta_1 * load(first) + c.rest_1 * (g * g);
    store<T>(first, v);
    return g / (root(v) + c.epsilon) * c.rate;
  }
  if constexpr (O == MLP_ADAGRAD) {
    const Vec<T> total = load(first) + g * g;
    store<T>(first, total);
    return g / (root(total) + c.epsilon) * c.rate;
  }
}

template <class T> static inline Vec<T> clipped(Vec<T> g, Vec<T> limit) {
  return select<T>(g > limit, limit, select<T>(g < -limit, -limit, g));
}

template <int O> struct Optimiser {
  static constexpr int value = O;
};

// Calls f with the optimiser as a type.
template <class F> static inline void for_optimiser(int optimiser, F f) {
  switch (optimiser) {
    case MLP_SGD: return f(Optimiser<MLP_SGD>{});
    case MLP_MOMENTUM: return f(Optimiser<MLP_MOMENTUM>{});
    case MLP_NESTEROV: return f(Optimiser<MLP_NESTEROV>{});
    case MLP_ADAM: return f(Optimiser<MLP_ADAM>{});
    case MLP_ADAMW: return f(Optimiser<MLP_ADAMW>{});
    case MLP_NADAM: return f(Optimiser<MLP_NADAM>{});
    case MLP_RMSPROP: return f(Optimiser<MLP_RMSPROP>{});
    default: return f(Optimiser<MLP_ADAGRAD>{});
  }
}

// Sums of one range, one register each.
template <class T> struct Sums {
  Vec<T> squares = {}, clipped_squares = {}, weight_squares = {}, weight_sizes = {};
  Sums operator+(const Sums& other) const {
    return {squares + other.squares, clipped_squares + other.clipped_squares,
            weight_squares + other.weight_squares, weight_sizes + other.weight_sizes};
  }
  void add_to(Measures& measures) const {
    measures.squares += sum_of<T>(squares);
    measures.clipped_squares += sum_of<T>(clipped_squares);
    measures.weight_squares += sum_of<T>(weight_squares);
    measures.weight_sizes += sum_of<T>(weight_sizes);
  }
};

// Finish the gradient of n parameters in place. PENALISED is false for biases.
template <class T, bool PENALISED, bool RARE, class C>
static inline Vec<T> finished(const StepConstants<C>& c, Vec<T> g, Vec<T> w, Sums<T>& sums) {
  g *= c.scale;
  if constexpr (PENALISED) {
    sums.weight_squares += w * w;
    g += c.l2 * w;
    if constexpr (RARE) {
      const Vec<T> sign =
          select<T>(w > T(0), all<T>(T(1)), select<T>(w < T(0), all<T>(T(-1)), Vec<T>{}));
      sums.weight_sizes += w * sign;
      g += c.l1 * sign;
    }
  }
  sums.squares += g * g;
  if constexpr (RARE) {
    g = clipped<T>(g, c.clip_value - Vec<T>{});
    sums.clipped_squares += g * g;
  }
  return g;
}

// One register of parameters: finish, measure, move. RARE holds L1, clipping by value and decay.
template <class T, int O, bool PENALISED, bool RARE, class C>
static inline void finish_and_move_one(const StepConstants<C>& c, const T* g, T* w, T* first,
                                       T* second, Sums<T>& sums) {
  const Vec<T> before = load(w);
  const Vec<T> found = finished<T, PENALISED, RARE>(c, load(g), before, sums);
  Vec<T> step = step_of<T, O>(c, found, first, second);
  if constexpr (RARE && PENALISED) step -= c.decay * before;
  store<T>(w, before + step);
}

// With a limit on the norm the pass is cut in two, as the norm of everything comes between.
template <class T, bool PENALISED, class C>
static inline void finish_one(const StepConstants<C>& c, T* g, const T* w, Sums<T>& sums) {
  store<T>(g, finished<T, PENALISED, true>(c, load(g), load(w), sums));
}
template <class T, int O, bool PENALISED, class C>
static inline void move_one(const StepConstants<C>& c, C shrink, const T* g, T* w, T* first,
                            T* second) {
  const Vec<T> before = load(w);
  Vec<T> step = step_of<T, O>(c, load(g) * shrink, first, second);
  if constexpr (PENALISED) step -= c.decay * before;
  store<T>(w, before + step);
}

// Registers take turns between two sets of sums, as one would wait for itself.
template <class T, class F> static inline void measured_range(i64 n, Measures& measures, F one) {
  Sums<T> sums[2];
  i64 i = 0;
  for (; i + 2 * lanes<T> <= n; i += 2 * lanes<T>) {
    one(i, sums[0]);
    one(i + lanes<T>, sums[1]);
  }
  if (i < n) one(i, sums[0]);
  (sums[0] + sums[1]).add_to(measures);
}

// The same for a range of n parameters of one network.
template <class T, int O, bool PENALISED, bool RARE>
static void finish_and_move(const StepConstants<T>& constants, T* g, T* w, T* first, T* second,
                            i64 n, Measures& measures) {
  const StepConstants<T> c = constants;  // a copy stays in registers
  measured_range<T>(n, measures, [&](i64 i, Sums<T>& sums) {
    finish_and_move_one<T, O, PENALISED, RARE>(c, g + i, w + i, first + i, second + i, sums);
  });
}
template <class T, bool PENALISED>
static void finish_only(const StepConstants<T>& c, T* g, const T* w, i64 n, Measures& measures) {
  measured_range<T>(n, measures, [&](i64 i, Sums<T>& sums) {
    finish_one<T, PENALISED>(c, g + i, w + i, sums);
  });
}
template <class T, int O, bool PENALISED>
static void move_only(const StepConstants<T>& c, T shrink, const T* g, T* w, T* first, T* second,
                      i64 n) {
  for (i64 i = 0; i < n; i += lanes<T>)
    move_one<T, O, PENALISED>(c, shrink, g + i, w + i, first + i, second + i);
}

// The constants of one step that depend on its number; `mu_product` is NAdam's memory.
template <class T>
static void set_bias_corrections(StepConstants<T>& c, const mlp_config& config, int64_t number,
                                 double& mu_product) {
  const double t = static_cast<double>(number);
  const double b1 = config.beta_1, b2 = config.beta_2;
  c.beta_1 = static_cast<T>(b1);
  c.beta_2 = static_cast<T>(b2);
  c.rest_1 = static_cast<T>(1 - b1);
  c.rest_2 = static_cast<T>(1 - b2);
  c.epsilon = static_cast<T>(config.epsilon);
  if (config.optimiser == MLP_ADAM || config.optimiser == MLP_ADAMW) {
    const double root_2 = __builtin_sqrt(1 - __builtin_pow(b2, t));
    c.correction = static_cast<T>(root_2 / (1 - __builtin_pow(b1, t)));
    if (config.optimiser == MLP_ADAMW) c.epsilon = static_cast<T>(config.epsilon * root_2);
  }
  if (config.optimiser == MLP_NADAM) {
    const auto mu = [&](double n) {
      return b1 * (1 - 0.5 * __builtin_pow(0.96, n * config.decay));
    };
    const double now = mu(t), following = mu(t + 1);
    mu_product *= now;
    c.second_scale = static_cast<T>(1 - __builtin_pow(b2, t));
    c.ahead = static_cast<T>(following / (1 - mu_product * following));
    c.here = static_cast<T>((1 - now) / (1 - mu_product));
  }
}

}  // namespace mlp::MLP_ISA
