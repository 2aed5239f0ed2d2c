"""Whether one linear task gains from the rows of another, told from rows of both before anything is shared.

`TwoTasks` knows the distance of two tasks and their noise; here both are estimated. Tasks have weights w_1
and w_2, inputs X_1 and X_2 as they are, A_k = X_kᵀX_k, A = A_1 + A_2, noise of variance σ². At row i of the
first task, left out, a fit alone has variance σ²a_i/(1 − a_i), the pooled one σ²h_i/(1 − h_i) and the bias
x_iᵀA⁻¹A_2δ/(1 − h_i), with δ = w_2 − w_1 and leverages a_i = x_iᵀA_1⁻¹x_i, h_i = x_iᵀA⁻¹x_i (Sherman and
Morrison 1950; Allen 1974 for rows left out). The mean squared bias is a form δᵀQδ. δ̂ by least squares has
covariance S = σ²(A_1⁻¹ + A_2⁻¹), so that δ̂ᵀQδ̂ − tr QS is unbiased for it. Nothing is asked of the inputs'
law; noise is normal and alike in both tasks.
"""

from dataclasses import dataclass

import numpy as np

from profunda.errors import DataError
from profunda.theory.task_rows import TaskRows

__all__ = ["TransferForecast", "transfer_forecast"]

_DRAWS = 1_000


@dataclass(frozen=True)
class TransferForecast:
    """What pooling with another task should do to the first one's risk beyond noise.

    `gain` = risk alone − risk pooled is positive where pooling helps, [`low`, `high`] its interval of 95 %
    given the inputs. `alone` is the risk alone, `harm` what the difference of the tasks costs (as
    estimated, which may fall below 0) and `relief` what the other's rows save: gain = relief − harm.
    """

    alone: float
    relief: float
    harm: float
    low: float
    high: float

    @property
    def gain(self) -> float:
        """Risk alone − risk pooled."""
        return self.relief - self.harm

    @property
    def verdict(self) -> str:
        """ "helps" or "hurts" where the interval leaves out 0, else "unclear"."""
        return "helps" if self.low > 0.0 else "hurts" if self.high < 0.0 else "unclear"


def transfer_forecast(rows: TaskRows, task: int = 0, other: int = 1) -> TransferForecast:
    """The forecast for `task` of being pooled with `other`, from their rows in `rows`.

    Weights are those of `rows.x` as it is: centre each task, or give a column of ones. Raises DataError where
    the first has fewer than D + 2 rows, the other fewer than D, or inputs of either are linearly dependent.

    >>> random = np.random.default_rng(0)
    >>> x, task = random.normal(size=(330, 10)), np.repeat([0, 1], (30, 300))
    >>> noise = random.normal(size=330)
    >>> near, far = (TaskRows(x, noise + distance * task * x[:, 0], task) for distance in (0.1, 3.0))
    >>> transfer_forecast(near).verdict, transfer_forecast(far).verdict
    ('helps', 'hurts')
    """
    first, second = rows.only(task), rows.only(other)
    _check(first, second, task, other)
    grams = [one.x.T @ one.x for one in (first, second)]
    weights = [np.linalg.lstsq(one.x, one.y, rcond=None)[0] for one in (first, second)]
    residuals = [one.y - one.x @ w for one, w in zip((first, second), weights, strict=True)]
    spare = len(first.y) + len(second.y) - 2 * rows.n_features
    noise = sum(float(r @ r) for r in residuals) / spare
    both = np.linalg.inv(grams[0] + grams[1])
    inverses = [np.linalg.inv(gram) for gram in grams]
    own, shared = (np.einsum("nd,de,ne->n", first.x, inverse, first.x) for inverse in (inverses[0], both))
    left_out = first.x @ both @ grams[1] / (1.0 - shared)[:, None]
    form = left_out.T @ left_out / len(first.y)
    spread = noise * (inverses[0] + inverses[1])
    apart = weights[1] - weights[0]
    alone = noise * float((own / (1.0 - own)).mean())
    relief = alone - noise * float((shared / (1.0 - shared)).mean())
    harm = float(apart @ form @ apart - (form * spread).sum())
    least, most = _harms(apart, form, spread)
    return TransferForecast(alone, relief, harm, relief - most, relief - least)


def _harms(apart: np.ndarray, form: np.ndarray, spread: np.ndarray) -> tuple[float, float]:
    """The interval of δᵀQδ for δ = c δ̂: every c under which the form of δ̂ is within its middle 95 %.

    (cδ̂ + ξ)ᵀQ(cδ̂ + ξ) with ξ ~ N(0, S) is drawn once for all c.
    """
    noise = np.random.default_rng(0).multivariate_normal(np.zeros(len(apart)), spread, _DRAWS)
    size = max(float(apart @ form @ apart), np.finfo(np.float64).tiny)
    cross, own = noise @ form @ apart, ((noise @ form) * noise).sum(axis=1)
    factors = np.linspace(0.0, 1.0 + 8.0 * float(np.sqrt((form * spread).sum() / size)), 200)
    smaller = [float((c * c * size + 2.0 * c * cross + own <= size).mean()) for c in factors]
    inside = factors[(np.array(smaller) >= 0.025) & (np.array(smaller) <= 0.975)]
    # Equal tasks may look nearer than any δ explains, by chance: then they are taken as equal.
    return (float(inside[0] ** 2 * size), float(inside[-1] ** 2 * size)) if len(inside) else (0.0, 0.0)


def _check(first: TaskRows, second: TaskRows, task: int, other: int) -> None:
    """Refuse rows that do not determine both tasks' weights, also with one row of the first left out."""
    n, m, d = len(first.y), len(second.y), first.n_features
    if n < d + 2 or m < d:
        raise DataError(
            f"Tasks {task} and {other} have {n} and {m} rows of {d} features: the first needs {d + 2} and "
            f"the other {d} for a forecast; take fewer features, such as the first principal components."
        )
    bases = [np.linalg.qr(one.x)[0] for one in (first, second)]
    ranks = [np.linalg.matrix_rank(one.x) for one in (first, second)]
    if min(ranks) < d or (bases[0] ** 2).sum(axis=1).max() > 1.0 - 1e-9:
        raise DataError(
            f"Inputs of task {task} or {other} are linearly dependent, at least without one row, so that "
            "its weights are not determined: leave out columns that are (nearly) constant there, or take "
            "principal components."
        )
