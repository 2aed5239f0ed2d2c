"""Bodies of networks: what reads pictures and texts, against loops over pixels, words and gates."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles import bodies as naive
from torch.fx import symbolic_trace
from torch.nn import functional

from profunda.data.inputs import Inputs, Picture, Tokens
from profunda.errors import SpaceError
from profunda.fleet.forward import outputs
from profunda.fleet.thinning import TrainingStep
from profunda.networks.bodies.reading import read_by
from profunda.networks.dense import build, flatten, load
from profunda.networks.initial import initial_params
from profunda.networks.layout import layout_of
from profunda.networks.passing import ACTIVATIONS, entering
from profunda.space.bodies import body_of
from profunda.space.design import Design

PICTURE = Inputs((0,) * 70 + (1, 2), tuple(range(71)), picture=Picture(2, 5, 7))
TEXT = Inputs((0,) * 9 + (1,), (9,), tokens=Tokens(9, 30))
KINDS = {"conv": PICTURE, "residual": PICTURE, "bag": TEXT, "lstm": TEXT, "attention": TEXT}
ACTS = {"relu": lambda x: np.maximum(x, 0.0), "tanh": np.tanh}


def made(kind, norm="none", width=4, depth=2, activation="relu", seed=1):
    """A design, its layout, and parameters of which none is at what it starts from."""
    design = Design((3,), body=kind, body_width=width, body_depth=depth, norm=norm, activation=activation)
    layout = layout_of(design, KINDS[kind], 2)
    rng = np.random.default_rng(seed)
    params = initial_params(design, seed, KINDS[kind], 2) + 0.3 * rng.normal(size=layout.size)
    for place in layout.front.places:
        if place.slot.role == "collected":
            place.weights_of(params)[1] = rng.uniform(0.5, 2.0, place.slot.shape[1])
    return design, layout, params


def texts(rng, count=6):
    x = np.zeros((count, 10))
    lengths = [0, 1, 9, *rng.integers(2, 9, count - 3)]
    for row, length in enumerate(lengths):
        x[row, :length] = rng.integers(1, 30, length)
    x[:, 9] = rng.normal(size=count)
    return x, lengths


@pytest.mark.parametrize("activation", ACTS)
@pytest.mark.parametrize("norm", ["none", "batch", "layer", "group"])
@pytest.mark.parametrize("kind", ["conv", "residual"])
def test_pictures_are_read_as_by_loops_over_pixels(kind, norm, activation):
    _, layout, params = made(kind, norm, 8 if norm == "group" else 4, 2, activation)
    x = np.random.default_rng(0).normal(size=(3, len(PICTURE)))
    body = layout.front.body
    expected = getattr(naive, kind)(
        body,
        naive.tensors_of(body, layout.front.inside, params),
        x[:, :70].reshape(3, 2, 5, 7),
        ACTS[activation],
    )
    held = layout.front.held(torch.from_numpy(params))
    found = read_by(held, torch.from_numpy(x), ACTIVATIONS[activation]).numpy()
    assert found.shape == (3, body.width)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kind", ["conv", "residual"])
def test_in_training_batch_norm_goes_by_the_batch_and_collects_it(kind):
    design, layout, params = made(kind, "batch")
    x = np.random.default_rng(0).normal(size=(3, len(PICTURE)))
    body, before = layout.front.body, naive.tensors_of(layout.front.body, layout.front.inside, params.copy())
    vector = torch.from_numpy(params)
    step = TrainingStep(design, 5, 0, None)
    found = read_by(layout.front.held(vector), torch.from_numpy(x), torch.relu, step).numpy()
    pictures = x[:, :70].reshape(3, 2, 5, 7)
    expected = getattr(naive, kind)(body, before, pictures, ACTS["relu"], training=True)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    step.collect(vector)
    after = naive.tensors_of(body, layout.front.inside, params)
    name = "stage0" if kind == "conv" else "stem"
    entered = np.stack([naive.convolved(p, before[f"{name}.weights"], None, 1) for p in pictures])
    for c in range(entered.shape[1]):
        mean, variance = entered[:, c].mean(), entered[:, c].var(ddof=1)
        old = before[f"{name}.collected"][:, c]
        np.testing.assert_allclose(
            after[f"{name}.collected"][:, c], 0.9 * old + 0.1 * np.array([mean, variance])
        )


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("kind", ["bag", "lstm", "attention"])
def test_texts_are_read_as_by_loops_over_words(kind, depth):
    _, layout, params = made(kind, width=16 if kind == "attention" else 4, depth=depth)
    x, lengths = texts(np.random.default_rng(depth))
    body = layout.front.body
    tensors = naive.tensors_of(body, layout.front.inside, params)
    expected = [
        getattr(naive, kind)(body, tensors, row[:length].astype(int).tolist())
        for row, length in zip(x, lengths, strict=True)
    ]
    held = layout.front.held(torch.from_numpy(params))
    for whole in (False, True):
        found = read_by(held, torch.from_numpy(x), torch.relu, whole=whole).numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


def test_the_loops_notice_a_wrong_network():
    """The oracle can fail: another order of gates, another border, another hash give other numbers."""
    _, layout, params = made("lstm")
    body, start = layout.front.body, layout.front.inside
    tensors = naive.tensors_of(body, start, params)
    swapped = {**tensors, "forwards0.biases": np.roll(tensors["forwards0.biases"], 4)}
    assert not np.allclose(naive.lstm(body, tensors, [1, 2, 3]), naive.lstm(body, swapped, [1, 2, 3]))
    picture, weights = np.ones((1, 3, 3)), np.ones((1, 1, 3, 3))
    assert naive.convolved(picture, weights, None, 1)[0].tolist() == [[4, 6, 4], [6, 9, 6], [4, 6, 4]]
    _, layout, params = made("bag")
    tensors = naive.tensors_of(layout.front.body, layout.front.inside, params)
    one, other = (naive.bag(layout.front.body, tensors, words) for words in ([1, 2], [2, 1]))
    assert not np.allclose(one, other)


@pytest.mark.parametrize("kind", KINDS)
def test_a_module_is_the_network_and_can_be_traced(kind):
    design, _, params = made(kind, "batch" if KINDS[kind] is PICTURE else "none")
    rng = np.random.default_rng(3)
    x = texts(rng)[0] if KINDS[kind] is TEXT else rng.normal(size=(4, len(PICTURE)))
    module = load(build(design, KINDS[kind], 2).double().eval(), params)
    np.testing.assert_array_equal(flatten(module), params)
    expected = outputs(design, params, x, KINDS[kind])
    with torch.no_grad():
        np.testing.assert_allclose(module(torch.from_numpy(x)), expected, rtol=1e-9, atol=1e-9)
        traced = symbolic_trace(module)
        np.testing.assert_allclose(traced(torch.from_numpy(x[:1])), expected[:1], rtol=1e-9, atol=1e-9)
    assert sum(p.numel() for p in module.parameters()) == design.parameters(KINDS[kind], 2)


@pytest.mark.parametrize("kind", ["conv", "residual"])
def test_a_module_in_training_collects_what_a_fleet_collects(kind):
    design, layout, params = made(kind, "batch")
    x = np.random.default_rng(0).normal(size=(6, len(PICTURE)))
    module = load(build(design, PICTURE, 2).double().train(), params)
    module(torch.from_numpy(x))
    vector = torch.from_numpy(params.copy())
    step = TrainingStep(design, 5, 0, None)
    read_by(layout.front.held(vector), torch.from_numpy(x), torch.relu, step)
    step.collect(vector)
    end = layout.front.end
    np.testing.assert_allclose(flatten(module)[:end], vector.numpy()[:end], rtol=1e-9)


@given(
    kind=st.sampled_from(["conv", "residual"]),
    channels=st.integers(1, 4),
    height=st.integers(2, 40),
    width=st.integers(2, 40),
    depth=st.integers(1, 4),
    norm=st.sampled_from(["none", "batch", "layer", "group"]),
)
@settings(max_examples=60, deadline=None)
def test_any_picture_gives_so_many_numbers_or_is_refused(kind, channels, height, width, depth, norm):
    count = channels * height * width
    inputs = Inputs((0,) * count, tuple(range(count)), picture=Picture(channels, height, width))
    design = Design((), body=kind, body_width=2, body_depth=depth, norm=norm)
    if min(height, width) >> (depth if kind == "conv" else depth - 1) < 1:
        with pytest.raises(SpaceError, match="cannot be halved so often"):
            design.body_on(inputs)
        return
    params = initial_params(design, 0, inputs, 3)
    found = outputs(design, params, np.zeros((2, count)), inputs)
    assert found.shape == (2, 3)
    assert len(params) - sum(s.size for s in design.body_on(inputs).slots if s.role == "collected") == (
        design.parameters(inputs, 3)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_dropconnect_drops_nothing_inside_a_body(kind):
    design = Design((3,), body=kind, dropout=0.5, dropout_kind="dropconnect")
    module = build(design, KINDS[kind], 2).double().train()
    load(module, initial_params(design, 1, KINDS[kind], 2))
    rng = np.random.default_rng(3)
    x = texts(rng)[0] if KINDS[kind] is TEXT else rng.normal(size=(4, len(PICTURE)))
    body, rows = module[0].body, torch.from_numpy(x)
    with torch.no_grad():
        found = body(rows)
        assert torch.equal(found, body.eval()(rows))
    other = build(replace(design, dropout_kind="bernoulli"), KINDS[kind], 2)[0].body
    assert other.drop == 0.5  # control


@pytest.mark.parametrize("kind", ["bag", "lstm", "attention"])
def test_words_are_dropped_as_in_a_fleet(kind):
    design = Design((3,), body=kind, input_dropout=0.5)
    layout, params = layout_of(design, TEXT, 2), initial_params(design, 1, TEXT, 2)
    module = load(build(design, TEXT, 2).double().train(), params)
    x = torch.from_numpy(texts(np.random.default_rng(3))[0])
    torch.manual_seed(5)
    factors = functional.dropout(torch.ones_like(x), 0.5)
    dropped = x.clone()
    dropped[:, 9] *= factors[:, 9]
    vector = torch.from_numpy(params)
    expected, whole = (
        entering(layout.front, "relu", vector, dropped, TrainingStep(design, 5, 0, given))
        for given in (factors, None)
    )
    torch.manual_seed(5)
    with torch.no_grad():
        torch.testing.assert_close(module[0](x), expected, rtol=1e-9, atol=1e-12)
    assert not torch.allclose(whole, expected)


def test_dropout_inside_is_drawn_once_a_step_and_keeps_the_mean():
    step = TrainingStep(Design((3,), dropout=0.5, body="attention"), 5, 0, None)
    h = torch.ones(400, 9, 16, dtype=torch.float64)
    first = step.drop_inside(1, h)
    assert torch.equal(first, step.drop_inside(1, h))
    assert not torch.equal(first, step.drop_inside(2, h))
    assert set(first.unique().tolist()) == {0.0, 2.0}
    assert first.mean().item() == pytest.approx(1.0, abs=0.02)
    other = TrainingStep(Design((3,), dropout=0.5, body="attention"), 5, 1, None)
    assert not torch.equal(first, other.drop_inside(1, h))


@pytest.mark.parametrize(
    ("kind", "inputs", "message"),
    [
        ("conv", TEXT, 'body = "conv" reads pictures, but the inputs are none'),
        ("lstm", PICTURE, 'body = "lstm" reads texts, but the inputs have none'),
        (
            "dense",
            Inputs((0,) * 9, (), tokens=Tokens(9, 30)),
            'body = "dense" reads numbers, but the only input is text',
        ),
    ],
)
def test_a_body_without_anything_to_read_is_refused(kind, inputs, message):
    with pytest.raises(SpaceError, match=message):
        body_of(kind, 4, 1, "none", inputs)


def test_first_tensors_are_what_they_are_called():
    design = Design((), body="lstm", body_width=8, body_depth=1)
    layout = layout_of(design, TEXT, 2)
    params = initial_params(design, 7, TEXT, 2)
    held = layout.front.held(params)
    assert (held["words"][0] == 0).all()
    assert held["words"][1:].std() == pytest.approx(0.1, rel=0.2)
    assert held["forwards0.biases"].tolist() == [0.0] * 8 + [1.0] * 8 + [0.0] * 16
    state = held["forwards0.state"]
    np.testing.assert_allclose(state.T @ state, np.eye(8), atol=1e-9)
    pictured = Design((), body="conv", body_width=64, body_depth=1, norm="batch")
    held = layout_of(pictured, PICTURE, 2).front.held(initial_params(pictured, 7, PICTURE, 2))
    assert held["stage0.weights"].var() == pytest.approx(2.0 / 18.0, rel=0.15)
    assert held["stage0.norm"].tolist() == [[1.0] * 64, [0.0] * 64]
    assert held["stage0.collected"].tolist() == [[0.0] * 64, [1.0] * 64]


def test_a_design_with_a_body_goes_through_json():
    design = Design((), body="residual", body_width=24, body_depth=3, flip=0.5)
    assert Design.from_json(json.dumps(design.to_json())) == design


@pytest.mark.parametrize("norm", ["layer", "group"])
def test_one_row_of_one_unit_has_a_norm_too(norm):
    """It gives β, as of one number nothing is left beside its mean."""
    pixel = Inputs((0,), (0,), picture=Picture(1, 1, 1))
    design = Design((1,), body="residual", body_width=1, body_depth=1, norm=norm)
    layout = layout_of(design, pixel, 2)
    params = initial_params(design, 1, pixel, 2)
    x = np.array([[0.5], [-2.0]])
    alone = [outputs(design, params, x[row : row + 1], pixel) for row in (0, 1)]
    np.testing.assert_allclose(np.concatenate(alone), outputs(design, params, x, pixel))
    assert layout.blocks[0].norm == norm
