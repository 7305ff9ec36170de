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
constexpr i64 kLaneBytes = 1024 * 1024;
constexpr i64 kLaneLookRows = 16384;
constexpr i64 kStripRows = 2 * kLaneRows;

template <class T> class Interleaved {
 public:
  using Network = Trainer<T>;
  static constexpr i64 L = lanes<T>;

  static bool takes(const Network& network) {
    const Setup& setup = *network.setup_;
    const bool looks = setup.has_validation;
    if (setup.pool || setup.config.manual_close) return false;
    // In the middle of its validation rows it goes on alone.
    const Progress& progress = network.progress_;
    if (progress.in_epoch && progress.position >= setup.rows.n_rows) return false;
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
           one.rare_ == other.rare_ && (a.config.l2 != 0) == (b.config.l2 != 0) &&
           (a.config.clip_norm < 0) == (b.config.clip_norm < 0) &&
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
    Source(const T* first, i64 n, i64 n_stored) : base(first), end(first + n * n_stored) {}
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

  static bool same_shape(const Network& a, const Network& b);
  static bool same_loss(const mlp_config& a, const mlp_config& b);
  const Setup& setup() const { return *networks_[0]->setup_; }

  // Memory ---------------------------------------------------------------------------------

  void lay_out(const Network& shape, Arena& arena);
  void lay_out_layers(Arena& arena);
  void lay_out_values(Arena& arena);

  // Which parts of the gradients `Trainer` sums in several sets.
  void find_dealt_out();

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

  void load_lane(i64 lane, const Network& network);

  // The network takes back what its lane holds, and can go on alone.
  void leave(i64 lane);

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
    const Progress* before = nullptr;
    StepConstants<T> own{};
    for_active([&](Network& network, i64 i) {
      Progress& progress = network.progress_;
      const bool shares = before && progress.in_step_with(*before);
      own = shares ? progress.template begin_step<T>(static_cast<double>(n), own)
                   : progress.template begin_step<T>(static_cast<double>(n));
      before = &progress;
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
    add_sums(sums, losses);
  }

  // Rows -----------------------------------------------------------------------------------

  // Rows start_ .. start_ + n; their losses go to sums, the first to place `place` of a block.
  // A few rows go through all layers at a time, so that their values stay in the nearest cache.
  void work_on_rows(i64 n, i64 place, Vec<T>* sums);
  void find_losses(i64 from, i64 to, i64 place, Vec<T>* sums);

  // Where the rows of each lane lie; lanes without a network read those of the leader.
  void find_sources();

  // Row r of each lane's own order, turned so that lanes hold networks.
  void gather(i64 r, const Source* sources, i64 n, T* out) const;
  bool is_relu(i64 o) const;
  void forward(i64 from, i64 to);

  // As `drop_row`, with each lane's own key, rate and factor.
  void drop(i64 o, i64 from, i64 to);
  void backward(i64 from, i64 to);

  // Parameters -----------------------------------------------------------------------------

  void work_on_parameters(i64 n, LaneMeasures& found);
  void find_gradient(const LaneLayer& layer, i64 n);
  void find_dealt_out_gradient(const DealtOut& part, i64 n);

  // A pass over the weights or the bias of a unit, whose sums are taken as `Trainer` takes them:
  // sums[j] are those of the columns j, j + L, ... of the panel.
  void over_unit(const Unit& unit, int penalised, Pass pass, LaneMeasures* found);
  static void add(const LaneMeasures& part, LaneMeasures& total);
  static void add_sums(const Vec<T>* parts, double* total);
  template <class F>
  void each_parameter(const LaneLayer& layer, i64 from, i64 to, i64 first, i64 columns, F f) {
    const bool narrow = layer.fan_out - first <= L;
    for (i64 i = from; i < to; ++i) {
      const i64 place = narrow ? (i - from) % 2 * L : 0;
      const i64 row = (layer.start + i * layer.out_stride + first) * L;
      for (i64 j = 0; j < columns; ++j) f(row + j * L, place + j);
    }
  }
  template <int O, bool PENALISED, bool RARE>
  void finish_and_move(const LaneLayer& layer, i64 from, i64 to, i64 first, i64 columns,
                       Sums<T>* sums) {
    const Constants c = constants_;  // a copy stays in registers
    each_parameter(layer, from, to, first, columns, [&](i64 k, i64 j) {
      finish_and_move_one<T, O, PENALISED, RARE>(c, gradient_ + k, weights_ + k, first_ + k,
                                                 second_ + k, sums[j]);
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

  template <int O> void use(bool rare, bool penalises) {
    finish_[0] = rare ? &Interleaved::finish_and_move<O, false, true>
                      : &Interleaved::finish_and_move<O, false, false>;
    finish_[1] = rare        ? &Interleaved::finish_and_move<O, true, true>
                 : penalises ? &Interleaved::finish_and_move<O, true, false>
                             : finish_[0];
    move_[0] = &Interleaved::move_only<O, false>;
    move_[1] = &Interleaved::move_only<O, true>;
  }
  void choose_update();

  // Epochs ---------------------------------------------------------------------------------

  void look();
  void look_at_row(const T* z);

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
  bool limits_ = false;   // the norm of the gradient

  Mode mode_ = kTrain;
  i64 start_ = 0;
  Constants constants_ = {};
  Vec<T> shrink_ = {};
};

}  // namespace mlp::MLP_ISA
