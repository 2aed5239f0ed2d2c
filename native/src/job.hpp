// What one member needs to train, as plain numbers and addresses: the boundary between Python and the kernels.
#pragma once

#include <stdint.h>

// What is defined here is called from objects of every instruction set, of which the linker would keep any one.
#define PROFUNDA_ALWAYS __attribute__((always_inline))

namespace profunda {

// The orders are those of the Literals in space/design.py.
enum class Activation : int { relu, leaky_relu, tanh, sigmoid, elu, selu, gelu, silu, softplus, mish };
enum class Norm : int { none, batch, layer };
enum class Dropping : int { bernoulli, gaussian, dropconnect };
enum class Optimiser : int { sgd, adam, rmsprop };
enum class Schedule : int { constant, cosine, onecycle, restarts, coslog };

// Why a call of `train` returned.
enum class Ending : int { limit, stopped, diverged, cancelled };

// Vital signs of an epoch, in the order in which they lie in Job::signs.
enum class Sign : int { activation_mean, activation_std, dead, saturated, gradient_norm, update_ratio };
constexpr int SIGNS = 6;
constexpr int PROBE_ROWS = 256;

// Waves of a periodic embedding and the numbers made of them; trained numbers that stand for a code.
constexpr int WAVES = 16, PERIODIC = 3, CODED = 8;

// What stands between the inputs and the first layer (networks/layout.Front). What enters that layer are the inputs but
// codes, then PERIODIC numbers for each input with waves, then CODED for each code, all times their scales if `scaled`.
struct Front {
    int waves = 0;
    const int* wave_inputs = nullptr;  // [waves]
    int codes = 0;
    const int* code_inputs = nullptr;  // [codes], each holding 0 … size − 1
    const int* code_sizes = nullptr;   // [codes]
    const int* kept = nullptr;         // [features − codes], inputs that enter as they are; null where all do
    bool scaled = false;

    PROFUNDA_ALWAYS bool embeds() const { return waves > 0 || codes > 0; }
};

struct Network {
    int features, outputs, depth;
    const int* widths;     // [depth]
    const int* canonical;  // [depth], columns of the mask streams
    Activation activation;
    Norm norm;
    bool norm_after;
    bool parametric = false, skip = false;
    Front front = {};

    PROFUNDA_ALWAYS int kept() const { return features - front.codes; }
    // Numbers that enter the first layer.
    PROFUNDA_ALWAYS int entering() const { return kept() + PERIODIC * front.waves + CODED * front.codes; }
    // Whether what enters hidden layer l, from 0, is added to what leaves it.
    PROFUNDA_ALWAYS bool skips(int l) const { return skip && l > 0 && widths[l - 1] == widths[l]; }
};

struct Recipe {
    Dropping dropping;
    double dropout, input_dropout, l1, l2;
    bool decoupled;
    double label_smoothing;
    bool huber;
    Optimiser optimiser;
    double momentum, lr;
    Schedule schedule;
    int batch;  // rows a step, at most n_train
    int64_t epochs;
    int64_t patience;
    double clip;
    // Keys of this member's streams: mix64(member key ^ purpose), the first step of `subkeys`.
    uint64_t order_stream, dropout_stream, dropconnect_stream;
    // What follows is off as it stands here.
    double beta2 = 0.999;
    double bias_lr = 1;       // factor on the rate of biases
    bool ntk = false;         // rates of weights by fan_in
    bool subgradient = false;  // how l1 acts
    double group_lasso = 0, max_norm = 0;
    bool averaging = false;
    double noise = 0;  // standard deviation
    bool mixup = false;
    uint64_t noise_stream = 0, mixup_stream = 0;
};

// Tables that some recipes need; null where this one does not.
constexpr int MIXTURES = 4096;
struct Ingredients {
    const int* numeric = nullptr;  // inputs that take noise
    int numerics = 0;
    const double* mixtures = nullptr;  // [MIXTURES] equally likely shares of mixup
    const int* groups = nullptr;       // [numbers that enter the first layer]: the group of each, of group lasso
    const double* class_weight = nullptr;  // [C], beside the weights of rows
};

// Rows of one fold, shared by many members. Numbers are of the engine's type.
struct Rows {
    bool classes;
    const void* x;          // [N, features]
    const int64_t* labels;  // [N], classes only
    const void* targets;    // [N, outputs], numbers only
    const void* weight;     // [N] or null
    const int64_t* train;
    int64_t n_train;
    const int64_t* valid;
    int64_t n_valid;
    // The inputs again as lists of what is not zero, where most is; otherwise null. Row r has the numbers from starts[r]
    // to starts[r + 1], at most `most`.
    const int64_t* starts;
    const int32_t* columns;
    const void* values;
    int64_t most;
    double share;  // of the inputs that are not zero
};

// Where the member stands, read at the start and written at the end. Vectors [P] in the order of networks/layout.
struct State {
    void* params;
    void* best_params;
    void* moments[3];  // the optimiser's, then the mean of weights
    int64_t epoch, best_epoch, stall;
    double best_loss;
};

struct Job {
    Network network;
    Recipe recipe;
    Rows rows;
    State state;
    int64_t limit;       // the epoch to train to
    int64_t sign_every;  // signs are taken in the epochs 1, 1 + sign_every, …
    double saturation_low, saturation_high;
    const void* quantiles;  // [65536] of the normal law, Gaussian dropout and noise only
    Ingredients ingredients;
    // Written: one number per epoch trained here; signs [taken][SIGNS][depth + 1].
    double* train_loss;
    double* valid_loss;
    double* signs;
    Ending ending;
    double seconds;  // that its thread computed
};

// Shared with the threads that watch: steps done, and whether to stop. Both are read and written atomically.
struct Watchers {
    int64_t* steps;
    const int* cancel;
};

// Trains one member from its state to its limit in buffers of the calling thread.
class Arena;
using Train = void (*)(Job&, Arena&, const Watchers&);

}  // namespace profunda
