// Whole trainings: against the twin, stopped, resumed, cancelled, and broken.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>
#include <thread>

#include "check.hpp"
#include "twin.hpp"

namespace profunda::check {

template <class F>
static void each_engine(F&& f) {
    for (const Choice& choice : engines()) {
        for (const Precision precision : {Precision::single, Precision::twice}) {
            const char* type = precision == Precision::twice ? "double" : "float";
            char words[60];
            std::snprintf(words, sizeof words, "%s, %s", choice.name, type);
            about(words);
            f(*choice.engine, precision);
        }
    }
    about(nullptr);
}

static void check_form(const Form& form) {
    const Twin twin = train_twin(Example(form, Precision::twice));
    each_engine([&](const Engine& engine, Precision precision) {
        Example example(form, precision);
        train(engine, example);
        check_against(twin, example, precision == Precision::twice ? 2e-6 : 3e-3);
    });
}

static Form long_form() {
    Form form = usual_form();
    form.recipe.epochs = form.limit = 6;
    form.recipe.batch = 4;
    form.recipe.lr = 0.03;
    form.recipe.momentum = 0.5;
    return form;
}

static void optimisers_and_penalties() {
    for (const Optimiser rule : {Optimiser::sgd, Optimiser::adam, Optimiser::rmsprop}) {
        for (int kind = 0; kind < 5; ++kind) {
            Form form = long_form();
            form.recipe.optimiser = rule;
            form.recipe.l1 = kind == 1 || kind == 4 ? 0.05 : 0;
            form.recipe.l2 = kind >= 2 ? 0.05 : 0;
            form.recipe.decoupled = kind >= 3;
            form.norm = kind == 4 ? Norm::layer : Norm::none;
            form.seed = 40 + static_cast<uint64_t>(kind);
            check_form(form);
        }
    }
}

static void schedules_and_clipping() {
    for (const Schedule schedule : {Schedule::constant, Schedule::cosine, Schedule::onecycle}) {
        for (const double clip : {0.0, 0.02, 0.3, 1e6}) {
            Form form = long_form();
            form.recipe.schedule = schedule;
            form.recipe.clip = clip;
            form.norm = clip > 1 ? Norm::batch : Norm::none;
            // The plan may go on behind what is trained now.
            form.recipe.epochs = 8;
            check_form(form);
        }
    }
}

// Running statistics collected over many batches, and what validation makes of them.
static void batch_norm_in_evaluation() {
    for (const bool after : {false, true}) {
        Form form = long_form();
        form.norm = Norm::batch, form.norm_after = after;
        form.n_train = 13;  // in batches of 4: the last has one row, which collects nothing
        form.recipe.dropout = 0.2;
        check_form(form);
    }
}

static void signs_every_so_many_epochs() {
    for (const int64_t every : {1, 2, 5, 100}) {
        Form form = long_form();
        form.sign_every = every;
        form.n_valid = 300;  // more than are probed
        form.activation = Activation::relu;
        check_form(form);
    }
}

// Rows that cannot be learnt: validation gets worse, and training ends early with the best kept.
static void stopping() {
    int stopped = 0;
    for (const int64_t patience : {1, 2, 3}) {
        Form form = long_form();
        form.recipe.epochs = form.limit = 30;
        form.recipe.patience = patience;
        form.recipe.lr = 0.5;
        const Twin twin = train_twin(Example(form, Precision::twice));
        stopped += twin.ending == Ending::stopped && twin.epoch < 30 && twin.best_epoch == twin.epoch - patience;
        each_engine([&](const Engine& engine, Precision precision) {
            if (precision == Precision::single) return;  // rates this high magnify rounding
            Example example(form, precision);
            train(engine, example);
            check_against(twin, example, 1e-4);
        });
    }
    CHECK_EQUAL(stopped, 3);
}

static Form eventful_form() {
    Form form = long_form();
    form.recipe.epochs = form.limit = 9;
    form.recipe.optimiser = Optimiser::adam;
    form.recipe.schedule = Schedule::onecycle;
    form.recipe.dropout = 0.3, form.recipe.input_dropout = 0.1;
    form.norm = Norm::batch;
    form.recipe.l1 = form.recipe.l2 = 0.01;
    return form;
}

static void resumed_to_the_bit() {
    each_engine([](const Engine& engine, Precision precision) {
        const Form form = eventful_form();
        Example whole(form, precision), parts(form, precision);
        train(engine, whole);
        const size_t layers = static_cast<size_t>(form.depth) + 1;
        for (const int64_t limit : {1, 2, 5, 5, 9}) {
            const size_t epoch = static_cast<size_t>(parts.job.state.epoch);
            parts.job.limit = limit;
            parts.job.train_loss = parts.data->train_loss.data() + epoch;
            parts.job.valid_loss = parts.data->valid_loss.data() + epoch;
            parts.job.signs = parts.data->signs.data() + epoch * SIGNS * layers;
            train(engine, parts);
        }
        CHECK(same_bits(whole, parts));
    });
}

// A cancel amid an epoch leaves the member as it was at the epoch's begin.
static void cancelled_amid_an_epoch() {
    each_engine([](const Engine& engine, Precision precision) {
        Form form = eventful_form();
        // So long that a thread that gets no time for seconds still comes before the end.
        form.n_train = 4'000, form.recipe.batch = 1;
        form.recipe.epochs = form.limit = 3'000;
        Example cut(form, precision), whole(form, precision);
        int64_t steps = 0;
        int cancel = 0;
        std::thread impatient([&] {
            while (__atomic_load_n(&steps, __ATOMIC_RELAXED) < 512) {
                std::this_thread::sleep_for(std::chrono::microseconds(100));
            }
            __atomic_store_n(&cancel, 1, __ATOMIC_RELAXED);
        });
        Arena arena;
        engine.train[static_cast<int>(precision)](cut.job, arena, Watchers{&steps, &cancel});
        impatient.join();
        CHECK_EQUAL(static_cast<int>(cut.job.ending), static_cast<int>(Ending::cancelled));
        CHECK(steps >= 512);
        whole.job.limit = cut.job.state.epoch;
        if (whole.job.limit) train(engine, whole);
        whole.job.ending = Ending::cancelled;
        CHECK(same_bits(cut, whole));
    });
}

static void cancelled_before_the_first_step() {
    each_engine([](const Engine& engine, Precision precision) {
        Example example(eventful_form(), precision);
        const std::vector<double> before = example.data->own.numbers();
        int64_t steps = 0;
        const int cancel = 1;
        Arena arena;
        engine.train[static_cast<int>(precision)](example.job, arena, Watchers{&steps, &cancel});
        CHECK_EQUAL(steps, 0);
        CHECK_EQUAL(example.job.state.epoch, 0);
        CHECK_EQUAL(static_cast<int>(example.job.ending), static_cast<int>(Ending::cancelled));
        CHECK(example.data->own.numbers() == before);
        CHECK_EQUAL(example.data->train_loss[0], 777);
    });
}

static void steps_are_counted() {
    each_engine([](const Engine& engine, Precision precision) {
        Example example(eventful_form(), precision);
        int64_t steps = 5;
        Arena arena;
        engine.train[static_cast<int>(precision)](example.job, arena, Watchers{&steps, nullptr});
        CHECK_EQUAL(steps, 5 + 9 * 3);
    });
}

// A number that is none, or steps far too long: the epoch's loss says it, and training ends there.
static void divergence() {
    each_engine([](const Engine& engine, Precision precision) {
        for (const bool huge : {false, true}) {
            for (const Norm norm : {Norm::none, Norm::batch, Norm::layer}) {
                Form form = long_form();
                form.classes = false, form.norm = norm;
                form.activation = Activation::relu;
                form.recipe.lr = !huge ? 0.03 : precision == Precision::twice ? 1e200 : 1e30;
                Example example(form, precision);
                std::vector<double> x = example.data->x;
                if (!huge) x[static_cast<size_t>(example.data->train[3] * form.features)] = std::nan("");
                Typed broken(x, precision);
                example.job.rows.x = broken.data();
                train(engine, example);
                CHECK_EQUAL(static_cast<int>(example.job.ending), static_cast<int>(Ending::diverged));
                CHECK_EQUAL(example.job.state.epoch, 1);
                CHECK(!std::isfinite(example.data->train_loss[0]));
                CHECK_EQUAL(example.data->train_loss[1], 777);
            }
        }
    });
}

// Validation rows without a finite loss are no divergence: the member trains on, and no epoch is the best.
static void broken_validation() {
    each_engine([](const Engine& engine, Precision precision) {
        const Form form = long_form();
        Example example(form, precision);
        std::vector<double> x = example.data->x;
        x[static_cast<size_t>(example.data->valid[0] * form.features)] = std::nan("");
        Typed broken(x, precision);
        example.job.rows.x = broken.data();
        train(engine, example);
        CHECK_EQUAL(static_cast<int>(example.job.ending), static_cast<int>(Ending::limit));
        CHECK_EQUAL(example.job.state.epoch, form.limit);
        CHECK_EQUAL(example.job.state.best_epoch, 0);
        CHECK_EQUAL(example.job.state.stall, form.limit);
    });
}

static const Test TESTS[] = {
    {"optimisers and penalties", optimisers_and_penalties},
    {"schedules and clipping", schedules_and_clipping},
    {"batch norm in evaluation", batch_norm_in_evaluation},
    {"signs every so many epochs", signs_every_so_many_epochs},
    {"stopping", stopping},
    {"resumed to the bit", resumed_to_the_bit},
    {"cancelled amid an epoch", cancelled_amid_an_epoch},
    {"cancelled before the first step", cancelled_before_the_first_step},
    {"steps are counted", steps_are_counted},
    {"divergence", divergence},
    {"broken validation", broken_validation},
};
extern const Group training;
const Group training{nullptr, "training", TESTS, sizeof(TESTS) / sizeof(*TESTS)};

}  // namespace profunda::check
