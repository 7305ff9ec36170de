// What every door of the boundary shares: limits of sizes, and no exception gets out.
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

// Nothing may leave the boundary but a code.
template <class F> int32_t guarded(F f) noexcept {
  try {
    return f();
  } catch (...) {
    return MLP_NO_MEMORY;
  }
}

}  // namespace mlp
