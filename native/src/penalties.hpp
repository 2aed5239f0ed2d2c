// What a step does to whole groups of weights after the optimiser's: group lasso and the largest norm.
#pragma once

#include "optimisers.hpp"
#include "parameters.hpp"

namespace profunda::PROFUNDA_ISA {

// Sums of squares are double, and their scales too: a group may hold a hundred thousand weights.
template <class T>
struct GroupPenalties {
    const Recipe& recipe;
    const Parameters<T>& layout;
    const int* groups;
    double* sums;    // of a group, or of the columns of a layer
    double* counts;  // weights of each group

    GroupPenalties(const Job& job, const Parameters<T>& layout, Arena& arena)
        : recipe(job.recipe), layout(layout), groups(job.ingredients.groups) {
        int64_t most = recipe.group_lasso > 0 ? job.network.entering() : 0;
        for (int l = 0; recipe.max_norm > 0 && l < job.network.depth; ++l) {
            const int columns = rounded_up(job.network.widths[l], LANES<T>);
            most = columns > most ? columns : most;
        }
        sums = static_cast<double*>(arena.take(most * sizeof(double)));
        counts = static_cast<double*>(arena.take(recipe.group_lasso > 0 ? most * sizeof(double) : 0));
    }

    bool any() const { return recipe.group_lasso > 0 || recipe.max_norm > 0; }

    // After a step whose rate of the first layer's weights was `rate`.
    void apply(T* params, double rate) const {
        if (recipe.group_lasso > 0) shrink_groups(params, rate * recipe.group_lasso);
        if (!(recipe.max_norm > 0)) return;
        for (int l = 0; l + 1 < layout.count; ++l) shorten(layout.layers[l], params + layout.layers[l].weights);
    }

private:
    // Of every group's weights w, w·max(0, 1 − t√n / ‖w‖) (Yuan and Lin 2006).
    void shrink_groups(T* params, double threshold) const {
        const Layer& first = layout.layers[0];
        T* weights = params + first.weights;
        for (int k = 0; k < first.fan_in; ++k) sums[k] = counts[k] = 0;
        each_input(first, weights, [&](int k, T weight) {
            sums[groups[k]] += static_cast<double>(weight) * static_cast<double>(weight);
            return weight;
        });
        for (int k = 0; k < first.fan_in; ++k) counts[groups[k]] += first.fan_out;
        for (int g = 0; g < first.fan_in; ++g) {
            const double limit = threshold * __builtin_sqrt(counts[g]), norm = __builtin_sqrt(sums[g]);
            // What is not a number stays none, so that divergence is seen.
            sums[g] = norm <= limit ? 0 : 1 - limit / norm;
        }
        each_input(first, weights, [&](int k, T weight) {
            const T scale = static_cast<T>(sums[groups[k]]);
            return scale == 0 ? T(0) : weight * scale;
        });
    }

    // Every weight of the layer becomes what `made(k, weight)` says, k the number that it multiplies.
    template <class Made>
    static void each_input(const Layer& layer, T* weights, const Made& made) {
        for (int row = 0; row < layer.rows; ++row, weights += layer.stride) {
            const int columns = layer.output ? layer.fan_in : layer.fan_out;
            for (int column = 0; column < columns; ++column) {
                weights[column] = made(layer.output ? column : row, weights[column]);
            }
        }
    }

    // Units whose incoming weights are longer than allowed become just as long (Srivastava et al. 2014, §5.1).
    void shorten(const Layer& layer, T* weights) const {
        for (int h = 0; h < layer.columns; ++h) sums[h] = 0;
        for (int k = 0; k < layer.rows; ++k) {
            for (int h = 0; h < layer.columns; ++h) {
                const double weight = static_cast<double>(weights[k * layer.stride + h]);
                sums[h] += weight * weight;
            }
        }
        for (int h = 0; h < layer.columns; ++h) {
            const double norm = __builtin_sqrt(sums[h]);
            sums[h] = norm > recipe.max_norm ? recipe.max_norm / norm : 1;
        }
        for (int k = 0; k < layer.rows; ++k) {
            for (int h = 0; h < layer.columns; ++h) weights[k * layer.stride + h] *= static_cast<T>(sums[h]);
        }
    }
};

}  // namespace profunda::PROFUNDA_ISA
