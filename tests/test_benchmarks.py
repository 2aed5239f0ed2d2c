"""The benchmark of the worked random search: its statistics, its cells, its final file, its equal work."""

import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from profunda.fleet.forward import outputs

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def search(benchmark: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark("textbook_search")


@pytest.fixture
def bench(search: ModuleType) -> ModuleType:
    return sys.modules["_bench"]


@pytest.fixture
def listing(search: ModuleType) -> ModuleType:
    return sys.modules["_listing"]


@pytest.fixture
def equal(search: ModuleType) -> ModuleType:
    return sys.modules["_equal_scores"]


# Statistics ------------------------------------------------------------------------------------------


def test_scores_of_one_law_agree(equal: ModuleType) -> None:
    rng = np.random.default_rng(0)
    configuration = rng.normal(0.8, 0.05, 200)
    ours, theirs = (configuration + rng.normal(0, 0.01, 200) for _ in range(2))
    found = equal.agreement(ours, theirs)
    assert found.passed
    assert found.pairs == 200
    assert found.standard_error == pytest.approx(0.01 * np.sqrt(2 / 200), rel=0.2)
    assert "same" in str(found)


def test_a_small_shift_is_seen_in_pairs_only(equal: ModuleType) -> None:
    rng = np.random.default_rng(0)
    configuration = rng.normal(0.8, 0.05, 200)
    ours, theirs = (configuration + rng.normal(0, 0.01, 200) for _ in range(2))
    found = equal.agreement(ours + 0.005, theirs)
    assert found.ks_p > equal.SMALLEST_P
    assert not found.passed
    assert "different" in str(found)


def test_another_spread_is_seen_by_the_distribution_only(equal: ModuleType) -> None:
    rng = np.random.default_rng(0)
    found = equal.agreement(rng.normal(0.8, 0.1, 300), rng.normal(0.8, 0.02, 300))
    assert abs(found.difference) < equal.STANDARD_ERRORS * found.standard_error
    assert not found.passed


@pytest.mark.parametrize(
    ("ours", "theirs", "text"),
    [
        ([0.1, 0.2], [0.1], "equally many"),
        ([0.1], [0.1], "at least 2"),
        ([0.1, float("nan")], [0.1, 0.2], "diverged"),
    ],
)
def test_scores_that_cannot_be_compared(
    equal: ModuleType, ours: list[float], theirs: list[float], text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        equal.agreement(ours, theirs)


# Rounds and cells ------------------------------------------------------------------------------------


def _sides(bench: ModuleType, names: str, log: list[str]) -> list[object]:
    def side(name: str) -> object:
        def run(number: int) -> object:
            log.append(f"{name}{number}")
            return bench.Outcome(4, 8, {"accuracy": [0.5]})

        return bench.Side(name, run, lambda: log.append(f"warm {name}"))

    return [side(name) for name in names]


def test_rounds_are_interleaved_and_begin_one_side_later(bench: ModuleType) -> None:
    log: list[str] = []
    cells = bench.Cells(None, {})
    bench.run_rounds(_sides(bench, "abc", log), 3, cells)
    assert log == ["warm a", "warm b", "warm c", "a0", "b0", "c0", "b1", "c1", "a1", "c2", "a2", "b2"]
    assert [cell.round for cell in cells.of("b")] == [0, 1, 2]


def test_finished_cells_are_skipped_and_others_are_not(bench: ModuleType, tmp_path: Path) -> None:
    path, log = tmp_path / "cells.jsonl", []
    bench.run_rounds(_sides(bench, "ab", log), 2, bench.Cells(path, {"draws": 4}))
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:3]) + "\n" + lines[3][:20])  # killed while it wrote the last line
    log.clear()
    again = bench.Cells(path, {"draws": 4})
    assert again.reused == 3
    bench.run_rounds(_sides(bench, "ab", log), 2, again)
    assert log == ["warm a", "a1"]
    assert bench.Cells(path, {"draws": 4}).reused == 4
    assert bench.Cells(path, {"draws": 5}).reused == 0
    assert bench.Cells(None, {"draws": 4}).reused == 0


