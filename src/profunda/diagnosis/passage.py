"""What a loop does to a network's outputs between the network and the loss: softmax, a squeeze, a choice."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from profunda.diagnosis.batches import Batch
from profunda.diagnosis.copying import Kept, tensors_in
from profunda.diagnosis.givens import Anatomy, Op

__all__ = ["PLAIN", "UNREAD", "Handed", "Passage", "Passings", "passage_of", "told_apart"]

PAIRS = 2
"""Outputs that are kept beside what the loss was given: what fits both is no coincidence."""

CLOSE = 1e-4
"""Share of their size by which numbers computed twice may differ: rounding of float16 is left out."""

PASSES = 4
"""Forward passes before one loss among which the one that it judges is looked for."""

UNREAD = (
    "The loop changes outputs between the network and the loss in a way that could not be read off: what the "
    "loss does with them is not judged. Call the loss on what the network gives, or do the rest in forward."
)
"""Why nothing is said of the loss then."""

_LINE, _DIGITS = 8, 5
"""Numbers that must lie on a line, at least, to call it one, and digits that its constants are known to."""

_CHOICES: dict[str, Callable[[Tensor], Tensor]] = {
    "": lambda made: made,
    "swapped": lambda made: made.transpose(1, 2),
    "classes last": lambda made: made.movedim(1, -1),
    "classes first": lambda made: made.movedim(-1, 1),
    "last place": lambda made: made[:, -1],
    "first place": lambda made: made[:, 0],
    "mean of places": lambda made: made.mean(1),
}

_BENDS: dict[str, Callable[[Tensor], Tensor]] = {
    "": lambda made: made,
    "softmax": lambda made: made.softmax(-1),
    "softmax over axis 1": lambda made: made.softmax(1),
    "log_softmax": lambda made: made.log_softmax(-1),
    "log_softmax over axis 1": lambda made: made.log_softmax(1),
    "sigmoid": torch.sigmoid,
    "logsigmoid": functional.logsigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "softplus": functional.softplus,
    "exp": torch.exp,
    "normalize": lambda made: functional.normalize(made, dim=-1),
}


@dataclass(frozen=True)
class Passage(Kept):
    """The tensor `part` of the outputs (`picked`: of several), of it a `choice`, in rows of shape `row`
    (None: as they are), bent by `bend`, times `factor` plus `offset`. `merged`: rows and places are one axis
    for the loss.

    It is a forward hook: on a copy of the network, outputs are then what the loss is given, but for `merged`.
    """

    part: int = 0
    choice: str = ""
    row: tuple[int, ...] | None = None
    bend: str = ""
    factor: float = 1.0
    offset: float = 0.0
    merged: bool = False
    picked: bool = False

    def __call__(self, module: nn.Module, inputs: object, outputs: Any) -> Any:
        """What the loss is given, where outputs are as they were; else `outputs`."""
        made = tensors_in(outputs)
        if not made:
            return outputs
        one = _CHOICES[self.choice](made[min(self.part, len(made) - 1)])
        if self.row is not None and one.ndim and one[0].numel() == _size(self.row):
            one = one.reshape(len(one), *self.row)
        bent = _BENDS[self.bend](one)
        return bent if (self.factor, self.offset) == (1.0, 0.0) else bent * self.factor + self.offset

    @property
    def plain(self) -> bool:
        """Whether outputs go to the loss as they are."""
        return self == PLAIN

    def ending(self, anatomy: Anatomy) -> Anatomy:
        """`anatomy` with the activation at its end, which a network of one layer does not show."""
        what = self.bend.partition(" ")[0]
        if anatomy.why or not anatomy.ops or not what or what in anatomy.last:
            return anatomy
        op = Op(f"{what} in the loop", "activation", what, anatomy.ops[-1].shape)
        return replace(anatomy, ops=(*anatomy.ops, op), last=(*anatomy.last, what))


PLAIN = Passage()
"""Outputs go to the loss as they are."""


@dataclass(frozen=True)
class Handed:
    """`loss_fn` as a loop calls it: on outputs and targets of whose rows and places it makes one axis, and on
    targets [N, *`row`] of type `dtype`.
    """

    loss_fn: Callable[..., Any]
    merged: bool
    row: tuple[int, ...]
    dtype: torch.dtype

    @property
    def __name__(self) -> str:
        return str(getattr(self.loss_fn, "__name__", type(self.loss_fn).__name__))

    def __call__(self, outputs: Any, targets: Any) -> Any:
        """Its loss."""
        if isinstance(outputs, Tensor) and self.merged and outputs.ndim > 2:
            outputs = outputs.reshape(-1, outputs.shape[-1])
        elif isinstance(outputs, Tensor) and self.merged:
            outputs = outputs.reshape(-1)
        return self.loss_fn(outputs, self._asked(targets, outputs))

    def _asked(self, targets: Any, outputs: Any) -> Any:
        if not isinstance(targets, Tensor) or not isinstance(outputs, Tensor) or not outputs.ndim:
            return targets
        if targets.dtype != self.dtype:
            targets = targets.to(self.dtype)
        rows = len(outputs)
        if targets.shape == (rows, *self.row):
            return targets
        if targets.numel() == rows * _size(self.row):
            return targets.reshape(rows, *self.row)
        if targets.numel() == rows and len(self.row) == 1 and not _fraction(targets):
            classes = targets.reshape(-1).long().clamp(0, self.row[0] - 1)
            return functional.one_hot(classes, self.row[0]).to(self.dtype)
        return targets


@dataclass(frozen=True)
class Pair:
    """What a forward pass `made`, what the loss was `given` of it, and what was `asked` (no tensor: None)."""

    made: tuple[Tensor, ...]
    given: Tensor
    asked: Tensor | None


class Passings:
    """Keeps what some forward passes gave, beside what the loss was given of it."""

    def __init__(self) -> None:
        self.pairs: list[Pair] = []
        self._left: list[tuple[Tensor, ...]] = []
        self._last: Any = None
        self.several = self.over = False  # over: all pairs are kept

    def left(self, made: Sequence[Tensor]) -> None:
        """A forward pass with gradients gave these tensors."""
        if len(self.pairs) < PAIRS and made:
            self._left = [*self._left[1 - PASSES :], tuple(each.detach().clone() for each in made)]

    def lost(self, given: Any, targets: Any) -> None:
        """The loss was given these outputs, after some forward passes."""
        if not self._left:
            self.several |= 0 < len(self.pairs) < PAIRS and targets is not self._last
            return
        if isinstance(given, Tensor):
            asked = targets.detach().clone() if isinstance(targets, Tensor) else None
            own = given.detach().clone()
            same = (made for made in self._left if len(made) == 1 and _same(made[0], own))
            self.pairs.append(Pair(next(same, self._left[-1]), own, asked))
        self.over = len(self.pairs) >= PAIRS
        self._left, self._last = [], None if self.over else targets

    def passage(self) -> Passage | None:
        """What is done in between; None where it cannot be told."""
        found = [passage_of(one.made, one.given) for one in self.pairs]
        if not found:
            return PLAIN
        first = found[0]
        if first is None or any(one != first for one in found[1:]) or (self.several and not first.plain):
            return None
        return first


def passage_of(made: Sequence[Tensor], given: Tensor) -> Passage | None:
    """How `given` comes from one of the tensors that were `made`, each [B, …].

    >>> made = torch.tensor([[1.0, 2.0], [0.0, 3.0]])
    >>> passage_of([made], made.softmax(1)).bend
    'softmax'
    """
    for bend in _BENDS:
        for part, one in enumerate(made):
            for choice in _CHOICES:
                found = _fits(Passage(part, choice, None, bend, picked=len(made) > 1), one, given)
                if found is not None:
                    return found
    for part, one in enumerate(made):
        found = _line(part, one, given)
        if found is not None:
            return replace(found, picked=len(made) > 1)
    return None


def _fits(way: Passage, made: Tensor, given: Tensor) -> Passage | None:
    if made.ndim < 2 and (way.choice or way.bend):
        return None
    try:
        bent = _BENDS[way.bend](_CHOICES[way.choice](made))
    except (IndexError, RuntimeError):  # it has no such axis
        return None
    if bent.numel() != given.numel() or bent.is_complex() or not bent.is_floating_point():
        return None
    if not _alike(bent.reshape(given.shape), given):
        return None
    if bent.shape == given.shape:
        return way
    if given.ndim and given.shape[0] == bent.shape[0]:
        return replace(way, row=tuple(given.shape[1:]))
    by_class = bent.ndim > 2 and given.shape == (bent.shape[:-1].numel(), bent.shape[-1])
    flat = bent.ndim == 2 and given.ndim == 1
    return replace(way, merged=True) if by_class or flat else None


def _line(part: int, made: Tensor, given: Tensor) -> Passage | None:
    """Outputs put into other units."""
    if made.shape != given.shape or made.numel() < _LINE or not made.is_floating_point():
        return None
    x, y = made.double().reshape(-1), given.double().reshape(-1)
    spread = x - x.mean()
    size = float(spread.square().sum())
    if not size > 0.0:
        return None
    factor = float((spread * y).sum()) / size
    factor, offset = (
        float(f"{one:.{_DIGITS}g}") for one in (factor, float(y.mean()) - factor * float(x.mean()))
    )
    if factor == 0.0 or not _alike((x * factor + offset).to(given), y.to(given)):
        return None
    return Passage(part, factor=factor, offset=offset)


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.equal(one, other)


def _alike(one: Tensor, other: Tensor) -> bool:
    size = float(other.abs().max()) if other.numel() else 0.0
    return bool(((one - other).abs() <= CLOSE * size).all()) and other.numel() > 0


def told_apart(kept: Sequence[Batch], places: int) -> tuple[Batch, ...]:
    """Batches whose targets had rows and `places` as one axis, with both."""
    found = []
    for one in kept:
        asked = one.targets
        if isinstance(asked, Tensor) and asked.ndim and len(asked) == one.rows * places:
            found.append(replace(one, targets=asked.reshape(one.rows, places, *asked.shape[1:])))
    return tuple(found)


def _size(row: tuple[int, ...]) -> int:
    size = 1
    for one in row:
        size *= one
    return size


def _fraction(targets: Tensor) -> bool:
    return bool((targets != targets.round()).any()) if targets.is_floating_point() else False
