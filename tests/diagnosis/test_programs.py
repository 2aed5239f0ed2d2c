"""The benchmark of diagnosis: programs build and make a step, halves are fair, the counting is right."""

import json
import math
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from scipy.stats import binomtest

from profunda.diagnosis.codes import AREAS, CODES

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    """The script, imported as it finds its neighbours; they are forgotten afterwards."""
    threads, known = torch.get_num_threads(), set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        patch.setenv("OMP_WAIT_POLICY", "")  # set by the script; put back afterwards
        yield __import__("diagnosis")
    torch.set_num_threads(threads)
    for name in set(sys.modules) - known:
        if name == "diagnosis" or name.split(".")[0] in ("_programs", "_bench"):
            del sys.modules[name]


def part(name: str) -> Any:
    """A module of the programs, once the script is imported."""
    return sys.modules[f"_programs.{name}"]


class Enough(Exception):
    """A loop came as far as the test asks."""


@dataclass
class FewSteps:
    """A watch that ends the loop at its third loss."""

    loss_fn: Any = None
    losses: int = 0

    def __call__(
        self,
        model: torch.nn.Module,
        optimizer: torch.optim.Optimizer,
        loss_fn: Any,
        data: Any = None,
        validation: Any = None,
        accumulate: int = 1,
    ) -> "FewSteps":
        self.loss_fn = loss_fn
        return self

    def __enter__(self) -> "FewSteps":
        return self

    def __exit__(self, *raised: object) -> None:
        return None

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        self.losses += 1
        if self.losses == 3:
            raise Enough
        return self.loss_fn(outputs, targets)


def one_step(made: Any) -> None:
    """The first batch, forward and backward and a step."""
    batches = part("fitting").batches
    inputs, targets = next(batches(made.data, made.batch_size, torch.Generator().manual_seed(0)))
    optimizer = made.optimizer(made.model)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = made.loss_fn(made.model(inputs), targets)
        loss.backward()
        return loss

    optimizer.step(closure)
    assert isinstance(made.score(made.model), float)


