"""Ensembles of random networks behave as the laws of finite widths say, and as was published."""

import math

import numpy as np
import pytest

from profunda.theory.ensembles import Ensemble, random_networks, relative_variance
from profunda.theory.finite_width import (
    dead_layer_probability,
    input_gradient_fluctuation,
    log_gradient_mean,
    log_gradient_variance,
    log_norm_mean,
    log_norm_variance,
    moments_can_be_sampled,
    ntk_diagonal_mean,
    ntk_diagonal_variance,
    ntk_diagonal_variance_uncoupled,
    vertex_profile,
)
from profunda.theory.propagation import gradient_profile, variance_profile
from profunda.theory.widths import beta, relu_fluctuation


def he(depth, width, networks, seed=0, inputs=8, **more):
    """Bias-free ReLU networks with He weights, at one input of mean square 1."""
    return random_networks(
        [width] * depth, np.ones((1, inputs)), "relu", 2.0, networks=networks, seed=seed, **more
    )


def near(values, mean, variance, errors=4.0):
    """Mean and variance of `values` [M] within so many standard errors of what was predicted."""
    centred = values - values.mean()
    spread = centred.var()
    of_mean = math.sqrt(spread / len(values))
    of_variance = math.sqrt((np.mean(centred**4) - spread**2) / len(values))
    return abs(values.mean() - mean) <= errors * of_mean and abs(spread - variance) <= errors * of_variance


def met(values, law, errors=4.0):
    """The relative variance of `values` [M] within so many standard errors of a law."""
    found = relative_variance(values)
    return abs(found.value - law) <= errors * found.standard_error


# The laws -------------------------------------------------------------------------------------------


def check_laws(found: Ensemble, inputs: int, sampled: bool):
    """All exact laws of bias-free ReLU networks, at one input; logarithms given that no layer is dead."""
    widths, alive = list(found.widths), found.norm[:, 0] > 0.0
    mean, variance = log_norm_mean(widths), log_norm_variance(widths)
    assert near(np.log(found.norm[alive, 0]), mean, variance)
    assert near(np.log(found.directional[alive, 0]), mean, variance)
    mean, variance = log_gradient_mean(widths, inputs), log_gradient_variance(widths, inputs)
    assert near(np.log(found.input_gradient[alive, 0] / 2.0), mean, variance)
    if sampled:
        assert met(found.norm[:, 0], relu_fluctuation(widths))
        assert met(found.directional[:, 0], relu_fluctuation(widths))
        assert met(found.input_gradient[:, 0], input_gradient_fluctuation(widths, inputs))
        assert met(found.kernel[:, 0], ntk_diagonal_variance(widths))
        error = found.kernel.std() / math.sqrt(len(found.kernel))
        assert abs(found.kernel.mean() - ntk_diagonal_mean(len(widths))) < 4 * error


@pytest.mark.parametrize(
    ("widths", "networks"),
    [
        ([64] * 4, 3000),
        ([32], 8000),
        ([32, 32], 8000),
        ([8], 20_000),
        ([128] * 2, 1500),
        ([16, 48, 24], 6000),
    ],
)
def test_exact_laws(widths, networks):
    found = random_networks(widths, np.ones((1, 8)), "relu", 2.0, networks=networks, seed=1)
    check_laws(found, 8, sampled=True)
    # Control: what fits does not fit a quarter more of β.
    assert not met(found.norm[:, 0], 1.25 * relu_fluctuation(widths))
    logs = np.log(found.norm[found.norm > 0.0])
    assert not near(logs, log_norm_mean(widths), 1.25 * log_norm_variance(widths))


def test_dead_layers_are_as_rare_as_predicted():
    found = he(2, 3, 20_000)
    share = np.mean(found.norm == 0.0)
    chance = dead_layer_probability([3, 3])
    assert abs(share - chance) < 4 * math.sqrt(chance * (1 - chance) / 20_000)
    # The read-out's part of the kernel dies with its layer, and all others with any.
    assert np.array_equal(found.kernel == 0.0, found.norm == 0.0)


def test_neuron_correlations_of_relu_are_exact():
    found = he(5, 24, 8000).pair_excess()
    law = [relu_fluctuation([24] * (layer - 1)) for layer in range(1, 7)]
    assert np.all(np.abs(found.value[0] - law) <= 4 * found.standard_error[0] + 1e-9)


@pytest.mark.parametrize(
    ("name", "c_w", "c_b", "q"),
    [
        ("tanh", 1.0, 0.0, 1.0),
        ("sigmoid", 1.0, 0.0, 1.0),
        ("tanh", 1.5, 0.05, 0.418),
        ("selu", 1.0, 0.0, 1.0),
    ],
)
def test_vertices_of_unequal_widths(name, c_w, c_b, q):
    """The first order in 1/n, whose second order is of the size of its square."""
    widths = [60, 30, 40, 50]
    inputs = np.full((1, 5), math.sqrt((q - c_b) / c_w))
    found = random_networks(widths, inputs, name, c_w, c_b, networks=4000, seed=2).pair_excess()
    law = vertex_profile(name, widths, q, c_w, c_b)
    assert law.valid.all()
    allowed = 4 * found.standard_error[0] + 2 * law.excess**2 + 1e-9
    assert np.all(np.abs(found.value[0] - law.excess) < allowed)
    assert np.any(np.abs(found.value[0] - 1.5 * law.excess) > allowed)  # control: half as much again


