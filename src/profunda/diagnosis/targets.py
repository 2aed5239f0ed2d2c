"""What the targets of a table are, and whether its inputs tell them."""

import math
from dataclasses import dataclass

import numpy as np

from profunda.diagnosis.givens import Targets, Task
from profunda.diagnosis.naming import UNNAMED, Naming, naming_of
from profunda.diagnosis.skills import (
    Mistakes,
    Predictor,
    Skill,
    disagreement,
    mistakes,
    predictors_of,
    skill_of,
)
from profunda.diagnosis.tables import Table
from profunda.diagnosis.tasks import SCATTERED
from profunda.diagnosis.views import views_of

__all__ = ["targets_of"]

MOVES = 5
"""Labels are moved by up to so many rows to either side, and by one batch."""

ROWS, CLASSES = 2048, 24
"""Rows that skill is measured on: one of 1 % shows at 4.5 standard errors. Columns of targets looked at."""

LEAST = 40
"""With fewer rows nothing is measured."""

NO_CLASS = -1

ORDERS, FEWEST, KNOWN = 400, 4, 0.2
"""Orders that are tried of at least so many numbers, and the skill from which predictions tell of them."""


def targets_of(table: Table, task: Task, validation: Table | None = None) -> Targets:
    """Their sizes and counts; for classes and values also how well neighbours and a linear model tell them,
    and those of `validation` within it.

    The order of rows is that of `table`: give it a data set's own order where that is known, for labels moved
    by some rows cannot be seen once rows and labels were shuffled together.
    """
    given = table.targets
    if given is None or not len(given):
        return Targets(np.empty(0), np.empty(0), np.empty(0))
    plain = given.reshape(len(given), -1).astype(np.float64)
    finite = np.isfinite(plain)
    broken = ~finite.all(1)
    good = plain[finite]
    least, most = (float(good.min()), float(good.max())) if good.size else (math.nan, math.nan)
    classed = task.kind in ("classes", "binary", "sequence", "multilabel")
    labels, outside = labels_of(table, task) if classed else (None, np.zeros(len(given), bool))
    counts = _counts(plain, labels, task)
    mean, std = (np.empty(0), np.empty(0)) if classed else _sizes(plain, finite)
    told = _told(table, task, plain, labels) if task.kind not in ("sequence", "copy", "unknown") else None
    found = told if told is not None else _NOTHING
    held, held_rows = (_UNKNOWN, 0) if told is None or validation is None else _skill_within(validation, task)
    named, renamed, naming_rows = _naming(table, task, labels, validation)
    return Targets(
        named=named,
        renamed=renamed,
        naming_rows=naming_rows,
        counts=counts,
        mean=mean,
        std=std,
        bad=float((broken | outside).mean()),
        outside=float(outside.mean()),
        sunken=float(np.isneginf(plain).any(1).mean()),
        least=least,
        most=most,
        skill=found.skill.share,
        skill_error=found.skill.error,
        shift=found.shift,
        shifted=found.moved.share,
        shifted_error=found.moved.error,
        moves=found.moves,
        noisy=found.noisy,
        mistaken=found.mistakes.every,
        mistaken_surely=found.mistakes.surer,
        surer=found.mistakes.rows,
        beside=found.mistakes.beside,
        agreeing=found.agreeing,
        told=found.told,
        rows=found.rows,
        held=held.share,
        held_error=held.error,
        held_rows=held_rows,
        order=found.order,
    )


