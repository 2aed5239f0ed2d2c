"""Advice as values: a space, a first design, and the reason of each number."""

from dataclasses import dataclass
from typing import Any, Literal

from profunda.errors import Notice
from profunda.space.design import Design
from profunda.space.recommendation import Recommendation
from profunda.space.space import Space

__all__ = ["Evidence", "Guidance", "Reason"]

Evidence = Literal[
    "arithmetic",
    "theorem",
    "rule of thumb, not measured here yet",
    "rule of thumb, measured: holds",
    "rule of thumb, measured: holds with conditions",
    "rule of thumb, measured: wrong",
    "rule of thumb, measured: not distinguishable",
]


@dataclass(frozen=True)
class Reason:
    """One number of the advice: what it is about, its value, why, how well founded, and where it is from."""

    what: str
    value: str
    why: str
    evidence: Evidence
    source: str


@dataclass(frozen=True)
class Guidance:
    """A Space to search, a Design to start with, the reason of each number, and what to beware of.

    `recommendation` is the cell of the decision matrix for such data, the first network and as many rows.
    """

    space: Space
    first: Design
    reasons: tuple[Reason, ...]
    notices: tuple[Notice, ...]
    recommendation: Recommendation

    def __str__(self) -> str:
        widths, body = list(self.first.widths), self.first.body
        start = f"{widths}" if body == "dense" else f"a {body} body" + (f" and {widths}" if widths else "")
        lines = [f"Start with {start}; search:", "", self.space.describe(), ""]
        for reason in self.reasons:
            lines.append(f"{reason.what}: {reason.value}")
            lines.append(f"    {reason.why} [{reason.evidence}; {reason.source}]")
        lines += [f"Beware: {notice.text}" for notice in self.notices]
        lines += ["", "Regularisers:", str(self.recommendation)]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """A JSON-able form."""
        return {
            "space": self.space.to_json(),
            "first": self.first.to_json(),
            "reasons": [vars(reason) for reason in self.reasons],
            "notices": [vars(notice) for notice in self.notices],
            "recommendation": self.recommendation.to_json(),
        }
