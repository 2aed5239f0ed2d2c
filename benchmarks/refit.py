"""Which last training is worth it, and what does validation cost?

    python benchmarks/refit.py [--quick] [--json FILE] [--out FILE.jsonl] [--data FOLDER] [--tables NAME,NAME]

After early stopping a part of the rows has only validated. Four ways to go on with one and the same design,
the best of a search of 12 designs on 5 folds, scored on rows that none has seen:

    one-fold   the network of the first fold, as early stopping left it: a fifth of the rows only validated
    folds      the mean of the networks of all five folds: every row trained in four of them
    retrain    one network trained anew on all rows for the mean number of best steps (Goodfellow et al. 2016,
               algorithm 7.2)
    continue   the five networks trained on, each on all rows, until the loss on its validation rows is below
               the training loss of its best epoch (algorithm 7.3), or its epochs are spent

`loss_ratio` is a way's loss by that of `folds`, within a table and seed, as a geometric mean over seeds;
`mean_rank` is over tables. Validation is then timed: the same members with all validation rows, and with a
single one. It is off the training path, so the trained weights must be the same bits; exit code 1 where they
are not.
"""

import os

os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # waiting OpenMP threads would steal the cores of whoever runs next

import json
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from _tables import Given, Record, Records, Table, dataset_of, options, tables

from profunda.data.dataset import Dataset
from profunda.fleet.member import Member
from profunda.fleet.plan import plan
from profunda.fleet.source import FleetData, Source
from profunda.job.fitting import fit
from profunda.space.design import Design
from profunda.training.packs import run_packs

__all__ = ["ARMS", "Settings", "capped_dataset", "main", "overhead", "ranks"]

ARMS = ("one-fold", "folds", "retrain", "continue")
REFITS = ("folds", "retrain", "continue")


@dataclass(frozen=True)
class Settings:
    """What is measured; `rows` is the most that a table may have, `repeats` of the timing."""

    names: tuple[str, ...] = (
        "yacht", "energy", "concrete", "wine_white",
        "breast_cancer", "german_credit", "vehicle", "titanic",
    )  # fmt: skip
    seeds: tuple[int, ...] = (0, 1)
    trials: int = 12
    folds: int = 5
    rows: int = 1_000
    repeats: int = 5


