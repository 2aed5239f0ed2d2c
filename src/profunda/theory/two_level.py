"""Two levels of wide gates: any truth table, and what is out of reach where complements are not given.

A cover is an OR of cubes, a cube an AND of literals (inputs and complemented inputs). With complements
every function has one (its minterms), so two levels of NAND gates suffice. With the plain inputs alone, two
levels of wide AND and NAND reach few functions: the ones of f, or of its complement, must have a least
element and must contain whatever lies between it and another one (derived at `plain_two_level`).

Sources: Quine (1952), "The problem of simplifying truth functions", and McCluskey (1956), "Minimization of
Boolean functions", for prime implicants and minimal covers.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from operator import or_
from typing import NamedTuple

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from profunda.errors import ArgumentError
from profunda.theory.circuits import Circuit, Gate, GateKind, truth_rows

__all__ = [
    "Cover",
    "Cube",
    "Reach",
    "minimal_cover",
    "minterm_cover",
    "plain_two_level",
    "prime_implicants",
    "two_level_circuit",
    "two_level_reach",
]

_MOST_INPUTS = {"minterms": 20, "primes": 10, "minimal": 6, "reach": 4}


class Cube(NamedTuple):
    """An AND of literals: the rows r with r & care == value. Bit i of `care` says that input i occurs."""

    care: int
    value: int


@dataclass(frozen=True)
class Cover:
    """An OR of cubes over `inputs` inputs: a sum of products, or disjunctive normal form."""

    inputs: int
    cubes: tuple[Cube, ...]

    @property
    def terms(self) -> int:
        """How many cubes: gates of the first level."""
        return len(self.cubes)

    @property
    def literals(self) -> int:
        """How many literals in all cubes together: wires into the first level."""
        return sum(cube.care.bit_count() for cube in self.cubes)

    def truth_table(self) -> np.ndarray:
        """The function, bools [2^inputs]."""
        rows = np.arange(2**self.inputs)
        found = np.zeros(len(rows), bool)
        for cube in self.cubes:
            found |= (rows & cube.care) == cube.value
        return found


def minterm_cover(table: np.ndarray) -> Cover:
    """One cube a row that is true: the form that always exists. `table`: [2^n] of 0 and 1.

    >>> minterm_cover(np.array([0, 1, 1, 0])).cubes
    (Cube(care=3, value=1), Cube(care=3, value=2))
    """
    inputs, table = _checked(table, "minterms")
    return Cover(inputs, tuple(Cube(2**inputs - 1, int(row)) for row in np.flatnonzero(table)))


def prime_implicants(table: np.ndarray) -> tuple[Cube, ...]:
    """All cubes that are inside the function and in no larger cube inside it (Quine 1952), sorted; n ≤ 10.

    Cubes of one literal less are joined from pairs that differ in one value, level by level (McCluskey 1956);
    those that nothing joins are prime.

    >>> prime_implicants(np.array([0, 0, 0, 1, 0, 1, 1, 1]))  # majority of three
    (Cube(care=3, value=3), Cube(care=5, value=5), Cube(care=6, value=6))
    """
    inputs, table = _checked(table, "primes")
    level = {Cube(2**inputs - 1, int(row)) for row in np.flatnonzero(table)}
    primes: set[Cube] = set()
    while level:
        joined, larger = set(), set()
        for cube in level:
            for bit in _bits(cube.care):
                if Cube(cube.care, cube.value ^ bit) in level:
                    joined.add(cube)
                    larger.add(Cube(cube.care ^ bit, cube.value & ~bit))
        primes |= level - joined
        level = larger
    return tuple(sorted(primes))


def minimal_cover(table: np.ndarray) -> Cover:
    """A cover of the fewest cubes and, among these, of the fewest literals; n ≤ 6.

    Some minimal cover is made of prime implicants alone (Quine 1952); which ones is a set-cover problem,
    solved exactly by integer programming.

    >>> minimal_cover(np.array([0, 1, 1, 1])).cubes
    (Cube(care=1, value=1), Cube(care=2, value=2))
    """
    inputs, table = _checked(table, "minimal")
    primes = prime_implicants(table)
    ones = np.flatnonzero(table)
    if not len(ones):
        return Cover(inputs, ())
    care, value = (np.array(column) for column in zip(*primes, strict=True))
    covers = (ones[:, None] & care) == value
    literals = np.array([cube.care.bit_count() for cube in primes], float)
    # One cube less outweighs all literals that any cover can save.
    cost = literals + 1.0 + inputs * len(ones)
    found = milp(
        cost,
        integrality=np.ones(len(primes)),
        bounds=Bounds(0.0, 1.0),
        constraints=LinearConstraint(covers.astype(float), lb=1.0),
        options={"mip_rel_gap": 0.0},
    )
    return Cover(inputs, tuple(cube for cube, taken in zip(primes, found.x, strict=True) if taken > 0.5))


def two_level_circuit(cover: Cover, *, nand: bool = False, complemented: bool = True) -> Circuit:
    """The cover as a circuit: AND gates into an OR or, with `nand`, NAND gates into a NAND.

    Depth 2 where complements are given. Without (`complemented` false), an inverter for each input that
    occurs complemented comes first: depth 3 as soon as there is one.

    >>> xor = two_level_circuit(minterm_cover(np.array([0, 1, 1, 0])), nand=True)
    >>> xor.depth, xor.count(), xor.truth_table()[:, 0].astype(int).tolist()
    (2, {'nand': 3}, [0, 1, 1, 0])
    """
    n, first, last = cover.inputs, *(("nand", "nand") if nand else ("and", "or"))
    gates: list[Gate] = []
    opposite = {bit: n + i for i, bit in enumerate(_bits(2**n - 1))}
    if not complemented:
        needed = _bits(reduce(or_, (cube.care & ~cube.value for cube in cover.cubes), 0))
        gates = [Gate("not", (bit.bit_length() - 1,)) for bit in needed]
        opposite = {bit: n + number for number, bit in enumerate(needed)}
    before = len(gates)
    for care, value in cover.cubes:
        wires = (bit.bit_length() - 1 if value & bit else opposite[bit] for bit in _bits(care))
        gates.append(_gate(first, wires))
    start = n * (2 if complemented else 1)
    gates.append(_gate(last, range(start + before, start + len(gates))))
    return Circuit(n, tuple(gates), (start + len(gates) - 1,), complemented)


def plain_two_level(table: np.ndarray) -> Circuit | None:
    """The function by two levels of wide AND and NAND gates on the plain inputs, or None where there is no
    way.

    A first-level gate is AND_S or NAND_S of a set S of inputs, and the second ANDs some of them. Such an
    AND is true at r where r contains all inputs of some set A and none of the sets T of its NANDs; so its
    true rows are those above A in a family closed downwards. The other way round, let A be the inputs that
    all true rows share, and the T's the least sets that no true row contains: their AND is the smallest
    such function above f, and equals f if there is one. A NAND in the second place gives the complement.

    >>> plain_two_level(np.array([0, 1, 1, 0])) is None  # exclusive or
    True
    >>> plain_two_level(np.array([0, 1, 0, 0])).describe().splitlines()  # x0 and not x1
    ['g0 = and(x0)', 'g1 = nand(x1)', 'g2 = and(g0, g1)', 'out g2']
    """
    inputs, table = _checked(table, "minterms")
    for wanted, last in ((table, "and"), (~table, "nand")):
        always = _shared(wanted, inputs)
        below = _closed_below(wanted, inputs)
        rows = np.arange(len(table))
        if not wanted.any():
            first = [_gate("and", [0]), _gate("nand", [0])] if inputs else [_gate("nand", [])]
        elif np.array_equal(wanted, below & ((rows & always) == always)):
            first = [_gate("and", _places(always))] if always else []
            first += [_gate("nand", _places(least)) for least in _least_outside(below, inputs)]
        else:
            continue
        gates = [*first, _gate(last, range(inputs, inputs + len(first)))]
        return Circuit(inputs, tuple(gates), (inputs + len(first),))
    return None


class Reach(NamedTuple):
    """`functions` of n inputs out of `total` = 2^(2^n); `tables` lists them as integers, bit r for row r."""

    functions: int
    total: int
    tables: frozenset[int]


def two_level_reach(inputs: int, *, complemented: bool) -> Reach:
    """Which functions two levels of wide AND and NAND gates compute, by trying all circuits; n ≤ 4.

    The first level offers AND_S and NAND_S for every nonempty set S of literals; the second is closed under
    AND with one more of them, and then under complement. Without complements as inputs these are 14 of the
    16 functions of two bits (exclusive or and its complement are missing) and 68 of the 256 of three; with
    them, all.

    >>> [two_level_reach(n, complemented=False).functions for n in (1, 2, 3)]
    [4, 14, 68]
    >>> two_level_reach(3, complemented=True).functions
    256
    """
    if not 1 <= inputs <= _MOST_INPUTS["reach"]:
        raise ArgumentError(
            f"inputs = {inputs}: all circuits are tried, of 1 to {_MOST_INPUTS['reach']} inputs; beyond, ask "
            "for one function with plain_two_level."
        )
    every = 2**2**inputs - 1
    columns = [
        int("".join(map(str, reversed(column))), 2) for column in truth_rows(inputs).T.astype(int).tolist()
    ]
    literals = columns + [every ^ column for column in columns] if complemented else columns
    offered = set()
    for size in range(1, len(literals) + 1):
        for chosen in combinations(literals, size):
            value = every
            for literal in chosen:
                value &= literal
            offered |= {value, every ^ value}
    found, fresh = set(offered), set(offered)
    while fresh:
        fresh = {old & new for old in fresh for new in offered} - found
        found |= fresh
    tables = frozenset(found | {every ^ value for value in found})
    return Reach(len(tables), every + 1, tables)


def _gate(kind: GateKind, wires: Iterable[int]) -> Gate:
    return Gate(kind, tuple(wires))


def _bits(number: int) -> list[int]:
    """The powers of two in a number, from the lowest."""
    return [1 << place for place in _places(number)]


def _places(number: int) -> list[int]:
    return [place for place in range(number.bit_length()) if number >> place & 1]


def _shared(wanted: np.ndarray, inputs: int) -> int:
    """The inputs that are 1 in every true row."""
    rows = np.flatnonzero(wanted)
    return int(np.bitwise_and.reduce(rows, initial=2**inputs - 1))


def _closed_below(wanted: np.ndarray, inputs: int) -> np.ndarray:
    """Which rows lie in some true row, as sets of inputs."""
    found = wanted.copy()
    for bit in _bits(2**inputs - 1):
        without = (np.arange(len(found)) & bit) == 0
        found[without] |= found[~without]
    return found


def _least_outside(below: np.ndarray, inputs: int) -> list[int]:
    """The rows outside a family closed below, all of whose subsets are inside."""
    rows = np.arange(len(below))
    least = ~below
    for bit in _bits(2**inputs - 1):
        least &= ((rows & bit) == 0) | below[rows & ~bit]
    return np.flatnonzero(least).tolist()


def _checked(table: np.ndarray, purpose: str) -> tuple[int, np.ndarray]:
    table = np.asarray(table)
    inputs = max(table.size.bit_length() - 1, 0)
    if table.ndim != 1 or table.size != 2**inputs:
        raise ArgumentError(
            f"table has shape {table.shape}; a truth table is one row of 2^n values, bit i of a place "
            "being input i."
        )
    if not np.isin(table, (0, 1)).all():
        raise ArgumentError("table has values other than 0 and 1.")
    if inputs > _MOST_INPUTS[purpose]:
        raise ArgumentError(
            f"table has {inputs} inputs; for {purpose}, at most {_MOST_INPUTS[purpose]} are taken: the work "
            "grows exponentially."
        )
    return inputs, table.astype(bool)
