"""The walk of a signal through layers of different laws, against the maps and against simulations."""

import math

import numpy as np
import pytest

from profunda.data.inputs import Inputs
from profunda.forecasting.laws import Law, design_law, product_gap, walk
from profunda.forecasting.trainable import design_laws
from profunda.layers.initialisers import initial_layer
from profunda.networks.initial import initial_params
from profunda.networks.layout import layout_of
from profunda.space.design import Design
from profunda.theory.activations import NONLINEARITIES
from profunda.theory.propagation import correlation_profile, moments, product_mean, variance_profile

SMOOTH = ("tanh", "sigmoid", "gelu", "silu", "softplus", "mish", "elu")


@pytest.mark.parametrize("name", sorted(NONLINEARITIES))
@pytest.mark.parametrize("q", [1e-3, 0.3, 4.0])
def test_the_series_is_the_integral(name: str, q: float) -> None:
    phi = NONLINEARITIES[name]
    for c in (-0.7, 0.0, 0.6, 0.99):
        exact = moments(phi, q).square - product_mean(phi, c, q)
        assert product_gap(phi, q, 1.0 - c) == pytest.approx(exact, rel=5e-3, abs=1e-12), c


@pytest.mark.parametrize("name", ["relu", "tanh", "gelu"])
def test_rows_that_nearly_agree_keep_their_digits(name: str) -> None:
    """Where 1 − c is below any double's distance from 1 it still follows 1 − c' = χ_⊥ (q/q')(1 − c)."""
    phi = NONLINEARITIES[name]
    for apart in (1e-20, 1e-30):
        linear = moments(phi, 1.5).slope * 1.5 * apart
        assert product_gap(phi, 1.5, apart) == pytest.approx(linear, rel=1e-6)


@pytest.mark.parametrize(("name", "c_w", "c_b"), [("tanh", 1.3, 0.1), ("relu", 2.0, 0.0), ("gelu", 1.9, 0.2)])
def test_equal_layers_are_the_maps(name: str, c_w: float, c_b: float) -> None:
    laws = tuple(Law(50, 50, c_w, c_b, NONLINEARITIES[name]) for _ in range(13))
    steps = walk(laws, 1.0, 0.6)
    first = c_w + c_b
    assert [one.q for one in steps] == pytest.approx(variance_profile(name, 12, first, c_w, c_b), rel=1e-9)
    start = (c_w * 0.4 + c_b) / first
    wanted = 1.0 - correlation_profile(name, 12, start, first, c_w, c_b)
    assert [one.apart for one in steps] == pytest.approx(wanted, rel=1e-2)


def test_dropout_counts_in_training_only() -> None:
    laws = (Law(8, 64, 1.0, 0.0, NONLINEARITIES["relu"], keep=0.5),) * 5
    evaluated, trained = walk(laws, 1.0, 0.0), walk(laws, 1.0, 0.0, training=True)
    assert evaluated[-1].q == pytest.approx(1.0 / 2**3)
    assert trained[-1].q == pytest.approx(1.0)  # C_W/keep = 2 keeps a ReLU's signal
    assert evaluated[-1].apart == 0.0
    assert trained[-1].apart > 0.1  # equal rows part, as their masks are their own


def test_a_signal_ends_where_numbers_do() -> None:
    dying = walk((Law(9, 9, 1e-40, 0.0, NONLINEARITIES["relu"]),) * 12, 1.0, 1.0)
    growing = walk((Law(9, 9, 1e40, 0.0, NONLINEARITIES["relu"]),) * 12, 1.0, 1.0)
    assert len(dying) == len(growing) == 11
    assert dying[-1].q == 0.0
    assert growing[-1].q == math.inf


def test_batch_norm_grows_gradients_by_its_constant() -> None:
    laws = (Law(64, 64, 0.7, 0.0, NONLINEARITIES["relu"], norm="batch"),) * 20
    chis = [step.chi_perp for step in walk(laws, 1.0, 1.0)]
    assert chis[1:] == pytest.approx([math.pi / (math.pi - 1.0)] * 18, rel=1e-3)


def simulated_skips(depth: int, width: int, seed: int) -> float:
    """E h² after residual ReLU layers, by running one wide network."""
    rng = np.random.default_rng(seed)
    h = np.maximum(rng.normal(size=(width, width)) @ rng.normal(size=width) * (2.0 / width) ** 0.5, 0.0)
    for _ in range(depth - 1):
        z = rng.normal(size=(width, width)) @ h * (2.0 / width) ** 0.5
        h = h + np.maximum(z, 0.0)
    return float((h**2).mean())


def test_skips_add_up_as_simulated() -> None:
    phi = NONLINEARITIES["relu"]
    laws = (
        Law(900, 900, 2.0, 0.0, phi),
        *(Law(900, 900, 2.0, 0.0, phi, skip=True),) * 4,
        Law(900, 1, 1.0, 0.0, phi),
    )
    read = walk((*laws[:-1], Law(900, 900, 1.0, 0.0, phi), Law(900, 1, 1.0, 0.0, phi)), 1.0, 1.0)[-1].q
    found = [simulated_skips(5, 900, seed) for seed in range(6)]
    assert np.mean(found) == pytest.approx(read, rel=4 * np.std(found) / np.mean(found) / 6**0.5 + 0.02)


@pytest.mark.parametrize("law", ["lecun", "glorot", "he", "orthogonal", "torch", "critical"])
@pytest.mark.parametrize(("fan_in", "fan_out"), [(60, 90), (90, 60)])
def test_laws_are_those_that_draw(law: str, fan_in: int, fan_out: int) -> None:
    weight, bias = design_law(law, NONLINEARITIES["gelu"], fan_in, fan_out, 1.0, last=False)
    drawn, biases = initial_layer(7, 1, fan_in, fan_out, law=law, activation="gelu")
    assert (drawn**2).mean() * fan_in == pytest.approx(weight, rel=0.08)
    assert (biases**2).mean() == pytest.approx(bias, rel=0.7, abs=1e-12)


@pytest.mark.parametrize("skip", [False, True])
def test_layers_scaled_on_rows_have_the_variances_that_are_said(skip: bool) -> None:
    design = Design(widths=(400,) * 5, activation="relu", initialisation="lsuv", skip=skip)
    rows = np.random.default_rng(0).standard_normal((500, 300))
    params = initial_params(design, 3, 300, 1, rows)
    blocks = layout_of(design, Inputs.of(300), 1).blocks
    drawn = [float((block.weights_of(params) ** 2).mean()) * block.fan_in for block in blocks]
    laws = design_laws(design, 300, 1)
    assert drawn == pytest.approx([law.weight_variance for law in laws], rel=0.15)
    assert (laws[4].weight_variance < 0.5 * laws[1].weight_variance) == skip  # the stream grows
