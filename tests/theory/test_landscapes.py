"""The text's surface against its limits and its printed points; slices against one copy of the module a
point."""

import copy
import math

import numpy as np
import pytest
import torch
from tests.oracles.theory_circuits import loss_at
from torch import nn

from profunda.errors import ArgumentError
from profunda.theory import landscapes as module
from profunda.theory.landscapes import (
    filter_direction,
    grid_minima,
    landscape,
    line_slice,
    losses_at,
    marked_points,
    outputs_at,
    parameter_vector,
    plane_slice,
    printed_landscape,
    regular_landscape,
    regular_minima,
)

# The surface of the text ------------------------------------------------------------------------------


def test_the_five_marked_points():
    values = [float(printed_landscape(*point)) for point in marked_points()]
    assert [round(value, 4) for value in values[:2] + values[3:]] == [-0.0376, 0.0887, -0.0887, 0.0376]
    assert math.isnan(values[2])
    assert marked_points() == ((-8, -8), (-4, -4), (0, 0), (4, 4), (8, 8))


def test_the_limit_at_the_origin_is_0():
    angles = np.linspace(0.1, 2 * np.pi, 50)  # never along x = 0, where there is no value
    for radius in (1e-2, 1e-4, 1e-6):
        ring = printed_landscape(radius * np.cos(angles), radius * np.sin(angles))
        assert np.abs(ring).max() <= 2.0 * radius


def test_poles_and_the_jump():
    assert float(printed_landscape(math.pi / 2 - 1e-6, 1.0)) == pytest.approx(-3.3e5, rel=0.02)
    assert float(printed_landscape(math.pi / 2 + 1e-6, 1.0)) == pytest.approx(3.3e5, rel=0.02)
    for y in (-3.0, 0.5, 2.0):
        for side in (-1, 1):
            assert float(printed_landscape(side * 1e-7, y)) == pytest.approx(side * 2 * abs(y), rel=1e-5)
    # Other multiples of π: a pole at y = 1/2, where sin(3πy) = −1, and none at y = 1, where it is 0.
    assert abs(float(printed_landscape(math.pi + 1e-6, 0.5))) > 3e5
    assert abs(float(printed_landscape(math.pi + 1e-6, 1.0))) < 1.0


def test_the_printed_formula_is_not_radial():
    assert float(printed_landscape(1.0, 0.0)) == 0.0 != float(printed_landscape(0.6, 0.8))


def test_singular_places_are_masked_and_counted():
    surface = landscape("printed", points=201)
    assert surface.masked == np.isnan(surface.values).sum() == 201  # x = 0; no other point of the grid is one
    assert np.isnan(surface.values[:, 100]).all()
    poles = printed_landscape(np.array([math.pi / 2, math.pi, 0.0]), 0.5)
    assert np.isnan(poles).all()
    assert landscape("regular", points=201).masked == 0


def test_the_surface_lies_as_it_says():
    surface = landscape("regular", points=5, reach=3.0)
    assert surface.x.tolist() == surface.y.tolist() == [-3.0, -1.5, 0.0, 1.5, 3.0]
    assert surface.values[0, 4] == regular_landscape(3.0, -3.0)
    assert surface.values[3, 1] == regular_landscape(-1.5, 1.5)


def test_the_regular_reading_at_a_point():
    r = 5.0
    expected = math.sin(3 * r) / (r + 1.5) * math.sin(3.0) * math.cos(4.0)
    assert float(regular_landscape(3.0, 4.0)) == pytest.approx(expected, rel=1e-14)


def test_range_of_the_regular_reading():
    values = landscape("regular", points=1001).values
    assert values.min() == pytest.approx(-0.3274, abs=5e-5)
    assert values.max() == pytest.approx(0.3274, abs=5e-5)


def lower_around(point, radius):
    """Whether some of 720 places around a point lie below it."""
    angles = np.linspace(0.0, 2.0 * np.pi, 721)
    ring = regular_landscape(point[0] + radius * np.cos(angles), point[1] + radius * np.sin(angles))
    return bool((ring < regular_landscape(*point)).any())


def test_101_local_minima():
    found = regular_minima()
    assert found.shape == (101, 2)
    assert not any(lower_around(point, radius) for point in found for radius in (1e-4, 1e-3))
    apart = np.linalg.norm(found[:, None] - found[None], axis=2) + 100.0 * np.eye(101)
    assert apart.min() > 0.1


