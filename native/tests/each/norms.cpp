// normalisation.hpp against means and variances written out, and central differences.
#include "normalisation.hpp"

#include "buffers.hpp"
#include "lists.hpp"

namespace profunda::PROFUNDA_ISA {

enum class Way { batch, running, layer };

// A layer's numbers, its norm, and all that the norm writes. Padded units are 0 everywhere.
template <class T>
struct Scene {
    int rows, units, columns;
    Matrix<T> z, normal, scale, shift, d_scale, d_shift, mean, variance;
    Buffer<T> inverse;

    Scene(check::Draws& draws, int rows, int units)
        : rows(rows), units(units), columns(rounded_up(units, LANES<T>)), z(draws, rows, rows, units, columns + 4, 0),
          normal(draws, rows, 0, 0, z.stride, 777), scale(draws, 1, 1, units, columns, 0),
          shift(draws, 1, 1, units, columns, 0), d_scale(draws, 1, 0, 0, columns, 777),
          d_shift(draws, 1, 0, 0, columns, 777), mean(draws, 1, 1, units, columns, 0),
          variance(draws, 1, 1, units, columns, 0), inverse(columns > rows ? columns : rows, 777) {
        for (int h = 0; h < units; ++h) variance(0, h) += 2;
        for (int r = 0; r < rows; ++r) {
            for (ptrdiff_t i = columns; i < z.stride; ++i) z(r, i) = 777;
        }
    }

