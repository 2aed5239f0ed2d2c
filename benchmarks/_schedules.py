"""What schedules of epochs cost on real fleets, and what they lose against training everything to the end.

The fleets are trained once, every design to its end, on four tables; a schedule is then played on their
curves. That is what it would have done: survivors are resumed bit for bit, so a network's curve does not
depend on who was dropped when. Regret is a schedule's best validation loss minus the pool's best, in units of
the pool's median minus its best; cost counts epochs trained. Every network trains all its epochs and counts
with its best one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, make_classification

from profunda import train
from profunda.data.task import TaskKind
from profunda.fleet.history import History
from profunda.space.table import design_from, table_space
from profunda.tuning.rungs import Ladder, epochs_at, ladders, survivors
from profunda.tuning.samplers.sampler import sampler_for

__all__ = ["Schedule", "schedules"]

POOL, BRACKET, EPOCHS, RESAMPLES = 243, 81, 243, 100
TOP, SEEDS = 8, 5
SIZES = tuple(range(27, 2 * BRACKET + 1, 9))
WORDS = ("halving", "hyperband", "one-epoch")


@dataclass(frozen=True)
class Schedule:
    """A schedule on one table: mean regrets over resampled brackets, and how many times cheaper it is.

    `cost_ratio` compares brackets of equal size; `reaching_ratio` full training with the smallest bracket
    whose mean regret is not above that of full training (None: none up to twice the size), `noise_ratio`
    where it may be above by `noise`: what one and the same design's loss differs from seed to seed (standard
    deviation over the best designs, in the unit of regret).
    """

    table: str
    schedule: str
    regret: float
    full_regret: float
    difference_error: float
    cost_ratio: float
    reaching_ratio: float | None
    noise: float
    noise_ratio: float | None


def _tables(quick: bool) -> Mapping[str, tuple[np.ndarray, np.ndarray]]:
    made = make_classification(n_samples=1000, n_features=20, n_classes=2, random_state=42)
    found = {
        "made": made,
        "breast_cancer": load_breast_cancer(return_X_y=True),
        "diabetes": load_diabetes(return_X_y=True),
        "digits": load_digits(return_X_y=True),
    }
    return {name: found[name] for name in list(found)[: 2 if quick else 4]}


def _curves(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Best validation loss so far [POOL, EPOCHS] of a random fleet, epochs trained [POOL], noise of seeds."""
    classes = len(np.unique(y)) if len(np.unique(y)) < 20 else 1
    kind: TaskKind = "regression" if classes == 1 else "binary" if classes == 2 else "multiclass"
    space = table_space(kind, int(0.8 * len(x)), x.shape[1], classes)
    drawn = sampler_for("random", space, 0).propose(POOL)
    designs = [replace(design_from(params), epochs=EPOCHS, patience=0) for params in drawn]
    history: History = train(designs, (x, y), folds=1)
    best = np.full((POOL, EPOCHS), np.inf)
    ended = np.empty(POOL, dtype=int)
    for row, curve in enumerate(history.curves):
        losses = np.where(np.isfinite(curve.valid_loss), curve.valid_loss, np.inf)
        ended[row] = len(losses)
        if len(losses):
            best[row, : len(losses)] = np.minimum.accumulate(losses)
            best[row, len(losses) :] = best[row, len(losses) - 1]
    top = [designs[k] for k in np.argsort(best[:, -1], kind="stable")[:TOP]]
    again = [c.best_loss for c in train(top, (x, y), folds=1, seeds=SEEDS, seed=1).curves]
    return best, ended, float(np.sqrt(np.reshape(again, (TOP, SEEDS)).var(axis=1, ddof=1).mean()))


def _played(ladder: Ladder, best: np.ndarray, ended: np.ndarray, rows: np.ndarray) -> tuple[float, int]:
    """What a bracket of `rows` finds, and its cost in epochs."""
    alive, before, cost = rows, 0, 0
    for share in ladder.shares:
        goal = epochs_at(share, EPOCHS)
        cost += int((np.minimum(ended[alive], goal) - np.minimum(ended[alive], before)).sum())
        before = goal
        if share < 1.0:
            kept = survivors(best[alive, goal - 1].tolist(), ladder.going(len(alive)))
            alive = alive[list(kept)]
    return float(best[alive, -1].min(initial=np.inf)), cost


def _climbs() -> dict[str, Sequence[Ladder]]:
    """The schedules by name; the default halving has three rungs, here with one and two more before them."""
    shares = (1 / 81, 1 / 27, 1 / 9, 1 / 3, 1.0)
    found: dict[str, Sequence[Ladder]] = {word: ladders(word, EPOCHS) for word in WORDS}
    return found | {"four rungs": [Ladder(shares[1:])], "five rungs": [Ladder(shares)]}


def schedules(quick: bool) -> list[Schedule]:
    """Every schedule on every table."""
    return [one for name, (x, y) in _tables(quick).items() for one in _compared(name, *_curves(x, y))]


def _compared(table: str, best: np.ndarray, ended: np.ndarray, spread: float) -> list[Schedule]:
    rng = np.random.default_rng(0)
    low = best[:, -1].min()
    unit = float(np.median(best[:, -1])) - low
    orders = [rng.permutation(POOL) for _ in range(RESAMPLES)]

    def played(steps: Sequence[Ladder], size: int) -> tuple[np.ndarray, float]:
        """Regrets [RESAMPLES] and the mean cost of brackets of `size`."""
        found = [_cycle(steps, size, best, ended, rows) for rows in orders]
        return (np.array([value for value, _ in found]) - low) / unit, float(np.mean([c for _, c in found]))

    full, full_cost = played([Ladder((1.0,))], BRACKET)
    results = []
    for word, steps in _climbs().items():
        regret, cost = played(steps, BRACKET)
        error = float((regret - full).std(ddof=1) / np.sqrt(POOL / BRACKET))
        plays = [played(steps, size) for size in SIZES]
        ratios = [
            next((full_cost / c for r, c in plays if r.mean() <= full.mean() + slack), None)
            for slack in (0.0, spread / unit)
        ]
        means = float(regret.mean()), float(full.mean())
        one = Schedule(table, word, *means, error, full_cost / cost, ratios[0], spread / unit, ratios[1])
        results.append(one)
    return results


def _cycle(
    steps: Sequence[Ladder], size: int, best: np.ndarray, ended: np.ndarray, rows: np.ndarray
) -> tuple[float, int]:
    """One bracket of each ladder in turn, on draws of its own: what it finds, and its cost."""
    plays, first = [], 0
    for ladder in steps:
        count = max(1, round(size * ladder.size))
        plays.append(_played(ladder, best, ended, rows[first : first + count]))
        first += count
    return min(value for value, _ in plays), sum(cost for _, cost in plays)
