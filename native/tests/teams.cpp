// team.hpp: members trained by threads, to the same bits by any number of them.
#include "team.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

#include "check.hpp"
#include "mixture.hpp"

namespace profunda::check {

using Clock = std::chrono::steady_clock;
using Pack = std::vector<std::unique_ptr<Example>>;
constexpr double PATIENCE = 60;  // seconds; no test waits as long

static double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

static Pack pack_of(int count, Precision precision) {
    Pack pack;
    for (int i = 0; i < count; ++i) pack.push_back(std::make_unique<Example>(mixed_form(i), precision));
    return pack;
}

static void submit(Team& team, int64_t number, Pack& pack) {
    team.open(number, static_cast<int64_t>(pack.size()));
    for (auto& example : pack) team.submit(number, example->job);
}

// Packs in the order in which they ended.
static std::vector<int64_t> ended(Team& team, size_t count) {
    std::vector<int64_t> packs;
    while (packs.size() < count) packs.push_back(team.wait(PATIENCE, 0));
    return packs;
}

static void same_bits_by_any_number_of_threads() {
    constexpr int MEMBERS = 24;
    for (const Choice& choice : engines()) {
        about(choice.name);
        for (const Precision precision : {Precision::single, Precision::twice}) {
            Pack alone = pack_of(MEMBERS, precision);
            for (auto& example : alone) train(*choice.engine, *example);
            for (int threads = 1; threads <= 4; ++threads) {
                Pack together = pack_of(MEMBERS, precision);
                Team team(threads, *choice.engine, precision);
                submit(team, 3, together);
                CHECK_EQUAL(team.wait(PATIENCE, 0), 3);
                int64_t steps = 0;
                for (size_t i = 0; i < together.size(); ++i) {
                    CHECK(same_bits(*together[i], *alone[i]));
                    CHECK(together[i]->job.seconds > 0);
                    const Form& form = together[i]->form;
                    steps += (form.n_train + form.recipe.batch - 1) / form.recipe.batch * together[i]->job.state.epoch;
                }
                CHECK_EQUAL(team.steps(), steps);
                CHECK_EQUAL(team.waiting_jobs(), 0);
            }
        }
    }
}

static void packs_end_once() {
    Pack first = pack_of(5, Precision::twice), second = pack_of(9, Precision::twice);
    Pack third = pack_of(1, Precision::twice);
    Team team(3, *choose().engine, Precision::twice);
    team.open(7, 0);
    CHECK_EQUAL(team.wait(PATIENCE, 0), 7);  // of no members
    submit(team, 1, first);
    submit(team, 2, second);
    submit(team, 3, third);
    std::vector<int64_t> packs = ended(team, 3);
    std::sort(packs.begin(), packs.end());
    CHECK(packs == std::vector<int64_t>({1, 2, 3}));
    CHECK_EQUAL(team.wait(0.01, 0), -1);
    // A number may be used again.
    Pack again = pack_of(2, Precision::twice);
    submit(team, 1, again);
    CHECK_EQUAL(team.wait(PATIENCE, 0), 1);
}

static void waiting_ends_when_few_wait() {
    Team team(2, *choose().engine, Precision::single);
    const auto start = Clock::now();
    CHECK_EQUAL(team.wait(PATIENCE, 1), -1);
    CHECK_AT_MOST(seconds_since(start), PATIENCE / 4);
}

// Members so long that no test sees their end.
static Pack endless_pack(int count) {
    Pack pack;
    for (int i = 0; i < count; ++i) {
        Form form = usual_form();
        form.depth = 1, form.widths[0] = form.canonical[0] = 40;
        form.n_train = 5'000, form.recipe.batch = 10;
        form.recipe.optimiser = Optimiser::adam, form.recipe.lr = 1e-3;
        form.recipe.epochs = form.limit = 100'000;
        form.sign_every = 1'000'000;
        form.seed = 60 + static_cast<uint64_t>(i);
        pack.push_back(std::make_unique<Example>(form, Precision::single));
    }
    return pack;
}

// Until all but `waiting` jobs have been taken, and some have got on.
static void wait_for_steps(Team& team, int64_t waiting) {
    const auto start = Clock::now();
    const auto begun = [&] { return team.steps() >= 1'000 && team.waiting_jobs() == waiting; };
    while (!begun() && seconds_since(start) < PATIENCE) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    CHECK(begun());
}

static void cancelling() {
    const Engine& engine = *choose().engine;
    Pack pack = endless_pack(6);
    Team team(2, engine, Precision::single);
    submit(team, 1, pack);
    wait_for_steps(team, 4);
    CHECK_EQUAL(team.wait(0.001, 0), -1);
    const auto start = Clock::now();
    team.cancel();
    CHECK_EQUAL(team.wait(PATIENCE, 0), 1);
    const double seconds = seconds_since(start);
    measured("seconds to cancel", seconds, 6);
    CHECK_AT_MOST(seconds, 2);  // 0.1 is promised; sanitizers and busy machines are slower
    int started = 0;
    for (auto& example : pack) {
        CHECK_EQUAL(static_cast<int>(example->job.ending), static_cast<int>(Ending::cancelled));
        started += example->job.seconds > 0;
        Example whole(example->form, Precision::single);
        whole.job.limit = example->job.state.epoch;
        if (whole.job.limit) train(engine, whole);
        whole.job.ending = Ending::cancelled;
        CHECK(same_bits(*example, whole));
    }
    CHECK(started == 1 || started == 2);  // the second may have been taken just before the cancel
    // A cancelled team trains nothing any more, but still answers.
    Pack late = pack_of(3, Precision::single);
    submit(team, 2, late);
    CHECK_EQUAL(team.wait(PATIENCE, 0), 2);
    for (auto& example : late) CHECK_EQUAL(example->job.state.epoch, 0);
}

static void destroyed_with_jobs_in_the_queue() {
    Pack pack = endless_pack(20);
    const auto start = Clock::now();
    {
        Team team(3, *choose().engine, Precision::single);
        submit(team, 1, pack);
        wait_for_steps(team, 17);
    }
    CHECK_AT_MOST(seconds_since(start), PATIENCE / 4);
    for (auto& example : pack) {
        CHECK_EQUAL(static_cast<int>(example->job.ending), static_cast<int>(Ending::cancelled));
    }
}

static void destroyed_at_once() {
    for (int round = 0; round < 20; ++round) {
        Pack pack = pack_of(3, Precision::single);
        Team idle(2, *choose().engine, Precision::single);
        Team busy(2, *choose().engine, Precision::single);
        submit(busy, 1, pack);
    }
}

// A member whose rows are broken, or that blows up, changes no other member's bits.
static void divergence_stays_in_its_member() {
    const Engine& engine = *choose().engine;
    Pack alone = pack_of(12, Precision::single);
    for (auto& example : alone) train(engine, *example);
    Pack together;
    for (int i = 0; i < 12; ++i) {
        Form form = mixed_form(i);
        form.recipe.lr = 1e35, form.classes = false;
        form.recipe.optimiser = Optimiser::sgd, form.recipe.clip = 0;
        form.norm = Norm::none, form.activation = Activation::relu;
        form.recipe.epochs = form.limit = 5;
        together.push_back(std::make_unique<Example>(form, Precision::single));
        together.push_back(std::make_unique<Example>(mixed_form(i), Precision::single));
    }
    Team team(2, engine, Precision::single);
    submit(team, 1, together);
    CHECK_EQUAL(team.wait(PATIENCE, 0), 1);
    for (size_t i = 0; i < alone.size(); ++i) {
        CHECK_EQUAL(static_cast<int>(together[2 * i]->job.ending), static_cast<int>(Ending::diverged));
        CHECK(same_bits(*together[2 * i + 1], *alone[i]));
    }
}

// An engine that throws where a job asks for more than a hundred epochs.
static void picky(Job& job, Arena&, const Watchers&) {
    if (job.limit > 100) throw std::runtime_error("too long");
    job.state.epoch = job.limit;
    job.ending = Ending::limit;
}

static void a_throwing_job_is_told_once() {
    const Engine engine{{picky, picky}, {nullptr, nullptr}};
    Pack pack = pack_of(6, Precision::single);
    pack[2]->job.limit = 101;
    Team team(2, engine, Precision::single);
    submit(team, 1, pack);
    int thrown = 0;
    int64_t found = -1;
    while (found < 0) {
        try {
            found = team.wait(PATIENCE, 0);
        } catch (const std::runtime_error& error) {
            thrown += error.what() == std::string("too long");
        }
    }
    CHECK_EQUAL(found, 1);
    CHECK_EQUAL(thrown, 1);
    CHECK_EQUAL(static_cast<int>(pack[2]->job.ending), static_cast<int>(Ending::cancelled));
    for (const size_t i : {0u, 1u, 3u, 4u, 5u}) {
        CHECK_EQUAL(static_cast<int>(pack[i]->job.ending), static_cast<int>(Ending::limit));
    }
}

// Thousands of short jobs: the queue, not the training, is what is tried.
static void many_short_jobs() {
    const Engine engine{{picky, picky}, {nullptr, nullptr}};
    constexpr int PACKS = 40, JOBS = 50;
    std::vector<Job> jobs(PACKS * JOBS);
    Team team(4, engine, Precision::single);
    int64_t opened = 0, seen = 0;
    std::vector<int> times(PACKS, 0);
    const auto start = Clock::now();
    while (seen < PACKS && seconds_since(start) < PATIENCE) {
        if (opened < PACKS) {
            team.open(opened, JOBS);
            for (int i = 0; i < JOBS; ++i) {
                Job& job = jobs[static_cast<size_t>(opened * JOBS + i)];
                job.limit = 1 + i;
                team.submit(opened, job);
            }
            ++opened;
        }
        const int64_t pack = team.wait(1, opened < PACKS ? JOBS : 0);
        if (pack < 0) continue;
        ++seen;
        ++times[static_cast<size_t>(pack)];
    }
    for (const int count : times) CHECK_EQUAL(count, 1);
    for (const Job& job : jobs) CHECK_EQUAL(job.state.epoch, job.limit);
}

static const Test TESTS[] = {
    {"same bits by any number of threads", same_bits_by_any_number_of_threads},
    {"packs end once", packs_end_once},
    {"waiting ends when few wait", waiting_ends_when_few_wait},
    {"cancelling", cancelling},
    {"destroyed with jobs in the queue", destroyed_with_jobs_in_the_queue},
    {"destroyed at once", destroyed_at_once},
    {"divergence stays in its member", divergence_stays_in_its_member},
    {"a throwing job is told once", a_throwing_job_is_told_once},
    {"many short jobs", many_short_jobs},
};
extern const Group teams;
const Group teams{nullptr, "teams", TESTS, sizeof(TESTS) / sizeof(*TESTS)};

}  // namespace profunda::check
