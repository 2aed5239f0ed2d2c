"""What is ruled out before training, how quickly, and in which words."""

import time
from dataclasses import replace

import pytest

from profunda.forecasting.learnability import Concern, Trainability
from profunda.forecasting.trainable import trainability_of, trainable
from profunda.space.design import Design

SOUND = Design(widths=(64, 64))

HOPELESS = {
    "rows": Design(widths=(64,) * 40, activation="sigmoid"),
    "speed": Design(widths=(64,) * 30, activation="relu", initialisation="lecun", optimiser="sgd"),
    "step": Design(widths=(256,) * 4, lr=1e5),
}


def test_an_ordinary_network_is_let_through() -> None:
    good, why = trainable(SOUND, 10, 1)
    assert good
    assert why


@pytest.mark.parametrize("name", HOPELESS)
def test_hopeless_ones_are_not_and_the_reason_is_told(name: str) -> None:
    design = HOPELESS[name]
    good, why = trainable(design, 10, 1)
    found = trainability_of(design, 10, 1)
    assert not good
    assert why == found.worst.words
    assert found.verdict == "not expected to train"


def test_each_reason_is_its_own() -> None:
    worst = {name: trainability_of(design, 10, 1).worst.name for name, design in HOPELESS.items()}
    assert worst["rows"] in ("rows", "speed")
    assert worst["speed"] == "speed"
    assert worst["step"] == "step"


def test_a_dead_signal_ends_the_judgement() -> None:
    design = Design(widths=(64,) * 900, activation="gelu", initialisation="torch", norm="none")
    biased = trainability_of(design, 10, 1)
    assert not biased.trainable
    dead = Design(widths=(64,) * 1000, activation="relu", initialisation="lecun")
    found = trainability_of(dead, 10, 1)
    assert found.worst.name == "signal"
    assert "fades away from layer" in found.worst.words


def test_depth_is_carried_by_norms_and_skips() -> None:
    deep = Design(widths=(64,) * 40, activation="relu", initialisation="torch")
    assert not trainable(deep, 10, 1)[0]
    for way in ({"norm": "layer"}, {"skip": True}):
        assert trainable(replace(deep, **way), 10, 1)[0], way
    normed = trainability_of(replace(deep, norm="batch"), 10, 1)
    assert normed.worst.name == "step"  # gradients that grow by 1.47 a layer: Yang et al. 2019
    assert not normed.trainable


def test_the_score_falls_through_one_half_one_order_past_the_limit() -> None:
    scores = [Trainability((Concern("x", beyond, ""),)).score for beyond in (-3.0, 0.0, 1.0, 2.0, 400.0)]
    assert scores == sorted(scores, reverse=True)
    assert scores[2] == 0.5
    assert Trainability((Concern("x", 1.5, ""),)).verdict == "doubtful"
    assert Trainability((Concern("x", 0.9, ""), Concern("y", 3.0, ""))).worst.name == "y"


def test_more_layers_are_never_better_for_a_sigmoid() -> None:
    scores = [
        trainability_of(Design(widths=(32,) * n, activation="sigmoid"), 8, 1).score for n in (6, 12, 24, 48)
    ]
    assert scores == sorted(scores, reverse=True)


def test_asking_again_is_quick() -> None:
    designs = [Design(widths=(32,) * n, activation="gelu", lr=lr) for n in range(1, 9) for lr in (1e-3, 2e-3)]
    for design in designs:
        trainable(design, 10, 1)
    starts = []
    for _ in range(5):
        start = time.process_time()
        for design in designs:
            trainable(design, 10, 1)
        starts.append((time.process_time() - start) / len(designs))
    assert min(starts) < 1e-3
