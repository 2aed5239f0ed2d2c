// One network in its buffers: forward and backward pass of a batch.
#pragma once

#include "activations.hpp"
#include "front.hpp"
#include "losses.hpp"
#include "masks.hpp"
#include "normalisation.hpp"
#include "parameters.hpp"
#include "product.hpp"
#include "sparse.hpp"

namespace profunda::PROFUNDA_ISA {

constexpr int CHUNK = 64;  // validation rows of a pass: few enough to stay in cache

// What one hidden layer keeps between the passes, each [rows, columns] where not said otherwise.
template <class T>
struct Hidden {
    T* out;      // activations, masked, as the next layer reads them
    T* slope;    // σ'(z), times the mask where nothing stands between; null where ReLU's is read from `out`
    T* factor;   // masks that are not part of `slope`, otherwise null
    T* normal;   // x̂ of a norm
    T* inverse;  // its 1 / standard deviation
    T* lean;     // parametric: ∂a/∂α = σ(z) − z, with the masks that `slope` has; until then z
};

template <class T>
struct Net {
    const Network& shape;
    const Recipe& recipe;
    Parameters<T> layout;
    T* params;
    T* gradient;
    T* masked;       // DropConnect: weights as this step sees them, same layout as params, otherwise null
    T* mask_factor;  // and what they were multiplied with
    Hidden<T>* hidden;
    Embedding<T> front;
    T* scaled;       // the first layer's weights times the scales of what enters it, otherwise null
    bool sparse;  // inputs come as lists, in `lists`, and not in x
    SparseBatch<T> lists;
    T *x, *logits, *d_logits, *d, *d_below, *d_skipped, *turned;
    const T* entry;  // what enters the first layer: x, or what the front makes of it
    ptrdiff_t x_stride, entry_stride;
    ptrdiff_t rows;  // room, a whole number of vectors
    uint32_t *table, *words;
    const T* quantiles;
    const int* cancel = nullptr;  // once set, a pass may end with whatever it has
    int64_t most_words;
    Rate rate, input_rate;

    Net(const Job& job, Arena& arena)
        : shape(job.network), recipe(job.recipe), layout(job.network, arena),
          front(job, layout.front, room(job), job.network.depth == 0, arena), sparse(lists_pay(job)),
          lists(room(job), job.network.features, sparse ? longest(job) : 0, arena), rows(room(job)),
          quantiles(static_cast<const T*>(job.quantiles)), rate(job.recipe.dropout),
          input_rate(job.recipe.input_dropout) {
        params = numbers<T>(arena, layout.size);
        gradient = numbers<T>(arena, layout.trained);
        masked = connects() ? numbers<T>(arena, layout.trained) : nullptr;
        mask_factor = connects() ? numbers<T>(arena, layout.trained) : nullptr;
        x_stride = stride_of<T>(rounded_up(shape.features, LANES<T>));
        x = numbers<T>(arena, sparse ? 0 : rows * x_stride);
        entry = shape.front.embeds() ? front.out : x;
        entry_stride = shape.front.embeds() ? front.stride : x_stride;
        take_hidden(arena);
        logits = numbers<T>(arena, shape.outputs * rows);
        d_logits = numbers<T>(arena, shape.outputs * rows);
        take_words(arena);
    }

    bool cancelled() const { return cancel && __atomic_load_n(cancel, __ATOMIC_RELAXED); }
    bool drops() const { return recipe.dropout > 0 && shape.depth > 0; }
    bool connects() const { return drops() && recipe.dropping == Dropping::dropconnect; }
    bool drops_units() const { return drops() && recipe.dropping != Dropping::dropconnect; }
    // ReLU's derivative is read from its output: 1 where that is positive.
    bool relu_only() const {
        return shape.activation == Activation::relu && !(drops() && recipe.dropping == Dropping::gaussian) &&
               !(shape.norm != Norm::none && shape.norm_after) && !shape.parametric && !shape.skip;
    }

