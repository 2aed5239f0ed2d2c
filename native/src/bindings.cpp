// The Python face of the engine. Everything that Python hands over is checked here and in given.hpp, once; the kernels
// trust it.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <unistd.h>

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>

#include "given.hpp"
#include "team.hpp"

using namespace nb::literals;

namespace profunda {
namespace {

// One member on its way through the engine. Arrays are read and written in place.
struct Task {
    nb::object table;
    Shape shape;
    Precision precision;
    std::vector<Written> arrays;
    std::vector<Doubles> curves;
    std::optional<Numbers> quantiles;
    nb::object tables;
    bool submitted = false;
    Job job;

    Task(nb::object rows, std::vector<int> widths, std::vector<int> canonical, int activation, int norm,
         bool norm_after, bool parametric, bool skip, const FrontGiven& front, Recipe recipe,
         std::vector<Written> vectors, std::pair<int64_t, int64_t> epochs,
         std::pair<int64_t, int64_t> best, double best_loss, int64_t sign_every, std::pair<double, double> saturation,
         std::optional<Numbers> normal, nb::object ingredients, std::vector<Doubles> curves)
        : table(rows), shape(table_of(rows).features, table_of(rows).outputs, std::move(widths),
                             std::move(canonical), activation, norm, norm_after, parametric, skip, front),
          precision(table_of(rows).precision), arrays(std::move(vectors)), curves(std::move(curves)),
          quantiles(std::move(normal)), tables(std::move(ingredients)) {
        const Table& given = table_of(rows);
        require_recipe(recipe, given.rows.n_train);
        require_codes(given, front);
        const size_t moments = (recipe.optimiser == Optimiser::adam ? 2 : 1) + recipe.averaging;
        require(arrays.size() == 2 + moments,
                "params, best_params, the optimiser's moments are needed, and where weights are averaged their mean");
        for (const Written& array : arrays) {
            require(precision_of(array) == precision && static_cast<int64_t>(array.size()) == shape.parameters(),
                    "params, best_params and moments must be [P] and of x's type");
        }
        require(sign_every > 0, "signs must be taken every so many epochs");
        require_curves(epochs.first, epochs.second, sign_every);
        const bool gaussian = recipe.dropout > 0 && recipe.dropping == Dropping::gaussian;
        const bool fits = quantiles && quantiles->size() == 65536 && precision_of(*quantiles) == precision;
        require(!(gaussian || recipe.noise > 0) || fits,
                "Gaussian dropout and noise need their 65,536 quantiles");
        static const Tables none;
        const Tables& own = tables.is_none() ? none : own_of<Tables>(tables, "ingredients must be Tables");
        const Ingredients used = own.of(recipe, given.rows, given.features, given.outputs, shape.network.entering());
        job = {shape.network,
               recipe,
               given.rows,
               {arrays[0].data(), arrays[1].data(), {vector(2), vector(3), vector(4)}, epochs.first, best.first,
                best.second, best_loss},
               epochs.second,
               sign_every,
               saturation.first,
               saturation.second,
               quantiles ? quantiles->data() : nullptr,
               used,
               this->curves[0].data(),
               this->curves[1].data(),
               this->curves[2].data(),
               Ending::cancelled,
               0.0};
    }

private:
    void* vector(size_t i) const { return i < arrays.size() ? arrays[i].data() : nullptr; }
    static const Table& table_of(nb::handle given) { return own_of<Table>(given, "table must be a Table"); }

    // A code that a table lacks would be looked up in other memory.
    static void require_codes(const Table& table, const FrontGiven& front) {
        for (const auto& [input, size] : front.codes) {
            const int64_t found = table.codes_of(input);
            const std::string name = "input " + std::to_string(input);
            require(found >= 0, name + " must hold codes, which are whole numbers from 0 on");
            require(found <= size, name + " holds codes up to " + std::to_string(found - 1) +
                                       ", but was said to have " + std::to_string(size) + " of them");
        }
    }

