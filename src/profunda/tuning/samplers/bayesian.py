"""Proposals that learn: a tree of Parzen estimators (TPE) and a Gaussian process (GP), both through Optuna.

TPE (Bergstra et al. 2011) compares how often good and bad trials took a value; the GP models the objective
with its uncertainty and proposes where improvement is likely. Both begin with random trials.

Every batch starts a fresh Optuna sampler, seeded by (seed, number of proposals so far). So a proposal is a
function of the seed and of what was proposed and told before, and nothing else: `repeat` can rebuild the
state from a journal without asking the model again.
"""

import json
import math
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from profunda.fleet.history import Status
from profunda.space.domain import Choice, Domain, Float, Int, LogFloat
from profunda.space.space import Params, Space
from profunda.tuning.samplers.outcome import Outcome
from profunda.tuning.samplers.random import stream

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.trial import Trial

__all__ = ["BayesianSampler", "Direction"]

Algorithm = Literal["tpe", "gp"]
Direction = Literal["minimize", "maximize"]


class BayesianSampler:
    """TPE or GP over a space; deterministic for a seed and a sequence of proposals and answers."""

    def __init__(
        self, space: Space, seed: int, directions: Sequence[Direction], algorithm: Algorithm
    ) -> None:
        import optuna

        self._space = space
        self._seed = seed
        self._algorithm = algorithm
        self._proposed = 0
        self._open: dict[str, deque[Trial]] = defaultdict(deque)
        self._distributions = {name: _distribution(space.domains[name]) for name in space.free}
        with _quiet():
            self._study = optuna.create_study(
                directions=list(directions), sampler=optuna.samplers.RandomSampler(seed=0)
            )

    def propose(self, n: int) -> list[Params]:
        with _quiet():
            brain, batch = self._brain(), []
            for _ in range(n):
                self._study.sampler = brain
                batch.append(self._idea())
                self._enter(batch[-1])
            return batch

    def repeat(self, batch: Sequence[Params]) -> None:
        with _quiet():
            for params in batch:
                self._enter(params)

    def tell(self, params: Params, outcome: Outcome) -> None:
        """What became of `params`. A configuration that was never proposed is learnt from all the same.

        Failed and diverged trials, and values that are not finite, are told as failed: the model leaves them
        out. So does the GP with those that missed a constraint; TPE ranks them below all that met them.
        """
        import optuna

        states = optuna.trial.TrialState
        with _quiet():
            if not self._open[_key(params)]:
                self._enter(params, count=False)
            trial = self._open[_key(params)].popleft()
            if not outcome.usable or not (outcome.feasible or self._ranks_violations(outcome)):
                self._study.tell(trial, state=states.FAIL)
                return
            if not outcome.feasible:
                trial.set_constraint("violation", outcome.violation)
            if outcome.status is Status.OUTCOMPETED and self._algorithm == "tpe" and len(outcome.values) == 1:
                # A value from fewer epochs: TPE ranks such trials below the finished ones. The GP has no such
                # class, and would learn nothing from most of a halving search without them.
                trial.report(outcome.values[0], step=0)
                self._study.tell(trial, state=states.PRUNED)
            else:
                self._study.tell(trial, list(outcome.values))

    def _ranks_violations(self, outcome: Outcome) -> bool:
        # Optuna's GP wants a constraint's value of every trial or of none.
        return self._algorithm == "tpe" and not math.isnan(outcome.violation)

    def _brain(self) -> "BaseSampler":
        from optuna.samplers import GPSampler, TPESampler

        seed = int(stream(self._seed, f"{self._algorithm}/{self._proposed}", 0, 1, 1)[0, 0] * 2**32)
        if self._algorithm == "gp":
            return GPSampler(seed=seed, warn_independent_sampling=False)
        return TPESampler(
            seed=seed,
            multivariate=True,
            group=self._space.conditional,
            constant_liar=True,
            warn_independent_sampling=False,
        )

    def _idea(self) -> Params:
        """One suggestion of the model, taken back as a trial: `_enter` writes it down in its exact form."""
        import optuna

        trial = self._study.ask()
        chosen: dict[str, Any] = {}
        for name in self._space.order:
            # The GP needs all parameters of all trials; those that are inactive are suggested and dropped.
            on = self._space.active(name, chosen)
            if name in self._distributions and (on or self._algorithm == "gp"):
                value = _from_optuna(
                    self._space.domains[name], _suggest(trial, name, self._distributions[name])
                )
            else:
                value = self._space.domains[name].levels(2)[0] if on else None
            if on:
                chosen[name] = value
        self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
        return {name: chosen[name] for name in self._space.names if name in chosen}

    def _enter(self, params: Params, *, count: bool = True) -> None:
        """Adds `params` as a running trial without asking the model."""
        import optuna

        self._study.sampler = optuna.samplers.RandomSampler(seed=0)
        stated = self._stated(params)
        self._study.enqueue_trial(stated)
        trial = self._study.ask()
        for name in stated:
            _suggest(trial, name, self._distributions[name])
        self._open[_key(params)].append(trial)
        self._proposed += int(count)

    def _stated(self, params: Params) -> dict[str, Any]:
        stated = {}
        for name in self._distributions:
            domain = self._space.domains[name]
            if name in params:
                stated[name] = _to_optuna(domain, params[name])
            elif self._algorithm == "gp":
                # One and the same place for all inactive ones: they are alike to the model.
                stated[name] = _to_optuna(domain, domain.at(np.array([0.5]))[0])
        return stated


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps Optuna's log lines and warnings to itself, and puts the user's settings back."""
    import warnings

    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(before)


def _distribution(domain: Domain) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    match domain:
        case Float():
            return FloatDistribution(domain.low, domain.high)
        case LogFloat():
            return FloatDistribution(domain.low, domain.high, log=True)
        case Int():
            return IntDistribution(domain.low, domain.high, log=domain.log)
        case Choice() if domain.ordered:
            # Ascending numbers by their position, so that the model may expect neighbours to behave alike.
            return IntDistribution(0, len(domain.values) - 1)
        case Choice():
            return CategoricalDistribution(list(range(len(domain.values))))
    raise TypeError(f"no distribution for {domain!r}")


def _to_optuna(domain: Domain, value: Any) -> Any:
    return domain.index(value) if isinstance(domain, Choice) else value


def _from_optuna(domain: Domain, value: Any) -> Any:
    return domain.values[value] if isinstance(domain, Choice) else value


def _suggest(trial: "Trial", name: str, distribution: "BaseDistribution") -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    match distribution:
        case FloatDistribution():
            return trial.suggest_float(name, distribution.low, distribution.high, log=distribution.log)
        case IntDistribution():
            return trial.suggest_int(name, distribution.low, distribution.high, log=distribution.log)
        case CategoricalDistribution():
            return trial.suggest_categorical(name, distribution.choices)
    raise TypeError(f"no suggestion for {distribution!r}")


def _key(params: Mapping[str, Any]) -> str:
    return json.dumps(dict(params), sort_keys=True)
