"""Statistics that norms keep from elsewhere or for too short, units that follow from them, and few units."""

from dataclasses import replace

import numpy as np
import torch
from tests.oracles.diagnosis_rules import (
    anatomy,
    became,
    began,
    critical,
    ended,
    failed,
    healthy,
    looped,
    trial,
    with_trials,
)
from torch import nn

from profunda.diagnosis.anatomy import anatomy_of
from profunda.diagnosis.judging import judge
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.all import RULES
from profunda.diagnosis.rules.doubts import doubts

STALE, X = "norm-statistics-stale", torch.ones(4, 10)


def net(momentum: float) -> nn.Module:
    return nn.Sequential(
        nn.Linear(10, 64), nn.BatchNorm1d(64, momentum=momentum), nn.ReLU(), nn.Linear(64, 3)
    )


def normed(momentum: float, rows: int = 8) -> Record:
    read = anatomy_of(net(momentum), (X,))
    return looped(healthy(anatomy(pace=read.pace, haste=read.haste, ops=read.ops)), rows=np.full(300, rows))


def told(record: Record) -> list[tuple[str, str]]:
    return [(one.code, one.severity) for one in judge(record, RULES).findings]


def test_statistics_of_one_small_batch_are_a_hint_however_it_ends() -> None:
    assert told(normed(0.99)) == [(STALE, "hint")]
    assert told(normed(0.1)) == []
    assert told(normed(0.99, 128)) == []
    assert told(replace(normed(0.99), course=None, surveys=normed(0.99).surveys[:1])) == [(STALE, "hint")]


def test_a_norm_that_does_not_train_renews_nothing() -> None:
    assert np.isnan(anatomy_of(net(0.99).eval(), (X,)).haste)


def test_units_that_only_evaluation_sees_dead_are_the_statistics_doing() -> None:
    dead = {"dead": np.full(2, 1.0)}
    wrong = became(looped(normed(0.0), train_score=np.full(10, 0.3)), train_loss=1.2, train_score=0.3, **dead)
    assert told(began(wrong, **dead))[0] == (STALE, "fault")
    assert "dead-units" not in dict(told(began(wrong, **dead)))


def test_rows_that_become_one_at_a_single_place_are_not_joined_by_depth() -> None:
    still = {"apart": np.array([0.5, 0.0, 0.0]), "dead": np.full(2, 1.0), "output_spread": 0.0}
    record = failed(healthy(anatomy(what="threshold")), **still)
    at_once = began(record, weight=critical(record.anatomy, 0.41), signal=np.full(3, 0.5), **still)
    assert told(at_once) == [("dead-units", "fault")]


def test_few_units_are_borne_out_by_wider_layers_that_halve_what_is_left() -> None:
    few = ended(healthy(anatomy(width=3)), 0.08, 0.94)
    few = became(few, valid_loss=0.08)
    assert [one.kind for one in doubts(few)] == ["width"]
    assert told(with_trials(few, trial("width", 0.012, 0.08, 8.0))) == [("too-small", "hint")]
    assert told(with_trials(few, trial("width", 0.06, 0.08, 8.0))) == []
    assert doubts(ended(healthy(anatomy(width=3)), 0.01, 0.99)) == ()
    assert doubts(ended(healthy(anatomy(width=32)), 0.08, 0.94)) == ()


def test_layers_that_only_the_loop_cuts_off_are_told() -> None:
    record = healthy(anatomy(drawn=("0",)))
    assert record.course is not None
    gradient = record.course.gradient.copy()
    gradient[:, 0] = 0.0
    assert told(looped(record, gradient=gradient)) == [("part-unused", "hint")]
    assert told(looped(healthy(), gradient=gradient)) == []  # it learnt before
    assert told(failed(looped(record, gradient=gradient))) != [("part-unused", "hint")]
    gradient[0, 0] = 0.1  # it died later, or is trained in turns
    assert told(looped(record, gradient=gradient)) == []