def test_a_fine_grid_counts_the_same_and_flat_saddles_are_none():
    assert len(grid_minima(landscape("regular", points=2001).values)) == 101
    for k in (2, 3):
        assert lower_around((k * math.pi, 0.0), 0.3)
        assert not (np.linalg.norm(regular_minima() - (k * math.pi, 0.0), axis=1) < 0.05).any()


@pytest.mark.parametrize("spacing", [0.03, 0.012])
def test_the_count_does_not_depend_on_the_grid(spacing, monkeypatch):
    """These grids show more than 101; what is too many are flat saddles and doubles."""
    assert len(grid_minima(landscape("regular", 2 * math.ceil(10.0 / spacing) + 1).values)) > 101
    monkeypatch.setattr(module, "_SPACING", spacing)
    assert len(regular_minima()) == 101


@pytest.mark.parametrize("reach", [5.0, 7.0, 9.97])  # at 7 two minima stand next to the edge
def test_fewer_minima_within_less(reach):
    inner = regular_minima(reach)
    assert 0 < len(inner) < 101
    assert (np.abs(regular_minima()).max(1) < reach).sum() == len(inner)


def test_grid_minima_by_hand():
    grid = np.array([[3, 3, 3, 3], [3, 1, 3, np.nan], [3, 3, 3, 3], [0, 3, 2, 3.0]])
    assert grid_minima(grid).tolist() == [[1, 1]]
    assert grid_minima(np.zeros((4, 4))).tolist() == []


# Slices -----------------------------------------------------------------------------------------------


