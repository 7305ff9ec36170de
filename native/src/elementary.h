// Elementary functions of vectors: exp, expm1, log, log1p, tanh, the logistic function, softplus
// and the normal distribution function, for float32 and float64.
//
// exp: x = n ln2 + r with |r| <= ln2/2, n found by adding 1.5·2^(mantissa bits) so that the
// rounding leaves n in the low bits; ln2 is split in two parts so that n·ln2_high is exact
// (Cody and Waite, 1980). e^r - 1 = r + r² P(r), with P fitted by `coefficients.py`.
// log m = 2 atanh(s) with s = (m-1)/(m+1), by the series of atanh.
// Φ(z) = ½ e^(-z²/2) erfcx(|z|/√2) below zero, fitted by `coefficients.py`.
// NaN goes through every function; infinities give their limits.
#pragma once

#include "vec.h"

namespace mlp::MLP_ISA {

template <class T> struct ExpTable;
template <> struct ExpTable<float> {
  static constexpr float log2e = 1.44269504F, high = 0.693359375F, low = -2.12194440e-4F;
  static constexpr float magic = 12582912.0F, largest = 89.0F, smallest = -104.0F;
  static constexpr int mantissa = 23, terms = 5;
  static constexpr float p[terms] = {0.5F, 0.1666657703F, 0.04166655466F, 0.008363173075F,
                                     0.001392617612F};
};
template <> struct ExpTable<double> {
  static constexpr double log2e = 1.4426950408889634, high = 6.93147180369123816490e-01,
                          low = 1.90821492927058770002e-10;
  static constexpr double magic = 6755399441055744.0, largest = 710.0, smallest = -746.0;
  static constexpr int mantissa = 52, terms = 11;
  static constexpr double p[terms] = {
      0.5, 0.16666666666666670986, 0.041666666666666669752, 0.008333333333326140884,
      0.0013888888888883752417, 0.00019841269874800491981, 0.000024801587325533363819,
      2.7557255425746434282e-6, 2.7557273661348636219e-7, 2.5105206373957011116e-8,
      2.09146793765839351e-9};
};

template <class T, int N> static inline Vec<T> horner(const T (&c)[N], Vec<T> x) {
  Vec<T> y = all<T>(c[N - 1]);
#pragma GCC unroll 32
  for (int i = N - 2; i >= 0; --i) y = y * x + c[i];
  return y;
}

// n and r of x = n ln2 + r, and e^r - 1; n is returned as the bits of n + magic.
template <class T> struct Reduced {
  Bits<T> n;
  Vec<T> whole, p;
};
template <class T> static inline Reduced<T> reduce(Vec<T> x) {
  using E = ExpTable<T>;
  const Vec<T> shifted = x * E::log2e + E::magic;
  const Vec<T> whole = shifted - E::magic;
  const Vec<T> r = (x - whole * E::high) - whole * E::low;
  return {(Bits<T>)shifted, whole, r + r * r * horner(E::p, r)};
}
// 2^n of the bits of n + magic, for n from -126 (-1022) to 127 (1023).
template <class T> static inline Vec<T> power_of_two(Bits<T> n) {
  constexpr int mantissa = ExpTable<T>::mantissa;
  return (Vec<T>)((n << mantissa) + (Bits<T>)all<T>(T(1)));
}

template <class T> static inline Vec<T> exp_of(Vec<T> x) {
  using E = ExpTable<T>;
  x = select<T>(x > E::largest, all<T>(E::largest), x);
  x = select<T>(x < E::smallest, all<T>(E::smallest), x);
  const Reduced<T> found = reduce<T>(x);
  // In two factors, as 2^n alone leaves the range before e^x does.
  const Vec<T> half_whole = found.whole * T(0.5) + E::magic;
  const Bits<T> first = (Bits<T>)half_whole;
  const Bits<T> second = (Bits<T>)((found.whole - (half_whole - E::magic)) + E::magic);
  return ((found.p + T(1)) * power_of_two<T>(first)) * power_of_two<T>(second);
}

// e^x for x <= 0, with one factor: below the smallest normal number it is zero.
template <class T> static inline Vec<T> exp_of_negative(Vec<T> x) {
  constexpr T smallest = sizeof(T) == 4 ? T(-87) : T(-708);
  const Ints<T> tiny = x < smallest;
  x = select<T>(tiny, all<T>(smallest), x);
  const Reduced<T> found = reduce<T>(x);
  return select<T>(tiny, Vec<T>{}, (found.p + T(1)) * power_of_two<T>(found.n));
}

// e^x - 1 for x <= 0: 2^n (e^r - 1) + (2^n - 1), whose second part is exact.
template <class T> static inline Vec<T> expm1_of_negative(Vec<T> x) {
  constexpr T smallest = sizeof(T) == 4 ? T(-40) : T(-80);
  x = select<T>(x < smallest, all<T>(smallest), x);
  const Reduced<T> found = reduce<T>(x);
  const Vec<T> scale = power_of_two<T>(found.n);
  return scale * found.p + (scale - T(1));
}

template <class T> static inline Vec<T> magnitude(Vec<T> x) {
  return (Vec<T>)(((Bits<T>)x << 1) >> 1);
}
template <class T> static inline Vec<T> with_sign_of(Vec<T> positive, Vec<T> x) {
  constexpr int sign = 8 * sizeof(T) - 1;
  return (Vec<T>)((Bits<T>)positive | (((Bits<T>)x >> sign) << sign));
}

// tanh |x| = -e/(2+e) with e = expm1(-2|x|).
template <class T> static inline Vec<T> tanh_of(Vec<T> x) {
  const Vec<T> e = expm1_of_negative<T>(magnitude<T>(x) * T(-2));
  return with_sign_of<T>(magnitude<T>(e / (e + T(2))), x);
}

// e^(-|z|) never overflows; the two branches are the same function written for each sign.
template <class T> static inline Vec<T> logistic_of(Vec<T> z) {
  const Vec<T> decay = exp_of_negative<T>(-magnitude<T>(z));
  return select<T>(z < T(0), decay, all<T>(T(1))) / (decay + T(1));
}

// atanh(s)/s - 1 by its series in s², with as many terms as |s| <= 1/3 needs.
template <class T> struct AtanhTable;
template <> struct AtanhTable<float> {
  static constexpr float c[8] = {1 / 3.F, 1 / 5.F, 1 / 7.F, 1 / 9.F,
                                 1 / 11.F, 1 / 13.F, 1 / 15.F, 1 / 17.F};
};
template <> struct AtanhTable<double> {
  static constexpr double c[17] = {1 / 3.,  1 / 5.,  1 / 7.,  1 / 9.,  1 / 11., 1 / 13.,
                                   1 / 15., 1 / 17., 1 / 19., 1 / 21., 1 / 23., 1 / 25.,
                                   1 / 27., 1 / 29., 1 / 31., 1 / 33., 1 / 35.};
};
template <class T> static inline Vec<T> twice_atanh(Vec<T> s) {
  const Vec<T> square = s * s, twice = s + s;
  return twice + twice * square * horner(AtanhTable<T>::c, square);
}

// log of a positive normal number; zero gives -infinity.
template <class T> static inline Vec<T> log_of(Vec<T> x) {
  constexpr int mantissa = ExpTable<T>::mantissa;
  constexpr T root_half = T(0.70710678118654752440);
  const Bits<T> bits = (Bits<T>)x;
  // The exponent such that what remains lies between √½ and √2.
  const Bits<T> offset = (Bits<T>)all<T>(root_half);
  const Ints<T> exponent = (Ints<T>)(bits - offset) >> mantissa;
  const Bits<T> fraction = ((Bits<T>{} + 1) << mantissa) - 1;
  const Vec<T> m = (Vec<T>)(((bits - offset) & fraction) + offset);
  const Vec<T> n = __builtin_convertvector(exponent, Vec<T>);
  const Vec<T> f = m - T(1);
  const Vec<T> s = f / (m + T(1));
  const Vec<T> found = n * ExpTable<T>::high + (twice_atanh<T>(s) + n * ExpTable<T>::low);
  const Vec<T> infinite = all<T>(T(-__builtin_inf()));
  return select<T>(x == T(0), infinite, select<T>(x - x == T(0), found, x));
}

// log(1+e) for e from 0 to 1: 2 atanh(e/(2+e)).
template <class T> static inline Vec<T> log1p_of_unit(Vec<T> e) {
  return twice_atanh<T>(e / (e + T(2)));
}

template <class T> static inline Vec<T> softplus_of(Vec<T> z) {
  const Vec<T> positive = select<T>(z < T(0), Vec<T>{}, z);
  return positive + log1p_of_unit<T>(exp_of_negative<T>(-magnitude<T>(z)));
}

template <class T> struct ErfcxTable;
template <> struct ErfcxTable<float> {
  static constexpr float c[13] = {1.237512631F,    -0.140240659F,  0.003585438016F, 0.0822784339F,
                                  -0.1088045645F,  0.09229069167F, -0.05868825205F, 0.02840943039F,
                                  -0.009764690498F, 0.001675734251F, 0.0003253884646F,
                                  -0.0002240520495F, 2.363482007e-5F};
};
template <> struct ErfcxTable<double> {
  static constexpr double c[28] = {
      1.2375126308378275818,      -0.14024059858554701899,    0.0035854154854636915497,
      0.082276738490151099691,    -0.10880393014170753889,    0.092304321160195604189,
      -0.058693398590545785838,   0.028362277421561449101,    -0.0097465795476404853163,
      0.0017556258319879621988,   0.00029371359494706953847,  -0.00029015397673060640841,
      0.00005164940716054603385,  0.000022383902048770411751, -0.000011445047333414064465,
      -9.728229167464297538e-7,   1.7534398492983323515e-6,   -5.8312272417966876451e-8,
      -2.611421267797011697e-7,   2.4353458155081289904e-8,   4.0966696513670463067e-8,
      -4.4451412320571298314e-9,  -6.5428610761367575453e-9,  5.7753271634168100163e-10,
      9.0127775785465464718e-10,  -4.8144805017310763531e-11, -7.3251091951694614681e-11,
      1.573356801108121934e-12};
};

// The standard normal distribution function.
template <class T> static inline Vec<T> normal_cdf(Vec<T> z) {
  constexpr T root_half = T(0.70710678118654752440);
  Vec<T> x = magnitude<T>(z) * root_half;
  x = select<T>(x > T(40), all<T>(T(40)), x);
  const Vec<T> t = (x - T(3.75)) / (x + T(3.75));
  const Vec<T> scaled = horner(ErfcxTable<T>::c, t) / (x + x + T(1));
  const Vec<T> tail = exp_of_negative<T>(-x * x) * scaled * T(0.5);
  return select<T>(z < T(0), tail, T(1) - tail);
}
template <class T> static inline Vec<T> normal_pdf(Vec<T> z) {
  return exp_of_negative<T>(z * z * T(-0.5)) * T(0.39894228040143267794);
}

}  // namespace mlp::MLP_ISA
