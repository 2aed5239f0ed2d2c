"""School data (139 London schools): what structured penalties on tasks explain of the pupils' scores.

Protocol: of each school 75 % of the pupils train and the rest test, in `splits` random splits; inputs and
scores are centred and scaled by all training rows, a column of ones is kept as an input, and the strength of
every penalty is chosen by three-fold cross-validation within the training rows of the schools. Two numbers of
the test rows are told, both over all schools at once:

    overall   1 − Σ(y − ŷ)² / Σ(y − ȳ)²         what the literature calls explained variance over all data
    within    1 − Σ(y − ŷ)² / Σ(y − ȳ_school)²  without credit for knowing which schools are good

    pooled          one ridge for all pupils, without a word on the school
    one-hot         the same with 139 further inputs that say the school: shared slopes, shrunk intercepts
    single          a ridge for each school
    l21, trace, mean, clustered, robust      penalties of `profunda.theory` on all weights
    pooled+ridge, pooled+l21, pooled+trace, pooled+outliers   on what sets a school apart from a common task
    network         an ensemble of dense networks on the same inputs and the one-hot school
    mixed           half pooled+ridge, half network

`ceiling` is 1 − pure error / variance: pupils with equal inputs of the same school differ so much (Draper and
Smith 1998, section 2.1) that no function of the inputs explains more, however many rows it had.
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
from _tables import Record, Records, options

from profunda.fleet.forward import outputs
from profunda.fleet.member import Member
from profunda.fleet.plan import plan
from profunda.fleet.source import FleetData
from profunda.fleet.threads import one_thread, usable_cores
from profunda.space.design import Design
from profunda.theory import (
    ClusteredTasks,
    JointFeatures,
    MeanRegularised,
    OutlierTasks,
    PooledTasks,
    SeparateRidge,
    TaskParts,
    TaskRows,
    TraceNorm,
    cross_validated_ridge,
    cross_validated_tasks,
)
from profunda.training.packs import run_packs
from profunda.tuning.paired import paired_change

__all__ = ["ARMS", "PENALTIES", "Pupils", "Settings", "ceiling", "explained", "main", "measured", "parted"]

FACTORS = np.geomspace(0.1, 30.0, 8)
PENALTIES = {
    "single": SeparateRidge(10.0),
    "l21": JointFeatures(30.0),
    "trace": TraceNorm(30.0),
    "mean": MeanRegularised(50.0, 0.5),
    "clustered": ClusteredTasks(50.0, 1, 0.5),
    "robust": TaskParts((TraceNorm(30.0), OutlierTasks(20.0))),
    "pooled+ridge": TaskParts((PooledTasks(), SeparateRidge(30.0))),
    "pooled+l21": TaskParts((PooledTasks(), JointFeatures(30.0))),
    "pooled+trace": TaskParts((PooledTasks(), TraceNorm(30.0))),
    "pooled+outliers": TaskParts((PooledTasks(), OutlierTasks(20.0))),
}
ARMS = ("pooled", "one-hot", *PENALTIES, "network", "mixed")
DESIGN = Design(
    widths=(64,), dropout=0.2, input_dropout=0.05, l2=0.05, lr=0.003, schedule="cosine", epochs=25
)


@dataclass(frozen=True, eq=False)
class Pupils:
    """Inputs [N, 28] of which the last is 1, scores [N], and the school of each pupil [N]."""

    x: np.ndarray
    y: np.ndarray
    school: np.ndarray


@dataclass(frozen=True)
class Settings:
    """What is measured."""

    splits: int = 10
    train: float = 0.75
    members: int = 20


QUICK = Settings(splits=2, members=4)


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    given = options(__doc__ or "", words)
    settings = QUICK if given.quick else Settings()
    path = given.data / "school_malsar.npz"
    if not path.exists():
        print(f"{path.name} is not there: nothing to measure.")
        return 0
    print(f"Expected: about {25 * settings.splits} s on one calm core.", flush=True)
    started = time.perf_counter()
    pupils = _read(path)
    records = Records(given.out, asdict(settings))
    for split in range(settings.splits):
        if not all(records.get("school", arm, split) for arm in ARMS):
            for arm, (overall, within, took) in measured(pupils, settings, split):
                records.add(Record("school", arm, split, took, {"overall": overall, "within": within}))
    results = _told(records, settings, ceiling(pupils))
    results["seconds"] = time.perf_counter() - started
    if given.json is not None:
        machine = {
            "processor": platform.processor() or platform.machine(),
            "python": platform.python_version(),
        }
        whole = {
            "name": "school",
            "machine": machine,
            "settings": asdict(settings),
            "results": results,
            "ratios": {},
        }
        given.json.write_text(json.dumps(whole, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return 0


def _read(path: Path) -> Pupils:
    with np.load(path, allow_pickle=False) as stored:
        return Pupils(stored["X"].astype(float), stored["y"].astype(float), stored["task"].astype(np.int64))


def parted(school: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Which rows train, bool [N]: that share of each school's, rounded, at random."""
    random = np.random.default_rng([13, seed])
    train = np.zeros(len(school), bool)
    for one in np.unique(school):
        rows = random.permutation(np.flatnonzero(school == one))
        train[rows[: round(share * len(rows))]] = True
    return train


