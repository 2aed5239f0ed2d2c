"""Data, losses and loops that are not as they should be are met with words, or with a finding."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from profunda.diagnosis.diagnosing import diagnose
from profunda.diagnosis.diagnosis import Diagnosis
from profunda.diagnosis.watching import Watch, watch
from profunda.errors import ArgumentError, DataError

N = 48
X = torch.randn(N, 6, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] > 0).long()
CLASSES = nn.CrossEntropyLoss()


def net(outputs: int = 2) -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, outputs))


class Corrupt(Dataset):
    """Its row 30 cannot be read."""

    def __len__(self) -> int:
        return N

    def __getitem__(self, at: int) -> tuple[Tensor, Tensor]:
        if at == 30:
            raise ValueError("corrupt file")
        return X[at], Y[at]


def broken_off() -> Iterator[tuple[Tensor, Tensor]]:
    yield X[:8], Y[:8]
    raise OSError("the disk is gone")


# Data ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (
            broken_off,
            "Reading data raised OSError after 1 batches: the disk is gone.*for batch in data: pass",
        ),
        (lambda: Corrupt(), "Reading data raised ValueError after 0 batches: corrupt file"),
        (lambda: DataLoader(Corrupt(), 8), "Reading data raised ValueError after 3 batches"),
        (lambda: DataLoader(TensorDataset(X[:5], Y[:5]), 32, drop_last=True), "data gives no batch"),
        (
            lambda: (X.to_sparse(), Y),
            r"layout torch.sparse_coo, of which rows cannot be taken.*X.to_dense\(\)",
        ),
        (lambda: (X, None), "data holds a NoneType, which is no array of numbers"),
        (lambda: [None, None], "data, batch 0 is a NoneType without targets"),
        (lambda: None, "data is a NoneType without targets"),
        (lambda: pd.DataFrame(X.numpy()), "without targets"),
        (lambda: (pd.DataFrame({"a": ["x"] * N}), Y), "Encode texts and dates first"),
        (lambda: (X, ["a"] * N), "Encode texts and dates first"),
        (lambda: ([[1.0], [1.0, 2.0]], [0, 1]), "data holds a list that is no array"),
        (lambda: (torch.tensor(1.0), Y), "data has 0 rows"),
    ],
)
def test_data_that_cannot_be_trained_on(data: Callable[[], Any], told: str) -> None:
    with pytest.raises(DataError, match=told):
        diagnose(net(), data(), CLASSES, epochs=2)


@pytest.mark.parametrize(
    "data",
    [
        (X.numpy(), Y.numpy()),
        (pd.DataFrame(X.numpy()), pd.Series(Y.numpy())),
        (X.tolist(), Y.tolist()),
        (X.t().contiguous().t(), Y),
        (X.clone().requires_grad_() * 2.0, Y),
        (X[:1], Y[:1]),
        [(X[:3], Y[:3]), (X[3:20], Y[3:20]), (X[20:21], Y[20:21])],
        [{"input": X[:8], "labels": Y[:8]}],
        DataLoader(TensorDataset(X, Y), 8, num_workers=2),
    ],
    ids=["numpy", "pandas", "lists", "strides", "computed", "one row", "uneven", "dicts", "workers"],
)
def test_data_of_many_kinds(data: Any) -> None:
    found = diagnose(net(), data, CLASSES, epochs=2, batch_size=100)
    assert found.steps >= 2
    assert not found.faults


def test_no_gradient_arrives_at_the_users_rows() -> None:
    own = X.clone().requires_grad_()
    diagnose(net(), (own, Y), CLASSES, epochs=1)
    assert own.grad is None
    assert own.requires_grad


class Differentiates(nn.Module):
    """A network whose output is a derivative by its input, as where an equation is solved."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(6, 8), nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        u = self.outer(torch.tanh(self.inner(x)))
        (slope,) = torch.autograd.grad(u.sum(), x, create_graph=True)
        return u + slope.sum(1, keepdim=True)


def test_rows_that_ask_for_gradients_get_them() -> None:
    found = diagnose(Differentiates(), (X.clone().requires_grad_(), X[:, :1]), nn.MSELoss(), epochs=1)
    assert found.steps == 2


# Arguments ----------------------------------------------------------------------------------------------


def test_any_seed_will_do() -> None:
    for seed in (2**62, 2**70, np.int64(3)):
        assert diagnose(net(), (X, Y), CLASSES, epochs=1, seed=seed).steps == 2


@pytest.mark.parametrize(
    ("loss", "told"),
    [
        (lambda out, y: None, r"on the first batch .*a NoneType, and not a tensor\. .*does it return it\?"),
        (lambda out, y: (CLASSES(out, y), 1), r"on the first batch .*a tuple, and not a tensor"),
        (nn.CrossEntropyLoss, r"loss_fn is the class CrossEntropyLoss; give one of it, such as Cross"),
    ],
)
def test_what_is_no_loss(loss: Any, told: str) -> None:
    with pytest.raises(ArgumentError, match=told):
        diagnose(net(), (X, Y), loss, epochs=1)


