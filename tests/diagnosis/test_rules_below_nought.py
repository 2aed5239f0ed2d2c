"""Losses that fall below nought, as likelihoods do: no constant's loss is a unit there."""

from dataclasses import replace

import numpy as np
from tests.oracles.diagnosis_rules import anatomy, critical, ended, healthy
from tests.oracles.diagnosis_rules import course as course_of

from profunda.diagnosis.judging import judge
from profunda.diagnosis.partial import until
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.all import RULES


def codes(record: Record) -> list[tuple[str, str]]:
    return [(one.code, one.severity) for one in judge(record, RULES).findings]


def likely(left: np.ndarray | None = None) -> Record:
    """A healthy run of a loss without a name that ends at -2, its weights `left` times as long as before."""
    record = healthy(anatomy())
    assert record.loss is not None
    first, *_, last = record.surveys
    length = critical(record.anatomy)
    looks = (
        replace(first, weight=length),
        replace(last, train_loss=-2.0, weight=(1.2 if left is None else left) * length),
    )
    return replace(record, loss=replace(record.loss, kind=""), surveys=looks)


def brief(ends: list[float], steps: int = 60) -> Record:
    record = likely()
    losses, n = np.array(ends), len(ends)
    at = np.linspace(0, steps, n + 1)[1:].astype(np.int64)
    first, last = record.surveys
    looks = (
        replace(first, train_loss=1.0, valid_loss=1.0),
        replace(last, step=steps, train_loss=ends[-1], valid_loss=ends[-1]),
    )
    made = course_of(record.anatomy, np.interp(np.arange(steps), [0, *at], [1.0, *ends]))
    made = replace(made, epoch_step=at, train_loss=losses, valid_loss=losses, planned=steps, steps=steps)
    return replace(record, surveys=looks, course=replace(made, train_score=losses, valid_score=losses))


def test_a_brief_run_that_still_falls_is_told_without_a_unit() -> None:
    assert ("too-few-epochs", "hint") in codes(brief([-0.2, -1.5]))
    assert "too-few-epochs" not in [code for code, _ in codes(brief([-1.4, -1.5]))]
    assert ("too-few-epochs", "hint") in codes(until(brief([-0.2, -1.5]), 3))


def test_weights_that_all_lose_a_third_of_their_length_tell_of_a_penalty_within_the_loss() -> None:
    assert ("penalty-too-strong", "hint") in codes(likely(np.array([0.65, 0.65, 2.0])))
    assert "penalty-too-strong" not in [code for code, _ in codes(likely(np.array([0.65, 0.75, 2.0])))]
    assert "penalty-too-strong" not in [code for code, _ in codes(likely())]
    short = critical(anatomy()) * np.array([0.65, 0.65, 2.0])
    for left, told in ((0.4, True), (0.2, False)):
        record = ended(healthy(), left, 0.9)
        looks = (*record.surveys[:-1], replace(record.surveys[-1], weight=short))
        first = replace(looks[0], weight=critical(record.anatomy))
        said = [code for code, _ in codes(replace(record, surveys=(first, *looks[1:])))]
        assert ("penalty-too-strong" in said) == told
