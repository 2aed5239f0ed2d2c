"""How many there are: inputs, monomials, parameters; and how much simpler than that the functions and data at
hand.

A black and white image of a megapixel is one of 256^1000000, and a function of such images one of as many
numbers; networks do with a few million because what they have to compute is simple: of low order in its
inputs, and on data of few dimensions (Lin, Tegmark and Rolnick 2017, "Why does deep and cheap learning work
so well?"). Both can be measured: `polynomial_order_fit` and `intrinsic_dimension`.

Sources: Facco, d'Errico, Rodriguez and Laio (2017), "Estimating the intrinsic dimension of datasets by a
minimal neighborhood information", for two neighbours; the leave-one-out residual α_i/[(K + λI)⁻¹]_ii of
kernel ridge regression is that of any linear smoother (Golub, Heath and Wahba 1979).
"""

import decimal
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree
from torch import nn

from profunda.errors import ArgumentError, DataError

__all__ = [
    "InputCount",
    "IntrinsicDimension",
    "OrderShare",
    "compression_ratio",
    "count_inputs",
    "decimal_digits",
    "intrinsic_dimension",
    "monomials",
    "polynomial_order_fit",
]

_STRENGTHS = np.logspace(-9.0, 3.0, 25)
_GAINS = (1.0, 0.1)
_DISCARDED, _HELD = 0.1, 5.0
# Neighbours share distances, so ratios are not independent: what d/√N has to be multiplied by was 1.12 to
# 1.29 in 150 samples each of 500 Gaussian rows in 1 to 8 dimensions.
_SHARED = 1.25


@dataclass(frozen=True)
class InputCount:
    """All inputs of `pixels` places and `levels` values beside a network: a table of the function has
    10^`log10_inputs` entries, a number of `digits` digits, the network `parameters`."""

    levels: int
    pixels: int
    digits: int
    log10_inputs: float
    parameters: int

    @property
    def ratio(self) -> float:
        """log₁₀(entries of the table)/log₁₀(parameters)."""
        return self.log10_inputs / math.log10(self.parameters)


@dataclass(frozen=True)
class OrderShare:
    """What polynomials of at most `degree` explain: `share` of the variance of y (R² on rows left out, which
    noise keeps below 1 and overfitting can make negative), and the `terms` they have with all
    interactions."""

    degree: int
    share: float
    terms: int


@dataclass(frozen=True)
class IntrinsicDimension:
    """How many dimensions the data fill: `two_nn` from the ratios of the distances to the two nearest rows,
    with its standard error, and `participation`, (Σλ)²/Σλ² of the covariance's eigenvalues, among `ambient`
    columns.

    `rows` went in, after `duplicates` were left out.
    """

    two_nn: float
    standard_error: float
    participation: float
    ambient: int
    rows: int
    duplicates: int


def decimal_digits(base: int, exponent: int) -> int:
    """Digits of base^exponent in base ten, exactly, without writing it out.

    Raises ArgumentError for a base below 1 or a negative exponent.

    >>> decimal_digits(256, 1_000_000)
    2408240
    """
    if base < 1 or exponent < 0:
        raise ArgumentError(
            f"{base}^{exponent} is not offered: the base must be at least 1 and the exponent 0 or more."
        )
    # The logarithm is correctly rounded, so exact at powers of ten; others are no integers, and 40 digits
    # beyond those of the base, which may be next to a power of ten, tell them from one.
    digits = len(str(exponent)) + base.bit_length() // 3 + 40
    with decimal.localcontext(decimal.Context(prec=digits)):
        power = decimal.Decimal(base).log10() * exponent
        return int(power.to_integral_value(decimal.ROUND_FLOOR)) + 1


def count_inputs(network: nn.Module | int, levels: int, pixels: int) -> InputCount:
    """The inputs of `pixels` places, each of `levels` values, beside a network or its number of parameters.

    Raises ArgumentError for fewer than one pixel or two levels, or two parameters.

    >>> count_inputs(25_000_000, levels=256, pixels=1_000_000).digits
    2408240
    """
    if pixels < 1 or levels < 2:
        raise ArgumentError(
            f"levels = {levels}, pixels = {pixels}: an input has at least 1 pixel of at least 2 levels."
        )
    size = network if isinstance(network, int) else sum(each.numel() for each in network.parameters())
    if size < 2:
        raise ArgumentError(
            f"{size} parameters have no ratio of logarithms: at least 2 are needed; has the module been "
            "built?"
        )
    return InputCount(levels, pixels, decimal_digits(levels, pixels), pixels * math.log10(levels), size)


