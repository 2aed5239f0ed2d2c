// sparse.hpp: lists of what is not zero, by rows and by columns, and their products.
#include "sparse.hpp"

#include "buffers.hpp"
#include "lists.hpp"

namespace profunda::PROFUNDA_ISA {

constexpr int FEATURES = 23;

static Arena& roomy(Arena& arena) {
    arena.reserve(size_t{1} << 20);
    return arena;
}

// A batch as a matrix, and its rows as lists. Every third row is empty, the others have 1 to FEATURES numbers.
template <class T>
struct Scattered {
    int rows;
    Arena arena;
    Matrix<T> dense;
    SparseBatch<T> batch;

    Scattered(check::Draws& draws, int rows)
        : rows(rows), dense(draws, rows, 0, 0, FEATURES, 0), batch(rows, FEATURES, FEATURES, roomy(arena)) {
        // What an earlier batch left must not be seen.
        for (int before = 0; before < 2; ++before) {
            batch.clear();
            for (int m = 0; m < rows; ++m) add(draws, m);
        }
        batch.turn();
    }

private:
    void add(check::Draws& draws, int m) {
        int32_t columns[FEATURES];
        T values[FEATURES];
        int64_t count = 0;
        const double share = m % 3 == 1 ? 0 : m % 3 == 2 ? 1 : draws.between(0, 1);
        for (int f = 0; f < FEATURES; ++f) {
            const double number = draws.between(-1, 1);
            const bool there = draws.between(0, 1) < share && number != 0;
            dense(m, f) = there ? static_cast<T>(number) : T(0);
            if (there) columns[count] = f, values[count++] = static_cast<T>(number);
        }
        batch.add(count, columns, values);
    }
};

template <class T>
static void turned_lists() {
    check::Draws draws(51);
    for (int rows = 1; rows <= 40; rows += 3) {
        const Scattered<T> s(draws, rows);
        CHECK_EQUAL(s.batch.rows, rows);
        CHECK_EQUAL(s.batch.column_starts[FEATURES], s.batch.starts[rows]);
        int32_t at = 0;
        for (int f = 0; f < FEATURES; ++f) {
            CHECK_EQUAL(s.batch.column_starts[f], at);
            for (int m = 0; m < rows; ++m) {
                if (s.dense(m, f) == 0) continue;
                CHECK_EQUAL(s.batch.rows_of[at], m);
                CHECK_EQUAL(s.batch.values_of[at], s.dense(m, f));
                ++at;
            }
        }
    }
}

// One of the two products of a layer: rows by weights, or, TURNED, columns by derivatives.
template <class T, bool TURNED>
static void product_of(check::Draws& draws, const Scattered<T>& s, int columns, bool starts) {
    const T nan = static_cast<T>(__builtin_nan(""));
    const SparseBatch<T>& batch = s.batch;
    const int lists = TURNED ? FEATURES : s.rows, depth = TURNED ? s.rows : FEATURES;
    const Matrix<T> b(draws, depth, depth, columns, columns + 1, nan), start(draws, 1, 1, columns, columns, nan);
    Matrix<T> out(draws, lists, 0, 0, columns + 2, T(777));
    sparse_product<T>(lists, columns, TURNED ? batch.column_starts : batch.starts,
                      TURNED ? batch.rows_of : batch.columns, TURNED ? batch.values_of : batch.values, b, b.stride, out,
                      out.stride, starts ? start.numbers : nullptr);
    for (int r = 0; r < lists; ++r) {
        for (int c = 0; c < columns; ++c) {
            double sum = starts ? start(0, c) : 0;
            for (int k = 0; k < depth; ++k) {
                sum += static_cast<double>(TURNED ? s.dense(k, r) : s.dense(r, k)) * b(k, c);
            }
            CHECK_NEAR(out(r, c), sum, sizeof(T) == 4 ? 1e-5 : 1e-14);
        }
        for (int c = columns; c < out.stride; ++c) CHECK_EQUAL(out(r, c), 777);
    }
}

template <class T, bool TURNED>
static void products() {
    check::Draws draws(52);
    for (int rows = 1; rows <= 40; rows += 3) {
        for (const int vectors : List<int>{1, 2, 3, 4, 7, 8, 15}) {
            const Scattered<T> s(draws, rows);
            product_of<T, TURNED>(draws, s, vectors * LANES<T>, false);
            product_of<T, TURNED>(draws, s, vectors * LANES<T>, true);
        }
    }
}

PROFUNDA_GROUP(sparsity,
               {"turned lists, float", turned_lists<float>},
               {"turned lists, double", turned_lists<double>},
               {"products, float", products<float, false>},
               {"products, double", products<double, false>},
               {"products of turned lists, float", products<float, true>},
               {"products of turned lists, double", products<double, true>})

}  // namespace profunda::PROFUNDA_ISA
