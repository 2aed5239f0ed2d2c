"""Rules on steps, epochs, penalties and the loop: which of several causes is named, and what tells it."""

from array import array
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tests.oracles.diagnosis_rules import (
    ADAM,
    EPOCHS,
    SGD,
    STEPS,
    became,
    ended,
    failed,
    healthy,
    looped,
)
from torch import nn

from profunda.diagnosis.batches import Batch
from profunda.diagnosis.courses import Log, course_of
from profunda.diagnosis.finding import Silence
from profunda.diagnosis.gathering import gathered
from profunda.diagnosis.judging import judge
from profunda.diagnosis.record import Record, Sharpness
from profunda.diagnosis.rules.all import RULES
from profunda.diagnosis.watching import watch

BY_CODE = {rule.code: rule for rule in RULES}
T = np.arange(STEPS)


def severities(code: str, record: Record) -> list[str]:
    answer = BY_CODE[code](record)
    return [] if isinstance(answer, Silence) else [finding.severity for finding in answer]


def causes(record: Record) -> list[str]:
    return [one.code for one in judge(record, RULES).findings]


def held(record: Record, **more: Any) -> Record:
    """With constants of its optimiser exchanged."""
    assert record.optimiser is not None
    group = replace(record.optimiser.groups[0], **more)
    return replace(record, optimiser=replace(record.optimiser, groups=(group,)))


# Rates --------------------------------------------------------------------------------------------------


def test_curvature_in_the_unit_of_divisors_that_are_not_known_yet_speaks_against_no_adaptive_rate() -> None:
    looks = (Sharpness(16, 1e7, 1e-6), Sharpness(STEPS, 15.0, 2.5))
    assert severities("rate-too-high", replace(failed(healthy(optimiser=ADAM)), sharpness=looks)) == []
    assert severities("rate-too-high", replace(failed(healthy(optimiser=SGD)), sharpness=looks)) == ["fault"]
    always = tuple(replace(one, stable=1e-6) for one in looks)
    assert severities("rate-too-high", replace(failed(healthy(optimiser=ADAM)), sharpness=always)) == [
        "fault"
    ]


def crawling(*losses: float) -> Record:
    """Surveys at 0, 1, 4, 16, … steps and at the end; what single batches say is noise."""
    noisy = 1.1 + 0.02 * np.sin(2.4 * T)
    record = ended(healthy(), losses[-1], 1.0 / 3.0, noisy, moved=np.full(3, 0.014))
    record = looped(record, train_loss=np.full(3, losses[-1]), epoch_step=np.array([100, 200, STEPS]))
    steps = [*[round(4.0**k) if k else 0 for k in range(len(losses) - 1)], STEPS]
    looks = [
        replace(
            record.surveys[-1],
            step=step,
            train_loss=loss,
            moved=np.full(3, 0.014 * step / STEPS),
        )
        for step, loss in zip(steps, losses, strict=True)
    ]
    return replace(record, surveys=tuple(looks))


def test_a_line_too_faint_for_batches_is_seen_on_the_same_rows() -> None:
    line = [1.12 - 0.02 * step / STEPS for step in (0, 4, 16, 64, STEPS)]
    assert severities("rate-too-low", crawling(*line)) == ["fault"]
    assert severities("rate-too-low", crawling(1.12, 1.11, 1.103, 1.1001, 1.1)) == []  # at rest
    assert severities("rate-too-low", crawling(1.12, 1.13, 1.11, 1.115, 1.1)) == []  # to and fro


def test_a_schedule_that_ended_early_is_seen_though_batches_are_noisy() -> None:
    noisy = 1.1 + 0.1 * np.sin(2.4 * T)
    decayed = looped(ended(healthy(), 1.08, 0.34, noisy), rate=np.where(T < 15, 1e-3, 1e-9))
    assert severities("rate-decays-too-fast", decayed) == ["fault"]
    assert severities("rate-decays-too-fast", became(decayed, train_loss=1.2)) == []


def test_a_step_as_long_as_the_weights_after_which_the_loss_leapt_is_told_at_once() -> None:
    leapt = np.array([1.1, 60.0, 9.0, 4.0, 3.0, 2.5])
    early = looped(failed(healthy()), loss=leapt, steps=6, planned=STEPS, finished=False)
    early = replace(early, surveys=early.surveys[:1])
    assert severities("rate-too-high", early) == []
    assert severities("rate-too-high", looped(early, update=np.full((20, 3), 3.0))) == ["hint"]


# Epochs -------------------------------------------------------------------------------------------------


def test_a_run_that_still_falls_was_stopped_and_is_no_riddle() -> None:
    falls = ended(healthy(), 1.04, 0.36, 1.1 - 0.06 * T / STEPS + 0.002 * np.sin(2.4 * T))
    assert severities("no-learning", falls) == ["fault"]
    assert causes(falls) == ["too-few-epochs"]


