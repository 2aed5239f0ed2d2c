// Elementary functions of vectors.
//
// float: branch-free, every lane by the same instructions. A NaN stays NaN, infinities give their limits, results
// below 1.7e-38 become 0. The polynomials and quotients are near-minimax fits of the relative error: least squares
// on Chebyshev points, reweighted by the error until it levels out (Lawson 1961), the coefficients rounded to float
// one at a time while the rest were fitted again. The numbers at the functions are their largest errors against libm
// in double over every fifth float, the larger of those with and without fused multiplication; native/tests repeats
// the sweep with longer strides.
//
// double: libm, lane by lane. That build serves the tests, where digits count and time does not.
#pragma once

#include "simd.hpp"

namespace profunda::PROFUNDA_ISA {

// A vector's bits as unsigned words (their arithmetic wraps); a C cast between vector types keeps the bits.
typedef uint32_t Words __attribute__((vector_size(VECTOR_BYTES)));

// first + x (second + x (third + …))
template <class V>
PROFUNDA_INLINE V horner(V, float last) {
    return V{} + last;
}
template <class V, class... Rest>
PROFUNDA_INLINE V horner(V x, float first, float second, Rest... rest) {
    return x * horner(x, second, rest...) + first;
}

namespace detail {

// x = n ln 2 + r with |r| ≤ ln(2) / 2. Adding 1.5 · 2^23 rounds to an integer and leaves n in the low bits of the
// sum; ln 2 is taken as a short high part, whose products with n are exact, and the rest.
struct Reduced {
    Vec<float> r;
    Words n;
};
PROFUNDA_INLINE Reduced reduced(Vec<float> x) {
    constexpr float ROUNDER = 12582912.0f;
    Vec<float> sum = x * 1.44269504f + ROUNDER;
    Vec<float> n = sum - ROUNDER;
    return {(x - n * 0.693359375f) - n * -2.12194440e-4f, (Words)sum};
}
// 2^(n + shift) for -127 ≤ n + shift ≤ 128; the ends are 0 and infinity.
PROFUNDA_INLINE Vec<float> power_of_two(Words n, int shift) {
    return (Vec<float>)((n << 23) + (uint32_t)(127 + shift) * (1u << 23));
}
PROFUNDA_INLINE Vec<float> magnitude(Vec<float> x) { return (Vec<float>)((Words)x & 0x7fffffffu); }
PROFUNDA_INLINE Vec<float> with_sign_of(Vec<float> size, Vec<float> x) {
    return (Vec<float>)(((Words)size & 0x7fffffffu) | ((Words)x & 0x80000000u));
}

// exp(x) for -87.5 ≤ x ≤ 89; beyond, n would leave the exponent's bits.
PROFUNDA_INLINE Vec<float> exp_between(Vec<float> x) {
    auto [r, n] = reduced(x);
    // Twice e^r times half of 2^n: 2^128 would be infinite where e^x is not yet.
    Vec<float> twice = horner(r, 2.0f, 2.0f, 2 * 4.9999997e-1f, 2 * 1.6666546e-1f, 2 * 4.1667435e-2f,
                              2 * 8.366262e-3f, 2 * 1.3870657e-3f);
    return twice * power_of_two(n, -1);
}

}  // namespace detail

// 1.2 ulp.
PROFUNDA_INLINE Vec<float> exp(Vec<float> x) {
    // At these bounds the result is 0 and infinity.
    return detail::exp_between(larger(smaller(x, broadcast(89.0f)), broadcast(-87.5f)));
}

// exp(x) - 1 where x ≤ 0; 1.1 ulp.
PROFUNDA_INLINE Vec<float> expm1_of_negative(Vec<float> x) {
    auto [r, n] = detail::reduced(larger(x, broadcast(-80.0f)));
    Vec<float> q = horner(r, 4.9999997e-1f, 1.6666546e-1f, 4.1667435e-2f, 8.366262e-3f, 1.3870657e-3f);
    Vec<float> scale = detail::power_of_two(n, 0);
    return scale * (r * r * q + r) + (scale - 1.0f);
}

// Of 0 it is -infinity, of negative numbers NaN; 0.9 ulp.
PROFUNDA_INLINE Vec<float> log(Vec<float> x) {
    constexpr uint32_t ROOT_HALF = 0x3f3504f3;
    constexpr float INF = __builtin_inff();
    auto tiny = x < 1.17549435e-38f;
    Words bits = (Words)(tiny ? x * 8388608.0f : x) - ROOT_HALF;
    Vec<float> f = (Vec<float>)((bits & 0x007fffffu) + ROOT_HALF) - 1.0f;
    Vec<float> n = __builtin_convertvector((Int<float>)bits >> 23, Vec<float>);
    n = tiny ? n - 23.0f : n;
    Vec<float> q = horner(f, 3.333333e-1f, -2.500082e-1f, 2.0001242e-1f, -1.6623408e-1f, 1.4201577e-1f,
                          -1.3159631e-1f, 1.2762265e-1f, -7.636438e-2f);
    Vec<float> square = f * f;
    Vec<float> low = f * square * q + n * -2.12194440e-4f - 0.5f * square;
    Vec<float> y = low + f + n * 0.693359375f;
    Vec<float> edge = x == 0.0f ? broadcast(-INF) : broadcast(__builtin_nanf(""));
    return x > 0.0f ? (x < INF ? y : x) : edge;
}

// log(1 + x) where 0 ≤ x ≤ 1; 2.1 ulp.
PROFUNDA_INLINE Vec<float> log1p_of_unit(Vec<float> x) {
    return x * horner(x, 1.0f, -4.9999648e-1f, 3.332133e-1f, -2.4857217e-1f, 1.9153848e-1f, -1.3754188e-1f,
                      7.920883e-2f, -3.00683e-2f, 5.3654225e-3f);
}

// 2.5 ulp.
PROFUNDA_INLINE Vec<float> sigmoid(Vec<float> x) { return 1.0f / (1.0f + exp(-x)); }

// Never beyond ±1, so that 1 - tanh² has its sign; 2.5 ulp.
PROFUNDA_INLINE Vec<float> tanh(Vec<float> x) {
    Vec<float> t = expm1_of_negative(-2.0f * detail::magnitude(x));
    return detail::with_sign_of(t / (2.0f + t), x);
}

// The normal law's density at x and its distribution function there, from one exponential: below 0 it is the density
// times Mills' ratio, fitted as a quotient. So the lower tail keeps its digits, which 1 + erf would lose. The relative
// error is 6e-7 for |x| < 3; farther out the rounding of x² grows in the exponential, up to 4.2e-6 at |x| = 13.
template <class T>
struct Normal {
    Vec<T> density, below;
};
PROFUNDA_INLINE Normal<float> normal(Vec<float> x) {
    // From 13.2 on the exponential is 0.
    Vec<float> y = smaller(detail::magnitude(x), broadcast(13.2f));
    Vec<float> e = detail::exp_between(-0.5f * y * y);
    Vec<float> p = horner(y, 0.5f, 4.3500084e-01f, 1.8079941e-01f, 3.981309e-02f, 3.99453e-03f);
    Vec<float> q = horner(y, 1.0f, 1.6678865e+00f, 1.1923761e+00f, 4.630401e-01f, 9.9804245e-02f, 1.0012653e-02f);
    Vec<float> tail = e * p / q;
    return {e * 0.39894228f, x > 0.0f ? 1.0f - tail : tail};
}

// cos 2πx and sin 2πx. Quarters of a turn are taken off exactly; what is left lies within an eighth. The error is
// 1.3e-7 at most, relative where the sine is near 0. Beyond 2^22, where a float tells half turns apart at most, x
// counts as 0.
template <class T>
struct Turn {
    Vec<T> cos, sin;
};
PROFUNDA_INLINE Turn<float> turn(Vec<float> x) {
    constexpr float ROUNDER = 12582912.0f;
    x = detail::magnitude(x) < 4194304.0f ? x - ((x + ROUNDER) - ROUNDER) : x - x;
    Vec<float> sum = x * 4.0f + ROUNDER;
    Vec<float> r = x - (sum - ROUNDER) * 0.25f;
    Words n = (Words)sum;
    Vec<float> square = r * r;
    Vec<float> s = r * horner(square, 6.2831855f, -41.341866f, 81.625626f, -76.77496f);
    Vec<float> c = horner(square, 1.0f, -19.739208f, 64.93915f, -85.42452f, 58.62106f);
    // Odd quarters swap the two; the cosine is negative in quarters 1 and 2, the sine in 2 and 3.
    auto odd = (n & 1u) != 0u;
    Words cos = (Words)(odd ? s : c) ^ (((n + 1u) & 2u) << 30);
    Words sin = (Words)(odd ? c : s) ^ ((n & 2u) << 30);
    return {(Vec<float>)cos, (Vec<float>)sin};
}

PROFUNDA_INLINE Vec<double> exp(Vec<double> x) {
    for (int i = 0; i < LANES<double>; ++i) x[i] = __builtin_exp(x[i]);
    return x;
}
PROFUNDA_INLINE Vec<double> expm1_of_negative(Vec<double> x) {
    for (int i = 0; i < LANES<double>; ++i) x[i] = __builtin_expm1(x[i]);
    return x;
}
PROFUNDA_INLINE Vec<double> log(Vec<double> x) {
    for (int i = 0; i < LANES<double>; ++i) x[i] = __builtin_log(x[i]);
    return x;
}
PROFUNDA_INLINE Vec<double> log1p_of_unit(Vec<double> x) {
    for (int i = 0; i < LANES<double>; ++i) x[i] = __builtin_log1p(x[i]);
    return x;
}
PROFUNDA_INLINE Vec<double> sigmoid(Vec<double> x) { return 1.0 / (1.0 + exp(-x)); }
PROFUNDA_INLINE Vec<double> tanh(Vec<double> x) {
    for (int i = 0; i < LANES<double>; ++i) x[i] = __builtin_tanh(x[i]);
    return x;
}
PROFUNDA_INLINE Turn<double> turn(Vec<double> x) {
    Turn<double> result{};
    for (int i = 0; i < LANES<double>; ++i) {
        result.cos[i] = __builtin_cos(x[i] * 6.2831853071795865);
        result.sin[i] = __builtin_sin(x[i] * 6.2831853071795865);
    }
    return result;
}
PROFUNDA_INLINE Normal<double> normal(Vec<double> x) {
    Normal<double> result{};
    for (int i = 0; i < LANES<double>; ++i) {
        result.density[i] = __builtin_exp(-0.5 * x[i] * x[i]) * 0.39894228040143268;
        result.below[i] = 0.5 * __builtin_erfc(x[i] * -0.70710678118654752);
    }
    return result;
}

}  // namespace profunda::PROFUNDA_ISA
