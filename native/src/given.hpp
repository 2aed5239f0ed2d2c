// What Python hands over, checked, and kept alive as long as a task reads it.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine.hpp"

namespace nb = nanobind;

namespace profunda {

using Numbers = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;
using Written = nb::ndarray<nb::c_contig, nb::device::cpu>;
using Indices = nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Reals = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Doubles = nb::ndarray<double, nb::c_contig, nb::device::cpu>;

[[noreturn]] inline void refuse(const std::string& why) { throw nb::value_error(why.c_str()); }

inline void require(bool holds, const std::string& why) {
    if (!holds) refuse(why);
}

// The object of one of this module's classes behind `given`; TypeError for any other.
template <class Own>
Own& own_of(nb::handle given, const char* what) {
    if (!nb::isinstance<Own>(given)) throw nb::type_error(what);
    return nb::cast<Own&>(given);
}

template <class Array>
Precision precision_of(const Array& array) {
    if (array.dtype() == nb::dtype<float>()) return Precision::single;
    require(array.dtype() == nb::dtype<double>(), "numbers must be float32 or float64");
    return Precision::twice;
}

// A copy of row numbers, so that nobody changes them once they are checked.
inline std::vector<int64_t> rows_of(const Indices& given, int64_t rows, const std::string& name) {
    require(given.size() > 0, "there are no " + name + " rows");
    require(given.size() < (size_t{1} << 31), "there are more than 2^31 " + name + " rows");
    std::vector<int64_t> own(given.data(), given.data() + given.size());
    const auto [least, most] = std::minmax_element(own.begin(), own.end());
    require(*least >= 0 && *most < rows, name + " rows must lie in 0 … " + std::to_string(rows - 1) + ", but go from " +
                                             std::to_string(*least) + " to " + std::to_string(*most));
    return own;
}

// Inputs, units of a layer, outputs: products of two of them, and their sums over layers, stay within 64 bits.
constexpr int MOST_UNITS = 1 << 24;
constexpr int MOST_THREADS = 1 << 12;
// Inputs are listed where at most this share of at least so many is not zero: lists of more would take as much memory
// as the inputs themselves.
constexpr double FEW = 0.5;
constexpr int64_t FEWEST_INPUTS = 16;

// Rows of one fold, kept alive as long as a task trains on them.
struct Table {
    Rows rows;
    int features, outputs;
    Precision precision;
    Numbers x, y;
    std::optional<Numbers> weight;
    std::vector<int64_t> train, valid, labels;
    std::vector<int64_t> starts;  // the lists of Rows, where most inputs are zero
    std::vector<int32_t> columns;
    std::vector<float> singles;
    std::vector<double> doubles;

    Table(Numbers inputs, Numbers targets, std::optional<Numbers> weights, const Indices& train_rows,
          const Indices& valid_rows, bool classes, int outputs)
        : outputs(outputs), precision(precision_of(inputs)), x(inputs), y(targets), weight(weights) {
        require(x.ndim() == 2 && x.shape(1) > 0, "x must be [N, D] with D at least 1");
        require(x.shape(1) <= MOST_UNITS, "x has too many columns");
        const int64_t count = static_cast<int64_t>(x.shape(0));
        features = static_cast<int>(x.shape(1));
        require(outputs > 0 && outputs <= MOST_UNITS, "a network needs at least one output, and not too many");
        train = rows_of(train_rows, count, "training");
        valid = rows_of(valid_rows, count, "validation");
        if (classes) {
            take_labels(count);
        } else {
            require(precision_of(y) == precision, "x and y must be of one type");
            require(y.ndim() == 2 && static_cast<int64_t>(y.shape(0)) == count &&
                        static_cast<int64_t>(y.shape(1)) == outputs,
                    "y must be [N, C]");
        }
        if (weight) {
            require(precision_of(*weight) == precision && static_cast<int64_t>(weight->size()) == count,
                    "weight must be [N] and of x's type");
        }
        rows = {classes,
                x.data(),
                classes ? labels.data() : nullptr,
                classes ? nullptr : y.data(),
                weight ? weight->data() : nullptr,
                train.data(),
                static_cast<int64_t>(train.size()),
                valid.data(),
                static_cast<int64_t>(valid.size()),
                nullptr,
                nullptr,
                nullptr,
                0,
                1.0};
        nb::gil_scoped_release free;
        if (precision == Precision::single) {
            list_numbers(singles);
        } else {
            list_numbers(doubles);
        }
    }
    Table(const Table&) = delete;

    // How many codes from 0 on an input holds; −1 where it holds something else.
    int64_t codes_of(int input) const {
        const auto [found, fresh] = codes.try_emplace(input, 0);
        if (fresh) {
            found->second = precision == Precision::single ? counted<float>(input) : counted<double>(input);
        }
        return found->second;
    }

