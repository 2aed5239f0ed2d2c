"""The native engine against the torch engine and against the naive twin: autograd, torch.optim, a loop."""

from dataclasses import replace
from functools import cache
from itertools import cycle, islice, product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.fleet import cases
from tests.fleet.cases import mixed, table
from tests.oracles import fleet as oracle

from profunda.fleet.member import Member
from profunda.networks.initial import initial_params
from profunda.networks.layout import layout
from profunda.space.design import Design

NORMS = [("none", "before"), ("batch", "before"), ("batch", "after"), ("layer", "before"), ("layer", "after")]
ACTIVATIONS = ["relu", "leaky_relu", "tanh", "sigmoid", "elu", "selu", "gelu", "silu", "softplus", "mish"]
SMOOTH = ["tanh", "sigmoid", "gelu", "silu", "softplus", "mish"]
KINDS = ["bernoulli", "gaussian", "dropconnect"]
OPTIMISERS = ["sgd", "adam", "rmsprop"]


def relative(a, b):
    """‖a − b‖ / ‖b‖, in float64."""
    return float(np.linalg.norm(np.asarray(a, np.float64) - b) / np.linalg.norm(b))


def worst(state, twin):
    """The largest relative difference of weights, best weights and losses between a state and the twin."""
    assert (state.epoch, state.best_epoch) == (len(twin.params), twin.best_epoch)
    return max(
        relative(state.params, twin.params[-1]),
        relative(state.best_params, twin.params[twin.best_epoch - 1]),
        float(np.abs(state.train_loss / twin.train_loss - 1).max()),
        float(np.abs(state.valid_loss / twin.valid_loss - 1).max()),
    )


def apart(a, b):
    """The same between the states of two engines."""
    assert (a.epoch, a.step, a.best_epoch, a.stall) == (b.epoch, b.step, b.best_epoch, b.stall)
    assert a.status is b.status
    assert a.sign_epochs.tolist() == b.sign_epochs.tolist()
    for name, rows in b.signs.items():
        assert np.allclose(a.signs[name], rows, rtol=1e-6, atol=1e-9), name
    return max(
        relative(a.params, b.params),
        relative(a.best_params, b.best_params),
        float(np.abs(a.train_loss / b.train_loss - 1).max()),
        float(np.abs(a.valid_loss / b.valid_loss - 1).max()),
    )


def agree(native, members, made, least_steps=100):
    """Hold `members`, trained in float64, against both the torch engine and the twin."""
    states = native(members, made, dtype="float64").states
    others = cases.train(members, made, dtype="float64").states
    for member, state, other in zip(members, states, others, strict=True):
        assert state.step >= least_steps
        assert apart(state, other) <= 1e-9
        assert worst(state, oracle.train(member, made)) <= 1e-9


# Each field with all its values --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("activation", "optimiser"), list(zip(ACTIVATIONS, cycle(OPTIMISERS), strict=False)), ids=str
)
def test_activations_and_optimisers(native, activation, optimiser):
    fields = {"activation": activation, "optimiser": optimiser, "lr": 2e-3, "epochs": 25}
    agree(native, mixed(4, widths=(13, 9), **fields)[3:], table(dtype=np.float64))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("norm", "place"), NORMS)
def test_norms_and_kinds_of_dropout(native, norm, place, kind):
    """Three layers, an odd tail, and what else differs in `mixed`; some gradients are clipped."""
    fields = {"norm": norm, "norm_place": place, "dropout_kind": kind, "batch_size": 17, "epochs": 25}
    agree(native, mixed(6, widths=(13, 9, 16), clip=0.6, **fields)[5:], table(dtype=np.float64))


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_every_activation_with_every_norm_and_kind_as_the_torch_engine_has_it(native, norm, place):
    fields = {"norm": norm, "norm_place": place, "dropout": 0.3, "clip": 1.0, "lr": 2e-3, "batch_size": 20}
    designs = [
        Design((20, 11), activation=activation, dropout_kind=kind, optimiser=optimiser, epochs=34, **fields)
        for (activation, kind), optimiser in zip(product(ACTIVATIONS, KINDS), cycle(OPTIMISERS), strict=False)
    ]
    made = table(dtype=np.float64)
    members = [Member(design, i % 2, i) for i, design in enumerate(designs)]
    for a, b in zip(
        native(members, made, dtype="float64").states,
        cases.train(members, made, dtype="float64").states,
        strict=True,
    ):
        assert a.step >= 100
        assert apart(a, b) <= 1e-9


