// A member's life: epochs of steps, validation, the stopping rule, vital signs.
#pragma once

#include "mixing.hpp"
#include "network.hpp"
#include "penalties.hpp"

namespace profunda::PROFUNDA_ISA {

// Counts the signs of activations while the first validation rows pass (vitals/signs.py).
template <class T>
struct ActivationSigns {
    const Net<T>& net;
    T low, high;
    int room;  // probe rows that are still to come
    double* sums;         // [depth][columns]: of a, of a², outside (low, high)
    T *smallest, *largest;  // [depth][columns]
    ptrdiff_t width;      // numbers a layer takes in each of them

    ActivationSigns(const Net<T>& net, const Job& job, Arena& arena)
        : net(net), low(static_cast<T>(job.saturation_low)), high(static_cast<T>(job.saturation_high)), room(0),
          width(0) {
        for (int l = 0; l < net.shape.depth; ++l) {
            const int columns = rounded_up(net.shape.widths[l], LANES<T>);
            width = columns > width ? columns : width;
        }
        const size_t all = static_cast<size_t>(width) * net.shape.depth;
        sums = static_cast<double*>(arena.take(3 * all * sizeof(double)));
        smallest = static_cast<T*>(arena.take(all * sizeof(T)));
        largest = static_cast<T*>(arena.take(all * sizeof(T)));
    }

    void begin(int rows) {
        room = rows;
        const ptrdiff_t all = width * net.shape.depth;
        for (ptrdiff_t i = 0; i < 3 * all; ++i) sums[i] = 0;
        for (ptrdiff_t i = 0; i < all; ++i) {
            smallest[i] = static_cast<T>(__builtin_inf());
            largest[i] = -smallest[i];
        }
    }

    void layer(int l, int count, const T* out) {
        const int columns = net.layout.layers[l].columns;
        const ptrdiff_t stride = net.layout.layers[l].stride, all = width * net.shape.depth;
        double *sum = sums + l * width, *square = sum + all, *outside = square + all;
        T *least = smallest + l * width, *most = largest + l * width;
        count = count < room ? count : room;
        for (int v = 0; v < columns; v += LANES<T>) {
            Vec<T> total{}, squares{}, beyond{}, low_of = load(least + v), high_of = load(most + v);
            for (int m = 0; m < count; ++m) {
                const Vec<T> a = load(out + m * stride + v);
                total += a;
                squares += a * a;
                beyond += ((a < broadcast(low)) | (a > broadcast(high))) ? broadcast<T>(1) : Vec<T>{};
                // A NaN stays: neither smallest nor largest then equals the other.
                low_of = a < low_of || a != a ? a : low_of;
                high_of = a > high_of || a != a ? a : high_of;
            }
            store(least + v, low_of);
            store(most + v, high_of);
            for (int i = 0; i < LANES<T>; ++i) {
                sum[v + i] += total[i];
                square[v + i] += squares[i];
                outside[v + i] += beyond[i];
            }
        }
    }

    // Into found[SIGNS][depth + 1]; `rows` have passed.
    void end(double* found, int rows) const {
        const ptrdiff_t all = width * net.shape.depth;
        for (int l = 0; l < net.shape.depth; ++l) {
            const int units = net.layout.layers[l].fan_out;
            double total = 0, squares = 0, outside = 0, dead = 0;
            for (int h = 0; h < units; ++h) {
                const ptrdiff_t at = l * width + h;
                total += sums[at];
                squares += sums[all + at];
                outside += sums[2 * all + at];
                dead += smallest[at] == largest[at];
            }
            const double count = static_cast<double>(rows) * units, mean = total / count;
            const double variance = squares / count - mean * mean;
            const int layers = net.layout.count;
            auto put = [&](Sign sign, double value) { found[static_cast<int>(sign) * layers + l] = value; };
            put(Sign::activation_mean, mean);
            put(Sign::activation_std, __builtin_sqrt(variance < 0 ? 0 : variance));
            put(Sign::dead, dead / units);
            put(Sign::saturated, outside / count);
        }
    }
};

template <class T>
struct Trainer {
    Job& job;
    const Recipe& recipe;
    const Watchers watchers;
    Net<T> net;
    ActivationSigns<T> signs;
    Mixup<T> mixup;
    GroupPenalties<T> penalties;
    T *best, *before, *moments[2], *kept[4];
    int moment_count;
    T* average;              // of weights at the ends of epochs, or null
    int64_t averaged_from;   // the first of these epochs, from 1
    bool weighted;           // rows weigh differently in training
    T *labels, *numbers, *weight;
    int32_t* order;
    uint64_t* ranked;
    uint32_t *order_table, *order_bits, *starts;
    int64_t steps;         // of an epoch
    int64_t report_every;  // steps: some 10 ms of them
    int64_t unreported = 0;

