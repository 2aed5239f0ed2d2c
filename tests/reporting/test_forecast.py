"""A forecast's page: every line somewhere, figures that Plotly takes, words escaped, JSON both ways."""

import json

import numpy as np
import plotly.graph_objects as go
import pytest
from torch import nn

from profunda.forecasting.forecast import forecast
from profunda.forecasting.values import Forecast
from profunda.reporting.blocks import BigNumber, Checks, Figures, Table
from profunda.reporting.document import Document
from profunda.reporting.forecast import forecast_sections
from profunda.reporting.reports import report
from profunda.space.design import Design


@pytest.fixture(scope="module")
def found() -> Forecast:
    x = np.random.default_rng(0).normal(size=(40, 4))
    return forecast(Design(widths=(16,) * 6), (x, x[:, 0]))


def test_every_line_stands_in_a_table(found: Forecast) -> None:
    tables = [block for part in forecast_sections(found) for block in part.blocks if isinstance(block, Table)]
    told = {(row[0], row[1]) for table in tables for row in table.rows}
    assert {(one.code, one.name) for one in found.lines} <= told
    assert {(number, 16) for number in range(1, 7)} <= told


def test_the_figures_are_figures(found: Forecast) -> None:
    section = next(part for part in forecast_sections(found) if part.key == "layers")
    figures = next(block for block in section.blocks if isinstance(block, Figures))
    assert [one.title for one in figures.figures] == ["Signals", "Gradients", "Two rows"]
    for one in figures.figures:
        made = go.Figure(json.loads(one.spec))
        assert {trace.name for trace in made.data} >= {"predicted", "measured"}
        assert made.layout.xaxis.title.text == "layer"
        assert made.layout.yaxis.title.text


def test_the_verdict_counts_what_agrees(found: Forecast) -> None:
    first = forecast_sections(found)[0]
    big = next(block for block in first.blocks if isinstance(block, BigNumber))
    checks = next(block for block in first.blocks if isinstance(block, Checks))
    assert big.value == f"{found.trainability.score:.2f}"
    assert [one.code for one in checks.checks] == [one.name for one in found.trainability.concerns]


def test_a_hopeless_network_is_shown_as_such() -> None:
    sections = forecast_sections(forecast(Design(widths=(16,) * 30, activation="sigmoid")))
    checks = next(block for block in sections[0].blocks if isinstance(block, Checks))
    assert "bad" in {one.state for one in checks.checks}


def test_an_unjudged_module_is_no_failure() -> None:
    net = nn.Sequential(nn.Conv1d(1, 2, 3), nn.Flatten(), nn.Linear(12, 1))
    sections = forecast_sections(forecast(net, np.random.default_rng(0).normal(size=(9, 1, 8))))
    checks = next(block for block in sections[0].blocks if isinstance(block, Checks))
    assert {one.state for one in checks.checks} == {"not applicable"}


def test_the_document_comes_back_from_json(found: Forecast) -> None:
    document = report(found)
    assert Document.from_json(document.to_json()).to_json() == document.to_json()
    assert "Can it be trained?" in document.text()
