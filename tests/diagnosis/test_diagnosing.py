"""`diagnose`: nothing of the user's moves, one seed gives one diagnosis, odd input gets clear words."""

import copy
import json
import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from profunda.diagnosis.diagnosing import diagnose, examined
from profunda.diagnosis.diagnosis import Diagnosis
from profunda.errors import ArgumentError, DataError

DRAWN = torch.Generator().manual_seed(0)
X = torch.randn(160, 6, generator=DRAWN)
Y = (X[:, 0] > 0).long()
CLASSES = nn.CrossEntropyLoss()


def net(outputs: int = 2) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, outputs))


def codes(found: Diagnosis) -> list[str]:
    return [one.code for one in found.findings]


class TwoInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 2)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        return self.layer(first + second)


class Breaks(nn.Module):
    """Raises in a forward pass in training mode, `after` so many."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.layer, self.left = nn.Linear(6, 2), after

    def forward(self, rows: Tensor) -> Tensor:
        if self.training:
            self.left -= 1
            if self.left < 0:
                raise RuntimeError("it broke")
        return self.layer(rows)


# The user's own things ----------------------------------------------------------------------------------


def bits(*modules: nn.Module) -> list[Tensor]:
    return [each.detach().clone() for one in modules for each in one.state_dict().values()]


def same(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_nothing_of_the_users_changes() -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2)).eval()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    CLASSES(model(X), Y).backward()
    optimizer.step()
    generator = torch.Generator().manual_seed(3)
    loader = DataLoader(TensorDataset(X, Y), 32, shuffle=True, generator=generator)
    weights, state = bits(model), copy.deepcopy(optimizer.state_dict())
    grads = [each.grad.clone() for each in model.parameters()]
    drawn = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate(), generator.get_state()

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:  # it reads the user's own weights
        return CLASSES(outputs, targets) + 1e-3 * sum(each.square().sum() for each in model.parameters())

    diagnose(model, loader, loss, optimizer=optimizer, validation=(X, Y), epochs=2)
    assert same(weights, bits(model))
    assert same(grads, [each.grad for each in model.parameters()])
    assert not model.training
    now = optimizer.state_dict()
    assert now["param_groups"] == state["param_groups"]
    for key, one in state["state"].items():
        assert all(torch.equal(torch.as_tensor(one[k]), torch.as_tensor(now["state"][key][k])) for k in one)
    assert torch.equal(drawn[0], torch.get_rng_state())
    assert (drawn[1] == np.random.get_state()[1]).all()
    assert drawn[2] == random.getstate()
    assert torch.equal(drawn[3], generator.get_state())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())


def test_one_seed_gives_one_diagnosis_and_another_seed_another_order() -> None:
    first, again, other = (diagnose(net(), (X, Y), CLASSES, epochs=3, seed=seed) for seed in (0, 0, 1))
    assert first.json() == again.json()
    assert first.record.course.loss.tolist() != other.record.course.loss.tolist()


def test_the_loop_is_the_plain_one() -> None:
    """The naive twin: the same order of rows, the same losses."""
    model = nn.Linear(6, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
    found = diagnose(model, (X, Y), CLASSES, optimizer=optimizer, epochs=2, batch_size=40, seed=0)
    own = copy.deepcopy(model)
    step = torch.optim.SGD(own.parameters(), lr=0.5, momentum=0.9)
    losses = []
    for epoch in range(2):
        order = torch.randperm(len(X), generator=torch.Generator().manual_seed(epoch))
        for rows in order.split(40):
            step.zero_grad()
            loss = CLASSES(own(X[rows]), Y[rows])
            loss.backward()
            step.step()
            losses.append(loss.item())
    assert found.record.course.loss.tolist() == losses
    assert found.record.optimiser.groups[0].momentum == 0.9
    assert found.record.course.epoch_step.tolist() == [4, 8]
    assert found.record.surveys[-1].step == found.steps == 8


@pytest.mark.parametrize("kind", ["sgd", "lbfgs", "groups", "factory", "class"])
def test_optimisers_are_rebuilt(kind: str) -> None:
    model = net()
    made: dict[str, Any] = {
        "sgd": lambda: torch.optim.SGD(model.parameters(), lr=0.1),
        "lbfgs": lambda: torch.optim.LBFGS(model.parameters(), lr=0.1),
        "groups": lambda: torch.optim.AdamW(
            [{"params": model[0].parameters(), "lr": 0.1}, {"params": model[3].parameters(), "lr": 0.02}]
        ),
        "factory": lambda: lambda params: torch.optim.RMSprop(params, lr=0.05),
        "class": lambda: torch.optim.Adam,
    }
    found = diagnose(model, (X, Y), CLASSES, optimizer=made[kind](), epochs=4, batch_size=80)
    assert found.record.course.loss[-1] < found.record.course.loss[0]
    assert not found.record.optimiser.missing
    if kind == "groups":
        assert [group.lr for group in found.record.optimiser.groups] == [0.1, 0.02]


def test_an_optimiser_of_another_network_moves_nothing() -> None:
    found = diagnose(net(), (X, Y), CLASSES, optimizer=torch.optim.SGD(net().parameters(), 0.1), epochs=2)
    assert codes(found)[0] == "parameters-not-held"
    assert found.findings[0].step == 0


# Findings -----------------------------------------------------------------------------------------------


def test_a_nan_is_found_before_training_and_the_loop_ends_early() -> None:
    spoilt = X.clone()
    spoilt[3, 2] = float("nan")
    found = diagnose(net(), (spoilt, Y), CLASSES, epochs=20)
    assert codes(found) == ["inputs-not-finite"]
    assert found.findings[0].step == 0
    assert found.steps < 60
    assert any("20 losses in a row" in note for note in found.notes)
    assert not found.record.course.finished


def test_too_few_outputs_are_a_finding_although_the_loss_raises() -> None:
    three = (X[:, 0] > 0).long() + (X[:, 1] > 0).long()
    found = diagnose(net(2), (X, three), CLASSES, epochs=2)
    assert codes(found)[0] == "output-width"
    assert any("could not go on" in note for note in found.notes)


def test_a_detached_loss_is_a_finding() -> None:
    found = diagnose(net(), (X, Y), lambda outputs, targets: CLASSES(outputs.detach(), targets), epochs=9)
    assert codes(found)[0] == "loss-detached"
    assert found.steps == 20


def test_a_healthy_run_has_no_fault() -> None:
    optimizer = partial(torch.optim.Adam, lr=0.02)
    found = diagnose(net(), (X[40:], Y[40:]), CLASSES, optimizer=optimizer, validation=(X[:40], Y[:40]))
    assert not found.faults
    assert len(found.silences) + len(found.findings) + len(found.symptoms) >= 60


def test_ctrl_c_ends_the_training_and_not_the_diagnosis() -> None:
    def pressed(step: int, planned: int) -> None:
        if step == 7:
            raise KeyboardInterrupt

    found = examined(net(), (X, Y), CLASSES, None, None, 32, 4, 0, pressed)
    assert found.steps == 7
    assert any("Interrupted" in note for note in found.notes)
    assert not found.record.course.finished


def test_steps_are_told_as_they_are_made() -> None:
    seen: list[tuple[int, int]] = []
    examined(net(), (X, Y), CLASSES, None, None, 32, 2, 0, lambda *told: seen.append(told))
    assert seen == [(step, 10) for step in range(11)]


# What is accepted ---------------------------------------------------------------------------------------


def rows(size: int = 40) -> Iterator[tuple[Tensor, Tensor]]:
    yield from zip(X.split(size), Y.split(size), strict=True)


@pytest.mark.parametrize(
    ("model", "data", "steps"),
    [
        (net, lambda: (X.double().numpy(), Y.numpy()), 10),
        (net, lambda: (X.tolist(), Y.tolist()), 10),
        (net, lambda: TensorDataset(X, Y), 10),
        (net, lambda: DataLoader(TensorDataset(X, Y), 80), 4),
        (net, lambda: list(rows()), 8),
        (net, rows, 8),
        (net, lambda: (X[:97], Y[:97]), 6),
        (TwoInputs, lambda: ((X, X), Y), 10),
        (TwoInputs, lambda: ({"first": X, "second": X}, Y), 10),
        (TwoInputs, lambda: [{"first": X, "second": X, "labels": Y}], 2),
        (TwoInputs, lambda: [(X, X, Y)], 2),
        (lambda: nn.Sequential(nn.LazyLinear(4), nn.Linear(4, 2)), lambda: (X, Y), 10),
    ],
)
def test_data_in_many_forms(model: Callable[[], nn.Module], data: Callable[[], Any], steps: int) -> None:
    found = diagnose(model(), data(), CLASSES, epochs=2)
    assert found.steps == steps
    assert found.record.surveys
    assert found.record.rows.seen


def test_a_generator_is_used_again() -> None:
    found = diagnose(net(), rows(), CLASSES, epochs=2)
    assert any("its 4 batches are used again" in note for note in found.notes)


def test_a_last_batch_of_one_row_is_left_out() -> None:
    model = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    found = diagnose(model, (X[:97], Y[:97]), CLASSES, epochs=1)
    assert any("1 of 97 rows and is left out" in note for note in found.notes)


# What is refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (DataLoader(TensorDataset(X[:0], Y[:0])), "data gives no batch: it is empty"),
        (iter([]), "a generator that was used up"),
        ((X[:0], Y[:0]), "data has 0 rows"),
        (TensorDataset(X[:0], Y[:0]), "a data set of 0 rows"),
        ((X, Y[:9]), r"inputs of 160 rows and targets of 9.*Cut X and y alike"),
        (X, "is a Tensor without targets. Give a DataLoader"),
        ("rows.csv", "is a str without targets"),
        (TensorDataset(X), r"a list of 1 without targets.*\(X, X\)"),
        ([{"a": X}], "a dict of a without targets, which are looked for under labels"),
        ([(X[:0], Y[:0])], "batch 0 has 0 rows"),
        (({}, Y), r"a pair whose X \(dict\) holds no numbers"),
        ((np.array([["a"] * 6]), Y[:1]), "an array of <U1: a network takes numbers"),
        ((object(), Y), "data holds a object, which is no array of numbers.*X.toarray"),
    ],
)
def test_data_that_are_none(data: Any, told: str) -> None:
    with pytest.raises(DataError, match=told):
        diagnose(net(), data, CLASSES, epochs=1)


@pytest.mark.parametrize(
    ("model", "data", "loss", "told"),
    [
        (net(), (X.double(), Y), CLASSES, r"inputs 32×6 float64; .*Inputs are float64 and weights float32"),
        (net(), (X.long(), Y), CLASSES, "does not take inputs of this type"),
        (net(), (X[:, :4], Y), CLASSES, r"raised RuntimeError on the first batch .*rows of another shape"),
        (
            net(),
            ((X, X), Y),
            CLASSES,
            r"takes another number of inputs: a tuple X is handed on as model\(\*X\)",
        ),
        (net(), (X, Y.int()), CLASSES, "Outputs, targets and this loss do not go together"),
        (net(), (X, Y), nn.CrossEntropyLoss(reduction="none"), "one number a row; a step needs one"),
        (net(), (X, Y), lambda outputs, targets: 1 / 0, "The loss raised ZeroDivisionError"),
        (Breaks(0), (X, Y), CLASSES, "Breaks raised RuntimeError on the first batch"),
        (Breaks(8), (X, Y), CLASSES, r"after \d steps .*The batches before it passed"),
        (nn.BatchNorm1d(6), (X[:1], Y[:1]), CLASSES, "needs at least 2 rows"),
        (
            nn.Sequential(nn.LazyLinear(4), nn.Linear(5, 2)),
            (X, Y),
            CLASSES,
            "raised RuntimeError on the first",
        ),
    ],
)
def test_what_raises_is_told_with_its_likely_cause(
    model: nn.Module, data: Any, loss: Callable[..., Any], told: str
) -> None:
    with pytest.raises(ArgumentError, match=told):
        diagnose(model, data, loss, epochs=2)


def test_a_batch_norm_in_the_middle_of_a_run() -> None:
    model = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    with pytest.raises(ArgumentError, match="look at what is different about this one, its size first"):
        diagnose(model, [(X[:9], Y[:9]), (X[:1], Y[:1])], CLASSES, epochs=1)


class Spoilt(torch.optim.SGD):
    def step(self, closure: Any = None) -> None:
        raise ValueError("no step today")


class Uncopied(nn.Linear):
    def __deepcopy__(self, memo: object) -> "Uncopied":
        raise TypeError("a lock")


class UncopiedStep(torch.optim.SGD):
    def __deepcopy__(self, memo: object) -> "UncopiedStep":
        raise TypeError("a lock")


def twice_used(outputs: Tensor, targets: Tensor) -> Tensor:
    loss = CLASSES(outputs, targets)
    loss.backward()
    return loss


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model": "net"}, "model is a str; diagnose takes a torch.nn.Module. Of a fitted estimator"),
        ({"model": nn.ReLU()}, "ReLU has 0 parameters"),
        ({"model": Uncopied(6, 2)}, r"cannot be copied \(TypeError: a lock\)"),
        ({"loss_fn": "mse"}, "loss_fn is a str and cannot be called"),
        ({"loss_fn": twice_used}, "was changed in place, or went backwards twice"),
        ({"batch_size": 0}, "batch_size is 0; it is a whole number of at least 1"),
        ({"epochs": 1.5}, "epochs is 1.5; it is a whole number"),
        ({"seed": -1}, "seed is -1; it is a whole number of at least 0"),
        ({"optimizer": "adam"}, "optimizer is a str; give a torch.optim.Optimizer"),
        ({"optimizer": lambda: None}, r"optimizer\(parameters\) raised TypeError"),
        ({"optimizer": lambda params: None}, r"optimizer\(parameters\) gave a NoneType"),
        ({"optimizer": lambda params: Spoilt(params, 0.1)}, "The optimiser's step raised ValueError"),
        ({"optimizer": UncopiedStep(net().parameters(), 0.1)}, "UncopiedStep cannot be copied"),
    ],
)
def test_arguments_that_are_none(change: dict[str, Any], told: str) -> None:
    given: dict[str, Any] = {"model": net(), "data": (X, Y), "loss_fn": CLASSES, "epochs": 1} | change
    with pytest.raises(ArgumentError, match=told):
        diagnose(given.pop("model"), given.pop("data"), given.pop("loss_fn"), **given)


# As a value ---------------------------------------------------------------------------------------------


def test_a_diagnosis_is_told_as_text_and_as_json() -> None:
    spoilt = X.clone()
    spoilt[3, 2] = float("inf")
    found = diagnose(net(), (spoilt, Y), CLASSES, epochs=2)
    told = str(found)
    assert told.startswith(f"Diagnosis of Sequential · {found.steps} steps · 1 fault")
    assert "1. FAULT · data · Inputs hold NaN or infinity" in told
    assert "Not applicable:" in told
    assert max(map(len, told.splitlines())) <= 100
    tree = json.loads(found.json())
    assert tree["findings"][0]["code"] == "inputs-not-finite"
    assert tree["findings"][0]["area"] == "data"
    assert tree["record"]["course"]["steps"] == found.steps