def test_a_run_that_rises_again_was_not_stopped_too_early() -> None:
    turned = 1.1 - 0.5 * np.sin(np.pi * np.minimum(T / STEPS, 0.85) ** 3) + 0.002 * np.sin(2.4 * T)
    turned[-60:] += np.linspace(0.0, 0.3, 60)
    assert severities("too-few-epochs", ended(healthy(), float(turned[-1]), 0.36, turned)) == []


# Regularisation -----------------------------------------------------------------------------------------


def penalised(decay: float, name: str = "AdamW", update: float = 0.07) -> Record:
    record = replace(failed(healthy()), optimiser=replace(ADAM, name=name))
    record = held(record, weight_decay=decay)
    return looped(record, update=np.full((20, 3), update), rate=np.full(STEPS, 3e-3))


def test_decay_that_outweighs_the_data_is_told_though_weights_keep_their_length() -> None:
    assert severities("penalty-too-strong", penalised(20.0)) == ["fault"]
    assert severities("penalty-too-strong", penalised(0.01)) == []
    assert causes(penalised(20.0)) == ["penalty-too-strong"]


def test_decay_within_the_gradient_is_compared_with_the_datas() -> None:
    plain = replace(failed(healthy(optimiser=SGD)), sharpness=())
    strong, usual = held(plain, weight_decay=0.5), held(plain, weight_decay=5e-4)
    strong, usual = (looped(one, rate=np.full(STEPS, 0.1)) for one in (strong, usual))
    assert severities("penalty-too-strong", strong) == ["fault"]
    assert severities("penalty-too-strong", usual) == []
    faint = looped(usual, gradient=np.full((20, 3), 1e-6))  # no gradient is no penalty's fault
    assert severities("penalty-too-strong", faint) == []


def test_restless_steps_of_mostly_deleted_units_are_dropouts_doing() -> None:
    record = failed(healthy())
    layers = [replace(one, dropout=0.9) for one in record.anatomy.layers[:-1]]
    record = replace(record, anatomy=replace(record.anatomy, layers=(*layers, record.anatomy.layers[-1])))
    restless = looped(record, update=np.full((20, 3), 0.3))
    assert severities("rate-too-high", restless) == ["fault"]
    assert causes(restless) == ["dropout-too-strong"]


def test_validation_losses_that_rise_by_a_quarter_of_the_constants_are_told_whatever_the_score() -> None:
    train = np.linspace(0.9, 0.002, EPOCHS)
    valid = np.append(np.linspace(0.9, 0.5, 4), np.linspace(0.5, 0.85, EPOCHS - 4))
    record = looped(healthy(), train_loss=train, valid_loss=valid, valid_score=np.full(EPOCHS, 0.7))
    assert severities("overfitting", record) == ["hint"]


@pytest.mark.parametrize(
    ("rise", "fell", "told"),
    [(0.17, 0.02, ["hint"]), (0.17, 0.0, []), (0.12, 0.02, []), (0.17, float("nan"), ["hint"])],
)
def test_losses_that_rise_clearly_are_told_unless_more_is_right_than_before(
    rise: float, fell: float, told: list[str]
) -> None:
    trivial = healthy().loss.trivial  # type: ignore[union-attr]
    train = np.linspace(0.9, 0.1, EPOCHS)
    valid = np.append(np.linspace(0.9, 0.5, 4), np.linspace(0.5, 0.5 + rise * trivial, EPOCHS - 4))
    score = np.append(np.full(4, 0.7), np.linspace(0.7, 0.7 - fell, EPOCHS - 4))
    record = looped(healthy(), train_loss=train, valid_loss=valid, valid_score=score)
    assert severities("overfitting", record) == told


# The optimiser ------------------------------------------------------------------------------------------


def test_a_momentum_of_one_is_told_though_it_learns() -> None:
    assert severities("optimiser-constants", held(healthy(optimiser=SGD), momentum=1.0)) == ["hint"]
    assert severities("optimiser-constants", held(healthy(optimiser=SGD), momentum=0.99)) == []


# The loop -----------------------------------------------------------------------------------------------


def test_weights_that_move_by_decay_alone_had_no_gradient() -> None:
    none = looped(failed(healthy()), gradient=np.zeros((20, 3)), update=np.full((20, 3), 1e-5))
    assert severities("no-backward", none) == []  # something moves them
    assert severities("no-backward", held(none, weight_decay=0.01)) == ["fault"]


@pytest.mark.parametrize(("batch", "told"), [(200, True), (321, False)])
def test_sorted_batches_shorter_than_a_class_are_in_order(batch: int, told: bool) -> None:
    record = became(looped(healthy(), rows=np.full(STEPS, batch)), train_loss=0.9)
    assert record.rows is not None
    record = replace(record, rows=replace(record.rows, ordered=0.95))
    assert (severities("rows-in-order", record) == ["fault"]) is told


