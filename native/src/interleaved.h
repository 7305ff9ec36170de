// Many small networks of one shape at once: every number is a register, and each lane of it
// belongs to another network.
//
// A small layer fills registers badly (6 outputs leave ten lanes of sixteen idle) and its tiles
// are over before the multipliers are warm. Across networks there is always a whole register of
// work, nothing is broadcast, transposed or summed across lanes, and softmax and optimiser are
// full too. Rates, penalties, dropout, weights and row orders are a lane's own.
//
// A lane does for its network exactly the operations that `Trainer` does, element by element and
// sum by sum in the same order, so a network has the same bits in a lane and alone. Hence groups
// may be formed as one likes. Lanes without a network repeat the first one.
#pragma once

#include "lane_kernels.h"
#include "trainer.h"

namespace mlp::MLP_ISA {

// Larger groups fall out of the second cache, and wide layers fill registers by themselves.
constexpr i64 kLaneBytes = 1536 * 1024;
constexpr i64 kLaneLookRows = 16384;
constexpr i64 kStripRows = 2 * kLaneRows;

template <class T> class Interleaved {
 public:
  using Network = Trainer<T>;
  static constexpr i64 L = lanes<T>;

  static bool takes(const Network& network) {
    const Setup& setup = *network.setup_;
    const bool looks = setup.has_validation;
    if (!setup.trains || setup.pool || setup.config.manual_close) return false;
    if (setup.rows.indptr || setup.rows.weight) return false;
    if (looks && (setup.validation.indptr || setup.validation.weight)) return false;
    if (looks && setup.validation.n_rows > kLaneLookRows) return false;
    if (network.block_ < least(setup.config.batch_size, setup.rows.n_rows)) return false;
    return arena_bytes(network) <= kLaneBytes;
  }

  // Whether two networks can be lanes of one group.
  static bool alike(const Network& one, const Network& other) {
    const Setup &a = *one.setup_, &b = *other.setup_;
    return one.progress_.position == other.progress_.position && same_shape(one, other) &&
           same_loss(a.config, b.config) && a.config.optimiser == b.config.optimiser &&
           one.rare_ == other.rare_ && (a.config.clip_norm < 0) == (b.config.clip_norm < 0) &&
           a.config.score == b.config.score && a.config.batch_size == b.config.batch_size &&
           a.rows.n_rows == b.rows.n_rows && a.has_validation == b.has_validation &&
           (!a.has_validation || a.validation.n_rows == b.validation.n_rows);
  }

  static i64 arena_bytes(const Network& shape) {
    Arena arena(nullptr);
    Interleaved counted;
    counted.lay_out(shape, arena);
    return arena.used();
  }

  // The arena is filled with zeros. At most L networks, all alike.
  Interleaved(Network* const* networks, const RunArguments* given, i64 n, void* memory)
      : n_networks_(n), networks_(networks), given_(given) {
    Arena arena(memory);
    lay_out(*networks[0], arena);
  }

  void run(int32_t* codes) {
    const double deadline = seconds_now() + given_[0].budget;
    for (i64 i = 0; i < L; ++i) active_[i] = i < n_networks_;
    for (i64 i = 0; i < L; ++i) load_lane(i, *networks_[i < n_networks_ ? i : 0]);
    for (i64 i = 0; i < n_networks_; ++i) {
      codes[i] = MLP_OK;
      networks_[i]->progress_.begin_run(given_[i]);
      if (!networks_[i]->progress_.goes_on()) leave(i);
    }
    while (find_leader()) {
      for_active([](Network& network, i64) { network.begin_epoch(); });
      while (leader().progress_.position < n_rows_) {
        step(codes);
        if (!find_leader()) return;
        if (leader().progress_.position < n_rows_ && seconds_now() >= deadline)
          return pause(codes);
      }
      if (setup().has_validation) look();
      end_epoch();
      if (find_leader() && seconds_now() >= deadline) return pause(codes);
    }
  }

 private:
  struct LaneLayer {
    i64 fan_in, fan_out, start, in_stride, out_stride;   // in registers
    const T* input;   // null: the rows themselves
    T* d;
  };
  struct LaneOp {
    mlp_op spec;
    const T* input;
    T *value, *scale;
    i64 stride, dense;
  };
  struct Source {
    const T *base, *end;
    Source() = default;
    Source(const T* first, i64 n, i64 n_rows) : base(first), end(first + n * n_rows) {}
  };
  // Rows of a panel of a gradient whose depth is dealt out to several sets of sums.
  struct DealtOut {
    i64 dense, row, rows, column, columns;
    int sets;
  };
  struct LaneMeasures {
    double squares[L], clipped_squares[L], weight_squares[L], weight_sizes[L];
  };
  using Constants = StepConstants<Vec<T>>;
  using Pass = void (Interleaved::*)(const LaneLayer&, i64 from, i64 to, i64 first, i64 columns,
                                     Sums<T>* sums);

  Interleaved() = default;

  static bool same_shape(const Network& a, const Network& b) {
    bool same = a.n_ops_ == b.n_ops_;
    for (i64 o = 0; same && o < a.n_ops_; ++o) {
      const mlp_op &one = a.ops_[o].spec, &other = b.ops_[o].spec;
      same = one.kind == other.kind && one.fan_in == other.fan_in &&
             one.fan_out == other.fan_out && one.layer == other.layer &&
             (one.kind != MLP_ACTIVATION || one.function == other.function);
    }
    return same;
  }

  static bool same_loss(const mlp_config& a, const mlp_config& b) {
    bool same = a.loss == b.loss && a.n_groups == b.n_groups && a.smoothing == b.smoothing &&
                a.gamma == b.gamma && a.delta == b.delta &&
                (a.label_weights == nullptr) == (b.label_weights == nullptr);
    for (i64 g = 0; same && g < a.n_groups; ++g) same = a.groups[g] == b.groups[g];
    const i64 n = a.label_weights ? 2 * a.ops[a.n_ops - 1].fan_out : 0;
    for (i64 k = 0; same && k < n; ++k) same = a.label_weights[k] == b.label_weights[k];
    return same;
  }

  const Setup& setup() const { return *networks_[0]->setup_; }

  // Memory ---------------------------------------------------------------------------------

  void lay_out(const Network& shape, Arena& arena) {
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

  void lay_out_layers(Arena& arena) {
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

  void lay_out_values(Arena& arena) {
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

  // Which parts of the gradients `Trainer` sums in several sets.
  void find_dealt_out() {
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

  // Calls f with each parameter's place in the network's panels and in the lanes.
  template <class F> void for_parameters(i64 lane, F f) const {
    for (i64 l = 0; l < shape_->n_dense_; ++l) {
      const DenseLayer<T>& of = shape_->dense_[l];
      const LaneLayer& layer = layers_[l];
      for (i64 p = 0; p < of.out.count; ++p) {
        const i64 width = of.out.width(p), first = of.out.start(p);
        const i64 columns = least(width, of.fan_out - first);
        const i64 panel = of.start + of.out.offset(p, of.fan_in + 1);
        for (i64 i = 0; i <= of.fan_in; ++i)
          for (i64 j = 0; j < columns; ++j)
            f(panel + i * width + j,
              (layer.start + i * layer.out_stride + first + j) * L + lane);
      }
    }
  }

  void load_lane(i64 lane, const Network& network) {
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

  // The network takes back what its lane holds, and can go on alone.
  void leave(i64 lane) {
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

  void pause(int32_t* codes) {
    for (i64 i = 0; i < n_networks_; ++i) {
      if (!active_[i]) continue;
      codes[i] = MLP_AGAIN;
      leave(i);
    }
  }

  // Lanes ----------------------------------------------------------------------------------

  template <class F> void for_active(F f) {
    for (i64 i = 0; i < n_networks_; ++i)
      if (active_[i]) f(*networks_[i], i);
  }

  // An active lane, whose rows are read for the lanes that are not.
  bool find_leader() {
    for (leader_ = 0; leader_ < n_networks_; ++leader_)
      if (active_[leader_]) return true;
    return false;
  }
  const Network& leader() const { return *networks_[leader_]; }
  const Network& at(i64 lane) const { return active_[lane] ? *networks_[lane] : leader(); }

  void step(int32_t* codes) {
    const i64 n = least(setup().config.batch_size, n_rows_ - leader().progress_.position);
    for_active([&](Network& network, i64 i) {
      codes[i] = network.progress_.check_order(n);
      if (codes[i] != MLP_OK) leave(i);
    });
    if (!find_leader()) return;
    begin_step(n);
    mode_ = kTrain;
    start_ = leader().progress_.position;
    find_sources();
    double losses[L] = {};
    Vec<T> sums[L] = {};
    work_on_rows(n, 0, sums);
    add_losses(sums, losses);
    LaneMeasures found{};
    work_on_parameters(n, found);
    for_active([&](Network& network, i64 i) {
      network.progress_.end_step(n, losses[i], static_cast<double>(n), of_lane(found, i));
    });
  }

  // The constants of each lane's step. Their powers are the same for networks that keep step.
  void begin_step(i64 n) {
    for_active([&](Network& network, i64 i) {
      const StepConstants<T> own =
          network.progress_.template begin_step<T>(static_cast<double>(n));
      constexpr i64 count = sizeof own / sizeof(T);
      for (i64 c = 0; c < count; ++c)
        reinterpret_cast<Loose*>(&constants_)[c * L + i] = reinterpret_cast<const Loose*>(&own)[c];
    });
  }

  static Measures of_lane(const LaneMeasures& found, i64 i) {
    return {found.squares[i], found.clipped_squares[i], found.weight_squares[i],
            found.weight_sizes[i]};
  }

  // As `summed_losses` of a network: sums[r] are those of the rows r, r + L, r + 2L, ...
  static void add_losses(const Vec<T>* sums, double* losses) {
    double total[L] = {};
    for (i64 r = 0; r < L; ++r)
      for (i64 i = 0; i < L; ++i) total[i] += static_cast<double>(sums[r][i]);
    for (i64 i = 0; i < L; ++i) losses[i] += total[i];
  }

  // Rows -----------------------------------------------------------------------------------

  // Rows start_ .. start_ + n; their losses go to sums, the first to place `place` of a block.
  // A few rows go through all layers at a time, so that their values stay in the nearest cache.
  void work_on_rows(i64 n, i64 place, Vec<T>* sums) {
    for (i64 from = 0; from < n; from += kStripRows) {
      const i64 to = least(from + kStripRows, n);
      for (i64 r = from; r < to; ++r) gather(r, x_of_, n_columns_, x_ + r * x_stride_ * L);
      forward(from, to);
      find_losses(from, to, place, sums);
      if (mode_ == kTrain) backward(from, to);
    }
  }

  void find_losses(i64 from, i64 to, i64 place, Vec<T>* sums) {
    const LaneOp& last = ops_[shape_->n_ops_ - 1];
    T* d = layers_[shape_->n_dense_ - 1].d;
    for (i64 r = from; r < to; ++r) {
      const T* z = last.value + r * last.stride * L;
      gather(r, y_of_, n_outputs_, y_);
      sums[(place + r) % L] += row_losses<T>(shape_->loss_, z, y_, d + r * last.stride * L);
      if (mode_ == kLook) look_at_row(z);
    }
  }

  // Where the rows of each lane lie; lanes without a network read those of the leader.
  void find_sources() {
    for (i64 i = 0; i < L; ++i) {
      const Network& network = at(i);
      const mlp_rows& rows =
          mode_ == kTrain ? network.setup_->rows : network.setup_->validation;
      x_of_[i] = {static_cast<const T*>(rows.x), n_columns_, rows.n_rows};
      y_of_[i] = {static_cast<const T*>(rows.target), n_outputs_, rows.n_rows};
      order_of_[i] = mode_ == kTrain ? network.progress_.order() : nullptr;
    }
  }

  // Row r of each lane's own order, turned so that lanes hold networks.
  void gather(i64 r, const Source* sources, i64 n, T* out) const {
    const T* rows[L];
    bool whole = n >= kWorthSquares;
    const i64 width = round_up(n, L);
    for (i64 i = 0; i < L; ++i) {
      const i64 row = order_of_[i] ? order_of_[i][start_ + r] : start_ + r;
      rows[i] = sources[i].base + row * n;
      whole = whole && rows[i] + width <= sources[i].end;
    }
    for (i64 k = 0; k < n; k += L) {
      const i64 stop = least(k + L, n);
      if (whole) {
        Vec<T> square[L];
        for (i64 i = 0; i < L; ++i) square[i] = load(rows[i] + k);
        transpose<T>(square);
        for (i64 i = 0; k + i < stop; ++i) store<T>(out + (k + i) * L, square[i]);
      } else {
        for (i64 i = k; i < stop; ++i) store<T>(out + i * L, from_places<T>(rows, i));
      }
    }
  }

  bool is_relu(i64 o) const {
    return o > 0 && o < shape_->n_ops_ && ops_[o].spec.kind == MLP_ACTIVATION &&
           ops_[o].spec.function == MLP_RELU;
  }

  void forward(i64 from, i64 to) {
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

  // As `drop_row`, with each lane's own key, rate and factor.
  void drop(i64 o, i64 from, i64 to) {
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

  void backward(i64 from, i64 to) {
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

  // Parameters -----------------------------------------------------------------------------

  void work_on_parameters(i64 n, LaneMeasures& found) {
    for (i64 l = 0; l < shape_->n_dense_; ++l) find_gradient(layers_[l], n);
    for (i64 t = 0; t < n_dealt_out_; ++t) find_dealt_out_gradient(dealt_out_[t], n);
    for (i64 u = 0; u < shape_->n_units_; ++u) {
      LaneMeasures unit{};
      for (int penalised = 1; penalised >= 0; --penalised)
        over_unit(shape_->units_[u], penalised, finish_[penalised], &unit);
      add(unit, found);
    }
    if (setup().config.clip_norm < 0) return;
    for (i64 i = 0; i < n_networks_; ++i)
      shrink_[i] = static_cast<T>(at(i).progress_.shrink_of(of_lane(found, active_[i] ? i : leader_)));
    for (i64 u = 0; u < shape_->n_units_; ++u)
      for (int penalised = 1; penalised >= 0; --penalised)
        over_unit(shape_->units_[u], penalised, move_[penalised], nullptr);
  }

  void find_gradient(const LaneLayer& layer, i64 n) {
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

  void find_dealt_out_gradient(const DealtOut& part, i64 n) {
    const LaneLayer& layer = layers_[part.dense];
    // `Trainer` reads a single column where it lies as if it were not swapped.
    if (!layer.input && !order_of_[0] && n_columns_ == 1) return;
    const T* x = (layer.input ? layer.input : x_) + part.row * L;
    T* out = gradient_ + (layer.start + part.row * layer.out_stride + part.column) * L;
    multiply_lanes<T>({x, 1, layer.in_stride, layer.d + part.column * L, layer.out_stride, 1, out,
                       layer.out_stride, nullptr, part.rows, part.columns, n},
                      part.sets);
  }

  // A pass over the weights or the bias of a unit, whose sums are taken as `Trainer` takes them:
  // sums[j] are those of the columns j, j + L, ... of the panel.
  void over_unit(const Unit& unit, int penalised, Pass pass, LaneMeasures* found) {
    const LaneLayer& layer = layers_[unit.dense];
    const DenseLayer<T>& of = shape_->dense_[unit.dense];
    const i64 first = of.out.start(unit.panel);
    const i64 columns = least(of.out.width(unit.panel), of.fan_out - first);
    const i64 from = penalised ? unit.row : layer.fan_in;
    const i64 to = penalised ? least(unit.end, layer.fan_in) : unit.end;
    if (from >= to) return;
    Sums<T> sums[L];
    (this->*pass)(layer, from, to, first, columns, sums);
    if (!found) return;
    LaneMeasures range{};
    for (i64 j = 0; j < least(columns, L); ++j)
      for (i64 i = 0; i < L; ++i) {
        range.squares[i] += static_cast<double>(sums[j].squares[i]);
        range.clipped_squares[i] += static_cast<double>(sums[j].clipped_squares[i]);
        range.weight_squares[i] += static_cast<double>(sums[j].weight_squares[i]);
        range.weight_sizes[i] += static_cast<double>(sums[j].weight_sizes[i]);
      }
    add(range, *found);
  }

  static void add(const LaneMeasures& part, LaneMeasures& total) {
    for (i64 i = 0; i < L; ++i) {
      total.squares[i] += part.squares[i];
      total.clipped_squares[i] += part.clipped_squares[i];
      total.weight_squares[i] += part.weight_squares[i];
      total.weight_sizes[i] += part.weight_sizes[i];
    }
  }

  template <class F>
  void each_parameter(const LaneLayer& layer, i64 from, i64 to, i64 first, i64 columns, F f) {
    for (i64 i = from; i < to; ++i) {
      const i64 row = (layer.start + i * layer.out_stride + first) * L;
      for (i64 j = 0; j < columns; ++j) f(row + j * L, j % L);
    }
  }
  template <int O, bool PENALISED, bool RARE>
  void finish_and_move(const LaneLayer& layer, i64 from, i64 to, i64 first, i64 columns,
                       Sums<T>* sums) {
    each_parameter(layer, from, to, first, columns, [&](i64 k, i64 j) {
      finish_and_move_one<T, O, PENALISED, RARE>(constants_, gradient_ + k, weights_ + k,
                                                 first_ + k, second_ + k, sums[j]);
    });
  }
  template <bool PENALISED>
  void finish_only(const LaneLayer& layer, i64 from, i64 to, i64 first, i64 columns,
                   Sums<T>* sums) {
    each_parameter(layer, from, to, first, columns, [&](i64 k, i64 j) {
      finish_one<T, PENALISED>(constants_, gradient_ + k, weights_ + k, sums[j]);
    });
  }
  template <int O, bool PENALISED>
  void move_only(const LaneLayer& layer, i64 from, i64 to, i64 first, i64 columns, Sums<T>*) {
    each_parameter(layer, from, to, first, columns, [&](i64 k, i64) {
      move_one<T, O, PENALISED>(constants_, shrink_, gradient_ + k, weights_ + k, first_ + k,
                                second_ + k);
    });
  }

  template <int O> void use(bool rare) {
    finish_[0] = rare ? &Interleaved::finish_and_move<O, false, true>
                      : &Interleaved::finish_and_move<O, false, false>;
    finish_[1] = rare ? &Interleaved::finish_and_move<O, true, true>
                      : &Interleaved::finish_and_move<O, true, false>;
    move_[0] = &Interleaved::move_only<O, false>;
    move_[1] = &Interleaved::move_only<O, true>;
  }
  void choose_update() {
    const mlp_config& config = shape_->setup_->config;
    for_optimiser(config.optimiser, [&](auto optimiser) { use<optimiser.value>(shape_->rare_); });
    if (config.clip_norm < 0) return;
    finish_[0] = &Interleaved::finish_only<false>;
    finish_[1] = &Interleaved::finish_only<true>;
  }

  // Epochs ---------------------------------------------------------------------------------

  void look() {
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

  void look_at_row(const T* z) {
    const int32_t score = setup().config.score;
    for_active([&](Network& network, i64 i) {
      const bool right = (score == MLP_ACCURACY_EXCLUSIVE || score == MLP_ACCURACY_LABELS) &&
                         network.is_right(z + i, y_ + i);
      network.progress_.look.add(score, z + i, y_ + i, L, L, n_outputs_, 1.0, right);
    });
  }

  void end_epoch() {
    Vec<T> off = {};
    for (i64 k = 0; k < n_registers_; ++k) {
      const Vec<T> w = load(weights_ + k * L);
      off += w - w;
    }
    Ints<T> better = {};
    for_active([&](Network& network, i64 i) {
      better[i] = network.progress_.end_epoch(off[i] == T(0)) ? -1 : 0;
    });
    for (i64 k = 0; k < n_registers_; ++k)
      store<T>(best_ + k * L, select<T>(better, load(weights_ + k * L), load(best_ + k * L)));
    for_active([&](Network& network, i64 i) {
      if (!network.progress_.goes_on()) leave(i);
    });
  }

  typedef T Loose __attribute__((may_alias));

  i64 n_networks_ = 0, leader_ = 0;
  Network* const* networks_ = nullptr;
  const RunArguments* given_ = nullptr;
  const Network* shape_ = nullptr;
  bool active_[L] = {};

  i64 n_rows_ = 0, n_columns_ = 0, n_outputs_ = 0, capacity_ = 0, n_registers_ = 0;
  i64 x_stride_ = 0, n_dealt_out_ = 0;
  Source x_of_[L] = {}, y_of_[L] = {};
  const int64_t* order_of_[L] = {};
  T *x_ = nullptr, *y_ = nullptr;
  LaneLayer* layers_ = nullptr;
  LaneOp* ops_ = nullptr;
  DealtOut* dealt_out_ = nullptr;
  T *weights_ = nullptr, *gradient_ = nullptr, *first_ = nullptr, *second_ = nullptr,
    *best_ = nullptr;
  Pass finish_[2] = {}, move_[2] = {};

  Mode mode_ = kTrain;
  i64 start_ = 0;
  Constants constants_ = {};
  Vec<T> shrink_ = {};
};

}  // namespace mlp::MLP_ISA
