"""Questions put to a run and to a person: who answers each, and what is left open."""

from collections.abc import Callable, Mapping

from profunda.reporting.blocks import Block
from profunda.reporting.cards.card import Answer, Part, State
from profunda.reporting.cards.filling import Filling
from profunda.reporting.cards.questions import Chapter, Form, Question
from profunda.reporting.cards.run import FinishedRun

__all__ = ["Said", "answered", "unrecorded"]

Said = tuple[str, tuple[Block, ...]] | None
"""What a run says to a question, in words and blocks; None: it kept nothing to say."""

NOT_RECORDED = "Not recorded: the run was written by an earlier version, which did not keep it."
NO_PEOPLE = "The data are not about people."


def unrecorded(tell: Callable[[FinishedRun], Said]) -> Callable[[FinishedRun], Said]:
    """`tell` for runs with a record; None for those of earlier versions."""
    return lambda run: None if run.record is None else tell(run)


def answered(
    form: Form, run: FinishedRun, filling: Filling, told: Mapping[str, Callable[[FinishedRun], Said]]
) -> tuple[Part, ...]:
    """All chapters of `form`: `told` has what the run says to each question of its own, by its key."""
    return tuple(_part(form, chapter, run, filling, told) for chapter in form.chapters)


def _part(
    form: Form,
    chapter: Chapter,
    run: FinishedRun,
    filling: Filling,
    told: Mapping[str, Callable[[FinishedRun], Said]],
) -> Part:
    said = filling[f"{form.key}.{chapter.key}.text"]
    answers = []
    for question in chapter.questions:
        key = f"{form.key}.{chapter.key}.{question.key}"
        if question.by == "run":
            answers.append(_from_run(key, question, told[f"{chapter.key}.{question.key}"](run), filling[key]))
        elif filling[key] or not said:  # a chapter that was answered as a whole leaves no question open
            answers.append(_from_person(key, question, filling))
    return Part(chapter, tuple(answers), said)


def _from_run(key: str, question: Question, found: Said, added: str) -> Answer:
    text, blocks = found or (NOT_RECORDED, ())
    state: State = "not recorded" if found is None else "run"
    return Answer(key, question, state, f"{text}\n\n{added}" if added else text, blocks)


def _from_person(key: str, question: Question, filling: Filling) -> Answer:
    if filling[key]:
        return Answer(key, question, "person", filling[key])
    if question.people and filling.about_people is False:
        return Answer(key, question, "not applicable", NO_PEOPLE)
    return Answer(key, question, "missing")
