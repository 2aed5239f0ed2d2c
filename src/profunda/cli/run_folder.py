"""Where a run of the command line lives, its model, and how to go on with one that was interrupted."""

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from profunda.errors import RunError

if TYPE_CHECKING:
    from profunda.model.model import Model

__all__ = ["finished_model", "fresh", "resumable"]


def fresh(data: str) -> Path:
    """A folder name that is still free here, made from the name of the data: adult-run, adult-run-2, …"""
    stem = re.sub(r"\W+", "-", Path(data.rpartition(":")[2]).stem).strip("-") or "profunda"
    names = (Path(f"{stem}-run" if number == 1 else f"{stem}-run-{number}") for number in count(1))
    return next(path for path in names if not path.exists())


def finished_model(run: Path) -> "Model":
    """The model of a run's folder, or of its own; RunError for a run that has none yet."""
    from profunda.journal.record import JOURNAL_NAME
    from profunda.model import saving

    folder = run / "model"
    if (run / JOURNAL_NAME).exists() and not folder.exists():
        raise RunError(f"{run} has no model yet: it was not finished. Go on with it:  profunda resume {run}")
    return saving.load(folder if folder.is_dir() else run)


@contextmanager
def resumable(run: Path) -> Iterator[None]:
    """Make Ctrl-C inside the block say how to go on, if the run has written anything to go on with."""
    try:
        yield
    except KeyboardInterrupt:
        if not run.is_dir():
            raise KeyboardInterrupt("Nothing had been written yet.") from None
        command = f"profunda resume {shlex.quote(str(run))}"
        raise KeyboardInterrupt(f"What is done is kept; go on with:  {command}") from None
