"""Slow twins of what is measured on rows and targets, and Records made by hand for the rules about them."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import torch
from torch import Tensor

from profunda.data.bundled import path, target_of
from profunda.diagnosis.finding import Answer, Finding, Silence
from profunda.diagnosis.givens import Anatomy, Layer, Loss, Op, Rows, Targets, Task
from profunda.diagnosis.inputs import rows_of
from profunda.diagnosis.record import Course, Record, Survey
from profunda.diagnosis.tables import Table, table_of
from profunda.diagnosis.targets import targets_of

Batches = list[tuple[tuple[Tensor, ...], Tensor]]


def batches(x: Tensor, y: Tensor, size: int = 32) -> Batches:
    return [((x[at : at + size],), y[at : at + size]) for at in range(0, len(x), size)]


def table(x: object, y: object, size: int = 32) -> Table:
    real, asked = torch.tensor(np.asarray(x)), torch.tensor(np.asarray(y))
    real = real.float() if real.is_floating_point() else real
    return table_of(batches(real, asked, size))


def task(kind: str, n_classes: int = 0, width: int | None = None, size: int = 32) -> Task:
    shape = (size, width or max(n_classes, 1))
    return Task(kind, n_classes, shape, (size,), "")  # type: ignore[arg-type]


def measured(x: object, y: object, what: Task, size: int = 32) -> tuple[Rows, Targets]:
    found = table(x, y, size)
    return rows_of(found), targets_of(found, what)


# Slow twins -----------------------------------------------------------------------------------------


def doubles(x: np.ndarray, y: np.ndarray) -> tuple[float, float, int]:
    """Share of rows that occur again, mean share of their doubles with another label, and how many rows."""
    n, twice, conflict = len(x), 0, 0.0
    firsts: set[int] = set()
    for i in range(n):
        same = [j for j in range(n) if j != i and np.array_equal(x[i], x[j])]
        if same:
            twice += 1
            conflict += sum(bool(y[j] != y[i]) for j in same) / len(same)
            firsts.add(min(i, *same))
    return twice / n, conflict / n, len(firsts)


def near(view: np.ndarray, folds: np.ndarray, wanted: np.ndarray, k: int) -> np.ndarray:
    """Means over the k nearest rows of other folds, one row at a time."""
    made = np.zeros_like(wanted)
    for i in range(len(view)):
        others = [j for j in range(len(view)) if folds[j] != folds[i]]
        others.sort(key=lambda j: float(((view[j] - view[i]) ** 2).sum()))
        made[i] = wanted[others[:k]].mean(0)
    return made


def linear(view: np.ndarray, folds: np.ndarray, wanted: np.ndarray, penalty: float) -> np.ndarray:
    """Ridge regression fold by fold, as a least-squares problem with rows that stand for the penalty."""
    made = np.zeros_like(wanted)
    for fold in np.unique(folds):
        rest = folds != fold
        root = np.sqrt(penalty * rest.sum()) * np.eye(view.shape[1])
        tall = np.concatenate([view[rest], root])
        asked = np.concatenate([wanted[rest], np.zeros((view.shape[1], wanted.shape[1]))])
        made[~rest] = view[~rest] @ np.linalg.lstsq(tall, asked, rcond=None)[0]
    return made


# Records --------------------------------------------------------------------------------------------


def layer(name: str = "0", kind: str = "linear", norm: str = "") -> Layer:
    return Layer(name, kind, kind, (8, 4), 4, 8, 40, True, norm=norm)


def anatomy(*before: Op, norm: str = "") -> Anatomy:
    return Anatomy(ops=(*before, Op("0", "linear", "linear", (2, 8))), layers=(layer(norm=norm),))


def rows(mean: Sequence[float], std: Sequence[float], **more: object) -> Rows:
    """Columns with ends three standard deviations from their mean."""
    centre, spread = np.asarray(mean, float), np.asarray(std, float)
    given: dict[str, object] = {
        "kind": "numbers",
        "n": 1000,
        "seen": 1000,
        "shape": (len(centre),),
        "least": centre - 3 * spread,
        "most": centre + 3 * spread,
    }
    return Rows(mean=centre, std=spread, **{**given, **more})  # type: ignore[arg-type]


def targets(**more: object) -> Targets:
    given: dict[str, object] = {"counts": np.empty(0), "mean": np.empty(0), "std": np.empty(0)}
    return Targets(**{**given, **more})  # type: ignore[arg-type]


def survey(step: int, train: float = 1.0, valid: float = float("nan"), **more: object) -> Survey:
    none = np.full(1, np.nan)
    arrays = [one.name for one in fields(Survey) if one.type is np.ndarray and one.name != "recall"]
    given: dict[str, object] = dict.fromkeys(arrays, none)
    given |= {"output_spread": 0.3, "output_size": 0.5, "mixing": (0.0, 0.0)}
    given |= {"train_score": float("nan"), "valid_score": float("nan")}
    return Survey(step=step, train_loss=train, valid_loss=valid, **{**given, **more})  # type: ignore[arg-type]


def course(
    losses: Sequence[float],
    batch: int = 32,
    epochs: Sequence[float] = (),
    valid: Sequence[float] = (),
    **more: object,
) -> Course:
    none, steps = np.empty(0), len(losses)
    ends = np.asarray(epochs, float)
    given: dict[str, object] = {"steps": steps, "planned": steps, "forwards": steps, "backwards": steps}
    return Course(
        loss=np.asarray(losses, float),
        rate=np.full(steps, 0.1),
        rows=np.full(steps, batch),
        sampled=none,
        gradient=none,
        update=none,
        agreement=none,
        epoch_step=np.linspace(0, steps, len(ends) + 1)[1:],
        train_loss=ends,
        valid_loss=np.asarray(valid, float) if len(valid) else np.full(len(ends), np.nan),
        train_score=np.full(len(ends), np.nan),
        valid_score=np.full(len(ends), np.nan),
        **{**given, **more},  # type: ignore[arg-type]
    )


def record(learnt: float | None = None, valid: float | None = None, **more: object) -> Record:
    """After 100 steps that took away `learnt` of the constant's loss of 1 (None: before the first one)."""
    given: dict[str, object] = {"anatomy": anatomy(), "loss": Loss("MSELoss", "mse", trivial=1.0)}
    given["surveys"] = (survey(0, 1.2),)
    if learnt is not None:
        shown = float("nan") if valid is None else 1.0 - valid
        moved = np.full(1, 0.5)
        given["surveys"] = (survey(0, 1.2), survey(100, 1.0 - learnt, shown, moved=moved))
        given["course"] = course([1.2] * 10 + [1.0 - learnt] * 90)
    return Record(**{**given, **more})  # type: ignore[arg-type]


