// `Trainer`: what is done for units of parameters: gradient, finish, measure, update.
#pragma once

#include "trainer.h"

namespace mlp::MLP_ISA {

template <class T> void Trainer<T>::share_out_units() {
  for (int thread = 0; thread < setup_->n_threads; ++thread)
    shares_[thread].next = n_units_ * thread / setup_->n_threads;
}

// Calls f with units that nobody has had yet: first those of the thread's own share, whose
// parameters and slots are in its cache from the step before, then those of slower threads.
template <class T> template <class F>
void Trainer<T>::for_units(int thread, int n_threads, F f) {
  for (int k = 0; k < n_threads; ++k) {
    const int owner = (thread + k) % n_threads;
    const i64 end = n_units_ * (owner + 1) / n_threads;
    for (;;) {
      const i64 u = __atomic_fetch_add(&shares_[owner].next, 1, __ATOMIC_RELAXED);
      if (u >= end) break;
      f(u);
    }
  }
}

template <class T> void Trainer<T>::work_on_units(int thread, int n_threads) {
  // A gradient that is used up at once stays in a small place of the thread's own: that of a
  // large network would go to main memory and come back.
  const bool passes = first_block_ && last_block_ && moves_at_once();
  for_units(thread, n_threads, [&](i64 u) {
    const Unit& unit = units_[u];
    // Products of half a register leave the other half as it is, so they have another place.
    const bool half = 2 * dense_[unit.dense].out.columns_of(unit.panel) <= lanes<T>;
    T* g = passes ? passing_gradient_ + (2 * thread + half) * kUnitSize
                  : gradient_ + weights_of(unit).start;
    find_gradient(unit, g);
    if (last_block_) finish(unit, g, unit_measures_[u]);
  });
}

template <class T> void Trainer<T>::find_gradient(const Unit& unit, T* out) {
  const DenseLayer<T>& layer = dense_[unit.dense];
  const i64 width = layer.out.width(unit.panel);
  const T* d = layer.d + layer.out.start(unit.panel);
  const T* x = layer.input ? layer.input : x_;
  const i64 x_stride = layer.input ? layer.input_stride : x_stride_;
  const i64 end = least(unit.end, layer.fan_in);
  const Product<T> product{x + unit.row, 1, x_stride, d, layer.stride, out, width, nullptr,
                           !first_block_, end - unit.row, n_block_,
                           layer.out.columns_of(unit.panel)};
  multiply(product, width);
  if (unit.end <= layer.fan_in) return;
  T* bias = out + (end - unit.row) * width;
  for (i64 j = 0; j < width; j += lanes<T>) {
    Vec<T> sums[4] = {first_block_ ? Vec<T>{} : load(bias + j)};
    i64 r = 0;
    for (; r + 4 <= n_block_; r += 4)
      for (i64 i = 0; i < 4; ++i) sums[i] += load(d + (r + i) * layer.stride + j);
    for (; r < n_block_; ++r) sums[0] += load(d + r * layer.stride + j);
    store<T>(bias + j, (sums[0] + sums[1]) + (sums[2] + sums[3]));
  }
}

template <class T> void Trainer<T>::finish(const Unit& unit, T* g, Measures& measures) {
  measures = Measures{};
  for (int penalised = 1; penalised >= 0; --penalised) {
    const Range range = penalised ? weights_of(unit) : bias_of(unit);
    T* w = weights_ + range.start;
    if (moves_at_once())
      move_[penalised](constants_, g, w, within(first_, range), within(second_, range), range.n,
                       measures);
    else if (penalised)
      finish_only<T, true>(constants_, g, w, range.n, measures);
    else
      finish_only<T, false>(constants_, g, w, range.n, measures);
    g += range.n;
  }
  if (moves_at_once()) refresh(unit);
}

template <class T> void Trainer<T>::refresh(const Unit& unit) {
  const DenseLayer<T>& layer = dense_[unit.dense];
  if (layer.transposed) transpose_part(layer, weights_, unit.panel, unit.row, unit.end);
}

template <class T> void Trainer<T>::refresh_all() {
  for (i64 l = 0; l < n_dense_; ++l)
    for (i64 p = 0; dense_[l].transposed && p < dense_[l].out.count; ++p)
      transpose_part(dense_[l], weights_, p, 0, dense_[l].fan_in);
}

template <class T> Measures Trainer<T>::measured() const {
  Measures total;
  for (i64 u = 0; u < n_units_; ++u) {
    total.squares += unit_measures_[u].squares;
    total.clipped_squares += unit_measures_[u].clipped_squares;
    total.weight_squares += unit_measures_[u].weight_squares;
    total.weight_sizes += unit_measures_[u].weight_sizes;
  }
  return total;
}

template <class T> void Trainer<T>::move_within_norm(const Measures& found) {
  shrink_ = static_cast<T>(progress_.shrink_of(found));
  share_out_units();
  in_parallel(&Trainer::work_on_moves);
}

template <class T> void Trainer<T>::work_on_moves(int thread, int n_threads) {
  for_units(thread, n_threads, [&](i64 u) {
    for (int penalised = 0; penalised < 2; ++penalised) {
      const Range range = penalised ? weights_of(units_[u]) : bias_of(units_[u]);
      move_only_[penalised](constants_, shrink_, gradient_ + range.start,
                            weights_ + range.start, within(first_, range),
                            within(second_, range), range.n);
    }
    refresh(units_[u]);
  });
}

}  // namespace mlp::MLP_ISA
