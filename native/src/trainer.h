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

constexpr i64 kRowsAhead = 8;
constexpr i64 kShortRow = 128;

enum Mode { kTrain, kLook };

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
                       const T* slot_2);
  void save(mlp_state& state, T* parameters, T* slot_1, T* slot_2, T* best) const;

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

 private:
  friend class Interleaved<T>;   // which carries networks on in lanes

  static constexpr int kHalf = static_cast<int>(lanes<T> / 2);
  static constexpr i64 kUnitSize = kUnitRows * 2 * lanes<T>;
  using Move = void (*)(const StepConstants<T>&, T*, T*, T*, T*, i64, Measures&);
  using MoveOnly = void (*)(const StepConstants<T>&, T, const T*, T*, T*, T*, i64);

  // Memory ---------------------------------------------------------------------------------

  void lay_out(const Setup& setup, Arena& arena);
  void lay_out_layers(const mlp_config& config, Arena& arena);
  void lay_out_values(const mlp_config& config, Arena& arena);
  void lay_out_units(Arena& arena);

  // Without a penalty weights are as biases.
  template <int O> void use(bool rare, bool penalises) {
    move_[0] = rare ? &finish_and_move<T, O, false, true> : &finish_and_move<T, O, false, false>;
    move_[1] = rare        ? &finish_and_move<T, O, true, true>
               : penalises ? &finish_and_move<T, O, true, false>
                           : move_[0];
    move_only_[0] = &move_only<T, O, false>;
    move_only_[1] = &move_only<T, O, true>;
  }

  void choose_update(const mlp_config& config);

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
    share_out_units();
    in_parallel(&Trainer::work_on_units);
    return summed_losses();
  }

  double summed_losses() const {
    const i64 padded = round_up(n_block_, lanes<T>);
    Vec<T> total = {};
    for (i64 r = 0; r < padded; r += lanes<T>) total += load(row_loss_ + r);
    return sum_of<T>(total);
  }

  void set_block(i64 at, i64 n, const int64_t* order);

  // The row of the data that is row r of the block.
  i64 row_of(i64 r) const { return block_order_ ? block_order_[r] : block_start_ + r; }

  void work_on_rows(int thread, int n_threads);
  bool fills_half() const { return n_outputs_ >= kWorthSquares && n_outputs_ <= kHalf; }
  bool is_relu(i64 o) const {
    return o > 0 && o < n_ops_ && ops_[o].spec.kind == MLP_ACTIVATION &&
           ops_[o].spec.function == MLP_RELU;
  }
  void gather(i64 from, i64 to);
  void forward(i64 from, i64 to);
  void drop(const Op<T>& op, const T* input, i64 in_stride, i64 from, i64 to);

  // Losses of rows, `lanes` at a time, and D of the last layer.
  void find_losses(i64 from, i64 to, T* transposed);
  // out[k][lane] = rows[lane][k]. Where rows end at `end` nothing beyond it is read.
  void transposed_rows(const T* const (&rows)[lanes<T>], const T* end, T* out) const;

  // Back to rows: D of the last layer.
  void spread_gradient(const T* d, i64 r, i64 n);

  // Whether every decided column of a row (strided by the lanes) is that of the target.
  bool is_right(const T* z, const T* y) const;
  void backward(i64 from, i64 to);

  // Parameters -------------------------------------------------------------------------------

  void share_out_units();
  template <class F> void for_units(int thread, int n_threads, F f);
  void work_on_units(int thread, int n_threads);
  // Of the weights of a unit, then of its bias.
  void find_gradient(const Unit& unit, T* out);

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

  bool moves_at_once() const { return updates_ && setup_->config.clip_norm < 0; }
  void finish(const Unit& unit, T* g, Measures& measures);
  void refresh(const Unit& unit);
  void refresh_all();
  Measures measured() const;
  void move_within_norm(const Measures& found);
  void work_on_moves(int thread, int n_threads);

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
  Share* shares_;          // of each thread
  Measures* unit_measures_;
  T *weights_, *gradient_, *first_, *second_, *best_;
  T* passing_gradient_;    // of each thread's unit at hand
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
  void (Trainer::*work_)(int, int);

  // Where training stands
  Progress progress_;
  const int64_t* order_;
  i64 block_position_, look_;
  double step_loss_, step_total_, deadline_;
  i64 unread_, work_of_step_;
};

}  // namespace mlp::MLP_ISA
