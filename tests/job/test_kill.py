"""A run that is killed twenty times ends as if nothing had happened."""

import json
import subprocess
import sys
from pathlib import Path

import killing
import pytest
from comparing import decisions_of, packs_of, same_curves, same_model
from tables import two_classes

from profunda.fleet.native_engine import available
from profunda.job.fitting import resume

ENGINES = [pytest.param("torch", marks=pytest.mark.slow), "native"] if available() else ["torch"]
"""Kills and journals are the same for both; the slower one is tried among the slow tests."""
SCRIPT = Path(__file__).parent / "killing.py"


def run_killed(run: Path, kills: int, seed: int, engine: str, *more: str) -> dict[str, int]:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(run), str(kills), str(seed), engine, *more],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def whole(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nobody disturbed."""
    run = tmp_path_factory.mktemp("whole") / "run"
    assert run_killed(run, 0, 0, engine) == {"killed": 0, "status": 0}
    return run


@pytest.mark.timeout(300)
def test_twenty_kills_change_nothing(engine: str, whole: Path, tmp_path: Path) -> None:
    killed = tmp_path / "run"
    told = run_killed(killed, 20, 1, engine)
    assert told["status"] == 0
    assert told["killed"] >= 10, "too few kills fell into the run: the test no longer tests"
    assert same_model(whole, killed)
    assert decisions_of(whole) == decisions_of(killed)
    assert packs_of(whole) == packs_of(killed)
    data = two_classes()
    one = resume(whole, data, progress=False).search.history
    other = resume(killed, data, progress=False).search.history
    assert same_curves(one, other)


def test_the_comparison_can_fail(engine: str, whole: Path, tmp_path: Path) -> None:
    """Negative control: a run of another seed is told apart by every comparison but the packs' shapes."""
    other = tmp_path / "run"
    outcome = killing.attempt(other, engine, seed=4)
    assert not same_model(whole, other)
    assert decisions_of(whole) != decisions_of(other)
    assert not same_curves(
        resume(whole, two_classes(), progress=False).search.history, outcome.search.history
    )


@pytest.mark.timeout(200)
def test_a_budget_in_seconds_replays_its_decisions_and_ends(engine: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    told = run_killed(run, 3, 5, engine, "4")
    assert told["status"] == 0
    assert (run / "model" / "model.json").exists()
    before = decisions_of(run)
    assert before[-1][0] == "stop"
    weights = (run / "model" / "weights.safetensors").read_bytes()
    resume(run, two_classes(), progress=False)
    assert decisions_of(run) == before, "a finished run decides nothing more"
    assert (run / "model" / "weights.safetensors").read_bytes() == weights
