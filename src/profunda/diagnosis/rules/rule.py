"""What a rule is: one code of the closed list, and the pure function that judges a Record about it."""

from collections.abc import Callable
from dataclasses import dataclass

from profunda.diagnosis.codes import CODES
from profunda.diagnosis.finding import Answer, Silence
from profunda.diagnosis.record import Record
from profunda.errors import ArgumentError

__all__ = ["Rule", "clear", "not_applicable", "too_little"]


@dataclass(frozen=True)
class Rule:
    """Call it with a Record; it gives findings of its `code` and of no other, or says why there are none.

    `judge` looks at the Record alone: no clock, no random numbers, no torch, so that one Record always gets
    one Answer. ArgumentError where `code` is not in `codes.CODES`, or an answer is about another code or
    empty.

    >>> from profunda.diagnosis.givens import Anatomy
    >>> Rule("no-step", lambda record: clear("no-step"))(Record(Anatomy())).why
    'clear'
    """

    code: str
    judge: Callable[[Record], Answer]

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ArgumentError(
                f"{self.code!r} is not one of the {len(CODES)} codes of a diagnosis. The list is closed: "
                "add the code to diagnosis.codes first, or correct its spelling."
            )

    def __call__(self, record: Record) -> Answer:
        answer = self.judge(record)
        codes = [answer.code] if isinstance(answer, Silence) else [finding.code for finding in answer]
        if codes and all(code == self.code for code in codes):
            return answer
        raise ArgumentError(
            f"The rule for {self.code!r} answered about {codes}. A rule gives findings of its own "
            "code, or a Silence of that code: clear, not applicable or not enough evidence."
        )


def clear(code: str, words: str = "") -> Silence:
    """Looked, and nothing is there."""
    return Silence(code, "clear", words)


def not_applicable(code: str, words: str) -> Silence:
    """What the rule needs is not in the Record, or its question makes no sense for this network."""
    return Silence(code, "not applicable", words)


def too_little(code: str, words: str) -> Silence:
    """It was looked at, but too few rows or steps, or too noisy, to tell."""
    return Silence(code, "not enough evidence", words)
