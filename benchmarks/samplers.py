"""Our batch proposer beside Optuna's samplers and chance, on functions with known formulas.

    python benchmarks/samplers.py [--quick] [--out FILE.jsonl] [--json FILE] [--seeds 100] [--samplers …]

Every sampler runs every problem with the same seeds. Branin takes 30 trials one by one; the problems with
eight parameters take 128 in four batches of 32. One result (problem, sampler, seed) is one line of `--out`,
written at once; a later run goes on from there, so that the slow peer may be measured in the background:

    nice -n 19 python benchmarks/samplers.py --parts functions --samplers gp --out FILE.jsonl

Ours is "not worse" than a peer where a one-sided Wilcoxon signed-rank test over their common seeds finds no
evidence at α = 0.01 that it is worse, and "better" where it finds that it is. Exit code 1 where ours is worse
than a peer or not better than chance.

Two more parts follow: trials to a target on the worked example's space (`_worked.py`), and what schedules of
epochs cost on real fleets (`_schedules.py`). Either verdict is printed; neither decides the exit code.
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
from _schedules import Schedule, schedules
from _surfaces import SURFACES, Surface
from _worked import Worked, worked_example
from scipy.stats import wilcoxon

from profunda.fleet.history import Status
from profunda.tuning.samplers.outcome import Outcome
from profunda.tuning.samplers.sampler import sampler_for

__all__ = ["main"]

OURS = "batch"
PEERS = ("tpe", "gp", "random")
ALPHA = 0.01
PARTS = ("functions", "worked", "schedules")
WORKED = ("grid", "random", "tpe", "batch")
LEAST_SEEDS = 10  # fewer common seeds cannot refuse anything at this α


@dataclass(frozen=True)
class Run:
    """What one sampler reached on one problem from one seed, and CPU seconds in choosing, per suggestion."""

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
        started = time.process_time()
        batch = proposer.propose(min(surface.batch, surface.trials - done))
        seconds += time.process_time() - started
        values = [surface.value(params) for params in batch]
        started = time.process_time()
        for params, value in zip(batch, values, strict=True):
            ended = Status.COMPLETED if math.isfinite(value) else Status.DIVERGED
            proposer.tell(params, Outcome((value,), ended))
        seconds += time.process_time() - started
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
            print(f"{sampler}: {1e3 * statistics.mean(each):.2f} ms of CPU a suggestion")
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
    reader.add_argument("--parts", nargs="+", default=PARTS, choices=PARTS)
    given = reader.parse_args(words)
    seeds = min(given.seeds, 12) if given.quick else given.seeds
    facts, results, passed = machine("numpy", "scipy", "optuna"), {}, True
    if "functions" in given.parts:
        runs, surfaces = Runs(given.out), [s for s in SURFACES if s.name in given.problems]
        measure(runs, surfaces, [s for s in given.samplers if not (given.quick and s == "gp")], seeds)
        found = judge(runs, surfaces)
        results["functions"], passed = [asdict(c) for c in found], all(c.passed for c in found)
    if "worked" in given.parts:
        target, reached = worked_example(WORKED, 4 if given.quick else min(seeds, 40))
        results["worked"] = {"target": target, "samplers": [asdict(one) for one in reached]}
        show_worked(target, reached)
    if "schedules" in given.parts:
        costs = schedules(given.quick)
        results["schedules"] = [asdict(one) for one in costs]
        show_schedules(costs)
    write(given.json, "samplers", facts, {"seeds": seeds, "parts": list(given.parts)}, results, {})
    return 0 if passed else 1


def show_worked(target: float, reached: Sequence[Worked]) -> None:
    """Trials to the target, the unseen rows' loss, and the two kinds of time."""
    print(
        f"\nworked example, target log-loss {target:.4f}: median trials, test loss after 20 trials, seconds"
    )
    for one in reached:
        line = f"{one.sampler:<8}{one.trials:>6.1f}   {one.test_loss:.4f} ± {one.test_spread:.4f}"
        line += f"   {one.choosing_ms:.2f} ms of CPU a suggestion, {one.training_seconds:.2f} s of training"
        print(line + "   fewer than " + ", ".join(f"{other}: p {p:.2g}" for other, p in one.fewer_than))


def show_schedules(costs: Sequence[Schedule]) -> None:
    """Regrets beside full training's, and how many times cheaper."""
    print(f"\n{'table':<15}{'schedule':<12}{'regret':>8}{'full':>8}{'noise':>8}{'cheaper':>9}", end="")
    print(f"{'at equal regret':>17}{'within noise':>14}")
    for c in costs:
        line = f"{c.table:<15}{c.schedule:<12}{c.regret:>8.3f}{c.full_regret:>8.3f}{c.noise:>8.3f}"
        ratios = ["none" if r is None else f"{r:.1f}×" for r in (c.reaching_ratio, c.noise_ratio)]
        print(line + f"{c.cost_ratio:>8.1f}×{ratios[0]:>17}{ratios[1]:>14}")


if __name__ == "__main__":
    sys.exit(main())
