"""What each regulariser is worth on pictures and texts: the measurements behind the decision matrix.

For each kind of data and network one small design is trained plain, plain with one regulariser, with all of
them, and with all but one, from the same seeds; rows that neither trained nor stopped it judge. Told are
changes of the log-loss in percent (below 0: better), averaged over seeds, with 95 % intervals over seeds, for
each set of rows. Early stopping compares the best epoch's weights with the last one's.

    python benchmarks/matrix.py --cells matrix.jsonl --json matrix.json [--data FOLDER] [--quick]

About 25 minutes on two cores with the two further sets of FOLDER (mnist.npz, txt_trec.parquet), 12 without.
"""

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from _claims import percent, trained

from profunda.data.dataset import Dataset
from profunda.data.reading import read
from profunda.data.splits import split
from profunda.fleet.forward import outputs
from profunda.metrics.probabilities import softmax
from profunda.space.design import Design
from profunda.training.sources import prepare
from profunda.tuning.paired import Change, paired_change

ROWS, JUDGES, SEEDS = 3_000, 3_000, 4
PICTURE = Design((), body="conv", body_depth=3, lr=5e-3, schedule="cosine", batch_size=64, epochs=16)
TEXT = Design(
    (), body="bag", body_width=64, body_depth=2, lr=3e-3, schedule="cosine", batch_size=64, epochs=10
)
NETWORKS: Mapping[tuple[str, str], Design] = {
    ("image", "dense"): replace(PICTURE, body="dense", widths=(256, 256), lr=2e-3),
    ("image", "cnn"): PICTURE,
    ("text", "dense"): TEXT,
    ("text", "rnn"): replace(TEXT, body="lstm", body_depth=1),
    ("text", "transformer"): replace(TEXT, body="attention", body_depth=1, lr=1e-3),
}
_CHANGES = {"shift": 0.07, "rotation": 8.0, "zoom": 0.1}
_EACH: Mapping[str, Mapping[str, object]] = {
    "augmentation": _CHANGES,
    "batch norm": {"norm": "batch"},
    "decoupled L2": {"l2": 0.05},
    "dropout": {"dropout": 0.3},
    "label smoothing": {"label_smoothing": 0.1},
    "word dropout": {"input_dropout": 0.3},
    "gradient clipping": {"clip": 1.0},
}
TRIED: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("image", "dense"): ("augmentation", "batch norm", "decoupled L2", "dropout", "label smoothing"),
    ("image", "cnn"): ("augmentation", "batch norm", "decoupled L2", "dropout", "label smoothing"),
    ("text", "dense"): ("word dropout", "decoupled L2", "dropout", "label smoothing"),
    ("text", "rnn"): ("word dropout", "decoupled L2", "dropout", "label smoothing", "gradient clipping"),
    ("text", "transformer"): (
        "word dropout",
        "decoupled L2",
        "dropout",
        "label smoothing",
        "gradient clipping",
    ),
}
STOPPING = "early stopping"
"""Its two sides are two epochs of one training."""


@dataclass(frozen=True)
class Cell:
    """One network on one set of rows: log-losses [seeds] of each arm, and of their last epochs."""

    data: str
    network: str
    rows: str
    best: Mapping[str, Sequence[float]]
    last: Mapping[str, Sequence[float]]


def arms(design: Design, names: Sequence[str]) -> dict[str, Design]:
    """Plain, plain with each, with all, with all but each."""
    everything = {name: value for one in names for name, value in _EACH[one].items()}
    found = {"plain": design, "all": replace(design, **everything)}  # type: ignore[arg-type]
    for one in names:
        found[f"plain + {one}"] = replace(design, **_EACH[one])  # type: ignore[arg-type]
        without = {name: getattr(design, name) for name in _EACH[one]}
        found[f"all − {one}"] = replace(design, **(everything | without))  # type: ignore[arg-type]
    return found


def sample(dataset: Dataset, rows: int, judges: int) -> Dataset:
    """At most so many rows that train and choose, and as many more that judge."""
    splits, rng = split(dataset, folds=1), np.random.default_rng(0)
    kept = rng.permutation(splits.development)[:rows]
    judging = rng.permutation(splits.test)[:judges]
    order = np.concatenate([kept, judging])
    return replace(
        dataset,
        codes=dataset.codes[order],
        y=dataset.y[order],
        test_rows=np.arange(len(kept), len(order)),
    )


