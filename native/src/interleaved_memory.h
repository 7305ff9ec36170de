// `Interleaved`: which networks go together, how memory is laid out, and the way in and out.
#pragma once

#include "interleaved.h"

namespace mlp::MLP_ISA {

template <class T> bool Interleaved<T>::same_shape(const Network& a, const Network& b) {
  bool same = a.n_ops_ == b.n_ops_;
  for (i64 o = 0; same && o < a.n_ops_; ++o) {
    const mlp_op &one = a.ops_[o].spec, &other = b.ops_[o].spec;
    same = one.kind == other.kind && one.fan_in == other.fan_in &&
           one.fan_out == other.fan_out && one.layer == other.layer &&
           (one.kind != MLP_ACTIVATION || one.function == other.function);
  }
  return same;
}

template <class T>
bool Interleaved<T>::same_loss(const mlp_config& a, const mlp_config& b) {
  bool same = a.loss == b.loss && a.n_groups == b.n_groups && a.smoothing == b.smoothing &&
              a.gamma == b.gamma && a.delta == b.delta &&
              (a.label_weights == nullptr) == (b.label_weights == nullptr);
  for (i64 g = 0; same && g < a.n_groups; ++g) same = a.groups[g] == b.groups[g];
  const i64 n = a.label_weights ? 2 * a.ops[a.n_ops - 1].fan_out : 0;
  for (i64 k = 0; same && k < n; ++k) same = a.label_weights[k] == b.label_weights[k];
  return same;
}

template <class T> void Interleaved<T>::lay_out(const Network& shape, Arena& arena) {
  const Setup& setup = *shape.setup_;
  shape_ = &shape;
  n_rows_ = setup.rows.n_rows;
  n_columns_ = setup.rows.n_columns;
  n_outputs_ = shape.n_outputs_;
  capacity_ = shape.block_;
  x_stride_ = lane_stride(n_columns_);
  x_ = arena.take<T>(capacity_ * x_stride_ * L);
  y_ = arena.take<T>(n_outputs_ * L);
  layers_ = arena.take<LaneLayer>(shape.n_dense_);
  ops_ = arena.take<LaneOp>(shape.n_ops_);
  lay_out_layers(arena);
  lay_out_values(arena);
  dealt_out_ = arena.take<DealtOut>(shape.n_units_ * (kUnitRows + 1));
  if (dealt_out_) find_dealt_out();
  choose_update();
}

template <class T> void Interleaved<T>::lay_out_layers(Arena& arena) {
  i64 start = 0;
  for (i64 l = 0; l < shape_->n_dense_; ++l) {
    const DenseLayer<T>& of = shape_->dense_[l];
    LaneLayer layer{};
    layer.fan_in = of.fan_in;
    layer.fan_out = of.fan_out;
    layer.out_stride = lane_stride(of.fan_out);
    layer.in_stride = lane_stride(of.fan_in);
    layer.start = start;
    start += (of.fan_in + 1) * layer.out_stride;
    layer.d = arena.take<T>(capacity_ * layer.out_stride * L);
    if (layers_) layers_[l] = layer;
  }
  n_registers_ = start;
  weights_ = arena.take<T>(start * L);
  gradient_ = arena.take<T>(start * L);
  first_ = shape_->first_ ? arena.take<T>(start * L) : nullptr;
  second_ = shape_->second_ ? arena.take<T>(start * L) : nullptr;
  best_ = arena.take<T>(start * L);
}

template <class T> void Interleaved<T>::lay_out_values(Arena& arena) {
  const T* value = nullptr;
  bool may_overwrite = false;
  for (i64 o = 0; o < shape_->n_ops_; ++o) {
    const Op<T>& of = shape_->ops_[o];
    LaneOp op{};
    op.spec = of.spec;
    op.dense = of.dense;
    op.input = value;
    op.stride = lane_stride(of.spec.fan_out);
    if (of.spec.kind == MLP_DENSE && layers_) layers_[of.dense].input = value;
    const bool in_place =
        of.spec.kind == MLP_ACTIVATION && may_overwrite && !needs_input(of.spec.function);
    op.value = in_place ? const_cast<T*>(value) : arena.take<T>(capacity_ * op.stride * L);
    if (of.spec.kind == MLP_DROPOUT) op.scale = arena.take<T>(capacity_ * op.stride * L);
    may_overwrite = of.spec.kind != MLP_ACTIVATION;
    value = op.value;
    if (ops_) ops_[o] = op;
  }
}

template <class T> void Interleaved<T>::find_dealt_out() {
  for (i64 u = 0; u < shape_->n_units_; ++u) {
    const Unit& unit = shape_->units_[u];
    const DenseLayer<T>& layer = shape_->dense_[unit.dense];
    const i64 width = layer.out.width(unit.panel), first = layer.out.start(unit.panel);
    const Tiles tiles(least(unit.end, layer.fan_in) - unit.row, tile_rows<T>(width));
    i64 row = unit.row;
    for (i64 t = 0; t < tiles.count; row += tiles.rows_of(t), ++t) {
      const int sets = sets_of_tile<T>(tiles.rows_of(t), width);
      if (sets == 1) continue;
      dealt_out_[n_dealt_out_++] = {unit.dense, row,  tiles.rows_of(t), first,
                                    least(width, layer.fan_out - first), sets};
    }
  }
}

template <class T> void Interleaved<T>::load_lane(i64 lane, const Network& network) {
  for_parameters(lane, [&](i64 there, i64 here) {
    weights_[here] = network.weights_[there];
    if (first_) first_[here] = network.first_[there];
    if (second_) second_[here] = network.second_[there];
    best_[here] = network.best_[there];
  });
  for (i64 o = 0; o < network.n_ops_; ++o) {
    if (network.ops_[o].spec.kind != MLP_DROPOUT) continue;
    ops_[o].spec = network.ops_[o].spec;
  }
}

template <class T> void Interleaved<T>::leave(i64 lane) {
  Network& network = *networks_[lane];
  for_parameters(lane, [&](i64 there, i64 here) {
    network.weights_[there] = weights_[here];
    if (first_) network.first_[there] = first_[here];
    if (second_) network.second_[there] = second_[here];
    network.best_[there] = best_[here];
  });
  network.refresh_all();
  active_[lane] = false;
}

template <class T> void Interleaved<T>::choose_update() {
  const mlp_config& config = shape_->setup_->config;
  for_optimiser(config.optimiser, [&](auto optimiser) {
    use<optimiser.value>(shape_->rare_, config.l2 != 0);
  });
  limits_ = config.clip_norm >= 0;
  if (!limits_) return;
  finish_[0] = &Interleaved::finish_only<false>;
  finish_[1] = &Interleaved::finish_only<true>;
}

}  // namespace mlp::MLP_ISA
