"""The sawtooth: 2k units, 2^k pieces, exactly."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

from profunda.errors import ArgumentError
from profunda.theory.regions import linear_pieces, most_pieces_on_a_line
from profunda.theory.sawtooth import (
    flat_sawtooth,
    sawtooth_crossings,
    sawtooth_network,
    sawtooth_pieces,
    sawtooth_value,
    tent,
)

ENDS = torch.zeros(1), torch.ones(1)


@pytest.mark.parametrize("folds", range(1, 15))
def test_2k_units_make_2_to_the_k_pieces(folds):
    net = sawtooth_network(folds)
    hidden = [part.out_features for part in net if isinstance(part, nn.Linear)][:-1]
    assert sum(hidden) == 2 * folds
    assert len(hidden) == folds
    pieces = linear_pieces(net, *ENDS)
    assert pieces.count == pieces.patterns == sawtooth_pieces(folds) == 2**folds
    assert pieces.bends.tolist() == [j / 2**folds for j in range(1, 2**folds)]
    assert pieces.count <= most_pieces_on_a_line(hidden)


@pytest.mark.parametrize("folds", range(1, 15))
def test_it_crosses_a_half_2_to_the_k_times(folds):
    middles = sawtooth_crossings(folds)
    assert len(set(middles)) == 2**folds
    x = torch.tensor([float(middle) for middle in middles], dtype=torch.float64)
    net = sawtooth_network(folds)
    step = 0.25 / 2**folds
    with torch.no_grad():
        at, before, after = (net((x + shift)[:, None])[:, 0] - 0.5 for shift in (0.0, -step, step))
    assert at.tolist() == [0.0] * 2**folds
    assert (before * after < 0).all()


def test_it_is_exact_in_rationals():
    assert [sawtooth_value(Fraction(j, 1024), 10) for j in range(1025)] == [j % 2 for j in range(1025)]
    assert sawtooth_value(Fraction(1, 3), 5) == Fraction(2, 3)
    assert sawtooth_value(Fraction(5, 11), 2) == tent(tent(Fraction(5, 11)))


def test_the_network_is_the_function():
    numerators = np.random.default_rng(0).integers(0, 2**20, 200)
    x = torch.from_numpy(numerators / 2**20)[:, None]
    exact = [float(sawtooth_value(Fraction(int(j), 2**20), 9)) for j in numerators]
    for net in (sawtooth_network(9), flat_sawtooth(9)):
        with torch.no_grad():
            assert net(x)[:, 0].tolist() == exact
    with torch.no_grad():
        single = sawtooth_network(9, torch.float32)(x.float())[:, 0]
    assert single.dtype == torch.float32
    assert single.tolist() == exact


@pytest.mark.parametrize("folds", [1, 3, 8])
def test_one_layer_needs_exponentially_many_units(folds):
    net = flat_sawtooth(folds)
    units = net[0].out_features
    assert units == 2**folds
    assert linear_pieces(net, *ENDS).count == 2**folds
    assert (
        most_pieces_on_a_line([2**folds - 1]) == 2**folds
    )  # with one unit fewer than that it cannot be done
    assert most_pieces_on_a_line([2**folds - 2 or 1]) <= 2**folds


def test_what_cannot_be_built_is_told():
    for build in (sawtooth_network, flat_sawtooth, sawtooth_pieces, sawtooth_crossings):
        with pytest.raises(ArgumentError, match="0 folds make no sawtooth: at least 1 is needed"):
            build(0)
    with pytest.raises(ArgumentError, match="-1 folds make no sawtooth"):
        sawtooth_value(Fraction(1, 2), -1)
    with pytest.raises(ArgumentError, match=r"51 folds have 2\^51 pieces: at most 50"):
        sawtooth_network(51)
    with pytest.raises(ArgumentError, match=r"17 folds have 2\^17 pieces: at most 16"):
        flat_sawtooth(17)
    with pytest.raises(ArgumentError, match=r"21 folds .* at most 20"):
        sawtooth_crossings(21)
