"""Parity: exact everywhere, with the counts of the texts' claim and of its correction."""

import math

import numpy as np
import pytest
import torch
from tests.oracles.theory_circuits import rows_in_order

from profunda.errors import ArgumentError
from profunda.theory.circuits import circuit_network, network_units, truth_rows
from profunda.theory.parity import parity_flat, parity_sizes, parity_table, parity_tree

UNITS = (2, 5, 6, 10, 11, 13, 14, 19, 20, 22, 23, 26, 27, 29, 30)
"""Hidden units of the tree, for 2 to 16 bits."""


@pytest.mark.parametrize("unit", ["relu", "threshold"])
@pytest.mark.parametrize("shape", [parity_tree, parity_flat])
@pytest.mark.parametrize("bits", range(2, 17))
def test_networks_are_exact_on_all_inputs(bits, shape, unit):
    rows = torch.from_numpy(truth_rows(bits)).float()
    with torch.no_grad():
        found = circuit_network(shape(bits), unit)(rows)[:, 0]
    np.testing.assert_array_equal(found.numpy(), parity_table(bits))


@pytest.mark.parametrize("unit", ["relu", "threshold"])
def test_units_and_depth_of_the_tree(unit):
    counts = [network_units(parity_tree(bits), unit) for bits in range(2, 17)]
    assert tuple(sum(count) for count in counts) == UNITS
    assert [len(count) for count in counts] == [math.ceil(math.log2(bits)) for bits in range(2, 17)]
    assert [sum(counts[bits - 2]) for bits in (2, 4, 8, 16)] == [2 * (bits - 1) for bits in (2, 4, 8, 16)]


@pytest.mark.parametrize("unit", ["relu", "threshold"])
def test_one_hidden_layer_of_n_units_suffices(unit):
    assert [network_units(parity_flat(bits), unit) for bits in range(2, 17)] == [(n,) for n in range(2, 17)]


@pytest.mark.parametrize("bits", range(2, 17))
def test_two_levels_double_where_the_tree_grows_by_a_gate(bits):
    sizes = parity_sizes(bits)
    assert sizes.terms == 2 ** (bits - 1)
    assert (sizes.tree_gates, sizes.tree_depth) == (bits - 1, math.ceil(math.log2(bits)))
    assert (sizes.nand_gates, sizes.nand_depth) == (4 * (bits - 1), 3 * math.ceil(math.log2(bits)))
    assert (sizes.tree_units, sizes.flat_units) == (UNITS[bits - 2], bits)


def test_the_tables_against_counting_ones():
    for bits in range(2, 9):
        assert parity_table(bits).tolist() == [sum(row) % 2 == 1 for row in rows_in_order(bits)]


@pytest.mark.parametrize("gates", ["xor", "nand"])
def test_trees_of_both_kinds_of_gates_are_parity(gates):
    for bits in (2, 3, 5, 7, 12):
        tree = parity_tree(bits, gates)
        np.testing.assert_array_equal(tree.truth_table()[:, 0], parity_table(bits))
        assert set(tree.count()) == {gates}


def test_the_gate_of_two_units_is_the_printed_one():
    first, _, last = circuit_network(parity_tree(2), "relu")
    assert first.weight.tolist() == [[1, 1], [1, 1]]
    assert first.bias.tolist() == [0, -1]
    assert last.weight.tolist() == [[1, -2]]
    first, _, last = circuit_network(parity_tree(2), "threshold")
    assert first.bias.tolist() == [-0.5, -1.5]
    assert last.weight.tolist() == [[1, -1]]


def test_refusals():
    for call in (parity_table, parity_flat, parity_tree, parity_sizes):
        for bits in (1, 21):
            with pytest.raises(ArgumentError, match=f"bits = {bits}: parity is built for 2 to 20"):
                call(bits)
    with pytest.raises(ArgumentError, match="gates = 'or'"):
        parity_tree(3, "or")
