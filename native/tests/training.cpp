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

static void longer_schedules() {
    for (const Schedule schedule : {Schedule::restarts, Schedule::coslog}) {
        Form form = long_form();
        form.recipe.schedule = schedule;
        form.recipe.epochs = 7;
        check_form(form);
    }
}

static void paces() {
    for (const Optimiser rule : {Optimiser::sgd, Optimiser::adam, Optimiser::rmsprop}) {
        for (int kind = 0; kind < 4; ++kind) {
            Form form = long_form();
            form.recipe.optimiser = rule;
            form.recipe.ntk = kind != 1;
            form.recipe.bias_lr = kind == 1 ? 0.1 : kind == 2 ? 3 : 1;
            form.recipe.beta2 = kind == 3 ? 0.95 : 0.999;
            form.recipe.l1 = kind == 2 ? 0.05 : 0, form.recipe.l2 = kind >= 2 ? 0.05 : 0;
            form.recipe.decoupled = kind == 3;
            form.norm = kind == 2 ? Norm::batch : Norm::none;
            form.depth = kind == 3 ? 0 : 2;
            check_form(form);
        }
    }
}

static void penalties_of_groups() {
    int gone = 0, left = 0;
    for (const Optimiser rule : {Optimiser::sgd, Optimiser::adam, Optimiser::rmsprop}) {
        for (int kind = 0; kind < 5; ++kind) {
            Form form = long_form();
            form.recipe.optimiser = rule;
            form.features = 6;
            const int groups[] = {0, 1, 0, 2, 3, 3};
            for (int k = 0; k < 6; ++k) form.groups[k] = groups[k];
            form.recipe.l1 = kind < 2 ? 0.05 : 0;
            form.recipe.subgradient = kind == 1;
            form.recipe.group_lasso = kind == 2 ? 2 : kind == 3 ? 0.25 : 0;
            form.recipe.max_norm = kind >= 3 ? 0.7 : 0;
            form.recipe.ntk = kind == 3;
            form.depth = kind == 2 && rule == Optimiser::sgd ? 0 : 2;
            check_form(form);
            if (kind != 2) continue;
            Example example(form, Precision::twice);
            train(*engines()[0].engine, example);
            const std::vector<double> found = example.data->own.numbers();
            const size_t units = static_cast<size_t>(form.depth ? form.widths[0] : form.outputs);
            for (size_t i = 0; i < 6 * units; ++i) (found[i] == 0 ? gone : left) += 1;
        }
    }
    // Some whole inputs are out, others are not.
    CHECK(gone > 10 && left > 10);
}

static void averaging() {
    for (const int64_t epochs : {1, 2, 3, 4, 5, 8}) {
        for (const Optimiser rule : {Optimiser::sgd, Optimiser::adam}) {
            Form form = long_form();
            form.recipe.epochs = form.limit = epochs;
            form.recipe.averaging = true;
            form.recipe.optimiser = rule;
            form.norm = epochs > 3 ? Norm::batch : Norm::none;
            check_form(form);
        }
    }
    // A member that stops on its way has none yet.
    Form form = long_form();
    form.recipe.averaging = true;
    form.recipe.epochs = 40;
    check_form(form);
}

static void noise_and_mixtures() {
    for (int kind = 0; kind < 8; ++kind) {
        for (const bool sparse : {false, true}) {
            Form form = long_form();
            form.features = 6;
            form.numeric = 0b010110;
            if (kind % 2) {
                form.codes = 2;
                form.code_inputs[0] = 0, form.code_inputs[1] = 3;
                form.code_sizes[0] = 2, form.code_sizes[1] = 3;
            }
            form.recipe.noise = kind < 4 ? 0.3 : 0;
            form.recipe.mixup = kind >= 2;
            form.recipe.input_dropout = kind == 3 || kind == 7 ? 0.2 : 0;
            form.recipe.label_smoothing = 0.1;
            form.classes = kind != 5 && kind != 6, form.recipe.huber = kind == 6;
            form.weighted = kind != 4;
            form.classes_weigh = kind == 7 || kind == 1;
            form.n_train = kind == 6 ? 13 : 9;  // the last batch has one row, its own partner
            // Codes are no numbers to scale, so that lists are not for them.
            if (sparse && form.codes) continue;
            form.sparse = sparse;
            form.seed = 70 + static_cast<uint64_t>(kind);
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
    form.recipe.averaging = form.recipe.mixup = true;
    form.recipe.group_lasso = 0.01, form.recipe.max_norm = 1, form.recipe.noise = 0.1;
    form.numeric = 0b101;
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
    {"longer schedules", longer_schedules},
    {"paces", paces},
    {"penalties of groups", penalties_of_groups},
    {"averaging", averaging},
    {"noise and mixtures", noise_and_mixtures},
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