def _sizes(plain: np.ndarray, finite: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation [C] of the finite numbers of each column, 0 where it has none."""
    filled, some = np.where(finite, plain, np.nan), finite.any(0)
    mean, std = np.zeros(plain.shape[1]), np.zeros(plain.shape[1])
    if some.any():
        mean[some], std[some] = np.nanmean(filled[:, some], 0), np.nanstd(filled[:, some], 0)
    return mean, std


def labels_of(table: Table, task: Task) -> tuple[np.ndarray | None, np.ndarray]:
    """Class [N] of each row (or [N, T] of each place, None for several labels a row), NO_CLASS where it has
    none; and which rows [N] hold a number that is no class of the outputs.

    Negative whole numbers below −1 are places to be left out, as in torch's losses.
    """
    assert table.targets is not None
    given = table.targets
    flat = np.nan_to_num(given.reshape(len(given), -1).astype(np.float64), nan=NO_CLASS, posinf=NO_CLASS)
    if task.kind == "multilabel":
        return None, np.zeros(len(given), bool)
    if task.kind == "binary":
        return (flat[:, 0] > 0.5).astype(np.int64), np.zeros(len(given), bool)
    if task.kind == "classes" and flat.shape[1] > 1:
        return flat.argmax(1), np.zeros(len(given), bool)
    labels = flat.astype(np.int64)
    wide = _width(task)
    wrong = ((labels >= wide) if wide > 1 else np.zeros(labels.shape, bool)) | (labels == -1)
    labels = _gathered(np.where(labels < 0, NO_CLASS, labels))
    return labels[:, 0] if labels.shape[1] == 1 else labels, wrong.any(1)


def _gathered(labels: np.ndarray) -> np.ndarray:
    """The same numbers, or where they are scattered their ranks: as many classes as there are."""
    if labels.max(initial=0) < SCATTERED:
        return labels
    known = labels[labels >= 0]
    ranks = np.full(labels.shape, NO_CLASS)
    ranks[labels >= 0] = np.unique(known, return_inverse=True)[1].reshape(-1)
    return ranks


def _width(task: Task) -> int:
    """Classes that outputs have room for; 0 where shapes do not tell."""
    if task.kind == "classes" and len(task.outputs) >= 2:
        return task.outputs[1]
    return 0


def _counts(plain: np.ndarray, labels: np.ndarray | None, task: Task) -> np.ndarray:
    if task.kind == "multilabel":
        return (plain > 0.5).sum(0)
    if labels is None:
        return np.empty(0)
    known = labels[labels >= 0]
    return np.bincount(known, minlength=max(task.n_classes, _width(task))) if known.size else np.empty(0)


# Skill ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Told:
    skill: Skill
    moved: Skill
    shift: int
    moves: int
    noisy: float
    agreeing: int
    told: np.ndarray
    rows: int
    order: float
    mistakes: Mistakes


_UNKNOWN = Skill(math.nan, math.nan)
_UNSAID = Mistakes(math.nan, math.nan, 0, math.nan)
_NOTHING = _Told(_UNKNOWN, _UNKNOWN, 0, 0, math.nan, 0, np.empty(0), 0, math.nan, _UNSAID)


def _told(table: Table, task: Task, plain: np.ndarray, labels: np.ndarray | None) -> _Told | None:
    """None where there are too few rows, or nothing that differs."""
    n = min(ROWS, table.n)
    wanted = _wanted(plain[:n], None if labels is None else labels[:n])
    if n < LEAST or not wanted.any():
        return None
    part = Table(table.kind, tuple(one[:n] for one in table.parts), None, table.batch)
    predictors = predictors_of(views_of(part), part.groups)
    if not predictors:
        return None
    made = [way(wanted) for one in predictors for way in (one.linear, one.near)]
    skills = [skill_of(one, wanted) for one in made]
    best = max(range(len(skills)), key=lambda at: skills[at].share)
    shift, moved, moves = _moved(predictors, wanted, table.batch)
    noisy, agreeing, told, wrong = math.nan, 0, np.empty(0), _UNSAID
    if labels is not None and labels.ndim == 1 and int(labels[:n].max()) + 1 == wanted.shape[1]:
        told = _recall(made[best], labels[:n])
        near = max(range(1, len(skills), 2), key=lambda at: skills[at].share)
        line = max(range(0, len(skills), 2), key=lambda at: skills[at].share)
        if skills[near].share > 2.0 * skills[near].error:
            counts = np.bincount(labels[:n][labels[:n] >= 0])
            surely = (made[near] + made[line]) / 2.0 + counts / counts.sum()
            noisy, agreeing = disagreement(surely, labels[:n])
            wrong = mistakes(surely, labels[:n])
    order = _order(predictors, plain[:n])
    return _Told(skills[best], moved, shift, moves, noisy, agreeing, told, n, order, wrong)


def _skill_within(table: Table, task: Task) -> tuple[Skill, int]:
    """The best predictor's skill, and on how many rows."""
    n = min(ROWS, table.n)
    if table.targets is None or n < LEAST:
        return _UNKNOWN, 0
    classed = task.kind in ("classes", "binary", "multilabel")
    labels = labels_of(table, task)[0] if classed else None
    plain = table.targets[:n].reshape(n, -1).astype(np.float64)
    wanted = _wanted(plain, None if labels is None else labels[:n])
    if not wanted.any():
        return _UNKNOWN, 0
    part = Table(table.kind, tuple(one[:n] for one in table.parts), None, table.batch)
    made = [
        way(wanted) for one in predictors_of(views_of(part), part.groups) for way in (one.linear, one.near)
    ]
    return max((skill_of(one, wanted) for one in made), key=lambda one: one.share, default=_UNKNOWN), n


def _naming(table: Table, task: Task, labels: np.ndarray | None, validation: Table | None) -> Naming:
    """How validation rows name classes, where each row has one and all training rows have a known one."""
    if validation is None or validation.targets is None or task.kind not in ("classes", "binary"):
        return UNNAMED
    if any(one.targets is None or one.targets.max(initial=0) >= SCATTERED for one in (table, validation)):
        return UNNAMED
    held = labels_of(validation, task)[0]
    if labels is None or held is None or labels.ndim != 1 or held.ndim != 1 or labels.min(initial=0) < 0:
        return UNNAMED
    classes = int(labels.max(initial=0)) + 1
    return UNNAMED if held.max(initial=0) >= classes else naming_of(table, labels, validation, held, classes)


def _wanted(plain: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
    """Centred targets [N, ≤ CLASSES] of which each column, or for classes all together, count alike.

    Real numbers are cut at their outermost hundredths: one far row would else be all that is told.
    """
    if labels is not None and labels.ndim == 1:
        known = labels[labels >= 0]
        largest = np.argsort(-np.bincount(known), kind="stable")[:CLASSES] if known.size else np.empty(0)
        wanted = (labels[:, None] == np.sort(largest)).astype(np.float64)
        centred = wanted - wanted[labels >= 0].mean(0) if known.size else wanted
        return np.where(labels[:, None] >= 0, centred, 0.0)
    wanted = plain[:, np.unique(np.linspace(0, plain.shape[1] - 1, CLASSES).astype(int))]
    good = np.asarray(np.isfinite(wanted).all(axis=1))
    if not good.any():
        return np.zeros((len(plain), 1))
    if len(np.unique(wanted[good][:, 0])) > 10:
        wanted = np.clip(wanted, *np.quantile(wanted[good], [0.01, 0.99], axis=0))
    mean, std = wanted[good].mean(0), wanted[good].std(0)
    differs = std > 1e-12 * (1e-30 + np.abs(mean))
    scaled = np.where(differs, wanted - mean, 0.0) / np.where(differs, std, 1.0)
    return np.where(good[:, None], scaled, 0.0)


def _order(predictors: tuple[Predictor, ...], plain: np.ndarray) -> float:
    """Share of random orders of the numbers in which predictions of the better kind leave no more open.

    Predictors are linear in targets, so that one for each number gives that of every order. Amounts are
    mistaken for their neighbours, and any other order makes that worse; names of classes for any.
    """
    if plain.shape[1] != 1 or not np.isfinite(plain).all() or (plain != plain.round()).any():
        return math.nan
    names, at, counts = np.unique(plain[:, 0], return_inverse=True, return_counts=True)
    k = len(names)
    if not FEWEST <= k <= CLASSES or names[-1] - names[0] != k - 1 or counts.min() < LEAST // FEWEST:
        return math.nan
    wanted = np.eye(k)[at.reshape(-1)] - counts / counts.sum()
    made = [way(wanted) for one in predictors for way in (one.linear, one.near)]
    skills = [skill_of(one, wanted).share for one in made]
    best = int(np.argmax(skills))
    if skills[best] < KNOWN:
        return math.nan
    draw = np.random.default_rng(0)
    orders = np.stack([np.arange(k), *(draw.permutation(k) for _ in range(ORDERS))]).astype(np.float64)
    left = wanted - made[best]
    open_, whole = (((one @ orders.T) ** 2).sum(0) for one in (left, wanted))
    return float((open_[1:] / whole[1:] <= open_[0] / whole[0]).mean())


def _moved(predictors: tuple[Predictor, ...], wanted: np.ndarray, batch: int) -> tuple[int, Skill, int]:
    """The move of labels, in rows, that fits best; its skill; and how many were tried."""
    shifts = [sign * by for by in range(1, MOVES + 1) for sign in (1, -1)]
    if MOVES < batch <= len(wanted) // 2:
        shifts += [batch, -batch]
    tried = []
    for shift in shifts:
        turned = np.roll(wanted, shift, axis=0)
        for one in predictors:
            for way in (one.linear, one.near):
                tried.append((skill_of(way(turned), turned), shift))
    best, shift = max(tried, key=lambda one: one[0].share)
    return shift, best, len(tried)


def _recall(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """[C] share of each class's rows that are found where classes count alike; NaN for absent ones."""
    counts = np.bincount(labels[labels >= 0])
    said = (predicted / np.maximum(counts, 1)).argmax(1)
    right = np.bincount(labels[(said == labels) & (labels >= 0)], minlength=len(counts))
    return np.where(counts > 0, right / np.maximum(counts, 1), np.nan)
