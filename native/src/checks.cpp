#include "checks.h"

#include "dispatch.h"

namespace mlp {

int32_t check_ops(const mlp_op* ops, int32_t n_ops) {
  if (!within(n_ops, 1, kMostOps) || !ops) return MLP_BAD_VALUE;
  int64_t width = ops[0].fan_in;
  bool has_dense = false;
  for (int32_t o = 0; o < n_ops; ++o) {
    const mlp_op& op = ops[o];
    if (!within(op.fan_in, 1, kLargestWidth) || !within(op.fan_out, 1, kLargestWidth))
      return MLP_BAD_VALUE;
    if (op.fan_in != width || !within(op.kind, MLP_DENSE, MLP_DROPOUT)) return MLP_BAD_VALUE;
    if (op.kind != MLP_DENSE && op.fan_out != op.fan_in) return MLP_BAD_VALUE;
    if (op.kind == MLP_ACTIVATION && !within(op.function, 0, MLP_N_FUNCTIONS - 1))
      return MLP_BAD_VALUE;
    has_dense = has_dense || op.kind == MLP_DENSE;
    width = op.fan_out;
  }
  return has_dense && n_parameters_of(ops, n_ops) <= kLargestSize ? MLP_OK : MLP_BAD_VALUE;
}

int64_t n_parameters_of(const mlp_op* ops, int32_t n_ops) {
  int64_t total = 0;
  for (int32_t o = 0; o < n_ops; ++o)
    if (ops[o].kind == MLP_DENSE) total += (ops[o].fan_in + 1) * ops[o].fan_out;
  return total;
}

int32_t check_groups(const int64_t* groups, int32_t n_groups, int64_t n_outputs) {
  if (!within(n_groups, 1, kLargestWidth) || !groups) return MLP_BAD_VALUE;
  int64_t total = 0;
  for (int32_t g = 0; g < n_groups; ++g) {
    if (!within(groups[g], 1, kLargestWidth)) return MLP_BAD_VALUE;
    total += groups[g];
  }
  return total == n_outputs ? MLP_OK : MLP_BAD_VALUE;
}

int32_t check_isa(int32_t isa) {
  if (!within(isa, 0, n_instruction_sets())) return MLP_BAD_VALUE;
  return isa == 0 || instruction_set(isa - 1).available() ? MLP_OK : MLP_NO_ISA;
}

namespace {

int32_t check_sparse(const mlp_rows& rows) {
  const int64_t stored = rows.indptr[rows.n_stored];
  if (rows.indptr[0] != 0 || !within(stored, 0, kLargestSize)) return MLP_BAD_VALUE;
  if (stored > 0 && (!rows.x || !rows.indices)) return MLP_BAD_VALUE;
  for (int64_t r = 0; r < rows.n_stored; ++r)
    if (!within(rows.indptr[r + 1], rows.indptr[r], stored)) return MLP_BAD_VALUE;
  for (int64_t e = 0; e < stored; ++e)
    if (!within(rows.indices[e], 0, rows.n_columns - 1)) return MLP_BAD_VALUE;
  return MLP_OK;
}

}  // namespace

int32_t check_rows(const mlp_rows* rows, int64_t n_columns) {
  if (!rows || rows->size != sizeof(mlp_rows)) return MLP_BAD_STRUCT;
  if (!within(rows->n_stored, 0, kLargestSize / n_columns)) return MLP_BAD_VALUE;
  if (!within(rows->n_rows, 0, rows->n_stored)) return MLP_BAD_VALUE;
  if (rows->n_columns != n_columns) return MLP_BAD_VALUE;
  if (rows->indptr) return check_sparse(*rows);
  return rows->x || rows->n_stored == 0 ? MLP_OK : MLP_BAD_VALUE;
}

}  // namespace mlp
