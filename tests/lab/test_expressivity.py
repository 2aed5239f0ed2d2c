"""The chapter on expressivity: the verdicts found, their numbers, and that a false claim would be told."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from profunda.lab.experiment import Outcome, Verdict
from profunda.lab.experiments.expressivity import (
    any_nonlinearity,
    counting_images,
    gate_given_precision,
    gate_intermediate_line,
    multiplication_gate,
    multiplier,
    notation,
    parity_circuits,
    parity_learned,
    product_tree_or_flat,
    products_learned,
    random_networks_regions,
    sawtooth,
    simple_distributions,
    two_levels,
)
from profunda.lab.pictures import Diagram, Plot
from profunda.theory import best_product, multiplier_sizes, parity_flat, parity_tree, two_level_reach

EXPERIMENTS = {
    counting_images: "holds with conditions",
    multiplication_gate: "holds with conditions",
    gate_intermediate_line: "wrong",
    any_nonlinearity: "holds with conditions",
    gate_given_precision: "holds with conditions",
    product_tree_or_flat: "holds",
    products_learned: "holds",
    sawtooth: "holds",
    random_networks_regions: "holds with conditions",
    two_levels: "holds with conditions",
    parity_circuits: "holds with conditions",
    multiplier: "holds",
    parity_learned: "holds with conditions",  # with all its runs: "wrong"
    simple_distributions: "holds with conditions",
    notation: "holds with conditions",
}
_OUTCOMES: dict[str, Outcome] = {}


def _outcome(module) -> Outcome:
    if module.__name__ not in _OUTCOMES:
        _OUTCOMES[module.__name__] = module.measure(True)
    return _OUTCOMES[module.__name__]


@pytest.mark.parametrize(("module", "expected"), EXPERIMENTS.items(), ids=lambda value: str(value)[-40:])
def test_quick_runs_end_in_the_verdict_that_was_found(module, expected: Verdict) -> None:
    found = _outcome(module)
    assert found.verdict == expected
    low, high = found.interval
    assert low <= found.value <= high
    assert "{" not in found.measured.en + found.measured.pt + found.statement.en + found.statement.pt
    assert found.measured.en != found.measured.pt
    assert 1 <= len(found.pictures) <= 3


@pytest.mark.parametrize("module", [gate_given_precision, sawtooth, two_levels])
def test_a_second_run_says_the_same(module) -> None:
    first, again = _outcome(module), module.measure(True)
    assert replace(first, pictures=()) == replace(again, pictures=())


def test_images_are_counted_in_whole_numbers() -> None:
    assert counting_images.bracketed(31, 100)  # 2^100 has 31 digits
    assert not counting_images.bracketed(30, 100)
    assert not counting_images.bracketed(32, 100)
    assert _outcome(counting_images).value == 2_408_240
    assert "301,030" in _outcome(counting_images).measured.en
    assert "301.030" in _outcome(counting_images).measured.pt
    assert counting_images.verdict(False, 5, 3) == "wrong"
    assert counting_images.verdict(True, 5, 5) == "holds"


def test_the_gate_has_order_two_and_a_wrong_order_would_be_told() -> None:
    found = _outcome(multiplication_gate)
    assert found.value == pytest.approx(2.0, abs=0.02)
    assert multiplication_gate.verdict([2.0, 3.0], [1.0], [1e-8]) == "wrong"
    assert multiplication_gate.verdict([2.0], [2.0], [1e-8]) == "wrong"
    assert multiplication_gate.verdict([2.0], [1.0], [1e-16]) == "holds"


def test_the_gate_is_drawn_with_a_slider_and_as_the_text_draws_it() -> None:
    plot, parabolas, diagram = _outcome(multiplication_gate).pictures
    assert isinstance(plot, Plot)
    assert isinstance(parabolas, Plot)
    assert parabolas.slider is not None
    steps = [one.step for one in parabolas.series if one.step is not None]
    assert steps == list(range(len(parabolas.slider.positions)))
    assert isinstance(diagram, Diagram)
    assert (len(diagram.nodes), len(diagram.links)) == (7, 12)
    # Each unit's two weights multiply to λ² for u + v and to −λ² for u − v, and so are its weights out.
    for unit in range(2, 6):
        signs = [text.startswith("−") for _, to, text in diagram.links if to == unit]
        out = next(text for source, _, text in diagram.links if source == unit)
        assert (signs[0] != signs[1]) == out.startswith("−")


def test_the_middle_line_is_twice_the_product() -> None:
    assert gate_intermediate_line.middle_line(Fraction(2, 3), Fraction(5, 7)) == 2 * Fraction(10, 21)
    assert _outcome(gate_intermediate_line).value == 2.0
    assert gate_intermediate_line.verdict(Fraction(1), 3.0, 0.0) == "holds"
    assert gate_intermediate_line.verdict(Fraction(1), 4.0, 0.03) == "holds with conditions"


def test_relu_misses_the_product_and_a_gate_of_relus_would_be_told() -> None:
    assert _outcome(any_nonlinearity).value == pytest.approx(3 - 2 * 2**0.5, abs=1e-4)
    assert any_nonlinearity.verdict([1e-8], 1e-8, 1e-8) == "holds"
    assert any_nonlinearity.verdict([0.1], 0.17, 1.0) == "wrong"


def test_odd_functions_without_biases_miss_by_one() -> None:
    assert any_nonlinearity.trained("tanh", False, 200, starts=8) >= 1.0 - 1e-5


def test_given_precisions_are_kept_or_refused() -> None:
    assert gate_given_precision.verdict(False, 3, True) == "wrong"
    assert gate_given_precision.verdict(True, 3, False) == "wrong"
    assert gate_given_precision.verdict(True, 0, True) == "holds"


def test_trees_stay_small_and_a_large_one_would_be_told() -> None:
    tree, flat = (best_product(kind, 4, "sigmoid", points=50) for kind in ("tree", "flat"))
    assert (tree.neurons, flat.neurons) == (12, 16)
    assert product_tree_or_flat.verdict([tree], [flat]) == "holds"
    assert product_tree_or_flat.verdict([replace(tree, neurons=100)], [flat]) == "wrong"
    assert product_tree_or_flat.verdict([tree], [replace(flat, error=1e-9)]) == "holds with conditions"


def test_sawtooth_counts_all_pieces() -> None:
    assert _outcome(sawtooth).value == 2**10
    assert sawtooth.verdict([2, 4], [2, 4], [3, 5], [3, 5]) == "holds with conditions"
    assert sawtooth.verdict([2, 5], [2, 4], [3, 5], [3, 5]) == "wrong"
    assert sawtooth.verdict([2, 16], [2, 16], [3, 6], [3, 5]) == "wrong"


def test_random_networks_have_about_a_piece_a_unit() -> None:
    found = _outcome(random_networks_regions)
    assert found.value < 1.1
    plot = found.pictures[0]
    assert isinstance(plot, Plot)
    one, theory = plot.series[0], next(each for each in plot.series if each.role == "theory")
    assert np.array(one.y) == pytest.approx(np.array(theory.y), rel=0.05)
    assert random_networks_regions.verdict(5.0, 0.1, 1000.0) == "holds"
    assert random_networks_regions.verdict(1.0, 0.1, 1.0) == "wrong"


def test_two_levels_reach_14_and_68_functions() -> None:
    found = _outcome(two_levels)
    assert found.value == 14
    assert "68 of 256" in found.measured.en
    everything = [two_level_reach(2, complemented=True)]
    assert two_levels.verdict(everything, everything, True) == "holds"
    assert two_levels.verdict([two_level_reach(2, complemented=False)], everything, False) == "wrong"


def test_parity_networks_are_checked_on_every_input() -> None:
    assert _outcome(parity_circuits).value == 32_768
    assert parity_circuits.network_exact(parity_tree(5))
    broken = parity_flat(5)
    broken = replace(broken, gates=(broken.gates[0]._replace(kind="or"),))
    assert not parity_circuits.network_exact(broken)
    assert parity_circuits.verdict([2, 4], [2, 3], True, [2, 3], [2, 3]) == "wrong"
    assert parity_circuits.verdict([2, 4], [2, 4], True, [2, 200], [2, 3]) == "holds"


def test_multipliers_have_the_sizes_of_the_formula() -> None:
    assert [multiplier_sizes(n).gates for n in (2, 4, 6)] == [8, 64, 168]
    assert multiplier.exact(3)
    sizes = [multiplier_sizes(3)]
    assert multiplier.verdict(False, sizes) == "wrong"
    assert multiplier.verdict(True, [replace(sizes[0], depth=2)]) == "wrong"
    assert multiplier.verdict(True, [replace(sizes[0], minterms=2)]) == "holds with conditions"


def test_learned_comparisons_can_end_either_way() -> None:
    assert products_learned.verdict(0.1, 0.4) == "wrong"
    assert products_learned.verdict(-0.1, 0.4) == "holds with conditions"
    assert parity_learned.verdict(0.9, 0.1, 0.6, 0.8) == "holds"
    assert parity_learned.verdict(0.0, 0.0, 0.6, 0.8) == "holds with conditions"
    assert parity_learned.verdict(0.9, 0.0, 0.9, 1.2) == "holds with conditions"
    assert parity_learned.verdict(0.9, 0.0, 1.1, 1.2) == "wrong"


def test_simple_data_are_told_from_others() -> None:
    assert simple_distributions.verdict([0.95, 0.95], [True, True]) == "holds with conditions"
    assert simple_distributions.verdict([0.95, 0.95], [True, False]) == "holds with conditions"
    assert simple_distributions.verdict([0.5, 0.5, 0.95], [True, True, True]) == "wrong"


def test_notation_equals_loops_and_a_wrong_sign_would_be_told() -> None:
    assert _outcome(notation).value <= 1e-12
    assert notation.verdict([1e-3], 1.0, 0.0) == "wrong"
    assert notation.verdict([1e-15], 0.0, 0.0) == "holds"
