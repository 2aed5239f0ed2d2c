"""The worked random search, as a fleet and as the textbook does it: trials per second, at equal scores.

    python benchmarks/textbook_search.py [--quick] [--json FILE] [--cells FILE.jsonl]

Ours trains 400 draws of the listing's space, every draw a network of its own, on as many threads as there are
cores: once with the native engine (`ours`), once with the torch engine (`torch_fleet`). Beside them, in every
round, 40 of the same draws with the same number of optimiser steps: the textbook's loop in plain PyTorch
(default and fused Adam, 1 and 2 threads; the best counts), scikit-learn's MLPClassifier in RandomizedSearchCV
(it has no dropout; 1 and 2 jobs, the best counts), and Optuna around the fused textbook loop on one thread.
Imports, reading, scaling and a first warm run are not timed; drawing, planning, training and scoring are.

Scores must be equal: the sampled draws are trained by all, ours and the textbook, and accuracy and log-loss
after the last epoch are compared. A control, ours with ten times the learning rate, must be told apart. Exit
code 1 where either fails.
"""

import os

# Waiting OpenMP threads would spin and steal the cores from whoever runs next.
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

import statistics
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import optuna
import torch
from _bench import Cell, Cells, Options, Outcome, Side, conduct, cores, median_ratio, options, run_rounds
from _equal_scores import Agreement, agreement
from _fleets import ENGINES, tell_missing
from _listing import Draw, Score, draws, every_nth, table, train_fleet, train_textbook
from sklearn.model_selection import PredefinedSplit, RandomizedSearchCV
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

__all__ = ["Settings", "main", "sides"]

TEXTBOOK = {
    f"textbook_{name}_{threads}": (fused, threads)
    for name, fused in (("adam", False), ("fused", True))
    for threads in (1, 2)
}
SKLEARN = {f"sklearn_mlp_{jobs}": jobs for jobs in (1, 2)}
FLEETS = {
    name: engine for name, engine in (("ours", "native"), ("torch_fleet", "torch")) if engine in ENGINES
}
CONTROL_RATE = 10.0
PACKAGES = ("torch", "numpy", "scikit-learn", "optuna")


@dataclass(frozen=True)
class Settings:
    """How much is measured. `workers` are the threads of ours."""

    rounds: int = 5
    draws: int = 400
    sampled: int = 40
    seed: int = 0
    workers: int = 2

    @property
    def expected_seconds(self) -> float:
        """On two calm cores: 3 s for 400 networks of ours, 0.17 s for one of a peer's, seven peers."""
        peers = len(TEXTBOOK) + len(SKLEARN) + 1
        return 10.0 + (self.rounds + 1) * self.draws * 0.008 + self.rounds * self.sampled * peers * 0.17


