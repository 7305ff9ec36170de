// Vectors by the compilers' own extension: one source for every instruction set.
//
// MLP_ISA names the namespace and MLP_BYTES the width of a register; both come from CMake, which
// compiles `isa.cpp` once for each instruction set. Nothing here may be inline with external
// linkage (the linker would merge copies compiled for different machines), so everything lives
// in the namespace of its instruction set.
#pragma once

#include <cstdint>
#include <utility>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace mlp::MLP_ISA {

using i64 = std::int64_t;

template <class T> struct Types;
template <> struct Types<float> {
  typedef std::int32_t half_ints __attribute__((vector_size(MLP_BYTES / 2)));
  typedef float half __attribute__((vector_size(MLP_BYTES / 2)));
  typedef float loose_half __attribute__((vector_size(MLP_BYTES / 2), aligned(4), may_alias));
  typedef float vec __attribute__((vector_size(MLP_BYTES)));
  typedef float loose __attribute__((vector_size(MLP_BYTES), aligned(4), may_alias));
  typedef std::int32_t ints __attribute__((vector_size(MLP_BYTES)));
  typedef std::uint32_t bits __attribute__((vector_size(MLP_BYTES)));
};
template <> struct Types<double> {
  typedef std::int64_t half_ints __attribute__((vector_size(MLP_BYTES / 2)));
  typedef double half __attribute__((vector_size(MLP_BYTES / 2)));
  typedef double loose_half __attribute__((vector_size(MLP_BYTES / 2), aligned(8), may_alias));
  typedef double vec __attribute__((vector_size(MLP_BYTES)));
  typedef double loose __attribute__((vector_size(MLP_BYTES), aligned(8), may_alias));
  typedef std::int64_t ints __attribute__((vector_size(MLP_BYTES)));
  typedef std::uint64_t bits __attribute__((vector_size(MLP_BYTES)));
};

template <class T> using Vec = typename Types<T>::vec;
template <class T> using Ints = typename Types<T>::ints;
template <class T> using Bits = typename Types<T>::bits;
template <class T> constexpr i64 lanes = MLP_BYTES / static_cast<i64>(sizeof(T));

template <class T> static inline Vec<T> load(const T* p) {
  return *reinterpret_cast<const typename Types<T>::loose*>(p);
}
template <class T> static inline void store(T* p, Vec<T> v) {
  *reinterpret_cast<typename Types<T>::loose*>(p) = v;
}
// Half a register, for layers that fill no more.
template <class T> using Half = typename Types<T>::half;
template <class V> struct As;   // how a register is read from memory, and its places counted
template <> struct As<Vec<float>> { typedef Types<float>::loose loose; typedef Ints<float> ints; };
template <> struct As<Vec<double>> { typedef Types<double>::loose loose; typedef Ints<double> ints; };
template <> struct As<Half<float>> {
  typedef Types<float>::loose_half loose;
  typedef Types<float>::half_ints ints;
};
template <> struct As<Half<double>> {
  typedef Types<double>::loose_half loose;
  typedef Types<double>::half_ints ints;
};
template <class V, class T> static inline V load_as(const T* p) {
  return *reinterpret_cast<const typename As<V>::loose*>(p);
}
template <class V, class T> static inline void store_as(T* p, V v) {
  *reinterpret_cast<typename As<V>::loose*>(p) = v;
}

// Written so that compilers see one broadcast; a loop over lanes becomes masked moves.
template <class T> static inline Vec<T> all(T x) { return x - Vec<T>{}; }

template <class T> static inline Vec<T> select(Ints<T> mask, Vec<T> yes, Vec<T> no) {
  return mask ? yes : no;
}

