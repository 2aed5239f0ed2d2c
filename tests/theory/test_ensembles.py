"""Ensembles of random networks: each is one made by hand, whatever the chunks; what is refused."""

import tracemalloc

import numpy as np
import pytest
from tests.oracles import theory_widths as oracle

from profunda.errors import ArgumentError
from profunda.theory import ensembles
from profunda.theory.ensembles import random_networks, relative_variance

RNG = np.random.default_rng(7)
INPUTS, DIRECTION = RNG.normal(size=(3, 4)), RNG.normal(size=4)


def he(depth, width, networks, seed=0, inputs=8, **more):
    """Bias-free ReLU networks with He weights, at one input of mean square 1."""
    return random_networks(
        [width] * depth, np.ones((1, inputs)), "relu", 2.0, networks=networks, seed=seed, **more
    )


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


def test_one_network_has_no_variance():
    found = random_networks([4], np.ones((1, 3)), "relu", 2.0, networks=1, seed=0)
    with pytest.raises(ArgumentError, match=r"1 network\(s\) have no variance"):
        found.pair_excess()
