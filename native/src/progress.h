// Where the training of one network stands: rates, figures of the epoch under way, stopping rule.
//
// Numbers here are double whatever the parameters are, so this is shared by both types and by
// networks that train alone or in lanes.
#pragma once

#include "optimisers.h"

namespace mlp::MLP_ISA {

// Sums over the validation rows.
struct Look {
  double loss, weight, right;
  bool finite;
  double* residual;   // per output Σ s (y - prediction)²

  void begin(i64 n_outputs) {
    loss = weight = right = 0;
    finite = true;
    for (i64 k = 0; k < n_outputs; ++k) residual[k] = 0;
  }

  // One row with raw predictions z and targets y, `stride` apart, of weight s; `is_right` is
  // what an accuracy counts.
  template <class T>
  void add(int32_t score, const T* z, const T* y, i64 z_stride, i64 y_stride, i64 n_outputs,
           double s, bool is_right) {
    weight += s;
    if (score == MLP_NO_SCORE) return;
    for (i64 k = 0; k < n_outputs; ++k)
      finite = finite && z[k * z_stride] - z[k * z_stride] == T(0);
    if (score == MLP_ACCURACY_EXCLUSIVE || score == MLP_ACCURACY_LABELS) {
      right += is_right ? s : 0;
      return;
    }
    for (i64 k = 0; k < n_outputs; ++k) {
      const double raw = static_cast<double>(z[k * z_stride]);
      const double off = static_cast<double>(y[k * y_stride]) -
                         (score == MLP_R2_EXP ? __builtin_exp(raw) : raw);
      residual[k] += s * off * off;
    }
  }

  double score_of(const mlp_config& config, const mlp_rows& rows, i64 n_outputs) const {
    const double nan = __builtin_nan("");
    if (!finite) return nan;
    if (config.score == MLP_ACCURACY_EXCLUSIVE || config.score == MLP_ACCURACY_LABELS)
      return right / weight;
    if (rows.n_rows < 2) return nan;
    double sum = 0;
    for (i64 k = 0; k < n_outputs; ++k) {
      const double total = rows.r2_total[k];
      sum += total == 0 ? (residual[k] == 0 ? 1.0 : 0.0) : 1 - residual[k] / total;
    }
    return sum / static_cast<double>(n_outputs);
  }
};

struct Progress {
  const Setup* setup;
  const RunArguments* given;
  mlp_state state;
  Look look;
  bool in_epoch;
  i64 n_outputs;
  i64 position, table_start;   // rows done in this epoch; step at which the table of rates begins
  double rate, loss, norm, mu_product, began, ended;

  const mlp_config& config() const { return setup->config; }
  i64 n_rows() const { return setup->rows.n_rows; }

  void begin_run(const RunArguments& arguments) {
    given = &arguments;
    ended = 0;
    if (*arguments.done == 0 && !in_epoch) table_start = state.step;
  }

  bool goes_on() const { return *given->done < given->n_epochs && state.stop == MLP_RUNNING; }

  void begin_epoch() {
    if (in_epoch) return;
    in_epoch = true;
    began = *given->done > 0 && ended > 0 ? ended : seconds_now();
    position = 0;
    loss = norm = rate = 0;
    look.begin(n_outputs);
  }

  // The order of the rows in this epoch, or null.
  const int64_t* order() const {
    return given->orders ? given->orders + *given->done * n_rows() : nullptr;
  }

  int32_t check_order(i64 n) const {
    const int64_t* rows = order();
    const auto n_stored = static_cast<std::uint64_t>(setup->rows.n_stored);
    for (i64 r = position; rows && r < position + n; ++r)
      if (static_cast<std::uint64_t>(rows[r]) >= n_stored) return MLP_BAD_ORDER;
    return MLP_OK;
  }

  double rate_of_step() const {
    if (!given->rates) {
      // Repeated division, not a power: the same rounding as in scikit-learn.
      double found = config().initial_rate;
      for (i64 n = 0; config().adaptive && n < state.divisions; ++n) found /= 5.0;
      return found;
    }
    return given->rates[given->rates_a_step ? state.step - table_start : *given->done];
  }

  // The constants of the next step, on rows of this total weight.
  template <class T> StepConstants<T> begin_step(double total) {
    mu_product = state.mu_product;
    StepConstants<T> constants{};
    set_bias_corrections<T>(constants, config(), state.step + 1, mu_product);
    return begin_step<T>(total, constants);
  }

  // The same, with the bias corrections that a network in step with this one has.
  template <class T> StepConstants<T> begin_step(double total, StepConstants<T> corrections) {
    rate = rate_of_step();
    return constants_of<T>(total, rate, config().clip_value, corrections);
  }