def test_a_missing_folder_is_told_before_measuring(
    bench: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        bench.options("", ["--json", str(tmp_path / "absent" / "found.json")])
    assert ended.value.code == 2
    assert "does not exist; make it first" in capsys.readouterr().err


def test_ratios_are_taken_within_rounds(bench: ModuleType) -> None:
    def cells(*seconds: float) -> list[object]:
        return [bench.Cell("s", i, s, s, 0.0, bench.Outcome(10, 10)) for i, s in enumerate(seconds)]

    # A machine that is ten times slower in the second round changes no ratio of that round.
    assert bench.median_ratio(cells(1, 10, 1), cells(4, 40, 5)) == (4.0, 4.0, 5.0)
    with pytest.raises(ValueError, match="share no round"):
        bench.median_ratio(cells(1.0), [])


def test_cpu_time_counts_threads_and_falls_never(bench: ModuleType) -> None:
    before = bench.cpu_seconds()
    sum(i * i for i in range(300_000))
    assert bench.cpu_seconds() > before


# The listing -----------------------------------------------------------------------------------------


def test_sampled_draws_stand_for_all(listing: ModuleType) -> None:
    drawn = listing.draws(400, 0)
    assert drawn == listing.draws(400, 0)
    chosen = listing.every_nth(drawn, 40)
    assert len(set(chosen)) == 40
    for name in ("steps", "hidden_size"):
        whole = np.mean([getattr(draw, name) for draw in drawn])
        assert np.mean([getattr(drawn[i], name) for i in chosen]) == pytest.approx(whole, rel=0.02)
    blind = [np.mean([draw.steps for draw in listing.draws(40, seed)]) for seed in range(50)]
    assert np.std(blind) / np.mean(blind) > 0.05


def test_the_scaler_knows_training_rows_only(listing: ModuleType) -> None:
    data = listing.table()
    assert np.abs(data.x[data.train].mean(axis=0)).max() < 1e-6
    assert np.abs(data.x[data.valid].mean(axis=0)).max() > 1e-2
    assert (len(data.train), len(data.valid)) == (800, 200)


@pytest.mark.parametrize("fused", [False, True])
def test_the_textbook_trains_as_many_steps_as_ours(
    listing: ModuleType, fused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = 0
    original = torch.optim.Adam.step

    def counted(self: torch.optim.Adam, closure: None = None) -> None:
        nonlocal steps
        steps += 1
        original(self, closure)

    monkeypatch.setattr(torch.optim.Adam, "step", counted)
    draw = listing.Draw(32, 1e-3, 0.1, 64, 5)
    score = listing.train_textbook(draw, 0, fused=fused)
    for engine in sys.modules["_fleets"].ENGINES:
        _, ours = listing.train_fleet([draw], 0, engine=engine, workers=1)
        assert steps == ours == draw.steps == 65
    assert 0.6 < score.accuracy < 0.95


def test_scores_in_one_call_are_those_of_each_network_alone(listing: ModuleType) -> None:
    data, rng = listing.table(), np.random.default_rng(0)
    drawn = [listing.Draw(width, 1e-3, 0.1, 64, 5) for width in (32, 128, 32, 64, 32)]
    params = [rng.normal(0, 0.3, 23 * draw.hidden_size + 2).astype(np.float32) for draw in drawn]
    found = listing.scores_of(drawn, params)
    y = data.y[data.valid]
    for draw, vector, score in zip(drawn, params, found, strict=True):
        logits = outputs(listing.design_of(draw), vector, data.x[data.valid]).astype(np.float64)
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        assert score.accuracy == pytest.approx((logits.argmax(axis=1) == y).mean(), abs=1e-6)
        assert score.loss == pytest.approx(-np.log(shares[np.arange(len(y)), y]).mean(), abs=1e-5)
    assert len({score.loss for score in found}) == len(found)


# The whole -------------------------------------------------------------------------------------------


def test_measured_once_and_told_in_one_file(
    search: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["--quick", "--json", str(tmp_path / "found.json"), "--cells", str(tmp_path / "cells.jsonl")]
    options = sys.modules["_bench"].options("", words)
    # Without the worker processes of the second job, which take seconds to start.
    monkeypatch.setattr(search, "SKLEARN", {"sklearn_mlp_1": 1})
    settings = search.Settings(rounds=1, draws=12, sampled=2, workers=2)
    code = search.measure(settings, options)
    text = capsys.readouterr().out
    assert text.startswith("Expected: about ")
    found = json.loads((tmp_path / "found.json").read_text())
    assert set(found) == {"name", "machine", "settings", "results", "ratios"}
    assert found["name"] == "textbook_search"
    peers = ("textbook_best", "sklearn_mlp", "optuna")
    wanted = {f"s5/{engine}/{peer}" for engine in search.FLEETS.values() for peer in peers}
    assert set(found["ratios"]) == wanted | ({"s5/native/torch_fleet"} if len(search.FLEETS) == 2 else set())
    assert all(ratio > 0 for ratio in found["ratios"].values())
    results = found["results"]
    assert (code == 0) == (results["equal_scores"]["passed"] and results["control"]["told_apart"])
    assert all(results["sides"][name]["trials"] == 12 for name in search.FLEETS)
    assert all(
        results["sides"][name]["trials"] == 2 for name in (*search.TEXTBOOK, *search.SKLEARN, "optuna")
    )
    assert not list(tmp_path.glob("*.draft"))

    # With all cells finished nothing is trained again, and the result is the same.
    monkeypatch.setattr(search, "train_fleet", None)
    monkeypatch.setattr(search, "train_textbook", None)
    (tmp_path / "found.json").write_text("an older run")
    assert search.measure(settings, options) == code
    again = json.loads((tmp_path / "found.json").read_text())
    assert again["ratios"] == found["ratios"]
    assert again["results"]["cells_reused"] == 7 + len(search.FLEETS)


def test_scores_are_equal_and_a_wrong_learning_rate_is_seen(listing: ModuleType, equal: ModuleType) -> None:
    drawn = [listing.Draw(32, rate, 0.3, 64, 5) for rate in (1e-4, 5e-4, 1e-3)] * 12
    textbook = [listing.train_textbook(draw, seed, fused=True) for seed, draw in enumerate(drawn)]
    for engine in sys.modules["_fleets"].ENGINES:
        ours, _ = listing.train_fleet(drawn, 0, engine=engine, workers=1)
        wrong, _ = listing.train_fleet(drawn, 0, engine=engine, workers=1, rate=10.0)
        for score in ("accuracy", "loss"):
            right = [getattr(its, score) for its in textbook]
            assert equal.agreement([getattr(its, score) for its in ours], right).passed
            assert not equal.agreement([getattr(its, score) for its in wrong], right).passed


def test_a_wrong_learning_rate_fails_the_run(search: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """Ours scored like the control: the verdict is no, and the control is still told apart."""
    bench = sys.modules["_bench"]
    cells = bench.Cells(None, {})
    rng = np.random.default_rng(0)
    wrong = (next(iter(search.FLEETS)), "control")
    for side in (*search.FLEETS, "control", *search.TEXTBOOK, *search.SKLEARN, "optuna"):
        for number in range(5):
            level = 0.85 if side in wrong else 0.8
            kept = {name: list(rng.normal(level, 0.02, 40)) for name in ("accuracy", "loss")}
            cells.add(bench.Cell(side, number, 1.0, 1.0, 0.0, bench.Outcome(40, 400, kept)))
    results, _ = search.judge(search.Settings(), cells)
    assert not results["equal_scores"]["passed"]
    assert results["control"]["told_apart"]
    assert "Equal scores: NO" in capsys.readouterr().out


@pytest.mark.parametrize("script", sorted(path.name for path in BENCHMARKS.glob("[!_]*.py")))
def test_every_script_says_what_it_takes(
    script: str, benchmark: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [script, "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(BENCHMARKS / script), run_name="__main__")
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert all(word in text for word in ("--quick", "--json", "--cells"))
