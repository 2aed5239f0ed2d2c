"""Runs that did well and would have done better: stopped as they fell, of few steps, on few rows a step."""

from dataclasses import replace

import numpy as np
from tests.diagnosis.test_rules_steps import looked, severities
from tests.oracles.diagnosis_rules import STEPS, became, ended, healthy, looped

from profunda.diagnosis.partial import until


def test_a_good_score_while_the_loss_falls_as_fast_as_ever_is_a_hint_and_a_nearly_whole_one_is_not() -> None:
    def said(score: float) -> list[str]:
        record = ended(healthy(), 0.2, score, np.linspace(1.1, 0.2, STEPS))
        return severities("too-few-epochs", looked(record, 1.1, 0.8, 0.5, 0.2, valid=(0.8, 0.5, 0.2)))

    assert said(0.85) == ["hint"]
    assert said(0.99) == []
    rest = looked(ended(healthy(), 0.1, 0.95), 1.1, 0.3, 0.15, 0.1, valid=(0.3, 0.15, 0.1))
    assert severities("too-few-epochs", rest) == []


def test_few_times_over_few_rows_are_told_when_they_begin() -> None:
    twice = looped(healthy(), planned=60 * 4, rows=np.full(STEPS, 8))
    assert severities("too-few-epochs", until(twice, 10)) == ["hint"]
    often = looped(healthy(), planned=60 * 4, rows=np.full(STEPS, 64))
    assert severities("too-few-epochs", until(often, 10)) == []


def test_a_run_that_fails_what_is_easy_and_stands_still_is_a_plateau_however_little_is_easy() -> None:
    record = ended(healthy(), 0.98, 0.41, np.full(STEPS, 0.98) + 0.002 * np.sin(2.4 * np.arange(STEPS)))
    assert record.targets is not None
    for easy, told in ((0.3, ["fault"]), (0.18, [])):
        seen = replace(record, targets=replace(record.targets, skill=easy, skill_error=0.0))
        assert severities("plateau", seen) == told


def test_steps_of_two_rows_that_throw_the_weights_about_are_told_while_the_loss_bounces() -> None:
    record = became(healthy(), train_loss=0.1, train_score=0.95)
    noisy = tuple(replace(one, noise=np.full(3, 1.0 / 12.0)) for one in record.surveys)
    assert record.course is not None
    same = dict.fromkeys(("train_score", "valid_loss", "valid_score"), np.full(3, 0.9))
    ends = {"epoch_step": np.array([100, 200, 300]), **same}
    long = {"update": np.full(record.course.update.shape, 0.16), "rows": np.full(STEPS, 2)}
    record = replace(record, surveys=noisy)
    bounces = looped(record, train_loss=np.array([0.1, 0.2, 0.1]), **ends, **long)
    assert severities("batch-too-small", until(bounces, 15)) == ["hint"]
    assert severities("batch-too-small", bounces) == ["hint"]
    settles = looped(record, train_loss=np.array([0.3, 0.2, 0.1]), **ends, **long)
    assert severities("batch-too-small", settles) == []
