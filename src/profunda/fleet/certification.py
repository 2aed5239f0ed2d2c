"""Does a member get the same bits in a pack of M as alone? Asked of the machine, for every compute shape.

The law "solo = fleet" rests on batched matrix products and reductions that treat each member alike. That
holds at common shapes and fails at some large ones, depending on the build of the library. So before M
members are stacked, two training steps and a validation pass run on M copies of one made-up member and on
that member alone; every bit must agree. Answers are kept for the process. On devices that promise no bits the
law is a tolerance, and nothing is asked.
"""

import threading
from collections.abc import Collection

import numpy as np
import torch
from torch import Tensor

from profunda._seeds import keys_of, normals, subkeys
from profunda.fleet.losses import TrainingLoss
from profunda.fleet.member import Member
from profunda.fleet.optimisers import Optimiser
from profunda.fleet.roster import Roster
from profunda.fleet.shape import Shape
from profunda.fleet.stack import Stack
from profunda.fleet.state import MOMENTS
from profunda.fleet.tables import row_width
from profunda.fleet.workspace import Workspace
from profunda.networks.initial import initial_params
from profunda.space.design import Activation, Design
from profunda.vitals.signs import PROBE_ROWS

__all__ = ["certified"]

_CLIP = 1e-3
"""So short that every gradient of a made-up member is shortened."""

_KNOWN: dict[tuple[Shape, int, str, str, bool], bool] = {}
_LOCK = threading.Lock()


def certified(
    shape: Shape,
    members: int,
    activations: Collection[Activation],
    dtype: torch.dtype,
    device: str,
    *,
    clipped: bool = False,
) -> bool:
    """Whether `members` stacked members of `shape` get the bits that each would get alone.

    `clipped`: some member's gradients are clipped.
    """
    if members == 1 or device != "cpu":
        return True
    return all(_certified(shape, members, name, dtype, device, clipped) for name in sorted(activations))


def _certified(
    shape: Shape, members: int, activation: Activation, dtype: torch.dtype, device: str, clipped: bool
) -> bool:
    question = (shape, members, activation, str(dtype), clipped)
    with _LOCK:
        known = _KNOWN.get(question)
    if known is None:
        alone = _probe(shape, 1, activation, dtype, device, clipped)
        stacked = _probe(shape, members, activation, dtype, device, clipped)
        known = all(torch.equal(one.expand_as(many), many) for one, many in zip(alone, stacked, strict=True))
        with _LOCK:
            _KNOWN[question] = known
    return known


def _probe(
    shape: Shape, members: int, activation: Activation, dtype: torch.dtype, device: str, clipped: bool
) -> list[Tensor]:
    """Everything that M copies of one member compute: parameters, moments, outputs, sums; each [M, …]."""
    design = Design(
        widths=shape.widths,
        activation=activation,
        optimiser=shape.optimiser,
        dropout=0.25,
        norm=shape.norm,
        norm_place=shape.norm_place,
        dropout_kind=shape.dropout_kind,
        clip=_CLIP if clipped else 0.0,
    )
    roster = Roster((Member(design),) * members)
    params, gradients = (Stack(shape, members, dtype, device) for _ in range(2))
    first = initial_params(design, roster.members[0].key, shape.n_features, shape.n_outputs)
    params.write([first] * members, [design.widths] * members)
    moments = [Stack(shape, members, dtype, device) for _ in range(MOMENTS[shape.optimiser])]
    optimiser = Optimiser(shape.optimiser, roster, params, gradients, moments)
    rates = torch.full((members, 1, 1), 1e-2, dtype=dtype)
    made: list[Tensor] = []
    for number, rows in enumerate(r for r in (shape.batch, shape.tail) if r):
        x, target = _batch(shape, members, rows, dtype)
        space = Workspace(shape, roster, rows, params.flat, training=True)
        logits = space.forward(params, x, space.mask_keys(number, 1)[0])
        d = TrainingLoss(roster, shape, logits).derivative(logits, target, None)
        space.backward(params, gradients, x, d)
        optimiser.step(rates, number + 1)
        made += [logits, *(block.clone() for block in gradients.blocks)]
    made += [block for stack in (params, *moments) for block in stack.blocks]
    for rows in {min(PROBE_ROWS, shape.n_valid), shape.n_valid % PROBE_ROWS} - {0}:
        space = Workspace(shape, roster, rows, params.flat, training=False)
        made.append(space.forward(params, _batch(shape, members, rows, dtype)[0]))
        made += [a.sum(1) for a in space.a_rows]
    return made


def _batch(shape: Shape, members: int, rows: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    features = shape.n_features
    x = torch.zeros(members, rows, row_width(features), dtype=dtype)
    drawn = normals(subkeys(keys_of([1]), "probe", rows), rows * (features + shape.n_outputs))[0]
    x[:, :, :features] = torch.from_numpy(drawn[: rows * features].reshape(rows, features))
    x[:, :, features] = 1.0
    values = drawn[rows * features :].reshape(shape.n_outputs, rows)
    if shape.classes or shape.labels:
        values = (values == values.max(axis=0)).astype(np.float64)
    target = torch.as_tensor(values, dtype=dtype).expand(members, -1, -1).contiguous()
    return x[:, :, : features + 1], target
