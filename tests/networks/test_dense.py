"""Designs as plain modules, first weights, and forward passes."""

import math

import numpy as np
import pytest
import torch
from tests.oracles import networks as oracle
from torch import nn

from profunda.errors import ModelError
from profunda.fleet.forward import outputs
from profunda.layers.dropout import DropConnect, GaussianDropout
from profunda.layers.initialisers import initial_layer
from profunda.networks.dense import activation_module, build, flatten, load
from profunda.networks.initial import initial_params
from profunda.networks.layout import layout
from profunda.space.design import Design
from profunda.theory.gains import orthogonal_gain, torch_bound, weight_variance


@pytest.mark.parametrize("widths", [(), (7,), (7, 4)])
def test_parameters_go_in_and_out_unchanged(widths):
    design = Design(widths, dropout=0.2, input_dropout=0.1)
    params = initial_params(design, 5, 6, 3).astype(np.float32)
    assert len(params) == design.parameters(6, 3) == layout(widths, 6, 3)[-1].end
    module = load(build(design, 6, 3), params)
    assert np.array_equal(flatten(module), params)
    assert isinstance(module[0], nn.Dropout)


@pytest.mark.parametrize(("norm", "vectors"), [("none", 0), ("layer", 2), ("batch", 4)])
def test_norms_lie_behind_the_biases_of_hidden_layers(norm, vectors):
    first, second, last = layout((7, 4), 6, 3, norm)
    assert (first.gains, first.end) == (6 * 7 + 7, 6 * 7 + 7 + vectors * 7)
    assert second.start == first.end
    assert last.end == last.gains == second.end + 4 * 3 + 3
    params = initial_params(Design((7, 4), norm=norm), 5, 6, 3)
    plain = initial_params(Design((7, 4)), 5, 6, 3)
    assert np.array_equal(second.weights_of(params), layout((7, 4), 6, 3)[1].weights_of(plain))
    assert second.norm_of(params).tolist() == [[value] * 4 for value in (1, 0, 0, 1)[:vectors]]
    assert layout((), 6, 3, norm) == layout((), 6, 3)


@pytest.mark.parametrize("widths", [(), (7,), (7, 4)])
def test_outputs_equal_a_loop_over_rows(widths):
    design = Design(widths, activation="tanh", dropout=0.5)
    params, x = initial_params(design, 5, 6, 3), np.random.default_rng(0).normal(size=(9, 6))
    blocks = [(b.start, b.fan_in, b.fan_out) for b in layout(widths, 6, 3)]
    expected = oracle.outputs(blocks, params, x, np.tanh)
    assert np.allclose(outputs(design, params, x), expected, rtol=1e-12, atol=1e-12)
    single = outputs(design, params.astype(np.float32), x.astype(np.float32))
    assert single.dtype == np.float32
    assert np.allclose(single, expected, atol=1e-5)
    assert not np.allclose(expected, oracle.outputs(blocks, params, x, lambda z: z)) or not widths


@pytest.mark.parametrize("kind", ["bernoulli", "gaussian", "dropconnect"])
@pytest.mark.parametrize(("norm", "place"), [("batch", "before"), ("batch", "after"), ("layer", "before")])
def test_modules_with_norms_are_the_forward_pass(norm, place, kind):
    design = Design((7, 4), activation="silu", norm=norm, norm_place=place, dropout=0.3, dropout_kind=kind)
    rng = np.random.default_rng(3)
    params = np.abs(
        initial_params(design, 5, 6, 3) + 0.3 * rng.normal(size=layout((7, 4), 6, 3, norm)[-1].end)
    )
    module, x = load(build(design, 6, 3).double(), params).eval(), rng.normal(size=(9, 6))
    assert np.array_equal(flatten(module), params)
    expected = outputs(design, params, x)
    with torch.no_grad():
        assert np.allclose(module(torch.from_numpy(x)).numpy(), expected, rtol=1e-10, atol=1e-12)
        module.train()
        assert not np.allclose(module(torch.from_numpy(x)).numpy(), expected, rtol=1e-3)  # control: it drops
    assert not np.allclose(expected, outputs(design, params[::-1].copy() ** 2, x), rtol=1e-3)


