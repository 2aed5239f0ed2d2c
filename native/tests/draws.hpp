// Numbers to test with: the same on every machine and in every build.
#pragma once

#include <stdint.h>

namespace profunda::check {

// Floats even where asked for doubles, so that both precisions of a test see the same numbers.
struct Draws {
    uint64_t state;
    explicit Draws(uint64_t seed) : state(seed) {}
    uint64_t word();
    double between(double low, double high);
    int below(int count);
};

}  // namespace profunda::check
