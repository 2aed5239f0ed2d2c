// One epoch of every kind of network against its twin. At rate 0 and momentum 1 the first moments end as the sum of
// the gradients of all batches, each with its own masks.
#include <cstdio>

#include "check.hpp"
#include "draws.hpp"
#include "twin.hpp"

namespace profunda::check {

static const char* const ACTIVATIONS[] = {"relu", "leaky_relu", "tanh", "sigmoid",  "elu",
                                          "selu", "gelu",       "silu", "softplus", "mish"};

static void check_form(const Form& form, const char* what, double bound = 1e-7, double bound_in_float = 2e-3) {
    const Twin twin = train_twin(Example(form, Precision::twice));
    for (const Choice& choice : engines()) {
        for (const Precision precision : {Precision::single, Precision::twice}) {
            const bool twice = precision == Precision::twice;
            char words[100];
            std::snprintf(words, sizeof words, "%s, %s, %s", what, choice.name, twice ? "double" : "float");
            about(words);
            Example example(form, precision);
            train(*choice.engine, example);
            check_against(twin, example, twice ? bound : bound_in_float);
        }
    }
    about(nullptr);
}

static Form summing_form() {
    Form form = usual_form();
    form.recipe.lr = 0;
    form.recipe.momentum = 1;
    return form;
}

struct NormKind {
    Norm norm;
    bool after;
    const char* name;
};
static const NormKind NORMS[] = {{Norm::none, false, "no norm"},
                                 {Norm::batch, false, "batch norm before"},
                                 {Norm::batch, true, "batch norm after"},
                                 {Norm::layer, false, "layer norm before"},
                                 {Norm::layer, true, "layer norm after"}};

static void of_every_kind(double dropout, Dropping dropping, const char* name) {
    for (int activation = 0; activation < 10; ++activation) {
        for (const NormKind& kind : NORMS) {
            Form form = summing_form();
            form.activation = static_cast<Activation>(activation);
            form.norm = kind.norm, form.norm_after = kind.after;
            form.recipe.dropout = dropout, form.recipe.dropping = dropping;
            form.seed = 100 + static_cast<uint64_t>(activation);
            char words[80];
            std::snprintf(words, sizeof words, "%s, %s, %s", ACTIVATIONS[activation], kind.name, name);
            check_form(form, words);
        }
    }
}

static void without_dropout() { of_every_kind(0, Dropping::bernoulli, "no dropout"); }
static void with_bernoulli() { of_every_kind(0.3, Dropping::bernoulli, "Bernoulli"); }
static void with_gaussian() { of_every_kind(0.3, Dropping::gaussian, "Gaussian"); }
static void with_dropconnect() { of_every_kind(0.3, Dropping::dropconnect, "DropConnect"); }

static void of_every_loss() {
    for (const int outputs : {1, 2, 5}) {
        for (const bool weighted : {false, true}) {
            Form form = summing_form();
            form.outputs = outputs, form.weighted = weighted;
            form.recipe.input_dropout = 0.2;
            form.recipe.label_smoothing = 0.1;
            check_form(form, "classes, smoothed");
            form.recipe.label_smoothing = 0;
            check_form(form, "classes");
            form.classes = false;
            check_form(form, "squares");
            form.recipe.huber = true;
            check_form(form, "Huber");
        }
    }
}

static void of_every_depth() {
    for (int depth = 0; depth <= 4; ++depth) {
        for (const Dropping dropping : {Dropping::bernoulli, Dropping::gaussian, Dropping::dropconnect}) {
            Form form = summing_form();
            form.depth = depth;
            for (int l = 0; l < depth; ++l) form.widths[l] = 3 + l % 2, form.canonical[l] = 4 + l;
            form.norm = depth > 1 ? Norm::layer : Norm::none;
            form.recipe.dropout = 0.2, form.recipe.dropping = dropping;
            form.recipe.input_dropout = 0.3;
            check_form(form, "depths");
        }
    }
}

// Sizes of one, around a vector and around a chunk of validation rows, each with a norm and a dropping of its own.
static void of_ragged_sizes() {
    const struct {
        int features, width, second, outputs, batch, n_train, n_valid;
    } cases[] = {
        {1, 1, 0, 1, 1, 1, 1},     {1, 1, 1, 1, 1, 3, 1},     {1, 1, 1, 2, 2, 2, 1},    {2, 3, 0, 2, 1, 5, 63},
        {15, 16, 0, 2, 7, 7, 64},  {16, 17, 1, 3, 8, 9, 65},  {17, 15, 0, 2, 16, 17, 257}, {33, 1, 16, 1, 17, 18, 2},
        {1, 33, 0, 9, 17, 33, 1}, {4, 8, 9, 3, 64, 65, 64},  {3, 4, 0, 2, 65, 65, 300},   {2, 2, 2, 2, 3, 100, 256},
    };
    int number = 0;
    for (const auto& one : cases) {
        for (const bool classes : {true, false}) {
            Form form = summing_form();
            form.features = one.features, form.outputs = one.outputs, form.depth = one.second ? 2 : 1;
            form.widths[0] = one.width, form.widths[1] = one.second;
            form.canonical[0] = one.width + number % 3, form.canonical[1] = one.second + number % 2;
            form.recipe.batch = one.batch;
            form.n_train = one.n_train, form.n_valid = one.n_valid;
            form.classes = classes;
            const NormKind& kind = NORMS[number % 5];
            form.norm = kind.norm, form.norm_after = kind.after;
            form.recipe.dropout = 0.25, form.recipe.dropping = static_cast<Dropping>(number % 3);
            form.recipe.input_dropout = number % 2 ? 0.2 : 0;
            form.seed = 7 + static_cast<uint64_t>(number++);
            char words[60];
            std::snprintf(words, sizeof words, "ragged sizes, case %d", number - 1);
            check_form(form, words);
        }
    }
}

// Inputs as lists, of rows without any number, too; a linear model reads them as they are.
static void of_sparse_inputs() {
    for (const int features : {1, 2, 20, 40}) {
        for (int kind = 0; kind < 6; ++kind) {
            Form form = summing_form();
            form.sparse = true;
            form.features = features, form.depth = kind % 3;
            form.norm = NORMS[kind % 5].norm, form.norm_after = NORMS[kind % 5].after;
            form.widths[0] = form.canonical[0] = kind == 1 && features < 40 ? 37 : 5;
            form.recipe.input_dropout = kind % 2 ? 0.3 : 0;
            form.recipe.dropout = 0.2, form.recipe.dropping = static_cast<Dropping>(kind / 2);
            form.n_valid = 70;
            form.seed = 200 + static_cast<uint64_t>(kind);
            check_form(form, "sparse inputs");
        }
    }
}

// Every norm and dropping, with layers of equal widths and of others.
static void of_parametric_activations_and_skips() {
    int number = 0;
    for (const NormKind& kind : NORMS) {
        for (int mix = 0; mix < 9; ++mix) {
            Form form = summing_form();
            form.activation = static_cast<Activation>(number % 10);
            form.norm = kind.norm, form.norm_after = kind.after;
            form.parametric = mix % 3 != 1, form.skip = mix % 3 != 0;
            form.depth = 3 + mix % 2;
            for (int l = 0; l < form.depth; ++l) form.widths[l] = form.canonical[l] = l == 1 && mix == 5 ? 4 : 5;
            form.recipe.dropout = mix < 3 ? 0 : 0.3, form.recipe.dropping = static_cast<Dropping>(number % 3);
            form.n_valid = 70;
            form.seed = 300 + static_cast<uint64_t>(number++);
            char words[80];
            std::snprintf(words, sizeof words, "parametric %d, skip %d, %s, case %d", form.parametric, form.skip,
                          kind.name, number - 1);
            check_form(form, words);
        }
    }
}

// Waves, codes and scales, alone and together, before all depths; inputs that are dropped, too.
static void of_fronts() {
    for (int number = 0; number < 32; ++number) {
        Form form = summing_form();
        form.features = 2 + number % 5 * 4;
        form.scaled = number & 1;
        form.waves = number & 2 ? 1 + (number % 2 && form.features > 2) : 0;
        form.wave_inputs[0] = form.features - 1, form.wave_inputs[1] = number & 4 ? 0 : form.features - 2;
        form.codes = number & 4 ? 1 + (form.features > 2 && form.waves < 2) : 0;
        form.code_inputs[0] = form.features - 2, form.code_sizes[0] = 3;
        form.code_inputs[1] = 0, form.code_sizes[1] = 11;
        form.depth = number / 3 % 3;
        form.widths[0] = form.canonical[0] = number % 7 ? 5 : 18;
        form.recipe.input_dropout = number & 8 ? 0.3 : 0;
        form.recipe.dropout = number & 16 ? 0.2 : 0, form.recipe.dropping = static_cast<Dropping>(number % 3);
        form.norm = number % 4 == 3 ? Norm::layer : Norm::none;
        form.n_valid = 70;
        form.seed = 400 + static_cast<uint64_t>(number);
        char words[80];
        std::snprintf(words, sizeof words, "front %d: %d waves, %d codes, scaled %d, depth %d", number, form.waves,
                      form.codes, form.scaled, form.depth);
        check_form(form, words);
    }
}

// Lists of inputs stay what they are: scales are in the weights.
static void of_scaled_sparse_inputs() {
    for (int kind = 0; kind < 6; ++kind) {
        Form form = summing_form();
        form.sparse = form.scaled = true;
        form.parametric = form.skip = kind % 2;
        form.features = kind % 3 ? 20 : 40, form.depth = kind % 4;
        form.widths[2] = form.canonical[2] = 4;
        form.recipe.input_dropout = kind % 2 ? 0.3 : 0;
        form.seed = 500 + static_cast<uint64_t>(kind);
        check_form(form, "scaled sparse inputs");
    }
}

static Form fronted_form() {
    Form form = summing_form();
    form.features = 4, form.waves = form.codes = 1, form.scaled = form.parametric = true;
    form.code_inputs[0] = 1, form.code_sizes[0] = 3;
    form.widths[1] = form.canonical[1] = 5;
    return form;
}

// Against the twin of `fronted_form`.
static void compare(const Form& form) {
    static const Twin twin = train_twin(Example(fronted_form(), Precision::twice));
    Example example(form, Precision::twice);
    train(*engines()[0].engine, example);
    check_against(twin, example, 1e-7);
}

static void another_network_is_seen() {
    compare(fronted_form());
    CHECK(failures_of([] {
              Form form = fronted_form();
              form.wave_inputs[0] = 2;
              compare(form);
          }) > 10);
    CHECK(failures_of([] {
              Form form = fronted_form();
              form.skip = true;
              compare(form);
          }) > 10);
}

static void a_wrong_gradient_is_seen() {
    CHECK(failures_of([] {
              Form form = summing_form();
              form.recipe.dropout = 0.3;
              const Twin twin = train_twin(Example(form, Precision::twice));
              form.recipe.dropout = 0.3001;
              Example example(form, Precision::twice);
              train(*engines()[0].engine, example);
              check_against(twin, example, 1e-7);
          }) > 10);
}

static const Test TESTS[] = {
    {"without dropout", without_dropout},
    {"with Bernoulli dropout", with_bernoulli},
    {"with Gaussian dropout", with_gaussian},
    {"with DropConnect", with_dropconnect},
    {"of every loss", of_every_loss},
    {"of every depth", of_every_depth},
    {"of ragged sizes", of_ragged_sizes},
    {"of sparse inputs", of_sparse_inputs},
    {"of parametric activations and skips", of_parametric_activations_and_skips},
    {"of fronts", of_fronts},
    {"of scaled sparse inputs", of_scaled_sparse_inputs},
    {"another network is seen", another_network_is_seen},
    {"a wrong gradient is seen", a_wrong_gradient_is_seen},
};
extern const Group gradients;
const Group gradients{nullptr, "gradients", TESTS, sizeof(TESTS) / sizeof(*TESTS)};

}  // namespace profunda::check