    Trainer(Job& job, Arena& arena, const Watchers& watchers)
        : job(job), recipe(job.recipe), watchers(watchers), net(job, arena), signs(net, job, arena),
          mixup(job, net.rows, net.sparse, arena), penalties(job, net.layout, arena) {
        const Rows& rows = job.rows;
        net.cancel = watchers.cancel;
        steps = (rows.n_train + recipe.batch - 1) / recipe.batch;
        const double products = 6.0 * recipe.batch * static_cast<double>(net.layout.trained);
        report_every = products < 1e9 ? static_cast<int64_t>(1e9 / (products + 1e6)) : 1;
        moment_count = recipe.optimiser == Optimiser::adam ? 2 : 1;
        best = take<T>(arena, net.layout.size);
        before = take<T>(arena, net.layout.trained);
        kept[0] = take<T>(arena, net.layout.size);
        for (int i = 0; i < moment_count; ++i) {
            moments[i] = take<T>(arena, net.layout.trained);
            kept[1 + i] = take<T>(arena, net.layout.trained);
        }
        if (moment_count == 1) moments[1] = nullptr;
        average = recipe.averaging ? take<T>(arena, net.layout.size) : nullptr;
        kept[3] = recipe.averaging ? take<T>(arena, net.layout.size) : nullptr;
        averaged_from = (3 * recipe.epochs + 3) / 4;
        weighted = rows.weight || job.ingredients.class_weight || recipe.mixup;
        labels = take<T>(arena, net.rows);
        numbers = take<T>(arena, rows.classes ? 0 : net.rows * net.shape.outputs);
        weight = take<T>(arena, net.rows);
        order = take<int32_t>(arena, rows.n_train);
        ranked = take<uint64_t>(arena, rows.n_train);
        const int64_t words = (rows.n_train + WORDS - 1) / WORDS * WORDS;
        order_table = take<uint32_t>(arena, words);
        order_bits = take<uint32_t>(arena, words);
        starts = take<uint32_t>(arena, (int64_t{1} << log_buckets_of(rows.n_train)) + 1);
        if (order_table) fill_premix(order_table, 0, words);
    }