def test_a_watch_takes_no_class_of_losses() -> None:
    model = net()
    with pytest.raises(ArgumentError, match="loss_fn is the class MSELoss; give one of it"):
        watch(model, torch.optim.SGD(model.parameters(), 0.1), nn.MSELoss)


class Pressed(nn.Module):
    """Ctrl-C at the fifth pass in training."""

    passes = 0

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        Pressed.passes += 1
        if Pressed.passes == 12:
            raise KeyboardInterrupt
        return self.head(x)


def test_the_keyboard_ends_a_training_and_not_the_diagnosis() -> None:
    Pressed.passes = 0
    found = diagnose(Pressed(), [(X[:8], Y[:8])] * 30, CLASSES, epochs=1)
    assert 0 < found.steps < 30
    assert any("Interrupted" in note for note in found.notes)


# Loops --------------------------------------------------------------------------------------------------

Turn = Callable[[Watch, nn.Sequential, Tensor, Tensor, int], object]


def looped(turn: Turn, steps: int = 6, size: int = 8, **given: Any) -> Diagnosis:
    torch.manual_seed(0)
    model = given.pop("model", None) or net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, F.cross_entropy, **given) as w:
        for at in range(steps):
            rows = slice(at * size % N, at * size % N + size)
            optimizer.zero_grad()
            turn(w, model, X[rows], Y[rows], at)
            optimizer.step()
    return w.diagnosis()


def usual(w: Watch, model: nn.Sequential, x: Tensor, y: Tensor, at: int) -> None:
    w.loss(model(x), y).backward()


def with_penalty(w: Watch, model: nn.Sequential, x: Tensor, y: Tensor, at: int) -> None:
    leaf = x.clone().requires_grad_()
    loss = w.loss(model(leaf), y)
    (slope,) = torch.autograd.grad(loss, leaf, create_graph=True)
    (loss + slope.square().sum()).backward()


def with_a_new_head(w: Watch, model: nn.Sequential, x: Tensor, y: Tensor, at: int) -> None:
    if at == 3:
        model[2] = nn.Linear(8, 2)
        w.optimizer.add_param_group({"params": list(model[2].parameters())})
    usual(w, model, x, y, at)


def doubled(w: Watch, model: nn.Sequential, x: Tensor, y: Tensor, at: int) -> None:
    if at == 3:
        model.double()
    usual(w, model, x.to(model[0].weight.dtype), y, at)


def retried(w: Watch, model: nn.Sequential, x: Tensor, y: Tensor, at: int) -> None:
    with pytest.raises(RuntimeError, match="shapes"):
        model(x[:, :3])
    usual(w, model, x, y, at)


def of_no_rows(w: Watch, model: nn.Sequential, x: Tensor, y: Tensor, at: int) -> None:
    (w.loss(model(x[:0]), y[:0]) if at == 0 else w.loss(model(x), y)).nansum().backward()


@pytest.mark.parametrize("turn", [usual, with_penalty, with_a_new_head, doubled, retried, of_no_rows])
def test_loops_of_many_kinds(turn: Turn) -> None:
    found = looped(turn)
    assert found.steps == 6
    assert not [note for note in found.notes if "stopped looking" in note]
    assert "accumulated-unscaled" not in {one.code for one in found.findings}


def test_sparse_gradients_and_lazy_weights_are_seen() -> None:
    lazy = nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(2))
    assert looped(usual, model=lazy).steps == 6
    model = nn.Sequential(nn.Embedding(9, 4, sparse=True), nn.Flatten(), nn.Linear(8, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    tokens = torch.arange(2 * N).reshape(N, 2) % 9
    with watch(model, optimizer, F.cross_entropy) as w:
        for _ in range(4):
            optimizer.zero_grad()
            w.loss(model(tokens), Y).backward()
            optimizer.step()
    assert w.notes == ()
    assert np.isfinite(w.course().gradient).all()


@pytest.mark.parametrize("word", ["data", "validation"])
@pytest.mark.parametrize(
    "given", [DataLoader(Corrupt(), 8), (X[:0], Y[:0]), 3], ids=["corrupt", "none", "junk"]
)
def test_data_beside_a_loop_that_cannot_be_read_are_noted(word: str, given: Any) -> None:
    found = looped(usual, **{word: given})
    assert found.steps == 6
    assert any(note.startswith((word, f"Reading {word}")) for note in found.notes)


def test_a_diagnosis_within_the_loop_changes_nothing() -> None:
    def asking(w: Watch, model: nn.Sequential, x: Tensor, y: Tensor, at: int) -> None:
        if at in (1, 4):
            w.diagnosis()
        usual(w, model, x, y, at)

    one, other = net(), net()
    other.load_state_dict(one.state_dict())
    looped(asking, model=one)
    looped(usual, model=other)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
