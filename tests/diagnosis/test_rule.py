"""A rule speaks of its own code alone."""

import dataclasses

import pytest

from profunda.diagnosis.finding import Answer, Evidence, Finding
from profunda.diagnosis.givens import Anatomy
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.rule import Rule, clear, not_applicable, too_little
from profunda.errors import ArgumentError

RECORD = Record(Anatomy())
FOUND = Finding("no-step", "fault", "", (Evidence("steps", 0.0),), "cause", "remedy")


def answering(answer: Answer) -> Rule:
    return Rule("no-step", lambda record: answer)


@pytest.mark.parametrize(
    "answer",
    [
        (FOUND,),
        (FOUND, FOUND),
        clear("no-step"),
        not_applicable("no-step", "no loop"),
        too_little("no-step", "1"),
    ],
)
def test_a_rule_hands_on_what_its_function_answers(answer: Answer) -> None:
    assert answering(answer)(RECORD) is answer


def test_silences_say_why() -> None:
    whys = [clear("a").why, not_applicable("a", "w").why, too_little("a", "w").why]
    assert whys == ["clear", "not applicable", "not enough evidence"]


def test_a_code_that_is_not_on_the_list_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"'no-steps' is not one of the \d+ codes of a diagnosis"):
        Rule("no-steps", lambda record: clear("no-steps"))


@pytest.mark.parametrize(
    "answer", [(), clear("loss-sign"), (FOUND, dataclasses.replace(FOUND, code="loss-sign"))]
)
def test_an_answer_about_something_else_is_refused(answer: Answer) -> None:
    with pytest.raises(ArgumentError, match="The rule for 'no-step' answered about"):
        answering(answer)(RECORD)
