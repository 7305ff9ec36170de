// Activations and their derivatives, as in `mlplab/nn/activations.py`.
//
// `value` maps z to a; `slope` gives f'(z) from z and a. Where f' can be told from a alone the
// trainer overwrites z by a (`needs_input` says which). At a kink the slope is that from the
// side of zero. Comparisons are written such that NaN goes through.
#pragma once

#include "abi.h"
#include "elementary.h"

namespace mlp::MLP_ISA {

constexpr double kLeakySlope = 0.01;
constexpr double kSeluAlpha = 1.6732632423543772, kSeluScale = 1.0507009873554805;

static inline bool needs_input(int function) {
  return function == MLP_GELU || function == MLP_SILU || function == MLP_MISH ||
         function == MLP_SOFTPLUS;
}

template <class T, int F> static inline Vec<T> value(Vec<T> z) {
  const Ints<T> below = z < T(0);
  if constexpr (F == MLP_IDENTITY) return z;
  if constexpr (F == MLP_LOGISTIC) return logistic_of<T>(z);
  if constexpr (F == MLP_TANH) return tanh_of<T>(z);
  if constexpr (F == MLP_RELU) return select<T>(below, Vec<T>{}, z);
  if constexpr (F == MLP_LEAKY_RELU) return select<T>(below, z * T(kLeakySlope), z);
  if constexpr (F == MLP_ELU || F == MLP_SELU) {
    const Vec<T> negative = expm1_of_negative<T>(select<T>(below, z, Vec<T>{}));
    if constexpr (F == MLP_ELU) return select<T>(below, negative, z);
    return T(kSeluScale) * select<T>(below, T(kSeluAlpha) * negative, z);
  }
  if constexpr (F == MLP_GELU) return z * normal_cdf<T>(z);
  if constexpr (F == MLP_SILU) return z * logistic_of<T>(z);
  if constexpr (F == MLP_MISH) return z * tanh_of<T>(softplus_of<T>(z));
  if constexpr (F == MLP_SOFTPLUS) return softplus_of<T>(z);
}

template <class T, int F> static inline Vec<T> slope(Vec<T> z, Vec<T> a) {
  const Vec<T> one = all<T>(T(1));
  if constexpr (F == MLP_IDENTITY) return one;
  if constexpr (F == MLP_LOGISTIC) return a * (one - a);
  if constexpr (F == MLP_TANH) return one - a * a;
  if constexpr (F == MLP_RELU) return select<T>(a > T(0), one, Vec<T>{});
  if constexpr (F == MLP_LEAKY_RELU) return select<T>(a > T(0), one, all<T>(T(kLeakySlope)));
  if constexpr (F == MLP_ELU) return select<T>(a > T(0), one, a + T(1));
  if constexpr (F == MLP_SELU)
    return select<T>(a > T(0), all<T>(T(kSeluScale)), a + T(kSeluScale * kSeluAlpha));
  if constexpr (F == MLP_GELU) return normal_cdf<T>(z) + z * normal_pdf<T>(z);
  if constexpr (F == MLP_SILU) {
    const Vec<T> s = logistic_of<T>(z);
    return s * (one + z * (one - s));
  }
  if constexpr (F == MLP_MISH) {
    const Vec<T> t = tanh_of<T>(softplus_of<T>(z));
    return t + z * (one - t * t) * logistic_of<T>(z);
  }
  if constexpr (F == MLP_SOFTPLUS) return logistic_of<T>(z);
}

template <class T, int F> static void apply(const T* z, T* a, i64 n) {
  for (i64 i = 0; i < n; i += lanes<T>) store<T>(a + i, value<T, F>(load(z + i)));
}
template <class T, int F> static void pull_back(const T* z, const T* a, T* d, i64 n) {
  for (i64 i = 0; i < n; i += lanes<T>)
    store<T>(d + i, load(d + i) * slope<T, F>(load(z + i), load(a + i)));
}

#define MLP_EACH_ACTIVATION(CALL)                                                            \
  switch (function) {                                                                        \
    case MLP_IDENTITY: CALL(MLP_IDENTITY); break;                                            \
    case MLP_LOGISTIC: CALL(MLP_LOGISTIC); break;                                            \
    case MLP_TANH: CALL(MLP_TANH); break;                                                    \
    case MLP_RELU: CALL(MLP_RELU); break;                                                    \
    case MLP_LEAKY_RELU: CALL(MLP_LEAKY_RELU); break;                                        \
    case MLP_ELU: CALL(MLP_ELU); break;                                                      \
    case MLP_SELU: CALL(MLP_SELU); break;                                                    \
    case MLP_GELU: CALL(MLP_GELU); break;                                                    \
    case MLP_SILU: CALL(MLP_SILU); break;                                                    \
    case MLP_MISH: CALL(MLP_MISH); break;                                                    \
    case MLP_SOFTPLUS: CALL(MLP_SOFTPLUS); break;                                            \
    default: break;                                                                          \
  }

// n is a multiple of the lanes; z and a may be the same.
template <class T> static void activate(int function, const T* z, T* a, i64 n) {
#define MLP_CALL(F) apply<T, F>(z, a, n)
  MLP_EACH_ACTIVATION(MLP_CALL)
#undef MLP_CALL
}
template <class T>
static void pull_back_activation(int function, const T* z, const T* a, T* d, i64 n) {
#define MLP_CALL(F) pull_back<T, F>(z, a, d, n)
  MLP_EACH_ACTIVATION(MLP_CALL)
#undef MLP_CALL
}

}  // namespace mlp::MLP_ISA
