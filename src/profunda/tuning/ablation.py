"""Ablation: what each ingredient of a recipe is worth, by a fleet around the champion.

For each ingredient the champion's design is trained without it, on the same folds as the champion, and both
are judged on rows that neither trained nor stopped them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from profunda.data.dataset import Dataset
from profunda.data.reading import read
from profunda.data.schema import Schema
from profunda.errors import ArgumentError
from profunda.fleet.plan import plan
from profunda.fleet.speed import Speeds
from profunda.fleet.threads import usable_cores
from profunda.metrics.score import Metric, metric_for
from profunda.space.design import Design
from profunda.tuning.corruption import Corruption
from profunda.tuning.ground import Entrant, Ground, Measured, lay_ground, part_of
from profunda.tuning.ingredients import INGREDIENTS, Ingredient, described, variants
from profunda.tuning.paired import Change, paired_change

__all__ = [
    "NOISE",
    "SHIFT",
    "Attribution",
    "Champion",
    "Worth",
    "ablate",
    "attribution_of",
    "champion_of",
    "check_counts",
    "table_for",
]

NOISE, SHIFT = Corruption("noise", 0.3), Corruption("shift", 0.5)
FOLDS, REPEATS, SEEDS = 5, 2, 3


class Part(Protocol):
    """A share of a Model."""

    @property
    def weight(self) -> float: ...

    @property
    def design(self) -> Design: ...


class Champion(Protocol):
    """A Model, for whoever asks which of its designs weighs most, and how it reads a table."""

    @property
    def parts(self) -> Sequence[Part]: ...

    @property
    def schema(self) -> Schema: ...


@dataclass(frozen=True)
class Worth:
    """What one ingredient is worth: champion against the same design without it.

    `worth` is how much the metric gets worse without it, in the metric's unit: above 0 it helps, whatever the
    metric's direction. `noise` and `shift` are the same on corrupted rows. `steps` and `seconds` are what it
    adds to the training of one network (below 0: training is longer without it). `changes` are the fields
    that differ, as (name, with, without); `networks` were trained for it, `failed` of them diverged.
    """

    name: str
    title: str
    changes: tuple[tuple[str, object, object], ...]
    value: float
    worth: Change
    noise: Change
    shift: Change
    steps: Change
    seconds: Change
    networks: int
    failed: int

    @property
    def verdict(self) -> str:
        """ "helps", "hurts" or "no difference seen"."""
        if not self.worth.clear:
            return "no difference seen"
        return "helps" if self.worth.mean > 0 else "hurts"


@dataclass(frozen=True)
class Attribution:
    """What each ingredient of `design` is worth, most helpful first.

    `value`, `noise_value` and `shift_value` are the champion's own mean score on the judging rows, on those
    with noise, and on shifted ones; `steps` and `seconds` what training one of its networks took. `folds` ×
    `repeats` × `seeds` networks of each design are behind every number, `networks` in all, of `rows` rows;
    `training_seconds` are those of one thread.
    """

    design: Design
    metric: str
    greater_is_better: bool
    value: float
    noise_value: float
    shift_value: float
    steps: float
    seconds: float
    worths: tuple[Worth, ...]
    folds: int
    repeats: int
    seeds: int
    rows: int
    networks: int
    training_seconds: float

    def __str__(self) -> str:
        better = "higher" if self.greater_is_better else "lower"
        head = (
            f"{self.metric} {self.value:.4g} ({better} is better) of the design as it is, over "
            f"{self.folds} folds x {self.repeats} repetitions x {self.seeds} seeds; "
            f"{self.networks:,} networks"
        )
        rows = [f"{'without':<30}  {'worth':>9}  {'95 % interval':>23}  {'steps':>8}  verdict"]
        for one in self.worths:
            worth, steps = one.worth, one.steps.mean
            span = f"{worth.low:+.4g} … {worth.high:+.4g}"
            rows.append(f"{one.title:<30}  {worth.mean:>+9.4g}  {span:>23}  {steps:>+8.0f}  {one.verdict}")
        return "\n".join([head, *rows])


def champion_of(subject: Design | Champion) -> Design:
    """The design itself, or the one that weighs most in a Model."""
    if isinstance(subject, Design):
        return subject
    try:
        parts = list(subject.parts)
    except AttributeError:
        raise ArgumentError(
            f"a {type(subject).__name__} has no recipe to take apart; give a Design, or a Model as `fit` or "
            "`load` give it."
        ) from None
    return max(parts, key=lambda part: part.weight).design


def table_for(subject: Design | Champion, data: object, target: object) -> Dataset:
    """The data as the subject reads them: a Model's column of tasks is one here too."""
    if isinstance(data, Dataset):
        return data
    return read(data, target, task_column=None if isinstance(subject, Design) else subject.schema.task_column)


