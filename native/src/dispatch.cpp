#include <cstring>

#include "engine.hpp"

namespace profunda {

#define PROFUNDA_DECLARE(isa) \
    namespace isa { extern const Engine engine; }
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

Choice choose(const char* wanted) {
    const auto fits = [&](const char* name) { return !wanted || std::strcmp(wanted, name) == 0; };
#if PROFUNDA_HAS_AVX512
    if (fits("avx512") && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("fma")) {
        return {"avx512", &avx512::engine};
    }
#endif
#if PROFUNDA_HAS_AVX2
    if (fits("avx2") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {"avx2", &avx2::engine};
#endif
#if PROFUNDA_HAS_NEON
    if (fits("neon")) return {"neon", &neon::engine};
#endif
#if PROFUNDA_HAS_GENERIC
    if (fits("generic")) return {"generic", &generic::engine};
#endif
    return {nullptr, nullptr};
}

}  // namespace profunda
