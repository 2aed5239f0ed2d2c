"""Paths of training: principal directions against the covariance, straightness against exact gradient
descent."""

import math

import numpy as np
import pytest
import torch
from tests.oracles.theory_circuits import principal_by_covariance
from torch import nn

from profunda.errors import ArgumentError, DataError
from profunda.theory.landscapes import parameter_vector, plane_slice
from profunda.theory.trajectories import principal_path, training_paths, walk_share


def descent(x, y, rate, steps):
    """Parameter vectors [T, D] of gradient descent on ½‖Xw − y‖², from 0, and the linear module they belong
    to."""
    w = torch.zeros(x.shape[1], dtype=torch.float64)
    path = [w]
    for _ in range(steps):
        w = w - rate * x.T @ (x @ w - y[:, 0])
        path.append(w)
    return nn.Linear(x.shape[1], 1, bias=False).double(), torch.stack(path)


def rows(n, d, seed, scales=None):
    """X [n, d] with singular values 1, or `scales`, and y [n, 1]."""
    rng = np.random.default_rng(seed)
    u, v = np.linalg.qr(rng.normal(size=(n, n)))[0], np.linalg.qr(rng.normal(size=(d, n)))[0]
    x = u @ np.diag(np.ones(n) if scales is None else scales) @ v.T
    return torch.from_numpy(x), torch.from_numpy(rng.normal(size=(n, 1)))


@pytest.mark.parametrize("shape", [(30, 6), (6, 30)])
@pytest.mark.parametrize("seed", range(5))
def test_directions_and_shares_against_the_covariance(seed, shape):
    points = np.random.default_rng(seed).normal(size=shape).cumsum(axis=0)
    path = principal_path(torch.from_numpy(points))
    shares, coordinates = principal_by_covariance(points)
    np.testing.assert_allclose(path.explained, shares, rtol=1e-10)
    np.testing.assert_allclose(np.abs(path.coordinates), np.abs(coordinates), atol=1e-10)
    torch.testing.assert_close(path.directions @ path.directions.T, torch.eye(2).double())
    assert (path.coordinates[-1] >= path.coordinates[0]).all()


def test_the_twin_would_show_points_that_were_not_centred():
    points = np.random.default_rng(0).normal(size=(30, 6)) + 10.0
    sizes = np.linalg.svd(points, compute_uv=False) ** 2
    assert abs(principal_by_covariance(points)[0][0] - sizes[0] / sizes.sum()) > 0.1


def test_length_displacement_and_straightness():
    corner = principal_path(torch.tensor([[0.0, 0.0, 1.0], [3.0, 0.0, 1.0], [3.0, 4.0, 1.0]]))
    assert (corner.length, corner.displacement) == (7.0, 5.0)
    assert corner.straightness == pytest.approx(5 / 7)
    assert sum(corner.explained) == pytest.approx(1.0)
    angle = torch.linspace(0.0, 2.0 * math.pi, 100, dtype=torch.float64)
    assert principal_path(torch.stack([angle.cos(), angle.sin()], 1)).straightness == pytest.approx(
        0.0, abs=1e-12
    )


def test_a_path_that_never_moves():
    still = principal_path(torch.ones(3, 4))
    assert math.isnan(still.straightness)
    assert (still.explained, still.length) == ((0.0, 0.0), 0.0)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (2, 2), (2, 9)])
def test_a_straight_path_has_a_second_direction_all_the_same(shape):
    steps, axes = shape
    path = principal_path(torch.outer(torch.arange(steps).double(), torch.arange(1.0, axes + 1).double()))
    torch.testing.assert_close(path.directions @ path.directions.T, torch.eye(2).double())
    assert path.explained == pytest.approx((1.0, 0.0), abs=1e-12)


def test_a_list_of_vectors_is_a_path_too():
    points = torch.from_numpy(np.random.default_rng(1).normal(size=(4, 3)))
    assert np.array_equal(principal_path(list(points)).coordinates, principal_path(points).coordinates)


def test_a_random_walk_looks_as_if_it_were_plane():
    walk = np.random.default_rng(5).normal(size=(250, 4000)).cumsum(axis=0)
    found = principal_path(torch.from_numpy(walk))
    assert found.explained[0] == pytest.approx(walk_share(1), abs=0.02)
    assert found.explained[1] == pytest.approx(walk_share(2), abs=0.01)
    assert found.straightness == pytest.approx(1 / math.sqrt(249), rel=0.05)
    assert sum(walk_share(k) for k in range(1, 100_000)) == pytest.approx(1.0, abs=1e-5)


