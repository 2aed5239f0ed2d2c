#include "mixture.hpp"

#include "draws.hpp"

namespace profunda::check {

Form mixed_form(int number) {
    Draws draws(1000 + static_cast<uint64_t>(number));
    Form form = usual_form();
    form.features = 1 + draws.below(20);
    form.classes = draws.below(2);
    form.outputs = (form.classes ? 2 : 1) + draws.below(3);
    form.depth = draws.below(4);
    for (int l = 0; l < form.depth; ++l) {
        form.widths[l] = 1 + draws.below(l ? 20 : 40);
        form.canonical[l] = form.widths[l] + draws.below(3);
    }
    form.n_train = 1 + draws.below(90), form.n_valid = 1 + draws.below(90);
    form.weighted = draws.below(2);
    form.activation = static_cast<Activation>(draws.below(10));
    form.norm = static_cast<Norm>(draws.below(3)), form.norm_after = draws.below(2);
    Recipe& recipe = form.recipe;
    recipe.batch = 1 + draws.below(form.n_train);
    recipe.dropping = static_cast<Dropping>(draws.below(3)), recipe.dropout = draws.below(2) ? 0.3 : 0;
    recipe.input_dropout = draws.below(2) ? 0.1 : 0;
    recipe.optimiser = static_cast<Optimiser>(draws.below(3)), recipe.lr = 0.01, recipe.momentum = 0.9;
    recipe.l1 = draws.below(2) ? 1e-3 : 0, recipe.l2 = draws.below(2) ? 1e-3 : 0, recipe.decoupled = draws.below(2);
    recipe.clip = draws.below(2) ? 0.5 : 0;
    recipe.schedule = static_cast<Schedule>(draws.below(3));
    recipe.epochs = form.limit = 1 + draws.below(8);
    form.sign_every = 1 + draws.below(3);
    form.sparse = draws.below(3) == 0;
    form.seed = static_cast<uint64_t>(number) + 1;
    return form;
}

}  // namespace profunda::check
