"""First weights that leave activations on their ends, whatever the width."""

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

from profunda.diagnosis.finding import Silence
from profunda.diagnosis.judging import judge
from profunda.diagnosis.record import Record
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
    assert told(began(static, weight=critical(static.anatomy))) == []


def test_a_softmax_that_is_constant_is_no_dead_unit() -> None:
    record = failed(healthy(anatomy(what="softmax")), dead=np.ones(2))
    assert isinstance(BY_CODE["dead-units"](record), Silence)
