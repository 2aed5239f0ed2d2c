"""Modules and rows that a loop takes, and that copies, larger batches or tables of numbers might not."""

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from tests.oracles import diagnosis_tables as made
from torch import Tensor, nn

import profunda
from profunda.diagnosis.copying import copy_of
from profunda.diagnosis.diagnosis import Diagnosis
from profunda.diagnosis.kernels import kernel
from profunda.diagnosis.targets import targets_of
from profunda.diagnosis.tasks import SCATTERED, task_of
from profunda.errors import ArgumentError

CROSS = nn.CrossEntropyLoss()


def rows(n: int = 96) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(n, 4, generator=draw)
    return x, (x[:, 0] > 0).long() + (x[:, 1] > 0).long()


def diagnosed(model: nn.Module, x: Tensor, y: Tensor, loss: Callable[..., Tensor]) -> Diagnosis:
    return profunda.diagnose(model, (x, y), loss, validation=(x[:48], y[:48]), epochs=2, batch_size=16)


def watched(model: nn.Module, x: Tensor, y: Tensor, loss: nn.Module) -> Diagnosis:
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with profunda.watch(model, optimizer, loss) as w:
        for at in range(0, len(x), 16):
            optimizer.zero_grad()
            loss(model(x[at : at + 16]), y[at : at + 16]).backward()
            optimizer.step()
    return w.diagnosis()


class OneSize(nn.Linear):
    """Takes batches of 16 rows and no others."""

    def __init__(self, error: type[Exception]) -> None:
        super().__init__(4, 3)
        self.error = error

    def forward(self, input: Tensor) -> Tensor:
        if len(input) != 16:
            raise self.error("not 16 rows")
        return super().forward(input)


@pytest.mark.parametrize("error", [AssertionError, KeyError, RuntimeError])
@pytest.mark.parametrize("way", [diagnosed, watched])
def test_a_module_that_insists_on_a_number_of_rows_is_told(
    error: type[Exception], way: Callable[..., Diagnosis]
) -> None:
    found = way(OneSize(error), *rows(), CROSS)
    assert any("96 rows at once" in note and "must take any number of rows" in note for note in found.notes)
    net = OneSize(error)
    start = {name: each.detach().clone() for name, each in net.named_parameters()}
    assert np.isnan(kernel(net, start, (rows()[0],)).drift)


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_targets_of_sixteen_bits_are_looked_at(shape: tuple[int, ...]) -> None:
    x, _ = rows()
    net = nn.Sequential(nn.Linear(4, 1), nn.Flatten(0) if shape == (-1,) else nn.Identity()).to(
        torch.bfloat16
    )
    found = diagnosed(net, x.bfloat16(), x[:, 0].reshape(shape).bfloat16(), nn.MSELoss())
    assert found.record.targets is not None
    assert found.record.targets.std == pytest.approx(float(x[:, 0].std()), rel=0.05)


def capped(outputs: Tensor, targets: Tensor) -> Tensor:
    return CROSS(outputs, targets.clamp(max=2))


@pytest.mark.parametrize("name", [10**9, 10**18])
def test_class_numbers_that_are_names_are_counted_one_by_one(name: int) -> None:
    x, y = rows()
    found = diagnosed(nn.Linear(4, 3), x, torch.where(y == 2, name, y), capped).record
    assert found.task is not None
    assert found.task.n_classes == 3
    assert found.targets is not None
    assert found.targets.counts.tolist() == torch.bincount(y).tolist()
    assert found.targets.outside == pytest.approx(float((y == 2).float().mean()))


@pytest.mark.parametrize(("largest", "classes"), [(SCATTERED - 1, SCATTERED), (SCATTERED, 3)])
def test_classes_up_to_a_million_have_places_of_their_own(largest: int, classes: int) -> None:
    x, y = rows()
    named = torch.where(y == 2, largest, y)
    task = task_of(torch.zeros(96, 3), named)
    assert task.n_classes == classes
    assert len(targets_of(made.table(x.numpy(), named.numpy()), task).counts) == classes


class Locked(nn.Linear):
    """Keeps a lock, which no copy can have, before or after its first pass."""

    def __init__(self, lock: Callable[[], object], late: bool) -> None:
        super().__init__(4, 3)
        self.made = lock
        self.lock = None if late else lock()

    def forward(self, input: Tensor) -> Tensor:
        self.lock = self.lock or self.made()
        with self.lock:
            return super().forward(input)


class Keeping(nn.Linear):
    """Keeps what it computed in a list and in a buffer."""

    def __init__(self) -> None:
        super().__init__(4, 3)
        self.register_buffer("mean", torch.zeros(3))
        self.kept: list[Tensor] = []

    def forward(self, input: Tensor) -> Tensor:
        outputs = super().forward(input)
        self.mean, self.kept = outputs.mean(0), [outputs]
        return outputs


class Streaming(nn.Linear):
    def __init__(self) -> None:
        super().__init__(4, 3)
        self.stream: Iterator[int] = (at for at in range(9))


@pytest.mark.parametrize(
    "net",
    [
        lambda: Locked(threading.Lock, late=False),
        lambda: Locked(threading.RLock, late=True),
        Keeping,
    ],
)
@pytest.mark.parametrize("way", [diagnosed, watched])
def test_locks_and_computed_tensors_that_a_module_keeps_end_nothing(
    net: Callable[[], nn.Module], way: Callable[..., Diagnosis]
) -> None:
    assert not [note for note in way(net(), *rows(), CROSS).notes if "cannot" in note]


def test_copies_of_copies_have_locks_of_their_own() -> None:
    first = copy_of(Locked(threading.Lock, late=False))
    second = copy_of(first)
    assert first.lock is not second.lock
    assert first.lock.acquire(timeout=1.0)
    first.lock.release()
    assert second(rows()[0]).shape == (96, 3)


@pytest.mark.parametrize("way", [diagnosed, watched])
def test_what_cannot_be_copied_is_named_with_what_to_do(way: Callable[..., Diagnosis]) -> None:
    net = nn.Sequential(Streaming())
    told = (
        r"Sequential cannot be copied \(TypeError: .*\): it keeps a generator as 0\.stream\. .*belong outside"
    )
    with pytest.raises(ArgumentError, match=told):
        way(net, *rows(), CROSS)
