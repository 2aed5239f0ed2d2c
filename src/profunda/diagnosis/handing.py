"""What a loop hands to its loss, as a network, a loss and batches that go together without the loop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from profunda.diagnosis.anatomy import anatomy_of
from profunda.diagnosis.batches import Batch
from profunda.diagnosis.copying import copy_of
from profunda.diagnosis.hooks import unwrapped
from profunda.diagnosis.passage import PLAIN, Handed, Passage, Passings, told_apart

__all__ = ["Handing", "handing"]


@dataclass(frozen=True)
class Handing:
    """`module` gives what the loss is given, `loss_fn` takes it beside the targets of `kept` and of the data;
    `passage` is what the loop does in between, None where it could not be read.
    """

    module: nn.Module
    loss_fn: Callable[..., Any]
    kept: tuple[Batch, ...]
    passage: Passage | None

    def asking(self, batches: Sequence[Batch]) -> "Handing":
        """With a loss that takes the targets of these batches too, in the form in which the data has them."""
        known = next((one.targets for one in self.kept if isinstance(one.targets, Tensor)), None)
        given = next((one.targets for one in batches if isinstance(one.targets, Tensor)), None)
        if known is None or given is None or isinstance(self.loss_fn, Handed):
            return self
        if (known.shape[1:], known.dtype) == (given.shape[1:], given.dtype):
            return self
        return replace(self, loss_fn=_handed(self.loss_fn, False, known))


def handing(
    model: nn.Module, loss_fn: Callable[..., Any], kept: tuple[Batch, ...], passings: Passings
) -> Handing:
    """What the loop of `model` hands to `loss_fn`, by the forward passes that were looked at."""
    passage = passings.passage()
    if passage is None or passage.plain:
        return Handing(model, loss_fn, kept, passage)
    own = model
    if not replace(passage, merged=False).plain:
        own = copy_of(model)
        unwrapped(own)[0].register_forward_hook(passage)
    if passage.picked and not _as_used(model, own, kept):
        return Handing(model, loss_fn, kept, PLAIN)
    asked = next((one.asked for one in passings.pairs if one.asked is not None), None)
    if not passage.merged or asked is None:
        return Handing(own, loss_fn, kept, passage)
    made = passings.pairs[0].made[passage.part]
    return Handing(own, _handed(loss_fn, True, asked), told_apart(kept, made.shape[1]), passage)


def _as_used(model: nn.Module, own: nn.Module, kept: tuple[Batch, ...]) -> bool:
    """Whether the tensor that was picked is made with all parts: else others are for losses of their own."""
    if not kept:
        return False
    inputs = tuple(kept[0].inputs)
    return anatomy_of(model, inputs).unused == anatomy_of(own, inputs).unused


def _handed(loss_fn: Callable[..., Any], merged: bool, asked: Tensor) -> Handed:
    own = copy_of(loss_fn) if isinstance(loss_fn, nn.Module) else loss_fn
    return Handed(own, merged, tuple(asked.shape[1:]), asked.dtype)
