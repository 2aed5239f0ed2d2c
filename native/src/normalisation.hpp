// Batch and layer norm of one layer's numbers [rows, columns] in place, and their derivatives.
//
// Batch norm: Ioffe and Szegedy 2015, algorithm 1; layer norm: Ba, Kiros and Hinton 2016, eq. 3. Constants and the
// running statistics are torch's. Columns beyond `units` are zero and stay zero.
#pragma once

#include "simd.hpp"

namespace profunda::PROFUNDA_ISA {

constexpr double NORM_EPSILON = 1e-5, RUNNING_SHARE = 0.1;

template <class T>
struct NormLayer {
    int rows, units, columns;
    ptrdiff_t stride;
    const T *scale, *shift;  // γ and β [columns]
    T* normal;               // x̂ [rows, columns], kept for the way back
    T* inverse;              // 1 / standard deviation: [columns] for batch norm, [rows] for layer norm
    T *running_mean, *running_variance;
};

template <class T>
void batch_norm(const NormLayer<T>& n, T* z) {
    const T share = static_cast<T>(1.0 / n.rows);
    for (int v = 0; v < n.columns; v += LANES<T>) {
        Vec<T> sum{}, squares{};
        for (int r = 0; r < n.rows; ++r) sum += load(z + r * n.stride + v);
        const Vec<T> mean = sum * share;
        for (int r = 0; r < n.rows; ++r) {
            const Vec<T> off = load(z + r * n.stride + v) - mean;
            squares += off * off;
        }
        const Vec<T> variance = squares * share;
        for (int i = 0; i < LANES<T>; ++i) {
            n.inverse[v + i] = 1 / static_cast<T>(__builtin_sqrt(variance[i] + static_cast<T>(NORM_EPSILON)));
        }
        const Vec<T> inverse = load(n.inverse + v), scale = load(n.scale + v), shift = load(n.shift + v);
        for (int r = 0; r < n.rows; ++r) {
            const Vec<T> normal = (load(z + r * n.stride + v) - mean) * inverse;
            store(n.normal + r * n.stride + v, normal);
            store(z + r * n.stride + v, normal * scale + shift);
        }
        // One row has no variance: it leaves the running statistics as they are.
        if (n.rows == 1) continue;
        const T part = static_cast<T>(RUNNING_SHARE), unbiased = static_cast<T>(RUNNING_SHARE * n.rows / (n.rows - 1));
        store(n.running_mean + v, (1 - part) * load(n.running_mean + v) + part * mean);
        store(n.running_variance + v, (1 - part) * load(n.running_variance + v) + unbiased * variance);
    }
}

template <class T>
void batch_norm_running(const NormLayer<T>& n, T* z) {
    for (int v = 0; v < n.columns; v += LANES<T>) {
        Vec<T> inverse;
        for (int i = 0; i < LANES<T>; ++i) {
            inverse[i] = 1 / static_cast<T>(__builtin_sqrt(n.running_variance[v + i] + static_cast<T>(NORM_EPSILON)));
        }
        const Vec<T> mean = load(n.running_mean + v), scale = load(n.scale + v) * inverse, shift = load(n.shift + v);
        for (int r = 0; r < n.rows; ++r) {
            store(z + r * n.stride + v, (load(z + r * n.stride + v) - mean) * scale + shift);
        }
    }
}

// d becomes the derivative for what was normalised; adds nothing, writes the derivatives of γ and β.
template <class T>
void batch_norm_backward(const NormLayer<T>& n, T* d, T* d_scale, T* d_shift) {
    const T share = static_cast<T>(1.0 / n.rows);
    for (int v = 0; v < n.columns; v += LANES<T>) {
        Vec<T> sum{}, along{};
        for (int r = 0; r < n.rows; ++r) {
            const Vec<T> own = load(d + r * n.stride + v);
            sum += own;
            along += own * load(n.normal + r * n.stride + v);
        }
        store(d_shift + v, sum);
        store(d_scale + v, along);
        const Vec<T> factor = load(n.scale + v) * load(n.inverse + v), mean = sum * share, slant = along * share;
        for (int r = 0; r < n.rows; ++r) {
            const Vec<T> normal = load(n.normal + r * n.stride + v);
            store(d + r * n.stride + v, (load(d + r * n.stride + v) - mean - normal * slant) * factor);
        }
    }
}

template <class T>
void layer_norm(const NormLayer<T>& n, T* z) {
    const Int<T> real = lanes_below<T>(n.units - (n.columns - LANES<T>));
    const T share = static_cast<T>(1.0 / n.units);
    for (int r = 0; r < n.rows; ++r) {
        T* row = z + r * n.stride;
        T* kept = n.normal + r * n.stride;
        Vec<T> sum{}, squares{};
        for (int v = 0; v < n.columns; v += LANES<T>) sum += load(row + v);
        const T mean = sum_of<T>(sum) * share;
        for (int v = 0; v < n.columns; v += LANES<T>) {
            Vec<T> off = load(row + v) - mean;
            if (v + LANES<T> == n.columns) off = real ? off : Vec<T>{};
            squares += off * off;
            store(kept + v, off);
        }
        const T variance = sum_of<T>(squares) * share;
        const T inverse = 1 / static_cast<T>(__builtin_sqrt(variance + static_cast<T>(NORM_EPSILON)));
        n.inverse[r] = inverse;
        for (int v = 0; v < n.columns; v += LANES<T>) {
            const Vec<T> normal = load(kept + v) * inverse;
            store(kept + v, normal);
            store(row + v, normal * load(n.scale + v) + load(n.shift + v));
        }
    }
}

template <class T>
void layer_norm_backward(const NormLayer<T>& n, T* d, T* d_scale, T* d_shift) {
    const T share = static_cast<T>(1.0 / n.units);
    for (int v = 0; v < n.columns; v += LANES<T>) {
        store(d_scale + v, Vec<T>{});
        store(d_shift + v, Vec<T>{});
    }
    for (int r = 0; r < n.rows; ++r) {
        T* row = d + r * n.stride;
        const T* normal = n.normal + r * n.stride;
        Vec<T> sum{}, along{};
        for (int v = 0; v < n.columns; v += LANES<T>) {
            const Vec<T> own = load(row + v), its = load(normal + v), scaled = own * load(n.scale + v);
            store(d_shift + v, load(d_shift + v) + own);
            store(d_scale + v, load(d_scale + v) + own * its);
            sum += scaled;
            along += scaled * its;
        }
        const T mean = sum_of<T>(sum) * share, slant = sum_of<T>(along) * share;
        const Int<T> real = lanes_below<T>(n.units - (n.columns - LANES<T>));
        for (int v = 0; v < n.columns; v += LANES<T>) {
            const Vec<T> inner = load(row + v) * load(n.scale + v) - mean - load(normal + v) * slant;
            Vec<T> own = inner * n.inverse[r];
            if (v + LANES<T> == n.columns) own = real ? own : Vec<T>{};
            store(row + v, own);
        }
    }
}

}  // namespace profunda::PROFUNDA_ISA
