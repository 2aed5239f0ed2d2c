"""Our batch proposer beside Optuna's samplers and chance, on functions with known formulas.

    python benchmarks/samplers.py [--quick] [--out FILE.jsonl] [--json FILE] [--seeds 100] [--samplers …]

Every sampler runs every problem with the same seeds. Branin takes 30 trials one by one; the problems with
eight parameters take 128 in four batches of 32. One result (problem, sampler, seed) is one line of `--out`,
written at once; a later run goes on from there, so that the slow peer may be measured in the background:

    nice -n 19 python benchmarks/samplers.py --samplers gp --out FILE.jsonl

Ours is "not worse" than a peer where a one-sided Wilcoxon signed-rank test over their common seeds finds no
evidence at α = 0.01 that it is worse, and "better" where it finds that it is. Exit code 1 where ours is worse
than a peer or not better than chance.
"""

import os

os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from _bench import machine, write
from _surfaces import SURFACES, Surface
from scipy.stats import wilcoxon

from profunda.fleet.history import Status
from profunda.tuning.samplers.outcome import Outcome
from profunda.tuning.samplers.sampler import sampler_for

__all__ = ["main"]

OURS = "batch"
PEERS = ("tpe", "gp", "random")
ALPHA = 0.01
LEAST_SEEDS = 10  # fewer common seeds cannot refuse anything at this α


@dataclass(frozen=True)
class Run:
    """What one sampler reached on one problem from one seed, and its seconds in choosing, per suggestion."""

    problem: str
    sampler: str
    seed: int
    best: float
    seconds: float


def run(surface: Surface, sampler: str, seed: int) -> Run:
    """One search; failed trials have no value."""
    proposer = sampler_for(sampler, surface.space, seed)
    best, seconds, done = math.inf, 0.0, 0
    while done < surface.trials:
        started = time.perf_counter()
        batch = proposer.propose(min(surface.batch, surface.trials - done))
        seconds += time.perf_counter() - started
        values = [surface.value(params) for params in batch]
        started = time.perf_counter()
        for params, value in zip(batch, values, strict=True):
            ended = Status.COMPLETED if math.isfinite(value) else Status.DIVERGED
            proposer.tell(params, Outcome((value,), ended))
        seconds += time.perf_counter() - started
        best = min([best, *(value for value in values if math.isfinite(value))])
        done += len(batch)
    return Run(surface.name, sampler, seed, best, seconds / surface.trials)


class Runs:
    """Finished runs, in a JSONL file where one is given."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.found: dict[tuple[str, str, int], Run] = {}
        for line in path.read_text().splitlines() if path is not None and path.exists() else ():
            try:
                one = Run(**json.loads(line))
            except json.JSONDecodeError:  # the line that an interrupted run was writing
                continue
            self.found[one.problem, one.sampler, one.seed] = one

    def add(self, one: Run) -> None:
        """Keep `one`, on disk at once."""
        self.found[one.problem, one.sampler, one.seed] = one
        if self.path is not None:
            with self.path.open("a") as file:
                file.write(json.dumps(asdict(one)) + "\n")

    def of(self, problem: str, sampler: str) -> dict[int, Run]:
        """Runs by seed."""
        return {seed: r for (p, s, seed), r in sorted(self.found.items()) if (p, s) == (problem, sampler)}


@dataclass(frozen=True)
class Comparison:
    """Ours against a peer: `worse` and `better` are one-sided p-values over `seeds` common seeds."""

    problem: str
    peer: str
    seeds: int
    ours: float
    theirs: float
    worse: float
    better: float

    @property
    def passed(self) -> bool:
        """Not worse than the peer; chance must be beaten."""
        return self.better < ALPHA if self.peer == "random" else self.worse >= ALPHA


def compare(runs: Runs, problem: str, peer: str) -> Comparison | None:
    """None with fewer than `LEAST_SEEDS` common seeds."""
    ours, theirs = runs.of(problem, OURS), runs.of(problem, peer)
    seeds = sorted(ours.keys() & theirs.keys())
    if len(seeds) < LEAST_SEEDS:
        return None
    a, b = [ours[s].best for s in seeds], [theirs[s].best for s in seeds]
    worse, better = (float(wilcoxon(a, b, alternative=side).pvalue) for side in ("greater", "less"))
    return Comparison(problem, peer, len(seeds), statistics.median(a), statistics.median(b), worse, better)


def measure(runs: Runs, surfaces: Sequence[Surface], samplers: Sequence[str], seeds: int) -> None:
    """What `runs` lacks, seed by seed, so that an early end leaves common seeds."""
    for seed in range(seeds):
        for surface in surfaces:
            for sampler in samplers:
                if (surface.name, sampler, seed) not in runs.found:
                    runs.add(run(surface, sampler, seed))


def judge(runs: Runs, surfaces: Sequence[Surface]) -> list[Comparison]:
    """Every comparison that there are seeds for, printed."""
    found = [c for s in surfaces for peer in PEERS if (c := compare(runs, s.name, peer)) is not None]
    print(f"{'problem':<10}{'peer':<8}{'seeds':>6}{'ours':>10}{'theirs':>10}{'p worse':>10}{'p better':>10}")
    for c in found:
        line = f"{c.problem:<10}{c.peer:<8}{c.seeds:>6}{c.ours:>10.4f}{c.theirs:>10.4f}{c.worse:>10.2g}"
        print(line + f"{c.better:>10.2g}" + ("" if c.passed else "   FAILED"))
    for sampler in (OURS, *PEERS):
        each = [r.seconds for r in runs.found.values() if r.sampler == sampler]
        if each:
            print(f"{sampler}: {1e3 * statistics.mean(each):.2f} ms a suggestion")
    return found


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, judge."""
    reader = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    reader.add_argument("--quick", action="store_true", help="twelve seeds, and none of the slow peer")
    reader.add_argument(
        "--out", "--cells", type=Path, help="append finished runs, skip those that stand there"
    )
    reader.add_argument("--json", type=Path, help="overwrite FILE with the results at the end")
    reader.add_argument("--seeds", type=int, default=100)
    reader.add_argument("--samplers", nargs="+", default=[OURS, *PEERS], choices=[OURS, *PEERS])
    reader.add_argument("--problems", nargs="+", default=[s.name for s in SURFACES])
    given = reader.parse_args(words)
    surfaces = [s for s in SURFACES if s.name in given.problems]
    samplers = [s for s in given.samplers if not (given.quick and s == "gp")]
    seeds = min(given.seeds, 12) if given.quick else given.seeds
    facts, runs = machine("numpy", "scipy", "optuna"), Runs(given.out)
    measure(runs, surfaces, samplers, seeds)
    found = judge(runs, surfaces)
    results = {"comparisons": [asdict(c) for c in found]}
    write(given.json, "samplers", facts, {"seeds": seeds}, results, {})
    return 0 if all(c.passed for c in found) else 1


if __name__ == "__main__":
    sys.exit(main())
