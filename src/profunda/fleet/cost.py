"""What members cost, in seconds and bytes: one formula of five rates for each engine.

Grouping uses the reference rates below only, so that the same members and data give the same packs on every
machine and every day. The choice between engines and predicted seconds use rates measured on this machine
(`profunda.fleet.speed`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from profunda.fleet.shape import Shape
from profunda.fleet.tables import row_width
from profunda.networks.layout import layout
from profunda.space.bodies import BodyKind
from profunda.space.design import WAVES, Design
from profunda.vitals.signs import PROBE_ROWS, SIGNS, sign_interval

__all__ = [
    "LISTED_FEATURES",
    "LISTED_SHARE",
    "NATIVE",
    "TORCH",
    "Rates",
    "bytes_of_member",
    "bytes_of_state",
    "flops_of_step",
    "listed",
    "pack_limit",
    "seconds_of_step",
    "torch_seconds",
]


@dataclass(frozen=True)
class Rates:
    """Seconds that an engine needs, on one thread and in float32.

    `step` and `layer` (for each hidden one) are paid once a step, whatever its size; the others for each
    multiplication or addition of a product, each hidden activation (masks, σ, σ'), each parameter (the
    optimiser).
    """

    step: float
    layer: float
    flop: float
    activation: float
    parameter: float


TORCH = Rates(step=70e-6, layer=45e-6, flop=1 / 45e9, activation=1.4e-9, parameter=0.7e-9)
"""Some forty calls into torch and numpy a step. Measured on one core with AVX-512 at widths 32 to 128 and
batches of 16 to 64."""

NATIVE = Rates(step=0.45e-6, layer=0.17e-6, flop=1 / 80e9, activation=0.35e-9, parameter=0.24e-9)
"""Measured on the same core at widths 16 to 512 and batches of 16 to 256."""

_OVERHEAD_SHARE = 0.10
_MOST_MEMBERS = 64
_PACK_BYTES = 256 << 20
LISTED_SHARE, LISTED_FEATURES = 0.5, 16
"""The native engine lists what is not zero where that is at most this share of at least so many inputs."""
_LANES = 16  # numbers of a vector, on the reference machine
_GENERAL_CALLS, _GENERAL_PASSES = 3.5, 1.3
"""How many times the calls, and the passes over memory, of a stacked pass one by autograd makes. Measured on
the same core at two layers of 64, where a step took 0.5 to 0.8 ms, and of 512, where it took 4.3 ms."""
_WAVE_PASSES = 4
"""How many times the work of a hidden activation a wave of a periodic embedding makes."""
_BODY_COST: Mapping[BodyKind, float] = {"conv": 0.25, "residual": 0.3, "lstm": 0.3, "attention": 1.7}
"""How many times a multiplication of a dense layer one of a body takes; 1 for the others. Convolutions of
many pixels come near to a core's peak, which dense layers of these sizes do not. Measured on the same core
with pictures of 28 × 28 in batches of 128, and texts of 40 words in batches of 64."""
_TABLE_COST = 2
"""How many times the optimiser's work a number of a body's tables makes: they are beyond the caches."""
_OBJECT_BYTES = 3_000
"""Of a member's state: its Python objects, the arrays' headers among them."""


def seconds_of_step(shape: Shape, rates: Rates, members: int = 1) -> float:
    """Seconds of one optimiser step of one member, its share of the validation included.

    `members` that are stacked share what a step costs whatever its size; the native engine stacks none.
    """
    return _calls(shape, rates) / members + _arithmetic(shape, rates)


def torch_seconds(shape: Shape, rates: Rates, members: int = 1) -> float:
    """`seconds_of_step` on the torch engine, which trains what it has no stacked passes for one by one."""
    if not shape.general:
        return seconds_of_step(shape, rates, members)
    return _GENERAL_CALLS * _calls(shape, rates) + _GENERAL_PASSES * _arithmetic(shape, rates)


def listed(shape: Shape) -> Shape:
    """`shape` with as many inputs as the native engine pays for, where it goes by lists of non-zero ones.

    A number in a list costs about ten cycles beside the products, as the engine's own rule says.
    """
    few = shape.n_filled <= math.ceil(LISTED_SHARE * shape.n_features)
    if not shape.widths or not shape.n_filled or not few or shape.n_features < LISTED_FEATURES:
        return shape
    if shape.front:  # what enters then are other numbers, which are rarely zero
        return shape
    vectors = -(-shape.widths[0] // _LANES)
    paid = shape.n_filled * (2.0 * max(vectors, 4) + 10.0) / (2.0 * vectors)
    return replace(shape, entering=min(shape.entering, math.ceil(paid)))


def flops_of_step(shape: Shape) -> float:
    """Multiplications and additions of the products of one step on `shape.batch` rows.

    Forward, the weights' gradients, and the inputs' gradients of all layers but the first.
    """
    sizes = (shape.entering, *shape.widths, shape.n_outputs)
    products = [a * b for a, b in pairwise(sizes)]
    spared = 0 if shape.body.width else products[0]
    inside = _BODY_COST.get(shape.body.kind, 1.0) * shape.body.products
    return 2.0 * shape.batch * (3 * (sum(products) + inside) - spared)


def _calls(shape: Shape, rates: Rates) -> float:
    normed = 1 if shape.norm == "none" else 2
    layers = len(shape.widths) + len(shape.body.slots) / 2
    return rates.step + rates.layer * layers * normed


def _arithmetic(shape: Shape, rates: Rates) -> float:
    # Validation runs one forward pass an epoch, a third of a step's work on as many rows.
    rows = shape.batch + shape.n_valid / (3.0 * shape.steps)
    inside = shape.body.units + _WAVE_PASSES * WAVES * shape.waves
    return (
        flops_of_step(shape) * rows / shape.batch * rates.flop
        + rows * (sum(shape.widths) * _passes(shape) + inside) * rates.activation
        + (shape.parameters + (_TABLE_COST - 1) * shape.body.tables) * rates.parameter
    )


def _passes(shape: Shape) -> int:
    """How many times the work of a plain activation a hidden one makes: a norm thrice more, noise twice."""
    return 1 + 3 * (shape.norm != "none") + 2 * (shape.dropout_kind == "gaussian")


def bytes_of_member(shape: Shape, itemsize: int = 4) -> int:
    """Upper estimate of the memory that the torch engine takes for one member of a running pack."""
    probe = min(PROBE_ROWS, shape.n_valid)
    rows = 2 * (shape.batch + shape.tail) + probe
    buffers = 3 if shape.norm == "none" else 5
    activations = (
        rows * ((sum(shape.widths) + shape.body.units) * buffers + 3 * WAVES * shape.waves) * itemsize
    )
    hashes = (shape.batch + shape.tail) * (sum(shape.widths) + shape.n_features) * 8
    inputs = (2 * shape.batch + probe) * (row_width(shape.n_features) + shape.n_outputs * 6) * itemsize
    if shape.dropout_kind == "dropconnect":  # for both batch sizes: masks, masked kernels, hashes
        hashes += 2 * shape.parameters * (2 * itemsize + 8)
    return activations + hashes + inputs + shape.parameters * 9 * itemsize + shape.n_train * 40


def bytes_of_state(design: Design, shape: Shape, epochs: int, itemsize: int = 4) -> int:
    """What stays of a member after `epochs` epochs: parameters, best parameters, moments, curves, signs."""
    layers = layout(design.widths, shape.entering, shape.n_outputs, design.norm)[-1].end
    parameters = shape.front + layers + design.parametric * sum(design.widths)
    vectors = (2 + shape.moments) * parameters * itemsize
    taken = -(-epochs // sign_interval(shape.steps))
    signs = taken * len(SIGNS) * (design.depth + 1) * 8
    return vectors + 16 * epochs + signs + _OBJECT_BYTES


def pack_limit(shape: Shape, itemsize: int = 4) -> int:
    """Most members of one torch pack: enough that calls take a tenth of the time, few enough for 256 MiB."""
    if shape.general:
        return _MOST_MEMBERS  # they share a record, not calls
    wanted = _calls(shape, TORCH) / (_OVERHEAD_SHARE * _arithmetic(shape, TORCH))
    return max(
        1, min(_MOST_MEMBERS, 4 * round(wanted / 4 + 0.5), _PACK_BYTES // bytes_of_member(shape, itemsize))
    )
