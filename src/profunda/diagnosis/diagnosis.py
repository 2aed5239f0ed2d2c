"""A diagnosis as a value."""

import json
import math
from dataclasses import dataclass, fields, is_dataclass

import numpy as np

from profunda.diagnosis.finding import Finding, Silence
from profunda.diagnosis.record import Record
from profunda.diagnosis.telling import text

__all__ = ["Diagnosis"]


@dataclass(frozen=True)
class Diagnosis:
    """Why a network does not train as well as it could, as far as numbers tell.

    `subject` names the network. `findings`, one for each cause, the most important first: empty where nothing
    is wrong. `symptoms` are what these causes explain, `silences` say for every other code why there is no
    finding: it is clear, it does not apply, or there is too little evidence. `record` is all that was seen.
    `notes` tell what could not be seen, and what was assumed.
    """

    subject: str
    findings: list[Finding]
    symptoms: tuple[Finding, ...]
    silences: tuple[Silence, ...]
    record: Record
    notes: tuple[str, ...] = ()

    @property
    def faults(self) -> tuple[Finding, ...]:
        """Findings for which training fails, or its result cannot be trusted."""
        return tuple(one for one in self.findings if one.severity == "fault")

    @property
    def hints(self) -> tuple[Finding, ...]:
        """Findings with which training works, and could do better."""
        return tuple(one for one in self.findings if one.severity == "hint")

    @property
    def steps(self) -> int:
        """Optimiser steps that were seen."""
        return 0 if self.record.course is None else self.record.course.steps

    @property
    def title(self) -> str:
        """One line: what, how long it was watched, how much was found."""
        found = [
            f"{len(group)} {word}{'s' if len(group) > 1 else ''}"
            for group, word in ((self.faults, "fault"), (self.hints, "hint"))
            if group
        ]
        steps = f"{self.steps:,} step{'' if self.steps == 1 else 's'}"
        return f"{self.subject} · {steps} · {', '.join(found) or 'nothing found'}"

    def text(self) -> str:
        """All of it for a terminal; the record is in `json` alone."""
        return text(f"Diagnosis of {self.title}", self.findings, self.symptoms, self.silences, self.notes)

    def json(self) -> str:
        """All of it as JSON text, the record included; numbers that JSON lacks are null."""
        return json.dumps(_plain(self), ensure_ascii=False, allow_nan=False, indent=1)

    def __str__(self) -> str:
        return self.text()


def _plain(value: object) -> object:
    if isinstance(value, Finding):
        own = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        return {"code": value.code, "area": value.area, "title": value.of.title, "source": value.source} | own
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.bool_ | np.integer):
        return value.item()
    return value
