// The inside of examples, for files that are compiled once for all processors.
#pragma once

#include <vector>

#include "examples.hpp"

namespace profunda::check {

// Numbers of the engine's type; `data` is what a Job points to.
class Typed {
public:
    Typed() = default;
    Typed(const std::vector<double>& numbers, Precision precision) : twice(precision == Precision::twice) {
        if (twice) {
            doubles = numbers;
        } else {
            floats.assign(numbers.begin(), numbers.end());
        }
    }
    void* data() { return twice ? static_cast<void*>(doubles.data()) : static_cast<void*>(floats.data()); }
    std::vector<double> numbers() const { return twice ? doubles : std::vector<double>(floats.begin(), floats.end()); }

private:
    bool twice = true;
    std::vector<float> floats;
    std::vector<double> doubles;
};

struct Example::Data {
    Data(const Form& form, Precision precision);
    Precision precision;
    std::vector<double> x, targets, weight, params;  // as they are before training
    std::vector<int64_t> labels, train, valid;
    Typed x_seen, targets_seen, weight_seen, own, best, first, second, average;
    std::vector<double> train_loss, valid_loss, signs;
    // The lists of Rows, of sparse examples only.
    std::vector<int64_t> starts;
    std::vector<int32_t> columns;
    Typed values_seen;
    int64_t most = 0;
    std::vector<int> kept;  // inputs that are no codes
    std::vector<int> numeric;
    std::vector<double> class_weight;
    Ingredients ingredients(const Form& form);

private:
    void list_numbers(int features);
};

// Where the front's numbers begin in the flat vector, and what enters the first layer.
struct FrontAt {
    int entering;
    size_t frequencies, phases, mixing, shifts, tables, scales, end;
};
FrontAt front_of(const Form& form);
std::vector<int> kept_of(const Form& form);

// Where a layer's numbers begin in the flat vector; 0 where it has none (weights of the first layer may lie at 0).
struct Places {
    int inputs, units;
    size_t weights, biases, slopes, scale, shift, mean, variance;
    size_t trained, end;  // behind the last number that is trained, and behind the last
};
std::vector<Places> places_of(const Form& form);
const std::vector<double>& some_quantiles();
const std::vector<double>& some_mixtures();

// Every engine that was compiled and that this processor runs.
std::vector<Choice> engines();
// Trains an example in an arena of its own.
void train(const Engine& engine, Example& example);
// Whether all that training writes is the same, to the bit.
bool same_bits(const Example& a, const Example& b);

}  // namespace profunda::check