    void require_curves(int64_t from, int64_t to, int64_t every) const {
        require(curves.size() == 3, "train loss, validation loss and signs are needed");
        require(from >= 0 && to >= from, "a member trains forward");
        const int64_t epochs = to - from;
        const auto has = [&](int i, int64_t count) { return static_cast<int64_t>(curves[i].size()) >= count; };
        // There is memory for as many epochs then, and what follows stays within 64 bits.
        require(has(0, epochs) && has(1, epochs), "curves are too short for the epochs to train");
        const auto before = [&](int64_t epoch) { return epoch / every + (epoch % every != 0); };
        const int64_t taken = before(to) - before(from);
        require(has(2, taken * SIGNS * (shape.network.depth + 1)), "signs are too short for the epochs to train");
    }
};

const Engine& engine_of(const std::optional<std::string>& name) {
    const Choice chosen = choose(name ? name->c_str() : nullptr);
    require(chosen.engine, "this processor or this build has no instruction set " + name.value_or("at all"));
    return *chosen.engine;
}

// A team, and the Python objects that its open packs read and write.
struct Crew {
    struct Pack {
        int64_t count;
        nb::list tasks;
    };
    bool twice;
    pid_t process = getpid();
    std::shared_ptr<Team> team;
    std::unordered_map<int64_t, Pack> kept;

    Crew(int threads, bool twice, const std::optional<std::string>& isa)
        : twice(twice) {
        require(threads > 0, "a team needs at least one thread");
        require(threads <= MOST_THREADS, "a team has too many threads");
        team = std::make_shared<Team>(threads, engine_of(isa), twice ? Precision::twice : Precision::single);
    }
    // Threads must have ended before what they read and write goes.
    ~Crew() { close(); }

    // While another Python thread waits for the team, that one sees it end.
    void close() {
        if (!team) return;
        std::shared_ptr<Team> last;
        last.swap(team);
        if (getpid() != process) {
            // A forked child has none of the threads: nobody would ever answer. Its copy of the team is left alone.
            new std::shared_ptr<Team>(std::move(last));
            return;
        }
        last->cancel();
        nb::gil_scoped_release free;
        last.reset();
    }

    Team& running() {
        require(team != nullptr, "the team is closed");
        require(getpid() == process, "the team's threads belong to another process, from which this one was forked");
        return *team;
    }

    void open(int64_t pack, int64_t count) {
        Team& own = running();
        require(count >= 0, "a pack cannot have fewer than no tasks");
        require(kept.try_emplace(pack, Pack{count, nb::list()}).second, "the pack is open already");
        own.open(pack, count);
    }

    // Tasks beyond those announced would outlive their pack here while they train.
    void submit(int64_t pack, nb::object task) {
        Team& own = running();
        Task& given = own_of<Task>(task, "task must be a Task");
        const auto found = kept.find(pack);
        require(found != kept.end(), "the pack is not open");
        require((given.precision == Precision::twice) == twice, "the task is not of the team's type");
        require(static_cast<int64_t>(found->second.tasks.size()) < found->second.count,
                "the pack has all the tasks that it was opened for");
        require(!given.submitted, "the task was submitted before");
        found->second.tasks.append(task);
        given.submitted = true;
        own.submit(pack, given.job);
    }

