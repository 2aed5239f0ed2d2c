// Memory of one thread, taken piece by piece out of one block, so that training allocates nothing.
#pragma once

#include <stddef.h>

namespace profunda {

class Arena {
public:
    // With `counting` true there is no memory: addresses are null and only `taken` grows.
    explicit Arena(bool counting = false);
    ~Arena();
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;

    // Free everything taken, and have room for `bytes`. Throws std::bad_alloc.
    void reserve(size_t bytes);
    // `bytes` at a multiple of 64, not cleared, valid until the next `reserve`, which must have made room for them.
    void* take(size_t bytes);

    size_t taken = 0;

private:
    const bool counting;
    char* block = nullptr;
    size_t size = 0;
};

}  // namespace profunda
