// Predictions: many rows go through in blocks, on several threads where that is worth it; a few
// rows go one by one, without a copy of the weights.
#include <atomic>

#include "checks.h"
#include "handle.h"

namespace mlp {
namespace {

// Copying the weights takes as long as this many rows; it takes longer where new memory is needed.
constexpr int64_t kFewRows = 4, kFewRowsOfLarge = 8, kLarge = 1 << 15;
constexpr int64_t kBlockRows = 128;
// Multiply-adds below which a second thread costs more than it brings.
constexpr double kWorthAThread = 1.5e6;
// Working memory that fits on the stack.
constexpr int64_t kSmall = 16384;

int32_t check_predictor(const mlp_predictor* plan) {
  if (!plan || plan->size != sizeof(mlp_predictor)) return MLP_BAD_STRUCT;
  if (!within(plan->dtype, MLP_FLOAT32, MLP_FLOAT64) || !plan->arrays) return MLP_BAD_VALUE;
  if (!within(plan->link, 0, MLP_N_LINKS - 1)) return MLP_BAD_VALUE;
  if (!within(plan->n_threads, 1, kMostThreads)) return MLP_BAD_VALUE;
  if (check_ops(plan->ops, plan->n_ops) != MLP_OK) return MLP_BAD_VALUE;
  const void* const* array = plan->arrays;
  for (int32_t o = 0; o < plan->n_ops; ++o)
    if (plan->ops[o].kind == MLP_DENSE && (!*array++ || !*array++)) return MLP_BAD_VALUE;
  if (plan->link == MLP_LINK_SOFTMAX &&
      check_groups(plan->groups, plan->n_groups, plan->ops[plan->n_ops - 1].fan_out) != MLP_OK)
    return MLP_BAD_VALUE;
  return check_isa(plan->isa);
}

// Blocks are dealt out to whoever is free; which thread has one never shows in the bits.
struct Prediction {
  const mlp_predictor& plan;
  const mlp_rows& rows;
  const PredictionBackend backend;
  const int32_t how;
  char* const out;
  const int64_t row_bytes;   // of what comes out
  const void* panels = nullptr;
  std::atomic<int64_t> next{0};
  std::atomic<int32_t> worst{MLP_OK};

  void predict_block(int64_t from, int64_t n, void* scratch) {
    {
      const FlushDenormals flush;
      backend.predict_rows(plan, panels, rows, from, n, scratch, out + from * row_bytes);
    }
    if (how & MLP_THROUGH_LINK) backend.apply_link(plan, out + from * row_bytes, n);
  }

  bool refuses(int64_t from, int64_t n) const {
    if (!(how & MLP_FINITE_ONLY) || rows.indptr) return false;
    const int64_t number = plan.dtype == MLP_FLOAT32 ? 4 : 8;
    const char* x = static_cast<const char*>(rows.x) + from * rows.n_columns * number;
    return !backend.all_finite(x, n * rows.n_columns);
  }

  int32_t few_rows() {
    alignas(64) char small[kSmall];
    const int64_t bytes = backend.scratch_size(plan, rows, 1);
    const Memory large = bytes > kSmall ? zeros(bytes) : nullptr;
    if (bytes > kSmall && !large) return MLP_NO_MEMORY;
    if (refuses(0, rows.n_rows)) return MLP_NOT_FINITE;
    for (int64_t r = 0; r < rows.n_rows; ++r)
      predict_block(r, 1, large ? large.get() : static_cast<void*>(small));
    return MLP_OK;
  }

  int32_t many_rows() {
    const int64_t n_blocks = (rows.n_rows + kBlockRows - 1) / kBlockRows;
    const double work = static_cast<double>(rows.n_rows) *
                        static_cast<double>(n_parameters_of(plan.ops, plan.n_ops));
    const int64_t n_threads = work < kWorthAThread ? 1 : std::min<int64_t>(plan.n_threads, n_blocks);
    const Memory memory = zeros(backend.panels_size(plan));
    if (!memory) return MLP_NO_MEMORY;
    backend.fill_panels(plan, memory.get());
    panels = memory.get();
    on_threads(n_threads, [this] {
      const int32_t code = take_blocks();
      if (code != MLP_OK) worst = code;
    });
    return worst;
  }

  int32_t take_blocks() {
    const Memory scratch = zeros(backend.scratch_size(plan, rows, std::min(rows.n_rows, kBlockRows)));
    if (!scratch) return MLP_NO_MEMORY;
    for (int64_t from = kBlockRows * next++; from < rows.n_rows; from = kBlockRows * next++) {
      const int64_t n = std::min(kBlockRows, rows.n_rows - from);
      if (worst != MLP_OK) return MLP_OK;
      if (refuses(from, n)) return MLP_NOT_FINITE;
      predict_block(from, n, scratch.get());
    }
    return MLP_OK;
  }
};

int32_t predict(const mlp_predictor* plan, const mlp_rows* rows, int32_t how, void* out) {
  int32_t code = check_predictor(plan);
  if (code == MLP_OK) code = check_rows(rows, plan->ops[0].fan_in);
  if (code != MLP_OK) return code;
  if (!within(how, 0, MLP_THROUGH_LINK | MLP_FINITE_ONLY)) return MLP_BAD_VALUE;
  if (rows->n_rows == 0) return MLP_OK;
  if (!out) return MLP_BAD_VALUE;
  const int64_t number = plan->dtype == MLP_FLOAT32 ? 4 : 8;
  Prediction prediction{*plan, *rows, named_instruction_set(plan->isa).prediction(plan->dtype),
                        how, static_cast<char*>(out), number * plan->ops[plan->n_ops - 1].fan_out};
  const bool large = n_parameters_of(plan->ops, plan->n_ops) > kLarge;
  const bool few = rows->n_rows <= (large ? kFewRowsOfLarge : kFewRows);
  return few ? prediction.few_rows() : prediction.many_rows();
}

}  // namespace
}  // namespace mlp

int32_t mlp_predict(const mlp_predictor* plan, const mlp_rows* rows, int32_t how, void* out) {
  return mlp::guarded([&] { return mlp::predict(plan, rows, how, out); });
}

int32_t mlp_predict_dense(const mlp_predictor* plan, const void* x, int64_t n_rows, int32_t how,
                          void* out) {
  mlp_rows rows{};
  rows.size = sizeof(mlp_rows);
  rows.n_rows = rows.n_stored = n_rows;
  rows.x = x;
  return mlp::guarded([&] {
    const int32_t code = mlp::check_predictor(plan);
    if (code != MLP_OK) return code;
    rows.n_columns = plan->ops[0].fan_in;
    return mlp::predict(plan, &rows, how, out);
  });
}
