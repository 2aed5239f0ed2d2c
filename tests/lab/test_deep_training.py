"""The chapter on deep training: each verdict on a quick run, the numbers behind it, and false claims told."""

from functools import cache
from importlib import import_module

import numpy as np
import pytest

from profunda.lab.experiment import Outcome, Verdict
from profunda.lab.experiments.deep_training import (
    correlation_collapse,
    critical_gelu,
    critical_swish,
    deep_no_better,
    digits_shallow,
    feature_hierarchy,
    forecast_scored,
    four_cures,
    intrinsic_instability,
    later_layers_stuck,
    layers_learn_at_different_speeds,
    relu_critical,
    tanh_criticality,
    uniform_initialisation,
    xavier_is_not_lecun,
)

VERDICTS: dict[str, Verdict] = {
    "correlation_collapse": "holds with conditions",
    "critical_gelu": "wrong",
    "critical_swish": "wrong",
    "deep_no_better": "holds",
    "digits_shallow": "holds with conditions",
    "feature_hierarchy": "holds with conditions",
    "forecast_scored": "holds with conditions",
    "four_cures": "holds",
    "intrinsic_instability": "holds",
    "later_layers_stuck": "holds with conditions",
    "layers_learn_at_different_speeds": "holds with conditions",
    "relu_critical": "wrong",
    "tanh_criticality": "holds with conditions",
    "uniform_initialisation": "holds with conditions",
    "xavier_is_not_lecun": "holds",
}


@cache
def quick(name: str) -> Outcome:
    return import_module(f"profunda.lab.experiments.deep_training.{name}").measure(True)


@pytest.mark.parametrize("name", VERDICTS)
def test_the_verdict_of_a_quick_run(name: str) -> None:
    outcome = quick(name)
    assert outcome.verdict == VERDICTS[name]
    assert outcome.interval[0] <= outcome.value <= outcome.interval[1]
    assert outcome.pictures
    assert outcome.measured.en != outcome.measured.pt


def test_gradients_scatter_by_the_exact_law() -> None:
    outcome = quick("intrinsic_instability")
    assert outcome.predicted == pytest.approx(2.6559, abs=1e-4)
    assert outcome.interval[0] <= 2.6559 <= outcome.interval[1]


def test_exploding_gradients_are_of_the_predicted_size() -> None:
    outcome = quick("later_layers_stuck")
    assert outcome.predicted == pytest.approx(6.36e3, rel=2e-3)
    assert 1.5e3 < outcome.value < 8e3


def test_critical_constants() -> None:
    assert quick("critical_swish").value == pytest.approx(0.555143170722, abs=1e-9)
    assert quick("critical_swish").predicted == pytest.approx(0.555143170722, abs=1e-12)
    assert quick("critical_gelu").predicted == pytest.approx(5.12e-12 / 2.0, rel=1e-2)
    assert quick("critical_gelu").value == pytest.approx(2.56e-12, rel=2.0)


def test_inputs_become_one_under_the_default_weights() -> None:
    outcome = quick("correlation_collapse")
    assert outcome.predicted == pytest.approx(44.413, abs=1e-3)
    assert outcome.value == pytest.approx(43.2, abs=0.1)
    assert "1.00 with PyTorch's" in outcome.measured.en


def test_the_first_layers_speed_is_near_what_was_measured() -> None:
    assert 0.03 < quick("layers_learn_at_different_speeds").value < 0.2


# False claims -----------------------------------------------------------------------------------------


def test_layers_that_learn_alike_are_told() -> None:
    assert layers_learn_at_different_speeds.verdict(0.9, 0.1) == "wrong"
    assert layers_learn_at_different_speeds.verdict(0.1, 0.1) == "holds"
    assert layers_learn_at_different_speeds.verdict(0.1, 0.9) == "holds with conditions"
    assert later_layers_stuck.verdict(2.0, 4e3, 6e3) == "wrong"
    assert later_layers_stuck.verdict(1e3, 1e3, 6e3) == "wrong"


