"""What `fit` reaches on pictures and texts in minutes, beside what is compared with on the same rows.

    mnist-shallow    MNIST by one hidden layer in a minute, 60 s: over 98 % right
    mnist            the official test part, 580 s: at most 0.8 % wrong is asked for
    fashion-dense    Fashion-MNIST by dense networks alone, 3,000 s: at least 92 % right
    fashion-conv     by networks of convolutions, 1,800 s: at least 93.5 % right
    mr, sms, trec    short texts, 240 s each: better than logistic regression on TF-IDF weights

    python benchmarks/perceived.py --data FOLDER --cells cells.jsonl --json found.json [--only mnist sms]
    [--quick]

The two on Fashion-MNIST are given spaces that hold what single networks told before: their size, a short
shift. FOLDER has mnist.npz, fashion_mnist.npz and txt_NAME.parquet; sets that it lacks are left out.
--quick: 20 s on the bundled pictures and messages.
"""

import os

os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # waiting OpenMP threads would steal the cores of whoever runs next

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import profunda
from profunda.space.domain import Choice
from profunda.space.space import Space
from profunda.tuning.rungs import Fidelity

__all__ = ["SETS", "Found", "Set", "main", "measured"]


@dataclass(frozen=True)
class Set:
    """A file with its target, the seconds that `fit` gets, what is `fixed` in the default space, or another
    space: all of whose designs are trained to their ends, since few fit into the time."""

    file: str
    seconds: float
    target: str | None = None
    space: Space | None = None
    fixed: Mapping[str, object] | None = None


def narrow(**levels: list[object]) -> Space:
    """A space for 60,000 small pictures: of each name the levels that are drawn."""
    usual: dict[str, list[object]] = {
        "activation": ["relu"],
        "initialisation": ["he"],
        "norm": ["batch"],
        "flip": [0.5],
        "mixup": [0.0, 0.2],
        "label_smoothing": [0.0, 0.05],
        "optimiser": ["adam"],
        "schedule": ["onecycle"],
        "batch_size": [128],
        "patience": [0],
    }
    return Space({name: Choice(values) for name, values in (usual | levels).items()})


DENSE = narrow(
    body=["dense"],
    depth=[2],
    width=[1024],
    activation=["gelu"],
    shift=[0.04],
    mixup=[0.0],
    dropout=[0.15, 0.2, 0.25],
    lr=[3e-3, 4e-3, 5e-3],
    l2=[1e-1],
    label_smoothing=[0.0],
    batch_size=[256],
    epochs=[100],
)
CONVOLVING = narrow(
    body=["residual"],
    body_width=[16],
    body_depth=[3],
    depth=[0],
    shift=[0.04, 0.07],
    cutout=[0.25],
    mixup=[0.0],
    dropout=[0.0, 0.1],
    lr=[7e-3, 1e-2],
    l2=[2e-2],
    epochs=[32],
)


SETS: Mapping[str, Set] = {
    "mnist-shallow": Set("mnist.npz", 60, fixed={"depth": 1}),
    "mnist": Set("mnist.npz", 580),
    "fashion-dense": Set("fashion_mnist.npz", 3_000, space=DENSE),
    "fashion-conv": Set("fashion_mnist.npz", 1_800, space=CONVOLVING),
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
    fidelity: Fidelity = "halving" if one.space is None else "full"
    outcome = profunda.fit(
        source,
        one.target,
        seconds=one.seconds,
        space=one.space,
        fix=one.fixed,
        fidelity=fidelity,
        progress=False,
    )
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
