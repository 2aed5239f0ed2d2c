"""The engine against the naive twin: autograd, torch.optim, a loop."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fleet.cases import mixed, table, train
from tests.oracles import fleet as oracle

from profunda.fleet.forward import outputs as forward
from profunda.fleet.member import Member
from profunda.networks.layout import layout
from profunda.space.design import Design
from profunda.vitals.signs import sign_interval

NORMS = [("batch", "before"), ("batch", "after"), ("layer", "before"), ("layer", "after")]
ACTIVATIONS = ["relu", "leaky_relu", "tanh", "sigmoid", "elu", "selu", "gelu", "silu", "softplus", "mish"]


def relative(a, b):
    return float(np.linalg.norm(np.asarray(a, np.float64) - b) / np.linalg.norm(b))


def agree(members, made, least_steps=100):
    """Train `members` in float64 and hold everything that comes of it against the twin."""
    for member, state in zip(members, train(members, made, dtype="float64").states, strict=True):
        twin = oracle.train(member, made)
        assert state.step >= least_steps
        assert relative(state.params, twin.params[-1]) < 1e-9
        assert relative(state.best_params, twin.params[twin.best_epoch - 1]) < 1e-9
        assert np.allclose(state.train_loss, twin.train_loss, rtol=1e-9)
        assert np.allclose(state.valid_loss, twin.valid_loss, rtol=1e-9)
        assert state.best_epoch == twin.best_epoch
        source = made.source(member)
        outputs = forward(member.design, state.best_params, source.x[source.valid])
        assert np.allclose(outputs, twin.outputs, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("optimiser", ["adam", "sgd", "rmsprop"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_float64_agrees_with_autograd(activation, optimiser):
    made = table(dtype=np.float64)
    members = mixed(3, widths=(13, 9), activation=activation, optimiser=optimiser, lr=2e-3, epochs=5)
    result = train(members, made, dtype="float64")
    for member, state in zip(members, result.states, strict=True):
        twin = oracle.train(member, made)
        assert relative(state.params, twin.params[-1]) < 1e-9
        assert np.allclose(state.train_loss, twin.train_loss, rtol=1e-9)
        assert np.allclose(state.valid_loss, twin.valid_loss, rtol=1e-9)
        assert state.best_epoch == twin.best_epoch
        source = made.source(member)
        outputs = forward(member.design, state.best_params, source.x[source.valid])
        assert np.allclose(outputs, twin.outputs, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(
    ("loss", "outputs"), [("likelihood", 1), ("huber", 1), ("likelihood", 3), ("huber", 2)]
)
def test_float64_agrees_with_autograd_on_numbers(loss, outputs):
    made = table(outputs=outputs, classes=False, dtype=np.float64)
    members = mixed(3, widths=(13,), loss=loss, label_smoothing=0.0)
    result = train(members, made, dtype="float64")
    for member, state in zip(members, result.states, strict=True):
        twin = oracle.train(member, made)
        assert relative(state.params, twin.params[-1]) < 1e-9
        assert np.allclose(state.train_loss, twin.train_loss, rtol=1e-9)
        assert np.allclose(state.valid_loss, twin.valid_loss, rtol=1e-9)


@pytest.mark.parametrize("weight", [False, True])
def test_linear_model_and_weights_agree(weight):
    made = table(dtype=np.float64)
    if weight:
        rows = np.linspace(0.2, 3.0, 90)
        made = replace(made, sources={k: replace(s, weight=rows) for k, s in made.sources.items()})
    members = mixed(3, widths=(), dropout=0.0)
    result = train(members, made, dtype="float64")
    for member, state in zip(members, result.states, strict=True):
        assert relative(state.params, oracle.train(member, made).params[-1]) < 1e-9


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_two_hundred_steps(dtype):
    made = table(dtype=np.float64 if dtype == "float64" else np.float32)
    designs = [
        Design((20, 12), activation=name, dropout=0.2, lr=3e-4, batch_size=16, epochs=50)
        for name in ("tanh", "gelu", "silu", "sigmoid")
    ]
    members = [Member(design, 0, i) for i, design in enumerate(designs)]
    result = train(members, made, dtype=dtype)
    for member, state in zip(members, result.states, strict=True):
        twin = oracle.train(member, made, getattr(torch, dtype))
        assert state.step == 200
        assert relative(state.params, twin.params[-1]) < (1e-9 if dtype == "float64" else 1e-5)


def test_control_a_slightly_different_recipe_disagrees():
    made = table(dtype=np.float64)
    member = mixed(1, widths=(13,), activation="tanh")[0]
    state = train([member], made, dtype="float64").states[0]
    other = replace(member, design=replace(member.design, lr=member.design.lr * 1.0001))
    # The same draws as `member`: only the rate differs.
    other.__dict__["key"] = member.key
    assert relative(state.params, oracle.train(member, made).params[-1]) < 1e-9
    assert relative(state.params, oracle.train(other, made).params[-1]) > 1e-7


def test_padded_widths_equal_the_unpadded_network():
    made = table(dtype=np.float64)
    for widths in ((1,), (7, 3), (9, 17, 25)):
        for activation in ("sigmoid", "softplus", "relu"):
            member = mixed(1, widths=widths, activation=activation, dropout=0.4)[0]
            state = train([member], made, dtype="float64").states[0]
            assert relative(state.params, oracle.train(member, made).params[-1]) < 1e-9


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "elu", "selu", "gelu"])
def test_signs_equal_their_definitions(activation):
    made = table(300, dtype=np.float64)
    members = mixed(
        3, widths=(13, 9), activation=activation, lr=0.02, optimiser="sgd", batch_size=2, epochs=2
    )
    for member, state in zip(members, train(members, made, dtype="float64").states, strict=True):
        twin = oracle.train(member, made)
        assert sign_interval(100) == 1
        assert state.sign_epochs.tolist() == list(range(1, state.epoch + 1))
        for name, rows in twin.signs.items():
            assert np.allclose(state.signs[name], rows[: state.epoch], rtol=1e-6, atol=1e-9), name


def test_signs_see_dead_units():
    made = table()
    member = mixed(1, widths=(20, 20), activation="relu", dropout=0.0)[0]
    state = train([member], made, until=0).states[0]
    dead = replace(
        state, params=np.where(np.arange(len(state.params)) < 120, -5.0, state.params).astype(np.float32)
    )
    # All first-layer weights −5 would leave some rows alive: strongly negative biases kill every unit.
    dead.params[100:120] = -1e4
    assert train([member], made, states=[dead], until=1).states[0].signs["dead"][0].tolist() == [1.0, 1.0]
    assert train([member], made, until=1).states[0].signs["dead"][0].max() < 0.9


@pytest.mark.parametrize(("activation", "least"), [("tanh", 0.3), ("sigmoid", 0.3), ("relu", 0.0)])
def test_signs_see_saturation(activation, least):
    made, member = table(), mixed(1, widths=(20,), activation=activation, lr=1e-6)[0]
    state = train([member], made, until=0).states[0]
    steep = replace(state, params=state.params * 50)
    saturated = train([member], made, states=[steep], until=1).states[0].signs["saturated"][0, 0]
    assert saturated >= least
    assert saturated > 0 or activation == "relu"
    assert train([member], made, until=1).states[0].signs["saturated"][0, 0] < 0.1


def test_early_stopping_agrees_and_keeps_the_best_weights():
    made = table(60, dtype=np.float64)
    members = mixed(4, widths=(20,), patience=2, lr=0.05, schedule="constant", epochs=40, dropout=0.0, l1=0.0)
    result = train(members, made, dtype="float64")
    assert any(state.epoch < 40 for state in result.states)
    for member, state in zip(members, result.states, strict=True):
        twin = oracle.train(member, made)
        assert (state.epoch, state.best_epoch) == (len(twin.params), twin.best_epoch)
        assert relative(state.best_params, twin.params[twin.best_epoch - 1]) < 1e-7


@pytest.mark.parametrize("kind", ["bernoulli", "gaussian", "dropconnect"])
@pytest.mark.parametrize(("norm", "place"), [("none", "before"), *NORMS])
def test_norms_kinds_of_dropout_and_clipping_agree(norm, place, kind):
    """Three layers, an odd tail, and everything else that differs in `mixed`; some gradients are clipped."""
    fields = {"norm": norm, "norm_place": place, "dropout_kind": kind, "batch_size": 17, "epochs": 25}
    agree(mixed(9, widths=(13, 9, 16), clip=0.6, **fields)[8:], table(dtype=np.float64))


@pytest.mark.parametrize("optimiser", ["adam", "sgd", "rmsprop"])
@pytest.mark.parametrize("place", ["before", "after"])
def test_a_tail_of_one_row_with_batch_norm_agrees(place, optimiser):
    made = table(92, dtype=np.float64)
    assert {len(source.train) % 20 for source in made.sources.values()} == {1}
    agree(mixed(4, norm="batch", norm_place=place, optimiser=optimiser, batch_size=20, epochs=25)[2:], made)


@pytest.mark.parametrize("place", ["before", "after"])
def test_batches_of_one_row_give_the_shift_and_collect_nothing(place):
    made = table(dtype=np.float64)
    fields = {"norm": "batch", "norm_place": place, "activation": "tanh"}
    member = mixed(1, **fields, batch_size=1, epochs=2)[0]
    agree([member], made)
    params = train([member], made, dtype="float64").states[0].params
    gain, shift, mean, variance = layout((20,), 5, 3, "batch")[0].norm_of(params)
    assert (gain == 1).all()
    assert shift.all()
    assert not mean.any()
    assert (variance == 1).all()


@pytest.mark.parametrize(("norm", "place"), NORMS)
@pytest.mark.parametrize(("loss", "outputs"), [("likelihood", 1), ("huber", 2)])
def test_norms_agree_on_weighted_numbers(norm, place, loss, outputs):
    made = table(outputs=outputs, classes=False, dtype=np.float64)
    rows = np.linspace(0.2, 3.0, 90)
    made = replace(made, sources={k: replace(s, weight=rows) for k, s in made.sources.items()})
    fields = {"norm": norm, "norm_place": place, "label_smoothing": 0.0, "loss": loss, "epochs": 25}
    agree(mixed(3, widths=(13, 24), dropout_kind="gaussian", **fields)[1:], made)


@pytest.mark.parametrize("optimiser", ["adam", "sgd", "rmsprop"])
@pytest.mark.parametrize("clip", [0.05, 0.8, 1e3])
def test_clipping_agrees(clip, optimiser):
    made = table(dtype=np.float64)
    members = mixed(2, widths=(13,), clip=clip, optimiser=optimiser, epochs=25)
    agree(members, made)
    unclipped = [replace(m, design=replace(m.design, clip=0.0)) for m in members[:1]]
    unclipped[0].__dict__["key"] = members[0].key  # the same draws: only the clipping differs
    other = oracle.train(unclipped[0], made).params[-1]
    difference = relative(train(members[:1], made, dtype="float64").states[0].params, other)
    assert difference < 1e-12 if clip == 1e3 else difference > 1e-7


@pytest.mark.parametrize(
    "change",
    [
        {"norm_place": "after"},
        {"norm": "layer"},
        {"dropout_kind": "bernoulli"},
        {"dropout_kind": "dropconnect"},
        {"clip": 0.501},
    ],
)
def test_control_another_recipe_of_the_same_draws_disagrees(change):
    made = table(dtype=np.float64)
    fields = {"norm": "batch", "dropout_kind": "gaussian", "dropout": 0.3, "clip": 0.5, "optimiser": "sgd"}
    member = mixed(1, widths=(13, 9), **fields, epochs=8)[0]
    state = train([member], made, dtype="float64").states[0]
    other = replace(member, design=replace(member.design, **change))
    other.__dict__["key"] = member.key
    assert relative(state.train_loss, oracle.train(member, made).train_loss) < 1e-9
    assert relative(state.train_loss, oracle.train(other, made).train_loss) > 1e-7


@pytest.mark.parametrize(
    ("norm", "place", "kind"),
    [
        ("none", "before", "dropconnect"),
        ("batch", "before", "gaussian"),
        ("batch", "after", "dropconnect"),
        ("layer", "before", "bernoulli"),
        ("layer", "after", "gaussian"),
    ],
)
def test_float32_stays_near(norm, place, kind):
    made = table()
    fields = {"norm": norm, "norm_place": place, "dropout_kind": kind, "dropout": 0.2, "clip": 1.0}
    members = [
        Member(Design((20, 12), activation=name, lr=3e-4, batch_size=16, epochs=50, **fields), 0, i)
        for i, name in enumerate(("tanh", "silu"))
    ]
    for member, state in zip(members, train(members, made).states, strict=True):
        twin = oracle.train(member, made)
        assert state.step == 200
        assert relative(state.params, twin.params[-1]) < 1e-5
        assert np.allclose(state.train_loss, twin.train_loss, rtol=1e-5)
        assert np.allclose(state.valid_loss, twin.valid_loss, rtol=1e-5)


@pytest.mark.parametrize(("norm", "place"), NORMS)
def test_signs_are_of_the_activations_and_of_what_is_trained(norm, place):
    made = table(300, dtype=np.float64)
    fields = {"norm": norm, "norm_place": place, "clip": 0.3, "optimiser": "sgd", "dropout_kind": "gaussian"}
    for member in mixed(2, widths=(13, 9), lr=0.02, batch_size=2, epochs=1, **fields):
        state, twin = train([member], made, dtype="float64").states[0], oracle.train(member, made)
        for name, rows in twin.signs.items():
            assert np.allclose(state.signs[name], rows, rtol=1e-6, atol=1e-9), name


designs = st.builds(
    Design,
    widths=st.lists(st.integers(1, 20), max_size=3).map(tuple),
    activation=st.sampled_from(ACTIVATIONS),
    norm=st.sampled_from(["none", "batch", "layer"]),
    norm_place=st.sampled_from(["before", "after"]),
    dropout=st.sampled_from([0.0, 0.2, 0.8]),
    input_dropout=st.sampled_from([0.0, 0.2]),
    dropout_kind=st.sampled_from(["bernoulli", "gaussian", "dropconnect"]),
    l1=st.sampled_from([0.0, 1e-3]),
    l2=st.sampled_from([0.0, 1e-2]),
    decoupled=st.booleans(),
    label_smoothing=st.sampled_from([0.0, 0.1]),
    optimiser=st.sampled_from(["sgd", "adam", "rmsprop"]),
    clip=st.sampled_from([0.0, 0.1, 1.0]),
    batch_size=st.integers(2, 50),
    schedule=st.sampled_from(["constant", "cosine", "onecycle"]),
    epochs=st.integers(1, 4),
)


@settings(max_examples=30, deadline=None)
@given(designs, st.integers(0, 3))
def test_any_design_agrees(design, replicate):
    made = table(60, 4, dtype=np.float64)
    member = Member(design, replicate % 2, replicate)
    state, twin = train([member], made, dtype="float64").states[0], oracle.train(member, made)
    assert np.allclose(state.train_loss, twin.train_loss, rtol=1e-8)
    assert np.allclose(state.valid_loss, twin.valid_loss, rtol=1e-8)
    assert np.allclose(state.params, twin.params[-1], rtol=1e-6, atol=1e-7)
