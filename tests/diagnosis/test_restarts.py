"""What begins anew within a loop: the optimiser, its averages, the weights."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from tests.oracles.diagnosis_rules import STEPS, ended, healthy, looped
from torch import Tensor, nn
from torch.optim import Optimizer

from profunda.diagnosis.finding import Finding
from profunda.diagnosis.judging import judge
from profunda.diagnosis.partial import until
from profunda.diagnosis.record import Course, Record
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
        assert course(back, kept, hurried=hurried).returned == EPOCHS - 2  # the first time may be any
    assert course(shifted, kept).returned == course(kept, kept).returned == 0
    assert course(limited, kept).returned == course(kept, limited).returned == 0


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


def test_weights_put_back_in_half_of_the_epochs_are_a_fault() -> None:
    record = healthy()
    assert [one.severity for one in told("weights-overwritten", looped(record, returned=9))] == ["fault"]
    assert not told("weights-overwritten", looped(record, returned=4))
    assert record.rows is not None
    once = replace(record, rows=replace(record.rows, n=STEPS * 32))
    assert not told("weights-overwritten", looped(once, returned=1))
