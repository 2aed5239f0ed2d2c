"""E φ(u)φ(v) and E φ'(u)φ'(v) of normal pairs, for whole matrices of them at once.

The two functions of (Var u, Var v, correlation) that the kernels of wide networks are made of. Linear, ReLU,
leaky ReLU and erf have closed forms; smooth activations a series in the correlation whose remainder is known;
all others, kinked or very steep, a quadrature in polar coordinates that puts its panels' edges on the kinks.

Sources: Cho and Saul (2009), eqs. 3–6, for a ReLU; Williams (1997), eq. 11, for erf, and its derivative in
the covariance, which is E φ'φ' by Price (1958); Daniely, Frostig and Singer (2016), section 4, for the series
Σ a_k² c^k in Hermite coefficients.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from profunda.errors import ArgumentError
from profunda.theory.activations import Nonlinearity, nonlinearity
from profunda.theory.propagation import Activation, moments
from profunda.theory.quadrature import REACH, normal_mean

__all__ = ["Duals", "dual_means", "mean_squares"]

_SERIES = (64, 256, 1024)
_SERIES_LEFT = 1e-12
_LEVELS = (1, 2, 4, 8)
_AGREE = 1e-10
_RADIUS = 9.0  # r e^{−r²/2} is 2e-17 there
_POINTS = 2_000_000
_SIZES = ((12, 20), (20, 32))  # nodes in √Var and in arccos c
_HELD_OUT = 64
_INTERPOLATED = 1e-9


@dataclass(frozen=True)
class Duals:
    """E φ(u)φ(v) and E φ'(u)φ'(v), both float64 [N, N2], and a bound or estimate of their largest error,
    relative to √(E φ(u)² E φ(v)²) and √(E φ'(u)² E φ'(v)²): 0 for closed forms."""

    product: np.ndarray
    slopes: np.ndarray
    error: float


def dual_means(activation: Activation, first: np.ndarray, second: np.ndarray, c: np.ndarray) -> Duals:
    """Both means for all pairs of u_i with variance `first` [N] and v_j with variance `second` [N2].

    `c` [N, N2] holds the correlations. The series is cut where what is left of E φ² and E φ'² is below 1e-12
    of them, which by Cauchy and Schwarz bounds every entry. The quadrature halves panels until rules of 12
    and 20 nodes agree to 1e-10, or eightfold at most; where pairs are many it is taken on a Chebyshev grid in
    (√Var u, √Var v, arccos c) and interpolated, and `error` is the largest on 64 pairs that were held out.
    φ must be continuous: a jump of φ itself would add to E φ'φ' what no slope shows. A variance of 0 is taken
    at its word, u = 0 and not near it: E φ'(u)φ'(v) = φ'(0) E φ'(v), with torch's φ'(0) where φ' jumps.

    >>> both = dual_means("relu", np.ones(1), np.ones(1), np.zeros((1, 1)))
    >>> round(both.product.item() * 2 * math.pi, 12), both.slopes.item()
    (1.0, 0.25)
    """
    phi = nonlinearity(activation)
    if phi.sides is not None:
        found = _two_sided(phi.sides, first, second, c)
    elif phi.name == "erf":
        found = _erf(first, second, c)
    else:
        smooth = None if phi.kinks else _series(phi, first, second, c)
        found = smooth or _quadrature(phi, first, second, c)
    return _at_rest(phi, found, first, second) if 0.0 in phi.kinks else found


def _at_rest(phi: Nonlinearity, found: Duals, first: np.ndarray, second: np.ndarray) -> Duals:
    """With the slopes' means mended where u or v is 0 for sure and φ' jumps there."""
    still = (first == 0.0)[:, None] | (second == 0.0)
    if not still.any():
        return found
    slopes = np.outer(_slope_means(phi, first), _slope_means(phi, second))
    return Duals(found.product, np.where(still, slopes, found.slopes), found.error)


def _slope_means(phi: Nonlinearity, q: np.ndarray) -> np.ndarray:
    """E φ'(√q g) for every variance of `q` [N]."""
    distinct, which = np.unique(q, return_inverse=True)
    means = [
        float(normal_mean(lambda g, root=root: phi.slope_at(root * g), [kink / root for kink in phi.kinks]))
        if root
        else float(phi.slope_at(np.zeros(1))[0])
        for root in np.sqrt(distinct).tolist()
    ]
    return np.array(means)[which]


