// The hot code of one instruction set: compiled several times, each time into a namespace of its own.
#include "engine.hpp"
#include "trainer.hpp"

namespace profunda::PROFUNDA_ISA {

template <class T>
static size_t bytes(Job& job) {
    Arena counting(true);
    Trainer<T> unused(job, counting, Watchers{});
    return counting.taken;
}

template <class T>
static void train(Job& job, Arena& arena, const Watchers& watchers) {
    arena.reserve(bytes<T>(job));
    Trainer<T>(job, arena, watchers).train();
}

extern const Engine engine;
const Engine engine{{train<float>, train<double>}, {bytes<float>, bytes<double>}};

}  // namespace profunda::PROFUNDA_ISA
