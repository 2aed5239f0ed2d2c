"""The benchmarks of many tasks: their parts, and a small run of made schools that is taken up again."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


def test_each_school_gives_its_share(benchmark: Callable[[str], ModuleType]) -> None:
    school = np.repeat([0, 1, 2], (20, 8, 12))
    train = benchmark("school").parted(school, 0.75, 3)
    assert np.bincount(school[train]).tolist() == [15, 6, 9]
    assert not np.array_equal(train, benchmark("school").parted(school, 0.75, 4))


def test_knowing_the_schools_is_overall_credit_alone(benchmark: Callable[[str], ModuleType]) -> None:
    school = np.repeat([0, 1], 50)
    y = 3.0 * school + np.random.default_rng(0).normal(size=100)
    means = np.array([y[school == one].mean() for one in (0, 1)])[school]
    overall, within = benchmark("school").explained(y, means, school)
    assert overall > 0.5
    assert within == pytest.approx(0.0, abs=1e-12)
    assert benchmark("school").explained(y, y, school) == (1.0, 1.0)


def test_the_ceiling_is_the_share_that_is_not_between_twins(benchmark: Callable[[str], ModuleType]) -> None:
    """y = cell + noise: 1 − σ²/var."""
    random = np.random.default_rng(0)
    cell = np.repeat(np.arange(400), 10)
    y = random.normal(size=400)[cell] + random.normal(size=4000)
    pupils = benchmark("school").Pupils(cell[:, None].astype(float), y, cell % 7)
    assert benchmark("school").ceiling(pupils) == pytest.approx(0.5, abs=0.04)


def test_the_pair_of_a_draw_has_its_distance(benchmark: Callable[[str], ModuleType]) -> None:
    module = benchmark("relations")
    x, y, task = module.drawn_pair(2.0, 5)
    weights = [np.linalg.lstsq(x[task == t], y[task == t], rcond=None)[0] for t in (0, 1)]
    assert np.linalg.norm(weights[1] - weights[0]) == pytest.approx(2.0, abs=1.0)
    settings = module.Settings(draws=20, trained=1)
    near, far = (module.pair_signs(distance, settings) for distance in (0.1, 2.5))
    assert near[1] > 0 > far[1]
    assert min(near[2], far[2]) > 0.8


def test_made_schools_are_measured_and_taken_up_again(
    benchmark: Callable[[str], ModuleType], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    random = np.random.default_rng(0)
    task = np.repeat(np.arange(5), 40)
    x = np.c_[random.integers(0, 3, size=(200, 4)), np.ones(200)]
    y = x @ random.normal(size=5) + random.normal(size=5)[task] + 0.5 * random.normal(size=200)
    np.savez(tmp_path / "school_malsar.npz", X=x, y=y, task=task)
    words = ["--quick", "--data", str(tmp_path), "--json", str(tmp_path / "a.json"),
             "--cells", str(tmp_path / "cells.jsonl")]  # fmt: skip
    assert benchmark("school").main(words) == 0
    found = json.loads((tmp_path / "a.json").read_text("utf-8"))["results"]
    assert found["one-hot"]["overall"]["mean"] > found["pooled"]["overall"]["mean"]
    assert "split 0: pooled+ridge" in capsys.readouterr().out
    assert benchmark("school").main(words) == 0
    assert "split 0" not in capsys.readouterr().out


def test_without_the_schools_nothing_is_measured(
    benchmark: Callable[[str], ModuleType], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert benchmark("school").main(["--data", str(tmp_path)]) == 0
    assert "nothing to measure" in capsys.readouterr().out


def test_relations_are_measured_on_a_few_draws(
    benchmark: Callable[[str], ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = benchmark("relations")
    small = module.Settings(distances=(0.25, 2.0), draws=10, trained=1, folds=3, seeds=1)
    monkeypatch.setattr(module, "QUICK", small)
    assert module.main(["--quick", "--data", str(tmp_path), "--json", str(tmp_path / "r.json")]) == 0
    found = json.loads((tmp_path / "r.json").read_text("utf-8"))["results"]["pairs"]
    assert [one["distance"] for one in found] == [0.25, 2.0]
    assert found[0]["gain"] > 0 > found[1]["gain"]