    // Raw outputs of the first `count` rows of x, in `logits` [C, rows], as in evaluation; `seen(l, a)` is shown what
    // every activation makes.
    template <class Seen>
    void evaluate(int count, const Seen& seen) {
        enter(count, false);
        const T* in = entry;
        ptrdiff_t in_stride = entry_stride;
        for (int l = 0; l < shape.depth; ++l) {
            const Layer& layer = layout.layers[l];
            Hidden<T>& own = hidden[l];
            linear(l, weights_of(l, false), in, in_stride, count, own.out);
            const NormLayer<T> norm = norm_of(l, count);
            if (layer.normalised && !shape.norm_after) normalise(norm, own.out, false);
            if (layer.parametric) copy(own.lean, own.out, count * layer.stride);
            visit<T>(shape.activation, [&](auto f) { values<decltype(f)>(layer, count, own.out); });
            if (layer.parametric) blend<false>(layer, count, own);
            seen(l, own.out);
            if (layer.normalised && shape.norm_after) normalise(norm, own.out, false);
            if (shape.skips(l)) add_rows(layer, count, own.out, in);
            in = own.out;
            in_stride = layer.stride;
        }
        outputs(weights_of(shape.depth, false), in, in_stride, count);
    }

    // The same in training, with the masks of `step`.
    void forward(int count, uint64_t step) {
        if (masked) draw_weights(step);
        enter(count, true);
        const T* in = entry;
        ptrdiff_t in_stride = entry_stride;
        for (int l = 0; l < shape.depth && !cancelled(); ++l) {
            linear(l, weights_of(l, true), in, in_stride, count, hidden[l].out);
            activate(l, count, step);
            if (shape.skips(l)) add_rows(layout.layers[l], count, hidden[l].out, in);
            in = hidden[l].out;
            in_stride = layout.layers[l].stride;
        }
        outputs(weights_of(shape.depth, true), in, in_stride, count);
    }

    // Gradient of the loss on the last forward's batch from `d_logits`.
    void backward(int count) {
        const Layer& last = layout.layers[shape.depth];
        const T* in = shape.depth ? hidden[shape.depth - 1].out : entry;
        const ptrdiff_t in_stride = shape.depth ? layout.layers[shape.depth - 1].stride : entry_stride;
        product<T, Left::plain>(shape.outputs, last.columns, count, d_logits, rows, in, in_stride,
                                gradient + last.weights, last.stride, nullptr);
        for (int c = 0; c < shape.outputs; ++c) {
            Vec<T> sum{};
            for (int m = 0; m < count; m += LANES<T>) sum += load(d_logits + c * rows + m);
            gradient[last.biases + c] = sum_of<T>(sum);
        }
        if (shape.depth) {
            product<T, Left::transposed>(count, last.columns, shape.outputs, d_logits, rows,
                                         weights_of(shape.depth, true), last.stride, d,
                                         layout.layers[shape.depth - 1].stride, nullptr);
        }
        for (int l = shape.depth - 1; l >= 0 && !cancelled(); --l) backward_layer(l, count);
        if (shape.front.embeds()) backward_front(count);
        if (scaled) unscale_gradient();
        if (masked) mask_gradient();
    }

    // A number in a list costs about ten cycles of its own, and four of waiting where the layer is a vector or two wide.
    static bool lists_pay(const Job& job) {
        if (!job.rows.most || !job.network.depth || job.network.front.embeds()) return false;
        if (longest(job) > INT32_MAX / room(job)) return false;  // places in lists are 32 bits wide
        if (job.recipe.noise > 0) return false;                  // leaves no zeros
        const int vectors = rounded_up(job.network.widths[0], LANES<T>) / LANES<T>;
        const double share = job.rows.share * (job.recipe.mixup ? 2 : 1);  // of the inputs that are listed
        return share * (2 * (vectors > 4 ? vectors : 4) + 10) < 2 * vectors;
    }

    // Numbers in a list; mixup makes one of two rows.
    static int64_t longest(const Job& job) { return job.rows.most * (job.recipe.mixup ? 2 : 1); }

    // Rows of the buffers: a batch, or some validation rows.
    static int room(const Job& job) {
        const int64_t chunk = job.rows.n_valid < CHUNK ? job.rows.n_valid : CHUNK;
        return rounded_up(static_cast<int>(job.recipe.batch > chunk ? job.recipe.batch : chunk), LANES<T>);
    }

private:
    static void copy(T* to, const T* from, ptrdiff_t count) { __builtin_memcpy(to, from, count * sizeof(T)); }