def test_every_part_lies_where_the_design_says():
    def parts(**fields):
        return [type(part) for part in build(Design((4, 3), dropout=0.2, **fields), 5, 2)]

    linear, relu = nn.Linear, nn.ReLU
    hidden = [linear, nn.BatchNorm1d, relu, nn.Dropout]
    assert parts(norm="batch") == [*hidden, *hidden, linear]
    hidden = [linear, relu, nn.LayerNorm, GaussianDropout]
    assert parts(norm="layer", norm_place="after", dropout_kind="gaussian") == [*hidden, *hidden, linear]
    assert parts(dropout_kind="dropconnect") == [linear, relu, DropConnect, relu, DropConnect]


def test_no_rows_give_no_outputs():
    design = Design((4,))
    assert outputs(design, initial_params(design, 1, 3, 2), np.zeros((0, 3))).shape == (0, 2)


def test_parameters_of_another_design_are_refused():
    module = build(Design((4,)), 3, 2)
    with pytest.raises(ModelError, match="The network has 26 parameters, 25 were given"):
        load(module, np.zeros(25))
    with pytest.raises(ModelError, match="belong to another design"):
        outputs(Design((4,)), np.zeros(25), np.zeros((5, 3)))
    with pytest.raises(ModelError, match="belong to another design"):
        outputs(Design((4,), norm="batch"), np.zeros(26 + 8), np.zeros((5, 3)))


def test_every_activation_has_a_module():
    for name in ("relu", "leaky_relu", "tanh", "sigmoid", "elu", "selu", "gelu", "silu", "softplus", "mish"):
        assert activation_module(name)(torch.ones(1)).item() > 0


@pytest.mark.parametrize("law", ["lecun", "glorot", "he"])
def test_weights_have_the_variance_of_their_law(law):
    weights, biases = initial_layer(3, 0, 400, 100, law=law, activation="relu")
    variance = weight_variance(law, 400, 100)
    assert abs(weights.var() / variance - 1) < 5 * math.sqrt(2 / weights.size)
    assert abs(weights.mean()) < 5 * math.sqrt(variance / weights.size)
    assert not biases.any()
    assert {"lecun": 1 / 400, "glorot": 2 / 500, "he": 2 / 400}[law] == variance


def test_torch_law_is_that_of_nn_linear():
    weights, biases = initial_layer(3, 0, 400, 100, law="torch", activation="relu")
    bound = torch_bound(400)
    drawn = nn.Linear(400, 100).weight.detach().numpy()
    assert bound == pytest.approx(np.abs(drawn).max(), rel=0.01)
    assert 0.99 * bound < np.abs(weights).max() < bound
    assert 0.9 * bound < np.abs(biases).max() < bound
    assert weights.var() == pytest.approx(bound**2 / 3, rel=0.02)


@pytest.mark.parametrize(("fan_in", "fan_out"), [(30, 12), (12, 30), (8, 8)])
def test_orthogonal_weights_are_orthogonal(fan_in, fan_out):
    weights, _ = initial_layer(3, 1, fan_in, fan_out, law="orthogonal", activation="relu")
    gram = weights.T @ weights if fan_in >= fan_out else weights @ weights.T
    assert np.allclose(gram, 2 * np.eye(min(fan_in, fan_out)), atol=1e-12)
    assert orthogonal_gain("tanh") == 1


def test_draws_depend_on_key_and_layer():
    draw = [
        initial_layer(k, n, 4, 4, law="he", activation="relu")[0] for k, n in ((1, 0), (1, 0), (2, 0), (1, 1))
    ]
    assert np.array_equal(draw[0], draw[1])
    assert not np.array_equal(draw[0], draw[2])
    assert not np.array_equal(draw[0], draw[3])


def test_unknown_law_is_named():
    with pytest.raises(ValueError, match="law 'lsuv'; known are lecun, glorot, he"):
        weight_variance("lsuv", 3, 3)
