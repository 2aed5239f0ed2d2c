"""The native engine: trains members one at a time in compiled code, on as many threads as it is given.

Its kernels are the C++ sources in `native/`, one build for each instruction set; which one runs is asked of
the processor. A member's bits depend on its Design, its data and the instruction set alone: every thread runs
the same code on one member at a time. Where the module was not compiled, `unavailable_reason` says so.
"""

import atexit
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Any, get_args
from weakref import WeakKeyDictionary, WeakSet

import numpy as np

from profunda._seeds import keys_of, streams
from profunda.errors import ArgumentError
from profunda.fleet.history import Status
from profunda.fleet.member import Member
from profunda.fleet.mixing import beta_quantiles
from profunda.fleet.pack import Plan
from profunda.fleet.result import PackResult
from profunda.fleet.shape import canonical_width
from profunda.fleet.source import FleetData, Source, balanced
from profunda.fleet.state import MemberState, first_state
from profunda.networks.layout import layout_of
from profunda.space.design import Activation, Design, DropoutKind, Norm, Optimiser, Schedule
from profunda.vitals.causes import cause_of_ending
from profunda.vitals.signs import SATURATION, SIGNS, sign_interval

__all__ = [
    "available",
    "buffer_bytes",
    "instruction_set",
    "refusal",
    "run_packs",
    "table_bytes",
    "unavailable_reason",
]

_ACTIVATIONS, _NORMS, _DROPPING = get_args(Activation), get_args(Norm), get_args(DropoutKind)
_OPTIMISERS, _SCHEDULES = get_args(Optimiser), get_args(Schedule)
_PURPOSES = ("order", "dropout", "dropconnect", "noise", "mixup")
"""Of the streams that a member draws from, in the order in which the engine takes them."""
_STOPPED, _DIVERGED, _CANCELLED = 1, 2, 3  # why a task ended; 0: at its limit
_WAIT_SECONDS = 0.05
_QUEUED_PER_THREAD = 8
"""Members waiting for each thread: enough that none idles while Python prepares the next."""


@lru_cache(maxsize=1)
def _load() -> tuple[ModuleType | None, str | None]:
    try:
        module = import_module("profunda.fleet._native")
    except ModuleNotFoundError:
        why = "no C++ compiler, a failed build, or PROFUNDA_PURE=1"
        return None, f"it was not compiled at installation ({why})"
    except ImportError as error:
        return None, f"its compiled module cannot be loaded ({error.msg})"
    if module.instruction_set() is None:
        return None, "it was compiled for another processor"
    return module, None


def available() -> bool:
    """Whether this installation has the compiled module and this processor runs it."""
    return _load()[0] is not None


def unavailable_reason() -> str | None:
    """Why the engine is not available; None where it is."""
    return _load()[1]


def instruction_set(wanted: str = "") -> str:
    """The instruction set that runs where `wanted` is asked for: that one, or where it cannot, the best here.

    It is "avx512", "avx2", "neon" or "generic". ArgumentError where the engine is not available.
    """
    module = _module()
    return (module.instruction_set(wanted) if wanted else None) or module.instruction_set()


def refusal(reason: str | None) -> str:
    """What to tell where the engine was asked for and is not available."""
    return (
        f"The native engine is not available: {reason}. Install Profunda again where a C++ compiler is "
        "found, or take engine = 'torch' (or 'auto', which trains on it then)."
    )


def _module() -> Any:
    module, reason = _load()
    if module is None:
        raise ArgumentError(refusal(reason))
    return module


# Memory ---------------------------------------------------------------------------------------------


def buffer_bytes(member: Member, data: FleetData, dtype: str = "float32") -> int:
    """Bytes of the buffers that a thread trains `member` in."""
    source, design = data.source(member), member.design
    return _module().buffer_bytes(
        _table(source, data, dtype).native,
        list(design.widths),
        [canonical_width(width) for width in design.widths],
        _ACTIVATIONS.index(design.activation),
        _norm(design),
        design.norm_place == "after",
        design.parametric,
        design.skip,
        _front(design, source, data),
        _recipe(design, source, (0,) * len(_PURPOSES)),
    )


def table_bytes(source: Source, data: FleetData, dtype: str = "float32") -> int:
    """Bytes that the engine keeps for the rows of `source` beside it.

    That are copies of labels, of row numbers, and of the arrays of `source` that are not as the engine reads
    them (of another type, mostly), and lists of non-zero inputs, where they are few.
    """
    return _table(source, data, dtype).bytes


