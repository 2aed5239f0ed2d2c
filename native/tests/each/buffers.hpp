// Memory of exactly the asked size, aligned as the arena's, so that the address sanitizer sees every number beyond.
#pragma once

#include <stdlib.h>

#include "draws.hpp"
#include "simd.hpp"

namespace profunda::PROFUNDA_ISA {

template <class T>
struct Buffer {
    T* numbers = nullptr;
    ptrdiff_t count;

    explicit Buffer(ptrdiff_t count, T fill = T{}) : count(count) {
        void* memory;
        if (posix_memalign(&memory, 64, count ? count * sizeof(T) : 1)) abort();
        numbers = static_cast<T*>(memory);
        for (ptrdiff_t i = 0; i < count; ++i) numbers[i] = fill;
    }
    Buffer(const Buffer&) = delete;
    ~Buffer() { free(numbers); }

    operator T*() { return numbers; }
    operator const T*() const { return numbers; }
    T& operator[](ptrdiff_t i) { return numbers[i]; }
    T operator[](ptrdiff_t i) const { return numbers[i]; }
};

// A matrix [rows, columns] whose rows start `stride` apart: random where it has numbers, `rest` elsewhere. Room for
// `room` rows.
template <class T>
struct Matrix : Buffer<T> {
    ptrdiff_t stride;
    Matrix(check::Draws& draws, int room, int rows, int columns, ptrdiff_t stride, T rest)
        : Buffer<T>(room * stride, rest), stride(stride) {
        for (int r = 0; r < rows; ++r) {
            for (int c = 0; c < columns; ++c) (*this)(r, c) = static_cast<T>(draws.between(-1, 1));
        }
    }
    T& operator()(ptrdiff_t row, ptrdiff_t column) { return this->numbers[row * stride + column]; }
    T operator()(ptrdiff_t row, ptrdiff_t column) const { return this->numbers[row * stride + column]; }
};

}  // namespace profunda::PROFUNDA_ISA
