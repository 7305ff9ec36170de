// What every door of the boundary shares: limits and checks of sizes, and no exception gets out.
#pragma once

#include <stdint.h>

#include "abi.h"

namespace mlp {

// Far above any network that fits into memory, far below where products of sizes overflow.
constexpr int64_t kLargestSize = int64_t{1} << 40;
constexpr int64_t kLargestWidth = int64_t{1} << 24;
constexpr int32_t kMostOps = 4096;
constexpr int32_t kMostThreads = 1024;

inline bool within(int64_t value, int64_t least, int64_t most) {
  return value >= least && value <= most;
}

// Layers that fit each other, one of them dense, and not too many parameters.
int32_t check_ops(const mlp_op* ops, int32_t n_ops);
int32_t check_groups(const int64_t* groups, int32_t n_groups, int64_t n_outputs);
int32_t check_isa(int32_t isa);
// Rows as wide as the network, dense or sparse; none is fine.
int32_t check_rows(const mlp_rows* rows, int64_t n_columns);

// Of checked layers.
int64_t n_parameters_of(const mlp_op* ops, int32_t n_ops);

// Nothing may leave the boundary but a code.
template <class F> int32_t guarded(F f) noexcept {
  try {
    return f();
  } catch (...) {
    return MLP_NO_MEMORY;
  }
}

}  // namespace mlp
