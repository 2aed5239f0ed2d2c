"""A run that is killed again and again: `python killing.py FOLDER KILLS SEED [SECONDS]` prints JSON.

Everything is imported once and each attempt is a fork, so that a kill costs no import; the fork is made
before any thread has been started.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from tables import two_classes

from profunda.job.fitting import fit, resume

TRIALS = 24
BUDGET = {"trials": TRIALS}


def attempt(run: Path, budget: dict[str, float]) -> None:
    """Start the run, or go on with it."""
    data = two_classes()
    if (run / "journal.jsonl").exists():
        resume(run, data, progress=False)
    else:
        fit(data, out=run, progress=False, report=False, seed=3, fix={"epochs": 18}, **budget)


def main(folder: str, kills: int, seed: int, seconds: float | None) -> None:
    """Kill `kills` attempts after random times, then let one end."""
    run, generator = Path(folder), random.Random(seed)
    budget = BUDGET if seconds is None else {"seconds": seconds}
    killed = 0
    while True:
        child = os.fork()
        if child == 0:
            attempt(run, budget)
            os._exit(0)
        if killed == kills:
            _, status = os.waitpid(child, 0)
            break
        deadline = time.monotonic() + generator.uniform(0.15, 0.6)
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
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]) if len(sys.argv) > 4 else None)
