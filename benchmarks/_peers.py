"""How else one trains a network of one shape: a tight PyTorch loop, and torch.func.vmap over many.

Both are given every advantage that needs no engine: an epoch's rows are gathered in one call, Adam is fused,
nothing is printed, and no loss is read back before the epoch ends.
"""

import multiprocessing
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing.connection import Connection

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap

__all__ = ["Loop", "Processes", "Stacked", "Task"]


@dataclass(frozen=True)
class Task:
    """One shape: hidden `widths`, rows a step, and made-up rows to train and to validate on."""

    widths: tuple[int, ...]
    batch: int
    features: int
    outputs: int
    train: int
    valid: int
    dropout: float = 0.3
    lr: float = 1e-3

    def network(self) -> nn.Sequential:
        """Its module, in PyTorch's own words."""
        layers: list[nn.Module] = []
        sizes = (self.features, *self.widths)
        for fan_in, fan_out in pairwise(sizes):
            layers += [nn.Linear(fan_in, fan_out), nn.ReLU(), nn.Dropout(self.dropout)]
        return nn.Sequential(*layers, nn.Linear(sizes[-1], self.outputs))

    def rows(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Inputs [N, D] and classes [N] to train on, then to validate on."""
        x = torch.randn(self.train + self.valid, self.features)
        y = (x[:, 0] + 0.5 * torch.randn(len(x)) > 0).long()
        return x[: self.train], y[: self.train], x[self.train :], y[self.train :]


class Loop:
    """One network, one step per mini-batch."""

    def __init__(self, task: Task) -> None:
        self.task, self.model = task, task.network()
        self.x, self.y, self.x_valid, self.y_valid = task.rows()
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=task.lr, fused=True)

    def epochs(self, count: int, threads: int) -> int:
        """`count` epochs with `threads` threads of torch; the steps done."""
        torch.set_num_threads(threads)
        for _ in range(count):
            self._epoch()
        return count * -(-self.task.train // self.task.batch)

    def _epoch(self) -> float:
        order = torch.randperm(self.task.train)
        x, y = self.x[order], self.y[order]
        self.model.train()
        for x_batch, y_batch in zip(x.split(self.task.batch), y.split(self.task.batch), strict=True):
            self.optimiser.zero_grad()
            nn.functional.cross_entropy(self.model(x_batch), y_batch).backward()
            self.optimiser.step()
        self.model.eval()
        with torch.no_grad():
            return nn.functional.cross_entropy(self.model(self.x_valid), self.y_valid).item()


class Stacked:
    """M networks in one call: vmap over the gradient of a functional call, and one fused Adam for all.

    Adam works element by element, so stacking changes nothing but the number of calls.
    """

    def __init__(self, task: Task, members: int) -> None:
        self.task, self.members = task, members
        networks = [task.network() for _ in range(members)]
        self.params, _ = stack_module_state(networks)
        self.model = networks[0].to("meta")
        self.x, self.y, self.x_valid, self.y_valid = task.rows()
        self.optimiser = torch.optim.Adam(list(self.params.values()), lr=task.lr, fused=True)
        self.gradients = vmap(grad(self._loss), in_dims=(0, 0, 0), randomness="different")
        self.validation = vmap(self._loss, in_dims=(0, None, None))

    def _loss(self, params: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return nn.functional.cross_entropy(functional_call(self.model, params, (x,)), y)

    def epochs(self, count: int, threads: int) -> int:
        """`count` epochs with `threads` threads of torch; the member-steps done."""
        torch.set_num_threads(threads)
        for _ in range(count):
            self._epoch()
        return count * self.members * -(-self.task.train // self.task.batch)

    def _epoch(self) -> list[float]:
        order = torch.rand(self.members, self.task.train).argsort(1)  # every member has its own
        self.model.train()
        with torch.no_grad():
            for rows in order.split(self.task.batch, dim=1):
                found = self.gradients(self.params, self.x[rows], self.y[rows])
                for name, stacked in self.params.items():
                    stacked.grad = found[name]
                self.optimiser.step()
            self.model.eval()
            return self.validation(self.params, self.x_valid, self.y_valid).tolist()


class Processes:
    """As many processes as given, each with a Loop of its own on one thread.

    They take seconds to start, so they are started when first asked and serve all shapes.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.pipes: list[Connection] = []
        self.task: Task | None = None

    def epochs(self, task: Task, count: int) -> int:
        """`count` epochs in every process at the same time; the steps done by all."""
        if not self.pipes:
            self._start()
        if task != self.task:
            self._ask(task)
            self.task = task
        return sum(self._ask(count))

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        for _ in range(self.count):
            ours, theirs = context.Pipe()
            context.Process(target=_serve, args=(theirs,), daemon=True).start()
            theirs.close()
            self.pipes.append(ours)

    def _ask(self, word: "Task | int") -> list[int]:
        for pipe in self.pipes:
            pipe.send(word)
        return [pipe.recv() for pipe in self.pipes]

    def close(self) -> None:
        """Let the processes end."""
        for pipe in self.pipes:
            pipe.send(None)
            pipe.close()
        self.pipes.clear()


def _serve(pipe: Connection) -> None:
    """Do what comes through `pipe`: a Task to begin with, a number of epochs, None to end."""
    loop: Loop | None = None
    while (word := pipe.recv()) is not None:
        if isinstance(word, Task):
            loop = Loop(word)
            pipe.send(0)
        elif loop is not None:
            pipe.send(loop.epochs(word, 1))
