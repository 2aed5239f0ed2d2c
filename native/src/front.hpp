// What stands between a batch's inputs and the first layer: periodic embeddings of numbers and tables of codes
// (networks/layout.Front). Scales are part of the first layer's weights here (network.hpp), so this never sees them.
#pragma once

#include "mathematics.hpp"
#include "parameters.hpp"

namespace profunda::PROFUNDA_ISA {

template <class T>
struct Embedding {
    static constexpr int PARTS = WAVES / LANES<T>;  // vectors of waves
    static_assert(WAVES % LANES<T> == 0, "the waves of an input are whole vectors");

    const Network& network;
    const Front& shape;
    const FrontPlaces& places;
    int first;           // of the columns of `d`, at most the first embedded one
    ptrdiff_t stride, d_stride;
    T* out;              // [rows, entering], what enters the first layer
    T* d;                // [rows, entering − first], ∂/∂ out
    T* factors;          // [rows, codes] of input dropout, otherwise null

    // `room` rows; `whole` says that columns of d must start at a whole vector.
    Embedding(const Job& job, const FrontPlaces& places, ptrdiff_t room, bool whole, Arena& arena)
        : network(job.network), shape(job.network.front), places(places),
          first(whole ? network.kept() / LANES<T> * LANES<T> : network.kept()),
          stride(stride_of<T>(rounded_up(network.entering(), LANES<T>))), d_stride(stride_of<T>(d_columns())) {
        const bool drops = job.recipe.input_dropout > 0;
        out = numbers<T>(arena, shape.embeds() ? room * stride : 0);
        d = numbers<T>(arena, shape.embeds() ? room * d_stride : 0);
        factors = drops && shape.codes ? numbers<T>(arena, room * shape.codes) : nullptr;
    }

    int d_columns() const { return rounded_up(network.entering() - first, LANES<T>); }

    // `out` from the first `count` rows of the inputs x.
    void forward(const T* params, const T* x, ptrdiff_t x_stride, int count, bool training) {
        const int kept = network.kept();
        for (int m = 0; m < count; ++m) {
            const T* row = x + m * x_stride;
            T* own = out + m * stride;
            if (shape.kept) {
                for (int j = 0; j < kept; ++j) own[j] = row[shape.kept[j]];
            } else {
                __builtin_memcpy(own, row, kept * sizeof(T));
            }
        }
        for (int i = 0; i < shape.waves; ++i) wave(i, params, x + shape.wave_inputs[i], x_stride, count);
        ptrdiff_t table = places.tables;
        for (int c = 0; c < shape.codes; ++c) {
            look_up(c, params + table, x + shape.code_inputs[c], x_stride, count, training ? factors : nullptr);
            table += ptrdiff_t{shape.code_sizes[c]} * CODED;
        }
    }

    // The gradient of waves and tables from `d`.
    void backward(const T* params, T* gradient, const T* x, ptrdiff_t x_stride, int count) const {
        for (int i = 0; i < shape.waves; ++i) {
            wave_backward(i, params, gradient, x + shape.wave_inputs[i], x_stride, count);
        }
        ptrdiff_t table = places.tables;
        for (int c = 0; c < shape.codes; ++c) {
            const ptrdiff_t size = ptrdiff_t{shape.code_sizes[c]} * CODED;
            __builtin_memset(gradient + table, 0, size * sizeof(T));
            scatter(c, gradient + table, x + shape.code_inputs[c], x_stride, count);
            table += size;
        }
    }

private:
    int column_of_wave(int i) const { return network.kept() + PERIODIC * i; }
    int column_of_code(int c) const { return network.kept() + PERIODIC * shape.waves + CODED * c; }

    // Codes are checked when a member is handed over; nobody reads beside the table even if they change after that.
    static PROFUNDA_INLINE ptrdiff_t code_of(T x, int size) {
        const T last = static_cast<T>(size - 1);
        return static_cast<ptrdiff_t>(x > 0 ? (x < last ? x : last) : T(0));
    }