def test_equal_curvatures_make_both_paths_straight_and_the_distance_geometric():
    """With XXᵀ = I, f_t − y = (1 − η)^t (f_0 − y): straight to the target, at a constant rate."""
    x, y = rows(5, 12, 0)
    net, checkpoints = descent(x, y, 0.3, 20)
    found = training_paths(net, checkpoints, x, y)
    expected = float(y.norm()) * 0.7 ** np.arange(21)
    np.testing.assert_allclose(found.distances, expected, rtol=1e-10)
    for path in (found.parameters, found.predictions):
        assert path.straightness == pytest.approx(1.0, abs=1e-12)
        assert path.explained[0] == pytest.approx(1.0, abs=1e-12)
    ahead = np.hypot(*(found.target - found.predictions.coordinates[-1]))
    assert ahead == pytest.approx(expected[-1], rel=1e-8)


def test_unequal_curvatures_bend_the_path_of_predictions():
    x, y = rows(5, 12, 0, scales=(1.0, 0.5, 0.2, 0.1, 0.05))
    net, checkpoints = descent(x, y, 0.9, 2000)
    found = training_paths(net, checkpoints, x, y)
    assert found.predictions.straightness < 0.95
    assert (np.diff(found.distances) < 0.0).all()
    predicted = (x @ checkpoints.T).T
    np.testing.assert_allclose(found.distances, (predicted - y[:, 0]).norm(dim=1).numpy(), rtol=1e-9)
    np.testing.assert_allclose(
        found.predictions.coordinates, principal_path(predicted).coordinates, atol=1e-12
    )


def test_a_path_is_drawn_in_the_plane_that_holds_it():
    """Two curvatures keep the whole path in a plane; the slice there has the losses of the checkpoints."""
    x, y = rows(2, 6, 3, scales=(1.0, 0.3))
    net, checkpoints = descent(x, y, 0.5, 8)
    path = training_paths(net, checkpoints, x, y).parameters
    assert sum(path.explained) == pytest.approx(1.0, abs=1e-12)
    for t, (a, b) in enumerate(path.coordinates.tolist()):
        here = plane_slice(net, x, y, nn.functional.mse_loss, path.centre, *path.directions, [a], [b]).losses[
            0, 0
        ]
        expected = nn.functional.mse_loss(x @ checkpoints[t][:, None], y)
        assert float(here) == pytest.approx(float(expected), rel=1e-9, abs=1e-15)


def test_a_trained_network_is_watched_in_both_spaces():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net, x = nn.Sequential(nn.Linear(2, 64), nn.Tanh(), nn.Linear(64, 3)), torch.randn(8, 2)
    y = nn.functional.one_hot(torch.arange(8) % 3).float()
    optimiser, kept = torch.optim.SGD(net.parameters(), 0.05), [parameter_vector(net)]
    for _ in range(50):
        optimiser.zero_grad()
        nn.functional.mse_loss(net(x), y).backward()
        optimiser.step()
        kept.append(parameter_vector(net))
    found = training_paths(net, kept, x, y)
    assert found.parameters.coordinates.shape == found.predictions.coordinates.shape == (51, 2)
    assert found.distances[-1] == pytest.approx((net(x) - y).norm().item(), rel=1e-5)
    assert found.distances[-1] < found.distances[0]
    assert 0.0 < found.predictions.straightness <= 1.0


POINTS = torch.eye(3)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: principal_path(POINTS[:1]), ArgumentError, r"points has shape \(1, 3\); \[T, D\] with both"),
        (lambda: principal_path(POINTS[:, :1]), ArgumentError, r"\(3, 1\)"),
        (lambda: principal_path([POINTS[0], POINTS[0, :2]]), ArgumentError, r"shapes \[\(2,\), \(3,\)\]"),
        (lambda: principal_path([]), ArgumentError, r"shapes \[\]"),
        (
            lambda: principal_path(torch.tensor([[0.0, 0.0], [1.0, math.nan], [math.inf, 0.0]])),
            DataError,
            "Point 1 of the path is not finite",
        ),
        (
            lambda: principal_path(POINTS).project(torch.zeros(1, 2)),
            ArgumentError,
            r"points has shape \(1, 2\); this plane needs \[K, 3\]",
        ),
        (lambda: walk_share(0), ArgumentError, "direction = 0; directions are counted from 1"),
        (
            lambda: training_paths(nn.Linear(3, 2, bias=False), torch.rand(4, 6), POINTS, torch.zeros(3)),
            ArgumentError,
            r"targets has shape \(3,\), but the outputs have \(3, 2\)",
        ),
    ],
)
def test_refusals(make, error, text):
    with pytest.raises(error, match=text):
        make()