  bool in_step_with(const Progress& other) const {
    const mlp_config &a = config(), &b = other.config();
    return state.step == other.state.step && a.beta_1 == b.beta_1 && a.beta_2 == b.beta_2 &&
           a.epsilon == b.epsilon && a.optimiser != MLP_NADAM;
  }

  template <class T>
  StepConstants<T> constants_of(double total, double of_rate, double clip_value,
                                StepConstants<T> constants = {}) const {
    constants.scale = static_cast<T>(1 / total);
    constants.l2 = static_cast<T>(config().l2 / total);
    constants.l1 = static_cast<T>(config().l1);
    constants.clip_value = static_cast<T>(clip_value < 0 ? __builtin_inf() : clip_value);
    constants.rate = static_cast<T>(-of_rate);
    constants.decay = static_cast<T>(of_rate * config().weight_decay);
    return constants;
  }

  double penalty_of(const Measures& found, double total) const {
    double penalty = 0;
    if (config().l2 != 0) penalty += 0.5 * config().l2 * found.weight_squares / total;
    if (config().l1 != 0) penalty += config().l1 * found.weight_sizes;
    return penalty;
  }

  // What the gradient is multiplied by under a limit on its norm.
  double shrink_of(const Measures& found) const {
    const double length = __builtin_sqrt(found.clipped_squares);
    return length > config().clip_norm ? config().clip_norm / length : 1.0;
  }

  // After a step on n rows whose losses sum to `losses` and whose weights to `total`.
  void end_step(i64 n, double losses, double total, const Measures& found) {
    state.mu_product = mu_product;
    ++state.step;
    position += n;
    const double data_loss = losses / total * config().reported_scale;
    loss += (data_loss + penalty_of(found, total)) * static_cast<double>(n);
    norm += __builtin_sqrt(found.squares);
  }

  // Closes the epoch. True where its parameters are the best so far.
  bool end_epoch(bool parameters_are_finite) {
    mlp_record& record = given->records[*given->done];
    const i64 n = n_rows(), steps = (n + config().batch_size - 1) / config().batch_size;
    state.samples_seen += n;
    record.loss = loss / static_cast<double>(n);
    record.gradient_norm = norm / static_cast<double>(steps);
    record.learning_rate = rate;
    record.validation_loss = record.validation_score = 0;
    bool improved = false;
    if (!config().manual_close) {
      ++state.epoch;
      if (setup->has_validation) {
        record.validation_loss = look.loss / look.weight * config().reported_scale;
        if (config().score != MLP_NO_SCORE)
          record.validation_score = look.score_of(config(), setup->validation, n_outputs);
      }
      improved = apply_rule(record, parameters_are_finite);
    }
    ended = seconds_now();
    record.seconds = ended - began;
    in_epoch = false;
    ++*given->done;
    return improved;
  }

  // The stopping rule of `mlplab/engines/stopping.py`, with its treatment of NaN.
  bool apply_rule(mlp_record& record, bool parameters_are_finite) {
    if (!is_finite(record.loss) || !parameters_are_finite) {
      state.stop = MLP_DIVERGED;
      // Infinity or NaN: that may hang on how rows and columns are padded, and says no more.
      for (double* figure : {&record.loss, &record.gradient_norm, &record.validation_loss})
        if (!is_finite(*figure)) *figure = __builtin_nan("");
      return false;
    }
    const double figure = config().monitor == MLP_TRAINING_LOSS     ? record.loss
                          : config().monitor == MLP_VALIDATION_LOSS ? record.validation_loss
                                                                    : -record.validation_score;
    const bool no_better = figure > state.figure_to_beat - config().tolerance;
    const bool improved = figure < state.best_figure;
    state.no_improvement = no_better ? state.no_improvement + 1 : 0;
    if (figure < state.figure_to_beat) state.figure_to_beat = figure;
    if (improved) {
      state.best_figure = figure;
      state.best_epoch = state.epoch;
      state.improved = 1;
    }
    if (static_cast<double>(state.no_improvement) > config().patience) out_of_patience(figure);
    if (state.stop == MLP_RUNNING && state.epoch - state.first_epoch >= config().max_epochs)
      state.stop = MLP_MAX_EPOCHS;
    return improved;
  }

  static bool is_finite(double value) { return value - value == 0; }

  void out_of_patience(double figure) {
    if (!config().adaptive) {
      state.stop = MLP_PLATEAU;
    } else if (rate <= 1e-6) {
      state.stop = MLP_RATE_TOO_SMALL;
    } else {
      ++state.divisions;
      state.no_improvement = 0;
      if (config().forgets_best) state.figure_to_beat = figure;
    }
  }
};

}  // namespace mlp::MLP_ISA
