"""A card as a value: a standard's questions with what was answered, by the run or by a person."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from profunda.reporting.blocks import Block
from profunda.reporting.cards.questions import Chapter, Form, Question

__all__ = ["Answer", "Card", "Part", "State"]

State = Literal["run", "person", "missing", "not recorded", "not applicable"]
"""Who answered; or "missing": only a person can; "not recorded": an earlier version's run kept it not."""


@dataclass(frozen=True)
class Answer:
    """A question with its answer: `text`, and `blocks` (tables, code) where words are not enough."""

    key: str
    question: Question
    state: State
    text: str = ""
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True)
class Part:
    """A chapter of the standard, answered; `said` is what a person says of the chapter as a whole."""

    chapter: Chapter
    answers: tuple[Answer, ...]
    said: str = ""


@dataclass(frozen=True)
class Card:
    """A datasheet or a model card: what it is on, one sentence on where it comes from, its parts in order."""

    form: Form
    name: str
    lead: str
    parts: tuple[Part, ...]

    @property
    def title(self) -> str:
        """As the document is headed."""
        return f"{self.form.title}: {self.name}"

    @property
    def missing(self) -> tuple[Answer, ...]:
        """The questions that only a person can answer, and none has."""
        return tuple(answer for answer in self.answers if answer.state == "missing")

    @property
    def answers(self) -> Iterator[Answer]:
        """All answers, in order."""
        return (answer for part in self.parts for answer in part.answers)
