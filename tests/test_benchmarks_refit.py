"""The benchmark of the last trainings: its parts, and a small run that is taken up again."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture
def refit(benchmark: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark("refit")


def test_ranks_share_ties(refit: ModuleType) -> None:
    losses = np.array([[1.0, 2.0, 2.0], [3.0, 1.0, 2.0]])
    assert refit.ranks(losses).tolist() == [[1.0, 2.5, 2.5], [3.0, 1.0, 2.0]]


def test_validation_changes_no_weight(refit: ModuleType) -> None:
    found = refit.overhead(1, rows=100, members=2, epochs=2)
    assert found["same_bits"]
    assert found["seconds"] > 0


def test_a_small_run_is_written_and_taken_up_again(refit: ModuleType, tmp_path: Path, monkeypatch) -> None:
    import polars as pl

    draw = np.random.default_rng(0)
    x = draw.normal(size=(90, 3))
    (tmp_path / "tab").mkdir()
    table = {f"x{k}": x[:, k] for k in range(3)} | {"target": np.sin(x[:, 0]) + x[:, 1]}
    pl.DataFrame(table).write_parquet(tmp_path / "tab" / "waves.parquet")
    entry = {"name": "waves", "file": "tab/waves.parquet", "task": "regression", "n": 90, "d": 3}
    (tmp_path / "index.json").write_text(json.dumps([entry]))
    quick = refit.Settings(names=("waves",), seeds=(0,), trials=2, folds=2, rows=80, repeats=1)
    monkeypatch.setattr(refit, "QUICK", quick)
    words = ["--quick", "--data", str(tmp_path), "--out", str(tmp_path / "out.jsonl")]
    assert refit.main([*words, "--json", str(tmp_path / "all.json")]) == 0
    told = json.loads((tmp_path / "all.json").read_text())["results"]
    assert told["tables"]["waves"]["folds"] == 1.0
    assert set(told["mean_rank"]) == set(refit.ARMS)
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert len(lines) == len(refit.ARMS)
    monkeypatch.setattr(refit, "fit", lambda *args, **words: pytest.fail("it was measured already"))
    assert refit.main(words) == 0
    assert (tmp_path / "out.jsonl").read_text().splitlines() == lines
