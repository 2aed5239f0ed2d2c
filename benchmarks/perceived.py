"""What `fit` reaches on pictures and texts in minutes, beside what is compared with on the same rows.

    mnist            the official test part, 580 s: at most 0.8 % wrong is asked for
    fashion-dense    Fashion-MNIST by dense networks alone, 900 s: at least 92 % right
    fashion-conv     by networks of convolutions, 1,800 s: at least 93.5 % right
    mr, sms, trec    short texts, 240 s each: better than logistic regression on TF-IDF weights

    python benchmarks/perceived.py --data FOLDER --cells cells.jsonl --json found.json [--only mnist sms]
    [--quick]

FOLDER has mnist.npz, fashion_mnist.npz and txt_NAME.parquet; sets that it lacks are left out. --quick: 20 s
on the bundled pictures and messages.
"""

import os

os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # waiting OpenMP threads would steal the cores of whoever runs next

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import profunda

__all__ = ["SETS", "Found", "Set", "main", "measured"]


@dataclass(frozen=True)
class Set:
    """A file with its target, the seconds that `fit` gets, and what of its space is held."""

    file: str
    seconds: float
    target: str | None = None
    fix: Mapping[str, object] = field(default_factory=dict)


SETS: Mapping[str, Set] = {
    "mnist": Set("mnist.npz", 580),
    "fashion-dense": Set("fashion_mnist.npz", 900, fix={"body": "dense"}),
    "fashion-conv": Set("fashion_mnist.npz", 1_800, fix={"body": "residual", "epochs": 15}),
    "mr": Set("txt_mr.parquet", 240, "label"),
    "sms": Set("txt_sms.parquet", 240, "label"),
    "trec": Set("txt_trec.parquet", 240, "label"),
}
QUICK: Mapping[str, Set] = {"fashion": Set("bundled:fashion", 20), "sms": Set("bundled:sms", 20)}


@dataclass(frozen=True)
class Found:
    """Scores on the held-out rows: of the model, and the log-loss of the best rival with its name."""

    name: str
    accuracy: float
    log_loss: float
    low: float
    high: float
    rival: str
    rival_log_loss: float
    seconds: float
    networks: int
    body: str

    def __str__(self) -> str:
        return (
            f"{self.name}: {100 * self.accuracy:.2f} % right, log-loss {self.log_loss:.4f} [{self.low:.4f}, "
            f"{self.high:.4f}]; {self.rival} {self.rival_log_loss:.4f}; {self.seconds:.0f} s, "
            f"{self.networks} networks in the model, {self.body} foremost"
        )


def measured(name: str, one: Set, source: str) -> Found:
    """Fit, and what came of it."""
    started = time.perf_counter()
    outcome = profunda.fit(source, one.target, seconds=one.seconds, fix=dict(one.fix), progress=False)
    assert outcome.score is not None
    scored = [rival for rival in outcome.baselines if rival.score is not None]
    best = min(scored, key=lambda rival: rival.score.value)  # type: ignore[union-attr]
    parts = outcome.model.parts
    return Found(
        name=name,
        accuracy=dict(outcome.scores)["accuracy"],
        log_loss=outcome.score.value,
        low=outcome.score.low,
        high=outcome.score.high,
        rival=best.title,
        rival_log_loss=best.score.value,  # type: ignore[union-attr]
        seconds=time.perf_counter() - started,
        networks=sum(len(part.networks) for part in parts),
        body=max(parts, key=lambda part: part.weight).design.body,
    )


def main(words: Sequence[str] | None = None) -> int:
    """Measure what is not in the cells yet, and print it."""
    reader = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    reader.add_argument("--data", type=Path, default=Path(), help="the folder with the sets")
    reader.add_argument("--only", nargs="*", choices=sorted(SETS), help="of all sets these")
    reader.add_argument("--quick", action="store_true", help="20 s on each of the bundled sets")
    reader.add_argument(
        "--cells", type=Path, help="append finished sets; those that stand there are not repeated"
    )
    reader.add_argument("--json", type=Path, help="overwrite this file with all numbers at the end")
    given = reader.parse_args(words)
    wanted = QUICK if given.quick else {name: SETS[name] for name in given.only or SETS}
    print(f"Expected: {sum(one.seconds for one in wanted.values()) / 60:.0f} minutes.", flush=True)
    kept = {}
    if given.cells is not None and given.cells.exists():
        lines = given.cells.read_text("utf-8").splitlines()
        kept = {found.name: found for found in (Found(**json.loads(line)) for line in lines)}
    found = []
    for name, one in wanted.items():
        source = one.file if given.quick else str(given.data / one.file)
        if name not in kept and not given.quick and not Path(source).exists():
            print(f"{name}: left out, as there is no {source}", flush=True)
            continue
        result = kept.get(name) or measured(name, one, source)
        if name not in kept and given.cells is not None:
            with given.cells.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(result)) + "\n")
        found.append(result)
        print(result, flush=True)
    if given.json is not None:
        given.json.write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
