// native_tests [-v] [part of a name]: runs the tests whose "set/subject/name" contains the words, on every instruction
// set that was compiled and that this processor has. Exit code 1 after a failure or where no name fits.
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "check.hpp"
#include "engine.hpp"

namespace profunda::check {
extern bool detailed;
int take_failures();
extern const Group checks_themselves, arenas, gradients, training, teams;
}  // namespace profunda::check

#define PROFUNDA_DECLARE(isa) \
    namespace profunda::isa { \
    extern const check::Group vectors, mathematics, activations, streams, masks, products, losses, norms, optimisers, \
        parameters, sparsity; \
    }
#if PROFUNDA_HAS_AVX512
PROFUNDA_DECLARE(avx512)
#endif
#if PROFUNDA_HAS_AVX2
PROFUNDA_DECLARE(avx2)
#endif
#if PROFUNDA_HAS_NEON
PROFUNDA_DECLARE(neon)
#endif
#if PROFUNDA_HAS_GENERIC
PROFUNDA_DECLARE(generic)
#endif

namespace {

using profunda::check::Group;

std::vector<const Group*> groups() {
    std::vector<const Group*> all = {&profunda::check::checks_themselves, &profunda::check::arenas,
                                     &profunda::check::gradients, &profunda::check::training,
                                     &profunda::check::teams};
#define PROFUNDA_LIST(isa) \
    for (const Group* group : \
         {&profunda::isa::vectors, &profunda::isa::mathematics, &profunda::isa::activations, &profunda::isa::streams, \
          &profunda::isa::masks, &profunda::isa::products, &profunda::isa::losses, &profunda::isa::norms, \
          &profunda::isa::optimisers, &profunda::isa::parameters, \
          &profunda::isa::sparsity}) \
        all.push_back(group);
#if PROFUNDA_HAS_AVX512
    PROFUNDA_LIST(avx512)
#endif
#if PROFUNDA_HAS_AVX2
    PROFUNDA_LIST(avx2)
#endif
#if PROFUNDA_HAS_NEON
    PROFUNDA_LIST(neon)
#endif
#if PROFUNDA_HAS_GENERIC
    PROFUNDA_LIST(generic)
#endif
    return all;
}

struct Tally {
    int run = 0, failed = 0;
};

void run(const Group& group, const std::string& wanted, Tally& tally) {
    const std::string prefix = group.instruction_set ? std::string(group.instruction_set) + "/" : "";
    for (int i = 0; i < group.count; ++i) {
        const std::string name = prefix + group.subject + "/" + group.tests[i].name;
        if (name.find(wanted) == std::string::npos) continue;
        if (profunda::check::detailed) std::printf("%s\n", name.c_str());
        group.tests[i].run();
        const int failures = profunda::check::take_failures();
        if (failures) std::printf("FAILED %s (%d checks)\n", name.c_str(), failures);
        tally.run += 1;
        tally.failed += failures > 0;
    }
}

}  // namespace

int main(int count, char** words) {
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    std::string wanted;
    for (int i = 1; i < count; ++i) {
        if (std::strcmp(words[i], "-v") == 0) {
            profunda::check::detailed = true;
        } else {
            wanted = words[i];
        }
    }
    Tally tally;
    std::string absent;
    for (const Group* group : groups()) {
        const char* set = group->instruction_set;
        if (set && !profunda::choose(set).engine) {
            if (absent != set) std::printf("%s: this processor does not have it; its tests do not run\n", set);
            absent = set;
            continue;
        }
        run(*group, wanted, tally);
    }
    std::printf("%d tests, %d failed\n", tally.run, tally.failed);
    return tally.failed || !tally.run;
}
