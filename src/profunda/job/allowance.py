"""How a rival is fitted within an allowance of seconds: drafts tell its cost, then it grows by the clock.

Drafts on few rows and two steps, doubled while they stay cheap, give the seconds of a fit on n rows. The rows
are then the most on which the rival takes `enough` steps; and it grows in a few calls, each of which may use
half of the time left, so that an estimate wrong by a factor of two still keeps to the allowance.
"""

import time
from dataclasses import dataclass

import numpy as np

from profunda.data.dataset import Dataset
from profunda.job.rivals import Rival

__all__ = ["TooDear", "fit_within", "shuffled_rows"]

FIRST_DRAFT = 100  # rows
DRAFT_STEPS = 2
DRAFT_SHARE = 0.15  # of the allowance, for all drafts of a rival
PLANNED_SHARE = 0.7  # of the time left, by which rows are chosen; the rest is for errors of the estimate
SMALLEST_SAMPLE = 500  # rows: a rival fitted on fewer says more about the sample than about the method
LEAST_SLOPE = 0.25  # of a draft's cost, taken to grow with the rows even where two drafts show no growth
TIMED_ROWS = 1_000  # rows predicted to learn what predicting costs


class TooDear(Exception):  # noqa: N818 - an outcome, caught by the caller and told as a note
    """A rival that has no serious fit within its allowance; the text is the note for the reader."""


@dataclass(frozen=True)
class _Draft:
    """Seconds of a small fit on `rows`: before the first step, of any call, of one step, and of predicting."""

    rows: int
    width: int
    start: float
    call: float
    step: float
    predict: float
    total: float


def shuffled_rows(dataset: Dataset, rows: np.ndarray, seed: int) -> np.ndarray:
    """Rows in an order whose beginnings are samples: shuffled, but two rows of each class come first.

    A class without a row would get probability zero, and with a single row could not be shared out.
    """
    order = np.random.default_rng([seed, 1]).permutation(rows)
    if dataset.task.kind == "regression":
        return order
    by_class = np.argsort(dataset.y[order], kind="stable")
    sizes = np.unique(dataset.y[order], return_counts=True)[1]
    rank = np.empty(len(order), np.int64)
    rank[by_class] = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return order[np.argsort(rank >= 2, kind="stable")]


def fit_within(
    kind: type[Rival], dataset: Dataset, order: np.ndarray, test: np.ndarray, seconds: float, seed: int
) -> tuple[Rival, str]:
    """A rival fitted so that fitting it and predicting `test` take about `seconds`, with what was cut short.

    `order` are all rows as `shuffled_rows` gives them. Raises TooDear, with the note that says what would be
    needed, where not even a small sample fits.
    """
    end = time.perf_counter() + seconds
    drafts = _drafts(kind, dataset, order, test, seconds, seed)
    left = end - time.perf_counter()
    rows = _affordable_rows(kind, drafts, len(order), PLANNED_SHARE * left)
    smallest = min(SMALLEST_SAMPLE, len(order))
    if rows < smallest:
        needed = _seconds(kind, drafts, smallest, kind.enough) / PLANNED_SHARE
        raise TooDear(f"left out: about {needed:.1f} s needed, {max(left, 0.0):.1f} s of the time budget left")
    rival = kind(dataset, np.sort(order[:rows]), seed)
    _grow_until(rival, drafts, test, dataset, end)
    notes = []
    if rows < len(order):
        notes.append(f"fitted on {rows:,} of {len(order):,} rows to stay within the time budget")
    if not rival.finished:
        notes.append(f"stopped after {rival.steps} {rival.unit} by the time budget")
    return rival, "; ".join(notes)


def _drafts(
    kind: type[Rival], dataset: Dataset, order: np.ndarray, test: np.ndarray, seconds: float, seed: int
) -> list[_Draft]:
    """The last two drafts, or the only one: rows doubled while the next keeps within the drafts' share."""
    drafts: list[_Draft] = []
    rows, spent = min(FIRST_DRAFT, len(order)), 0.0
    while True:
        drafts.append(_draft(kind, dataset, order[:rows], test, seed))
        spent += drafts[-1].total
        if rows == len(order) or spent + 2.5 * drafts[-1].total > DRAFT_SHARE * seconds:
            return drafts[-2:] if len(drafts) > 2 else drafts[-1:]  # the first one warms up
        rows = min(2 * rows, len(order))


