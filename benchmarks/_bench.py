"""What the benchmarks share: command line, finished cells, interleaved rounds, medians, the file.

A benchmark compares sides: ways of doing the same work. One cell is one side in one round. Rounds are
interleaved and start with another side each time, so that a busy minute of the machine falls on all sides
alike; ratios are taken within a round, and their median over the rounds counts.
"""

import argparse
import gc
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

__all__ = [
    "Cell",
    "Cells",
    "Options",
    "Outcome",
    "Paced",
    "Side",
    "conduct",
    "cores",
    "cpu_seconds",
    "machine",
    "median_ratio",
    "options",
    "run_rounds",
    "write",
]


@dataclass(frozen=True)
class Options:
    """What the command line said."""

    quick: bool
    json: Path | None
    cells: Path | None


def options(description: str, words: Sequence[str] | None = None) -> Options:
    """Read ``--quick``, ``--json FILE`` and ``--cells FILE.jsonl``."""
    reader = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    reader.add_argument(
        "--quick", action="store_true", help="fewer rounds and peers' trials: at most a minute"
    )
    reader.add_argument(
        "--json", type=Path, metavar="FILE", help="overwrite FILE with the results at the end"
    )
    reader.add_argument(
        "--cells",
        type=Path,
        metavar="FILE.jsonl",
        help="append finished cells, and skip those that stand there; without it everything is measured anew",
    )
    given = reader.parse_args(words)
    for path in (given.json, given.cells):
        if (
            path is not None and not path.resolve().parent.is_dir()
        ):  # better now than after minutes of measuring
            reader.error(f"the folder of {path} does not exist; make it first")
    return Options(given.quick, given.json, given.cells)