@pytest.mark.parametrize(
    ("ordered", "serial", "end", "told"),
    [
        (0.95, 0.1, 0.9, ["fault"]),
        (0.95, 0.1, 0.05, ["hint"]),
        (0.45, 0.1, 0.9, []),
        (0.95, 0.6, 0.05, []),  # a series in its own order, well learnt
        (0.95, 0.6, 0.9, ["fault"]),
    ],
)
def test_rows_sorted_by_their_values_are_in_order(
    ordered: float, serial: float, end: float, told: list[str]
) -> None:
    record = became(healthy(), train_loss=end, train_score=1.0 - end)
    assert record.rows is not None
    assert record.task is not None
    rows = replace(record.rows, ordered=ordered, serial=serial)
    record = replace(record, rows=rows, task=replace(record.task, kind="values"))
    assert severities("rows-in-order", record) == told


@pytest.mark.parametrize(("weight", "summed"), [(4.0, 4), (1.0, 1)])
def test_sums_are_told_by_the_steps_that_were_followed(weight: float, summed: int) -> None:
    scales = [weight, *[float("nan")] * 9] * 5
    log = Log(
        loss=array("d", [1.0] * 50),
        rate=array("d", [0.1] * 50),
        rows=array("q", [8] * 50),
        scale=array("d", scales),
        parts=array("q", [4] * 50),
    )
    assert course_of(log, ()).summed == summed


def test_a_backward_pass_after_its_step_shows_no_batch_that_comes_again() -> None:
    torch.manual_seed(0)
    model = nn.Linear(5, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, nn.functional.cross_entropy) as w:
        for _ in range(12):
            optimizer.zero_grad()
            loss = w.loss(model(torch.randn(8, 5)), torch.randint(0, 3, (8,)))
            optimizer.step()
            loss.backward()
    assert w.course().repeated == 0


# Other players ------------------------------------------------------------------------------------------


def test_what_an_opponents_pass_leaves_is_cleared_before_the_next_own_one() -> None:
    torch.manual_seed(0)
    maker, judge_of = nn.Linear(2, 3), nn.Linear(3, 1)
    one = torch.optim.SGD(judge_of.parameters(), lr=0.1)
    other = torch.optim.SGD(maker.parameters(), lr=0.1)
    with watch(judge_of, one, nn.functional.binary_cross_entropy_with_logits) as w:
        for _ in range(12):
            made = maker(torch.randn(8, 2))
            one.zero_grad()
            real = w.loss(judge_of(torch.randn(8, 3)), torch.ones(8, 1))
            (real + w.loss(judge_of(made.detach()), torch.zeros(8, 1))).backward()
            one.step()
            other.zero_grad()
            judge_of(made).mean().neg().backward()
            other.step()
    seen = w.course()
    assert (seen.uncleared, seen.dropped) == (0, 11)


def test_a_loss_that_an_opponent_drives_up_need_not_fall() -> None:
    assert causes(failed(healthy())) == ["no-learning"]
    assert causes(looped(failed(healthy()), dropped=STEPS - 1)) == []


def test_micro_batches_whose_gradients_are_cleared_are_thrown_away() -> None:
    assert severities("no-step", looped(healthy(), accumulate=8, dropped=7 * STEPS)) == ["hint"]
    assert severities("no-step", looped(failed(healthy()), accumulate=8, dropped=7 * STEPS)) == ["fault"]
    assert severities("no-step", looped(healthy(), accumulate=8)) == []


# Rows that the loop changes -----------------------------------------------------------------------------


@pytest.mark.parametrize(("move", "changed"), [(0, False), (1, True)])
def test_rows_with_other_targets_than_in_the_data_are_judged_as_they_passed(move: int, changed: bool) -> None:
    x, y = torch.arange(40.0).reshape(20, 2), torch.arange(20) % 5
    kept = [Batch((x[k : k + 5],), (), y[k : k + 5].roll(move).float(), 5) for k in range(0, 20, 5)]
    found = gathered(kept, (x, y), None, nn.Linear(2, 5))
    assert any("changes rows" in note for note in found.notes) is changed
    assert (found.sample[0].rows == 5) is changed
    smooth = [replace(one, targets=torch.eye(5)[:5]) for one in kept]
    assert gathered(smooth, (x, y), None, nn.Linear(2, 5)).notes == ()


# Batches ------------------------------------------------------------------------------------------------


def test_units_that_noise_killed_are_the_batches_doing() -> None:
    record = failed(healthy(), dead=np.array([1.0, 1.0]), sensitivity=np.zeros(10))
    noisy = tuple(replace(one, noise=np.full(3, 1e-2)) for one in record.surveys)
    record = looped(replace(record, surveys=noisy), rows=np.ones(STEPS, int), train_loss=np.full(EPOCHS, 1.1))
    assert severities("dead-units", record) == ["fault"]
    assert causes(record) == ["batch-too-small"]
