"""Linear pieces: exact counts against grids, bounds against enumeration, and random networks."""

import copy
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.theory_expressivity import pattern_count, region_bound
from torch import nn

from profunda.errors import ArgumentError
from profunda.theory.regions import (
    linear_pieces,
    most_pieces_on_a_line,
    most_regions,
    random_pieces,
    regions_within_reach,
)


def dense(widths, seed, act=nn.ReLU):
    """A random network in float64 with biases that bend it within reach, and a segment."""
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for fan_in, fan_out in zip(widths, widths[1:], strict=False):  # noqa: RUF007
        layer = nn.Linear(fan_in, fan_out, dtype=torch.float64)
        with torch.no_grad():
            layer.weight.copy_(torch.randn(fan_out, fan_in, generator=generator) * math.sqrt(2 / fan_in))
            layer.bias.copy_(torch.randn(fan_out, generator=generator) * 0.5)
        parts += [layer, act()]
    ends = 4 * torch.randn(2, widths[0], generator=generator, dtype=torch.float64)
    return nn.Sequential(*parts[:-1]), ends[0], ends[1]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=4), st.integers(1, 5), st.integers(0, 10**6))
def test_no_piece_is_missed_or_invented(hidden, inputs, seed):
    """On a grid of 20,000 cells two bends may share a cell, so the twin counts as many or a few fewer."""
    net, start, end = dense([inputs, *hidden, 2], seed)
    found = linear_pieces(net, start, end)
    twin = pattern_count(net, start, end, 20_001)
    cells = np.unique(np.floor(found.pattern_changes * 20_000))
    assert len(cells) + 1 == pytest.approx(twin, abs=1)
    assert found.count <= found.patterns <= most_pieces_on_a_line(hidden)


@pytest.mark.parametrize("seed", range(3))
def test_the_output_is_affine_between_bends_and_bends_at_each(seed):
    net, start, end = dense([3, 16, 16, 2], seed)
    knots = np.concatenate([[0.0], linear_pieces(net, start, end).bends, [1.0]])
    assert len(knots) > 5

    def value(t):
        with torch.no_grad():
            return net(start + torch.from_numpy(np.asarray(t))[:, None] * (end - start)).numpy()

    inner = value(0.3 * knots[1:] + 0.7 * knots[:-1])
    chord = 0.3 * value(knots[1:]) + 0.7 * value(knots[:-1])
    assert np.abs(inner - chord).max() < 1e-11
    for left, bend, right in zip(knots, knots[1:-1], knots[2:], strict=False):
        step = 0.5 * min(bend - left, right - bend)
        middle, around = value([bend]), value([bend - step, bend + step]).mean(0)
        assert np.abs(middle - around).max() > 1e-9 * step


def test_a_coarse_grid_misses_pieces():
    net, start, end = dense([2, 32, 32, 1], 0)
    assert pattern_count(net, start, end, 30) < linear_pieces(net, start, end).patterns


def test_units_that_nothing_reads_bend_no_output():
    net, start, end = dense([2, 8, 1], 3)
    before = linear_pieces(net, start, end)
    with torch.no_grad():
        net[2].weight[0, :] = 0.0
    after = linear_pieces(net, start, end)
    assert after.patterns == before.patterns > 1
    assert after.count == 1


class Positive(nn.Linear):
    """A layer whose weights are absolute values: a bend, but not one of the input."""

    def forward(self, x):
        return F.linear(x, self.weight.abs(), self.bias)


def test_bends_of_weights_do_not_count():
    net, start, end = dense([3, 8, 1], 2)
    net.append(Positive(1, 5, dtype=torch.float64))
    assert linear_pieces(net, start, end).patterns == linear_pieces(net[:3], start, end).patterns > 1


