"""What a run was asked to do: fixed in its journal's header, and read back when it is resumed."""

import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from profunda.data.dataset import Dataset
from profunda.errors import ArgumentError, Notice, RunError
from profunda.fleet.history import Status
from profunda.fleet.native_engine import available, instruction_set, unavailable_reason
from profunda.fleet.plan import ENGINES
from profunda.fleet.speed import Speeds
from profunda.job.choosing import Rule
from profunda.job.origin import Origin
from profunda.job.refitting import Refit
from profunda.metrics.score import Metric, metric_for
from profunda.space.space import Params, Space
from profunda.tuning.budget import Budget
from profunda.tuning.drawing import Known
from profunda.tuning.limits import UNLIMITED, Limits
from profunda.tuning.rungs import Fidelity, check_fidelity
from profunda.tuning.terminators import NEVER, Stopping

__all__ = ["Settings", "Validation"]

Validation = Literal["holdout", "nested"]

_WORDS = {"seconds": "time"}  # what the command line calls it
_LATER: Mapping[str, Any] = {
    "fidelity": "halving",
    "stopping": asdict(NEVER),
    "limits": asdict(UNLIMITED),
    "forecast": False,
    "warm_start": "",
    "given": (),
    "known": (),
    "validation": "holdout",
    "ablate": False,
}
"""What a header says that was written before it could be said otherwise."""


