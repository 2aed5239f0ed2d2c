"""Two levels of gates: every function with complements, few without, and minimal covers by brute force."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.theory_circuits import all_cubes, fewest_cubes, inside, primes_by_hand, smallest_covers

from profunda.errors import ArgumentError
from profunda.theory.parity import parity_table
from profunda.theory.two_level import (
    Cover,
    Cube,
    minimal_cover,
    minterm_cover,
    plain_two_level,
    prime_implicants,
    two_level_circuit,
    two_level_reach,
)


def every_table(inputs):
    """All truth tables of n inputs, [2^(2^n), 2^n]; the number of a table is its place."""
    return (np.arange(2**2**inputs)[:, None] >> np.arange(2**inputs)) % 2 == 1


tables = st.integers(0, 5).flatmap(lambda n: st.lists(st.booleans(), min_size=2**n, max_size=2**n))


@given(tables, st.booleans(), st.booleans())
@settings(max_examples=100, deadline=None)
def test_any_table_has_two_levels_with_complements_and_three_without(table, nand, complemented):
    circuit = two_level_circuit(minterm_cover(np.array(table)), nand=nand, complemented=complemented)
    np.testing.assert_array_equal(circuit.truth_table()[:, 0], table)
    assert circuit.depth <= (2 if complemented else 3)
    allowed = {"nand"} if nand else {"and", "or"}
    assert set(circuit.count()) <= (allowed if complemented else allowed | {"not"})


@pytest.mark.slow
def test_nand_nand_reproduces_all_functions_of_four_inputs():
    for table in every_table(4):
        circuit = two_level_circuit(minterm_cover(table), nand=True)
        assert circuit.depth <= 2
        np.testing.assert_array_equal(circuit.truth_table()[:, 0], table)


@pytest.mark.parametrize(("inputs", "functions"), [(1, 4), (2, 14), (3, 68), (4, 534)])
def test_what_plain_inputs_reach(inputs, functions):
    reach = two_level_reach(inputs, complemented=False)
    assert (reach.functions, reach.total) == (functions, 2**2**inputs)


@pytest.mark.parametrize("inputs", [1, 2, 3])
def test_complements_reach_everything(inputs):
    assert two_level_reach(inputs, complemented=True).functions == 2**2**inputs


def test_exclusive_or_and_its_complement_are_what_is_missing():
    missing = set(range(16)) - two_level_reach(2, complemented=False).tables
    assert missing == {0b0110, 0b1001}


@pytest.mark.parametrize("inputs", [1, 2, 3])
def test_the_closed_form_finds_exactly_what_enumeration_finds(inputs):
    reach = two_level_reach(inputs, complemented=False).tables
    for number, table in enumerate(every_table(inputs)):
        circuit = plain_two_level(table)
        assert (circuit is not None) == (number in reach)
        if circuit is not None:
            assert circuit.depth <= 2
            assert set(circuit.count()) <= {"and", "nand"}
            np.testing.assert_array_equal(circuit.truth_table()[:, 0], table)


@pytest.mark.slow
def test_the_closed_form_finds_exactly_what_enumeration_finds_of_four_inputs():
    found = {number for number, table in enumerate(every_table(4)) if plain_two_level(table) is not None}
    assert found == two_level_reach(4, complemented=False).tables


def test_the_number_of_reachable_functions_from_dedekind_numbers():
    """f is a family closed below, above one least set A: a nonempty down-set of n − |A| inputs, or nothing;
    the complement doubles these, but for the 2^n functions "above A" and their complements, which are of
    both kinds."""
    dedekind = (2, 3, 6, 20, 168)
    for n in (1, 2, 3, 4):
        of_one_kind = 1 + sum(math.comb(n, k) * (dedekind[n - k] - 1) for k in range(n + 1))
        assert two_level_reach(n, complemented=False).functions == 2 * of_one_kind - 2 * 2**n


@pytest.mark.parametrize("constant", [False, True])
def test_constants_of_no_input(constant):
    table = np.array([constant])
    assert minimal_cover(table).truth_table().tolist() == [constant]
    assert plain_two_level(table).truth_table().tolist() == [[constant]]


@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.booleans(), min_size=2**n, max_size=2**n)))
@settings(max_examples=60, deadline=None)
def test_prime_implicants_by_hand(table):
    assert list(prime_implicants(np.array(table))) == primes_by_hand(table)


def test_minimal_covers_of_all_functions_of_three_inputs_by_brute_force():
    for table in every_table(3):
        cover = minimal_cover(table)
        assert cover.terms == fewest_cubes(table.tolist())
        np.testing.assert_array_equal(cover.truth_table(), table)
        assert set(cover.cubes) <= set(prime_implicants(table))


def test_the_brute_force_would_show_a_cover_that_is_not_minimal():
    table = np.array([0, 1, 1, 1])
    assert minterm_cover(table).terms > fewest_cubes(table.tolist()) == 2


def test_literals_break_ties():
    table = np.array([0, 1, 0, 1, 0, 1, 1, 1])  # x0, or x1 and x2
    assert minimal_cover(table).cubes == (Cube(1, 1), Cube(6, 6))
    assert minimal_cover(table).literals == 3
    for text in (
        "1101011011011110",
        "1111110101100110",
        "1010110101101110",
    ):  # with unlike covers of five primes
        table = np.array([int(letter) for letter in text])
        cubes, literals = smallest_covers(table.tolist(), primes_by_hand(table.tolist()))
        assert len(literals) > 1
        assert (minimal_cover(table).terms, minimal_cover(table).literals) == (cubes, min(literals))


@pytest.mark.parametrize("inputs", [5, 6])
def test_minimal_covers_of_random_tables_are_covers(inputs):
    table = np.random.default_rng(inputs).random(2**inputs) < 0.5
    cover = minimal_cover(table)
    np.testing.assert_array_equal(cover.truth_table(), table)
    assert cover.terms < minterm_cover(table).terms


@pytest.mark.parametrize("bits", [2, 3, 4, 5])
def test_parity_has_no_implicant_but_minterms(bits):
    table = parity_table(bits)
    full = 2**bits - 1
    assert [cube for cube in all_cubes(bits) if inside(cube, table) and cube[0] != full] == []
    assert {cube.care for cube in prime_implicants(table)} == {full}


@pytest.mark.parametrize("bits", range(2, 7))
def test_parity_needs_all_its_minterms(bits):
    assert minimal_cover(parity_table(bits)).terms == 2 ** (bits - 1)


@pytest.mark.parametrize("bits", range(7, 17))
def test_minterms_of_longer_parities(bits):
    assert minterm_cover(parity_table(bits)).terms == 2 ** (bits - 1)


def test_a_two_level_parity_of_ten_bits_is_exact():
    circuit = two_level_circuit(minterm_cover(parity_table(10)), nand=True)
    assert (circuit.size, circuit.depth) == (2**9 + 1, 2)
    np.testing.assert_array_equal(circuit.truth_table()[:, 0], parity_table(10))


def test_an_empty_cube_is_everything():
    assert Cover(2, (Cube(0, 0),)).truth_table().all()


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: minterm_cover(np.zeros(3)), r"table has shape \(3,\)"),
        (lambda: minterm_cover(np.zeros((2, 2))), r"table has shape \(2, 2\)"),
        (lambda: minterm_cover(np.zeros(0)), r"table has shape \(0,\)"),
        (lambda: minterm_cover(np.array([0, 2])), "other than 0 and 1"),
        (lambda: prime_implicants(np.zeros(2**11)), "11 inputs; for primes, at most 10"),
        (lambda: minimal_cover(np.zeros(2**7)), "7 inputs; for minimal, at most 6"),
        (lambda: two_level_reach(5, complemented=False), "inputs = 5: all circuits are tried, of 1 to 4"),
        (lambda: two_level_reach(0, complemented=False), "inputs = 0"),
    ],
)
def test_refusals(make, text):
    with pytest.raises(ArgumentError, match=text):
        make()
