// Losses of raw predictions and their gradients, as in `mlplab/nn/losses.py`, whose docstrings
// derive them.
//
// Lanes hold rows: `lanes` rows at a time are transposed into z[output][lane] and y[output][lane],
// so that sums and maxima over the outputs are plain loops over registers, and every lane of
// exp and log does useful work however few outputs there are.
#pragma once

#include "abi.h"
#include "elementary.h"

namespace mlp::MLP_ISA {

struct LossSpec {
  int kind;
  i64 n_outputs, n_groups;
  const int64_t* groups;        // at least one group
  const double* label_weights;  // or null
  double smoothing, gamma, delta;
};

// Powers are rare (focal losses) and want the last bit; the C library has them.
template <class T> static inline Vec<T> power(Vec<T> x, T exponent) {
  if (exponent == T(1)) return x;
  if (exponent == T(2)) return x * x;
  for (i64 i = 0; i < lanes<T>; ++i)
    x[i] = static_cast<T>(
        __builtin_pow(static_cast<double>(x[i]), static_cast<double>(exponent)));
  return x;
}

template <class T> static inline Vec<T> sign_of(Vec<T> r) {
  return select<T>(r > T(0), all<T>(T(1)), select<T>(r < T(0), all<T>(T(-1)), r));
}

template <class T> static inline Vec<T> element_weight(const LossSpec& spec, i64 k, Vec<T> y) {
  const T zero = static_cast<T>(spec.label_weights[2 * k]);
  const T one = static_cast<T>(spec.label_weights[2 * k + 1]);
  return y * (one - zero) + zero;
}

// Losses that are sums over independent outputs: one (z, y) to value and slope.
template <class T, int LOSS>
static inline void element(const LossSpec& spec, Vec<T> z, Vec<T> y, Vec<T>& found, Vec<T>& d) {
  const Vec<T> none = {}, one = all<T>(T(1));
  if constexpr (LOSS == MLP_BINARY_LOG_LOSS) {
    const T smoothing = static_cast<T>(spec.smoothing);
    const Vec<T> target = y * (T(1) - smoothing) + smoothing / T(2);
    // One e^(-|z|) serves softplus and the logistic function.
    const Vec<T> decay = exp_of_negative<T>(-magnitude<T>(z));
    found = select<T>(z < T(0), none, z) + log1p_of_unit<T>(decay) - target * z;
    d = select<T>(z < T(0), decay, one) / (decay + T(1)) - target;
  } else if constexpr (LOSS == MLP_BINARY_FOCAL) {
    const T gamma = static_cast<T>(spec.gamma);
    const Vec<T> sign = y * T(2) - T(1), margin = sign * z;
    const Vec<T> wrong = logistic_of<T>(-margin), cost = softplus_of<T>(-margin);
    const Vec<T> raised = power<T>(wrong, gamma);
    found = raised * cost;
    d = -raised * (gamma * logistic_of<T>(margin) * cost + wrong) * sign;
  } else if constexpr (LOSS == MLP_BINARY_HINGE) {
    const Vec<T> sign = y * T(2) - T(1), slack = T(1) - sign * z;
    found = select<T>(slack < T(0), none, slack);
    d = select<T>(sign * z < T(1), -sign, none);
  } else if constexpr (LOSS == MLP_SQUARED_ERROR) {
    d = z - y;
    found = d * d * T(0.5);
  } else if constexpr (LOSS == MLP_ABSOLUTE_ERROR) {
    found = magnitude<T>(z - y);
    d = sign_of<T>(z - y);
  } else if constexpr (LOSS == MLP_HUBER) {
    const T delta = static_cast<T>(spec.delta);
    const Vec<T> r = z - y, size = magnitude<T>(r);
    const Vec<T> core = select<T>(size < delta, size, all<T>(delta));
    found = T(0.5) * core * core + delta * (size - core);
    d = select<T>(r > delta, all<T>(delta), select<T>(r < -delta, all<T>(-delta), r));
  } else if constexpr (LOSS == MLP_POISSON) {
    const Vec<T> mu = exp_of<T>(z);
    const Vec<T> own = y * log_of<T>(select<T>(y > T(0), y, one)) - y;
    found = own - y * z + mu;
    d = mu - y;
  } else {
    static_assert(LOSS == MLP_PROBABILITY_SQUARED_LOGISTIC);
    const Vec<T> p = logistic_of<T>(z);
    d = p - y;
    found = d * d * T(0.5);
    d = d * p * (one - p);
  }
}

template <class T, int LOSS>
static Vec<T> by_element(const LossSpec& spec, const T* z, const T* y, T* d) {
  Vec<T> total = {};
  for (i64 k = 0; k < spec.n_outputs; ++k) {
    const Vec<T> target = load(y + k * lanes<T>);
    Vec<T> found, slope;
    element<T, LOSS>(spec, load(z + k * lanes<T>), target, found, slope);
    if (spec.label_weights) {
      const Vec<T> weight = element_weight<T>(spec, k, target);
      found *= weight;
      slope *= weight;
    }
    total += found;
    store<T>(d + k * lanes<T>, slope);
  }
  return total;
}

// e^(z - max) into d; returns their sum and the maximum.
template <class T>
static inline void exponentials(const T* z, T* d, i64 n, Vec<T>& sum, Vec<T>& top) {
  top = load(z);
  for (i64 k = 1; k < n; ++k) {
    const Vec<T> next = load(z + k * lanes<T>);
    top = select<T>(next > top, next, top);
  }
  sum = Vec<T>{};
  for (i64 k = 0; k < n; ++k) {
    const Vec<T> e = exp_of_negative<T>(load(z + k * lanes<T>) - top);
    store<T>(d + k * lanes<T>, e);
    sum += e;
  }
}

// -Σ y log p = Σ y (max + log sum - z); the derivative is p - y.
template <class T> static Vec<T> log_loss(const LossSpec& spec, const T* z, const T* y, T* d) {
  Vec<T> total = {};
  for (i64 g = 0; g < spec.n_groups; ++g) {
    const i64 n = spec.groups[g];
    const T smoothing = static_cast<T>(spec.smoothing);
    Vec<T> sum, top;
    exponentials<T>(z, d, n, sum, top);
    const Vec<T> shift = log_of<T>(sum), scale = T(1) / sum;
    for (i64 k = 0; k < n; ++k) {
      const Vec<T> target =
          load(y + k * lanes<T>) * (T(1) - smoothing) + smoothing / static_cast<T>(n);
      total -= target * ((load(z + k * lanes<T>) - top) - shift);
      store<T>(d + k * lanes<T>, load(d + k * lanes<T>) * scale - target);
    }
    z += n * lanes<T>;
    y += n * lanes<T>;
    d += n * lanes<T>;
  }
  return total;
}

template <class T> static Vec<T> focal(const LossSpec& spec, const T* z, const T* y, T* d) {
  const i64 n = spec.n_outputs;
  const T gamma = static_cast<T>(spec.gamma);
  Vec<T> sum, top, total = {}, pulled = {};
  exponentials<T>(z, d, n, sum, top);
  const Vec<T> shift = log_of<T>(sum);
  for (i64 k = 0; k < n; ++k) {
    const Vec<T> log_p = (load(z + k * lanes<T>) - top) - shift;
    const Vec<T> p = exp_of_negative<T>(log_p), wrong = T(1) - p, target = load(y + k * lanes<T>);
    const Vec<T> lower = gamma == T(1) ? all<T>(T(1)) : power<T>(wrong, gamma - T(1));
    const Vec<T> raised = power<T>(wrong, gamma);
    total -= target * raised * log_p;
    pulled += target * (gamma * p * lower * log_p - raised);
  }
  for (i64 k = 0; k < n; ++k) {
    const Vec<T> log_p = (load(z + k * lanes<T>) - top) - shift;
    const Vec<T> p = exp_of_negative<T>(log_p), wrong = T(1) - p, target = load(y + k * lanes<T>);
    const Vec<T> lower = gamma == T(1) ? all<T>(T(1)) : power<T>(wrong, gamma - T(1));
    const Vec<T> g = target * (gamma * p * lower * log_p - power<T>(wrong, gamma));
    store<T>(d + k * lanes<T>, g - p * pulled);
  }
  return total;
}

template <class T>
static Vec<T> probability_squared(const LossSpec& spec, const T* z, const T* y, T* d) {
  const i64 n = spec.n_outputs;
  Vec<T> sum, top, total = {}, pulled = {};
  exponentials<T>(z, d, n, sum, top);
  for (i64 k = 0; k < n; ++k) {
    const Vec<T> p = load(d + k * lanes<T>) / sum, off = p - load(y + k * lanes<T>);
    total += off * off * T(0.5);
    pulled += off * p;
  }
  for (i64 k = 0; k < n; ++k) {
    const Vec<T> p = load(d + k * lanes<T>) / sum, off = p - load(y + k * lanes<T>);
    store<T>(d + k * lanes<T>, p * (off - pulled));
  }
  return total;
}

template <class T> static Vec<T> hinge(const LossSpec& spec, const T* z, const T* y, T* d) {
  const i64 n = spec.n_outputs;
  Vec<T> own = {};
  for (i64 k = 0; k < n; ++k) own += load(z + k * lanes<T>) * load(y + k * lanes<T>);
  const auto violation = [&](i64 k) {
    return (load(z + k * lanes<T>) - own + T(1)) * (T(1) - load(y + k * lanes<T>));
  };
  Vec<T> worst = violation(0), place = {};
  for (i64 k = 1; k < n; ++k) {
    const Vec<T> next = violation(k);
    const Ints<T> larger = next > worst;
    worst = select<T>(larger, next, worst);
    place = select<T>(larger, all<T>(static_cast<T>(k)), place);
  }
  const Vec<T> one = all<T>(T(1)), none = {};
  const Vec<T> active = select<T>(worst > T(0), one, none);
  for (i64 k = 0; k < n; ++k) {
    const Vec<T> chosen = select<T>(place == static_cast<T>(k), one, none);
    store<T>(d + k * lanes<T>, (chosen - load(y + k * lanes<T>)) * active);
  }
  return select<T>(worst < T(0), none, worst);
}

// The loss of each of `lanes` rows; the gradient goes into d.
template <class T> static Vec<T> row_losses(const LossSpec& spec, const T* z, const T* y, T* d) {
  switch (spec.kind) {
    case MLP_BINARY_LOG_LOSS: return by_element<T, MLP_BINARY_LOG_LOSS>(spec, z, y, d);
    case MLP_LOG_LOSS: return log_loss<T>(spec, z, y, d);
    case MLP_BINARY_FOCAL: return by_element<T, MLP_BINARY_FOCAL>(spec, z, y, d);
    case MLP_FOCAL: return focal<T>(spec, z, y, d);
    case MLP_BINARY_HINGE: return by_element<T, MLP_BINARY_HINGE>(spec, z, y, d);
    case MLP_HINGE: return hinge<T>(spec, z, y, d);
    case MLP_SQUARED_ERROR: return by_element<T, MLP_SQUARED_ERROR>(spec, z, y, d);
    case MLP_ABSOLUTE_ERROR: return by_element<T, MLP_ABSOLUTE_ERROR>(spec, z, y, d);
    case MLP_HUBER: return by_element<T, MLP_HUBER>(spec, z, y, d);
    case MLP_POISSON: return by_element<T, MLP_POISSON>(spec, z, y, d);
    case MLP_PROBABILITY_SQUARED_LOGISTIC:
      return by_element<T, MLP_PROBABILITY_SQUARED_LOGISTIC>(spec, z, y, d);
    default: return probability_squared<T>(spec, z, y, d);
  }
}

}  // namespace mlp::MLP_ISA
