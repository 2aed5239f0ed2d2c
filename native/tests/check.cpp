#include "check.hpp"

#include <cstdio>

namespace profunda::check {

namespace {
// One thread runs the tests; threads that a test starts report to it, they do not check.
int failures = 0;
bool silent = false;
char subject[200] = "";
constexpr int PRINTED = 10;  // of one test: a broken function fails at every point of its sweep
}  // namespace

bool detailed = false;

int take_failures() {
    const int taken = failures;
    failures = 0;
    about(nullptr);
    return taken;
}

void about(const char* what) { std::snprintf(subject, sizeof subject, "%s", what ? what : ""); }

static bool worth_printing() {
    const bool worth = ++failures <= PRINTED && !silent;
    if (worth && *subject) std::printf("  %s:\n", subject);
    return worth;
}

void fail(const char* file, int line, const char* text, double found, double wanted) {
    if (worth_printing()) std::printf("  %s:%d: not %s: %.17g, %.17g\n", file, line, text, found, wanted);
}

void fail(const char* file, int line, const char* text) {
    if (worth_printing()) std::printf("  %s:%d: not %s\n", file, line, text);
}

void measured(const char* what, double value, double at) {
    if (detailed && !silent) std::printf("  %-48s %.3g at %.9g\n", what, value, at);
}

bool worse(double error, double worst) { return worst == worst && !(error <= worst); }

int failures_of(void (*run)()) {
    const int before = failures;
    failures = 0;
    silent = true;
    run();
    silent = false;
    const int seen = failures;
    failures = before;
    return seen;
}

}  // namespace profunda::check