    // One input's parameters, in registers while its rows pass backward; lanes are waves.
    struct Wave {
        Vec<T> frequency[PARTS], phase[PARTS], mixing[PERIODIC][PARTS];
        Wave(const FrontPlaces& places, const T* params, int i) {
            for (int p = 0; p < PARTS; ++p) {
                frequency[p] = load(params + places.frequencies + i * WAVES + p * LANES<T>);
                phase[p] = load(params + places.phases + i * WAVES + p * LANES<T>);
                for (int j = 0; j < PERIODIC; ++j) {
                    mixing[j][p] = load(params + places.mixing + (i * PERIODIC + j) * WAVES + p * LANES<T>);
                }
            }
        }
    };

    // Lanes are rows here, so that no sum crosses them: rows up to a whole vector are written.
    void wave(int i, const T* params, const T* x, ptrdiff_t x_stride, int count) {
        const T* frequencies = params + places.frequencies + i * WAVES;
        const T* phases = params + places.phases + i * WAVES;
        const T* mixing = params + places.mixing + i * PERIODIC * WAVES;
        const T* shifts = params + places.shifts + i * PERIODIC;
        T* to = out + column_of_wave(i);
        for (int m = 0; m < count; m += LANES<T>) {
            Vec<T> number{}, sums[PERIODIC];
            for (int r = 0; r < LANES<T>; ++r) number[r] = x[(m + r) * x_stride];
            for (int j = 0; j < PERIODIC; ++j) sums[j] = broadcast(shifts[j]);
            for (int k = 0; k < WAVES; ++k) {
                const Vec<T> cos = turn(frequencies[k] * number + phases[k]).cos;
                for (int j = 0; j < PERIODIC; ++j) sums[j] += cos * mixing[j * WAVES + k];
            }
            for (int r = 0; r < LANES<T>; ++r) {
                for (int j = 0; j < PERIODIC; ++j) to[(m + r) * stride + j] = sums[j][r];
            }
        }
    }

    void wave_backward(int i, const T* params, T* gradient, const T* x, ptrdiff_t x_stride, int count) const {
        const Wave own(places, params, i);
        Vec<T> frequency[PARTS]{}, phase[PARTS]{}, mixing[PERIODIC][PARTS]{};
        T shifts[PERIODIC]{};
        const T* from = d + column_of_wave(i) - first;
        for (int m = 0; m < count; ++m, from += d_stride) {
            for (int j = 0; j < PERIODIC; ++j) shifts[j] += from[j];
            for (int p = 0; p < PARTS; ++p) {
                const Turn<T> at = turn(own.frequency[p] * x[m * x_stride] + own.phase[p]);
                Vec<T> slope{};
                for (int j = 0; j < PERIODIC; ++j) {
                    slope += from[j] * own.mixing[j][p];
                    mixing[j][p] += from[j] * at.cos;
                }
                slope *= at.sin * static_cast<T>(-6.2831853071795865);
                phase[p] += slope;
                frequency[p] += slope * x[m * x_stride];
            }
        }
        for (int p = 0; p < PARTS; ++p) {
            store(gradient + places.frequencies + i * WAVES + p * LANES<T>, frequency[p]);
            store(gradient + places.phases + i * WAVES + p * LANES<T>, phase[p]);
            for (int j = 0; j < PERIODIC; ++j) {
                store(gradient + places.mixing + (i * PERIODIC + j) * WAVES + p * LANES<T>, mixing[j][p]);
            }
        }
        for (int j = 0; j < PERIODIC; ++j) gradient[places.shifts + i * PERIODIC + j] = shifts[j];
    }

    void look_up(int c, const T* table, const T* x, ptrdiff_t x_stride, int count, const T* kept) {
        T* to = out + column_of_code(c);
        for (int m = 0; m < count; ++m, to += stride) {
            const T* row = table + code_of(x[m * x_stride], shape.code_sizes[c]) * CODED;
            const T factor = kept ? kept[m * shape.codes + c] : 1;
            for (int j = 0; j < CODED; ++j) to[j] = row[j] * factor;
        }
    }

    void scatter(int c, T* table, const T* x, ptrdiff_t x_stride, int count) const {
        const T* from = d + column_of_code(c) - first;
        for (int m = 0; m < count; ++m, from += d_stride) {
            T* row = table + code_of(x[m * x_stride], shape.code_sizes[c]) * CODED;
            const T factor = factors ? factors[m * shape.codes + c] : 1;
            for (int j = 0; j < CODED; ++j) row[j] += from[j] * factor;
        }
    }
};

}  // namespace profunda::PROFUNDA_ISA
