"""What begins anew within a loop: the optimiser, its averages, the weights."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.oracles.diagnosis_rules import STEPS, ended, healthy, looped
from tests.oracles.diagnosis_tables import course as course_of
from tests.oracles.diagnosis_tables import record as made
from torch import Tensor, nn
from torch.optim import Optimizer

from profunda.diagnosis.finding import Finding
from profunda.diagnosis.judging import judge
from profunda.diagnosis.partial import until
from profunda.diagnosis.record import Course, Ending, Record
from profunda.diagnosis.rules.all import RULES
from profunda.diagnosis.watching import Watch

EPOCHS, BATCHES = 6, 4

Make = Callable[[Iterator[nn.Parameter]], Optimizer]
Made = Callable[[nn.Module, Optimizer, Make], Optimizer]


def adam(of: Iterator[nn.Parameter]) -> Optimizer:
    return torch.optim.Adam(of, lr=0.01)


def rolling(of: Iterator[nn.Parameter]) -> Optimizer:
    return torch.optim.SGD(of, lr=0.01, momentum=0.9)


def kept(model: nn.Module, optimizer: Optimizer, make: Make) -> Optimizer:
    return optimizer


def made_anew(model: nn.Module, optimizer: Optimizer, make: Make) -> Optimizer:
    return make(model.parameters())


def cleared(model: nn.Module, optimizer: Optimizer, make: Make) -> Optimizer:
    optimizer.state.clear()
    return optimizer


def loaded(model: nn.Module, optimizer: Optimizer, make: Make) -> Optimizer:
    optimizer.load_state_dict(make(model.parameters()).state_dict())
    return optimizer


def course(begins: Made, each: Made, make: Make = adam, hurried: bool = False) -> Course:
    """`begins` acts at the begin of epochs, `each` before each batch."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 3))
    optimizer = make(model.parameters())
    w = Watch(model, optimizer, F.cross_entropy, hurried=hurried)
    with w:
        for _ in range(EPOCHS):
            optimizer = begins(model, optimizer, make)
            for _ in range(BATCHES):
                optimizer = each(model, optimizer, make)
                x, y = torch.randn(16, 5), torch.randint(0, 3, (16,))
                optimizer.zero_grad()
                w.loss(model(x), y).backward()
                optimizer.step()
    assert not w._probe.broken, w.notes
    assert not w._probe.strangers
    return w.course()


@pytest.mark.parametrize("act", [made_anew, cleared, loaded])
@pytest.mark.parametrize("make", [adam, rolling])
def test_averages_that_begin_anew_are_counted(act: Made, make: Make) -> None:
    every = course(kept, act, make)
    assert (every.steps, every.backwards, every.forgot) == (EPOCHS * BATCHES, EPOCHS * BATCHES, 23)
    assert course(act, kept, make).forgot == EPOCHS - 1


def test_an_optimiser_that_gathers_nothing_has_nothing_to_forget() -> None:
    assert course(kept, made_anew, lambda of: torch.optim.SGD(of, lr=0.01)).forgot == 0
    assert course(kept, kept).forgot == course(kept, kept, rolling).forgot == 0


def test_weights_that_come_back_are_counted() -> None:
    first: list[dict[str, Tensor]] = []

    def back(model: nn.Module, optimizer: Optimizer, make: Make) -> Optimizer:
        first.append(copy.deepcopy(model.state_dict())) if not first else model.load_state_dict(first[0])
        return optimizer

    def limited(model: nn.Module, optimizer: Optimizer, make: Make) -> Optimizer:
        optimizer.param_groups[0]["lr"] = 0.0
        for each in model.parameters():
            with torch.no_grad():
                each.clamp_(-9.0, 9.0)
        return optimizer

    def shifted(model: nn.Module, optimizer: Optimizer, make: Make) -> Optimizer:
        with torch.no_grad():
            for each in model.parameters():
                each.add_(0.1)
        return optimizer

    for hurried in (False, True):
        first.clear()
        assert course(back, kept, hurried=hurried).returned == EPOCHS - 1
    assert course(shifted, kept).returned == course(kept, kept).returned == 0
    assert course(limited, kept).returned == course(kept, limited).returned == 0


def test_weights_that_are_drawn_anew_are_counted() -> None:
    def drawn(model: nn.Module, optimizer: Optimizer, make: Make) -> Optimizer:
        for part in model.modules():
            if isinstance(part, nn.Linear):
                nn.init.xavier_normal_(part.weight)
        return optimizer

    assert course(drawn, kept).returned >= EPOCHS - 2


