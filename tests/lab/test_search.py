"""The experiments on search: their quick runs, and what they would say of other numbers."""

from functools import cache

import numpy as np
import pytest

from profunda.lab.experiment import Outcome
from profunda.lab.experiments.search import (
    _fleets,
    _listing,
    bayesian_fewer_evaluations,
    compound_scaling,
    deeper_for_complex,
    depth_two_to_four,
    grid_counts,
    listing_indentation,
    listing_leak,
    oversize_networks,
    pyramid_or_constant,
    random_beats_grid,
    random_top_five_percent,
    sampler_of_the_listing,
    stop_by_minimal_improvement,
    widths_two_to_ten,
)
from profunda.lab.experiments.search._fleets import Gap, gap, rule
from profunda.lab.pictures import Plot

MODULES = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        bayesian_fewer_evaluations,
        compound_scaling,
        deeper_for_complex,
        depth_two_to_four,
        grid_counts,
        listing_indentation,
        listing_leak,
        oversize_networks,
        pyramid_or_constant,
        random_beats_grid,
        random_top_five_percent,
        sampler_of_the_listing,
        stop_by_minimal_improvement,
        widths_two_to_ten,
    )
}
BETTER, NEITHER, WORSE = Gap(-0.2, -0.3, -0.1), Gap(0.0, -0.1, 0.1), Gap(0.2, 0.1, 0.3)


@cache
def quick(name: str) -> Outcome:
    """The quick run, once for all tests."""
    return MODULES[name].EXPERIMENT.measure(True)


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("bayesian_fewer_evaluations", "holds with conditions"),
        ("compound_scaling", "holds with conditions"),
        ("deeper_for_complex", "holds with conditions"),
        ("depth_two_to_four", "holds with conditions"),
        ("grid_counts", "holds"),
        ("listing_indentation", "wrong"),
        ("listing_leak", "holds with conditions"),
        ("oversize_networks", "holds with conditions"),
        ("random_beats_grid", "holds with conditions"),
        ("random_top_five_percent", "holds with conditions"),
        ("sampler_of_the_listing", "holds with conditions"),
        ("stop_by_minimal_improvement", "holds with conditions"),
        ("widths_two_to_ten", "holds with conditions"),
    ],
)
def test_quick_runs_give_the_verdict_of_full_ones(name: str, verdict: str) -> None:
    found = quick(name)
    assert found.verdict == verdict
    assert found.interval[0] <= found.value <= found.interval[1]
    assert found.pictures
    for words in (found.measured, found.statement, found.headline):
        assert "{" not in words.en + words.pt
        assert words.en != words.pt


def test_shapes_are_compared_at_equal_parameters() -> None:
    """Which of the shapes is better few quick folds cannot tell; that none is far off they can."""
    found = quick("pyramid_or_constant")
    assert found.verdict != "wrong"
    assert abs(found.value) < 0.1
    table = _fleets.numeric_tables(True)[0]
    sizes = [
        _fleets.parameters(_fleets.same_size(shape, 2000, table), table.data.n_features, table.outputs)
        for _, _, shape in pyramid_or_constant._SHAPES
    ]
    assert max(sizes) / min(sizes) < 1.1


def test_numbers_of_the_theory() -> None:
    """1/12 and 0.0545 for nine trials; 1 − 0.95^k; 72 points, 36.2 of fifty draws; trial 11; 6^(−1/2)."""
    assert random_beats_grid.grid_distance(1, 3) == pytest.approx(1 / 12)
    assert random_beats_grid.chance_distance(9) == pytest.approx(0.0547, abs=3e-4)
    assert quick("random_beats_grid").value == pytest.approx(0.0547, abs=0.004)
    chances = random_top_five_percent.chance(np.array([10, 50, 60]))
    assert chances == pytest.approx([0.401, 0.923, 0.954], abs=5e-4)
    assert quick("random_top_five_percent").value == pytest.approx(0.923, abs=0.04)
    assert quick("grid_counts").value == 72
    assert grid_counts.expected_different(72, np.array([50]))[0] == pytest.approx(36.2, abs=0.05)
    assert quick("sampler_of_the_listing").value == 11
    assert quick("oversize_networks").value == pytest.approx(6**-0.5, rel=0.02)
    assert 0.5 < quick("listing_indentation").value < 0.8


