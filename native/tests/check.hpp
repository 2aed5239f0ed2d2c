// Checks that print what they saw, and lists of tests.
//
// Files below each/ are compiled once per instruction set: like the engine they use no inline function of the
// standard library, nor of this header; everything here is defined in check.cpp.
#pragma once

namespace profunda::check {

struct Test {
    const char* name;
    void (*run)();
};

// Tests of one subject. `instruction_set` is null where they are the same on every processor.
struct Group {
    const char* instruction_set;
    const char* subject;
    const Test* tests;
    int count;
};

// Counts a failure against the test that runs, and prints it.
void fail(const char* file, int line, const char* text, double found, double wanted);
void fail(const char* file, int line, const char* text);
// What is being checked, said with the failures from here to the end of the test; null: nothing.
void about(const char* what);
// A measured number, printed if the user asked for details.
void measured(const char* what, double value, double at);
// Whether `error` is to replace the worst so far; a NaN is worse than any number, and nothing is worse than a NaN.
bool worse(double error, double worst);
// Failures of `run`, which are neither printed nor counted: checks are checked by it.
int failures_of(void (*run)());

}  // namespace profunda::check

#define CHECK(condition) \
    do { \
        if (!(condition)) ::profunda::check::fail(__FILE__, __LINE__, #condition); \
    } while (0)

// Equal numbers; NaN equals NaN here.
#define CHECK_EQUAL(found, wanted) \
    do { \
        const double found_ = static_cast<double>(found), wanted_ = static_cast<double>(wanted); \
        if (!(found_ == wanted_ || (found_ != found_ && wanted_ != wanted_))) \
            ::profunda::check::fail(__FILE__, __LINE__, #found " == " #wanted, found_, wanted_); \
    } while (0)

// |found - wanted| ≤ bound; a NaN on either side fails.
#define CHECK_NEAR(found, wanted, bound) \
    do { \
        const double found_ = static_cast<double>(found), wanted_ = static_cast<double>(wanted); \
        if (!(__builtin_fabs(found_ - wanted_) <= (bound))) \
            ::profunda::check::fail(__FILE__, __LINE__, #found " within " #bound " of " #wanted, found_, wanted_); \
    } while (0)

// found ≤ bound; a NaN fails.
#define CHECK_AT_MOST(found, bound) \
    do { \
        const double found_ = static_cast<double>(found), bound_ = static_cast<double>(bound); \
        if (!(found_ <= bound_)) ::profunda::check::fail(__FILE__, __LINE__, #found " <= " #bound, found_, bound_); \
    } while (0)
