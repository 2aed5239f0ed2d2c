// activations.hpp against formulas in double, central differences, and torch's values where a rule must be chosen.
#include "activations.hpp"

#include "lists.hpp"

namespace profunda::PROFUNDA_ISA {

// The formulas as they are usually written, one number at a time.
static double formula(Activation activation, double z) {
    const double scale = 1.0507009873554805, alpha = 1.6732632423543772;
    switch (activation) {
        case Activation::relu: return z > 0 ? z : 0;
        case Activation::leaky_relu: return z > 0 ? z : 0.01 * z;
        case Activation::tanh: return __builtin_tanh(z);
        case Activation::sigmoid: return 1 / (1 + __builtin_exp(-z));
        case Activation::elu: return z > 0 ? z : __builtin_expm1(z);
        case Activation::selu: return scale * (z > 0 ? z : alpha * __builtin_expm1(z));
        case Activation::gelu: return 0.5 * z * __builtin_erfc(-z / __builtin_sqrt(2.0));
        case Activation::silu: return z / (1 + __builtin_exp(-z));
        case Activation::softplus: return z > 20 ? z : __builtin_log1p(__builtin_exp(z));
        case Activation::mish: return z * __builtin_tanh(__builtin_log1p(__builtin_exp(z)));
    }
    return __builtin_nan("");
}

static double derivative(Activation activation, double z) {
    const double scale = 1.0507009873554805, alpha = 1.6732632423543772;
    const double s = 1 / (1 + __builtin_exp(-z)), s_below = 1 / (1 + __builtin_exp(z));
    switch (activation) {
        case Activation::relu: return z > 0;
        case Activation::leaky_relu: return z > 0 ? 1 : 0.01;
        case Activation::tanh: return 1 / (__builtin_cosh(z) * __builtin_cosh(z));
        case Activation::sigmoid: return s * s_below;
        case Activation::elu: return z > 0 ? 1 : __builtin_exp(z);
        case Activation::selu: return scale * (z > 0 ? 1 : alpha * __builtin_exp(z));
        case Activation::gelu:
            return 0.5 * __builtin_erfc(-z / __builtin_sqrt(2.0)) +
                   z * __builtin_exp(-0.5 * z * z) / __builtin_sqrt(2 * 3.14159265358979323846);
        case Activation::silu: return s + z * s * s_below;
        case Activation::softplus: return z > 20 ? 1 : s;
        case Activation::mish: {
            const double t = __builtin_tanh(__builtin_log1p(__builtin_exp(z)));
            return t + z * s * (1 - t * t);
        }
    }
    return __builtin_nan("");
}

constexpr int COUNT = 10;
static const char* const NAMES[COUNT] = {"relu", "leaky_relu", "tanh", "sigmoid",  "elu",
                                         "selu", "gelu",       "silu", "softplus", "mish"};

template <class T>
struct Result {
    Vec<T> value, slope;
};

// What `both` gives, and that `value` gives the same.
template <class T>
static Result<T> evaluated(Activation activation, Vec<T> z) {
    Result<T> result{};
    Vec<T> alone{};
    visit<T>(activation, [&](auto function) {
        decltype(function)::both(z, result.value, result.slope);
        alone = decltype(function)::value(z);
    });
    for (int i = 0; i < LANES<T>; ++i) CHECK_EQUAL(alone[i], result.value[i]);
    return result;
}

template <class T, class F>
static void each_point(T from, T to, T step, F&& f) {
    for (T first = from; first < to; first += LANES<T> * step) {
        Vec<T> z{};
        for (int i = 0; i < LANES<T>; ++i) z[i] = first + static_cast<T>(i) * step;
        f(z);
    }
}

// Largest errors of a function and its slope over [-25, 25].
struct Bound {
    double value, slope;
};

// Errors relative to numbers above `floor`, absolute below it.
template <class T>
static void values_and_slopes(const Bound (&bounds)[COUNT], double floor) {
    const auto error_of = [&](double found, double wanted) {
        const double size = __builtin_fabs(wanted);
        return __builtin_fabs(found - wanted) / (size > floor ? size : floor);
    };
    for (int number = 0; number < COUNT; ++number) {
        const auto activation = static_cast<Activation>(number);
        Bound worst{}, place{};
        each_point<T>(T(-25), T(25), T(0.0013), [&](Vec<T> z) {
            const Result<T> result = evaluated<T>(activation, z);
            for (int i = 0; i < LANES<T>; ++i) {
                const double value = error_of(result.value[i], formula(activation, z[i]));
                const double slope = error_of(result.slope[i], derivative(activation, z[i]));
                if (check::worse(value, worst.value)) worst.value = value, place.value = z[i];
                if (check::worse(slope, worst.slope)) worst.slope = slope, place.slope = z[i];
            }
        });
        check::measured(NAMES[number], worst.value, place.value);
        check::measured("  slope", worst.slope, place.slope);
        CHECK_AT_MOST(worst.value, bounds[number].value);
        CHECK_AT_MOST(worst.slope, bounds[number].slope);
    }
}

static void values_and_slopes_in_float() {
    values_and_slopes<float>({{0, 0}, {2e-8, 1e-9}, {2e-7, 4e-7}, {1.2e-7, 1.2e-7}, {6e-8, 7e-8},
                            {1.6e-7, 1.6e-7}, {1.3e-7, 1.7e-7}, {1.8e-7, 1.3e-6}, {1.3e-7, 1.2e-7}, {1.8e-7, 2e-7}}, 1);
}
// 1 - a², a + 1 and s (1 - s) lose digits where they are small, as torch's do.
static void small_values_in_float() {
    values_and_slopes<float>({{0, 0}, {1.1e-7, 3e-8}, {2.1e-7, 4e-5}, {1.6e-7, 1.2e-5}, {1.1e-7, 6e-6},
                            {1.8e-7, 1.5e-5}, {5e-7, 6e-6}, {2.1e-7, 4e-6}, {2.2e-7, 2.2e-7}, {3.3e-7, 9e-6}}, 0.01);
}
static void values_and_slopes_in_double() {
    values_and_slopes<double>({{0, 0}, {1e-17, 1e-17}, {1e-16, 5e-16}, {3e-16, 3e-16}, {3e-16, 3e-16},
                            {4e-16, 6e-16}, {4e-16, 4e-16}, {4e-16, 4e-15}, {4e-16, 3e-16}, {4e-16, 4e-15}}, 1);
}

static void central_differences() {
    const double h = 1e-5;
    for (int number = 0; number < COUNT; ++number) {
        const auto activation = static_cast<Activation>(number);
        // Points are odd multiples of 0.005: no difference reaches over a kink at 0 or softplus's threshold.
        each_point<double>(-24.995, 24.99, 0.01, [&](Vec<double> z) {
            const Vec<double> slope = evaluated<double>(activation, z).slope;
            const Vec<double> above = evaluated<double>(activation, z + h).value;
            const Vec<double> below = evaluated<double>(activation, z - h).value;
            for (int i = 0; i < LANES<double>; ++i) CHECK_NEAR(slope[i], (above[i] - below[i]) / (2 * h), 1e-9);
        });
    }
}

template <class T>
static Result<T> at(Activation activation, double z) {
    Vec<T> filled{};
    for (int i = 0; i < LANES<T>; ++i) filled[i] = static_cast<T>(z);
    return evaluated<T>(activation, filled);
}

// torch's backward functions at 0, on either side of its sign.
template <class T>
static void slopes_at_zero() {
    const double bottom = static_cast<T>(1.0507009873554805 * 1.6732632423543772);
    const double wanted[COUNT] = {0, static_cast<T>(0.01), 1, 0.25, 1, bottom, 0.5, 0.5, 0.5, 0.6};
    for (int number = 0; number < COUNT; ++number) {
        for (int sign = -1; sign <= 1; sign += 2) {
            const Result<T> zero = at<T>(static_cast<Activation>(number), __builtin_copysign(0.0, sign));
            CHECK_NEAR(zero.slope[0], wanted[number], 1e-7);
            CHECK_NEAR(zero.value[0], formula(static_cast<Activation>(number), 0), 1e-7);
        }
    }
    CHECK_EQUAL(at<T>(Activation::relu, 0).slope[0], 0);
    CHECK_EQUAL(at<T>(Activation::elu, 0).slope[0], 1);
    CHECK_EQUAL(at<T>(Activation::selu, 0).slope[0], bottom);
}

template <class T>
static void nan_stays_in_its_lane() {
    for (int number = 0; number < COUNT; ++number) {
        const auto activation = static_cast<Activation>(number);
        const Result<T> plain = at<T>(activation, 0.7);
        for (int lane = 0; lane < LANES<T>; ++lane) {
            Vec<T> z = broadcast(T(0.7));
            z[lane] = static_cast<T>(__builtin_nan(""));
            const Result<T> result = evaluated<T>(activation, z);
            for (int i = 0; i < LANES<T>; ++i) {
                if (i == lane) {
                    CHECK(__builtin_isnan(result.value[i]));
                    // torch: 1 for relu, 0.01 for leaky relu, NaN for the others.
                    CHECK(number < 2 || __builtin_isnan(result.slope[i]));
                } else {
                    CHECK_EQUAL(result.value[i], plain.value[0]);
                    CHECK_EQUAL(result.slope[i], plain.slope[0]);
                }
            }
        }
    }
}

// Far out: limits, no overflow on the way. Where a limit is 0 · infinity, torch has a NaN, and so have we.
template <class T>
static void far_out() {
    const double most = sizeof(T) == 4 ? 3.4028234663852886e38 : 1.7976931348623157e308;
    const double bottom = static_cast<T>(1.0507009873554805 * 1.6732632423543772);
    const double scale = static_cast<T>(1.0507009873554805), tiny = static_cast<T>(0.01);
    const double big[] = {120, 1e4, 1e30, most / 2};
    for (const double z : big) {
        const double z_ = static_cast<T>(z), below = -z_;
        const double up[COUNT] = {z_, z_, 1, 1, z_, static_cast<T>(z_) * static_cast<T>(scale), z_, z_, z_, z_};
        const double up_slope[COUNT] = {1, 1, 0, 0, 1, scale, 1, 1, 1, 1};
        const double down[COUNT] = {0, static_cast<T>(below) * static_cast<T>(tiny), -1, 0, -1, -bottom, 0, 0, 0, 0};
        const double down_slope[COUNT] = {0, tiny, 0, 0, 0, 0, 0, 0, 0, 0};
        for (int number = 0; number < COUNT; ++number) {
            const auto activation = static_cast<Activation>(number);
            const Result<T> above = at<T>(activation, z_), under = at<T>(activation, below);
            CHECK_EQUAL(above.value[0], up[number]);
            CHECK_NEAR(above.slope[0], up_slope[number], 1e-14);
            CHECK_NEAR(under.value[0], down[number], 1e-45 + 1e-7 * (down[number] < -1 ? -down[number] : 1e-36));
            CHECK_NEAR(under.slope[0], down_slope[number], 1e-36);
        }
    }
    const double inf = __builtin_inf();
    const double at_top[COUNT] = {inf, inf, 1, 1, inf, inf, inf, inf, inf, inf};
    const double nan = __builtin_nan("");
    const double at_bottom[COUNT] = {0, -inf, -1, 0, -1, -bottom, nan, nan, 0, nan};
    for (int number = 0; number < COUNT; ++number) {
        CHECK_EQUAL(at<T>(static_cast<Activation>(number), inf).value[0], at_top[number]);
        CHECK_EQUAL(at<T>(static_cast<Activation>(number), -inf).value[0], at_bottom[number]);
    }
}

// Softplus and its slope near torch's threshold of 20.
static void softplus_threshold() {
    CHECK_EQUAL(at<double>(Activation::softplus, 20).value[0], 20 + __builtin_log1p(__builtin_exp(-20.0)));
    CHECK_EQUAL(at<double>(Activation::softplus, 20.001).value[0], 20.001);
    CHECK_EQUAL(at<double>(Activation::softplus, 20.001).slope[0], 1);
    CHECK(at<double>(Activation::softplus, 20).slope[0] < 1);
}

PROFUNDA_GROUP(activations,
               {"values and slopes, float", values_and_slopes_in_float},
               {"small values and slopes, float", small_values_in_float},
               {"values and slopes, double", values_and_slopes_in_double},
               {"central differences", central_differences},
               {"slopes at 0, float", slopes_at_zero<float>},
               {"slopes at 0, double", slopes_at_zero<double>},
               {"NaN stays in its lane, float", nan_stays_in_its_lane<float>},
               {"NaN stays in its lane, double", nan_stays_in_its_lane<double>},
               {"far out, float", far_out<float>},
               {"far out, double", far_out<double>},
               {"softplus threshold", softplus_threshold})

}  // namespace profunda::PROFUNDA_ISA
