// Memory of one thread, taken piece by piece and given back as a whole, so that training allocates nothing.
#pragma once

#include <stddef.h>

namespace profunda {

struct Arena {
    // With `counting` true nothing is allocated: addresses are null and only `taken` grows.
    explicit Arena(bool counting = false);
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;
    ~Arena();

    // `bytes` at a multiple of 64, not cleared, valid until `reset`. Throws std::bad_alloc.
    void* take(size_t bytes);
    // Everything taken so far is free again, at one piece.
    void reset();

    size_t taken = 0;

private:
    struct Block {
        Block* next;
        size_t size;
    };
    void grow(size_t bytes);

    bool counting;
    Block* blocks = nullptr;
    size_t used = 0;
};

}  // namespace profunda