def attempt(program: Any) -> str:
    """ "" if `program` builds and makes a step, else what went wrong. Its mistake may have torch warn."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if program.build is not None:
                one_step(program.build(0))
            else:
                program.run(0, FewSteps())
                return "its loop ended before it asked for three losses"
    except Enough:
        return ""
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def test_every_program_builds_and_makes_a_step(script: ModuleType) -> None:
    failed = {program.name: word for program in part("everything").PROGRAMS if (word := attempt(program))}
    assert failed == {}


def test_a_seed_gives_the_same_rows_and_weights_and_another_seed_others(script: ModuleType) -> None:
    for name in ("CONCRETE", "PHRASES", "SHAPES"):
        plan = getattr(part("plans"), name)
        first, again, other = plan(1), plan(1), plan(2)
        assert torch.equal(first.data[0], again.data[0])
        assert not torch.equal(first.data[0], other.data[0])
        weights = [next(made.model.parameters()) for made in (first, again, other)]
        assert torch.equal(weights[0], weights[1])
        assert not torch.equal(weights[0], weights[2])


def test_there_are_as_many_programs_of_as_many_kinds_as_promised(script: ModuleType) -> None:
    everything = part("everything")
    faults = [case.fault for case in everything.CASES]
    assert len(everything.CASES) >= 290
    assert len(everything.HEALTHY) >= 100
    assert len({case.fault for case in everything.LOOP_CASES}) >= 14
    assert {CODES[fault].area for fault in faults} == set(AREAS)
    assert set(CODES) - set(faults) <= {"plateau", "no-learning"}  # what is left when no cause is known
    assert all(case.areas[0] == CODES[case.fault].area for case in everything.CASES)
    assert max(Counter(program.name for program in everything.PROGRAMS).values()) == 1


def test_halves_keep_twins_together_and_what_is_held_out_has_every_area(script: ModuleType) -> None:
    everything = part("everything")
    for case in everything.CASES:
        faulty, fixed = case.twins
        assert everything.half_of(faulty) == everything.half_of(fixed)
    held = [case for case in everything.CASES if everything.HALVES[case.name] == "held"]
    assert len(held) >= 60
    assert {CODES[case.fault].area for case in held} == set(AREAS)
    assert {everything.HALVES[name] for name in everything.SENTINELS} == {"tune"}


def test_a_program_without_what_it_needs_is_refused(script: ModuleType) -> None:
    made = part("program").Program
    with pytest.raises(ValueError, match="either build or run"):
        made("a", "MLP", "table")
    with pytest.raises(ValueError, match="belong together"):
        made("a", "MLP", "table", fault="no-step", run=lambda seed, watch: 0.0)
    with pytest.raises(ValueError, match="no code 'no-luck'"):
        made("a", "MLP", "table", "no-luck", ("loop",), "fault", run=lambda seed, watch: 0.0)


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (3, 10), (10, 10), (57, 60)])
def test_intervals_are_wilsons(script: ModuleType, hits: int, n: int) -> None:
    theirs = binomtest(hits, n).proportion_ci(method="wilson")
    assert part("verdicts").Share(hits, n).interval == pytest.approx((theirs.low, theirs.high), abs=1e-6)


def outcome(name: str, seed: int, *said: tuple[str, str, int], error: str = "") -> Any:
    """An outcome of 100 steps; `said` are code, severity, step."""
    kinds = part("diagnosing")
    told = tuple(kinds.Said(code, CODES[code].area, severity, step) for code, severity, step in said)
    return kinds.Outcome(name, seed, told, 100, 0.1, error)


def test_a_verdict_counts_runs_and_programs(script: ModuleType) -> None:
    everything = part("everything")
    programs = [
        p
        for p in everything.PROGRAMS
        if p.name in ("never-stepped", "rate-of-ten", "rate-of-ten-fixed", "census")
    ]
    high, low = ("rate-too-high", "fault", 3), ("rate-too-low", "hint", 90)
    runs = [outcome("never-stepped", seed, ("no-step", "fault", 1)) for seed in range(5)]
    runs += [outcome("rate-of-ten", 0, ("dead-units", "fault", 0), high), outcome("rate-of-ten", 1)]
    runs += [outcome("rate-of-ten", seed, low) for seed in (2, 3, 4)]
    runs += [outcome("rate-of-ten-fixed", 0), outcome("rate-of-ten-fixed", 1, low)]
    runs += [outcome("census", 0, high), outcome("census", 1, error="TypeError: no")]
    found = part("verdicts").verdict(programs, runs, frozenset({"never-stepped"}))
    counted = {name: (share.hits, share.n) for name, share in found.shares.items()}
    assert counted["recall"] == (9, 10)
    assert counted["top area right"] == (8, 10)
    assert counted["top code right"] == (5, 10)
    assert counted["told by 5 % of the steps"] == (6, 10)
    assert counted["false faults, healthy"] == (1, 2)
    assert counted["false hints, fixed"] == (1, 2)
    assert counted["stable, programs"] == (1, 2)
    assert counted["loop bugs"] == (5, 5)
    assert counted["kinds of loop bugs"] == (1, 1)
    assert counted["ended in an error"] == (1, 14)
    assert counted["recall, loop"] == (5, 5)
    assert [line.split(":")[0] for line in found.wrong] == ["rate-of-ten", "rate-of-ten-fixed", "census"]


def test_harm_is_a_score_clearly_below_the_twins(script: ModuleType) -> None:
    verdicts = part("verdicts")
    twins = [verdicts.Twin("a", 0, faulty, 0.9, 1.0) for faulty in (0.5, 0.89, math.nan)]
    assert verdicts.harmful(twins) == verdicts.Share(2, 3)


def test_twins_are_trained_once_and_a_torn_line_is_no_obstacle(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = tmp_path / "cells.jsonl"
    words = ["--twins", "--only", "pixels-to-255", "--seeds", "1", "--cells", str(cells)]
    assert script.main(words) == 0
    first = capsys.readouterr().out
    assert "pixels-to-255" in first
    record = json.loads(cells.read_text())
    assert record["faulty"] < 0.3 < 0.9 < record["fixed"]
    cells.write_text(json.dumps({**record, "fixed": 0.95}) + '\n{"kind": "tw')
    assert script.main(words) == 0
    assert " 0.950" in capsys.readouterr().out
    assert len(cells.read_text().splitlines()) == 2


def test_the_command_line_chooses(script: ModuleType) -> None:
    def names(*words: str) -> set[str]:
        return {program.name for program in script.chosen(script.options(words))}

    assert names("--half", "tune") | names("--half", "held") == names()
    assert not names("--half", "tune") & names("--half", "held")
    assert names("--only", "rate-of-ten") == {"rate-of-ten", "rate-of-ten-fixed"}
    assert len(names("--quick")) == 20
    assert "census" in names("--healthy")
    assert "rate-of-ten" not in names("--healthy")
    assert "rate-of-ten-fixed" in names("--healthy")


def test_every_case_of_a_silent_loop_runs_the_same_without_a_watch_as_with_one(script: ModuleType) -> None:
    case = next(case for case in part("everything").LOOP_CASES if case.name == "never-backward")
    unwatched = part("fitting").unwatched
    scores = [case.twins[1].run(0, unwatched) for _ in range(2)]
    assert scores[0] == scores[1]