    // What lists and copies take.
    int64_t bytes() const {
        return static_cast<int64_t>((starts.size() + train.size() + valid.size() + labels.size()) * 8 +
                                    columns.size() * 4 + singles.size() * 4 + doubles.size() * 8);
    }

private:
    mutable std::unordered_map<int, int64_t> codes;

    template <class T>
    int64_t counted(int input) const {
        const int64_t count = static_cast<int64_t>(x.shape(0));
        const T* column = static_cast<const T*>(x.data()) + input;
        int most = -1;
        for (int64_t r = 0; r < count; ++r) {
            const T value = column[r * features];
            if (!(value >= 0 && value < MOST_UNITS && value == static_cast<T>(static_cast<int>(value)))) return -1;
            most = std::max(most, static_cast<int>(value));
        }
        return most + 1;
    }

    template <class T>
    void list_numbers(std::vector<T>& values) {
        const int64_t count = static_cast<int64_t>(x.shape(0));
        const T* all = static_cast<const T*>(x.data());
        int64_t numbers = 0;
        for (int64_t i = 0; i < count * features; ++i) numbers += all[i] != 0;
        const double share = static_cast<double>(numbers) / static_cast<double>(count * features);
        if (features < FEWEST_INPUTS || share > FEW) return;
        starts.reserve(count + 1);
        columns.reserve(numbers);
        values.reserve(numbers);
        starts.push_back(0);
        int64_t most = 1;
        for (int64_t r = 0; r < count; ++r) {
            for (int f = 0; f < features; ++f) {
                const T value = all[r * features + f];
                if (value == 0) continue;
                columns.push_back(f);
                values.push_back(value);
            }
            starts.push_back(static_cast<int64_t>(columns.size()));
            most = std::max(most, starts[r + 1] - starts[r]);
        }
        rows.starts = starts.data();
        rows.columns = columns.data();
        rows.values = values.data();
        rows.most = most;
        rows.share = share;
    }

    void take_labels(int64_t count) {
        require(y.dtype() == nb::dtype<int64_t>() && static_cast<int64_t>(y.size()) == count,
                "labels must be int64 [N]");
        const int64_t* given = static_cast<const int64_t*>(y.data());
        labels.assign(given, given + count);
        const auto [least, most] = std::minmax_element(labels.begin(), labels.end());
        require(*least >= 0 && *most < outputs, "labels must lie in 0 … " + std::to_string(outputs - 1) +
                                                    ", but go from " + std::to_string(*least) + " to " +
                                                    std::to_string(*most));
    }
};

template <class Enum>
Enum one_of(int code, Enum last, const char* name) {
    require(code >= 0 && code <= static_cast<int>(last), std::string(name) + " is not one of the known ones");
    return static_cast<Enum>(code);
}

// A front as Python says it: inputs with waves, (input, number of codes) of those looked up.
struct FrontGiven {
    std::vector<int> waves;
    std::vector<std::pair<int, int>> codes;
    bool scaled;
};

// The front of a network, with storage for its inputs.
struct FrontShape {
    std::vector<int> waves, code_inputs, code_sizes, kept;
    Front front;

    FrontShape(const FrontGiven& given, int features) : waves(given.waves) {
        std::vector<char> coded(features, 0), waving(features, 0);
        for (const auto& [input, size] : given.codes) {
            require(input >= 0 && input < features && !coded[input], "a code must be an input, and each one once");
            require(size > 0 && size <= MOST_UNITS, "an input of codes needs at least one, and not too many");
            coded[input] = 1;
            code_inputs.push_back(input);
            code_sizes.push_back(size);
        }
        for (const int input : waves) {
            require(input >= 0 && input < features && !waving[input], "waves must have an input, and each one once");
            require(!coded[input], "an input of codes has no waves");
            waving[input] = 1;
        }
        for (int input = 0; input < features && !code_inputs.empty(); ++input) {
            if (!coded[input]) kept.push_back(input);
        }
        front = {static_cast<int>(waves.size()), waves.data(), static_cast<int>(code_inputs.size()),
                 code_inputs.data(), code_sizes.data(), code_inputs.empty() ? nullptr : kept.data(), given.scaled};
    }
    FrontShape(const FrontShape&) = delete;

    int64_t parameters(int entering) const {
        int64_t rows = 0;
        for (int size : code_sizes) rows += size;
        return int64_t{front.waves} * (2 * WAVES + WAVES * PERIODIC + PERIODIC) + rows * CODED +
               (front.scaled ? entering : 0);
    }
};

// The network of a job, with storage for its widths.
struct Shape {
    std::vector<int> widths, canonical;
    FrontShape front;
    Network network;