def explained(y: np.ndarray, told: np.ndarray, school: np.ndarray) -> tuple[float, float]:
    """Overall and within."""
    counts = np.bincount(school)
    means = np.bincount(school, y) / np.maximum(counts, 1)
    lost = ((y - told) ** 2).sum()
    return 1.0 - lost / ((y - y.mean()) ** 2).sum(), 1.0 - lost / ((y - means[school]) ** 2).sum()


def ceiling(pupils: Pupils) -> float:
    """1 − pure error / variance, over pupils who have a twin of equal inputs and school."""
    _, twin, counts = np.unique(
        np.c_[pupils.x, pupils.school], axis=0, return_inverse=True, return_counts=True
    )
    twin = twin.ravel()
    means = np.bincount(twin, pupils.y) / counts
    pure = ((pupils.y - means[twin]) ** 2).sum() / (counts - 1).sum()
    return float(1.0 - pure / pupils.y.var())


def measured(pupils: Pupils, settings: Settings, split: int) -> list[tuple[str, tuple[float, float, float]]]:
    """Every arm in one split: overall, within, seconds."""
    train = parted(pupils.school, settings.train, split)
    x = pupils.x.copy()
    x[:, :-1] = (x[:, :-1] - x[train, :-1].mean(axis=0)) / x[train, :-1].std(axis=0)
    middle, scale = pupils.y[train].mean(), pupils.y[train].std()
    y = (pupils.y - middle) / scale
    told: dict[str, np.ndarray] = {}
    found = []
    for arm in ARMS:
        start = time.perf_counter()
        told[arm] = _predicted(arm, x, y, pupils.school, train, settings, split, told)
        took = time.perf_counter() - start
        overall, within = explained(y[~train], told[arm][~train], pupils.school[~train])
        found.append((arm, (overall, within, took)))
        print(f"split {split}: {arm:<16} {overall:.4f} {within:.4f}  ({took:.0f} s)", flush=True)
    return found


def _predicted(
    arm: str,
    x: np.ndarray,
    y: np.ndarray,
    school: np.ndarray,
    train: np.ndarray,
    settings: Settings,
    split: int,
    told: dict[str, np.ndarray],
) -> np.ndarray:
    """ŷ [N] of all rows."""
    if arm in ("pooled", "one-hot"):
        features = x[:, :-1] if arm == "pooled" else np.c_[x[:, :-1], 3.0 * np.eye(school.max() + 1)[school]]
        features = features - features[train].mean(axis=0)
        path = cross_validated_ridge(features[train], y[train], np.geomspace(1.0, 1e4, 13), "rss", 3, split)
        return features @ path.weights
    if arm in PENALTIES:
        rows = TaskRows(x[train], y[train], school[train])
        path = cross_validated_tasks(rows, PENALTIES[arm], FACTORS, folds=3, seed=split)
        return path.fit.predict(x, school)
    if arm == "network":
        return _ensemble(
            np.c_[x[:, :-1], np.eye(school.max() + 1)[school]], y, train, settings.members, split
        )
    return 0.5 * (told["pooled+ridge"] + told["network"])


def _ensemble(x: np.ndarray, y: np.ndarray, train: np.ndarray, members: int, seed: int) -> np.ndarray:
    """The mean of networks, the epochs of which a tenth of the training rows chose, other rows for each."""
    rows = np.random.default_rng([29, seed]).permutation(np.flatnonzero(train))
    parts = np.array_split(rows, max(members, 2))[:members]
    folds = [(np.setdiff1d(rows, part[: len(rows) // 10]), part[: len(rows) // 10]) for part in parts]
    inputs = x.astype(np.float32)
    data = FleetData.from_arrays(inputs, y, folds=folds, classes=False)
    fleet = [Member(DESIGN, fold, seed) for fold in range(members)]
    made = plan(fleet, data)
    votes = []
    with one_thread():
        packs = run_packs(
            made, data, until=[DESIGN.epochs] * members, states=[None] * members, workers=usable_cores()
        )
        for _, result, _ in packs:
            votes += [outputs(DESIGN, state.best_params, inputs)[:, 0] for state in result.states]
    return np.mean(votes, axis=0)


def _told(records: Records, settings: Settings, most: float) -> dict[str, object]:
    """Print means with intervals (Nadeau and Bengio 2003), and each arm beside one-hot, paired."""
    share = (1.0 - settings.train) / settings.train
    results: dict[str, object] = {"ceiling": most}
    values = {
        arm: {
            name: np.array(
                [float(records.found["school", arm, s].values[name]) for s in range(settings.splits)]
            )
            for name in ("overall", "within")
        }
        for arm in ARMS
    }
    print(f"\n{'':<16}{'overall':>24}{'within':>9}{'beside one-hot':>26}")
    for arm in ARMS:
        mean = paired_change(values[arm]["overall"], share)
        more = paired_change(values[arm]["overall"] - values["one-hot"]["overall"], share)
        within = float(values[arm]["within"].mean())
        print(
            f"{arm:<16}{mean.mean:>8.4f} [{mean.low:.3f}, {mean.high:.3f}]{within:>9.4f}"
            f"{more.mean:>+10.4f} [{more.low:+.4f}, {more.high:+.4f}]"
        )
        best = float(values[arm]["overall"].max())
        results[arm] = {
            "overall": asdict(mean),
            "within": within,
            "beside_one_hot": asdict(more),
            "best_split": best,
        }
    print(f"no function of the inputs explains more than {most:.3f}")
    return results


if __name__ == "__main__":
    sys.exit(main())
