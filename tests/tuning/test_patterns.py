"""What sets failed trials apart: found where it is, told with its numbers, and not told where nothing is."""

from math import comb
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.patterns import at_least, best_chances, likelihood_ratio

from profunda.tuning.conditions import MOST_CUTS, Condition, conditions_of
from profunda.tuning.patterns import CHANCE, Pattern, gain, pattern_of, tail

CONFIGURATION = st.fixed_dictionaries(
    {"lr": st.sampled_from([0.001, 0.01, 0.1, 1.0]), "depth": st.integers(0, 3)},
    optional={"norm": st.sampled_from(["none", "batch", "layer"])},
)


def drawn(rows: int, seed: int = 0) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    return [
        {
            "lr": float(10 ** rng.uniform(-4, 0)),
            "depth": int(rng.integers(0, 10)),
            "norm": str(rng.choice(["none", "batch"])),
            "skip": bool(rng.integers(2)),
            "dropout": float(rng.uniform(0, 0.9)),
        }
        for _ in range(rows)
    ]


# --- conditions ---


@given(st.lists(CONFIGURATION, min_size=1, max_size=12))
def test_conditions_tell_what_is_met_and_no_two_tell_the_same(configurations):
    known = conditions_of(configurations)
    told = [[one.holds(config) for config in configurations] for one in known.of]
    assert known.met.tolist() == told
    assert all(any(row) and not all(row) for row in told)
    assert len({tuple(row) for row in told}) == len(told)
    assert [known.of[k].name == known.of[0].name for k in range(len(known.of))] == [
        name == known.names[0] for name in known.names
    ]


def test_numbers_are_cut_at_so_many_places_and_at_short_numbers():
    cuts = [one for one in conditions_of(drawn(300)).of if one.name == "lr"]
    assert len(cuts) == 2 * MOST_CUTS
    assert all(float(f"{one.value:.2g}") == one.value for one in cuts)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (Condition("lr", ">", 0.02), "lr > 0.02"),
        (Condition("depth", "≥", 5), "depth ≥ 5"),
        (Condition("norm", "=", "none"), "no norm"),
        (Condition("norm", "≠", "none"), "norm"),
        (Condition("skip", "=", False), "no skip"),
        (Condition("skip", "=", True), "skip"),
        (Condition("optimiser", "=", "sgd"), "optimiser = sgd"),
    ],
)
def test_conditions_read_as_a_sentence(condition, words):
    assert condition.words == words


# --- the statistics ---


@given(st.integers(1, 12), st.integers(0, 12), st.data())
def test_tail_and_gain_are_those_of_the_naive_twins(inside, outside, data):
    hits = data.draw(st.integers(0, inside))
    failed = hits + data.draw(st.integers(0, outside))
    rows = inside + outside
    assert tail(hits, inside, failed, rows) == pytest.approx(float(at_least(hits, inside, failed, rows)))
    twin = likelihood_ratio(hits, inside, failed, rows)
    assert gain(np.array(hits), np.array(inside), failed, rows) == pytest.approx(twin, abs=1e-9)


@settings(max_examples=60)
@given(st.lists(st.tuples(CONFIGURATION, st.booleans()), min_size=8, max_size=16), st.booleans())
def test_the_chance_is_that_of_the_best_of_all_conjunctions(trials, planted):
    configurations = [config for config, _ in trials] * 3
    failed = np.array([fails for _, fails in trials] * 3)
    if planted:
        failed = np.array([config["lr"] > 0.05 and config["depth"] > 1 for config in configurations])
    found = pattern_of(configurations, failed)
    levels = best_chances(configurations, conditions_of(configurations).of, failed.tolist())
    if not 0 < failed.sum() < len(failed) or not levels:
        assert found is None
        return
    sure = min(high for _, high in levels[:2])  # triples are searched for from pairs
    assert found is not None or sure > CHANCE * 0.999999
    if found is not None:
        assert found.chance <= sure * 1.000001
        assert found.chance >= min(low for low, _ in levels) * 0.999999


# --- what is told ---


def test_a_planted_conjunction_is_found_with_its_numbers():
    configurations = drawn(300)
    failed = np.array([c["lr"] > 0.02 and c["depth"] >= 5 and c["norm"] == "none" for c in configurations])
    found = pattern_of(configurations, failed)
    assert found is not None
    assert {one.name for one in found.conditions} == {"lr", "depth", "norm"}
    assert found.coverage > 0.9
    assert found.precision > 0.9
    assert found.chance < 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_what_is_told_can_be_counted_again(seed):
    configurations = drawn(120, seed)
    rng = np.random.default_rng(seed)
    failed = np.array([(c["lr"] > 0.1) ^ (rng.random() < 0.05) for c in configurations])
    found = pattern_of(configurations, failed)
    assert found is not None
    met = np.array([all(one.holds(c) for one in found.conditions) for c in configurations])
    assert (found.inside, found.hits) == (met.sum(), (met & failed).sum())
    assert found.precision == failed[met].mean()
    assert found.elsewhere == failed[~met].mean()
    assert [one.name for one in found.conditions] == [
        "lr"
    ]  # a further condition would have to pay for itself
    order = rng.permutation(120)
    shuffled = pattern_of([configurations[k] for k in order], failed[order])
    assert shuffled is not None
    assert (shuffled.words, shuffled.chance) == (found.words, found.chance)


def test_noise_has_no_pattern():
    rng = np.random.default_rng(0)
    told = sum(
        pattern_of(drawn(60, seed), rng.random(60) < rng.uniform(0.1, 0.6)) is not None for seed in range(150)
    )
    assert told <= 150 * CHANCE * 3


def test_few_failures_or_nothing_that_differs_tell_nothing():
    configurations = drawn(40)
    assert pattern_of(configurations, np.zeros(40, bool)) is None
    assert pattern_of(configurations, np.ones(40, bool)) is None
    assert pattern_of(configurations, np.arange(40) == 7) is None
    assert pattern_of([{"lr": 0.1}] * 40, np.arange(40) < 20) is None
    assert pattern_of([], np.zeros(0, bool)) is None


def test_the_bound_counts_all_that_was_looked_at():
    failed = np.arange(14) < 5
    assert tail(5, 5, 5, 14) < CHANCE  # one of 2,002 ways to deal out five failures
    assert pattern_of([{"lr": float(k)} for k in range(14)], failed) is None  # but 26 conditions were tried
    assert pattern_of([{"lr": float(k > 4)} for k in range(14)], failed) == Pattern(
        (Condition("lr", "≤", 0.5),), 5, 5, 5, 14, pytest.approx(3 * 2 / comb(14, 5))
    )
