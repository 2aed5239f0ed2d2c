"""Do the textbook's rules on depth and widths hold on real tables?

    python benchmarks/guidance.py [--quick] [--json FILE] [--out FILE.jsonl] [--data FOLDER] [--tables A,B]

Every table is split five times into rows that train, that choose and that judge. On each split the same
networks are trained as one fleet: Adam, cosine schedule, best epoch kept, dropout 0.1 and decoupled L2 0.01
(none where "plain"), each with two learning rates, of which the one with the lower validation loss counts.
The loss on the judging rows (log-loss or RMSE), as the mean over the splits, is put on a scale on which 0 is
the best network of the table and 1 the constant prediction; what is beyond 1 counts as 1. Rules are judged
by paired differences over tables: the mean with its bootstrap interval, and Wilcoxon's signed ranks.
"""

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from _bench import cores, machine, write
from _layouts import STUDIES, Layout, layouts
from _rules import judge, merged
from _tables import Given, Record, Records, Table, capped, dataset_of, options, tables

from profunda.data.dataset import Dataset
from profunda.data.splits import Splits
from profunda.fleet.forward import outputs
from profunda.fleet.member import Member
from profunda.fleet.plan import plan
from profunda.fleet.source import FleetData
from profunda.fleet.state import MemberState
from profunda.job.baselines import fit_baselines
from profunda.metrics.score import metric_for
from profunda.networks.prediction import predicted
from profunda.space.design import Design
from profunda.training.packs import run_packs
from profunda.training.sources import Prepared, prepare

__all__ = ["Settings", "main", "measured", "recipe"]

RATES = (1e-3, 6e-3)
ENCODING = "quantile"


@dataclass(frozen=True)
class Settings:
    """How much is measured on a table: rows of each part at most, splits, steps a network."""

    train: int = 2000
    valid: int = 1000
    test: int = 4000
    splits: int = 5
    steps: int = 1500


RIVALS = "rivals"
PARTS = (*STUDIES, RIVALS)
"""What is measured, and kept, one after the other on a table."""
QUICK = Settings(train=600, valid=300, test=1000, splits=2, steps=300)
QUICK_TABLES = 6
LEFT_OUT = ("mfeat_factors",)
"""216 columns: the rule's networks of 8 times the inputs would have three million parameters."""


