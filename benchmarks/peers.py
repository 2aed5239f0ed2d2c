"""Where does `fit` stand beside boosted trees and a tuned-by-default network, on the same rows?

    python benchmarks/_peers_setup.py        # once: the peers' own environment
    python benchmarks/peers.py [--quick] [--json FILE] [--out FILE.jsonl] [--data FOLDER] [--tables A,B]

XGBoost, LightGBM, CatBoost and pytabkit's RealMLP with their default settings, and `profunda.fit` for 10 and
for 60 seconds, with the same rows, seed and threads. Each learns from all development rows (a peer that wants
validation rows takes them from these) and is judged by log-loss or RMSE on the same held-out rows. A peer
takes the time that it takes, which is recorded; missing numbers are given to RealMLP as medians, since it
refuses them. A peer that fails on a table has the worst rank there, and the reason is printed. With --quick:
six tables, and `fit` for 6 seconds only.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
from _bench import cores, machine, write
from _peer_fit import PEERS
from _peers_setup import FOLDER, python_of
from _ranks import difference, ranking
from _tables import Given, Record, Records, Table, categories, dataset_of, options, tables
from cocktail import Settings as Fitting
from cocktail import fitted

from profunda.data.dataset import Dataset
from profunda.data.splits import Splits, split
from profunda.fleet.speed import speeds_here
from profunda.metrics.score import metric_for

__all__ = ["Settings", "main", "peer"]

TABLES = (
    *("german_credit", "titanic", "vehicle", "digits", "spambase", "page_blocks", "letter", "adult"),
    *("concrete", "abalone", "wine_white", "ames", "cpu_act", "california_housing", "bike", "diamonds"),
)
"""None of which has a part in the portfolio that `fit` begins with."""
QUICK_TABLES = ("german_credit", "vehicle", "spambase", "concrete", "wine_white", "cpu_act")
HERE = Path(__file__).resolve().parent
LONGEST = 1800.0
"""Seconds after which a peer has failed."""


@dataclass(frozen=True)
class Settings:
    """Seconds that `fit` is given, one way each; the seed of splits and models; rows held out; threads."""

    seconds: tuple[float, ...] = (10.0, 60.0)
    seed: int = 0
    test: float = 0.2
    workers: int = cores()

    @property
    def ours(self) -> dict[str, float]:
        """Our ways and their seconds."""
        return {f"profunda-{seconds:g}s": seconds for seconds in self.seconds}


QUICK = Settings(seconds=(6.0,))


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    given = options(__doc__ or "", words)
    settings = QUICK if given.quick else Settings()
    found = tables(given.data, given.chosen or (QUICK_TABLES if given.quick else TABLES))
    if not found:
        return 0
    if not python_of(FOLDER).exists():
        print(f"The peers are not in {FOLDER}: run `python benchmarks/_peers_setup.py`. Nothing measured.")
        return 0
    print(f"Expected: about {len(found) * (sum(settings.seconds) + 60) / 60:.0f} minutes.", flush=True)
    records = Records(given.out, asdict(settings))
    speeds_here("auto")  # else the first fit would measure the engines in its time
    for table in found:
        _measure(table, settings, records)
    return _report(records, given, settings, [table.name for table in found])


def _measure(table: Table, settings: Settings, records: Records) -> None:
    ways = [*settings.ours, *PEERS]
    missing = [way for way in ways if records.get(table.name, way, settings.seed) is None]
    if not missing:
        return
    dataset = dataset_of(table)
    splits = split(dataset, test=settings.test, seed=settings.seed)
    for way in missing:
        started = time.perf_counter()
        if way in PEERS:
            values = peer(way, dataset, splits, settings)
        else:
            own = Fitting(settings.ours[way], settings.seed, settings.test, settings.workers)
            values = fitted(dataset, own, None)
        took = float(values.get("seconds", time.perf_counter() - started))
        records.add(Record(table.name, way, settings.seed, took, values))
        print(f"{table.name:20} {way:16} {values['loss']:10.5g} {took:7.1f} s", flush=True)


def peer(name: str, dataset: Dataset, splits: Splits, settings: Settings) -> dict[str, Any]:
    """Held-out loss and seconds of a peer in its own process; the loss is infinite where it failed."""
    with tempfile.TemporaryDirectory() as place:
        source, goal = Path(place) / "table.npz", Path(place) / "made.npz"
        task = dataset.task
        np.savez(
            source,
            x=dataset.codes,
            y=dataset.y,
            train=splits.development,
            test=splits.test,
            categories=np.array(categories(dataset), np.int64),
            classes=0 if task.kind == "regression" else task.n_outputs,
        )
        words = [name, str(source), str(goal), str(settings.workers), str(settings.seed)]
        command = [str(python_of(FOLDER)), "-W", "ignore", str(HERE / "_peer_fit.py"), *words]
        calm = {**os.environ, "OMP_NUM_THREADS": str(settings.workers), "PYTHONPATH": ""}
        why = _run(command, calm, place)
        if why:
            print(f"{name} failed: {why}", flush=True)
            return {"loss": float("inf"), "why": why}
        with np.load(goal) as kept:
            loss = metric_for(task.kind).value(dataset.y[splits.test], kept["made"])
            return {"loss": loss, "seconds": float(kept["seconds"])}


def _run(command: Sequence[str], environment: dict[str, str], folder: str) -> str:
    """The last line that a failed process wrote; empty where all went well."""
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=LONGEST, check=False
        )
    except subprocess.TimeoutExpired:
        return f"it took longer than {LONGEST:g} s"
    if done.returncode == 0:
        return ""
    return (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]


def _report(records: Records, given: Given, settings: Settings, names: Sequence[str]) -> int:
    if len(names) < 2:
        print("Ranks need two tables and more.")
        return 0
    ways = [*settings.ours, *PEERS]
    found = {way: [_record(records, name, way, settings) for name in names] for way in ways}
    losses = {way: [float(record.values["loss"]) for record in rows] for way, rows in found.items()}
    ranks = ranking(losses)
    print(f"\n{ranks}")
    ours = list(settings.ours)[-1]
    results: dict[str, Any] = {
        "tables": ranks.tables,
        "mean_rank": dict(ranks.mean_rank),
        "friedman_p": ranks.friedman_p,
        "critical_difference": ranks.critical,
        "median_seconds": {way: float(np.median([r.seconds for r in rows])) for way, rows in found.items()},
        "better_on": {},
    }
    for name in PEERS:
        known = np.isfinite(losses[name])
        if known.sum() < 2:
            continue
        gap = difference(np.log(np.array(losses[ours])[known]), np.log(np.array(losses[name])[known]))
        results["better_on"][name] = gap.better / int(known.sum())
        print(
            f"  {ours} against {name:10} better on {gap.better} of {known.sum()}; loss "
            f"{100 * (np.exp(gap.mean) - 1):+.1f} % in the geometric mean, p {gap.p:.2g}; median "
            f"{results['median_seconds'][name]:.1f} s"
        )
    place = list(ranks.mean_rank).index(ours) + 1
    print(f"{ours} has place {place} of {len(ways)}; CatBoost {list(ranks.mean_rank).index('catboost') + 1}.")
    write(given.json, "peers", machine("scikit-learn", "torch"), asdict(settings), results, {})
    return 0


def _record(records: Records, table: str, way: str, settings: Settings) -> Record:
    found = records.get(table, way, settings.seed)
    if found is None:
        raise ValueError(f"{way} was not measured on {table}.")
    return found


if __name__ == "__main__":
    sys.exit(main())
