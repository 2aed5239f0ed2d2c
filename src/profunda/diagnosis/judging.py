"""All rules on one Record: findings of every cause, and for each code that has none the reason."""

from dataclasses import dataclass

from profunda.diagnosis.finding import Finding, Silence
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.rule import Rule
from profunda.diagnosis.tracing import trace

__all__ = ["Judgement", "judge"]


@dataclass(frozen=True)
class Judgement:
    """`findings`, one for each cause, the most important first; `symptoms`, which they explain;
    `silences`, one for each code without a finding.
    """

    findings: tuple[Finding, ...]
    symptoms: tuple[Finding, ...]
    silences: tuple[Silence, ...]


def judge(record: Record, rules: tuple[Rule, ...]) -> Judgement:
    """What `rules` say of `record`."""
    found: list[Finding] = []
    silences: list[Silence] = []
    for rule in rules:
        answer = rule(record)
        if isinstance(answer, Silence):
            silences.append(answer)
        else:
            found.extend(answer)
    causes = trace(found)
    kept = {(one.code, one.layer) for one in causes}
    symptoms = tuple(one for one in found if (one.code, one.layer) not in kept)
    return Judgement(causes, symptoms, tuple(silences))
