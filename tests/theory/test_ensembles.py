"""Ensembles of random networks: equal to networks made one by one, and as the laws of finite widths say."""

import math
import tracemalloc

import numpy as np
import pytest
from tests.oracles import theory_widths as oracle

from profunda.errors import ArgumentError
from profunda.theory import ensembles
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

RNG = np.random.default_rng(7)
INPUTS, DIRECTION = RNG.normal(size=(3, 4)), RNG.normal(size=4)


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


# One network at a time ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("activation", "c_w", "c_b", "law", "precision", "tolerance"),
    [
        ("relu", 2.0, 0.0, "gaussian", "float64", 1e-11),
        ("tanh", 1.5, 0.2, "gaussian", "float64", 1e-11),
        ("gelu", 1.9, 0.1, "uniform", "float64", 1e-11),
        ("sigmoid", 1.0, 0.0, "uniform", "float32", 1e-4),
        ("selu", 1.0, 0.3, "gaussian", "float32", 1e-4),
    ],
)
def test_every_field_equals_autograd(activation, c_w, c_b, law, precision, tolerance):
    widths = (5, 7, 6)
    found = random_networks(
        widths,
        INPUTS,
        activation,
        c_w,
        c_b,
        networks=6,
        seed=11,
        direction=DIRECTION,
        law=law,
        precision=precision,
    )
    expected = oracle.networks(widths, INPUTS, activation, c_w, c_b, 6, 11, DIRECTION, law, precision)
    assert found.widths == widths
    for name in oracle.FIELDS:
        field = getattr(found, name)
        assert field.dtype == np.float64
        assert field.shape == expected[name].shape, name
        assert field == pytest.approx(expected[name], rel=tolerance, abs=tolerance), name


def test_the_networks_one_by_one_know_wrong_from_right():
    found = random_networks((5, 7), INPUTS, "tanh", 1.5, 0.2, networks=4, seed=11, direction=DIRECTION)
    right = (INPUTS, "tanh", 1.5, 0.2, 4, 11, DIRECTION)
    for at, changed in ((1, "selu"), (2, 1.6), (3, 0.3), (5, 12), (0, INPUTS + 0.1)):
        wrong = oracle.networks((5, 7), *right[:at], changed, *right[at + 1 :], precision="float32")
        for name in oracle.FIELDS:
            # An input changes no direction, but every Jacobian; ranges and laws differ by more than rounding.
            assert getattr(found, name) != pytest.approx(wrong[name], rel=1e-3), (name, changed)


def test_chunks_and_numbers_of_networks_change_nothing(monkeypatch):
    def made(networks, **more):
        return random_networks([9, 5], INPUTS, "tanh", 1.0, 0.1, networks=networks, seed=3, **more)

    for more in ({}, {"law": "uniform"}, {"precision": "float64"}):
        whole, fewer = made(40, **more), made(13, **more)
        for size in (1, 20_000):
            monkeypatch.setattr(ensembles, "CHUNK_BYTES", size)
            parted = made(40, **more)
            for name in oracle.FIELDS:
                assert np.array_equal(getattr(parted, name), getattr(whole, name)), (name, size)
                assert np.array_equal(getattr(fewer, name), getattr(whole, name)[:13]), name
        monkeypatch.undo()


