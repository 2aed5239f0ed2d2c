"""First weights that leave activations on their ends, whatever the width."""

import math
from dataclasses import replace

import numpy as np
import pytest
from tests.oracles.diagnosis_rules import (
    EPOCHS,
    SGD,
    anatomy,
    became,
    began,
    critical,
    failed,
    healthy,
    looped,
)

from profunda.diagnosis.finding import Answer, Silence
from profunda.diagnosis.judging import judge
from profunda.diagnosis.record import Narrower, Record
from profunda.diagnosis.rules.all import RULES

BY_CODE = {rule.code: rule for rule in RULES}


def chaotic(width: int, factor: float = 8.0) -> Record:
    """Tanh at `factor` times critical weights, which learns its rows."""
    record = healthy(anatomy(2, width, "tanh"), SGD)
    weight = critical(record.anatomy, factor)
    return became(began(record, saturated=np.array([0.9, 0.9]), weight=weight), weight=weight)


def told(record: Record) -> list[tuple[str, str]]:
    return [(one.code, one.severity) for one in judge(record, RULES).findings]


@pytest.mark.parametrize("width", [32, 128, 512])
def test_saturated_first_weights_count_where_what_is_fitted_does_not_carry_over(width: int) -> None:
    assert told(chaotic(width)) == []
    unseen = looped(became(chaotic(width), valid_loss=0.7), valid_loss=np.full(EPOCHS, 0.7))
    assert told(unseen) == [("weights-too-large", "hint")]
    assert told(became(chaotic(width), valid_score=0.6)) == [("weights-too-large", "hint")]
    assert told(became(chaotic(width, 1.0), valid_score=0.6)) == []
    assert told(failed(chaotic(width))) == [("weights-too-large", "fault")]


@pytest.mark.parametrize("width", [32, 128, 512])
def test_saturated_first_weights_are_told_before_training(width: int) -> None:
    static = replace(chaotic(width), course=None, surveys=chaotic(width).surveys[:1])
    assert told(static) == [("weights-too-large", "hint")]
    assert told(began(static, weight=critical(static.anatomy))) == [("saturated-units", "hint")]
    calm = np.zeros(len(static.anatomy.activations))
    assert told(began(static, weight=critical(static.anatomy), saturated=calm)) == []


def test_a_softmax_that_is_constant_is_no_dead_unit() -> None:
    record = failed(healthy(anatomy(what="softmax")), dead=np.ones(2))
    assert isinstance(BY_CODE["dead-units"](record), Silence)


@pytest.mark.parametrize("width", [32, 128, 512])
def test_copies_are_told_before_training_where_nothing_further_on_can_part_them(width: int) -> None:
    def first(gradient: float, weight: float, share: float = 1.0) -> list[tuple[str, str]]:
        record = healthy(anatomy(2, width))
        record = replace(record, course=None, surveys=record.surveys[:1])
        return told(
            began(
                record,
                copies=np.array([share, share, 0.0]),
                gradient_norm=np.full(3, gradient),
                weight=weight * critical(record.anatomy),
            )
        )

    assert first(0.1, 1.0) == [("weights-equal", "fault")]
    assert first(0.0, 0.0) == [("weights-equal", "fault")]
    assert first(0.0, 1.0) == []  # a head of zeros sends nothing back yet
    assert first(0.1, 1.0, 0.5) == []


@pytest.mark.parametrize("width", [4096, 8192])
def test_a_network_far_too_large_is_told_by_a_narrower_one_that_does_as_well(width: int) -> None:
    def answer(record: Record, loss: float, score: float = 0.95) -> Answer:
        ends = np.array([loss - 0.01, loss + 0.01])
        small = Narrower(0.25, 10_000, 400, ends, np.full(2, score), 0.2, 0.95)
        return BY_CODE["too-large"](replace(record, narrower=small))

    large = healthy(anatomy(2, width))
    found = answer(large, 0.21)
    assert not isinstance(found, Silence)
    assert [one.severity for one in found] == ["hint"]
    assert "a validation loss of 0.21, where this one has 0.2." in found[0].cause
    assert found[0].changes[0].value == 0.25
    assert isinstance(answer(large, 0.3), Silence)
    assert isinstance(answer(large, math.inf), Silence)
    assert isinstance(answer(large, 0.2, 0.9), Silence)
    assert isinstance(answer(healthy(anatomy(2, 128)), 0.2), Silence)
    assert isinstance(answer(failed(large), 0.2), Silence)
    assert isinstance(BY_CODE["too-large"](large), Silence)