@dataclass(frozen=True)
class Outcome:
    """What one cell did: `trials` networks, `steps` optimiser steps in all, numbers kept for checks."""

    trials: int
    steps: int
    kept: Mapping[str, Sequence[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Side:
    """One way of doing the work: `run(round)` is timed, `warm_up()` runs once before and is not."""

    name: str
    run: Callable[[int], Outcome]
    warm_up: Callable[[], object]


class Paced:
    """Counts the epochs of a cell: as many as `seconds` hold, by the second epoch of the warm run, or one.

    `epochs(count)` trains `members` networks for so many epochs and returns the steps of all together.
    """

    def __init__(self, name: str, members: int, seconds: float, epochs: Callable[[int], int]) -> None:
        self.name, self.members, self.seconds, self.epochs, self.count = name, members, seconds, epochs, 1

    @property
    def side(self) -> Side:
        """As a side of rounds."""
        return Side(self.name, self._run, self._warm_up)

    def _run(self, number: int) -> Outcome:
        return Outcome(self.members, self.epochs(self.count))

    def _warm_up(self) -> None:
        if self._timed() > 4 * self.seconds:  # even with all that a first epoch prepares: one will do
            return
        self.count = max(1, round(self.seconds / self._timed()))
        if self.count > 1:  # what depends on the number of epochs, as a plan does, is made now
            self.epochs(self.count)

    def _timed(self) -> float:
        start = time.perf_counter()
        self.epochs(1)
        return time.perf_counter() - start


@dataclass(frozen=True)
class Cell:
    """One side in one round; `load` is the one-minute load average when the cell began."""

    side: str
    round: int
    seconds: float
    cpu_seconds: float
    load: float
    outcome: Outcome

    @property
    def rate(self) -> float:
        """Trials per second."""
        return self.outcome.trials / self.seconds

    @property
    def step_rate(self) -> float:
        """Optimiser steps per second, of all trials together."""
        return self.outcome.steps / self.seconds


class Cells:
    """Finished cells, in a JSONL file where one is given; other settings do not count."""

    def __init__(self, path: Path | None, settings: Mapping[str, object]) -> None:
        self.path, self.settings = path, json.loads(json.dumps(settings))
        self.found: dict[tuple[str, int], Cell] = {}
        if path is not None and path.exists():
            for line in path.read_text().splitlines():
                self._take(line)
        self.reused = len(self.found)

    def _take(self, line: str) -> None:
        try:
            record = json.loads(line)
        except json.JSONDecodeError:  # the line that an interrupted run was writing
            return
        if record.pop("settings") == self.settings:
            cell = Cell(**{**record, "outcome": Outcome(**record["outcome"])})
            self.found[cell.side, cell.round] = cell

    def add(self, cell: Cell) -> None:
        """Keep `cell`, on disk at once."""
        self.found[cell.side, cell.round] = cell
        if self.path is not None:
            torn = self.path.exists() and not self.path.read_text().endswith("\n")
            with self.path.open("a") as file:
                file.write("\n" * torn + json.dumps({"settings": self.settings, **asdict(cell)}) + "\n")

    def of(self, side: str) -> list[Cell]:
        """The cells of a side, by round."""
        return sorted(
            (cell for cell in self.found.values() if cell.side == side), key=lambda cell: cell.round
        )


def run_rounds(
    sides: Sequence[Side], rounds: int, cells: Cells, told: Callable[[Cell], None] = lambda cell: None
) -> None:
    """Measure what `cells` lacks: every side in every round, each round beginning one side later."""
    for side in sides:
        if len(cells.of(side.name)) < rounds:
            side.warm_up()
    for number in range(rounds):
        first = number % len(sides)
        for side in (*sides[first:], *sides[:first]):
            if (side.name, number) not in cells.found:
                cells.add(_measured(side, number))
                told(cells.found[side.name, number])


def _measured(side: Side, number: int) -> Cell:
    gc.collect()
    load, cpu, start = os.getloadavg()[0], cpu_seconds(), time.perf_counter()
    outcome = side.run(number)
    seconds = time.perf_counter() - start
    return Cell(side.name, number, seconds, cpu_seconds() - cpu, load, outcome)


def cpu_seconds() -> float:
    """CPU time of this process, its threads and its living child processes (the latter on Linux only)."""
    total = time.process_time()
    parents: dict[int, int] = {}
    used: dict[int, float] = {}
    tick = os.sysconf("SC_CLK_TCK")
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it ended while we looked
            continue
        pid = int(stat.parent.name)
        parents[pid], used[pid] = int(words[1]), (int(words[11]) + int(words[12])) / tick
    own = os.getpid()
    return total + sum(seconds for pid, seconds in used.items() if _descends(pid, own, parents))


def _descends(pid: int, ancestor: int, parents: Mapping[int, int]) -> bool:
    pid = parents.get(pid, 0)
    while pid and pid != ancestor:
        pid = parents.get(pid, 0)
    return pid == ancestor


def median_ratio(
    ours: Sequence[Cell], theirs: Sequence[Cell], *, steps: bool = False
) -> tuple[float, float, float]:
    """(median, smallest, largest) of our trials per second over theirs, taken within each round.

    With `steps` of optimiser steps per second: for sides that train different numbers of networks a cell.
    """

    def rate(cell: Cell) -> float:
        return cell.step_rate if steps else cell.rate

    by_round = {cell.round: rate(cell) for cell in theirs}
    ratios = [rate(cell) / by_round[cell.round] for cell in ours if cell.round in by_round]
    if not ratios:
        raise ValueError(
            "The two sides share no round, so there is no ratio; measure both in the same rounds."
        )
    return statistics.median(ratios), min(ratios), max(ratios)


class Timed(Protocol):
    """Settings that know how long they take; frozen, and a dataclass."""

    @property
    def expected_seconds(self) -> float: ...


def conduct(
    name: str,
    settings: Timed,
    given: Options,
    packages: Sequence[str],
    work: Callable[[Cells], tuple[dict[str, Any], dict[str, float]]],
) -> dict[str, Any]:
    """One benchmark from its expected time to its file; returns its results. `work` measures and judges."""
    print(f"Expected: about {settings.expected_seconds:.0f} s on two calm cores.", flush=True)
    start, facts, plain = time.perf_counter(), machine(*packages), asdict(settings)
    cells = Cells(given.cells, plain)
    results, ratios = work(cells)
    facts["load_after"] = [round(load, 2) for load in os.getloadavg()]
    results["seconds"], results["cells_reused"] = time.perf_counter() - start, cells.reused
    write(given.json, name, facts, plain, results, ratios)
    print(f"Took {results['seconds']:.0f} s; load {facts['load'][0]} before, {facts['load_after'][0]} after.")
    return results


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine(*packages: str) -> dict[str, Any]:
    """What was measured on: processor, cores, load, versions of Python and of `packages`."""
    return {
        "processor": _processor(),
        "cores": cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "load": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def write(
    path: Path | None,
    name: str,
    machine: Mapping[str, object],
    settings: Mapping[str, object],
    results: Mapping[str, object],
    ratios: Mapping[str, float],
) -> None:
    """Overwrite `path` with the one JSON object of a benchmark, whole or not at all."""
    if path is None:
        return
    whole = {"name": name, "machine": machine, "settings": settings, "results": results, "ratios": ratios}
    draft = path.with_name(path.name + ".draft")
    draft.write_text(json.dumps(whole, indent=1, allow_nan=False) + "\n")
    draft.replace(path)
