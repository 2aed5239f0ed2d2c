"""The batches that passed: the first rows are kept for later looks, and labels in order of arrival."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from profunda.diagnosis.copying import tensors_in

__all__ = ["LABELS", "Batch", "Keeper", "fingerprint", "mapped", "rows_in"]

ROWS, BYTES, LABELS = 2048, 64 * 2**20, 16_384
"""Rows and bytes of inputs and targets that are kept, and labels whose order is."""

LARGE = 16_384
"""Bytes of a tensor above which its copy goes into one block with the others."""

MARKS = 64
"""Numbers of a tensor that tell it from another one."""

GOLDEN = (5.0**0.5 - 1.0) / 2.0


@dataclass(frozen=True)
class Batch:
    """What one training forward was given: positional `inputs`, keyword inputs `named`, and the `targets`
    that its loss saw (None where there were none). Tensors are detached copies on their device.
    """

    inputs: tuple[object, ...]
    named: tuple[tuple[str, object], ...]
    targets: object
    rows: int


def mapped(value: object, change: Callable[[Tensor], Tensor]) -> object:
    """The same nest of plain tuples, lists and dicts, each tensor changed."""
    if isinstance(value, Tensor):
        return change(value)
    if type(value) in (tuple, list):
        return type(value)(mapped(each, change) for each in value)  # type: ignore[attr-defined]
    if type(value) is dict:
        return {name: mapped(each, change) for name, each in value.items()}
    return value


def rows_in(value: object) -> int:
    """Length of the first axis of the first tensor that has one, else 0."""
    return next((tensor.shape[0] for tensor in tensors_in(value) if tensor.ndim), 0)


def fingerprint(tensor: Tensor) -> Tensor:
    """At most MARKS numbers, spread over `tensor`, as a copy.

    Their places are multiples of the golden ratio: equal distances would meet the same few columns in every
    row, and an image's corners are 0 in all of them.
    """
    flat = tensor.detach()
    flat = flat.view(-1) if flat.is_contiguous() else flat[:MARKS].flatten()
    if flat.numel() <= MARKS:
        return flat.clone()
    turns = torch.arange(MARKS, device=flat.device, dtype=torch.float64) * GOLDEN
    return flat[(turns.frac() * flat.numel()).long()]


class Keeper:
    """Keeps the first batches up to ROWS rows and BYTES bytes, and the first LABELS labels."""

    def __init__(self, rows: int = ROWS, size: int = BYTES) -> None:
        self.most, self.size = rows, size
        self.batches: list[Batch] = []
        self.labels: list[Tensor] = []
        self.block: Tensor | None = None
        self.rows = self.bytes = self.labelled = self.used = 0

    @property
    def open(self) -> bool:
        """Whether there is room for more rows."""
        return self.rows < self.most and self.bytes < self.size

    def copied(self, args: tuple[object, ...], named: dict[str, object]) -> Batch:
        """Inputs of a forward that has just begun: copied now, because loops may reuse their buffers."""
        rows = rows_in((args, named))
        take = self._short(rows, [*tensors_in((args, named))])
        words = tuple((name, mapped(each, take)) for name, each in named.items())
        return Batch(tuple(mapped(each, take) for each in args), words, None, rows)

    def add(self, batch: Batch, targets: object) -> None:
        """`batch` proved to be trained on, with `targets`."""
        kept = rows_in((batch.inputs, dict(batch.named))) or rows_in(targets)
        if not kept and any(each.ndim for each in tensors_in((batch.inputs, dict(batch.named)))):
            return  # a batch of 0 rows
        take = self._short(batch.rows, [*tensors_in(targets)], kept)
        whole = Batch(batch.inputs, batch.named, mapped(targets, take), kept)
        size = sum(each.numel() * each.element_size() for each in tensors_in(whole))
        if not self.batches or self.bytes + size <= self.size:
            self.batches.append(whole)
            self.rows += max(1, kept)
            self.bytes += size
        else:
            self.bytes = self.size

    def label(self, targets: object) -> None:
        """Keep `targets` in order of arrival, where they are one number a row."""
        if self.labelled >= LABELS or not isinstance(targets, Tensor) or not targets.ndim:
            return
        rows = targets.shape[0]
        if targets.numel() == rows:
            self.labels.append((targets if rows <= LABELS else targets[:LABELS]).detach().clone())
            self.labelled += rows

    def _short(self, rows: int, tensors: list[Tensor], kept: int = 0) -> Callable[[Tensor], Tensor]:
        size = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        room = self.size - self.bytes
        if not kept:
            kept = min(rows, self.most - self.rows)
            if size * kept > room * max(1, rows):
                kept = max(1, int(rows * room / size))

        def take(tensor: Tensor) -> Tensor:
            part = tensor.detach()
            if part.ndim and part.shape[0] == rows > kept and part.layout == torch.strided:
                part = part[:kept]
            return self._copy(part, max(1, kept))

        return take

    def _copy(self, part: Tensor, rows: int) -> Tensor:
        """A copy in one block that is asked for once: blocks kept between those that a pass frees again make
        the C library give memory back to the system and take it anew in every pass, a fifth of a step.
        """
        size = part.numel() * part.element_size()
        if part.device.type != "cpu" or part.layout != torch.strided or size < LARGE:
            return part.clone()
        if self.block is None:
            self.block = torch.empty(min(self.size, 2 * size * -(-self.most // rows)), dtype=torch.uint8)
        begin, self.used = self.used, self.used + -(-size // 64) * 64
        if begin + size > self.block.numel():
            return part.clone()
        home = self.block[begin : begin + size].view(part.dtype).view(part.shape)
        return home.copy_(part)