@dataclass(frozen=True, eq=False)
class _Table:
    """Rows as the engine takes them, and the bytes that are not the Source's own."""

    native: Any
    bytes: int


_TABLES: "WeakKeyDictionary[Source, dict[tuple[str, bool, int], _Table]]" = WeakKeyDictionary()
_LOCK = threading.Lock()


def _table(source: Source, data: FleetData, dtype: str) -> _Table:
    """The rows of `source` as the engine takes them, made on first use and dropped with it."""
    place = (dtype, data.classes, data.n_outputs)
    with _LOCK:
        kept = _TABLES.setdefault(source, {})
        if place not in kept:
            kept[place] = _made_table(source, data, np.dtype(dtype))
        return kept[place]


def _made_table(source: Source, data: FleetData, dtype: np.dtype) -> _Table:
    x = np.ascontiguousarray(source.x, dtype)
    y = np.ascontiguousarray(source.y, np.int64 if data.classes else dtype)
    if not data.classes:
        y = y.reshape(len(x), -1)
    train, valid = (np.ascontiguousarray(rows, np.int64) for rows in (source.train, source.valid))
    pairs = ((x, source.x), (y, source.y))  # the module has rows' numbers and labels of its own, in its bytes
    copied = sum(array.nbytes for array, given in pairs if not np.may_share_memory(array, given))
    weight = None
    if source.weight is not None:
        scaled = source.weight / source.weight[source.train].mean()
        weight = np.ascontiguousarray(scaled, dtype)
        copied += weight.nbytes
    native = _module().Table(x, y, weight, train, valid, data.classes, data.n_outputs)
    return _Table(native, copied + native.bytes)


# Training -------------------------------------------------------------------------------------------


def run_packs(
    plan: Plan,
    numbers: Sequence[int],
    data: FleetData,
    *,
    until: Sequence[int],
    states: Sequence[MemberState | None],
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
    cancel: threading.Event | None = None,
    isa: str | None = None,
) -> Iterator[tuple[int, PackResult, float]]:
    """Train the packs `numbers` of `plan` on `workers` threads; yield each as it ends.

    What comes is (number, result, seconds of one thread that its members took).
    `until` [M] is the epoch each member is to reach, `states` [M] where each goes on from (None: from its
    first weights). All packs share one queue of members, in the order given. `progress` receives the
    member-steps done since its last call, about every 50 ms; once `cancel` is set, members stop at their
    last whole epoch, when the layer at hand is through. `isa` names another instruction set than the plan's.
    """
    members = sum(len(plan.packs[number].members) for number in numbers)
    threads = max(1, min(workers, members, _module().most_threads))
    crew = _Crew(plan, data, until, states, isa or plan.instruction_set or None, threads)
    try:
        yield from crew.train(list(numbers), progress, cancel)
    finally:
        crew.close()


class _Crew:
    """A team of threads and the packs it is given."""

    leaving = False  # Python ends

    def __init__(
        self,
        plan: Plan,
        data: FleetData,
        until: Sequence[int],
        states: Sequence[MemberState | None],
        isa: str | None,
        threads: int,
    ) -> None:
        self.plan, self.data, self.until, self.states = plan, data, until, states
        self.module, self.dtype = _module(), np.dtype(plan.dtype)
        self.few = _QUEUED_PER_THREAD * threads
        self.team = self.module.Team(threads, plan.dtype == "float64", isa)
        self.open: dict[int, list[_Task]] = {}
        _CREWS.add(self)

    def close(self) -> None:
        """Stop the threads; what still trains ends at its last whole epoch."""
        self.team.close()
        self.open.clear()

    def train(
        self, queue: list[int], progress: Callable[[int], None] | None, cancel: threading.Event | None
    ) -> Iterator[tuple[int, PackResult, float]]:
        told = 0
        while queue or self.open:
            if cancel is not None and cancel.is_set():
                self.team.cancel()
                queue = []
            elif queue and self.team.waiting < self.few:
                self._submit(queue.pop(0))
            ended = self.team.wait(_WAIT_SECONDS, self.few if queue else 0)
            if self.leaving:
                raise SystemExit  # silent in a daemon thread; nothing else is left when Python ends
            if progress is not None and (done := self.team.steps - told):
                told += done
                progress(done)
            if ended >= 0:
                tasks = self.open.pop(ended)
                seconds = sum(task.native.seconds for task in tasks if task.native is not None)
                yield ended, self._result(tasks), seconds

    def _submit(self, number: int) -> None:
        pack = self.plan.packs[number]
        members = [self.plan.members[i] for i in pack.members]
        keys = keys_of([member.key for member in members])
        drawn = list(zip(*(streams(keys, purpose).tolist() for purpose in _PURPOSES), strict=True))
        tasks = self.open[number] = []
        active = [self._active(i) for i in pack.members]
        self.team.open(number, sum(active))
        for n, (i, member) in enumerate(zip(pack.members, members, strict=True)):
            task = _Task(self, member, self.states[i], self._limit(i))
            tasks.append(task)
            if active[n]:
                task.begin(drawn[n])
                self.team.submit(number, task.native)

    def _limit(self, i: int) -> int:
        return min(self.until[i], self.plan.members[i].design.epochs)

    def _active(self, i: int) -> bool:
        state = self.states[i]
        return state is None or (state.status is Status.RUNNING and state.epoch < self._limit(i))

    def _result(self, tasks: "list[_Task]") -> PackResult:
        cancelled = any(task.native is not None and task.native.ending == _CANCELLED for task in tasks)
        return PackResult(tuple(task.end() for task in tasks), cancelled)


