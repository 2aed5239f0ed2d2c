"""The decision matrix: every cell has reasons, resources change it, and what is said of batch norm is so."""

import doctest
import json
import math
from pathlib import Path
from typing import get_args

import pytest
import torch

from profunda.errors import ArgumentError
from profunda.space import evidence, evidence_perceived
from profunda.space import recommendation as module
from profunda.space.cells import CELLS, UNSUITED, Architecture, Data
from profunda.space.evidence import RULES, SOURCE, Verdict
from profunda.space.guidance import advise
from profunda.space.recommendation import decision_table, matrix, recommendation

ROOT = Path(__file__).resolve().parents[2]


class TestMatrix:
    def test_every_kind_of_data_has_every_architecture(self):
        cells = matrix()
        assert {(each.data, each.architecture) for each in cells} == {
            (data, architecture) for data in get_args(Data) for architecture in get_args(Architecture)
        }
        assert len(cells) == 12
        assert set(UNSUITED) < set(CELLS)

    @pytest.mark.parametrize("cell", matrix(), ids=lambda cell: f"{cell.data}-{cell.architecture}")
    def test_every_cell_gives_reasons_not_only_names(self, cell):
        assert len(cell.names) == len(set(cell.names)) >= 3
        for each in cell.advice:
            assert each.dose
            assert each.reason.endswith(".")
            assert "(" in each.source
            sources = (SOURCE, evidence_perceived.SOURCE)
            assert each.measured == "not measured" or any(source in each.measured for source in sources)

    def test_what_was_measured_stands_in_its_cell(self):
        cells = {(cell.data, cell.architecture): cell for cell in matrix()}
        for (data, architecture, regulariser), found in evidence_perceived.MEASURED.items():
            told = {each.regulariser: each.measured for each in cells[data, architecture].advice}
            assert told[regulariser] == f"{found} ({evidence_perceived.SOURCE})"
        measured = {
            place
            for place, cell in cells.items()
            if any(one.measured != "not measured" for one in cell.advice)
        }
        assert measured == {("table", "dense"), *(key[:2] for key in evidence_perceived.MEASURED)}

    def test_the_unsuited_cells_say_so(self):
        codes = {
            (cell.data, cell.architecture): [notice.code for notice in cell.notices] for cell in matrix()
        }
        assert {cell for cell, found in codes.items() if "unsuited" in found} == set(UNSUITED)

    def test_the_docs_show_the_table(self):
        table = decision_table()
        assert table in (ROOT / "docs" / "guidance.md").read_text("utf-8")
        assert len(table.splitlines()) == 5
        assert "**dropout**" in table.splitlines()[-1]
        assert table.count("(unsuited)") == len(UNSUITED)


