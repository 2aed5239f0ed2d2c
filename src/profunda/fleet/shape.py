"""What a member's arithmetic depends on: its Design and its data, never the fleet around it."""

import math
from dataclasses import dataclass

from profunda.data.inputs import Inputs
from profunda.fleet.member import Member
from profunda.fleet.source import FleetData
from profunda.fleet.state import n_moments
from profunda.networks.layout import layout, layout_of
from profunda.space.bodies import NOTHING, Body
from profunda.space.design import Design, DropoutKind, Norm, NormPlace, Optimiser

__all__ = ["Shape", "canonical_width", "is_general", "shape_of"]

_STACKED_FORMAT = 2
"""The newest format of Designs whose fields the stacked passes know."""

_WIDTHS = (8, 16, 24, 32, 48, 64, 96, 128, 160, 192, 224, 256)


def canonical_width(width: int) -> int:
    """The width a layer is computed at: the next of 8, 16, 24, 32, 48, 64, 96, …, 256, then multiples of 64.

    Nearby widths share a pack this way; padded units have zero weights in and out and stay so.

    >>> canonical_width(20), canonical_width(64), canonical_width(300)
    (24, 64, 320)
    """
    return next((w for w in _WIDTHS if w >= width), -(-width // 64) * 64)


@dataclass(frozen=True, order=True)
class Shape:
    """The compute shape of a member; members of equal shape may share a pack.

    `classes`, `labels`: see `FleetData`; `masked`: some targets are missing, and the loss is of the others.

    `general`: torch trains it by autograd, one member at a time; `torch_only` names what no
    other engine knows: fields of the Design, or kinds of targets. `entering` are the E numbers that enter the
    first layer, `front` the parameters that stand before it, `waves` the inputs with a periodic embedding,
    `parametric` says that activations have some, `moments` counts the vectors kept beside the weights. `body`
    is what reads pictures or texts, `tasks` how many tasks have heads of their own.

    `n_filled` is how many inputs of a row are not zero on average, in steps of an eighth of all, rounded up:
    folds of one table mostly agree then, and make two shapes where they lie on either side of a step.
    """

    widths: tuple[int, ...]
    n_features: int
    entering: int
    n_outputs: int
    classes: bool
    labels: bool
    masked: bool
    weighted: bool
    batch: int
    n_train: int
    n_valid: int
    optimiser: Optimiser
    norm: Norm = "none"
    norm_place: NormPlace = "before"
    dropout_kind: DropoutKind = "bernoulli"
    n_filled: int = 0
    front: int = 0
    waves: int = 0
    parametric: bool = False
    moments: int = 2
    general: bool = False
    torch_only: tuple[str, ...] = ()
    body: Body = NOTHING
    tasks: int = 0

    @property
    def steps(self) -> int:
        """Optimiser steps of an epoch, the smaller last batch included."""
        return -(-self.n_train // self.batch)

    @property
    def tail(self) -> int:
        """Rows of the last batch where it is smaller, otherwise 0."""
        return self.n_train % self.batch

    @property
    def parameters(self) -> int:
        """Length of the flat vector at canonical widths."""
        layers = layout(self.widths, self.entering, self.n_outputs, self.norm)[-1].end
        last = self.widths[-1] if self.widths else self.entering
        heads = self.tasks * (last + 1) * self.n_outputs
        return self.front + layers + self.parametric * sum(self.widths) + heads


def shape_of(member: Member, data: FleetData) -> Shape:
    """The compute shape of `member` on `data`; what its Design does not use is left at its default."""
    source, design = data.source(member), member.design
    norm = design.norm if design.widths else "none"
    made = layout_of(design, source.inputs, data.n_outputs)
    front = made.front
    drops = design.widths and design.dropout > 0
    return Shape(
        tuple(canonical_width(width) for width in design.widths),
        source.x.shape[1],
        front.width,
        data.n_outputs,
        data.classes,
        data.labels,
        source.masked,
        source.weight is not None,
        min(design.batch_size, len(source.train)),
        len(source.train),
        len(source.valid),
        design.optimiser,
        norm,
        design.norm_place if norm != "none" else "before",
        design.dropout_kind if drops else "bernoulli",
        math.ceil(source.x.shape[1] * math.ceil(8.0 * source.filled) / 8.0),
        front.end,
        len(front.waves),
        design.parametric,
        n_moments(design),
        is_general(design, source.inputs),
        (*design.torch_only, *data.torch_only(source)),
        front.body,
        made.tasks,
    )


def is_general(design: Design, inputs: Inputs) -> bool:
    """Whether torch trains a member by autograd: its Design says what the stacked passes do not know."""
    later = design.format > _STACKED_FORMAT or bool(design.torch_only)
    beside = bool(inputs.codes) or inputs.tokens is not None or inputs.task is not None
    return later or beside