def _draft(kind: type[Rival], dataset: Dataset, rows: np.ndarray, test: np.ndarray, seed: int) -> _Draft:
    started = time.perf_counter()
    rival = kind(dataset, np.sort(rows), seed)
    made = time.perf_counter()
    rival.grow(DRAFT_STEPS)
    grown = time.perf_counter()
    rival.grow(0)
    call = time.perf_counter() - grown
    step = max(grown - made - call, 0.1 * (grown - made)) / max(rival.steps, 1)
    predict = _predicting(rival, dataset.codes, test)
    total = time.perf_counter() - started
    return _Draft(len(rows), rival.width, made - started, call, step, predict, total)


def _predicting(rival: Rival, codes: np.ndarray, test: np.ndarray) -> float:
    """Seconds of predicting all test rows, from some of them."""
    started = time.perf_counter()
    rival.predict(codes[test[: TIMED_ROWS // 10]])
    middle = time.perf_counter()
    rival.predict(codes[test[:TIMED_ROWS]])
    few, many = middle - started, time.perf_counter() - middle
    if len(test) <= TIMED_ROWS:
        return many
    return many + max(many - few, 0.0) / (0.9 * TIMED_ROWS) * (len(test) - TIMED_ROWS)


def _affordable_rows(kind: type[Rival], drafts: list[_Draft], most: int, seconds: float) -> int:
    """The most rows on which `enough` steps take no more than `seconds`, by bisection; 0 if none do."""
    if _seconds(kind, drafts, most, kind.enough) <= seconds:
        return most
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        if _seconds(kind, drafts, middle, kind.enough) <= seconds:
            low = middle
        else:
            high = middle
    return low


def _seconds(kind: type[Rival], drafts: list[_Draft], rows: int, steps: int) -> float:
    """Estimated seconds of a fit: its start, `steps` steps in three calls, and predicting the test rows."""
    predict = drafts[-1].predict * (steps / DRAFT_STEPS if kind.prediction_grows else 1.0)
    sizes = [float(draft.rows) for draft in drafts]
    start = _line(sizes, [draft.start for draft in drafts], rows)
    call = _line(sizes, [draft.call for draft in drafts], rows)
    return start + 3 * call + steps * _step_seconds(kind, drafts, rows) + predict


def _step_seconds(kind: type[Rival], drafts: list[_Draft], rows: int) -> float:
    works = [kind.work(draft.rows, draft.width) for draft in drafts]
    return _line(works, [draft.step for draft in drafts], kind.work(rows, drafts[-1].width))


def _line(sizes: list[float], seconds: list[float], size: float) -> float:
    """Seconds at `size` by a line through one or two measurements; one alone is taken as proportional."""
    proportional = seconds[-1] / sizes[-1]
    slope = proportional
    if len(sizes) > 1 and sizes[-1] > sizes[-2]:
        slope = (seconds[-1] - seconds[-2]) / (sizes[-1] - sizes[-2])
    slope = max(slope, LEAST_SLOPE * proportional)
    return max(0.0, seconds[-1] + slope * (size - sizes[-1]))


def _grow_until(rival: Rival, drafts: list[_Draft], test: np.ndarray, dataset: Dataset, end: float) -> None:
    """Grow in calls of half the time left, until it is finished or another call is not worth its cost."""
    kind = type(rival)
    call = _line([float(d.rows) for d in drafts], [d.call for d in drafts], len(rival.rows))
    step = _step_seconds(kind, drafts, len(rival.rows))
    predict, predicted_steps = drafts[-1].predict, DRAFT_STEPS
    while not rival.finished:
        each = predict / predicted_steps if kind.prediction_grows else 0.0
        left = end - time.perf_counter() - (each * rival.steps if kind.prediction_grows else predict)
        steps = int((left / 2 - call) / (step + each))
        if rival.steps and steps < kind.enough // 10:
            return
        before, started = rival.steps, time.perf_counter()
        rival.grow(max(1, min(steps, kind.limit - rival.steps)))
        took, done = time.perf_counter() - started, max(rival.steps - before, 1)
        step = max(took - call, 0.1 * took) / done
        predict, predicted_steps = _predicting(rival, dataset.codes, test), rival.steps
