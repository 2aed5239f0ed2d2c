"""Adders and the multiplier against Python's own arithmetic."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.oracles.theory_circuits import rows_in_order, run_circuit

from profunda.errors import ArgumentError
from profunda.theory.arithmetic import (
    array_multiplier,
    from_bits,
    full_adder,
    half_adder,
    multiplier_sizes,
    ripple_adder,
    to_bits,
)
from profunda.theory.circuits import circuit_network, truth_rows

SIZES = {
    2: (8, 3, 14),
    3: (30, 9, 111),
    4: (64, 15, 678),
    5: (110, 21, 3733),
    6: (168, 28, 18953),
    7: (238, 34, 92334),
    8: (320, 42, 434660),
}
"""Bits: gates, depth and minterms."""


@pytest.mark.parametrize(("bits", "expected"), SIZES.items())
def test_gates_depth_and_minterms(bits, expected):
    sizes = multiplier_sizes(bits)
    assert (sizes.gates, sizes.depth, sizes.minterms) == expected


@pytest.mark.parametrize("bits", range(1, 9))
def test_the_multiplier_is_exact_for_all_inputs(bits):
    rows = truth_rows(2 * bits)
    product = from_bits(rows[:, :bits]) * from_bits(rows[:, bits:])
    np.testing.assert_array_equal(from_bits(array_multiplier(bits).truth_table()), product)


def test_minterms_are_the_ones_of_all_products():
    for bits in (2, 3, 4):
        ones = sum((a * b).bit_count() for a in range(2**bits) for b in range(2**bits))
        assert multiplier_sizes(bits).minterms == ones


@pytest.mark.parametrize("bits", range(1, 7))
def test_the_adder_is_exact_for_all_inputs(bits):
    adder, rows = ripple_adder(bits), truth_rows(2 * bits)
    total = from_bits(rows[:, :bits]) + from_bits(rows[:, bits:])
    np.testing.assert_array_equal(from_bits(adder.truth_table()), total)
    assert (adder.size, adder.depth) == (5 * bits - 3, 2 * bits - 1)


@pytest.mark.parametrize(("part", "size", "depth"), [(half_adder(), 2, 1), (full_adder(), 5, 3)])
def test_bit_adders_count(part, size, depth):
    assert (part.size, part.depth) == (size, depth)
    for row in rows_in_order(part.inputs):
        low, high = run_circuit(part, row)
        assert low + 2 * high == sum(row)


@given(st.integers(0, 2**40 - 1), st.integers(0, 2**40 - 1))
def test_the_adder_of_forty_bits(a, b):
    rows = np.concatenate([to_bits(np.array([number]), 40) for number in (a, b)], axis=1)
    assert from_bits(ripple_adder(40).evaluate(rows)).tolist() == [a + b]


@pytest.mark.parametrize("unit", ["relu", "threshold"])
def test_a_deep_network_multiplies_exactly(unit):
    network = circuit_network(array_multiplier(4), unit)
    assert sum(isinstance(layer, torch.nn.Linear) for layer in network) == 15 + 1
    rows = truth_rows(8)
    with torch.no_grad():
        found = network(torch.from_numpy(rows).float()).numpy()
    np.testing.assert_array_equal(from_bits(found > 0.5), from_bits(rows[:, :4]) * from_bits(rows[:, 4:]))
    assert set(np.unique(found)) == {0.0, 1.0}


@given(st.lists(st.integers(0, 2**63 - 1), max_size=5))
def test_bits_there_and_back(numbers):
    assert from_bits(to_bits(np.array(numbers, np.int64), 64)).tolist() == numbers


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: to_bits(np.array([8]), 3), "from 8 to 8; 3 bits hold 0 to 7"),
        (lambda: to_bits(np.array([-1]), 3), "from -1 to -1"),
        (lambda: to_bits(np.array([0.5]), 3), "numbers is float64"),
        (lambda: to_bits(np.array([[1]]), 3), r"shape \(1, 1\); integers \[N\]"),
        (lambda: from_bits(np.zeros((1, 65), bool)), r"shape \(1, 65\)"),
        (lambda: ripple_adder(0), "bits = 0: numbers of 1 to 64"),
        (lambda: array_multiplier(65), "bits = 65"),
        (lambda: multiplier_sizes(11), r"22 inputs has 2\^22 rows"),
    ],
)
def test_refusals(make, text):
    with pytest.raises(ArgumentError, match=text):
        make()


def test_numbers_that_are_no_bits_are_told():
    with pytest.raises(ArgumentError, match="values other than 0 and 1, which are no bits"):
        from_bits(np.array([[2, 1]]))
