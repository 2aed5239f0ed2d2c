"""What a program is: a network and its training, with or without a mistake, and what should be said of it.

A `Plan` is a training told as data; with a mistake it is `replace(plan, ...)` of the one without. A `Case`
puts both side by side, with the fault's kind and the areas in which a diagnosis should look for it. Mistakes
of loops cannot be told as data: a case of them has two functions `run(seed, watch)`, loops of their own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from profunda.diagnosis.codes import CODES, Area
from profunda.diagnosis.finding import Severity

__all__ = [
    "ARCHITECTURES",
    "FAMILIES",
    "Architecture",
    "Case",
    "Family",
    "LossFn",
    "Made",
    "Pair",
    "Plan",
    "Program",
    "Rows",
    "Watch",
    "Watched",
]

Architecture = Literal["MLP", "CNN", "RNN", "Transformer"]
Family = Literal["table", "image", "sequence", "tokens"]
ARCHITECTURES: tuple[Architecture, ...] = get_args(Architecture)
FAMILIES: tuple[Family, ...] = get_args(Family)

Pair = tuple[Tensor, Tensor]
LossFn = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Rows:
    """Inputs and targets to train on, to validate on, and clean ones to judge by, which nobody trains on."""

    train: Pair
    valid: Pair
    test: Pair


@dataclass(frozen=True)
class Made:
    """All that `profunda.diagnose` is given; `optimizer` makes one for a model. `score` judges a model that
    was trained: more is better.
    """

    model: nn.Module
    data: Pair | DataLoader
    validation: Pair
    loss_fn: LossFn
    optimizer: Callable[[nn.Module], torch.optim.Optimizer]
    epochs: int
    batch_size: int
    score: Callable[[nn.Module], float]


@dataclass(frozen=True)
class Plan:
    """A training. `rows(seed)` gives other rows for every seed; `ordered`: batches come in rows' order."""

    rows: Callable[[int], Rows]
    net: Callable[[], nn.Module]
    loss: LossFn
    optimizer: Callable[[nn.Module], torch.optim.Optimizer]
    epochs: int
    judge: Callable[[nn.Module, Rows], float]
    batch_size: int = 32
    init: Callable[[nn.Module], object] | None = None
    ordered: bool = False

    def __call__(self, seed: int) -> Made:
        """The training of one seed: rows and first weights are the seed's."""
        rows = self.rows(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = self.net()
            if self.init is not None:
                with torch.no_grad():
                    self.init(model)
        data = DataLoader(TensorDataset(*rows.train), self.batch_size) if self.ordered else rows.train
        return Made(
            model,
            data,
            rows.valid,
            self.loss,
            self.optimizer,
            self.epochs,
            self.batch_size,
            lambda trained: self.judge(trained, rows),
        )


class Watched(Protocol):
    """What a loop gets from `with watch(...) as w`."""

    def __enter__(self) -> "Watched": ...

    def __exit__(self, *raised: object) -> None: ...

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor: ...


class Watch(Protocol):
    """`profunda.watch`, or one that does nothing."""

    def __call__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        loss_fn: LossFn,
        data: Pair | DataLoader | None = None,
        validation: Pair | None = None,
        accumulate: int = 1,
    ) -> Watched: ...


@dataclass(frozen=True)
class Program:
    """One program. `fault` is a code of `codes.CODES`, "" where there is none; `areas` where a diagnosis is
    right to see it, the best first. `twin` names the program without (or with) the fault. Exactly one of
    `build` and `run` is given; `run(seed, watch)` returns the score.
    """

    name: str
    architecture: Architecture
    family: Family
    fault: str = ""
    areas: tuple[Area, ...] = ()
    severity: Severity | None = None
    twin: str = ""
    build: Callable[[int], Made] | None = None
    run: Callable[[int, Watch], float] | None = None

    def __post_init__(self) -> None:
        if (self.build is None) == (self.run is None):
            raise ValueError(f"{self.name} needs either build or run")
        if bool(self.fault) != bool(self.areas) or bool(self.fault) != (self.severity is not None):
            raise ValueError(f"{self.name}: a fault, its areas and its severity belong together")
        if self.fault and self.fault not in CODES:
            raise ValueError(f"{self.name}: there is no code {self.fault!r}")


@dataclass(frozen=True)
class Case:
    """A program with a fault, and its twin without."""

    name: str
    architecture: Architecture
    family: Family
    fault: str
    areas: tuple[Area, ...]
    faulty: Plan | Callable[[int, Watch], float]
    fixed: Plan | Callable[[int, Watch], float]
    severity: Severity = "fault"

    @property
    def twins(self) -> tuple[Program, Program]:
        """The faulty program and the fixed one, whose name ends in "-fixed"."""
        fixed = f"{self.name}-fixed"
        return (
            _program(self, self.name, self.faulty, fixed, self.fault, self.areas, self.severity),
            _program(self, fixed, self.fixed, self.name, "", (), None),
        )


def _program(
    case: Case,
    name: str,
    way: Plan | Callable[[int, Watch], float],
    twin: str,
    fault: str,
    areas: tuple[Area, ...],
    severity: Severity | None,
) -> Program:
    build, run = (way, None) if isinstance(way, Plan) else (None, way)
    return Program(name, case.architecture, case.family, fault, areas, severity, twin, build, run)
