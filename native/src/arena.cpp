#include "arena.hpp"

#include <cstdlib>
#include <new>

namespace profunda {

namespace {
constexpr size_t LINE = 64;
}

// Defined here and not in the header, which the builds of all instruction sets include.
Arena::Arena(bool counting) : counting(counting) {}

Arena::~Arena() {
    while (blocks) {
        Block* next = blocks->next;
        std::free(blocks);
        blocks = next;
    }
}

void* Arena::take(size_t bytes) {
    bytes = (bytes + LINE - 1) / LINE * LINE;
    taken += bytes;
    if (counting) return nullptr;
    if (!blocks || used + bytes > blocks->size) grow(bytes);
    void* place = reinterpret_cast<char*>(blocks) + used;
    used += bytes;
    return place;
}

void Arena::grow(size_t bytes) {
    const size_t size = LINE + (bytes < (size_t{1} << 20) ? size_t{1} << 20 : bytes);
    void* memory = std::aligned_alloc(LINE, size);
    if (!memory) throw std::bad_alloc();
    blocks = new (memory) Block{blocks, size};
    used = LINE;
}

void Arena::reset() {
    if (blocks && blocks->next) {
        // Several blocks were needed: one of their common size serves the next job of this kind.
        size_t total = 0;
        while (blocks) {
            Block* next = blocks->next;
            total += blocks->size;
            std::free(blocks);
            blocks = next;
        }
        grow(total);
    }
    used = LINE;
    taken = 0;
}

}  // namespace profunda