static inline Vec<float> root(Vec<float> x) {
#if defined(__AVX512F__) && MLP_BYTES == 64
  return (Vec<float>)_mm512_maskz_sqrt_ps(0xFFFF, (__m512)x);
#elif defined(__AVX__) && MLP_BYTES == 32
  return (Vec<float>)_mm256_sqrt_ps((__m256)x);
#elif defined(__SSE2__) && MLP_BYTES == 16
  return (Vec<float>)_mm_sqrt_ps((__m128)x);
#else
  for (i64 i = 0; i < lanes<float>; ++i) x[i] = __builtin_sqrtf(x[i]);
  return x;
#endif
}
static inline Vec<double> root(Vec<double> x) {
#if defined(__AVX512F__) && MLP_BYTES == 64
  return (Vec<double>)_mm512_maskz_sqrt_pd(0xFF, (__m512d)x);
#elif defined(__AVX__) && MLP_BYTES == 32
  return (Vec<double>)_mm256_sqrt_pd((__m256d)x);
#elif defined(__SSE2__) && MLP_BYTES == 16
  return (Vec<double>)_mm_sqrt_pd((__m128d)x);
#else
  for (i64 i = 0; i < lanes<double>; ++i) x[i] = __builtin_sqrt(x[i]);
  return x;
#endif
}

template <class V, int... I>
static inline V interleave(V a, V b, int from, std::integer_sequence<int, I...>) {
  constexpr int L = sizeof...(I);
#if defined(__clang__)
  return from ? __builtin_shufflevector(a, b, (I / 2 + L / 2 + I % 2 * L)...)
              : __builtin_shufflevector(a, b, (I / 2 + I % 2 * L)...);
#else
  using Places = typename As<V>::ints;
  return from ? __builtin_shuffle(a, b, Places{(I / 2 + L / 2 + I % 2 * L)...})
              : __builtin_shuffle(a, b, Places{(I / 2 + I % 2 * L)...});
#endif
}

// A square of registers, transposed by log2(lanes) perfect shuffles: each interleaves register i
// with register i + lanes/2, which rotates the bits of (row, column) by one place.
template <class V, int L> static inline void transpose(V (&r)[L]) {
  static_assert(sizeof(V) / sizeof(r[0][0]) == L, "a square");
  using Places = std::make_integer_sequence<int, L>;
#pragma GCC unroll 8
  for (int stage = 1; stage < L; stage *= 2) {
    V next[L];
#pragma GCC unroll 16
    for (int i = 0; i < L / 2; ++i) {
      next[2 * i] = interleave<V>(r[i], r[i + L / 2], 0, Places{});
      next[2 * i + 1] = interleave<V>(r[i], r[i + L / 2], 1, Places{});
    }
#pragma GCC unroll 16
    for (int i = 0; i < L; ++i) r[i] = next[i];
  }
}

// One number from each of `lanes` places.
template <class T, int... I>
static inline Vec<T> from_places(const T* const* p, i64 k, std::integer_sequence<int, I...>) {
  return Vec<T>{p[I][k]...};
}
template <class T> static inline Vec<T> from_places(const T* const* p, i64 k) {
  return from_places<T>(p, k, std::make_integer_sequence<int, static_cast<int>(lanes<T>)>{});
}

// Lanes are added in double, in a fixed order: each half of a register to the other, down to one.
template <class T> static inline double sum_of(Vec<T> v) {
  double total[lanes<T>];
#pragma GCC unroll 16
  for (i64 i = 0; i < lanes<T>; ++i) total[i] = static_cast<double>(v[i]);
#pragma GCC unroll 4
  for (i64 width = lanes<T> / 2; width; width /= 2)
#pragma GCC unroll 8
    for (i64 i = 0; i < width; ++i) total[i] += total[i + width];
  return total[0];
}

template <class T> static inline i64 round_up(T value, i64 to) { return (value + to - 1) / to * to; }
template <class T> static inline T least(T a, T b) { return b < a ? b : a; }
template <class T> static inline T most(T a, T b) { return a < b ? b : a; }

}  // namespace mlp::MLP_ISA