    void take_hidden(Arena& arena) {
        hidden = static_cast<Hidden<T>*>(arena.take(sizeof(Hidden<T>) * shape.depth));
        ptrdiff_t widest = 0, squarest = 0;
        for (int l = 0; l < shape.depth; ++l) {
            const int columns = rounded_up(shape.widths[l], LANES<T>);
            const ptrdiff_t stride = stride_of<T>(columns);
            widest = stride > widest ? stride : widest;
            const bool after = shape.norm != Norm::none && shape.norm_after;
            Hidden<T> own;
            own.out = numbers<T>(arena, rows * stride);
            own.slope = relu_only() ? nullptr : numbers<T>(arena, rows * stride);
            own.factor = after && drops_units() ? numbers<T>(arena, rows * stride) : nullptr;
            own.normal = shape.norm != Norm::none ? numbers<T>(arena, rows * stride) : nullptr;
            own.inverse = shape.norm != Norm::none ? numbers<T>(arena, columns > rows ? columns : rows) : nullptr;
            own.lean = shape.parametric ? numbers<T>(arena, rows * stride) : nullptr;
            if (hidden) hidden[l] = own;
            if (l == 0) continue;
            const ptrdiff_t square = columns * stride_of<T>(rounded_up(shape.widths[l - 1], LANES<T>));
            squarest = square > squarest ? square : squarest;
        }
        d = numbers<T>(arena, rows * widest);
        d_below = shape.depth > 1 ? numbers<T>(arena, rows * widest) : nullptr;
        d_skipped = skips_any() ? numbers<T>(arena, rows * widest) : nullptr;
        scaled = shape.front.scaled ? numbers<T>(arena, layout.first_weights) : nullptr;
        if (shape.front.embeds() && shape.depth) {
            const ptrdiff_t square = rounded_up(shape.widths[0], LANES<T>) * front.d_stride;
            squarest = square > squarest ? square : squarest;
        }
        turned = squarest ? numbers<T>(arena, squarest) : nullptr;
    }

    // Rows of a mask may be read up to a vector past their end.
    void take_words(Arena& arena) {
        int64_t most = 0;
        auto ask = [&](int64_t halfwords) { most = halfwords > most ? halfwords : most; };
        if (recipe.input_dropout > 0 || recipe.noise > 0) ask(int64_t{recipe.batch} * shape.features);
        for (int l = 0; l < shape.depth; ++l) {
            if (drops_units()) ask(int64_t{recipe.batch} * shape.canonical[l]);
            if (connects()) {
                const int64_t next = l + 1 < shape.depth ? shape.canonical[l + 1] : shape.outputs;
                ask(int64_t{shape.widths[l]} * next);
            }
        }
        most_words = most ? words_of(most) + 2 * WORDS : 0;
        words = static_cast<uint32_t*>(arena.take(most_words * 4));
        table = static_cast<uint32_t*>(arena.take(most_words * 4));
        if (table) fill_premix(table, 0, most_words);
    }

    bool skips_any() const {
        for (int l = 1; l < shape.depth; ++l) {
            if (shape.skips(l)) return true;
        }
        return false;
    }

    // A layer's weights as this pass sees them.
    const T* weights_of(int l, bool training) const {
        if (l == 0 && scaled) return scaled;
        return (training && masked && l > 0 ? masked : params) + layout.layers[l].weights;
    }

    void linear(int l, const T* weights, const T* in, ptrdiff_t in_stride, int count, T* out) {
        const Layer& layer = layout.layers[l];
        if (sparse && l == 0) {
            sparse_product<T>(count, layer.columns, lists.starts, lists.columns, lists.values, weights, layer.stride,
                              out, layer.stride, params + layer.biases);
            return;
        }
        product<T, Left::plain>(count, layer.columns, layer.fan_in, in, in_stride, weights, layer.stride, out,
                                layer.stride, params + layer.biases);
    }

