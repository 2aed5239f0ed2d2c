"""`profunda report`: write a finished run's page anew."""

from pathlib import Path

__all__ = ["report"]


def report(run: Path, /) -> None:
    """Write a finished run's report.html anew, from what the run recorded.

    Parameters
    ----------
    run
        The run's folder.
    """
    from profunda.job import fitting

    print(f"Report:   {fitting.rewrite_report(run)}")
