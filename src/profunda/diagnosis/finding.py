"""What a diagnosis says: findings with their evidence, and honest answers where there are none."""

import math
from dataclasses import dataclass
from typing import Literal

from profunda.diagnosis.codes import CODES, Area, Code

__all__ = ["SEVERITIES", "Answer", "Change", "Evidence", "Finding", "Severity", "Silence"]

Severity = Literal["fault", "hint"]
SEVERITIES: tuple[Severity, ...] = ("fault", "hint")


@dataclass(frozen=True)
class Evidence:
    """One number that speaks for a finding: `what` was measured, its `value`, and the `limit` that it
    passed (NaN where there is none).
    """

    what: str
    value: float
    limit: float = math.nan
    unit: str = ""


@dataclass(frozen=True)
class Change:
    """A remedy that can be carried out: one thing, on one place, by one amount.

    `kind` is one of remedies.KINDS (for example "learning rate", "initialisation", "head"); `layer` the
    module it is about, "" for all; `value` a number and `word` a name, where the kind asks for them.
    """

    kind: str
    layer: str = ""
    value: float = math.nan
    word: str = ""


@dataclass(frozen=True)
class Finding:
    """One cause.

    Parameters
    ----------
    code
        A name in `codes.CODES`.
    severity
        "fault": training fails or its result cannot be trusted. "hint": it works, and could do better.
    layer
        Name of the module concerned; "" for the whole network.
    evidence
        Numbers, the most telling first; at least one.
    cause
        One or two sentences: what is wrong and by which mechanism it hurts *here*.
    remedy
        One sentence: what to do.
    step
        Optimiser steps done when it could first be told: 0 before training.
    changes
        Remedies that can be tried, the most promising first; () where only the user can act.
    harm
        How much of the possible progress it costs, 0 to 1, as far as known: orders findings of one rank.
    explains
        Codes that this cause would bring about; `tracing` drops them where they stand beside it.
    """

    code: str
    severity: Severity
    layer: str
    evidence: tuple[Evidence, ...]
    cause: str
    remedy: str
    step: int = 0
    changes: tuple[Change, ...] = ()
    harm: float = 1.0
    explains: tuple[str, ...] = ()

    @property
    def of(self) -> Code:
        """Its line in the table of codes."""
        return CODES[self.code]

    @property
    def area(self) -> Area:
        """The area that its code belongs to."""
        return self.of.area

    @property
    def source(self) -> str:
        """Where the rule comes from."""
        return self.of.source


@dataclass(frozen=True)
class Silence:
    """Why a rule says nothing: "clear" (looked, nothing there), "not applicable", "not enough evidence"."""

    code: str
    why: Literal["clear", "not applicable", "not enough evidence"]
    words: str = ""


Answer = tuple[Finding, ...] | Silence
"""What a rule gives for one code."""