def mean_squares(activation: Activation, q: np.ndarray) -> np.ndarray:
    """E φ(√q g)² for every variance of `q` [N]."""
    phi = nonlinearity(activation)
    if phi.sides is not None:
        return 0.5 * (phi.sides[0] ** 2 + phi.sides[1] ** 2) * q
    if phi.name == "erf":
        return 2.0 / math.pi * np.arcsin(2.0 * q / (1.0 + 2.0 * q))
    if any(phi.kinks):  # only a kink at 0 is an edge of the grid's for every q
        distinct, which = np.unique(q, return_inverse=True)
        return np.array([moments(phi, each).square for each in distinct.tolist()])[which]
    g, weight, _ = _grid()
    return _finite(phi.value(np.sqrt(q)[:, None] * g)) ** 2 @ weight


def _finite(values: np.ndarray) -> np.ndarray:
    if not np.isfinite(values).all():
        raise ArgumentError(
            "The activation gives values that are not finite where a pre-activation goes (±12 standard "
            "deviations); use a smaller C_W or smaller inputs, or an activation that grows more slowly."
        )
    return values


# Closed forms ---------------------------------------------------------------------------------------


def _two_sided(sides: tuple[float, float], first: np.ndarray, second: np.ndarray, c: np.ndarray) -> Duals:
    low, high = sides
    same, crossed = low * low + high * high, 2.0 * low * high
    turn, height = np.arccos(c), np.sqrt(np.maximum(0.0, (1.0 - c) * (1.0 + c)))
    product = same * (height + c * (math.pi - turn)) - crossed * (height - c * turn)
    slopes = (same * (math.pi - turn) + crossed * turn) / (2.0 * math.pi)
    return Duals(np.outer(np.sqrt(first), np.sqrt(second)) * product / (2.0 * math.pi), slopes, 0.0)


def _erf(first: np.ndarray, second: np.ndarray, c: np.ndarray) -> Duals:
    twice = 2.0 * c * np.outer(np.sqrt(first), np.sqrt(second))
    root = np.outer(np.sqrt(1.0 + 2.0 * first), np.sqrt(1.0 + 2.0 * second))
    slopes = 4.0 / math.pi / np.sqrt((root - twice) * (root + twice))
    return Duals(2.0 / math.pi * np.arcsin(twice / root), slopes, 0.0)


# Series ---------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _grid() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points g, weights of a standard normal mean, and e^{−g²/4}(2π)^{−1/4}: panels shrink towards 0."""
    near = REACH * 0.5 ** np.arange(4, 18)
    far = np.arange(0.75, REACH + 0.1, 0.75)
    edges = np.unique(np.concatenate([-far, -near, [0.0], near, far]))
    nodes, weights = np.polynomial.legendre.leggauss(20)
    half, middle = 0.5 * np.diff(edges), 0.5 * (edges[1:] + edges[:-1])
    g = (middle[:, None] + half[:, None] * nodes).ravel()
    root = np.exp(-0.25 * g * g) / (2.0 * math.pi) ** 0.25
    return g, (half[:, None] * weights).ravel() * root * root, root


@lru_cache(maxsize=3)
def _hermite(terms: int) -> np.ndarray:
    """He_k(g)/√k! on the grid, times the mean's weights: [points, terms]; the recurrence runs on
    He_k(g)e^{−g²/4}, which stays small."""
    g, weight, root = _grid()
    table = np.empty((terms, len(g)))
    before, here = np.zeros_like(g), root
    for k in range(terms):
        table[k] = here
        before, here = here, (g * here - math.sqrt(k) * before) / math.sqrt(k + 1.0)
    return (table * (weight / root)).T.copy()


def _series(phi: Nonlinearity, first: np.ndarray, second: np.ndarray, c: np.ndarray) -> Duals | None:
    """Σ_k a_k(Var u) a_k(Var v) c^k; None where 1,024 terms are too few."""
    distinct, which = np.unique(np.concatenate([first, second]), return_inverse=True)
    at = np.sqrt(distinct)[:, None] * _grid()[0]
    left, right = which[: len(first)], which[len(first) :]
    sums, error = [], 0.0
    for values in (_finite(phi.value(at)), _finite(phi.slope_at(at))):
        coefficients, remainder = _coefficients(values)
        if remainder > _SERIES_LEFT:
            return None
        total = np.zeros_like(c)
        for each in coefficients.T[::-1]:
            total *= c
            total += np.outer(each[left], each[right])
        sums.append(total)
        error = max(error, remainder)
    return Duals(sums[0], sums[1], error)