    void train() {
        const Parameters<T>& layout = net.layout;
        State& state = job.state;
        layout.read(static_cast<const T*>(state.params), net.params, true);
        layout.read(static_cast<const T*>(state.best_params), best, true);
        for (int i = 0; i < moment_count; ++i) {
            layout.read(static_cast<const T*>(state.moments[i]), moments[i], false);
        }
        if (average) layout.read(static_cast<const T*>(state.moments[moment_count]), average, true);
        clear(labels, net.rows);
        clear(weight, net.rows);
        if (!job.rows.classes) clear(numbers, net.rows * net.shape.outputs);
        job.ending = Ending::limit;
        const int64_t first = state.epoch;
        for (int64_t taken = 0; state.epoch < job.limit && job.ending == Ending::limit;) {
            keep();
            double train_loss = 0;
            const bool taking = state.epoch % job.sign_every == 0;
            double* found = job.signs + taken * SIGNS * layout.count;
            double valid_loss = 0;
            if (!train_epoch(state.epoch, taking ? found : nullptr, train_loss) ||
                !validate_kept(state.epoch + 1, taking ? found : nullptr, valid_loss)) {
                restore();
                job.ending = Ending::cancelled;
                break;
            }
            job.train_loss[state.epoch - first] = train_loss;
            job.valid_loss[state.epoch - first] = valid_loss;
            ++state.epoch;
            taken += taking;
            watch(valid_loss, train_loss);
        }
        report();
        layout.write(net.params, static_cast<T*>(state.params), true);
        layout.write(best, static_cast<T*>(state.best_params), true);
        for (int i = 0; i < moment_count; ++i) layout.write(moments[i], static_cast<T*>(state.moments[i]), false);
        if (average) layout.write(average, static_cast<T*>(state.moments[moment_count]), true);
    }

private:
    template <class Number>
    static Number* take(Arena& arena, int64_t count) {
        return static_cast<Number*>(arena.take(count * sizeof(Number)));
    }
    static void clear(T* numbers, ptrdiff_t count) { __builtin_memset(numbers, 0, count * sizeof(T)); }
    static void copy(T* to, const T* from, ptrdiff_t count) { __builtin_memcpy(to, from, count * sizeof(T)); }

    // A cancelled epoch is undone, so that a resumed member goes on from a whole one.
    void keep() {
        copy(kept[0], net.params, net.layout.size);
        for (int i = 0; i < moment_count; ++i) copy(kept[1 + i], moments[i], net.layout.trained);
        if (average) copy(kept[3], average, net.layout.size);
    }
    void restore() {
        copy(net.params, kept[0], net.layout.size);
        for (int i = 0; i < moment_count; ++i) copy(moments[i], kept[1 + i], net.layout.trained);
        if (average) copy(average, kept[3], net.layout.size);
    }

    // What is validated and kept: from `averaged_from` on the mean of the weights at the ends of epochs (Izmailov et
    // al. 2018), before that the weights.
    bool averages(int64_t epoch) const { return average && epoch >= averaged_from; }
    const T* validated(int64_t epoch) const { return averages(epoch) ? average : net.params; }
    void take_average(int64_t epoch) {
        if (epoch == averaged_from) return copy(average, net.params, net.layout.size);
        const T share = static_cast<T>(1.0 / static_cast<double>(epoch - averaged_from + 1));
        for (ptrdiff_t i = 0; i < net.layout.size; ++i) average[i] += (net.params[i] - average[i]) * share;
    }

    void report() {
        if (watchers.steps) __atomic_fetch_add(watchers.steps, unreported, __ATOMIC_RELAXED);
        unreported = 0;
    }

    // The stopping rule (fleet/stopping.py), and divergence.
    void watch(double valid_loss, double train_loss) {
        State& state = job.state;
        if (valid_loss < state.best_loss) {
            state.best_epoch = state.epoch;
            state.best_loss = valid_loss;
            state.stall = 0;
            copy(best, validated(state.epoch), net.layout.size);
        } else {
            ++state.stall;
        }
        if (!(__builtin_fabs(train_loss) < __builtin_inf())) {
            job.ending = Ending::diverged;
        } else if (state.epoch < recipe.epochs && recipe.patience > 0 && state.stall >= recipe.patience) {
            job.ending = Ending::stopped;
        }
    }