QUICK = {"rounds": 2, "sampled": 8}


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, write; 0 where scores are equal and the control is told apart, else 1."""
    given = options(__doc__ or "", words)
    return measure(Settings(**(QUICK if given.quick else {}), workers=cores()), given)


def measure(settings: Settings, given: Options) -> int:
    """Run what `settings` ask for, and report it."""
    # scikit-learn warns, in its workers too, that so few epochs have not converged; they are the listing's.
    warnings.filterwarnings("ignore", message="Stochastic Optimizer")
    os.environ["PYTHONWARNINGS"] = "ignore:Stochastic Optimizer"
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    torch.set_num_threads(1)

    def work(cells: Cells) -> tuple[dict[str, Any], dict[str, float]]:
        tell_missing()
        run_rounds(sides(settings), settings.rounds, cells, _tell)
        return judge(settings, cells)

    results = conduct("textbook_search", settings, given, PACKAGES, work)
    return 0 if results["equal_scores"]["passed"] and results["control"]["told_apart"] else 1


# Sides -----------------------------------------------------------------------------------------------


def sides(settings: Settings) -> list[Side]:
    """Ours by each engine, the peers, and the control."""
    drawn = draws(settings.draws, settings.seed)
    chosen = every_nth(drawn, settings.sampled)
    sample = [drawn[i] for i in chosen]
    few = sample[:: max(1, len(sample) // 3)]
    return [
        *(_fleet_side(name, engine, settings, chosen) for name, engine in FLEETS.items()),
        *(_textbook_side(name, sample, few, *how) for name, how in TEXTBOOK.items()),
        *(_sklearn_side(name, sample, jobs) for name, jobs in SKLEARN.items()),
        _optuna_side(sample, few),
        _control_side(settings, sample),
    ]


def _kept(scores: Sequence[Score]) -> dict[str, list[float]]:
    return {"accuracy": [score.accuracy for score in scores], "loss": [score.loss for score in scores]}


def _fleet_side(name: str, engine: str, settings: Settings, chosen: Sequence[int]) -> Side:
    def run(number: int) -> Outcome:
        torch.set_num_threads(1)
        drawn = draws(settings.draws, settings.seed)
        scores, steps = train_fleet(drawn, number * len(drawn), engine=engine, workers=settings.workers)
        return Outcome(len(drawn), steps, _kept([scores[i] for i in chosen]))

    return Side(name, run, lambda: run(settings.rounds))


def _control_side(settings: Settings, sample: Sequence[Draw]) -> Side:
    def run(number: int) -> Outcome:
        torch.set_num_threads(1)
        first, engine = (settings.rounds + 1) * settings.draws + number * len(sample), ENGINES[0]
        scores, steps = train_fleet(sample, first, engine=engine, workers=settings.workers, rate=CONTROL_RATE)
        return Outcome(len(sample), steps, _kept(scores))

    return Side("control", run, lambda: None)


def _textbook_side(name: str, sample: Sequence[Draw], few: Sequence[Draw], fused: bool, threads: int) -> Side:
    def run(number: int, these: Sequence[Draw] = sample) -> Outcome:
        torch.set_num_threads(threads)
        scores = [train_textbook(draw, 1000 * number + i, fused=fused) for i, draw in enumerate(these)]
        return Outcome(len(these), sum(draw.steps for draw in these), _kept(scores))

    return Side(name, run, lambda: run(0, few))


def _sklearn_side(name: str, sample: Sequence[Draw], jobs: int) -> Side:
    """No dropout; no penalty either, and no early end, so that all epochs are trained."""
    data = table()
    one_split = PredefinedSplit(np.where(np.arange(len(data.y)) < len(data.train), -1, 0))

    def run(number: int) -> Outcome:
        network = MLPClassifier(solver="adam", alpha=0.0, n_iter_no_change=10**6, random_state=number)
        search = RandomizedSearchCV(
            network,
            [_sklearn_params(draw) for draw in sample],
            n_iter=len(sample),
            cv=one_split,
            scoring="accuracy",
            refit=False,
            n_jobs=jobs,
            random_state=number,
            error_score="raise",
        )
        with threadpool_limits(1):
            search.fit(data.x, data.y)
        accuracy = [float(value) for value in search.cv_results_["mean_test_score"]]
        return Outcome(len(sample), sum(draw.steps for draw in sample), {"accuracy": accuracy})

    # Warmed by all of them: worker processes take seconds to start.
    return Side(name, run, lambda: run(0))


def _sklearn_params(draw: Draw) -> dict[str, list[Any]]:
    return {
        "hidden_layer_sizes": [(draw.hidden_size,)],
        "learning_rate_init": [draw.learning_rate],
        "batch_size": [draw.batch_size],
        "max_iter": [draw.num_epochs],
    }


def _optuna_side(sample: Sequence[Draw], few: Sequence[Draw]) -> Side:
    """The textbook's fused loop as a study's objective; draws are queued, so that work is equal."""

    def run(number: int, these: Sequence[Draw] = sample) -> Outcome:
        torch.set_num_threads(1)
        study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=number))
        for draw in these:
            study.enqueue_trial(asdict(draw))
        study.optimize(_objective(1000 * number), n_trials=len(these))
        return Outcome(
            len(these), sum(draw.steps for draw in these), {"accuracy": [t.value for t in study.trials]}
        )

    return Side("optuna", run, lambda: run(0, few))


def _objective(first_seed: int) -> Callable[[optuna.Trial], float]:
    def objective(trial: optuna.Trial) -> float:
        draw = Draw(
            trial.suggest_categorical("hidden_size", [32, 64, 128]),
            trial.suggest_categorical("learning_rate", [1e-4, 5e-4, 1e-3]),
            trial.suggest_categorical("dropout_rate", [0.1, 0.3, 0.5]),
            trial.suggest_categorical("batch_size", [16, 32, 64]),
            trial.suggest_categorical("num_epochs", [5, 10, 15]),
        )
        return train_textbook(draw, first_seed + trial.number, fused=True).accuracy

    return objective


# Judgement -------------------------------------------------------------------------------------------


def judge(settings: Settings, cells: Cells) -> tuple[dict[str, Any], dict[str, float]]:
    """(results, ratios), printed on the way."""
    names = [*FLEETS, *TEXTBOOK, *SKLEARN, "optuna"]
    results: dict[str, Any] = {"sides": {name: _summary(cells.of(name)) for name in names}}
    _print_sides(results["sides"])
    best = {"textbook_best": _best(TEXTBOOK, cells), "sklearn_mlp": _best(SKLEARN, cells), "optuna": "optuna"}
    found = {
        f"s5/{engine}/{peer}": median_ratio(cells.of(name), cells.of(side))
        for name, engine in FLEETS.items()
        for peer, side in {**best, "torch_fleet": "torch_fleet"}.items()
        if side != name
    }
    for key, (middle, low, high) in found.items():
        print(f"{key}: {middle:.1f} ({low:.1f} to {high:.1f} in {settings.rounds} rounds)")
    textbook = best["textbook_best"]
    compared = {name: _checked(f"equal scores, {name}", name, textbook, cells) for name in FLEETS}
    equal = all(passed for passed, _ in compared.values())
    same, of_control = _checked(f"control, rate × {CONTROL_RATE:.0f}", "control", textbook, cells)
    print(f"Equal scores: {'yes' if equal else 'NO'}. Control told apart: {'NO' if same else 'yes'}.")
    results |= {
        "best": best,
        "ratio_ranges": {key: [low, high] for key, (_, low, high) in found.items()},
        "equal_scores": {"passed": equal, **{name: its for name, (_, its) in compared.items()}},
        "control": {"told_apart": not same, **of_control},
    }
    return results, {key: middle for key, (middle, _, _) in found.items()}


def _checked(title: str, side: str, peer: str, cells: Cells) -> tuple[bool, dict[str, Any]]:
    """Whether accuracy and log-loss of a side are the peer's, and both comparisons, printed."""
    compared = {score: _compared(side, peer, score, cells) for score in ("accuracy", "loss")}
    for score, its in compared.items():
        print(f"{title}, {score}: {its}")
    plain = {score: {**asdict(its), "passed": its.passed} for score, its in compared.items()}
    return all(its.passed for its in compared.values()), plain