class TestResources:
    @pytest.mark.parametrize(
        ("batch_size", "norm"), [(1, "group norm"), (15, "group norm"), (16, "batch norm")]
    )
    def test_a_small_batch_takes_group_norm(self, batch_size, norm):
        found = recommendation("image", "cnn", batch_size=batch_size)
        assert found.names[1] == norm
        assert ("small-batch" in [notice.code for notice in found.notices]) == (norm == "group norm")

    def test_batch_norm_comes_with_its_warning_where_it_is_advised(self):
        def warned(**told):
            notices = recommendation("image", "cnn", **told).notices
            return any("exploding" in each.text or "explode" in each.text for each in notices)

        assert warned()
        assert not warned(batch_size=4)

    def test_the_classic_combination_is_among_the_advice_for_tables(self):
        assert {"decoupled L2", "dropout", "batch norm"} <= set(recommendation().names)
        assert "group norm" in recommendation(batch_size=8).names

    def test_few_rows_ask_for_cross_validation_and_many_for_less(self):
        assert recommendation(rows=999).names[-1] == "cross-validation and averaging"
        assert recommendation(rows=50_001).names[-1] == "less of everything"
        assert recommendation(rows=50_000).names == recommendation(rows=1000).names == recommendation().names

    def test_a_short_search_searches_few_things(self):
        assert recommendation(seconds=29.9).names[-1] == "few things searched"
        assert recommendation(seconds=30).names == recommendation().names

    def test_says_what_it_was_told(self):
        text = str(recommendation("table", "dense", rows=500, batch_size=8, seconds=10))
        assert text.startswith("table x dense, 500 rows, batches of 8, 10 s:")
        assert "Beware: batches of 8 are too small" in text
        assert str(recommendation()).startswith("table x dense:")

    def test_writes_itself(self):
        data = json.loads(json.dumps(recommendation("text", "rnn", rows=10).to_json()))
        assert (data["data"], data["architecture"], data["rows"], data["seconds"]) == (
            "text",
            "rnn",
            10,
            None,
        )
        assert data["advice"][0]["source"].startswith("Merity")

    def test_refuses_what_it_does_not_know(self):
        with pytest.raises(ArgumentError, match="data='sound' is unknown: it is image, text, table"):
            recommendation("sound")
        with pytest.raises(ArgumentError, match="architecture='mamba' is unknown: it is dense, cnn, rnn"):
            recommendation("text", "mamba")

    @pytest.mark.parametrize("name", ["rows", "batch_size", "seconds"])
    def test_refuses_resources_that_are_none(self, name):
        with pytest.raises(ArgumentError, match=f"{name}=0 must be above 0"):
            recommendation(**{name: 0})

    def test_guidance_brings_the_cell_of_its_table(self):
        advice = advise("binary", 800, 20, 2)
        cell = advice.recommendation
        assert (cell.data, cell.architecture, cell.rows) == ("table", "dense", 800)
        assert cell.batch_size == advice.first.batch_size
        assert advice.to_json()["recommendation"] == cell.to_json()
        assert "cross-validation and averaging" in str(advice)


def _growth(batch: int, depth: int = 24, width: int = 512) -> float:
    """How the squared gradient grows a layer, towards the input, in a new ReLU network with batch norm."""
    draw = torch.Generator().manual_seed(batch)
    x = torch.randn(batch, width, generator=draw, dtype=torch.float64)
    kernels = [
        torch.randn(width, width, generator=draw, dtype=torch.float64) * math.sqrt(2 / width)
        for _ in range(depth)
    ]
    seen = []
    for kernel in kernels:
        x = x.requires_grad_() if not seen else x
        x.retain_grad()
        seen.append(x)
        x = torch.relu(torch.nn.functional.batch_norm(x @ kernel, None, None, training=True))
    (x * torch.randn(x.shape, generator=draw, dtype=torch.float64)).sum().backward()
    squares = torch.stack([each.grad.square().sum() for each in seen])
    return float((squares[2] / squares[-3]) ** (1 / (depth - 5)))


class TestWhatIsSaidOfBatchNorm:
    @pytest.mark.parametrize(
        ("batch", "factor", "within"), [(8, 1.79, 0.05), (256, math.pi / (math.pi - 1), 0.03)]
    )
    def test_gradients_explode_in_plain_deep_networks(self, batch, factor, within):
        """Yang et al. (2019) for large batches; small ones are worse."""
        assert _growth(batch) == pytest.approx(factor, rel=within)


class TestEvidence:
    def test_every_rule_has_a_verdict_and_numbers_and_the_docs_have_them(self):
        docs = (ROOT / "docs" / "guidance.md").read_text("utf-8")
        assert len({each.rule for each in RULES}) == len(RULES) == 10
        for each in RULES:
            assert each.verdict in get_args(Verdict)
            assert any(letter.isdigit() for letter in each.found)
            assert f"**{each.verdict}** | {each.details} |" in docs
            assert each.measured.endswith(f"({SOURCE})")

    def test_enough_tables_stand_behind_them(self):
        assert evidence.TABLES >= 15


def test_the_docstrings_examples_hold():
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
