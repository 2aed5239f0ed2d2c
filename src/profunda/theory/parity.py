"""Parity: whether the number of ones is odd. Exponential for two levels of AND, OR and NOT, small as a tree.

The lower bound is one for *circuits of AND, OR and NOT gates*: at two levels 2^(n−1) terms (every prime
implicant of parity is a minterm, so no cover is smaller), and more than polynomially many gates at any
fixed depth (Furst, Saxe and Sipser 1984; Håstad 1986). It does not carry over to networks: parity depends
on the sum of the inputs alone, so one hidden layer of n thresholds or n ReLUs computes it exactly; the tree
takes about 2(n − 1) units."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from profunda.errors import ArgumentError
from profunda.theory.circuits import Circuit, CircuitBuilder, Gate, network_units, truth_rows

__all__ = ["ParitySizes", "parity_flat", "parity_sizes", "parity_table", "parity_tree"]

_MOST_BITS = 20


def parity_table(bits: int) -> np.ndarray:
    """The truth table of parity, bools [2^bits].

    >>> parity_table(2).astype(int).tolist()
    [0, 1, 1, 0]
    """
    _check(bits)
    return truth_rows(bits).sum(axis=1) % 2 == 1


def parity_flat(bits: int) -> Circuit:
    """One wide "xor": as a network, one hidden layer of `bits` units on the sum of the inputs."""
    _check(bits)
    return Circuit(bits, (Gate("xor", tuple(range(bits))),), (bits,))


def parity_tree(bits: int, gates: Literal["xor", "nand"] = "xor") -> Circuit:
    """Parity by pairs of pairs: bits − 1 gates "xor" at depth ⌈log₂ bits⌉.

    With `gates` "nand" each of these is made of four NAND gates, three deep, so that sizes compare with
    those of two levels of AND and NAND, like with like: 4(bits − 1) gates, depth 3⌈log₂ bits⌉. An odd wire
    at a level waits for the next. Raises ArgumentError for fewer than 2 bits, or more than 20.

    >>> parity_tree(16, "nand").size, parity_tree(16, "nand").depth
    (60, 12)
    """
    _check(bits)
    if gates not in ("xor", "nand"):
        raise ArgumentError(f"gates = {gates!r}; the tree is built of 'xor' or of 'nand'.")
    build = CircuitBuilder(bits)
    wires = list(range(bits))
    while len(wires) > 1:
        pairs = zip(wires[0::2], wires[1::2], strict=False)
        joined = [build.gate("xor", a, b) if gates == "xor" else _xor_of_nands(build, a, b) for a, b in pairs]
        wires = joined + wires[2 * len(joined) :]
    return build.finish(wires[0])


def _xor_of_nands(build: CircuitBuilder, a: int, b: int) -> int:
    both = build.gate("nand", a, b)
    return build.gate("nand", build.gate("nand", a, both), build.gate("nand", b, both))


@dataclass(frozen=True)
class ParitySizes:
    """What parity of `bits` bits takes: `terms` of a two-level form; gates and depth of the tree of XORs
    and of NANDs; hidden units of the tree and of one hidden layer as networks (the same for ReLUs and
    thresholds)."""

    bits: int
    terms: int
    tree_gates: int
    tree_depth: int
    nand_gates: int
    nand_depth: int
    tree_units: int
    flat_units: int


def parity_sizes(bits: int) -> ParitySizes:
    """Counted on the circuits themselves; `terms` is the number of odd rows, 2^(bits − 1), all of them
    needed.

    >>> sizes = parity_sizes(16)
    >>> sizes.terms, sizes.tree_units, sizes.tree_depth, sizes.flat_units
    (32768, 30, 4, 16)
    """
    tree, nand = parity_tree(bits), parity_tree(bits, "nand")
    return ParitySizes(
        bits=bits,
        terms=int(parity_table(bits).sum()),
        tree_gates=tree.size,
        tree_depth=tree.depth,
        nand_gates=nand.size,
        nand_depth=nand.depth,
        tree_units=sum(network_units(tree, "relu")),
        flat_units=sum(network_units(parity_flat(bits), "relu")),
    )


def _check(bits: int) -> None:
    if not 2 <= bits <= _MOST_BITS:
        raise ArgumentError(
            f"bits = {bits}: parity is built for 2 to {_MOST_BITS} bits; truth tables double with each."
        )
