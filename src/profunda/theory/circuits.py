"""Boolean circuits as values: evaluated on all 2^n inputs at once, measured, and turned into exact networks.

A circuit is a list of gates in the order in which they can be computed; gates have any number of inputs
("wide fan-in"). Wires are numbered: first the inputs, then, for a circuit that is given them, the
complements of the inputs, then one wire a gate. A wire's values on all rows are one Python integer, a bit a
row, so that a gate costs one instruction per 64 rows or so.

Rows of a truth table are numbered by their inputs: bit i of the row's number is input i.

Sources: Arora and Barak (2009), "Computational complexity", chapter 6, for size and depth (our size counts
gates, not inputs); a gate as a sum followed by a threshold is McCulloch and Pitts (1943); the units of
`circuit_network` are derived at `_alternating`."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from operator import and_, or_, xor
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import nn

from profunda.errors import ArgumentError
from profunda.theory.given_layers import given_layer

__all__ = [
    "Circuit",
    "CircuitBuilder",
    "Gate",
    "GateKind",
    "Step",
    "circuit_network",
    "network_units",
    "truth_rows",
]

GateKind = Literal["and", "or", "not", "nand", "nor", "xor", "xnor"]
"""What a gate computes of its inputs; "xor" is the parity of all of them."""

Unit = Literal["relu", "threshold"]
"""What a hidden unit does: max(0, z), or 1 where z > 0."""

_JOINS = {"and": and_, "nand": and_, "or": or_, "nor": or_, "not": or_, "xor": xor, "xnor": xor}
_NEGATED = ("nand", "nor", "not", "xnor")
_MOST_INPUTS = 20


class Gate(NamedTuple):
    """One gate and the wires that it reads. Without any, it is a constant: an empty "and" is 1, "or" is 0."""

    kind: GateKind
    wires: tuple[int, ...]


@dataclass(frozen=True)
class Circuit:
    """Gates in order; gate k drives wire `inputs` + k, or 2·`inputs` + k where `complemented` is true.

    With `complemented`, wire `inputs` + i is the complement of input i, for free: this is what a "two-level"
    form usually presumes. `outputs` are wires. Raises ArgumentError where a gate reads a wire that is not
    driven before it, for an unknown kind, and for a "not" of more or fewer inputs than one.

    >>> majority = Circuit(
    ...     3, (Gate("and", (0, 1)), Gate("or", (0, 1)), Gate("and", (2, 4)), Gate("or", (3, 5))), (6,)
    ... )
    >>> majority.size, majority.depth, majority.truth_table()[:, 0].astype(int).tolist()
    (4, 3, [0, 0, 0, 1, 0, 1, 1, 1])
    """

    inputs: int
    gates: tuple[Gate, ...]
    outputs: tuple[int, ...]
    complemented: bool = False

    def __post_init__(self) -> None:
        if self.inputs < 0:
            raise ArgumentError(f"inputs = {self.inputs}: a circuit has 0 inputs or more.")
        for number, gate in enumerate(self.gates):
            if gate.kind not in _JOINS:
                raise ArgumentError(f"Gate {number} is a {gate.kind!r}; gates are {', '.join(_JOINS)}.")
            if gate.kind == "not" and len(gate.wires) != 1:
                raise ArgumentError(
                    f"Gate {number} is a 'not' of {len(gate.wires)} wires; it takes exactly one."
                )
            self._check(f"Gate {number}", gate.wires, self.first + number)
        self._check("The output list", self.outputs, self.first + len(self.gates))

    def _check(self, reader: str, wires: tuple[int, ...], driven: int) -> None:
        for wire in wires:
            if not 0 <= wire < driven:
                raise ArgumentError(
                    f"{reader} reads wire {wire}, but only wires 0 to {driven - 1} are driven before it; "
                    "list the gates in the order in which they are computed."
                )

    @property
    def first(self) -> int:
        """The wire of the first gate."""
        return self.inputs * (2 if self.complemented else 1)

    @property
    def size(self) -> int:
        """How many gates; inputs, and complements given for free, are none."""
        return len(self.gates)

    @property
    def levels(self) -> tuple[int, ...]:
        """The depth of every wire: 0 for inputs, else one more than the deepest wire that its gate reads."""
        found = [0] * self.first
        for gate in self.gates:
            found.append(1 + max((found[wire] for wire in gate.wires), default=0))
        return tuple(found)

    @property
    def depth(self) -> int:
        """Gates on the longest way through."""
        return max(self.levels, default=0)

    def count(self) -> dict[GateKind, int]:
        """How many gates of each kind there are."""
        return dict(Counter(gate.kind for gate in self.gates))

    def evaluate(self, rows: np.ndarray) -> np.ndarray:
        """Outputs [N, outputs] as bools for inputs [N, inputs] of 0 and 1 (or False and True)."""
        rows = np.asarray(rows)
        if rows.ndim != 2 or rows.shape[1] != self.inputs:
            raise ArgumentError(f"rows has shape {rows.shape}; this circuit needs [N, {self.inputs}].")
        if not np.isin(rows, (0, 1)).all():
            raise ArgumentError("rows has values other than 0 and 1; a circuit computes on bits.")
        packed = np.packbits(rows.astype(bool), axis=0, bitorder="little")
        columns = [int.from_bytes(packed[:, i].tobytes(), "little") for i in range(self.inputs)]
        return self._outputs(columns, len(rows))

    def truth_table(self) -> np.ndarray:
        """Outputs [2^inputs, outputs] as bools: bit i of a row's number is input i.

        Raises ArgumentError for more than 20 inputs.
        """
        _check_rows(self.inputs)
        return self._outputs([_pattern(i, self.inputs) for i in range(self.inputs)], 2**self.inputs)

    def _outputs(self, columns: list[int], rows: int) -> np.ndarray:
        every = (1 << rows) - 1
        wires = columns + [every ^ column for column in columns] if self.complemented else list(columns)
        for kind, read in self.gates:
            start = every if kind in ("and", "nand") else 0
            value = reduce(_JOINS[kind], (wires[wire] for wire in read), start)
            wires.append(every ^ value if kind in _NEGATED else value)
        found = np.zeros((rows, len(self.outputs)), bool)
        for column, wire in enumerate(self.outputs):
            found[:, column] = _unpacked(wires[wire], rows)
        return found

    def describe(self) -> str:
        """One line a gate: ``g0 = and(x0, ~x1)``, and last the outputs.

        >>> print(Circuit(2, (Gate("nor", (0, 3)),), (4,), complemented=True).describe())
        g0 = nor(x0, ~x1)
        out g0
        """
        names = [f"x{i}" for i in range(self.inputs)]
        names += [f"~{name}" for name in names] if self.complemented else []
        lines = []
        for number, gate in enumerate(self.gates):
            lines.append(f"g{number} = {gate.kind}({', '.join(names[wire] for wire in gate.wires)})")
            names.append(f"g{number}")
        return "\n".join([*lines, f"out {', '.join(names[wire] for wire in self.outputs)}"])


def _pattern(i: int, n: int) -> int:
    """Input i on all 2^n rows, as one integer: 2^i zeros, 2^i ones, and so on; built by doubling."""
    value, length = ((1 << 2**i) - 1) << 2**i, 2 ** (i + 1)
    while length < 2**n:
        value |= value << length
        length *= 2
    return value


def _unpacked(value: int, rows: int) -> np.ndarray:
    raw = np.frombuffer(value.to_bytes((rows + 7) // 8, "little"), np.uint8)
    return np.unpackbits(raw, count=rows, bitorder="little").astype(bool)


def truth_rows(inputs: int) -> np.ndarray:
    """All inputs of a truth table, bools [2^inputs, inputs], in its order; at most 20 inputs.

    >>> truth_rows(2).astype(int).tolist()
    [[0, 0], [1, 0], [0, 1], [1, 1]]
    """
    _check_rows(inputs)
    return (np.arange(2**inputs)[:, None] >> np.arange(inputs)) % 2 == 1


def _check_rows(inputs: int) -> None:
    if not 0 <= inputs <= _MOST_INPUTS:
        raise ArgumentError(
            f"A truth table of {inputs} inputs has 2^{inputs} rows, which nothing can hold; 0 to "
            f"{_MOST_INPUTS} inputs are taken: evaluate the rows that matter instead."
        )


class CircuitBuilder:
    """Grows a circuit gate by gate, and from smaller circuits.

    >>> build = CircuitBuilder(3)
    >>> pair = build.gate("xor", 0, 1)
    >>> build.finish(build.gate("xor", pair, 2)).depth
    2
    """

    def __init__(self, inputs: int) -> None:
        self.inputs = inputs
        self._gates: list[Gate] = []

    def gate(self, kind: GateKind, *wires: int) -> int:
        """Adds a gate; returns its wire."""
        self._gates.append(Gate(kind, wires))
        return self.inputs + len(self._gates) - 1

    def use(self, part: Circuit, *wires: int) -> tuple[int, ...]:
        """Adds all gates of a smaller circuit, its inputs connected to `wires`; returns its outputs' wires.

        Raises ArgumentError for a wrong number of wires, and for a part that presumes complements.
        """
        if part.complemented or len(wires) != part.inputs:
            also = " and their complements" if part.complemented else ""
            raise ArgumentError(
                f"The part has {part.inputs} inputs{also}, but {len(wires)} wires were given; it needs one "
                "wire for each input, and no complements."
            )
        placed = list(wires)
        for gate in part.gates:
            placed.append(self.gate(gate.kind, *(placed[wire] for wire in gate.wires)))
        return tuple(placed[wire] for wire in part.outputs)

    def finish(self, *outputs: int) -> Circuit:
        """The circuit, with these wires as its outputs."""
        return Circuit(self.inputs, tuple(self._gates), outputs)


# As a network ----------------------------------------------------------------------------------------


class Step(nn.Module):
    """1 where z > 0, else 0: the threshold unit. Its gradient is 0 everywhere."""

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return (z > 0).to(z.dtype)


class _Layer(NamedTuple):
    """Weights and biases of hidden units over the wires before [H, wires], and the wires after as functions
    of them."""

    weight: np.ndarray
    bias: np.ndarray
    read: np.ndarray
    shift: np.ndarray


def network_units(circuit: Circuit, unit: Unit) -> tuple[int, ...]:
    """Hidden units in each layer of `circuit_network(circuit, unit)`."""
    return tuple(len(layer.bias) for layer in _layers(circuit, unit))


def circuit_network(circuit: Circuit, unit: Unit) -> nn.Sequential:
    """The circuit as a network of `circuit.depth` hidden layers: [N, inputs] of 0 and 1 to [N, outputs].

    It is exact, in float32 too: all weights and biases are integers or halves. A hidden layer holds the
    gates of one level, and one unit for every wire that is needed further on. A gate of k inputs takes one
    unit, but "xor" and "xnor" take k (see `_alternating`). Complements cost nothing: the first layer reads
    1 − x.

    Raises ArgumentError for a circuit without inputs or outputs, and for an output that is an input.

    >>> gate = circuit_network(Circuit(2, (Gate("xor", (0, 1)),), (2,)), "relu")
    >>> gate(torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))[:, 0].tolist()
    [0.0, 1.0, 1.0, 0.0]
    """
    layers = _layers(circuit, unit)
    modules: list[nn.Module] = []
    read, shift = _inputs(circuit)
    for layer in layers:
        modules += [given_layer(layer.weight @ read, layer.weight @ shift + layer.bias)]
        modules += [nn.ReLU() if unit == "relu" else Step()]
        read, shift = layer.read, layer.shift
    return nn.Sequential(*modules, given_layer(read, shift))


def _inputs(circuit: Circuit) -> tuple[np.ndarray, np.ndarray]:
    """Wires at level 0 as an affine function of the inputs: x, and 1 − x where complements are given."""
    eye, zero = np.eye(circuit.inputs), np.zeros(circuit.inputs)
    if circuit.complemented:
        return np.concatenate([eye, -eye]), np.concatenate([zero, zero + 1.0])
    return eye, zero


def _layers(circuit: Circuit, unit: Unit) -> list[_Layer]:
    if unit not in ("relu", "threshold"):
        raise ArgumentError(f"unit = {unit!r}; hidden units are 'relu' or 'threshold'.")
    levels = circuit.levels
    if not circuit.inputs or not circuit.outputs or any(levels[wire] == 0 for wire in circuit.outputs):
        raise ArgumentError(
            "A network reads inputs and its outputs are gates, but this circuit has no input, no output, or "
            "an output that is an input; make that one the output of a gate, as of an 'and' of one wire."
        )
    needed = _needed(circuit, levels)
    layers = []
    for now, (before, after) in enumerate(pairwise([list(range(circuit.first)), *needed]), start=1):
        gates = [
            circuit.gates[wire - circuit.first] if levels[wire] == now else Gate("and", (wire,))
            for wire in after
        ]
        layers.append(_layer(gates, before, unit))
    return layers


def _needed(circuit: Circuit, levels: tuple[int, ...]) -> list[list[int]]:
    """The wires that each layer hands on: computed up to there and read further on; at last the outputs."""
    last = [0] * len(levels)
    for wire, gate in enumerate(circuit.gates, start=circuit.first):
        for source in gate.wires:
            last[source] = max(last[source], levels[wire])
    for wire in circuit.outputs:
        last[wire] = circuit.depth + 1
    inner = [
        [wire for wire, level in enumerate(levels) if level <= now < last[wire]]
        for now in range(1, circuit.depth)
    ]
    return [*inner, list(circuit.outputs)]


def _layer(gates: Sequence[Gate], before: Sequence[int], unit: Unit) -> _Layer:
    """One layer that computes `gates` of the wires `before`; a wire handed on is an "and" of itself."""
    place = {wire: column for column, wire in enumerate(before)}
    plans = [_units(gate, unit) for gate in gates]
    hidden = sum(len(plan.biases) for plan in plans)
    weight, bias = np.zeros((hidden, len(before))), np.zeros(hidden)
    read, shift = np.zeros((len(gates), hidden)), np.zeros(len(gates))
    row = 0
    for number, (gate, plan) in enumerate(zip(gates, plans, strict=True)):
        rows = slice(row, row + len(plan.biases))
        for source in gate.wires:  # one by one: a gate may read a wire twice
            weight[rows, place[source]] += plan.sign
        bias[rows], read[number, rows], shift[number] = plan.biases, plan.factors, plan.shift
        row = rows.stop
    return _Layer(weight, bias, read, shift)


class _Units(NamedTuple):
    """A gate as shift + Σ_j factors_j φ(sign·s + biases_j), s the sum of its inputs."""

    sign: float
    biases: np.ndarray
    factors: np.ndarray
    shift: float


def _units(gate: Gate, unit: Unit) -> _Units:
    """AND is φ(s − k + 1), NOR φ(1 − s), XOR a sum of k; a threshold unit has all biases lower by ½.

    At integers s both kinds agree on these: max(0, z) and "z > ½" for every z ≤ 1.
    """
    k = len(gate.wires)
    if gate.kind in ("and", "nand"):
        sign, biases, factors = 1.0, np.array([1.0 - k]), np.ones(1)
    elif gate.kind in ("or", "nor", "not"):
        sign, biases, factors = -1.0, np.ones(1), np.ones(1)
    else:
        sign, biases, factors = 1.0, -np.arange(max(k, 1.0)), _alternating(k, unit)
    inverse = gate.kind in ("nand", "or", "xnor")
    return _Units(
        sign,
        biases if unit == "relu" else biases - 0.5,
        -factors if inverse else factors,
        1.0 if inverse else 0.0,
    )


def _alternating(k: int, unit: Unit) -> np.ndarray:
    """Factors that turn k units into the parity of s = 0, …, k.

    Thresholds: +1, −1, +1, …: each integer that s passes turns the sum over. ReLUs: 1, −2, +2, …: the slope
    turns between 1 and −1 at each integer from 0 to k − 1, so the function goes up and down between 0 and 1.
    """
    if k == 0:
        return np.zeros(1)  # one idle unit: torch has no use for a layer without any
    signs = (-1.0) ** np.arange(k)
    return signs if unit == "threshold" else np.where(np.arange(k) == 0, 1.0, 2.0) * signs
