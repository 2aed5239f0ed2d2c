// What each instruction set's build offers, and the choice among them.
#pragma once

#include <stddef.h>

#include "arena.hpp"
#include "job.hpp"

namespace profunda {

enum class Precision : int { single, twice };

struct Engine {
    Train train[2];         // by Precision
    size_t (*bytes[2])(Job&);  // what `train` takes from the arena; reads no row and no parameter
};

struct Choice {
    const char* name;
    const Engine* engine;
};

// The best engine that was compiled and that this processor runs. `wanted` restricts the choice by name; null
// members where there is none.
Choice choose(const char* wanted = nullptr);

}  // namespace profunda
