// arena.hpp: what is counted is what is taken, and a used arena trains as a new one does.
#include <cstdint>
#include <new>
#include <vector>

#include "arena.hpp"
#include "check.hpp"
#include "mixture.hpp"

namespace profunda::check {

static void pieces_lie_apart() {
    Arena arena;
    for (int round = 0; round < 3; ++round) {
        arena.reserve((6u << 20) + (round << 20));
        CHECK_EQUAL(arena.taken, 0);
        std::vector<unsigned char*> places;
        std::vector<size_t> sizes;
        size_t total = 0;
        for (size_t bytes : {1u, 64u, 65u, 0u, 1000u, 1u << 20, 3u << 20, 7u, 1u << 19, 1u << 19, 1u << 19}) {
            places.push_back(static_cast<unsigned char*>(arena.take(bytes)));
            sizes.push_back(bytes);
            total += (bytes + 63) / 64 * 64;
            CHECK(reinterpret_cast<uintptr_t>(places.back()) % 64 == 0);
            __builtin_memset(places.back(), static_cast<int>(places.size()), bytes);
        }
        CHECK_EQUAL(arena.taken, total);
        for (size_t i = 0; i < places.size(); ++i) {
            bool whole = true;
            for (size_t b = 0; b < sizes[i]; ++b) whole = whole && places[i][b] == i + 1;
            CHECK(whole);
        }
    }
}

static bool refuses(Arena& arena, size_t bytes) {
    try {
        arena.take(bytes);
    } catch (const std::bad_alloc&) {
        return true;
    }
    return false;
}

// Nothing is given beyond what was reserved; a smaller reservation keeps the memory.
static void only_what_is_reserved() {
    Arena arena;
    CHECK(refuses(arena, 1));
    arena.reserve(100);
    CHECK(!refuses(arena, 100));
    CHECK(refuses(arena, 1));
    arena.reserve(64);
    CHECK(!refuses(arena, 128));
    arena.reserve(0);
    CHECK(!refuses(arena, 128));
}

static void a_counting_arena_only_counts() {
    Arena arena(true);
    CHECK(arena.take(1) == nullptr);
    CHECK(arena.take(size_t{1} << 50) == nullptr);
    CHECK_EQUAL(arena.taken, 64 + static_cast<double>(size_t{1} << 50));
}

// The plan's prediction of memory rests on it.
static void counting_equals_taking() {
    for (const Choice& choice : engines()) {
        about(choice.name);
        for (int number = 0; number < 40; ++number) {
            for (const Precision precision : {Precision::single, Precision::twice}) {
                Example example(mixed_form(number), precision);
                Arena arena;
                const int which = static_cast<int>(precision);
                const size_t counted = choice.engine->bytes[which](example.job);
                choice.engine->train[which](example.job, arena, Watchers{nullptr, nullptr});
                CHECK_EQUAL(counted, arena.taken);
            }
        }
    }
}

// Members must not see what others left in their thread's memory, be they bigger, smaller or broken.
static void used_arenas_train_as_new_ones() {
    for (const Choice& choice : engines()) {
        about(choice.name);
        for (const Precision precision : {Precision::single, Precision::twice}) {
            Arena used;
            for (int number = 0; number < 22; ++number) {
                Form form = mixed_form(number);
                if (number % 5 == 0) form.recipe.lr = 1e35;
                if (number % 7 == 0) form.depth = 2, form.widths[0] = form.canonical[0] = 200,
                                     form.widths[1] = form.canonical[1] = 128, form.n_train = 5, form.recipe.batch = 3;
                Example one(form, precision), other(form, precision);
                choice.engine->train[static_cast<int>(precision)](one.job, used, Watchers{nullptr, nullptr});
                train(*choice.engine, other);
                CHECK(same_bits(one, other));
            }
        }
    }
}

static const Test TESTS[] = {
    {"pieces lie apart", pieces_lie_apart},
    {"only what is reserved", only_what_is_reserved},
    {"a counting arena only counts", a_counting_arena_only_counts},
    {"counting equals taking", counting_equals_taking},
    {"used arenas train as new ones", used_arenas_train_as_new_ones},
};
extern const Group arenas;
const Group arenas{nullptr, "arenas", TESTS, sizeof(TESTS) / sizeof(*TESTS)};

}  // namespace profunda::check
