// Dropout masks from the counter-based hash of `mlplab/nn/dropout.py`: the finaliser of
// SplitMix64 (Steele, Lea and Flood, 2014), once a coordinate. No generator advances, so any
// thread computes its part of a mask alone.
#pragma once

#include "vec.h"

namespace mlp::MLP_ISA {

static inline std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

static inline std::uint64_t dropout_key(std::uint64_t seed, std::uint64_t step,
                                        std::uint64_t layer) {
  return mix(mix(mix(seed) ^ step) ^ layer);
}

// One row: scale[j] = kept ? factor : 0, out[j] = x[j]·scale[j]. `index` counts the elements of
// the layer's value in the batch before this row; the threshold is rate·2^53.
template <class T>
static void drop_row(const T* x, T* out, T* scale, i64 width, std::uint64_t key,
                     std::uint64_t index, std::uint64_t threshold, T factor) {
  for (i64 j = 0; j < width; ++j)
    scale[j] = (mix((index + static_cast<std::uint64_t>(j)) ^ key) >> 11) >= threshold ? factor
                                                                                      : T(0);
  for (i64 j = 0; j < width; ++j) out[j] = x[j] * scale[j];
}

}  // namespace mlp::MLP_ISA
