"""`profunda resume`: go on with an interrupted run."""

from pathlib import Path

from profunda.cli.result import tell
from profunda.cli.run_folder import resumable
from profunda.cli.whole import Whole

__all__ = ["resume"]


def resume(run: Path, /, *, workers: Whole | None = None) -> None:
    """Go on with a run that was interrupted, exactly where it stood.

    Parameters
    ----------
    run
        The run's folder.
    workers
        Threads that train packs at the same time; the result does not depend on it.
    """
    with resumable(run):
        from profunda.job import fitting  # takes seconds, in which Ctrl-C deserves the same answer

        outcome = fitting.resume(run, workers=workers)
    tell(outcome)
