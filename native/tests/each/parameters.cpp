// parameters.hpp: from the flat vector and back; and what training leaves in the places between the numbers.
#include "buffers.hpp"
#include "examples.hpp"
#include "lists.hpp"
#include "trainer.hpp"

namespace profunda::PROFUNDA_ISA {

// Widths of less than a vector, of vectors and one, and of rows that get a gap for the cache's sake.
static const int WIDTHS[][2] = {{1, 1}, {5, 4}, {16, 17}, {33, 8}, {256, 3}, {3, 128}};

static check::Form form_of(const int (&widths)[2], Norm norm) {
    check::Form form = check::usual_form();
    for (int l = 0; l < 2; ++l) form.widths[l] = form.canonical[l] = widths[l];
    form.norm = norm;
    return form;
}

// NaN where `layout` keeps numbers of the flat vector, 0 elsewhere.
template <class T>
static void mark(const Parameters<T>& layout, Buffer<T>& marks, ptrdiff_t flat_size, bool statistics) {
    Buffer<T> flat(flat_size, static_cast<T>(__builtin_nan("")));
    layout.read(flat, marks, statistics);
}

template <class T, class F>
static void each_layout(F&& f) {
    for (const auto& widths : WIDTHS) {
        for (const Norm norm : List<Norm>{Norm::none, Norm::batch, Norm::layer}) {
            const check::Form form = form_of(widths, norm);
            check::Example example(form, sizeof(T) == 4 ? Precision::single : Precision::twice);
            Arena arena;
            arena.reserve(size_t{1} << 24);
            const Parameters<T> layout(example.job.network, arena);
            f(example, layout);
        }
    }
}

template <class T>
static void there_and_back() {
    each_layout<T>([](check::Example& example, const Parameters<T>& layout) {
        const ptrdiff_t count = check::parameters_of(example.form);
        Buffer<T> flat(count), back(count, T(-1)), own(layout.size, T(777));
        for (ptrdiff_t i = 0; i < count; ++i) flat[i] = static_cast<T>(i + 1);
        layout.read(flat, own, true);
        layout.write(own, back, true);
        for (ptrdiff_t i = 0; i < count; ++i) CHECK_EQUAL(back[i], flat[i]);
        // Each number once, and zeros between them.
        double sum = 0;
        ptrdiff_t filled = 0;
        for (ptrdiff_t i = 0; i < layout.size; ++i) sum += own[i], filled += own[i] != 0;
        CHECK_EQUAL(filled, count);
        CHECK_EQUAL(sum, 0.5 * static_cast<double>(count) * static_cast<double>(count + 1));
        CHECK(layout.trained % LANES<T> == 0 && layout.size % LANES<T> == 0);
    });
}

// Gradients and moments have no running statistics: none are read, and the flat vector's are left alone.
template <class T>
static void without_statistics() {
    each_layout<T>([](check::Example& example, const Parameters<T>& layout) {
        const ptrdiff_t count = check::parameters_of(example.form);
        Buffer<T> flat(count, T(1)), back(count), own(layout.trained, T(777));
        layout.read(flat, own, false);
        layout.write(own, back, false);
        ptrdiff_t written = 0;
        for (ptrdiff_t i = 0; i < count; ++i) written += back[i] == 1;
        const int* widths = example.form.widths;
        const bool running = example.form.norm == Norm::batch;
        CHECK_EQUAL(written, count - (running ? 2 * (widths[0] + widths[1]) : 0));
        CHECK((layout.size > layout.trained) == running);
    });
}

template <class T>
static void counting() {
    each_layout<T>([](check::Example& example, const Parameters<T>& layout) {
        Arena arena(true);
        const Parameters<T> counted(example.job.network, arena);
        CHECK_EQUAL(counted.size, layout.size);
        CHECK_EQUAL(counted.trained, layout.trained);
    });
}

template <class T>
static void check_zeros(const Buffer<T>& marks, const T* numbers, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; ++i) {
        // Numbers of the network may be anything but broken, else they would prove nothing.
        if (marks[i] == 0) CHECK_EQUAL(numbers[i], 0);
        else CHECK(numbers[i] - numbers[i] == 0);
    }
}

// After training, whatever the network is made of, padding holds zeros: in parameters, gradient and moments.
template <class T>
static void padding_after(check::Example& example) {
    Arena arena;
    arena.reserve(size_t{1} << 24);
    const Watchers nobody{nullptr, nullptr};
    Trainer<T> trainer(example.job, arena, nobody);
    trainer.train();
    CHECK_EQUAL(example.job.state.epoch, example.form.limit);
    const Parameters<T>& layout = trainer.net.layout;
    Buffer<T> marks(layout.size), trained(layout.trained);
    mark(layout, marks, check::parameters_of(example.form), true);
    mark(layout, trained, check::parameters_of(example.form), false);
    check_zeros(marks, trainer.net.params, layout.size);
    check_zeros(marks, trainer.best, layout.size);
    check_zeros(trained, trainer.net.gradient, layout.trained);
    for (int i = 0; i < trainer.moment_count; ++i) check_zeros(trained, trainer.moments[i], layout.trained);
    if (trainer.net.masked) check_zeros(trained, trainer.net.masked, layout.trained);
}

template <class T>
static void padding_stays_zero() {
    int number = 0;
    for (const auto& widths : WIDTHS) {
        for (int activation = 0; activation < 10; ++activation) {
            for (int kind = 0; kind < 5; ++kind, ++number) {
                check::Form form = form_of(widths, kind == 0 ? Norm::none : kind < 3 ? Norm::batch : Norm::layer);
                form.norm_after = kind % 2;
                form.activation = static_cast<Activation>(activation);
                form.classes = number % 2;
                Recipe& recipe = form.recipe;
                recipe.dropping = static_cast<Dropping>(number % 3);
                recipe.dropout = number % 7 ? 0.3 : 0;
                recipe.input_dropout = number % 2 ? 0.2 : 0;
                recipe.optimiser = static_cast<Optimiser>(number / 3 % 3);
                recipe.lr = 0.01;
                recipe.l1 = recipe.l2 = number % 4 ? 0.01 : 0;
                recipe.decoupled = number % 8 > 3;
                recipe.clip = number % 3 ? 1 : 0;
                recipe.epochs = form.limit = 2;
                // For every layer to have padding, and for the last batch to be ragged.
                form.features = 1 + number % 19;
                form.seed = static_cast<uint64_t>(number) + 1;
                check::Example example(form, sizeof(T) == 4 ? Precision::single : Precision::twice);
                padding_after<T>(example);
            }
        }
    }
}

PROFUNDA_GROUP(parameters,
               {"there and back, float", there_and_back<float>},
               {"there and back, double", there_and_back<double>},
               {"without statistics, float", without_statistics<float>},
               {"without statistics, double", without_statistics<double>},
               {"counting, float", counting<float>},
               {"counting, double", counting<double>},
               {"padding stays zero, float", padding_stays_zero<float>},
               {"padding stays zero, double", padding_stays_zero<double>})

}  // namespace profunda::PROFUNDA_ISA
