"""The comparison of samplers: its verdicts, its file, the schedules it plays on curves."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from profunda.tuning.rungs import Ladder


@pytest.fixture
def samplers(benchmark: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark("samplers")


def filled(samplers: ModuleType, ours: np.ndarray, theirs: np.ndarray) -> object:
    runs = samplers.Runs(None)
    for seed, pair in enumerate(zip(ours, theirs, strict=True)):
        for name, best in zip(("batch", "random"), pair, strict=True):
            runs.add(samplers.Run("branin", name, seed, float(best), 0.001))
    return runs


def test_better_equal_and_worse_are_told_apart(samplers: ModuleType) -> None:
    rng = np.random.default_rng(0)
    chance, noise = rng.normal(1.0, 0.2, 60), rng.normal(0, 0.1, 60)
    better, equal, worse = (
        samplers.compare(filled(samplers, chance + shift + noise, chance), "branin", "random")
        for shift in (-0.2, 0.0, 0.2)
    )
    assert better.passed
    assert not equal.passed  # chance must be beaten
    assert equal.worse > 0.01
    assert worse.worse < 0.01


def test_few_seeds_give_no_verdict(samplers: ModuleType) -> None:
    assert samplers.compare(filled(samplers, np.zeros(5), np.ones(5)), "branin", "random") is None


def test_a_run_goes_on_from_its_file(samplers: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    surfaces = [s for s in samplers.SURFACES if s.name == "branin"]
    first = samplers.Runs(path)
    samplers.measure(first, surfaces, ["random"], 2)
    with path.open("a") as file:
        file.write('{"problem": "bra')  # an interrupted run was writing
    second = samplers.Runs(path)
    assert second.found == first.found
    assert 0.397 < second.of("branin", "random")[1].best < 60


def test_a_small_run_end_to_end(
    samplers: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--quick", "--parts", "functions", "--problems", "branin", "--samplers", "batch", "random"]
    words += ["--seeds", "10", "--json", str(tmp_path / "found.json")]
    code = samplers.main(words)
    (told,) = json.loads((tmp_path / "found.json").read_text())["results"]["functions"]
    assert (told["problem"], told["peer"], told["seeds"]) == ("branin", "random", 10)
    assert code == (0 if told["better"] < samplers.ALPHA else 1)
    assert "branin" in capsys.readouterr().out


def test_the_worked_example_end_to_end(
    samplers: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert samplers.main(["--quick", "--parts", "worked", "--json", str(tmp_path / "found.json")]) == 0
    told = json.loads((tmp_path / "found.json").read_text())["results"]["worked"]
    assert [one["sampler"] for one in told["samplers"]] == list(samplers.WORKED)
    assert all(one["trials"] >= 1 and 0 < one["test_loss"] < 0.7 for one in told["samplers"])
    assert f"target log-loss {told['target']:.4f}" in capsys.readouterr().out


def test_every_surface_has_values_and_its_known_minimum(samplers: ModuleType) -> None:
    by_name = {s.name: s for s in samplers.SURFACES}
    for surface in samplers.SURFACES:
        drawn = surface.space.sample(np.random.default_rng(0).random((50, surface.space.dimensions)))
        assert np.isfinite([surface.value(params) for params in drawn]).mean() > 0.5
    shift = sys.modules["_surfaces"]._SHIFT
    place = {f"x{i}": 0.5 + shift[i] / 2 for i in range(8)}
    assert by_name["ackley"].value(place) == pytest.approx(0, abs=1e-9)
    assert by_name["levy"].value(place) == pytest.approx(0, abs=1e-9)
    hartmann = (0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573, 0.9, 0.1)
    found = by_name["hartmann"].value({f"x{i}": v for i, v in enumerate(hartmann)})
    assert found == pytest.approx(-3.32237, abs=1e-4)
    assert by_name["branin"].value({"x": np.pi, "y": 2.275}) == pytest.approx(0.397887, abs=1e-5)


def test_a_schedule_pays_for_what_it_trains(samplers: ModuleType) -> None:
    schedules = sys.modules["_schedules"]
    epochs = schedules.EPOCHS
    best = np.linspace(0, 1, 27)[:, None] + np.linspace(1, 0, epochs)
    ended = np.full(27, epochs)
    value, cost = schedules._played(Ladder((1 / 9, 1 / 3, 1.0)), best, ended, np.arange(27))
    assert value == best[0, -1]
    assert cost == 27 * epochs // 9 + 9 * (epochs // 3 - epochs // 9) + 3 * (epochs - epochs // 3)
    _, full = schedules._played(Ladder((1.0,)), best, ended, np.arange(27))
    assert full == 27 * epochs
