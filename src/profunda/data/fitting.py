"""The numbers of a preprocessing, from the rows it is fitted on."""

from dataclasses import dataclass, field, replace
from functools import cache
from statistics import NormalDist

import numpy as np

from profunda.data.layout import KNOTS, Layout

__all__ = ["Numbers", "fit_numbers", "shapes"]


PICTURES = 4_096  # rows by which pixels are scaled


def _nothing() -> np.ndarray:
    return np.empty(0)


@dataclass(frozen=True, eq=False)
class Numbers:
    """Fitted numbers, float64, for G numeric and date columns; arrays not in use are empty.

    fill [G]; centre, scale [G] (robust, embedded); knots, scores [G, 100] (quantile); lower, inverse [Σ bins]
    (piecewise: left edge and 1/width of each bin); frequency [Σ vocabulary sizes]; target [2] or, of
    several, [2, C] (mean and sd); pixels [2, channels] (median and 1/sd).
    """

    fill: np.ndarray
    centre: np.ndarray = field(default_factory=_nothing)
    scale: np.ndarray = field(default_factory=_nothing)
    knots: np.ndarray = field(default_factory=_nothing)
    scores: np.ndarray = field(default_factory=_nothing)
    lower: np.ndarray = field(default_factory=_nothing)
    inverse: np.ndarray = field(default_factory=_nothing)
    frequency: np.ndarray = field(default_factory=_nothing)
    target: np.ndarray = field(default_factory=_nothing)
    pixels: np.ndarray = field(default_factory=_nothing)

    def array(self, name: str) -> np.ndarray:
        """The array called `name`."""
        return getattr(self, name)


