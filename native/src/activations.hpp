// The ten activation functions and their derivatives, on vectors of pre-activations.
//
// Formulas and constants are those of fleet/activations.py, one struct each; `both` shares exponentials between the
// function and its slope. `value` and `both` give the same a, bit for bit. At kinks and at NaN the slopes are those
// of torch's backward functions: relu'(0) = 0, leaky_relu'(0) = 0.01, elu'(0) = 1; a NaN makes a NaN, while the
// slope of a piecewise function is then that of one of its pieces.
#pragma once

#include "job.hpp"
#include "mathematics.hpp"

namespace profunda::PROFUNDA_ISA {

template <class T>
struct Relu {
    static PROFUNDA_INLINE Vec<T> value(Vec<T> z) { return larger(z, Vec<T>{}); }
    static PROFUNDA_INLINE void both(Vec<T> z, Vec<T>& a, Vec<T>& slope) {
        a = value(z);
        slope = z <= T(0) ? Vec<T>{} : broadcast(T(1));
    }
};

template <class T>
struct LeakyRelu {
    static constexpr T SLOPE = T(0.01);
    static PROFUNDA_INLINE Vec<T> value(Vec<T> z) { return larger(z, z * SLOPE); }
    static PROFUNDA_INLINE void both(Vec<T> z, Vec<T>& a, Vec<T>& slope) {
        a = value(z);
        slope = z > T(0) ? broadcast(T(1)) : broadcast(SLOPE);
    }
};

template <class T>
struct Tanh {
    static PROFUNDA_INLINE Vec<T> value(Vec<T> z) { return tanh(z); }
    static PROFUNDA_INLINE void both(Vec<T> z, Vec<T>& a, Vec<T>& slope) {
        a = value(z);
        slope = T(1) - a * a;
    }
};

template <class T>
struct Sigmoid {
    static PROFUNDA_INLINE Vec<T> value(Vec<T> z) { return sigmoid(z); }
    static PROFUNDA_INLINE void both(Vec<T> z, Vec<T>& a, Vec<T>& slope) {
        a = value(z);
        slope = (T(1) - a) * a;
    }
};

template <class T>
struct Elu {
    static PROFUNDA_INLINE Vec<T> value(Vec<T> z) {
        return z > T(0) ? z : expm1_of_negative(smaller(z, Vec<T>{}));
    }
    static PROFUNDA_INLINE void both(Vec<T> z, Vec<T>& a, Vec<T>& slope) {
        a = value(z);
        slope = z > T(0) ? broadcast(T(1)) : a + T(1);
    }
};

// Klambauer et al. 2017, equation 14.
template <class T>
struct Selu {
    static constexpr T SCALE = T(1.0507009873554805), BOTTOM = T(1.0507009873554805 * 1.6732632423543772);
    static PROFUNDA_INLINE Vec<T> value(Vec<T> z) {
        return z > T(0) ? z * SCALE : expm1_of_negative(smaller(z, Vec<T>{})) * BOTTOM;
    }
    static PROFUNDA_INLINE void both(Vec<T> z, Vec<T>& a, Vec<T>& slope) {
        a = value(z);
        slope = z > T(0) ? broadcast(SCALE) : a + BOTTOM;
    }
};

// z Φ(z), with the distribution function of the normal law (Hendrycks and Gimpel 2016).
template <class T>
struct Gelu {
    static PROFUNDA_INLINE Vec<T> value(Vec<T> z) { return z * normal(z).below; }
    static PROFUNDA_INLINE void both(Vec<T> z, Vec<T>& a, Vec<T>& slope) {
        auto [density, below] = normal(z);
        a = z * below;
        slope = z * density + below;
    }
};

template <class T>
struct Silu {
    static PROFUNDA_INLINE Vec<T> value(Vec<T> z) { return z * sigmoid(z); }
    static PROFUNDA_INLINE void both(Vec<T> z, Vec<T>& a, Vec<T>& slope) {
        Vec<T> s = sigmoid(z);
        a = z * s;
        slope = a * (T(1) - s) + s;
    }
};

// log(1 + e^z), from e^-|z| so that nothing overflows; z itself beyond torch's threshold.
template <class T>
struct Softplus {
    static constexpr T THRESHOLD = T(20);
    static PROFUNDA_INLINE Vec<T> value_from(Vec<T> z, Vec<T> fading) {
        Vec<T> a = larger(z, Vec<T>{}) + log1p_of_unit(fading);
        return z > THRESHOLD ? z : a;
    }
    static PROFUNDA_INLINE Vec<T> fading(Vec<T> z) { return exp(smaller(z, -z)); }
    static PROFUNDA_INLINE Vec<T> value(Vec<T> z) { return value_from(z, fading(z)); }
    static PROFUNDA_INLINE void both(Vec<T> z, Vec<T>& a, Vec<T>& slope) {
        Vec<T> e = fading(z);
        a = value_from(z, e);
        Vec<T> falling = z >= T(0) ? broadcast(T(1)) : e;
        slope = z > THRESHOLD ? broadcast(T(1)) : falling / (T(1) + e);
    }
};

// z tanh(softplus(z)) (Misra 2019). With w = e^z and d = w² + 2w + 2 it is z (d - 2) / d, and its slope is
// (d - 2) / d + 4 z w (1 + w) / d². Where z > 20 the quotient is 1 in either type.
template <class T>
struct Mish {
    static PROFUNDA_INLINE Vec<T> value(Vec<T> z) {
        Vec<T> w = exp(smaller(z, broadcast(T(20))));
        Vec<T> n = w * (w + T(2));
        return z * (n / (n + T(2)));
    }
    static PROFUNDA_INLINE void both(Vec<T> z, Vec<T>& a, Vec<T>& slope) {
        Vec<T> capped = smaller(z, broadcast(T(20)));
        Vec<T> w = exp(capped);
        Vec<T> n = w * (w + T(2));
        Vec<T> d = n + T(2);
        Vec<T> quotient = n / d;
        a = z * quotient;
        slope = capped * (T(4) * (w / d) * ((w + T(1)) / d)) + quotient;
    }
};

// Calls f with an object of the activation's struct, so that f's loops are compiled once for each function.
template <class T, class F>
PROFUNDA_INLINE void visit(Activation activation, F&& f) {
    switch (activation) {
        case Activation::relu: return f(Relu<T>{});
        case Activation::leaky_relu: return f(LeakyRelu<T>{});
        case Activation::tanh: return f(Tanh<T>{});
        case Activation::sigmoid: return f(Sigmoid<T>{});
        case Activation::elu: return f(Elu<T>{});
        case Activation::selu: return f(Selu<T>{});
        case Activation::gelu: return f(Gelu<T>{});
        case Activation::silu: return f(Silu<T>{});
        case Activation::softplus: return f(Softplus<T>{});
        case Activation::mish: return f(Mish<T>{});
    }
}

}  // namespace profunda::PROFUNDA_ISA