def _coefficients(values: np.ndarray) -> tuple[np.ndarray, float]:
    """Hermite coefficients [N, K], no more than needed, and the largest share of the square mean left out."""
    whole = values**2 @ _grid()[1]
    found = np.zeros((len(values), 0))
    remainder = math.inf
    for terms in _SERIES:
        found = values @ _hermite(terms)
        caught = np.cumsum(found**2, 1)
        short = np.max(
            1.0 - caught / np.maximum(whole, 1e-300)[:, None], 0, where=whole[:, None] > 0, initial=0
        )
        remainder = float(abs(short[-1]))
        if remainder <= _SERIES_LEFT:
            enough = int(np.argmax(short <= max(0.1 * _SERIES_LEFT, float(short[-1]))))
            return found[:, : enough + 1], float(abs(short[enough]))
    return found, remainder


# Quadrature -----------------------------------------------------------------------------------------


def _quadrature(phi: Nonlinearity, first: np.ndarray, second: np.ndarray, c: np.ndarray) -> Duals:
    symmetric = first is second
    rows, columns = np.triu_indices(len(first)) if symmetric else np.indices(c.shape).reshape(2, -1)
    # Not 0 itself, where a kink has no side.
    roots = [np.sqrt(np.maximum(q, 1e-300)) for q in (first[rows], second[columns])]
    pairs = np.stack([*roots, np.arccos(c[rows, columns])])
    means, error = _interpolated(phi, pairs)
    filled = np.empty((2, *c.shape))
    filled[:, rows, columns] = means
    if symmetric:
        filled[:, columns, rows] = means
    return Duals(filled[0], filled[1], error)


