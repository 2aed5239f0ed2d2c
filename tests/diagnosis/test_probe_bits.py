"""Training with the probe is bit-identical to training without it, on every kind of loop."""

import copy
import random
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from profunda.diagnosis.watching import Watch, watch

Loss = Callable[[Any, Tensor], Tensor]
STEPS = 12


@dataclass
class Loop:
    model: nn.Module
    optimizer: torch.optim.Optimizer
    train: Callable[["Loop", Loss], None]
    loss_fn: Loss = F.cross_entropy
    accumulate: int = 1


class Reader(nn.Module):
    """Token classes by an LSTM or a Transformer with a tied head."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 8)
        if kind == "lstm":
            self.body: nn.Module = nn.LSTM(8, 8, num_layers=2, dropout=0.2, batch_first=True)
        else:
            self.body = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)
        self.head = nn.Linear(8, 11)
        self.head.weight = self.embed.weight

    def forward(self, tokens: Tensor) -> Tensor:
        found = self.body(self.embed(tokens))
        return self.head(found[0] if isinstance(found, tuple) else found).flatten(0, 1)


class TwoWays(nn.Module):
    """Several inputs, by name too, and several outputs; a part is frozen."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(6, 5), nn.Linear(6, 5)
        self.frozen = nn.Sequential(nn.Linear(5, 5), nn.BatchNorm1d(5)).requires_grad_(False).eval()
        self.a, self.b = nn.Linear(5, 3), nn.Linear(5, 3)

    def forward(self, x: Tensor, *, other: Tensor) -> dict[str, Any]:
        both = torch.relu(self.frozen(self.left(x) + self.right(other)))
        return {"a": self.a(both), "rest": (self.b(both), x.shape)}


def batches(count: int, shape: tuple[int, ...]) -> Iterator[tuple[Tensor, Tensor]]:
    for _ in range(count):
        yield torch.randn(8, *shape), torch.randint(0, 3, (8,))


def plain(shape: tuple[int, ...]) -> Callable[[Loop, Loss], None]:
    def train(loop: Loop, loss: Loss) -> None:
        for x, y in batches(STEPS, shape):
            loop.optimizer.zero_grad()
            value = loss(loop.model(x), y)
            value.backward()
            random.random(), np.random.rand()
            loop.optimizer.step()

    return train


def tokens(loop: Loop, loss: Loss) -> None:
    for _ in range(STEPS):
        x = torch.randint(0, 11, (4, 6))
        loop.optimizer.zero_grad()
        loss(loop.model(x), x.flatten()).backward()
        nn.utils.clip_grad_norm_(loop.model.parameters(), 0.5)
        loop.optimizer.step()


def closures(loop: Loop, loss: Loss) -> None:
    x, y = next(batches(1, (6,)))

    def closure() -> Tensor:
        loop.optimizer.zero_grad()
        value = loss(loop.model(x), y)
        value.backward()
        return value

    for _ in range(4):
        loop.optimizer.step(closure)  # type: ignore[arg-type]


def mixed(loop: Loop, loss: Loss) -> None:
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**14, growth_interval=3)
    for step, (x, y) in enumerate(batches(STEPS, (6,))):
        loop.optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            value = loss(loop.model(x), y)
        scaler.scale(value if step != 5 else value * float("inf")).backward()
        scaler.unscale_(loop.optimizer)
        nn.utils.clip_grad_norm_(loop.model.parameters(), 1.0)
        scaler.step(loop.optimizer)
        scaler.update()


def accumulated(loop: Loop, loss: Loss) -> None:
    for number, (x, y) in enumerate(batches(3 * STEPS, (6,))):
        (loss(loop.model(x), y) / 3).backward()
        if number % 3 == 2:
            loop.optimizer.step()
            loop.optimizer.zero_grad()


def from_workers(loop: Loop, loss: Loss) -> None:
    x, y = next(batches(1, (6,)))
    data = TensorDataset(x.repeat(4, 1), y.repeat(4))
    for _ in range(2):
        for inputs, targets in DataLoader(data, 8, shuffle=True, num_workers=2):
            loop.optimizer.zero_grad()
            loss(loop.model(inputs), targets).backward()
            loop.optimizer.step()
        loop.model.eval()
        with torch.no_grad():
            loss(loop.model(x), y)
        loop.model.train()


def half(loop: Loop, loss: Loss) -> None:
    for x, y in batches(STEPS, (2, 6, 6)):
        loop.optimizer.zero_grad(set_to_none=False)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            value = loss(loop.model(x), y)
        value.backward()
        loop.optimizer.step()