def test_quasi_random_points_keep_the_advantage() -> None:
    """What the page says of them: nearer than random draws however many parameters matter."""
    by_dimension = quick("random_beats_grid").pictures[0]
    assert isinstance(by_dimension, Plot)
    lines = {one.name.en: one.y for one in by_dimension.series}
    assert all(a < b for a, b in zip(lines["quasi-random"], lines["random"], strict=True))
    assert lines["grid"] == pytest.approx(lines["grid, theory"], rel=0.06)


def test_a_rule_is_judged_by_all_its_comparisons() -> None:
    assert rule([BETTER, BETTER]) == "holds"
    assert rule([BETTER, WORSE]) == "holds with conditions"
    assert rule([NEITHER, NEITHER]) == "holds with conditions"
    assert rule([NEITHER, WORSE]) == "wrong"


def test_a_gap_is_paired_and_leaves_out_what_was_not_trained() -> None:
    random = np.random.default_rng(0)
    hard = random.standard_normal((3, 5))  # folds differ far more than networks do
    found = gap(hard - 0.1 + 0.001 * random.standard_normal((3, 5)), hard)
    assert found.better
    assert found.mean == pytest.approx(-0.1, abs=0.002)
    missing = hard.copy()
    missing[1] = np.nan
    assert gap(missing, hard).mean == 0.0


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    random = np.random.default_rng(1)
    held = 0
    for _ in range(400):
        found = gap(random.standard_normal((4, 5)), random.standard_normal((4, 5)))
        held += found.low <= 0 <= found.high
    assert 0.91 <= held / 400 <= 0.985


def test_the_example_obeys_two_readings_of_three() -> None:
    assert widths_two_to_ten.obeyed((64, 32, 16), 20) == (True, True, False)
    assert widths_two_to_ten.obeyed((60, 50, 40), 20) == (True, True, True)
    assert widths_two_to_ten.obeyed((10,), 20) == (False, False, False)


def test_other_numbers_would_give_other_verdicts() -> None:
    assert deeper_for_complex.verdict(BETTER, [BETTER, BETTER]) == "holds"
    assert deeper_for_complex.verdict(NEITHER, [NEITHER, WORSE]) == "wrong"
    assert oversize_networks.verdict(0.4, 9.0, WORSE, WORSE) == "holds"
    assert oversize_networks.verdict(1.0, 1.0, NEITHER, BETTER) == "wrong"
    assert grid_counts.verdict((72, 243), 72, 71) == "wrong"
    assert grid_counts.verdict((72, 242), 72, 72) == "wrong"
    assert random_beats_grid.verdict(np.array([0.1, 0.1]), np.array([0.2, 0.2])) == "holds"
    assert random_beats_grid.verdict(np.array([0.3, 0.1]), np.array([0.2, 0.2])) == "wrong"
    assert random_top_five_percent.verdict(0.5, 0.88, 0.95) == "wrong"
    assert listing_indentation.verdict([0.85, 0.86], [0.86, 0.86]) == "holds"
    assert listing_indentation.verdict([0.60, 0.86], [0.86, 0.86]) == "holds with conditions"
    assert listing_leak.verdict((-0.01, 0.02), (-0.01, 0.01), 0.03) == "holds"
    assert listing_leak.verdict((0.01, 0.02), (-0.01, 0.01), 0.03) == "holds with conditions"
    assert listing_leak.verdict((-0.01, 0.02), (0.04, 0.05), 0.03) == "wrong"
    assert stop_by_minimal_improvement.verdict(1.1, 1.2, 1.4) == "wrong"
    assert stop_by_minimal_improvement.verdict(1.0, 0.9, 1.1) == "holds"
    facts = sampler_of_the_listing.Facts
    assert sampler_of_the_listing.verdict(facts("GPSampler", 11, 2, "0")) == "holds"
    assert sampler_of_the_listing.verdict(facts("TPESampler", 11, 2, "0")) == "holds with conditions"
    assert sampler_of_the_listing.verdict(facts("RandomSampler", 21, 2, "0")) == "wrong"
    judged = bayesian_fewer_evaluations.verdict
    assert judged({"a": (0.01, 0.02), "b": (0.01, 0.001)}) == "holds"
    assert judged({"a": (0.01, 0.2), "b": (0.2, 0.001)}) == "wrong"


