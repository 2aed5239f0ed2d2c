"""Members a second of fleets of modules: vmap beside a loop over members, on one thread and on two.

    python benchmarks/module_fleets.py [--quick] [--json FILE] [--cells FILE.jsonl]

Modules of a user's own: whole training steps with Adam, on batches of 32 rows, by the two ways that
`train_modules` has. With two threads each takes half of the members: the loop one at a time, vmap all of its
half. Designs that the torch engine trains one by one: the gradient of a batch alone, by autograd as the
engine takes it, and by vmap over their flat vectors, on one thread. CPU seconds count: the cores may have
other work beside.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: spinning threads slow everybody down

import sys
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import torch
from _bench import Cells, Paced, conduct, median_ratio, options, run_rounds
from torch import Tensor, nn
from torch.func import grad, vmap
from torch.nn import functional

from profunda.data.inputs import Inputs, Picture, Tokens
from profunda.fleet.leaves import Leaves
from profunda.fleet.modules.crew import batches
from profunda.fleet.modules.members import ModuleMember, seeded
from profunda.fleet.modules.task import Task
from profunda.fleet.modules.updates import FlatOptimiser
from profunda.fleet.modules.ways import Loop, Vmapped
from profunda.fleet.threads import one_thread
from profunda.networks.initial import initial_params
from profunda.networks.layout import layout_of
from profunda.networks.passing import forward
from profunda.space.design import Design

__all__ = ["DESIGNS", "MODULES", "QUICK", "Settings", "main"]

WORDS, LENGTH, BATCH, STEPS = 200, 40, 32, 4


@dataclass(frozen=True)
class Settings:
    """What is measured. A cell lasts about `seconds`, or one epoch of four steps where that takes longer."""

    rounds: int = 3
    members: tuple[int, ...] = (2, 8, 32)
    seconds: float = 0.2

    @property
    def expected_seconds(self) -> float:
        """On two calm cores."""
        return 20.0 + 1.7 * (self.rounds + 3) * sum(self.members) / 8


QUICK = Settings(rounds=2, members=(2, 16), seconds=0.05)


class Read(nn.Module):
    """Words to vectors, through `inside` to one vector a row, to two classes."""

    def __init__(self, inside: Callable[[Tensor], Tensor], width: int) -> None:
        super().__init__()
        self.words, self.inside, self.head = nn.Embedding(WORDS, width), inside, nn.Linear(width, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.inside(self.words(x)))


class Mean(nn.Module):
    """A bag: the mean of the vectors, through a hidden layer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.hidden(x.mean(1)))


class Attention(nn.Module):
    """One layer of a Transformer, and the mean."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(width, 4, 2 * width, dropout=0.0, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x).mean(1)


class Recurrent(nn.Module):
    """The last state of an LSTM."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.cells = nn.LSTM(width, width, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.cells(x)[0][:, -1]


def _dense() -> nn.Module:
    return nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))


def _convolutions() -> nn.Module:
    parts = [nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)]
    parts += [nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.AdaptiveAvgPool2d(1)]
    return nn.Sequential(*parts, nn.Flatten(), nn.Linear(16, 2))


MODULES: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "dense": (_dense, "numbers"),
    "convolutions": (_convolutions, "pixels"),
    "bag": (lambda: Read(Mean(32), 32), "words"),
    "attention": (lambda: Read(Attention(32), 32), "words"),
    "LSTM": (lambda: Read(Recurrent(32), 32), "words"),
}
PLAIN = Design(widths=(64, 64))
DESIGNS: dict[str, tuple[Design, str]] = {
    "Design, parametric": (replace(PLAIN, parametric=True), "numbers"),
    "Design, skip": (replace(PLAIN, skip=True), "numbers"),
    "Design, conv": (Design(widths=(32,), body="conv", body_width=8), "pixels"),
    "Design, bag": (Design(widths=(32,), body="bag", body_width=32), "words"),
    "Design, attention": (Design(widths=(32,), body="attention", body_width=32), "words"),
}
INPUTS = {
    "numbers": Inputs.plain(20),
    "pixels": Inputs((0,) * 784, tuple(range(784)), picture=Picture(1, 28, 28)),
    "words": Inputs((0,) * LENGTH, (), tokens=Tokens(LENGTH, WORDS)),
}


def rows(kind: str) -> tuple[Tensor, Tensor]:
    """Inputs of four batches, and classes."""
    random, count = torch.Generator().manual_seed(0), BATCH * STEPS
    y = torch.randint(0, 2, (count,), generator=random)
    if kind == "words":
        return torch.randint(1, WORDS, (count, LENGTH), generator=random), y
    shape = (20,) if kind == "numbers" else (1, 28, 28)
    return torch.randn(count, *shape, generator=random), y


