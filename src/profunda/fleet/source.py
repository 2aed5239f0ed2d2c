"""Rows that members are trained on, one Source per encoding and fold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import cast, get_args

import numpy as np

from profunda.data.inputs import Inputs
from profunda.data.layout import Encoding
from profunda.errors import DataError
from profunda.fleet.member import Member

__all__ = ["FleetData", "Source", "balanced"]


@dataclass(frozen=True, eq=False)
class Source:
    """Prepared rows of one fold in one encoding.

    Shapes: `x` float32 [N, D]; `y` int64 [N] class codes, or float32 [N, C] standardised numbers, or labels 0
    and 1 that do not exclude each other, NaN where missing; `train` and `valid` int64 row numbers; `weight`
    None or [N], each row's share of the training loss (scaled to mean 1 on the training rows); `inputs` say
    what the D inputs are, None: so many numbers.
    """

    x: np.ndarray
    y: np.ndarray
    train: np.ndarray
    valid: np.ndarray
    weight: np.ndarray | None = None
    inputs: Inputs = field(default=None)  # pyrefly: ignore[bad-assignment] # never None once it is made

    def __post_init__(self) -> None:
        rows = self.x.shape[0]
        if self.x.ndim != 2 or self.y.shape[0] != rows:
            raise DataError(
                "Source needs x of shape [N, D] and y with the same N: "
                f"x is {self.x.shape}, y is {self.y.shape}."
            )
        if not self.x.shape[1]:
            raise DataError(
                f"x has {rows} rows but 0 columns, so there is nothing to learn from: were all inputs left "
                "out, or is x transposed? Give at least one input."
            )
        if not len(self.train) or not len(self.valid):
            raise DataError(
                f"A fold needs training and validation rows, got {len(self.train)} and {len(self.valid)}; "
                "use fewer folds or a larger validation part."
            )
        for name, index in (("train", self.train), ("valid", self.valid)):
            if index.min() < 0 or index.max() >= rows:
                raise DataError(f"{name} rows must lie in 0..{rows - 1}, got {index.min()}..{index.max()}.")
        lowest, _ = self.labels
        if lowest < 0:
            raise DataError(
                f"labels are class codes from 0 on, got {lowest}: a label that stands for a missing one, or "
                "a target of -1 and 1? Leave such rows out, or number the classes 0, 1, …"
            )
        if self.masked and np.isnan(self.y[self.train]).all():
            raise DataError(
                f"None of the {len(self.train)} training rows has a target: leave rows without one out, or "
                "give other folds."
            )
        if self.weight is not None:
            self._check_weight(self.weight, rows)
        if self.inputs is None:
            object.__setattr__(self, "inputs", Inputs.plain(self.x.shape[1]))
        self._check_inputs(self.inputs)

    @cached_property
    def labels(self) -> tuple[int, int]:
        """The lowest and the highest class code; (0, 0) where the target is numbers."""
        return (int(self.y.min()), int(self.y.max())) if self.y.dtype.kind in "iu" else (0, 0)

    @cached_property
    def masked(self) -> bool:
        """Whether targets are missing."""
        return self.y.dtype.kind == "f" and bool(np.isnan(self.y).any())

    @cached_property
    def indicating(self) -> bool:
        """Whether all targets that are there are 0 or 1."""
        return bool(np.isin(self.y[~np.isnan(self.y)], (0.0, 1.0)).all())

    @cached_property
    def filled(self) -> float:
        """Share of the inputs that are not zero."""
        return float(np.count_nonzero(self.x)) / self.x.size

    def _check_inputs(self, inputs: Inputs) -> None:
        if len(inputs) != self.x.shape[1]:
            raise DataError(
                f"inputs describe {len(inputs)} columns of x, which has {self.x.shape[1]}; they belong to "
                "another encoding."
            )
        tasks = ((inputs.task[0], inputs.task[1] + 1),) if inputs.task else ()
        for place, size in (*inputs.codes, *tasks):
            codes = self.x[:, place]
            if codes.min() < 0 or codes.max() >= size or not np.array_equal(codes, np.rint(codes)):
                raise DataError(
                    f"input {place} holds codes, whole numbers from 0 to {size - 1}, but x has values from "
                    f"{codes.min():g} to {codes.max():g} there; number the categories 0, 1, …"
                )

    def _check_weight(self, weight: np.ndarray, rows: int) -> None:
        if weight.shape != (rows,):
            raise DataError(f"weight needs shape ({rows},), got {weight.shape}.")
        if not np.isfinite(weight).all() or weight.min() < 0:
            raise DataError(
                f"weights of rows must be finite and not negative, got {weight.min()} to {weight.max()}; "
                "a row that should not count weighs 0."
            )
        if not weight[self.train].any():
            raise DataError("Every training row weighs 0; give some of them a positive weight.")


@dataclass(frozen=True, eq=False)
class FleetData:
    """Every Source that members ask for, by (encoding, fold).

    `classes`: the target is one of C classes. `labels`: it is C labels, each true or not by itself. Numbers
    otherwise.
    """

    sources: Mapping[tuple[Encoding, int], Source]
    n_outputs: int
    classes: bool
    labels: bool = False

    def source(self, member: Member) -> Source:
        """The rows `member` is trained on.

        Raises DataError where the fold or the encoding was not prepared, or has a label beyond the outputs.
        """
        found = self.sources.get((member.design.encoding, member.fold))
        if found is None:
            have = ", ".join(f"{encoding}/{fold}" for encoding, fold in sorted(self.sources))
            raise DataError(
                f"Member {member.id} wants encoding {member.design.encoding!r}, fold {member.fold}; "
                f"prepared are {have}."
            )
        self._check_labels(found)
        return found

    def torch_only(self, source: Source) -> tuple[str, ...]:
        """What of the rows asks for the torch engine, as the native one does not know it."""
        words = source.inputs.tokens is not None
        found = {"several labels": self.labels, "missing targets": source.masked, "texts": words}
        return tuple(name for name, there in found.items() if there)

    def _check_labels(self, source: Source) -> None:
        if self.labels and not source.indicating:
            raise DataError(
                f"labels are 0 and 1, NaN where missing, but the targets run from {np.nanmin(source.y):g} to "
                f"{np.nanmax(source.y):g} with others between; leave out labels=True if they are numbers."
            )
        _, highest = source.labels
        if self.classes and highest >= self.n_outputs:
            raise DataError(
                f"labels of {self.n_outputs} classes are 0..{self.n_outputs - 1}, got {highest}: codes from "
                f"1 on, or too few outputs? Subtract 1, or give n_outputs={highest + 1}."
            )

    @staticmethod
    def from_arrays(
        x: np.ndarray,
        y: np.ndarray,
        *,
        folds: Sequence[tuple[np.ndarray, np.ndarray]],
        classes: bool,
        labels: bool = False,
        n_outputs: int | None = None,
        encodings: Sequence[Encoding] = get_args(Encoding),
        weight: np.ndarray | None = None,
        class_weight: Sequence[float] | np.ndarray | None = None,
        inputs: Inputs | None = None,
    ) -> "FleetData":
        """Data of ready numbers: `x` [N, D] and `y` serve every encoding; `folds` are (train, valid) rows.

        `y` [N] are class codes where it is `classes`, else [N, C] numbers, or labels 0 and 1 where it is
        `labels`; NaN is missing and counts nowhere.
        `inputs` say what the D inputs are; None: so many numbers, each a column of its own.
        A row weighs `weight` [N] times its class's `class_weight` [C] in training; what is not given is 1.
        All is copied: what becomes of the arrays later changes nothing.
        Raises DataError for labels that are no class codes, and for weights that do not fit the rows or the
        classes, or say nothing.
        """
        numbers = np.array(x, np.float64 if x.dtype == np.float64 else np.float32, order="C")
        rows = y if classes else y.reshape(len(y), -1)
        target = np.array(rows, np.int64 if classes else numbers.dtype, order="C")
        rows_of = [(np.array(a, np.int64), np.array(b, np.int64)) for a, b in folds]
        given = cast(Inputs, inputs)  # a Source knows what None is
        plain = [Source(numbers, target, train, valid, inputs=given) for train, valid in rows_of]
        width = n_outputs or (int(target.max()) + 1 if classes else target.shape[1])
        made = FleetData(
            {(encoding, fold): source for encoding in encodings for fold, source in enumerate(plain)},
            width,
            classes,
            labels,
        )
        for source in plain:
            made._check_labels(source)
        weights = _row_weights(target, width, classes, weight, class_weight)
        if weights is None:
            return made
        weighed = [replace(source, weight=weights) for source in plain]
        return replace(made, sources={place: weighed[place[1]] for place in made.sources})


def balanced(source: Source, beta: float) -> np.ndarray | None:
    """Weights of rows float64 [N], scaled to mean 1 on the training rows; None where all weigh the same.

    What `source` says, times (1 − β)/(1 − β^n) for a class of n training rows (Cui et al. 2019, eq. 2) where
    β > 0 and the target is classes.
    """
    weight = source.weight
    if beta > 0 and source.y.dtype.kind in "iu":
        counts = np.bincount(source.y[source.train], minlength=source.labels[1] + 1)
        # A class of no training row weighs on no step.
        by_class = (1.0 - beta) / (1.0 - beta ** np.maximum(counts, 1.0))
        weight = by_class[source.y] if weight is None else weight * by_class[source.y]
    return None if weight is None else weight / weight[source.train].mean()


def _row_weights(
    target: np.ndarray,
    n_outputs: int,
    classes: bool,
    weight: np.ndarray | None,
    class_weight: Sequence[float] | np.ndarray | None,
) -> np.ndarray | None:
    """float64 [N], or None where every row weighs the same."""
    rows = None if weight is None else np.array(weight, np.float64)
    if class_weight is None:
        return rows
    by_class = np.asarray(class_weight, np.float64)
    if not classes:
        raise DataError("class_weight needs classes, but the target is numbers; weigh rows instead.")
    if by_class.shape != (n_outputs,):
        raise DataError(
            f"class_weight needs one number for each of {n_outputs} classes, got {by_class.shape}."
        )
    return by_class[target] if rows is None else rows * by_class[target]
