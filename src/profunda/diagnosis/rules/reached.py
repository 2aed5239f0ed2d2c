"""What a network reached, beside what a constant and simple predictors reach: whether something shows."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.readings import NOTHING, easy, is_mature, progress

__all__ = ["HALF", "Reached", "normed_by_row", "reached", "rescaled", "scaled_as_one"]

HALF = 0.5
"""A network that takes away less than half of what neighbours or a linear model do has failed."""

_RESCALING = ("div", "mul", "sub", "add", "addcmul", "addcdiv", "log", "log1p", "sqrt")


@dataclass(frozen=True)
class Reached:
    """`train`: share of the best constant's loss or errors taken away on training rows in the end, `valid`:
    on validation rows at best; NaN where not known. `easy`: what simple predictors take away at least, two
    standard errors below what was measured, 0 where that is nothing. `mature`: enough steps were made to
    judge; `broken`: the losses ended not finite.
    """

    train: float
    valid: float
    easy: float
    mature: bool
    broken: bool

    @property
    def known(self) -> bool:
        """Whether enough was seen of the training to judge it."""
        return self.broken or (self.mature and math.isfinite(self.train))

    @property
    def limit(self) -> float:
        """Below this it failed: half of what is easy, or where that is not known hardly anything."""
        return HALF * self.easy if self.easy > 0.0 else NOTHING

    @property
    def failed(self) -> bool:
        """It broke down, or was trained and stayed below the limit."""
        return self.known and (self.broken or self.train < self.limit)

    @property
    def harm(self) -> float:
        """The share of what is easy that was missed, 0 to 1."""
        if self.broken:
            return 1.0
        if not self.known:
            return 0.0
        return float(np.clip(1.0 - self.train / max(self.easy, NOTHING), 0.0, 1.0))


def reached(record: Record) -> Reached:
    """Of all surveys and ends of epochs in `record`."""
    got = progress(record)
    valids = [one.valid_loss for one in record.surveys if one.step > 0]
    valids += [] if record.course is None else [float(loss) for loss in record.course.valid_loss]
    least = min((loss for loss in valids if math.isfinite(loss)), default=math.nan)
    valid = 1.0 - least / got.trivial if got.trivial > 0.0 else math.nan
    return Reached(got.learnt, valid, easy(record), is_mature(record), got.end == math.inf)


def rescaled(record: Record) -> str:
    """Why the size of inputs does not reach the first layer's outputs as it stands; "" where it does."""
    for op in record.anatomy.ops:
        if op.kind in ("linear", "convolution", "recurrent", "attention", "embedding"):
            break
        if op.kind == "norm":
            return f"{op.name} normalises inputs before the first layer"
        if op.what in _RESCALING:
            return f"{op.name} changes inputs before the first layer"
    layers = record.anatomy.layers
    if layers and layers[0].kind == "embedding":
        return f"{layers[0].name} looks tokens up"
    if layers and layers[0].norm:
        return f"a {layers[0].norm} normalises what the first layer gives"
    return ""


def scaled_as_one(record: Record) -> bool:
    """Whether what `rescaled` tells of scales all columns by one number, so that they stay as uneven as they
    are: a norm over columns, or any that follows the first layer, which has added them up.
    """
    for op in record.anatomy.ops:
        if op.kind == "norm":
            return "batch" not in op.what and "instance" not in op.what
        if op.kind in ("linear", "convolution", "recurrent", "attention"):
            layers = record.anatomy.layers
            return bool(layers) and layers[0].kind == op.kind and bool(layers[0].norm)
        if op.kind == "embedding" or op.what in _RESCALING:
            return False
    return False


def normed_by_row(record: Record) -> Literal["", "inputs", "outputs"]:
    """Whether what `rescaled` tells of is a norm over the numbers of one row, of the inputs or of what the
    first layer gives: unlike one over rows, it cannot take away what all rows have in common.
    """
    layers = record.anatomy.layers
    for op in record.anatomy.ops:
        if op.kind == "norm":
            return "inputs" if _within_rows(op.what) else ""
        if op.kind in ("linear", "convolution", "recurrent", "attention"):
            behind = bool(layers) and layers[0].kind == op.kind and _within_rows(layers[0].norm)
            return "outputs" if behind else ""
        if op.kind == "embedding" or op.what in _RESCALING:
            return ""
    return ""


def _within_rows(norm: str) -> bool:
    return bool(norm) and "batch" not in norm and "instance" not in norm
