"""Does training need the memory that the plan says? Predicted and measured, each in a process of its own.

    python benchmarks/memory.py [--quick] [--json FILE] [--cells FILE.jsonl]

Measured is by how much the peak of resident memory rises during training: the process has read its rows,
made its plan and trained a small fleet before, so that libraries and threads stand. All states are kept, as
`train` and a search keep them; `Plan.bytes_with(workers)` predicts that. Plans of 500 MB and more should be
met within 10 %, smaller ones within 50 MB, and 10,000 networks of width 64 on 10,000 rows × 50 columns must
stay below 4 GiB in all.

Needs /proc (Linux). Exit code 1 where a plan is off.
"""

import os

# Waiting OpenMP threads would spin and steal the cores from whoever runs next.
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

import ctypes
import gc
import multiprocessing
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from _bench import Cell, Cells, Options, Outcome, Side, conduct, cores, options, run_rounds
from _fleets import ENGINES, Rows, fleet_data, tell_missing, train, trained

from profunda.fleet.member import Member
from profunda.fleet.plan import plan
from profunda.space.design import Design

__all__ = ["CASES", "Case", "Settings", "judged", "main", "measure", "measured"]

LARGE, WITHIN_SHARE, WITHIN_BYTES = 500e6, 0.10, 50e6
MOST_BYTES = 4 * 2**30


@dataclass(frozen=True)
class Case:
    """A fleet of equal networks; `bounded`: the whole process must stay below 4 GiB."""

    members: int
    widths: tuple[int, ...]
    batch: int
    rows: int
    features: int = 20
    epochs: int = 1
    bounded: bool = False


CASES = {
    "few": Case(32, (64,), 32, 2000, epochs=5),
    "deep": Case(64, (128, 128, 128), 64, 2000),
    "batch": Case(8, (512, 512), 4096, 8192),
    "wide": Case(24, (1024, 1024, 1024), 256, 1024),
    "many": Case(10_000, (64,), 256, 10_000, features=50, bounded=True),
}
QUICK = ("few", "deep")


@dataclass(frozen=True)
class Settings:
    """Which cases are measured, once each."""

    cases: tuple[str, ...] = tuple(CASES)
    engines: tuple[str, ...] = ENGINES
    workers: int = 2

    @property
    def expected_seconds(self) -> float:
        """On two calm cores: a minute for 10,000 networks by torch, some seconds for each of the others."""
        many = {"native": 15.0, "torch": 70.0}
        return sum(many[e] if case == "many" else 8.0 for e in self.engines for case in self.cases)


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, write; 1 where a plan is off."""
    given = options(__doc__ or "", words)
    results = measure(Settings(**({"cases": QUICK} if given.quick else {}), workers=cores()), given)
    return 0 if results["passed"] else 1


def measure(settings: Settings, given: Options) -> dict[str, Any]:
    """Run what `settings` ask for, and report it; returns the results."""

    def work(cells: Cells) -> tuple[dict[str, Any], dict[str, float]]:
        tell_missing()
        sides = [
            Side(f"{case}/{engine}", partial(_cell, CASES[case], engine, settings.workers), lambda: None)
            for case in settings.cases
            for engine in settings.engines
        ]
        run_rounds(sides, 1, cells, _tell)
        lines = {side.name: judged(cells.of(side.name)[0]) for side in sides}
        _print(lines)
        ratios = {f"memory/{name}": line["ratio"] for name, line in lines.items()}
        return {"plans": lines, "passed": all(line["passed"] for line in lines.values())}, ratios

    return conduct("memory", settings, given, ("torch", "numpy"), work)


# One process -----------------------------------------------------------------------------------------


def _cell(case: Case, engine: str, workers: int, number: int) -> Outcome:
    """`measured` in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        predicted, rise, peak, steps = pool.submit(measured, case, engine, workers).result()
    return Outcome(
        case.members,
        steps,
        {"predicted": [predicted], "measured": [rise], "peak": [peak], "bounded": [case.bounded]},
    )


def measured(case: Case, engine: str, workers: int) -> tuple[int, int, int, int]:
    """(predicted bytes, rise of the peak, the whole peak, member-steps) of one fleet in this process."""
    data = fleet_data(Rows(case.rows, 512), features=case.features)
    design = Design(
        widths=case.widths, dropout=0.3, lr=1e-4, batch_size=case.batch, epochs=case.epochs, encoding="robust"
    )
    _warm(engine, workers)
    made = plan([Member(design, 0, number) for number in range(case.members)], data, engine=engine)
    gc.collect()
    _trim()
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from now on
    before = _status("VmRSS")
    states = list(trained(made, data, [None] * case.members, workers))
    peak = _status("VmHWM")
    return made.bytes_with(workers), peak - before, peak, sum(state.step for state in states)


def _warm(engine: str, workers: int) -> None:
    data = fleet_data(Rows(256, 64))
    design = Design(widths=(16,), dropout=0.3, batch_size=32, epochs=2)
    train(plan([Member(design, 0, n) for n in range(64)], data, engine=engine), data, [None] * 64, workers)


def _trim() -> None:
    """Give freed memory back, so that training cannot hide in it, where the C library has a call for that."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _status(name: str) -> int:
    """Bytes of one line of this process's status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"/proc/self/status has no {name}; this benchmark needs Linux.")


# Judgement -------------------------------------------------------------------------------------------


def judged(cell: Cell) -> dict[str, Any]:
    """Predicted and measured bytes of a cell, and whether they agree."""
    kept = {name: values[0] for name, values in cell.outcome.kept.items()}
    predicted, rise = kept["predicted"], kept["measured"]
    off = abs(rise - predicted)
    near = off <= (WITHIN_SHARE * predicted if predicted >= LARGE else WITHIN_BYTES)
    below = not kept["bounded"] or kept["peak"] <= MOST_BYTES
    return {
        "networks": cell.outcome.trials,
        "predicted": predicted,
        "measured": rise,
        "peak": kept["peak"],
        "ratio": rise / predicted,
        "seconds": cell.seconds,
        "passed": bool(near and below),
    }


def _print(lines: dict[str, dict[str, Any]]) -> None:
    print(f"\n{'':14}  networks  predicted MB  measured MB   ratio  process MB")
    for name, line in lines.items():
        sizes = f"{line['predicted'] / 1e6:>12.1f}  {line['measured'] / 1e6:>11.1f}  {line['ratio']:>6.2f}"
        verdict = "" if line["passed"] else "OFF"
        print(f"{name:14}  {line['networks']:>8}  {sizes}  {line['peak'] / 1e6:>10.0f}  {verdict}")


def _tell(cell: Cell) -> None:
    print(f"{cell.side:14} {cell.seconds:6.1f} s, load {cell.load:.1f}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
