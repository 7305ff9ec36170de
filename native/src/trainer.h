// The whole training of one network: steps, epochs, stopping rule.
//
// A step has two parts, each spread over the threads:
//   rows        gather, forward, loss, backward to D of every layer; rows are independent
//   parameters  dW = Xᵀ D, finish, measure, update, refresh the transposed copy; units of
//               parameters are independent
// What belongs to one row or one unit is computed by one thread in one order, and sums over rows
// and units are taken in their order, so the bits are the same for any number of threads.
// A batch larger than a block goes through the parts block by block; the gradient is summed.
// The loop remembers where it is, so it can return when its time is spent and go on later;
// parameters are always those of a completed step.
#pragma once

#include "activations.h"
#include "dropout.h"
#include "losses.h"
#include "network.h"
#include "progress.h"

namespace mlp::MLP_ISA {

// Fewer outputs are transposed one by one.
constexpr i64 kWorthSquares = 3;

enum Mode { kTrain, kLook, kPredict };

template <class T> class Interleaved;

template <class T> class Trainer {
 public:
  static i64 arena_bytes(const Setup& setup) {
    Arena arena(nullptr);
    arena.take<Trainer>(1);
    Trainer counted{};
    counted.lay_out(setup, arena);
    return arena.used();
  }

  // The arena is filled with zeros.
  static Trainer* place(const Setup& setup, void* memory) {
    Arena arena(memory);
    Trainer* trainer = arena.take<Trainer>(1);
    *trainer = Trainer{};
    trainer->lay_out(setup, arena);
    return trainer;
  }

  void load_parameters(const mlp_state& state, const T* parameters, const T* slot_1,
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

  void save(mlp_state& state, T* parameters, T* slot_1, T* slot_2, T* best) const {
    state = progress_.state;
    for (i64 l = 0; l < n_dense_; ++l) {
      const DenseLayer<T>& layer = dense_[l];
      from_panels(layer, weights_ + layer.start, parameters + layer.flat);
      if (slot_1 && first_) from_panels(layer, first_ + layer.start, slot_1 + layer.flat);
      if (slot_2 && second_) from_panels(layer, second_ + layer.start, slot_2 + layer.flat);
      if (best && progress_.state.improved) from_panels(layer, best_ + layer.start, best + layer.flat);
    }
  }

  int32_t run(const RunArguments& given) {
    progress_.begin_run(given);
    deadline_ = seconds_now() + given.budget;
    while (progress_.goes_on()) {
      if (!progress_.in_epoch) begin_epoch();
      while (progress_.position < setup_->rows.n_rows) {
        const int32_t code = step();
        if (code != MLP_OK) return code;
        if (progress_.position < setup_->rows.n_rows && time_is_up()) return MLP_AGAIN;
      }
      if (setup_->has_validation && !setup_->config.manual_close) {
        while (look_ < setup_->validation.n_rows) {
          look_at_block();
          if (look_ < setup_->validation.n_rows && time_is_up()) return MLP_AGAIN;
        }
      }
      if (progress_.end_epoch(parameters_are_finite()))
        __builtin_memcpy(best_, weights_, static_cast<std::size_t>(n_padded_) * sizeof(T));
      if (progress_.goes_on() && time_is_up()) return MLP_AGAIN;
    }
    return MLP_OK;
  }

  void objective(double* value, double* reported, T* gradient) {
    const i64 n = setup_->rows.n_rows;
    progress_.position = 0;
    order_ = nullptr;
    dropout_step_ = 0;
    updates_ = false;
    const double total = most(weigh(n), 0.0);
    constants_ = progress_.template constants_of<T>(total, 0.0, -1.0);
    double loss = 0;
    for (i64 at = 0; at < n; at += block_) loss += block_of_step(at, n);
    const Measures found = measured();
    const double penalty = progress_.penalty_of(found, total);
    loss /= total;
    *value = loss + penalty;
    *reported = loss * setup_->config.reported_scale + penalty;
    for (i64 l = 0; l < n_dense_; ++l)
      from_panels(dense_[l], gradient_ + dense_[l].start, gradient + dense_[l].flat);
  }

  void predict(T* out) {
    out_ = out;
    mode_ = kPredict;
    source_ = &setup_->rows;
    for (i64 at = 0; at < source_->n_rows; at += capacity_) {
      set_block(at, least(capacity_, source_->n_rows - at), nullptr);
      in_parallel(&Trainer::work_on_rows);
    }
  }

 private:
  friend class Interleaved<T>;   // which carries networks on in lanes

  using Move = void (*)(const StepConstants<T>&, T*, T*, T*, T*, i64, Measures&);
  using MoveOnly = void (*)(const StepConstants<T>&, T, const T*, T*, T*, T*, i64);

  // Memory ---------------------------------------------------------------------------------

  void lay_out(const Setup& setup, Arena& arena) {
    const mlp_config& config = setup.config;
    setup_ = &setup;
    n_ops_ = config.n_ops;
    n_dense_ = 0;
    for (i64 o = 0; o < n_ops_; ++o) n_dense_ += config.ops[o].kind == MLP_DENSE;
    n_outputs_ = config.ops[n_ops_ - 1].fan_out;
    block_ = block_of(most<i64>(1, least(config.batch_size, setup.rows.n_rows)));
    capacity_ = setup.trains ? block_ : least(most<i64>(setup.rows.n_rows, 1), kBlockRows);
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

  void lay_out_layers(const mlp_config& config, Arena& arena) {
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
      layer.transposed_at = l && setup_->trains ? transposed : -1;
      layer.stride = stride_of<T>(spec.fan_out);
      flat += (spec.fan_in + 1) * spec.fan_out;
      start += layer.out.size(spec.fan_in + 1);
      if (l) transposed += layer.in.size(spec.fan_out);
      layer.d = setup_->trains ? arena.take<T>(block_ * layer.stride) : nullptr;
      n_units_ += layer.out.count * ((layer.fan_in + kUnitRows) / kUnitRows);
      if (layers) layers[l] = layer;
      ++l;
    }
    n_padded_ = start;
    const bool trains = setup_->trains;
    const int n_slots = config.optimiser == MLP_SGD                                     ? 0
                        : config.optimiser >= MLP_ADAM && config.optimiser <= MLP_NADAM ? 2
                                                                                        : 1;
    weights_ = arena.take<T>(n_padded_);
    gradient_ = trains ? arena.take<T>(n_padded_) : nullptr;
    first_ = trains && n_slots > 0 ? arena.take<T>(n_padded_) : nullptr;
    second_ = trains && n_slots > 1 ? arena.take<T>(n_padded_) : nullptr;
    best_ = trains ? arena.take<T>(n_padded_) : nullptr;
    T* transposed_memory = trains ? arena.take<T>(transposed) : nullptr;
    dense_ = layers;
    for (l = 0; layers && l < n_dense_; ++l)
      if (layers[l].transposed_at >= 0)
        layers[l].transposed = transposed_memory + layers[l].transposed_at;
  }

  void lay_out_values(const mlp_config& config, Arena& arena) {
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
      const bool in_place = op.spec.kind == MLP_ACTIVATION && may_overwrite &&
                            (!setup_->trains || !needs_input(op.spec.function));
      op.value = in_place ? const_cast<T*>(value) : arena.take<T>(capacity_ * op.stride);
      if (op.spec.kind == MLP_DROPOUT && setup_->trains)
        op.scale = arena.take<T>(capacity_ * op.stride);
      // A value that the op before needs for its own slope must stay.
      may_overwrite = op.spec.kind != MLP_ACTIVATION;
      value = op.value;
      stride = op.stride;
      if (ops) ops[o] = op;
    }
    ops_ = ops;
  }

  void lay_out_units(Arena& arena) {
    if (!setup_->trains) return;
    Unit* units = arena.take<Unit>(n_units_);
    unit_measures_ = arena.take<Measures>(n_units_);
    units_ = units;
    if (!units) return;
    i64 u = 0;
    for (i64 l = 0; l < n_dense_; ++l)
      for (i64 p = 0; p < dense_[l].out.count; ++p)
        for (i64 row = 0; row <= dense_[l].fan_in; row += kUnitRows)
          units[u++] = {l, p, row, least(row + kUnitRows, dense_[l].fan_in + 1)};
  }

  template <int O> void use(bool rare) {
    move_[0] = rare ? &finish_and_move<T, O, false, true> : &finish_and_move<T, O, false, false>;
    move_[1] = rare ? &finish_and_move<T, O, true, true> : &finish_and_move<T, O, true, false>;
    move_only_[0] = &move_only<T, O, false>;
    move_only_[1] = &move_only<T, O, true>;
  }

  void choose_update(const mlp_config& config) {
    rare_ = config.l1 != 0 || config.clip_value >= 0 || config.weight_decay != 0;
    for_optimiser(config.optimiser, [&](auto optimiser) { use<optimiser.value>(rare_); });
  }

  // Threads --------------------------------------------------------------------------------

  void in_parallel(void (Trainer::*work)(int, int)) {
    if (!setup_->pool) {
      (this->*work)(0, 1);
      return;
    }
    work_ = work;
    run_in_parallel(
        setup_->pool,
        [](void* context, int thread, int n_threads) {
          Trainer* trainer = static_cast<Trainer*>(context);
          (trainer->*(trainer->work_))(thread, n_threads);
        },
        this);
  }

  bool time_is_up() {
    // Reading the clock costs as much as a hundred numbers of work.
    unread_ += work_of_step_;
    if (unread_ < 200000) return false;
    unread_ = 0;
    return seconds_now() >= deadline_;
  }

  // Steps ----------------------------------------------------------------------------------

  void begin_epoch() {
    progress_.begin_epoch();
    block_position_ = look_ = 0;
    work_of_step_ = n_padded_ * (2 + least(setup_->config.batch_size, setup_->rows.n_rows));
  }

  // Total weight of the next n rows; negative where all weights are zero.
  double weigh(i64 n) const {
    const T* weight = static_cast<const T*>(setup_->rows.weight);
    if (!weight) return static_cast<double>(n);
    double total = 0;
    bool any = false;
    for (i64 r = progress_.position; r < progress_.position + n; ++r) {
      const T s = weight[order_ ? order_[r] : r];
      any = any || s != T(0);
      total += static_cast<double>(s);
    }
    return any ? total : -1;
  }

  int32_t step() {
    const i64 n_rows = setup_->rows.n_rows;
    const i64 n = least(setup_->config.batch_size, n_rows - progress_.position);
    order_ = progress_.order();
    if (block_position_ == 0) {
      const int32_t code = progress_.check_order(n);
      if (code != MLP_OK) return code;
      step_loss_ = 0;
      step_total_ = weigh(n);
      if (step_total_ < 0) {  // rows without weight teach nothing: no step
        progress_.rate = progress_.rate_of_step();
        progress_.position += n;
        return MLP_OK;
      }
      dropout_step_ = static_cast<std::uint64_t>(progress_.state.step + 1);
      updates_ = true;
      constants_ = progress_.template begin_step<T>(step_total_);
    }
    while (block_position_ < n) {
      if (block_position_ && time_is_up()) return MLP_AGAIN;
      step_loss_ += block_of_step(block_position_, n);
      block_position_ += block_;
    }
    const Measures found = measured();
    if (setup_->config.clip_norm >= 0) move_within_norm(found);
    block_position_ = 0;
    progress_.end_step(n, step_loss_, step_total_, found);
    return MLP_OK;
  }

  // One block of a step of n rows: rows, then parameters; returns the sum of its losses.
  double block_of_step(i64 at, i64 n) {
    mode_ = kTrain;
    source_ = &setup_->rows;
    set_block(progress_.position + at, least(block_, n - at), order_);
    first_in_batch_ = at;
    first_block_ = at == 0;
    last_block_ = at + block_ >= n;
    in_parallel(&Trainer::work_on_rows);
    next_unit_ = 0;
    in_parallel(&Trainer::work_on_units);
    return summed_losses();
  }

  double summed_losses() const {
    const i64 padded = round_up(n_block_, lanes<T>);
    Vec<T> total = {};
    for (i64 r = 0; r < padded; r += lanes<T>) total += load(row_loss_ + r);
    return sum_of<T>(total);
  }

  void set_block(i64 at, i64 n, const int64_t* order) {
    n_block_ = n;
    block_start_ = at;
    block_order_ = order ? order + at : nullptr;
    // Rows in their own order are read where they lie; activations want whole registers.
    const bool direct =
        !block_order_ && !source_->indptr && setup_->config.ops[0].kind == MLP_DENSE;
    rows_gathered_ = !direct;
    x_ = direct ? static_cast<const T*>(source_->x) + at * source_->n_columns : gathered_;
    x_stride_ = direct ? source_->n_columns : gathered_stride_;
  }

  // The row of the data that is row r of the block.
  i64 row_of(i64 r) const { return block_order_ ? block_order_[r] : block_start_ + r; }

  void work_on_rows(int thread, int n_threads) {
    // Whole registers of rows, so that the losses of a register come from one thread.
    const i64 groups = (n_block_ + lanes<T> - 1) / lanes<T>;
    const i64 from = groups * thread / n_threads * lanes<T>;
    const i64 to = least(groups * (thread + 1) / n_threads * lanes<T>, n_block_);
    if (from >= to) return;
    if (rows_gathered_) gather(from, to);
    forward(from, to);
    if (mode_ == kPredict) {
      copy_out(from, to);
      return;
    }
    find_losses(from, to, transposed_rows_ + thread * transposed_size_);
    if (mode_ == kTrain) backward(from, to);
  }

  void gather(i64 from, i64 to) {
    const T* x = static_cast<const T*>(source_->x);
    const i64 n = source_->n_columns;
    for (i64 r = from; r < to; ++r) {
      const i64 row = row_of(r);
      T* out = gathered_ + r * gathered_stride_;
      if (!source_->indptr) {
        __builtin_memcpy(out, x + row * n, static_cast<std::size_t>(n) * sizeof(T));
        continue;
      }
      __builtin_memset(out, 0, static_cast<std::size_t>(n) * sizeof(T));
      for (i64 e = source_->indptr[row]; e < source_->indptr[row + 1]; ++e)
        out[source_->indices[e]] += x[e];
    }
  }

  void forward(i64 from, i64 to) {
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
                                   panel + layer.fan_in * width, false, n, layer.fan_in};
          multiply(product, width);
        }
      } else if (op.spec.kind == MLP_ACTIVATION) {
        activate<T>(op.spec.function, input + from * in_stride, op.value + from * op.stride,
                    n * op.stride);
      } else {
        drop(op, input, in_stride, from, to);
      }
    }
  }

  void drop(const Op<T>& op, const T* input, i64 in_stride, i64 from, i64 to) {
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

  void copy_out(i64 from, i64 to) {
    const Op<T>& last = ops_[n_ops_ - 1];
    for (i64 r = from; r < to; ++r)
      __builtin_memcpy(out_ + (block_start_ + r) * n_outputs_, last.value + r * last.stride,
                       static_cast<std::size_t>(n_outputs_) * sizeof(T));
  }

  // Losses of rows, `lanes` at a time, and D of the last layer.
  void find_losses(i64 from, i64 to, T* transposed) {
    const i64 size = n_outputs_ * lanes<T>;
    const Op<T>& last = ops_[n_ops_ - 1];
    const T* target = static_cast<const T*>(source_->target);
    const T* target_end = target + source_->n_rows * n_outputs_;
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

  // out[k][lane] = rows[lane][k]. Where rows end at `end` nothing beyond it is read.
  void transposed_rows(const T* const (&rows)[lanes<T>], const T* end, T* out) const {
    for (i64 k = 0; k < n_outputs_; k += lanes<T>) {
      bool whole = n_outputs_ >= kWorthSquares;
      for (i64 i = 0; end && i < lanes<T>; ++i) whole = whole && rows[i] + k + lanes<T> <= end;
      const i64 stop = least(k + lanes<T>, n_outputs_);
      if (whole) {
        Vec<T> square[lanes<T>];
        for (i64 i = 0; i < lanes<T>; ++i) square[i] = load(rows[i] + k);
        transpose<T>(square);
        for (i64 i = 0; k + i < stop; ++i) store<T>(out + (k + i) * lanes<T>, square[i]);
      } else {
        for (i64 i = k; i < stop; ++i) store<T>(out + i * lanes<T>, from_places<T>(rows, i));
      }
    }
  }

  // Back to rows: D of the last layer.
  void spread_gradient(const T* d, i64 r, i64 n) {
    const DenseLayer<T>& layer = dense_[n_dense_ - 1];
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
      transpose<T>(square);
      for (i64 i = 0; i < n; ++i) store<T>(layer.d + (r + i) * layer.stride + k, square[i]);
    }
  }

  // Whether every decided column of a row (strided by the lanes) is that of the target.
  bool is_right(const T* z, const T* y) const {
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

  void backward(i64 from, i64 to) {
    const i64 n = to - from;
    for (i64 o = n_ops_ - 1; o >= 0; --o) {
      const Op<T>& op = ops_[o];
      if (op.dense < 0) return;
      const DenseLayer<T>& layer = dense_[op.dense];
      T* d = layer.d + from * layer.stride;
      if (op.spec.kind == MLP_DENSE) {
        if (op.dense == 0) return;
        const DenseLayer<T>& before = dense_[op.dense - 1];
        for (i64 q = 0; q < layer.in.count; ++q) {
          const i64 width = layer.in.width(q);
          const Product<T> product{d, layer.stride, 1,
                                   layer.transposed + layer.in.offset(q, layer.fan_out), width,
                                   before.d + from * before.stride + layer.in.start(q),
                                   before.stride, nullptr, false, n, layer.fan_out};
          multiply(product, width);
        }
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

  // Parameters -------------------------------------------------------------------------------

  void work_on_units(int, int) {
    for (;;) {
      const i64 u = __atomic_fetch_add(&next_unit_, 1, __ATOMIC_RELAXED);
      if (u >= n_units_) return;
      const Unit& unit = units_[u];
      find_gradient(unit);
      if (last_block_) finish(unit, unit_measures_[u]);
    }
  }

  void find_gradient(const Unit& unit) {
    const DenseLayer<T>& layer = dense_[unit.dense];
    const i64 width = layer.out.width(unit.panel);
    T* out = gradient_ + layer.start + layer.out.offset(unit.panel, layer.fan_in + 1);
    const T* d = layer.d + layer.out.start(unit.panel);
    const T* x = layer.input ? layer.input : x_;
    const i64 x_stride = layer.input ? layer.input_stride : x_stride_;
    const i64 end = least(unit.end, layer.fan_in);
    const Product<T> product{x + unit.row, 1, x_stride, d, layer.stride, out + unit.row * width,
                             width, nullptr, !first_block_, end - unit.row, n_block_};
    multiply(product, width);
    if (unit.end <= layer.fan_in) return;
    T* bias = out + layer.fan_in * width;
    for (i64 j = 0; j < width; j += lanes<T>) {
      Vec<T> sums[4] = {first_block_ ? Vec<T>{} : load(bias + j)};
      i64 r = 0;
      for (; r + 4 <= n_block_; r += 4)
        for (i64 i = 0; i < 4; ++i) sums[i] += load(d + (r + i) * layer.stride + j);
      for (; r < n_block_; ++r) sums[0] += load(d + r * layer.stride + j);
      store<T>(bias + j, (sums[0] + sums[1]) + (sums[2] + sums[3]));
    }
  }

  // Weights and bias of a unit as ranges: start in the padded vector and length.
  struct Range {
    i64 start, n;
  };
  static T* within(T* vector, const Range& range) {
    return vector ? vector + range.start : nullptr;
  }
  Range weights_of(const Unit& unit) const {
    const DenseLayer<T>& layer = dense_[unit.dense];
    const i64 width = layer.out.width(unit.panel);
    return {layer.start + layer.out.offset(unit.panel, layer.fan_in + 1) + unit.row * width,
            (least(unit.end, layer.fan_in) - unit.row) * width};
  }
  Range bias_of(const Unit& unit) const {
    const DenseLayer<T>& layer = dense_[unit.dense];
    const i64 width = layer.out.width(unit.panel);
    return {layer.start + layer.out.offset(unit.panel, layer.fan_in + 1) + layer.fan_in * width,
            unit.end > layer.fan_in ? width : 0};
  }

  void finish(const Unit& unit, Measures& measures) {
    measures = Measures{};
    const bool moves = updates_ && setup_->config.clip_norm < 0;
    for (int penalised = 1; penalised >= 0; --penalised) {
      const Range range = penalised ? weights_of(unit) : bias_of(unit);
      T *g = gradient_ + range.start, *w = weights_ + range.start;
      if (moves)
        move_[penalised](constants_, g, w, within(first_, range), within(second_, range), range.n,
                         measures);
      else if (penalised)
        finish_only<T, true>(constants_, g, w, range.n, measures);
      else
        finish_only<T, false>(constants_, g, w, range.n, measures);
    }
    if (moves) refresh(unit);
  }

  void refresh(const Unit& unit) {
    const DenseLayer<T>& layer = dense_[unit.dense];
    if (layer.transposed) transpose_part(layer, weights_, unit.panel, unit.row, unit.end);
  }

  void refresh_all() {
    for (i64 l = 0; l < n_dense_; ++l)
      for (i64 p = 0; dense_[l].transposed && p < dense_[l].out.count; ++p)
        transpose_part(dense_[l], weights_, p, 0, dense_[l].fan_in);
  }

  Measures measured() const {
    Measures total;
    for (i64 u = 0; u < n_units_; ++u) {
      total.squares += unit_measures_[u].squares;
      total.clipped_squares += unit_measures_[u].clipped_squares;
      total.weight_squares += unit_measures_[u].weight_squares;
      total.weight_sizes += unit_measures_[u].weight_sizes;
    }
    return total;
  }

  void move_within_norm(const Measures& found) {
    shrink_ = static_cast<T>(progress_.shrink_of(found));
    next_unit_ = 0;
    in_parallel(&Trainer::work_on_moves);
  }

  void work_on_moves(int, int) {
    for (;;) {
      const i64 u = __atomic_fetch_add(&next_unit_, 1, __ATOMIC_RELAXED);
      if (u >= n_units_) return;
      for (int penalised = 0; penalised < 2; ++penalised) {
        const Range range = penalised ? weights_of(units_[u]) : bias_of(units_[u]);
        move_only_[penalised](constants_, shrink_, gradient_ + range.start,
                              weights_ + range.start, within(first_, range),
                              within(second_, range), range.n);
      }
      refresh(units_[u]);
    }
  }

  // Epochs -----------------------------------------------------------------------------------

  void look_at_block() {
    mode_ = kLook;
    source_ = &setup_->validation;
    set_block(look_, least(capacity_, source_->n_rows - look_), nullptr);
    in_parallel(&Trainer::work_on_rows);
    progress_.look.loss += summed_losses();
    const Op<T>& last = ops_[n_ops_ - 1];
    const T* target = static_cast<const T*>(source_->target);
    for (i64 r = 0; r < n_block_; ++r)
      progress_.look.add(setup_->config.score, last.value + r * last.stride,
                         target + (look_ + r) * n_outputs_, 1, 1, n_outputs_,
                         static_cast<double>(row_weight_[r]), row_right_[r] != 0);
    look_ += n_block_;
  }

  bool parameters_are_finite() const {
    Vec<T> zero = {};
    for (i64 i = 0; i < n_padded_; i += lanes<T>) {
      const Vec<T> w = load(weights_ + i);
      zero += w - w;
    }
    return sum_of<T>(zero) == 0;
  }

  // What is fixed
  const Setup* setup_;
  i64 n_ops_, n_dense_, n_outputs_, n_padded_, n_units_;
  i64 block_, capacity_;   // rows of a block of training, rows that buffers hold
  DenseLayer<T>* dense_;
  Op<T>* ops_;
  Unit* units_;
  Measures* unit_measures_;
  T *weights_, *gradient_, *first_, *second_, *best_;
  T* gathered_;
  i64 gathered_stride_;
  LossSpec loss_;
  T* transposed_rows_;
  i64 transposed_size_;
  T *row_loss_, *row_weight_;
  unsigned char* row_right_;
  bool rare_;   // L1, clipping by value or decay
  Move move_[2];
  MoveOnly move_only_[2];

  // The block at hand
  Mode mode_;
  const mlp_rows* source_;
  const int64_t* block_order_;
  i64 block_start_, n_block_, first_in_batch_;
  bool rows_gathered_, first_block_, last_block_, updates_;
  const T* x_;
  i64 x_stride_;
  std::uint64_t dropout_step_;
  StepConstants<T> constants_;
  T shrink_;
  i64 next_unit_;
  T* out_;
  void (Trainer::*work_)(int, int);

  // Where training stands
  Progress progress_;
  const int64_t* order_;
  i64 block_position_, look_;
  double step_loss_, step_total_, deadline_;
  i64 unread_, work_of_step_;
};

}  // namespace mlp::MLP_ISA
