// optimisers.hpp against the formulas in double, one parameter at a time.
#include "optimisers.hpp"

#include "buffers.hpp"
#include "lists.hpp"

namespace profunda::PROFUNDA_ISA {

static Recipe recipe_of(Optimiser rule, double l1, double l2, bool decoupled, Schedule schedule = Schedule::constant) {
    Recipe recipe{};
    recipe.optimiser = rule;
    recipe.l1 = l1;
    recipe.l2 = l2;
    recipe.decoupled = decoupled;
    recipe.momentum = 0.9;
    recipe.lr = 0.01;
    recipe.beta2 = 0.99;
    recipe.schedule = schedule;
    return recipe;
}

struct Parameter {
    double value, first, second;
};

// One step of a weight, as torch.optim's documentation writes them; the proximal step of l1 comes last.
static void move(Parameter& p, double g, const Recipe& recipe, double rate, const Pace& pace, int number, bool weight) {
    const double l1 = weight ? recipe.l1 : 0, l2 = weight ? recipe.l2 : 0, lr = rate * pace.rate;
    const double epsilon = 1e-8 * pace.epsilon;
    if (!recipe.decoupled) g += l2 * p.value;
    if (recipe.subgradient) g += p.value > 0 ? l1 : p.value < 0 ? -l1 : 0;
    if (recipe.decoupled) p.value -= rate * l2 * p.value;
    switch (recipe.optimiser) {
        case Optimiser::sgd:
            p.first = recipe.momentum * p.first + g;
            p.value -= lr * p.first;
            break;
        case Optimiser::adam: {
            p.first = 0.9 * p.first + 0.1 * g;
            p.second = recipe.beta2 * p.second + (1 - recipe.beta2) * g * g;
            const double mean = p.first / (1 - __builtin_pow(0.9, number));
            const double square = p.second / (1 - __builtin_pow(recipe.beta2, number));
            p.value -= lr * mean / (__builtin_sqrt(square) + epsilon);
            break;
        }
        case Optimiser::rmsprop:
            p.first = 0.99 * p.first + 0.01 * g * g;
            p.value -= lr * g / (__builtin_sqrt(p.first) + epsilon);
            break;
    }
    if (recipe.subgradient) return;
    const double size = __builtin_fabs(p.value) - lr * l1;
    p.value = size > 0 ? __builtin_copysign(size, p.value) : 0;
}

// A span of two vectors and more, stepped ten times at falling rates; gradients reach from 1e-6 to 1.
template <class T, Penalty PENALTY>
static void steps_of(const Recipe& recipe, double gradient_scale, Pace pace = {}) {
    constexpr int SIZE = 3 * LANES<T>, STEPS = 10;
    check::Draws draws(31);
    Buffer<T> params(SIZE), gradient(SIZE), first(SIZE), second(SIZE);
    Parameter wanted[SIZE] = {};
    for (int i = 0; i < SIZE; ++i) wanted[i].value = params[i] = static_cast<T>(draws.between(-0.1, 0.1));
    const bool adam = recipe.optimiser == Optimiser::adam;
    const Span<T> span{params, gradient, first, adam ? second.numbers : nullptr, SIZE};
    double power_1 = 1, power_2 = 1;
    for (int number = 1; number <= STEPS; ++number) {
        const double lr = 0.02 / number;
        for (int i = 0; i < SIZE; ++i) {
            gradient[i] = static_cast<T>(draws.between(-1, 1) * __builtin_pow(10, -6 * i / SIZE));
            move(wanted[i], gradient_scale * gradient[i], recipe, lr, pace, number, PENALTY != Penalty::none);
        }
        power_1 *= BETA_1;
        power_2 *= recipe.beta2;
        step_by<T, PENALTY>(recipe.optimiser, span, Step<T>(recipe, lr, gradient_scale, power_1, power_2, pace));
    }
    const double bound = sizeof(T) == 4 ? 1e-6 : 1e-14;
    for (int i = 0; i < SIZE; ++i) {
        CHECK_NEAR(params[i], wanted[i].value, bound);
        CHECK_NEAR(first[i], wanted[i].first, 3 * bound);
        CHECK_NEAR(second[i], wanted[i].second, bound);
        // What the proximal step takes away is 0 exactly.
        if (wanted[i].value == 0) CHECK_EQUAL(params[i], 0);
    }
}

template <class T>
static void steps() {
    for (const Optimiser rule : List<Optimiser>{Optimiser::sgd, Optimiser::adam, Optimiser::rmsprop}) {
        steps_of<T, Penalty::none>(recipe_of(rule, 0, 0, false), 1);
        steps_of<T, Penalty::none>(recipe_of(rule, 0.7, 0.5, false), 1);
        steps_of<T, Penalty::proximal>(recipe_of(rule, 0.7, 0, false), 1);
        steps_of<T, Penalty::proximal>(recipe_of(rule, 0, 0.5, false), 0.25);
        steps_of<T, Penalty::proximal>(recipe_of(rule, 0, 0.5, true), 1);
        steps_of<T, Penalty::proximal>(recipe_of(rule, 0.3, 0.5, true), 0.25);
        for (const bool decoupled : List<bool>{false, true}) {
            Recipe recipe = recipe_of(rule, 0.3, 0.5, decoupled);
            steps_of<T, Penalty::proximal>(recipe, 1, neural_tangent(rule, 16));
            recipe.subgradient = true;
            steps_of<T, Penalty::subgradient>(recipe, 0.25);
            recipe.beta2 = 0;
            steps_of<T, Penalty::subgradient>(recipe, 1, {0.1, 50});
        }
    }
}

static void paces_of_weights() {
    CHECK_EQUAL(neural_tangent(Optimiser::sgd, 16).rate, 1.0 / 16);
    CHECK_EQUAL(neural_tangent(Optimiser::sgd, 16).epsilon, 1);
    for (const Optimiser rule : List<Optimiser>{Optimiser::adam, Optimiser::rmsprop}) {
        CHECK_EQUAL(neural_tangent(rule, 16).rate, 0.25);
        CHECK_EQUAL(neural_tangent(rule, 16).epsilon, 4);
        CHECK_EQUAL(neural_tangent(rule, 1).rate, 1);
    }
}

template <class T>
static void zeros_stay() {
    for (const Optimiser rule : List<Optimiser>{Optimiser::sgd, Optimiser::adam, Optimiser::rmsprop}) {
        const Recipe recipe = recipe_of(rule, 0.1, 0.1, true);
        Buffer<T> params(LANES<T>), gradient(LANES<T>), first(LANES<T>), second(LANES<T>);
        const Span<T> span{params, gradient, first, second, LANES<T>};
        for (int number = 1; number <= 3; ++number) {
            const double power_1 = __builtin_pow(BETA_1, number), power_2 = __builtin_pow(recipe.beta2, number);
            const Step<T> own(recipe, 0.1, 1, power_1, power_2);
            step_by<T, Penalty::proximal>(rule, span, own);
            step_by<T, Penalty::subgradient>(rule, span, own);
            step_by<T, Penalty::none>(rule, span, own);
        }
        for (int i = 0; i < LANES<T>; ++i) {
            CHECK(params[i] == 0 && !__builtin_signbit(params[i]) && first[i] == 0 && second[i] == 0);
        }
    }
}

// A NaN or an infinity in a gradient must reach the parameter: divergence is seen there.
template <class T>
static void broken_gradients_are_seen() {
    for (const Optimiser rule : List<Optimiser>{Optimiser::sgd, Optimiser::adam, Optimiser::rmsprop}) {
        const Recipe recipe = recipe_of(rule, 0.1, 0.1, false);
        Buffer<T> params(LANES<T>, T(1)), gradient(LANES<T>), first(LANES<T>), second(LANES<T>);
        gradient[1] = static_cast<T>(__builtin_nan(""));
        const Step<T> own(recipe, 0.1, 1, BETA_1, recipe.beta2);
        step_by<T, Penalty::proximal>(rule, {params, gradient, first, second, LANES<T>}, own);
        for (int i = 0; i < LANES<T>; ++i) CHECK(__builtin_isnan(params[i]) == (i == 1));
    }
}

static void learning_rates() {
    const double pi = 3.14159265358979323846;
    for (const double total : List<double>{1.0, 2.0, 3.0, 10.0, 997.0}) {
        const double rise = 0.3 * total > 1 ? 0.3 * total : 1, rest = total - rise > 1 ? total - rise : 1;
        const Recipe constant = recipe_of(Optimiser::sgd, 0, 0, false);
        const Recipe cosine = recipe_of(Optimiser::sgd, 0, 0, false, Schedule::cosine);
        const Recipe cycle = recipe_of(Optimiser::sgd, 0, 0, false, Schedule::onecycle);
        for (double k = 0; k < total; ++k) {
            CHECK_EQUAL(learning_rate(constant, k, total), 0.01);
            CHECK_NEAR(learning_rate(cosine, k, total), 0.005 * (1 + __builtin_cos(pi * k / total)), 1e-16);
            double past = (k - rise) / rest;
            past = past < 0 ? 0 : past > 1 ? 1 : past;
            const double share = (k + 1) / rise < 1 ? (k + 1) / rise : 1;
            const double wanted = k < rise ? 0.01 * share : 0.005 * (1 + __builtin_cos(pi * past));
            CHECK_NEAR(learning_rate(cycle, k, total), wanted, 1e-16);
        }
    }
    const Recipe cosine = recipe_of(Optimiser::sgd, 0, 0, false, Schedule::cosine);
    const Recipe cycle = recipe_of(Optimiser::sgd, 0, 0, false, Schedule::onecycle);
    CHECK_EQUAL(learning_rate(cosine, 0, 100), 0.01);
    CHECK_NEAR(learning_rate(cosine, 50, 100), 0.005, 1e-16);
    CHECK_NEAR(learning_rate(cycle, 0, 100), 0.01 / 30, 1e-16);
    CHECK_EQUAL(learning_rate(cycle, 29, 100), 0.01);
    CHECK_NEAR(learning_rate(cycle, 65, 100), 0.005, 1e-16);
}

static void waves_and_restarts() {
    const double pi = 3.14159265358979323846;
    const Recipe restarts = recipe_of(Optimiser::sgd, 0, 0, false, Schedule::restarts);
    const Recipe coslog = recipe_of(Optimiser::sgd, 0, 0, false, Schedule::coslog);
    // Cosines of 1, 2 and 4 sevenths, each from the whole rate on.
    for (const int k : List<int>{0, 100, 300}) CHECK_EQUAL(learning_rate(restarts, k, 700), 0.01);
    for (const int k : List<int>{50, 200, 500}) CHECK_NEAR(learning_rate(restarts, k, 700), 0.005, 1e-16);
    for (const int k : List<int>{99, 298, 696}) {
        CHECK_NEAR(learning_rate(restarts, k, 700), 0.005 * (1 + __builtin_cos(pi * 0.99)), 1e-16);
    }
    // 0 at t = 0, (2^i − 1) / 15; the whole rate halfway in log2, at (2^(i + ½) − 1) / 15.
    for (const int t : List<int>{0, 1, 3, 7}) CHECK_NEAR(learning_rate(coslog, t, 15), 0, 1e-16);
    for (int i = 0; i < 4; ++i) {
        const double t = (__builtin_pow(2, i + 0.5) - 1) / 15;
        CHECK_NEAR(learning_rate(coslog, t, 1), 0.01, 1e-16);
    }
    const double waves = __builtin_log(6) / __builtin_log(2);
    CHECK_NEAR(learning_rate(coslog, 1, 3), 0.005 * (1 - __builtin_cos(2 * pi * waves)), 1e-16);
}

PROFUNDA_GROUP(optimisers,
               {"steps, float", steps<float>},
               {"steps, double", steps<double>},
               {"zeros stay, float", zeros_stay<float>},
               {"zeros stay, double", zeros_stay<double>},
               {"broken gradients are seen, float", broken_gradients_are_seen<float>},
               {"broken gradients are seen, double", broken_gradients_are_seen<double>},
               {"paces of weights", paces_of_weights},
               {"learning rates", learning_rates},
               {"waves and restarts", waves_and_restarts})

}  // namespace profunda::PROFUNDA_ISA
