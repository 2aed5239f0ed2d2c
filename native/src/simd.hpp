// Vectors of one instruction set, as the compiler's own vector types: no intrinsics, one source for all machines.
//
// This header, and every header that engine.cpp includes, is compiled once per instruction set into a namespace of
// its own, and uses no std:: templates: an inline std:: function compiled for AVX-512 could be the copy that the
// linker keeps for every caller, on every machine.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifndef PROFUNDA_ISA
#define PROFUNDA_ISA generic
#define PROFUNDA_VECTOR_BYTES 16
#endif

#define PROFUNDA_INLINE inline __attribute__((always_inline))

namespace profunda::PROFUNDA_ISA {

constexpr int VECTOR_BYTES = PROFUNDA_VECTOR_BYTES;

template <class T>
struct Simd;

template <>
struct Simd<float> {
    typedef float Vec __attribute__((vector_size(VECTOR_BYTES)));
    typedef float Loose __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));
    typedef int32_t Int __attribute__((vector_size(VECTOR_BYTES)));
    static constexpr int lanes = VECTOR_BYTES / 4;
};

template <>
struct Simd<double> {
    typedef double Vec __attribute__((vector_size(VECTOR_BYTES)));
    typedef double Loose __attribute__((vector_size(VECTOR_BYTES), aligned(8), may_alias));
    typedef int64_t Int __attribute__((vector_size(VECTOR_BYTES)));
    static constexpr int lanes = VECTOR_BYTES / 8;
};

template <class T>
using Vec = typename Simd<T>::Vec;
template <class T>
using Int = typename Simd<T>::Int;
template <class T>
constexpr int LANES = Simd<T>::lanes;

// Loads and stores at any address of a T; where the address is a multiple of the vector they cost the same.
template <class T>
PROFUNDA_INLINE Vec<T> load(const T* p) {
    return *reinterpret_cast<const typename Simd<T>::Loose*>(p);
}
template <class T>
PROFUNDA_INLINE void store(T* p, Vec<T> v) {
    *reinterpret_cast<typename Simd<T>::Loose*>(p) = v;
}
template <class T>
PROFUNDA_INLINE Vec<T> broadcast(T value) {
    return value - Vec<T>{};  // not a sum with zero, which would lose the sign of −0
}

// min and max keep a NaN of the first argument.
template <class V>
PROFUNDA_INLINE V larger(V a, V b) {
    return b > a ? b : a;
}
template <class V>
PROFUNDA_INLINE V smaller(V a, V b) {
    return b < a ? b : a;
}

// Butterflies over lanes: lane i meets lane i ^ STEP.
template <int... I>
struct Lanes {};
template <int N, int... I>
struct MakeLanes : MakeLanes<N - 1, N - 1, I...> {};
template <int... I>
struct MakeLanes<0, I...> {
    using type = Lanes<I...>;
};

template <int STEP, class V, int... I>
PROFUNDA_INLINE V exchange(V v, Lanes<I...>) {
    return __builtin_shufflevector(v, v, (I ^ STEP)...);
}
// Lanes whose bit STEP is 0 from a, the others from b moved down by STEP … and the mirror image.
template <int STEP, class V, int... I>
PROFUNDA_INLINE V low_halves(V a, V b, Lanes<I...>) {
    constexpr int n = sizeof...(I);
    return __builtin_shufflevector(a, b, ((I & STEP) ? n + (I ^ STEP) : I)...);
}
template <int STEP, class V, int... I>
PROFUNDA_INLINE V high_halves(V a, V b, Lanes<I...>) {
    constexpr int n = sizeof...(I);
    return __builtin_shufflevector(a, b, ((I & STEP) ? n + I : (I ^ STEP))...);
}

// Sum of all lanes, always in the same order.
template <class T, int STEP = LANES<T> / 2>
PROFUNDA_INLINE T sum_of(Vec<T> v) {
    if constexpr (STEP == 0) {
        return v[0];
    } else {
        return sum_of<T, STEP / 2>(v + exchange<STEP>(v, typename MakeLanes<LANES<T>>::type{}));
    }
}

// rows[0 … LANES) become the vector whose lane i is the sum of the lanes of rows[i]; destroys rows.
template <class T, int STEP = LANES<T> / 2>
PROFUNDA_INLINE Vec<T> sums_of(Vec<T>* rows) {
    using All = typename MakeLanes<LANES<T>>::type;
    if constexpr (STEP == 0) {
        return rows[0];
    } else {
        // Row i takes the lanes without bit STEP, row i + STEP those with it.
        for (int i = 0; i < STEP; ++i) {
            Vec<T> a = rows[i], b = rows[i + STEP];
            rows[i] = low_halves<STEP>(a, b, All{}) + high_halves<STEP>(a, b, All{});
        }
        return sums_of<T, STEP / 2>(rows);
    }
}

// The square of LANES × LANES numbers in rows, transposed in place.
template <class T, int STEP = LANES<T> / 2>
PROFUNDA_INLINE void transpose(Vec<T>* rows) {
    if constexpr (STEP > 0) {
        using All = typename MakeLanes<LANES<T>>::type;
        for (int i = 0; i < LANES<T>; ++i) {
            if (i & STEP) continue;
            Vec<T> a = rows[i], b = rows[i | STEP];
            rows[i] = low_halves<STEP>(a, b, All{});
            rows[i | STEP] = high_halves<STEP>(a, b, All{});
        }
        transpose<T, STEP / 2>(rows);
    }
}

// All bits set in lanes below `count`, none in the others: what is padded must not count.
template <class T>
PROFUNDA_INLINE Int<T> lanes_below(int count) {
    Int<T> lane;
    for (int i = 0; i < LANES<T>; ++i) lane[i] = i;
    return lane < count;
}

constexpr int rounded_up(int n, int unit) { return (n + unit - 1) / unit * unit; }

}  // namespace profunda::PROFUNDA_ISA
