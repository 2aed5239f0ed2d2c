"""Rules of the area batch, on both sides of every limit."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oracles import diagnosis_tables as made

from profunda.diagnosis.codes import CODES
from profunda.diagnosis.finding import Answer, Silence
from profunda.diagnosis.givens import Loss
from profunda.diagnosis.record import Record, Trial
from profunda.diagnosis.rules import batch
from profunda.diagnosis.rules.readings import easy

NAMES = {rule.code: rule for rule in batch.RULES}
BENDING = [0.9, 0.8, 0.72, 0.66, 0.62, 0.6]
STANDING, FALLING = [0.9, 0.9, 0.9, 0.9, 0.9, 0.9], [1.0, 0.96, 0.92, 0.88, 0.84, 0.8]


def severity(answer: Answer) -> str:
    if isinstance(answer, Silence):
        return answer.why
    (finding,) = answer
    assert finding.cause.endswith(".")
    assert finding.remedy.endswith(".")
    assert finding.changes
    return finding.severity


def shown(
    size: int, scales: tuple[float, float], epochs: list[float], easy: float, n: int = 1000, steps: int = 300
) -> Record:
    """Trained in batches of `size`, with noise scales before and after; `easy` of `n` rows is told."""
    first, last = (np.full(2, 1.0 / scale) for scale in scales)
    return made.record(
        rows=made.rows([0.0], [1.0], n=n, seen=n),
        targets=made.targets(skill=easy, skill_error=0.0),
        surveys=(made.survey(0, 1.2, noise=first), made.survey(steps, epochs[-1], noise=last)),
        course=made.course(np.linspace(1.2, epochs[-1], steps).tolist(), size, epochs),
    )


def test_every_code_of_the_area_has_its_rule_in_the_order_of_the_table() -> None:
    assert [rule.code for rule in batch.RULES] == [
        code.name for code in CODES.values() if code.area == "batch"
    ]


@pytest.mark.parametrize("rule", batch.RULES)
def test_an_empty_record_is_not_applicable(rule) -> None:
    assert severity(rule(Record(made.anatomy()))) == "not applicable"


@pytest.mark.parametrize(
    ("size", "scale", "epochs", "easy", "expected"),
    [
        (2, 100.0, STANDING, 0.5, "fault"),
        (2, 100.0, STANDING, 0.15, "hint"),
        (2, 100.0, STANDING, 0.12, "clear"),  # it reached what is easy
        (2, 100.0, STANDING, 0.0, "clear"),
        (2, 31.0, STANDING, 0.5, "clear"),  # gradients are not all noise
        (8, 1000.0, STANDING, 0.5, "fault"),
        (9, 1000.0, STANDING, 0.5, "clear"),
        (2, 100.0, FALLING, 0.5, "clear"),
        (2, 100.0, [0.9] * 3, 0.5, "fault"),  # many steps in each
        (2, 100.0, [0.9] * 2, 0.5, "not enough evidence"),
    ],
)
def test_batch_too_small(size: int, scale: float, epochs: list[float], easy: float, expected: str) -> None:
    record = shown(size, (scale, 1e6), epochs, easy)
    assert severity(NAMES["batch-too-small"](record)) == expected


def test_a_trial_with_larger_batches_that_ends_lower_shows_it_too() -> None:
    record = shown(2, (100.0, 1e6), STANDING, 0.0)
    trial = Trial("batch size", "", 8.0, 100, np.array([0.2, 0.21]), np.array([0.9, 0.91]))
    assert severity(NAMES["batch-too-small"](replace(record, trials=(trial,)))) == "fault"
    same = replace(trial, loss=np.array([0.9, 0.91]))
    assert severity(NAMES["batch-too-small"](replace(record, trials=(same,)))) == "clear"


@pytest.mark.parametrize(
    ("size", "scale", "epochs", "easy", "expected"),
    [
        (500, 50.0, FALLING, 0.6, "fault"),
        (500, 50.0, FALLING, 0.3, "hint"),
        (500, 50.0, FALLING, 0.2, "clear"),
        (500, 50.0, BENDING, 0.48, "hint"),  # behind what is easy, and still on its way
        (500, 50.0, BENDING, 0.41, "clear"),
        (500, 50.0, STANDING, 0.6, "clear"),  # more steps would not help
        (500, 260.0, FALLING, 0.6, "clear"),  # so many rows are needed
        (124, 1.0, FALLING, 0.6, "clear"),  # more than eight steps an epoch
        (500, 50.0, FALLING[:3], 0.6, "not enough evidence"),
    ],
)
def test_batch_too_large_in_a_run_that_is_over(
    size: int, scale: float, epochs: list[float], easy: float, expected: str
) -> None:
    record = shown(size, (scale / 2.0, scale), epochs, easy)
    assert severity(NAMES["batch-too-large"](record)) == expected


def test_a_run_of_few_steps_is_judged_when_it_is_over() -> None:
    short = shown(500, (25.0, 50.0), FALLING, 0.6, steps=12)
    assert severity(NAMES["batch-too-large"](short)) == "fault"
    assert short.course is not None
    going = replace(short, course=replace(short.course, planned=100))
    assert severity(NAMES["batch-too-large"](going)) == "not enough evidence"


@given(st.floats(1e-6, 1e6))
def test_the_unit_of_the_loss_does_not_matter(unit: float) -> None:
    for code, plain in (
        ("batch-too-small", shown(2, (100.0, 1e6), STANDING, 0.5)),
        ("batch-too-large", shown(500, (25.0, 50.0), FALLING, 0.6)),
    ):
        assert plain.loss is not None
        assert plain.course is not None
        scaled = replace(
            plain,
            loss=replace(plain.loss, trivial=unit),
            surveys=tuple(replace(one, train_loss=one.train_loss * unit) for one in plain.surveys),
            course=replace(
                plain.course, loss=plain.course.loss * unit, train_loss=plain.course.train_loss * unit
            ),
        )
        assert severity(NAMES[code](scaled)) == severity(NAMES[code](plain)) == "fault"


@pytest.mark.parametrize(("kind", "expected"), [("mse", 0.64), ("huber", 0.64), ("mae", 0.4), ("", 0.4)])
def test_what_is_easy_is_told_in_the_losss_own_unit(kind: str, expected: float) -> None:
    record = made.record(
        targets=made.targets(skill=0.64, skill_error=0.0),
        task=made.task("values"),
        loss=Loss("of_mine", kind, trivial=1.0),
    )
    assert easy(record) == pytest.approx(expected)
    assert easy(replace(record, task=made.task("classes", 3))) == 0.64
