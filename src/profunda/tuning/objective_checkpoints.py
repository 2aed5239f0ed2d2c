"""Folders in which the trials of an objective keep their state from one rung to the next.

A call at a rung gets a copy of what the trial's call at the rung before has left: one that is killed amid its
work has spoilt its own copy alone, and is repeated from the same state.
"""

import shutil
import tempfile
from pathlib import Path

from profunda.tuning.objective_order import Step

__all__ = ["Checkpoints"]

FOLDER = "checkpoints"


class Checkpoints:
    """The folders of a search's trials, in the run's folder `out` or, without one, until `close`."""

    def __init__(self, out: Path | None) -> None:
        self._own = tempfile.TemporaryDirectory(prefix="profunda-") if out is None else None
        self._place = Path(self._own.name) if self._own is not None else Path(out or "") / FOLDER

    def prepare(self, step: Step) -> Path:
        """The folder of a call, holding what the call before has left there."""
        folder, before = self._of(step.number, step.rung), self._of(step.number, step.rung - 1)
        shutil.rmtree(folder, ignore_errors=True)
        if before.is_dir():
            shutil.copytree(before, folder)
        else:
            folder.mkdir(parents=True)
        return folder

    def ended(self, step: Step) -> None:
        """Free what only the call before needed, once this call's end is on record."""
        shutil.rmtree(self._of(step.number, step.rung - 1), ignore_errors=True)

    def close(self) -> None:
        """Delete folders that belong to no run."""
        if self._own is not None:
            self._own.cleanup()

    def _of(self, number: int, rung: int) -> Path:
        return self._place / f"trial-{number}" / f"rung-{rung}"
