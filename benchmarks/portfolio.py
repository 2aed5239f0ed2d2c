"""Which designs should every search try first? Learnt from tables by which no comparison judges.

    python benchmarks/portfolio.py [--quick] [--json FILE] [--out FILE.jsonl] [--data FOLDER] [--tables A,B]

Hundreds of draws of the default space, the same on every table, and some recipes of the literature train on
folds of each table; rows of their own judge (three folds, at most 4,000 rows). Of these the greedy portfolio
is taken: again and again the design that lowers most the mean of the best two so far over the tables (after
Xu, Hoos and Leyton-Brown 2010, "Hydra", and Feurer et al. 2022, Auto-sklearn 2.0, who count the best). Losses
are those of a table on the scale on which its best draw has 0 and its median draw 1, held at 2.
What a portfolio of so many is worth on a table it was not learnt from is told by leaving each table out.
"""

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
from _bench import cores, machine, write
from _tables import Given, Record, Records, Table, dataset_of, options, tables

from profunda.data.splits import split
from profunda.fleet.speed import speeds_here
from profunda.job.spaces import default_space
from profunda.metrics.score import metric_for
from profunda.space.design import Design
from profunda.space.table import design_from, table_space
from profunda.tuning.ground import Entrant, lay_ground, part_of
from profunda.tuning.portfolio import filled

__all__ = ["TABLES", "Learnt", "greedy", "main", "scaled"]

TABLES = (
    *("breast_cancer", "horse_colic", "attrition", "email_spam", "mfeat_factors", "car", "kr_vs_kp"),
    *("power_plant", "energy", "yacht", "parkinsons", "hitters"),
)
DRAWS, QUICK_DRAWS = 400, 40
MOST_ROWS, FOLDS, SIZE, WORST = 4_000, 3, 12, 2.0

_REALMLP: Mapping[str, Any] = {
    "depth": 3, "width": 256, "shape": "constant", "activation": "selu", "initialisation": "he",
    "parametrisation": "ntk", "parametric": True, "input_scaling": True, "numeric_embedding": "periodic",
    "embedding_scale": 0.1, "dropping": True, "dropout": 0.15, "decaying": True, "l2": 0.02,
    "label_smoothing": 0.1, "optimiser": "adam", "beta2": 0.95, "lr": 0.04, "bias_lr": 0.1,
    "schedule": "coslog", "encoding": "embedded",
}  # fmt: skip
USUAL = {field.name: field.default for field in fields(Design)}
_PLAIN: Mapping[str, Any] = {
    "depth": 2, "width": 128, "shape": "constant", "activation": "relu", "initialisation": "suited",
    "optimiser": "adam", "lr": 3e-3, "schedule": "onecycle", "decaying": True, "l2": 0.01,
    "encoding": "quantile",
}  # fmt: skip
RECIPES: tuple[Mapping[str, Any], ...] = (
    _REALMLP,
    {**_REALMLP, "width": 128, "depth": 2},
    {**_REALMLP, "numeric_embedding": "none"},
    {**_REALMLP, "numeric_embedding": "none", "label_smoothing": 0.0, "dropout": 0.3},
    {**_REALMLP, "label_smoothing": 0.0, "averaging": True},
    _PLAIN,
    {**_PLAIN, "norm": "batch"},
    {**_PLAIN, "norm": "batch", "dropping": True, "dropout": 0.3, "averaging": True},
    {**_PLAIN, "norm": "layer", "skip": True, "depth": 3},
    {**_PLAIN, "dropping": True, "dropout": 0.2, "l2": 0.1, "averaging": True},
    {**_PLAIN, "width": 256, "dropping": True, "dropout": 0.5, "encoding": "piecewise"},
    {**_PLAIN, "numeric_embedding": "periodic", "embedding_scale": 0.3, "averaging": True},
)


@dataclass(frozen=True)
class Learnt:
    """A portfolio: positions of its designs in the order they were taken, and the mean loss after each."""

    places: tuple[int, ...]
    losses: tuple[float, ...]


def candidates(draws: int) -> list[Mapping[str, Any]]:
    """Recipes of the literature, then draws of a space that has everything."""
    space = table_space("binary", 5_000, 30, 2, n_numeric=20, n_coded=2)
    drawn = space.sample(np.random.default_rng(0).random((draws, space.dimensions)))
    # The batch size goes with the rows of a table, as do the epochs.
    local = ("batch_size", "epochs", "patience")
    return [*RECIPES, *({k: v for k, v in one.items() if k not in local} for one in drawn)]


