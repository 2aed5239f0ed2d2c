"""Higher derivatives of activations, which say how well a few of their units multiply.

Functions of torch are differentiated automatically, which is exact but for rounding; functions on arrays by
their Chebyshev interpolant (Trefethen, "Approximation Theory and Approximation Practice", chapter 21).
"""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from profunda.errors import ArgumentError
from profunda.theory.activations import NONLINEARITIES, Nonlinearity
from profunda.theory.pointwise import FUNCTIONS, MODULES
from profunda.theory.roots import bracketed_root

__all__ = ["Pointwise", "Smooth", "SmoothActivation", "bending_point", "derivative", "smooth"]

_HIGHEST, _HIGHEST_ON_ARRAYS = 14, 6
_CHEBYSHEV = 28
_REACH, _POINTS = 4.0, 801


class Pointwise(nn.Module):
    """A function of one number as a module: [...] to the same shape."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        """σ(x)."""
        return self.function(x)


@dataclass(frozen=True)
class Smooth:
    """An activation with derivatives: its name, σ on tensors, where it bends, and whether torch can
    differentiate it (`on_arrays` says that it is a function of NumPy instead)."""

    name: str
    function: Callable[[Tensor], Tensor]
    kinks: tuple[float, ...] = ()
    on_arrays: bool = False

    def module(self) -> nn.Module:
        """σ as a module of its own."""
        if isinstance(self.function, nn.Module):
            return copy.deepcopy(self.function)
        return Pointwise(self.function)

    def room(self, at: float) -> float:
        """How far the nearest kink is from `at`; infinite where there is none."""
        return min((abs(at - kink) for kink in self.kinks), default=math.inf)


SmoothActivation = str | Smooth | Nonlinearity | Callable[[Tensor], Tensor]
"""A name of `theory.activations`, a module or function of torch, or a `Nonlinearity` on arrays."""


def smooth(activation: SmoothActivation) -> Smooth:
    """An activation as a `Smooth`. Raises ArgumentError for an unknown name, and for a function that torch
    can neither evaluate on a float64 tensor nor differentiate: wrap one of NumPy in a `Nonlinearity`."""
    if isinstance(activation, Smooth):
        return activation
    if isinstance(activation, Nonlinearity):
        if NONLINEARITIES.get(activation.name) is activation:
            return smooth(activation.name)
        return Smooth(activation.name, _on_tensors(activation), activation.kinks, on_arrays=True)
    if isinstance(activation, str):
        if activation not in NONLINEARITIES:
            raise ArgumentError(
                f"No activation is called {activation!r}; known are {', '.join(sorted(NONLINEARITIES))}, or "
                "hand over a function of torch."
            )
        return _named(activation)
    name = type(activation).__name__.lower() if isinstance(activation, nn.Module) else ""
    name = name or getattr(activation, "__name__", "function")
    try:
        tried = activation(torch.full((3,), 0.7, dtype=torch.float64).requires_grad_())
        fits = isinstance(tried, Tensor) and tried.shape == (3,) and tried.dtype == torch.float64
    except (RuntimeError, TypeError):
        fits = False
    if not fits:
        raise ArgumentError(
            f"{name} does not take a float64 tensor [3] with gradients to one of the same shape and kind; "
            "hand over a point-wise function of torch, or wrap a function on arrays in a Nonlinearity."
        )
    return Smooth(name, activation)


@cache
def _named(name: str) -> Smooth:
    function = MODULES[name]() if name in MODULES else Pointwise(FUNCTIONS[name])
    return Smooth(name, function, NONLINEARITIES[name].kinks)


def _on_tensors(phi: Nonlinearity) -> Callable[[Tensor], Tensor]:
    def function(x: Tensor) -> Tensor:
        values = np.asarray(phi.value(x.detach().to(torch.float64).numpy()))
        return torch.from_numpy(values).to(x.dtype)

    return function


def derivative(activation: SmoothActivation, order: int, at: "float | np.ndarray") -> np.ndarray:
    """The derivative σ^(order) at points of any shape: float64.

    Raises ArgumentError for an order below 0 or above 14, or above 6 for a function on arrays: beyond, the
    rounding of the interpolant shows.

    >>> derivative("softplus", 4, 0.0)
    array(-0.125)
    """
    phi = smooth(activation)
    highest = _HIGHEST_ON_ARRAYS if phi.on_arrays else _HIGHEST
    if not 0 <= order <= highest:
        raise ArgumentError(
            f"The derivative of order {order} of {phi.name} is not at hand: orders go from 0 to {highest}."
        )
    points = np.asarray(at, np.float64)
    if phi.on_arrays:
        return np.reshape([_chebyshev(phi, order, float(point)) for point in points.ravel()], points.shape)
    with torch.enable_grad():
        x = torch.tensor(points).requires_grad_()
        y = phi.function(x * 1.0)
        for _ in range(order):
            if not y.requires_grad:  # a constant
                return np.zeros(points.shape)
            (y,) = torch.autograd.grad(y.sum(), x, create_graph=True, materialize_grads=True)
    return y.detach().numpy().copy()


def _chebyshev(phi: Smooth, order: int, at: float) -> float:
    """σ^(order) of the interpolant on [at − w, at + w], w at most 1 and no further than the next kink."""
    reach = min(1.0, phi.room(at)) or 1e-3
    nodes = np.cos(np.pi * (np.arange(_CHEBYSHEV) + 0.5) / _CHEBYSHEV)
    values = phi.function(torch.from_numpy(at + reach * nodes)).numpy()
    series = np.polynomial.Chebyshev.fit(nodes, values, _CHEBYSHEV - 1, domain=[-1, 1])
    return float(series.deriv(order)(0.0) / reach**order) if order else float(series(0.0))


def bending_point(activation: SmoothActivation, order: int = 2) -> float:
    """The c at which |σ^(order)| is largest, for order 2 where σ bends most: tanh artanh(1/√3), sigmoid ln(2
    + √3).

    Of the maxima inside [−4, 4], no nearer than 1 to a kink, the highest, the positive one of two; where
    there is none, as for exp and x², the point nearest to 0 at which |σ^(order)| is above 1 % of its largest.
    Raises ArgumentError where it is 0 everywhere.

    >>> round(bending_point("sigmoid") - math.log(2 + math.sqrt(3)), 12)
    0.0
    """
    phi = smooth(activation)
    grid = np.linspace(-_REACH, _REACH, _POINTS if not phi.on_arrays else _POINTS // 8 + 1)
    grid = grid[[phi.room(point) >= 1.0 for point in grid]]
    size = np.abs(derivative(phi, order, grid))
    if not size.max() > 1e-12:
        raise ArgumentError(
            f"The derivative of order {order} of {phi.name} is 0 everywhere on [−{_REACH:g}, {_REACH:g}]: "
            f"units without it cannot multiply {order} numbers; take a smooth activation, such as gelu or "
            "tanh."
        )
    slack = 1e-9 * size.max()
    inside = [
        k
        for k in range(1, len(grid) - 1)
        if size[k] >= max(size[k - 1], size[k + 1]) and size[k] > min(size[k - 1], size[k + 1]) + slack
    ]
    if not inside:
        strong = grid[size > 0.01 * size.max()]
        return float(strong[np.abs(strong).argmin()])
    best = max(inside, key=lambda k: (round(size[k] / size.max(), 9), -round(abs(grid[k]), 9), grid[k]))
    return _refined(phi, order, grid[best - 1 : best + 2])


def _refined(phi: Smooth, order: int, around: np.ndarray) -> float:
    """The zero of the next derivative between three points, of which the middle one is the best."""
    if phi.on_arrays and order >= _HIGHEST_ON_ARRAYS:
        return float(around[1])
    slopes = derivative(phi, order + 1, around)
    if slopes[1] == 0.0:
        return float(around[1])
    for (left, right), (first, second) in zip(pairwise(around), pairwise(slopes), strict=True):
        if first * second < 0.0:
            found = bracketed_root(lambda c: float(derivative(phi, order + 1, c)), float(left), float(right))
            return 0.0 if abs(found) < 1e-12 else found
    return float(around[1])
