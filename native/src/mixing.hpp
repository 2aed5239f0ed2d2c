// What training does to a batch before the network sees it: mixup, and noise on numeric inputs.
#pragma once

#include "job.hpp"
#include "masks.hpp"
#include "sparse.hpp"

namespace profunda::PROFUNDA_ISA {

// Mixup (Zhang et al. 2018): every row of a batch with the next one, the last with the first, all by one share a step.
template <class T>
struct Mixup {
    const Recipe& recipe;
    const Ingredients& tables;
    const Rows& rows;
    const Front& front;
    double share = 1;              // λ
    T *labels, *numbers, *weight;  // the next rows', with 1 − λ in their weights
    T* first;                      // the batch's first row of inputs

    Mixup(const Job& job, ptrdiff_t room, bool lists, Arena& arena)
        : recipe(job.recipe), tables(job.ingredients), rows(job.rows), front(job.network.front) {
        const auto take = [&](ptrdiff_t count) {
            T* made = static_cast<T*>(arena.take(recipe.mixup ? count * sizeof(T) : 0));
            if (made && recipe.mixup) __builtin_memset(made, 0, count * sizeof(T));
            return made;
        };
        labels = take(rows.classes ? room : 0);
        numbers = take(rows.classes ? 0 : room * job.network.outputs);
        weight = take(room);
        first = take(lists ? 0 : job.network.features);
    }

    void draw(uint64_t step) {
        share = tables.mixtures[(word_of(subkey(recipe.mixup_stream, step, 0), 0) & 0xffff) >> 4];
    }

    // Rows of x [count, features], in place.
    void inputs(T* x, ptrdiff_t stride, int count, int features) const {
        const T own = static_cast<T>(share), other = static_cast<T>(1 - share);
        __builtin_memcpy(first, x, features * sizeof(T));
        for (int m = 0; m < count; ++m, x += stride) {
            const T* next = m + 1 < count ? x + stride : first;
            const auto blend = [&](int f) { x[f] = own * x[f] + other * next[f]; };
            for (int f = 0; !front.codes && f < features; ++f) blend(f);
            for (int j = 0; front.codes && j < features - front.codes; ++j) blend(front.kept[j]);
            // A code is no quantity: the larger share has it.
            for (int c = 0; share < 0.5 && c < front.codes; ++c) x[front.code_inputs[c]] = next[front.code_inputs[c]];
        }
    }

    // The same of lists: each row's is its own and the next one's, so that a column may come twice.
    template <class RowOf>
    void inputs(SparseBatch<T>& lists, int count, const RowOf& row) const {
        lists.clear();
        int32_t at = 0;
        const auto add = [&](int64_t r, T part) {
            for (int64_t i = rows.starts[r]; i < rows.starts[r + 1]; ++i, ++at) {
                lists.columns[at] = rows.columns[i];
                lists.values[at] = part * static_cast<const T*>(rows.values)[i];
            }
        };
        for (int m = 0; m < count; ++m) {
            add(row(m), static_cast<T>(share));
            add(row((m + 1) % count), static_cast<T>(1 - share));
            lists.starts[m + 1] = at;
        }
        lists.rows = count;
    }

    // Targets of the next rows, and all weights times the row's share; `stride` is that of the numbers.
    void targets(int count, int outputs, const T* own_labels, const T* own_numbers, T* own_weight,
                 ptrdiff_t stride) const {
        const auto turn = [count](const T* own, T* next) {
            __builtin_memcpy(next, own + 1, (count - 1) * sizeof(T));
            next[count - 1] = own[0];
        };
        if (rows.classes) turn(own_labels, labels);
        for (int c = 0; !rows.classes && c < outputs; ++c) turn(own_numbers + c * stride, numbers + c * stride);
        turn(own_weight, weight);
        for (int m = 0; m < count; ++m) {
            own_weight[m] *= static_cast<T>(share);
            weight[m] *= static_cast<T>(1 - share);
        }
    }
};

// Normal noise on the numeric inputs of x [count, features]; `halves` is the step's stream.
template <class T>
void add_noise(const Ingredients& tables, double noise, const T* quantiles, const uint16_t* halves, T* x,
               ptrdiff_t stride, int count, int features) {
    const T deviation = static_cast<T>(noise);
    for (int m = 0; m < count; ++m, x += stride, halves += features) {
        for (int i = 0; i < tables.numerics; ++i) {
            const int f = tables.numeric[i];
            x[f] += deviation * quantiles[halves[f]];
        }
    }
}

}  // namespace profunda::PROFUNDA_ISA
