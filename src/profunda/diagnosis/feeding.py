"""What a network is given, row by row: any nest of tensors, cut along the axis on which its rows lie."""

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from profunda.diagnosis.batches import mapped, rows_in
from profunda.diagnosis.copying import tensors_in
from profunda.diagnosis.givens import Anatomy
from profunda.vitals.signs import PROBE_ROWS

__all__ = ["Feed", "affordable", "feed_of", "outputs_by_row", "outputs_in"]

WORK = 2.5e8
"""Products of weights and numbers in one pass, about: rows are cut to it, which bounds the time of what is
measured whatever the network."""

_LEAST = 8
"""Rows are not cut below this."""


@dataclass(frozen=True)
class Feed:
    """`rows` rows of positional `inputs`, keyword inputs `named` and `targets`, made by `feed_of`.

    `axis` is 1 where inputs are sequences with time first, else 0. `apart`: whether inputs can be cut into
    rows at all (a packed sequence or an object of the user's cannot); `matched`: whether targets can too.
    """

    inputs: tuple[Any, ...]
    named: tuple[tuple[str, Any], ...]
    targets: Any
    rows: int
    axis: int = 0
    apart: bool = True
    matched: bool = True

    def take(self, index: Tensor) -> "Feed":
        """The rows with these numbers, as copies. Targets that cannot be cut stay whole."""

        def cut(tensor: Tensor) -> Tensor:
            return rows_of(tensor, index, self.rows, self.axis)

        return replace(
            self,
            inputs=mapped(self.inputs, cut),  # type: ignore[arg-type]
            named=tuple((name, mapped(each, cut)) for name, each in self.named),
            targets=mapped(self.targets, cut) if self.matched else self.targets,
            rows=len(index),
        )

    def first(self, most: int) -> "Feed":
        """At most so many rows; all of them where they cannot be cut."""
        if self.rows <= most or not self.apart or not self.matched:
            return self
        return self.take(torch.arange(most))

    def spread(self, most: int) -> "Feed":
        """At most so many rows, evenly spread over all; all of them where they cannot be cut."""
        if self.rows <= most or not self.apart or not self.matched:
            return self
        return self.take(torch.linspace(0, self.rows - 1, most).long())

    def copied(self) -> "Feed":
        """The same rows in tensors of their own: modules may change what they are given."""
        inputs: Any = mapped(self.inputs, torch.clone)
        named = tuple((name, mapped(each, torch.clone)) for name, each in self.named)
        return replace(self, inputs=inputs, named=named)

    def through(self, module: nn.Module) -> Any:
        """What `module` gives for copies of these inputs."""
        own = self.copied()
        return module(*own.inputs, **dict(own.named))


def feed_of(inputs: tuple[Any, ...], targets: Any, named: tuple[tuple[str, Any], ...] = ()) -> Feed:
    """Rows lie on the first axis of the first input tensor, but for sequences with time first, which have
    as many targets as numbers on the second axis and not as many as on the first.
    """
    given = tensors_in((inputs, dict(named)))
    asked = tensors_in(targets)
    rows = rows_in((inputs, dict(named)))
    axis = 0
    shape = given[0].shape if given else ()
    if asked and asked[0].ndim and len(shape) > 1 and asked[0].shape[0] == shape[1] != shape[0]:
        rows, axis = int(shape[1]), 1
    found: list[Tensor] = []
    mapped((inputs, dict(named)), lambda tensor: found.append(tensor) or tensor)
    apart = len(found) == len(given) and rows > 0
    marked: list[Tensor] = []
    mapped(targets, lambda tensor: marked.append(tensor) or tensor)
    matched = len(marked) == len(asked) and all(cuts(one, rows, axis) for one in asked)
    return Feed(inputs, named, targets, rows, axis, apart, matched)


def affordable(anatomy: Anatomy, work: float = WORK) -> int:
    """Rows of a pass of about `work` products, by the layers' sizes and the places at which they act: at most
    PROBE_ROWS.
    """
    ops = {op.name: op for op in anatomy.ops}
    per_row = 0.0
    for layer in anatomy.layers:
        shape = ops[layer.name].shape if layer.name in ops else ()
        places = shape[2:] if layer.kind == "convolution" else shape[1:-1]
        per_row += 0.0 if layer.kind == "embedding" else layer.parameters * math.prod(places)
    return int(min(PROBE_ROWS, max(_LEAST, work / max(1.0, per_row))))


def cuts(tensor: Tensor, rows: int, axis: int) -> bool:
    """Whether a tensor has a block of numbers for each row."""
    if tensor.ndim == 0 or rows < 1:
        return False
    return tensor.shape[0] % rows == 0 or (axis == 1 and tensor.ndim > 1 and tensor.shape[1] == rows)


def rows_of(tensor: Tensor, index: Tensor, rows: int, axis: int) -> Tensor:
    """Rows `index` of a tensor that has a block of numbers for each; any other tensor as it is."""
    index = index.to(tensor.device)
    if tensor.layout != torch.strided or tensor.ndim == 0:
        return tensor
    if axis == 1 and tensor.ndim > 1 and tensor.shape[1] == rows:
        return tensor.index_select(1, index)
    if tensor.shape[0] == rows:
        return tensor.index_select(0, index)
    if tensor.shape[0] % rows == 0 and axis == 0:  # targets of places, flattened: rows are blocks
        return tensor.reshape(rows, -1, *tensor.shape[1:]).index_select(0, index).flatten(0, 1)
    return tensor


def outputs_in(outputs: Any) -> Tensor | None:
    """The first tensor of real numbers with an axis; None where there is none."""
    found = (one for one in tensors_in(outputs) if one.is_floating_point() and one.ndim)
    return next(found, None)


def outputs_by_row(outputs: Any, feed: Feed) -> Tensor | None:
    """That tensor as [N, numbers of a row], float64 and detached; None where it cannot be cut into rows."""
    found = outputs_in(outputs)
    if found is None or not cuts(found, feed.rows, feed.axis):
        return None
    found = found.detach()
    if feed.axis == 1 and found.ndim > 1 and found.shape[1] == feed.rows:
        found = found.movedim(1, 0)
    return found.reshape(feed.rows, -1).double()