@pytest.mark.parametrize("depth", range(9))
def test_depths(native, depth):
    widths = tuple(islice(cycle((20, 13, 8, 17)), depth))
    fields = {"activation": ACTIVATIONS[depth % 10], "norm": "layer" if depth > 4 else "none", "l1": 1e-4}
    agree(native, mixed(2, widths=widths, dropout=0.1, epochs=25, **fields)[1:], table(dtype=np.float64))


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("schedule", ["constant", "cosine", "onecycle"])
def test_schedules(native, schedule, optimiser):
    fields = {"schedule": schedule, "optimiser": optimiser, "epochs": 34, "batch_size": 20}
    agree(native, mixed(3, widths=(12,), **fields)[2:], table(dtype=np.float64))


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize(("l1", "l2", "decoupled"), [(0.01, 0, True), (0, 0.1, True), (0.01, 0.1, False)])
def test_penalties(native, l1, l2, decoupled, optimiser):
    fields = {"l1": l1, "l2": l2, "decoupled": decoupled, "optimiser": optimiser, "momentum": 0.5}
    agree(native, mixed(1, widths=(12, 10), epochs=25, activation="tanh", **fields), table(dtype=np.float64))


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("clip", [0.05, 0.8, 1e3])
def test_clipping(native, clip, optimiser):
    members = mixed(2, widths=(13,), clip=clip, optimiser=optimiser, l2=0.05, decoupled=False, epochs=25)
    agree(native, members[1:], table(dtype=np.float64))


@pytest.mark.parametrize(("norm", "place"), [NORMS[0], NORMS[1], NORMS[4]])
@pytest.mark.parametrize(
    ("loss", "outputs"), [("likelihood", 1), ("huber", 1), ("likelihood", 9), ("huber", 2)]
)
def test_numbers_of_several_outputs_with_weights(native, loss, outputs, norm, place):
    made = weighted(table(outputs=outputs, classes=False, dtype=np.float64))
    fields = {"norm": norm, "norm_place": place, "label_smoothing": 0.0, "loss": loss, "epochs": 25}
    agree(native, mixed(2, widths=(13, 24), dropout_kind="gaussian", **fields)[1:], made)


def weighted(made):
    rows = np.linspace(0.2, 3.0, 90)
    return replace(made, sources={k: replace(s, weight=rows) for k, s in made.sources.items()})


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("outputs", [2, 3, 17])
def test_classes_with_weights_and_smoothing(native, outputs, smoothing):
    made = weighted(table(outputs=outputs, dtype=np.float64))
    fields = {"label_smoothing": smoothing, "input_dropout": 0.2, "epochs": 25}
    agree(native, mixed(3, widths=(19,), **fields)[2:], made)


@pytest.mark.parametrize(("batch", "epochs"), [(1, 2), (2, 4), (7, 12), (59, 50), (60, 100), (500, 100)])
def test_batches_from_one_row_to_all(native, batch, epochs):
    """60 training rows: no tail, tails of four rows and of one, the full batch."""
    agree(native, mixed(2, norm="layer", batch_size=batch, epochs=epochs)[1:], table(dtype=np.float64))


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("place", ["before", "after"])
def test_a_tail_of_one_row_with_batch_norm(native, place, optimiser):
    made = table(92, dtype=np.float64)
    assert {len(source.train) % 20 for source in made.sources.values()} == {1}
    fields = {"norm": "batch", "norm_place": place, "optimiser": optimiser, "batch_size": 20, "epochs": 25}
    agree(native, mixed(4, **fields)[3:], made)


@pytest.mark.parametrize("place", ["before", "after"])
def test_batches_of_one_row_give_the_shift_and_collect_nothing(native, place):
    made = table(dtype=np.float64)
    fields = {"norm": "batch", "norm_place": place, "activation": "tanh"}
    member = mixed(1, **fields, batch_size=1, epochs=2)[0]
    agree(native, [member], made)
    params = native([member], made, dtype="float64").states[0].params
    gain, shift, mean, variance = layout((20,), 5, 3, "batch")[0].norm_of(params)
    assert (gain == 1).all()
    assert shift.all()
    assert not mean.any()
    assert (variance == 1).all()


