"""First weights of any module, and what they do to a signal at depth 50."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from profunda.errors import ArgumentError
from profunda.layers.initialisers import initial_layer, initialise, lsuv
from profunda.layers.ntk import NTKLinear
from profunda.networks.dense import activation_module
from profunda.theory.critical import critical_initialisation
from profunda.theory.propagation import variance_profile


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def chain(activation, depth=50, width=256, fan_in=256):
    parts = []
    for layer in range(depth):
        parts += [nn.Linear(fan_in if not layer else width, width), activation_module(activation)]
    return nn.Sequential(*parts).double()


def variances(module, x):
    """Mean squares of the linear layers' outputs, in turn."""
    found = []
    for part in module:
        x = part(x)
        if isinstance(part, nn.Linear):
            found.append(x.square().mean().item())
    return np.array(found)


# Any module -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("law", "variance"),
    [("lecun", 1 / 300), ("glorot", 2 / 500), ("he", 2 / 300), ("torch", 1 / 900), ("critical", 2 / 300)],
)
def test_laws_have_their_variances(law, variance):
    layer = nn.Linear(300, 200)
    assert initialise(layer, law, activation="relu", generator=generator()) is layer
    assert layer.weight.var().item() == pytest.approx(variance, rel=5 * math.sqrt(2 / 60_000))
    if law == "torch":
        assert layer.bias.abs().max().item() <= 1 / math.sqrt(300)
        assert layer.bias.std().item() == pytest.approx(math.sqrt(1 / 900), rel=0.15)
    else:
        assert not layer.bias.any()


def test_convolutions_count_channels_times_area():
    layer = nn.Conv2d(8, 40, 5)
    initialise(layer, "he", generator=generator())
    assert layer.weight.var().item() == pytest.approx(2 / 200, rel=0.1)
    initialise(layer, "glorot", generator=generator())
    assert layer.weight.var().item() == pytest.approx(2 / (200 + 1000), rel=0.1)
    initialise(layer, "orthogonal", activation="tanh", generator=generator())
    flat = layer.weight.flatten(1)
    assert torch.allclose(flat @ flat.T, torch.eye(40), atol=1e-5)


def test_critical_gives_biases_their_variance():
    layer = initialise(nn.Linear(300, 4000), "critical", activation="gelu", generator=generator())
    critical = critical_initialisation("gelu")
    assert layer.bias.var().item() == pytest.approx(critical.bias_variance, rel=0.1)
    assert layer.weight.var().item() * 300 == pytest.approx(critical.weight_variance, rel=0.02)
    dropped = initialise(nn.Linear(300, 4000, bias=False), "critical", activation="gelu", keep=0.5)
    assert dropped.weight.var().item() * 300 == pytest.approx(critical.weight_variance / 2, rel=0.02)


def test_the_same_generator_gives_the_same_weights():
    first, second = nn.Linear(5, 5), nn.Linear(5, 5)
    for law in ("lecun", "orthogonal", "torch"):
        initialise(first, law, generator=generator(3))
        initialise(second, law, generator=generator(3))
        assert torch.equal(first.weight, second.weight)
    initialise(second, "torch", generator=generator(4))
    assert not torch.equal(first.weight, second.weight)


def test_unknown_laws_and_missing_constants_are_refused():
    with pytest.raises(ArgumentError, match="No law is called 'kaiming'; known are lecun, glorot, he"):
        initialise(nn.Linear(2, 2), "kaiming")
    with pytest.raises(ArgumentError, match="No variance of weights and biases is critical for sigmoid"):
        initialise(nn.Linear(2, 2), "critical", activation="sigmoid")


# Fleets' first weights ------------------------------------------------------------------------------


def test_fleets_draw_critical_weights_from_streams():
    weights, biases = initial_layer(7, 1, 400, 300, law="critical", activation="silu")
    critical = critical_initialisation("silu")
    assert weights.var() * 400 == pytest.approx(critical.weight_variance, rel=0.03)
    assert biases.var() == pytest.approx(critical.bias_variance, rel=0.3)
    again = initial_layer(7, 1, 400, 300, law="critical", activation="silu")
    assert np.array_equal(weights, again[0])
    assert np.array_equal(biases, again[1])
    halved = initial_layer(7, 1, 400, 300, law="critical", activation="silu", keep=0.5)
    assert halved[0] == pytest.approx(weights / math.sqrt(2), rel=1e-12)
    assert np.array_equal(halved[1], biases)


