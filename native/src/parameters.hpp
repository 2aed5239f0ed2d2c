// Where a network's parameters lie inside the engine, and their way in and out of the flat vector of networks/layout.
//
// Hidden weights are [fan_in, fan_out] like the flat vector's; the output layer is transposed, so that its few outputs
// are rows. Rows are padded with zeros to whole vectors and stay zero, because activations there are zero too. All that is trained
// comes first, then the running statistics of batch norm.
#pragma once

#include "arena.hpp"
#include "job.hpp"
#include "simd.hpp"

namespace profunda::PROFUNDA_ISA {

struct Layer {
    int fan_in, fan_out;
    bool output;
    int rows, columns;  // of the weights as stored; columns are whole vectors
    ptrdiff_t stride;   // numbers from one row to the next
    ptrdiff_t weights, biases, scale, shift, mean, variance;
    bool normalised, running;
};

// A row of `columns` whole vectors; rows of a kibibyte and its multiples would share a few sets of the cache.
template <class T>
ptrdiff_t stride_of(int columns) {
    const size_t bytes = columns * sizeof(T);
    return columns + (bytes % 1024 == 0 ? static_cast<ptrdiff_t>(64 / sizeof(T)) : 0);
}

template <class T>
struct Parameters {
    Layer* layers;
    int count;           // depth + 1
    ptrdiff_t trained;   // numbers that a step changes, a whole number of vectors
    ptrdiff_t size;      // with the running statistics

    explicit Parameters(const Network& network, Arena& arena) : count(network.depth + 1) {
        layers = static_cast<Layer*>(arena.take(sizeof(Layer) * count));
        trained = 0;
        // While memory is only counted there is nothing to write to.
        Layer scratch;
        for (int l = 0; l < count; ++l) place(network, l, layers ? layers[l] : scratch);
        size = trained;
        if (network.norm != Norm::batch) return;
        for (int l = 0; l < network.depth; ++l) {
            const int units = rounded_up(network.widths[l], LANES<T>);
            if (layers) {
                layers[l].mean = size;
                layers[l].variance = size + units;
            }
            size += 2 * units;
        }
    }

    // Numbers from the flat vector to their places; everything else becomes zero.
    void read(const T* flat, T* own, bool statistics) const {
        for (ptrdiff_t i = 0; i < (statistics ? size : trained); ++i) own[i] = 0;
        walk(flat, own, statistics, [](const T& from, T& to) { to = from; });
    }

    void write(const T* own, T* flat, bool statistics) const {
        walk(flat, own, statistics, [](T& to, const T& from) { to = from; });
    }

private:
    void place(const Network& network, int l, Layer& layer) {
        const bool output = l == network.depth;
        layer.fan_in = l == 0 ? network.features : network.widths[l - 1];
        layer.fan_out = output ? network.outputs : network.widths[l];
        layer.output = output;
        layer.rows = output ? layer.fan_out : layer.fan_in;
        layer.columns = rounded_up(output ? layer.fan_in : layer.fan_out, LANES<T>);
        layer.stride = stride_of<T>(layer.columns);
        layer.normalised = !output && network.norm != Norm::none;
        layer.running = !output && network.norm == Norm::batch;
        layer.mean = layer.variance = 0;  // placed behind all that is trained, where there are any
        const int units = rounded_up(layer.fan_out, LANES<T>);
        layer.weights = trained;
        trained += layer.rows * layer.stride;
        layer.biases = trained;
        trained += units;
        layer.scale = trained;
        if (layer.normalised) trained += units;
        layer.shift = trained;
        if (layer.normalised) trained += units;
    }

    template <class Flat, class Own, class Copy>
    void walk(Flat* flat, Own* own, bool statistics, Copy copy) const {
        for (int l = 0; l < count; ++l) {
            const Layer& layer = layers[l];
            for (int k = 0; k < layer.fan_in; ++k) {
                for (int h = 0; h < layer.fan_out; ++h) {
                    const int row = layer.output ? h : k, column = layer.output ? k : h;
                    copy(*flat++, own[layer.weights + row * layer.stride + column]);
                }
            }
            const ptrdiff_t vectors[] = {layer.biases, layer.scale, layer.shift, layer.mean, layer.variance};
            const int several = layer.running ? 5 : layer.normalised ? 3 : 1;
            for (int i = 0; i < several; ++i) {
                for (int h = 0; h < layer.fan_out; ++h, ++flat) {
                    if (i < 3 || statistics) copy(*flat, own[vectors[i] + h]);
                }
            }
        }
    }
};

}  // namespace profunda::PROFUNDA_ISA
