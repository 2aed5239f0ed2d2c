"""Adders and a multiplier from gates: circuits made of parts that are made of parts.

A half adder is an XOR and an AND, a full adder two half adders and an OR, a ripple adder a chain of full
adders, and a multiplier an array of AND gates whose columns are added by full adders. Numbers are
little-endian: bit i has the weight 2^i. Sources: Dadda (1965), "Some schemes for parallel multipliers", for
adding the columns of partial products; the order in which wires are added here is that of their arrival,
stated at `array_multiplier`."""

from collections import deque
from dataclasses import dataclass

import numpy as np

from profunda.errors import ArgumentError
from profunda.theory.circuits import Circuit, CircuitBuilder

__all__ = [
    "MultiplierSizes",
    "array_multiplier",
    "from_bits",
    "full_adder",
    "half_adder",
    "multiplier_sizes",
    "ripple_adder",
    "to_bits",
]

_MOST_BITS = 64


def to_bits(numbers: np.ndarray, bits: int) -> np.ndarray:
    """Bools [N, bits] of integers [N] from 0 to 2^bits − 1, the lowest bit first.

    >>> to_bits(np.array([6]), 4).astype(int).tolist()
    [[0, 1, 1, 0]]
    """
    _check(bits)
    numbers = np.asarray(numbers)
    if not np.issubdtype(numbers.dtype, np.integer) or numbers.ndim != 1:
        raise ArgumentError(f"numbers is {numbers.dtype} of shape {numbers.shape}; integers [N] are needed.")
    if len(numbers) and (numbers.min() < 0 or int(numbers.max()) >> bits):
        raise ArgumentError(
            f"numbers reach from {numbers.min()} to {numbers.max()}; {bits} bits hold 0 to {2**bits - 1}."
        )
    return (numbers.astype(np.uint64)[:, None] >> np.arange(bits, dtype=np.uint64)) % 2 == 1


def from_bits(rows: np.ndarray) -> np.ndarray:
    """Integers [N], uint64, of bools [N, bits] with the lowest bit first, at most 64 bits.

    >>> from_bits(np.array([[False, True, True, False]])).tolist()
    [6]
    """
    rows = np.asarray(rows)
    if rows.ndim != 2 or rows.shape[1] > _MOST_BITS:
        raise ArgumentError(
            f"rows has shape {rows.shape}; [N, bits] with at most {_MOST_BITS} bits is needed."
        )
    if not np.isin(rows, (0, 1)).all():
        raise ArgumentError("rows has values other than 0 and 1, which are no bits.")
    weights = np.uint64(1) << np.arange(rows.shape[1], dtype=np.uint64)
    return (rows.astype(np.uint64) * weights).sum(axis=1, dtype=np.uint64)


def half_adder() -> Circuit:
    """Two bits to (sum, carry): 2 gates, depth 1."""
    build = CircuitBuilder(2)
    return build.finish(build.gate("xor", 0, 1), build.gate("and", 0, 1))


def full_adder() -> Circuit:
    """Three bits to (sum, carry): 5 gates, depth 3. The two carries are never both 1, so an OR joins them."""
    build = CircuitBuilder(3)
    half, first = build.use(half_adder(), 0, 1)
    total, second = build.use(half_adder(), half, 2)
    return build.finish(total, build.gate("or", first, second))


def ripple_adder(bits: int) -> Circuit:
    """Two numbers of `bits` bits to their sum of bits + 1: inputs a_0 … a_{bits−1}, b_0 … b_{bits−1}.

    5·bits − 3 gates; the carry ripples through all places, so the depth is 2·bits − 1 (1 for one bit).

    >>> add = ripple_adder(3)
    >>> rows = np.concatenate([to_bits(np.array([5]), 3), to_bits(np.array([6]), 3)], axis=1)
    >>> from_bits(add.evaluate(rows)).tolist(), add.size
    ([11], 12)
    """
    _check(bits)
    build = CircuitBuilder(2 * bits)
    total, carry = build.use(half_adder(), 0, bits)
    sums = [total]
    for place in range(1, bits):
        total, carry = build.use(full_adder(), place, bits + place, carry)
        sums.append(total)
    return build.finish(*sums, carry)


def array_multiplier(bits: int) -> Circuit:
    """Two numbers of `bits` bits to their product of 2·bits: inputs a_0 … a_{bits−1}, b_0 … b_{bits−1}.

    bits² ANDs make the partial products a_i b_j, which stand in the column of weight 2^(i+j). Columns are
    taken from the lowest; in each, wires wait in a queue: the three that came first go through a full adder
    (the last two through a half adder), the sum joins the end of the queue and the carry that of the next
    column, until one wire is left. In all 6·bits² − 8·bits gates from 2 bits on: bits half adders and bits²
    − 2·bits full adders beside the ANDs.

    >>> [array_multiplier(n).size for n in range(2, 9)]
    [8, 30, 64, 110, 168, 238, 320]
    >>> [array_multiplier(n).depth for n in range(2, 9)]
    [3, 9, 15, 21, 28, 34, 42]
    """
    _check(bits)
    build = CircuitBuilder(2 * bits)
    columns: list[deque[int]] = [deque() for _ in range(2 * bits)]
    for i in range(bits):
        for j in range(bits):
            columns[i + j].append(build.gate("and", i, bits + j))
    outputs = []
    for place, column in enumerate(columns):
        while len(column) > 1:
            part, taken = (full_adder(), 3) if len(column) > 2 else (half_adder(), 2)
            total, carry = build.use(part, *(column.popleft() for _ in range(taken)))
            column.append(total)
            columns[place + 1].append(carry)
        outputs.append(column[0] if column else build.gate("or"))
    return build.finish(*outputs)


@dataclass(frozen=True)
class MultiplierSizes:
    """What multiplying two numbers of `bits` bits takes: `gates` and `depth` of `array_multiplier`, and
    `minterms`, the ones in its truth table: the terms of a two-level form that joins no rows."""

    bits: int
    gates: int
    depth: int
    minterms: int


def multiplier_sizes(bits: int) -> MultiplierSizes:
    """Counted on the circuit itself. Raises ArgumentError for more than 10 bits, whose table is too long.

    >>> multiplier_sizes(4)
    MultiplierSizes(bits=4, gates=64, depth=15, minterms=678)
    """
    circuit = array_multiplier(bits)
    return MultiplierSizes(bits, circuit.size, circuit.depth, int(circuit.truth_table().sum()))


def _check(bits: int) -> None:
    if not 1 <= bits <= _MOST_BITS:
        raise ArgumentError(f"bits = {bits}: numbers of 1 to {_MOST_BITS} bits are taken.")