class Branching(nn.Module):
    """Looks at a value, which vmap cannot."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3, 1))

    def forward(self, x):
        return x @ self.weight if float(self.weight.sum()) > 0.0 else -(x @ self.weight)


class Tied(nn.Module):
    """One matrix used twice."""

    def __init__(self):
        super().__init__()
        self.there, self.back = nn.Linear(3, 3), nn.Linear(3, 3)
        self.back.weight = self.there.weight

    def forward(self, x):
        return self.back(torch.tanh(self.there(x)))[:, :1]


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.LSTM(1, 4, batch_first=True), nn.Linear(4, 1)

    def forward(self, x):
        return self.head(self.cell(x[:, :, None])[0][:, -1])


def mlp():
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))


def normalised():
    net = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 1))
    net(torch.randn(32, 3))  # running statistics that are not those of the start
    return net


def convolutional():
    return nn.Sequential(
        nn.Unflatten(1, (1, 3)), nn.Conv1d(1, 4, 2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 1)
    )


BUILDERS = (mlp, normalised, convolutional, Branching, Tied, Recurrent)


def case(build):
    with torch.random.fork_rng():
        torch.manual_seed(3)
        net = build()
        return net, torch.randn(10, 3), torch.randn(10, 1)


@pytest.mark.parametrize("build", BUILDERS)
def test_a_plane_is_one_copy_of_the_module_at_each_point(build):
    net, x, y = case(build)
    centre, first, second = parameter_vector(net), filter_direction(net, 1), filter_direction(net, 2)
    across, along = np.linspace(-2.0, 2.0, 4), np.linspace(-1.0, 1.0, 3)
    found = plane_slice(net, x, y, nn.functional.mse_loss, centre, first, second, across, along)
    expected = [
        [loss_at(net, centre + a * first + b * second, x, y, nn.functional.mse_loss) for a in across.tolist()]
        for b in along.tolist()
    ]
    np.testing.assert_allclose(found.losses, expected, rtol=1e-5)
    assert (found.masked, found.losses.shape) == (0, (3, 4))


def test_the_twin_would_show_swapped_axes():
    net, x, y = case(mlp)
    centre, first, second = parameter_vector(net), filter_direction(net, 1), filter_direction(net, 2)
    found = plane_slice(net, x, y, nn.functional.mse_loss, centre, first, second, [1.0], [0.0]).losses
    swapped = loss_at(net, centre + second, x, y, nn.functional.mse_loss)
    assert abs(float(found[0, 0]) - swapped) > 1e-3


def test_a_line_passes_through_both_ends():
    net, x, y = case(mlp)
    start, end = parameter_vector(net), filter_direction(net, 5)
    found = line_slice(net, x, y, nn.functional.mse_loss, start, end, [0.0, 0.3, 1.0])
    expected = [
        loss_at(net, torch.lerp(start, end, a), x, y, nn.functional.mse_loss) for a in (0.0, 0.3, 1.0)
    ]
    np.testing.assert_allclose(found.losses, expected, rtol=1e-5)
    assert found.losses[0] == pytest.approx(nn.functional.mse_loss(net(x), y).item(), rel=1e-6)


def test_the_squared_error_of_a_linear_model_is_a_parabola_on_any_line():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net, x, y = nn.Linear(4, 2).double(), torch.randn(20, 4).double(), torch.randn(20, 2).double()
    at = np.linspace(-3.0, 3.0, 13)
    ends = parameter_vector(net), torch.linspace(-1.0, 1.0, 10, dtype=torch.float64)
    losses = line_slice(net, x, y, nn.functional.mse_loss, *ends, at).losses
    assert np.abs(np.diff(losses, 3)).max() < 1e-12 * losses.max()
    assert np.diff(losses, 2).min() > 0.0


@pytest.mark.parametrize("build", BUILDERS)
def test_the_module_is_left_as_it_is(build):
    net, x, y = case(build)
    before, mode = copy.deepcopy(net.state_dict()), net.training
    state = torch.random.get_rng_state()
    plane = (parameter_vector(net), filter_direction(net, 1), filter_direction(net, 2))
    plane_slice(net, x, y, nn.functional.mse_loss, *plane, [0.0, 1.0], [0.0])
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert net.training is mode
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.is_grad_enabled()


def test_small_chunks_give_the_same(monkeypatch):
    net, x, y = case(mlp)
    vectors = torch.stack([filter_direction(net, seed) for seed in range(7)])
    at_once = losses_at(net, vectors, x, y, nn.functional.mse_loss)
    monkeypatch.setattr(module, "_ELEMENTS", 2 * 10 * 8)  # two points at a time
    np.testing.assert_allclose(losses_at(net, vectors, x, y, nn.functional.mse_loss), at_once, rtol=1e-6)


def test_classes_and_integer_inputs():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 3))
    x, y = torch.arange(5), torch.tensor([0, 1, 2, 0, 1])
    losses = losses_at(net, torch.zeros(1, 35), x, y, nn.functional.cross_entropy)
    assert losses == pytest.approx(math.log(3))
    assert outputs_at(net, torch.zeros(2, 35), x).shape == (2, 5, 3)


def test_what_is_not_finite_is_masked_and_counted():
    net, x, y = case(mlp)
    start = parameter_vector(net)
    found = line_slice(net, x, y, nn.functional.mse_loss, start, 1e30 * start, [0.0, 0.5, 1.0])
    assert found.masked == 2
    assert np.isnan(found.losses).tolist() == [False, True, True]
    held = losses_at(net, torch.stack([start, start * math.nan]), x, y, nn.functional.mse_loss)
    assert np.isfinite(held).tolist() == [True, False]


def test_a_parameter_vector_does_not_follow_the_module():
    net = nn.Linear(2, 1, bias=False)
    kept = parameter_vector(net)
    before = kept.clone()
    with torch.no_grad():
        net.weight.add_(1.0)
    assert torch.equal(kept, before)


# Directions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("build", [mlp, convolutional])
def test_every_filter_has_the_norm_of_its_own(build):
    net, _, _ = case(build)
    place, direction = 0, filter_direction(net, 4)
    for parameter in net.parameters():
        part = direction[place : place + parameter.numel()].reshape(parameter.shape)
        place += parameter.numel()
        if parameter.ndim < 2:
            assert not part.any()
        else:
            torch.testing.assert_close(part.flatten(1).norm(dim=1), parameter.detach().flatten(1).norm(dim=1))


def test_a_direction_is_its_seed_alone():
    net, _, _ = case(mlp)
    first = filter_direction(net, 1)
    torch.manual_seed(99)
    assert torch.equal(filter_direction(net, 1), first)
    assert not torch.equal(filter_direction(net, 2), first)


def test_a_slice_does_not_see_a_rescaling_that_the_function_does_not():
    """relu(10·W₁x)·W₂/10 is the same function, and filter-normalised slices of both are the same too."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        net = nn.Sequential(nn.Linear(3, 6, bias=False), nn.ReLU(), nn.Linear(6, 1, bias=False)).double()
        x, y = torch.randn(12, 3).double(), torch.randn(12, 1).double()
    scaled = copy.deepcopy(net)
    with torch.no_grad():
        scaled[0].weight.mul_(10.0)
        scaled[2].weight.div_(10.0)
    both = [
        plane_slice(
            one, x, y, nn.functional.mse_loss, parameter_vector(one), filter_direction(one, 1),
            filter_direction(one, 2), [-1.0, 0.0, 1.0], [-0.5, 0.5],
        ).losses
        for one in (net, scaled)
    ]  # fmt: skip
    np.testing.assert_allclose(both[0], both[1], rtol=1e-12)


