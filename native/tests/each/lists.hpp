// The end of each file here: its tests as a group that main.cpp finds in the namespace of the instruction set.
#pragma once

#include "check.hpp"
#include "simd.hpp"

#define PROFUNDA_TEXT_OF(word) #word
#define PROFUNDA_TEXT(word) PROFUNDA_TEXT_OF(word)
#define PROFUNDA_GROUP(subject, ...) \
    static const check::Test TESTS_OF_##subject[] = {__VA_ARGS__}; \
    extern const check::Group subject; \
    const check::Group subject{PROFUNDA_TEXT(PROFUNDA_ISA), #subject, TESTS_OF_##subject, \
                               sizeof(TESTS_OF_##subject) / sizeof(*TESTS_OF_##subject)};
