// Where a network's parameters lie inside the engine, and their way in and out of the flat vector of networks/layout.
//
// Hidden weights are [fan_in, fan_out] like the flat vector's; the output layer is transposed, so that its few outputs
// are rows. Rows are padded with zeros to whole vectors and stay zero, because activations there are zero too. All that
// is trained comes first, the front before the layers, then the running statistics of batch norm.
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
    ptrdiff_t weights, biases, slopes, scale, shift, mean, variance;  // slopes: α of parametric activations
    bool parametric, normalised, running;
};

// Where the front's numbers lie: frequencies and phases [waves, WAVES], mixing [waves, PERIODIC, WAVES], shifts
// [waves, PERIODIC], tables [their sizes, CODED] one behind the other, scales [entering].
struct FrontPlaces {
    ptrdiff_t frequencies, phases, mixing, shifts, tables, scales, end;
};

// A row of `columns` whole vectors; rows of a kibibyte and its multiples would share a few sets of the cache.
template <class T>
ptrdiff_t stride_of(int columns) {
    const size_t bytes = columns * sizeof(T);
    return columns + (bytes % 1024 == 0 ? static_cast<ptrdiff_t>(64 / sizeof(T)) : 0);
}

// `count` zeros, at no address while memory is only counted.
template <class T>
T* numbers(Arena& arena, ptrdiff_t count) {
    T* made = static_cast<T*>(arena.take(count * sizeof(T)));
    if (made) __builtin_memset(made, 0, count * sizeof(T));
    return made;
}

template <class T>
struct Parameters {
    Layer* layers;
    int count;           // depth + 1
    FrontPlaces front;
    ptrdiff_t trained;   // numbers that a step changes, a whole number of vectors
    ptrdiff_t size;      // with the running statistics
    ptrdiff_t table_rows;     // of all codes' tables
    ptrdiff_t first_weights;  // numbers that the first layer's weights take

    explicit Parameters(const Network& network, Arena& arena) : count(network.depth + 1), network(network) {
        layers = static_cast<Layer*>(arena.take(sizeof(Layer) * count));
        place_front();
        trained = front.end;
        // While memory is only counted there is nothing to write to.
        Layer scratch;
        for (int l = 0; l < count; ++l) {
            place(l, layers ? layers[l] : scratch);
            if (l == 0) first_weights = (layers ? layers[0] : scratch).biases - front.end;
        }
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
    const Network& network;

    void place_front() {
        const Front& given = network.front;
        ptrdiff_t rows = 0, at = 0;
        for (int c = 0; c < given.codes; ++c) rows += given.code_sizes[c];
        const auto take = [&](ptrdiff_t count) {
            const ptrdiff_t start = at;
            at += (count + LANES<T> - 1) / LANES<T> * LANES<T>;
            return start;
        };
        const ptrdiff_t waves = given.waves;
        front.frequencies = take(waves * WAVES);
        front.phases = take(waves * WAVES);
        front.mixing = take(waves * PERIODIC * WAVES);
        front.shifts = take(waves * PERIODIC);
        front.tables = take(rows * CODED);
        front.scales = take(given.scaled ? network.entering() : 0);
        front.end = at;
        table_rows = rows;
    }

    void place(int l, Layer& layer) {
        const bool output = l == network.depth;
        layer.fan_in = l == 0 ? network.entering() : network.widths[l - 1];
        layer.fan_out = output ? network.outputs : network.widths[l];
        layer.output = output;
        layer.rows = output ? layer.fan_out : layer.fan_in;
        layer.columns = rounded_up(output ? layer.fan_in : layer.fan_out, LANES<T>);
        layer.stride = stride_of<T>(layer.columns);
        layer.parametric = !output && network.parametric;
        layer.normalised = !output && network.norm != Norm::none;
        layer.running = !output && network.norm == Norm::batch;
        layer.mean = layer.variance = 0;  // placed behind all that is trained, where there are any
        const int units = rounded_up(layer.fan_out, LANES<T>);
        layer.weights = trained;
        trained += layer.rows * layer.stride;
        layer.biases = trained;
        trained += units;
        layer.slopes = trained;
        if (layer.parametric) trained += units;
        layer.scale = trained;
        if (layer.normalised) trained += units;
        layer.shift = trained;
        if (layer.normalised) trained += units;
    }

    template <class Flat, class Own, class Copy>
    void walk(Flat* flat, Own* own, bool statistics, Copy copy) const {
        flat = walk_front(flat, own, copy);
        for (int l = 0; l < count; ++l) {
            const Layer& layer = layers[l];
            for (int k = 0; k < layer.fan_in; ++k) {
                for (int h = 0; h < layer.fan_out; ++h) {
                    const int row = layer.output ? h : k, column = layer.output ? k : h;
                    copy(*flat++, own[layer.weights + row * layer.stride + column]);
                }
            }
            const struct {
                ptrdiff_t start;
                bool here, seen;
            } vectors[] = {{layer.biases, true, true},
                           {layer.slopes, layer.parametric, true},
                           {layer.scale, layer.normalised, true},
                           {layer.shift, layer.normalised, true},
                           {layer.mean, layer.running, statistics},
                           {layer.variance, layer.running, statistics}};
            for (const auto& [start, here, seen] : vectors) {
                if (!here) continue;
                for (int h = 0; h < layer.fan_out; ++h, ++flat) {
                    if (seen) copy(*flat, own[start + h]);
                }
            }
        }
    }

    // The flat vector's mixing is [waves, WAVES, PERIODIC].
    template <class Flat, class Own, class Copy>
    Flat* walk_front(Flat* flat, Own* own, Copy copy) const {
        const ptrdiff_t waves = network.front.waves;
        const auto all = [&](ptrdiff_t start, ptrdiff_t count) {
            for (ptrdiff_t i = 0; i < count; ++i) copy(*flat++, own[start + i]);
        };
        all(front.frequencies, waves * WAVES);
        all(front.phases, waves * WAVES);
        for (ptrdiff_t i = 0; i < waves * WAVES; ++i) {
            Own* mixing = own + front.mixing + i / WAVES * PERIODIC * WAVES + i % WAVES;
            for (int j = 0; j < PERIODIC; ++j) copy(*flat++, mixing[j * WAVES]);
        }
        all(front.shifts, waves * PERIODIC);
        all(front.tables, table_rows * CODED);
        all(front.scales, network.front.scaled ? network.entering() : 0);
        return flat;
    }
};

}  // namespace profunda::PROFUNDA_ISA