def recipe(layout: Layout, rate: float, rows: int, steps: int) -> Design:
    """The Design of a layout for so many training rows: about `steps` steps, 20 to 150 epochs."""
    batch = 32 if rows < 1000 else 64
    epochs = int(np.clip(steps * batch // rows, 20, 150))
    return Design(
        widths=layout.widths,
        dropout=0.0 if layout.plain else 0.1,
        l2=0.0 if layout.plain else 1e-2,
        schedule="cosine",
        lr=rate,
        batch_size=batch,
        epochs=epochs,
        patience=max(8, epochs // 3),
        encoding=ENCODING,
    )


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    given = options(__doc__ or "", words)
    settings = QUICK if given.quick else Settings()
    found = [table for table in tables(given.data, given.chosen) if table.name not in LEFT_OUT]
    if given.quick and not given.chosen:
        found = found[:QUICK_TABLES]
    if not found:
        return 0
    print(f"Expected: about {len(found) * (3 if given.quick else 60)} s on two calm cores.", flush=True)
    records = Records(given.out, asdict(settings))
    for table in found:
        missing = [part for part in PARTS if records.get(table.name, part) is None]
        for record in measured(table, missing, settings):
            print(f"{table.name} {record.arm}: {records.add(record).seconds:.0f} s", flush=True)
    _report(records, given, settings, [table.name for table in found])
    return 0


def _report(records: Records, given: Given, settings: Settings, names: Sequence[str]) -> None:
    done = {}
    for name in names:
        parts = [record.values for part in PARTS if (record := records.get(name, part)) is not None]
        if len(parts) == len(PARTS):
            done[name] = merged(parts)
    if len(done) < 2:
        print("Rules are judged over two tables and more.")
        return
    verdicts = judge(done)
    for verdict in verdicts:
        print(f"\n{verdict}")
    results = {"tables": list(done), "rules": [asdict(verdict) for verdict in verdicts]}
    facts = machine("torch", "scikit-learn")
    write(given.json, "guidance", facts, asdict(settings), json.loads(json.dumps(results)), {})


def measured(table: Table, parts: Sequence[str], settings: Settings) -> Iterator[Record]:
    """Each of `parts` on all splits of a table: test losses of every layout by split, or of the rivals."""
    if not parts:
        return
    dataset = dataset_of(table)
    splits = [
        capped(dataset, seed, settings.train, settings.valid, settings.test)
        for seed in range(settings.splits)
    ]
    sources, data = prepare(dataset, [each.folds[0] for each in splits], [ENCODING])
    n_inputs = data.sources[ENCODING, 0].x.shape[1]
    tried = layouts(dataset.n_features, n_inputs, dataset.task.n_outputs)
    rows = len(splits[0].folds[0].train)
    for part in parts:
        started = time.perf_counter()
        if part == RIVALS:
            values = {**_rivals(dataset, splits), "columns": dataset.n_features, "rows": rows}
        else:
            own = [layout for layout in tried if layout.study == part]
            losses = _losses(own, rows, settings, dataset, splits, sources, data)
            values = {**losses, "widths": json.dumps({layout.key: layout.widths for layout in own})}
        yield Record(table.name, part, 0, time.perf_counter() - started, values)


def _losses(
    tried: Sequence[Layout],
    rows: int,
    settings: Settings,
    dataset: Dataset,
    splits: Sequence[Splits],
    sources: Prepared,
    data: FleetData,
) -> dict[str, list[float]]:
    """Test losses by split of each layout, with the learning rate that validates better."""
    wanted = [
        (layout, fold, recipe(layout, rate, rows, settings.steps))
        for layout, fold, rate in product(tried, range(len(splits)), RATES)
    ]
    members = list(dict.fromkeys(Member(design, fold) for _, fold, design in wanted))
    states = dict(zip(members, _trained(members, data), strict=True))
    found: dict[str, list[float]] = {layout.key: [] for layout in tried}
    known: dict[Member, float] = {}
    for layout, fold in product(tried, range(len(splits))):
        rates = [Member(recipe(layout, rate, rows, settings.steps), fold) for rate in RATES]
        best = min(rates, key=lambda member: states[member].best_loss)
        if best not in known:
            known[best] = _test_loss(best, states[best], dataset, splits[fold], sources)
        found[layout.key].append(known[best])
    return found


def _trained(members: list[Member], data: FleetData) -> list[MemberState]:
    torch.set_num_threads(1)
    made = plan(members, data)
    ended: dict[int, MemberState] = {}
    until = [member.design.epochs for member in members]
    for number, result, _ in run_packs(
        made, data, until=until, states=[None] * len(members), workers=cores()
    ):
        ended.update(zip(made.packs[number].members, result.states, strict=True))
    return [ended[place] for place in range(len(members))]


def _test_loss(
    member: Member, state: MemberState, dataset: Dataset, splits: Splits, sources: Prepared
) -> float:
    """Log-loss or RMSE on the judging rows; infinite where it is no number."""
    preprocessing = sources.preprocessing(ENCODING, member.fold)
    rows = splits.test
    raw = outputs(member.design, state.best_params, preprocessing.transform(dataset.codes[rows]))
    made = predicted(raw, dataset.task, preprocessing, sources.clamp(splits.folds[0].train))
    value = metric_for(dataset.task.kind).value(dataset.y[rows], made)
    return value if np.isfinite(value) else float("inf")


def _rivals(dataset: Dataset, splits: Sequence[Splits]) -> Mapping[str, list[float]]:
    """Test losses by split of the constant, the linear model and boosted trees on the same training rows."""
    metric = metric_for(dataset.task.kind)
    found: dict[str, list[float]] = {"constant": [], "linear": [], "trees": []}
    for seed, each in enumerate(splits):
        only = replace(each, development=each.folds[0].train)
        constant, *rivals = fit_baselines(dataset, only, metric, seconds=None, seed=seed)
        for name, rival in zip(found, (constant, *rivals), strict=True):
            found[name].append(rival.score.value if rival.score else float("nan"))
    return found


if __name__ == "__main__":
    sys.exit(main())
