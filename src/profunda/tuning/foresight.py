"""What theory says of designs before training, and how that stands against what training showed.

Designs that theory rules out are not trained (`Gate`); those that were, judge it: a design has learnt where
it scores clearly better, on the validation rows, than a constant does.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from profunda.data.dataset import Dataset
from profunda.data.inputs import Inputs
from profunda.data.splits import Fold
from profunda.forecasting.learnability import Concern, Trainability
from profunda.forecasting.trainable import trainability_of
from profunda.metrics.score import Metric, metric_for
from profunda.networks.layout import layout_of
from profunda.space.design import Design

__all__ = [
    "LEAST_GAIN",
    "LEAST_OF_A_KIND",
    "LEAST_SCORE",
    "Expectation",
    "Foreseeing",
    "Foresight",
    "concern_words",
    "constant_value",
    "score_forecasts",
]

LEAST_SCORE = 1e-6
"""A design whose score is below is not trained: far below the 0.1 of "not expected to train".

Of 1,000 designs of a space without bounds (1 to 30 layers, rates from 10⁻⁶ to 10) on three tables 381 had a
score below 0.1, of which one in eight learnt all the same, and 147 one below 10⁻⁶, of which 3 did. A wrong
refusal may cost the best design; a hopeless one that is trained costs a first rung, and judges the forecast.
"""
LEAST_OF_A_KIND = 5
"""Of fewer designs that learnt, or that did not, nothing is said of how well theory tells them apart."""
LEAST_GAIN = 1 / 20
"""Of the best design's gain on a constant: the best epoch of one that learnt nothing is as lucky."""

_EXPECTED, _DOUBTFUL, _HOPELESS = "expected to train", "doubtful", "not expected to train"
_WORDS: Mapping[str, str] = {
    "signal": "signals fade away or overflow on their way through the layers",
    "rows": "rows can no longer be told apart after so many layers",
    "gradient": "gradients fade away or explode on their way back",
    "speed": "so many steps of such a size move the outputs too little",
    "step": "a single step is far too long",
    "start": "outputs start far larger than the targets",
}


def concern_words(name: str) -> str:
    """What a concern of the forecast means, as a clause without numbers."""
    return _WORDS.get(name, name)


# Before training ------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Foreseeing:
    """The forecast for designs on one table, each worked out once.

    `inputs` tells the encoded inputs of a design, taken as standardised; `n_rows` are the rows that train.
    """

    inputs: Callable[[Design], Inputs]
    n_outputs: int
    n_rows: int
    classes: bool
    _known: dict[Design, Trainability] = field(default_factory=dict, repr=False)

    def of(self, design: Design) -> Trainability:
        """The score with its reasons."""
        found = self._known.get(design)
        if found is None and design.body != "dense":
            found = Trainability.unknown(
                "its body reads pictures or texts, of which theory has no formula here"
            )
            self._known[design] = found
        if found is None:
            entering = layout_of(design, self.inputs(design), self.n_outputs).front.width
            found = trainability_of(
                design, entering, self.n_outputs, n_rows=self.n_rows, classes=self.classes
            )
            self._known[design] = found
        return found

    def against(self, design: Design) -> Concern | None:
        """Why theory rules the design out; None where it does not, or could not judge."""
        found = self.of(design)
        return found.worst if found.score < LEAST_SCORE else None

    def missed(self, design: Design) -> float:
        """By how many orders of magnitude the score is below the least, 0 where it is not."""
        score = self.of(design).score
        return math.log10(LEAST_SCORE / score) if score < LEAST_SCORE else 0.0


# Afterwards -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Expectation:
    """How many `trained` designs had one verdict before training, and how many of them `learnt`."""

    verdict: str
    trained: int
    learnt: int


@dataclass(frozen=True)
class Foresight:
    """The forecast before training, judged afterwards.

    `constant` is the score of a constant prediction on the validation rows, `least` what a design must better
    to have learnt. `expectations` go from expected to doubtful to not expected; verdicts that no design had
    are left out. `auc` is the area under the ROC curve of the forecast's score for "learnt", `error` its
    standard error; both are NaN where `why` says why there is none.
    """

    constant: float
    least: float
    expectations: tuple[Expectation, ...]
    auc: float
    error: float
    why: str = ""

    @property
    def trained(self) -> int:
        """Trained designs that had a forecast."""
        return sum(one.trained for one in self.expectations)

    @property
    def learnt(self) -> int:
        """Those of them that learnt."""
        return sum(one.learnt for one in self.expectations)


