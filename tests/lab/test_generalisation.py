"""The chapter on generalisation: verdicts of quick runs, the numbers behind them, and false claims told."""

from functools import cache
from importlib import import_module

import numpy as np
import pytest

from profunda.lab.experiment import Outcome, Verdict
from profunda.lab.experiments.generalisation import (
    bias_variance,
    bias_variance_networks,
    double_descent_epochs,
    double_descent_features,
    double_descent_law,
    double_descent_widths,
    effective_complexity,
    finite_sets_correction,
    four_causes,
    in_sample_optimism,
    malsar_penalties,
    negative_transfer,
    polynomial_degree,
    polynomial_more_data,
    polynomial_table,
    soft_sharing,
    vc_bound,
)
from profunda.theory import FeatureSweep, TwoTasks

VERDICTS: dict[str, Verdict] = {
    "bias_variance": "holds",
    "bias_variance_networks": "holds",
    "double_descent_epochs": "holds with conditions",
    "double_descent_features": "holds with conditions",
    "double_descent_law": "holds with conditions",
    "double_descent_widths": "holds with conditions",
    "effective_complexity": "holds with conditions",
    "finite_sets_correction": "holds with conditions",
    "four_causes": "holds",
    "in_sample_optimism": "holds with conditions",
    "malsar_penalties": "holds with conditions",
    "negative_transfer": "holds",
    "polynomial_degree": "holds",
    "polynomial_more_data": "holds",
    "polynomial_table": "wrong",
    "soft_sharing": "holds with conditions",
    "vc_bound": "holds with conditions",
}


@cache
def quick(name: str) -> Outcome:
    return import_module(f"profunda.lab.experiments.generalisation.{name}").measure(True)


@pytest.mark.parametrize("name", VERDICTS)
def test_the_verdict_of_a_quick_run(name: str) -> None:
    outcome = quick(name)
    assert outcome.verdict == VERDICTS[name]
    assert outcome.interval[0] <= outcome.value <= outcome.interval[1]
    assert outcome.pictures
    assert outcome.measured.en != outcome.measured.pt


@pytest.mark.parametrize(
    "name",
    ["double_descent_law", "finite_sets_correction", "in_sample_optimism", "negative_transfer",
     "polynomial_more_data"],
)  # fmt: skip
def test_the_interval_holds_what_theory_says(name: str) -> None:
    outcome = quick(name)
    assert outcome.predicted is not None
    assert outcome.interval[0] <= outcome.predicted <= outcome.interval[1]


def test_the_peak_is_where_theory_puts_it() -> None:
    assert quick("double_descent_features").value == 100
    assert quick("effective_complexity").value == quick("effective_complexity").predicted == 60


def test_the_printed_columns_belong_to_other_strengths() -> None:
    assert quick("polynomial_table").interval == pytest.approx((9.221, 10.182), abs=1e-3)


def test_the_risk_over_steps_ends_where_it_was_found() -> None:
    assert quick("double_descent_epochs").value == pytest.approx(1.74, abs=0.1)


def test_more_points_give_the_medians_that_were_found() -> None:
    words = quick("polynomial_more_data").measured.en
    assert "0.24" in words
    assert "0.089" in words or "0.088" in words or "0.09" in words


# False claims -----------------------------------------------------------------------------------------


def test_a_bound_that_samples_break_is_wrong() -> None:
    assert vc_bound.verdict(0.06, True, 20.0) == "wrong"
    assert vc_bound.verdict(0.0, False, 20.0) == "wrong"
    assert vc_bound.verdict(0.0, True, 0.5) == "holds"


def test_a_test_error_that_only_falls_is_no_overfitting() -> None:
    falling = np.array([1.0, 0.5, 0.2])
    assert polynomial_degree.verdict(falling, falling) == "wrong"
    assert polynomial_degree.verdict(falling, np.array([1.0, 0.5, 1.2])) == "holds"


def test_more_data_that_hurt_are_told() -> None:
    assert polynomial_more_data.verdict(np.array([0.3, 0.2, 0.25])) == "wrong"


def test_a_table_with_right_labels_would_hold() -> None:
    right = ((np.exp(-18.0) * 0.9, np.exp(-18.0) * 1.1), (0.9, 1.1))
    assert polynomial_table.verdict(True, right, True) == "holds"
    assert polynomial_table.verdict(True, (right[0], None), True) == "wrong"
    assert polynomial_table.verdict(False, right, True) == "wrong"


def test_parts_that_do_not_add_up_are_told() -> None:
    up, down = np.array([0.1, 0.2]), np.array([0.2, 0.1])
    assert bias_variance.verdict(up, down, up, up) == "holds"
    assert bias_variance.verdict(up, down, up, up + 0.01) == "wrong"
    assert bias_variance.verdict(down, down, up, up) == "wrong"
    assert bias_variance_networks.verdict(down / 2, up, 0.2) == "wrong"
    assert bias_variance_networks.verdict(down, down, 0.0) == "holds with conditions"