def test_early_stopping_keeps_the_best_weights(native):
    made = table(60, dtype=np.float64)
    fields = {"schedule": "constant", "dropout": 0.0, "l1": 0.0}
    members = mixed(4, widths=(20,), patience=2, lr=0.05, epochs=40, **fields)
    for member, state in zip(members, native(members, made, dtype="float64").states, strict=True):
        assert state.epoch < 40
        assert worst(state, oracle.train(member, made)) <= 1e-9


@pytest.mark.parametrize(("norm", "place"), NORMS)
@pytest.mark.parametrize("activation", ["relu", "tanh", "selu"])
def test_signs_equal_their_definitions(native, activation, norm, place):
    made = table(300, dtype=np.float64)
    fields = {"norm": norm, "norm_place": place, "clip": 0.3, "optimiser": "sgd", "activation": activation}
    member = mixed(2, widths=(13, 9), lr=0.02, batch_size=2, epochs=1, **fields)[1]
    state, twin = native([member], made, dtype="float64").states[0], oracle.train(member, made)
    assert state.signs.keys() == twin.signs.keys()
    for name, rows in twin.signs.items():
        assert np.allclose(state.signs[name], rows, rtol=1e-6, atol=1e-9), name


# Controls ------------------------------------------------------------------------------------------

FULL = {
    "norm": "batch",
    "dropout_kind": "gaussian",
    "dropout": 0.3,
    "input_dropout": 0.1,
    "clip": 0.5,
    "l1": 1e-3,
    "l2": 1e-2,
    "decoupled": True,
    "label_smoothing": 0.1,
    "optimiser": "sgd",
    "momentum": 0.9,
    "schedule": "cosine",
    "activation": "gelu",
}
CHANGES = [
    {"norm_place": "after"},
    {"norm": "layer"},
    {"dropout_kind": "bernoulli"},
    {"dropout_kind": "dropconnect"},
    {"dropout": 0.3001},
    {"input_dropout": 0.12},
    {"clip": 0.501},
    {"l1": 1.01e-3},
    {"l2": 1.01e-2},
    {"decoupled": False},
    {"label_smoothing": 0.1001},
    {"optimiser": "adam"},
    {"momentum": 0.9001},
    {"schedule": "onecycle"},
    {"activation": "silu"},
    {"lr": 1.0001e-3},
    {"batch_size": 15},
]


@pytest.fixture(scope="module")
def full(native):
    """A member of `FULL`, its table, and its state after a training that agrees with the twin."""
    made = table(dtype=np.float64)
    member = mixed(1, widths=(13, 9), **FULL, epochs=8)[0]
    state = native([member], made, dtype="float64").states[0]
    assert worst(state, oracle.train(member, made)) <= 1e-9
    return member, made, state


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_control_another_recipe_of_the_same_draws_disagrees(full, change):
    member, made, state = full
    other = replace(member, design=replace(member.design, **change))
    other.__dict__["key"] = member.key  # the same draws as `member`: only the recipe differs
    twin = oracle.train(other, made)
    assert relative(state.train_loss, twin.train_loss) > 3e-8
    assert relative(state.valid_loss, twin.valid_loss) > 3e-8


def test_control_the_comparison_of_engines_sees_a_small_difference(native):
    member, made = mixed(1, activation="tanh")[0], table(dtype=np.float64)
    state = native([member], made, dtype="float64").states[0]
    assert apart(state, state) == 0
    nudged = replace(state, params=state.params * (1 + 1e-8))
    assert apart(nudged, state) > 1e-9
    with pytest.raises(AssertionError):
        apart(state, replace(state, signs=state.signs | {"dead": state.signs["dead"] + 0.1}))


# All fields at once --------------------------------------------------------------------------------

