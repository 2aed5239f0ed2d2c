"""What a pack costs, in seconds and bytes: a few constants for grouping, one measurement for predictions.

Grouping uses constants only, so that the same members and data give the same packs on every machine and every
day; predicted seconds are scaled by this machine's measured speed.
"""

import threading
import time

import torch

from profunda.fleet.shape import Shape
from profunda.fleet.tables import row_width
from profunda.vitals.signs import PROBE_ROWS

__all__ = ["bytes_of_member", "pack_limit", "seconds_of_step", "slowness"]

_CALLS, _CALLS_PER_LAYER = 70e-6, 45e-6
"""Seconds of a step that the number of members does not change: some forty calls into torch and numpy."""
_PER_FLOP, _PER_ACTIVATION, _PER_PARAMETER = 1 / 45e9, 1.4e-9, 0.7e-9
"""Seconds per multiplication or addition of a product, per hidden activation (masks, σ, σ'), per parameter
(Adam). Measured on one core with AVX-512 at widths 32 to 128 and batches of 16 to 64."""
_OVERHEAD_SHARE = 0.10
_MOST_MEMBERS = 64
_PACK_BYTES = 256 << 20


def seconds_of_step(shape: Shape, members: int) -> float:
    """Seconds of one optimiser step of one member, when `members` are stacked, on the reference machine."""
    return _calls(shape) / members + _arithmetic(shape)


def _calls(shape: Shape) -> float:
    return _CALLS + _CALLS_PER_LAYER * len(shape.widths)


def _arithmetic(shape: Shape) -> float:
    # Forward, and twice that backward; validation runs one forward pass an epoch.
    rows = shape.batch + shape.n_valid / (3.0 * shape.steps)
    return (
        6.0 * rows * shape.parameters * _PER_FLOP
        + rows * sum(shape.widths) * _PER_ACTIVATION
        + shape.parameters * _PER_PARAMETER
    )


def bytes_of_member(shape: Shape, itemsize: int = 4) -> int:
    """Upper estimate of the memory that one member of a pack takes."""
    probe = min(PROBE_ROWS, shape.n_valid)
    rows = 2 * (shape.batch + shape.tail) + probe
    activations = rows * sum(shape.widths) * 3 * itemsize
    hashes = (shape.batch + shape.tail) * (sum(shape.widths) + shape.n_features) * 8
    inputs = (2 * shape.batch + probe) * (row_width(shape.n_features) + shape.n_outputs * 6) * itemsize
    return activations + hashes + inputs + shape.parameters * 9 * itemsize + shape.n_train * 40


def pack_limit(shape: Shape, itemsize: int = 4) -> int:
    """Most members of one pack: enough that calls take a tenth of the time, few enough for 256 MiB."""
    wanted = _calls(shape) / (_OVERHEAD_SHARE * _arithmetic(shape))
    return max(
        1, min(_MOST_MEMBERS, 4 * round(wanted / 4 + 0.5), _PACK_BYTES // bytes_of_member(shape, itemsize))
    )


_MEASURED: list[float] = []
_LOCK = threading.Lock()


def slowness() -> float:
    """How many times slower than the reference machine this one is; measured once, in about 20 ms."""
    with _LOCK:
        if not _MEASURED:
            _MEASURED.append(max(0.1, _time_products() / _REFERENCE_SECONDS))
        return _MEASURED[0]


_REFERENCE_SECONDS = 50e-6


def _time_products() -> float:
    a, b = torch.ones(32, 32, 20), torch.ones(32, 20, 64)
    best = float("inf")
    for _ in range(50):
        start = time.perf_counter()
        torch.bmm(a, b).relu_()
        best = min(best, time.perf_counter() - start)
    return best
