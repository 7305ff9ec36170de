// One family of kernels for all three products of a layer.
//
//   C[rows x panel] (+)= A[rows x depth] · B[depth x panel]
//
// A panel is one or two registers wide. A is read number by number and broadcast, with any two
// strides, so the same kernel serves
//   forward   Z  = X W     A = X                B = a panel of W, bias as the initial value
//   backward  dX = D Wᵀ    A = D                B = a panel of the transposed copy of W
//   gradient  dW = Xᵀ D    A = X, strides swapped   B = columns of D
// A tile of C lives in registers over the whole depth. Each element is one chain of
// multiply-adds from the first to the last index, whatever the tile, so its bits do not depend
// on how rows and panels are cut or which thread has them.
//
// Tiles of 6 x 2 registers leave room for two of B and a broadcast in sixteen registers; with
// thirty-two (AVX-512) they are 12 x 2. Twelve rows go with panels of one register.
#pragma once

#include "vec.h"

namespace mlp::MLP_ISA {

#if MLP_BYTES == 64
constexpr int kRowsOfWide = 12;
#else
constexpr int kRowsOfWide = 6;
#endif
constexpr int kRowsOfNarrow = 12;

// What becomes of a sum on its way to memory. ReLU is so cheap that going through the values again
// would cost more; `kGate` multiplies by its slope, told from the values at `gate`.
enum Ending { kPlain, kRelu, kGate };

// As `value` and `slope` of ReLU in `activations.h`, for registers of any length.
template <Ending E, class V, class T> static inline V ended(V sum, const T* gate) {
  if constexpr (E == kRelu) return sum < T(0) ? V{} : sum;
  if constexpr (E == kGate) return sum * (load_as<V>(gate) > T(0) ? T(1) - V{} : V{});
  return sum;
}

template <class T> struct Product {
  const T* a;
  i64 a_row, a_depth;  // strides of A
  const T* b;
  i64 b_depth;  // stride of B along the depth
  T* c;
  i64 c_row;  // stride of C
  const T* initial;  // one row to start from, or null
  bool add;          // start from what C holds
  i64 rows, depth;
  i64 columns;  // of the panel that are no padding
  Ending ending = kPlain;
  const T* gate = nullptr;   // laid out as C
};

// A small tile has too few sums to keep the multipliers busy, so along a swapped A, whose tiles
// depend on the network's shape alone, the depth is dealt out to several sets of sums.
template <int MR, int NV, bool UNIT_DEPTH> constexpr int sets_of() {
  return UNIT_DEPTH || MR * NV >= 6 ? 1 : MR * NV >= 3 ? 2 : 4;
}

template <class T, class V, int MR, int NV, int SETS>
__attribute__((always_inline)) static inline void multiply_add(V (&sums)[SETS][MR][NV], int set, const T* a, i64 a_row,
                                const T* b) {
  V line[NV];
#pragma GCC unroll 2
  for (int j = 0; j < NV; ++j) line[j] = load_as<V>(b + j * lanes<T>);
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
    const V value = a[i * a_row] - V{};
#pragma GCC unroll 2
    for (int j = 0; j < NV; ++j) sums[set][i][j] += value * line[j];
  }
}

template <class T, class V, int MR, int NV, bool UNIT_DEPTH, Ending E>
static inline void tile(const Product<T>& product, i64 row) {
  constexpr i64 L = lanes<T>;
  constexpr int SETS = sets_of<MR, NV, UNIT_DEPTH>();
  const i64 a_row = UNIT_DEPTH ? product.a_row : 1;
  const i64 a_depth = UNIT_DEPTH ? 1 : product.a_depth;
  const i64 c_row = product.c_row, depth = product.depth, b_depth = product.b_depth;
  const T* __restrict a = product.a + row * a_row;
  const T* __restrict b = product.b;
  T* c = product.c + row * c_row;
  const T* gate = product.gate + row * c_row;
  V sums[SETS][MR][NV] = {};
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 2
    for (int j = 0; j < NV; ++j)
      sums[0][i][j] = product.add       ? load_as<V>(c + i * c_row + j * L)
                      : product.initial ? load_as<V>(product.initial + j * L)
                                        : V{};
  i64 k = 0;
  if constexpr (SETS > 1) {
    for (; k + SETS <= depth; k += SETS) {
#pragma GCC unroll 4
      for (int set = 0; set < SETS; ++set)
        multiply_add<T, V, MR, NV, SETS>(sums, set, a + set * a_depth, a_row, b + set * b_depth);
      a += SETS * a_depth;
      b += SETS * b_depth;
    }
  }
#pragma GCC unroll 2
  for (; k < depth; ++k) {
    multiply_add<T, V, MR, NV, SETS>(sums, 0, a, a_row, b);
    a += a_depth;
    b += b_depth;
  }
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 2
    for (int j = 0; j < NV; ++j) {
#pragma GCC unroll 4
      for (int set = 1; set < SETS; ++set) sums[0][i][j] += sums[set][i][j];
      store_as(c + j * L, ended<E>(sums[0][i][j], gate + j * L));
    }
    c += c_row;
    gate += c_row;
    // One after the other: addresses of all rows at once would not fit the registers.
    __asm__("" : "+r"(c), "+r"(gate));
  }
}

