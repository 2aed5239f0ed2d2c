"""What a run keeps for its papers."""

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.reporting.cards.tables import people

import profunda
from profunda.data.splits import split
from profunda.errors import RunError
from profunda.metrics.score import metric_for
from profunda.reporting import record as module
from profunda.reporting.record import RECORD_FILE, Record, record_of
from profunda.reporting.slices import ClassScore


def record(source: str = "") -> Record:
    dataset = profunda.read(people(300), "bought")
    return record_of(
        dataset=dataset, splits=split(dataset), metric=metric_for("binary"), prediction=None, scores=(),
        notices=dataset.notices, command="", source=source, seed=0,
    )  # fmt: skip


def test_a_run_keeps_it(made: Path) -> None:
    kept = Record.from_json((made / RECORD_FILE).read_text("utf-8"))
    assert (kept.rows, kept.test, kept.development) == (400, 200, 200)
    assert [(column.name, column.used) for column in kept.columns] == [
        ("town", True), ("kind", True), ("amount", True), ("same", False),
    ]  # fmt: skip
    table = people()
    assert dict(kept.targets[0].classes) == table["bought"].value_counts().to_dict()
    assert kept.columns[2].missing == table["amount"].isna().sum()
    assert kept.file is not None
    assert kept.file.sha256 == hashlib.sha256((made.parent / "people.csv").read_bytes()).hexdigest()
    assert kept.command.startswith("profunda fit ")
    assert kept.slices
    assert sum(one.rows for one in kept.class_scores) == 200


def test_it_comes_back_equal() -> None:
    kept = record()
    assert Record.from_json(kept.to_json()) == kept


def test_what_is_not_finite_comes_back_as_nan() -> None:
    kept = replace(record(), scores=(("auc", math.nan),), class_scores=(ClassScore("a", 0, math.nan, 1.0),))
    back = Record.from_json(kept.to_json())
    assert math.isnan(back.scores[0][1])
    assert math.isnan(back.class_scores[0].recall)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 99}', '{"format": 1}', '{"format": 1, "odd": 2}']
)
def test_what_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(RunError, match=r"record\.json cannot be read .* move it away"):
        Record.from_json(text)


def test_bytes_that_are_no_text_are_refused_as_other_damage() -> None:
    with pytest.raises(RunError, match=r"record\.json cannot be read .*utf-8.* move it away"):
        Record.from_json(record().to_json().replace("bought", "é").encode("latin-1"))


def test_a_large_file_is_not_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "large.csv").write_text("x" * 100)
    monkeypatch.setattr(module, "HASHED", 99)
    kept = record(str(tmp_path / "large.csv"))
    assert kept.file == module.SourceFile("large.csv", 100, "")


def test_a_folder_is_counted_and_a_file_that_went_away_is_not_recorded(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for name in ("1.png", "a/2.png"):
        (tmp_path / name).write_text("")
    assert (record(str(tmp_path)).file, record(str(tmp_path)).files) == (None, 2)
    assert (record(str(tmp_path / "gone")).file, record(str(tmp_path / "gone")).files) == (None, 0)


def test_several_targets_lie_each_by_itself() -> None:
    table = people(300)
    table["second"] = np.where(np.arange(300) % 3, "a", "b")
    dataset = profunda.read(table, ["bought", "second"])
    kept = record_of(
        dataset=dataset, splits=split(dataset), metric=metric_for("multilabel"), prediction=None, scores=(),
        notices=(), command="", source="", seed=0,
    )  # fmt: skip
    assert [target.name for target in kept.targets] == ["bought", "second"]
    assert dict(kept.targets[1].classes) == {"a": 200, "b": 100}
    assert json.loads(kept.to_json())["format"] == 1
