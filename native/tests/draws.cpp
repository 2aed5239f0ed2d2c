#include "draws.hpp"

namespace profunda::check {

// A linear congruential generator (Knuth's MMIX constants); its low bits are poor and not used.
uint64_t Draws::word() {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 32;
}

double Draws::between(double low, double high) {
    const double share = static_cast<double>(word()) / 4294967296.0;
    return static_cast<float>(low + share * (high - low));
}

int Draws::below(int count) { return static_cast<int>(between(0, 1) * 0.9999999 * count); }

}  // namespace profunda::check