def ablate(
    subject: Design | Champion,
    data: object,
    target: object = None,
    *,
    metric: str | None = None,
    ingredients: Sequence[Ingredient] = INGREDIENTS,
    folds: int = FOLDS,
    repeats: int = REPEATS,
    seeds: int = SEEDS,
    seconds: float | None = None,
    engine: str = "auto",
    workers: int | None = None,
    seed: int = 0,
) -> Attribution:
    """What each ingredient of a design, or of a Model's heaviest design, is worth on a table.

    `data` is a Dataset or what `profunda.read` takes, with its `target`; rows of a test part stay out of it.
    A Model's column of tasks is read as such. Each ingredient is taken out or exchanged; then both recipes
    train on the same rows of each of `folds` × `repeats` folds, from `seeds` seeds, and are judged on others
    (see `lay_ground`): by the metric, under noise of 0.3 standard deviations, and under a shift of 0.5.
    Intervals are those of the differences between the folds' means. With `seconds`, as many seeds and then
    repetitions as the forecast allows.

    Raises:
        ArgumentError: no design in `subject`, impossible counts, an unknown metric or engine, or `seconds`
            that are too few for one repetition.
        DataError: the data cannot be used, or have too few rows to be parted.
    """
    design = champion_of(subject)
    check_counts(folds=folds, repeats=repeats, seeds=seeds, workers=workers)
    dataset = table_for(subject, data, target)
    rows = np.arange(dataset.n_rows)
    if dataset.test_rows is not None:
        rows = np.setdiff1d(rows, dataset.test_rows)
    found = attribution_of(
        design,
        dataset,
        rows,
        metric_for(dataset.task.kind, metric),
        ingredients=ingredients,
        folds=folds,
        repeats=repeats,
        seeds=seeds,
        seconds=seconds,
        engine=engine,
        workers=workers,
        seed=seed,
    )
    if found is None:
        raise ArgumentError(
            f"seconds={seconds!r} are too few: one repetition of {folds} folds is forecast to take longer. "
            "Give more seconds, fewer folds, or fewer ingredients."
        )
    return found


def check_counts(**counts: int | None) -> None:
    """Raise ArgumentError for a count below 1, or `folds` below 2; None is no count."""
    for name, count in counts.items():
        least = 2 if name == "folds" else 1
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < least):
            raise ArgumentError(f"{name}={count!r} must be a whole number of at least {least}.")