    int64_t wait(double seconds, int64_t few) {
        require(seconds >= 0 && seconds <= 1e6, "a wait takes between 0 and a million seconds");
        running();
        const std::shared_ptr<Team> own = team;
        int64_t pack;
        {
            nb::gil_scoped_release free;
            pack = own->wait(seconds, few);
        }
        if (pack >= 0) kept.erase(pack);
        return pack;
    }
};

// Bytes of a thread's buffers for such a member; no row is looked at.
int64_t buffer_bytes(const Table& table, std::vector<int> widths, std::vector<int> canonical, int activation, int norm,
                     bool norm_after, bool parametric, bool skip, const FrontGiven& front, const Recipe& recipe) {
    const Shape shape(table.features, table.outputs, std::move(widths), std::move(canonical), activation, norm,
                      norm_after, parametric, skip, front);
    require_recipe(recipe, table.rows.n_train);
    Job job{};
    job.network = shape.network;
    job.recipe = recipe;
    job.rows = table.rows;
    return static_cast<int64_t>(engine_of(std::nullopt).bytes[table.precision == Precision::twice](job));
}

template <class Enum>
nb::dict codes(std::initializer_list<std::pair<const char*, Enum>> named) {
    nb::dict made;
    for (const auto& [name, code] : named) made[name] = static_cast<int>(code);
    return made;
}

// What Python keeps a copy of, for its tests to compare.
void tell_constants(nb::module_& module) {
    module.attr("activations") = codes<Activation>({{"relu", Activation::relu},
                                                    {"leaky_relu", Activation::leaky_relu},
                                                    {"tanh", Activation::tanh},
                                                    {"sigmoid", Activation::sigmoid},
                                                    {"elu", Activation::elu},
                                                    {"selu", Activation::selu},
                                                    {"gelu", Activation::gelu},
                                                    {"silu", Activation::silu},
                                                    {"softplus", Activation::softplus},
                                                    {"mish", Activation::mish}});
    module.attr("norms") = codes<Norm>({{"none", Norm::none}, {"batch", Norm::batch}, {"layer", Norm::layer}});
    module.attr("dropping") = codes<Dropping>({{"bernoulli", Dropping::bernoulli},
                                               {"gaussian", Dropping::gaussian},
                                               {"dropconnect", Dropping::dropconnect}});
    module.attr("optimisers") =
        codes<Optimiser>({{"sgd", Optimiser::sgd}, {"adam", Optimiser::adam}, {"rmsprop", Optimiser::rmsprop}});
    module.attr("schedules") = codes<Schedule>(
        {{"constant", Schedule::constant},
         {"cosine", Schedule::cosine},
         {"onecycle", Schedule::onecycle},
         {"restarts", Schedule::restarts},
         {"coslog", Schedule::coslog}});
    module.attr("endings") = codes<Ending>({{"limit", Ending::limit},
                                            {"stopped", Ending::stopped},
                                            {"diverged", Ending::diverged},
                                            {"cancelled", Ending::cancelled}});
    module.attr("signs") = codes<Sign>({{"activation_mean", Sign::activation_mean},
                                        {"activation_std", Sign::activation_std},
                                        {"dead", Sign::dead},
                                        {"saturated", Sign::saturated},
                                        {"gradient_norm", Sign::gradient_norm},
                                        {"update_ratio", Sign::update_ratio}});
    module.attr("waves") = WAVES;
    module.attr("periodic") = PERIODIC;
    module.attr("coded") = CODED;
    module.attr("sign_count") = SIGNS;
    module.attr("probe_rows") = PROBE_ROWS;
    module.attr("listed_share") = FEW;
    module.attr("listed_features") = FEWEST_INPUTS;
    module.attr("most_threads") = MOST_THREADS;
}

}  // namespace
}  // namespace profunda