// How a product of this many rows is cut into tiles of nearly equal height; a last tile of one
// row would wait for its own sums.
struct Tiles {
  i64 count, height, taller;
  Tiles(i64 rows, i64 most_rows)
      : count((rows + most_rows - 1) / most_rows),
        height(count ? rows / count : 0),
        taller(count ? rows % count : 0) {}
  i64 rows_of(i64 tile) const { return height + (tile < taller ? 1 : 0); }
};

template <class T, class V, int MR, int NV, bool UNIT_DEPTH, Ending E>
static inline void tile_of(int rows, const Product<T>& product, i64 row) {
  if constexpr (MR > 1) {
    if (rows < MR) return tile_of<T, V, MR - 1, NV, UNIT_DEPTH, E>(rows, product, row);
  }
  tile<T, V, MR, NV, UNIT_DEPTH, E>(product, row);
}

template <class T, class V, int MR, int NV, bool UNIT_DEPTH, Ending E>
static void all_tiles(const Product<T>& product) {
  const Tiles tiles(product.rows, MR);
  i64 row = 0;
  for (i64 t = 0; t < tiles.count; ++t) {
    const i64 rows = tiles.rows_of(t);
    tile_of<T, V, MR, NV, UNIT_DEPTH, E>(static_cast<int>(rows), product, row);
    row += rows;
  }
}

// The sets of sums that a tile of a swapped A has, told at run time.
template <class T> static inline int sets_of_tile(i64 rows, i64 width) {
  const i64 sums = rows * (width / lanes<T>);
  return sums >= 6 ? 1 : sums >= 3 ? 2 : 4;
}
template <class T> static inline i64 tile_rows(i64 width) {
  return width == lanes<T> ? kRowsOfNarrow : kRowsOfWide;
}

template <class T, bool UNIT_DEPTH, Ending E>
static void multiply_panel(const Product<T>& product, i64 width) {
  if (width > lanes<T>)
    all_tiles<T, Vec<T>, kRowsOfWide, 2, UNIT_DEPTH, E>(product);
  else if (2 * product.columns > lanes<T>)
    all_tiles<T, Vec<T>, kRowsOfNarrow, 1, UNIT_DEPTH, E>(product);
  else  // the other half of the register is padding
    all_tiles<T, Half<T>, kRowsOfNarrow, 1, UNIT_DEPTH, E>(product);
}

// One panel of C, of one or two registers.
template <class T> static void multiply(const Product<T>& product, i64 width) {
  if (product.a_depth != 1)
    multiply_panel<T, false, kPlain>(product, width);
  else if (product.ending == kRelu)
    multiply_panel<T, true, kRelu>(product, width);
  else if (product.ending == kGate)
    multiply_panel<T, true, kGate>(product, width);
  else
    multiply_panel<T, true, kPlain>(product, width);
}

// How a matrix with this many columns is cut into panels: all of two registers, but the last,
// which is one register wide where that is enough.
template <class T> struct Panels {
  i64 columns = 0, count = 0, last = 0;
  Panels() = default;
  explicit Panels(i64 n_columns) : columns(n_columns) {
    constexpr i64 wide = 2 * lanes<T>;
    count = (n_columns + wide - 1) / wide;
    last = n_columns - (count - 1) * wide <= lanes<T> ? lanes<T> : wide;
  }
  i64 start(i64 panel) const { return panel * 2 * lanes<T>; }
  i64 width(i64 panel) const { return panel + 1 == count ? last : 2 * lanes<T>; }
  i64 columns_of(i64 panel) const { return least(width(panel), columns - start(panel)); }
  i64 padded() const { return (count - 1) * 2 * lanes<T> + last; }
  // Where a panel begins in a matrix of this many rows that is stored panel by panel.
  i64 offset(i64 panel, i64 rows) const { return panel * 2 * lanes<T> * rows; }
  i64 size(i64 rows) const { return padded() * rows; }
};

}  // namespace mlp::MLP_ISA
