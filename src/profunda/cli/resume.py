"""`profunda resume`: go on with an interrupted run."""

from pathlib import Path

from profunda.cli.result import tell
from profunda.cli.run_folder import resumable
from profunda.errors import RunError

__all__ = ["resume"]


def resume(run: Path, /, *, workers: int | None = None) -> None:
    """Go on with a run that was interrupted, exactly where it stood.

    Parameters
    ----------
    run
        The run's folder.
    workers
        Threads that train packs at the same time; the result does not depend on it.
    """
    from profunda.job import fitting
    from profunda.journal.record import kind_of

    if kind_of(run) == "objective":
        raise RunError(
            f"{run} is a search of an objective of your own, which only your program has; "
            f"it goes on when you call profunda.search(objective, space, out={str(run)!r}) again"
        )
    with resumable(run):
        outcome = fitting.resume(run, workers=workers)
    tell(outcome)
