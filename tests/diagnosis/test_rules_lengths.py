"""Steps that are too long or too short for their network: what settings say before any, what trials of
shorter steps or of another optimiser say after all, and what long steps leave of first weights and units.
"""

from dataclasses import replace

import numpy as np
import pytest
from tests.oracles.diagnosis_rules import (
    ADAM,
    SGD,
    STEPS,
    anatomy,
    became,
    critical,
    ended,
    failed,
    healthy,
    looped,
    trial,
)
from tests.oracles.diagnosis_rules import layer as dense

from profunda.diagnosis.finding import Silence
from profunda.diagnosis.givens import Anatomy, Optimiser
from profunda.diagnosis.judging import Judgement, judge
from profunda.diagnosis.partial import until
from profunda.diagnosis.record import Record, Sharpness
from profunda.diagnosis.rules.all import RULES
from profunda.diagnosis.suspicions import ADAM as TRIED_ADAM
from profunda.diagnosis.suspicions import SHORTER, suspected, telling

BY_CODE = {rule.code: rule for rule in RULES}


def severities(code: str, record: Record) -> list[str]:
    answer = BY_CODE[code](record)
    return [] if isinstance(answer, Silence) else [finding.severity for finding in answer]


def at_rate(record: Record, rate: float, of: Optimiser = ADAM, momentum: float = np.nan) -> Record:
    group = replace(of.groups[0], lr=rate, momentum=momentum)
    return looped(replace(record, optimiser=replace(of, groups=(group,))), rate=np.full(STEPS, rate))


def rushing(record: Record) -> Record:
    """First steps of half of the usual layer's length."""
    assert record.course is not None
    update = np.full_like(record.course.update, 0.01)
    update[:12] = 0.5
    return looped(record, update=update)


# What settings say --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "told"), [(0.04, []), (0.05, ["hint"])])
def test_a_first_step_of_a_quarter_of_the_weights_is_told_before_it_is_made(
    rate: float, told: list[str]
) -> None:
    record = at_rate(healthy(), rate)  # usual weights are of size √(2/64)
    for step in (0, 3, 30):
        assert severities("rate-too-high", until(record, step)) == told
    assert severities("rate-too-high", record) == []  # it learns: taken back
    assert severities("rate-too-high", failed(record)) == ["fault"] * len(told)


@pytest.mark.parametrize(
    ("rate", "momentum", "norm", "told"),
    [(0.49, 0.9, "", []), (0.51, 0.9, "", ["hint"]), (5.1, 0.0, "", ["hint"]), (5.1, 0.0, "batch_norm", [])],
)
def test_steps_that_gather_to_a_long_way_are_told_before_any(
    rate: float, momentum: float, norm: str, told: list[str]
) -> None:
    of = anatomy()
    of = replace(of, layers=tuple(replace(one, norm=norm) for one in of.layers))
    record = at_rate(healthy(of), rate, SGD, momentum)
    assert severities("rate-too-high", until(record, 0)) == told
    assert severities("rate-too-high", record) == []
    assert severities("rate-too-high", until(at_rate(record, rate, replace(SGD, name="Adadelta")), 0)) == []


def test_of_a_single_layer_or_unknown_weights_settings_say_nothing() -> None:
    of = anatomy()
    lone = healthy(replace(of, layers=of.layers[-1:]))
    assert severities("rate-too-high", until(at_rate(lone, 1.0), 0)) == []
    unseen = replace(at_rate(healthy(), 1.0), surveys=())
    assert severities("rate-too-high", until(unseen, 0)) == []


# What shorter steps say ---------------------------------------------------------------------------------


def shorter(loss: float, control: float) -> Record:
    """A run that left 0.4 of 1.1, and a trial at a tenth of its rate."""
    run = ended(healthy(), 0.4, 0.9)
    return replace(run, trials=(replace(trial("learning rate", loss, control, 0.1)),))


@pytest.mark.parametrize(("loss", "hasty", "calm"), [(0.15, 1, 1), (0.3, 1, 0), (0.39, 0, 0)])
def test_shorter_steps_that_leave_half_or_a_tenth_less_are_told(loss: float, hasty: int, calm: int) -> None:
    record = shorter(loss, 0.5)
    wide = replace(record, trials=(replace(record.trials[0], control=np.array([0.41, 0.9, 2.5])),))
    assert severities("rate-too-high", wide) == ["hint"] * calm
    assert severities("rate-too-high", rushing(wide)) == ["hint"] * hasty
    assert len(telling(rushing(replace(wide, trials=())), _short(wide))) == hasty