    // All steps of `epoch` (from 0); false where a cancel was asked for.
    bool train_epoch(int64_t epoch, double* found, double& mean_loss) {
        const Rows& rows = job.rows;
        permutation(subkey(recipe.order_stream, epoch, 0), rows.n_train, order_table, order_bits,
                    ranked, starts, order);
        const double total = static_cast<double>(recipe.epochs) * static_cast<double>(steps);
        double losses = 0;
        // Powers are taken anew in every epoch, where a resumed member begins, and multiplied within.
        const double done = static_cast<double>(epoch) * static_cast<double>(steps);
        double power_1 = __builtin_pow(BETA_1, done), power_2 = __builtin_pow(recipe.beta2, done);
        for (int64_t at = 0; at < steps; ++at) {
            if (net.cancelled()) return false;
            const int64_t start = at * recipe.batch, left = rows.n_train - start;
            const int count = static_cast<int>(left < recipe.batch ? left : recipe.batch);
            const int64_t number = epoch * steps + at;
            const auto row = [&](int m) { return rows.train[order[start + m]]; };
            gather(count, row, true);
            if (recipe.mixup) mix(count, row, number);
            if (recipe.noise > 0) disturb(count, number);
            if (recipe.input_dropout > 0) drop_inputs(count, number);
            net.forward(count, number);
            losses += loss(count) / count;
            net.backward(count);
            if (net.cancelled()) return false;
            power_1 *= BETA_1;
            power_2 *= recipe.beta2;
            const double rate = learning_rate(recipe, static_cast<double>(number), total);
            step(rate, power_1, power_2, at == steps - 1 ? found : nullptr);
            if (++unreported >= report_every) report();
        }
        mean_loss = losses / static_cast<double>(steps);
        return true;
    }

    // Rows into the batch's buffers; `row(m)` says which.
    template <class RowOf>
    void gather(int count, RowOf row, bool training) {
        const Rows& rows = job.rows;
        const int features = net.shape.features, outputs = net.shape.outputs;
        const T* x = static_cast<const T*>(rows.x);
        if (net.sparse) net.lists.clear();
        for (int m = 0; m < count; ++m) {
            const int64_t r = row(m);
            if (net.sparse) {
                const int64_t from = rows.starts[r];
                net.lists.add(rows.starts[r + 1] - from, rows.columns + from, static_cast<const T*>(rows.values) + from);
            } else {
                copy(net.x + m * net.x_stride, x + r * features, features);
            }
            if (rows.classes) {
                labels[m] = static_cast<T>(rows.labels[r]);
            } else {
                for (int c = 0; c < outputs; ++c) {
                    numbers[c * net.rows + m] = static_cast<const T*>(rows.targets)[r * outputs + c];
                }
            }
            if (training && weighted) weight[m] = weight_of(r);
        }
    }

    T weight_of(int64_t r) const {
        const T own = job.rows.weight ? static_cast<const T*>(job.rows.weight)[r] : T(1);
        const double* by_class = job.ingredients.class_weight;
        return by_class ? static_cast<T>(own * by_class[job.rows.labels[r]]) : own;
    }

    // `gather` has made the rows as they are.
    template <class RowOf>
    void mix(int count, RowOf row, int64_t number) {
        mixup.draw(number);
        if (net.sparse) {
            mixup.inputs(net.lists, count, row);
        } else {
            mixup.inputs(net.x, net.x_stride, count, net.shape.features);
        }
        mixup.targets(count, net.shape.outputs, labels, numbers, weight, net.rows);
    }

    void disturb(int count, int64_t number) {
        const int features = net.shape.features;
        fill_bits(subkey(recipe.noise_stream, number, 0), words_of(int64_t{count} * features), net.table, net.words);
        add_noise(job.ingredients, recipe.noise, net.quantiles, reinterpret_cast<const uint16_t*>(net.words), net.x,
                  net.x_stride, count, features);
    }

