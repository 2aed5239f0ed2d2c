"""Does a diagnosis find what is wrong with a network, and keep silent where nothing is?

    python benchmarks/diagnosis.py [--cells FILE.jsonl] [--json FILE] [--half tune|held] [--only NAME]
                                   [--healthy] [--twins] [--repair] [--seeds N] [--quick]

Programs in `_programs`: pairs of a training with one mistake and the same without, and healthy ones. Each is
diagnosed with five seeds: other rows, other first weights. Told are, as shares of the runs with intervals of
Wilson (1927): recall (any finding of a right area), the right area on top, false faults and hints on healthy
programs and on fixed twins, how early it was told; and, of programs, how many name one cause in at least
4 of 5 seeds. Programs are split in halves: thresholds may be set by `tune`, and are judged by `held`.
`--twins` diagnoses nothing: it trains both of a pair and tells whether the mistake does harm. `--repair`
gives the faulty ones to `profunda.repair` and compares scores on clean rows with the fixed twin's; loops with
a mistake in them are left out: only their authors can mend them. With `--cells` each finished run is
appended, and what stands there is skipped; begin a new file after changing a program or a rule.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from _bench import machine, write
from _programs.diagnosing import Outcome, Said, diagnosed
from _programs.everything import CASES, LOOP_CASES, PROGRAMS, SENTINELS, half_of
from _programs.fitting import fit, unwatched
from _programs.program import Case, Program
from _programs.repairing import Mended, mended, tally
from _programs.verdicts import Twin, harmful, verdict

__all__ = ["Given", "chosen", "main", "options", "trained"]

SEEDS = 5


@dataclass(frozen=True)
class Given:
    """What the command line said."""

    half: str
    only: str
    healthy: bool
    twins: bool
    repair: bool
    quick: bool
    seeds: int
    cells: Path | None
    json: Path | None


def options(words: Sequence[str] | None = None) -> Given:
    """Read the command line."""
    reader = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    reader.add_argument("--half", choices=("tune", "held"), default="", help="one half of the programs only")
    reader.add_argument("--only", default="", metavar="NAME", help="programs whose name begins so")
    reader.add_argument("--healthy", action="store_true", help="only those that should be left alone")
    reader.add_argument("--twins", action="store_true", help="train pairs, and compare; diagnose nothing")
    reader.add_argument("--repair", action="store_true", help="repair the faulty ones, and compare")
    reader.add_argument("--quick", action="store_true", help="ten pairs, one seed")
    reader.add_argument("--seeds", type=int, default=SEEDS, metavar="N")
    reader.add_argument(
        "--cells", type=Path, metavar="FILE.jsonl", help="append finished runs, skip those there"
    )
    reader.add_argument(
        "--json", type=Path, metavar="FILE", help="overwrite FILE with the results at the end"
    )
    found = reader.parse_args(words)
    return Given(
        found.half,
        found.only,
        found.healthy,
        found.twins,
        found.repair,
        found.quick,
        1 if found.quick else found.seeds,
        found.cells,
        found.json,
    )


def chosen(given: Given) -> tuple[Program, ...]:
    """The programs asked for."""

    def wanted(program: Program) -> bool:
        pair = program.name.removesuffix("-fixed")
        return (
            (not given.half or half_of(program) == given.half)
            and (not given.only or program.name.startswith(given.only))
            and (not given.healthy or not program.fault)
            and (not given.quick or pair in SENTINELS)
        )

    return tuple(filter(wanted, PROGRAMS))


def trained(program: Program, seed: int) -> float:
    """The score of a program that nobody watches."""
    if program.build is not None:
        return fit(program.build(seed), seed)
    assert program.run is not None
    return program.run(seed, unwatched)


class Lines:
    """Finished runs by (program, seed), in a file of JSON lines where one is given."""

    def __init__(self, path: Path | None, kind: str) -> None:
        self.path, self.kind = path, kind
        self.found: dict[tuple[str, int], dict[str, Any]] = {}
        for line in path.read_text().splitlines() if path is not None and path.exists() else ():
            try:
                record = json.loads(line)
            except json.JSONDecodeError:  # the line that an interrupted run was writing
                continue
            if record.pop("kind") == kind:
                self.found[record["program"], record["seed"]] = record

    def add(self, record: dict[str, Any]) -> None:
        """Keep `record`, on disk at once."""
        self.found[record["program"], record["seed"]] = record
        if self.path is not None:
            torn = self.path.exists() and not self.path.read_text().endswith("\n")
            with self.path.open("a") as file:
                file.write("\n" * torn + json.dumps({"kind": self.kind, **record}) + "\n")


def _twins(given: Given) -> int:
    wanted = {program.name for program in chosen(given)}
    cases = [case for case in CASES if case.name in wanted]
    lines = Lines(given.cells, "twins")
    harmless = 0
    for case in cases:
        found = []
        for seed in range(given.seeds):
            if (case.name, seed) not in lines.found:
                lines.add(asdict(_pair(case, seed)))
            found.append(Twin(**lines.found[case.name, seed]))
        told = harmful(found)
        weak = told.hits < 0.8 * told.n and case.severity == "fault"
        harmless += weak
        scores = [
            statistics.fmean(scores) for scores in zip(*((t.faulty, t.fixed) for t in found), strict=True)
        ]
        print(
            f"{'!' if weak else ' '} {case.name:38}{case.fault:28}{scores[0]:7.3f}{scores[1]:7.3f}"
            f"  worse on {told.hits} of {told.n}  {statistics.fmean(t.seconds for t in found):.1f} s",
            flush=True,
        )
    print(f"{len(cases)} pairs; in {harmless} of them the mistake does too little harm.")
    return 1 if harmless else 0


def _pair(case: Case, seed: int) -> Twin:
    start = time.perf_counter()
    faulty, fixed = (trained(program, seed) for program in case.twins)
    return Twin(case.name, seed, faulty, fixed, time.perf_counter() - start)


def _repaired(given: Given) -> int:
    wanted = {program.name for program in chosen(given)}
    cases = [case for case in CASES if case.name in wanted and case.twins[0].build is not None]
    lines, start = Lines(given.cells, "repair"), time.perf_counter()
    every: list[Mended] = []
    for case in cases:
        for seed in range(given.seeds):
            if (case.name, seed) not in lines.found:
                lines.add(asdict(mended(case, seed)))
            every.append(Mended(**{**lines.found[case.name, seed]}))
        for one in every[-given.seeds :]:
            print(one, flush=True)
    found = tally(every)
    for name, counted in found.shares.items():
        print(f"{name:32} {counted}")
    print(f"{'median cost, trainings':32} {found.cost:6.2f}")
    settings = {name: str(value) for name, value in asdict(given).items()}
    results: dict[str, object] = {
        name: {"share": counted.hits / max(1, counted.n), "interval": counted.interval, **asdict(counted)}
        for name, counted in found.shares.items()
    }
    results |= {"median cost": found.cost, "wrong": found.wrong, "seconds": time.perf_counter() - start}
    write(given.json, "diagnosis-repair", machine("torch"), settings, results, {})
    return 0


def _diagnosed(given: Given) -> int:
    programs, start = chosen(given), time.perf_counter()
    lines, outcomes = Lines(given.cells, "diagnosis"), []
    for program in programs:
        for seed in range(given.seeds):
            if (program.name, seed) not in lines.found:
                lines.add(asdict(diagnosed(program, seed)))
            outcomes.append(_outcome(lines.found[program.name, seed]))
        _print(program, outcomes[-given.seeds :])
    found = verdict(programs, outcomes, frozenset(case.name for case in LOOP_CASES))
    print("\nNot as expected:")
    print("\n".join(found.wrong) or "nothing")
    print(f"\n{len(programs)} programs, {len(outcomes)} runs, half: {given.half or 'both'}")
    for name, counted in found.shares.items():
        if counted.n:
            print(f"{name:32} {counted}")
    results = {
        name: {"share": counted.hits / counted.n, "interval": counted.interval, **asdict(counted)}
        for name, counted in found.shares.items()
        if counted.n
    }
    settings = {name: str(value) for name, value in asdict(given).items()}
    results |= {"wrong": found.wrong, "seconds": time.perf_counter() - start}
    write(given.json, "diagnosis", machine("torch"), settings, results, {})
    return 0


def _outcome(record: Mapping[str, Any]) -> Outcome:
    return Outcome(**{**record, "said": tuple(Said(**one) for one in record["said"])})


def _print(program: Program, outcomes: Sequence[Outcome]) -> None:
    tops = [one.error[:40] or (one.said[0].code if one.said else "-") for one in outcomes]
    seconds = statistics.fmean(one.seconds for one in outcomes)
    print(f"{program.name:42}{program.fault:28}{' '.join(tops)}  {seconds:.1f} s", flush=True)


def main(words: Sequence[str] | None = None) -> int:
    """The script."""
    torch.set_num_threads(1)
    given = options(words)
    if given.repair:
        return _repaired(given)
    return _twins(given) if given.twins else _diagnosed(given)


if __name__ == "__main__":
    sys.exit(main())
