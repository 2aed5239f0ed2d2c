// A batch of mostly zero inputs as lists of what is not zero: one-hot categories and pixels are. The first layer's two
// products then take time by non-zero inputs instead of all.
#pragma once

#include "arena.hpp"
#include "simd.hpp"

namespace profunda::PROFUNDA_ISA {

// The first `rows` rows, each list by rising column.
template <class T>
struct SparseBatch {
    int rows = 0;
    int features;
    int32_t* starts;   // [rows + 1]
    int32_t* columns;  // of each number
    T* values;
    // The same by columns, for the weight gradient.
    int32_t* column_starts;  // [features + 1]
    int32_t* rows_of;
    T* values_of;

    // Room for `most` numbers in each of `rows` rows.
    SparseBatch(int rows, int features, int64_t most, Arena& arena) : features(features) {
        const size_t room = static_cast<size_t>(rows) * static_cast<size_t>(most);
        starts = static_cast<int32_t*>(arena.take((rows + 1) * sizeof(int32_t)));
        columns = static_cast<int32_t*>(arena.take(room * sizeof(int32_t)));
        values = static_cast<T*>(arena.take(room * sizeof(T)));
        column_starts = static_cast<int32_t*>(arena.take((features + 1) * sizeof(int32_t)));
        rows_of = static_cast<int32_t*>(arena.take(room * sizeof(int32_t)));
        values_of = static_cast<T*>(arena.take(room * sizeof(T)));
    }

    void clear() {
        rows = 0;
        starts[0] = 0;
    }

    // Append a row of `count` numbers.
    void add(int64_t count, const int32_t* its_columns, const T* its_values) {
        const int32_t at = starts[rows];
        for (int64_t i = 0; i < count; ++i) {
            columns[at + i] = its_columns[i];
            values[at + i] = its_values[i];
        }
        starts[++rows] = at + static_cast<int32_t>(count);
    }

    // Fill the lists by columns, rows rising in each.
    void turn() {
        const int32_t all = starts[rows];
        for (int f = 0; f <= features; ++f) column_starts[f] = 0;
        for (int32_t i = 0; i < all; ++i) ++column_starts[columns[i] + 1];
        for (int f = 0; f < features; ++f) column_starts[f + 1] += column_starts[f];
        for (int m = 0; m < rows; ++m) {
            for (int32_t i = starts[m]; i < starts[m + 1]; ++i) {
                const int32_t at = column_starts[columns[i]]++;
                rows_of[at] = m;
                values_of[at] = values[i];
            }
        }
        // Each start has moved to its end, which is the start of the next.
        for (int f = features; f > 0; --f) column_starts[f] = column_starts[f - 1];
        column_starts[0] = 0;
    }
};

// out[…] = start + Σ values[i] · b[indices[i]] over V vectors of a row.
template <class T, int V>
PROFUNDA_INLINE void gathered(int32_t count, const int32_t* indices, const T* values, const T* b, ptrdiff_t stride,
                              T* out, const T* start) {
    Vec<T> sums[V];
    for (int v = 0; v < V; ++v) sums[v] = start ? load(start + v * LANES<T>) : Vec<T>{};
    for (int32_t i = 0; i < count; ++i) {
        const T* row = b + indices[i] * stride;
        const T value = values[i];
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v) sums[v] += value * load(row + v * LANES<T>);
    }
    for (int v = 0; v < V; ++v) store(out + v * LANES<T>, sums[v]);
}

// out [lists, columns] = start + S b, where row m of S has the numbers values[starts[m] … starts[m + 1]) at `indices`.
template <class T>
void sparse_product(int lists, int columns, const int32_t* starts, const int32_t* indices, const T* values, const T* b,
                    ptrdiff_t b_stride, T* out, ptrdiff_t out_stride, const T* start) {
    for (int m = 0; m < lists; ++m, out += out_stride) {
        const int32_t from = starts[m], count = starts[m + 1] - from;
        int n = 0;
        auto chunk = [&]<int V>() {
            for (; n + V * LANES<T> <= columns; n += V * LANES<T>) {
                gathered<T, V>(count, indices + from, values + from, b + n, b_stride, out + n,
                               start ? start + n : nullptr);
            }
        };
        chunk.template operator()<8>();
        chunk.template operator()<4>();
        chunk.template operator()<2>();
        chunk.template operator()<1>();
    }
}

}  // namespace profunda::PROFUNDA_ISA