    void drop_inputs(int count, int64_t number) {
        const int features = net.shape.features;
        const int64_t halfwords = int64_t{count} * features;
        fill_bits(subkey(recipe.dropout_stream, number, 0), words_of(halfwords), net.table, net.words);
        const uint16_t* halves = reinterpret_cast<const uint16_t*>(net.words);
        const T scale = static_cast<T>(net.input_rate.scale);
        const auto factor = [&](const uint16_t half) { return half >= net.input_rate.limit ? scale : T(0); };
        if (net.sparse) {
            for (int m = 0; m < count; ++m, halves += features) {
                for (int32_t i = net.lists.starts[m]; i < net.lists.starts[m + 1]; ++i) {
                    net.lists.values[i] *= factor(halves[net.lists.columns[i]]);
                }
            }
            return;
        }
        const Front& front = net.shape.front;
        for (int m = 0; m < count && front.codes; ++m, halves += features) {
            T* row = net.x + m * net.x_stride;
            for (int j = 0; j < net.shape.kept(); ++j) row[front.kept[j]] *= factor(halves[front.kept[j]]);
            // A code is no number: what stands for it is dropped.
            T* own = net.front.factors + m * front.codes;
            for (int c = 0; c < front.codes; ++c) own[c] = factor(halves[front.code_inputs[c]]);
        }
        for (int m = 0; m < count && !front.codes; ++m) {
            T* row = net.x + m * net.x_stride;
            for (int f = 0; f < features; ++f, ++halves) row[f] *= factor(*halves);
        }
    }

    // Sum of the rows' losses; their derivative goes to the network.
    double loss(int count) {
        double total = loss_to<false>(count, {labels, numbers, weighted ? weight : nullptr});
        if (recipe.mixup) total += loss_to<true>(count, {mixup.labels, mixup.numbers, mixup.weight});
        return total;
    }

    template <bool ADD>
    double loss_to(int count, const Targets<T>& targets) {
        const int outputs = net.shape.outputs;
        if (job.rows.classes) {
            return cross_entropy<T, ADD>(count, outputs, net.logits, net.d_logits, net.rows, targets,
                                         recipe.label_smoothing);
        }
        return squares<T, ADD>(count, outputs, net.logits, net.d_logits, net.rows, targets, recipe.huber);
    }

    void step(double rate, double power_1, double power_2, double* found) {
        double scale = 1;
        if (found || recipe.clip > 0) {
            double squared = 0;
            for (int l = 0; l < net.layout.count; ++l) {
                const double own = squares_of(l, net.gradient);
                squared += own;
                if (found) put(found, Sign::gradient_norm, l, __builtin_sqrt(own));
            }
            if (recipe.clip > 0) {
                squared += squares_between(0, net.layout.front.end, net.gradient);
                const double part = recipe.clip / (__builtin_sqrt(squared) + 1e-6);
                scale = part < 1 ? part : 1;
            }
        }
        if (found) copy(before, net.params, net.layout.trained);
        update(rate, scale, power_1, power_2);
        if (found) update_ratios(found);
    }

    void update(double rate, double scale, double power_1, double power_2) {
        const auto at = [&](const Pace& pace) { return Step<T>(recipe, rate, scale, power_1, power_2, pace); };
        const Step<T> usual = at({});
        if (alike()) {
            step_by<T, Penalty::none>(recipe.optimiser, span(0, net.layout.trained), usual);
        } else {
            const FrontPlaces& front = net.layout.front;
            const auto plainly = [&](ptrdiff_t from, ptrdiff_t to, double pace) {
                if (from == to) return;
                step_by<T, Penalty::none>(recipe.optimiser, span(from, to), pace == 1 ? usual : at({pace, 1}));
            };
            plainly(0, front.scales, 1);
            plainly(front.scales, front.end, SCALES_PACE);
            for (int l = 0; l < net.layout.count; ++l) {
                const Layer& layer = net.layout.layers[l];
                update_weights(span(layer.weights, layer.biases), recipe.ntk ? at(pace_of(layer)) : usual);
                plainly(layer.biases, layer.slopes, recipe.bias_lr);
                plainly(layer.slopes, layer.scale, SLOPES_PACE);
                plainly(layer.scale, end_of(l), 1);
            }
        }
        if (penalties.any()) penalties.apply(net.params, rate * pace_of(net.layout.layers[0]).rate);
    }

    // Whether every parameter steps by the same rule.
    bool alike() const {
        return !(recipe.l1 > 0 || recipe.l2 > 0 || recipe.ntk || recipe.bias_lr != 1 || net.shape.parametric ||
                 net.shape.front.scaled);
    }