def attribution_of(
    design: Design,
    dataset: Dataset,
    rows: np.ndarray,
    metric: Metric,
    *,
    ingredients: Sequence[Ingredient] = INGREDIENTS,
    folds: int = FOLDS,
    repeats: int = REPEATS,
    seeds: int = SEEDS,
    seconds: float | None = None,
    engine: str = "auto",
    speeds: Speeds | None = None,
    workers: int | None = None,
    seed: int = 0,
) -> Attribution | None:
    """The attribution of `design` on `rows` of `dataset` alone; None where it does not fit `seconds`.

    See `ablate`; `speeds` are those by which a run chose its engines.
    """
    threads = workers or usable_cores()
    classes, tasks = not dataset.task.numeric, dataset.tasks is not None
    apart = [(ingredient, variants(design, ingredient, classes, tasks)) for ingredient in ingredients]
    apart = [(ingredient, found) for ingredient, found in apart if found]
    entrants = [Entrant(design)]
    entrants += [Entrant(one, ingredient.last) for ingredient, found in apart for one in found]
    ground = lay_ground(
        part_of(dataset, rows),
        metric,
        folds=folds,
        repeats=repeats,
        corruptions=(NOISE, SHIFT),
        seed=seed,
    )
    if seconds is not None:
        once = ground.first(1)
        forecast = plan(once.members(entrants, 1, seed), once.data, engine=engine, speeds=speeds).seconds
        affordable = int(seconds * threads / max(forecast, 1e-9))
        if not affordable:
            return None
        repeats = min(ground.repeats, affordable)
        ground, seeds = ground.first(repeats), min(seeds, affordable // repeats)
    measured = ground.measure(entrants, seeds=seeds, engine=engine, speeds=speeds, workers=threads, seed=seed)
    return _attribution(design, apart, ground, measured)


def _attribution(
    design: Design,
    apart: Sequence[tuple[Ingredient, tuple[Design, ...]]],
    ground: Ground,
    measured: Measured,
) -> Attribution:
    worths, at = [], 1
    for ingredient, found in apart:
        worths.append(_worth(design, ingredient, found, slice(at, at + len(found)), ground, measured))
        at += len(found)
    order = sorted(worths, key=lambda one: (-np.nan_to_num(one.worth.mean, nan=-np.inf), one.name))
    own = [_mean(measured.values[0, ..., k]) for k in range(measured.values.shape[-1])]
    return Attribution(
        design=design,
        metric=ground.metric.name,
        greater_is_better=ground.metric.greater_is_better,
        value=own[0],
        noise_value=own[1],
        shift_value=own[2],
        steps=float(measured.steps[0].mean()),
        seconds=float(measured.seconds[0].mean()),
        worths=tuple(order),
        folds=len(ground.judging) // ground.repeats,
        repeats=ground.repeats,
        seeds=measured.steps.shape[2],
        rows=ground.dataset.n_rows,
        networks=measured.steps.size,
        training_seconds=float(measured.seconds.sum()),
    )


def _worth(
    design: Design,
    ingredient: Ingredient,
    found: tuple[Design, ...],
    entrants: slice,
    ground: Ground,
    measured: Measured,
) -> Worth:
    # Which of the exchanges counts is decided on each fold's stopping rows, so the judging rows stay honest.
    folds = np.arange(len(ground.judging))
    chosen = entrants.start + measured.stopping[entrants].mean(axis=2).argmin(axis=0)
    without, share = measured.values[chosen, folds], ground.judged_share
    sign = -1.0 if ground.metric.greater_is_better else 1.0
    worse = sign * (_means(without) - _means(measured.values[0]))
    extra = [
        paired_change(table[0].mean(axis=1) - table[chosen, folds].mean(axis=1), share)
        for table in (measured.steps, measured.seconds)
    ]
    commonest = np.bincount(chosen - entrants.start).argmax()
    return Worth(
        name=ingredient.name,
        title=ingredient.title,
        changes=described(design, found[commonest]),
        value=_mean(without[..., 0]),
        worth=paired_change(worse[:, 0], share),
        noise=paired_change(worse[:, 1], share),
        shift=paired_change(worse[:, 2], share),
        steps=extra[0],
        seconds=extra[1],
        networks=len(found) * without[..., 0].size,
        failed=int((~np.isfinite(without[..., 0])).sum()),
    )


def _means(values: np.ndarray) -> np.ndarray:
    """Means over seeds of [F, S, K], those that diverged left out: [F, K], NaN where all did."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0.0).sum(axis=1) / known.sum(axis=1)


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")