def _interpolated(phi: Nonlinearity, pairs: np.ndarray) -> tuple[np.ndarray, float]:
    """Means [2, pairs] and their error: each pair's own where that is cheaper than a grid."""
    low, high = pairs.min(1), pairs.max(1)
    low[:2], high[:2] = low[:2].min(), high[:2].max()
    spread = high[0] - low[0] > 1e-12 * high[0]
    held = pairs[:, np.random.default_rng(0).permutation(pairs.shape[1])[:_HELD_OUT]]
    truth, own = None, 0.0
    best: tuple[np.ndarray, float] | None = None
    for roots, turns in _SIZES:
        sizes = (roots, roots, turns) if spread else (1, 1, turns)
        if pairs.shape[1] <= (roots * (roots + 1) // 2 if spread else 1) * turns + _HELD_OUT:
            return _directly(phi, pairs)
        if truth is None:
            truth, own = _directly(phi, held)
        grid, error = _on_grid(phi, low, high, sizes)
        off = np.abs(_evaluate(grid, low, high, held) - truth).max(1) / np.abs(truth).max(1)
        error = max(error, own, float(off.max()))
        if best is None or error < best[1]:
            best = _evaluate(grid, low, high, pairs), error
        if error <= _INTERPOLATED:
            break
    assert best is not None
    return best


def _chebyshev(size: int) -> np.ndarray:
    return np.cos(math.pi * (np.arange(size) + 0.5) / size)


def _on_grid(
    phi: Nonlinearity, low: np.ndarray, high: np.ndarray, sizes: tuple[int, int, int]
) -> tuple[np.ndarray, float]:
    """Chebyshev coefficients [2, sizes] of both means; the grid is symmetric in u and v."""
    axes = [
        0.5 * (a + b) + 0.5 * (b - a) * _chebyshev(size) for a, b, size in zip(low, high, sizes, strict=True)
    ]
    one, other = np.triu_indices(sizes[0])
    pairs = np.stack(
        [np.repeat(axes[0][one], sizes[2]), np.repeat(axes[1][other], sizes[2]), np.tile(axes[2], len(one))]
    )
    means, error = _directly(phi, pairs)
    values = np.empty((2, *sizes))
    values[:, one, other] = values[:, other, one] = means.reshape(2, len(one), sizes[2])
    for axis, size in enumerate(sizes):
        transform = 2.0 / size * np.polynomial.chebyshev.chebvander(_chebyshev(size), size - 1).T
        transform[0] *= 0.5
        values = np.moveaxis(np.tensordot(transform, values, (1, axis + 1)), 0, axis + 1)
    return values, error


def _evaluate(grid: np.ndarray, low: np.ndarray, high: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    found = np.empty((2, pairs.shape[1]))
    step = max(1, _POINTS // grid[0].shape[1] // grid.shape[3])
    for start in range(0, pairs.shape[1], step):
        part = pairs[:, start : start + step]
        bases = []
        for axis, size in enumerate(grid.shape[1:]):
            width = high[axis] - low[axis]
            at = (2.0 * part[axis] - low[axis] - high[axis]) / (width if width > 0.0 else 1.0)
            bases.append(np.polynomial.chebyshev.chebvander(at, size - 1))
        for kind in range(2):
            inner = np.tensordot(bases[0], grid[kind], 1)
            inner = np.einsum("pbk,pb->pk", inner, bases[1])
            found[kind, start : start + step] = np.einsum("pk,pk->p", inner, bases[2])
    return found


def _directly(phi: Nonlinearity, pairs: np.ndarray) -> tuple[np.ndarray, float]:
    """Means [2, pairs] by quadrature, refined where two rules differ, and by how much they do at last."""
    found, apart = np.empty((2, pairs.shape[1])), np.zeros(pairs.shape[1])
    open_ = np.arange(pairs.shape[1])
    for level in _LEVELS:
        points = 4 * (1 + len(phi.kinks) ** 2) * 20 * (2 + 2 * len(phi.kinks)) * 20 * level**2
        step = max(1, _POINTS // points)
        for start in range(0, len(open_), step):
            part = open_[start : start + step]
            coarse, fine = (_polar(phi, pairs[:, part], level, nodes) for nodes in (12, 20))
            found[:, part] = fine[:2]
            scale = np.maximum(fine[2:], 1e-300)
            apart[part] = (np.abs(coarse[:2] - fine[:2]) / scale).max(0)
        open_ = open_[apart[open_] > _AGREE]
        if not len(open_):
            break
    return found, float(apart.max(initial=0.0))


def _polar(phi: Nonlinearity, pairs: np.ndarray, level: int, nodes: int) -> np.ndarray:
    """E φφ, E φ'φ' and the means of the two's absolute values, [4, pairs].

    u = √Var u r cos α and v = √Var v r cos(α − θ), so a kink at 0 is a ray. Any other is an edge of r's
    panels at each α, and of α's where two such edges cross.
    """
    one, other, turn = pairs
    angles, angle_weights = _panels(_rays(phi, one, other, turn), level, nodes)
    along_one, along_other = one[:, None] * np.cos(angles), other[:, None] * np.cos(angles - turn[:, None])
    edges = np.broadcast_to(np.linspace(0.0, _RADIUS, 3), (*angles.shape, 3))
    with np.errstate(divide="ignore"):
        crossings = [kink / along for kink in phi.kinks if kink for along in (along_one, along_other)]
    inner = [np.clip(np.nan_to_num(at, posinf=_RADIUS, neginf=0.0), 0.0, _RADIUS) for at in crossings]
    edges = np.sort(np.concatenate([edges, *(at[..., None] for at in inner)], -1), -1)
    r, weights = _panels(edges, level, nodes)
    weights = weights * r * np.exp(-0.5 * r * r) / (2.0 * math.pi) * angle_weights[..., None]
    first, second = along_one[..., None] * r, along_other[..., None] * r
    means = []
    for function in (phi.value, phi.slope_at):
        product = _finite(function(first) * function(second))
        means.append(np.einsum("par,par->p", product, weights))
        means.append(np.einsum("par,par->p", np.abs(product), weights))
    return np.stack([means[0], means[2], means[1], means[3]])


def _rays(phi: Nonlinearity, one: np.ndarray, other: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Edges [pairs, …] of the angles' panels, once round from π/2."""
    quarter = 0.5 * math.pi
    rays = [np.full_like(turn, quarter), quarter + turn, np.full_like(turn, 3 * quarter), 3 * quarter + turn]
    for first in phi.kinks:
        for second in phi.kinks:
            if first and second:  # first/(one cos α) = second/(other cos(α − θ))
                where = np.arctan2(second * one - first * other * np.cos(turn), first * other * np.sin(turn))
                rays += [np.mod(where + shift - quarter, 4 * quarter) + quarter for shift in (0.0, math.pi)]
    return np.sort(np.stack([*rays, np.full_like(turn, 5 * quarter)], -1), -1)


def _panels(edges: np.ndarray, level: int, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss–Legendre points and weights [..., n] on every panel of `edges` [..., e], cut in `level`."""
    at, weights = np.polynomial.legendre.leggauss(nodes)
    share = (np.arange(level)[:, None] + 0.5 * (at + 1.0)).ravel() / level
    width = np.diff(edges)
    points = edges[..., :-1, None] + width[..., None] * share
    mass = width[..., None] * np.tile(0.5 * weights / level, level)
    return points.reshape(*edges.shape[:-1], -1), mass.reshape(*edges.shape[:-1], -1)