    void outputs(const T* weights, const T* in, ptrdiff_t in_stride, int count) {
        const Layer& last = layout.layers[shape.depth];
        dots<T>(count, shape.outputs, last.columns, in, in_stride, weights, last.stride, logits, rows,
                params + last.biases);
    }

    // From x to what the first layer reads. Scales are multiplied into its weights instead: these are fewer than the
    // batch's numbers, and lists of inputs stay what they are.
    void enter(int count, bool training) {
        if (shape.front.embeds()) front.forward(params, x, x_stride, count, training);
        if (!scaled) return;
        const Layer& layer = layout.layers[0];
        scale_first([&](ptrdiff_t at, Vec<T> scale) { store(scaled + at, load(params + layer.weights + at) * scale); });
    }

    // one(at, scale) for every vector of the first layer's weights; `at` counts from its first.
    template <class One>
    void scale_first(const One& one) {
        const Layer& layer = layout.layers[0];
        const T* scales = params + layout.front.scales;
        for (int k = 0; k < layer.rows; ++k) {
            for (int v = 0; v < layer.columns; v += LANES<T>) {
                one(k * layer.stride + v, layer.output ? load(scales + v) : broadcast(scales[k]));
            }
        }
    }

    // From the gradient G of weights times scales to that of either: of a scale it is the sum of G·W over what its
    // number leads to.
    void unscale_gradient() {
        const Layer& layer = layout.layers[0];
        const T* weights = params + layer.weights;
        T *own = gradient + layer.weights, *scales = gradient + layout.front.scales;
        if (layer.output) {
            for (int v = 0; v < layer.columns; v += LANES<T>) {
                Vec<T> sum{};
                for (int c = 0; c < layer.rows; ++c) {
                    sum += load(own + c * layer.stride + v) * load(weights + c * layer.stride + v);
                }
                store(scales + v, sum);
            }
        } else {
            for (int k = 0; k < layer.rows; ++k) {
                Vec<T> sum{};
                for (int v = 0; v < layer.columns; v += LANES<T>) {
                    sum += load(own + k * layer.stride + v) * load(weights + k * layer.stride + v);
                }
                scales[k] = sum_of<T>(sum);
            }
        }
        scale_first([&](ptrdiff_t at, Vec<T> scale) { store(own + at, load(own + at) * scale); });
    }

    // d holds ∂/∂z of the first hidden layer, where there is one.
    void backward_front(int count) {
        const Layer& layer = layout.layers[0];
        const int columns = front.d_columns();
        if (layer.output) {
            product<T, Left::transposed>(count, columns, shape.outputs, d_logits, rows, weights_of(0, true) + front.first,
                                         layer.stride, front.d, front.d_stride, nullptr);
        } else {
            transposed<T>(layer.fan_in - front.first, layer.columns,
                          weights_of(0, true) + front.first * layer.stride, layer.stride, turned, front.d_stride);
            product<T, Left::plain>(count, columns, layer.fan_out, d, layer.stride, turned, front.d_stride, front.d,
                                    front.d_stride, nullptr);
        }
        front.backward(params, gradient, x, x_stride, count);
    }

    void draw(uint64_t key, int64_t halfwords) { fill_bits(key, words_of(halfwords) + WORDS, table, words); }

    NormLayer<T> norm_of(int l, int count) const {
        const Layer& layer = layout.layers[l];
        return {count,
                layer.fan_out,
                layer.columns,
                layer.stride,
                params + layer.scale,
                params + layer.shift,
                hidden[l].normal,
                hidden[l].inverse,
                layer.running ? params + layer.mean : nullptr,
                layer.running ? params + layer.variance : nullptr};
    }

    void normalise(const NormLayer<T>& norm, T* z, bool training) {
        if (shape.norm == Norm::layer) {
            layer_norm(norm, z);
        } else if (training) {
            batch_norm(norm, z);
        } else {
            batch_norm_running(norm, z);
        }
    }