# Real tables ----------------------------------------------------------------------------------------


TABLES = ("adult", "concrete", "digits")
"""Bundled data whose columns are numbers and categories."""


def bundled(name: str) -> tuple[np.ndarray, np.ndarray, Task]:
    """Standardised inputs, one-hot for words, of at most 2,000 rows in an order of chance."""
    import polars

    frame = (
        polars.read_parquet(path(name)) if path(name).suffix == ".parquet" else polars.read_csv(path(name))
    )
    frame = frame[np.random.default_rng(0).permutation(len(frame))[:2000].tolist()]
    target = frame[target_of(name)]
    wide = frame.drop(target_of(name)).to_dummies(polars.selectors.string() | polars.selectors.categorical())
    x = wide.to_numpy().astype(np.float64)
    x = np.where(np.isfinite(x), x, 0.0)
    x = (x - x.mean(0)) / np.where(x.std(0) > 0, x.std(0), 1.0)
    if name == "concrete":
        y = target.to_numpy().astype(np.float64)
        return x, (y - y.mean()) / y.std(), task("values")
    kinds = np.unique(target.cast(polars.String).to_numpy().astype(str), return_inverse=True)[1]
    return x, kinds, task("classes", int(kinds.max()) + 1)


def severity(answer: Answer) -> str:
    """Of the one finding, whose words are whole; or why there is none."""
    if isinstance(answer, Silence):
        return answer.why
    (finding,) = answer
    assert isinstance(finding, Finding)
    assert finding.cause.endswith(".")
    assert finding.remedy.endswith(".")
    assert finding.evidence
    return finding.severity
