"""The measurements behind the decision matrix: its arms, its arithmetic, and one small run."""

import json
from collections.abc import Callable
from types import ModuleType

import pytest

from profunda.space.cells import CELLS
from profunda.space.design import Design


@pytest.fixture
def matrix(benchmark: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark("matrix")


def changed(first: Design, second: Design) -> set[str]:
    return {name for name in vars(first) if getattr(first, name) != getattr(second, name)} - {"format", "id"}


@pytest.mark.parametrize("place", [("image", "cnn"), ("text", "dense"), ("text", "transformer")])
def test_arms_differ_by_one_regulariser(matrix, place):
    names = matrix.TRIED[place]
    found = matrix.arms(matrix.NETWORKS[place], names)
    assert len(found) == 2 + 2 * len(names)
    assert len(set(found.values())) == len(found)
    assert found["plain"] == matrix.NETWORKS[place]
    for name in names:
        gone = changed(found["all"], found[f"all − {name}"])
        assert gone == changed(found["plain"], found[f"plain + {name}"]) != set()


def test_what_is_tried_stands_in_the_matrix(matrix):
    for place in matrix.TRIED:
        assert place in CELLS


def test_changes_are_of_the_logarithm_between_equal_seeds(matrix):
    cell = matrix.Cell(
        "image", "dense", "x",
        {"plain": [1.0, 2.0], "all": [0.5, 1.0]} | {f"{arm} {name}": [0.9, 1.8] for name in
        matrix.TRIED["image", "dense"] for arm in ("plain +", "all −")},
        {"plain": [2.0, 4.0], "all": [0.5, 1.0]},
    )  # fmt: skip
    found = matrix.findings(cell)
    assert found["dropout"][0].mean == pytest.approx(-0.10536, abs=1e-4)
    assert found["dropout"][1].mean == pytest.approx(-0.58779, abs=1e-4)
    assert found["early stopping"][0].mean == pytest.approx(-0.69315, abs=1e-4)
    assert found["early stopping"][1].mean == 0.0


def test_a_small_run_is_kept_and_not_repeated(matrix, tmp_path, monkeypatch, capsys):
    only = {place: matrix.NETWORKS[place] for place in (("image", "dense"), ("text", "dense"))}
    monkeypatch.setattr(matrix, "NETWORKS", only)
    words = ["--quick", "--cells", str(tmp_path / "c.jsonl"), "--json", str(tmp_path / "m.json")]
    matrix.main(words)
    first = json.loads((tmp_path / "m.json").read_text())
    assert {(one["data"], one["network"]) for one in first} == set(only)
    assert "| image × dense | fashion | augmentation |" in capsys.readouterr().out
    monkeypatch.setattr(matrix, "measured", None)  # nothing is measured again
    matrix.main(words)
    assert json.loads((tmp_path / "m.json").read_text()) == first


def test_designs_of_the_matrix_are_designs(matrix):
    assert all(isinstance(design, Design) for design in matrix.NETWORKS.values())