def compression_ratio(network: nn.Module | int, levels: int, pixels: int) -> float:
    """log₁₀(inputs)/log₁₀(parameters): how many orders of magnitude of table entries for each one of
    parameters.

    >>> round(compression_ratio(10**6, levels=256, pixels=1_000_000))
    401373
    """
    return count_inputs(network, levels, pixels).ratio


def monomials(inputs: int, degree: int) -> int:
    """C(n + d, d), the monomials of degree at most d in n variables. Raises ArgumentError for negative
    numbers.

    >>> monomials(2, 2), monomials(1_000_000, 3)
    (6, 166667666668500001)
    """
    if inputs < 0 or degree < 0:
        raise ArgumentError(f"inputs = {inputs}, degree = {degree}: neither can be negative.")
    return math.comb(inputs + degree, degree)


# Of low order ---------------------------------------------------------------------------------------


def polynomial_order_fit(
    x: np.ndarray,
    y: np.ndarray,
    degrees: Sequence[int] = (0, 1, 2, 3),
    *,
    folds: int = 5,
    seed: int = 0,
) -> tuple[OrderShare, ...]:
    """How much of y polynomials of each degree explain, with all interactions, on rows left out.

    x [N, D], y [N] or [N, C] (classes as columns of 0 and 1). Ridge regression on all monomials of degree at
    most d, weighted as in the kernel (1 + g x·x'/D)^d. Strength, gain (g = 1 or 0.1) and, among the degrees
    asked for that are at most d, the degree itself are those of least leave-one-out error on the training
    rows of a fold, so a higher degree seldom explains less. Columns are standardised there too, and held to
    ±5. Time grows with N³: give it some 2,000 rows at most.

    Raises DataError for arrays that are not finite or do not belong together, for a y that does not vary, and
    for fewer than 5 rows a fold; ArgumentError for a negative degree or fewer than 2 folds.

    >>> x = np.random.default_rng(0).normal(size=(200, 3))
    >>> [round(each.share, 2) for each in polynomial_order_fit(x, x[:, 0] * x[:, 1], (1, 2))][1]
    1.0
    """
    x, target = _pair(x, y, folds)
    if not len(degrees) or min(degrees) < 0:
        raise ArgumentError(f"degrees = {tuple(degrees)}: give one or more, each 0 or above.")
    ordered = sorted(set(degrees))
    parts = np.array_split(np.random.default_rng(seed).permutation(len(x)), folds)
    left, total = dict.fromkeys(ordered, 0.0), 0.0
    for part in parts:
        inside = np.setdiff1d(np.arange(len(x)), part)
        centre = target[inside].mean(0)
        wanted = target[part] - centre
        total += float((wanted**2).sum())
        gram, cross = _products(x, inside, part)
        best, least = np.zeros_like(wanted), math.inf
        for degree in ordered:
            fitted, error = _kernel_ridge(gram, cross, degree, target[inside] - centre)
            if error < least:
                best, least = fitted, error
            left[degree] += float(((wanted - best) ** 2).sum())
    return tuple(OrderShare(each, 1.0 - left[each] / total, monomials(x.shape[1], each)) for each in degrees)


def _pair(x: np.ndarray, y: np.ndarray, folds: int) -> tuple[np.ndarray, np.ndarray]:
    x, target = _matrix(x), np.asarray(y, np.float64)
    target = target[:, None] if target.ndim == 1 else target
    if folds < 2:
        raise ArgumentError(f"folds = {folds}: at least 2 are needed to leave rows out.")
    if target.ndim != 2 or len(target) != len(x):
        raise DataError(
            f"x has {len(x)} rows and y the shape {target.shape}: y must be [N] or [N, C] with a row for "
            "each."
        )
    if not np.isfinite(target).all():
        raise DataError("y holds values that are not finite: leave out such rows first.")
    if len(x) < 5 * folds:
        raise DataError(f"{len(x)} rows are too few for {folds} folds: at least {5 * folds} are needed.")
    if not (target.std(0) > 0.0).any():
        raise DataError("y is constant: there is no variance to explain.")
    return x, target


