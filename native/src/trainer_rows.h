// `Trainer`: what is done for rows: gather, forward, losses, backward to D of every layer.
#pragma once

#include "trainer.h"

namespace mlp::MLP_ISA {

template <class T> void Trainer<T>::set_block(i64 at, i64 n, const int64_t* order) {
  n_block_ = n;
  block_start_ = at;
  block_order_ = order ? order + at : nullptr;
  // Rows in their own order are read where they lie; activations want whole registers. A single
  // column would pass for a row in products, which add up in another order along it.
  const bool direct = !block_order_ && !source_->indptr && source_->n_columns > 1 &&
                      setup_->config.ops[0].kind == MLP_DENSE;
  rows_gathered_ = !direct;
  x_ = direct ? static_cast<const T*>(source_->x) + at * source_->n_columns : gathered_;
  x_stride_ = direct ? source_->n_columns : gathered_stride_;
}

template <class T> void Trainer<T>::work_on_rows(int thread, int n_threads) {
  // Whole registers of rows, so that the losses of a register come from one thread.
  const i64 groups = (n_block_ + lanes<T> - 1) / lanes<T>;
  const i64 from = groups * thread / n_threads * lanes<T>;
  const i64 to = least(groups * (thread + 1) / n_threads * lanes<T>, n_block_);
  if (from >= to) return;
  if (rows_gathered_) gather(from, to);
  forward(from, to);
  find_losses(from, to, transposed_rows_ + thread * transposed_size_);
  if (mode_ == kTrain) backward(from, to);
}

template <class T> void Trainer<T>::gather(i64 from, i64 to) {
  const T* x = static_cast<const T*>(source_->x);
  const i64 n = source_->n_columns, whole = round_up(n, lanes<T>);
  const T* end = x + source_->n_stored * n;
  for (i64 r = from; r < to; ++r) {
    const i64 row = row_of(r);
    T* out = gathered_ + r * gathered_stride_;
    if (source_->indptr) {
      __builtin_memset(out, 0, static_cast<std::size_t>(n) * sizeof(T));
      for (i64 e = source_->indptr[row]; e < source_->indptr[row + 1]; ++e)
        out[source_->indices[e]] += x[e];
      continue;
    }
    // Rows in random order lie anywhere in memory; the next ones are on their way meanwhile.
    if (r + kRowsAhead < to) __builtin_prefetch(x + row_of(r + kRowsAhead) * n);
    const T* at = x + row * n;
    if (n > kShortRow || at + whole > end)
      __builtin_memcpy(out, at, static_cast<std::size_t>(n) * sizeof(T));
    else  // whole registers, which is quicker than a call; nobody reads beyond column n
      for (i64 k = 0; k < n; k += lanes<T>) store<T>(out + k, load(at + k));
  }
}

template <class T> void Trainer<T>::forward(i64 from, i64 to) {
  for (i64 o = 0; o < n_ops_; ++o) {
    const Op<T>& op = ops_[o];
    const T* input = op.input ? op.input : x_;
    const i64 in_stride = op.input ? op.input_stride : x_stride_;
    const i64 n = to - from;
    if (op.spec.kind == MLP_DENSE) {
      const DenseLayer<T>& layer = dense_[op.dense];
      for (i64 p = 0; p < layer.out.count; ++p) {
        const i64 width = layer.out.width(p);
        const T* panel = weights_ + layer.start + layer.out.offset(p, layer.fan_in + 1);
        const Product<T> product{input + from * in_stride, in_stride, 1, panel, width,
                                 op.value + from * op.stride + layer.out.start(p), op.stride,
                                 panel + layer.fan_in * width, false, n, layer.fan_in,
                                 layer.out.columns_of(p), is_relu(o + 1) ? kRelu : kPlain};
        multiply(product, width);
      }
    } else if (is_relu(o) && ops_[o - 1].spec.kind == MLP_DENSE) {
      continue;   // done where it was summed
    } else if (op.spec.kind == MLP_ACTIVATION) {
      activate<T>(op.spec.function, input + from * in_stride, op.value + from * op.stride,
                  n * op.stride);
    } else {
      drop(op, input, in_stride, from, to);
    }
  }
}

template <class T>
void Trainer<T>::drop(const Op<T>& op, const T* input, i64 in_stride, i64 from, i64 to) {
  const i64 width = op.spec.fan_out;
  const std::uint64_t key = dropout_key(setup_->config.dropout_seed, dropout_step_,
                                        static_cast<std::uint64_t>(op.spec.layer));
  for (i64 r = from; r < to; ++r) {
    const T* x = input + r * in_stride;
    T* out = op.value + r * op.stride;
    if (mode_ != kTrain) {
      __builtin_memcpy(out, x, static_cast<std::size_t>(width) * sizeof(T));
      continue;
    }
    const auto index = static_cast<std::uint64_t>((first_in_batch_ + r) * width);
    drop_row<T>(x, out, op.scale + r * op.stride, width, key, index, op.spec.threshold,
                static_cast<T>(op.spec.factor));
  }
}

template <class T> void Trainer<T>::find_losses(i64 from, i64 to, T* transposed) {
  const i64 size = n_outputs_ * lanes<T>;
  const Op<T>& last = ops_[n_ops_ - 1];
  const T* target = static_cast<const T*>(source_->target);
  const T* target_end = target + source_->n_stored * n_outputs_;
  const T* weight = static_cast<const T*>(source_->weight);
  T *z = transposed, *y = z + size, *d = y + size;
  const int32_t score = setup_->config.score;
  for (i64 r = from; r < to; r += lanes<T>) {
    const i64 n = least(lanes<T>, to - r);
    const T *raws[lanes<T>], *targets[lanes<T>];
    for (i64 i = 0; i < lanes<T>; ++i) {
      // Lanes beyond the rows repeat the last row and weigh nothing.
      const i64 row = row_of(r + least(i, n - 1));
      raws[i] = last.value + (r + least(i, n - 1)) * last.stride;
      targets[i] = target + row * n_outputs_;
      row_weight_[r + i] = i >= n ? T(0) : weight ? weight[row] : T(1);
    }
    transposed_rows(raws, nullptr, z);
    transposed_rows(targets, target_end, y);
    const Vec<T> s = load(row_weight_ + r), loss = row_losses<T>(loss_, z, y, d);
    store<T>(row_loss_ + r, loss * s);
    for (i64 i = n; i < lanes<T>; ++i) row_loss_[r + i] = T(0);   // nor does their infinity
    if (mode_ == kTrain) {
      if (weight)
        for (i64 k = 0; k < n_outputs_; ++k)
          store<T>(d + k * lanes<T>, load(d + k * lanes<T>) * s);
      spread_gradient(d, r, n);
    } else if (score == MLP_ACCURACY_EXCLUSIVE || score == MLP_ACCURACY_LABELS) {
      for (i64 i = 0; i < n; ++i) row_right_[r + i] = is_right(z + i, y + i);
    }
  }
}

template <class T>
void Trainer<T>::transposed_rows(const T* const (&rows)[lanes<T>], const T* end, T* out) const {
  if (fills_half()) {
    bool whole = true;
    for (i64 i = 0; end && i < lanes<T>; ++i) whole = whole && rows[i] + kHalf <= end;
    for (i64 from = 0; whole && from < lanes<T>; from += kHalf) {
      Half<T> square[kHalf];
      for (i64 i = 0; i < kHalf; ++i) square[i] = load_as<Half<T>>(rows[from + i]);
      transpose(square);
      for (i64 k = 0; k < n_outputs_; ++k) store_as(out + k * lanes<T> + from, square[k]);
    }
    if (whole) return;
  }
  for (i64 k = 0; k < n_outputs_; k += lanes<T>) {
    bool whole = n_outputs_ >= kWorthSquares;
    for (i64 i = 0; end && i < lanes<T>; ++i) whole = whole && rows[i] + k + lanes<T> <= end;
    const i64 stop = least(k + lanes<T>, n_outputs_);
    if (whole) {
      Vec<T> square[lanes<T>];
      for (i64 i = 0; i < lanes<T>; ++i) square[i] = load(rows[i] + k);
      transpose(square);
      for (i64 i = 0; k + i < stop; ++i) store<T>(out + (k + i) * lanes<T>, square[i]);
    } else {
      for (i64 i = k; i < stop; ++i) store<T>(out + i * lanes<T>, from_places<T>(rows, i));
    }
  }
}

template <class T> void Trainer<T>::spread_gradient(const T* d, i64 r, i64 n) {
  const DenseLayer<T>& layer = dense_[n_dense_ - 1];
  if (fills_half()) {
    for (i64 from = 0; from < n; from += kHalf) {
      Half<T> square[kHalf];
      for (i64 j = 0; j < kHalf; ++j)
        square[j] = j < n_outputs_ ? load_as<Half<T>>(d + j * lanes<T> + from) : Half<T>{};
      transpose(square);
      for (i64 i = 0; i < least<i64>(kHalf, n - from); ++i)
        store_as(layer.d + (r + from + i) * layer.stride, square[i]);
    }
    return;
  }
  for (i64 k = 0; k < n_outputs_; k += lanes<T>) {
    const i64 stop = least(lanes<T>, n_outputs_ - k);
    if (n_outputs_ < kWorthSquares) {
      for (i64 i = 0; i < n; ++i)
        for (i64 j = 0; j < stop; ++j)
          layer.d[(r + i) * layer.stride + k + j] = d[(k + j) * lanes<T> + i];
      continue;
    }
    Vec<T> square[lanes<T>];
    for (i64 j = 0; j < lanes<T>; ++j)
      square[j] = j < stop ? load(d + (k + j) * lanes<T>) : Vec<T>{};
    transpose(square);
    for (i64 i = 0; i < n; ++i) store<T>(layer.d + (r + i) * layer.stride + k, square[i]);
  }
}

template <class T> bool Trainer<T>::is_right(const T* z, const T* y) const {
  if (setup_->config.score == MLP_ACCURACY_LABELS) {
    for (i64 k = 0; k < n_outputs_; ++k)
      if ((z[k * lanes<T>] > T(0) ? T(1) : T(0)) != y[k * lanes<T>]) return false;
    return true;
  }
  for (i64 g = 0; g < loss_.n_groups; ++g) {
    const i64 n = loss_.groups[g];
    i64 chosen = 0;
    for (i64 k = 1; k < n; ++k)
      if (z[k * lanes<T>] > z[chosen * lanes<T>]) chosen = k;
    for (i64 k = 0; k < n; ++k)
      if (y[k * lanes<T>] != (k == chosen ? T(1) : T(0))) return false;
    z += n * lanes<T>;
    y += n * lanes<T>;
  }
  return true;
}

template <class T> void Trainer<T>::backward(i64 from, i64 to) {
  const i64 n = to - from;
  for (i64 o = n_ops_ - 1; o >= 0; --o) {
    const Op<T>& op = ops_[o];
    if (op.dense < 0) return;
    const DenseLayer<T>& layer = dense_[op.dense];
    T* d = layer.d + from * layer.stride;
    if (op.spec.kind == MLP_DENSE) {
      if (op.dense == 0) return;
      const DenseLayer<T>& before = dense_[op.dense - 1];
      const bool gates = is_relu(o - 1);
      for (i64 q = 0; q < layer.in.count; ++q) {
        const i64 width = layer.in.width(q), place = from * before.stride + layer.in.start(q);
        const Product<T> product{d, layer.stride, 1,
                                 layer.transposed + layer.in.offset(q, layer.fan_out), width,
                                 before.d + place, before.stride, nullptr, false, n,
                                 layer.fan_out, layer.in.columns_of(q), gates ? kGate : kPlain,
                                 gates ? ops_[o - 1].value + place : nullptr};
        multiply(product, width);
      }
    } else if (is_relu(o) && o + 1 < n_ops_ && ops_[o + 1].spec.kind == MLP_DENSE) {
      continue;   // done where it was summed
    } else if (op.spec.kind == MLP_ACTIVATION) {
      const T* z = op.input ? op.input : x_;
      pull_back_activation<T>(op.spec.function, z + from * layer.stride,
                              op.value + from * layer.stride, d, n * layer.stride);
    } else {
      const T* scale = op.scale + from * layer.stride;
      for (i64 i = 0; i < n * layer.stride; i += lanes<T>)
        store<T>(d + i, load(d + i) * load(scale + i));
    }
  }
}

}  // namespace mlp::MLP_ISA
