// simd.hpp: loads, choices, butterflies, and that the build's flags leave NaN a NaN.
#include "lists.hpp"

namespace profunda::PROFUNDA_ISA {

template <class T>
static Vec<T> counting(T first) {
    Vec<T> v{};
    for (int i = 0; i < LANES<T>; ++i) v[i] = first + static_cast<T>(i);
    return v;
}

// The compiler must not know that it is a NaN.
static volatile float hidden_nan = __builtin_nanf("");
static volatile double hidden_nan_twice = __builtin_nan("");

static void nan_is_detected() {
    const float f = hidden_nan;
    const double d = hidden_nan_twice;
    CHECK(f != f);
    CHECK(d != d);
    CHECK(__builtin_isnan(f));
    CHECK(!(f < 1.0f) && !(f > 1.0f) && !(f == f));
    Vec<float> v = counting<float>(0);
    v[1] = f;
    const Int<float> unequal = v != v;
    for (int i = 0; i < LANES<float>; ++i) CHECK_EQUAL(unequal[i], i == 1 ? -1 : 0);
    Vec<double> w = counting<double>(0);
    w[LANES<double> - 1] = d;
    const Int<double> unequal_twice = w != w;
    for (int i = 0; i < LANES<double>; ++i) CHECK_EQUAL(unequal_twice[i], i == LANES<double> - 1 ? -1 : 0);
    CHECK(__builtin_isnan(sum_of<float>(v)));
    CHECK(__builtin_isnan(sum_of<double>(w)));
    // inf - inf and 0 * inf arise in the same way as in training.
    const Vec<float> infinite = broadcast(__builtin_inff()) + v * 0.0f;
    CHECK(__builtin_isnan((infinite - infinite)[0]));
    CHECK(__builtin_isnan((infinite * (infinite * 0.0f))[0]));
}

template <class T>
static void choices_keep_a_nan_of_the_first() {
    const T nan = static_cast<T>(hidden_nan_twice);
    const Vec<T> nans = broadcast(nan), zeros{};
    for (int i = 0; i < LANES<T>; ++i) {
        CHECK(larger(nans, zeros)[i] != larger(nans, zeros)[i]);
        CHECK(smaller(nans, zeros)[i] != smaller(nans, zeros)[i]);
        CHECK_EQUAL(larger(zeros, nans)[i], 0);
        CHECK_EQUAL(larger(counting<T>(-1), zeros)[i], i > 1 ? i - 1 : 0);
        CHECK_EQUAL(smaller(counting<T>(-1), zeros)[i], i > 1 ? 0 : i - 1);
    }
}

template <class T>
static void loads_and_stores_at_any_address() {
    T from[LANES<T> + 3], to[LANES<T> + 3];
    for (int i = 0; i < LANES<T> + 3; ++i) from[i] = static_cast<T>(i * i);
    for (int shift = 0; shift < 3; ++shift) {
        for (T& number : to) number = -1;
        store(to + shift, load(from + shift));
        for (int i = 0; i < LANES<T> + 3; ++i) {
            CHECK_EQUAL(to[i], i >= shift && i < shift + LANES<T> ? from[i] : T(-1));
        }
    }
}

template <class T>
static void sums() {
    CHECK_EQUAL(sum_of<T>(counting<T>(5)), LANES<T> * 5 + LANES<T> * (LANES<T> - 1) / 2);
    Vec<T> rows[LANES<T>];
    for (int i = 0; i < LANES<T>; ++i) rows[i] = counting<T>(static_cast<T>(100 * i));
    const Vec<T> all = sums_of<T>(rows);
    for (int i = 0; i < LANES<T>; ++i) {
        CHECK_EQUAL(all[i], LANES<T> * 100 * i + LANES<T> * (LANES<T> - 1) / 2);
    }
}

// Sums of several rows at once must be the bits of sums one by one: a result must not depend on its neighbours.
template <class T>
static void sums_have_one_order() {
    T numbers[LANES<T>][LANES<T>];
    uint32_t word = 12345;
    for (auto& row : numbers) {
        for (T& number : row) {
            word = word * 1664525u + 1013904223u;
            number = static_cast<T>(word) / T(3) - T(7e8);
        }
    }
    Vec<T> rows[LANES<T>];
    for (int i = 0; i < LANES<T>; ++i) rows[i] = load(numbers[i]);
    const Vec<T> all = sums_of<T>(rows);
    for (int i = 0; i < LANES<T>; ++i) CHECK_EQUAL(all[i], sum_of<T>(load(numbers[i])));
}

template <class T>
static void transposition() {
    Vec<T> rows[LANES<T>];
    for (int i = 0; i < LANES<T>; ++i) rows[i] = counting<T>(static_cast<T>(100 * i));
    transpose<T>(rows);
    for (int i = 0; i < LANES<T>; ++i) {
        for (int j = 0; j < LANES<T>; ++j) CHECK_EQUAL(rows[i][j], 100 * j + i);
    }
}

static void rounding_up() {
    CHECK_EQUAL(rounded_up(0, 16), 0);
    CHECK_EQUAL(rounded_up(1, 16), 16);
    CHECK_EQUAL(rounded_up(16, 16), 16);
    CHECK_EQUAL(rounded_up(17, 4), 20);
}

PROFUNDA_GROUP(vectors,
               {"NaN is detected", nan_is_detected},
               {"choices keep a NaN of the first, float", choices_keep_a_nan_of_the_first<float>},
               {"choices keep a NaN of the first, double", choices_keep_a_nan_of_the_first<double>},
               {"loads and stores at any address, float", loads_and_stores_at_any_address<float>},
               {"loads and stores at any address, double", loads_and_stores_at_any_address<double>},
               {"sums, float", sums<float>},
               {"sums, double", sums<double>},
               {"sums have one order, float", sums_have_one_order<float>},
               {"sums have one order, double", sums_have_one_order<double>},
               {"transposition, float", transposition<float>},
               {"transposition, double", transposition<double>},
               {"rounding up", rounding_up})

}  // namespace profunda::PROFUNDA_ISA