def shapes(layout: Layout, target: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the arrays that a layout uses; `target` is that of the target's, () for classes."""
    g = len(layout.numeric)
    wanted: dict[str, tuple[int, ...]] = {"fill": (g,)}
    if layout.encoding in ("robust", "embedded"):
        wanted |= {"centre": (g,), "scale": (g,)}
    elif layout.encoding == "quantile":
        wanted |= {"knots": (g, KNOTS), "scores": (g, KNOTS)}
    else:
        wanted |= {"lower": (sum(layout.bins),), "inverse": (sum(layout.bins),)}
    if layout.frequencies:
        wanted["frequency"] = (sum(size for _, size in layout.frequencies),)
    if layout.pixels:
        wanted["pixels"] = (2, layout.pixels[1])
    return wanted | {"target": target} if target else wanted


def fit_numbers(
    codes: np.ndarray, y: np.ndarray, rows: np.ndarray, layout: Layout, regression: bool
) -> Numbers:
    """Fit everything on the rows (indices [n]) of codes float64 [N, F]."""
    columns = [_sorted(codes[rows, position]) for position in layout.numeric]
    numbers = _ENCODINGS[layout.encoding](columns, layout)
    counted = [_frequencies(codes[rows, position], size) for position, size in layout.frequencies]
    target = _nothing()
    if regression:
        mean, sd = np.nanmean(y[rows], axis=0), np.nanstd(y[rows], axis=0)
        target = np.stack([mean, np.where(sd > 0, sd, 1.0)])
    pixels = _pixels(codes, rows, layout) if layout.pixels else _nothing()
    frequency = np.concatenate(counted) if counted else _nothing()
    return replace(numbers, frequency=frequency, target=target, pixels=pixels)


def _pixels(codes: np.ndarray, rows: np.ndarray, layout: Layout) -> np.ndarray:
    """Median and 1/sd of each channel [2, K] over the pixels of up to PICTURES rows, evenly taken."""
    start, channels, height, width = layout.pixels
    taken = rows[:: -(-len(rows) // PICTURES)]
    values = codes[taken, start : start + channels * height * width].astype(np.float64)
    each = values.reshape(len(taken), channels, height * width).swapaxes(0, 1).reshape(channels, -1)
    return np.stack([np.median(each, axis=1), _inverse(each.std(axis=1))])


def _sorted(values: np.ndarray) -> np.ndarray:
    """The present values in order; a single 0 where there are none."""
    present = values[~np.isnan(values)]
    present.sort()
    return present if len(present) else np.zeros(1)


def _quantiles(ordered: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Quantiles of sorted values at levels in [0, 1], linearly interpolated."""
    at = levels * (len(ordered) - 1)
    below = at.astype(np.intp)
    above = np.minimum(below + 1, len(ordered) - 1)
    part = at - below
    return ordered[below] * (1 - part) + ordered[above] * part  # no difference is formed: it could overflow


def _medians(columns: list[np.ndarray]) -> np.ndarray:
    return np.array([_quantiles(ordered, np.array([0.5]))[0] for ordered in columns], np.float64)


def _robust(columns: list[np.ndarray], layout: Layout) -> Numbers:
    levels = np.array([0.25, 0.5, 0.75])
    quartiles = np.array([_quantiles(ordered, levels) for ordered in columns]).reshape(-1, 3)
    ends = np.array([(ordered[0], ordered[-1]) for ordered in columns]).reshape(-1, 2)
    with np.errstate(over="ignore"):
        between, across = quartiles[:, 2] - quartiles[:, 0], ends[:, 1] - ends[:, 0]
    scale = np.where(between > 0, _inverse(between), 2 * _inverse(across))
    return Numbers(quartiles[:, 1], centre=quartiles[:, 1], scale=scale)


def _inverse(widths: np.ndarray) -> np.ndarray:
    """1/width, 0 where there is no width, and never infinite."""
    usable = widths > 1e-300
    return np.where(usable, 1 / np.where(usable, widths, 1.0), 0.0)


@cache
def _normal_scores() -> np.ndarray:
    """Φ⁻¹ on a fine grid of levels, from which scores of tied knots are interpolated."""
    return np.array([NormalDist().inv_cdf(level) for level in _GRID])


_GRID = np.clip(np.linspace(0, 1, 2 * (KNOTS - 1) + 1), 0.5 / KNOTS, 1 - 0.5 / KNOTS)


def _quantile(columns: list[np.ndarray], layout: Layout) -> Numbers:
    levels = np.linspace(0, 1, KNOTS)
    knots = np.array([_quantiles(ordered, levels) for ordered in columns]).reshape(-1, KNOTS)
    np.maximum.accumulate(knots, axis=1, out=knots)  # rounding in the interpolation must not undo the order
    scores = np.array([_tied_scores(row) for row in knots]).reshape(-1, KNOTS)
    return Numbers(_medians(columns), knots=knots, scores=scores)


def _tied_scores(knots: np.ndarray) -> np.ndarray:
    """Φ⁻¹ of each knot's level k/99, for equal knots of the mean of their levels.

    That mean is a multiple of ½/99, hence on the grid.
    """
    first = np.searchsorted(knots, knots, side="left")
    last = np.searchsorted(knots, knots, side="right") - 1
    return _normal_scores()[first + last]


def _piecewise(columns: list[np.ndarray], layout: Layout) -> Numbers:
    lower, widths = [], []
    for ordered, count in zip(columns, layout.bins, strict=True):
        levels = np.linspace(0, 1, count + 1)
        edges = _quantiles(ordered, levels)
        if (edges[1:] <= edges[:-1]).any():
            edges = _quantiles(np.unique(ordered), levels)
        lower.append(edges[:-1])
        with np.errstate(over="ignore"):
            widths.append(np.diff(edges))
    left, wide = (np.concatenate([np.empty(0), *parts]) for parts in (lower, widths))
    return Numbers(_medians(columns), lower=left, inverse=_inverse(wide))


def _frequencies(codes: np.ndarray, size: int) -> np.ndarray:
    """log(1 + n_category)/log(1 + n) of each of the `size` categories."""
    known = codes[codes >= 0].astype(np.intp)
    return np.log1p(np.bincount(known, minlength=size)[:size]) / np.log1p(len(codes))


_ENCODINGS = {"robust": _robust, "embedded": _robust, "quantile": _quantile, "piecewise": _piecewise}
