"""Whether a loop hands what one forward pass left to the next one: a recurrent state that goes on."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from profunda.diagnosis.batches import Batch
from profunda.diagnosis.copying import cloned, copy_of, draws_from, tensors_in, undisturbed

__all__ = ["Carrying", "is_shuffled", "matters"]

LOOKED = 16
"""Training passes that are looked at: what a loop hands on it hands on from the second one."""

MANY = 16
"""Entries of a list that are looked at: states of layers, and no memory of past rows."""

ROUNDING = 1e-5
"""Share of the largest answer: sums of float32 in another order differ by less."""

FOLLOWS = 0.5
"""Share of rows that stand as far behind the row in their place of the batch before as most do: streams that
are cut into pieces have 1, shuffled rows hardly any."""


class Carrying:
    """Looks at tensors that a module keeps or is given, where the pass before was of another step. Of
    `looked` such passes `carried` were given what the pass before had made, `kept` met it in the network.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.carried = self.kept = self.looked = 0
        self._step = -1
        self._given: list[Tensor] = []
        self._held: list[Tensor] = []
        self._made: list[Tensor] = []

    def enters(self, args: object, named: object, step: int) -> None:
        """A training pass of this step begins with these inputs."""
        if self.looked >= LOOKED:
            self.forget()
            return
        own = [*_kept_in(self.model)]
        places = {each.data_ptr() for each in own}
        gone_on = any(each.data_ptr() in places for each in self._made)
        given = {each.data_ptr() for each in tensors_in((args, named)) if _has_place(each)}
        if 0 <= self._step < step:
            self.looked += 1
            self.carried += any(each.data_ptr() in given for each in self._given)
            self.kept += gone_on
        self._held, self._step = [each.detach() for each in own], step

    def leaves(self, outputs: object) -> None:
        """It gave these outputs; all but the first may be a state."""
        if self.looked >= LOOKED:
            return
        before = {each.data_ptr() for each in self._held}
        self._given = [each.detach() for each in tensors_in(outputs)[1:] if _has_place(each)]
        self._made = [each.detach() for each in _kept_in(self.model) if each.data_ptr() not in before]

    def forget(self) -> None:
        """Let go of all tensors."""
        self._given = self._held = self._made = []


def _kept_in(model: nn.Module) -> Iterator[Tensor]:
    """Tensors that modules keep as plain attributes."""
    for part in model.modules():
        for value in vars(part).values():
            kept = value[:MANY] if isinstance(value, tuple | list) else (value,)
            tensors = (each for each in kept if isinstance(each, Tensor) and _has_place(each))
            yield from (each for each in tensors if not isinstance(each, nn.Parameter))


def _has_place(tensor: Tensor) -> bool:
    """Whether it lies somewhere by which it is known again: sparse ones do not."""
    return tensor.layout == torch.strided and tensor.numel() > 0


def is_shuffled(kept: Sequence[Sequence[bytes]], given: Sequence[bytes]) -> bool:
    """Whether batches of rows with these fingerprints take the rows of `given` in no order that goes on."""
    places = {key: at for at, key in enumerate(given)}
    steps: list[int] = []
    follow = 0
    for before, now in pairwise(kept):
        pairs = zip(before, now, strict=False)
        gaps = [places[b] - places[a] for a, b in pairs if a in places and b in places]
        if gaps:
            steps += gaps
            follow += max(gaps.count(gap) for gap in set(gaps))
    return len(steps) > 0 and follow < FOLLOWS * len(steps)


def matters(model: nn.Module, first: Batch) -> bool:
    """Whether a copy's answer to `first` depends on the pass before: that of a network which only keeps what
    it made, to be looked at, does not.
    """
    try:
        own = copy_of(model).eval()
        with undisturbed(own), torch.no_grad():
            one, other = (_after(own, first, flip).double() for flip in (False, True))
        return bool((one - other).abs().max() > ROUNDING * one.abs().max())
    except Exception:  # a state of other rows than it is given now does not fit
        return True


def _after(own: nn.Module, batch: Batch, flip: bool) -> Tensor:
    """What it answers to `batch` after these rows, in their order or from last to first."""
    inputs, named = cloned(batch.inputs), dict(cloned(dict(batch.named)))
    before = [each.flip(0) if flip and isinstance(each, Tensor) and each.ndim else each for each in inputs]
    own(*before, **named)
    draws_from(0)  # what draws numbers draws the same
    return tensors_in(own(*inputs, **named))[0].clone()
