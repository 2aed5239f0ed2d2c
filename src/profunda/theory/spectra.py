"""Spectra of symmetric matrices that are known by their products only: extremes, density, trace.

Lanczos's method with full reorthogonalisation, k products and k vectors (Golub and Van Loan 2013, section
10.1; Parlett 1998 for the bounds); stochastic Lanczos quadrature for the density (Lin, Saad and Yang 2016,
"Approximating spectral densities of large matrices"; Ubaru, Chen and Saad 2017); Hutchinson (1990) for the
trace. What is drawn has a standard error, what is iterated a residual: both are returned.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from profunda.errors import ArgumentError
from profunda.theory.products import Operator
from profunda.theory.routes import MEMORY, weigh

__all__ = [
    "Extremes",
    "SpectralDensity",
    "TraceEstimate",
    "extreme_eigenvalues",
    "hutchinson_trace",
    "spectral_density",
]

STEPS, PROBES = 64, 16


@dataclass(frozen=True)
class TraceEstimate:
    """A mean over random probes and its standard error."""

    value: float
    error: float


@dataclass(frozen=True)
class Extremes:
    """The ends of a spectrum.

    Parameters
    ----------
    smallest, largest
        Ritz values: never below the smallest or above the largest eigenvalue, but for rounding.
    smallest_residual, largest_residual
        An eigenvalue lies within this distance of each; it need not be the extreme one.
    steps
        Products that were used.
    """

    smallest: float
    largest: float
    smallest_residual: float
    largest_residual: float
    steps: int


@dataclass(frozen=True)
class SpectralDensity:
    """Gauss quadratures of the eigenvalue distribution of a matrix, one for each random probe.

    Parameters
    ----------
    nodes, weights
        float64 [probes, k]; the weights of a probe sum to 1, those of steps that were not needed are 0.
    size
        Rows of the matrix.
    """

    nodes: np.ndarray
    weights: np.ndarray
    size: int

    def mean(self, power: int = 1) -> TraceEstimate:
        """tr(Aᵖ)/size, the mean of λᵖ."""
        return _estimate((self.weights * self.nodes**power).sum(axis=1))

    def trace(self) -> TraceEstimate:
        """tr A."""
        found = self.mean()
        return TraceEstimate(self.size * found.value, self.size * found.error)

    def share_below(self, value: float) -> TraceEstimate:
        """The share of eigenvalues below `value`; a node counts wholly or not at all."""
        return _estimate((self.weights * (self.nodes < value)).sum(axis=1))

    def curve(self, at: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray]:
        """Density at the points `at` [n] and its standard error, smoothed by normals of deviation `width`."""
        if not width > 0.0:
            raise ArgumentError(
                f"width = {width}: single eigenvalues have no density without a smoothing above 0."
            )
        away = (at[None, None, :] - self.nodes[:, :, None]) / width
        bells = np.exp(-0.5 * away * away) / (width * math.sqrt(2.0 * math.pi))
        each = np.einsum("pk,pkn->pn", self.weights, bells)
        return each.mean(axis=0), each.std(axis=0, ddof=1) / math.sqrt(len(each))


def extreme_eigenvalues(
    operator: Operator, *, steps: int = STEPS, seed: int = 0, memory: int = MEMORY
) -> Extremes:
    """Smallest and largest eigenvalue by Lanczos's method from a random start.

    Holds `steps` vectors of the operator's size: at most `memory` bytes, else ArgumentError. The largest
    converges fast where it stands apart, as that of a Hessian does; small ones in a crowd do not, and the
    residual says so.

    >>> from profunda.theory.products import matrix_operator
    >>> found = extreme_eigenvalues(matrix_operator(torch.diag(torch.arange(1.0, 9.0).double())))
    >>> round(found.smallest, 9), round(found.largest, 9)
    (1.0, 8.0)
    """
    generator = torch.Generator().manual_seed(seed)
    # Not signs: those are eigenvectors of [[a, b], [b, a]] and of rows that are all the same.
    start = torch.randn(operator.size, generator=generator, dtype=torch.float64).to(operator.like)
    alphas, betas = _lanczos(operator, steps, start, memory)
    values, vectors = _tridiagonal(alphas, betas)
    last = betas[-1] * np.abs(vectors[-1])
    return Extremes(float(values[0]), float(values[-1]), float(last[0]), float(last[-1]), len(alphas))


def spectral_density(
    operator: Operator, *, probes: int = PROBES, steps: int = STEPS, seed: int = 0, memory: int = MEMORY
) -> SpectralDensity:
    """The eigenvalue distribution of a matrix by stochastic Lanczos quadrature: `probes`·`steps` products.

    Moments up to 2·steps − 1 have no error but that of the probes. Memory as `extreme_eigenvalues`.
    """
    if probes < 2:
        raise ArgumentError(f"probes = {probes}: at least two are needed to know the error.")
    _check_steps(steps)
    generator = torch.Generator().manual_seed(seed)
    nodes, weights = np.zeros((probes, steps)), np.zeros((probes, steps))
    for probe in range(probes):
        values, vectors = _tridiagonal(*_lanczos(operator, steps, _signs(operator, generator), memory))
        nodes[probe, : len(values)] = values
        weights[probe, : len(values)] = vectors[0] ** 2
    return SpectralDensity(nodes, weights, operator.size)


def hutchinson_trace(operator: Operator, *, probes: int = PROBES, seed: int = 0) -> TraceEstimate:
    """tr A = E vᵀAv over random signs v, and its standard error: variance 2(‖A‖²_F − Σ a_ii²) a probe.

    >>> from profunda.theory.products import matrix_operator
    >>> hutchinson_trace(matrix_operator(torch.diag(torch.arange(4.0))))  # of a diagonal it is exact
    TraceEstimate(value=6.0, error=0.0)
    """
    if probes < 2:
        raise ArgumentError(f"probes = {probes}: at least two are needed to know the error.")
    generator = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(probes):
        v = _signs(operator, generator)
        found.append(_finite(operator, float(v.double() @ (operator @ v).double())))
    return _estimate(np.array(found))


def _signs(operator: Operator, generator: torch.Generator) -> Tensor:
    drawn = torch.randint(0, 2, (operator.size,), generator=generator)
    return (2 * drawn - 1).to(operator.like)


def _estimate(found: np.ndarray) -> TraceEstimate:
    return TraceEstimate(float(found.mean()), float(found.std(ddof=1) / math.sqrt(len(found))))


def _lanczos(operator: Operator, steps: int, start: Tensor, memory: int) -> tuple[np.ndarray, np.ndarray]:
    """Diagonal [k] and what stands beside it [k], the last of which is the residual; k ≤ steps."""
    _check_steps(steps)
    steps = min(steps, operator.size)
    element = operator.like.element_size()
    weigh(f"Lanczos's method with {steps} steps", (steps + 3) * operator.size * element, memory)
    basis = operator.like.new_zeros(steps, operator.size)
    v = start / start.norm()
    alphas, betas = [], []
    for k in range(steps):
        basis[k] = v
        w = operator @ v
        alphas.append(_finite(operator, float(v @ w)))
        for _ in range(2):  # twice is enough (Parlett 1998, section 6.9)
            w = w - basis[: k + 1].T @ (basis[: k + 1] @ w)
        betas.append(float(w.double().norm()))  # in float32 squares below 1e-38 are 0
        largest = max(map(abs, [*alphas, *betas]))
        if betas[-1] <= operator.size**0.5 * torch.finfo(w.dtype).eps * largest:
            break  # an invariant subspace: all of the spectrum that the start holds
        v = w / betas[-1]
    return np.array(alphas), np.array(betas)


def _check_steps(steps: int) -> None:
    if steps < 1:
        raise ArgumentError(f"steps = {steps}: at least one product is needed.")


def _finite(operator: Operator, product: float) -> float:
    if not math.isfinite(product):
        raise ArgumentError(
            f"A product with {operator.name} is not finite, so it has no spectrum: look for a derivative "
            "that is infinite, as of a root at 0, or for losses that overflow."
        )
    return product


def _tridiagonal(alphas: np.ndarray, betas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    side = betas[: len(alphas) - 1]
    return np.linalg.eigh(np.diag(alphas) + np.diag(side, 1) + np.diag(side, -1))
