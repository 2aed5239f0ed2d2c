#include "twin.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "check.hpp"

namespace profunda::check {

namespace {

using Numbers = std::vector<double>;
using Table = std::vector<Numbers>;  // rows

// The streams of profunda/_seeds.py ---------------------------------------------------------------------

uint64_t mixed(uint64_t z) {
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t key_of(uint64_t stream, int64_t step, int layer) {
    constexpr uint64_t golden = 0x9e3779b97f4a7c15u;
    return mixed(mixed(stream + static_cast<uint64_t>(step) * golden) + (static_cast<uint64_t>(layer) + 1) * golden);
}

uint32_t word(uint64_t key, uint32_t i) {
    uint32_t x = i * 0x9e3779b9u + 1;
    x = (x ^ x >> 16) * 0x7feb352du;
    x = (x ^ x >> 15) * 0x846ca68bu;
    x ^= x >> 16;
    x += static_cast<uint32_t>(key);
    x = (x ^ x >> 16) * 0x7feb352du;
    x += static_cast<uint32_t>(key >> 32);
    x = (x ^ x >> 15) * 0x846ca68bu;
    return x ^ x >> 16;
}

uint32_t halfword(uint64_t key, int i) { return word(key, static_cast<uint32_t>(i) / 2) >> (i % 2 * 16) & 0xffff; }

struct Noise {
    uint64_t key;
    double count;  // of 65,536 that are dropped
    Noise(uint64_t key, double rate) : key(key), count(std::min(std::nearbyint(rate * 65536), 65535.0)) {}
    double bernoulli(int i) const { return halfword(key, i) < count ? 0 : 65536 / (65536 - count); }
    double gaussian(int i) const {
        return 1 + std::sqrt(count / (65536 - count)) * some_quantiles()[halfword(key, i)];
    }
};

// The network -------------------------------------------------------------------------------------------

double activated(Activation activation, double z) {
    const double scale = 1.0507009873554805, alpha = 1.6732632423543772;
    switch (activation) {
        case Activation::relu: return z > 0 ? z : 0;
        case Activation::leaky_relu: return z > 0 ? z : 0.01 * z;
        case Activation::tanh: return std::tanh(z);
        case Activation::sigmoid: return 1 / (1 + std::exp(-z));
        case Activation::elu: return z > 0 ? z : std::expm1(z);
        case Activation::selu: return scale * (z > 0 ? z : alpha * std::expm1(z));
        case Activation::gelu: return 0.5 * z * std::erfc(-z / std::sqrt(2.0));
        case Activation::silu: return z / (1 + std::exp(-z));
        case Activation::softplus: return z > 20 ? z : std::log1p(std::exp(z));
        case Activation::mish: return z * std::tanh(std::log1p(std::exp(z)));
    }
    return std::nan("");
}

struct Moments {
    double mean = 0, variance = 0;  // biased
    explicit Moments(const Numbers& numbers) {
        const double count = static_cast<double>(numbers.size());
        for (const double number : numbers) mean += number / count;
        for (const double number : numbers) variance += (number - mean) * (number - mean) / count;
    }
    double of(double number) const { return (number - mean) / std::sqrt(variance + 1e-5); }
};

class Forward {
public:
    Forward(const Example& example, Numbers& params) : form(example.form), recipe(example.job.recipe), params(params) {}

    bool training = false, collects = false;  // running statistics
    int64_t step = 0;
    std::vector<Table> activations;

    Table outputs(Table rows) {
        rows = entering(rows);
        const std::vector<Places> layers = places_of(form);
        activations.clear();
        for (int l = 0; l <= form.depth; ++l) {
            const Table before = rows;
            rows = linear(l, layers[static_cast<size_t>(l)], rows);
            if (l < form.depth) hidden(l, layers[static_cast<size_t>(l)], rows);
            const bool skips = form.skip && l > 0 && l < form.depth && form.widths[l] == form.widths[l - 1];
            for (size_t m = 0; skips && m < rows.size(); ++m) {
                for (size_t h = 0; h < rows[m].size(); ++h) rows[m][h] += before[m][h];
            }
        }
        return rows;
    }

private:
    const Form& form;
    const Recipe& recipe;
    Numbers& params;

    bool drops() const { return training && recipe.dropout > 0; }

    // The front: inputs with their dropout, waves, codes, and all of them scaled.
    Table entering(const Table& rows) const {
        const FrontAt at = front_of(form);
        const bool drops_inputs = training && recipe.input_dropout > 0;
        const Noise noise(key_of(recipe.dropout_stream, step, 0), recipe.input_dropout);
        Table made;
        for (size_t m = 0; m < rows.size(); ++m) {
            const int start = static_cast<int>(m) * form.features;
            const auto factor = [&](int input) { return drops_inputs ? noise.bernoulli(start + input) : 1.0; };
            const auto given = [&](int input) { return rows[m][static_cast<size_t>(input)]; };
            Numbers row;
            for (const int input : kept_of(form)) row.push_back(given(input) * factor(input));
            for (int i = 0; i < form.waves; ++i) {
                const int input = form.wave_inputs[i];
                add_waves(at, static_cast<size_t>(i), given(input) * factor(input), row);
            }
            size_t table = at.tables;
            for (int c = 0; c < form.codes; ++c) {
                const size_t code = static_cast<size_t>(given(form.code_inputs[c]));
                for (size_t j = 0; j < 8; ++j) {
                    row.push_back(params[table + 8 * code + j] * factor(form.code_inputs[c]));
                }
                table += 8 * static_cast<size_t>(form.code_sizes[c]);
            }
            for (size_t k = 0; form.scaled && k < row.size(); ++k) row[k] *= params[at.scales + k];
            made.push_back(row);
        }
        return made;
    }

    void add_waves(const FrontAt& at, size_t i, double x, Numbers& row) const {
        for (size_t j = 0; j < 3; ++j) {
            double sum = params[at.shifts + 3 * i + j];
            for (size_t k = 0; k < 16; ++k) {
                const double turns = params[at.frequencies + 16 * i + k] * x + params[at.phases + 16 * i + k];
                sum += params[at.mixing + 48 * i + 3 * k + j] * std::cos(2 * std::acos(-1.0) * turns);
            }
            row.push_back(sum);
        }
    }

    Table linear(int l, const Places& own, const Table& rows) const {
        const bool masked = l && drops() && recipe.dropping == Dropping::dropconnect;
        const Noise noise(key_of(recipe.dropconnect_stream, step, l), recipe.dropout);
        const int columns = l < form.depth ? form.canonical[l] : form.outputs;
        Table made(rows.size(), Numbers(static_cast<size_t>(own.units)));
        for (int h = 0; h < own.units; ++h) {
            for (Numbers& row : made) row[static_cast<size_t>(h)] = params[own.biases + static_cast<size_t>(h)];
            for (int k = 0; k < own.inputs; ++k) {
                double weight = params[own.weights + static_cast<size_t>(k * own.units + h)];
                if (masked) weight *= noise.bernoulli(k * columns + h);
                for (size_t m = 0; m < rows.size(); ++m) {
                    made[m][static_cast<size_t>(h)] += rows[m][static_cast<size_t>(k)] * weight;
                }
            }
        }
        return made;
    }

    void hidden(int l, const Places& own, Table& rows) {
        if (form.norm != Norm::none && !form.norm_after) normalise(own, rows);
        for (Numbers& row : rows) {
            for (size_t h = 0; h < row.size(); ++h) {
                const double bent = activated(form.activation, row[h]);
                const double slope = form.parametric ? params[own.slopes + h] : 1;
                row[h] += slope * (bent - row[h]);
            }
        }
        activations.push_back(rows);
        if (form.norm != Norm::none && form.norm_after) normalise(own, rows);
        if (!drops() || recipe.dropping == Dropping::dropconnect) return;
        const Noise noise(key_of(recipe.dropout_stream, step, l + 1), recipe.dropout);
        for (size_t m = 0; m < rows.size(); ++m) {
            for (int h = 0; h < own.units; ++h) {
                const int place = static_cast<int>(m) * form.canonical[l] + h;
                const bool normal = recipe.dropping == Dropping::gaussian;
                rows[m][static_cast<size_t>(h)] *= normal ? noise.gaussian(place) : noise.bernoulli(place);
            }
        }
    }

    void normalise(const Places& own, Table& rows) {
        for (size_t m = 0; form.norm == Norm::layer && m < rows.size(); ++m) {
            const Moments moments(rows[m]);
            for (double& number : rows[m]) number = moments.of(number);
        }
        for (size_t h = 0; h < static_cast<size_t>(own.units); ++h) {
            if (form.norm == Norm::batch) normalise_unit(own, h, rows);
            for (Numbers& row : rows) row[h] = row[h] * params[own.scale + h] + params[own.shift + h];
        }
    }

    void normalise_unit(const Places& own, size_t h, Table& rows) {
        Numbers column;
        for (const Numbers& row : rows) column.push_back(row[h]);
        Moments moments(column);
        double &mean = params[own.mean + h], &variance = params[own.variance + h];
        if (!training) moments.mean = mean, moments.variance = variance;
        if (training && collects && rows.size() > 1) {
            const double count = static_cast<double>(rows.size());
            mean = 0.9 * mean + 0.1 * moments.mean;
            variance = 0.9 * variance + 0.1 * moments.variance * count / (count - 1);
        }
        for (Numbers& row : rows) row[h] = moments.of(row[h]);
    }
};

// The training ------------------------------------------------------------------------------------------

class Training {
public:
    explicit Training(const Example& example)
        : example(example), form(example.form), recipe(example.job.recipe), data(*example.data),
          steps((form.n_train + recipe.batch - 1) / recipe.batch) {
        twin.params = data.params;
        twin.best.assign(twin.params.size(), 0);
        twin.first = twin.second = twin.average = twin.best;
    }

    Twin train() {
        while (twin.epoch < form.limit && twin.ending == Ending::limit) epoch();
        return twin;
    }

private:
    const Example& example;
    const Form& form;
    const Recipe& recipe;
    const Example::Data& data;
    const int64_t steps;
    Twin twin;
    Numbers kept;               // what is validated
    std::vector<Numbers> since;  // weights at the ends of the epochs that are averaged

    Table rows_at(const std::vector<int64_t>& indices) const {
        Table rows;
        for (const int64_t i : indices) {
            const auto first = data.x.begin() + i * form.features;
            rows.emplace_back(first, first + form.features);
        }
        return rows;
    }

    double loss_of(const Numbers& z, int64_t row, bool training) const {
        double loss = 0, sum = 0;
        if (form.classes) {
            const double smoothing = training ? recipe.label_smoothing : 0;
            for (const double number : z) sum += std::exp(number);
            for (size_t c = 0; c < z.size(); ++c) {
                const bool own = data.labels[static_cast<size_t>(row)] == static_cast<int64_t>(c);
                loss -= ((own ? 1 - smoothing : 0) + smoothing / form.outputs) * std::log(std::exp(z[c]) / sum);
            }
        } else {
            for (size_t c = 0; c < z.size(); ++c) {
                const double gap = std::fabs(z[c] - data.targets[static_cast<size_t>(row * form.outputs) + c]);
                loss += training && recipe.huber && gap > 1 ? 2 * gap - 1 : gap * gap;
            }
        }
        if (training && form.weighted) loss *= data.weight[static_cast<size_t>(row)];
        const size_t at = static_cast<size_t>(row);
        if (training && form.classes_weigh) loss *= 0.5 + 0.4 * static_cast<double>(data.labels[at]);
        return loss;
    }

    double mean_loss(const std::vector<int64_t>& rows, Forward& forward) const {
        const size_t count = rows.size();
        const bool mixes = forward.training && recipe.mixup;
        const uint64_t key = key_of(recipe.mixup_stream, forward.step, 0);
        const double share = mixes ? some_mixtures()[halfword(key, 0) / 16] : 1;
        Table x = rows_at(rows);
        if (mixes) x = mixed_rows(x, share);
        if (forward.training && recipe.noise > 0) add_noise(x, forward.step);
        const Table z = forward.outputs(x);
        double sum = 0;
        for (size_t m = 0; m < count; ++m) {
            sum += share * loss_of(z[m], rows[m], forward.training);
            if (mixes) sum += (1 - share) * loss_of(z[m], rows[(m + 1) % count], forward.training);
        }
        return sum / static_cast<double>(count);
    }

    Table mixed_rows(const Table& x, double share) const {
        Table made = x;
        for (size_t m = 0; m < x.size(); ++m) {
            const Numbers& next = x[(m + 1) % x.size()];
            for (size_t f = 0; f < next.size(); ++f) {
                const int* const end = form.code_inputs + form.codes;
                const bool code = std::find(form.code_inputs, end, static_cast<int>(f)) != end;
                made[m][f] = code ? (share >= 0.5 ? x[m][f] : next[f]) : share * x[m][f] + (1 - share) * next[f];
            }
        }
        return made;
    }

    void add_noise(Table& x, int64_t step) const {
        const uint64_t key = key_of(recipe.noise_stream, step, 0);
        int place = 0;
        for (Numbers& row : x) {
            for (size_t f = 0; f < row.size(); ++f, ++place) {
                if (f < 32 && form.numeric >> f & 1) row[f] += recipe.noise * some_quantiles()[halfword(key, place)];
            }
        }
    }

    std::vector<int64_t> order() const {
        const uint64_t key = key_of(recipe.order_stream, twin.epoch, 0);
        std::vector<std::pair<uint32_t, int64_t>> ranked;
        for (int64_t i = 0; i < form.n_train; ++i) ranked.emplace_back(word(key, static_cast<uint32_t>(i)), i);
        std::sort(ranked.begin(), ranked.end());
        std::vector<int64_t> rows;
        for (const auto& one : ranked) rows.push_back(data.train[static_cast<size_t>(one.second)]);
        return rows;
    }

    void epoch() {
        const std::vector<int64_t> rows = order();
        double losses = 0;
        Numbers gradient, before;
        for (int64_t at = 0; at < steps; ++at) {
            const auto first = rows.begin() + at * recipe.batch;
            const auto last = std::min(first + recipe.batch, rows.end());
            const std::vector<int64_t> batch(first, last);
            const int64_t number = twin.epoch * steps + at;
            gradient = gradient_of(batch, number);
            Forward forward(example, twin.params);
            forward.training = forward.collects = true, forward.step = number;
            losses += mean_loss(batch, forward);
            before = twin.params;
            move(gradient, number);
        }
        const Numbers ends = twin.params;
        const int64_t from = static_cast<int64_t>(std::ceil(0.75 * static_cast<double>(recipe.epochs)));
        if (recipe.averaging && twin.epoch + 1 >= from) {
            since.push_back(ends);
            std::fill(twin.average.begin(), twin.average.end(), 0);
            for (const Numbers& one : since) {
                for (size_t i = 0; i < one.size(); ++i) twin.average[i] += one[i] / static_cast<double>(since.size());
            }
            kept = twin.average;
        } else {
            kept = ends;
        }
        Forward forward(example, kept);
        const double valid = mean_loss(data.valid, forward), mean = losses / static_cast<double>(steps);
        if (twin.epoch % form.sign_every == 0) take_signs(forward, gradient, before);
        twin.train_loss.push_back(mean);
        twin.valid_loss.push_back(valid);
        ++twin.epoch;
        watch(valid, mean);
    }

    Numbers gradient_of(const std::vector<int64_t>& batch, int64_t number) {
        const double h = 1e-5;
        Numbers gradient(twin.params.size(), 0);
        Forward forward(example, twin.params);
        forward.training = true, forward.step = number;
        const auto differentiate = [&](size_t i) {
            const double kept = twin.params[i];
            const auto at = [&](double off) {
                twin.params[i] = kept + off;
                return mean_loss(batch, forward);
            };
            // Of fourth order: behind a norm of few units that are nearly alike, losses bend sharply.
            gradient[i] = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
            twin.params[i] = kept;
        };
        for (size_t i = 0; i < front_of(form).end; ++i) differentiate(i);
        for (const Places& own : places_of(form)) {
            for (size_t i = own.weights; i < own.trained; ++i) {
                // Batch norm takes the mean away, and with it what a bias before it does.
                const bool bias = i >= own.biases && i < own.biases + static_cast<size_t>(own.units);
                if (own.mean && bias && !form.norm_after) continue;
                differentiate(i);
            }
        }
        return gradient;
    }

    double rate_of(int64_t number) const {
        const double pi = std::acos(-1.0), total = static_cast<double>(recipe.epochs * steps);
        const double k = static_cast<double>(number), rise = std::max(1.0, 0.3 * total);
        if (recipe.schedule == Schedule::constant) return recipe.lr;
        if (recipe.schedule == Schedule::cosine) return recipe.lr * 0.5 * (1 + std::cos(pi * k / total));
        if (recipe.schedule == Schedule::restarts) {
            const double t = k / total, lengths[] = {1.0 / 7, 2.0 / 7, 4.0 / 7};
            double begin = 0;
            for (const double length : lengths) {
                if (t < begin + length - 1e-12) return recipe.lr * 0.5 * (1 + std::cos(pi * (t - begin) / length));
                begin += length;
            }
        }
        if (recipe.schedule == Schedule::coslog) {
            return recipe.lr * 0.5 * (1 - std::cos(2 * pi * std::log2(1 + 15 * k / total)));
        }
        if (k < rise) return recipe.lr * std::min(1.0, (k + 1) / rise);
        return recipe.lr * 0.5 * (1 + std::cos(pi * std::clamp((k - rise) / std::max(1.0, total - rise), 0.0, 1.0)));
    }

    static double norm_of(const Numbers& numbers, size_t from, size_t to) {
        double sum = 0;
        for (size_t i = from; i < to; ++i) sum += numbers[i] * numbers[i];
        return std::sqrt(sum);
    }

    void move(const Numbers& gradient, int64_t number) {
        double scale = 1;
        if (recipe.clip > 0) scale = std::min(1.0, recipe.clip / (norm_of(gradient, 0, gradient.size()) + 1e-6));
        const double lr = rate_of(number), k = static_cast<double>(number + 1);
        const FrontAt front = front_of(form);
        for (size_t i = 0; i < front.end; ++i) {
            move_one(i, gradient[i] * scale, lr, i < front.scales ? 1 : 6, 1e-8, k, false);
        }
        const std::vector<Places> layers = places_of(form);
        for (size_t l = 0; l < layers.size(); ++l) {
            const Places& own = layers[l];
            const bool sgd = recipe.optimiser == Optimiser::sgd;
            const double n = own.inputs, pace = !recipe.ntk ? 1 : sgd ? 1 / n : 1 / std::sqrt(n);
            const double epsilon = recipe.ntk && !sgd ? 1e-8 * std::sqrt(n) : 1e-8;
            for (size_t i = own.weights; i < own.trained; ++i) {
                const bool weight = i < own.biases, bias = !weight && i < own.biases + static_cast<size_t>(own.units);
                const size_t slopes_end = own.slopes + static_cast<size_t>(own.units);
                const bool slope = own.slopes && i >= own.slopes && i < slopes_end;
                const double own_pace = weight ? pace : bias ? recipe.bias_lr : slope ? 0.1 : 1;
                move_one(i, gradient[i] * scale, lr, own_pace, weight ? epsilon : 1e-8, k, weight);
            }
            if (l == 0) shrink_groups(own, lr * pace);
            if (l + 1 < layers.size() && recipe.max_norm > 0) shorten(own);
        }
    }

    void shrink_groups(const Places& own, double lr) {
        if (!(recipe.group_lasso > 0)) return;
        for (int group = 0; group < own.inputs; ++group) {
            std::vector<size_t> members;
            for (int k = 0; k < own.inputs; ++k) {
                if (form.groups[k] != group) continue;
                const size_t row = own.weights + static_cast<size_t>(k * own.units);
                for (size_t h = 0; h < static_cast<size_t>(own.units); ++h) members.push_back(row + h);
            }
            double squares = 0;
            for (const size_t i : members) squares += twin.params[i] * twin.params[i];
            const double limit = lr * recipe.group_lasso * std::sqrt(static_cast<double>(members.size()));
            const double scale = squares > 0 ? std::max(0.0, 1 - limit / std::sqrt(squares)) : 0;
            for (const size_t i : members) twin.params[i] *= scale;
        }
    }

    void shorten(const Places& own) {
        for (int h = 0; h < own.units; ++h) {
            double squares = 0;
            const auto at = [&](int k) -> double& {
                return twin.params[own.weights + static_cast<size_t>(k * own.units + h)];
            };
            for (int k = 0; k < own.inputs; ++k) squares += at(k) * at(k);
            const double scale = std::min(1.0, recipe.max_norm / std::sqrt(squares));
            for (int k = 0; k < own.inputs; ++k) at(k) *= scale;
        }
    }

    void move_one(size_t i, double g, double lr, double pace, double epsilon, double k, bool weight) {
        double &w = twin.params[i], &first = twin.first[i], &second = twin.second[i];
        const double l2 = weight ? recipe.l2 : 0, l1 = weight ? recipe.l1 : 0;
        g += recipe.decoupled ? 0 : l2 * w;
        if (recipe.subgradient) g += w > 0 ? l1 : w < 0 ? -l1 : 0;
        w -= recipe.decoupled ? lr * l2 * w : 0;
        if (recipe.optimiser == Optimiser::adam) {
            const double beta = recipe.beta2;
            first = 0.9 * first + 0.1 * g;
            second = beta * second + (1 - beta) * g * g;
            w -= lr * pace * (first / (1 - std::pow(0.9, k))) / (std::sqrt(second / (1 - std::pow(beta, k))) + epsilon);
        } else if (recipe.optimiser == Optimiser::sgd) {
            first = recipe.momentum * first + g;
            w -= lr * pace * first;
        } else {
            first = 0.99 * first + 0.01 * g * g;
            w -= lr * pace * g / (std::sqrt(first) + epsilon);
        }
        const double limit = recipe.subgradient ? 0 : lr * pace * l1;
        w -= std::clamp(w, -limit, limit);
    }

    void watch(double valid, double mean) {
        if (valid < twin.best_loss) {
            twin.best_loss = valid, twin.best_epoch = twin.epoch, twin.stall = 0;
            twin.best = kept;
        } else {
            ++twin.stall;
        }
        if (!std::isfinite(mean)) twin.ending = Ending::diverged;
        const bool over = recipe.patience > 0 && twin.stall >= recipe.patience && twin.epoch < recipe.epochs;
        if (over && twin.ending == Ending::limit) twin.ending = Ending::stopped;
    }

    void take_signs(const Forward& forward, const Numbers& gradient, const Numbers& before) {
        const size_t layers = static_cast<size_t>(form.depth) + 1;
        Numbers signs(SIGNS * layers, 777);  // hidden layers' signs of the output layer are not written
        const std::vector<Places> places = places_of(form);
        for (size_t l = 0; l < layers; ++l) {
            const auto put = [&](Sign sign, double value) { signs[static_cast<size_t>(sign) * layers + l] = value; };
            Numbers change = twin.params;
            for (size_t i = 0; i < change.size(); ++i) change[i] -= before[i];
            const size_t from = places[l].weights, to = places[l].trained;
            put(Sign::gradient_norm, norm_of(gradient, from, to));
            put(Sign::update_ratio, norm_of(change, from, to) / norm_of(before, from, to));
            if (l + 1 < layers) take_activation_signs(forward.activations[l], put);
        }
        twin.signs.insert(twin.signs.end(), signs.begin(), signs.end());
    }

    template <class Put>
    void take_activation_signs(const Table& rows, Put&& put) const {
        const size_t probes = std::min(rows.size(), static_cast<size_t>(PROBE_ROWS)), units = rows[0].size();
        Numbers all;
        double outside = 0, dead = 0;
        for (size_t h = 0; h < units; ++h) {
            bool same = true;
            for (size_t m = 0; m < probes; ++m) {
                const double a = rows[m][h];
                all.push_back(a);
                outside += a < form.saturation_low || a > form.saturation_high;
                same = same && a == rows[0][h];
            }
            dead += same;
        }
        const Moments moments(all);
        put(Sign::activation_mean, moments.mean);
        put(Sign::activation_std, std::sqrt(moments.variance));
        put(Sign::dead, dead / static_cast<double>(units));
        put(Sign::saturated, outside / static_cast<double>(all.size()));
    }
};

void check_vectors(const Numbers& found, const Numbers& wanted, double bound) {
    CHECK_EQUAL(found.size(), wanted.size());
    for (size_t i = 0; i < std::min(found.size(), wanted.size()); ++i) {
        CHECK_NEAR(found[i], wanted[i], bound * (1 + std::fabs(wanted[i])));
    }
}

}  // namespace

Twin train_twin(const Example& example) { return Training(example).train(); }

void check_against(const Twin& twin, const Example& example, double bound) {
    const Example::Data& data = *example.data;
    const State& state = example.job.state;
    check_vectors(data.own.numbers(), twin.params, bound);
    check_vectors(data.best.numbers(), twin.best, bound);
    check_vectors(data.first.numbers(), twin.first, bound);
    check_vectors(data.second.numbers(), twin.second, bound);
    check_vectors(data.average.numbers(), twin.average, bound);
    // Behind the last epoch nothing is written.
    Numbers train_loss = twin.train_loss, valid_loss = twin.valid_loss, signs = twin.signs, found = data.signs;
    train_loss.resize(data.train_loss.size(), 777);
    valid_loss.resize(data.valid_loss.size(), 777);
    signs.resize(found.size(), 777);
    check_vectors(data.train_loss, train_loss, bound);
    check_vectors(data.valid_loss, valid_loss, bound);
    // A spread of nearly nothing is a root of rounding errors; its square is compared.
    const size_t layers = static_cast<size_t>(example.form.depth) + 1;
    for (size_t i = 0; i < found.size(); ++i) {
        if (i / layers % SIGNS == static_cast<size_t>(Sign::activation_std)) found[i] *= found[i], signs[i] *= signs[i];
    }
    check_vectors(found, signs, bound);
    CHECK_EQUAL(state.epoch, twin.epoch);
    CHECK_EQUAL(state.best_epoch, twin.best_epoch);
    CHECK_EQUAL(state.stall, twin.stall);
    CHECK_NEAR(state.best_loss, twin.best_loss, bound * (1 + twin.best_loss));
    CHECK_EQUAL(static_cast<int>(example.job.ending), static_cast<int>(twin.ending));
}

}  // namespace profunda::check
