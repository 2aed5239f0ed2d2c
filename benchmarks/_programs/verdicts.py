"""What many outcomes come to: shares with Wilson intervals, counted as runs or as programs."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from _programs.diagnosing import Outcome, Said
from _programs.program import Program

__all__ = ["Share", "Twin", "Verdict", "earliest", "harmful", "right", "share", "top_right", "verdict"]

SEEDS_ALIKE = 0.8
"""Share of a program's seeds that must agree on the top cause: 4 of 5."""
HARM = 0.02
"""By so much a score must be below its twin's to count as worse."""


@dataclass(frozen=True)
class Share:
    """`hits` of `n`, and the interval of Wilson (1927) for 95 %."""

    hits: int
    n: int

    @property
    def interval(self) -> tuple[float, float]:
        """(lowest, highest); everything where nothing was counted."""
        if not self.n:
            return 0.0, 1.0
        z, p, n = 1.959964, self.hits / self.n, self.n
        middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)

    def __str__(self) -> str:
        if not self.n:
            return "none counted"
        low, high = self.interval
        return f"{self.hits / self.n:6.1%}  [{low:.1%}, {high:.1%}]  {self.hits} of {self.n}"


@dataclass(frozen=True)
class Twin:
    """Scores of a pair, trained with nobody watching."""

    program: str
    seed: int
    faulty: float
    fixed: float
    seconds: float
    error: str = ""


@dataclass(frozen=True)
class Verdict:
    """All shares by their names, the kinds of loop bugs that were found or not, and runs that were wrong."""

    shares: Mapping[str, Share]
    wrong: tuple[str, ...]


def right(program: Program, outcome: Outcome) -> bool:
    """Whether any finding is of a right area."""
    return any(one.area in program.areas for one in outcome.said)


def top_right(program: Program, outcome: Outcome) -> bool:
    """Whether the first finding is of a right area."""
    return bool(outcome.said) and outcome.said[0].area in program.areas


def earliest(program: Program, outcome: Outcome) -> float:
    """The first right report's step over the planned steps; infinity if there is none."""
    steps = [one.step for one in outcome.said if one.area in program.areas]
    return min(steps) / outcome.steps if steps else math.inf


def share(values: Iterable[bool]) -> Share:
    """How many are true."""
    values = list(values)
    return Share(sum(values), len(values))


def _stable(outcomes: Sequence[Outcome]) -> bool:
    tops = Counter(outcome.said[0].code if outcome.said else "" for outcome in outcomes)
    return max(tops.values()) >= SEEDS_ALIKE * len(outcomes)


def verdict(programs: Sequence[Program], outcomes: Sequence[Outcome], loops: frozenset[str]) -> Verdict:
    """Of `outcomes` of `programs`; `loops` are names of the silent loop bugs."""
    of = {program.name: program for program in programs}
    runs = [(of[outcome.program], outcome) for outcome in outcomes if outcome.program in of]
    faulty = [run for run in runs if run[0].fault]
    fixed = [run for run in runs if not run[0].fault and run[0].twin]
    healthy = [run for run in runs if not run[0].fault and not run[0].twin]
    shares = {
        "recall": share(right(*run) for run in faulty),
        "top area right": share(top_right(*run) for run in faulty),
        "top area the best one": share(
            bool(found.said) and found.said[0].area == program.areas[0] for program, found in faulty
        ),
        "top code right": share(
            bool(found.said) and found.said[0].code == program.fault for program, found in faulty
        ),
        "told by 5 % of the steps": share(earliest(*run) <= 0.05 for run in faulty),
        "false faults, healthy": share(_any(found, "fault") for _, found in healthy),
        "false hints, healthy": share(_any(found, "hint") for _, found in healthy),
        "false faults, fixed": share(_any(found, "fault") for _, found in fixed),
        "false hints, fixed": share(_any(found, "hint") for _, found in fixed),
        "stable, programs": share(_stable(some) for some in _grouped(faulty, lambda run: run[0].name)),
        "loop bugs": share(right(*run) for run in faulty if run[0].name in loops),
        "kinds of loop bugs": share(
            sum(right(of[one.program], one) for one in some) > len(some) / 2
            for some in _grouped([run for run in faulty if run[0].name in loops], lambda run: run[0].fault)
        ),
        "ended in an error": share(bool(found.error) for _, found in runs),
    }
    for area in dict.fromkeys(program.areas[0] for program, _ in faulty):
        shares[f"recall, {area}"] = share(right(*run) for run in faulty if run[0].areas[0] == area)
    return Verdict(shares, _wrong(runs))


def _any(outcome: Outcome, severity: str) -> bool:
    return any(one.severity == severity for one in outcome.said)


def _grouped(
    runs: Sequence[tuple[Program, Outcome]], key: Callable[[tuple[Program, Outcome]], str]
) -> list[list[Outcome]]:
    groups: defaultdict[str, list[Outcome]] = defaultdict(list)
    for run in runs:
        groups[key(run)].append(run[1])
    return list(groups.values())


def _wrong(runs: Sequence[tuple[Program, Outcome]]) -> tuple[str, ...]:
    """A line for each program some of whose runs were missed, had another area first, or a false finding."""
    lines = []
    for some in _grouped(runs, lambda run: run[0].name):
        program = next(program for program, _ in runs if program.name == some[0].program)
        bad = [one for one in some if not (top_right(program, one) if program.fault else not one.said)]
        bad += [one for one in some if one.error and one not in bad]
        if bad:
            told = Counter(
                one.error or "; ".join(_word(said) for said in one.said[:3]) or "nothing" for one in bad
            )
            wanted = f"{program.fault} ({', '.join(program.areas)})" if program.fault else "nothing"
            lines.append(f"{program.name}: {wanted}; {len(bad)} of {len(some)}: " + " | ".join(told))
    return tuple(lines)


def _word(said: Said) -> str:
    return f"{said.code} {said.severity} @{said.step}"


def harmful(twins: Sequence[Twin]) -> Share:
    """Seeds on which the faulty one is clearly worse; what is no number is worse than any."""
    return share(not one.faulty > one.fixed - HARM for one in twins)