QUICK = Settings(names=("yacht", "concrete", "breast_cancer", "vehicle"), seeds=(0,), trials=9, repeats=2)


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, write; 1 where validation changed a trained weight."""
    given = options(__doc__ or "", words)
    settings = QUICK if given.quick else Settings()
    if given.chosen:
        settings = replace(settings, names=given.chosen)
    print(
        f"Expected: about {9 * len(settings.names) * len(settings.seeds):.0f} s on two calm cores.",
        flush=True,
    )
    started = time.perf_counter()
    found = tables(given.data, settings.names)
    records = Records(given.out, asdict(settings))
    for table in found:
        for seed in settings.seeds:
            _measure(table, seed, settings, records)
    results: dict[str, Any] = _told(found, settings, records) if found else {}
    results["validation"] = overhead(settings.repeats)
    results["seconds"] = time.perf_counter() - started
    _tell_overhead(results["validation"])
    _write(given, settings, results)
    return 0 if results["validation"]["same_bits"] else 1


def capped_dataset(dataset: Dataset, most: int, seed: int) -> Dataset:
    """At most so many rows of a table, drawn by the seed."""
    if dataset.n_rows <= most:
        return dataset
    rows = np.sort(np.random.default_rng(seed).choice(dataset.n_rows, most, replace=False))
    return replace(dataset, codes=dataset.codes[rows], y=dataset.y[rows], notices=())


def _measure(table: Table, seed: int, settings: Settings, records: Records) -> None:
    if all(records.get(table.name, arm, seed) for arm in ARMS):
        return
    dataset = capped_dataset(dataset_of(table), settings.rows, seed)
    for refit in REFITS:
        outcome = fit(
            dataset,
            trials=settings.trials,
            folds=settings.folds,
            select="best",
            refit=refit,  # type: ignore[arg-type]
            seed=seed,
            baselines=False,
            progress=False,
        )
        assert outcome.score is not None
        assert outcome.single is not None
        took = sum(timing.seconds for timing in outcome.timings if timing.stage == "refit")
        sign = -1.0 if outcome.score.greater_is_better else 1.0
        records.add(Record(table.name, refit, seed, took, {"loss": sign * outcome.score.value}))
        if refit == "folds":
            records.add(Record(table.name, "one-fold", seed, 0.0, {"loss": sign * outcome.single.value}))


def ranks(losses: np.ndarray) -> np.ndarray:
    """Ranks [T, A] of losses, 1 the lowest; equals share their mean rank."""
    below = (losses[:, None, :] < losses[:, :, None]).sum(axis=2)
    equal = (losses[:, None, :] == losses[:, :, None]).sum(axis=2)
    return below + (equal + 1) / 2


def _told(found: Sequence[Table], settings: Settings, records: Records) -> dict[str, Any]:
    """Print the table of losses; what goes into the file."""
    ratios = np.array([[_ratio(table.name, arm, settings, records) for arm in ARMS] for table in found])
    print(f"\n{'loss by that of folds':<22}" + "".join(f"{arm:>12}" for arm in ARMS))
    for table, row in zip(found, ratios, strict=True):
        print(f"{table.name:<22}" + "".join(f"{ratio:>12.4f}" for ratio in row))
    means, mean_ranks = np.exp(np.log(ratios).mean(axis=0)), ranks(ratios).mean(axis=0)
    seconds = [
        float(np.mean([records.found[t.name, arm, seed].seconds for t in found for seed in settings.seeds]))
        for arm in ARMS
    ]
    for title, row in (("geometric mean", means), ("mean rank", mean_ranks), ("seconds", seconds)):
        print(f"{title:<22}" + "".join(f"{value:>12.4f}" for value in row))
    return {
        "loss_ratio": dict(zip(ARMS, means.tolist(), strict=True)),
        "mean_rank": dict(zip(ARMS, mean_ranks.tolist(), strict=True)),
        "refit_seconds": dict(zip(ARMS, seconds, strict=True)),
        "tables": {
            table.name: dict(zip(ARMS, row, strict=True))
            for table, row in zip(found, ratios.tolist(), strict=True)
        },
    }


def _ratio(name: str, arm: str, settings: Settings, records: Records) -> float:
    logs = []
    for seed in settings.seeds:
        loss, folds = (float(records.found[name, way, seed].values["loss"]) for way in (arm, "folds"))  # type: ignore[arg-type]
        logs.append(np.log(max(loss, 1e-12)) - np.log(max(folds, 1e-12)))
    return float(np.exp(np.mean(logs)))


# The cost of validation ------------------------------------------------------------------------------


def overhead(repeats: int, rows: int = 1_000, members: int = 16, epochs: int = 30) -> dict[str, Any]:
    """CPU seconds of training with a fifth of the rows validating after each epoch, and with a single row.

    `same_bits`: whether the last weights of every member are equal, bit for bit.
    """
    draw = np.random.default_rng(0)
    x = draw.normal(size=(rows, 20)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] + 0.3 * draw.normal(size=rows) > 0).astype(np.int64)
    train, valid = np.arange(rows * 4 // 5), np.arange(rows * 4 // 5, rows)
    design = Design(widths=(64, 64), dropout=0.2, epochs=epochs, patience=0, batch_size=32)
    fleet = [Member(design, 0, number) for number in range(members)]
    seconds: dict[str, list[float]] = {"all": [], "one": []}
    weights: dict[str, list[np.ndarray]] = {}
    for number in range(repeats + 1):  # the first of each is not counted
        for name, validating in (("all", valid), ("one", valid[:1])):
            data = FleetData({("robust", 0): Source(x, y, train, validating)}, 2, True)
            made = plan(fleet, data)
            start = time.process_time()
            done = [
                result
                for _, result, _ in run_packs(made, data, until=[epochs] * members, states=[None] * members)
            ]
            if number:
                seconds[name].append(time.process_time() - start)
            weights[name] = [state.params for result in done for state in result.states]
    full, bare = np.median(seconds["all"]), np.median(seconds["one"])
    same = all(np.array_equal(a, b) for a, b in zip(weights["all"], weights["one"], strict=True))
    return {
        "same_bits": same,
        "seconds": float(full),
        "seconds_without": float(bare),
        "share": float((full - bare) / full),
    }


def _tell_overhead(found: dict[str, Any]) -> None:
    same = "the same" if found["same_bits"] else "OTHER"
    print(
        f"\nValidation of a fifth of the rows takes {100 * found['share']:.1f} % of training "
        f"({found['seconds']:.3f} CPU seconds with, {found['seconds_without']:.3f} without); "
        f"{same} trained weights."
    )


def _write(given: Given, settings: Settings, results: dict[str, Any]) -> None:
    if given.json is None:
        return
    machine = {"processor": platform.processor() or platform.machine(), "python": platform.python_version()}
    whole = {
        "name": "refit",
        "machine": machine,
        "settings": asdict(settings),
        "results": results,
        "ratios": {f"refit/{arm}": ratio for arm, ratio in results.get("loss_ratio", {}).items()},
    }
    draft = given.json.with_name(given.json.name + ".draft")
    draft.write_text(json.dumps(whole, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    draft.replace(given.json)


if __name__ == "__main__":
    sys.exit(main())