def _matrix(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x, np.float64)
    if x.ndim != 2 or not x.size:
        raise DataError(f"x has the shape {x.shape}: it must be [N, D] with rows and columns.")
    if not np.isfinite(x).all():
        raise DataError("x holds values that are not finite: leave out such rows, or fill them, first.")
    return x


def _products(x: np.ndarray, inside: np.ndarray, part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x·x'/D of training rows with each other and with the rows left out, standardised by the training
    rows."""
    mean, spread = x[inside].mean(0), x[inside].std(0)
    scaled = (x - mean) / np.where(spread > 1e-12 * (np.abs(mean) + 1.0), spread, np.inf)
    scaled = np.clip(scaled, -_HELD, _HELD)  # the fourth power of one far value would outweigh all others
    train = scaled[inside]
    return train @ train.T / x.shape[1], scaled[part] @ train.T / x.shape[1]


def _kernel_ridge(
    gram: np.ndarray, cross: np.ndarray, degree: int, y: np.ndarray
) -> tuple[np.ndarray, float]:
    """Fitted values of kernel ridge regression at the strength and gain of least leave-one-out error."""
    best, least = np.zeros((len(cross), y.shape[1])), math.inf
    for gain in _GAINS if degree > 1 else _GAINS[:1]:
        values, vectors = np.linalg.eigh((1.0 + gain * gram) ** degree)
        values = np.maximum(values, 0.0)
        turned, squares = vectors.T @ y, vectors**2
        for strength in _STRENGTHS * max(values.mean(), 1e-300):
            inverse = 1.0 / (values + strength)
            weights = vectors @ (inverse[:, None] * turned)
            error = float(((weights / (squares @ inverse)[:, None]) ** 2).sum())
            if error < least:
                best, least = (1.0 + gain * cross) ** degree @ weights, error
    return best, least


# On data of few dimensions --------------------------------------------------------------------------


def intrinsic_dimension(x: np.ndarray) -> IntrinsicDimension:
    """How many dimensions the rows x [N, D] fill, by two measures; scale the columns as the network will see
    them.

    Locally: with r₁ < r₂ the distances of a row to its two nearest others, μ = r₂/r₁ has P(μ > m) = m^{−d}
    where the density is even over that reach, so −ln(1 − F(μ)) is a line through 0 in ln μ with slope d; the
    largest tenth of the ratios is left out (Facco et al. 2017). It grows where noise is seen at the distance
    of neighbours, and is low for few rows in many dimensions. Globally: the participation ratio of the
    principal components, which a curved sheet of few dimensions can make large.

    Raises DataError for arrays that are not finite, fewer than 20 different rows, or rows on a lattice, where
    r₁ = r₂.

    >>> angle = np.random.default_rng(0).uniform(0, 6.28, 500)
    >>> found = intrinsic_dimension(np.stack([np.cos(angle), np.sin(angle)], 1))
    >>> round(found.two_nn), round(found.participation)
    (1, 2)
    """
    x = _matrix(x)
    different = np.unique(x, axis=0)
    rows = len(different)
    if rows < 20:
        raise DataError(f"{rows} different rows say nothing about a dimension: at least 20 are needed.")
    near = KDTree(different).query(different, k=3)[0]
    if not (near[:, 1] > 0.0).all():
        raise DataError("Some rows differ by less than float64 can tell in a distance: scale the columns.")
    ratios = np.sort(np.log(near[:, 2] / near[:, 1]))
    kept = ratios[: math.floor(rows * (1.0 - _DISCARDED))]
    if not kept[-1] > 0.0:
        raise DataError(
            "The two nearest rows are equally far nearly everywhere, as on a lattice or in columns of few "
            "values: the ratio of their distances says nothing here."
        )
    height = -np.log1p(-np.arange(1, len(kept) + 1) / rows)
    dimension = float(kept @ height / (kept @ kept))
    spread = np.linalg.svd(x - x.mean(0), compute_uv=False) ** 2
    return IntrinsicDimension(
        two_nn=dimension,
        standard_error=_SHARED * dimension / math.sqrt(len(kept)),
        participation=float(spread.sum() ** 2 / (spread**2).sum()),
        ambient=x.shape[1],
        rows=rows,
        duplicates=len(x) - rows,
    )
