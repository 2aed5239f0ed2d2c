"""Which tasks help one another: `profunda.relations` on real tasks, and on pairs whose truth is known.

    jura, enb     three metals in the soil of the Swiss Jura, two loads of a building: targets of one table
    schools       the ten London schools with the most pupils: groups of rows
    pairs         the two linear tasks of row C6 (30 and 300 rows, ten inputs, noise 1) at several distances,
                  `draws` data sets each: how often the forecast from the rows alone, and the fleet of linear
                  networks, tell the sign of what pooling does to the first task's risk; a fold of the fleet
                  trains on 19 and 192 of the rows, so that its law is that of so many

For real tasks it prints the text of the relations, and how often the sign of a clear pair was told by a look
after a tenth of the epochs and by the linear forecast.
"""

import os

os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # waiting OpenMP threads would steal the cores of whoever runs next

import json
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from _tables import options

from profunda import relations
from profunda.space.design import Design
from profunda.theory import TaskRows, TwoTasks, transfer_forecast
from profunda.tuning.relations import TaskRelations

__all__ = ["Settings", "drawn_pair", "main", "pair_signs", "real_tasks"]

LAW, FOLD = TwoTasks(30, 300, 10, 1.0), TwoTasks(19, 192, 10, 1.0)
_COLUMNS = ("distance", "gain", "forecast", "fold_gain", "fleet")
LINEAR = Design(widths=(), lr=0.02, epochs=40, schedule="cosine", batch_size=16)


@dataclass(frozen=True)
class Settings:
    """What is measured: `draws` of each distance for forecasts, of which `trained` have a fleet."""

    distances: tuple[float, ...] = (0.25, 0.5, 0.65, 0.9, 1.1, 1.5, 2.0)
    draws: int = 300
    trained: int = 20
    folds: int = 10
    seeds: int = 4


QUICK = Settings(distances=(0.25, 1.5), draws=50, trained=4, folds=5, seeds=1)


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    given = options(__doc__ or "", words)
    settings = QUICK if given.quick else Settings()
    print("Expected: about 40 s on two calm cores.", flush=True)
    started = time.perf_counter()
    real = real_tasks(given.data, settings)
    for name, found in real:
        print(f"\n{name}\n{found}", flush=True)
        told, clear = found.forecast_right
        if clear:
            print(f"the linear forecast told the sign of {told} of the {clear} clear pairs")
    signs = [pair_signs(distance, settings) for distance in settings.distances]
    print(f"\n{'distance':>9}{'law: gain':>11}{'forecast right':>16}{'law of a fold':>15}{'fleet right':>13}")
    for distance, gain, forecast, fewer, fleet in signs:
        print(f"{distance:>9.2f}{gain:>+11.3f}{forecast:>16.2f}{fewer:>+15.3f}{fleet:>13.2f}")
    results = {
        "pairs": [dict(zip(_COLUMNS, one, strict=True)) for one in signs],
        "tasks": {name: json.loads(found.to_json()) for name, found in real},
        "seconds": time.perf_counter() - started,
    }
    if given.json is not None:
        machine = {
            "processor": platform.processor() or platform.machine(),
            "python": platform.python_version(),
        }
        whole = {"name": "relations", "machine": machine, "settings": asdict(settings)}
        text = json.dumps(whole | {"results": results, "ratios": {}}, indent=1, allow_nan=False)
        given.json.write_text(text + "\n", encoding="utf-8")
    return 0


def real_tasks(folder: Path, settings: Settings) -> list[tuple[str, TaskRelations]]:
    """The relations of what is there of the real tasks."""
    found = []
    for name in ("mtr_jura", "mtr_enb"):
        path = folder / f"{name}.parquet"
        if path.exists():
            import pandas as pd

            table = pd.read_parquet(path)
            targets = [column for column in table.columns if column.startswith("y")]
            x = table.drop(columns=targets).to_numpy(float)
            y = table[targets].to_numpy(float)
            told = relations(x, y, names=targets, folds=settings.folds, seeds=settings.seeds)
            found.append((name.removeprefix("mtr_"), told))
    path = folder / "school_malsar.npz"
    if path.exists():
        with np.load(path, allow_pickle=False) as stored:
            x, y, school = stored["X"].astype(float), stored["y"].astype(float), stored["task"]
        largest = np.argsort(-np.bincount(school), kind="stable")[:10]
        rows = np.isin(school, largest)
        told = relations(x[rows], y[rows], school[rows], folds=settings.folds, seeds=settings.seeds)
        found.append(("schools", told))
    return found


def drawn_pair(distance: float, draw: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, targets and tasks of one data set."""
    random = np.random.default_rng([17, draw])
    task = np.repeat([0, 1], (LAW.own_rows, LAW.other_rows))
    x = random.normal(size=(LAW.rows, LAW.n_features))
    first, apart = random.normal(size=(2, LAW.n_features))
    apart *= distance / np.linalg.norm(apart)
    return x, x @ first + task * (x @ apart) + LAW.noise * random.normal(size=LAW.rows), task


def pair_signs(distance: float, settings: Settings) -> tuple[float, float, float, float, float]:
    """Distance, the law's gain and the share of draws whose forecast has its sign; the same for the fleet."""
    gain, fewer = (law.alone - law.pooled_exactly(distance) for law in (LAW, FOLD))
    pairs = [drawn_pair(distance, draw) for draw in range(settings.draws)]
    forecasts = [transfer_forecast(TaskRows(*pair)).gain for pair in pairs]
    fleets = [
        relations(*pair, design=LINEAR, folds=5, seeds=1).between("0", "1").gain.mean
        for pair in pairs[: settings.trained]
    ]
    right = [
        float(np.mean(np.sign(told) == np.sign(true))) for told, true in ((forecasts, gain), (fleets, fewer))
    ]
    return distance, gain, right[0], fewer, right[1]


if __name__ == "__main__":
    sys.exit(main())
