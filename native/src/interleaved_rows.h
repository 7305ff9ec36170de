// `Interleaved`: what is done for rows, of training and of validation.
#pragma once

#include "interleaved.h"

namespace mlp::MLP_ISA {

template <class T> void Interleaved<T>::work_on_rows(i64 n, i64 place, Vec<T>* sums) {
  for (i64 from = 0; from < n; from += kStripRows) {
    const i64 to = least(from + kStripRows, n);
    for (i64 r = from; r < to; ++r) gather(r, x_of_, n_columns_, x_ + r * x_stride_ * L);
    forward(from, to);
    find_losses(from, to, place, sums);
    if (mode_ == kTrain) backward(from, to);
  }
}

template <class T>
void Interleaved<T>::find_losses(i64 from, i64 to, i64 place, Vec<T>* sums) {
  const LaneOp& last = ops_[shape_->n_ops_ - 1];
  T* d = layers_[shape_->n_dense_ - 1].d;
  for (i64 r = from; r < to; ++r) {
    const T* z = last.value + r * last.stride * L;
    gather(r, y_of_, n_outputs_, y_);
    sums[(place + r) % L] += row_losses<T>(shape_->loss_, z, y_, d + r * last.stride * L);
    if (mode_ == kLook) look_at_row(z);
  }
}

template <class T> void Interleaved<T>::find_sources() {
  for (i64 i = 0; i < L; ++i) {
    const Network& network = at(i);
    const mlp_rows& rows =
        mode_ == kTrain ? network.setup_->rows : network.setup_->validation;
    x_of_[i] = {static_cast<const T*>(rows.x), n_columns_, rows.n_stored};
    y_of_[i] = {static_cast<const T*>(rows.target), n_outputs_, rows.n_stored};
    order_of_[i] = mode_ == kTrain ? network.progress_.order() : nullptr;
  }
}

template <class T>
void Interleaved<T>::gather(i64 r, const Source* sources, i64 n, T* out) const {
  const T* rows[L];
  bool whole = n >= kWorthSquares;
  const i64 width = round_up(n, L);
  for (i64 i = 0; i < L; ++i) {
    const i64 row = order_of_[i] ? order_of_[i][start_ + r] : start_ + r;
    rows[i] = sources[i].base + row * n;
    whole = whole && rows[i] + width <= sources[i].end;
  }
  if (whole && n <= Network::kHalf) {
    for (i64 part = 0; part < L; part += Network::kHalf) {
      Half<T> square[Network::kHalf];
      for (i64 i = 0; i < Network::kHalf; ++i) square[i] = load_as<Half<T>>(rows[part + i]);
      transpose(square);
      for (i64 k = 0; k < n; ++k) store_as(out + k * L + part, square[k]);
    }
    return;
  }
  for (i64 k = 0; k < n; k += L) {
    const i64 stop = least(k + L, n);
    if (whole) {
      Vec<T> square[L];
      for (i64 i = 0; i < L; ++i) square[i] = load(rows[i] + k);
      transpose(square);
      for (i64 i = 0; k + i < stop; ++i) store<T>(out + (k + i) * L, square[i]);
    } else {
      for (i64 i = k; i < stop; ++i) store<T>(out + i * L, from_places<T>(rows, i));
    }
  }
}

template <class T> bool Interleaved<T>::is_relu(i64 o) const {
  return o > 0 && o < shape_->n_ops_ && ops_[o].spec.kind == MLP_ACTIVATION &&
         ops_[o].spec.function == MLP_RELU;
}

template <class T> void Interleaved<T>::forward(i64 from, i64 to) {
  const i64 n = to - from;
  for (i64 o = 0; o < shape_->n_ops_; ++o) {
    const LaneOp& op = ops_[o];
    const i64 in_stride = lane_stride(op.spec.fan_in);
    const T* input = (op.input ? op.input : x_) + from * in_stride * L;
    T* value = op.value + from * op.stride * L;
    if (op.spec.kind == MLP_DENSE) {
      const LaneLayer& layer = layers_[op.dense];
      const T* w = weights_ + layer.start * L;
      multiply_lanes<T>({input, in_stride, 1, w, layer.out_stride, 1, value, op.stride,
                         w + layer.fan_in * layer.out_stride * L, n, layer.fan_out,
                         layer.fan_in, is_relu(o + 1) ? kRelu : kPlain});
    } else if (is_relu(o) && ops_[o - 1].spec.kind == MLP_DENSE) {
      continue;   // done where it was summed
    } else if (op.spec.kind == MLP_ACTIVATION) {
      activate<T>(op.spec.function, input, value, n * op.stride * L);
    } else if (mode_ == kTrain) {
      drop(o, from, to);
    } else {
      __builtin_memcpy(value, input, static_cast<std::size_t>(n * op.stride * L) * sizeof(T));
    }
  }
}

template <class T> void Interleaved<T>::drop(i64 o, i64 from, i64 to) {
  const LaneOp& op = ops_[o];
  const T* input = op.input ? op.input : x_;
  std::uint64_t keys[L], thresholds[L];
  T factors[L];
  for (i64 i = 0; i < L; ++i) {
    const Network& network = at(i);
    const mlp_op& spec = network.ops_[o].spec;
    keys[i] = dropout_key(network.setup_->config.dropout_seed,
                          static_cast<std::uint64_t>(network.progress_.state.step + 1),
                          static_cast<std::uint64_t>(spec.layer));
    thresholds[i] = spec.threshold;
    factors[i] = static_cast<T>(spec.factor);
  }
  const i64 width = op.spec.fan_out;
  for (i64 r = from; r < to; ++r)
    for (i64 j = 0; j < width; ++j) {
      T* scale = op.scale + (r * op.stride + j) * L;
      const auto index = static_cast<std::uint64_t>(r * width + j);
      for (i64 i = 0; i < L; ++i)
        scale[i] = (mix(index ^ keys[i]) >> 11) >= thresholds[i] ? factors[i] : T(0);
    }
  for (i64 i = from * op.stride * L; i < to * op.stride * L; i += L)
    store<T>(op.value + i, load(input + i) * load(op.scale + i));
}

template <class T> void Interleaved<T>::backward(i64 from, i64 to) {
  const i64 n = to - from;
  for (i64 o = shape_->n_ops_ - 1; o >= 0; --o) {
    const LaneOp& op = ops_[o];
    if (op.dense < 0) return;
    const LaneLayer& layer = layers_[op.dense];
    const i64 start = from * layer.out_stride * L, size = n * layer.out_stride * L;
    T* d = layer.d + start;
    if (op.spec.kind == MLP_DENSE) {
      if (op.dense == 0) return;
      const LaneLayer& before = layers_[op.dense - 1];
      const bool gates = is_relu(o - 1);
      const i64 place = from * before.out_stride * L;
      multiply_lanes<T>({d, layer.out_stride, 1, weights_ + layer.start * L, 1,
                         layer.out_stride, before.d + place, before.out_stride, nullptr, n,
                         layer.fan_in, layer.fan_out, gates ? kGate : kPlain,
                         gates ? ops_[o - 1].value + place : nullptr});
    } else if (is_relu(o) && o + 1 < shape_->n_ops_ && ops_[o + 1].spec.kind == MLP_DENSE) {
      continue;   // done where it was summed
    } else if (op.spec.kind == MLP_ACTIVATION) {
      pull_back_activation<T>(op.spec.function, (op.input ? op.input : x_) + start,
                              op.value + start, d, size);
    } else {
      for (i64 i = 0; i < size; i += L)
        store<T>(d + i, load(d + i) * load(op.scale + start + i));
    }
  }
}

template <class T> void Interleaved<T>::look() {
  mode_ = kLook;
  find_sources();
  const i64 n_rows = setup().validation.n_rows;
  // Sums are taken block by block of `Trainer`.
  for (i64 at_row = 0; at_row < n_rows; at_row += shape_->capacity_) {
    const i64 n_block = least(shape_->capacity_, n_rows - at_row);
    Vec<T> sums[L] = {};
    for (i64 done = 0; done < n_block; done += capacity_) {
      start_ = at_row + done;
      work_on_rows(least(capacity_, n_block - done), done, sums);
    }
    double losses[L] = {};
    add_losses(sums, losses);
    for_active([&](Network& network, i64 i) { network.progress_.look.loss += losses[i]; });
  }
}

template <class T> void Interleaved<T>::look_at_row(const T* z) {
  const int32_t score = setup().config.score;
  for_active([&](Network& network, i64 i) {
    const bool right = (score == MLP_ACCURACY_EXCLUSIVE || score == MLP_ACCURACY_LABELS) &&
                       network.is_right(z + i, y_ + i);
    network.progress_.look.add(score, z + i, y_ + i, L, L, n_outputs_, 1.0, right);
  });
}

}  // namespace mlp::MLP_ISA
