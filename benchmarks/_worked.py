"""Trials to a target on the worked example's space: grid, random, Bayesian, on equal terms.

Every search draws in batches of four and trains on 600 rows; 200 rows score its trials (log-loss after the
last epoch), and 200 rows that no search has seen score the network that each had chosen after 20 trials. The
target is the score that one random draw in twenty reaches, by draws of its own. The grid's 243 points come in
an order of chance: in their own order the last name is exhausted before the first one moves.
"""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import wilcoxon
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from profunda._seeds import key
from profunda.fleet.forward import outputs
from profunda.fleet.history import Status
from profunda.fleet.member import Member
from profunda.fleet.plan import plan
from profunda.fleet.source import FleetData
from profunda.space.design import Design
from profunda.space.domain import Float, Int, LogFloat
from profunda.space.space import Params, Space
from profunda.training.packs import run_packs
from profunda.tuning.samplers.outcome import Outcome
from profunda.tuning.samplers.sampler import Sampler, sampler_for

__all__ = ["Worked", "worked_example"]

SPACE = Space(
    {
        "hidden_size": [32, 64, 128],
        "learning_rate": LogFloat(1e-4, 1e-2),
        "dropout_rate": Float(0.1, 0.5),
        "batch_size": [16, 32, 64],
        "num_epochs": Int(5, 15),
    }
)
LEVELS = Space(
    {
        "hidden_size": [32, 64, 128],
        "learning_rate": [1e-4, 1e-3, 1e-2],
        "dropout_rate": [0.1, 0.3, 0.5],
        "batch_size": [16, 32, 64],
        "num_epochs": [5, 10, 15],
    }
)
BATCH, TRIALS, CHOSEN_AFTER = 4, 60, 20
REFERENCE, SHARE = 400, 0.05


@dataclass(frozen=True)
class Worked:
    """One sampler: medians over seeds of trials to the target (`TRIALS` + 1 where it was not reached).

    `test_loss` is the mean on unseen rows of what was chosen after 20 trials, `choosing_ms` a suggestion's
    CPU time, `training_seconds` a search's share of the fleets' time, `fewer_than` the one-sided p-value of
    needing fewer trials than another sampler.
    """

    sampler: str
    seeds: int
    trials: float
    reached: float
    test_loss: float
    test_spread: float
    choosing_ms: float
    training_seconds: float
    fewer_than: tuple[tuple[str, float], ...]


@dataclass(eq=False)
class _Search:
    name: str
    seed: int
    sampler: Sampler
    losses: list[float]
    chosen_test: float = float("nan")
    best: float = float("inf")
    seconds: float = 0.0


class _Shuffled:
    """The grid in an order of chance."""

    def __init__(self, seed: int) -> None:
        points = list(LEVELS.grid())
        self._rest = [points[k] for k in np.random.default_rng(seed).permutation(len(points))]

    def propose(self, n: int) -> list[Params]:
        batch, self._rest = self._rest[:n], self._rest[n:]
        return batch

    def repeat(self, batch: Sequence[Params]) -> None:
        self.propose(len(batch))

    def tell(self, params: Params, outcome: Outcome) -> None:
        """Nothing to learn."""


def _data() -> tuple[FleetData, np.ndarray, np.ndarray]:
    """600 rows to learn from, 200 to score on, and 200 inputs with classes that no search sees."""
    x, y = make_classification(n_samples=1000, n_features=20, n_classes=2, random_state=42)
    x, x_test, y, y_test = train_test_split(x, y, test_size=0.2, random_state=42, stratify=y)
    x, x_valid, y, y_valid = train_test_split(x, y, test_size=0.25, random_state=42, stratify=y)
    scaler = StandardScaler().fit(x)
    seen = np.concatenate([scaler.transform(x), scaler.transform(x_valid)]).astype(np.float32)
    folds = [(np.arange(600), np.arange(600, 800))]
    data = FleetData.from_arrays(seen, np.concatenate([y, y_valid]), folds=folds, classes=True)
    return data, scaler.transform(x_test).astype(np.float32), y_test