    // z in `out` becomes the masked activation; slopes and factors are kept for the way back.
    void activate(int l, int count, uint64_t step) {
        const Layer& layer = layout.layers[l];
        Hidden<T>& own = hidden[l];
        const NormLayer<T> norm = norm_of(l, count);
        const bool after = layer.normalised && shape.norm_after;
        if (layer.normalised && !after) normalise(norm, own.out, true);
        if (drops_units()) draw(subkey(recipe.dropout_stream, step, l + 1), int64_t{count} * shape.canonical[l]);
        const bool fused = drops_units() && recipe.dropping == Dropping::bernoulli && !after && !layer.parametric;
        if (layer.parametric) copy(own.lean, own.out, count * layer.stride);
        if (fused) {
            activate_by(layer, shape.canonical[l], count, own, Bernoulli<T>(words, rate));
        } else {
            activate_by(layer, shape.canonical[l], count, own, Nothing{});
        }
        if (layer.parametric) blend<true>(layer, count, own);
        if (after) normalise(norm, own.out, true);
        if (drops_units() && !fused) multiply(layer, shape.canonical[l], count, own);
    }

    // (1 − α)z + α·σ(z) from z in `lean` and σ(z) in `out`, and with SLOPES its derivatives.
    template <bool SLOPES>
    void blend(const Layer& layer, int count, Hidden<T>& own) {
        const T* alphas = params + layer.slopes;
        const Int<T> edge = edge_of(layer);
        for (int m = 0; m < count; ++m) {
            for (int v = 0; v < layer.columns; v += LANES<T>) {
                const ptrdiff_t at = m * layer.stride + v;
                const Vec<T> alpha = load(alphas + v), a = load(own.out + at);
                Vec<T> z = load(own.lean + at);
                if (v + LANES<T> == layer.columns) z = edge ? z : Vec<T>{};
                store(own.out + at, (T(1) - alpha) * z + alpha * a);
                if constexpr (SLOPES) {
                    store(own.slope + at, (T(1) - alpha) + alpha * load(own.slope + at));
                    store(own.lean + at, a - z);
                }
            }
        }
    }

    // out += in
    void add_rows(const Layer& layer, int count, T* out, const T* in) {
        for (int m = 0; m < count; ++m) {
            for (int v = 0; v < layer.columns; v += LANES<T>) {
                const ptrdiff_t at = m * layer.stride + v;
                store(out + at, load(out + at) + load(in + at));
            }
        }
    }

    template <class Mask>
    void activate_by(const Layer& layer, int canonical, int count, Hidden<T>& own, const Mask& mask) {
        if (own.slope) {
            visit<T>(shape.activation,
                     [&](auto f) { both<decltype(f), Mask>(layer, canonical, count, own.out, own.slope, mask); });
        } else {
            rectify(layer, canonical, count, own.out, mask);
        }
    }

    // Units of the last vector of a row; others must be zero whatever the activation makes of zero.
    Int<T> edge_of(const Layer& layer) const { return lanes_below<T>(layer.fan_out - (layer.columns - LANES<T>)); }

    template <class F>
    void values(const Layer& layer, int count, T* out) {
        const Int<T> edge = edge_of(layer);
        for (int m = 0; m < count; ++m, out += layer.stride) {
            int v = 0;
            for (; v < layer.columns - LANES<T>; v += LANES<T>) store(out + v, F::value(load(out + v)));
            store(out + v, edge ? F::value(load(out + v)) : Vec<T>{});
        }
    }

    template <class F, class Mask>
    void both(const Layer& layer, int canonical, int count, T* out, T* slope, const Mask& mask) {
        constexpr bool drops = !__is_same(Mask, Nothing);
        const Int<T> edge = edge_of(layer);
        for (int m = 0; m < count; ++m, out += layer.stride, slope += layer.stride) {
            for (int v = 0; v < layer.columns; v += LANES<T>) {
                Vec<T> a, s;
                F::both(load(out + v), a, s);
                if constexpr (drops) {
                    const Vec<T> kept = mask.at(ptrdiff_t{m} * canonical + v);
                    a *= kept;
                    s *= kept;
                }
                if (v + LANES<T> == layer.columns) a = edge ? a : Vec<T>{};
                store(out + v, a);
                store(slope + v, s);
            }
        }
    }