def test_critical_weights_of_a_relu_are_hes_and_where_none_exist_lecuns():
    for activation, law in (("relu", "he"), ("tanh", "lecun"), ("sigmoid", "lecun"), ("softplus", "lecun")):
        weights, biases = initial_layer(7, 1, 40, 30, law="critical", activation=activation)
        expected, _ = initial_layer(7, 1, 40, 30, law=law, activation=activation)
        assert weights == pytest.approx(expected, rel=1e-9)
        assert not biases.any()


# What the laws do -----------------------------------------------------------------------------------


def test_lecun_uniform_is_the_texts_law_and_not_glorots():
    """C3–C5: b = √(3/n) makes n Var(w) = 1; Var(x') = n Var(w) Var(x) over 200 draws at n = 1000."""
    n = 1000
    bound = math.sqrt(3 / n)
    assert bound == pytest.approx(0.0547723, abs=1e-7)
    assert n * (2 * bound) ** 2 / 12 == pytest.approx(1.0, rel=1e-15)
    assert bound != pytest.approx(math.sqrt(6 / (n + 10)), rel=0.1)
    rng = np.random.default_rng(0)
    ratios = []
    for _ in range(200):
        x, w = rng.normal(size=n), rng.uniform(-bound, bound, size=(50, n))
        ratios.append(np.mean((w @ x) ** 2) / np.mean(x**2))
    assert np.mean(ratios) == pytest.approx(1.0, abs=4 * math.sqrt(2 / 10_000))
    a, b = rng.normal(0, 2, 1_000_000), rng.uniform(-1, 1, 1_000_000)
    assert np.var(a * b) == pytest.approx(np.var(a) * np.var(b), rel=0.01)  # C3: centred and independent


def test_the_variance_rule_needs_centred_inputs():
    """E28: behind a ReLU E x² takes the place of Var x, which is He's 2."""
    rng = np.random.default_rng(0)
    x, w = np.maximum(rng.normal(size=2000), 0), rng.normal(size=(2000, 2000)) / math.sqrt(2000)
    after = np.mean((w @ x) ** 2)
    assert after == pytest.approx(0.5, rel=0.1)
    assert np.var(x) == pytest.approx(0.5 - 1 / (2 * math.pi), rel=0.1)  # what the rule would say
    assert abs(after / np.var(x) - 1) > 0.3


def test_torchs_default_is_neither_normal_nor_of_variance_one():
    """E4: C_W = 1/3 within ±1/√n, excess kurtosis −1.2; at depth 50 all inputs look alike."""
    layer = nn.Linear(256, 4000)
    ours = initialise(nn.Linear(256, 4000), "torch", generator=generator())
    for weight in (layer.weight.detach().double(), ours.weight.detach().double()):
        assert weight.abs().max().item() * 16 == pytest.approx(1.0, abs=1e-3)
        assert weight.var().item() * 256 == pytest.approx(1 / 3, rel=0.01)
        assert (weight.pow(4).mean() / weight.var() ** 2).item() - 3 == pytest.approx(-1.2, abs=0.02)
    for activation, floor in (("relu", 1 / (2.5 * 256)), ("tanh", 1 / (2 * 256))):
        module = initialise(chain(activation), "torch", generator=generator(1))
        with torch.no_grad():
            x = torch.randn(2, 256, generator=generator(2)).double()
            last = variances(module, x)[-1]
            outputs = module(x)
        assert last == pytest.approx(floor, rel=0.25)
        assert torch.cosine_similarity(outputs[:1], outputs[1:]).item() > 0.9995


@pytest.mark.parametrize(
    ("law", "activation", "c_w", "c_b"),
    [
        ("glorot", "tanh", 1.0, 0.0),
        ("he", "relu", 2.0, 0.0),
        ("critical", "gelu", None, None),
        ("lecun", "selu", 1.0, 0.0),
    ],
)
def test_variance_per_layer_is_the_predicted_one_at_depth_50(law, activation, c_w, c_b):
    """Width 256, 8 networks: the log variance within 4 standard errors of the finite-width law."""
    if c_w is None:
        critical = critical_initialisation(activation)
        c_w, c_b = critical.weight_variance, critical.bias_variance
    rows = torch.randn(1, 256, generator=generator(9)).double()
    rows = rows / rows.square().mean().sqrt()
    module = chain(activation)
    with torch.no_grad():
        measured = np.log(
            [
                variances(initialise(module, law, activation=activation, generator=generator(s)), rows)
                for s in range(8)
            ]
        )
    predicted = np.log(variance_profile(activation, 50, c_w + c_b, c_w, c_b))
    for layer in (9, 29, 49):
        spread = math.sqrt(5 * layer / 256 / 8)
        distance = measured[:, layer].mean() - predicted[layer]
        assert abs(distance) < 4 * spread + 2.5 * layer / 256, layer
    wrong = np.log(variance_profile(activation, 50, 0.6 * c_w, 0.6 * c_w, 0.0))  # control
    assert abs(measured[:, 49].mean() - wrong[49]) > 0.4