def ended_with(change: Callable[[nn.Module, dict[str, Tensor]], object], between: bool = False) -> str:
    model = nn.Linear(3, 1)
    first = copy.deepcopy(model.state_dict())
    optimizer = adam(model.parameters())
    w = Watch(model, optimizer, F.mse_loss, hurried=False)
    with w:
        for _ in range(4):
            optimizer.zero_grad()
            w.loss(model(torch.ones(4, 3)), torch.zeros(4, 1)).backward()
            optimizer.step()
            if between:
                model.load_state_dict(copy.deepcopy(model.state_dict()))
    change(model, first)
    return w.course().ending


def test_what_is_done_to_weights_after_the_last_step_is_seen() -> None:
    def shifted(model: nn.Module, first: dict[str, Tensor]) -> None:
        with torch.no_grad():
            next(model.parameters()).add_(0.1)

    assert not ended_with(lambda model, first: None)
    assert ended_with(lambda model, first: model.load_state_dict(first)) == "first"
    assert ended_with(lambda model, first: model.load_state_dict(model.state_dict())) == "same"
    assert not ended_with(lambda model, first: model.load_state_dict(model.state_dict()), between=True)
    assert ended_with(shifted) == "set"


def test_an_optimiser_within_another_or_of_other_weights_is_no_heir() -> None:
    torch.manual_seed(0)
    model, other = nn.Linear(3, 1), nn.Linear(3, 1)
    inner, theirs = adam(model.parameters()), adam(other.parameters())

    class Outer(torch.optim.Adam):
        def step(self, closure: object = None) -> None:  # type: ignore[override]
            inner.step()

    optimizer = Outer(model.parameters(), lr=0.01)
    w = Watch(model, optimizer, F.mse_loss, hurried=False)
    with w:
        for _ in range(5):
            w.loss(model(torch.ones(4, 3)), torch.zeros(4, 1)).backward()
            optimizer.step()
            theirs.step()
            optimizer.zero_grad()
    assert w.course().steps == 5


# What is said of it ---------------------------------------------------------------------------------


def told(code: str, record: Record) -> list[Finding]:
    found = judge(record, RULES)
    return [one for one in (*found.findings, *found.symptoms) if one.code == code]


def test_a_past_thrown_away_at_each_step_is_told_at_once_and_whatever_was_learnt() -> None:
    record = looped(healthy(), forgot=STEPS - 1)
    for seen in (until(record, 15), record):
        (found,) = told("optimiser-constants", seen)
        assert found.severity == "hint"
        assert "thrown away before each step" in found.cause


def test_a_past_thrown_away_with_each_epoch_is_acquitted_by_learning() -> None:
    short = ended(healthy(), 0.4, 0.85)
    assert [one.severity for one in told("optimiser-constants", looped(short, forgot=9))] == ["hint"]
    assert not told("optimiser-constants", looped(short, forgot=3))
    assert not told("optimiser-constants", looped(ended(healthy(), 0.05, 0.99), forgot=9))


def test_weights_put_back_at_the_end_are_judged_by_what_they_undo() -> None:
    def of(ending: Ending, valid: float, *epochs: float) -> list[str]:
        done = made(0.9, 1.0 - valid, course=course_of([1.2] * 10 + [0.1] * 90, epochs=epochs, valid=epochs))
        assert done.course is not None
        seen = replace(
            done, course=replace(done.course, ending=ending, epoch_step=np.arange(1, len(epochs) + 1) * 25)
        )
        return [one.severity for one in told("weights-overwritten", seen)]

    assert of("first", 0.2, 0.3, 0.2, 0.2) == ["fault"]
    assert of("set", 0.5, 0.3, 0.2, 0.2) == ["fault"]
    assert not of("set", 0.25, 0.3, 0.2, 0.2)
    assert of("same", 0.35, 0.2, 0.3, 0.35) == ["fault"]
    assert not of("same", 0.25, 0.2, 0.22, 0.25)
    assert not of("", 0.5, 0.3, 0.2, 0.2)


def test_weights_put_back_in_half_of_the_epochs_are_a_fault() -> None:
    record = healthy()
    assert [one.severity for one in told("weights-overwritten", looped(record, returned=9))] == ["fault"]
    assert not told("weights-overwritten", looped(record, returned=4))
    assert record.rows is not None
    once = replace(record, rows=replace(record.rows, n=STEPS * 32))
    assert not told("weights-overwritten", looped(once, returned=1))