def test_scatter_of_another_size_is_told() -> None:
    law = np.array([0.2, 0.6])
    assert intrinsic_instability.verdict(law * 1.5, np.array([0.01, 0.01]), law) == "wrong"
    assert intrinsic_instability.verdict(law, np.array([0.01, 0.01]), law) == "holds"


def test_cures_that_do_not_cure_are_told() -> None:
    cured, sick = 0.2, 2.3
    assert four_cures.verdict(np.array([cured, sick, cured, cured, cured, sick, cured]), 2.3) == "holds"
    assert four_cures.verdict(np.array([cured, sick, sick, cured, cured, sick, cured]), 2.3) != "holds"
    assert four_cures.verdict(np.array([cured, sick, sick, sick, sick, sick, sick]), 2.3) == "wrong"
    assert four_cures.verdict(np.array([cured] * 7), 2.3) == "wrong"  # nothing was ill


def test_other_critical_weights_are_told() -> None:
    assert relu_critical.verdict(0.1, 0.2, 2.0, 1e-15) == "holds with conditions"
    assert relu_critical.verdict(-0.1, 0.2, 1.0, 1e-15) == "holds with conditions"
    assert relu_critical.verdict(-0.1, 0.2, 2.0, 1.0) == "holds"
    assert critical_gelu.verdict(1.0, 1e-9, 1.0) == "holds"
    assert critical_gelu.verdict(1e-9, 1e-9, 1e-9) == "holds with conditions"
    assert critical_swish.verdict(0.055514317, 1.0) == "holds"
    assert critical_swish.verdict(0.55514317, 1.0) == "wrong"
    assert tanh_criticality.verdict(np.array([1.2, 1.1]), 1.0, 0.1, 1.0) == "wrong"
    assert tanh_criticality.verdict(np.array([1.2, 1.001]), 3.0, 0.1, 1.0) == "wrong"
    assert uniform_initialisation.verdict(1.1, 1.2, 0.1) == "wrong"
    assert uniform_initialisation.verdict(0.9, 1.1, 0.9) == "holds"
    assert xavier_is_not_lecun.verdict(1.5, 0.01, 0.4) == "wrong"
    assert xavier_is_not_lecun.verdict(1.0, 0.01, 1.0) == "holds with conditions"


def test_inputs_that_stay_apart_are_told() -> None:
    assert correlation_collapse.verdict(np.array([12.0, 20.0]), 1.0) == "wrong"
    assert correlation_collapse.verdict(np.array([12.0, 44.0]), 0.5) == "holds"


def test_depth_that_wins_is_told() -> None:
    assert deep_no_better.verdict(-0.01) == "wrong"
    assert deep_no_better.verdict(0.01) == "holds"


def test_features_that_do_not_build_up_are_told() -> None:
    up, down = np.array([0.5, 0.6, 0.7]), np.array([0.7, 0.6, 0.5])
    assert feature_hierarchy.verdict(up, down, (0.1, 0.2)) == "holds"
    assert feature_hierarchy.verdict(up, down, (-0.1, 0.2)) == "wrong"
    assert feature_hierarchy.verdict(np.array([0.9, 0.6, 0.7]), down, (0.1, 0.2)) == "holds with conditions"


def test_a_forecast_that_is_a_coin_is_told() -> None:
    assert forecast_scored.verdict(0.45) == "wrong"
    assert forecast_scored.verdict(0.88) == "holds with conditions"
    assert forecast_scored.verdict(0.91) == "holds"
    words = forecast_scored.told([("expected to train", 9, 7), ("not expected to train", 5, 1)], 0.93)
    assert "were 4 of 6 failures, and 1 that learnt" in words.en


def test_accuracy_beside_the_texts() -> None:
    assert digits_shallow.verdict(0.981, 0.99) == "holds"
    assert digits_shallow.verdict(0.97, 0.985) == "holds with conditions"
    assert digits_shallow.verdict(0.94, 0.97) == "wrong"