def test_an_estimate_that_stays_biased_is_told() -> None:
    assert finite_sets_correction.verdict(1.0, 0.9, 1.1, 1.0) == "holds"
    assert finite_sets_correction.verdict(2.0, 0.9, 1.1, 1.0) == "holds with conditions"
    assert finite_sets_correction.verdict(2.0, 1.9, 2.1, 1.0) == "wrong"


def test_a_gap_of_another_size_is_told() -> None:
    assert in_sample_optimism.verdict(-0.1, 0.1, 0.5) == "holds"
    assert in_sample_optimism.verdict(0.4, 0.6, 0.5) == "holds with conditions"
    assert in_sample_optimism.verdict(0.7, 0.8, 0.5) == "wrong"


def test_a_cause_without_a_gap_is_told() -> None:
    rising, flat = (0.1, 0.2), (-0.1, 0.2)
    assert four_causes.verdict(np.array([rising] * 4)) == "holds"
    assert four_causes.verdict(np.array([rising] * 3 + [flat])) == "holds with conditions"
    assert four_causes.verdict(np.array([flat] * 4)) == "wrong"


def _sweep(risk: list[float]) -> FeatureSweep:
    table = np.array(risk)[:, None]
    return FeatureSweep((10, 100, 1000), 100, table, table, table)


def test_descents_that_are_not_double_are_told() -> None:
    smooth, peak = _sweep([1.0, 0.8, 0.6]), _sweep([1.0, 50.0, 0.5])
    assert double_descent_features.verdict(peak, smooth) == "holds with conditions"
    assert double_descent_features.verdict(peak, peak) == "holds"
    assert double_descent_features.verdict(smooth, smooth) == "wrong"
    assert double_descent_features.verdict(_sweep([1.0, 50.0, 2.0]), smooth) == "wrong"
    falls_twice, rises = np.array([0.5, 9.0, 0.3]), np.array([0.5, 1.0, 9.0])
    assert double_descent_law.verdict(np.array([0.0, 4.5]), falls_twice) == "wrong"
    assert double_descent_law.verdict(np.array([0.0, 1.5]), falls_twice) == "holds"
    assert double_descent_law.verdict(np.array([0.0, 1.5]), falls_twice + 0.3 * (falls_twice < 0.4)) == (
        "holds with conditions"
    )
    assert double_descent_law.verdict(np.array([0.0, 1.5]), rises) == "wrong"
    up, down = np.array([1.0, 2.0, 0.5]), np.array([2.0, 1.0, 0.5])
    assert double_descent_widths.verdict(1.0, up, down) == "holds with conditions"
    assert double_descent_widths.verdict(30.0, up, down) == "wrong"
    assert double_descent_widths.verdict(1.0, down, down) == "wrong"
    assert double_descent_epochs.verdict(True, 0.1, 0.4, 0.1) == "holds"
    assert double_descent_epochs.verdict(False, 0.1, 0.4, 0.1) == "wrong"
    assert effective_complexity.verdict(60, 80, 1.0, 1.0, 50.0) == "wrong"
    assert effective_complexity.verdict(60, 60, 1.0, 1.0, 1.0) == "wrong"


def test_transfer_of_another_sign_is_told() -> None:
    assert negative_transfer.verdict(0.1, 0.9, 0.7, 0.8, 0.77) == "wrong"
    assert negative_transfer.verdict(0.1, 1.5, 0.5, 0.6, 0.77) == "wrong"
    alone = TwoTasks(30, 300, 10, 1.0).alone
    errors = np.array([1e-3, 1e-3])
    assert soft_sharing.verdict(np.array([0.1, 2 * alone]), errors, 1.0) == "wrong"
    assert soft_sharing.verdict(np.array([0.1, 0.2]), errors, 0.3) == "holds"


def test_a_penalty_that_wins_elsewhere_is_told() -> None:
    """Rows: worlds; columns: separate, ℓ2,1, trace, clustered, robust."""
    fits = np.ones((4, 5, 3)) * np.array([1.0, 1.01, 0.99])
    for world in range(4):
        fits[world, world + 1] *= 0.5
    assert malsar_penalties.judged(fits) == "holds"
    neighbours = fits.copy()
    neighbours[2, 2] *= 0.1  # the trace norm is better where there are clusters
    assert malsar_penalties.judged(neighbours) == "holds with conditions"
    neighbours[0, 1] = 1.0
    assert malsar_penalties.judged(neighbours) == "wrong"
