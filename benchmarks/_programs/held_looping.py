"""Loops of people's own come in pairs: the same function with its mistake and without."""

from functools import partial
from typing import Protocol

from torch import Tensor, nn

from _programs.judging import accuracy, outputs_of
from _programs.program import Architecture, Case, Family, Watch
from profunda.diagnosis.codes import Area

__all__ = ["at_each", "pair", "right_share"]


class Loop(Protocol):
    """A hand-written loop; `right` without its mistake."""

    def __call__(self, seed: int, watch: Watch, *, right: bool) -> float: ...


def pair(
    name: str, architecture: Architecture, family: Family, fault: str, areas: tuple[Area, ...], loop: Loop
) -> Case:
    """`loop` with its mistake, and the same loop without."""
    return Case(
        name, architecture, family, fault, areas, partial(loop, right=False), partial(loop, right=True)
    )


def at_each(outputs: Tensor, targets: Tensor) -> float:
    """Share of right classes at the places [B, classes, T]."""
    return accuracy(outputs.transpose(1, 2), targets)


def right_share(model: nn.Module, rows: tuple[Tensor, Tensor]) -> float:
    """Share of right classes in evaluation mode, as loops print it after an epoch."""
    return accuracy(outputs_of(model, rows[0]), rows[1])