def scaled(losses: np.ndarray) -> np.ndarray:
    """Losses [tables, designs] with 0 at a table's best and 1 at its median; what failed is the worst."""
    worst = np.where(np.isfinite(losses), losses, np.inf)
    best, median = worst.min(1, keepdims=True), np.median(worst, axis=1, keepdims=True)
    return np.minimum((worst - best) / np.maximum(median - best, 1e-12), WORST)


def greedy(losses: np.ndarray, size: int) -> Learnt:
    """The greedy portfolio of `size` designs by scaled losses [tables, designs].

    What counts on a table is the mean of its best two (one that is not there yet is the worst): the best one
    alone is luck on so few tables, and a search averages what it finds.
    """
    two = np.full((len(losses), 2), WORST)
    places: list[int] = []
    means: list[float] = []
    for _ in range(size):
        three = np.stack([np.broadcast_to(two[:, k, None], losses.shape) for k in (0, 1)] + [losses])
        means_with = np.sort(three, axis=0)[:2].mean((0, 1))
        means_with[places] = np.inf
        # Among designs that add as much the better one by itself.
        place = int(np.lexsort((losses.mean(0), np.round(means_with, 9)))[0])
        places.append(place)
        two = np.sort(np.column_stack([two, losses[:, place]]), axis=1)[:, :2]
        means.append(float(two.mean()))
    return Learnt(tuple(places), tuple(means))


def measured(table: Table, wanted: Sequence[Mapping[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """Losses and training seconds [designs] of the candidates on a table."""
    dataset = dataset_of(table)
    rows = np.random.default_rng(0).permutation(dataset.n_rows)[:MOST_ROWS]
    part = part_of(dataset, np.sort(rows))
    space = default_space(part, split(part, test=0.0, folds=FOLDS, seed=0))
    designs = [design_from(filled(space, one)) for one in wanted]
    metric = metric_for(part.task.kind, None)
    ground = lay_ground(part, metric, folds=FOLDS, repeats=1, seed=0)
    found = ground.measure(
        [Entrant(design) for design in designs],
        seeds=1, engine="auto", speeds=speeds_here("auto"), workers=cores(), seed=0,
    )  # fmt: skip
    return found.values[..., 0].mean((1, 2)), found.seconds.mean((1, 2))


def main(words: Sequence[str] | None = None) -> int:
    """Measure what is not on record, and print the portfolio."""
    given: Given = options(__doc__ or "", words)
    wanted = candidates(QUICK_DRAWS if given.quick else DRAWS)
    found = tables(given.data, given.chosen or (TABLES[:3] if given.quick else TABLES))
    if not found:
        return 0
    records = Records(given.out, {"rows": MOST_ROWS, "folds": FOLDS, "candidates": len(wanted)})
    kept = []
    for table in found:
        record = records.get(table.name, "designs")
        if record is None:
            started = time.perf_counter()
            losses, seconds = measured(table, wanted)
            values = {"losses": losses.tolist(), "seconds": seconds.tolist()}
            record = records.add(Record(table.name, "designs", 0, time.perf_counter() - started, values))
        kept.append(record)
        print(
            f"{table.name:<16} {record.seconds:6.0f} s  best {np.nanmin(record.values['losses']):.4g}",
            flush=True,
        )
    losses = scaled(np.array([record.values["losses"] for record in kept], float))
    learnt = greedy(losses, SIZE)
    left_out = [
        [float(losses[i, greedy(np.delete(losses, i, 0), SIZE).places[:n]].min()) for n in range(1, SIZE + 1)]
        for i in range(len(losses))
    ]
    print("\nlearnt from", len(losses), "tables: mean scaled loss of the first n, and on the table left out")
    for n, (place, mean, out) in enumerate(
        zip(learnt.places, learnt.losses, np.mean(left_out, 0), strict=True), 1
    ):
        told = json.dumps({k: v for k, v in wanted[place].items() if v != USUAL.get(k)})
        print(f"{n:>3} {mean:6.3f} {out:6.3f}  {told}")
    results = {
        "portfolio": [dict(wanted[place]) for place in learnt.places],
        "left_out": np.mean(left_out, 0).tolist(),
    }
    if given.json is not None:
        write(given.json, "portfolio", machine(), {"draws": len(wanted)}, results, {})
    return 0


if __name__ == "__main__":
    sys.exit(main())
