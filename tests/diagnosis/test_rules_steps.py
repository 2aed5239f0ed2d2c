"""Rules on the optimiser, its rate, batches and epochs: what stands on the page is told before harm is shown,
and taken back where the training acquits it.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tests.oracles.diagnosis_rules import ADAM, SGD, STEPS, anatomy, became, failed, healthy, looped, trial
from torch import nn

from profunda.diagnosis.anatomy import anatomy_of
from profunda.diagnosis.drawn import looks_uniform
from profunda.diagnosis.finding import Silence
from profunda.diagnosis.judging import Judgement, judge
from profunda.diagnosis.partial import until
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.all import RULES
from profunda.diagnosis.suspicions import suspected

BY_CODE = {rule.code: rule for rule in RULES}
T = np.arange(STEPS)


def severities(code: str, record: Record) -> list[str]:
    answer = BY_CODE[code](record)
    return [] if isinstance(answer, Silence) else [finding.severity for finding in answer]


def set_to(record: Record, **more: Any) -> Record:
    """With constants of its optimiser exchanged."""
    assert record.optimiser is not None
    group = replace(record.optimiser.groups[0], **more)
    return replace(record, optimiser=replace(record.optimiser, groups=(group,)))


# What the optimiser holds -------------------------------------------------------------------------------

BODY = ("0.weight", "0.bias", "2.weight", "2.bias")


def head_alone(drawn: tuple[str, ...]) -> Record:
    record = became(healthy(anatomy(drawn=drawn)), moved=np.array([0.0, 0.0, 0.5]))
    return replace(record, optimiser=replace(ADAM, missing=BODY))


def test_a_head_on_a_body_as_drawn_is_told_whatever_it_learnt() -> None:
    told = head_alone(("0", "2", "4"))
    assert severities("parameters-not-held", told) == ["hint"]
    assert severities("parameters-not-held", until(told, 0)) == ["hint"]
    assert severities("parameters-not-held", failed(told, moved=told.surveys[-1].moved)) == ["fault"]
    assert severities("parameters-not-held", head_alone(())) == []  # features that were learnt before


def test_biases_that_move_are_no_other_optimisers_doing() -> None:
    weights = replace(failed(healthy()), optimiser=replace(ADAM, missing=("0.weight", "2.weight")))
    assert severities("parameters-not-held", weights) == ["fault"]
    whole = replace(weights, optimiser=replace(ADAM, missing=BODY))
    assert severities("parameters-not-held", whole) == []  # they moved, and not by this one


def test_parts_in_the_middle_are_told_before_the_first_step() -> None:
    missed = replace(healthy(), optimiser=replace(ADAM, missing=BODY[2:]))
    assert severities("parameters-not-held", until(missed, 0)) == ["hint"]


def test_small_matrices_as_torch_draws_them_are_known_and_no_longer_when_they_learnt() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 2))
    assert anatomy_of(net, (torch.randn(4, 1, 4, 4),)).drawn == ("0", "3")
    optimizer = torch.optim.Adam(net.parameters(), lr=0.03)
    x, y = torch.randn(64, 1, 4, 4), torch.arange(64) % 2
    x[y == 1] += 1.0
    for _ in range(40):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
    assert not looks_uniform([each.detach() for each in net.parameters() if each.ndim > 1])
    assert not looks_uniform([torch.zeros(8, 9)])
    assert not looks_uniform([torch.rand(3, 3)])


# Constants ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [0, 3, STEPS // 4])
@pytest.mark.parametrize(
    ("of", "more"),
    [(ADAM, {"betas": (0.999, 0.9)}), (SGD, {"momentum": 0.999}), (ADAM, {"betas": (0.999, 0.9999)})],
)
def test_odd_constants_are_read_before_anything_is_learnt(of: Any, more: dict[str, Any], step: int) -> None:
    odd = set_to(healthy(optimiser=of), **more)
    assert severities("optimiser-constants", until(odd, step)) == ["hint"]
    assert severities("optimiser-constants", until(healthy(optimiser=of), step)) == []


def test_a_long_memory_is_acquitted_by_a_run_that_arrived() -> None:
    heavy = set_to(healthy(optimiser=SGD), momentum=0.996)
    assert severities("optimiser-constants", heavy) == []
    longer = set_to(healthy(optimiser=SGD), momentum=0.999)  # than the run
    assert severities("optimiser-constants", longer) == ["hint"]
    assert severities("optimiser-constants", became(heavy, train_loss=0.4, train_score=0.8)) == ["hint"]
    assert severities("optimiser-constants", failed(heavy)) == ["fault"]
    assert severities("optimiser-constants", set_to(healthy(), betas=(0.999, 0.9))) == ["hint"]


def test_a_drowned_root_is_acquitted_where_the_loss_has_come_to_rest() -> None:
    record = became(set_to(healthy(), eps=10.0), train_score=0.8)
    assert severities("optimiser-constants", looked(record, 1.1, 0.5, 0.45, 0.44)) == []
    assert severities("optimiser-constants", looked(record, 1.1, 0.95, 0.8, 0.66)) == ["hint"]


def test_a_memory_is_compared_with_a_run_whose_length_is_known() -> None:
    usual = set_to(healthy(optimiser=SGD), momentum=0.99)
    going = looped(usual, loss=usual.course.loss[:30], steps=30, planned=0, finished=False)  # type: ignore[union-attr]
    assert severities("optimiser-constants", going) == []
    assert severities("optimiser-constants", looped(going, planned=STEPS)) == ["hint"]
    assert severities("optimiser-constants", looped(going, planned=10_000)) == []


# Batches and epochs -------------------------------------------------------------------------------------


def looked(record: Record, *losses: float, valid: tuple[float, ...] = ()) -> Record:
    """With these losses over all rows: before training, and at ends of epochs."""
    ends, first = np.array(losses[1:]), replace(record.surveys[0], train_loss=losses[0])
    last = replace(record.surveys[-1], train_loss=losses[-1])
    steps = np.linspace(STEPS / len(ends), STEPS, len(ends)).round().astype(int)
    held, score = np.array(valid) if valid else ends * 1.1, np.full(len(ends), 0.8)
    record = looped(record, train_loss=ends, valid_loss=held, epoch_step=steps)
    record = looped(record, train_score=score, valid_score=score)
    return replace(record, surveys=(first, *record.surveys[1:-1], last))


NOISY = 1.0 + 0.3 * np.sin(2.4 * T)
"""Batches so noisy that their losses tell no slope."""


def test_a_fall_that_batches_hide_is_seen_on_the_same_rows() -> None:
    record = became(looped(healthy(), loss=NOISY), train_score=0.8)
    assert severities("too-few-epochs", looked(record, 1.1, 0.95, 0.8, 0.66)) == ["hint"]
    assert severities("too-few-epochs", looked(record, 1.1, 0.5, 0.45, 0.44)) == []  # at rest
    assert severities("too-few-epochs", looked(record, 1.1, 0.95, 1.0, 0.66)) == []  # to and fro
    bent = (1.1, 0.85, 0.72, 0.64)
    assert severities("too-few-epochs", looked(record, *bent)) == []  # for more than a time constant
    late = (1.1, 1.08, 1.05, 1.0, 0.9, 0.7, 0.6, 0.55, 0.54, 0.54)
    assert severities("too-few-epochs", looked(record, *late)) == []  # it fell late, and rests
    nearly = looked(became(record, train_score=0.9), 1.1, 0.75, 0.5, 0.3)
    assert severities("too-few-epochs", nearly) == []
    begun = (1.0, 0.9, 0.85)
    assert severities("too-few-epochs", looked(record, 1.1, 0.95, 0.8, 0.66, valid=begun)) == []  # by heart
    best = (0.8, 0.7, 0.7)
    assert severities("too-few-epochs", looked(record, 1.1, 0.95, 0.8, 0.66, valid=best)) == []  # in time


def test_what_still_falls_along_a_line_does_not_stand_still() -> None:
    record = became(looped(healthy(), loss=NOISY), train_score=0.5)
    assert severities("plateau", looked(record, 1.1, 1.02, 0.93, 0.85)) == []
    assert severities("plateau", looked(record, 1.1, 0.87, 0.86, 0.85)) == ["fault"]


def short(steps: int, **more: Any) -> Record:
    record = looped(failed(healthy()), steps=steps, planned=steps, loss=NOISY[:steps], **more)
    ends = replace(record.surveys[-1], step=steps, train_score=0.45)
    return replace(record, surveys=(record.surveys[0], ends))


def test_a_run_of_few_steps_that_reached_little_was_hardly_tried() -> None:
    assert severities("too-few-epochs", short(90)) == ["hint"]
    assert severities("too-few-epochs", short(140)) == []
    begun = looped(short(90), steps=5, finished=False)
    assert severities("too-few-epochs", begun) == ["hint"]
    assert severities("too-few-epochs", looped(begun, planned=150)) == ["hint"]  # five times over the rows
    assert severities("too-few-epochs", looped(begun, planned=180)) == []
    assert severities("too-few-epochs", replace(begun, optimiser=replace(SGD, name="LBFGS"))) == []


def handful(steps: int, learnt: float) -> Record:
    record = looped(healthy(), steps=steps, planned=steps, loss=np.full(steps, 1.1 * (1.0 - learnt)))
    record = looped(record, epoch_step=np.array([steps]), train_loss=np.full(1, np.nan))
    ends = replace(record.surveys[-1], step=steps, train_loss=1.1 * (1.0 - learnt), train_score=learnt)
    return replace(record, surveys=(record.surveys[0], ends))


def test_a_run_of_a_handful_of_steps_was_ended_too_early_unless_it_had_arrived() -> None:
    assert severities("too-few-epochs", handful(12, 0.5)) == ["hint"]
    assert severities("too-few-epochs", handful(12, 0.9)) == []
    assert severities("too-few-epochs", handful(6, 0.5)) == []  # a trial of whether it runs at all
    assert severities("too-few-epochs", replace(handful(12, 0.5), optimiser=replace(SGD, name="LBFGS"))) == []


def small(update: float, *ends: float, noise: float = 0.01) -> Record:
    """One row a step."""
    record = looked(looped(became(healthy(optimiser=SGD), train_score=0.8)), 1.1, *ends)
    assert record.course is not None
    record = looped(record, rows=np.ones(STEPS, int), update=np.full_like(record.course.update, update))
    return replace(record, surveys=tuple(replace(one, noise=np.full(3, noise)) for one in record.surveys))


def test_losses_that_scatter_between_epochs_of_single_rows() -> None:
    wild = (0.5, 0.45, 0.6, 0.4, 0.62, 0.45, 0.58, 0.41)
    calm = (0.8, 0.6, 0.5, 0.46, 0.45, 0.44, 0.435, 0.43)
    assert severities("batch-too-small", small(0.01, *wild)) == ["hint"]
    assert severities("batch-too-small", small(0.01, *calm)) == []
    assert severities("batch-too-small", small(0.01, 2.0, *wild)) == ["hint"]  # whatever the first one did
    assert severities("batch-too-small", small(0.01, *wild, noise=0.2)) == ["hint"]  # it rose by half
    assert severities("batch-too-small", small(0.01, *wild, noise=0.3)) == []  # gradients are clear
    arrived = became(small(0.01, *wild[:-1], 0.05), train_score=0.99)
    assert severities("batch-too-small", arrived) == []


def test_long_steps_on_the_word_of_one_row_are_told_at_once() -> None:
    calm = (0.8, 0.6, 0.5, 0.46, 0.45, 0.44, 0.435, 0.43)
    assert severities("batch-too-small", until(small(0.1, *calm), 15)) == ["hint"]
    assert severities("batch-too-small", until(small(0.01, *calm), 15)) == ["hint"]  # a plain sight
    eight = looped(small(0.01, *calm), rows=np.full(STEPS, 8))
    assert severities("batch-too-small", until(eight, 15)) == []
    assert severities("batch-too-small", small(0.1, *calm)) == []  # it learnt all the same


def test_few_steps_of_all_rows_are_told_when_they_begin() -> None:
    whole = looped(healthy(), rows=np.full(40, 960), planned=40, steps=40, loss=NOISY[:40])
    assert severities("batch-too-large", until(whole, 2)) == ["hint"]
    assert severities("batch-too-large", until(looped(whole, planned=STEPS), 2)) == []
    searching = replace(whole, optimiser=replace(SGD, name="LBFGS"))
    assert severities("batch-too-large", until(searching, 2)) == []


def test_larger_batches_that_learn_where_the_run_was_wrecked_tell_that_batches_are_too_small() -> None:
    wrecked = looped(failed(small(0.01, 0.9, 0.9, 0.9, noise=0.3)), rows=np.full(STEPS, 4))
    lone = trial("batch size", 0.1, control=1e9, value=16.0)
    uneven = replace(lone, control=np.array([1e9, 2e20, 1e12]))
    assert severities("batch-too-small", replace(wrecked, trials=(uneven,))) == ["fault"]
    assert severities("rate-too-high", replace(wrecked, trials=(uneven,))) == []
    same = replace(lone, loss=lone.control)
    assert severities("batch-too-small", replace(wrecked, trials=(same,))) == []


@pytest.mark.parametrize(("rows", "values"), [(1, [32.0]), (2, [16.0]), (8, [4.0]), (9, [])])
def test_larger_batches_are_tried_where_a_run_of_small_ones_fails(rows: int, values: list[float]) -> None:
    bad = looped(failed(small(0.01, 0.9, 0.9, 0.9)), rows=np.full(STEPS, rows))
    tried = suspected(bad, Judgement((), (), ()))
    assert [one.value for one in tried if one.kind == "batch size"] == values
    calm = became(looped(small(0.01, 0.8, 0.6, 0.05), rows=np.full(STEPS, rows)), train_score=0.99)
    assert not [one for one in suspected(calm, Judgement((), (), ())) if one.kind == "batch size"]


def test_two_rows_a_step_are_tried_and_told_where_larger_batches_leave_half_of_what_is_left() -> None:
    two = looped(small(0.01, 0.8, 0.6, 0.2, noise=0.3), rows=np.full(STEPS, 2))
    two = became(looped(two, valid_loss=np.full(3, 0.2)), valid_loss=0.2)
    assert [one.kind for one in suspected(two, Judgement((), (), ()))] == ["batch size"]
    halves = replace(
        trial("batch size", 0.06, value=16.0), held=np.full(3, 0.08), control_held=np.full(3, 0.2)
    )
    assert severities("batch-too-small", replace(two, trials=(halves,))) == ["hint"]
    little = replace(halves, held=np.full(3, 0.15))
    assert severities("batch-too-small", replace(two, trials=(little,))) == []


def test_behind_simple_predictors_a_loss_that_catches_up_was_stopped() -> None:
    record = became(looped(healthy(), loss=NOISY), train_score=0.6)
    assert record.targets is not None
    able = replace(record, targets=replace(record.targets, skill=0.7, skill_error=0.0))
    often = replace(able, rows=replace(record.rows, n=32 * STEPS // 12))  # type: ignore[type-var]
    catching = (1.1, 0.8, 0.64, 0.52)
    assert severities("too-few-epochs", looked(often, *catching)) != []
    assert severities("too-few-epochs", looked(often, 1.1, 0.6, 0.55, 0.52)) == []
    easier = replace(often, targets=replace(record.targets, skill=0.5, skill_error=0.0))
    assert severities("too-few-epochs", looked(easier, *catching)) == []


def still(loss: float) -> Record:
    """Came to rest there, on all rows, and is right on most."""
    record = became(healthy(), train_loss=loss, valid_loss=loss, train_score=0.8)
    assert record.course is not None
    return looped(record, valid_loss=np.full_like(record.course.valid_loss, loss))


def test_other_steps_are_tried_where_a_run_that_is_over_left_much() -> None:
    left = stepping(still(0.4), *[1e-3] * 18)
    assert [one.value for one in suspected(left, Judgement((), (), ()))] == [10.0]
    assert not suspected(looped(left, finished=False), Judgement((), (), ()))
    little = stepping(still(0.25), *[1e-3] * 18)
    assert not suspected(little, Judgement((), (), ()))


def test_longer_steps_that_carry_over_are_told_of_a_run_that_did_not_badly() -> None:
    left = still(0.4)
    seen = np.array([0.1, 0.11, 0.12])
    gains = replace(trial("learning rate", 0.1, value=10.0), held=seen, control_held=seen + 0.8)
    assert severities("rate-too-low", replace(left, trials=(gains,))) == ["hint"]
    heart = replace(gains, held=seen + 0.4)  # by heart
    assert severities("rate-too-low", replace(left, trials=(heart,))) == []


def test_three_passes_whose_last_one_still_gained_are_few() -> None:
    record = became(looped(healthy(), loss=NOISY), train_score=0.75)
    assert record.rows is not None
    brief = replace(record, rows=replace(record.rows, n=32 * STEPS // 3))
    assert severities("too-few-epochs", looked(brief, 1.1, 0.6, 0.43, 0.35)) == ["hint"]
    assert severities("too-few-epochs", looked(brief, 1.1, 0.5, 0.37, 0.35)) == []  # it rests
    often = replace(record, rows=replace(record.rows, n=32 * STEPS // 8))
    assert severities("too-few-epochs", looked(often, 1.1, 0.6, 0.43, 0.35)) == []


def test_a_steep_end_counts_by_what_it_leaves() -> None:
    record = became(looped(healthy(), loss=NOISY), train_score=0.85)
    assert record.rows is not None
    often = replace(record, rows=replace(record.rows, n=32 * STEPS // 12))
    assert severities("too-few-epochs", looked(often, 1.1, 0.9, 0.62, 0.28)) == ["hint"]
    assert severities("too-few-epochs", looked(often, 1.1, 0.9, 0.55, 0.15)) == []


# Rates --------------------------------------------------------------------------------------------------


def stepping(record: Record, *updates: float) -> Record:
    """The usual layer moved by so much of its length in the first steps, and by a hundredth later."""
    assert record.course is not None
    update = np.full_like(record.course.update, 0.01)
    update[: len(updates)] = np.array(updates)[:, None]
    return looped(record, update=update)


def test_long_first_steps_after_which_the_loss_rises_far_late_are_told_wherever_it_ends() -> None:
    lucky = stepping(became(healthy(), train_score=0.97), *[0.5] * 18)
    wild = looked(lucky, 1.1, 0.7, 0.2, 0.6, 0.3, 0.5, 0.1)
    assert severities("rate-too-high", wild) == ["hint"]
    assert severities("rate-too-high", looked(lucky, 1.1, 0.7, 0.2, 0.3, 0.2, 0.3, 0.1)) == []
    calm = stepping(wild, *[0.05] * 18)
    assert severities("rate-too-high", calm) == []


def test_first_steps_that_leave_nothing_of_the_weights_are_told_and_acquitted_by_learning() -> None:
    rushing = stepping(failed(healthy()), 0.8, 0.45, 0.28, 0.23)
    assert severities("rate-too-high", rushing) == ["fault"]
    assert severities("rate-too-high", until(rushing, 15)) == ["hint"]
    assert severities("rate-too-high", stepping(failed(healthy()), 0.1, 0.08, 0.07, 0.07)) == []
    assert severities("rate-too-high", stepping(healthy(), 0.8, 0.45, 0.28, 0.23)) == []
    searching = replace(until(rushing, 15), optimiser=replace(SGD, name="LBFGS"))
    assert severities("rate-too-high", searching) == []


def test_losses_of_large_batches_that_go_up_and_down_between_epochs_are_the_rates() -> None:
    wild = (0.5, 0.45, 0.6, 0.4, 0.62, 0.45, 0.58, 0.41)
    record = became(healthy(optimiser=SGD), train_score=0.8)
    assert severities("rate-too-high", looked(record, 1.1, *wild)) == ["hint"]
    assert severities("rate-too-high", looked(record, 1.1, *sorted(wild, reverse=True))) == []
    spiky = (0.8, 0.6, 0.5, 0.45, 0.4, 0.6, 0.35, 0.3)
    assert severities("rate-too-high", looked(record, 1.1, *spiky)) == []
    arrived = looked(healthy(optimiser=SGD), 1.1, *wild[:-1], 0.05)
    assert severities("rate-too-high", arrived) == []


def test_steps_that_cannot_lead_as_far_as_networks_go_are_told_at_once() -> None:
    slow = stepping(healthy(), *[1e-4] * 18)
    assert severities("rate-too-low", until(slow, 15)) == ["hint"]
    assert severities("rate-too-low", slow) == []  # it learnt all the same
    assert severities("rate-too-low", until(stepping(healthy(), *[5e-6] * 18), 15)) == ["fault"]
    assert severities("rate-too-low", until(stepping(healthy(), *[5e-3] * 18), 15)) == []


def test_tiny_steps_along_a_line_are_the_rates_though_weights_went_somewhere() -> None:
    line = [1.12, *np.linspace(1.11, 1.08, 10)]
    tiny = looked(stepping(failed(healthy(), moved=np.full(3, 0.1)), *[5e-4] * 18), *line)
    assert severities("rate-too-low", tiny) == ["fault"]
    assert severities("rate-too-low", stepping(tiny, *[5e-3] * 18)) == []


def test_steps_that_momentum_makes_long_count_as_the_first_ones() -> None:
    gathering = stepping(failed(healthy()), 0.05, 0.08, 0.11, 0.17, 0.2, 0.19, 0.16, 0.0)
    assert severities("rate-too-high", gathering) == ["fault"]
    alone = replace(gathering, anatomy=replace(gathering.anatomy, layers=gathering.anatomy.layers[:1]))
    alone = looped(alone, update=gathering.course.update[:, :1])  # type: ignore[union-attr]
    assert severities("rate-too-high", alone) == []


def test_what_a_recurrent_layer_forgets_that_hardly_moved_is_the_rates_doing() -> None:
    record = healthy()
    layers = (replace(record.anatomy.layers[0], kind="recurrent", what="gru"), *record.anatomy.layers[1:])
    assert record.rows is not None
    fades = np.geomspace(1e-6, 1.0, 30)
    record = replace(
        record,
        anatomy=replace(record.anatomy, layers=layers),
        rows=replace(record.rows, shape=(30, 1)),
    )
    assert severities("too-deep", failed(record, sensitivity=fades)) == ["fault"]
    assert severities("too-deep", failed(record, sensitivity=fades, moved=np.full(3, 0.01))) == []


@pytest.mark.parametrize(("ratio", "told"), [(0.9, True), (0.95, True), (0.99, False), (1.0, False)])
def test_a_rate_that_falls_by_the_same_part_each_step_is_foreseen(ratio: float, told: bool) -> None:
    record = looped(healthy(), rate=1e-3 * ratio**T, planned=0)
    assert (severities("rate-decays-too-fast", until(record, 20)) == ["hint"]) is told


def test_cosines_and_steps_by_epochs_are_not_foreseen_to_end_learning() -> None:
    bent = looped(healthy(), rate=0.01 * (1.0 + np.cos(np.pi * T / STEPS)))
    assert severities("rate-decays-too-fast", until(bent, 75)) == []
    falling = looped(healthy(), rate=1e-3 * 0.5 ** (T // 10))
    assert severities("rate-decays-too-fast", until(falling, 75)) == []


def test_a_mean_rate_far_below_its_peak_ended_learning_too() -> None:
    slow = 1.1 - 0.3 * np.minimum(T / 150.0, 1.0) + 0.003 * np.sin(2.4 * T)
    record = became(looped(healthy(), loss=slow, rate=1e-3 * 0.982**T), train_loss=0.8, train_score=0.5)
    assert severities("rate-decays-too-fast", record) == ["hint"]
    assert severities("rate-decays-too-fast", looped(record, rate=1e-3 * 0.96**T)) == ["fault"]
    assert severities("rate-decays-too-fast", looped(record, rate=1e-3 * 0.995**T)) == []


def test_a_rate_of_nought_is_told_after_a_few_steps() -> None:
    none = looped(healthy(), rate=np.zeros(STEPS))
    assert severities("rate-too-low", until(none, 4)) == ["fault"]
    assert severities("rate-too-low", until(none, 2)) == []


# Loops, on their way ------------------------------------------------------------------------------------


def test_clipping_to_nothing_is_told_on_the_way_and_acquitted_by_learning() -> None:
    clipped = looped(healthy(optimiser=SGD), clipped=1e-3)
    assert severities("gradients-clipped-away", until(clipped, 9)) == ["hint"]
    assert severities("gradients-clipped-away", clipped) == []
    on = looped(became(clipped, train_loss=0.4, train_score=0.8), loss=1.1 - 0.7 * T / STEPS)
    assert severities("gradients-clipped-away", on) == ["hint"]


def test_dropout_that_evaluation_does_not_stop_is_told_before_the_first_step() -> None:
    record = healthy()
    awake = replace(record, anatomy=replace(record.anatomy, sleepless=("dropout",)))
    assert severities("training-mode-in-evaluation", awake) == ["fault"]
    assert severities("training-mode-in-evaluation", record) == []


def test_what_is_seen_of_a_loop_once_is_told_until_it_is_over() -> None:
    record = healthy()
    dropped = (replace(record.anatomy.layers[0], dropout=0.5), *record.anatomy.layers[1:])
    record = replace(record, anatomy=replace(record.anatomy, layers=dropped))
    seen = looped(record, evaluated_in_training=20, forwards=STEPS + 20)
    assert severities("training-mode-in-evaluation", until(seen, 15)) == ["hint"]
    assert severities("training-mode-in-evaluation", seen) == ["fault"]
    once = looped(record, evaluated_in_training=1, forwards=STEPS + 1)
    assert severities("training-mode-in-evaluation", once) == []


def test_sorted_rows_are_told_when_the_first_batches_are_known() -> None:
    record = healthy()
    assert record.rows is not None
    record = replace(record, rows=replace(record.rows, ordered=0.95))
    assert severities("rows-in-order", until(record, 3)) == ["hint"]


def test_weights_that_are_set_in_every_step_are_told_until_it_learns() -> None:
    cut = looped(healthy(), overwritten=STEPS - 1)
    assert severities("weights-overwritten", until(cut, 9)) == ["hint"]
    assert severities("weights-overwritten", cut) == []


def test_a_step_an_epoch_is_told_where_it_did_not_lead_all_the_way() -> None:
    seldom = looped(became(healthy(), train_loss=0.7, train_score=0.75), dropped=27 * STEPS)
    assert severities("no-step", seldom) == ["hint"]
    assert severities("no-step", looped(healthy(), dropped=27 * STEPS)) == []


def test_rows_learnt_by_heart_are_no_rates_doing() -> None:
    wild = (1.2, 1.1, 1.4, 1.0, 1.5, 1.3, 1.6, 1.4)
    record = looked(looped(failed(healthy()), repeated=STEPS - 1), 1.1, *wild)
    assert severities("rate-too-high", record) == ["fault"]
    assert [one.code for one in judge(record, RULES).findings] == ["same-batch"]


def test_a_score_that_is_there_is_no_end_of_few_steps_while_the_loss_falls() -> None:
    line = [1.1, *np.linspace(1.06, 0.7, 8)]
    few = looked(became(looped(healthy(), loss=NOISY[:40], planned=40, steps=40), train_score=0.98), *line)
    few = looped(few, epoch_step=np.arange(5, 41, 5), rows=np.full(40, 192))
    few = replace(few, surveys=(few.surveys[0], replace(few.surveys[-1], step=40)))
    assert severities("too-few-epochs", few) == ["hint"]
    assert severities("batch-too-large", few) == ["hint"]
    rests = looped(few, train_loss=np.array([0.8, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7]))
    assert severities("too-few-epochs", rests) == []
    assert severities("batch-too-large", rests) == []


def test_a_network_whose_loss_falls_along_a_line_is_not_too_small_yet() -> None:
    record = became(looped(healthy(), loss=NOISY), train_score=0.5)
    wide = replace(record, trials=(trial("width", 0.3, value=4.0),))
    assert severities("too-small", looked(wide, 1.1, 0.9, 0.88, 0.87)) == ["fault"]
    assert severities("too-small", looked(wide, 1.1, 1.02, 0.93, 0.85)) == []


@pytest.mark.parametrize(("length", "values"), [(0.1, [0.1]), (0.01, [0.1, 10.0]), (1e-3, [10.0])])
def test_steps_of_another_length_are_tried_where_they_can_help(length: float, values: list[float]) -> None:
    poor = stepping(became(looped(healthy(), loss=NOISY), train_loss=0.9, train_score=0.45), *[length] * 18)
    tried = suspected(poor, Judgement((), (), ()))
    assert [one.value for one in tried] == values