def penalised(loop: Loop, loss: Loss) -> None:
    for x, y in batches(STEPS, (6,)):
        loop.optimizer.zero_grad()
        x.requires_grad_()
        value = loss(loop.model(x), y)
        (slope,) = torch.autograd.grad(value, x, create_graph=True)
        (value + slope.square().sum()).backward()
        loop.optimizer.step()


def two_ways(loop: Loop, loss: Loss) -> None:
    for x, y in batches(STEPS, (6,)):
        loop.optimizer.zero_grad()
        found = loop.model(x, other=torch.randn(8, 6))
        (loss(found["a"], y) + 0.5 * loss(found["rest"][0], y)).backward()
        loop.optimizer.step()


def mlp() -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3))


def cnn() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(4 * 16, 3)
    )


def adam(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.AdamW(model.parameters(), lr=1e-2)


def sgd(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=1e-2, momentum=0.9)


LOOPS: dict[str, Callable[[], Loop]] = {
    "mlp": lambda: Loop(m := mlp(), adam(m), plain((6,))),
    "mlp, loss module": lambda: Loop(m := mlp(), adam(m), plain((6,)), nn.CrossEntropyLoss()),
    "cnn": lambda: Loop(m := cnn(), sgd(m), plain((2, 6, 6))),
    "lstm": lambda: Loop(m := Reader("lstm"), adam(m), tokens),
    "transformer": lambda: Loop(m := Reader("transformer"), adam(m), tokens),
    "lbfgs": lambda: Loop(m := mlp(), torch.optim.LBFGS(m.parameters(), max_iter=5), closures),
    "amp": lambda: Loop(m := mlp(), adam(m), mixed),
    "workers": lambda: Loop(m := mlp(), adam(m), from_workers),
    "bfloat16 and batch norm": lambda: Loop(m := cnn(), sgd(m), half),
    "a penalty of gradients": lambda: Loop(m := mlp(), adam(m), penalised),
    "accumulation": lambda: Loop(m := mlp(), sgd(m), accumulated, accumulate=3),
    "several ways": lambda: Loop(m := TwoWays(), sgd(m), two_ways),
}


def seeded() -> None:
    torch.manual_seed(3)
    np.random.seed(3)
    random.seed(3)


def state_of(loop: Loop) -> list[object]:
    generator = np.random.get_state()
    return [
        copy.deepcopy(loop.model.state_dict()),
        copy.deepcopy(loop.optimizer.state_dict()),
        [None if each.grad is None else each.grad.clone() for each in loop.model.parameters()],
        [part.training for part in loop.model.modules()],
        torch.get_rng_state(),
        [str(each) for each in generator],
        random.getstate(),
        [loss.item() for loss in LOSSES],
    ]


LOSSES: list[Tensor] = []


def run(make: Callable[[], Loop], watched: bool) -> tuple[list[object], Watch | None]:
    seeded()
    LOSSES.clear()
    loop = make()
    w = watch(loop.model, loop.optimizer, loop.loss_fn, accumulate=loop.accumulate) if watched else None

    def loss(outputs: Any, targets: Tensor) -> Tensor:
        value = w.loss(outputs, targets) if w is not None else loop.loss_fn(outputs, targets)
        LOSSES.append(value)
        return value

    with w if w is not None else nullcontext():
        loop.train(loop, loss)
    return state_of(loop), w


def same(one: object, other: object) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.dtype == other.dtype and torch.equal(one.nan_to_num(7.0), other.nan_to_num(7.0))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return one == other or (one != one and other != other)


@pytest.mark.parametrize("name", LOOPS)
def test_training_is_the_same_to_the_last_bit(name: str) -> None:
    """Weights, buffers, gradients, modes, the optimiser's state, three generators, and every loss."""
    plainly, _ = run(LOOPS[name], False)
    seen, w = run(LOOPS[name], True)
    assert w is not None
    assert w.notes == ()
    for one, other in zip(plainly, seen, strict=True):
        assert same(one, other)
    course = w.course()
    assert course.steps > 0
    assert np.isfinite(course.loss[:4]).all()
    assert course.uncleared == course.overwritten == course.evaluated_in_training == course.repeated == 0 or (
        name == "lbfgs" and course.uncleared == course.overwritten == 0
    )
    assert (
        course.gradient.shape == course.update.shape == (len(course.sampled), len(w._probe.weights.layers()))
    )


def test_the_comparison_can_fail() -> None:
    """One more draw of random numbers is told."""

    def drawing(loop: Loop, loss: Loss) -> None:
        plain((6,))(loop, loss)
        torch.rand(1)

    one, _ = run(LOOPS["mlp"], False)
    other, _ = run(lambda: Loop(m := mlp(), adam(m), drawing), False)
    assert not all(same(a, b) for a, b in zip(one, other, strict=True))
