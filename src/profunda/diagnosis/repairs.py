"""A repair as a value: the network that came out of it, what was changed, and what each change was worth."""

import json
import math
import textwrap
from dataclasses import dataclass
from typing import Literal

from torch import nn

from profunda.diagnosis.diagnosis import Diagnosis
from profunda.diagnosis.finding import Change, Finding
from profunda.diagnosis.recipes import Recipe
from profunda.diagnosis.telling import number

__all__ = ["Attempt", "Repair", "Stage", "spoken"]

Stage = Literal["race", "full", "check", "beginning", "soon"]

_WORDS = {
    "race": "short trainings with several seeds",
    "full": "whole trainings",
    "check": "whole trainings with a seed that chose nothing",
    "beginning": "a whole training against the original's beginning",
    "soon": "a part of a whole training, as many steps of both",
}


@dataclass(frozen=True)
class Attempt:
    """`change` on top of those adopted before it, against them alone. `stage`: "race" (short, several seeds),
    "full" (whole, against the original), "check" (the winner of races, against what stood before),
    "beginning" (the same, against the original's beginning), "soon" (both after a part of a whole training).
    `score` is the mean difference with its standard error, `loss` that of losses where they compare; positive
    is better. `code` is of the finding that proposed it; `why` tells what it raised.
    """

    stage: Stage
    changes: tuple[Change, ...]
    code: str
    score: float
    error: float
    loss: float
    better: bool
    worse: bool
    why: str = ""


@dataclass(frozen=True)
class Repair:
    """What `repair` did.

    Parameters
    ----------
    subject
        Name of the network's class.
    model
        The trained network, in evaluation mode: it takes the user's inputs and gives outputs in the targets'
        unit. Where nothing was adopted, the user's own training, made on a copy.
    changes
        Adopted, in the order in which they are carried out; () where the original was the best.
    settings
        Loss, optimiser, scalings, batch size and epochs that trained it; ``settings.parts.optimizer(model)``
        makes the optimiser.
    before, after
        Scores on the rows that judged: the share of right answers (the mean over classes where a rare one was
        ignored), or of the variance explained; NaN where targets have no score.
    cost
        Trainings made, the original's included, in rows of one whole training.
    attempts
        All that was tried, in order.
    diagnosis
        Of the original.
    untried
        Findings that only the user can act on.
    diff
        Lines of Python to take out and to put in.
    notes
        What was assumed.
    """

    subject: str
    model: nn.Module
    changes: tuple[Change, ...]
    settings: Recipe
    before: float
    after: float
    cost: float
    attempts: tuple[Attempt, ...]
    diagnosis: Diagnosis
    untried: tuple[Finding, ...]
    diff: str
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """One line."""
        done = f"{len(self.changes)} change{'' if len(self.changes) == 1 else 's'} adopted"
        got = f"score {number(self.before)} → {number(self.after)}"
        words = (self.subject, done if self.changes else "nothing changed", got, f"{self.cost:.2f} trainings")
        return " · ".join(words)

    def text(self) -> str:
        """All of it for a terminal."""
        parts = [f"Repair of {self.title}", ""]
        parts += [self.diff] if self.diff else [self._unchanged(), ""]
        if self.attempts:
            parts += ["Tried", *(_told(one) for one in self.attempts), ""]
        for one in self.untried:
            parts.append(_wrapped(f"Yours to mend: {one.of.title} ({one.code}). {one.remedy}"))
        parts += [""] * bool(self.untried)
        parts += [_wrapped(f"- {note}", "  ") for note in self.notes]
        return "\n".join(parts).rstrip("\n") + "\n"

    def _unchanged(self) -> str:
        if not self.diagnosis.findings:
            return "Nothing was found that keeps this network from training: it stays as it is."
        return "No change was better than the original by test: it stays as it is."

    def json(self) -> str:
        """All but the network and the settings, as JSON text; numbers that JSON lacks are null."""
        return json.dumps(
            {
                "subject": self.subject,
                "changes": [_plain(one) for one in self.changes],
                "before": _finite(self.before),
                "after": _finite(self.after),
                "cost": self.cost,
                "diff": self.diff,
                "attempts": [_attempt(one) for one in self.attempts],
                "untried": [one.code for one in self.untried],
                "findings": [one.code for one in self.diagnosis.findings],
                "notes": list(self.notes),
            },
            ensure_ascii=False,
            allow_nan=False,
            indent=1,
        )

    def __str__(self) -> str:
        return self.text()


def spoken(change: Change) -> str:
    """A change in words.

    >>> spoken(Change("learning rate", value=0.1)), spoken(Change("head", word="linear"))
    ('learning rate × 0.1', 'head: linear')
    """
    words = f"{change.kind}{' of ' + change.layer if change.layer else ''}"
    words += f": {change.word}" if change.word else ""
    if math.isnan(change.value):
        return words
    return f"{words} {number(change.value)}" if change.word else f"{words} × {number(change.value)}"


def _told(one: Attempt) -> str:
    what = " + ".join(map(spoken, one.changes)) or "the original"
    if one.why:
        return _wrapped(f"- {what}: {one.why}", "  ")
    verdict = "better" if one.better else "worse" if one.worse else "no different by test"
    score = "" if math.isnan(one.score) else f"score {one.score:+.3g} ± {one.error:.2g}"
    loss = "" if math.isnan(one.loss) else f"loss {-one.loss:+.3g}"
    worth = ", ".join(filter(None, (score, loss)))
    return _wrapped(f"- {what}: {verdict} ({worth}; {_WORDS[one.stage]})", "  ")


def _wrapped(sentence: str, indent: str = "") -> str:
    return textwrap.fill(sentence, 100, subsequent_indent=indent, break_on_hyphens=False)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _plain(change: Change) -> dict[str, object]:
    return {"kind": change.kind, "layer": change.layer, "value": _finite(change.value), "word": change.word}


def _attempt(one: Attempt) -> dict[str, object]:
    return {
        "stage": one.stage,
        "changes": [_plain(change) for change in one.changes],
        "code": one.code,
        "score": _finite(one.score),
        "error": _finite(one.error),
        "loss": _finite(one.loss),
        "better": one.better,
        "worse": one.worse,
        "why": one.why,
    }
