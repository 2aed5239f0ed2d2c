// Small members to train, with all that their Job points to in memory of exactly the needed size.
//
// Nothing here is inline, because files below each/ use it, too.
#pragma once

#include "engine.hpp"

namespace profunda::check {

// What differs between examples. `recipe` is that of every member; its streams are made from `seed`.
struct Form {
    int features, outputs, depth;
    int widths[4], canonical[4];
    bool classes, weighted, norm_after;
    bool sparse;  // most inputs are 0, and come as lists, too
    Activation activation;
    Norm norm;
    Recipe recipe;
    int n_train, n_valid;
    int64_t limit, sign_every;
    double saturation_low, saturation_high;
    uint64_t seed;
    bool parametric, skip, scaled;
    int waves, codes;
    int wave_inputs[4], code_inputs[4], code_sizes[4];
    // Inputs that take noise, as bits; the group of each number that enters; whether classes weigh differently.
    unsigned numeric;
    int groups[32];
    bool classes_weigh;
};

// Three classes, 5 and 4 tanh units, 9 weighted rows in batches of 5, one epoch of plain SGD.
Form usual_form();
// Numbers in the flat vector of networks/layout.
ptrdiff_t parameters_of(const Form& form);

class Example {
public:
    Example(const Form& form, Precision precision);
    ~Example();
    Example(const Example&) = delete;
    Example& operator=(const Example&) = delete;

    const Form form;
    const Precision precision;
    Job job;
    // What the engine sees, and what a twin in double needs.
    struct Data;
    Data* const data;
};

}  // namespace profunda::check
