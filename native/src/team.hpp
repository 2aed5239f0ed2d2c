// Threads that train members from one queue: whoever is free takes the next, so that no thread idles while members
// wait. Tasks last a millisecond and more; a lock per task costs nothing, and waiting threads sleep.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "engine.hpp"

namespace profunda {

class Team {
public:
    Team(int threads, const Engine& engine, Precision precision);
    // Cancels what still trains, and waits for it.
    ~Team();
    Team(const Team&) = delete;
    Team& operator=(const Team&) = delete;

    // Announce that `count` jobs of `pack` will be submitted. A pack has ended when all of them have.
    void open(int64_t pack, int64_t count);
    // `job` stays the caller's and must outlive its pack.
    void submit(int64_t pack, Job& job);
    // The next pack that has ended; −1 after `seconds`, or once fewer than `few` jobs wait for a thread.
    // Throws what a job threw, once.
    int64_t wait(double seconds, int64_t few);
    // Running jobs stop at their last whole epoch, waiting ones do not start.
    void cancel();
    int64_t steps() const;
    int64_t waiting_jobs();

private:
    struct Task {
        int64_t pack;
        Job* job;
    };
    void work();
    void close();
    bool runs_low() const { return static_cast<int64_t>(waiting.size()) < wanted; }
    void run(const Task& task, Arena& arena);

    const Train train;
    std::mutex lock;
    std::condition_variable tasks_came, news;
    std::deque<Task> waiting;
    std::map<int64_t, int64_t> left;  // jobs of each open pack
    std::deque<int64_t> ended;
    std::exception_ptr failure;
    int64_t wanted = 0;  // jobs that should wait for a thread, as `wait` was last told
    bool closing = false;
    int cancelled = 0;      // read by jobs while they train, atomically
    int64_t steps_done = 0;  // likewise written
    std::vector<std::thread> threads;
};

}  // namespace profunda
