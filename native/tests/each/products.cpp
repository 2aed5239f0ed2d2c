// product.hpp against double loops over every height of a tile.
#include "product.hpp"

#include "buffers.hpp"
#include "lists.hpp"

namespace profunda::PROFUNDA_ISA {

constexpr int HIGHEST = 40, DEPTHS[] = {1, 2, 7, 33};
static const double NAN_ = __builtin_nan("");

// Rounding of a sum of `depth` products of numbers below 1.
template <class T>
static double bound_of(int depth) {
    return (depth + 1) * (depth + 1) * (sizeof(T) == 4 ? 1.2e-7 : 2.3e-16);
}

// Numbers that no product may read are NaN, those that it must not write are 777.
template <class T, Left LEFT>
static void product_of(check::Draws& draws, int rows, int columns, int depth, bool starts) {
    const T nan = static_cast<T>(NAN_), untouched = 777;
    const bool plain = LEFT == Left::plain;
    const ptrdiff_t own = plain ? depth : rows;
    const Matrix<T> a(draws, plain ? rows : depth, plain ? rows : depth, static_cast<int>(own), own + 3, nan);
    const Matrix<T> b(draws, depth, depth, columns, columns + 1, nan), start(draws, 1, 1, columns, columns, nan);
    Matrix<T> out(draws, rows, 0, 0, columns + 2, untouched);
    product<T, LEFT>(rows, columns, depth, a, a.stride, b, b.stride, out, out.stride, starts ? start.numbers : nullptr);
    for (int r = 0; r < rows; ++r) {
        for (int c = 0; c < columns; ++c) {
            double sum = starts ? start(0, c) : 0;
            for (int k = 0; k < depth; ++k) sum += static_cast<double>(plain ? a(r, k) : a(k, r)) * b(k, c);
            CHECK_NEAR(out(r, c), sum, bound_of<T>(depth));
        }
        for (int c = columns; c < out.stride; ++c) CHECK_EQUAL(out(r, c), untouched);
    }
}

template <class T, Left LEFT>
static void products_of_all_sizes() {
    check::Draws draws(1);
    for (int rows = 1; rows <= HIGHEST; ++rows) {
        for (const int vectors : List<int>{1, 2, 3, 5}) {
            for (const int depth : DEPTHS) {
                product_of<T, LEFT>(draws, rows, vectors * LANES<T>, depth, false);
                product_of<T, LEFT>(draws, rows, vectors * LANES<T>, depth, true);
            }
        }
    }
}

template <class T>
static void dots_of_all_sizes() {
    check::Draws draws(2);
    for (int rows = 1; rows <= HIGHEST; ++rows) {
        const int room = rounded_up(rows, LANES<T>);
        for (const int columns : List<int>{1, 2, 3, 10}) {
            for (const int depth : DEPTHS) {
                const int padded = rounded_up(depth, LANES<T>);
                Matrix<T> a(draws, room, rows, depth, padded + 5, 0), b(draws, columns, columns, depth, padded + 2, 0);
                const Matrix<T> start(draws, 1, 1, columns, columns, 0);
                // Rows behind the last are read; what they hold must not be seen in others.
                for (ptrdiff_t i = rows * a.stride; i < a.count; ++i) a[i] = static_cast<T>(NAN_);
                Matrix<T> out(draws, columns, 0, 0, room + 1, 777);
                dots<T>(rows, columns, padded, a, a.stride, b, b.stride, out, out.stride, start);
                for (int c = 0; c < columns; ++c) {
                    for (int r = 0; r < rows; ++r) {
                        double sum = start(0, c);
                        for (int k = 0; k < depth; ++k) sum += static_cast<double>(a(r, k)) * b(c, k);
                        CHECK_NEAR(out(c, r), sum, bound_of<T>(depth));
                    }
                    CHECK_EQUAL(out(c, room), 777);
                }
            }
        }
    }
}

template <class T>
static void transpositions_of_all_sizes() {
    check::Draws draws(3);
    for (int rows = 1; rows <= HIGHEST; ++rows) {
        const int room = rounded_up(rows, LANES<T>);
        for (const int vectors : List<int>{1, 2, 3}) {
            const int columns = vectors * LANES<T>;
            const Matrix<T> a(draws, rows, rows, columns, columns + 1, static_cast<T>(NAN_));
            Matrix<T> out(draws, columns, 0, 0, room + 1, 777);
            transposed<T>(rows, columns, a, a.stride, out, out.stride);
            for (int c = 0; c < columns; ++c) {
                for (int r = 0; r < room; ++r) CHECK_EQUAL(out(c, r), r < rows ? a(r, c) : T(0));
                CHECK_EQUAL(out(c, room), 777);
            }
        }
    }
}

// A member must not depend on how many rows a tile takes: row by row gives the same bits.
template <class T>
static void rows_do_not_depend_on_their_neighbours() {
    check::Draws draws(4);
    const int columns = 3 * LANES<T>, depth = 19;
    const Matrix<T> a(draws, HIGHEST, HIGHEST, depth, depth, 0), b(draws, depth, depth, columns, columns, 0);
    const Matrix<T> start(draws, 1, 1, columns, columns, 0);
    for (int rows = 1; rows <= HIGHEST; ++rows) {
        Matrix<T> out(draws, rows, 0, 0, columns, 0), alone(draws, 1, 0, 0, columns, 0);
        product<T, Left::plain>(rows, columns, depth, a, a.stride, b, b.stride, out, out.stride, start);
        for (int r = 0; r < rows; ++r) {
            product<T, Left::plain>(1, columns, depth, a + r * a.stride, a.stride, b, b.stride, alone, columns, start);
            for (int c = 0; c < columns; ++c) CHECK_EQUAL(out(r, c), alone(0, c));
        }
    }
}

static void a_wrong_product_is_seen() {
    CHECK(check::failures_of([] {
              check::Draws draws(5);
              const int columns = LANES<float>;
              const Matrix<float> a(draws, 2, 2, 3, 3, 0), b(draws, 3, 3, columns, columns, 0);
              Matrix<float> out(draws, 2, 0, 0, columns, 0);
              product<float, Left::plain>(2, columns, 2, a, 3, b, columns, out, columns, nullptr);
              for (int c = 0; c < columns; ++c) {
                  double sum = 0;
                  for (int k = 0; k < 3; ++k) sum += static_cast<double>(a(1, k)) * b(k, c);
                  CHECK_NEAR(out(1, c), sum, bound_of<float>(3));
              }
          }) == LANES<float>);
}

PROFUNDA_GROUP(products,
               {"of all sizes, float", products_of_all_sizes<float, Left::plain>},
               {"of all sizes, double", products_of_all_sizes<double, Left::plain>},
               {"of all sizes, transposed left, float", products_of_all_sizes<float, Left::transposed>},
               {"of all sizes, transposed left, double", products_of_all_sizes<double, Left::transposed>},
               {"dots of all sizes, float", dots_of_all_sizes<float>},
               {"dots of all sizes, double", dots_of_all_sizes<double>},
               {"transpositions of all sizes, float", transpositions_of_all_sizes<float>},
               {"transpositions of all sizes, double", transpositions_of_all_sizes<double>},
               {"rows do not depend on their neighbours, float", rows_do_not_depend_on_their_neighbours<float>},
               {"rows do not depend on their neighbours, double", rows_do_not_depend_on_their_neighbours<double>},
               {"a wrong product is seen", a_wrong_product_is_seen})

}  // namespace profunda::PROFUNDA_ISA
