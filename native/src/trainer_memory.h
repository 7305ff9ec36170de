// `Trainer`: how its memory is laid out, and the way of parameters in and out.
#pragma once

#include "trainer.h"

namespace mlp::MLP_ISA {

template <class T>
void Trainer<T>::load_parameters(const mlp_state& state, const T* parameters, const T* slot_1,
                     const T* slot_2) {
  progress_.state = state;
  progress_.state.improved = 0;
  for (i64 l = 0; l < n_dense_; ++l) {
    const DenseLayer<T>& layer = dense_[l];
    to_panels(layer, parameters + layer.flat, weights_ + layer.start);
    if (first_ && slot_1) to_panels(layer, slot_1 + layer.flat, first_ + layer.start);
    if (second_ && slot_2) to_panels(layer, slot_2 + layer.flat, second_ + layer.start);
  }
  refresh_all();
}

template <class T>
void Trainer<T>::save(mlp_state& state, T* parameters, T* slot_1, T* slot_2, T* best) const {
  state = progress_.state;
  for (i64 l = 0; l < n_dense_; ++l) {
    const DenseLayer<T>& layer = dense_[l];
    from_panels(layer, weights_ + layer.start, parameters + layer.flat);
    if (slot_1 && first_) from_panels(layer, first_ + layer.start, slot_1 + layer.flat);
    if (slot_2 && second_) from_panels(layer, second_ + layer.start, slot_2 + layer.flat);
    if (best && progress_.state.improved) from_panels(layer, best_ + layer.start, best + layer.flat);
  }
}

template <class T> void Trainer<T>::lay_out(const Setup& setup, Arena& arena) {
  const mlp_config& config = setup.config;
  setup_ = &setup;
  n_ops_ = config.n_ops;
  n_dense_ = 0;
  for (i64 o = 0; o < n_ops_; ++o) n_dense_ += config.ops[o].kind == MLP_DENSE;
  n_outputs_ = config.ops[n_ops_ - 1].fan_out;
  block_ = block_of(most<i64>(1, least(config.batch_size, setup.rows.n_rows)));
  capacity_ = block_;
  if (setup.has_validation)
    capacity_ = most(capacity_, least(setup.validation.n_rows, kBlockRows));
  const i64 n_columns = config.ops[0].fan_in;
  gathered_stride_ = stride_of<T>(n_columns);
  gathered_ = arena.take<T>(capacity_ * gathered_stride_);
  lay_out_layers(config, arena);
  lay_out_values(config, arena);
  lay_out_units(arena);
  loss_ = {config.loss, n_outputs_, config.n_groups, config.groups, config.label_weights,
           config.smoothing, config.gamma, config.delta};
  transposed_size_ = 3 * n_outputs_ * lanes<T>;
  transposed_rows_ = arena.take<T>(transposed_size_ * setup.n_threads);
  row_loss_ = arena.take<T>(round_up(capacity_, lanes<T>) + lanes<T>);
  row_weight_ = arena.take<T>(round_up(capacity_, lanes<T>) + lanes<T>);
  row_right_ = arena.take<unsigned char>(capacity_);
  progress_.setup = &setup;
  progress_.n_outputs = n_outputs_;
  progress_.look.residual = arena.take<double>(n_outputs_);
  choose_update(config);
}

template <class T>
void Trainer<T>::lay_out_layers(const mlp_config& config, Arena& arena) {
  DenseLayer<T>* layers = arena.take<DenseLayer<T>>(n_dense_);
  i64 l = 0, flat = 0, start = 0, transposed = 0;
  for (i64 o = 0; o < n_ops_; ++o) {
    const mlp_op& spec = config.ops[o];
    if (spec.kind != MLP_DENSE) continue;
    DenseLayer<T> layer{};
    layer.fan_in = spec.fan_in;
    layer.fan_out = spec.fan_out;
    layer.flat = flat;
    layer.start = start;
    layer.out = Panels<T>(spec.fan_out);
    layer.in = Panels<T>(spec.fan_in);
    layer.transposed_at = l ? transposed : -1;
    layer.stride = stride_of<T>(spec.fan_out);
    flat += (spec.fan_in + 1) * spec.fan_out;
    start += layer.out.size(spec.fan_in + 1);
    if (l) transposed += layer.in.size(spec.fan_out);
    layer.d = arena.take<T>(block_ * layer.stride);
    n_units_ += layer.out.count * ((layer.fan_in + kUnitRows) / kUnitRows);
    if (layers) layers[l] = layer;
    ++l;
  }
  n_padded_ = start;
  const int n_slots = config.optimiser == MLP_SGD                                     ? 0
                      : config.optimiser >= MLP_ADAM && config.optimiser <= MLP_NADAM ? 2
                                                                                      : 1;
  weights_ = arena.take<T>(n_padded_);
  gradient_ = arena.take<T>(n_padded_);
  first_ = n_slots > 0 ? arena.take<T>(n_padded_) : nullptr;
  second_ = n_slots > 1 ? arena.take<T>(n_padded_) : nullptr;
  best_ = arena.take<T>(n_padded_);
  T* transposed_memory = arena.take<T>(transposed);
  dense_ = layers;
  for (l = 0; layers && l < n_dense_; ++l)
    if (layers[l].transposed_at >= 0)
      layers[l].transposed = transposed_memory + layers[l].transposed_at;
}

template <class T>
void Trainer<T>::lay_out_values(const mlp_config& config, Arena& arena) {
  Op<T>* ops = arena.take<Op<T>>(n_ops_);
  const T* value = nullptr;
  i64 stride = gathered_stride_, dense = -1;
  bool may_overwrite = false;
  for (i64 o = 0; o < n_ops_; ++o) {
    Op<T> op{};
    op.spec = config.ops[o];
    op.input = value;
    op.input_stride = stride;
    op.stride = stride_of<T>(op.spec.fan_out);
    if (op.spec.kind == MLP_DENSE) {
      ++dense;
      if (dense_) {
        dense_[dense].input = value;
        dense_[dense].input_stride = stride;
      }
    }
    op.dense = dense;
    const bool in_place =
        op.spec.kind == MLP_ACTIVATION && may_overwrite && !needs_input(op.spec.function);
    op.value = in_place ? const_cast<T*>(value) : arena.take<T>(capacity_ * op.stride);
    if (op.spec.kind == MLP_DROPOUT) op.scale = arena.take<T>(capacity_ * op.stride);
    // A value that the op before needs for its own slope must stay.
    may_overwrite = op.spec.kind != MLP_ACTIVATION;
    value = op.value;
    stride = op.stride;
    if (ops) ops[o] = op;
  }
  ops_ = ops;
}

template <class T> void Trainer<T>::lay_out_units(Arena& arena) {
  Unit* units = arena.take<Unit>(n_units_);
  unit_measures_ = arena.take<Measures>(n_units_);
  shares_ = arena.take<Share>(setup_->n_threads);
  passing_gradient_ = arena.take<T>(setup_->n_threads * 2 * kUnitSize);
  units_ = units;
  if (!units) return;
  i64 u = 0;
  for (i64 l = 0; l < n_dense_; ++l)
    for (i64 p = 0; p < dense_[l].out.count; ++p)
      for (i64 row = 0; row <= dense_[l].fan_in; row += kUnitRows)
        units[u++] = {l, p, row, least(row + kUnitRows, dense_[l].fan_in + 1)};
}

template <class T> void Trainer<T>::choose_update(const mlp_config& config) {
  rare_ = config.l1 != 0 || config.clip_value >= 0 || config.weight_decay != 0;
  for_optimiser(config.optimiser, [&](auto optimiser) {
    use<optimiser.value>(rare_, config.l2 != 0);
  });
}

}  // namespace mlp::MLP_ISA
