#include "team.hpp"

#include <chrono>
#include <ctime>

namespace profunda {

namespace {

// Numbers too small for a full mantissa count as zero in this thread: moments of a unit that has died fade into them,
// and arithmetic on them is slow.
void flush_denormals() {
#if defined(__x86_64__)
    constexpr unsigned flush_results = 1u << 15, flush_operands = 1u << 6;
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | flush_results | flush_operands);
#elif defined(__aarch64__)
    unsigned long control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    __asm__ volatile("msr fpcr, %0" : : "r"(control | 1ul << 24));
#endif
}

// Seconds that the calling thread has computed: what other threads and programs take does not count.
double thread_seconds() {
#if defined(CLOCK_THREAD_CPUTIME_ID)
    timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
#else
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
#endif
}

}  // namespace

Team::Team(int count, const Engine& engine, Precision precision)
    : train(engine.train[static_cast<int>(precision)]) {
    threads.reserve(count);
    try {
        for (int i = 0; i < count; ++i) threads.emplace_back([this] { work(); });
    } catch (...) {
        close();
        throw;
    }
}

Team::~Team() { close(); }

void Team::close() {
    cancel();
    {
        std::lock_guard guard(lock);
        closing = true;
    }
    tasks_came.notify_all();
    news.notify_all();
    for (std::thread& thread : threads) thread.join();
}

void Team::open(int64_t pack, int64_t count) {
    std::lock_guard guard(lock);
    if (count) {
        left[pack] = count;
    } else {
        ended.push_back(pack);
        news.notify_all();
    }
}

void Team::submit(int64_t pack, Job& job) {
    {
        std::lock_guard guard(lock);
        waiting.push_back({pack, &job});
    }
    tasks_came.notify_one();
}

int64_t Team::wait(double seconds, int64_t few) {
    std::unique_lock guard(lock);
    wanted = few;
    const auto ready = [&] { return closing || failure || !ended.empty() || runs_low(); };
    news.wait_for(guard, std::chrono::duration<double>(seconds), ready);
    if (failure) {
        std::exception_ptr thrown = failure;
        failure = nullptr;
        std::rethrow_exception(thrown);
    }
    if (ended.empty()) return -1;
    const int64_t pack = ended.front();
    ended.pop_front();
    return pack;
}

void Team::cancel() { __atomic_store_n(&cancelled, 1, __ATOMIC_RELAXED); }

int64_t Team::steps() const { return __atomic_load_n(&steps_done, __ATOMIC_RELAXED); }

int64_t Team::waiting_jobs() {
    std::lock_guard guard(lock);
    return static_cast<int64_t>(waiting.size());
}

void Team::work() {
    flush_denormals();
    Arena arena;
    std::unique_lock guard(lock);
    for (;;) {
        tasks_came.wait(guard, [&] { return closing || !waiting.empty(); });
        if (waiting.empty()) return;
        const Task task = waiting.front();
        waiting.pop_front();
        if (runs_low()) news.notify_all();
        guard.unlock();
        run(task, arena);
        guard.lock();
        if (--left[task.pack] == 0) {
            left.erase(task.pack);
            ended.push_back(task.pack);
        }
        news.notify_all();
    }
}

void Team::run(const Task& task, Arena& arena) {
    if (__atomic_load_n(&cancelled, __ATOMIC_RELAXED)) {
        task.job->ending = Ending::cancelled;
        return;
    }
    const double start = thread_seconds();
    try {
        train(*task.job, arena, Watchers{&steps_done, &cancelled});
    } catch (...) {
        task.job->ending = Ending::cancelled;
        std::lock_guard guard(lock);
        failure = std::current_exception();
    }
    task.job->seconds = thread_seconds() - start;
}

}  // namespace profunda
