"""The chapter on the landscape: the verdicts found, their numbers, and that a false claim would be told."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from tests.lab.quickly import is_whole, quick

from profunda.lab.experiment import Verdict
from profunda.lab.experiments.landscape import (
    full_rank_means_one_minimum,
    less_competition,
    linearisation_order,
    overparametrised_full_rank,
    prediction_space,
    printed_surface,
    rank_example,
    reachable_directions,
    regular_surface,
    slices,
)
from profunda.lab.experiments.landscape._networks import dense, gaussian_rows, parameters
from profunda.lab.pictures import Heat
from profunda.theory import jacobian, outputs_at, parameter_vector, regular_minima

EXPERIMENTS = {
    printed_surface: "wrong",
    regular_surface: "holds",
    rank_example: "holds",
    full_rank_means_one_minimum: "wrong",
    overparametrised_full_rank: "holds with conditions",
    linearisation_order: "holds",
    less_competition: "holds with conditions",
    prediction_space: "holds with conditions",
    slices: "wrong",
    reachable_directions: "holds",
}


@pytest.mark.parametrize(("module", "expected"), EXPERIMENTS.items(), ids=lambda value: str(value)[-40:])
def test_quick_runs_end_in_the_verdict_that_was_found(module, expected: Verdict) -> None:
    is_whole(quick(module), expected)


@pytest.mark.parametrize("module", [printed_surface, less_competition, slices])
def test_a_second_run_says_the_same(module) -> None:
    first, again = quick(module), module.measure(True)
    assert replace(first, pictures=()) == replace(again, pictures=())


def test_jacobians_agree_with_finite_differences() -> None:
    net, x = dense((3, 4, 2), torch.nn.Tanh, 0), gaussian_rows(5, 3, 0)
    j = jacobian(net, x)
    theta, step = parameter_vector(net), 1e-6
    moves = step * torch.eye(parameters(net), dtype=torch.float64)
    up, down = (outputs_at(net, theta + sign * moves, x).reshape(len(moves), -1) for sign in (1.0, -1.0))
    assert torch.allclose(((up - down) / (2 * step)).T, j, atol=1e-8)


def test_the_printed_surface_has_poles_and_a_point_without_value() -> None:
    found = quick(printed_surface)
    assert found.predicted is not None
    assert found.value == pytest.approx(found.predicted, rel=1e-4)
    assert found.value == pytest.approx(-3.256e5, rel=1e-3)
    assert printed_surface.verdict([0.0, 1.0], 0.5, 0.0) == "holds"
    assert printed_surface.verdict([0.0, 1.0], 1e6, 0.0) == "holds with conditions"
    assert printed_surface.verdict([0.0, math.nan], 0.5, 0.0) == "wrong"
    heat = found.pictures[0]
    assert isinstance(heat, Heat)
    assert len(heat.spots) == 5
    assert any(value is None for row in heat.z for value in row)


def test_the_regular_surface_has_101_minima_where_descent_stops() -> None:
    assert quick(regular_surface).value == 101
    assert regular_surface.verdict(1, 1, 1, 5) == "wrong"
    assert regular_surface.verdict(9, 5, 5, 5) == "holds with conditions"
    path = regular_surface.descent((4.0, 4.1))
    found = regular_minima()
    assert np.linalg.norm(found - path[-1], axis=1).min() < 1e-4


def test_the_rank_is_exact_and_a_third_direction_would_be_told() -> None:
    assert rank_example.exact_rank(((1, 2, 3), (4, 5, 6), (7, 8, 10))) == 3
    assert rank_example.combination(((1, 2, 3), (4, 5, 6), (7, 8, 10))) is None
    assert rank_example.combination(((1, 2, 3), (4, 5, 6), (7, 8, 9))) == (Fraction(-1), Fraction(2))
    assert rank_example.verdict(None, 3, 3) == "wrong"
    assert rank_example.verdict((Fraction(-1), Fraction(2)), 2, 3) == "holds with conditions"


def test_one_minimum_would_be_told() -> None:
    assert full_rank_means_one_minimum.verdict([1e-17, 1e-17], 0.0, True, 0.9) == "holds"
    assert full_rank_means_one_minimum.verdict([0.1, 0.1], 12.0, True, 0.9) == "holds with conditions"


def test_ranks_are_those_of_theory() -> None:
    found = quick(overparametrised_full_rank)
    assert found.value == 50
    net, x = dense((5, 3, 1), torch.nn.ReLU, 0), gaussian_rows(50, 5, 0)
    assert (parameters(net), overparametrised_full_rank.rank(net, x)) == (22, 19)
    full = np.full((2, 3), 50)
    assert overparametrised_full_rank.verdict(full, full, [60, 90], [50, 50]) == "holds"
    assert overparametrised_full_rank.verdict(full - 1, full, [60, 90], [50, 50]) == "wrong"


def test_linearisation_has_order_two() -> None:
    assert quick(linearisation_order).value == pytest.approx(2.0, abs=0.02)
    assert linearisation_order.verdict(1.0, 0.0, 0.0) == "holds with conditions"
    assert linearisation_order.verdict(1.0, 0.1, 0.1) == "wrong"


def test_competition_can_fall_stay_or_vanish() -> None:
    assert less_competition.verdict((0.5, 0.01), (0.5, 0.1), (0.0, 0.9)) == "holds"
    assert less_competition.verdict((0.2, 0.5), (0.5, 0.5), (0.0, 0.9)) == "wrong"


def test_the_own_part_of_orthogonal_gradients_is_all_of_them() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(3, 1, bias=False)).double()
    x = torch.eye(3, dtype=torch.float64)
    cosine, opposed, own = less_competition.cosines(net, x, torch.full((3, 1), 5.0, dtype=torch.float64))
    assert (cosine, opposed, own) == pytest.approx((0.0, 0.0, 1.0))


def test_a_straight_path_of_predictions_would_be_told() -> None:
    assert prediction_space.verdict(True, 0.999) == "holds"
    assert prediction_space.verdict(False, 0.999) == "wrong"


def test_many_valleys_in_a_slice_would_be_told() -> None:
    assert slices.verdict([9, 12, 7], 101) == "holds"
    assert slices.verdict([1, 1, 7], 101) == "holds with conditions"


def test_an_unreachable_direction_would_be_told() -> None:
    assert quick(reachable_directions).value < 1e-8
    assert reachable_directions.verdict([0.3], [0.9]) == "wrong"
    assert reachable_directions.verdict([1e-14], [1e-3]) == "holds with conditions"
