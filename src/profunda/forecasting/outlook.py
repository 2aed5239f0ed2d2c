"""What theory predicts for the rows at hand, layer by layer, beside what was measured."""

import math
from dataclasses import dataclass

import numpy as np

from profunda.forecasting.laws import Step, walk
from profunda.forecasting.lines import LayerForecast
from profunda.forecasting.measuring import Profile, Spread, spread_of
from profunda.forecasting.rows import Rows
from profunda.forecasting.subjects import Subject
from profunda.theory.finite_width import vertex_profile
from profunda.theory.widths import relu_fluctuation

__all__ = ["Outlook", "layer_table", "look_ahead"]

GROUPS = 12
"""Groups of rows of like size, and of pairs of like correlation, for which the maps are walked."""


@dataclass(frozen=True, eq=False)
class Outlook:
    """Predictions [L] for the rows at hand, empty where the laws do not hold for the subject.

    `steps` is the walk of a row of mean size, `q` and `gradient` (as a share of the last layer's) the mean
    over the rows' own sizes, `apart` over pairs of rows. `q_sd` and `gradient_sd` are relative spreads from
    one draw to the next, to the first order in 1/width.
    """

    subject: Subject
    rows: Rows
    profile: Profile | None
    square: float
    apart0: float
    steps: tuple[Step, ...]
    q: np.ndarray
    q_sd: np.ndarray
    gradient: np.ndarray
    gradient_sd: np.ndarray
    apart: np.ndarray
    excess: np.ndarray

    @property
    def depth(self) -> int:
        """L."""
        return len(self.subject.widths)

    @property
    def why_not(self) -> str:
        """Why the maps say nothing here; "" where they do."""
        if self.subject.why:
            return self.subject.why
        return "" if self.depth else "there is no hidden layer: the model is linear"

    @property
    def limits(self) -> str:
        """What stretches the maps beyond what they were derived for; "" where nothing does."""
        laws = self.subject.laws[:-1]
        told = []
        if any(law.norm != "none" for law in laws):
            told.append("norms are taken as exact over infinitely many units or rows")
        if any(law.skip for law in laws):
            told.append("skips are taken by our extension of the maps")
        narrow = min(self.subject.widths, default=64)
        if narrow < 64:
            told.append(f"the narrowest layer has {narrow} units, the maps are for 64 and more")
        return "; ".join(told)


def look_ahead(subject: Subject, rows: Rows, profile: Profile | None) -> Outlook:
    """Everything that is predicted for `subject` on `rows`."""
    inside = profile.inside[0] if profile is not None else rows.x.reshape(len(rows.x), -1)
    squares = (inside**2).mean(1)
    square = float(squares.mean())
    pairs = profile.pairs if profile is not None else np.zeros((0, 2), np.int64)
    starts = _starts(inside, pairs)
    apart0 = float(starts.mean()) if len(starts) else 1.0
    depth = len(subject.widths)
    if subject.why or not depth:
        nothing = np.full(depth, math.nan)
        return Outlook(subject, rows, profile, square, apart0, (), *[nothing] * 6)
    laws = subject.laws
    sizes, size_shares = _groups(squares)
    by_size = [walk(laws, float(one), apart0) for one in sizes]
    q = np.average([[step.q for step in steps] for steps in by_size], 0, size_shares)
    with np.errstate(over="ignore", invalid="ignore"):
        gradient = np.average([_products(steps) for steps in by_size], 0, size_shares)
    gaps, gap_shares = _groups(starts)
    by_gap = [[step.apart for step in walk(laws, square, float(one))] for one in gaps]
    apart = np.average(by_gap, 0, gap_shares)
    excess = _excess(subject, square)
    units = np.array(subject.widths, np.float64)
    later = [relu_fluctuation(subject.widths[place + 1 :]) for place in range(depth)]
    return Outlook(
        subject,
        rows,
        profile,
        square,
        apart0,
        walk(laws, square, apart0),
        q,
        np.sqrt(2.0 / units + excess),
        gradient,
        np.sqrt(np.array(later)),
        apart,
        excess,
    )


def _groups(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of about equal parts of the sorted values, [≤ 12], and how many each part has; 1 where there are
    none."""
    if not len(values):
        return np.ones(1), np.ones(1)
    parts = np.array_split(np.sort(values), min(GROUPS, len(values)))
    return np.array([part.mean() for part in parts]), np.array([float(len(part)) for part in parts])


def _starts(inside: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """1 − cosine of pairs of rows, [p]; pairs with a row of zeros left out."""
    length = np.linalg.norm(inside, axis=1)
    good = (length[pairs] > 0.0).all(1)
    one, two = (inside[pairs[good, side]] / length[pairs[good, side], None] for side in (0, 1))
    return 0.5 * ((one - two) ** 2).sum(1)


def _products(steps: tuple[Step, ...]) -> np.ndarray:
    """Π_{k ≥ l, k < L} χ_⊥(q_k), [L]."""
    chis = np.array([step.chi_perp for step in steps[:-1]])
    return np.concatenate([np.cumprod(chis[::-1])[::-1], [1.0]])


def _excess(subject: Subject, square: float) -> np.ndarray:
    """V_l/(n q²) of each hidden layer [L], to the first order in 1/width; C_W, C_b are the second layer's."""
    law = subject.laws[min(1, len(subject.laws) - 1)]
    first = subject.laws[0].weight_variance * square + subject.laws[0].bias_variance
    if not subject.plain or not first > 0.0:
        return np.full(len(subject.widths), math.nan)
    found = vertex_profile(law.activation, subject.widths, first, law.weight_variance, law.bias_variance)
    return found.excess[:-1]


def layer_table(outlook: Outlook) -> tuple[LayerForecast, ...]:
    """The profile over the layers, predicted and measured."""
    subject, profile = outlook.subject, outlook.profile
    table = []
    for place, width in enumerate(subject.widths):
        step = outlook.steps[place] if outlook.steps else Step(math.nan, math.nan, math.nan, math.nan)
        q, gradient, apart = (_layer(profile, kind, place) for kind in ("q", "gradient", "apart"))
        name = subject.laws[place].activation.name if subject.laws else "–"
        table.append(
            LayerForecast(
                place + 1, width, name,
                float(outlook.q[place]), float(outlook.q[place] * outlook.q_sd[place]), q.mean, q.error,
                float(outlook.gradient[place]), gradient.mean, gradient.error,
                float(outlook.apart[place]), apart.mean, apart.error,
                step.chi_perp, step.chi_par,
            )
        )  # fmt: skip
    return tuple(table)


def _layer(profile: Profile | None, kind: str, place: int) -> Spread:
    if profile is None:
        return Spread(math.nan, math.nan)
    if kind == "q":
        return spread_of(profile.squares[:, :, place])
    if kind == "gradient":
        with np.errstate(divide="ignore", invalid="ignore"):
            last = profile.gradients[:, :, -1].mean(1, keepdims=True)
            return spread_of(profile.gradients[:, :, place] / last)
    if not profile.apart.shape[1]:
        return Spread(math.nan, math.nan)
    return spread_of(profile.apart[:, :, place])