# The tables -----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("depth", "width", "networks"),
    [
        (4, 64, 8000),
        (8, 32, 20_000),
        (16, 64, 4000),
        (8, 128, 2000),
        (32, 128, 700),
        (32, 64, 1500),
        (64, 64, 800),
    ],
)
def test_published_table(depth, width, networks):
    """Means of squares up to β = ¼ only, and there with the samples for it; logarithms everywhere."""
    found = he(depth, width, networks)
    sampled = moments_can_be_sampled(found.widths) and networks >= 2000
    check_laws(found, 8, sampled)
    # Var log K is 3.7β to 4.2β from β = 0.06 to 1.
    spread = np.log(found.kernel).var() / beta(found.widths)
    noise = 4 * math.sqrt(2.0 / networks)
    assert 3.7 * (1 - noise) < spread < 4.2 * (1 + noise)


@pytest.mark.slow
def test_layers_are_coupled_in_the_kernel():
    """At (4, 16): 1.236 where layers are coupled, 1.183 where they are taken as independent."""
    found = he(4, 16, 500_000, inputs=2)
    measured = relative_variance(found.kernel[:, 0])
    coupled, uncoupled = ntk_diagonal_variance([16] * 4), ntk_diagonal_variance_uncoupled([16] * 4)
    assert abs(measured.value - coupled) < 3.5 * measured.standard_error
    assert abs(measured.value - uncoupled) > 3.5 * measured.standard_error


@pytest.mark.slow
def test_equal_beta_means_equal_spread_of_the_kernel():
    published = {(8, 32): 1.005, (16, 64): 0.968, (32, 128): 0.952}
    for (depth, width), expected in published.items():
        networks = 20_000 // depth**2 * 16
        spread = np.log(he(depth, width, networks).kernel).var()
        assert spread == pytest.approx(expected, rel=4 * math.sqrt(2 / networks) + 0.02), (depth, width)


@pytest.mark.slow
def test_uniform_weights_fluctuate_less():
    """A smaller kurtosis takes some 15 % off: published 1.79 and 1.96 against 2.19 for Gaussian weights."""
    found = he(8, 32, 40_000, law="uniform", inputs=32)
    for values, expected in ((found.norm, 1.79), (found.directional, 1.96)):
        measured = relative_variance(values[:, 0])
        assert abs(measured.value - expected) < 4 * measured.standard_error
        assert measured.value + 4 * measured.standard_error < relu_fluctuation([32] * 8) + 0.05


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "simulated"),
    [("tanh", [0.61, 1.98, 4.41, 7.03, 9.36]), ("selu", [1.48, 3.08, 3.90, 4.07, 3.85])],
)
def test_published_vertices(name, simulated):
    layers = [1, 3, 7, 11, 15]
    found = random_networks([128] * 15, np.ones((1, 8)), name, 1.0, networks=1500, seed=5).pair_excess()
    value, error = 128 * found.value[0, layers], 128 * found.standard_error[0, layers]
    law = 128 * vertex_profile(name, [128] * 15, 1.0, 1.0).excess[layers]
    assert np.all(np.abs(value - law) < 4 * error + law**2 / 128)
    assert np.all(np.abs(value - simulated) < 6 * error + 0.25)


@pytest.mark.parametrize(
    ("name", "c_w"),
    [
        pytest.param(name, c_w, marks=() if (name, c_w) == ("tanh", 25 / 9) else pytest.mark.slow)
        for name, c_w in (
            *(
                ("tanh", 1.0),
                ("tanh", 1 / 3),
                ("tanh", 25 / 9),
                ("relu", 1.0),
                ("relu", 2.0),
                ("relu", 1 / 3),
            ),
            *(("gelu", 1.0), ("gelu", 2.0), ("selu", 1.0), ("selu", 2.0), ("sigmoid", 1.0)),
        )
    ],
)
def test_signals_and_gradients_at_depth_50(name, c_w):
    """16 networks of width 256: logarithms within 4 standard errors and the offset of half their variance."""
    width, count, depth = 256, 16, 50
    found = random_networks([width] * depth, np.ones((1, 16)), name, c_w, networks=count, seed=1)
    law = vertex_profile(name, [width] * depth, c_w, c_w)
    assert law.q[:depth] == pytest.approx(variance_profile(name, depth, c_w, c_w))
    ratios = found.gradients[:, 0] / found.gradients[:, 0, -1:]
    for measured, predicted in (
        (found.squares[:, 0], law.q[:depth]),
        (ratios, gradient_profile(name, depth, c_w, c_w)),
    ):
        logs = np.log(measured)
        for layer in (0, 9, 24, 40, 48):
            offset, spread = 0.5 * logs[:, layer].var(), logs[:, layer].std()
            distance = logs[:, layer].mean() + offset - math.log(predicted[layer])
            assert abs(distance) < 4 * spread / math.sqrt(count) + 0.5 * offset + 2 / width, layer
    # The published tolerance, where the first order in 1/width is one.
    allowed = 4 * np.sqrt((law.excess[:depth] + 2 / width) / count) + 2 * law.excess[:depth]
    relative = np.abs(found.squares[:, 0].mean(0) / law.q[:depth] - 1)
    assert np.all((relative < allowed)[law.valid[:depth]])
    wrong = variance_profile(name, depth, 1.4 * c_w, 1.4 * c_w)[-1]
    assert name == "sigmoid" or abs(np.log(found.squares[:, 0, -1]).mean() - math.log(wrong)) > 0.25


@pytest.mark.slow
def test_gradients_of_relu_are_smaller_by_their_law():
    """E log of 49 backward factors is 49 m(n): e^{−2.5 L/H} of the mean."""
    found = he(50, 128, 300)
    logs = np.log(found.gradients[:, 0, 0] / found.gradients[:, 0, -1])
    assert near(logs, log_norm_mean([128] * 49), log_norm_variance([128] * 49))