    NormLayer<T> norm() {
        return {rows, units, columns, z.stride, scale, shift, normal, inverse, mean, variance};
    }
    void forward(Way way) {
        if (way == Way::batch) batch_norm<T>(norm(), z);
        if (way == Way::running) batch_norm_running<T>(norm(), z);
        if (way == Way::layer) layer_norm<T>(norm(), z);
    }
    void backward(Way way, T* d) {
        if (way == Way::batch) batch_norm_backward<T>(norm(), d, d_scale, d_shift);
        if (way == Way::layer) layer_norm_backward<T>(norm(), d, d_scale, d_shift);
    }
};

struct Moments {
    double mean, variance;
};

// Biased, of `count` numbers that lie `step` apart.
template <class T>
static Moments moments_of(const T* numbers, int count, ptrdiff_t step) {
    Moments found{};
    for (int i = 0; i < count; ++i) found.mean += numbers[i * step];
    found.mean /= count;
    for (int i = 0; i < count; ++i) {
        const double off = numbers[i * step] - found.mean;
        found.variance += off * off / count;
    }
    return found;
}

static const int ROWS[] = {1, 2, 3, 7, 32, 33}, UNITS[] = {1, 2, 5, 15, 16, 17, 33};

template <class T, class F>
static void each_scene(F&& f) {
    check::Draws draws(21);
    for (const int rows : ROWS) {
        for (const int units : UNITS) {
            Scene<T> scene(draws, rows, units);
            f(scene);
        }
    }
}

template <class T, Way WAY>
static void forward() {
    // One row or one unit has variance 0, and 1/√ε = 316 magnifies rounding.
    const double bound = sizeof(T) == 4 ? 1e-4 : 1e-12;
    each_scene<T>([&](Scene<T>& s) {
        Buffer<T> before(s.z.count);
        for (ptrdiff_t i = 0; i < s.z.count; ++i) before[i] = s.z[i];
        s.forward(WAY);
        for (int r = 0; r < s.rows; ++r) {
            for (int h = 0; h < s.units; ++h) {
                Moments m{s.mean(0, h), s.variance(0, h)};
                if (WAY == Way::batch) m = moments_of<T>(before + h, s.rows, s.z.stride);
                if (WAY == Way::layer) m = moments_of<T>(before + r * s.z.stride, s.units, 1);
                const double normal = (before[r * s.z.stride + h] - m.mean) / __builtin_sqrt(m.variance + 1e-5);
                CHECK_NEAR(s.z(r, h), normal * s.scale(0, h) + s.shift(0, h), bound);
                if (WAY != Way::running) CHECK_NEAR(s.normal(r, h), normal, bound);
            }
            for (int h = s.units; h < s.z.stride; ++h) CHECK_EQUAL(s.z(r, h), h < s.columns ? T(0) : T(777));
        }
    });
}

template <class T>
static void running_statistics() {
    each_scene<T>([&](Scene<T>& s) {
        Buffer<T> mean(s.units), variance(s.units), before(s.z.count);
        for (int h = 0; h < s.units; ++h) mean[h] = s.mean(0, h), variance[h] = s.variance(0, h);
        for (ptrdiff_t i = 0; i < s.z.count; ++i) before[i] = s.z[i];
        s.forward(Way::batch);
        for (int h = 0; h < s.units; ++h) {
            const Moments now = moments_of<T>(before + h, s.rows, s.z.stride);
            const double unbiased = s.rows > 1 ? now.variance * s.rows / (s.rows - 1) : 0;
            const double bound = sizeof(T) == 4 ? 5e-7 : 1e-15;
            const bool alone = s.rows == 1;
            CHECK_NEAR(s.mean(0, h), alone ? mean[h] : 0.9 * mean[h] + 0.1 * now.mean, alone ? 0 : bound);
            CHECK_NEAR(s.variance(0, h), alone ? variance[h] : 0.9 * variance[h] + 0.1 * unbiased, alone ? 0 : bound);
        }
        for (int h = s.units; h < s.columns; ++h) {
            CHECK_EQUAL(s.mean(0, h), 0);
            CHECK_EQUAL(s.variance(0, h), 0);
        }
    });
}

// A batch of one row has no variance, a layer of one unit neither: what remains is the shift, exactly.
template <class T>
static void alone_only_the_shift_remains() {
    check::Draws draws(22);
    for (const int units : UNITS) {
        Scene<T> s(draws, 1, units);
        s.forward(Way::batch);
        for (int h = 0; h < units; ++h) CHECK_EQUAL(s.z(0, h), s.shift(0, h));
    }
    for (const int rows : ROWS) {
        Scene<T> s(draws, rows, 1);
        s.forward(Way::layer);
        for (int r = 0; r < rows; ++r) CHECK_EQUAL(s.z(r, 0), s.shift(0, 0));
    }
}

// Σ d·norm(z) as a function of z, γ and β.
static double along(Scene<double>& s, Way way, const Matrix<double>& d, Buffer<double>& z) {
    for (ptrdiff_t i = 0; i < s.z.count; ++i) s.z[i] = z[i];
    s.forward(way);
    double sum = 0;
    for (int r = 0; r < s.rows; ++r) {
        for (int h = 0; h < s.units; ++h) sum += d(r, h) * s.z(r, h);
    }
    return sum;
}

template <Way WAY>
static void backward_against_differences() {
    const double step = 1e-6;
    check::Draws draws(23);
    for (const int rows : List<int>{1, 2, 3, 9}) {
        for (const int units : List<int>{1, 2, 5, 17}) {
            Scene<double> s(draws, rows, units);
            const Matrix<double> d(draws, rows, rows, units, s.z.stride, 0);
            Buffer<double> z(s.z.count), own(s.z.count);
            for (ptrdiff_t i = 0; i < s.z.count; ++i) z[i] = s.z[i], own[i] = d[i];
            s.forward(WAY);
            s.backward(WAY, own);
            const auto difference = [&](double& number) {
                const double kept = number;
                number = kept + step;
                const double above = along(s, WAY, d, z);
                number = kept - step;
                const double below = along(s, WAY, d, z);
                number = kept;
                return (above - below) / (2 * step);
            };
            for (int h = 0; h < units; ++h) {
                // Two numbers close together bend the norm: differences err by step² × curvature.
                for (int r = 0; r < rows; ++r) {
                    const ptrdiff_t at = r * s.z.stride + h;
                    CHECK_NEAR(own[at], difference(z[at]), 1e-5);
                }
                CHECK_NEAR(s.d_scale(0, h), difference(s.scale(0, h)), 1e-8);
                CHECK_NEAR(s.d_shift(0, h), difference(s.shift(0, h)), 1e-8);
            }
        }
    }
}

// In float as in double, and nothing but zeros in the padding.
template <Way WAY>
static void backward_in_float() {
    for (const int rows : ROWS) {
        for (const int units : UNITS) {
            check::Draws draws(24), same(24), others(25), also(25);
            Scene<float> s(draws, rows, units);
            Scene<double> twice(same, rows, units);
            Matrix<float> d(others, rows, rows, units, s.z.stride, 0);
            Matrix<double> wanted(also, rows, rows, units, twice.z.stride, 0);
            s.forward(WAY);
            s.backward(WAY, d);
            twice.forward(WAY);
            twice.backward(WAY, wanted);
            double largest = 1;
            for (ptrdiff_t i = 0; i < wanted.count; ++i) {
                if (__builtin_fabs(wanted[i]) > largest) largest = __builtin_fabs(wanted[i]);
            }
            for (int h = 0; h < s.columns; ++h) {
                const bool padded = h >= units;
                for (int r = 0; r < rows; ++r) {
                    CHECK_NEAR(d(r, h), padded ? 0 : wanted(r, h), padded ? 0 : 1e-4 * largest);
                }
                CHECK_NEAR(s.d_scale(0, h), padded ? 0 : twice.d_scale(0, h), padded ? 0 : 1e-4);
                CHECK_NEAR(s.d_shift(0, h), padded ? 0 : twice.d_shift(0, h), padded ? 0 : 1e-5);
            }
        }
    }
}

PROFUNDA_GROUP(norms,
               {"batch, float", forward<float, Way::batch>},
               {"batch, double", forward<double, Way::batch>},
               {"batch in evaluation, float", forward<float, Way::running>},
               {"batch in evaluation, double", forward<double, Way::running>},
               {"layer, float", forward<float, Way::layer>},
               {"layer, double", forward<double, Way::layer>},
               {"running statistics, float", running_statistics<float>},
               {"running statistics, double", running_statistics<double>},
               {"alone, only the shift remains, float", alone_only_the_shift_remains<float>},
               {"alone, only the shift remains, double", alone_only_the_shift_remains<double>},
               {"batch, backward against differences", backward_against_differences<Way::batch>},
               {"layer, backward against differences", backward_against_differences<Way::layer>},
               {"batch, backward in float", backward_in_float<Way::batch>},
               {"layer, backward in float", backward_in_float<Way::layer>})

}  // namespace profunda::PROFUNDA_ISA
