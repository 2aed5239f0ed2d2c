"""Too much hurts: the score against the strength of one regulariser, all else as in the champion."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from profunda.data.dataset import Dataset
from profunda.errors import ArgumentError
from profunda.fleet.speed import Speeds
from profunda.fleet.threads import usable_cores
from profunda.metrics.score import Metric, metric_for
from profunda.space.design import DOMAINS, Design
from profunda.tuning.ablation import Champion, champion_of, check_counts, table_for
from profunda.tuning.ground import Entrant, Ground, Measured, lay_ground, part_of
from profunda.tuning.paired import Change, paired_change

__all__ = ["GRIDS", "Dosage", "Grid", "dosage_of", "dose"]


@dataclass(frozen=True)
class Grid:
    """Strengths of one field to be tried, 0 (none of it) first; `hidden` and `classes` as in `Ingredient`."""

    name: str
    title: str
    strengths: tuple[float, ...]
    hidden: bool = False
    classes: bool = False


GRIDS = (
    Grid("l1", "L1", (0.0, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)),
    Grid("l2", "L2 (weight decay)", (0.0, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)),
    Grid("dropout", "Dropout", (0.0, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9), hidden=True),
    Grid("input_dropout", "Dropout of inputs", (0.0, 0.05, 0.1, 0.2, 0.4, 0.7)),
    Grid("noise", "Noise on inputs", (0.0, 0.05, 0.1, 0.3, 1.0, 3.0)),
    Grid("mixup", "Mixup", (0.0, 0.1, 0.3, 1.0, 3.0, 10.0)),
    Grid("label_smoothing", "Label smoothing", (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8), classes=True),
)
FOLDS, REPEATS, SEEDS = 5, 1, 3


@dataclass(frozen=True)
class Dosage:
    """The score (`metric`) against the strength of one field, from none of it to far too much.

    `strengths` [S] ascend from 0; `values` [S] are mean scores on judging rows, [`lows`, `highs`] the
    interval of each one's difference to the best strength, laid about its own value. `at` is the champion's
    own strength. `least` and `most` are how much worse the weakest and the strongest are than the best one
    (which is chosen on the same rows, so both are a little too large); `failed` networks diverged.
    """

    name: str
    title: str
    metric: str
    greater_is_better: bool
    strengths: tuple[float, ...]
    values: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    best: float
    at: float
    least: Change
    most: Change
    failed: int
    networks: int

    @property
    def shape(self) -> str:
        """ "U" where the best lies inside and both ends are clearly worse, else "rising", "falling", "flat".

        "rising": only too much hurts, none at all is as good as any; "falling": only too little does.
        """
        left, right = self.least.low > 0, self.most.low > 0
        if left and right:
            return "U"
        return "rising" if right else "falling" if left else "flat"

    @property
    def verdict(self) -> str:
        """The finding in a sentence, with its numbers."""
        least, most = f"{self.least.mean:.3g}", f"{self.most.mean:.3g}"
        strongest = f"{self.strengths[-1]:g}"
        if self.shape == "U":
            return (
                f"Some helps, too much hurts: best at {self.best:g}; without it worse by {least}, at "
                f"{strongest} by {most}."
            )
        if self.shape == "rising":
            return (
                f"Too much hurts: at {strongest} worse by {most} than at {self.best:g}; none of it is about "
                "as good as the best."
            )
        if self.shape == "falling":
            return (
                f"It helps: without it worse by {least} than at {self.best:g}; {strongest} is not too much "
                "here."
            )
        return f"No strength between 0 and {strongest} is clearly better than another here."


def dose(
    subject: Design | Champion,
    data: object,
    target: object = None,
    *,
    metric: str | None = None,
    grids: Sequence[Grid] = GRIDS,
    folds: int = FOLDS,
    seeds: int = SEEDS,
    engine: str = "auto",
    workers: int | None = None,
    seed: int = 0,
) -> tuple[Dosage, ...]:
    """The score against the strength of each regulariser in `grids`, around a design or a Model's heaviest.

    One fleet of grid × `folds` × `seeds` networks, judged on rows that neither trained nor stopped them.

    Raises:
        ArgumentError: no design in `subject`, an impossible count, an unknown metric or engine.
        DataError: the data cannot be used, or have too few rows to be parted.
    """
    design = champion_of(subject)
    check_counts(folds=folds, seeds=seeds, workers=workers)
    dataset = table_for(subject, data, target)
    rows = np.arange(dataset.n_rows)
    if dataset.test_rows is not None:
        rows = np.setdiff1d(rows, dataset.test_rows)
    chosen = metric_for(dataset.task.kind, metric)
    return dosage_of(
        design,
        dataset,
        rows,
        chosen,
        grids=grids,
        folds=folds,
        seeds=seeds,
        engine=engine,
        workers=workers,
        seed=seed,
    )


def dosage_of(
    design: Design,
    dataset: Dataset,
    rows: np.ndarray,
    metric: Metric,
    *,
    grids: Sequence[Grid] = GRIDS,
    folds: int = FOLDS,
    repeats: int = REPEATS,
    seeds: int = SEEDS,
    engine: str = "auto",
    speeds: Speeds | None = None,
    workers: int | None = None,
    seed: int = 0,
) -> tuple[Dosage, ...]:
    """See `dose`: on `rows` of `dataset` alone; `speeds` are those by which a run chose its engines."""
    _check_grids(grids)
    classes = not dataset.task.numeric
    fitting = [grid for grid in grids if (design.widths or not grid.hidden) and (classes or not grid.classes)]
    entrants = [
        Entrant(_with(design, {grid.name: strength})) for grid in fitting for strength in grid.strengths
    ]
    if not entrants:
        return ()
    ground = lay_ground(part_of(dataset, rows), metric, folds=folds, repeats=repeats, seed=seed)
    measured = ground.measure(
        entrants, seeds=seeds, engine=engine, speeds=speeds, workers=workers or usable_cores(), seed=seed
    )
    found, at = [], 0
    for grid in fitting:
        part = slice(at, at + len(grid.strengths))
        found.append(_dosage(grid, getattr(design, grid.name), ground, measured, part))
        at = part.stop
    return tuple(found)


def _with(design: Design, changes: dict[str, Any]) -> Design:
    return replace(design, **changes)


def _check_grids(grids: Sequence[Grid]) -> None:
    for grid in grids:
        name, strengths = grid.name, grid.strengths
        if name not in DOMAINS or not all(DOMAINS[name].contains(value) for value in strengths):
            raise ArgumentError(
                f"{name} of {strengths} is no strength of a design: name one of its fields, with values it "
                "can have."
            )
        if len(strengths) < 3 or strengths[0] != 0 or list(strengths) != sorted(set(strengths)):
            raise ArgumentError(
                f"{name} has the strengths {strengths}: give at least 3, rising from 0, which is none of it."
            )


def _dosage(grid: Grid, at: float, ground: Ground, measured: Measured, part: slice) -> Dosage:
    values = measured.values[part, ..., 0]
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        by_fold = np.where(known, values, 0.0).sum(axis=2) / known.sum(axis=2)
    sign = -1.0 if ground.metric.greater_is_better else 1.0
    means = np.array(
        [row[np.isfinite(row)].mean() if np.isfinite(row).any() else math.nan for row in by_fold]
    )
    best = int(np.nanargmin(sign * means)) if np.isfinite(means).any() else 0
    changes = [paired_change(sign * (row - by_fold[best]), ground.judged_share) for row in by_fold]
    spread = np.array([[c.low - c.mean, c.high - c.mean] for c in changes]).T
    return Dosage(
        name=grid.name,
        title=grid.title,
        metric=ground.metric.name,
        greater_is_better=ground.metric.greater_is_better,
        strengths=grid.strengths,
        values=tuple(means.tolist()),
        lows=tuple((means + spread[0]).tolist()),
        highs=tuple((means + spread[1]).tolist()),
        best=grid.strengths[best],
        at=at,
        least=changes[0],
        most=changes[-1],
        failed=int((~known).sum()),
        networks=values.size,
    )
