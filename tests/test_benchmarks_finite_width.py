"""The benchmark of finite widths: the loop measures what the ensemble does, and wrong laws are told."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from profunda.theory.ensembles import random_networks
from profunda.theory.finite_width import log_norm_mean, log_norm_variance


@pytest.fixture
def script(benchmark: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark("finite_width")


def test_the_loop_measures_what_the_ensemble_does(script: ModuleType) -> None:
    """Other networks, equal laws: logarithms have equal means within 4 standard errors."""
    torch.manual_seed(0)
    singles = [script.one_by_one((24, 16), 8) for _ in range(250)]
    found = random_networks([24, 16], np.ones((1, 8)), "relu", 2.0, networks=4000, seed=0)
    for name in singles[0]:
        ours, theirs = np.log(getattr(found, name)[:, 0]), np.log([single[name] for single in singles])
        error = theirs.std(0) / np.sqrt(len(singles))
        assert np.all(np.abs(ours.mean(0) - theirs.mean(0)) < 4 * error), name


def test_both_sides_are_judged_by_the_laws(script: ModuleType) -> None:
    settings = script.Settings(depth=3, width=32)
    mean, variance = log_norm_mean(settings.widths), log_norm_variance(settings.widths)
    logs = np.random.default_rng(0).normal(mean, np.sqrt(variance), 2000)
    assert script._right(settings, logs)
    assert not script._right(settings, logs + 0.1)
    assert not script._right(settings, mean + 1.3 * (logs - mean))


def test_a_small_run_end_to_end(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = script.Settings(rounds=2, depth=2, width=16, inputs=4, networks=50, singles=10)
    given = sys.modules["_bench"].options("", ["--json", str(tmp_path / "found.json")])
    results = script.measure(settings, given)
    written = json.loads((tmp_path / "found.json").read_text())
    assert results["passed"]
    assert set(written["results"]["sides"]) == {"ensemble", "loop_1", "loop_2"}
    assert written["ratios"]["ensemble/ensemble"] == 1.0
    assert written["ratios"]["ensemble/loop_1"] > 0.0
    assert "Var log F" in capsys.readouterr().out