def _design(params: Params) -> Design:
    return Design(
        widths=(params["hidden_size"],),
        activation="relu",
        initialisation="torch",
        dropout=params["dropout_rate"],
        optimiser="adam",
        lr=params["learning_rate"],
        batch_size=params["batch_size"],
        epochs=params["num_epochs"],
    )


class _Trainer:
    """Trains what many searches drew as one fleet: log-losses on the validation and on the test rows."""

    def __init__(self) -> None:
        self.data, self._x, self._y = _data()
        self.seconds = 0.0

    def __call__(self, drawn: Sequence[tuple[Params, int]]) -> list[tuple[float, float]]:
        members = [Member(_design(params), 0, replicate) for params, replicate in drawn]
        made = plan(members, self.data)
        until = [member.design.epochs for member in members]
        started, scores = time.perf_counter(), [(0.0, 0.0)] * len(members)
        for number, result, _ in run_packs(made, self.data, until=until, states=[None] * len(members)):
            for place, state in zip(made.packs[number].members, result.states, strict=True):
                raw = outputs(members[place].design, state.params, self._x).astype(np.float64)
                raw -= raw.max(axis=1, keepdims=True)
                logs = raw - np.log(np.exp(raw).sum(axis=1, keepdims=True))
                test = -float(logs[np.arange(len(raw)), self._y].mean())
                scores[place] = (float(state.history.valid_loss[-1]), test)
        self.seconds += time.perf_counter() - started
        return scores


def _round(searches: Sequence[_Search], trainer: _Trainer) -> None:
    """A batch of every search."""
    batches = []
    for search in searches:
        started = time.process_time()
        batches.append(search.sampler.propose(BATCH))
        search.seconds += time.process_time() - started
    drawn = [
        (params, key("worked", s.name, s.seed, len(s.losses) + k) % 2**48)
        for s, batch in zip(searches, batches, strict=True)
        for k, params in enumerate(batch)
    ]
    scores = iter(trainer(drawn))
    for search, batch in zip(searches, batches, strict=True):
        for params in batch:
            loss, test = next(scores)
            started = time.process_time()
            search.sampler.tell(params, Outcome((loss,), Status.COMPLETED))
            search.seconds += time.process_time() - started
            search.losses.append(loss)
            if loss < search.best:
                search.best = loss
                if len(search.losses) <= CHOSEN_AFTER:
                    search.chosen_test = test


def worked_example(samplers: Sequence[str], seeds: int) -> tuple[float, list[Worked]]:
    """The target, and each sampler's result; all searches of a round train as one fleet."""
    trainer = _Trainer()
    draws = sampler_for("random", SPACE, key("worked target") % 2**31).propose(REFERENCE)
    reference = trainer([(p, key("worked", "target", k) % 2**48) for k, p in enumerate(draws)])
    target = float(np.quantile([loss for loss, _ in reference], SHARE))
    trainer.seconds = 0.0
    searches = [
        _Search(name, seed, _Shuffled(seed) if name == "grid" else sampler_for(name, SPACE, seed), [])
        for seed in range(seeds)
        for name in samplers
    ]
    for _ in range(TRIALS // BATCH):
        _round(searches, trainer)
    needed = {name: [_needed(s, target) for s in searches if s.name == name] for name in samplers}
    each = trainer.seconds / len(searches)
    return target, [_summary(name, searches, needed, each) for name in samplers]


def _needed(search: _Search, target: float) -> int:
    return next((k for k, loss in enumerate(search.losses, start=1) if loss <= target), TRIALS + 1)


def _summary(
    name: str, searches: Sequence[_Search], needed: dict[str, list[int]], training_seconds: float
) -> Worked:
    own = [s for s in searches if s.name == name]
    tests = [s.chosen_test for s in own]
    fewer = tuple(
        (other, float(wilcoxon(needed[name], needed[other], alternative="less").pvalue))
        for other in needed
        if other != name and needed[other] != needed[name]
    )
    return Worked(
        name,
        len(own),
        statistics.median(needed[name]),
        float(np.mean([k <= TRIALS for k in needed[name]])),
        statistics.mean(tests),
        statistics.stdev(tests),
        1e3 * statistics.mean(s.seconds for s in own) / TRIALS,
        training_seconds,
        fewer,
    )
