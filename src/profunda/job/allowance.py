"""How a rival is fitted within an allowance of seconds: drafts tell its cost, then it grows by the clock.

Drafts on few rows and few steps, doubled while they stay cheap, give the seconds of a fit on n rows. The rows
are then the most on which the rival takes `enough` steps; and it grows in a few calls, of which the first may
use a quarter of the time left and each later one half, so that a wrong estimate still keeps to the allowance.
"""

import time
from dataclasses import dataclass

import numpy as np

from profunda.data.dataset import Dataset
from profunda.job.rivals import Rival

__all__ = ["TooDear", "fit_within", "shuffled_rows"]

FIRST_DRAFT = 100  # rows
DRAFT_STEPS = 4
DRAFT_SHARE = 0.35  # of the allowance, for all drafts of a rival
WARMING_SHARE = 0.05  # of the allowance, below which the first draft is repeated: it loads and warms up
PLANNED_SHARE = 0.8  # of the time left, by which rows are chosen; the rest is for errors of the estimate
SMALLEST_SAMPLE = 500  # rows: a rival fitted on fewer says more about the sample than about the method
LEAST_SLOPE = (
    0.5  # of a draft's cost, taken to grow with the rows where two drafts show less, or there is one
)
PREDICTION_HEAD = 10  # rounds: predicting by the first one costs about as much as by so many more
TIMED_ROWS = 1_000  # rows predicted to learn what predicting costs


class TooDear(Exception):
    """A rival that has no serious fit within its allowance; the text is the note for the reader."""


@dataclass(frozen=True)
class _Draft:
    """Seconds of a small fit on `rows`: before the first step, of any call, of a step, and of predicting."""

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
    if not dataset.task.single:
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
    estimate = _Estimate(kind, drafts, quick=False)
    if estimate.seconds(len(order)) > PLANNED_SHARE * left:
        estimate = _Estimate(kind, drafts, quick=True)
    rows = _affordable_rows(estimate, len(order), PLANNED_SHARE * left)
    smallest = min(SMALLEST_SAMPLE, len(order))
    if rows < smallest:
        needed = estimate.seconds(smallest) / PLANNED_SHARE
        raise TooDear(
            f"left out: about {needed:.1f} s needed, {max(left, 0.0):.1f} s of the time budget left"
        )
    rival = kind(dataset, np.sort(order[:rows]), seed, quick=estimate.quick)
    _grow_until(rival, estimate, test, end)
    return rival, _note(rival, len(order))


def _note(rival: Rival, most: int) -> str:
    """What the allowance has cost a rival; empty if nothing."""
    said = []
    if len(rival.rows) < most:
        said.append(f"fitted on {len(rival.rows):,} of {most:,} rows to stay within the time budget")
    if rival.quick and rival.quick_speed > 1:
        said.append("with quicker settings (smaller trees, larger steps)")
    if not rival.finished:
        said.append(f"stopped after {rival.steps} {rival.unit} by the time budget")
    return "; ".join(said)


def _drafts(
    kind: type[Rival], dataset: Dataset, order: np.ndarray, test: np.ndarray, seconds: float, seed: int
) -> list[_Draft]:
    """The last two drafts, or the only one: rows doubled while the next keeps within the drafts' share."""
    rows = min(FIRST_DRAFT, len(order))
    drafts = [_draft(kind, dataset, order[:rows], test, seconds, seed)]
    spent = drafts[0].total
    if spent < WARMING_SHARE * seconds:
        drafts = [_draft(kind, dataset, order[:rows], test, seconds, seed)]
        spent += drafts[0].total
    while rows < len(order) and spent + 2 * drafts[-1].total < DRAFT_SHARE * seconds:
        rows = min(2 * rows, len(order))
        drafts.append(_draft(kind, dataset, order[:rows], test, seconds, seed))
        spent += drafts[-1].total
    return drafts[-2:]


