"""Rules of the area labels, on both sides of every limit, and on data made right and wrong."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.oracles import diagnosis_tables as made
from tests.oracles.diagnosis_tables import severity

from profunda.diagnosis.codes import CODES
from profunda.diagnosis.finding import Answer, Silence
from profunda.diagnosis.givens import Rows, Targets, Task
from profunda.diagnosis.record import Against, Record
from profunda.diagnosis.rules import labels
from profunda.diagnosis.rules.labels import overlap, wilson
from profunda.diagnosis.scoring import against
from profunda.diagnosis.targets import targets_of

NAMES = {rule.code: rule for rule in labels.RULES}
CLASSES = made.task("classes", 2)
STANDARD = made.rows([0.0] * 8, [1.0] * 8, compared=500, common=0.0)


def asked(code: str, record: Record) -> Answer:
    return NAMES[code](record)


def told(skill: float, error: float, **more: object) -> Targets:
    given: dict[str, object] = {"counts": np.array([1000, 1000]), "rows": 2000}
    return made.targets(skill=skill, skill_error=error, **{**given, **more})


def test_every_code_of_the_area_has_its_rule_in_the_order_of_the_table() -> None:
    assert [rule.code for rule in labels.RULES] == [
        code.name for code in CODES.values() if code.area == "labels"
    ]


@pytest.mark.parametrize("rule", labels.RULES)
def test_an_empty_record_is_not_applicable(rule) -> None:
    assert severity(rule(Record(made.anatomy()))) == "not applicable"


@given(st.integers(0, 300), st.integers(1, 300))
def test_wilsons_interval_holds_the_share_and_lies_within_nought_and_one(hits: int, n: int) -> None:
    low, high = wilson(min(hits, n) / n, n)
    assert 0.0 <= low <= min(hits, n) / n + 1e-12 <= high + 2e-12 <= 1.0 + 2e-12
    assert wilson(0.5, 0) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("noise", "apart", "expected"), [(0.25, 4.0, "hint"), (0.0, 4.0, "clear"), (0.0, 1.2, "clear")]
)
def test_labels_wrong_as_often_where_they_are_told_surely_as_elsewhere_are_noisy(
    noise: float, apart: float, expected: str
) -> None:
    draw = np.random.default_rng(3)
    y = draw.integers(2, size=900)
    x = draw.normal(size=(900, 12)) + (y * apart / np.sqrt(12.0))[:, None]
    found = targets_of(made.table(x, np.where(draw.random(900) < noise, 1 - y, y)), CLASSES)
    assert (
        severity(asked("labels-noisy", made.record(targets=found, rows=STANDARD, task=CLASSES))) == expected
    )


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, "hint"),
        ({"mistaken_surely": 0.2}, "clear"),  # two standard errors
        ({"surer": 100}, "clear"),
        ({"order": 0.01}, "clear"),
        ({"mistaken": 0.1, "mistaken_surely": 0.08}, "clear"),  # little of it
    ],
)
def test_evenly_wrong_labels_on_both_sides_of_every_limit(more: dict[str, float], expected: str) -> None:
    given = {"mistaken": 0.27, "mistaken_surely": 0.25, "surer": 350, "beside": 1.0, **more}
    found = told(0.15, 0.03, noisy=0.1, agreeing=100, **given)
    assert (
        severity(asked("labels-noisy", made.record(targets=found, rows=STANDARD, task=CLASSES))) == expected
    )


@pytest.mark.parametrize(("beside", "expected"), [(0.89, "hint"), (0.91, "clear")])
def test_classes_that_nothing_tells_apart_are_no_noise(beside: float, expected: str) -> None:
    four = made.task("classes", 4)
    found = told(0.25, 0.02, counts=np.full(4, 250), noisy=0.48, agreeing=100, beside=beside)
    assert severity(asked("labels-noisy", made.record(targets=found, rows=STANDARD, task=four))) == expected


# Unrelated ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("skill", "error", "learnt", "valid", "expected"),
    [
        (0.001, 0.002, 0.9, -0.5, "fault"),  # by heart
        (0.001, 0.002, 0.02, 0.0, "hint"),
        (0.001, 0.002, 0.9, 0.3, "clear"),  # only the network can: XOR
        (0.001, 0.002, 0.9, None, "not enough evidence"),
        (0.001, 0.002, None, None, "hint"),  # before training
        (0.001, 0.015, 0.9, -0.5, "hint"),  # few rows
        (0.001, 0.06, 0.9, -0.5, "not enough evidence"),  # too few rows
        (0.001, 0.06, None, None, "not enough evidence"),
        (0.001, 0.02, 0.02, 0.0, "not enough evidence"),  # few rows, and nothing was learnt by heart
        (0.02, 0.005, 0.9, -0.5, "clear"),  # little skill, yet some
        (0.5, 0.02, 0.0, 0.0, "clear"),
    ],
)
def test_labels_unrelated(
    skill: float, error: float, learnt: float | None, valid: float | None, expected: str
) -> None:
    record = made.record(learnt, valid, targets=told(skill, error), rows=STANDARD, task=CLASSES)
    assert severity(asked("labels-unrelated", record)) == expected


def test_a_run_that_was_too_short_leaves_the_question_open() -> None:
    record = made.record(None, None, targets=told(0.001, 0.002), rows=STANDARD, task=CLASSES)
    short = replace(record, course=made.course([0.7] * 5))
    assert severity(asked("labels-unrelated", short)) == "not enough evidence"
    under_way = replace(record, course=replace(made.course([0.7] * 5), finished=False))
    assert severity(asked("labels-unrelated", under_way)) == "hint"


def test_of_tokens_and_sequences_that_nobody_learns_labels_are_a_question_that_explains_nothing() -> None:
    for kind, shape in (("tokens", (20,)), ("other", (8,)), ("numbers", (20, 3))):
        rows = replace(STANDARD, kind=kind, shape=shape)
        record = made.record(0.02, 0.0, targets=told(0.001, 0.002), rows=rows, task=CLASSES)
        answer = asked("labels-unrelated", record)
        assert severity(answer) == "hint"
        assert not isinstance(answer, Silence)
        assert answer[0].explains == ()


def test_a_network_that_broke_or_never_moved_tells_nothing_of_labels() -> None:
    record = made.record(0.02, 0.0, targets=told(0.001, 0.002), rows=STANDARD, task=CLASSES)
    still = replace(record, surveys=(made.survey(100, 0.98, 1.0, moved=np.full(1, 1e-4)),))
    broken = replace(record, course=made.course([1.0] * 50 + [np.nan] * 50, broken_step=50))
    assert severity(asked("labels-unrelated", still)) == "not enough evidence"
    assert severity(asked("labels-unrelated", broken)) == "not enough evidence"


def test_a_score_above_the_frequent_class_clears_whatever_the_loss() -> None:
    record = made.record(0.9, -2.0, targets=told(0.001, 0.002), rows=STANDARD, task=CLASSES)
    assert severity(asked("labels-unrelated", record)) == "fault"
    scored = replace(record, surveys=(record.surveys[0], replace(record.surveys[1], valid_score=0.7)))
    assert severity(asked("labels-unrelated", scored)) == "clear"
    values = replace(scored, task=made.task("values"))
    assert severity(asked("labels-unrelated", values)) == "clear"


@pytest.mark.parametrize(
    ("skill", "held", "error", "expected"),
    [
        (0.001, 0.5, 0.03, "fault"),  # the training rows' labels were shuffled
        (0.5, 0.001, 0.03, "fault"),  # the validation rows'
        (0.5, 0.001, 0.2, "clear"),  # of so few nothing is known
        (0.5, 0.2, 0.03, "clear"),
        (0.5, float("nan"), float("nan"), "clear"),
    ],
)
def test_labels_shuffled_on_one_side_alone_are_told_before_the_first_step(
    skill: float, held: float, error: float, expected: str
) -> None:
    targets = told(skill, 0.004, held=held, held_error=error, held_rows=300)
    record = made.record(targets=targets, rows=STANDARD, task=CLASSES)
    assert severity(asked("labels-unrelated", record)) == expected


@pytest.mark.parametrize("side", ["training", "validation", "none"])
def test_validation_rows_show_what_the_labels_of_training_rows_have_lost(side: str) -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(900, 5))
    y = (x[:, 0] + x[:, 1] > 0).astype(int)
    train, held = y[:600], y[600:]
    train = draw.permutation(train) if side == "training" else train
    held = draw.permutation(held) if side == "validation" else held
    targets = targets_of(made.table(x[:600], train), CLASSES, made.table(x[600:], held))
    assert targets.held_rows == 300
    answer = asked("labels-unrelated", made.record(targets=targets, rows=STANDARD, task=CLASSES))
    assert severity(answer) == ("clear" if side == "none" else "fault")
    if not isinstance(answer, Silence):
        assert f"within the {side} rows: there" in answer[0].cause


def test_values_are_judged_beside_their_own_mean() -> None:
    """Validation rows that vary less have a lower loss, whatever was learnt."""
    record = made.record(0.9, 0.3, targets=told(0.001, 0.002), rows=STANDARD, task=made.task("values"))
    scored = replace(record, surveys=(record.surveys[0], replace(record.surveys[1], valid_score=-0.2)))
    assert severity(asked("labels-unrelated", scored)) == "fault"


# Shifted --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("skill", "shifted", "error", "serial", "expected"),
    [
        (0.0, 0.5, 0.02, 0.0, "fault"),
        (0.1, 0.5, 0.02, 0.0, "fault"),
        (0.13, 0.5, 0.02, 0.0, "clear"),  # it tells labels as they stand, too
        (0.0, 0.5, 0.02, 0.2, "not enough evidence"),  # a series
        (0.0, 0.05, 0.012, 0.0, "fault"),
        (0.0, 0.05, 0.013, 0.0, "clear"),  # within what the best of the moves may reach
        (0.0, 0.025, 0.001, 0.0, "clear"),
        (0.0, 0.0, 0.001, 0.0, "clear"),
    ],
)
def test_labels_shifted(skill: float, shifted: float, error: float, serial: float, expected: str) -> None:
    targets = told(skill, 0.001, shifted=shifted, shifted_error=error, shift=-1, moves=24)
    record = made.record(rows=replace(STANDARD, serial=serial), targets=targets, task=CLASSES)
    assert severity(asked("labels-shifted", record)) == expected


def test_labels_counted_from_one() -> None:
    task = Task("classes", 4, (32, 3), (32,), "int64")
    counts = np.array([0, 30, 30, 40])
    given = made.targets(counts=counts, outside=0.4, bad=0.4, least=1.0, most=3.0)
    assert severity(asked("labels-shifted", made.record(targets=given, task=task))) == "fault"
    spare = Task("classes", 4, (32, 4), (32,), "int64")  # one output too many harms nobody
    inside = replace(given, outside=0.0, bad=0.0)
    assert severity(asked("labels-shifted", made.record(targets=inside, task=spare))) == "not applicable"
    zero = replace(given, counts=np.array([1, 30, 30, 40]), least=0.0)
    assert severity(asked("labels-shifted", made.record(targets=zero, task=task))) == "not applicable"


# Conflicts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("doubles", "conflicts", "by_chance", "groups", "skill", "expected"),
    [
        (0.0, 0.0, float("nan"), 0, 0.8, "clear"),
        (0.4, 0.4, 0.2, 200, 0.0, "fault"),  # copied with the other label
        (0.4, 0.2, 0.2, 200, 0.0, "clear"),  # labels are noise, with or without doubles
        (0.4, 0.2, 0.2, 200, 0.8, "fault"),  # labels are told well, but for the doubles
        (0.4, 0.05, 0.2, 200, 0.8, "clear"),
        (0.04, 0.04, 0.02, 20, 0.8, "hint"),
        (0.01, 0.01, 0.005, 20, 0.8, "clear"),
        (0.4, 0.4, 0.2, 9, 0.8, "not enough evidence"),
    ],
)
def test_labels_conflicting(
    doubles: float, conflicts: float, by_chance: float, groups: int, skill: float, expected: str
) -> None:
    rows = replace(STANDARD, doubles=doubles, conflicts=conflicts, by_chance=by_chance, groups=groups)
    record = made.record(rows=rows, targets=told(skill, 0.01), task=CLASSES)
    assert severity(asked("labels-conflicting", record)) == expected
    sequence = replace(record, task=made.task("sequence", 2))
    assert severity(asked("labels-conflicting", sequence)) == "not applicable"


@pytest.mark.parametrize("made_by", ["copies", "fine columns", "coincidence"])
def test_copies_with_labels_given_anew_conflict_though_rarely(made_by: str) -> None:
    """What doubles disagree by is noise that the skill knows of; no coincidence gave them their labels."""
    rows = replace(
        STANDARD, doubles=1.0, conflicts=0.25, by_chance=0.5, groups=400, copied=made_by == "copies"
    )
    rows = replace(rows, finest=0.9 if made_by == "fine columns" else 0.1)
    record = made.record(rows=rows, targets=told(0.4, 0.01), task=CLASSES)
    assert severity(asked("labels-conflicting", record)) == ("clear" if made_by == "coincidence" else "hint")
    values = replace(record, task=made.task("values"))  # two measurements of one thing differ
    assert severity(asked("labels-conflicting", values)) == "clear"


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("times", [2, 3])
def test_rows_labelled_by_several_that_seldom_agree_are_told(seed: int, times: int) -> None:
    draw = np.random.default_rng(seed)
    x = draw.integers(0, 9, (400, 6)).astype(float)
    y = (x[:, 0] > 4).astype(int)
    wide, order = np.repeat(x, times, axis=0), draw.permutation(400 * times)
    said = np.repeat(y, times) ^ (draw.random(400 * times) < 0.15)
    rows, targets = made.measured(wide[order], said[order], CLASSES)
    assert rows.copied
    assert (
        severity(asked("labels-conflicting", made.record(rows=rows, targets=targets, task=CLASSES))) == "hint"
    )


@pytest.mark.parametrize("seed", range(6))
def test_doubles_of_a_noisy_task_in_a_small_table_do_not_conflict_beyond_its_noise(seed: int) -> None:
    draw = np.random.default_rng(seed)
    for width, noise in ((3, 0.1), (4, 0.3), (6, 0.2)):
        x = draw.integers(0, 3, (1500, width))
        y = (x.sum(1) > width) ^ (draw.random(1500) < noise)
        rows, targets = made.measured(x.astype(float), y.astype(int), CLASSES)
        assert (
            severity(asked("labels-conflicting", made.record(rows=rows, targets=targets, task=CLASSES)))
            == "clear"
        )


@pytest.mark.parametrize("seed", range(3))
def test_rows_that_were_copied_with_another_label_conflict(seed: int) -> None:
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(1200, 5))
    y = (x[:, 0] > 0).astype(int)
    both, other = np.concatenate([x, x[:300]]), np.concatenate([y, 1 - y[:300]])
    order = draw.permutation(1500)
    rows, targets = made.measured(both[order], other[order], CLASSES)
    assert (
        severity(asked("labels-conflicting", made.record(rows=rows, targets=targets, task=CLASSES)))
        == "fault"
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("values", [False, True])
def test_rows_rounded_until_they_are_equal_are_asked_for_different_answers(seed: int, values: bool) -> None:
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(900, 2)).clip(-2.4, 2.4)
    fine = np.sin(6.0 * x[:, 0]) + x[:, 1]
    y, task = (fine.astype(np.float32), made.task("values")) if values else ((fine > 0).astype(int), CLASSES)

    def said(x: np.ndarray) -> str:
        rows, targets = made.measured(x.astype(np.float32), y, task)
        return severity(asked("labels-conflicting", made.record(rows=rows, targets=targets, task=task)))

    assert said(x.round()) == "hint"
    assert said(x) == "clear"
    assert said((50.0 * x).round() / 50.0) == "clear"


@pytest.mark.parametrize("seed", range(3))
def test_repeated_measurements_of_a_plan_are_no_rounding(seed: int) -> None:
    draw = np.random.default_rng(seed)
    dose, heat = np.meshgrid(np.arange(8.0), np.arange(5.0))
    x = np.repeat(np.stack([dose.ravel(), heat.ravel()], 1), 20, axis=0)
    y = (0.3 * x[:, 0] + draw.normal(size=len(x))).astype(np.float32)
    order = draw.permutation(len(x))[:600]  # some are validation rows
    rows, targets = made.measured(x[order].astype(np.float32), y[order], made.task("values"))
    assert rows.within > 0.15
    assert not rows.coarse
    record = made.record(rows=rows, targets=targets, task=made.task("values"))
    assert severity(asked("labels-conflicting", record)) == "clear"


# Noise ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("noisy", "agreeing", "skill", "expected"),
    [
        (0.02, 500, 0.8, "clear"),
        (0.1, 500, 0.6, "hint"),
        (0.1, 20, 0.6, "clear"),  # of so few rows nothing is sure
        (0.2, 500, 0.35, "hint"),
        (0.2, 500, 0.1, "clear"),  # classes overlap
        (0.45, 500, 0.01, "clear"),
        (float("nan"), 0, 0.8, "not applicable"),
    ],
)
def test_labels_noisy(noisy: float, agreeing: int, skill: float, expected: str) -> None:
    record = made.record(
        rows=STANDARD, targets=told(skill, 0.01, noisy=noisy, agreeing=agreeing), task=CLASSES
    )
    assert severity(asked("labels-noisy", record)) == expected


@pytest.mark.parametrize(("skill", "classes"), [(0.2, 2), (0.4, 2), (0.3, 5)])
def test_overlap_is_what_drawn_scores_show(skill: float, classes: int) -> None:
    draw = np.random.default_rng(0)
    mine = draw.random(400_000) < 1.0 / classes
    centred = (mine - mine.mean()) / mine.std()
    score = np.sqrt(skill) * centred + np.sqrt(1.0 - skill) * draw.normal(size=len(mine))
    surest = np.argsort(-score)[: round(0.2 * len(mine) / classes)]
    assert overlap(skill, classes) == pytest.approx(1.0 - mine[surest].mean(), abs=0.01)


def test_classes_of_few_rows_have_no_midst_that_would_be_sure() -> None:
    few = told(0.6, 0.03, noisy=0.15, agreeing=38, rows=40)
    assert severity(asked("labels-noisy", made.record(rows=STANDARD, targets=few, task=CLASSES))) == "clear"
    more = replace(few, rows=400)
    assert severity(asked("labels-noisy", made.record(rows=STANDARD, targets=more, task=CLASSES))) == "hint"


def gaussians(apart: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    y = draw.integers(0, 2, 2000)
    return draw.normal(size=(2000, 4)) + apart * y[:, None] / 2.0, y


@pytest.mark.parametrize("apart", [0.3, 0.7, 1.0, 1.5, 2.0, 4.0])
def test_classes_that_overlap_are_not_called_noisy(apart: float) -> None:
    for seed in range(3):
        x, y = gaussians(apart, seed)
        rows, targets = made.measured(x, y, CLASSES)
        record = made.record(rows=rows, targets=targets, task=CLASSES)
        assert severity(asked("labels-noisy", record)) in ("clear", "not applicable")


@pytest.mark.parametrize("share", [0.12, 0.2, 0.3])
def test_classes_that_are_apart_with_wrong_labels_are(share: float) -> None:
    x, y = gaussians(4.0, 1)
    wrong = np.random.default_rng(2).random(2000) < share
    rows, targets = made.measured(x, np.where(wrong, 1 - y, y), CLASSES)
    assert severity(asked("labels-noisy", made.record(rows=rows, targets=targets, task=CLASSES))) == "hint"


# Real tables ----------------------------------------------------------------------------------------


def spoiled(name: str, how: str) -> tuple[Rows, Targets, Task]:
    x, y, task = made.bundled(name)
    draw = np.random.default_rng(1)
    y = {"right": y, "moved": np.roll(y, 2, axis=0), "shuffled": y[draw.permutation(len(y))]}[how]
    return *made.measured(x, y, task), task


@pytest.mark.parametrize("name", made.TABLES)
def test_bundled_tables_are_clear(name: str) -> None:
    rows, targets, task = spoiled(name, "right")
    for learnt, valid in ((0.5, 0.4), (0.02, 0.0), (0.9, -0.5), (None, None)):
        record = made.record(learnt, valid, rows=rows, targets=targets, task=task)
        for rule in labels.RULES:
            assert severity(rule(record)) in ("clear", "not applicable"), rule.code


@pytest.mark.parametrize("name", made.TABLES)
def test_their_labels_moved_or_shuffled_are_found(name: str) -> None:
    rows, targets, task = spoiled(name, "moved")
    assert severity(asked("labels-shifted", made.record(rows=rows, targets=targets, task=task))) == "fault"
    rows, targets, task = spoiled(name, "shuffled")
    record = made.record(0.9, -0.5, rows=rows, targets=targets, task=task)
    assert severity(asked("labels-shifted", record)) == "clear"
    assert severity(asked("labels-unrelated", record)) == "fault"


@pytest.mark.parametrize("seed", range(4))
def test_returns_are_not_called_shifted_though_the_next_rows_window_holds_them(seed: int) -> None:
    series = np.random.default_rng(seed).normal(size=1500)
    windows = np.lib.stride_tricks.sliding_window_view(series, 8)[:-1]
    rows, targets = made.measured(windows, series[8:], made.task("values"))
    record = made.record(rows=rows, targets=targets, task=made.task("values"))
    assert targets.shifted > 0.9
    assert severity(asked("labels-shifted", record)) == "not enough evidence"


@pytest.mark.parametrize(
    ("score", "held", "skill", "expected"),
    [
        (0.95, 0.1, 0.1, "clear"),  # the network tells what simple predictors cannot: a parity
        (0.7, 0.1, 0.1, "hint"),
        (0.95, 0.7, 0.1, "hint"),  # labels of the validation rows alone are right
        (0.7, 0.02, 0.02, "clear"),  # classes overlap
        (0.7, 0.5, 0.08, "hint"),  # what inputs tell is seen where labels are right
    ],
)
@pytest.mark.parametrize("held_rows", [500, 4000])
def test_noise_is_weighed_against_validation(
    score: float, held: float, skill: float, expected: str, held_rows: int
) -> None:
    if held_rows > 2000 and held > 3.0 * skill:  # more rows tell more by themselves
        expected = "clear"
    targets = told(skill, 0.01, noisy=0.3, agreeing=400, held=held, held_error=0.02, held_rows=held_rows)
    record = made.record(0.9, 0.2, rows=STANDARD, targets=targets, task=CLASSES)
    seen = (record.surveys[0], replace(record.surveys[1], valid_score=score))
    assert severity(asked("labels-noisy", replace(record, surveys=seen))) == expected


def test_grades_that_are_mistaken_for_the_next_are_not_noisy() -> None:
    for order, expected in ((0.002, "clear"), (0.3, "hint"), (float("nan"), "hint")):
        targets = told(0.6, 0.01, noisy=0.1, agreeing=500, order=order)
        assert (
            severity(asked("labels-noisy", made.record(rows=STANDARD, targets=targets, task=CLASSES)))
            == expected
        )


@pytest.mark.parametrize(
    ("more", "left", "expected"),
    [
        ({}, 0.45, "hint"),
        ({}, 0.39, "clear"),  # neighbours and a linear model tell as much, and would say so
        ({"surest": 0.29, "every": 0.3}, 0.45, "clear"),  # less than a fifth for sure
        ({"surest": 0.31, "every": 0.3}, 0.45, "hint"),
        ({"every": 0.5}, 0.55, "clear"),  # classes that overlap
        ({"surest": 0.5, "beside": 0.91}, 0.45, "clear"),  # nothing tells two classes apart
        ({"surest": 0.5, "beside": 0.89}, 0.45, "hint"),
    ],
)
def test_labels_against_what_a_network_is_surest_of(
    more: dict[str, float], left: float, expected: str
) -> None:
    four = made.task("classes", 4)
    given: dict[str, object] = {"every": 0.4, "surest": 0.4, "rows": 60, "beside": 0.5, **more}
    found = told(0.15, 0.05, counts=np.full(4, 120), noisy=0.1, agreeing=60, mistaken=left)
    other = Against(0.1, 0.0, 60, 0.0)
    record = made.record(0.3, rows=STANDARD, targets=found, task=four)
    shown = (
        made.survey(0, 1.4, 0.5, against=other),  # before the first step nothing was learnt
        made.survey(100, 1.0, 1.1, against=Against(**given)),  # type: ignore[arg-type]
        made.survey(300, 0.5, 1.4, against=other),  # and later on rows were learnt by heart
    )
    assert severity(asked("labels-noisy", replace(record, surveys=shown))) == expected
    assert severity(asked("labels-noisy", replace(record, surveys=shown[:1]))) == "clear"


def test_what_a_network_says_is_measured_against_the_labels() -> None:
    y = np.repeat(np.arange(3), 100)
    logits = 4.0 * np.eye(3)[y] + np.random.default_rng(0).normal(size=(300, 3))
    clean = against(torch.tensor(logits), torch.tensor(y), made.task("classes", 3))
    assert clean is not None
    assert (clean.surest, clean.rows) == (0.0, 38)
    wrong = np.where(np.arange(300) % 3 == 0, (y + 1) % 3, y)
    found = against(torch.tensor(logits), torch.tensor(wrong), made.task("classes", 3))
    assert found is not None
    assert found.every == pytest.approx(1 / 3, abs=0.05)
    assert found.surest == pytest.approx(1 / 3, abs=0.2)
    assert found.beside == pytest.approx(1.0, abs=0.05)
    assert against(torch.tensor(logits), torch.tensor(y), made.task("values")) is None
    assert against(torch.tensor(logits[:, :1]), torch.tensor(y), made.task("classes", 3)) is None
    assert against(torch.full((300, 3), np.nan), torch.tensor(y), made.task("classes", 3)) is None
