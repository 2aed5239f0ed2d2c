#include "arena.hpp"

#include <cstdlib>
#include <new>

namespace profunda {

namespace {

constexpr size_t LINE = 64;

size_t whole_lines(size_t bytes) { return (bytes + LINE - 1) / LINE * LINE; }

}  // namespace

// Defined here and not in the header, which the builds of all instruction sets include.
Arena::Arena(bool counting) : counting(counting) {}

Arena::~Arena() { std::free(block); }

void Arena::reserve(size_t bytes) {
    taken = 0;
    bytes = whole_lines(bytes);
    if (bytes <= size) return;
    std::free(block);
    size = 0;
    block = static_cast<char*>(std::aligned_alloc(LINE, bytes));
    if (!block) throw std::bad_alloc();
    size = bytes;
}

void* Arena::take(size_t bytes) {
    const size_t at = taken;
    taken += whole_lines(bytes);
    if (counting) return nullptr;
    if (taken > size) throw std::bad_alloc();
    return block + at;
}

}  // namespace profunda
