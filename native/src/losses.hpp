// Losses of a batch's outputs, [C, rows] with rows padded to whole vectors, and their derivatives (fleet/losses.py).
#pragma once

#include "mathematics.hpp"
#include "simd.hpp"

namespace profunda::PROFUNDA_ISA {

template <class T>
struct Targets {
    const T* labels;   // [rows], classes only
    const T* numbers;  // [C, rows], numbers only
    const T* weight;   // [rows] or null
};

// The largest of LANES columns of z [C, rows], and the logarithm of their sum of exponentials behind it: log softmax is
// z − highest − log_sum.
template <class T>
PROFUNDA_INLINE void log_normaliser(const T* z, int classes, ptrdiff_t stride, Vec<T>& highest, Vec<T>& log_sum) {
    highest = load(z);
    for (int c = 1; c < classes; ++c) highest = larger(highest, load(z + c * stride));
    Vec<T> sum{};
    for (int c = 0; c < classes; ++c) sum += exp(load(z + c * stride) - highest);
    log_sum = log(sum);
}

template <bool ADD, class T, class V>
PROFUNDA_INLINE void put(T* d, V own) {
    if constexpr (ADD) own += load(d);
    store(d, own);
}

// Sum over rows of the cross-entropy with smoothed targets; d becomes its derivative divided by `rows`, or where ADD,
// that is added to it.
template <class T, bool ADD = false>
double cross_entropy(int rows, int classes, const T* z, T* d, ptrdiff_t stride, const Targets<T>& targets,
                     double smoothing) {
    const T keep = static_cast<T>(1.0 - smoothing), spread = static_cast<T>(smoothing / classes);
    const T share = static_cast<T>(1.0 / rows);
    double total = 0;
    for (int m = 0; m < rows; m += LANES<T>) {
        const Int<T> real = lanes_below<T>(rows - m);
        Vec<T> highest, log_sum, loss{};
        log_normaliser(z + m, classes, stride, highest, log_sum);
        const Vec<T> label = load(targets.labels + m);
        const Vec<T> weight = targets.weight ? load(targets.weight + m) : broadcast<T>(1);
        for (int c = 0; c < classes; ++c) {
            const Vec<T> log_p = load(z + c * stride + m) - highest - log_sum;
            const Vec<T> target = (label == broadcast<T>(static_cast<T>(c)) ? broadcast(keep) : Vec<T>{}) + spread;
            loss -= target * log_p;
            const Vec<T> own = (exp(log_p) - target) * weight * share;
            put<ADD>(d + c * stride + m, real ? own : Vec<T>{});
        }
        total += sum_of<T>(real ? loss * weight : Vec<T>{});
    }
    return total;
}

// Sum over rows of r², or of Huber's r² inside ±1 and 2|r| − 1 outside; d as above.
template <class T, bool ADD = false>
double squares(int rows, int outputs, const T* z, T* d, ptrdiff_t stride, const Targets<T>& targets, bool huber) {
    const T share = static_cast<T>(1.0 / rows);
    double total = 0;
    for (int m = 0; m < rows; m += LANES<T>) {
        const Int<T> real = lanes_below<T>(rows - m);
        const Vec<T> weight = targets.weight ? load(targets.weight + m) : broadcast<T>(1);
        Vec<T> loss{};
        for (int c = 0; c < outputs; ++c) {
            const Vec<T> r = load(z + c * stride + m) - load(targets.numbers + c * stride + m);
            Vec<T> inside = r;
            if (huber) {
                inside = smaller(larger(r, broadcast<T>(-1)), broadcast<T>(1));
            }
            // For |r| ≤ 1 this is r²; beyond, with s = ±1, it is s (2 r − s) = 2 |r| − 1.
            loss += inside * (2 * r - inside);
            put<ADD>(d + c * stride + m, real ? 2 * inside * weight * share : Vec<T>{});
        }
        total += sum_of<T>(real ? loss * weight : Vec<T>{});
    }
    return total;
}

}  // namespace profunda::PROFUNDA_ISA
