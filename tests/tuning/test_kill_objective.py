"""`kill -9` at random moments: a search that is resumed each time is the search that was never killed.

The killed processes are real ones; the objective is cheap and loads nothing heavy, so that a kill falls
anywhere: while a process starts, while it draws, while a record is half-written, between two records.
"""

import multiprocessing.connection
import os
import random
import signal
import subprocess
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from profunda.journal.record import JOURNAL_NAME, read_journal
from profunda.space.domain import Float
from profunda.space.space import When
from profunda.tuning.objective import search
from profunda.tuning.objective_trial import passing
from profunda.tuning.objective_workers import Task, crew_for
from profunda.tuning.result import SearchResult

SPACE = {"x": Float(-1, 1), "kind": ["a", "b"], "y": When("kind", "b", Float(0, 1))}
TRIALS = 150


def objective(params: dict, seed: int) -> dict:
    time.sleep(0.004)
    if seed % 11 == 0:
        raise ValueError(f"unlucky seed {seed}")
    loss = float("inf") if seed % 13 == 0 else params["x"] ** 2 + params.get("y", 0.5)
    return {"loss": loss, "seed": seed}


def account(result: SearchResult) -> list[str]:
    """Everything of the trials but the seconds; the place of an error names this very file in both."""
    return [repr((t.number, t.params, t.scores, t.value, t.status, t.message)) for t in result.trials]


def go(out: Path | None, sampler: str, workers: int = 1, trials: int = TRIALS) -> SearchResult:
    return search(
        objective, SPACE, n_trials=trials, sampler=sampler, metric="loss", out=out, seed=5, workers=workers
    )


def start(out: Path, sampler: str, workers: int) -> subprocess.Popen[bytes]:
    root = Path(__file__).parents[2]
    code = (
        # Whoever runs the suite in the background of a shell hands on that Ctrl-C is ignored.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from pathlib import Path; from tests.tuning.test_kill_objective import go; "
        f"go(Path({str(out)!r}), {sampler!r}, {workers})"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root / "src"), str(root)])}
    command = [sys.executable, "-W", "error", "-c", code]
    # A session of its own, so that Ctrl-C can be sent to all its processes, as a terminal does.
    return subprocess.Popen(command, env=env, cwd=root, stderr=subprocess.PIPE, start_new_session=True)


def kill_and_resume(out: Path, sampler: str, workers: int, kills: int, tear: bool = False) -> int:
    """Start, kill, start again; then let it end. Returns how many kills hit a search amid its trials."""
    moments, hits = random.Random(f"{sampler}/{workers}/{tear}"), 0
    for _ in range(kills):
        process, before = start(out, sampler, workers), _size(out)
        if moments.random() < 0.2:
            time.sleep(moments.uniform(0.0, 0.3))  # anywhere, mostly while the process starts
        else:
            while process.poll() is None and _size(out) <= before:
                time.sleep(0.001)
            time.sleep(moments.uniform(0.0, 0.03))  # within its first trials
        hits += process.poll() is None and _size(out) > before
        process.send_signal(signal.SIGKILL)
        process.communicate()  # ends when the workers have noticed and ended too
        if tear:
            _tear(out, moments)
    last = start(out, sampler, workers)
    _, text = last.communicate()
    progress = b" trials, about "  # told where ten seconds have passed
    assert [line for line in text.splitlines() if progress not in line] == []
    assert last.returncode == 0
    return hits


def _size(out: Path) -> int:
    path = out / JOURNAL_NAME
    return path.stat().st_size if path.exists() else 0


def _tear(out: Path, moments: random.Random) -> None:
    """What a power cut may leave: the last record in part. The header was renamed into place and is whole."""
    path = out / JOURNAL_NAME
    content = path.read_bytes() if path.exists() else b""
    last = content[:-1].rfind(b"\n") + 1
    if last > 0:
        path.write_bytes(content[: moments.randrange(last, len(content))])


def test_twenty_kills_change_nothing(tmp_path: Path) -> None:
    hits = kill_and_resume(tmp_path / "run", "random", workers=1, kills=20)
    assert hits >= 12
    assert account(go(tmp_path / "run", "random")) == account(go(None, "random"))
    assert len(read_journal(tmp_path / "run").records) >= TRIALS


def test_nor_do_torn_lines(tmp_path: Path) -> None:
    kill_and_resume(tmp_path / "run", "random", workers=1, kills=5, tear=True)
    assert account(go(tmp_path / "run", "random")) == account(go(None, "random"))


def test_nor_where_the_sampler_learns_and_processes_work(tmp_path: Path) -> None:
    kill_and_resume(tmp_path / "run", "tpe", workers=2, kills=4)
    assert account(go(tmp_path / "run", "tpe")) == account(go(None, "tpe"))


def test_ctrl_c_ends_the_workers_and_keeps_what_has_ended(tmp_path: Path) -> None:
    process, before = (
        start(tmp_path / "run", "random", workers=2),
        2000,
    )  # bytes: past the header and the draws
    while process.poll() is None and _size(tmp_path / "run") <= before:
        time.sleep(0.001)
    os.killpg(process.pid, signal.SIGINT)
    _, text = process.communicate(timeout=30)
    assert process.returncode == 0, text
    assert b"The same call goes on from here." in text
    assert b"Traceback" not in text
    assert read_journal(tmp_path / "run").records[-1].data["why"] == "interrupted"
    assert account(go(tmp_path / "run", "random")) == account(go(None, "random"))


def test_ctrl_c_waits_until_a_worker_has_been_hired_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut in two, a hire would leave an open socket, which complains, or a process that nobody ends."""
    make, made = multiprocessing.connection.Pipe, []
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupted(duplex: bool) -> tuple[Connection, Connection]:
        signal.raise_signal(signal.SIGINT)
        made.append(make(duplex))
        return made[-1]

    monkeypatch.setattr(multiprocessing.connection, "Pipe", interrupted)
    crew = crew_for(objective, 2, passing(objective))
    try:
        with pytest.raises(KeyboardInterrupt):
            crew.start(Task(0, {"x": 0.5, "kind": "a"}, 1))
        ours, theirs = made[0]
        assert theirs.closed
        assert ours.poll(30)  # the worker is there, and reports
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        crew.close()
        signal.signal(signal.SIGINT, before)
    assert ours.closed


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_the_comparison_can_fail(tmp_path: Path, sampler: str) -> None:
    """Negative control: a journal that lost a trial, or a search of another seed, does not pass."""
    whole = account(go(None, sampler, trials=20))
    other = search(objective, SPACE, n_trials=20, sampler=sampler, metric="loss", seed=6)
    assert account(other) != whole
    go(tmp_path / "run", sampler, trials=20)
    path = tmp_path / "run" / JOURNAL_NAME
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:8] + lines[9:]))
    with pytest.raises(Exception, match="damaged at line 9"):
        go(tmp_path / "run", sampler, trials=20)
