"""All programs, and the two halves they are split into."""

from hashlib import blake2b
from itertools import groupby
from typing import Literal

from _programs import cases_architecture, cases_loops, cases_nets, cases_outputs, cases_rows, cases_steps
from _programs.healthy import HEALTHY
from _programs.program import Case, Program

__all__ = ["CASES", "HALVES", "LOOP_CASES", "PROGRAMS", "SENTINELS", "Half", "half_of"]

Half = Literal["tune", "held"]

LOOP_CASES: tuple[Case, ...] = cases_loops.CASES
CASES: tuple[Case, ...] = (
    *cases_rows.CASES,
    *cases_outputs.CASES,
    *cases_architecture.CASES,
    *cases_nets.CASES,
    *cases_steps.CASES,
    *LOOP_CASES,
)
PROGRAMS: tuple[Program, ...] = (*(program for case in CASES for program in case.twins), *HEALTHY)

SENTINELS = (
    "concrete-as-measured",
    "inputs-shuffled-alone",
    "never-cleared",
    "loss-from-a-number",
    "softmax-before-cross-entropy",
    "branch-computed-and-forgotten",
    "all-weights-a-tenth",
    "biases-below-zero",
    "optimiser-of-another-model",
    "rate-of-ten",
)
"""Names of ten quick pairs, one an area, for the tests of every day."""


def _digest(name: str) -> str:
    return blake2b(name.encode()).hexdigest()


def _halves() -> dict[str, Half]:
    """Within each kind of fault (and within the healthy ones of each architecture) every other program by
    its name's digest is held out; twins stay together. Which half is first, the kind's own digest says.
    """
    kinds = [(case.fault, case.name) for case in CASES]
    kinds += [(f"healthy {program.architecture}", program.name) for program in HEALTHY]
    halves: dict[str, Half] = {}
    for kind, group in groupby(sorted(kinds), key=lambda pair: pair[0]):
        first = int(_digest(kind), 16) % 2
        for k, name in enumerate(sorted((name for _, name in group), key=_digest)):
            halves[name] = "held" if (k + first) % 2 else "tune"
    return halves


HALVES = _halves()


def half_of(program: Program) -> Half:
    """Whether thresholds may be set by this program ("tune") or only judged ("held")."""
    return HALVES[program.name.removesuffix("-fixed")]
