"""The rows that a forecast is measured on."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from profunda.data.dataset import Dataset
from profunda.data.inputs import Inputs
from profunda.data.layout import Encoding
from profunda.data.preprocessing import fit_preprocessing
from profunda.data.reading import read
from profunda.errors import DataError

__all__ = ["Rows", "encoded_rows", "entering", "given_rows", "made_rows"]

MOST = 256
"""Rows that are measured, drawn from all of them."""
MOST_OF_BODIES = 16
"""Of a Design with a body, whose rows take a hundred times as long."""
MADE = 64
"""Rows of standard normal numbers where there are no data."""


@dataclass(frozen=True, eq=False)
class Rows:
    """`x` float64 [n, …], int64 where a table is looked up, are n rows of the `total` there are; `y` the
    targets of these, int64 [n] codes or float64 [n, C], None without; `outputs` C, 0 where unknown; `made`:
    random numbers, not data."""

    x: np.ndarray
    y: np.ndarray | None
    total: int
    outputs: int
    classes: bool
    inputs: Inputs
    made: bool = False


def encoded_rows(data: object, encoding: Encoding, seed: int, most: int = MOST) -> Rows:
    """At most `most` rows of a Dataset, or of what `profunda.read` takes, as `encoding` hands them to a
    network."""
    if isinstance(data, tuple) and len(data) == 2:
        _check_shape(np.shape(data[0]))
    table = data if isinstance(data, Dataset) else read(data)
    every = np.arange(table.n_rows)
    fitted = fit_preprocessing(table.codes, table.y, every, table.schema, encoding, table.task)
    taken = _taken(table.n_rows, seed, most)
    x = fitted.transform(table.codes[taken]).astype(np.float64)
    y = np.asarray(fitted.target(table.y[taken]))
    classes = not table.task.numeric
    y = y.astype(np.int64 if y.ndim == 1 else np.float64)
    return Rows(x, y, table.n_rows, table.task.n_outputs, classes, fitted.inputs)


def entering(module: nn.Module, x: np.ndarray) -> torch.Tensor:
    """Rows `x` as `module` takes them: whole numbers as they are, others in its precision."""
    return (
        torch.as_tensor(x)
        if x.dtype.kind == "i"
        else torch.as_tensor(x, dtype=next(module.parameters()).dtype)
    )


def given_rows(data: object, seed: int, *, whole: bool = False) -> Rows:
    """Rows X [N, …], or a pair (X, y), of arrays or tensors, as the module takes them.

    `whole`: that whole numbers stay whole, as for a table that is looked up.

    Raises DataError for no rows, rows of unequal number, and numbers that are not finite.
    """
    x, y = _pair(data)
    _check_shape(x.shape)
    if x.ndim < 2:
        raise DataError(
            f"The inputs have shape {x.shape}, so there is no row to measure: hand over X [N, D], a single "
            "row as [1, D]."
        )
    if y is not None and not y.ndim:
        raise DataError("y is one number: it needs one, or a row of them, for each row of X.")
    if y is not None and len(y) != len(x):
        raise DataError(f"X has {len(x)} rows and y {len(y)}: they do not belong together.")
    if y is not None and not y.size:
        raise DataError(f"y has shape {y.shape}, so no targets: hand over at least one a row, or X alone.")
    _finite("X", x)
    if y is not None:
        _finite("y", y)
    taken = _taken(len(x), seed)
    # Whole numbers below 0 are no codes of classes.
    classes = y is not None and y.dtype.kind in "iu" and y.ndim == 1 and int(y.min()) >= 0
    outputs = 0
    if y is not None:
        outputs = int(y.max()) + 1 if classes else (1 if y.ndim == 1 else y.shape[1])
        y = y[taken].astype(np.int64) if classes else y[taken].astype(np.float64).reshape(len(taken), -1)
    plain = Inputs.plain(int(np.prod(x.shape[1:])))
    kind = np.int64 if whole and x.dtype.kind in "iu" else np.float64
    return Rows(x[taken].astype(kind), y, len(x), outputs, classes, plain)


def _check_shape(shape: tuple[int, ...]) -> None:
    if 0 in shape:
        what = "column" if shape[0] else "row"
        raise DataError(
            f"The inputs have shape {shape}, so there is no {what} to measure: hand over X [N, D] with at "
            "least one row and one column."
        )


def made_rows(shape: tuple[int, ...], seed: int) -> Rows:
    """Standard normal rows [64, *shape], for where there are no data."""
    x = np.random.default_rng(seed).normal(size=(MADE, *shape))
    return Rows(x, None, 0, 0, False, Inputs.plain(int(np.prod(shape))), made=True)


def _taken(total: int, seed: int, most: int = MOST) -> np.ndarray:
    if total <= most:
        return np.arange(total)
    return np.sort(np.random.default_rng(seed).choice(total, most, replace=False))


def _pair(data: object) -> tuple[np.ndarray, np.ndarray | None]:
    if isinstance(data, tuple | list) and len(data) == 2 and isinstance(data, tuple):
        return _array("X", data[0]), _array("y", data[1])
    return _array("X", data), None


def _array(name: str, value: object) -> np.ndarray:
    if isinstance(value, torch.Tensor):
        if value.is_meta:
            raise DataError(
                f"{name} is a tensor on the meta device, which holds no numbers: hand over real rows."
            )
        value = _from_tensor(name, value)
    try:
        found = np.asarray(value)
    except ValueError:  # rows of unequal lengths
        found = np.empty(0, object)
    if found.dtype.kind not in "fiub":
        raise DataError(
            f"{name} is a {type(value).__name__} of {found.dtype}: a module takes arrays or tensors of "
            f"numbers, so hand over X or (X, y).{_hint(value)}"
        )
    return found


def _from_tensor(name: str, value: torch.Tensor) -> np.ndarray:
    plain = value.detach()
    try:
        plain = plain.to_dense().cpu().resolve_neg().resolve_conj()
        return (plain.float() if plain.dtype == torch.bfloat16 else plain).numpy()
    except (RuntimeError, TypeError) as error:  # nested, quantised and what torch may still invent
        raise DataError(
            f"{name} is a tensor that cannot be laid out in rows of numbers ({error}): hand over a plain one "
            "of float32 or float64."
        ) from error


def _hint(value: object) -> str:
    if isinstance(value, str):
        return " A table's file is read by profunda.read(path, target)."
    if isinstance(value, tuple | list) and len(value) == 2:
        return " A pair is a tuple of two arrays, each of one shape."
    return ""


def _finite(name: str, array: np.ndarray) -> None:
    bad = int(array.size - np.isfinite(array).sum())
    if bad:
        raise DataError(
            f"{name} holds {bad} numbers of {array.size} that are NaN or infinite: nothing can be measured "
            "on them; fill them or leave their rows out."
        )
