// losses.hpp against the textbook's formulas in double, one row at a time, and central differences.
#include "losses.hpp"

#include "buffers.hpp"
#include "lists.hpp"

namespace profunda::PROFUNDA_ISA {

enum class Kind { classes, squares, huber };

// Outputs and targets of a batch. Rows behind the last hold numbers that must not count.
template <class T>
struct Batch {
    int rows, outputs, room;
    double smoothing;
    Kind kind;
    Matrix<T> z, numbers, d;
    Buffer<T> labels, weight;
    bool weighted;

    Batch(check::Draws& draws, Kind kind, int rows, int outputs, double smoothing, bool weighted)
        : rows(rows), outputs(outputs), room(rounded_up(rows, LANES<T>)), smoothing(smoothing), kind(kind),
          z(draws, outputs, outputs, rows, room + LANES<T>, static_cast<T>(__builtin_nan(""))),
          numbers(draws, outputs, outputs, rows, z.stride, T(5)), d(draws, outputs, 0, 0, z.stride, T(777)),
          labels(room, T(1)), weight(room, T(3)), weighted(weighted) {
        for (int r = 0; r < rows; ++r) {
            labels[r] = static_cast<T>(draws.below(outputs));
            weight[r] = static_cast<T>(draws.between(0, 2));
            // Residuals on either side of Huber's corners, and logits far apart.
            for (int c = 0; c < outputs; ++c) z(c, r) *= 4;
        }
    }

    double loss() {
        const Targets<T> targets{labels, numbers, weighted ? weight.numbers : nullptr};
        if (kind == Kind::classes) return cross_entropy<T>(rows, outputs, z, d, z.stride, targets, smoothing);
        return squares<T>(rows, outputs, z, d, z.stride, targets, kind == Kind::huber);
    }