def score_forecasts(
    forecasts: Sequence[Trainability], values: Sequence[float], constant: float, greater_is_better: bool
) -> Foresight:
    """Hold forecasts against the `values` that their designs reached, NaN for none.

    A design has learnt where it betters the `constant` by more than a twentieth of what the best design
    does. Forecasts without a score do not count. No AUC is claimed where fewer than five designs learnt, or
    did not, or where fewer than five were expected to train, or were not. Its standard error is that of
    Hanley and McNeil (1982, "The meaning and use of the area under a receiver operating characteristic (ROC)
    curve"), with Q₁ = A/(2 − A) and Q₂ = 2A²/(1 + A).
    """
    sign = -1.0 if greater_is_better else 1.0
    losses = sign * np.array(values, float)
    best = min([sign * constant, *losses[np.isfinite(losses)].tolist()])
    least = sign * constant - LEAST_GAIN * (sign * constant - best)
    judged = [
        (forecast, bool(loss < least))
        for forecast, loss in zip(forecasts, losses, strict=True)
        if not math.isnan(forecast.score)
    ]
    expectations = []
    for verdict in (_EXPECTED, _DOUBTFUL, _HOPELESS):
        learnt = [won for forecast, won in judged if forecast.verdict == verdict]
        if learnt:
            expectations.append(Expectation(verdict, len(learnt), sum(learnt)))
    found = Foresight(constant, sign * least, tuple(expectations), math.nan, math.nan)
    why = _why_no_claim(found)
    if why:
        return replace(found, why=why)
    won = np.array([won for _, won in judged])
    scores = np.array([forecast.score for forecast, _ in judged])
    auc = metric_for("binary", "auc").value(won.astype(np.int64), np.stack([1.0 - scores, scores], axis=1))
    return replace(found, auc=auc, error=_error(auc, won))


def _why_no_claim(found: Foresight) -> str:
    if math.isnan(found.constant):
        return "the constant prediction has no value in this metric"
    whole = found.trained
    expected = sum(one.trained for one in found.expectations if one.verdict == _EXPECTED)
    for count, what in (
        (whole - expected, "were doubtful or worse"),
        (expected, "were expected to train"),
        (whole - found.learnt, "failed to learn"),
        (found.learnt, "learnt"),
    ):
        if count < LEAST_OF_A_KIND:
            few = "none" if not count else f"only {count}"
            return f"{few} of {whole:,} designs {what}, and fewer than {LEAST_OF_A_KIND} tell nothing"
    return ""


def _error(auc: float, won: np.ndarray) -> float:
    ones, others = int(won.sum()), int((~won).sum())
    first, second = auc / (2.0 - auc), 2.0 * auc * auc / (1.0 + auc)
    spread = auc * (1.0 - auc) + (ones - 1) * (first - auc * auc) + (others - 1) * (second - auc * auc)
    return math.sqrt(max(spread, 0.0) / (ones * others))


def constant_value(dataset: Dataset, folds: Sequence[Fold], metric: Metric) -> float:
    """The metric of a constant prediction on validation rows, averaged over folds like a trial's value.

    For classes their frequencies among a fold's training rows; for numbers the mean or the median of these,
    whichever is better.
    """
    values = []
    for fold in folds:
        target = dataset.y[fold.valid]
        tried = [metric.value(target, one) for one in _constants(dataset, fold)]
        values.append(max(tried) if metric.greater_is_better else min(tried))
    return float(np.mean(values))


def _constants(dataset: Dataset, fold: Fold) -> list[np.ndarray]:
    y, count = dataset.y[fold.train], len(fold.valid)
    if dataset.task.parts:
        centres = [np.nanmean(y, axis=0), *([np.nanmedian(y, axis=0)] if dataset.task.numeric else [])]
        return [np.tile(centre, (count, 1)) for centre in centres]
    if dataset.task.numeric:
        return [np.full(count, float(centre)) for centre in (np.mean(y), np.median(y))]
    return [np.tile(np.bincount(y, minlength=dataset.task.n_outputs) / len(y), (count, 1))]