def test_the_law_of_records_is_that_of_a_simulation() -> None:
    """A naive loop over uniform draws, with patience 5, ends when the law says it does."""
    random, patience, most = np.random.default_rng(0), 5, 60
    ended = np.zeros(most + 1)
    for _ in range(4000):
        draws, best, since, n = random.random(most), np.inf, 0, 0
        while n < most and since < patience:
            since = 0 if draws[n] < best else since + 1
            best = min(best, draws[n])
            n += 1
        ended[n] += 1 / 4000
    law = stop_by_minimal_improvement.ends(patience, most)
    assert law.sum() == pytest.approx(1.0)
    assert np.abs(law.cumsum() - ended.cumsum()).max() < 0.03
    by_fours = stop_by_minimal_improvement.ends(10, 400, 4)
    assert not by_fours[np.arange(401) % 4 > 0].any()
    mean, left, fixed = stop_by_minimal_improvement.regret(by_fours)
    trials, found = stop_by_minimal_improvement._measured(10, 200)
    assert trials.mean() == pytest.approx(mean, rel=0.08)
    assert found.mean() == pytest.approx(left, rel=0.2)
    assert left > fixed
    wrong = stop_by_minimal_improvement.ends(patience + 1, most)
    assert np.abs(wrong.cumsum() - ended.cumsum()).max() > 0.05


def test_a_score_that_did_not_choose_is_not_too_good() -> None:
    random = np.random.default_rng(0)
    truth = np.full((200, 10), 0.85)
    scores = truth[..., None] + 0.025 * random.standard_normal((200, 10, 4))
    assert listing_leak.optimism(scores, truth, 1, 0).mean() == pytest.approx(0.0, abs=1e-3)
    # The greatest of ten standard normal numbers is 1.5388 on average.
    assert listing_leak.optimism(scores, truth, 10, 0).mean() == pytest.approx(0.025 * 1.5388, rel=0.05)


def test_branin_has_its_known_minimum() -> None:
    place = {"x": (np.pi + 5) / 15, "y": 2.275 / 15}
    assert bayesian_fewer_evaluations.branin(place) == pytest.approx(0.397887, abs=1e-5)


def test_a_step_after_the_loop_is_a_step_of_the_last_mini_batch() -> None:
    """The printed loop, written out, and the short cut end in the same weights where nothing is dropped."""
    import torch

    learn, valid = _listing.printed_rows()
    draw = _listing.Draw(32, 1e-3, 0.0, 64, 3)
    short = _listing.train(draw, learn, 5, each_batch=False)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = torch.nn.Sequential(
            torch.nn.Linear(20, 32), torch.nn.ReLU(), torch.nn.Dropout(0.0), torch.nn.Linear(32, 2)
        )
        optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
        loss = torch.zeros(())
        for _ in range(3):
            for i in range(0, len(learn.inputs), 64):
                optimiser.zero_grad()
                loss = torch.nn.functional.cross_entropy(
                    model(learn.inputs[i : i + 64]), learn.classes[i : i + 64]
                )
            loss.backward()
            optimiser.step()
    for one, other in zip(short.parameters(), model.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)
    assert 0.0 <= _listing.accuracy(short, valid) <= 1.0


def test_a_step_of_compound_scaling() -> None:
    found = quick("compound_scaling")
    assert found.predicted == pytest.approx(1.92027)
    assert found.value == pytest.approx(1.92027, rel=0.05)
    judged = compound_scaling.judged
    assert judged(2.0, 2.0) == "holds"
    assert judged(1.95, 1.92) == "holds with conditions"
    assert judged(2.3, 1.92) == judged(1.5, 2.0) == "wrong"
