"""Circuits against a gate-by-gate twin, and their networks against their own truth tables."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.theory_circuits import rows_in_order, run_circuit

from profunda.errors import ArgumentError
from profunda.theory.circuits import (
    Circuit,
    CircuitBuilder,
    Gate,
    circuit_network,
    network_units,
    truth_rows,
)

KINDS = ("and", "or", "nand", "nor", "xor", "xnor", "not")


@st.composite
def circuits(draw):
    """Any circuit of 1 to 4 inputs and 1 to 6 gates, with its outputs among the gates."""
    inputs, complemented = draw(st.integers(1, 4)), draw(st.booleans())
    first = inputs * (2 if complemented else 1)
    gates = []
    for number in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(KINDS))
        least, most = (1, 1) if kind == "not" else (0, 4)
        wires = draw(st.lists(st.integers(0, first + number - 1), min_size=least, max_size=most))
        gates.append(Gate(kind, tuple(wires)))
    outputs = draw(st.lists(st.integers(first, first + len(gates) - 1), min_size=1, max_size=3))
    return Circuit(inputs, tuple(gates), tuple(outputs), complemented)


@given(circuits())
@settings(max_examples=80, deadline=None)
def test_packed_evaluation_equals_gate_by_gate(circuit):
    rows = rows_in_order(circuit.inputs)
    expected = [run_circuit(circuit, row) for row in rows]
    np.testing.assert_array_equal(circuit.truth_table(), expected)
    np.testing.assert_array_equal(circuit.evaluate(np.array(rows)[::-1]), expected[::-1])


def test_the_twin_would_show_a_wrong_gate():
    right = Circuit(2, (Gate("nor", (0, 1)),), (2,))
    wrong = Circuit(2, (Gate("nand", (0, 1)),), (2,))
    assert [run_circuit(right, row) for row in rows_in_order(2)] != wrong.truth_table().tolist()


@given(circuits(), st.sampled_from(["relu", "threshold"]))
@settings(max_examples=80, deadline=None)
def test_the_network_is_exactly_the_circuit(circuit, unit):
    network = circuit_network(circuit, unit)
    with torch.no_grad():
        found = network(torch.from_numpy(truth_rows(circuit.inputs)).float())
    np.testing.assert_array_equal(found.numpy(), circuit.truth_table())
    hidden = [layer.out_features for layer in network if isinstance(layer, torch.nn.Linear)][:-1]
    assert tuple(hidden) == network_units(circuit, unit)
    assert len(hidden) == circuit.depth


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("unit", ["relu", "threshold"])
def test_a_wide_gate_takes_one_unit_and_a_parity_one_an_input(kind, unit):
    wide = 1 if kind == "not" else 7
    units = network_units(Circuit(wide, (Gate(kind, tuple(range(wide))),), (wide,)), unit)
    assert units == ((7,) if kind in ("xor", "xnor") else (1,))


@pytest.mark.parametrize("kind", KINDS)
def test_thresholds_stand_halfway(kind):
    """A gate of k thresholds errs only where its inputs are off by ½ in sum."""
    wide = 1 if kind == "not" else 5
    circuit = Circuit(wide, (Gate(kind, tuple(range(wide))),), (wide,))
    rows, off = torch.from_numpy(truth_rows(wide)).float(), 0.49 / wide
    with torch.no_grad():
        for shift in (off, -off):
            found = circuit_network(circuit, "threshold")(rows + shift)
            np.testing.assert_array_equal(found.numpy(), circuit.truth_table())


def test_rows_that_are_not_multiples_of_eight_and_none():
    majority = Circuit(
        3, (Gate("and", (0, 1)), Gate("or", (0, 1)), Gate("and", (2, 4)), Gate("or", (3, 5))), (6,)
    )
    rows = np.random.default_rng(0).integers(0, 2, (37, 3))
    np.testing.assert_array_equal(majority.evaluate(rows)[:, 0], rows.sum(1) >= 2)
    assert majority.evaluate(np.zeros((0, 3))).shape == (0, 1)


def test_constants_are_empty_gates():
    table = Circuit(1, (Gate("and", ()), Gate("or", ()), Gate("xnor", ())), (1, 2, 3)).truth_table()
    np.testing.assert_array_equal(table, [[True, False, True]] * 2)


def test_size_depth_and_description():
    build = CircuitBuilder(3)
    pair = build.gate("xor", 0, 1)
    inverse = build.gate("not", 2)
    circuit = build.finish(build.gate("nand", pair, inverse), pair)
    assert (circuit.size, circuit.depth, circuit.levels) == (3, 2, (0, 0, 0, 1, 1, 2))
    assert circuit.count() == {"xor": 1, "not": 1, "nand": 1}
    assert circuit.describe() == "g0 = xor(x0, x1)\ng1 = not(x2)\ng2 = nand(g0, g1)\nout g2, g0"


def test_a_part_behaves_as_it_does_alone():
    part = Circuit(2, (Gate("nand", (0, 1)), Gate("xor", (0, 2))), (3,))
    build = CircuitBuilder(3)
    (inner,) = build.use(part, 2, 0)
    (outer,) = build.use(part, inner, 1)
    rows = truth_rows(3)
    alone = part.evaluate(np.stack([part.evaluate(rows[:, [2, 0]])[:, 0], rows[:, 1]], 1))
    np.testing.assert_array_equal(build.finish(outer).truth_table(), alone)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Circuit(-1, (), ()), "inputs = -1"),
        (lambda: Circuit(1, (Gate("mux", (0,)),), (1,)), "Gate 0 is a 'mux'; gates are and, "),
        (lambda: Circuit(2, (Gate("not", (0, 1)),), (2,)), "a 'not' of 2 wires"),
        (lambda: Circuit(2, (Gate("and", (0, 2)),), (2,)), "Gate 0 reads wire 2, but only wires 0 to 1"),
        (lambda: Circuit(2, (), (2,)), "The output list reads wire 2"),
        (lambda: Circuit(21, (), (0,)).truth_table(), r"21 inputs has 2\^21 rows"),
        (lambda: truth_rows(-1), "A truth table of -1 inputs"),
        (lambda: Circuit(2, (), (0,)).evaluate(np.zeros((4, 3))), r"\(4, 3\); this circuit needs \[N, 2\]"),
        (lambda: Circuit(1, (), (0,)).evaluate(np.full((1, 1), 0.5)), "other than 0 and 1"),
        (lambda: CircuitBuilder(3).use(Circuit(2, (), ()), 0), "The part has 2 inputs, but 1 wires"),
        (lambda: CircuitBuilder(3).use(Circuit(1, (), (), True), 0), "1 inputs and their complements"),
        (
            lambda: circuit_network(Circuit(2, (), (0,)), "relu"),
            "outputs are gates, but this circuit has no input, no output, or an output",
        ),
        (lambda: network_units(Circuit(2, (Gate("or", (0, 1)),), ()), "relu"), "no output"),
        (lambda: network_units(Circuit(0, (Gate("or", ()),), (0,)), "relu"), "no input"),
        (lambda: circuit_network(Circuit(1, (Gate("or", (0,)),), (1,)), "tanh"), "unit = 'tanh'"),
    ],
)
def test_refusals(make, text):
    with pytest.raises(ArgumentError, match=text):
        make()