designs = st.builds(
    Design,
    widths=st.lists(st.integers(1, 40), max_size=4).map(tuple),
    activation=st.sampled_from(ACTIVATIONS),
    initialisation=st.sampled_from(["lecun", "glorot", "he", "orthogonal", "torch"]),
    norm=st.sampled_from(["none", "batch", "layer"]),
    norm_place=st.sampled_from(["before", "after"]),
    dropout=st.sampled_from([0.0, 1e-6, 0.2, 0.8]),
    input_dropout=st.sampled_from([0.0, 0.2]),
    dropout_kind=st.sampled_from(KINDS),
    l1=st.sampled_from([0.0, 1e-3]),
    l2=st.sampled_from([0.0, 1e-2]),
    decoupled=st.booleans(),
    label_smoothing=st.sampled_from([0.0, 0.1]),
    loss=st.sampled_from(["likelihood", "huber"]),
    optimiser=st.sampled_from(OPTIMISERS),
    momentum=st.sampled_from([0.0, 0.9]),
    lr=st.sampled_from([1e-4, 1e-3]),
    clip=st.sampled_from([0.0, 0.1, 1.0]),
    schedule=st.sampled_from(["constant", "cosine", "onecycle"]),
    batch_size=st.integers(1, 50),
    patience=st.sampled_from([0, 3]),
)


@cache
def rows_of(outputs, classes, weights):
    made = table(60, 4, outputs, classes=classes, dtype=np.float64)
    rows = np.linspace(0.2, 3.0, 60)
    return replace(
        made, sources={k: replace(s, weight=rows if weights else None) for k, s in made.sources.items()}
    )


@settings(max_examples=40, deadline=None)
@given(designs, st.integers(0, 3), st.sampled_from([1, 3]), st.booleans(), st.booleans())
def test_any_design_agrees(native, design, replicate, outputs, classes, weights):
    assume(not at_a_kink(design) and not of_few_numbers(design))
    if classes:
        design, outputs = replace(design, loss="likelihood"), max(outputs, 2)
    else:
        design = replace(design, label_smoothing=0.0)
    design = replace(design, epochs=-(-100 // -(-40 // min(40, design.batch_size))))
    member, made = Member(design, replicate % 2, replicate), rows_of(outputs, classes, weights)
    state, twin = native([member], made, dtype="float64").states[0], oracle.train(member, made)
    assert state.epoch == len(twin.params)
    assert np.allclose(state.train_loss, twin.train_loss, rtol=1e-9)
    assert np.allclose(state.valid_loss, twin.valid_loss, rtol=1e-9 + slack_of(design, design.norm))
    for block in layout(design.widths, 4, outputs, design.norm):
        own, other = (block_parts(block, params) for params in (state.params, twin.params[-1]))
        for number, (a, b) in enumerate(zip(own, other, strict=True)):
            slack = slack_of(design, block.norm) if number in (1, 4) else 0.0  # the bias and the mean
            assert np.allclose(a, b, rtol=1e-9, atol=1e-9 + slack), (block, number)


def block_parts(block, params):
    return [block.weights_of(params), block.biases_of(params), *block.norm_of(params)]


def slack_of(design, norm):
    """What rounding alone may move a bias by, beyond 1e-9, and what is computed of it.

    A batch norm before the activation takes the layer's bias away again: its true gradient is 0, what either
    side computes is rounding noise, up to about 1e-13 where rows hardly differ, and Adam and RMSprop make a
    step of lr · noise / 1e-8 of it. The collected mean follows the bias in about ten steps; in training no
    output sees any of it, in evaluation the part that has not been followed yet.
    """
    noisy = norm == "batch" and design.norm_place == "before" and design.optimiser != "sgd"
    return 100 * design.lr * 1e-13 / 1e-8 if noisy else 0.0


def at_a_kink(design):
    """Whether rounding alone may decide on which side of a kink an activation is.

    Where all units or weights before a unit are dropped, it is the same number in every row, batch norm
    leaves 0 or the rounding noise of their mean, and a slope that jumps at 0 makes two different gradients
    of that.
    """
    jumps = design.activation in ("relu", "leaky_relu", "selu")
    drops = design.dropout > 0.01 and design.dropout_kind != "gaussian"
    return jumps and drops and design.norm == "batch"


def of_few_numbers(design):
    """Whether a norm is taken over two or three numbers, or a layer norm over one.

    Two numbers are normalised to ±1 whatever they are, so that the gradient which passes is the small
    difference of large terms, in every layer anew; rounding is then no longer small beside it.
    """
    batch = min(design.batch_size, 40)
    if design.norm == "layer":
        return min(design.widths, default=4) < 4
    return design.norm == "batch" and {batch, 40 % batch} & {2, 3} != set()


# Float32 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("norm", "place"), NORMS)
@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "softplus"])
def test_one_steps_gradient_in_float32(native, activation, norm, place, kind):
    """A full batch, plain SGD, and a rate at which the old weights w drown: (w − w') / lr is the gradient."""
    made, lr = table(), 1e4
    fields = {"norm": norm, "norm_place": place, "dropout_kind": kind, "activation": activation}
    step = {"optimiser": "sgd", "momentum": 0.0, "lr": lr, "batch_size": 60, "epochs": 1}
    member = Member(Design((24, 17), dropout=0.25, **fields, **step), 0, 0)
    exact = initial_params(member.design, member.key, 5, 3) - oracle.train(member, made).params[-1]
    first = native([member], made, until=0).states[0].params.astype(np.float64)
    found = first - native([member], made).states[0].params
    for block in layout((24, 17), 5, 3, norm):
        own, other = (block_parts(block, moved)[:4] for moved in (found, exact))
        for number, (a, b) in enumerate(zip(own, other, strict=True)):
            if number == 1 and block.norm == "batch" and place == "before":
                assert np.linalg.norm(a) < 1e-5 * np.linalg.norm(own[0])  # truly 0, see slack_of
            else:
                assert relative(a, b) < 1e-5, (block, number)
                assert relative(a, 1.0001 * b) > 5e-5  # control: the bound sees a ten-thousandth


