// Matrix products on small row-major matrices that stay in cache: no packing, one register tile after the other.
//
// A row of a matrix starts `stride` numbers after the one before. Columns are padded to whole vectors with zeros.
// `product` contracts over true sizes; `dots` over padded ones, where both factors must be zero: an infinity beside a
// zero would make a NaN.
#pragma once

#include "simd.hpp"

namespace profunda::PROFUNDA_ISA {

// How the left factor A lies in memory: as [M, K], or transposed as [K, M].
enum class Left { plain, transposed };

// Rows of a register tile: with two vectors a row and the operands this fills 16 or 32 registers.
constexpr int TILE_ROWS = VECTOR_BYTES == 64 ? 12 : 6;
constexpr int TILE_VECTORS = 2;

template <class T, Left LEFT, int R, int V>
PROFUNDA_INLINE void tile(const T* a, ptrdiff_t a_stride, const T* b, ptrdiff_t b_stride, int depth, T* out,
                          ptrdiff_t out_stride, const T* start) {
    constexpr int L = LANES<T>;
    Vec<T> sums[R][V];
    for (int v = 0; v < V; ++v) {
        Vec<T> first = start ? load(start + v * L) : Vec<T>{};
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) sums[r][v] = first;
    }
    // Three rows share an address register: x86 scales an index by 1, 2, 4 or 8 only.
    const T* group[(R + 2) / 3];
    if constexpr (LEFT == Left::plain) {
        for (int g = 0; g < (R + 2) / 3; ++g) group[g] = a + 3 * g * a_stride;
    }
    for (int k = 0; k < depth; ++k) {
        Vec<T> right[V];
        for (int v = 0; v < V; ++v) right[v] = load(b + v * L);
        b += b_stride;
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
            T left = LEFT == Left::plain ? group[r / 3][r % 3 * a_stride + k] : a[r];
#pragma GCC unroll 4
            for (int v = 0; v < V; ++v) sums[r][v] += left * right[v];
        }
        if constexpr (LEFT == Left::transposed) a += a_stride;
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
        for (int v = 0; v < V; ++v) store(out + r * out_stride + v * L, sums[r][v]);
    }
}

template <class T, Left LEFT, int V, int R = TILE_ROWS>
PROFUNDA_INLINE void tile_of(int rows, const T* a, ptrdiff_t a_stride, const T* b, ptrdiff_t b_stride, int depth,
                             T* out, ptrdiff_t out_stride, const T* start) {
    if constexpr (R > 1) {
        if (rows < R) {
            tile_of<T, LEFT, V, R - 1>(rows, a, a_stride, b, b_stride, depth, out, out_stride, start);
            return;
        }
    }
    tile<T, LEFT, R, V>(a, a_stride, b, b_stride, depth, out, out_stride, start);
}

template <class T, Left LEFT, int V>
void panel(int rows, const T* a, ptrdiff_t a_stride, const T* b, ptrdiff_t b_stride, int depth, T* out,
           ptrdiff_t out_stride, const T* start) {
    // Tiles of nearly equal height: a last tile of one or two rows would leave the units waiting.
    int tiles = (rows + TILE_ROWS - 1) / TILE_ROWS;
    for (int t = 0, done = 0; t < tiles; ++t) {
        int height = (rows - done + tiles - t - 1) / (tiles - t);
        const T* part = LEFT == Left::plain ? a + done * a_stride : a + done;
        tile_of<T, LEFT, V>(height, part, a_stride, b, b_stride, depth, out + done * out_stride, out_stride, start);
        done += height;
    }
}

// out [rows, columns] = start + A B, where A is [rows, depth], B [depth, columns], `start` [columns] or null.
// `columns` is a whole number of vectors.
template <class T, Left LEFT>
void product(int rows, int columns, int depth, const T* a, ptrdiff_t a_stride, const T* b, ptrdiff_t b_stride, T* out,
             ptrdiff_t out_stride, const T* start) {
    constexpr int wide = TILE_VECTORS * LANES<T>;
    int n = 0;
    for (; n + wide <= columns; n += wide) {
        panel<T, LEFT, TILE_VECTORS>(rows, a, a_stride, b + n, b_stride, depth, out + n, out_stride,
                                     start ? start + n : nullptr);
    }
    for (; n < columns; n += LANES<T>) {
        panel<T, LEFT, 1>(rows, a, a_stride, b + n, b_stride, depth, out + n, out_stride, start ? start + n : nullptr);
    }
}

// out [columns, rows] = start + (A Bᵀ)ᵀ, where A is [rows, depth], B [columns, depth], both with depth padded to whole
// vectors, `start` [columns]. Rows of A are read, and columns of out written, up to a whole number of vectors.
template <class T>
void dots(int rows, int columns, int depth, const T* a, ptrdiff_t a_stride, const T* b, ptrdiff_t b_stride, T* out,
          ptrdiff_t out_stride, const T* start) {
    constexpr int L = LANES<T>;
    for (int m = 0; m < rows; m += L) {
        for (int n = 0; n < columns; ++n) {
            const T *left = a + m * a_stride, *right = b + n * b_stride;
            Vec<T> sums[L];
#pragma GCC unroll 16
            for (int i = 0; i < L; ++i) sums[i] = Vec<T>{};
            for (int k = 0; k < depth; k += L) {
                Vec<T> factor = load(right + k);
#pragma GCC unroll 16
                for (int i = 0; i < L; ++i) sums[i] += load(left + i * a_stride + k) * factor;
            }
            store(out + n * out_stride + m, sums_of<T>(sums) + start[n]);
        }
    }
}

// out [columns, rows] = A [rows, columns]; `columns` is a whole number of vectors, and the rows of out are filled up
// to one with zeros.
template <class T>
void transposed(int rows, int columns, const T* a, ptrdiff_t a_stride, T* out, ptrdiff_t out_stride) {
    constexpr int L = LANES<T>;
    for (int m = 0; m < rows; m += L) {
        const int height = rows - m;
        for (int n = 0; n < columns; n += L) {
            Vec<T> block[L];
#pragma GCC unroll 16
            for (int i = 0; i < L; ++i) block[i] = i < height ? load(a + (m + i) * a_stride + n) : Vec<T>{};
            transpose<T>(block);
#pragma GCC unroll 16
            for (int i = 0; i < L; ++i) store(out + (n + i) * out_stride + m, block[i]);
        }
    }
}

}  // namespace profunda::PROFUNDA_ISA