def test_an_unused_filter_stays_unused():
    net = nn.Linear(3, 2, bias=False)
    with torch.no_grad():
        net.weight.zero_()
    assert not filter_direction(net, 0).any()


# Refusals ---------------------------------------------------------------------------------------------


class Noisy(nn.Linear):
    def forward(self, x):
        return super().forward(x) + torch.rand(())


class Pair(nn.Linear):
    def forward(self, x):
        return super().forward(x), x


ONE = torch.ones(2, 1)


def sliced(net=None, loss=nn.functional.mse_loss, vectors=None):
    return losses_at(
        net or nn.Linear(1, 1), torch.zeros(1, 2) if vectors is None else vectors, ONE, ONE, loss
    )


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: landscape("other"), "reading = 'other'"),
        (lambda: landscape("regular", points=1), "points = 1, reach = 10.0"),
        (lambda: landscape("regular", reach=math.inf), "reach = inf"),
        (lambda: grid_minima(np.zeros((2, 5))), r"values has shape \(2, 5\)"),
        (lambda: parameter_vector(nn.ReLU()), "ReLU has no parameters"),
        (lambda: sliced(vectors=torch.zeros(1, 3)), r"\(1, 3\); Linear has 2 parameters, so \[T, 2\]"),
        (lambda: sliced(vectors=torch.zeros(0, 2)), "at least one row"),
        (lambda: sliced(loss=lambda out, y: (out - y) ** 2), r"loss returned \(2, 1\)"),
        (lambda: sliced(loss=lambda out, y: 1.0), "loss returned float"),
        (lambda: sliced(Noisy(1, 1)), "Noisy gives two answers for the same parameters"),
        (lambda: sliced(Pair(1, 1)), "Pair returned tuple"),
        (
            lambda: line_slice(
                nn.Linear(1, 1), ONE, ONE, nn.functional.mse_loss, torch.zeros(2), torch.zeros(3), [0]
            ),
            r"end has shape \(3,\); Linear has 2 parameters, so \[2\]",
        ),
        (
            lambda: plane_slice(
                nn.Linear(1, 1), ONE, ONE, nn.functional.mse_loss, *[torch.zeros(1)] * 3, [0], [0]
            ),
            r"centre has shape \(1,\)",
        ),
    ],
)
def test_refusals(make, text):
    with pytest.raises(ArgumentError, match=text):
        make()
    assert torch.is_grad_enabled()


def test_the_modules_own_error_comes_through():
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        losses_at(nn.Linear(3, 1), torch.zeros(1, 4), ONE, ONE, nn.functional.mse_loss)


def test_a_module_without_parameters_has_no_directions():
    with pytest.raises(ArgumentError, match="ReLU has no parameters, so there is no space to slice"):
        filter_direction(nn.ReLU(), 0)


def test_a_weight_norm_is_sliced_without_remarks():
    torch.manual_seed(0)
    net = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(3, 4)), nn.Tanh(), nn.Linear(4, 1))
    x, y = torch.randn(5, 3), torch.zeros(5, 1)
    start = parameter_vector(net)
    found = line_slice(net, x, y, nn.functional.mse_loss, start, 2.0 * start, [0.0, 1.0]).losses
    far = copy.deepcopy(net)
    nn.utils.vector_to_parameters(2.0 * start, far.parameters())
    with torch.no_grad():
        right = [float(nn.functional.mse_loss(each(x), y)) for each in (net, far)]
    assert found == pytest.approx(right, rel=1e-5)