class Folded(nn.Module):
    """Bends by functions, methods and a skip connection."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        y = F.relu(self.inner(x)) + x
        z = torch.clamp(y, min=-1.0, max=1.0) + F.leaky_relu(y - 0.3, 0.1).abs()
        return torch.maximum(z, y).sum(1, keepdim=True) + F.hardtanh(y).relu().sum(1, keepdim=True)


def test_any_form_of_network_will_do():
    generator = torch.Generator().manual_seed(1)
    inner = nn.Linear(3, 3, dtype=torch.float64)
    with torch.no_grad():
        inner.weight.copy_(torch.randn(3, 3, generator=generator))
        inner.bias.copy_(torch.randn(3, generator=generator))
    net = Folded(inner)
    start, end = 4 * torch.randn(2, 3, generator=generator, dtype=torch.float64)
    found = linear_pieces(net, start, end)
    t = torch.linspace(0, 1, 100_001, dtype=torch.float64)[:, None]
    with torch.no_grad():
        slopes = np.diff(net(start + t * (end - start)).numpy()[:, 0])
    changed = np.abs(np.diff(slopes)) > 1e-9
    runs = int((changed[1:] & ~changed[:-1]).sum() + changed[0])
    assert found.count == runs + 1 > 8


@pytest.mark.parametrize(
    ("act", "kinks"),
    [
        (nn.LeakyReLU, 1),
        (nn.PReLU, 1),
        (nn.RReLU, 1),
        (nn.ReLU6, 2),
        (nn.Hardtanh, 2),
        (nn.Hardsigmoid, 2),
        (nn.Softshrink, 2),
        (nn.Identity, 0),
    ],
)
def test_activations_of_one_and_two_kinks(act, kinks):
    net, start, end = dense([2, 6, 1], 5, act)
    found = linear_pieces(net, 20 * start, 20 * end)
    assert found.count <= kinks * 6 + 1
    assert (found.count > 4) == (kinks > 0)


def test_images_and_normalisation_in_evaluation():
    torch_state = torch.get_rng_state()
    try:
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(inplace=True), nn.Dropout(), nn.AvgPool2d(2),
            nn.Flatten(), nn.Linear(27, 4),
        )  # fmt: skip
        start, end = torch.randn(2, 1, 8, 8)
    finally:
        torch.set_rng_state(torch_state)
    before = copy.deepcopy(net.state_dict())
    found = linear_pieces(net, start, end)
    assert 10 < found.count <= 3 * 36 + 1
    assert net.training
    assert all(torch.equal(before[name], each) for name, each in net.state_dict().items())
    assert next(net.parameters()).dtype == torch.float32


@pytest.mark.parametrize("part", [nn.GELU(), nn.Softmax(1), nn.LayerNorm(8), nn.Softplus()])
def test_what_is_not_piecewise_linear_is_refused(part):
    net, start, end = dense([3, 8, 2], 0)
    net[1] = part.double()
    with pytest.raises(ArgumentError, match=r"Sequential is not linear between the .* near t = 0\.\d+ on"):
        linear_pieces(net, start, end)


def test_bends_of_a_kind_it_does_not_hear_are_refused():
    net = nn.Sequential(nn.Unflatten(1, (1, 6)), nn.MaxPool1d(3), nn.Flatten())
    with pytest.raises(ArgumentError, match="or max-pooling has no pieces to count this way"):
        linear_pieces(net, torch.arange(6.0), torch.tensor([5.0, 1.0, 4.0, 0.0, 3.0, 9.0]))


def test_segments_that_are_none_are_told():
    net, start, end = dense([3, 8, 2], 0)
    with pytest.raises(ArgumentError, match=r"starts at an input of shape \(3,\) and ends at one of \(2,\)"):
        linear_pieces(net, start, end[:2])
    with pytest.raises(ArgumentError, match="An end of the segment is not finite"):
        linear_pieces(net, start, end * math.nan)
    with pytest.raises(ArgumentError, match="The segment starts where it ends"):
        linear_pieces(net, start, start.clone())
    with torch.no_grad():
        net[2].weight[0, 0] = math.nan
    with pytest.raises(ArgumentError, match="is not linear between the bends"):
        linear_pieces(net, start, end)


def test_too_many_bends_are_told(monkeypatch):
    net, start, end = dense([3, 64, 2], 0)
    monkeypatch.setattr("profunda.theory.regions._MOST", 10)
    with pytest.raises(ArgumentError, match="has more than 10 bends: take a shorter one"):
        linear_pieces(net, start, end)


# Bounds ---------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 4), st.lists(st.integers(1, 6), min_size=1, max_size=4))
def test_the_bound_is_the_sum_written_out(inputs, widths):
    assert most_regions(inputs, widths) == region_bound(inputs, widths)
    if min(widths) >= inputs:
        assert regions_within_reach(inputs, widths) <= most_regions(inputs, widths)
    assert most_regions(1, widths) <= most_pieces_on_a_line(widths)
    assert most_regions(inputs, widths) <= 2 ** sum(widths)


def test_a_wrong_bound_would_be_seen():
    assert region_bound(2, [3, 3]) == 40 != (1 + 3 + 3) ** 2


def test_one_hidden_layer_on_a_line_and_in_a_plane():
    assert [most_pieces_on_a_line([m]) for m in (1, 5, 64)] == [2, 6, 65]
    assert most_pieces_on_a_line([4, 4], kinks=2) == 81
    assert most_regions(2, [5]) == 1 + 5 + 10  # five lines cut a plane into 16 regions
    assert most_regions(9, [5]) == 32
    assert regions_within_reach(1, [2] * 10) == 3 * 2**9


def test_bounds_of_nothing_are_told():
    with pytest.raises(ArgumentError, match=r"widths = \[\]: hidden layers are needed"):
        most_pieces_on_a_line([])
    with pytest.raises(ArgumentError, match=r"widths = \[3, 0\]"):
        most_regions(2, [3, 0])
    with pytest.raises(ArgumentError, match="0 inputs: at least 1 is needed"):
        most_regions(0, [3])
    with pytest.raises(ArgumentError, match="kinks = 0: an activation without a kink makes one piece"):
        most_pieces_on_a_line([3], kinks=0)
    with pytest.raises(ArgumentError, match="needs widths of at least the 4 inputs, and one here is 3"):
        regions_within_reach(4, [8, 3])
    with pytest.raises(ArgumentError, match=r"draws = 0, reach = 5\.0, bias_variance = 1\.0: all must be"):
        random_pieces([4], 0, 0)


# Random networks ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("widths", "mean", "spread"),
    [
        ([32], 29.9, 1.9),
        ([16, 16], 28.4, 2.6),
        ([8] * 4, 28.3, 6.2),
        ([64], 60.3, None),
        ([32, 32], 57.9, None),
        ([16] * 4, 54.3, None),
    ],
)
def test_random_networks_have_about_as_many_pieces_as_units(widths, mean, spread):
    """The text's means are over networks of its own, so half of their spread is allowed."""
    counts = random_pieces(widths, 100, seed=7)
    deviation = counts.std(ddof=1)
    assert counts.mean() == pytest.approx(mean, abs=0.5 * (spread or deviation))
    if spread:
        assert deviation == pytest.approx(spread, rel=0.35)
    assert counts.mean() < sum(widths) < most_pieces_on_a_line(widths)


