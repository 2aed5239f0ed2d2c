// One step of an optimiser over a span of parameters, penalties included (fleet/optimisers.py). Spans are whole
// vectors; padded places hold zeros and keep them.
#pragma once

#include "job.hpp"
#include "simd.hpp"

namespace profunda::PROFUNDA_ISA {

constexpr double BETA_1 = 0.9, EPSILON = 1e-8, ALPHA = 0.99;

// How one kind of parameters steps: its rate is `rate` times the member's, its ε `epsilon` times the usual one.
struct Pace {
    double rate = 1, epsilon = 1;
};

// Of the scales before the first layer, and of α in parametric activations (Holzmüller et al. 2024).
constexpr double SCALES_PACE = 6, SLOPES_PACE = 0.1;

// Weights W trained as W√fan_in (Jacot, Gabriel and Hongler 2018).
inline Pace neural_tangent(Optimiser rule, int fan_in) {
    const double root = __builtin_sqrt(static_cast<double>(fan_in));
    return rule == Optimiser::sgd ? Pace{1.0 / fan_in, 1.0} : Pace{1.0 / root, root};
}

// What is the same for all parameters of a kind in a step.
template <class T>
struct Step {
    T lr;
    T gradient_scale;  // of gradient clipping, otherwise 1
    T momentum;
    T size;            // Adam: lr / (1 − β₁^k)
    T root;            // Adam: 1 / √(1 − β₂^k)
    T beta2, rest;     // Adam: β₂ and 1 − β₂
    T epsilon;
    T coupled;         // l2 where it is added to the gradient
    T keep;            // 1 − lr·l2 where it is decoupled
    T threshold;       // lr·l1
    T pull;            // l1 as a subgradient

    // `power_1` and `power_2` are β₁^k and β₂^k of step k, counted from 1. Decay does not follow the pace.
    Step(const Recipe& recipe, double rate, double gradient_scale, double power_1, double power_2, Pace pace = {})
        : lr(static_cast<T>(rate * pace.rate)), gradient_scale(static_cast<T>(gradient_scale)),
          momentum(static_cast<T>(recipe.momentum)),
          size(static_cast<T>(rate * pace.rate / (1.0 - power_1))),
          root(static_cast<T>(1.0 / __builtin_sqrt(1.0 - power_2))),
          beta2(static_cast<T>(recipe.beta2)), rest(static_cast<T>(1.0 - recipe.beta2)),
          epsilon(static_cast<T>(EPSILON * pace.epsilon)),
          coupled(static_cast<T>(recipe.decoupled ? 0.0 : recipe.l2)),
          keep(static_cast<T>(1.0 - rate * (recipe.decoupled ? recipe.l2 : 0.0))),
          threshold(static_cast<T>(rate * pace.rate * recipe.l1)), pull(static_cast<T>(recipe.l1)) {}
};

template <class T>
struct Span {
    T* params;
    const T* gradient;
    T* first;   // moments
    T* second;  // Adam's
    ptrdiff_t size;
};

// Which penalties act on a span: none; l2 and l1 by its soft threshold; l2 and l1 by its subgradient.
enum class Penalty { none, proximal, subgradient };

// Plain loops over arrays rather than vectors: the compiler knows the square root of a vector, the language does not.
template <class T, Optimiser RULE, Penalty PENALTY>
void step(const Span<T>& span, const Step<T>& given) {
    const Step<T> s = given;
    T* __restrict w = span.params;
    const T* __restrict g = span.gradient;
    T* __restrict m = span.first;
    T* __restrict q = span.second;
    for (ptrdiff_t i = 0; i < span.size; ++i) {
        T slope = g[i] * s.gradient_scale, weight = w[i];
        if constexpr (PENALTY != Penalty::none) {
            slope += s.coupled * weight;
            if constexpr (PENALTY == Penalty::subgradient) {
                slope += weight > 0 ? s.pull : weight < 0 ? -s.pull : T(0);
            }
            weight *= s.keep;
        }
        if constexpr (RULE == Optimiser::adam) {
            m[i] += static_cast<T>(1.0 - BETA_1) * (slope - m[i]);
            q[i] = s.beta2 * q[i] + s.rest * (slope * slope);
            weight -= s.size * m[i] / (s.root * static_cast<T>(__builtin_sqrt(q[i])) + s.epsilon);
        } else if constexpr (RULE == Optimiser::sgd) {
            m[i] = s.momentum * m[i] + slope;
            weight -= s.lr * m[i];
        } else {
            m[i] = static_cast<T>(ALPHA) * m[i] + static_cast<T>(1.0 - ALPHA) * (slope * slope);
            weight -= s.lr * slope / (static_cast<T>(__builtin_sqrt(m[i])) + s.epsilon);
        }
        if constexpr (PENALTY == Penalty::proximal) {
            // Soft threshold: the part of the weight within ±threshold is taken away.
            T part = weight > s.threshold ? s.threshold : weight;
            part = part < -s.threshold ? -s.threshold : part;
            weight -= part;
        }
        w[i] = weight;
    }
}

template <class T, Penalty PENALTY>
void step_by(Optimiser rule, const Span<T>& span, const Step<T>& s) {
    if (rule == Optimiser::adam) {
        step<T, Optimiser::adam, PENALTY>(span, s);
    } else if (rule == Optimiser::sgd) {
        step<T, Optimiser::sgd, PENALTY>(span, s);
    } else {
        step<T, Optimiser::rmsprop, PENALTY>(span, s);
    }
}

// Learning rate of step `number` (from 0) of a member's whole training; the formulas of fleet/schedules.py.
inline double learning_rate(const Recipe& recipe, double number, double total) {
    constexpr double pi = 3.14159265358979323846, warm_up = 0.3;
    if (recipe.schedule == Schedule::constant) return recipe.lr;
    if (recipe.schedule == Schedule::cosine) return recipe.lr * 0.5 * (1.0 + __builtin_cos(pi * number / total));
    if (recipe.schedule == Schedule::restarts) {
        // Cycles of lengths 1 : 2 : 4.
        const double sevenths = 7.0 * number / total;
        const double later = sevenths < 3.0 ? (sevenths - 1.0) / 2.0 : (sevenths - 3.0) / 4.0;
        const double place = sevenths < 1.0 ? sevenths : later;
        return recipe.lr * 0.5 * (1.0 + __builtin_cos(pi * place));
    }
    if (recipe.schedule == Schedule::coslog) {
        return recipe.lr * 0.5 * (1.0 - __builtin_cos(2.0 * pi * __builtin_log2(1.0 + 15.0 * number / total)));
    }
    const double rise = warm_up * total > 1.0 ? warm_up * total : 1.0;
    if (number < rise) {
        const double share = (number + 1.0) / rise;
        return recipe.lr * (share < 1.0 ? share : 1.0);
    }
    const double rest = total - rise > 1.0 ? total - rise : 1.0;
    double past = (number - rise) / rest;
    past = past < 0.0 ? 0.0 : past > 1.0 ? 1.0 : past;
    return recipe.lr * 0.5 * (1.0 + __builtin_cos(pi * past));
}

}  // namespace profunda::PROFUNDA_ISA