def modules_epochs(name: str, members: int, way: str, threads: int) -> Callable[[int], int]:
    """A function that trains the modules for a number of epochs, and gives their steps."""
    make, kind = MODULES[name]
    x, y = rows(kind)
    every = torch.arange(len(x))
    fleet = [
        ModuleMember(module, seed, every, every[:0], 1e-3, 0.0, 0.9, 0.0)
        for seed, module in enumerate(seeded(lambda seed: make(), range(members)))
    ]
    task = Task(x, y, None, "adam", "constant", 1, BATCH, 0)
    parts = [fleet[k::threads] for k in range(threads)]
    alone = [[Stepper(Loop(one, task, draws=False), [one], task) for one in part] for part in parts]
    together = [[Stepper(Vmapped(part, task), part, task)] for part in parts]

    def train(steppers: Sequence[Stepper], count: int) -> None:
        torch.get_num_threads()  # in a new thread, the first call undoes what was set before it
        torch.set_num_threads(1)
        with torch.no_grad():
            for stepper in steppers:
                stepper.steps(count)

    def epochs(count: int) -> int:
        with one_thread(), ThreadPoolExecutor(threads) as pool:
            list(pool.map(train, together if way == "vmap" else alone, [count] * threads))
        return members * count * STEPS

    return epochs


class Stepper:
    """One way of running members, with their optimiser and the batches of an epoch."""

    def __init__(self, way: Loop | Vmapped, members: Sequence[ModuleMember], task: Task) -> None:
        self.way, self.optimiser = way, FlatOptimiser("adam", members, way.flat)
        self.rates, self.rows = way.flat.new_full((len(members), 1), 1e-3), batches(members, task, 0)

    def steps(self, epochs: int) -> None:
        """Train for so many epochs."""
        for number in range(epochs * STEPS):
            self.way.differentiate(self.rows[number % STEPS], number)
            self.optimiser.step(self.way.gradient, self.rates, number + 1)


class Parts:
    """A vector that is read in these parts alone, so that a part's gradient has its own length."""

    def __init__(self, parts: dict[tuple[int, int], Tensor]) -> None:
        self.parts = parts

    def __getitem__(self, part: slice) -> Tensor:
        return self.parts[part.start, part.stop]


def design_epochs(name: str, members: int, way: str) -> Callable[[int], int]:
    """A function that takes gradients of Designs on four batches a number of times, and tells how many."""
    design, kind = DESIGNS[name]
    layout = layout_of(design, INPUTS[kind], 2)
    first = [
        torch.from_numpy(initial_params(design, seed, INPUTS[kind], 2)).float() for seed in range(members)
    ]
    vectors = torch.stack(first)
    x, y = rows(kind)
    batches = list(zip(x.flatten(1).float().split(BATCH), y.split(BATCH), strict=True))

    def loss(vector: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return functional.cross_entropy(forward(design, layout, vector, x, None), y)

    def alone(x: Tensor, y: Tensor) -> None:
        for leaves, into in zip(held, torch.empty_like(vectors), strict=True):
            leaves.gradient(loss(leaves.tensor, x, y), into)

    held = [Leaves(vector) for vector in vectors]
    alone(*batches[0])  # finds out in which parts a vector is read
    parts = {place: vectors[:, slice(*place)] for place in held[0].parts}
    slope = vmap(grad(lambda own, x, y: loss(cast(Tensor, Parts(own)), x, y)), in_dims=(0, None, None))
    step = partial(slope, parts) if way == "vmap" else alone

    def epochs(count: int) -> int:
        with one_thread():
            for part in batches * count:
                step(*part)
        return members * count * STEPS

    return epochs


def measured(settings: Settings, cells: Cells) -> tuple[dict[str, Any], dict[str, float]]:
    """Every case with every number of members: rounds of its sides, and the ratios of vmap to the loop."""
    results: dict[str, Any] = {}
    ratios: dict[str, float] = {}
    print(f"{'':<40}  loop µs   vmap µs   as fast  (wall)")
    for name in (*MODULES, *DESIGNS):
        for members in settings.members:
            for threads in (1, 2) if name in MODULES else (1,):
                case = f"{name}, {members} members, {threads} thread{'s' * (threads > 1)}"
                taken = {
                    way: modules_epochs(name, members, way, threads)
                    if name in MODULES
                    else design_epochs(name, members, way)
                    for way in ("loop", "vmap")
                }
                sides = [Paced(f"{case}, {w}", members, settings.seconds, t).side for w, t in taken.items()]
                run_rounds(sides, settings.rounds, cells)
                results[case] = told(case, cells)
                ratios[case] = results[case]["ratio"]
    return results, ratios


def told(case: str, cells: Cells) -> dict[str, float]:
    """The two sides of a case: CPU µs a member-step, of the quickest round each, and how many times as fast
    vmap is; by the wall's clock, too, the median of the rounds."""
    loop, vmapped = cells.of(f"{case}, loop"), cells.of(f"{case}, vmap")
    wall, low, high = median_ratio(vmapped, loop, steps=True)
    micro = {
        way: min(1e6 * cell.cpu_seconds / cell.outcome.steps for cell in found)
        for way, found in (("loop", loop), ("vmap", vmapped))
    }
    ratio = micro["loop"] / micro["vmap"]
    print(f"{case:<40} {micro['loop']:>8.0f} {micro['vmap']:>9.0f} {ratio:>9.2f}  ({wall:.2f})", flush=True)
    return {**micro, "ratio": ratio, "wall_ratio": wall, "low": low, "high": high}


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, write; the exit status."""
    given = options(__doc__ or "", words)
    settings = QUICK if given.quick else Settings()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="There is a performance drop")
        conduct("module_fleets", settings, given, ("torch",), lambda cells: measured(settings, cells))
    return 0


if __name__ == "__main__":
    sys.exit(main())