    double wanted() const {
        double total = 0;
        for (int r = 0; r < rows; ++r) {
            const double own = kind == Kind::classes ? entropy_of(r) : distance_of(r);
            total += own * (weighted ? weight[r] : 1.0);
        }
        return total;
    }

private:
    double entropy_of(int r) const {
        double sum = 0, own = 0;
        for (int c = 0; c < outputs; ++c) sum += __builtin_exp(z(c, r));
        for (int c = 0; c < outputs; ++c) {
            const double target = (labels[r] == c ? 1 - smoothing : 0) + smoothing / outputs;
            own -= target * __builtin_log(__builtin_exp(z(c, r)) / sum);
        }
        return own;
    }
    double distance_of(int r) const {
        double own = 0;
        for (int c = 0; c < outputs; ++c) {
            const double gap = __builtin_fabs(static_cast<double>(z(c, r)) - numbers(c, r));
            own += kind == Kind::huber && gap > 1 ? 2 * gap - 1 : gap * gap;
        }
        return own;
    }
};

template <class T, class F>
static void each_batch(F&& f) {
    check::Draws draws(11);
    for (const Kind kind : List<Kind>{Kind::classes, Kind::squares, Kind::huber}) {
        for (const double smoothing : List<double>{0.0, 0.1}) {
            if (smoothing > 0 && kind != Kind::classes) continue;
            for (const int outputs : List<int>{1, 2, 3, 10}) {
                for (int rows = 1; rows <= 40; rows += rows < 20 ? 1 : 5) {
                    for (const bool weighted : List<bool>{false, true}) {
                        Batch<T> batch(draws, kind, rows, outputs, smoothing, weighted);
                        f(batch);
                    }
                }
            }
        }
    }
}

template <class T>
static void values() {
    each_batch<T>([](Batch<T>& batch) {
        const double wanted = batch.wanted();
        CHECK_NEAR(batch.loss(), wanted, (sizeof(T) == 4 ? 2e-6 : 1e-14) * (1 + wanted));
    });
}

// Of the mean over the batch's rows.
template <class T>
static void slopes() {
    each_batch<T>([](Batch<T>& batch) {
        Batch<T>& b = batch;
        b.loss();
        for (int c = 0; c < b.outputs; ++c) {
            for (int r = 0; r < b.rows; ++r) {
                const double target = (b.labels[r] == c ? 1 - b.smoothing : 0) + b.smoothing / b.outputs;
                double sum = 0;
                for (int i = 0; i < b.outputs; ++i) sum += __builtin_exp(b.z(i, r));
                const double gap = static_cast<double>(b.z(c, r)) - b.numbers(c, r);
                const double clipped = gap > 1 ? 1 : gap < -1 ? -1 : gap;
                double wanted = __builtin_exp(b.z(c, r)) / sum - target;
                if (b.kind != Kind::classes) wanted = 2 * (b.kind == Kind::huber ? clipped : gap);
                wanted *= (b.weighted ? b.weight[r] : 1.0) / b.rows;
                CHECK_NEAR(b.d(c, r), wanted, (sizeof(T) == 4 ? 3e-6 : 1e-14));
            }
        }
    });
}

static void central_differences() {
    const double h = 1e-5;
    each_batch<double>([&](Batch<double>& b) {
        b.loss();
        const int c = b.rows % b.outputs, r = b.rows / 2;
        const double slope = b.d(c, r), z = b.z(c, r);
        b.z(c, r) = z + h;
        const double above = b.loss();
        b.z(c, r) = z - h;
        const double below = b.loss();
        CHECK_NEAR(slope, (above - below) / (2 * h * b.rows), 1e-8);
    });
}

// Weight gradients are sums over whole vectors of rows: what stands behind the last must be 0, whatever z is there.
template <class T>
static void rows_behind_the_last() {
    each_batch<T>([](Batch<T>& b) {
        b.loss();
        for (int c = 0; c < b.outputs; ++c) {
            for (ptrdiff_t r = b.rows; r < b.z.stride; ++r) CHECK_EQUAL(b.d(c, r), r < b.room ? T(0) : T(777));
        }
    });
}

// With the loss of other targets its derivative is added, as mixup needs it.
template <class T>
static void derivatives_add_up() {
    each_batch<T>([](Batch<T>& b) {
        b.loss();
        Buffer<T> before(b.outputs * b.z.stride);
        for (ptrdiff_t i = 0; i < before.count; ++i) before[i] = b.d[i];
        const Targets<T> targets{b.labels, b.numbers, b.weighted ? b.weight.numbers : nullptr};
        if (b.kind == Kind::classes) {
            cross_entropy<T, true>(b.rows, b.outputs, b.z, b.d, b.z.stride, targets, b.smoothing);
        } else {
            squares<T, true>(b.rows, b.outputs, b.z, b.d, b.z.stride, targets, b.kind == Kind::huber);
        }
        for (ptrdiff_t i = 0; i < before.count; ++i) CHECK_EQUAL(b.d[i], before[i] == 777 ? before[i] : 2 * before[i]);
    });
}

// Logits so far apart that exponentials overflow or vanish.
template <class T>
static void far_logits() {
    check::Draws draws(12);
    Batch<T> b(draws, Kind::classes, 3, 2, 0, false);
    const T far = 5000;
    for (int r = 0; r < 3; ++r) b.z(0, r) = far, b.z(1, r) = r == 2 ? far : -far, b.labels[r] = static_cast<T>(r == 1);
    const double loss = b.loss();
    CHECK_NEAR(loss, 2 * 5000 + 0.69314718056, 1e-3);
    CHECK_EQUAL(b.d(0, 0), 0);
    CHECK_NEAR(b.d(0, 1), 1.0 / 3, 1e-7);
    CHECK_NEAR(b.d(1, 1), -1.0 / 3, 1e-7);
    CHECK_NEAR(b.d(0, 2), -1.0 / 6, 1e-7);
}

// A member that diverges must be seen to: neither NaN nor infinity may vanish on the way to the loss.
template <class T>
static void broken_logits() {
    check::Draws draws(13);
    for (const double broken : List<double>{__builtin_nan(""), __builtin_inf(), -__builtin_inf()}) {
        for (const Kind kind : List<Kind>{Kind::classes, Kind::squares, Kind::huber}) {
            for (int c = 0; c < 3; ++c) {
                for (int r = 0; r < 5; ++r) {
                    Batch<T> b(draws, kind, 5, 3, 0.1, false);
                    b.z(c, r) = static_cast<T>(broken);
                    CHECK(!(b.loss() < __builtin_inf()));
                }
            }
        }
    }
}

PROFUNDA_GROUP(losses,
               {"values, float", values<float>},
               {"values, double", values<double>},
               {"slopes, float", slopes<float>},
               {"slopes, double", slopes<double>},
               {"central differences", central_differences},
               {"rows behind the last, float", rows_behind_the_last<float>},
               {"rows behind the last, double", rows_behind_the_last<double>},
               {"derivatives add up, float", derivatives_add_up<float>},
               {"derivatives add up, double", derivatives_add_up<double>},
               {"far logits, float", far_logits<float>},
               {"far logits, double", far_logits<double>},
               {"broken logits, float", broken_logits<float>},
               {"broken logits, double", broken_logits<double>})

}  // namespace profunda::PROFUNDA_ISA