NB_MODULE(_native, module) {
    using namespace profunda;

    tell_constants(module);

    module.def("instruction_set", [](std::optional<std::string> wanted) -> std::optional<std::string> {
        const Choice chosen = choose(wanted ? wanted->c_str() : nullptr);
        return chosen.name ? std::optional<std::string>(chosen.name) : std::nullopt;
    }, "wanted"_a = nb::none());
    nb::class_<Table>(module, "Table")
        .def(nb::init<Numbers, Numbers, std::optional<Numbers>, Indices, Indices, bool, int>(), "x"_a, "y"_a,
             "weight"_a.none(), "train"_a, "valid"_a, "classes"_a, "outputs"_a)
        .def_prop_ro("bytes", &Table::bytes);

    nb::class_<Recipe>(module, "Recipe")
        .def("__init__", [](Recipe* made, int dropping, double dropout, double input_dropout, double l1, double l2,
                            bool decoupled, double label_smoothing, bool huber, int optimiser, double momentum,
                            double lr, int schedule, int batch, int64_t epochs, int64_t patience, double clip,
                            uint64_t order_stream, uint64_t dropout_stream, uint64_t dropconnect_stream,
                            double beta2, double bias_lr, bool ntk, bool subgradient, double group_lasso,
                            double max_norm, bool averaging, double noise, bool mixup, uint64_t noise_stream,
                            uint64_t mixup_stream) {
            new (made) Recipe{one_of(dropping, Dropping::dropconnect, "dropout_kind"),
                              dropout,
                              input_dropout,
                              l1,
                              l2,
                              decoupled,
                              label_smoothing,
                              huber,
                              one_of(optimiser, Optimiser::rmsprop, "optimiser"),
                              momentum,
                              lr,
                              one_of(schedule, Schedule::coslog, "schedule"),
                              batch,
                              epochs,
                              patience,
                              clip,
                              order_stream,
                              dropout_stream,
                              dropconnect_stream,
                              beta2,
                              bias_lr,
                              ntk,
                              subgradient,
                              group_lasso,
                              max_norm,
                              averaging,
                              noise,
                              mixup,
                              noise_stream,
                              mixup_stream};
        }, "dropping"_a, "dropout"_a, "input_dropout"_a, "l1"_a, "l2"_a, "decoupled"_a, "label_smoothing"_a, "huber"_a,
             "optimiser"_a, "momentum"_a, "lr"_a, "schedule"_a, "batch"_a, "epochs"_a, "patience"_a, "clip"_a,
             "order_stream"_a, "dropout_stream"_a, "dropconnect_stream"_a, "beta2"_a, "bias_lr"_a, "ntk"_a,
             "subgradient"_a, "group_lasso"_a, "max_norm"_a, "averaging"_a, "noise"_a, "mixup"_a, "noise_stream"_a,
             "mixup_stream"_a);

    nb::class_<Tables>(module, "Tables")
        .def(nb::init<const Indices&, const Reals&, const Indices&, const Reals&>(), "numeric"_a, "mixtures"_a,
             "groups"_a, "class_weight"_a);

    nb::class_<FrontGiven>(module, "Front")
        .def("__init__", [](FrontGiven* made, std::vector<int> waves, std::vector<std::pair<int, int>> codes,
                            bool scaled) {
            new (made) FrontGiven{std::move(waves), std::move(codes), scaled};
        }, "waves"_a, "codes"_a, "scaled"_a);

    module.def("buffer_bytes", &buffer_bytes, "table"_a, "widths"_a, "canonical"_a, "activation"_a, "norm"_a,
               "norm_after"_a, "parametric"_a, "skip"_a, "front"_a, "recipe"_a);

    nb::class_<Task>(module, "Task")
        .def(nb::init<nb::object, std::vector<int>, std::vector<int>, int, int, bool, bool, bool, const FrontGiven&,
                      Recipe, std::vector<Written>,
                      std::pair<int64_t, int64_t>, std::pair<int64_t, int64_t>, double, int64_t,
                      std::pair<double, double>, std::optional<Numbers>, nb::object, std::vector<Doubles>>(),
             "table"_a, "widths"_a, "canonical"_a, "activation"_a, "norm"_a, "norm_after"_a, "parametric"_a, "skip"_a,
             "front"_a, "recipe"_a,
             "vectors"_a.noconvert(), "epochs"_a, "best"_a, "best_loss"_a, "sign_every"_a, "saturation"_a,
             "quantiles"_a.none(), "ingredients"_a.none(), 
             "curves"_a.noconvert())  // written: a converted copy would be lost
        .def_prop_ro("epoch", [](const Task& task) { return task.job.state.epoch; })
        .def_prop_ro("best_epoch", [](const Task& task) { return task.job.state.best_epoch; })
        .def_prop_ro("stall", [](const Task& task) { return task.job.state.stall; })
        .def_prop_ro("best_loss", [](const Task& task) { return task.job.state.best_loss; })
        .def_prop_ro("seconds", [](const Task& task) { return task.job.seconds; })
        .def_prop_ro("ending", [](const Task& task) { return static_cast<int>(task.job.ending); });

    nb::class_<Crew>(module, "Team")
        .def(nb::init<int, bool, std::optional<std::string>>(), "threads"_a, "twice"_a, "isa"_a = nb::none())
        .def("open", &Crew::open, "pack"_a, "count"_a)
        .def("submit", &Crew::submit, "pack"_a, "task"_a)
        .def("wait", &Crew::wait, "seconds"_a, "few"_a)
        .def("cancel", [](Crew& crew) { crew.running().cancel(); })
        .def("close", &Crew::close)
        .def_prop_ro("waiting", [](Crew& crew) { return crew.running().waiting_jobs(); })
        .def_prop_ro("steps", [](Crew& crew) { return crew.running().steps(); });
}
