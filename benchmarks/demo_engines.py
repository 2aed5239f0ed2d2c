"""The demo's command by the torch engine and by the native one: networks a second of the training stage.

    python benchmarks/demo_engines.py [--quick] [--json FILE] [--cells FILE.jsonl]

`profunda fit bundled:adult --target income --time 60` in a process of its own, one engine after the other,
from the same seed; what a run's `summary.json` tells of its search is compared. In the same time the faster
engine sees more brackets of the same space, so both train much the same mixture of networks: their mean
number of steps is printed beside.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from _bench import Cell, Cells, Options, Outcome, Side, conduct, options, run_rounds
from _fleets import ENGINES, tell_missing

__all__ = ["Settings", "main", "measure", "run_demo"]

COMMAND = ("fit", "bundled:adult", "--target", "income")


@dataclass(frozen=True)
class Settings:
    """How much is measured: rounds of one run by each engine, each of so many seconds."""

    engines: tuple[str, ...] = ENGINES
    rounds: int = 3
    seconds: float = 60.0

    @property
    def expected_seconds(self) -> float:
        """The runs, and some seconds of imports each."""
        return self.rounds * len(self.engines) * (self.seconds + 6.0)


QUICK = {"rounds": 1, "seconds": 20.0}


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    given = options(__doc__ or "", words)
    measure(Settings(**(QUICK if given.quick else {})), given)
    return 0


def measure(settings: Settings, given: Options) -> dict[str, Any]:
    """Run what `settings` ask for, and report it; returns the results."""

    def work(cells: Cells) -> tuple[dict[str, Any], dict[str, float]]:
        tell_missing()
        sides = [Side(e, partial(run_demo, settings, e), lambda: None) for e in settings.engines]
        run_rounds(sides, settings.rounds, cells, _tell)
        return judge(settings, cells)

    return conduct("demo_engines", settings, given, ("torch", "numpy"), work)


def run_demo(settings: Settings, engine: str, number: int) -> Outcome:
    """One run of the demo's command; its networks and member-steps, and seconds by stage."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        words = [*COMMAND, "--time", str(settings.seconds), "--engine", engine, "--seed", str(number)]
        environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
        command = [sys.executable, "-m", "profunda", *words, "--out", str(run)]
        subprocess.run(
            command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
        )
        told = json.loads((run / "summary.json").read_text())
    kept = {f"seconds_{stage}": [seconds] for stage, seconds in told["seconds"].items()}
    return Outcome(told["networks"], told["member_steps"], {**kept, "score": [told["score"]]})


def judge(settings: Settings, cells: Cells) -> tuple[dict[str, Any], dict[str, float]]:
    """Medians of both engines and their ratio, printed."""
    results = {engine: _summary(cells.of(engine)) for engine in settings.engines}
    for engine, its in results.items():
        print(
            f"{engine:7} {its['networks']:6.0f} networks, {its['member_steps']:>12,.0f} member-steps "
            f"({its['steps_per_network']:.0f} each), {its['networks_per_second']:7.1f} networks/s and "
            f"{its['steps_per_second']:,.0f} steps/s of the search; search {its['share']:.0%} of the run; "
            f"log-loss {its['score']:.4f}"
        )
    if len(settings.engines) < 2:
        return results, {}
    native, torch = (cells.of(engine) for engine in ("native", "torch"))
    pairs = list(zip(native, torch, strict=True))
    ratios = {
        "demo/native/torch": statistics.median(_rate(ours) / _rate(theirs) for ours, theirs in pairs),
        "demo/native/torch_steps": statistics.median(
            _step_rate(ours) / _step_rate(theirs) for ours, theirs in pairs
        ),
    }
    for key, ratio in ratios.items():
        print(f"{key}: {ratio:.1f}")
    return results, ratios


def _search_seconds(cell: Cell) -> float:
    return cell.outcome.kept["seconds_search"][0]


def _rate(cell: Cell) -> float:
    return cell.outcome.trials / _search_seconds(cell)


def _step_rate(cell: Cell) -> float:
    return cell.outcome.steps / _search_seconds(cell)


def _summary(cells: Sequence[Cell]) -> dict[str, Any]:
    def median(values: Sequence[float]) -> float:
        return statistics.median(values)

    return {
        "networks": median([cell.outcome.trials for cell in cells]),
        "member_steps": median([cell.outcome.steps for cell in cells]),
        "steps_per_network": median([cell.outcome.steps / cell.outcome.trials for cell in cells]),
        "networks_per_second": median([_rate(cell) for cell in cells]),
        "steps_per_second": median([_step_rate(cell) for cell in cells]),
        "share": median([_search_seconds(cell) / cell.outcome.kept["seconds_total"][0] for cell in cells]),
        "score": median([cell.outcome.kept["score"][0] for cell in cells]),
        "cells": [asdict(cell) for cell in cells],
    }


def _tell(cell: Cell) -> None:
    found = f"{cell.outcome.trials} networks in {_search_seconds(cell):.1f} s of search, load {cell.load:.1f}"
    print(f"round {cell.round + 1}  {cell.side:7} {found}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
