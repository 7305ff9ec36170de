// The products of a layer where every number is a register, each lane of it another network.
//
//   C[i][j] (+)= Σ_k A[i][k] · B[k][j]
//
// One kernel with any strides serves all three, as nothing has to be broadcast:
//   forward   Z  = X W     bias as the initial value
//   backward  dX = D Wᵀ    the same W, strides swapped: no transposed copy
//   gradient  dW = Xᵀ D    X with strides swapped
// Each element is the same chain of multiply-adds as in `micro_kernels.h`, so a lane has the bits
// that its network has alone.
#pragma once

#include "micro_kernels.h"

namespace mlp::MLP_ISA {

// Sums in registers: 4 x 6 of thirty-two, 4 x 3 of sixteen, which leaves room for a line of B.
constexpr int kLaneRows = 4;
#if MLP_BYTES == 64
constexpr int kLaneColumns = 6;
#else
constexpr int kLaneColumns = 3;
#endif

// Strides count registers.
template <class T> struct LaneProduct {
  const T* a;
  i64 a_row, a_depth;
  const T* b;
  i64 b_depth, b_column;
  T* c;
  i64 c_row;
  const T* initial;   // one row to start from, or null
  i64 rows, columns, depth;
  Ending ending = kPlain;
  const T* gate = nullptr;   // laid out as C
};

// Rows of values lie an odd number of registers apart, so that a column of them does not fall
// into the same few sets of the cache.
static inline i64 lane_stride(i64 width) { return width | 1; }

template <class T, int R, int C, int SETS, Ending E>
static inline void lane_tile(const LaneProduct<T>& p, i64 row, i64 column) {
  constexpr i64 L = lanes<T>;
  const T* __restrict a = p.a + row * p.a_row * L;
  const T* __restrict b = p.b + column * p.b_column * L;
  const i64 a_row = p.a_row * L, a_depth = p.a_depth * L;
  const i64 b_depth = p.b_depth * L, b_column = p.b_column * L;
  Vec<T> sums[SETS][R][C] = {};
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < C; ++j)
      sums[0][i][j] = p.initial ? load(p.initial + (column + j) * L) : Vec<T>{};
  i64 k = 0;
  const auto add = [&](int set) __attribute__((always_inline)) {
    Vec<T> line[C];
#pragma GCC unroll 8
    for (int j = 0; j < C; ++j) line[j] = load(b + j * b_column);
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i) {
      const Vec<T> value = load(a + i * a_row);
#pragma GCC unroll 8
      for (int j = 0; j < C; ++j) sums[set][i][j] += value * line[j];
    }
    a += a_depth;
    b += b_depth;
  };
  if constexpr (SETS > 1) {
    for (; k + SETS <= p.depth; k += SETS) {
#pragma GCC unroll 4
      for (int set = 0; set < SETS; ++set) add(set);
    }
  }
  for (; k < p.depth; ++k) add(0);
  T* c = p.c + (row * p.c_row + column) * L;
  const T* gate = p.gate + (row * p.c_row + column) * L;
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < C; ++j) {
#pragma GCC unroll 4
      for (int set = 1; set < SETS; ++set) sums[0][i][j] += sums[set][i][j];
      const i64 place = (i * p.c_row + j) * L;
      store<T>(c + place, ended<E>(sums[0][i][j], gate + place));
    }
}

template <class T, int R, int C, int SETS, Ending E>
static inline void lane_tile_of(i64 rows, i64 columns, const LaneProduct<T>& p, i64 row,
                                i64 column) {
  if constexpr (R > 1) {
    if (rows < R) return lane_tile_of<T, R - 1, C, SETS, E>(rows, columns, p, row, column);
  }
  if constexpr (C > 1) {
    if (columns < C) return lane_tile_of<T, R, C - 1, SETS, E>(rows, columns, p, row, column);
  }
  lane_tile<T, R, C, SETS, E>(p, row, column);
}

// Tiles of nearly equal size. A stays in the nearest cache while B goes by.
template <class T, int R, int C, int SETS, Ending E> static void lane_tiles(const LaneProduct<T>& p) {
  const i64 n_rows = (p.rows + R - 1) / R, n_columns = (p.columns + C - 1) / C;
  for (i64 s = 0; s < n_rows; ++s) {
    const i64 row = p.rows * s / n_rows, rows = p.rows * (s + 1) / n_rows - row;
    for (i64 t = 0; t < n_columns; ++t) {
      const i64 column = p.columns * t / n_columns;
      lane_tile_of<T, R, C, SETS, E>(rows, p.columns * (t + 1) / n_columns - column, p, row, column);
    }
  }
}

// `sets` as in `micro_kernels.h`: how many sums the depth is dealt out to.
template <class T> static void multiply_lanes(const LaneProduct<T>& p, int sets = 1) {
  if (sets == 1 && p.ending == kRelu)
    lane_tiles<T, kLaneRows, kLaneColumns, 1, kRelu>(p);
  else if (sets == 1 && p.ending == kGate)
    lane_tiles<T, kLaneRows, kLaneColumns, 1, kGate>(p);
  else if (sets == 1)
    lane_tiles<T, kLaneRows, kLaneColumns, 1, kPlain>(p);
  else if (sets == 2)
    lane_tiles<T, 2, 3, 2, kPlain>(p);
  else
    lane_tiles<T, 1, 3, 4, kPlain>(p);
}

}  // namespace mlp::MLP_ISA
