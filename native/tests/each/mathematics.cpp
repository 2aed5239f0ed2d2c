// mathematics.hpp against libm in double: sweeps over the floats of all magnitudes, and special values.
#include "mathematics.hpp"

#include "lists.hpp"

namespace profunda::PROFUNDA_ISA {

using Numbers = Vec<float>;

static float float_of(uint32_t bits) {
    float number;
    __builtin_memcpy(&number, &bits, 4);
    return number;
}
static uint32_t bits_of(float number) {
    uint32_t bits;
    __builtin_memcpy(&bits, &number, 4);
    return bits;
}

struct Worst {
    double relative = 0, relative_at = 0, ulps = 0, ulps_at = 0;
};

// Every STRIDE-th float from `from` to `to` (of one sign, growing away from 0): no magnitude is left out.
constexpr uint32_t STRIDE = 1009;
// Smaller results may be flushed to 0.
constexpr double SMALLEST = 1.7e-38, LARGEST = 3.4028234663852886e38;

template <class F, class G>
static Worst worst_of(F function, G reference, float from, float to) {
    Worst worst;
    const uint32_t first = bits_of(from), last = bits_of(to);
    for (uint32_t at = first; at <= last; at += STRIDE * LANES<float>) {
        Numbers x{};
        for (int i = 0; i < LANES<float>; ++i) {
            const uint32_t bits = at + STRIDE * static_cast<uint32_t>(i);
            x[i] = float_of(bits < last ? bits : last);
        }
        const Numbers found = function(x);
        for (int i = 0; i < LANES<float>; ++i) {
            const double wanted = reference(static_cast<double>(x[i]));
            const double size = __builtin_fabs(wanted), error = __builtin_fabs(found[i] - wanted);
            if (!(size >= SMALLEST && size <= LARGEST)) continue;
            int exponent;
            __builtin_frexp(wanted, &exponent);
            const double relative = error / size, ulps = error / __builtin_ldexp(1.0, exponent - 24);
            if (check::worse(relative, worst.relative)) worst.relative = relative, worst.relative_at = x[i];
            if (check::worse(ulps, worst.ulps)) worst.ulps = ulps, worst.ulps_at = x[i];
        }
    }
    check::measured("relative error", worst.relative, worst.relative_at);
    check::measured("units in the last place", worst.ulps, worst.ulps_at);
    return worst;
}

constexpr float TINIEST = 1e-45f, LEAST_NORMAL = 1.17549435e-38f, MOST = 3.4028234663852886e38f;
static const float INF = __builtin_inff();

// One value in every lane.
template <class F>
static float one(F function, float x) {
    Numbers filled{};
    for (int i = 0; i < LANES<float>; ++i) filled[i] = x;
    const Numbers y = function(filled);
    for (int i = 1; i < LANES<float>; ++i) CHECK_EQUAL(y[i], y[0]);
    return y[0];
}

static const auto EXP = [](Numbers x) { return exp(x); };
static const auto EXPM1 = [](Numbers x) { return expm1_of_negative(x); };
static const auto LOG = [](Numbers x) { return log(x); };
static const auto LOG1P = [](Numbers x) { return log1p_of_unit(x); };
static const auto SIGMOID = [](Numbers x) { return sigmoid(x); };
static const auto TANH = [](Numbers x) { return tanh(x); };
static const auto BELOW = [](Numbers x) { return normal(x).below; };
static const auto DENSITY = [](Numbers x) { return normal(x).density; };

static void exp_sweep() {
    const auto wanted = [](double x) { return __builtin_exp(x); };
    CHECK_AT_MOST(worst_of(EXP, wanted, TINIEST, 89.0f).ulps, 1.2);
    CHECK_AT_MOST(worst_of(EXP, wanted, -TINIEST, -88.0f).ulps, 1.2);
}
static void expm1_sweep() {
    const auto wanted = [](double x) { return __builtin_expm1(x); };
    CHECK_AT_MOST(worst_of(EXPM1, wanted, -LEAST_NORMAL, -MOST).ulps, 1.1);
}
static void log_sweep() {
    const auto wanted = [](double x) { return __builtin_log(x); };
    CHECK_AT_MOST(worst_of(LOG, wanted, TINIEST, MOST).ulps, 0.9);
    CHECK_AT_MOST(worst_of(LOG, wanted, 0.98f, 1.02f).ulps, 0.9);
}
static void log1p_sweep() {
    const auto wanted = [](double x) { return __builtin_log1p(x); };
    CHECK_AT_MOST(worst_of(LOG1P, wanted, LEAST_NORMAL, 1.0f).ulps, 2.1);
}
static void sigmoid_sweep() {
    const auto wanted = [](double x) { return 1.0 / (1.0 + __builtin_exp(-x)); };
    CHECK_AT_MOST(worst_of(SIGMOID, wanted, TINIEST, MOST).ulps, 2.5);
    CHECK_AT_MOST(worst_of(SIGMOID, wanted, -TINIEST, -MOST).ulps, 2.5);
}
static void tanh_sweep() {
    const auto wanted = [](double x) { return __builtin_tanh(x); };
    CHECK_AT_MOST(worst_of(TANH, wanted, LEAST_NORMAL, MOST).relative, 1.9e-7);
    CHECK_AT_MOST(worst_of(TANH, wanted, -LEAST_NORMAL, -MOST).relative, 1.9e-7);
}
static void normal_sweep() {
    const auto below = [](double x) { return 0.5 * __builtin_erfc(x * -0.70710678118654752); };
    const auto density = [](double x) { return __builtin_exp(-0.5 * x * x) * 0.39894228040143268; };
    CHECK_AT_MOST(worst_of(BELOW, below, LEAST_NORMAL, MOST).relative, 3e-7);
    CHECK_AT_MOST(worst_of(BELOW, below, -LEAST_NORMAL, -3.0f).relative, 6e-7);
    CHECK_AT_MOST(worst_of(BELOW, below, -3.0f, -MOST).relative, 5e-6);
    CHECK_AT_MOST(worst_of(DENSITY, density, LEAST_NORMAL, 3.0f).relative, 6e-7);
    CHECK_AT_MOST(worst_of(DENSITY, density, -3.0f, -MOST).relative, 5e-6);
}
static void turn_sweep() {
    const auto sine = [](double x) { return __builtin_sin(6.2831853071795865 * (x - __builtin_nearbyint(x))); };
    const auto within = [&](float from, float to) {
        double worst = 0;
        const uint32_t first = bits_of(from), last = bits_of(to);
        for (uint32_t at = first; at <= last; at += STRIDE) {
            const double x = static_cast<double>(float_of(at));
            Numbers filled = broadcast(float_of(at));
            const Turn<float> found = turn(filled);
            const double off[] = {found.sin[0] - sine(x), found.cos[0] - sine(x + 0.25)};
            for (const double error : off) {
                const double size = __builtin_fabs(error);
                if (check::worse(size, worst)) worst = size;
            }
        }
        check::measured("error", worst, to);
        return worst;
    };
    CHECK_AT_MOST(within(LEAST_NORMAL, 4194303.5f), 1.3e-7);
    CHECK_AT_MOST(within(-LEAST_NORMAL, -4194303.5f), 1.3e-7);
    const auto wanted = [](double x) { return __builtin_sin(6.2831853071795865 * x); };
    CHECK_AT_MOST(worst_of([](Numbers x) { return turn(x).sin; }, wanted, 1e-30f, 0.375f).relative, 1.3e-7);
    for (int quarter = -9; quarter <= 9; ++quarter) {
        const float x = static_cast<float>(quarter) * 0.25f;
        const double cosines[] = {1, 0, -1, 0};
        CHECK_EQUAL(one([](Numbers x) { return turn(x).cos; }, x), cosines[(quarter + 12) % 4]);
        CHECK_EQUAL(one([](Numbers x) { return turn(x).sin; }, x), cosines[(quarter + 11) % 4]);
    }
    CHECK_EQUAL(one([](Numbers x) { return turn(x).cos; }, MOST), 1.0f);
    CHECK(__builtin_isnan(one([](Numbers x) { return turn(x).cos; }, INF)));
    CHECK(__builtin_isnan(one([](Numbers x) { return turn(x).sin; }, __builtin_nanf(""))));
}
static void sweeps_see_an_error() {
    const auto wanted = [](double x) { return __builtin_tanh(x) * (1 + 1e-6); };
    CHECK(worst_of(TANH, wanted, LEAST_NORMAL, MOST).relative > 6e-7);
    const auto holed = [](Numbers x) { return x > 1.0f && x < 1.01f ? Numbers{} + __builtin_nanf("") : tanh(x); };
    CHECK(!(worst_of(holed, wanted, LEAST_NORMAL, MOST).relative <= 1));
}

static void special_values() {
    CHECK_EQUAL(one(EXP, 0.0f), 1);
    CHECK_EQUAL(one(EXP, -0.0f), 1);
    CHECK_EQUAL(one(EXP, INF), INF);
    CHECK_EQUAL(one(EXP, MOST), INF);
    CHECK_EQUAL(one(EXP, 88.73f), INF);
    CHECK(one(EXP, 88.72f) < INF);
    CHECK_EQUAL(one(EXP, -INF), 0);
    CHECK_EQUAL(one(EXP, -MOST), 0);
    CHECK_EQUAL(one(EXP, -87.5f), 0);
    CHECK(one(EXP, -86.9f) > 0);
    CHECK_EQUAL(one(EXPM1, -INF), -1);
    CHECK_EQUAL(one(EXPM1, 0.0f), 0);
    CHECK_EQUAL(one(LOG, 0.0f), -INF);
    CHECK_EQUAL(one(LOG, -0.0f), -INF);
    CHECK_EQUAL(one(LOG, 1.0f), 0);
    CHECK_EQUAL(one(LOG, INF), INF);
    CHECK(__builtin_isnan(one(LOG, -1.0f)));
    CHECK(__builtin_isnan(one(LOG, -TINIEST)));
    CHECK(__builtin_isnan(one(LOG, -INF)));
    CHECK_EQUAL(one(LOG1P, 0.0f), 0);
    CHECK_EQUAL(one(SIGMOID, 0.0f), 0.5);
    CHECK_EQUAL(one(SIGMOID, INF), 1);
    CHECK_EQUAL(one(SIGMOID, -INF), 0);
}

// Where the true value rounds to a limit, the result is that limit exactly, and nowhere beyond.
static void saturation() {
    for (float x = 9.6f; x < 1e38f; x *= 1.5f) {
        CHECK_EQUAL(one(TANH, x), 1);
        CHECK_EQUAL(one(TANH, -x), -1);
        CHECK_EQUAL(one(BELOW, x), 1);
    }
    CHECK_EQUAL(one(TANH, INF), 1);
    CHECK_EQUAL(one(TANH, -INF), -1);
    for (float x = 13.2f; x < 1e38f; x *= 1.5f) {
        CHECK_EQUAL(one(BELOW, -x), 0);
        CHECK_EQUAL(one(DENSITY, x), 0);
        CHECK_EQUAL(one(DENSITY, -x), 0);
    }
    CHECK_EQUAL(one(BELOW, INF), 1);
    CHECK_EQUAL(one(BELOW, -INF), 0);
    CHECK_EQUAL(one(DENSITY, INF), 0);
    CHECK_EQUAL(one(DENSITY, -INF), 0);
    for (uint32_t at = bits_of(3.0f); at < bits_of(12.0f); at += 97) {
        const float x = float_of(at);
        CHECK_AT_MOST(one(TANH, x), 1);
        CHECK_AT_MOST(-one(TANH, -x), 1);
        CHECK_AT_MOST(one(BELOW, x), 1);
        CHECK(one(BELOW, -x) >= 0);
    }
}

static void tanh_is_odd() {
    CHECK(__builtin_signbit(one(TANH, -0.0f)) && !__builtin_signbit(one(TANH, 0.0f)));
    for (float x = 1e-42f; x < 20; x *= 1.37f) CHECK_EQUAL(one(TANH, -x), -one(TANH, x));
}

template <class F>
static void nan_stays_in_its_lane(F function) {
    // Signalling or not, of either sign, payload short or long: bits of a NaN must not reach an exponent.
    const uint32_t kinds[] = {0x7fc00000u, 0xffc00000u, 0x7fffffffu, 0xffffffffu, 0x7f800001u, 0x7fc00001u};
    const float plain = function(broadcast(-0.75f))[0];
    const float unit = function(broadcast(0.75f))[0];
    for (const uint32_t kind : kinds) {
        for (int lane = 0; lane < LANES<float>; ++lane) {
            for (int sign = -1; sign <= 1; sign += 2) {
                const float other = 0.75f * static_cast<float>(sign);
                Numbers x = broadcast(other);
                x[lane] = float_of(kind);
                const Numbers y = function(x);
                for (int i = 0; i < LANES<float>; ++i) {
                    if (i == lane) {
                        CHECK(__builtin_isnan(y[i]));
                    } else {
                        CHECK_EQUAL(y[i], other < 0 ? plain : unit);
                    }
                }
            }
        }
    }
}
static void nan_stays_nan() {
    nan_stays_in_its_lane(EXP);
    nan_stays_in_its_lane(EXPM1);
    nan_stays_in_its_lane(LOG);
    nan_stays_in_its_lane(LOG1P);
    nan_stays_in_its_lane(SIGMOID);
    nan_stays_in_its_lane(TANH);
    nan_stays_in_its_lane(BELOW);
    nan_stays_in_its_lane(DENSITY);
}

// The double functions are libm's, each lane with its own argument.
static void doubles_are_those_of_libm() {
    for (double first = -30; first < 30; first += 0.37) {
        Vec<double> x{};
        for (int i = 0; i < LANES<double>; ++i) x[i] = first + 0.11 * i;
        const Vec<double> size = x < 0.0 ? -x : x;
        const Vec<double> unit = size * (1.0 / 64);
        const Vec<double> e = exp(x), m = expm1_of_negative(-size), l = log(size), p = log1p_of_unit(unit);
        const Vec<double> s = sigmoid(x), t = tanh(x), f = normal(x).below, d = normal(x).density;
        for (int i = 0; i < LANES<double>; ++i) {
            CHECK_EQUAL(e[i], __builtin_exp(x[i]));
            CHECK_EQUAL(m[i], __builtin_expm1(-size[i]));
            CHECK_EQUAL(l[i], __builtin_log(size[i]));
            CHECK_EQUAL(p[i], __builtin_log1p(unit[i]));
            CHECK_EQUAL(s[i], 1.0 / (1.0 + __builtin_exp(-x[i])));
            CHECK_EQUAL(t[i], __builtin_tanh(x[i]));
            CHECK_EQUAL(f[i], 0.5 * __builtin_erfc(x[i] * -0.70710678118654752));
            CHECK_EQUAL(d[i], __builtin_exp(-0.5 * x[i] * x[i]) * 0.39894228040143268);
        }
    }
}

PROFUNDA_GROUP(mathematics,
               {"exp", exp_sweep},
               {"expm1", expm1_sweep},
               {"log", log_sweep},
               {"log1p", log1p_sweep},
               {"sigmoid", sigmoid_sweep},
               {"tanh", tanh_sweep},
               {"normal law", normal_sweep},
               {"turn", turn_sweep},
               {"sweeps see an error", sweeps_see_an_error},
               {"special values", special_values},
               {"saturation", saturation},
               {"tanh is odd", tanh_is_odd},
               {"NaN stays NaN in its lane", nan_stays_nan},
               {"doubles are those of libm", doubles_are_those_of_libm})

}  // namespace profunda::PROFUNDA_ISA