    template <class Mask>
    void rectify(const Layer& layer, int canonical, int count, T* out, const Mask& mask) {
        const Int<T> edge = edge_of(layer);
        for (int m = 0; m < count; ++m, out += layer.stride) {
            for (int v = 0; v < layer.columns; v += LANES<T>) {
                const Vec<T> z = load(out + v);
                Vec<T> a = z < Vec<T>{} ? Vec<T>{} : z;
                if constexpr (!__is_same(Mask, Nothing)) a *= mask.at(ptrdiff_t{m} * canonical + v);
                // Where a unit below is infinite, a weight of zero makes a NaN.
                if (v + LANES<T> == layer.columns) a = edge ? a : Vec<T>{};
                store(out + v, a);
            }
        }
    }

    // Masks that do not fuse with the activation: Gaussian ones, and all behind a norm.
    void multiply(const Layer& layer, int canonical, int count, Hidden<T>& own) {
        const uint16_t* halves = reinterpret_cast<const uint16_t*>(words);
        const Gaussian<T> gaussian{halves, quantiles, static_cast<T>(rate.deviation())};
        const Bernoulli<T> bernoulli(words, rate);
        const bool normal = recipe.dropping == Dropping::gaussian;
        T* kept = own.factor ? own.factor : own.slope;
        for (int m = 0; m < count; ++m) {
            for (int v = 0; v < layer.columns; v += LANES<T>) {
                const ptrdiff_t at = m * layer.stride + v, place = ptrdiff_t{m} * canonical + v;
                const Vec<T> factor = normal ? gaussian.at(place) : bernoulli.at(place);
                store(own.out + at, load(own.out + at) * factor);
                store(kept + at, own.factor ? factor : load(kept + at) * factor);
                if (own.lean && !own.factor) store(own.lean + at, load(own.lean + at) * factor);
            }
        }
    }

    void backward_layer(int l, int count) {
        const Layer& layer = layout.layers[l];
        const Hidden<T>& own = hidden[l];
        const bool after = layer.normalised && shape.norm_after;
        if (shape.skips(l)) copy(d_skipped, d, count * layer.stride);
        if (own.factor) scale_rows(layer, count, own.factor);
        if (after) backward_norm(l, count);
        if (layer.parametric) sum_slopes(layer, count, own.lean);
        if (own.slope) {
            through<false>(layer, count, own.slope);
        } else {
            through<true>(layer, count, own.out);
        }
        if (layer.normalised && !after) {
            backward_norm(l, count);
            sum_rows(layer, count);
        }
        if (sparse && l == 0) {
            lists.turn();
            sparse_product<T>(layer.fan_in, layer.columns, lists.column_starts, lists.rows_of, lists.values_of, d,
                              layer.stride, gradient + layer.weights, layer.stride, nullptr);
            return;
        }
        const T* in = l ? hidden[l - 1].out : entry;
        const ptrdiff_t in_stride = l ? layout.layers[l - 1].stride : entry_stride;
        product<T, Left::transposed>(layer.fan_in, layer.columns, count, in, in_stride, d, layer.stride,
                                     gradient + layer.weights, layer.stride, nullptr);
        if (l) backward_inputs(l, count);
        if (shape.skips(l)) add_rows(layer, count, d, d_skipped);
    }

    // ∂/∂ the activations below: d Wᵀ.
    void backward_inputs(int l, int count) {
        const Layer &layer = layout.layers[l], &below = layout.layers[l - 1];
        transposed<T>(layer.fan_in, layer.columns, weights_of(l, true), layer.stride, turned, below.stride);
        product<T, Left::plain>(count, below.columns, layer.fan_out, d, layer.stride, turned, below.stride, d_below,
                                below.stride, nullptr);
        T* swapped = d;
        d = d_below;
        d_below = swapped;
    }

    void backward_norm(int l, int count) {
        const Layer& layer = layout.layers[l];
        const NormLayer<T> norm = norm_of(l, count);
        if (shape.norm == Norm::layer) {
            layer_norm_backward(norm, d, gradient + layer.scale, gradient + layer.shift);
        } else {
            batch_norm_backward(norm, d, gradient + layer.scale, gradient + layer.shift);
        }
    }

