"""What a loop does to gradients on their way, and to layers that it thaws."""

import numpy as np
import pytest
from tests.oracles.diagnosis_rules import SGD, STEPS, became, failed, healthy, looped

from profunda.diagnosis.judging import judge
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.all import RULES


def severities(code: str, record: Record) -> list[str]:
    found = judge(record, RULES)
    return [one.severity for one in (*found.findings, *found.symptoms) if one.code == code]


@pytest.mark.parametrize(("factor", "wanted"), [(1e-3, ["fault"]), (0.06, []), (float("nan"), [])])
def test_a_loss_that_is_divided_shortens_steps(factor: float, wanted: list[str]) -> None:
    record = looped(failed(healthy(optimiser=SGD)), factor=factor)
    assert severities("gradients-clipped-away", record) == wanted
    assert severities("gradients-clipped-away", looped(failed(healthy()), factor=factor)) == []
    assert severities("gradients-clipped-away", looped(healthy(optimiser=SGD), factor=factor)) == []


@pytest.mark.parametrize(("factor", "wanted"), [(32.0, ["fault"]), (3.9, [])])
def test_a_loss_that_is_multiplied_lengthens_steps(factor: float, wanted: list[str]) -> None:
    record = looped(failed(healthy(optimiser=SGD)), factor=factor)
    assert severities("accumulated-unscaled", record) == wanted
    assert severities("accumulated-unscaled", looped(healthy(optimiser=SGD), factor=factor)) == []


def thawed(looks: int, moves: float = 0.0, far: float = 0.0) -> Record:
    """The first layer is frozen but for the last `looks`, at which steps move it by `moves`."""
    record = healthy()
    assert record.course is not None
    gradient, update = record.course.gradient.copy(), record.course.update.copy()
    gradient[:, 0] = update[:, 0] = np.nan
    gradient[len(gradient) - looks :, 0] = 0.1
    update[len(update) - looks :, 0] = moves
    moved = record.surveys[-1].moved.copy()
    moved[0] = far
    return became(looped(record, gradient=gradient, update=update), moved=moved)


def test_what_is_thawed_and_not_handed_over_is_told() -> None:
    assert severities("parameters-not-held", thawed(2)) == ["hint"]
    assert severities("parameters-not-held", thawed(1)) == ["hint"]
    assert severities("parameters-not-held", thawed(2, moves=1e-3)) == []
    assert severities("parameters-not-held", thawed(2, far=0.1)) == []  # something else moves it
    bad = became(thawed(2), train_loss=1.05, train_score=0.4)
    assert severities("parameters-not-held", bad) == ["fault"]


def test_losses_that_are_not_differentiated_are_told_from_three_a_step_on() -> None:
    assert severities("no-step", looped(healthy(), idle=3.0)) == ["hint"]
    assert severities("no-step", looped(failed(healthy()), idle=20.0)) == ["fault"]
    assert severities("no-step", looped(failed(healthy()), idle=2.0)) == []


@pytest.mark.parametrize(("factor", "wanted"), [(0.25, ["hint"]), (1.0, []), (0.2, [])])
def test_divided_losses_that_are_thrown_away_were_meant_to_add_up(factor: float, wanted: list[str]) -> None:
    record = looped(healthy(), dropped=3 * STEPS, factor=factor)  # 1.0: an attack on the inputs
    assert severities("no-step", record) == wanted