@pytest.mark.parametrize(
    ("activation", "optimiser", "normed"),
    list(zip(SMOOTH, cycle(OPTIMISERS), cycle(NORMS), strict=False)),
    ids=str,
)
def test_a_hundred_steps_in_float32_stay_within_a_ten_thousandth(native, activation, optimiser, normed):
    """Smooth activations at rates up to 1e-3."""
    made = table()
    norm, place = normed
    fields = {"norm": norm, "norm_place": place, "dropout": 0.2, "clip": 1.0, "lr": 1e-3, "epochs": 25}
    member = Member(
        Design((20, 12), activation=activation, optimiser=optimiser, batch_size=16, **fields), 0, 0
    )
    state, twin = native([member], made).states[0], oracle.train(member, made)
    assert state.step == 100
    assert relative(state.params, twin.params[-1]) <= 1e-4
    assert np.allclose(state.train_loss, twin.train_loss, rtol=1e-4)
    assert np.allclose(state.valid_loss, twin.valid_loss, rtol=1e-4)
    other = replace(member, design=replace(member.design, lr=1.02e-3))
    other.__dict__["key"] = member.key  # control: the same draws at another rate
    assert relative(state.params, oracle.train(other, made).params[-1]) > 1e-4


def drifts(native, members, made):
    """How far each engine's float32 is from the torch engine's float64: two lists."""
    exact = cases.train(members, made, dtype="float64").states
    single = cases.train(members, made).states, native(members, made).states
    return [[relative(a.params, b.params) for a, b in zip(own, exact, strict=True)] for own in single]


@pytest.mark.parametrize("lr", [1e-3, 3e-2])
def test_elsewhere_float32_drifts_no_more_than_the_torch_engines(native, lr):
    made = table()
    designs = [
        Design(
            widths,
            activation=activation,
            norm=norm,
            norm_place=place,
            lr=lr,
            dropout=0.2,
            batch_size=16,
            epochs=25,
        )
        for widths in [(20,), (20, 12)]
        for activation in ("relu", "leaky_relu", "elu", "selu", "gelu")
        for norm, place in NORMS
    ]
    members = [Member(design, 0, i) for i, design in enumerate(designs)]
    torches, natives = drifts(native, members, made)
    assert 0 < np.median(torches) < 1e-2
    assert [i for i, (a, b) in enumerate(zip(natives, torches, strict=True)) if a > 10 * b] == []


def test_control_another_rate_drifts_more(native):
    made = table()
    design = Design((20,), activation="relu", lr=1e-3, batch_size=16, epochs=25)
    member = Member(design, 0, 0)
    other = Member(replace(design, lr=1.01e-3), 0, 0)
    other.__dict__["key"] = member.key
    exact = cases.train([member], made, dtype="float64").states[0].params
    torches = relative(cases.train([member], made).states[0].params, exact)
    assert relative(native([other], made).states[0].params, exact) > 10 * torches