def _compared(side: str, peer: str, score: str, cells: Cells) -> Agreement:
    """Scores of two sides, paired by draw and round."""
    ours, theirs = (
        [value for cell in cells.of(name) for value in cell.outcome.kept[score]] for name in (side, peer)
    )
    return agreement(ours, theirs)


def _print_sides(summaries: Mapping[str, Mapping[str, Any]]) -> None:
    print(f"\n{'':18}  trials/s  CPU-s/trial  µs/step")
    for name, side in summaries.items():
        rate, cpu = side["trials_per_second"], side["cpu_seconds_per_trial"]
        print(f"{name:18}  {rate:8.1f}  {cpu:11.4f}  {side['microseconds_per_step']:7.1f}")


def _best(names: Iterable[str], cells: Cells) -> str:
    return max(names, key=lambda name: statistics.median(cell.rate for cell in cells.of(name)))


def _summary(cells: Sequence[Cell]) -> dict[str, Any]:
    """Medians over the rounds."""

    def median(value: Callable[[Cell], float]) -> float:
        return statistics.median(value(cell) for cell in cells)

    accuracies = [value for cell in cells for value in cell.outcome.kept["accuracy"]]
    return {
        "trials": cells[0].outcome.trials,
        "steps_per_trial": cells[0].outcome.steps / cells[0].outcome.trials,
        "trials_per_second": median(lambda cell: cell.rate),
        "cpu_seconds_per_trial": median(lambda cell: cell.cpu_seconds / cell.outcome.trials),
        "microseconds_per_step": median(lambda cell: 1e6 * cell.seconds / cell.outcome.steps),
        "mean_accuracy": statistics.fmean(accuracies),
        "seconds": [cell.seconds for cell in cells],
        "load": [cell.load for cell in cells],
    }


def _tell(cell: Cell) -> None:
    rate = f"{cell.rate:8.1f} trials/s in {cell.seconds:5.1f} s, load {cell.load:.1f}"
    print(f"round {cell.round + 1}  {cell.side:18} {rate}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
