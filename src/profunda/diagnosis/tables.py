"""Batches put together: the first rows as arrays, which all questions about data are asked of."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from profunda.diagnosis.batches import rows_in
from profunda.diagnosis.copying import tensors_in

__all__ = ["BYTES", "MOST", "Kind", "Table", "table_of"]

MOST, BYTES = 4096, 64 * 2**20
"""Rows that are looked at, and bytes of their inputs: one second on one core. 4,096 rows show a skill of half
a per cent."""

LEAST_SIDE = 3
"""Images have at least so many rows and columns of pixels; smaller ones are numbers of another kind."""

MOST_CHANNELS = 16
"""Tensors [N, C, H, W] with more channels than this are no pictures."""

Kind = Literal["numbers", "images", "tokens", "other"]
Pair = tuple[object, object]


@dataclass(frozen=True)
class Table:
    """Rows in order of arrival. `parts`: arrays [N, …] of every input tensor that has rows; `targets`
    [N, …], None where the batches have none. `batch`: rows in the first batch.
    """

    kind: Kind
    parts: tuple[np.ndarray, ...]
    targets: np.ndarray | None
    batch: int

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.parts[0]) if self.parts else 0

    @cached_property
    def numbers(self) -> np.ndarray:
        """[N, D]: all inputs of a row side by side; token ids too where nothing else is there."""
        flat = [part.reshape(len(part), -1) for part in self.parts]
        real = [part for part in flat if part.dtype.kind == "f"] or flat
        wide = real[0] if len(real) == 1 else np.concatenate(real, 1) if real else np.empty((0, 0))
        return wide.astype(np.float32, copy=False)

    @cached_property
    def groups(self) -> np.ndarray:
        """[N]: equal rows have equal numbers, counted from 0 in order of arrival."""
        seen: dict[bytes, int] = {}
        return np.array([seen.setdefault(key, len(seen)) for key in self.keys], np.int64)

    @cached_property
    def keys(self) -> list[bytes]:
        """A fingerprint of each row's inputs, all of its tensors."""
        flat = [np.ascontiguousarray(part.reshape(len(part), -1)) for part in self.parts]
        flat = [part + 0.0 if part.dtype.kind == "f" else part for part in flat]  # -0.0 is 0.0
        return [
            blake2b(b"".join(part[row].tobytes() for part in flat), digest_size=16).digest()
            for row in range(self.n)
        ]


def table_of(batches: Sequence[Pair], most: int = MOST, size: int = BYTES) -> Table:
    """The first rows of `batches`, each a pair (inputs, targets): tensors or nests of them.

    At most `most` rows and `size` bytes. Sequences of different lengths are filled up with zeros. What has
    no rows (a mask [T, T], a number) is left out. Nothing is raised: without rows the table is empty.
    """
    given: list[list[Tensor]] = []
    asked: list[Tensor | None] = []
    rows = total = 0
    for inputs, targets in batches:
        if rows >= most or total >= size:
            break
        tensors, target = _of(inputs, targets)
        if not tensors or (given and len(tensors) != len(given[0])):
            continue
        each = sum(4 * one[0].numel() for one in tensors)
        kept = max(1, min(len(tensors[0]), most - rows, (size - total) // max(1, each)))
        given.append([one[:kept] for one in tensors])
        asked.append(None if target is None else target[:kept])
        rows, total = rows + kept, total + kept * each
    if not given:
        return Table("other", (), None, 0)
    parts = tuple(_joined([batch[at] for batch in given]) for at in range(len(given[0])))
    whole = None not in asked
    targets = _joined([one for one in asked if one is not None]) if whole else None
    first = rows_in((batches[0][0],))
    return Table(_kind(parts), parts, targets, first)


def _of(inputs: object, targets: object) -> tuple[list[Tensor], Tensor | None]:
    """Tensors of one batch that have its rows, and its targets if they have."""
    plain = [one for one in tensors_in(inputs) if one.ndim and one.layout == torch.strided]
    n = len(plain[0]) if plain else 0
    if n == 0:
        return [], None
    target = next((one for one in tensors_in(targets) if one.ndim and len(one) == n), None)
    return [one for one in plain if len(one) == n and not one.is_complex()], target


def _joined(tensors: list[Tensor]) -> np.ndarray:
    if len({one.ndim for one in tensors}) > 1:
        tensors = [one.reshape(len(one), -1) for one in tensors]
    longest = [max(sizes) for sizes in zip(*(one.shape[1:] for one in tensors), strict=True)]
    arrays = []
    for one in tensors:
        array = array_of(one)
        short = [(0, most - size) for size, most in zip(array.shape[1:], longest, strict=True)]
        arrays.append(np.pad(array, [(0, 0), *short]) if any(gap for _, gap in short) else array)
    return np.concatenate(arrays)


def array_of(tensor: Tensor) -> np.ndarray:
    """A copy: float32 for real numbers, whole numbers as they are."""
    plain = tensor.detach().cpu()
    if plain.is_quantized:
        plain = plain.dequantize()
    return (plain.float() if plain.is_floating_point() else plain).numpy().copy()


def _kind(parts: tuple[np.ndarray, ...]) -> Kind:
    if len(parts) != 1:
        return "other"
    only = parts[0]
    if only.ndim == 4 and min(only.shape[2:]) >= LEAST_SIDE and only.shape[1] <= MOST_CHANNELS:
        return "images"
    if only.ndim == 4 and min(only.shape[1:3]) >= LEAST_SIDE and only.shape[3] <= 4:
        return "images"  # channels last
    if only.dtype.kind == "i" and only.ndim <= 2 and only.dtype.itemsize >= 4:
        return "tokens"
    return "numbers"