def _short(record: Record) -> tuple:  # type: ignore[type-arg]
    """Its trials, of too few steps to refute anything."""
    return tuple(replace(one, steps=10) for one in record.trials)


@pytest.mark.parametrize(("left", "tried"), [(0.03, (SHORTER,)), (0.02, ())])
def test_shorter_steps_are_tried_where_the_first_ones_turned_much_of_the_weights(
    left: float, tried: tuple[object, ...]
) -> None:
    record = looped(ended(healthy(), left, 0.98), valid_loss=np.full(10, left))
    assert suspected(rushing(record), Judgement((), (), ())) == tried
    assert suspected(record, Judgement((), (), ())) == ()
    assert suspected(looped(rushing(record), finished=False), Judgement((), (), ())) == ()


# What long steps leave ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("dead", "far", "told"), [(0.7, 2.0, 1), (0.5, 2.0, 0), (0.7, 0.9, 0)])
def test_units_that_died_while_weights_went_far_tell_of_long_ones(dead: float, far: float, told: int) -> None:
    record = failed(healthy(optimiser=SGD), dead=np.array([0.1, dead]), moved=np.full(3, far))
    assert severities("rate-too-high", record) == ["fault"] * told


@pytest.mark.parametrize(("step", "told"), [(20, ["fault"]), (200, [])])
def test_curvature_of_the_beginning_tells_which_rates_are_stable(step: int, told: list[str]) -> None:
    known = (Sharpness(0, 0.1, 20.0), Sharpness(step, 300.0, 0.01))
    record = replace(failed(healthy(optimiser=SGD)), sharpness=known)
    assert severities("rate-too-high", at_rate(record, 0.1, SGD)) == told


@pytest.mark.parametrize(("factor", "far", "told"), [(1.1, 2.0, 0), (0.9, 2.0, 1), (1.1, 0.9, 1)])
def test_first_weights_that_were_outgrown_are_no_reason(factor: float, far: float, told: int) -> None:
    of = anatomy(10)
    first = replace(
        healthy(of).surveys[0], weight=critical(of, 0.1), signal=np.geomspace(1.0, 1e-3, len(of.layers))
    )
    record = failed(healthy(of, SGD), weight=critical(of, factor), moved=np.full(len(of.layers), far))
    record = replace(record, surveys=(first, *record.surveys[1:]))
    assert severities("weights-too-small", record) == ["fault"] * told


# What another optimiser says ----------------------------------------------------------------------------


def recurrent() -> Anatomy:
    of = anatomy()
    return replace(of, layers=(replace(dense("rnn", 10, 64), kind="recurrent"), *of.layers[1:]))


def test_another_optimiser_is_tried_where_plain_descent_does_badly_on_recurrent_layers() -> None:
    plain = at_rate(failed(healthy(recurrent(), SGD)), 0.01, SGD, 0.0)
    assert suspected(plain, Judgement((), (), ())) == (TRIED_ADAM,)
    assert TRIED_ADAM not in suspected(at_rate(plain, 0.01), Judgement((), (), ()))
    chain = at_rate(failed(healthy(optimiser=SGD)), 0.01, SGD, 0.0)
    assert suspected(chain, Judgement((), (), ()))[-1] == TRIED_ADAM


@pytest.mark.parametrize(("loss", "control", "told"), [(0.5, 1.1, 1), (0.98, 1.1, 0), (0.98, 1.4, 1)])
def test_another_optimiser_that_gets_far_ahead_tells_of_a_plateau(
    loss: float, control: float, told: int
) -> None:
    falls = 1.1 - 0.08 * np.arange(STEPS) / STEPS
    slow = ended(healthy(optimiser=SGD), 1.02, 0.36, falls)
    record = replace(slow, trials=(trial("optimiser", loss, control, word="adam"),))
    found = [one.code for one in judge(record, RULES).findings]
    assert (found == ["plateau"]) == bool(told)
    assert "too-few-epochs" in [one.code for one in judge(slow, RULES).findings]


def test_a_plateau_that_nothing_else_overcomes_stays_a_symptom() -> None:
    still = became(failed(healthy(optimiser=SGD)), train_loss=1.07)
    assert "plateau" not in [one.code for one in judge(still, RULES).findings]