    Shape(int features, int outputs, std::vector<int> own, std::vector<int> columns, int activation, int norm,
          bool norm_after, bool parametric, bool skip, const FrontGiven& given)
        : widths(std::move(own)), canonical(std::move(columns)), front(given, features) {
        require(features > 0 && outputs > 0, "a network needs inputs and outputs");
        require(features <= MOST_UNITS && outputs <= MOST_UNITS, "a network has too many inputs or outputs");
        require(widths.size() == canonical.size(), "widths and canonical widths must be as many");
        for (size_t l = 0; l < widths.size(); ++l) {
            require(widths[l] > 0 && canonical[l] >= widths[l], "a layer needs at least one unit, and room for all");
            require(widths[l] <= MOST_UNITS, "a layer has too many units");
        }
        network = {features,
                   outputs,
                   static_cast<int>(widths.size()),
                   widths.data(),
                   canonical.data(),
                   one_of(activation, Activation::mish, "activation"),
                   one_of(norm, Norm::layer, "norm"),
                   norm_after,
                   parametric,
                   skip,
                   front.front};
        const int64_t embedded = int64_t{PERIODIC} * network.front.waves + int64_t{CODED} * network.front.codes;
        require(network.kept() + embedded <= MOST_UNITS, "too many numbers enter the first layer");
    }
    Shape(const Shape&) = delete;

    int64_t parameters() const {
        int64_t total = front.parameters(network.entering()), before = network.entering();
        for (int width : widths) {
            const int norms = network.norm == Norm::batch ? 4 : network.norm == Norm::layer ? 2 : 0;
            const int vectors = 1 + network.parametric + norms;
            total += (before + vectors) * width;
            before = width;
        }
        return total + (before + 1) * network.outputs;
    }
};

// Tables of some recipes, held against a member's network by its Task.
struct Tables {
    std::vector<int> numeric, groups;
    std::vector<double> mixtures, class_weight;

    Tables() = default;
    // What is empty is not there.
    Tables(const Indices& numeric, const Reals& mixtures, const Indices& groups, const Reals& class_weight)
        : numeric(own(numeric)), groups(own(groups)), mixtures(own(mixtures)),
          class_weight(own(class_weight)) {
        require(this->mixtures.empty() || this->mixtures.size() == MIXTURES, "mixup has 4,096 shares");
        for (const double share : this->mixtures) require(share >= 0 && share <= 1, "shares of mixup lie in [0, 1]");
        for (const double weight : this->class_weight) {
            require(weight >= 0 && std::isfinite(weight), "weights of classes must be finite and not negative");
        }
    }

    // `entering` numbers reach the first layer.
    Ingredients of(const Recipe& recipe, const Rows& rows, int features, int outputs, int entering) const {
        const auto within = [](const std::vector<int>& places, int count) {
            return std::all_of(places.begin(), places.end(), [=](int at) { return at >= 0 && at < count; });
        };
        require(within(numeric, features), "a numeric input lies in 0 … D − 1");
        require(recipe.noise <= 0 || !numeric.empty(), "noise needs the numeric inputs");
        require(!recipe.mixup || !mixtures.empty(), "mixup needs its 4,096 shares");
        const bool grouped = groups.size() == static_cast<size_t>(entering) && within(groups, entering);
        require(recipe.group_lasso <= 0 || grouped, "group lasso needs the group, 0 … E − 1, of each of E numbers");
        const bool classed = rows.classes && class_weight.size() == static_cast<size_t>(outputs);
        require(class_weight.empty() || classed, "weights of classes need one for each class");
        return {numeric.data(),
                static_cast<int>(numeric.size()),
                mixtures.data(),
                groups.data(),
                class_weight.empty() ? nullptr : class_weight.data()};
    }

private:
    static std::vector<int> own(const Indices& given) {
        std::vector<int> made;
        // What is too large for an int is no place either.
        for (size_t i = 0; i < given.size(); ++i) {
            made.push_back(static_cast<int>(std::clamp<int64_t>(given.data()[i], -1, INT32_MAX)));
        }
        return made;
    }
    static std::vector<double> own(const Reals& given) { return {given.data(), given.data() + given.size()}; }
};

inline bool is_rate(double rate) { return rate >= 0 && rate < 1; }

inline void require_recipe(const Recipe& recipe, int64_t n_train) {
    require(is_rate(recipe.dropout) && is_rate(recipe.input_dropout), "dropping rates must lie in [0, 1)");
    require(recipe.batch > 0 && recipe.batch <= n_train, "a batch must have between 1 and all training rows");
    require(recipe.batch <= 1 << 30, "a batch must have at most 2^30 rows");
    require(recipe.epochs > 0 && recipe.patience >= 0, "epochs must be at least 1, patience at least 0");
    require(recipe.epochs <= int64_t{1} << 60, "there are too many epochs");
    require(is_rate(recipe.beta2), "beta2 must lie in [0, 1)");
    for (const double size : {recipe.bias_lr, recipe.group_lasso, recipe.max_norm, recipe.noise}) {
        require(size >= 0 && std::isfinite(size),
                "bias_lr, group_lasso, max_norm and noise must be finite and not negative");
    }
}

}  // namespace profunda