_CREWS: "WeakSet[_Crew]" = WeakSet()


@atexit.register
def _dismiss() -> None:
    """Let daemon threads out of the compiled module: the interpreter cannot take them back from there."""
    for crew in list(_CREWS):
        crew.leaving = True
        crew.close()
        time.sleep(2 * _WAIT_SECONDS)


class _Task:
    """One member: its state before and after, and the arrays that compiled code reads and writes."""

    def __init__(self, crew: _Crew, member: Member, state: MemberState | None, limit: int) -> None:
        self.crew, self.member, self.limit = crew, member, limit
        self.state, self.resumed = state or first_state(member, crew.data, crew.dtype), state is not None
        self.native: Any = None

    def begin(self, keys: tuple[int, ...]) -> None:
        """Make the compiled side's task; `keys` are those of `_PURPOSES`."""
        crew, design, state = self.crew, self.member.design, self.state
        source = crew.data.source(self.member)
        vectors = (state.params, state.best_params, *state.moments)
        # A caller's state is not written to; a first one is nobody else's.
        self.vectors = [np.array(v, crew.dtype) for v in vectors] if self.resumed else list(vectors)
        self.interval = sign_interval(-(-len(source.train) // design.batch_size))
        epochs = self.limit - state.epoch
        self.taken = range(-(-state.epoch // self.interval) * self.interval, self.limit, self.interval)
        self.curves = [
            np.empty(epochs),
            np.empty(epochs),
            np.empty((len(self.taken), len(SIGNS), design.depth + 1)),
        ]
        low, high = SATURATION.get(design.activation, (-np.inf, np.inf))
        self.native = crew.module.Task(
            _table(source, crew.data, crew.plan.dtype).native,
            list(design.widths),
            [canonical_width(width) for width in design.widths],
            _ACTIVATIONS.index(design.activation),
            _norm(design),
            design.norm_place == "after",
            design.parametric,
            design.skip,
            _front(design, source, crew.data),
            _recipe(design, source, keys),
            self.vectors,
            (state.epoch, self.limit),
            (state.best_epoch, state.stall),
            state.best_loss,
            self.interval,
            (low, high),
            _quantiles(crew.dtype.name) if design.dropout_kind == "gaussian" or design.noise else None,
            _ingredients(design, source, crew.data),
            self.curves,
        )

    def end(self) -> MemberState:
        """The state that training reached."""
        native, state = self.native, self.state
        if native is None or native.epoch == state.epoch:
            return state
        done = native.epoch - state.epoch
        signs = {name: [rows] for name, rows in state.signs.items()}
        taken = len(range(self.taken.start, native.epoch, self.interval))
        for number, sign in enumerate(SIGNS):
            layers = self.member.design.depth + (sign.of == "weights")
            if layers and taken:
                signs.setdefault(sign.name, []).append(self.curves[2][:taken, number, :layers])
        made = replace(
            state,
            epoch=native.epoch,
            step=native.epoch * -(-len(self._source.train) // self._batch),
            params=self.vectors[0],
            best_params=self.vectors[1],
            moments=tuple(self.vectors[2:]),
            best_epoch=native.best_epoch,
            best_loss=native.best_loss,
            stall=native.stall,
            train_loss=np.concatenate([state.train_loss, self.curves[0][:done]]),
            valid_loss=np.concatenate([state.valid_loss, self.curves[1][:done]]),
            signs={name: np.concatenate(parts) for name, parts in signs.items()},
            sign_epochs=np.concatenate([state.sign_epochs, 1 + np.array(self.taken[:taken], np.int64)]),
        )
        return replace(made, status=self._status(made))

    @property
    def _source(self) -> Source:
        return self.crew.data.source(self.member)

    @property
    def _batch(self) -> int:
        return min(self.member.design.batch_size, len(self._source.train))

    def _status(self, made: MemberState) -> Status:
        if self.native.ending == _DIVERGED:
            return Status.DIVERGED
        if made.epoch >= self.member.design.epochs:
            return Status(cause_of_ending(made.train_loss, made.valid_loss, made.best_epoch, made.signs))
        return Status.EARLY_STOPPED if self.native.ending == _STOPPED else Status.RUNNING


def _front(design: Design, source: Source, data: FleetData) -> Any:
    front = layout_of(design, source.inputs, data.n_outputs).front
    return _module().Front(front.waves, front.codes, front.scaled)


# What a Design names and does not use may be a kind that this engine lacks (Design.torch_only).


def _norm(design: Design) -> int:
    return _NORMS.index(design.norm if design.widths else "none")


def _dropping(design: Design) -> int:
    return _DROPPING.index(design.dropout_kind if design.widths and design.dropout else "bernoulli")


def _recipe(design: Design, source: Source, keys: tuple[int, ...]) -> Any:
    return _module().Recipe(
        _dropping(design),
        design.dropout,
        design.input_dropout,
        design.l1,
        design.l2,
        design.decoupled,
        design.label_smoothing,
        design.loss == "huber",
        _OPTIMISERS.index(design.optimiser),
        design.momentum,
        design.lr,
        _SCHEDULES.index(design.schedule),
        min(design.batch_size, len(source.train)),
        design.epochs,
        design.patience,
        design.clip,
        *keys[:3],
        design.beta2,
        design.bias_lr,
        design.parametrisation == "ntk",
        design.l1_update == "subgradient",
        design.group_lasso,
        design.max_norm,
        design.averaging,
        design.noise if source.inputs.numeric else 0.0,  # bins and flags stay as they are
        design.mixup > 0,
        *keys[3:],
    )


def _ingredients(design: Design, source: Source, data: FleetData) -> Any:
    """The tables that the recipe needs; None where it needs none."""
    balances = design.class_balance > 0 and data.classes
    if not (design.noise or design.mixup or design.group_lasso or balances):
        return None
    numeric = source.inputs.numeric if design.noise else ()
    columns = layout_of(design, source.inputs, data.n_outputs).front.columns if design.group_lasso else ()
    return _module().Tables(
        np.array(numeric, np.int64),
        beta_quantiles(design.mixup) if design.mixup else np.zeros(0),
        np.unique(np.array(columns, np.int64), return_inverse=True)[1].astype(np.int64),
        _class_weight(source, data.n_outputs, design.class_balance) if balances else np.zeros(0),
    )


_CLASS_WEIGHTS: "WeakKeyDictionary[Source, dict[float, np.ndarray]]" = WeakKeyDictionary()


def _class_weight(source: Source, n_outputs: int, beta: float) -> np.ndarray:
    """What `balanced` weighs rows of each class with, beside the weights that rows have: float64 [C]."""
    with _LOCK:
        kept = _CLASS_WEIGHTS.setdefault(source, {})
    if beta not in kept:
        everything = np.ones(len(source.y))
        weighed, plain = (
            everything if w is None else w for w in (balanced(source, beta), balanced(source, 0.0))
        )
        rows = source.train[plain[source.train] > 0]
        made = np.zeros(n_outputs)
        made[source.y[rows]] = weighed[rows] / plain[rows]
        kept[beta] = made
    return kept[beta]


@lru_cache(maxsize=2)
def _quantiles(dtype: str) -> np.ndarray:
    from profunda.fleet.masks import QUANTILES

    return QUANTILES.astype(dtype)
