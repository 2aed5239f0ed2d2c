// Lists without the standard library's: of values to loop over, and, at the end of each file here, of its tests as a
// group that main.cpp finds in the namespace of the instruction set.
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

namespace profunda::PROFUNDA_ISA {

// `for (int n : List<int>{1, 2, 3})`; a plain list in braces would be a std::initializer_list.
template <class T>
using List = const T[];

}  // namespace profunda::PROFUNDA_ISA