def measured(data: str, network: str, name: str, dataset: Dataset, seeds: int, epochs: int | None) -> Cell:
    """Train all arms of a network on a set, as one fleet, and judge them."""
    splits = split(dataset, folds=1)
    sources, ready = prepare(dataset, splits.folds, ["robust"])
    source = sources["robust", 0]
    design = NETWORKS[data, network]
    designs = arms(replace(design, epochs=epochs or design.epochs), TRIED[data, network])
    states = trained(list(designs.values()), ready, seeds, folds=1)[:, 0]
    x, y = source.x[splits.test], dataset.y[splits.test]

    def judged(design: Design, params: np.ndarray) -> float:
        p = softmax(outputs(design, params, x, source.inputs))
        return float(-np.log(np.maximum(p[np.arange(len(y)), y], 1e-15)).mean())

    best, last = {}, {}
    for (arm, design), row in zip(designs.items(), states, strict=True):
        best[arm] = [judged(design, state.best_params) for state in row]
        last[arm] = [judged(design, state.params) for state in row]
    return Cell(data, network, name, best, last)


def change(after: Sequence[float], before: Sequence[float]) -> Change:
    """The change of the logarithm of the loss."""
    return paired_change(np.log(after) - np.log(before), 0.0)


def findings(cell: Cell) -> dict[str, tuple[Change, Change]]:
    """Of each regulariser, what it changes alone and among all the others."""
    found = {
        name: (
            change(cell.best[f"plain + {name}"], cell.best["plain"]),
            change(cell.best["all"], cell.best[f"all − {name}"]),
        )
        for name in TRIED[cell.data, cell.network]
    }
    stopped = change(cell.best["plain"], cell.last["plain"]), change(cell.best["all"], cell.last["all"])
    return found | {STOPPING: stopped}


def told(cells: Sequence[Cell]) -> str:
    """All of it as a table in Markdown."""
    lines = ["| data × network | rows | regulariser | alone | among the others |", "|---|---|---|---|---|"]
    for cell in cells:
        for name, (alone, among) in findings(cell).items():
            place = f"{cell.data} × {cell.network} | {cell.rows}"
            lines.append(f"| {place} | {name} | {percent(alone)} | {percent(among)} |")
        whole = change(cell.best["all"], cell.best["plain"])
        lines.append(f"| {cell.data} × {cell.network} | {cell.rows} | all of them | {percent(whole)} | |")
    return "\n".join(lines)


def sets(folder: Path | None, rows: int) -> dict[str, dict[str, Dataset]]:
    """The sets of each kind of data, by name."""
    found = {"image": {"fashion": read("bundled:fashion")}, "text": {"sms": read("bundled:sms")}}
    if folder is not None:
        found["image"]["mnist"] = read(folder / "mnist.npz")
        found["text"]["trec"] = read(folder / "txt_trec.parquet", "label")
    return {
        kind: {name: sample(dataset, rows, JUDGES) for name, dataset in each.items()}
        for kind, each in found.items()
    }


def main(words: Sequence[str] | None = None) -> None:
    """Measure what is not in the cells yet, and print the table."""
    reader = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    reader.add_argument(
        "--quick", action="store_true", help="two epochs, 200 rows, two seeds: what it prints is noise"
    )
    reader.add_argument("--data", type=Path, help="a folder with mnist.npz and txt_trec.parquet")
    reader.add_argument(
        "--cells", type=Path, help="append finished cells; those that stand there are not repeated"
    )
    reader.add_argument("--json", type=Path, help="overwrite this file with all numbers at the end")
    given = reader.parse_args(words)
    rows, seeds, epochs = (200, 2, 2) if given.quick else (ROWS, SEEDS, None)
    kept: dict[tuple[str, str, str], Cell] = {}
    if given.cells is not None and given.cells.exists():
        for line in given.cells.read_text("utf-8").splitlines():
            cell = Cell(**json.loads(line))
            kept[cell.data, cell.network, cell.rows] = cell
    found = []
    for data, by_name in sets(given.data, rows).items():
        for name, dataset in by_name.items():
            for kind, network in NETWORKS:
                if kind != data:
                    continue
                cell = kept.get((data, network, name))
                if cell is None:
                    cell = measured(data, network, name, dataset, seeds, epochs)
                    if given.cells is not None:
                        with given.cells.open("a", encoding="utf-8") as file:
                            file.write(json.dumps(vars(cell)) + "\n")
                found.append(cell)
                print(told([cell]), flush=True)
    print(told(found))
    if given.json is not None:
        numbers = [
            {"data": cell.data, "network": cell.network, "rows": cell.rows, "regulariser": name}
            | {
                side: [one.mean, one.low, one.high]
                for side, one in zip(("alone", "among"), pair, strict=True)
            }
            for cell in found
            for name, pair in findings(cell).items()
        ]
        whole = [v for one in numbers for side in ("alone", "among") for v in one[side]]
        assert all(not math.isnan(v) for v in whole)
        given.json.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
