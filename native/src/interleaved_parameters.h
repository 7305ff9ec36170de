// `Interleaved`: what is done for parameters: gradient, finish, measure, update.
#pragma once

#include "interleaved.h"

namespace mlp::MLP_ISA {

template <class T> void Interleaved<T>::work_on_parameters(i64 n, LaneMeasures& found) {
  for (i64 l = 0; l < shape_->n_dense_; ++l) find_gradient(layers_[l], n);
  for (i64 t = 0; t < n_dealt_out_; ++t) find_dealt_out_gradient(dealt_out_[t], n);
  for (i64 u = 0; u < shape_->n_units_; ++u) {
    LaneMeasures unit{};
    for (int penalised = 1; penalised >= 0; --penalised)
      over_unit(shape_->units_[u], penalised, finish_[penalised], &unit);
    add(unit, found);
  }
  if (!limits_) return;
  for (i64 i = 0; i < n_networks_; ++i)
    shrink_[i] = static_cast<T>(at(i).progress_.shrink_of(of_lane(found, active_[i] ? i : leader_)));
  for (i64 u = 0; u < shape_->n_units_; ++u)
    for (int penalised = 1; penalised >= 0; --penalised)
      over_unit(shape_->units_[u], penalised, move_[penalised], nullptr);
}

template <class T> void Interleaved<T>::find_gradient(const LaneLayer& layer, i64 n) {
  T* out = gradient_ + layer.start * L;
  const T* x = layer.input ? layer.input : x_;
  multiply_lanes<T>({x, 1, layer.in_stride, layer.d, layer.out_stride, 1, out,
                     layer.out_stride, nullptr, layer.fan_in, layer.fan_out, n});
  T* bias = out + layer.fan_in * layer.out_stride * L;
  const i64 stride = layer.out_stride * L;
  for (i64 j = 0; j < layer.fan_out; ++j) {
    const T* d = layer.d + j * L;
    Vec<T> sums[4] = {};
    i64 r = 0;
    for (; r + 4 <= n; r += 4)
      for (i64 i = 0; i < 4; ++i) sums[i] += load(d + (r + i) * stride);
    for (; r < n; ++r) sums[0] += load(d + r * stride);
    store<T>(bias + j * L, (sums[0] + sums[1]) + (sums[2] + sums[3]));
  }
}

template <class T>
void Interleaved<T>::find_dealt_out_gradient(const DealtOut& part, i64 n) {
  const LaneLayer& layer = layers_[part.dense];
  const T* x = (layer.input ? layer.input : x_) + part.row * L;
  T* out = gradient_ + (layer.start + part.row * layer.out_stride + part.column) * L;
  multiply_lanes<T>({x, 1, layer.in_stride, layer.d + part.column * L, layer.out_stride, 1, out,
                     layer.out_stride, nullptr, part.rows, part.columns, n},
                    part.sets);
}

template <class T>
void Interleaved<T>::over_unit(const Unit& unit, int penalised, Pass pass, LaneMeasures* found) {
  const LaneLayer& layer = layers_[unit.dense];
  const DenseLayer<T>& of = shape_->dense_[unit.dense];
  const i64 first = of.out.start(unit.panel);
  const i64 columns = least(of.out.width(unit.panel), of.fan_out - first);
  const i64 from = penalised ? unit.row : layer.fan_in;
  const i64 to = penalised ? least(unit.end, layer.fan_in) : unit.end;
  if (from >= to) return;
  Sums<T> sums[2 * L];
  (this->*pass)(layer, from, to, first, columns, sums);
  if (!found) return;
  // As `measured_range` and `sum_of`: the two sets, then one half of a register to the other.
  const i64 used = least(columns, L);  // the rest is zero
  for (i64 j = 0; j < used; ++j) sums[j] = sums[j] + sums[j + L];
  const bool rare = shape_->rare_ || limits_;
  const auto add_lanes_of = [&](Vec<T> Sums<T>::*part, double* total) {
    Vec<T> parts[L] = {};
    for (i64 j = 0; j < used; ++j) parts[j] = sums[j].*part;
    add_sums(parts, total);
  };
  add_lanes_of(&Sums<T>::squares, found->squares);
  if (penalised) add_lanes_of(&Sums<T>::weight_squares, found->weight_squares);
  if (!rare) return;
  add_lanes_of(&Sums<T>::clipped_squares, found->clipped_squares);
  add_lanes_of(&Sums<T>::weight_sizes, found->weight_sizes);
}

template <class T> void Interleaved<T>::add_sums(const Vec<T>* parts, double* total) {
  double sums[L][L];
  for (i64 j = 0; j < L; ++j)
    for (i64 i = 0; i < L; ++i) sums[j][i] = static_cast<double>(parts[j][i]);
  for (i64 width = L / 2; width; width /= 2)
    for (i64 j = 0; j < width; ++j)
      for (i64 i = 0; i < L; ++i) sums[j][i] += sums[j + width][i];
  for (i64 i = 0; i < L; ++i) total[i] += sums[0][i];
}

template <class T>
void Interleaved<T>::add(const LaneMeasures& part, LaneMeasures& total) {
  for (i64 i = 0; i < L; ++i) {
    total.squares[i] += part.squares[i];
    total.clipped_squares[i] += part.clipped_squares[i];
    total.weight_squares[i] += part.weight_squares[i];
    total.weight_sizes[i] += part.weight_sizes[i];
  }
}

}  // namespace mlp::MLP_ISA
