// Links, from raw predictions to predictions, as in `mlplab/nn/links.py`.
//
// Rows lie one after another without padding. What acts on each number by itself goes over all
// of them, a register at a time; maxima and sums of softmax go row by row. Very small numbers
// are kept, unlike in training: somebody may take their logarithm.
#pragma once

#include "elementary.h"

namespace mlp::MLP_ISA {

// out[i] = f(x[i]); the last numbers, which fill no register, go through a padded one.
template <class T, class F> static void each(const T* x, T* out, i64 n, F f) {
  i64 i = 0;
  for (; i + lanes<T> <= n; i += lanes<T>) store<T>(out + i, f(load(x + i)));
  if (i == n) return;
  T last[lanes<T>] = {};
  for (i64 j = i; j < n; ++j) last[j - i] = x[j];
  store<T>(last, f(load(last)));
  for (i64 j = i; j < n; ++j) out[j] = last[j - i];
}

// e^(z - max) / Σ e^(z - max) over each group of columns.
template <class T>
static void softmax(T* z, i64 n_rows, i64 n_outputs, const int64_t* groups, i64 n_groups) {
  T* start = z;
  for (i64 r = 0; r < n_rows; ++r)
    for (i64 g = 0; g < n_groups; z += groups[g++]) {
      T top = z[0];
      for (i64 k = 1; k < groups[g]; ++k) top = z[k] > top ? z[k] : top;
      for (i64 k = 0; k < groups[g]; ++k) z[k] -= top;
    }
  each(start, start, n_rows * n_outputs, [](Vec<T> v) { return exp_of<T>(v); });
  z = start;
  for (i64 r = 0; r < n_rows; ++r)
    for (i64 g = 0; g < n_groups; z += groups[g++]) {
      T sums[4] = {};  // four chains lose less to rounding than one
      for (i64 k = 0; k < groups[g]; ++k) sums[k % 4] += z[k];
      const T sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
      for (i64 k = 0; k < groups[g]; ++k) z[k] /= sum;
    }
}

template <class T> static void apply_link(const mlp_predictor& plan, T* z, i64 n_rows) {
  const i64 n_outputs = plan.ops[plan.n_ops - 1].fan_out, n = n_rows * n_outputs;
  switch (plan.link) {
    case MLP_LINK_LOGISTIC:
      return each(z, z, n, [](Vec<T> v) {
        const Vec<T> decay = exp_of<T>(-magnitude<T>(v));
        return select<T>(v < T(0), decay, all<T>(T(1))) / (decay + T(1));
      });
    case MLP_LINK_SOFTMAX: return softmax(z, n_rows, n_outputs, plan.groups, plan.n_groups);
    case MLP_LINK_EXP: return each(z, z, n, [](Vec<T> v) { return exp_of<T>(v); });
    default: return;
  }
}

}  // namespace mlp::MLP_ISA
