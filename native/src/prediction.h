// Predictions: the way forward, without anything that training needs.
//
// Weights stay where they lie, in the arrays of the caller. A few rows go one by one straight
// through them; for many rows they are first copied into panels (`network.h`), which takes as
// long as a few rows do. Each number is one chain of multiply-adds from the bias over the inputs
// in their order, whichever way it goes, so the bits of a row do not depend on how many rows
// are predicted with it.
#pragma once

#include "activations.h"
#include "links.h"
#include "network.h"

namespace mlp::MLP_ISA {

// Registers of outputs that a row goes through at once.
constexpr int kRowRegisters = 4;

// Numbers of all panels.
template <class T> static i64 panels_size(const mlp_predictor& plan) {
  i64 size = 0;
  for (i64 o = 0; o < plan.n_ops; ++o)
    if (plan.ops[o].kind == MLP_DENSE)
      size += Panels<T>(plan.ops[o].fan_out).size(plan.ops[o].fan_in + 1);
  return size;
}

// Row i of a matrix with n columns into row i of the panels of a layer, zeros beyond the columns.
template <class T>
static void copy_row(const T* row, i64 n, const Panels<T>& layout, i64 fan_in, i64 i, T* panels) {
  for (i64 p = 0; p < layout.count; ++p) {
    const i64 width = layout.width(p), first = layout.start(p), columns = least(width, n - first);
    T* out = panels + layout.offset(p, fan_in + 1) + i * width;
    __builtin_memcpy(out, row + first, static_cast<std::size_t>(columns) * sizeof(T));
    for (i64 j = columns; j < width; ++j) out[j] = 0;
  }
}

template <class T> static void fill_panels(const mlp_predictor& plan, T* panels) {
  const void* const* arrays = plan.arrays;
  for (i64 o = 0; o < plan.n_ops; ++o) {
    const mlp_op& op = plan.ops[o];
    if (op.kind != MLP_DENSE) continue;
    const T* weight = static_cast<const T*>(*arrays++);
    const T* bias = static_cast<const T*>(*arrays++);
    const Panels<T> layout(op.fan_out);
    for (i64 i = 0; i < op.fan_in; ++i)
      copy_row(weight + i * op.fan_out, op.fan_out, layout, op.fan_in, i, panels);
    copy_row(bias, op.fan_out, layout, op.fan_in, op.fan_in, panels);
    panels += layout.size(op.fan_in + 1);
  }
}

// Sparse rows are spread out; and activations change whole registers in place, so where they come
// first they want rows of ours.
static inline bool gathers(const mlp_predictor& plan, const mlp_rows& rows) {
  return rows.indptr || plan.ops[0].kind != MLP_DENSE;
}

// Numbers of the two buffers between which values of `n` rows go back and forth.
template <class T> static i64 widest_stride(const mlp_predictor& plan, const mlp_rows& rows) {
  i64 widest = gathers(plan, rows) ? stride_of<T>(rows.n_columns) : 0;
  for (i64 o = 0; o < plan.n_ops; ++o) widest = most(widest, stride_of<T>(plan.ops[o].fan_out));
  return widest;
}
template <class T>
static i64 scratch_size(const mlp_predictor& plan, const mlp_rows& rows, i64 n) {
  return 2 * n * widest_stride<T>(plan, rows);
}

// The n < lanes numbers at p.
template <class T> static inline Vec<T> load_part(const T* p, i64 n) {
  T part[lanes<T>] = {};
  for (i64 i = 0; i < n; ++i) part[i] = p[i];
  return load(part);
}

// N registers of outputs of one row, beginning at column j. The last register of a row of weights
// may reach into the next row, never beyond the array; lanes beyond the outputs mean nothing.
template <class T, int N>
static void multiply_columns(const T* x, const mlp_op& op, const T* weight, const T* bias, i64 j,
                             T* out) {
  constexpr i64 last = (N - 1) * lanes<T>;
  const i64 n_last = least(op.fan_out - j - last, lanes<T>);
  Vec<T> sums[N];
#pragma GCC unroll 4
  for (int v = 0; v < N - 1; ++v) sums[v] = load(bias + j + v * lanes<T>);
  sums[N - 1] = load_part(bias + j + last, n_last);
  const T* row = weight + j;
  const auto add = [&](T value, Vec<T> last_weights) {
    const Vec<T> factor = all<T>(value);
#pragma GCC unroll 4
    for (int v = 0; v < N - 1; ++v) sums[v] += factor * load(row + v * lanes<T>);
    sums[N - 1] += factor * last_weights;
    row += op.fan_out;
  };
  const i64 behind = op.fan_in * op.fan_out - (j + last + lanes<T>);
  const i64 n_whole = behind < 0 ? 0 : least(op.fan_in, behind / op.fan_out + 1);
  i64 i = 0;
  for (; i < n_whole; ++i) add(x[i], load(row + last));
  for (; i < op.fan_in; ++i) add(x[i], load_part(row + last, n_last));
#pragma GCC unroll 4
  for (int v = 0; v < N; ++v) store<T>(out + j + v * lanes<T>, sums[v]);
}

template <class T>
static void multiply_row(const T* x, const mlp_op& op, const T* weight, const T* bias, T* out) {
  for (i64 j = 0; j < op.fan_out; j += kRowRegisters * lanes<T>) {
    switch ((op.fan_out - j + lanes<T> - 1) / lanes<T>) {
      case 1: multiply_columns<T, 1>(x, op, weight, bias, j, out); break;
      case 2: multiply_columns<T, 2>(x, op, weight, bias, j, out); break;
      case 3: multiply_columns<T, 3>(x, op, weight, bias, j, out); break;
      default: multiply_columns<T, kRowRegisters>(x, op, weight, bias, j, out); break;
    }
  }
}

template <class T>
static void multiply_panels(const T* x, i64 stride, i64 n_rows, const mlp_op& op, const T* panels,
                            T* out, i64 out_stride) {
  const Panels<T> layout(op.fan_out);
  for (i64 p = 0; p < layout.count; ++p) {
    const i64 width = layout.width(p);
    const T* panel = panels + layout.offset(p, op.fan_in + 1);
    const Product<T> product{x, stride, 1, panel, width, out + layout.start(p), out_stride,
                             panel + op.fan_in * width, false, n_rows, op.fan_in,
                             layout.columns_of(p)};
    multiply(product, width);
  }
}

// Values of rows on their way through the layers. Two buffers are enough: a layer reads one and
// writes the other, or changes one in place.
template <class T> struct Values {
  const T* x;
  i64 stride, n_rows;
  T *here, *there;
};

template <class T>
static void go_through(const mlp_predictor& plan, const T* panels, Values<T>& values) {
  const void* const* arrays = plan.arrays;
  for (i64 o = 0; o < plan.n_ops; ++o) {
    const mlp_op& op = plan.ops[o];
    if (op.kind == MLP_ACTIVATION)
      activate<T>(op.function, values.here, values.here, values.n_rows * values.stride);
    if (op.kind != MLP_DENSE) continue;
    const T* weight = static_cast<const T*>(*arrays++);
    const T* bias = static_cast<const T*>(*arrays++);
    const i64 stride = panels ? stride_of<T>(op.fan_out) : Panels<T>(op.fan_out).padded();
    if (panels) {
      multiply_panels(values.x, values.stride, values.n_rows, op, panels, values.there, stride);
      panels += Panels<T>(op.fan_out).size(op.fan_in + 1);
    } else {
      multiply_row(values.x, op, weight, bias, values.there);
    }
    values.x = values.there;
    values.there = values.here;
    values.here = const_cast<T*>(values.x);
    values.stride = stride;
  }
}

template <class T> static void gather(const mlp_rows& rows, i64 from, i64 n, T* out, i64 stride) {
  const T* x = static_cast<const T*>(rows.x);
  for (i64 r = from; r < from + n; ++r, out += stride) {
    __builtin_memset(out, 0, static_cast<std::size_t>(stride) * sizeof(T));
    if (!rows.indptr) {
      __builtin_memcpy(out, x + r * rows.n_columns,
                       static_cast<std::size_t>(rows.n_columns) * sizeof(T));
      continue;
    }
    for (i64 e = rows.indptr[r]; e < rows.indptr[r + 1]; ++e) out[rows.indices[e]] += x[e];
  }
}

// Raw predictions of n rows. With panels they go through together, without them n is 1.
template <class T>
static void predict_rows(const mlp_predictor& plan, const T* panels, const mlp_rows& rows, i64 from,
                         i64 n, T* scratch, T* out) {
  const i64 n_columns = rows.n_columns, n_outputs = plan.ops[plan.n_ops - 1].fan_out;
  Values<T> values{static_cast<const T*>(rows.x) + from * n_columns, n_columns, n, scratch,
                   scratch + n * widest_stride<T>(plan, rows)};
  if (gathers(plan, rows)) {
    values.stride = stride_of<T>(n_columns);
    gather(rows, from, n, values.here, values.stride);
    values.x = values.here;
  }
  go_through(plan, panels, values);
  for (i64 r = 0; r < n; ++r)
    __builtin_memcpy(out + r * n_outputs, values.x + r * values.stride,
                     static_cast<std::size_t>(n_outputs) * sizeof(T));
}

// Infinite and missing numbers are the only ones that do not vanish when taken from themselves.
template <class T> static bool all_finite(const T* x, i64 n) {
  Vec<T> zero = {};
  i64 i = 0;
  for (; i + lanes<T> <= n; i += lanes<T>) {
    const Vec<T> v = load(x + i);
    zero += v - v;
  }
  T rest = 0;
  for (; i < n; ++i) rest += x[i] - x[i];
  return sum_of<T>(zero) == 0 && rest == 0;
}

}  // namespace mlp::MLP_ISA
