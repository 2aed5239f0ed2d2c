"""All programs, and the two halves they are split into.

Programs of `held_*`, `fresh_*`, `unseen_*`, `sealed_*`, `blind_*` were written, in this order, by somebody
who did not know the rules; each set was held out until the rules that stood then had been judged by it (the
README tells the numbers), and is there to mend by since. The last three are the half that is called held:
the one that least was mended by. Whoever wants to judge the rules as they stand needs programs that are not
here.
"""

from typing import Literal

from _programs import (
    blind_cases_d,
    blind_cases_e,
    blind_loops_e,
    cases_architecture,
    cases_loops,
    cases_nets,
    cases_outputs,
    cases_rows,
    cases_steps,
    fresh_loops,
    fresh_loops_b,
    fresh_nets_cases,
    fresh_outputs,
    fresh_regularisation,
    fresh_rows,
    fresh_steps,
    held_architecture,
    held_initialisation,
    held_loops_a,
    held_loops_b,
    held_normalisation,
    held_outputs,
    held_regularisation,
    held_rows,
    held_steps,
    sealed_cases_p,
    sealed_cases_q,
    sealed_loops_q,
    unseen_cases_v,
    unseen_cases_x,
    unseen_loops_x,
)
from _programs.blind_healthy_d import HEALTHY as HEALTHY_BLIND_D
from _programs.blind_healthy_e import HEALTHY as HEALTHY_BLIND_E
from _programs.fresh_healthy_s import HEALTHY as HEALTHY_S
from _programs.fresh_healthy_u import HEALTHY as HEALTHY_U
from _programs.healthy import HEALTHY as HEALTHY_FIRST
from _programs.held_healthy_p import HEALTHY as HEALTHY_P
from _programs.held_healthy_q import HEALTHY as HEALTHY_Q
from _programs.held_healthy_r import HEALTHY as HEALTHY_R
from _programs.program import Case, Program
from _programs.sealed_healthy_p import HEALTHY as HEALTHY_SEALED_P
from _programs.sealed_healthy_q import HEALTHY as HEALTHY_SEALED_Q
from _programs.unseen_healthy_v import HEALTHY as HEALTHY_V
from _programs.unseen_healthy_x import HEALTHY as HEALTHY_X

__all__ = ["CASES", "HALVES", "HEALTHY", "LOOP_CASES", "PROGRAMS", "SENTINELS", "Half", "half_of"]

Half = Literal["tune", "held"]

_LOOPS: tuple[Case, ...] = (
    *cases_loops.CASES,
    *held_loops_a.CASES,
    *held_loops_b.CASES,
    *fresh_loops.CASES,
    *fresh_loops_b.CASES,
)
_LOOPS_HELD: tuple[Case, ...] = (*unseen_loops_x.CASES, *sealed_loops_q.CASES, *blind_loops_e.CASES)
_TUNE: tuple[Case, ...] = (
    *cases_rows.CASES,
    *cases_outputs.CASES,
    *cases_architecture.CASES,
    *cases_nets.CASES,
    *cases_steps.CASES,
    *held_rows.CASES,
    *held_outputs.CASES,
    *held_architecture.CASES,
    *held_initialisation.CASES,
    *held_normalisation.CASES,
    *held_regularisation.CASES,
    *held_steps.CASES,
    *fresh_rows.CASES,
    *fresh_outputs.CASES,
    *fresh_nets_cases.CASES,
    *fresh_regularisation.CASES,
    *fresh_steps.CASES,
    *_LOOPS,
)
_HELD: tuple[Case, ...] = (
    *unseen_cases_v.CASES,
    *unseen_cases_x.CASES,
    *sealed_cases_p.CASES,
    *sealed_cases_q.CASES,
    *blind_cases_d.CASES,
    *blind_cases_e.CASES,
    *_LOOPS_HELD,
)
_HEALTHY_TO_TUNE: tuple[Program, ...] = (
    *HEALTHY_FIRST,
    *HEALTHY_P,
    *HEALTHY_Q,
    *HEALTHY_R,
    *HEALTHY_S,
    *HEALTHY_U,
)
_HEALTHY_HELD: tuple[Program, ...] = (
    *HEALTHY_V,
    *HEALTHY_X,
    *HEALTHY_SEALED_P,
    *HEALTHY_SEALED_Q,
    *HEALTHY_BLIND_D,
    *HEALTHY_BLIND_E,
)

LOOP_CASES: tuple[Case, ...] = (*_LOOPS, *_LOOPS_HELD)
CASES: tuple[Case, ...] = (*_TUNE, *_HELD)
HEALTHY: tuple[Program, ...] = (*_HEALTHY_TO_TUNE, *_HEALTHY_HELD)
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

HALVES: dict[str, Half] = {case.name: "tune" for case in _TUNE} | {case.name: "held" for case in _HELD}
HALVES |= {program.name: "tune" for program in _HEALTHY_TO_TUNE}
HALVES |= {program.name: "held" for program in _HEALTHY_HELD}


def half_of(program: Program) -> Half:
    """Whether it was long there to mend by ("tune") or held out until lately ("held")."""
    return HALVES[program.name.removesuffix("-fixed")]
