"""One cause, one finding."""

from hypothesis import given
from hypothesis import strategies as st

from profunda.diagnosis.codes import AREAS, CODES
from profunda.diagnosis.finding import Evidence, Finding
from profunda.diagnosis.givens import Anatomy
from profunda.diagnosis.judging import judge
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.rule import Rule, clear
from profunda.diagnosis.tracing import trace


def found(code: str, *explains: str, severity: str = "fault", harm: float = 1.0, step: int = 0) -> Finding:
    return Finding(
        code,
        severity,  # type: ignore[arg-type]
        "",
        (Evidence("n", 1.0),),
        "cause",
        "remedy",
        step=step,
        harm=harm,
        explains=explains,
    )


def codes(*findings: Finding) -> list[str]:
    return [one.code for one in trace(findings)]


def test_symptoms_of_a_found_cause_are_dropped_through_others_too() -> None:
    cause = found("inputs-unscaled", "saturated-units")
    middle = found("saturated-units", "rate-too-low", severity="hint")
    assert codes(found("rate-too-low"), middle, cause) == ["inputs-unscaled"]
    assert codes(found("rate-too-low"), cause) == ["inputs-unscaled", "rate-too-low"]


def test_a_hint_that_explains_a_fault_is_the_fault() -> None:
    (only,) = trace([found("dead-units"), found("inputs-unscaled", "dead-units", severity="hint")])
    assert (only.code, only.severity) == ("inputs-unscaled", "fault")
    (alone,) = trace([found("inputs-unscaled", "dead-units", severity="hint")])
    assert alone.severity == "hint"


def test_of_a_circle_the_earlier_area_stays() -> None:
    assert codes(found("rate-too-high", "dead-units"), found("dead-units", "rate-too-high")) == ["dead-units"]


def test_two_causes_of_one_effect_both_stay() -> None:
    effect = found("input-ignored", "activation-contracts")
    fading = found("activation-contracts", "input-ignored")
    assert codes(found("output-activation-twice", "input-ignored"), effect, fading) == [
        "output-activation-twice",
        "activation-contracts",
    ]
    assert codes(
        found("output-activation-twice", "input-ignored"), effect, found("activation-contracts")
    ) == ["output-activation-twice"]


def test_faults_come_first_then_causes_then_harm_then_the_earlier_one() -> None:
    order = codes(
        found("too-few-epochs"),
        found("inputs-constant", severity="hint"),
        found("dead-units", harm=0.2),
        found("saturated-units", harm=0.9),
        found("rate-too-low", step=5),
        found("plateau", step=3),
    )
    assert order == [
        "saturated-units", "dead-units", "plateau", "rate-too-low", "too-few-epochs", "inputs-constant",
    ]  # fmt: skip


@given(
    st.lists(st.tuples(st.sampled_from(sorted(CODES)), st.sets(st.sampled_from(sorted(CODES)))), max_size=8)
)
def test_something_is_left_and_nothing_left_explains_another(drawn: list[tuple[str, set[str]]]) -> None:
    findings = [found(code, *explains) for code, explains in dict(drawn).items()]
    left = trace(findings)
    assert bool(left) == bool(findings)
    for one in left:
        for other in left:
            assert one is other or other.code not in one.explains
    assert [AREAS.index(one.area) for one in left] == sorted(AREAS.index(one.area) for one in left)


def test_a_judgement_keeps_symptoms_and_silences_apart() -> None:
    rules = (
        Rule("inputs-unscaled", lambda record: (found("inputs-unscaled", "dead-units"),)),
        Rule("dead-units", lambda record: (found("dead-units"),)),
        Rule("no-step", lambda record: clear("no-step")),
    )
    said = judge(Record(Anatomy()), rules)
    assert [one.code for one in said.findings] == ["inputs-unscaled"]
    assert [one.code for one in said.symptoms] == ["dead-units"]
    assert [one.code for one in said.silences] == ["no-step"]
