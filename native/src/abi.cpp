// The boundary: every size and kind is checked here, before anything runs.
#include "abi.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#endif

#include "checks.h"
#include "dispatch.h"
#include "handle.h"
#include "thread_pool.h"

namespace mlp {

double seconds_now() {
  using clock = std::chrono::steady_clock;
  return std::chrono::duration<double>(clock::now().time_since_epoch()).count();
}

void run_in_parallel(void* pool, Work work, void* context) {
  static_cast<ThreadPool*>(pool)->run(work, context);
}

namespace {

bool good_limit(double value) { return !std::isnan(value); }

int32_t check_loss(const mlp_config& config) {
  if (!within(config.loss, 0, MLP_N_LOSSES - 1)) return MLP_BAD_VALUE;
  return check_groups(config.groups, config.n_groups, config.ops[config.n_ops - 1].fan_out);
}

int32_t check_config(const mlp_config* config) {
  if (!config || config->size != sizeof(mlp_config)) return MLP_BAD_STRUCT;
  if (!within(config->dtype, MLP_FLOAT32, MLP_FLOAT64)) return MLP_BAD_VALUE;
  if (check_ops(config->ops, config->n_ops) != MLP_OK) return MLP_BAD_VALUE;
  if (check_loss(*config) != MLP_OK) return MLP_BAD_VALUE;
  if (!within(config->optimiser, 0, MLP_N_OPTIMISERS - 1)) return MLP_BAD_VALUE;
  if (!within(config->monitor, MLP_TRAINING_LOSS, MLP_VALIDATION_SCORE)) return MLP_BAD_VALUE;
  if (!within(config->score, MLP_NO_SCORE, MLP_R2_EXP)) return MLP_BAD_VALUE;
  if (!within(config->batch_size, 1, kLargestSize)) return MLP_BAD_VALUE;
  if (!within(config->n_threads, 1, kMostThreads)) return MLP_BAD_VALUE;
  if (!good_limit(config->clip_norm) || !good_limit(config->clip_value)) return MLP_BAD_VALUE;
  return check_isa(config->isa);
}

int32_t check_training_rows(const mlp_config& config, const mlp_rows* rows) {
  const int32_t code = check_rows(rows, config.ops[0].fan_in);
  if (code != MLP_OK) return code;
  return rows->n_rows > 0 && rows->target ? MLP_OK : MLP_BAD_VALUE;
}

int32_t check_validation(const mlp_config& config, const mlp_rows* validation) {
  if (!validation) return config.monitor == MLP_TRAINING_LOSS ? MLP_OK : MLP_BAD_VALUE;
  const int32_t code = check_training_rows(config, validation);
  if (code != MLP_OK) return code;
  const bool needs_total = config.score == MLP_R2 || config.score == MLP_R2_EXP;
  return needs_total && !validation->r2_total ? MLP_BAD_VALUE : MLP_OK;
}

}  // namespace
}  // namespace mlp

namespace mlp {

Memory zeros(int64_t bytes) {
  constexpr int64_t small_page = 4096, huge_page = int64_t{1} << 21;
  if (bytes < 0 || bytes > kLargestSize * 8) return nullptr;
  const int64_t page = bytes < huge_page ? small_page : huge_page;
  const auto size = static_cast<std::size_t>((bytes + page - 1) / page * page);
  Memory memory(std::aligned_alloc(static_cast<std::size_t>(page), size));
#if defined(MADV_HUGEPAGE)
  // Fewer pages to be given at the start and to be looked up later; a wish, so no check.
  if (memory && page == huge_page) madvise(memory.get(), size, MADV_HUGEPAGE);
#endif
  if (memory) std::memset(memory.get(), 0, size);
  return memory;
}

namespace {

void own_config(mlp_network& network, const mlp_config& config) {
  network.ops.assign(config.ops, config.ops + config.n_ops);
  network.groups.assign(config.groups, config.groups + config.n_groups);
  network.setup.config = config;
  network.setup.config.ops = network.ops.data();
  network.setup.config.groups = network.groups.data();
  if (config.label_weights) {
    const int64_t n = 2 * config.ops[config.n_ops - 1].fan_out;
    network.label_weights.assign(config.label_weights, config.label_weights + n);
    network.setup.config.label_weights = network.label_weights.data();
  }
}

int32_t place(mlp_network& network) {
  const mlp_config& config = network.setup.config;
  network.setup.n_threads = config.n_threads;
  if (config.n_threads > 1) {
    network.pool = std::make_unique<ThreadPool>(config.n_threads);
    network.setup.pool = network.pool.get();
  }
  network.backend = named_instruction_set(config.isa).backend(config.dtype);
  network.n_parameters = n_parameters_of(config.ops, config.n_ops);
  network.arena = zeros(network.backend.arena_bytes(network.setup));
  if (!network.arena) return MLP_NO_MEMORY;
  network.trainer = network.backend.place(network.setup, network.arena.get());
  return MLP_OK;
}

int32_t create(const mlp_config* config, const mlp_rows* rows, const mlp_rows* validation,
               const mlp_state* state, const void* parameters, const void* slot_1,
               const void* slot_2, int64_t n_parameters, mlp_network** out) {
  int32_t code = check_config(config);
  if (code == MLP_OK) code = check_training_rows(*config, rows);
  if (code == MLP_OK) code = check_validation(*config, validation);
  if (code != MLP_OK) return code;
  if (!state || state->size != sizeof(mlp_state)) return MLP_BAD_STRUCT;
  if (!parameters || !out || n_parameters != n_parameters_of(config->ops, config->n_ops))
    return MLP_BAD_VALUE;
  auto network = std::make_unique<mlp_network>();
  own_config(*network, *config);
  network->setup.rows = *rows;
  network->setup.has_validation = validation != nullptr;
  if (validation) network->setup.validation = *validation;
  code = place(*network);
  if (code != MLP_OK) return code;
  network->backend.load(network->trainer, *state, parameters, slot_1, slot_2);
  *out = network.release();
  return MLP_OK;
}

int32_t run(mlp_network& network, const int64_t* orders, const double* rates,
            int32_t rates_a_step, int64_t n_epochs, double budget, mlp_record* records,
            int64_t* done) {
  if (!records || !done || !within(n_epochs, 0, kLargestSize) || !within(*done, 0, n_epochs))
    return MLP_BAD_VALUE;
  const FlushDenormals flush;
  const RunArguments arguments{orders,   rates,  rates && rates_a_step != 0,
                               n_epochs, budget, records,
                               done};
  return network.backend.run(network.trainer, arguments);
}

}  // namespace
}  // namespace mlp

