// What dropout multiplies activations, inputs and weights with, from the streams of halfwords (fleet/masks.py).
#pragma once

#include "streams.hpp"

namespace profunda::PROFUNDA_ISA {

// A rate as it is used: dropped where a halfword is below `limit`, kept numbers times `scale`.
struct Rate {
    uint32_t limit;
    double scale;
    explicit Rate(double rate) {
        double count = __builtin_nearbyint(rate * 65536.0);
        count = count < 65535.0 ? count : 65535.0;
        limit = static_cast<uint32_t>(count);
        scale = 65536.0 / (65536.0 - count);
    }
    // Standard deviation of Gaussian dropout at this rate.
    double deviation() const { return __builtin_sqrt(limit / (65536.0 - limit)); }
};

template <class T>
struct Halves {
    typedef uint16_t Row __attribute__((vector_size(LANES<T> * 2), aligned(2), may_alias));
};

// One factor of 0 or `scale` for each of LANES neighbours in a stream.
template <class T>
struct Bernoulli {
    const uint16_t* halves;
    Int<T> limit;
    Vec<T> scale;
    Bernoulli(const uint32_t* words, Rate rate)
        : halves(reinterpret_cast<const uint16_t*>(words)), limit(Int<T>{} + static_cast<int>(rate.limit)),
          scale(broadcast<T>(static_cast<T>(rate.scale))) {}
    PROFUNDA_INLINE Vec<T> at(ptrdiff_t place) const {
        auto found = *reinterpret_cast<const typename Halves<T>::Row*>(halves + place);
        return __builtin_convertvector(found, Int<T>) >= limit ? scale : Vec<T>{};
    }
};

struct Nothing {};

// 1 + deviation × q, with q from the table of the normal law's quantiles.
template <class T>
struct Gaussian {
    const uint16_t* halves;
    const T* quantiles;
    T deviation;
    PROFUNDA_INLINE Vec<T> at(ptrdiff_t place) const {
        Vec<T> q{};
        for (int i = 0; i < LANES<T>; ++i) q[i] = quantiles[halves[place + i]];
        return 1 + deviation * q;
    }
};

}  // namespace profunda::PROFUNDA_ISA
