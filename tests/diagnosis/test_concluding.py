"""What a watch saw is judged like a run of diagnose; since when; which rows are looked at; Lightning."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from profunda.diagnosis.batches import Batch
from profunda.diagnosis.concluding import judged
from profunda.diagnosis.diagnosing import diagnose
from profunda.diagnosis.diagnosis import Diagnosis
from profunda.diagnosis.finding import Change, Evidence, Finding
from profunda.diagnosis.gathering import gathered
from profunda.diagnosis.joining import joined, mixed
from profunda.diagnosis.judging import Judgement
from profunda.diagnosis.lightning import callback
from profunda.diagnosis.loaders import batches_of
from profunda.diagnosis.partial import until
from profunda.diagnosis.record import Record
from profunda.diagnosis.suspicions import ADAM, LONGER, SEEDS, SHARE, steps_for, suspected, telling
from profunda.diagnosis.watching import watch
from profunda.errors import ArgumentError, DataError

X = torch.randn(240, 6, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] > 0).long()
CLASSES = nn.CrossEntropyLoss()


def net() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))


def looped(
    clear: bool = True, step: bool = True, change: Callable[[Tensor], Tensor] = lambda rows: rows, **more: Any
) -> Diagnosis:
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, CLASSES, **more) as w:
        for _ in range(6):
            for rows in torch.randperm(200, generator=torch.Generator().manual_seed(1)).split(20):
                if clear:
                    optimizer.zero_grad()
                CLASSES(model(change(X[rows])), Y[rows]).backward()
                if step:
                    optimizer.step()
    before, drawn = [each.clone() for each in model.parameters()], torch.get_rng_state()
    found = w.diagnosis()
    assert torch.equal(drawn, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    return found


# A watch ------------------------------------------------------------------------------------------------


def test_a_watch_is_concluded() -> None:
    found = looped(data=(X[:200], Y[:200]), validation=(X[200:], Y[200:]))
    assert not found.faults
    assert found.steps == 60
    assert found.record.surveys[0].step == 0
    assert found.record.surveys[-1].step == 60
    assert np.isfinite(found.record.course.valid_loss).all()
    assert found.record.sharpness


def test_a_loop_without_clearing_is_found() -> None:
    found = looped(clear=False)
    assert found.findings[0].code == "gradients-not-cleared"
    assert found.findings[0].step <= 15  # a quarter of the run
    assert found.record.rows.seen == 200  # those that passed


def test_a_loop_without_steps_is_found() -> None:
    assert looped(step=False).findings[0].code == "no-step"


def test_a_loop_that_never_ran_says_so() -> None:
    model = net()
    with watch(model, torch.optim.SGD(model.parameters(), 0.1), CLASSES) as w:
        pass
    with pytest.raises(DataError, match="The loop never ran"):
        w.diagnosis()


def test_rows_are_judged_as_the_network_gets_them() -> None:
    """Raw data are scaled by the loop: they are not called unscaled."""
    wild = X * 1000.0
    found = looped(data=(wild[:200], Y[:200]), validation=(wild[200:], Y[200:]))
    assert not any(one.area == "data" for one in found.findings)
    assert any("The loop changes rows" in note for note in found.notes)
    assert any("Validation rows are not like" in note for note in found.notes)


# Rows ---------------------------------------------------------------------------------------------------


def batch(rows: Tensor, targets: Tensor) -> Batch:
    return Batch((rows,), (), targets, len(rows))


def test_augmented_rows_leave_validation_as_it_is() -> None:
    kept = [batch(X[:100] + 0.1, Y[:100])]
    found = gathered(kept, (X[:200], Y[:200]), (X[200:], Y[200:]), net())
    assert found.sample == kept
    assert sum(each.rows for each in found.validation) == 40
    assert found.rows == 200


def test_a_later_part_of_a_series_is_validation_although_its_mean_is_another() -> None:
    kept, later = [batch(X[:100], Y[:100])], (X[200:] + 1.0, Y[200:])
    assert gathered(kept, (X[:200], Y[:200]), later, net()).validation
    assert not gathered(kept, None, later, net()).validation
    assert not gathered(kept, (X[:200], Y[:200]), (1000.0 * X[200:], Y[200:]), net()).validation


def test_generators_and_what_cannot_be_read_are_left_alone() -> None:
    def never() -> Iterator[tuple[Tensor, Tensor]]:
        raise AssertionError("the loop's own")
        yield X, Y

    kept = [batch(X[:100], Y[:100])]
    found = gathered(kept, never(), X, net())
    assert found.sample == kept
    assert found.validation == ()
    assert "validation is a Tensor without targets" in found.notes[0]


def test_a_sample_keeps_the_order_of_the_data_set_although_the_loader_shuffles() -> None:
    loader = DataLoader(TensorDataset(X, Y), 32, shuffle=True)
    rows = torch.cat([each.inputs[0] for each in batches_of(loader, net(), 32, 0).sample()])
    assert torch.equal(rows, X)
    assert torch.equal(torch.cat([each.inputs[0] for each in batches_of((X, Y), net(), 32, 0).sample()]), X)


def test_a_sample_of_many_rows_is_runs_of_neighbours_from_all_over() -> None:
    many = torch.arange(20_000.0).reshape(-1, 1)
    sample = batches_of((many, many), nn.Linear(1, 1), 64, 0).sample()
    rows = torch.cat([each.inputs[0] for each in sample]).reshape(-1)
    assert len(rows) == 4096
    assert float((rows.diff() == 1).float().mean()) > 0.99
    assert rows[0] == 0
    assert rows[-1] == 19_999


def test_batches_are_joined_and_mixed() -> None:
    whole = joined([batch(X[:32], Y[:32]), batch(X[32:40], Y[32:40]), batch(X[:4, :3], Y[:4])])
    assert torch.equal(whole.inputs[0], X[:40])
    drawn = mixed(whole, 10)
    assert drawn.rows == 10
    at = [int((row == X).all(1).nonzero()[0]) for row in drawn.inputs[0]]
    assert torch.equal(drawn.targets, Y[at])
    assert at != sorted(at)
    assert joined([]) is None


def test_sequences_with_time_first_are_joined_along_their_rows() -> None:
    one, two = torch.randn(7, 5, 3), torch.randn(7, 5, 3)
    whole = joined([Batch((one,), (), Y[:5], 7), Batch((two,), (), Y[5:10], 7)])
    assert whole.rows == 10
    assert torch.equal(whole.inputs[0], torch.cat([one, two], 1))


# Since when ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def seen() -> Record:
    optimizer = torch.optim.SGD
    return diagnose(
        net(), (X, Y), CLASSES, optimizer=lambda params: optimizer(params, lr=1e-6), epochs=10
    ).record


def test_an_earlier_record_holds_nothing_of_what_came_later(seen: Record) -> None:
    early = until(seen, 20)
    assert len(early.course.loss) == early.course.steps == 20
    assert max(one.step for one in early.surveys) <= 20
    assert early.course.epoch_step.max() <= 20
    assert early.course.sampled.max() < 20
    assert early.course.forwards == round(20 / seen.course.steps * seen.course.forwards)
    assert not early.course.finished
    assert early.kernel is None
    assert until(seen, 0).course is None
    assert [one.step for one in until(seen, 0).surveys] == [0]


def test_a_finding_is_dated_by_the_first_look_from_which_on_it_stayed(seen: Record) -> None:
    whole, found = judged(seen)
    assert [one.code for one in found] == [one.code for one in whole.findings]
    assert found
    for one in found:
        assert one.step in {0, 1, 4, 20, 80}


# Trainings for comparison -------------------------------------------------------------------------------


def finding(code: str, *changes: Change) -> Finding:
    return Finding(code, "fault", "", (Evidence("x", 1.0),), "c", "r", changes=changes)


@pytest.mark.parametrize(
    ("findings", "tried"),
    [
        ((), (LONGER, ADAM)),
        ((finding("no-learning"),), (LONGER, ADAM)),
        ((finding("no-activation", Change("activation", word="relu")),), ()),
        (
            (
                finding("rate-too-high", Change("learning rate", value=0.1)),
                finding("weights-too-large", Change("initialisation", word="critical")),
            ),
            (Change("initialisation", word="critical"), Change("learning rate", value=0.1)),
        ),
        ((finding("loss-sign"), finding("too-deep", Change("depth", value=0.5))), ()),
    ],
)
def test_what_is_tried(seen: Record, findings: tuple[Finding, ...], tried: tuple[Change, ...]) -> None:
    found = suspected(seen, Judgement(findings, (), ()))
    assert found == tried


def test_nothing_is_tried_where_it_learns() -> None:
    good = diagnose(net(), (X, Y), CLASSES, epochs=10, optimizer=lambda p: torch.optim.Adam(p, 0.02))
    assert suspected(good.record, Judgement((), (), ())) == ()
    assert suspected(replace(good.record, course=None), Judgement((), (), ())) == ()


def test_trials_cost_no_more_than_half_as_much_again_as_the_run() -> None:
    for changes in (1, 2):
        assert (changes + 1) * SEEDS * steps_for(changes, 1000) <= SHARE * 1000


def test_a_short_trial_without_a_gain_refutes_nothing(seen: Record) -> None:
    from profunda.diagnosis.record import Trial

    end = np.full(2, seen.loss.trivial)
    short = Trial("learning rate", "", 10.0, 10, end, end)
    assert telling(seen, (short,)) == ()
    assert telling(seen, (replace(short, steps=80),)) != ()
    assert telling(seen, (replace(short, loss=end * np.array([0.1, 0.11])),)) != ()


# Lightning ----------------------------------------------------------------------------------------------


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    home = ModuleType("pytorch_lightning.callbacks")
    home.Callback = type("Callback", (), {})
    monkeypatch.setitem(sys.modules, "lightning", None)
    monkeypatch.setitem(sys.modules, "pytorch_lightning", ModuleType("pytorch_lightning"))
    monkeypatch.setitem(sys.modules, "pytorch_lightning.callbacks", home)


def test_a_lightning_run_is_watched(stand_in: None) -> None:
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    trainer = SimpleNamespace(optimizers=[optimizer], accumulate_grad_batches=1)
    watching = callback(CLASSES, data=(X, Y))
    with pytest.raises(ArgumentError, match="Nothing was trained yet"):
        watching.diagnosis  # noqa: B018
    watching.on_train_start(trainer, model)
    for rows in torch.arange(240).split(24):
        CLASSES(model(X[rows]), Y[rows]).backward()
        optimizer.step()
    watching.on_train_end(trainer, model)
    assert watching.diagnosis.findings[0].code == "gradients-not-cleared"
    assert not model._forward_hooks


def test_an_exception_takes_the_hooks_off_too(stand_in: None) -> None:
    model = net()
    watching = callback(CLASSES)
    watching.on_exception(None, model, ValueError())
    trainer = SimpleNamespace(
        optimizers=[torch.optim.SGD(model.parameters(), lr=0.1)], accumulate_grad_batches=1
    )
    watching.on_train_start(trainer, model)
    watching.on_exception(trainer, model, ValueError())
    assert not model._forward_hooks
    with pytest.raises(ArgumentError, match="The trainer has 0 optimisers; a watch follows one"):
        callback(CLASSES).on_train_start(SimpleNamespace(optimizers=[], accumulate_grad_batches=1), model)


def test_lightning_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("lightning", "pytorch_lightning"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ArgumentError, match="Neither lightning nor pytorch_lightning is installed"):
        callback(CLASSES)
    with pytest.raises(ArgumentError, match="loss_fn is a function: a training step's call"):
        callback(nn.functional.cross_entropy)