    // The gradient of parametric activations' α from that of what they make.
    void sum_slopes(const Layer& layer, int count, const T* lean) {
        T* sums = gradient + layer.slopes;
        for (int v = 0; v < layer.columns; v += LANES<T>) {
            Vec<T> sum{};
            for (int m = 0; m < count; ++m) sum += load(d + m * layer.stride + v) * load(lean + m * layer.stride + v);
            store(sums + v, sum);
        }
    }

    void scale_rows(const Layer& layer, int count, const T* factor) {
        for (int m = 0; m < count; ++m) {
            for (int v = 0; v < layer.columns; v += LANES<T>) {
                const ptrdiff_t at = m * layer.stride + v;
                store(d + at, load(d + at) * load(factor + at));
            }
        }
    }

    // d from ∂/∂a to ∂/∂z, and the sums over rows, which are the gradient of the biases. Where RECTIFIED, `kept` is
    // ReLU's output, otherwise the slope.
    template <bool RECTIFIED>
    void through(const Layer& layer, int count, const T* kept) {
        constexpr int L = LANES<T>, GROUP = 4;
        T* sums = gradient + layer.biases;
        const Vec<T> scale = broadcast(static_cast<T>(drops_units() && RECTIFIED ? rate.scale : 1.0));
        for (int v = 0; v < layer.columns; v += L) store(sums + v, Vec<T>{});
        auto one = [&](ptrdiff_t at) {
            const Vec<T> saved = load(kept + at), before = load(d + at);
            const Vec<T> after = RECTIFIED ? (saved > Vec<T>{} ? before * scale : Vec<T>{}) : before * saved;
            store(d + at, after);
            return after;
        };
        int m = 0;
        for (; m + GROUP <= count; m += GROUP) {
            for (int v = 0; v < layer.columns; v += L) {
                Vec<T> sum = load(sums + v);
                for (int i = 0; i < GROUP; ++i) sum += one((m + i) * layer.stride + v);
                store(sums + v, sum);
            }
        }
        for (; m < count; ++m) {
            for (int v = 0; v < layer.columns; v += L) store(sums + v, load(sums + v) + one(m * layer.stride + v));
        }
    }

    // The gradient of biases before a norm. Batch norm takes their mean away: it is zero, and what rounding leaves of
    // it must not become steps, as Adam would make of it.
    void sum_rows(const Layer& layer, int count) {
        T* sums = gradient + layer.biases;
        for (int v = 0; v < layer.columns; v += LANES<T>) store(sums + v, Vec<T>{});
        if (shape.norm == Norm::batch) return;
        for (int m = 0; m < count; ++m) {
            for (int v = 0; v < layer.columns; v += LANES<T>) {
                store(sums + v, load(sums + v) + load(d + m * layer.stride + v));
            }
        }
    }

    // DropConnect: one mask a step on every weight that leaves a hidden unit.
    void draw_weights(uint64_t step) {
        const T scale = static_cast<T>(rate.scale);
        for (int l = 1; l < layout.count; ++l) {
            const Layer& layer = layout.layers[l];
            const int columns = layer.output ? shape.outputs : shape.canonical[l];
            draw(subkey(recipe.dropconnect_stream, step, l), int64_t{layer.fan_in} * columns);
            const uint16_t* halves = reinterpret_cast<const uint16_t*>(words);
            for (int k = 0; k < layer.fan_in; ++k) {
                for (int h = 0; h < layer.fan_out; ++h) {
                    const ptrdiff_t at = layer.weights + (layer.output ? h * layer.stride + k : k * layer.stride + h);
                    const T factor = halves[ptrdiff_t{k} * columns + h] >= rate.limit ? scale : 0;
                    mask_factor[at] = factor;
                    masked[at] = params[at] * factor;
                }
            }
        }
    }

    void mask_gradient() {
        for (int l = 1; l < layout.count; ++l) {
            const Layer& layer = layout.layers[l];
            for (ptrdiff_t i = layer.weights; i < layer.weights + layer.rows * layer.stride; ++i) {
                gradient[i] *= mask_factor[i];
            }
        }
    }
};

}  // namespace profunda::PROFUNDA_ISA
