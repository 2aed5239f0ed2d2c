"""A diagnosis's page: findings on the chain where they belong, evidence, figures, what was not judged."""

import json

import plotly.graph_objects as go
import pytest
import torch
from torch import nn

from profunda.diagnosis.codes import CODES
from profunda.diagnosis.diagnosing import diagnose
from profunda.diagnosis.diagnosis import Diagnosis
from profunda.diagnosis.finding import Change, Evidence, Finding
from profunda.diagnosis.givens import Anatomy
from profunda.diagnosis.record import Record
from profunda.reporting.blocks import Chain, Figure, Figures, Ruling, Section, Table
from profunda.reporting.diagnosis import diagnosis_sections
from profunda.reporting.document import Document
from profunda.reporting.reports import report

X = torch.randn(160, 6, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] > 0).long()


def finding(code: str, severity: str = "fault", layer: str = "", step: int = 0) -> Finding:
    evidence = (Evidence("size", 3.0, 10.0, "units"), Evidence("share", float("inf")))
    change = (Change("learning rate", value=0.1), Change("activation", "0", word="relu"))
    return Finding(code, severity, layer, evidence, "Because <b>.", "Do it.", step, change)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def found() -> Diagnosis:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2))
    return diagnose(model, (X[:120], Y[:120]), nn.CrossEntropyLoss(), validation=(X[120:], Y[120:]), epochs=8)


def with_findings(found: Diagnosis, *findings: Finding) -> Diagnosis:
    return Diagnosis(found.subject, list(findings), (), found.silences, found.record, ("a note",))


def section(diagnosis: Diagnosis, key: str) -> Section:
    return next(one for one in diagnosis_sections(diagnosis) if one.key == key)


def chain(diagnosis: Diagnosis) -> Chain:
    return next(block for block in section(diagnosis, "health").blocks if isinstance(block, Chain))


def states(diagnosis: Diagnosis) -> dict[str, set[str]]:
    return {link.name: set(link.states) for link in chain(diagnosis).links}


def test_a_healthy_network_is_green_everywhere(found: Diagnosis) -> None:
    healthy = with_findings(found)
    assert list(states(healthy)) == ["Data", "Network", "0", "2", "4", "Outputs, loss", "Training"]
    assert set().union(*states(healthy).values()) == {"ok"}
    ruling = section(healthy, "health").blocks[0]
    assert isinstance(ruling, Ruling)
    assert ruling.state == "ok"
    assert [one.key for one in diagnosis_sections(healthy)][1] == "course"  # no empty section


@pytest.mark.parametrize(
    ("code", "layer", "place"),
    [
        ("inputs-unscaled", "0", "Data"),
        ("dead-units", "2", "2"),
        ("dead-units", "relu in 2", "2"),
        ("weights-too-small", "", "Network"),
        ("output-width", "4", "Outputs, loss"),
        ("rate-too-high", "", "Training"),
        ("gradients-not-cleared", "", "Training"),
    ],
)
def test_a_finding_colours_its_place(found: Diagnosis, code: str, layer: str, place: str) -> None:
    drawn = states(with_findings(found, finding(code, layer=layer)))
    assert drawn.pop(place) == {"bad"}
    assert "bad" not in set().union(*drawn.values())


def test_a_place_turns_when_the_finding_could_be_told(found: Diagnosis) -> None:
    drawn = chain(with_findings(found, finding("plateau", "hint", step=9)))
    training = drawn.links[-1]
    assert [int(step) for step in drawn.moments] == [one.step for one in found.record.surveys]
    for step, state in zip(drawn.moments, training.states, strict=True):
        assert state == ("warn" if int(step) >= 9 else "ok")
    assert training.words[-1] == CODES["plateau"].title


def test_every_finding_stands_with_its_evidence(found: Diagnosis) -> None:
    blocks = section(
        with_findings(found, finding("loss-sign"), finding("plateau", "hint", "4", 7)), "findings"
    ).blocks
    first, evidence, second = blocks[:3]
    assert isinstance(first, Ruling)
    assert isinstance(second, Ruling)
    assert first.word.startswith("1. Fault: ")
    assert dict(second.lines)["Where"] == "layer 4"
    assert dict(second.lines)["Could be told"] == "after 7 steps"
    assert dict(first.lines)["Can be tried"] == "learning rate × 0.1; activation relu in 0"
    assert isinstance(evidence, Table)
    assert evidence.rows == (("size (units)", 3, 10), ("share", "∞", None))


def test_figures_are_figures_with_findings_marked(found: Diagnosis) -> None:
    seen = with_findings(found, finding("loss-sign"), finding("plateau", "hint", step=20))
    blocks = [block for part in diagnosis_sections(seen) for block in part.blocks]
    figures = [one for block in blocks if isinstance(block, Figures) for one in block.figures]
    figures += [block for block in blocks if isinstance(block, Figure)]
    assert {"Losses", "Scores", "Gradients", "Moved"} <= {one.title for one in figures}
    for one in figures:
        made = go.Figure(json.loads(one.spec))
        assert made.data
        if one.title == "Losses":
            assert [mark.x0 for mark in made.layout.shapes][:2] == [0, 20]
            assert [note.text for note in made.layout.annotations] == ["finding 1", "finding 2"]
            assert {trace.name for trace in made.data} >= {"training rows", "validation rows"}


def test_what_was_not_judged_is_told_with_its_reason(found: Diagnosis) -> None:
    tables = [block for block in section(found, "silent").blocks if isinstance(block, Table)]
    told = {row[-1] for table in tables for row in table.rows}
    assert told == {one.code for one in found.silences}
    assert all(row[1] for table in tables if not table.folded for row in table.rows)


def test_the_page_the_text_and_the_json_tell_it(found: Diagnosis) -> None:
    document = report(with_findings(found, finding("loss-sign")))
    assert document.title == "A diagnosis"
    assert Document.from_json(document.to_json()).to_json() == document.to_json()
    assert "X problem" in document.text()
    assert "[XXX" in document.text()


def test_words_are_escaped_on_the_page(found: Diagnosis, tmp_path: pytest.TempPathFactory) -> None:
    written = report(with_findings(found, finding("loss-sign"))).html(tmp_path / "page.html").read_text()  # type: ignore[operator]
    assert "Because &lt;b&gt;." in written
    assert 'class="chain"' in written


def test_a_network_that_could_not_be_read_is_still_told() -> None:
    bare = Diagnosis("Net", [finding("no-step")], (), (), Record(Anatomy(why="it is scripted")))
    drawn = chain(bare)
    assert [link.name for link in drawn.links] == ["Data", "Network", "Outputs, loss", "Training"]
    assert set(drawn.links[0].states) == {"not applicable"}
    assert any("it is scripted" in getattr(block, "text", "") for block in section(bare, "seen").blocks)


def test_a_very_deep_network_shows_some_layers_and_all_that_are_named() -> None:
    deep = nn.Sequential(*(nn.Linear(6, 6) for _ in range(60)), nn.Linear(6, 2))
    seen = diagnose(deep, (X, Y), nn.CrossEntropyLoss(), epochs=1, batch_size=80)
    drawn = states(with_findings(seen, finding("dead-units", layer="7")))
    assert len(drawn) <= 4 + 37
    assert drawn["7"] == {"bad"}