@dataclass(frozen=True)
class Settings:
    """Everything that decides a run's result, but the data themselves and the clock.

    `own_space` says that the `space` is the user's, not the one made for the table; `narrowed` are the
    NAME=VALUE words that have narrowed it. By `speeds`, those of the machine on which the run began, `engine`
    "auto" chooses. `forecast` leaves out what theory rules out. `warm_start` is the earlier run's folder,
    `given` and `known` what was read there when the run began. Nothing here depends on the number of workers.
    """

    origin: Origin
    fingerprint: str
    metric: str
    space: Mapping[str, Any]
    own_space: bool
    narrowed: tuple[str, ...]
    sampler: str
    fidelity: Fidelity
    stopping: Stopping
    limits: Limits
    forecast: bool
    warm_start: str
    given: tuple[Params, ...]
    known: tuple[Known, ...]
    budget: Budget
    engine: str
    speeds: Speeds
    select: Rule
    refit: Refit
    folds: int | None
    test: float
    validation: Validation
    ablate: bool
    seed: int
    baselines: bool
    report: bool

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("engine", self.engine, ENGINES),
            ("select", self.select, get_args(Rule)),
            ("refit", self.refit, get_args(Refit)),
            ("validation", self.validation, get_args(Validation)),
        ):
            if value not in allowed:
                raise ArgumentError(f"{name}={value!r} is unknown: it is {', '.join(allowed)}.")
        check_fidelity(self.fidelity)
        if self.warm_start and self.validation == "nested":
            raise ArgumentError(
                "warm_start and validation='nested' contradict each other: the earlier run has chosen by "
                "rows that the outer folds judge by. Leave one of them out."
            )
        if self.given and self.sampler == "grid":
            raise ArgumentError(
                "a grid tries exactly its combinations, so it cannot begin with the designs of warm_start. "
                "Take another sampler, or leave warm_start out."
            )
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise ArgumentError(f"seed={self.seed!r} must be a whole number, 0 or greater.")

    def header(self) -> dict[str, Any]:
        """As the journal's header keeps it."""
        return {**asdict(self), "kind": "fit", "space": dict(self.space)}

    @staticmethod
    def from_header(header: Mapping[str, Any]) -> "Settings":
        """The settings of a run that is to be resumed.

        Raises:
            RunError: the header lacks something: another version wrote it, or it was changed.
        """
        try:
            told = {**_LATER, **header}
            known: dict[str, Any] = {name: told[name] for name in Settings.__dataclass_fields__}
            known |= {"origin": _origin(header["origin"]), "budget": Budget(**header["budget"])}
            known |= {"speeds": Speeds.from_json(header["speeds"])}
            known |= {"stopping": Stopping(**told["stopping"]), "limits": Limits(**told["limits"])}
            known |= {"given": tuple(told["given"]), "known": tuple(map(_known, told["known"]))}
            return Settings(**known | {"narrowed": tuple(header["narrowed"])})
        except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
            raise RunError(
                f"the run's header cannot be understood ({error}). Another version wrote it, or it was "
                "changed: start a new run."
            ) from error

    def check(self, dataset: Dataset) -> None:
        """Refuse to go on with other data than the run began with.

        Raises:
            RunError: the fingerprints differ.
        """
        if dataset.fingerprint != self.fingerprint:
            raise RunError(
                f"the run began with other data: {dataset.source} now has the fingerprint "
                f"{dataset.fingerprint[:12]}, the run's data had {self.fingerprint[:12]}. "
                "Restore the data as they were, or start a new run."
            )

    def check_machine(self) -> tuple[Notice, ...]:
        """Refuse to go on without the engine that the run began with; tell of other bits to come.

        Raises:
            RunError: the native engine may have trained, and there is none here.
        """
        if self.engine == "torch" or self.speeds.native is None:
            return ()
        began = self.speeds.instruction_set
        if not available():
            raise RunError(
                f"the run began with the native engine ({began}), which cannot be used here: "
                f"{unavailable_reason()}. Resume it where that engine is, or start a new run."
            )
        here = instruction_set(began)
        if here == began:
            return ()
        text = (
            f"The run began with {began} instructions, which this processor has not, and goes on with "
            f"{here}: what is trained from here differs in its last bits from what it would have been there."
        )
        return (Notice("other-instructions", text),)

    def metric_of(self, dataset: Dataset) -> Metric:
        """The metric that is optimised."""
        return metric_for(dataset.task.kind, self.metric)

    @property
    def command(self) -> str:
        """The command that does this run again; empty where no command can: data in memory, a space of the
        user's own, another selection or refit than the default."""
        shown = self.origin.source and not self.own_space and (self.select, self.refit) == ("greedy", "folds")
        if not shown:
            return ""
        words = ["profunda", "fit", self.origin.source]
        target, task = self.origin.target, self.origin.task
        for name in (target,) if isinstance(target, str) else target:
            words += ["--target", name] if name else []
        words += ["--task", task] if task else []
        words += ["--task-column", self.origin.task_column] if self.origin.task_column else []
        for name, value in asdict(self.budget).items():
            words += [f"--{_WORDS.get(name, name)}", f"{value:.15g}"] if value is not None else []
        for word in self.narrowed:
            words += ["--fix", word]
        words += ["--folds", str(self.folds)] if self.folds is not None else []
        words += ["--test-size", f"{self.test:.15g}"]
        words += ["--engine", self.engine] if self.engine != ENGINES[0] else []
        words += self._more_words()
        words += ["--metric", self.metric, "--sampler", self.sampler, "--seed", str(self.seed)]
        return shlex.join(words)

    def _more_words(self) -> list[str]:
        """What of the search was asked for beyond the usual."""
        asked = (
            ("fidelity", self.fidelity if self.fidelity != _LATER["fidelity"] else None),
            ("validation", self.validation if self.validation != _LATER["validation"] else None),
            ("patience", self.stopping.patience),
            ("min-delta", self.stopping.min_delta or None),
            ("regret", self.stopping.regret),
            ("max-parameters", self.limits.parameters),
            ("max-latency", self.limits.latency),
            ("warm-start", self.warm_start or None),
        )
        words = [part for name, value in asked if value is not None for part in (f"--{name}", str(value))]
        words += [] if self.forecast else ["--no-forecast"]
        return [*words, "--ablate"] if self.ablate else words

    @property
    def searched(self) -> Space:
        """The space, with what the user fixed."""
        return Space.from_json(self.space)


def _known(data: Mapping[str, Any]) -> Known:
    return Known(dict(data["params"]), float(data["value"]), Status(data["status"]))


def _origin(data: Mapping[str, Any]) -> Origin:
    names = data["target"] if isinstance(data["target"], str) else tuple(data["target"])
    told: dict[str, Any] = {**data, "target": names}
    return Origin(**told)
