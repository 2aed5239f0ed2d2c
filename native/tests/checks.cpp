// The checks themselves: each must fail where it should.
#include "check.hpp"

namespace profunda::check {

static void failing_checks_are_counted() {
    const double nan = __builtin_nan("");
    CHECK_EQUAL(failures_of([] { CHECK(1 + 1 == 3); }), 1);
    CHECK_EQUAL(failures_of([] { CHECK_EQUAL(1, 2); }), 1);
    CHECK_EQUAL(failures_of([] { CHECK_EQUAL(__builtin_nan(""), 2); }), 1);
    CHECK_EQUAL(failures_of([] { CHECK_NEAR(1.0, 1.5, 0.25); }), 1);
    CHECK_EQUAL(failures_of([] { CHECK_NEAR(__builtin_nan(""), 1.5, 0.25); }), 1);
    CHECK_EQUAL(failures_of([] { CHECK_AT_MOST(2, 1); }), 1);
    CHECK_EQUAL(failures_of([] { CHECK_AT_MOST(__builtin_nan(""), 1); }), 1);
    CHECK_EQUAL(nan, nan);
}

static void passing_checks_are_not() {
    CHECK_EQUAL(failures_of([] {
                    CHECK(1 + 1 == 2);
                    CHECK_EQUAL(2, 2.0f);
                    CHECK_NEAR(1.0, 1.25, 0.25);
                    CHECK_AT_MOST(1, 1);
                }),
                0);
}

static void the_worst_is_found() {
    const double nan = __builtin_nan("");
    CHECK(worse(2, 1) && !worse(1, 1) && !worse(1, 2));
    CHECK(worse(nan, 1) && !worse(1, nan) && !worse(nan, nan));
}

static const Test TESTS[] = {
    {"failing checks are counted", failing_checks_are_counted},
    {"passing checks are not", passing_checks_are_not},
    {"the worst is found", the_worst_is_found},
};
extern const Group checks_themselves;
const Group checks_themselves{nullptr, "checks", TESTS, sizeof(TESTS) / sizeof(*TESTS)};

}  // namespace profunda::check