def test_one_random_layer_has_the_pieces_of_cauchy_bends():
    counts = random_pieces([40], 400, seed=1, reach=2.0, bias_variance=0.5)
    expected = 1 + 40 * 2 / math.pi * math.atan(2.0 * math.sqrt(2 / 0.5))
    assert counts.mean() == pytest.approx(expected, abs=4 * counts.std() / 20)
    assert (random_pieces([40], 5, seed=1, reach=2.0, bias_variance=0.5) == counts[:5]).all()


def test_bends_of_tiny_signals_are_found():
    net = torch.nn.Sequential(torch.nn.Linear(1, 1, bias=False), torch.nn.ReLU()).double()
    torch.nn.init.constant_(net[0].weight, 1e-170)  # two of its signals have a product below 1e-308
    assert linear_pieces(net, torch.tensor([-3.0]), torch.tensor([1.0])).bends.tolist() == [0.75]


class Clamped(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 2, bias=False)
        torch.nn.init.constant_(self.layer.weight, 1.0)

    def forward(self, x):
        below, above = self.layer(x).unbind(-1)
        return below.clamp_min(0.25) + torch.clamp_max(above, max=0.5)


def test_clamps_at_one_end_are_heard():
    found = linear_pieces(Clamped(), torch.tensor([0.0]), torch.tensor([1.0]))
    assert found.bends.tolist() == pytest.approx([0.25, 0.5])
