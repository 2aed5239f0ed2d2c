#include "examples.hpp"

#include <algorithm>
#include <limits>

#include "draws.hpp"
#include "example_data.hpp"

namespace profunda::check {

Form usual_form() {
    Form form{};
    form.features = 3, form.outputs = 3, form.depth = 2;
    form.widths[0] = 5, form.widths[1] = 4;
    form.canonical[0] = 6, form.canonical[1] = 7;
    form.classes = form.weighted = true;
    form.activation = Activation::tanh;
    form.recipe.lr = 0.1;
    form.recipe.batch = 5;
    form.recipe.epochs = 1;
    form.n_train = 9, form.n_valid = 4;
    form.limit = 1, form.sign_every = 1;
    form.saturation_low = -0.5, form.saturation_high = 0.5;
    form.seed = 1;
    return form;
}

ptrdiff_t parameters_of(const Form& form) { return static_cast<ptrdiff_t>(places_of(form).back().end); }

std::vector<int> kept_of(const Form& form) {
    std::vector<int> kept;
    for (int input = 0; input < form.features; ++input) {
        const int* end = form.code_inputs + form.codes;
        if (std::find(form.code_inputs, end, input) == end) kept.push_back(input);
    }
    return kept;
}

FrontAt front_of(const Form& form) {
    FrontAt at{};
    size_t rows = 0;
    for (int c = 0; c < form.codes; ++c) rows += static_cast<size_t>(form.code_sizes[c]);
    const size_t waves = static_cast<size_t>(form.waves);
    at.entering = static_cast<int>(kept_of(form).size()) + 3 * form.waves + 8 * form.codes;
    at.phases = at.frequencies + 16 * waves;
    at.mixing = at.phases + 16 * waves;
    at.shifts = at.mixing + 48 * waves;
    at.tables = at.shifts + 3 * waves;
    at.scales = at.tables + 8 * rows;
    at.end = at.scales + (form.scaled ? static_cast<size_t>(at.entering) : 0);
    return at;
}

std::vector<Places> places_of(const Form& form) {
    std::vector<Places> found;
    const FrontAt front = front_of(form);
    size_t at = front.end;
    for (int l = 0; l <= form.depth; ++l) {
        Places own{};
        own.inputs = l ? form.widths[l - 1] : front.entering;
        own.units = l < form.depth ? form.widths[l] : form.outputs;
        const size_t units = static_cast<size_t>(own.units);
        own.weights = at, at += static_cast<size_t>(own.inputs) * units;
        own.biases = at, at += units;
        if (form.parametric && l < form.depth) own.slopes = at, at += units;
        const bool normalised = l < form.depth && form.norm != Norm::none;
        if (normalised) own.scale = at, own.shift = at + units, at += 2 * units;
        own.trained = at;
        if (normalised && form.norm == Norm::batch) own.mean = at, own.variance = at + units, at += 2 * units;
        own.end = at;
        found.push_back(own);
    }
    return found;
}

// Rows beyond those used, so that an index that is off reads another row's numbers.
static int rows_of(const Form& form) { return form.n_train + form.n_valid + 2; }

static std::vector<double> first_parameters(const Form& form, Draws& draws) {
    std::vector<double> params(static_cast<size_t>(parameters_of(form)));
    const FrontAt front = front_of(form);
    for (size_t i = 0; i < front.end; ++i) {
        params[i] = i < front.scales ? draws.between(-0.6, 0.6) : draws.between(0.5, 1.5);
    }
    for (const Places& own : places_of(form)) {
        const double size = 1.5 / __builtin_sqrt(own.inputs);
        for (size_t i = own.weights; i < own.biases; ++i) params[i] = draws.between(-size, size);
        for (int h = 0; h < own.units; ++h) {
            const size_t at = static_cast<size_t>(h);
            params[own.biases + at] = draws.between(-0.3, 0.3);
            if (own.slopes) params[own.slopes + at] = draws.between(0.2, 1.3);
            if (own.scale) params[own.scale + at] = draws.between(0.5, 1.5);
            if (own.shift) params[own.shift + at] = draws.between(-0.3, 0.3);
            if (own.mean) params[own.mean + at] = draws.between(-0.3, 0.3);
            if (own.variance) params[own.variance + at] = draws.between(0.5, 1.5);
        }
    }
    return params;
}

// Not the normal law's: what counts is that each halfword finds its own.
const std::vector<double>& some_quantiles() {
    static const std::vector<double> table = [] {
        std::vector<double> made(65536);
        for (size_t u = 0; u < made.size(); ++u) {
            made[u] = static_cast<float>((static_cast<double>(u) - 32767.5) / 18918.6);
        }
        return made;
    }();
    return table;
}
static const std::vector<float>& some_quantiles_in_float() {
    static const std::vector<float> table(some_quantiles().begin(), some_quantiles().end());
    return table;
}

// Rising, and a few of them exact ends.
const std::vector<double>& some_mixtures() {
    static const std::vector<double> table = [] {
        std::vector<double> made(MIXTURES);
        for (size_t i = 0; i < made.size(); ++i) made[i] = std::min(1.0, static_cast<double>(i) / 4000);
        return made;
    }();
    return table;
}

Ingredients Example::Data::ingredients(const Form& form) {
    for (int f = 0; f < form.features; ++f) {
        if (f < 32 && form.numeric >> f & 1) numeric.push_back(f);
    }
    for (int c = 0; c < form.outputs; ++c) class_weight.push_back(0.5 + 0.4 * c);
    numeric.shrink_to_fit(), class_weight.shrink_to_fit();
    return {numeric.data(),
            static_cast<int>(numeric.size()),
            some_mixtures().data(),
            form.groups,
            form.classes_weigh ? class_weight.data() : nullptr};
}

Example::Data::Data(const Form& form, Precision precision) : precision(precision) {
    Draws draws(form.seed);
    const size_t rows = static_cast<size_t>(rows_of(form));
    for (size_t i = 0; i < rows * static_cast<size_t>(form.features); ++i) {
        const double number = draws.between(-2, 2);
        x.push_back(form.sparse && draws.between(0, 1) < 0.75 ? 0 : number);
    }
    for (int c = 0; c < form.codes; ++c) {
        for (size_t i = 0; i < rows; ++i) {
            x[i * static_cast<size_t>(form.features) + static_cast<size_t>(form.code_inputs[c])] =
                static_cast<double>(draws.below(form.code_sizes[c]));
        }
    }
    kept = kept_of(form);
    if (form.sparse) list_numbers(form.features);
    for (size_t i = 0; i < rows; ++i) {
        labels.push_back(draws.below(form.outputs));
        weight.push_back(draws.between(0.2, 1.8));
    }
    for (size_t i = 0; i < rows * static_cast<size_t>(form.outputs); ++i) targets.push_back(draws.between(-2, 2));
    // Rows of a bootstrap come in any order, and some twice.
    for (int i = 0; i < form.n_train; ++i) train.push_back(i == 1 ? train[0] : (3 + 7 * i) % (form.n_train + 1));
    for (int i = 0; i < form.n_valid; ++i) valid.push_back(static_cast<int>(rows) - 1 - i);
    // The sanitizer sees the end of the memory, not that of the vector.
    labels.shrink_to_fit(), train.shrink_to_fit(), valid.shrink_to_fit();
    params = first_parameters(form, draws);
    const std::vector<double> zeros(params.size(), 0.0);
    x_seen = Typed(x, precision), targets_seen = Typed(targets, precision), weight_seen = Typed(weight, precision);
    own = Typed(params, precision);
    for (Typed* vector : {&best, &first, &second, &average}) *vector = Typed(zeros, precision);
    const size_t epochs = static_cast<size_t>(form.limit), layers = static_cast<size_t>(form.depth) + 1;
    train_loss.assign(epochs, 777);
    valid_loss.assign(epochs, 777);
    const size_t taken = static_cast<size_t>((form.limit + form.sign_every - 1) / form.sign_every);
    signs.assign(taken * SIGNS * layers, 777);
}

void Example::Data::list_numbers(int features) {
    std::vector<double> values;
    starts.push_back(0);
    most = 1;
    for (size_t i = 0; i < x.size(); ++i) {
        const int column = static_cast<int>(i) % features;
        if (x[i] != 0) columns.push_back(column), values.push_back(x[i]);
        if (column + 1 == features) {
            starts.push_back(static_cast<int64_t>(values.size()));
            most = std::max(most, starts.back() - starts[starts.size() - 2]);
        }
    }
    starts.shrink_to_fit(), columns.shrink_to_fit();
    values_seen = Typed(values, precision);
}

static Recipe recipe_of(const Form& form) {
    Recipe recipe = form.recipe;
    recipe.order_stream = form.seed * 0x9e3779b97f4a7c15u;
    recipe.dropout_stream = form.seed * 0xbf58476d1ce4e5b9u;
    recipe.dropconnect_stream = form.seed * 0x94d049bb133111ebu;
    recipe.noise_stream = form.seed * 0xd6e8feb86659fd93u;
    recipe.mixup_stream = form.seed * 0xa0761d6478bd642fu;
    return recipe;
}

Example::Example(const Form& given, Precision precision)
    : form(given), precision(precision), job{}, data(new Data(given, precision)) {
    job.network = {form.features, form.outputs, form.depth, form.widths, form.canonical, form.activation, form.norm,
                   form.norm_after, form.parametric, form.skip,
                   {form.waves, form.wave_inputs, form.codes, form.code_inputs, form.code_sizes,
                    form.codes ? data->kept.data() : nullptr, form.scaled}};
    job.recipe = recipe_of(form);
    Rows& rows = job.rows;
    rows.classes = form.classes;
    rows.x = data->x_seen.data();
    rows.labels = form.classes ? data->labels.data() : nullptr;
    rows.targets = form.classes ? nullptr : data->targets_seen.data();
    rows.weight = form.weighted ? data->weight_seen.data() : nullptr;
    rows.train = data->train.data(), rows.n_train = form.n_train;
    rows.valid = data->valid.data(), rows.n_valid = form.n_valid;
    if (form.sparse) {
        rows.share = 0;  // so few that lists pay by any rule
        rows.starts = data->starts.data();
        rows.columns = data->columns.data();
        rows.values = data->values_seen.data();
        rows.most = data->most;
    }
    const bool adam = form.recipe.optimiser == Optimiser::adam;
    void* const second = adam ? data->second.data() : nullptr;
    job.state = {data->own.data(), data->best.data(), {data->first.data(), second, nullptr}, 0, 0, 0,
                 std::numeric_limits<double>::infinity()};
    if (form.recipe.averaging) job.state.moments[adam ? 2 : 1] = data->average.data();
    job.ingredients = data->ingredients(this->form);
    job.limit = form.limit;
    job.sign_every = form.sign_every;
    job.saturation_low = form.saturation_low, job.saturation_high = form.saturation_high;
    job.quantiles = precision == Precision::twice ? static_cast<const void*>(some_quantiles().data())
                                                  : static_cast<const void*>(some_quantiles_in_float().data());
    job.train_loss = data->train_loss.data();
    job.valid_loss = data->valid_loss.data();
    job.signs = data->signs.data();
    job.ending = Ending::cancelled;
}

Example::~Example() { delete data; }

std::vector<Choice> engines() {
    std::vector<Choice> found;
    for (const char* name : {"generic", "neon", "avx2", "avx512"}) {
        const Choice choice = choose(name);
        if (choice.engine) found.push_back(choice);
    }
    return found;
}

void train(const Engine& engine, Example& example) {
    Arena arena;
    engine.train[static_cast<int>(example.precision)](example.job, arena, Watchers{nullptr, nullptr});
}

static bool same(const std::vector<double>& a, const std::vector<double>& b) {
    // Bits: NaN equals itself, and what was not written is 777 on both sides.
    return a.size() == b.size() && __builtin_memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

bool same_bits(const Example& a, const Example& b) {
    const Example::Data &one = *a.data, &other = *b.data;
    const State &s = a.job.state, &t = b.job.state;
    return same(one.own.numbers(), other.own.numbers()) && same(one.best.numbers(), other.best.numbers()) &&
           same(one.first.numbers(), other.first.numbers()) && same(one.second.numbers(), other.second.numbers()) &&
           same(one.average.numbers(), other.average.numbers()) &&
           same(one.train_loss, other.train_loss) && same(one.valid_loss, other.valid_loss) &&
           same(one.signs, other.signs) && s.epoch == t.epoch && s.best_epoch == t.best_epoch && s.stall == t.stall &&
           s.best_loss == t.best_loss && a.job.ending == b.job.ending;
}

}  // namespace profunda::check
