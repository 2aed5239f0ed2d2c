"""Which tasks help one another: every task trained alone and with each other one, as one fleet."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from profunda.data.frames import target_columns
from profunda.data.words import task_words
from profunda.errors import ArgumentError, DataError, Notice
from profunda.fleet.threads import usable_cores
from profunda.space.design import Design
from profunda.theory.task_rows import TaskRows
from profunda.theory.transfer import TransferForecast, transfer_forecast
from profunda.tuning.ablation import check_counts
from profunda.tuning.companies import Companies, companies_of
from profunda.tuning.grouping import group_tasks
from profunda.tuning.paired import Change, paired_change

__all__ = ["TaskRelations", "Transfer", "relations"]

EARLY = 0.1  # share of the epochs after which the early look is taken
ROWS_A_FEATURE = 3  # of the smaller task, for the linear forecast


@dataclass(frozen=True)
class Transfer:
    """What `task` gains from being trained with `other`: (loss alone − loss together)/loss alone.

    Above 0 company helps. `gain` is measured, with its interval of 95 % over folds; `early` the same after a
    tenth of the epochs, the first one at least; `forecast` what linear tasks would gain, told from the rows
    alone (None where tasks are targets of the same rows or labels, or its inputs are dependent).
    """

    task: str
    other: str
    gain: Change
    early: float
    forecast: TransferForecast | None

    @property
    def verdict(self) -> str:
        """ "helps" or "hurts" where the interval leaves out 0, else "unclear"."""
        return "unclear" if not self.gain.clear else "helps" if self.gain.mean > 0 else "hurts"


@dataclass(frozen=True)
class TaskRelations:
    """What T tasks gain from one another, and which to train together.

    `alone` are the losses of each by itself (`loss` names it; squared errors in units of the training
    targets' variance); `transfers` every ordered pair, T(T − 1) of them. `groups` are the partition with the
    largest gain foreseen by the pairs, in which none is foreseen to lose. `folds` × `seeds` networks are
    behind every number, `networks` in all.
    """

    names: tuple[str, ...]
    loss: str
    alone: tuple[float, ...]
    transfers: tuple[Transfer, ...]
    groups: tuple[tuple[str, ...], ...]
    folds: int
    seeds: int
    networks: int
    notices: tuple[Notice, ...]

    def between(self, task: str, other: str) -> Transfer:
        """What `task` gains from `other`; ArgumentError where there is no such pair."""
        for one in self.transfers:
            if (one.task, one.other) == (task, other):
                return one
        raise ArgumentError(
            f"No tasks {task!r} and {other!r} were related; there are {', '.join(self.names)}."
        )

    @property
    def gains(self) -> np.ndarray:
        """Measured gains float64 [T, T] of a row's task with a column's; 0 on the diagonal."""
        return self._square([one.gain.mean for one in self.transfers])

    @property
    def negative(self) -> tuple[Transfer, ...]:
        """The pairs that clearly hurt, the worst first."""
        return tuple(sorted((t for t in self.transfers if t.verdict == "hurts"), key=lambda t: t.gain.mean))

    @property
    def early_right(self) -> tuple[int, int]:
        """How many of the clear pairs had their sign by the early look, and how many are clear."""
        clear = [one for one in self.transfers if one.gain.clear and math.isfinite(one.early)]
        return sum((one.early > 0) == (one.gain.mean > 0) for one in clear), len(clear)

    @property
    def forecast_right(self) -> tuple[int, int]:
        """How many of the clear pairs with a linear forecast had its sign, and how many there are."""
        clear = [(one, one.forecast) for one in self.transfers if one.gain.clear and one.forecast is not None]
        return sum((told.gain > 0) == (one.gain.mean > 0) for one, told in clear if told), len(clear)

    def _square(self, values: Sequence[float]) -> np.ndarray:
        found = np.zeros((len(self.names), len(self.names)))
        found[~np.eye(len(self.names), dtype=bool)] = values  # pairs are in the order of rows
        return found

    def to_json(self) -> str:
        """All of it as JSON text; a number that is not finite is null."""
        return json.dumps(_plain(asdict(self)), ensure_ascii=False, allow_nan=False)

    def __str__(self) -> str:
        head = (
            f"{len(self.names)} tasks, {self.loss}; {self.folds} folds x {self.seeds} seeds, "
            f"{self.networks:,} networks"
        )
        lines = [head, f"{'task':<16}{'trained with':<16}{'gain':>8}  {'95 % interval':>19}  verdict"]
        for one in self.transfers:
            span = f"{one.gain.low:+.1%} … {one.gain.high:+.1%}"
            lines.append(f"{one.task:<16}{one.other:<16}{one.gain.mean:>+8.1%}  {span:>19}  {one.verdict}")
        lines.append("train together: " + "; ".join(", ".join(group) for group in self.groups))
        right, clear = self.early_right
        if clear:
            lines.append(
                f"a tenth of the epochs, the first at least, told the sign of {right} of the {clear} clear "
                "pairs"
            )
        return "\n".join([*lines, *(notice.text for notice in self.notices)])


def relations(
    x: np.ndarray,
    y: np.ndarray,
    task: Sequence[object] | np.ndarray | None = None,
    *,
    names: Sequence[str] | None = None,
    design: Design | None = None,
    folds: int = 10,
    seeds: int = 2,
    epochs: int | None = None,
    engine: str = "auto",
    workers: int | None = None,
    seed: int = 0,
) -> TaskRelations:
    """Train every task alone and with each other one, and say who gains and who loses.

    `x` [N, D] are numbers. Tasks are the columns of `y` [N, T] (NaN: missing), or, for `y` [N], groups of
    rows: `task` [N] says whose row it is. Targets that are all 0 or 1 are labels. `names` [T] are those of
    columns. T(T + 1)/2 × folds × seeds networks of one `design` (None: two layers of 32, stopped early) train
    as one fleet, all for as many steps as the one of the most rows takes in the design's epochs; a fold's
    rows judge networks that saw none of them. Many tasks are many pairs: take the
    largest, or groups of them. A look that costs little: ``epochs=5, seeds=1, folds=2``; its early look is
    the first of the five epochs.

    Raises:
        ArgumentError: an impossible count, other names than tasks, an unknown engine.
        DataError: a row has no task, or the rows cannot be used, see `companies_of`.
    """
    check_counts(folds=folds, seeds=seeds, epochs=epochs, workers=workers)
    chosen = design or Design(widths=(32, 32), lr=0.003, epochs=60, patience=15)
    chosen = chosen if epochs is None else replace(chosen, epochs=epochs)
    numbers, found = _numbered(task, np.asarray(y), names)
    companies = companies_of(x, y, numbers, folds, seed)
    early, losses = companies.measure(
        chosen,
        seeds=seeds,
        early=max(EARLY, 1 / chosen.epochs),  # no look comes before the first epoch
        engine=engine,
        workers=workers or usable_cores(),
        seed=seed,
    )
    return _told(companies, found, early, losses, _forecasts(companies))


def _numbered(
    task: Sequence[object] | np.ndarray | None, y: np.ndarray, names: Sequence[str] | None
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """The number of each row's task, and the tasks' names."""
    if task is not None:
        column, *_ = target_columns(np.asarray(task, object), "task")
        if lacking := task_words(column).null_count():
            raise DataError(
                f"{lacking:,} of {len(column):,} rows have no task: fill them in, or give them one of "
                "their own."
            )
        words, numbers = np.unique(np.asarray(task), return_inverse=True)
        known = tuple(map(str, words))
    else:
        numbers, known = None, tuple(f"y{t}" for t in range(y.shape[1] if y.ndim == 2 else 1))
    if names is not None and (len(names) != len(known) or len(set(names)) != len(names)):
        raise ArgumentError(f"{len(names)} names for {len(known)} tasks: give each one of its own.")
    return numbers, known if names is None else tuple(names)


def _forecasts(companies: Companies) -> np.ndarray:
    """Linear forecasts [T, T] where tasks are groups of rows; None elsewhere.

    Each task is centred, and inputs are turned to the first principal components: as many as leave the
    smallest task 3 rows for each.
    """
    n = companies.n_tasks
    found = np.full((n, n), None, dtype=object)
    if companies.task is None or companies.labels:
        return found
    y = np.nansum(companies.y, axis=1)
    counts = np.bincount(companies.task)
    x = np.stack([np.bincount(companies.task, column) for column in companies.x.T], 1) / counts[:, None]
    x = companies.x - x[companies.task]
    y = y - (np.bincount(companies.task, y) / counts)[companies.task]
    _, sizes, turned = np.linalg.svd(x / np.where(x.std(0) > 0, x.std(0), 1.0), full_matrices=False)
    most = min(int((sizes > 1e-9 * sizes[0]).sum()), max(1, int(counts.min()) // ROWS_A_FEATURE))
    rows = TaskRows(x / np.where(x.std(0) > 0, x.std(0), 1.0) @ turned[:most].T, y, companies.task)
    for one, other in zip(*np.nonzero(~np.eye(n, dtype=bool)), strict=True):
        try:
            found[one, other] = transfer_forecast(rows, int(one), int(other))
        except DataError:
            continue  # a column that is constant within a task: nothing linear is determined there
    return found


def _told(
    companies: Companies, names: tuple[str, ...], early: np.ndarray, losses: np.ndarray, forecasts: np.ndarray
) -> TaskRelations:
    """From losses [K, F, S, T] to changes, groups and notices."""
    n = len(names)
    scale = np.array([np.nanmean(losses[t, ..., t]) if _any(losses[t, ..., t]) else np.nan for t in range(n)])
    place = {group: number for number, group in enumerate(companies.groups)}
    transfers, gains, barred = [], np.zeros((n, n)), np.zeros((n, n), bool)
    for t, s in zip(*(axis.tolist() for axis in np.nonzero(~np.eye(n, dtype=bool))), strict=True):
        pair = place[min(t, s), max(t, s)]
        saved = _means(losses[t, ..., t] - losses[pair, ..., t]) / scale[t]
        change = paired_change(saved, companies.judged_share)
        look = _means(early[t, ..., t] - early[pair, ..., t]) / _means(early[t, ..., t]).mean()
        transfers.append(Transfer(names[t], names[s], change, float(look.mean()), forecasts[t, s]))
        gains[t, s], barred[t, s] = change.mean, not math.isfinite(change.mean) or change.high < 0
    groups = group_tasks(gains, barred | barred.T)
    made = TaskRelations(
        names,
        "log loss" if companies.labels else "squared error",
        tuple(scale.tolist()),
        tuple(transfers),
        tuple(tuple(names[t] for t in group) for group in groups),
        companies.n_folds,
        losses.shape[2],
        losses[..., 0].size,
        (),
    )
    return replace(made, notices=_notices(made, losses, companies))


def _notices(made: TaskRelations, losses: np.ndarray, companies: Companies) -> tuple[Notice, ...]:
    told = [
        Notice(
            "negative-transfer",
            f"{one.task} is {-one.gain.mean:.1%} worse [{-one.gain.high:.1%}, {-one.gain.low:.1%}] when it "
            f"is trained with {one.other}: keep them apart, or share softly.",
        )
        for one in made.negative
    ]
    inside = np.array([[t in group for t in range(companies.n_tasks)] for group in companies.groups])
    failed = int(np.isnan(losses).any(axis=3, where=inside[:, None, None, :]).sum())
    if failed:
        told.append(Notice("diverged", f"{failed} of {made.networks} networks diverged and count nowhere."))
    return tuple(told)


def _any(values: np.ndarray) -> bool:
    return bool(np.isfinite(values).any())


def _means(values: np.ndarray) -> np.ndarray:
    """Over seeds [F]; NaN where all diverged."""
    known = np.isfinite(values)
    counts = known.sum(axis=1)
    sums = np.where(known, values, 0.0).sum(axis=1)
    return np.divide(sums, counts, out=np.full(len(values), np.nan), where=counts > 0)


def _plain(value: object) -> object:
    """The same with null for numbers that are not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