extern "C" {

int32_t mlp_abi_version(void) { return MLP_ABI_VERSION; }

void mlp_struct_sizes(uint64_t sizes[6]) {
  sizes[0] = sizeof(mlp_op);
  sizes[1] = sizeof(mlp_config);
  sizes[2] = sizeof(mlp_rows);
  sizes[3] = sizeof(mlp_state);
  sizes[4] = sizeof(mlp_task);
  sizes[5] = sizeof(mlp_predictor);
}

int32_t mlp_n_isas(void) { return mlp::n_instruction_sets(); }

const char* mlp_isa_name(int32_t index) {
  return mlp::within(index, 0, mlp::n_instruction_sets() - 1) ? mlp::instruction_set(index).name
                                                              : nullptr;
}

int32_t mlp_isa_available(int32_t index) {
  return mlp::within(index, 0, mlp::n_instruction_sets() - 1) &&
         mlp::instruction_set(index).available();
}

int32_t mlp_best_isa(void) { return mlp::best_instruction_set(); }

int32_t mlp_create(const mlp_config* config, const mlp_rows* rows, const mlp_rows* validation,
                   const mlp_state* state, const void* parameters, const void* slot_1,
                   const void* slot_2, int64_t n_parameters, mlp_network** out) {
  return mlp::guarded([&] {
    return mlp::create(config, rows, validation, state, parameters, slot_1, slot_2, n_parameters,
                       out);
  });
}

int32_t mlp_run(mlp_network* network, const int64_t* orders, const double* rates,
                int32_t rates_a_step, int64_t n_epochs, double budget_seconds,
                mlp_record* records, int64_t* done) {
  if (!network) return MLP_BAD_VALUE;
  return mlp::guarded([&] {
    return mlp::run(*network, orders, rates, rates_a_step, n_epochs, budget_seconds, records,
                    done);
  });
}

int32_t mlp_export(const mlp_network* network, mlp_state* state, void* parameters, void* slot_1,
                   void* slot_2, void* best, int64_t n_parameters) {
  if (!network || !parameters || n_parameters != network->n_parameters) return MLP_BAD_VALUE;
  if (!state || state->size != sizeof(mlp_state)) return MLP_BAD_STRUCT;
  network->backend.save(network->trainer, *state, parameters, slot_1, slot_2, best);
  return MLP_OK;
}

int32_t mlp_objective(mlp_network* network, double* value, double* reported, void* gradient,
                      int64_t n_parameters) {
  if (!network || !value || !reported || !gradient || n_parameters != network->n_parameters)
    return MLP_BAD_VALUE;
  return mlp::guarded([&] {
    const mlp::FlushDenormals flush;
    network->backend.objective(network->trainer, value, reported, gradient);
    return static_cast<int32_t>(MLP_OK);
  });
}

void mlp_destroy(mlp_network* network) { delete network; }

int32_t mlp_elementary(int32_t isa, int32_t dtype, int32_t function, const void* x, void* out,
                       int64_t n) {
  if (!mlp_isa_available(isa)) return MLP_NO_ISA;
  if (!x || !out || n < 0 || !mlp::within(dtype, MLP_FLOAT32, MLP_FLOAT64) ||
      !mlp::within(function, 0, 8))
    return MLP_BAD_VALUE;
  mlp::instruction_set(isa).backend(dtype).elementary(function, x, out, n);
  return MLP_OK;
}

}  // extern "C"
