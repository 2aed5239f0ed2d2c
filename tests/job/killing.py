"""A run that is killed again and again: `python killing.py FOLDER KILLS SEED ENGINE [SECONDS]` prints JSON.

Everything is imported once and each attempt is a fork, so that a kill costs no import; the fork is made
before any thread has been started.
"""

import json
import os
import random
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from tables import two_classes

from profunda.fleet.speed import speeds_here
from profunda.job.fitting import fit, resume


@dataclass(frozen=True)
class Case:
    """A run that takes some seconds on its engine, and how long an attempt at it may live."""

    trials: int
    epochs: int
    baselines: bool
    shortest: float
    longest: float


CASES = {"torch": Case(24, 18, True, 0.15, 0.6), "native": Case(200, 54, False, 0.05, 0.35)}


def attempt(run: Path, engine: str, seed: int = 3, seconds: float | None = None) -> Any:
    """Start the run, or go on with it; its Outcome."""
    data, case = two_classes(), CASES[engine]
    if (run / "journal.jsonl").exists():
        return resume(run, data, progress=False)
    budget = {"trials": case.trials} if seconds is None else {"seconds": seconds}
    words = {"engine": engine, "baselines": case.baselines, "report": False, "progress": False}
    return fit(data, out=run, seed=seed, fix={"epochs": case.epochs}, **words, **budget)


def main(folder: str, kills: int, seed: int, engine: str, seconds: float | None) -> None:
    """Kill `kills` attempts after random times, then let one end."""
    run, generator, case = Path(folder), random.Random(seed), CASES[engine]
    speeds_here()  # measured once, before the forks
    killed = 0
    while True:
        child = os.fork()
        if child == 0:
            attempt(run, engine, seconds=seconds)
            os._exit(0)
        if killed == kills:
            _, status = os.waitpid(child, 0)
            break
        deadline = time.monotonic() + generator.uniform(case.shortest, case.longest)
        ended = 0
        while not ended and time.monotonic() < deadline:
            ended, status = os.waitpid(child, os.WNOHANG)
            time.sleep(0.005)
        if ended:
            break
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        killed += 1
    print(json.dumps({"killed": killed, "status": os.waitstatus_to_exitcode(status)}))


if __name__ == "__main__":
    where, count, number, name, *rest = sys.argv[1:]
    main(where, int(count), int(number), name, float(rest[0]) if rest else None)