    Pace pace_of(const Layer& layer) const {
        return recipe.ntk ? neural_tangent(recipe.optimiser, layer.fan_in) : Pace{};
    }

    void update_weights(const Span<T>& weights, const Step<T>& s) {
        if (!(recipe.l1 > 0 || recipe.l2 > 0)) {
            step_by<T, Penalty::none>(recipe.optimiser, weights, s);
        } else if (recipe.subgradient) {
            step_by<T, Penalty::subgradient>(recipe.optimiser, weights, s);
        } else {
            step_by<T, Penalty::proximal>(recipe.optimiser, weights, s);
        }
    }

    Span<T> span(ptrdiff_t from, ptrdiff_t to) {
        return {net.params + from, net.gradient + from, moments[0] + from, moments[1] ? moments[1] + from : nullptr,
                to - from};
    }

    void put(double* found, Sign sign, int l, double value) {
        found[static_cast<int>(sign) * net.layout.count + l] = value;
    }

    ptrdiff_t end_of(int l) const {
        return l + 1 < net.layout.count ? net.layout.layers[l + 1].weights : net.layout.trained;
    }
    // Padded places are zero and add nothing.
    double squares_of(int l, const T* numbers) const {
        return squares_between(net.layout.layers[l].weights, end_of(l), numbers);
    }
    double squares_between(ptrdiff_t from, ptrdiff_t to, const T* numbers) const {
        // One sum for each lane, so that no addition waits for the one before.
        double sums[LANES<T>] = {};
        for (ptrdiff_t i = from; i < to; i += LANES<T>) {
            for (int lane = 0; lane < LANES<T>; ++lane) {
                const double number = static_cast<double>(numbers[i + lane]);
                sums[lane] += number * number;
            }
        }
        double sum = 0;
        for (double part : sums) sum += part;
        return sum;
    }

    void update_ratios(double* found) {
        for (int l = 0; l < net.layout.count; ++l) {
            const double old = squares_of(l, before);
            double change = 0;
            for (ptrdiff_t i = net.layout.layers[l].weights; i < end_of(l); ++i) {
                const double moved = static_cast<double>(net.params[i] - before[i]);
                change += moved * moved;
            }
            put(found, Sign::update_ratio, l, __builtin_sqrt(change / old));
        }
    }

    bool validate_kept(int64_t epoch, double* found, double& mean_loss) {
        if (!averages(epoch)) return validate(found, mean_loss);
        take_average(epoch);
        T* const trained = net.params;
        net.params = average;
        const bool whole = validate(found, mean_loss);
        net.params = trained;
        return whole;
    }

    // Mean loss of the validation rows, without smoothing, weights or Huber's tails, and the signs of activations; false
    // where a cancel was asked for.
    bool validate(double* found, double& mean_loss) {
        const Rows& rows = job.rows;
        const int probes = static_cast<int>(rows.n_valid < PROBE_ROWS ? rows.n_valid : PROBE_ROWS);
        if (found) signs.begin(probes);
        double total = 0;
        for (int64_t at = 0; at < rows.n_valid; at += CHUNK) {
            if (net.cancelled()) return false;
            const int64_t left = rows.n_valid - at;
            const int count = static_cast<int>(left < CHUNK ? left : CHUNK);
            gather(count, [&](int m) { return rows.valid[at + m]; }, false);
            net.evaluate(count, [&](int l, const T* out) {
                if (found && signs.room > 0) signs.layer(l, count, out);
            });
            if (found) signs.room -= count;
            const Targets<T> targets{labels, numbers, nullptr};
            total += job.rows.classes
                         ? cross_entropy(count, net.shape.outputs, net.logits, net.d_logits, net.rows, targets, 0.0)
                         : squares(count, net.shape.outputs, net.logits, net.d_logits, net.rows, targets, false);
        }
        if (found) signs.end(found, probes);
        mean_loss = total / static_cast<double>(rows.n_valid);
        return true;
    }
};

}  // namespace profunda::PROFUNDA_ISA