def test_orthogonal_weights_keep_every_length():
    module = initialise(chain("relu", 10, 64, 64), "orthogonal", activation="tanh", generator=generator())
    x = torch.randn(3, 64).double()
    linear = nn.Sequential(*(part for part in module if isinstance(part, nn.Linear)))
    assert torch.allclose(linear(x).norm(dim=1), x.norm(dim=1), rtol=1e-10)


def test_dropout_multiplies_the_second_moment_and_critical_weights_take_it_back():
    """D38: with keep 0.8 the second moment grows by 1/0.8 a layer, 9.31 over ten; C_W = 2·keep holds it."""
    assert pytest.approx(9.31, abs=0.01) == 1 / 0.8**10
    for keep, expected in ((1.0, 9.31), (0.8, 1.0)):
        ratios = []
        for seed in range(40):
            torch.manual_seed(seed)
            parts = []
            for _ in range(10):
                parts += [nn.Linear(256, 256), nn.ReLU(), nn.Dropout(0.2)]
            module = initialise(nn.Sequential(*parts), "critical", activation="relu", keep=keep)
            with torch.no_grad():
                x = torch.randn(4, 256)
                ratios.append((module(x).square().mean() / x.square().mean()).item())
        assert np.mean(ratios) == pytest.approx(expected, rel=0.25)


# The NTK parametrisation ----------------------------------------------------------------------------


def test_ntk_layers_start_as_the_same_function_and_move_less():
    layer = NTKLinear(300, 4000, weight_variance=2.0)
    assert layer.weight.var().item() == pytest.approx(1.0, rel=0.01)
    x = torch.randn(8, 300)
    assert torch.allclose(layer(x), x @ (layer.weight * (2 / 300) ** 0.5).T, atol=1e-5)
    plain = nn.Linear(300, 4000, bias=False)
    plain.weight.data = (layer.weight * layer.factor).detach()
    for module in (layer, plain):
        module(x).square().mean().backward()
    moved = layer.weight.grad * layer.factor  # of the effective weights, per unit of learning rate
    assert torch.allclose(moved, plain.weight.grad * 2 / 300, rtol=1e-4, atol=1e-9)
    assert str(layer) == "NTKLinear(in_features=300, out_features=4000, bias=True, weight_variance=2.0)"


def test_initialise_sets_the_factor_of_ntk_layers():
    layer = NTKLinear(200, 3000)
    assert not layer.bias.any()
    initialise(layer, "critical", activation="gelu", generator=generator())
    critical = critical_initialisation("gelu")
    assert layer.weight_variance == critical.weight_variance
    assert layer.bias.var().item() == pytest.approx(critical.bias_variance, rel=0.1)
    initialise(layer, "he", generator=generator())
    assert layer.weight.var().item() == pytest.approx(1.0, rel=0.01)
    assert NTKLinear(3, 2, bias=False)(torch.zeros(1, 3)).tolist() == [[0.0, 0.0]]


# LSUV -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu", "sigmoid"])
def test_lsuv_gives_every_layer_unit_variance(activation):
    module = chain(activation, 20, 64, 30)
    module.insert(2, nn.Dropout(0.5))
    x = 7 * torch.randn(200, 30, generator=generator()).double() + 3
    assert lsuv(module, x, generator=generator(1)) is module
    assert module.training
    module.eval()
    with torch.no_grad():
        for part in module:
            x = part(x)
            if isinstance(part, nn.Linear):
                assert x.var().item() == pytest.approx(1.0, abs=0.02)
                assert not part.bias.any()


def test_lsuv_knows_convolutions_and_the_order_of_running():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.second, self.first = nn.Linear(12, 2), nn.Conv1d(1, 3, 3)

        def forward(self, x):
            return self.second(torch.relu(self.first(x)).flatten(1))

    module, x = Backwards(), torch.randn(100, 1, 6, generator=generator())
    lsuv(module, x)
    assert module.first(x).var().item() == pytest.approx(1.0, abs=0.02)
    assert module(x).var().item() == pytest.approx(1.0, abs=0.02)


def test_lsuv_leaves_frozen_parts_in_evaluation():
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    module[1].eval()
    lsuv(module, torch.randn(50, 3, generator=generator()))
    assert [part.training for part in module] == [True, False, True]


def test_lsuv_needs_data_that_vary():
    with pytest.raises(ArgumentError, match=r"The outputs of Linear\(.* have variance 0\.0 over the 5 rows"):
        lsuv(nn.Sequential(nn.Linear(3, 2)), torch.zeros(5, 3))
