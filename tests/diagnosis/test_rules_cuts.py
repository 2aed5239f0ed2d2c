"""Rows that become one at a single place before training: told from fading, and told at once."""

from dataclasses import replace

import numpy as np
import pytest
from tests.oracles.diagnosis_rules import SGD, anatomy, began, critical, failed, healthy, looped

from profunda.diagnosis.concluding import judged
from profunda.diagnosis.finding import Silence
from profunda.diagnosis.givens import Op
from profunda.diagnosis.judging import judge
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.all import RULES
from profunda.diagnosis.rules.cuts import Cut, cut_of

BY_CODE = {rule.code: rule for rule in RULES}
WIDTHS = (32, 128, 512)


def lost(at: int, depth: int = 3, width: int = 64, dead: bool = False, factor: float = 0.41) -> Record:
    """Weights as torch draws them; behind layer `at` all rows are one. -1: in front of the first."""
    record = failed(healthy(anatomy(depth, width), SGD), sensitivity=np.zeros(10), output_spread=0.0)
    there = np.arange(depth + 1) > at
    shares = np.full(depth, 0.1)
    if dead:
        shares[at] = 1.0
    still = {"apart": np.where(there, 0.0, 0.5), "signal": np.where(there, 0.1, 1.0), "dead": shares}
    record = began(
        record,
        **still,
        weight=critical(record.anatomy, factor),
        sensitivity=np.zeros(10),
        output_spread=0.0,
        output_size=0.1,
    )
    return replace(record, surveys=(record.surveys[0], replace(record.surveys[1], **still)))


def told(record: Record) -> list[tuple[str, str, int]]:
    return [(one.code, one.layer, one.step) for one in judged(record)[1]]


@pytest.mark.parametrize("width", WIDTHS)
def test_what_is_cut_off_is_told_before_training_and_where(width: int) -> None:
    assert told(lost(-1, width=width)) == [("input-ignored", "0", 0)]
    assert told(lost(1, width=width)) == [("input-ignored", "4", 0)]
    cause = judge(lost(1), RULES).findings[0].cause
    assert "Rows still differ in what leaves 2, and are all the same in what leaves 4" in cause
    assert "before the first layer" in judge(lost(-1), RULES).findings[0].cause


@pytest.mark.parametrize("width", WIDTHS)
def test_units_that_begin_dead_are_told_before_training(width: int) -> None:
    assert told(lost(1, width=width, dead=True)) == [("dead-units", "3", 0)]


def test_a_norm_of_one_number_is_the_cause_of_the_dead_units_behind_it() -> None:
    record = lost(1, dead=True)
    ops = list(record.anatomy.ops)
    at = next(k for k, op in enumerate(ops) if op.name == "3")
    ops.insert(at, Op("norm", "norm", "layer_norm", (32, 1)))
    normed = replace(record, anatomy=replace(record.anatomy, ops=tuple(ops)))
    assert told(normed) == [("input-ignored", "4", 0)]


def test_weights_do_not_take_away_at_once_what_they_take_away_layer_by_layer() -> None:
    cut = lost(1)
    assert isinstance(BY_CODE["weights-too-small"](cut), Silence)
    faded = began(cut, apart=np.full(4, 0.5), signal=np.geomspace(1.0, 1e-9, 4))
    assert isinstance(BY_CODE["weights-too-small"](faded), Silence)  # 0.41³ leaves far more
    small = began(faded, weight=critical(cut.anatomy, 1e-3))
    assert [one.code for one in judge(small, RULES).findings] == ["weights-too-small"]


def test_a_head_of_zeros_is_no_cut() -> None:
    record = lost(2)
    assert cut_of(record) == Cut(2, "")
    zero = began(record, weight=record.surveys[0].weight * np.array([1.0, 1.0, 1.0, 0.0]))
    assert cut_of(zero) is None
    assert cut_of(began(record, output_spread=0.1)) is None  # there is a way around
    assert cut_of(began(record, sensitivity=np.full(10, np.nan))) is None  # rows are the same
    small = began(record, signal=np.array([1e-9, 1e-9, 1e-9, 0.1]))
    assert cut_of(small) is None  # lost in rounding
    assert cut_of(replace(record, surveys=())) is None


def test_outputs_that_no_input_leads_to_are_the_cause_of_all_that_follows() -> None:
    still = {"sensitivity": np.zeros(10), "output_spread": 0.0}
    record = began(failed(healthy(), **still), **still)
    unused = tuple(f"{one.name}.weight" for one in record.anatomy.layers)
    deaf = replace(record, anatomy=replace(record.anatomy, deaf=True, unused=unused))
    deaf = looped(deaf, gradient=np.zeros_like(deaf.course.gradient))
    assert told(deaf) == [("input-ignored", "0", 0)]
    heard = began(deaf, sensitivity=np.full(10, 0.1))  # by a way that was not seen
    assert ("input-ignored", "0", 0) not in told(heard)


@pytest.mark.parametrize("sign", ["dead", "saturated"])
def test_rows_that_are_one_behind_units_that_mostly_give_nothing_are_lost_there(sign: str) -> None:
    record = lost(1)
    for share, place in ((0.81, "3"), (0.4, "")):
        shares = np.full(3, 0.1)
        shares[1] = share
        assert cut_of(began(record, **{sign: shares})) == Cut(1, place)