def _draft(
    kind: type[Rival], dataset: Dataset, rows: np.ndarray, test: np.ndarray, seconds: float, seed: int
) -> _Draft:
    started = time.perf_counter()
    rival = kind(dataset, np.sort(rows), seed, quick=True)
    made = time.perf_counter()
    rival.grow(DRAFT_STEPS)
    growing = time.perf_counter() - made
    call = growing / 2  # a guess, where there is no time to measure it
    if growing < DRAFT_SHARE * seconds:
        again = time.perf_counter()
        rival.grow(0)
        call = time.perf_counter() - again
    step = max(growing - call, 0.1 * growing) / max(rival.steps, 1)
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


@dataclass(frozen=True)
class _Estimate:
    """What a rival's drafts, made with quick settings, say of its cost; seconds throughout."""

    kind: type[Rival]
    drafts: list[_Draft]
    quick: bool

    @property
    def enough(self) -> int:
        return self.kind.quick_enough if self.quick else self.kind.enough

    @property
    def predict(self) -> float:
        """Of predicting all test rows by DRAFT_STEPS steps."""
        return self.drafts[-1].predict

    def seconds(self, rows: int) -> float:
        """Of a fit: its start, two calls that take `enough` steps in all, and predicting the test rows."""
        start = _line(self._sizes, [draft.start for draft in self.drafts], rows)
        predict = _predicting_by(self.kind, self.predict, DRAFT_STEPS, self.enough)
        return start + 2 * self.call(rows) + self.enough * self.step(rows) + predict

    def call(self, rows: int) -> float:
        """What every call costs, however many steps it takes."""
        return _line(self._sizes, [draft.call for draft in self.drafts], rows)

    def step(self, rows: int) -> float:
        """Of one step."""
        works = [self.kind.work(draft.rows, draft.width) for draft in self.drafts]
        work = self.kind.work(rows, self.drafts[-1].width)
        quick = _line(works, [draft.step for draft in self.drafts], work)
        return quick if self.quick else quick * self.kind.quick_speed

    @property
    def _sizes(self) -> list[float]:
        return [float(draft.rows) for draft in self.drafts]


def _line(sizes: list[float], seconds: list[float], size: float) -> float:
    """Seconds at `size` by a line through one or two measurements, rising by LEAST_SLOPE at least."""
    slope = LEAST_SLOPE * seconds[-1] / sizes[-1]
    if len(sizes) > 1:
        slope = max(slope, (seconds[-1] - seconds[-2]) / (sizes[-1] - sizes[-2]))
    return max(0.0, seconds[-1] + slope * (size - sizes[-1]))


def _predicting_by(kind: type[Rival], seconds: float, steps: int, more: int) -> float:
    """Seconds of predicting by `more` steps, where it took `seconds` by `steps`."""
    if not kind.prediction_grows:
        return seconds
    return seconds * (more + PREDICTION_HEAD) / (steps + PREDICTION_HEAD)


def _affordable_rows(estimate: _Estimate, most: int, seconds: float) -> int:
    """The most rows on which enough steps take no more than `seconds`, by bisection; 0 if none do."""
    if estimate.seconds(most) <= seconds:
        return most
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        if estimate.seconds(middle) <= seconds:
            low = middle
        else:
            high = middle
    return low


def _grow_until(rival: Rival, estimate: _Estimate, test: np.ndarray, end: float) -> None:
    """Grow until it is finished or another call is not worth its cost."""
    kind, call, step = type(rival), estimate.call(len(rival.rows)), estimate.step(len(rival.rows))
    predict, by, fewest = estimate.predict, DRAFT_STEPS, max(1, estimate.enough // 5)
    while not rival.finished:
        now = _predicting_by(kind, predict, by, rival.steps)
        each = _predicting_by(kind, predict, by, rival.steps + 1) - now
        left = end - time.perf_counter() - now
        share = 0.5 if rival.steps else 0.25
        steps = int((share * left - call) / (step + each))
        if rival.steps and steps < fewest:
            return
        before, started = rival.steps, time.perf_counter()
        rival.grow(min(max(fewest, steps), kind.limit - rival.steps))
        took = time.perf_counter() - started
        step = max(took - call, 0.1 * took) / max(rival.steps - before, 1)
        predict, by = _predicting(rival, rival.dataset.codes, test), rival.steps