def test_seeds_make_the_difference():
    first, again, other = (he(3, 6, 5, seed=seed).kernel for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.isclose(first, other).any()


def test_the_direction_is_the_first_axis_and_its_length_does_not_matter():
    plain, along, twice = (
        random_networks([8], INPUTS, "tanh", 1.0, networks=3, seed=0, direction=direction).directional
        for direction in (None, np.eye(4)[0], 2.0 * np.eye(4)[0])
    )
    assert np.array_equal(plain, along)
    assert plain == pytest.approx(twice, rel=1e-5)
    # A ReLU network without biases is linear along its input.
    found = random_networks([8, 8], INPUTS[:1], "relu", 2.0, networks=9, seed=0, direction=INPUTS[0])
    assert found.directional == pytest.approx(found.norm, rel=1e-5)


def test_uniform_weights_have_their_bounds():
    found = random_networks([1], np.ones((1, 1)), "linear", 3.0, networks=4000, seed=0, law="uniform")
    assert found.squares.max() <= 9.0 * (1 + 1e-6)
    assert found.squares.max() > 8.9
    assert found.squares.mean() == pytest.approx(3.0, rel=0.1)
    assert (found.fourths.mean() / found.squares.mean() ** 2) == pytest.approx(1.8, rel=0.05)


def test_memory_stays_within_a_chunk(monkeypatch):
    monkeypatch.setattr(ensembles, "CHUNK_BYTES", 2**22)
    he(4, 64, 2)
    tracemalloc.start()
    try:
        he(4, 64, 600)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**22 + 600 * 8 * 40
    assert peak < 600 * 3 * 64**2 * 4 / 4  # a quarter of all weights


def test_explosions_are_infinite_and_no_errors():
    found = random_networks([4] * 30, np.ones((1, 4)), "relu", 1e30, networks=8, seed=0)
    assert not np.isfinite(found.norm).all()


# Estimates ------------------------------------------------------------------------------------------


def test_relative_variances_and_their_errors_equal_the_jackknife():
    values = np.random.default_rng(0).exponential(size=(4000, 2))
    found = relative_variance(values)
    square, mean = (values**2).sum(0), values.sum(0)
    left_out = 3999 * (square - values**2) / (mean - values) ** 2 - 1.0
    jackknife = np.sqrt(3999 / 4000 * np.square(left_out - left_out.mean(0)).sum(0))
    assert found.value == pytest.approx(1.0, abs=0.1)
    assert found.standard_error == pytest.approx(jackknife, rel=0.01)
    assert np.isnan(relative_variance(np.zeros((3, 1))).value).all()


def test_pairs_of_units_directly():
    """Without conditioning on the layers below: the same numbers with larger errors."""
    found = random_networks([16] * 5, np.ones((1, 6)), "tanh", 1.4, 0.1, networks=4000, seed=0)
    pairs = (16 * found.squares**2 - found.fourths) / 15
    direct = pairs.mean(0) / found.squares.mean(0) ** 2 - 1
    error = relative_variance(found.squares).standard_error
    assert np.all(np.abs(direct - found.pair_excess().value[:, :5]) < 4 * error)
    assert np.all(found.pair_excess().standard_error[:, 1:5] < error[:, 1:])
    # Gaussian weights: z is Gaussian given the layers below, so E z⁴/3 is what pairs have.
    kurtosis = found.kurtosis_excess()
    assert np.all(
        np.abs(kurtosis.value - found.pair_excess().value[:, :5]) < 4 * kurtosis.standard_error + 1e-9
    )


def test_first_layers_have_no_excess():
    found = random_networks([6, 6], INPUTS, "gelu", 1.0, 0.1, networks=50, seed=0).pair_excess()
    assert found.value.shape == (3, 3)
    assert found.value[:, 0] == pytest.approx(0.0, abs=1e-12)


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


# Errors ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"widths": [4, 0]}, "Layer 2 of 2 has width 0"),
        ({"widths": []}, "Without a hidden layer there is nothing random"),
        ({"inputs": np.ones(3)}, r"shape \[3\], not \[N, n_0\] .* inputs\[None\]"),
        ({"inputs": np.ones((0, 3))}, r"shape \[0, 3\]"),
        ({"inputs": np.array([[1.0, 2.0], [0.0, 0.0]])}, "The input of row 1 has the squared norm 0.0"),
        ({"inputs": np.array([[1.0, np.nan]])}, "The input of row 0 has the squared norm nan"),
        ({"direction": np.ones(5)}, r"The direction has the shape \[5\], but inputs have 2 columns"),
        ({"direction": np.zeros(2)}, "The direction of row 0 has the squared norm 0.0"),
        ({"activation": "snake"}, "No activation is called 'snake'"),
        ({"weight_variance": 0.0}, "C_W = 0.0 and C_b = 0.0 are no variances"),
        ({"bias_variance": -1.0}, "C_b = -1.0 are no variances"),
        ({"networks": 0}, "0 networks make no ensemble"),
        ({"law": "cauchy"}, "No law is called 'cauchy'; known are gaussian, uniform"),
        ({"precision": "float16"}, "No precision is called 'float16'; known are float32, float64"),
    ],
)
def test_what_means_nothing_is_refused(changed, text):
    given = {
        "widths": [4],
        "inputs": np.ones((1, 2)),
        "activation": "relu",
        "weight_variance": 2.0,
        "networks": 3,
        "seed": 0,
    }
    with pytest.raises(ArgumentError, match=text):
        random_networks(**{**given, **changed})
