// A member trained as the textbook has it: in double, one number at a time, gradients by central differences.
#pragma once

#include <vector>

#include "example_data.hpp"

namespace profunda::check {

struct Twin {
    std::vector<double> params, best, first, second, average, train_loss, valid_loss, signs;
    int64_t epoch = 0, best_epoch = 0, stall = 0;
    double best_loss = __builtin_inf();
    Ending ending = Ending::limit;
};

// From the example's first parameters to its limit.
Twin train_twin(const Example& example);
// Checks all that training wrote against the twin; `bound` is of numbers around 1.
void check_against(const Twin& twin, const Example& example, double bound);

}  // namespace profunda::check
