// The random streams of profunda/_seeds.py, to the bit; its docstring is the definition.
#pragma once

#include "simd.hpp"

namespace profunda::PROFUNDA_ISA {

constexpr uint64_t GOLDEN = 0x9e3779b97f4a7c15u;
constexpr uint32_t MULTIPLIER_A = 0x7feb352du, MULTIPLIER_B = 0x846ca68bu;

PROFUNDA_INLINE uint64_t mix64(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

// The key of one step and layer; `stream` is mix64(member key ^ purpose).
PROFUNDA_INLINE uint64_t subkey(uint64_t stream, uint64_t step, uint64_t layer) {
    return mix64(mix64(stream + step * GOLDEN) + (layer + 1) * GOLDEN);
}

PROFUNDA_INLINE uint32_t premix(uint32_t i) {
    uint32_t x = i * 0x9e3779b9u + 1;
    x = (x ^ (x >> 16)) * MULTIPLIER_A;
    x = (x ^ (x >> 15)) * MULTIPLIER_B;
    return x ^ (x >> 16);
}

typedef uint32_t Hashes __attribute__((vector_size(VECTOR_BYTES), may_alias));
constexpr int WORDS = VECTOR_BYTES / 4;

// Hashes are made a vector at a time, so buffers of words have room for a whole number of vectors.
inline int64_t words_of(int64_t halfwords) { return ((halfwords + 1) / 2 + WORDS - 1) / WORDS * WORDS; }

inline void fill_premix(uint32_t* table, int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i) table[i] = premix(static_cast<uint32_t>(i));
}

PROFUNDA_INLINE Hashes keyed(Hashes x, uint64_t key) {
    x += static_cast<uint32_t>(key);
    x ^= x >> 16;
    x *= MULTIPLIER_A;
    x += static_cast<uint32_t>(key >> 32);
    x ^= x >> 15;
    x *= MULTIPLIER_B;
    return x ^ (x >> 16);
}

// bits(key)[0 … n), n a whole number of vectors, from a table of premix(i). As little-endian halfwords they are
// halfwords(key).
inline void fill_bits(uint64_t key, int64_t n, const uint32_t* table, uint32_t* out) {
    for (int64_t i = 0; i < n; i += WORDS) {
        *reinterpret_cast<Hashes*>(out + i) = keyed(*reinterpret_cast<const Hashes*>(table + i), key);
    }
}

// bits(key)[i].
inline uint32_t word_of(uint64_t key, uint32_t i) {
    uint32_t x = premix(i) + static_cast<uint32_t>(key);
    x = (x ^ (x >> 16)) * MULTIPLIER_A;
    x += static_cast<uint32_t>(key >> 32);
    x = (x ^ (x >> 15)) * MULTIPLIER_B;
    return x ^ (x >> 16);
}

// log2 of the buckets that `permutation` sorts n rows into.
inline int log_buckets_of(int64_t n) {
    int log_buckets = 0;
    while ((int64_t{1} << (log_buckets + 1)) < n && log_buckets < 24) ++log_buckets;
    return log_buckets;
}

// permutations(key)[0 … n): indices sorted by (bits, index). Buckets by the leading bits, then insertion: hashes fall
// evenly, so a bucket holds a few. `starts` has room for one number more than there are buckets.
inline void permutation(uint64_t key, int64_t n, const uint32_t* table, uint32_t* bits, uint64_t* ranked,
                        uint32_t* starts, int32_t* order) {
    const int log_buckets = log_buckets_of(n);
    const int64_t buckets = int64_t{1} << log_buckets;
    const int shift = 32 - log_buckets;
    fill_bits(key, (n + WORDS - 1) / WORDS * WORDS, table, bits);
    for (int64_t b = 0; b <= buckets; ++b) starts[b] = 0;
    // A shift by 32 is undefined, hence 64 bits.
    for (int64_t i = 0; i < n; ++i) ++starts[(static_cast<uint64_t>(bits[i]) >> shift) + 1];
    for (int64_t b = 0; b < buckets; ++b) starts[b + 1] += starts[b];
    for (int64_t i = 0; i < n; ++i) {
        ranked[starts[static_cast<uint64_t>(bits[i]) >> shift]++] = static_cast<uint64_t>(bits[i]) << 32 | static_cast<uint64_t>(i);
    }
    for (int64_t i = 1; i < n; ++i) {
        const uint64_t own = ranked[i];
        int64_t at = i;
        for (; at > 0 && ranked[at - 1] > own; --at) ranked[at] = ranked[at - 1];
        ranked[at] = own;
    }
    for (int64_t i = 0; i < n; ++i) order[i] = static_cast<int32_t>(ranked[i]);
}

}  // namespace profunda::PROFUNDA_ISA
