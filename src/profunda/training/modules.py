"""`train_modules`: a fleet of any `nn.Module`, for users and experiments."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain

import torch
from torch import nn

from profunda.errors import ArgumentError, DataError
from profunda.fleet.modules.crew import Crew, Ended, Signals
from profunda.fleet.modules.members import ModuleMember, checked, copies, seeded, trained_names
from profunda.fleet.modules.plan import ModulePack, ModulePlan
from profunda.fleet.modules.result import ModuleFleet
from profunda.fleet.modules.rows import rest_of, rows_of
from profunda.fleet.modules.task import Loss, Metric, Task, tensor_of
from profunda.fleet.modules.trial import chosen, inspected
from profunda.fleet.modules.ways import Loop, Vmapped
from profunda.fleet.threads import one_thread, usable_cores
from profunda.space.design import Schedule

__all__ = ["train_modules"]

_MOST = 64
"""Members a pack: what vmap gains has long been gained, and their activations are in memory together."""
_RUN_BY = ("auto", "vmap", "loop")


def train_modules(
    modules: Callable[[int], nn.Module] | Sequence[nn.Module],
    data: tuple[object, object],
    *,
    seeds: int | Sequence[int] | None = None,
    rows: object = None,
    valid_rows: object = None,
    loss: Loss | None = None,
    optimiser: str = "adam",
    lr: float | Sequence[float] = 1e-3,
    weight_decay: float | Sequence[float] = 0.0,
    momentum: float | Sequence[float] = 0.9,
    clip: float | Sequence[float] = 0.0,
    schedule: Schedule = "constant",
    epochs: int = 20,
    batch_size: int = 32,
    patience: int = 0,
    metrics: Mapping[str, Metric] | None = None,
    run_by: str = "auto",
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
    cancel: threading.Event | None = None,
) -> ModuleFleet:
    """Train M members of one architecture, any `nn.Module`, as a fleet on the CPU.

    `modules` is a function of a seed that builds one (torch's generator is seeded for it), with `seeds` (how
    many, or M whole numbers); or a sequence of M modules of equal structure, whose seeds are 0 … M − 1 where
    none are given. They are copied, and the caller's left as they are; parts that are in evaluation stay so
    in training, unless all are. `data` is (x [N, …], y [N, …]); floats take the dtype of the parameters,
    whole numbers stay whole. A module maps [B, …] to one tensor [B, …]. `loss` maps (outputs,
    targets) to a number or one a row [B]; None is cross-entropy for whole numbers, and the mean squared error
    for floats.

    `rows` are those that are trained on: None (all), row numbers [n] or [M, n], masks [N] or [M, N], or a
    list of M of these; `valid_rows` likewise, where None are those that a member does not train on. `lr`,
    `weight_decay`, `momentum` (of "sgd") and `clip` (of the gradient's norm; 0: none) are one number, or one
    for each member [M]. `optimiser` is "sgd", "adam" or "adamw" with torch's formulas, `schedule` one of
    those of a Design. `patience` P > 0 stops a member after P epochs without a better validation loss
    (Goodfellow, Bengio and Courville 2016, algorithm 7.1); the weights of the best epoch are kept in any
    case. `metrics` map names to functions of (outputs [V, …], targets [V, …]) that are asked after every
    epoch; several threads call them, and the loss. A last batch of one row is left out of its epoch, as
    statistics of a batch need two.

    `run_by` is "loop" (each member by itself), "vmap" (members with equally many rows at once, where
    torch.func can), or "auto": a few steps of both are timed, and vmap is taken where it is a tenth quicker.
    `plan` of the result says what was done and why. `workers` threads share the members, each with one
    thread within an operation; None: as many as cores. `progress` receives member-steps; setting `cancel`
    ends all at their last whole epoch.

    By the loop a member equals itself trained alone, bit for bit, dropout included, as long as it draws from
    torch's generator; by vmap within rounding (gradients to 1e-9 of their length in float64, and to 1e-3 in
    float32, or it is not taken). A module that draws random numbers is trained by the loop, on one thread.

    ``train_modules(lambda seed: nn.Linear(3, 1), (x, y), seeds=4, lr=[0.1, 0.2, 0.4, 0.8]).module(2)``

    Raises:
        ArgumentError: modules of different structure or with numbers that are not finite, a vector of another
            length than M, a loss or outputs of a wrong shape, an unknown name, a count out of its domain.
        DataError: x and y of different lengths, numbers that are not finite, whole numbers for a module that
            takes floats, rows or classes out of range.
    """
    if run_by not in _RUN_BY:
        raise ArgumentError(f"run_by = {run_by!r} is unknown; choose one of {', '.join(_RUN_BY)}.")
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
        raise ArgumentError(f"workers = {workers!r} must be a whole number of at least 1.")
    starts, given_seeds = _starts(modules, seeds)
    dtype = checked(starts)
    task = _task(data, dtype, loss, optimiser, schedule, epochs, batch_size, patience, metrics)
    vectors = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "clip": clip}
    members = _members(starts, given_seeds, task, rows, valid_rows, vectors)
    if patience and not all(member.valid.numel() for member in members):
        raise ArgumentError(
            f"patience = {patience} needs validation rows, but a member trains on all rows; give rows or "
            "valid_rows, or leave patience at 0."
        )
    signals = Signals(progress, cancel or threading.Event())
    with one_thread(), torch.no_grad(), torch.random.fork_rng(devices=[]):
        return _trained(members, task, run_by, workers or usable_cores(), signals)


def _starts(
    modules: Callable[[int], nn.Module] | Sequence[nn.Module], seeds: int | Sequence[int] | None
) -> tuple[list[nn.Module], list[int]]:
    """Copies of the modules as they start, and their seeds."""
    if isinstance(modules, Sequence) and modules and all(isinstance(one, nn.Module) for one in modules):
        listed = _seeds(len(modules) if seeds is None else seeds)
        if len(listed) != len(modules):
            raise ArgumentError(
                f"There are {len(listed)} seeds for {len(modules)} modules; give one for each."
            )
        return copies(modules), listed
    if isinstance(modules, Sequence | nn.Module) or not callable(modules):
        raise ArgumentError(
            f"modules is a {type(modules).__name__}; give a function that builds an nn.Module from a seed, "
            "or a list of at least one nn.Module."
        )
    if seeds is None:
        raise ArgumentError("A function that builds modules needs seeds: how many, or which ones (seeds=8).")
    listed = _seeds(seeds)
    return copies(seeded(modules, listed)), listed


def _seeds(given: int | Sequence[int]) -> list[int]:
    """What a count, or a sequence of them, says."""
    listed = [*range(given)] if type(given) is int else [*given] if isinstance(given, Sequence) else []
    if not listed or any(type(seed) is not int for seed in listed):
        raise ArgumentError(
            f"seeds = {given!r} must be a count of at least 1, or whole numbers, one a member."
        )
    return listed


def _task(
    data: object,
    dtype: torch.dtype,
    loss: Loss | None,
    optimiser: str,
    schedule: Schedule,
    epochs: int,
    batch_size: int,
    patience: int,
    metrics: Mapping[str, Metric] | None,
) -> Task:
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise DataError(f"data is a {type(data).__name__}; give the pair (x, y) of inputs and targets.")
    x, y = (tensor_of(name, part, dtype) for name, part in zip(("x", "y"), data, strict=True))
    return Task(x, y, loss, optimiser, schedule, epochs, batch_size, patience, dict(metrics or {}))


def _members(
    starts: Sequence[nn.Module],
    seeds: Sequence[int],
    task: Task,
    rows: object,
    valid_rows: object,
    vectors: Mapping[str, object],
) -> list[ModuleMember]:
    count, total = len(starts), len(task.x)
    train = rows_of("rows", rows, count, total)
    rest = [rest_of(own, total) for own in train] if valid_rows is None else None
    valid = rest or rows_of("valid_rows", valid_rows, count, total)
    columns = [_vector(name, given, count) for name, given in vectors.items()]
    return [
        ModuleMember(starts[i], seeds[i], train[i], valid[i], *(column[i] for column in columns))
        for i in range(count)
    ]


def _vector(name: str, given: object, members: int) -> list[float]:
    """One number for each member."""
    try:
        found = torch.as_tensor(given, dtype=torch.float64)
    except (TypeError, ValueError):
        raise ArgumentError(f"{name} = {given!r} must be a number, or one for each member.") from None
    if found.dim() > 1 or (found.dim() == 1 and len(found) != members):
        raise ArgumentError(
            f"{name} has shape {list(found.shape)} for {members} members; give one number, or one for each."
        )
    low = float(found.min()) if found.numel() else 0.0
    if not bool(torch.isfinite(found).all()) or low < 0 or (name == "lr" and low == 0):
        least = "above 0" if name == "lr" else "of at least 0"
        raise ArgumentError(f"{name} = {given!r} must be finite and {least}.")
    return found.expand(members).tolist()


@dataclass(frozen=True, eq=False)
class _Run:
    """Members under one plan; `draws`: they draw random numbers."""

    members: Sequence[ModuleMember]
    task: Task
    signals: Signals
    draws: bool

    def pack(self, pack: ModulePack) -> tuple[ModulePack, list[Ended]]:
        """Train a pack; by the loop where vmap fails on the way."""
        if pack.run_by == "loop":
            return pack, [self.alone(i) for i in pack.members]
        members = [self.members[i] for i in pack.members]
        crew = Crew(members, self.task, Vmapped(members, self.task), self.signals)
        try:
            return pack, _through(crew)
        except ArgumentError:
            raise
        except Exception as error:  # what the trial could not see: a branch that is taken later, a NaN
            reason = f"vmap failed on the way ({str(error).splitlines()[0]}), and all began anew"
        self.signals.begin_anew(crew.told)
        return replace(pack, run_by="loop", reason=reason), [self.alone(i) for i in pack.members]

    def alone(self, i: int) -> Ended:
        """Train one member by the loop."""
        way = Loop(self.members[i], self.task, draws=self.draws)
        return _through(Crew([self.members[i]], self.task, way, self.signals))[0]


def _through(crew: Crew) -> list[Ended]:
    """Train a crew in a thread of its own."""
    torch.get_num_threads()  # in a new thread, the first call undoes what was set before it
    torch.set_num_threads(1)
    with torch.no_grad():  # a switch of each thread's own, too
        return crew.train()


def _trained(
    members: list[ModuleMember], task: Task, run_by: str, workers: int, signals: Signals
) -> ModuleFleet:
    draws = inspected(members[0], task)
    packs = [
        chosen(part, [members[i] for i in part], task, run_by, draws=draws)
        for part in _groups(members, workers)
    ]
    before = torch.get_rng_state()
    done = _run(_Run(members, task, signals, draws), packs, 1 if draws else workers)
    if not draws and not torch.equal(before, torch.get_rng_state()) and not signals.cancel.is_set():
        # Some module began to draw after its first batch: threads have shared one generator, so once more.
        draws = True
        signals.begin_anew(sum(end.history.steps for _, ended in done for end in ended))
        late = [replace(pack, run_by="loop", reason="it began to draw random numbers") for pack in packs]
        done = _run(_Run(members, task, signals, draws), late, 1)
    ends = dict(chain.from_iterable(zip(pack.members, ended, strict=True) for pack, ended in done))
    size = sum(members[0].module.get_parameter(name).numel() for name in trained_names(members[0].module))
    plan = ModulePlan(tuple(pack for pack, _ in done), size, 1 if draws else workers)
    ordered = [ends[i] for i in range(len(members))]
    curves, metrics = tuple(end.history for end in ordered), tuple(end.metrics for end in ordered)
    return ModuleFleet(tuple(members), curves, metrics, plan, tuple(ordered))


def _groups(members: Sequence[ModuleMember], workers: int) -> list[list[int]]:
    """Places of members with equally many training rows, in even parts for the threads."""
    by_rows: dict[tuple[int, bool], list[int]] = {}
    for i, member in enumerate(members):
        by_rows.setdefault((len(member.train), bool(member.valid.numel())), []).append(i)
    groups = []
    for places in by_rows.values():
        parts = max(-(-len(places) // _MOST), min(workers, len(places)))
        groups += [places[len(places) * k // parts : len(places) * (k + 1) // parts] for k in range(parts)]
    return groups


def _run(run: _Run, packs: Sequence[ModulePack], workers: int) -> list[tuple[ModulePack, list[Ended]]]:
    """All packs, as many at a time as there are workers; members of the loop one by one."""
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="modules") as pool:
        try:
            jobs = [
                pool.submit(run.pack, pack)
                if pack.run_by == "vmap"
                else [pool.submit(run.alone, i) for i in pack.members]
                for pack in packs
            ]
            return [
                (pack, [one.result() for one in job]) if isinstance(job, list) else job.result()
                for pack, job in zip(packs, jobs, strict=True)
            ]
        except BaseException:
            run.signals.cancel.set()  # before the pool waits for those that are still running
            raise
