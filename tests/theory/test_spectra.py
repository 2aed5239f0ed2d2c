"""Extreme eigenvalues, densities and traces against eigenvalues of dense matrices."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles import theory_tangents as oracle
from torch import nn

from profunda.errors import ArgumentError
from profunda.theory.losses import squared_error
from profunda.theory.products import Operator, curvature, matrix_operator, tangent_operator
from profunda.theory.spectra import extreme_eigenvalues, hutchinson_trace, spectral_density
from profunda.theory.tangents import empirical_ntk


def symmetric(n, seed=0, rank=None):
    drawn = torch.randn(n, rank or n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return drawn @ drawn.T / n if rank else (drawn + drawn.T) / (2 * n) ** 0.5


def small(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 6), nn.Tanh(), nn.Linear(6, 1)).double()
        return net, torch.randn(20, 4, dtype=torch.float64), torch.randn(20, 1, dtype=torch.float64)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(0, 5))
def test_as_many_steps_as_rows_give_the_ends(n, seed):
    matrix = symmetric(n, seed)
    found, right = extreme_eigenvalues(matrix_operator(matrix), seed=seed), torch.linalg.eigvalsh(matrix)
    assert found.smallest == pytest.approx(float(right[0]), abs=1e-9)
    assert found.largest == pytest.approx(float(right[-1]), abs=1e-9)
    assert max(found.smallest_residual, found.largest_residual) < 1e-8
    assert found.steps <= n


@pytest.mark.parametrize("seed", range(6))
def test_ends_are_found_where_vectors_of_signs_are_eigenvectors(seed):
    alike, pair = torch.ones(3, 3).double(), torch.tensor([[2.0, 1.0], [1.0, 2.0]]).double()
    blocks = torch.block_diag(pair, pair)
    for matrix, ends in ((alike, (0.0, 3.0)), (pair, (1.0, 3.0)), (blocks, (1.0, 3.0))):
        found = extreme_eigenvalues(matrix_operator(matrix), seed=seed)
        assert (found.smallest, found.largest) == pytest.approx(ends, abs=1e-12)


def test_small_numbers_in_float32_are_no_zeros():
    scaled = 2.0**-80 * torch.diag(torch.arange(1.0, 6.0))
    found = extreme_eigenvalues(matrix_operator(scaled))
    assert (found.smallest * 2.0**80, found.largest * 2.0**80) == pytest.approx((1.0, 5.0), rel=1e-5)


def test_whether_a_matrix_is_symmetric_does_not_depend_on_its_scale():
    lopsided = torch.tensor([[1.0, 2.0], [5.0, 1.0]], dtype=torch.float64)
    for scale in (1e-12, 1.0, 1e12):
        with pytest.raises(ArgumentError, match=r"shape \(2, 2\) is not symmetric"):
            matrix_operator(scale * lopsided)
    with pytest.raises(ArgumentError, match=r"shape \(0, 0\) is not symmetric"):
        matrix_operator(torch.zeros(0, 0))
    assert not (matrix_operator(torch.eye(2).requires_grad_()) @ torch.ones(2)).requires_grad


@pytest.mark.parametrize("steps", [5, 20])
def test_few_steps_stay_inside_and_near_an_eigenvalue(steps):
    matrix = symmetric(200)
    found, right = extreme_eigenvalues(matrix_operator(matrix), steps=steps), torch.linalg.eigvalsh(matrix)
    assert float(right[0]) <= found.smallest < found.largest <= float(right[-1])
    assert float((right - found.largest).abs().min()) <= found.largest_residual
    assert float((right - found.smallest).abs().min()) <= found.smallest_residual
    assert found.largest_residual > 1e-6  # it does not pretend


@pytest.mark.parametrize("kind", ["hessian", "gauss_newton"])
def test_ends_of_curvature_are_those_of_the_dense_matrix(kind):
    net, x, y = small()
    dense = (oracle.hessian if kind == "hessian" else oracle.gauss_newton)(net, squared_error, x, y)
    right = torch.linalg.eigvalsh(dense)
    operator = curvature(net, x, y, kind=kind, batch=8)
    found = extreme_eigenvalues(operator, steps=101)
    assert found.largest == pytest.approx(float(right[-1]), rel=1e-9)
    assert found.smallest == pytest.approx(float(right[0]), abs=1e-9)


def test_the_tangent_kernel_and_gauss_newton_share_their_largest():
    net, x, y = small()
    kernel = extreme_eigenvalues(tangent_operator(net, x)).largest
    assert kernel == pytest.approx(float(empirical_ntk(net, x).eigenvalues[-1]))
    assert kernel / 20 == pytest.approx(
        extreme_eigenvalues(curvature(net, x, y, kind="gauss_newton")).largest
    )


def test_low_rank_ends_early():
    found = extreme_eigenvalues(matrix_operator(symmetric(300, rank=4)), steps=50)
    assert found.steps <= 6
    assert found.smallest == pytest.approx(0.0, abs=1e-10)


def test_traces_are_within_four_errors_and_errors_shrink():
    matrix = symmetric(100, rank=60)
    operator, right = matrix_operator(matrix), float(matrix.trace())
    few, many = hutchinson_trace(operator, probes=8), hutchinson_trace(operator, probes=512, seed=1)
    for found in (few, many, spectral_density(operator, steps=10).trace()):
        assert abs(found.value - right) <= 4 * found.error
    expected = float((2 * ((matrix**2).sum() - (matrix.diagonal() ** 2).sum()) / 512) ** 0.5)
    assert many.error == pytest.approx(expected, rel=0.15)
    assert many.error < few.error


def test_the_stated_error_is_the_spread():
    operator = matrix_operator(symmetric(50, rank=30))
    found = [hutchinson_trace(operator, probes=16, seed=seed) for seed in range(200)]
    spread = np.std([each.value for each in found])
    assert np.mean([each.error for each in found]) == pytest.approx(spread, rel=0.15)


def test_densities_are_those_of_all_eigenvalues():
    matrix = symmetric(150)
    found, right = spectral_density(matrix_operator(matrix), probes=32), torch.linalg.eigvalsh(matrix).numpy()
    at = np.linspace(-3.0, 3.0, 61)
    density, error = found.curve(at, 0.2)
    bells = np.exp(-0.5 * ((at[None] - right[:, None]) / 0.2) ** 2) / (0.2 * np.sqrt(2 * np.pi))
    assert np.all(np.abs(density - bells.mean(axis=0)) <= 5 * error + 1e-6)
    assert density.sum() * (at[1] - at[0]) == pytest.approx(1.0, abs=1e-3)
    for power in (1, 2, 4):
        mean = found.mean(power)
        assert abs(mean.value - np.mean(right**power)) <= 4 * mean.error
    half = found.share_below(0.0)
    assert abs(half.value - np.mean(right < 0.0)) <= 4 * half.error + 0.02
    assert found.weights.sum(axis=1) == pytest.approx(1.0)


def test_a_wrong_density_is_told_from_the_right_one():
    right, wrong = symmetric(150), symmetric(150) + 0.3 * torch.eye(150, dtype=torch.float64)
    mean = spectral_density(matrix_operator(wrong), probes=32).mean()
    assert abs(mean.value - float(right.trace()) / 150) > 4 * mean.error


def test_draws_repeat_with_their_seed():
    operator = matrix_operator(symmetric(60))
    state = torch.get_rng_state()
    assert hutchinson_trace(operator, seed=3) == hutchinson_trace(operator, seed=3)
    assert hutchinson_trace(operator, seed=3) != hutchinson_trace(operator, seed=4)
    assert extreme_eigenvalues(operator, steps=9) == extreme_eigenvalues(operator, steps=9)
    assert torch.equal(state, torch.get_rng_state())


def test_wrong_use_is_told():
    operator = matrix_operator(symmetric(60))
    with pytest.raises(ArgumentError, match="probes = 1"):
        hutchinson_trace(operator, probes=1)
    with pytest.raises(ArgumentError, match="probes = 0"):
        spectral_density(operator, probes=0)
    with pytest.raises(ArgumentError, match="steps = 0"):
        extreme_eigenvalues(operator, steps=0)
    with pytest.raises(ArgumentError, match="Lanczos's method with 60 steps needs"):
        extreme_eigenvalues(operator, memory=1000)
    with pytest.raises(ArgumentError, match=r"width = 0\.0"):
        spectral_density(operator, steps=3, probes=2).curve(np.zeros(1), 0.0)


@pytest.mark.slow
def test_a_million_parameters_on_a_thousand_rows():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(20, 980), nn.ReLU(), nn.Linear(980, 980), nn.ReLU(), nn.Linear(980, 1))
        x, y = torch.randn(1000, 20), torch.randn(1000, 1)
    operator = curvature(net, x, y, kind="gauss_newton")
    assert operator.size > 980_000
    found = extreme_eigenvalues(operator, steps=24)
    kernel = empirical_ntk(net, x)
    assert kernel.route == "chain"
    assert found.largest == pytest.approx(float(kernel.eigenvalues[-1]) / 1000, rel=1e-4)
    trace = hutchinson_trace(operator, probes=6)
    assert abs(trace.value - float(kernel.values.trace()) / 1000) <= 5 * trace.error


def test_products_that_are_not_finite_are_told():
    broken = Operator("the matrix", 3, lambda v: v / 0.0, torch.zeros(0))
    with pytest.raises(ArgumentError, match="product with the matrix is not finite, so it has no spectrum"):
        extreme_eigenvalues(broken)
    with pytest.raises(ArgumentError, match="product with the matrix is not finite"):
        hutchinson_trace(broken)
    with pytest.raises(ArgumentError, match="steps = -1: at least one product"):
        spectral_density(matrix_operator(torch.eye(3)), steps=-1)
