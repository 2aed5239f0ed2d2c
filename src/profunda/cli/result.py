"""What a finished run says on the terminal: the score against its rivals, the report, the next command."""

import shlex
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from profunda.job.outcome import Outcome
    from profunda.model.score import Score

__all__ = ["tell"]


def tell(outcome: "Outcome") -> None:
    """Print the score and its interval beside the baselines', where the report is and how to predict.

    Raises KeyboardInterrupt, saying how to go on, where the outcome is the best of an interrupted search.
    """
    console = Console()
    if outcome.score is not None:
        console.print(_scores(outcome, outcome.score))
    assert outcome.run is not None  # the command line always names a folder
    run = shlex.quote(str(outcome.run))
    report = outcome.run / "report.html"
    if report.exists():
        console.print(f"Report:   {report}", markup=False, highlight=False, soft_wrap=True)
    predict = f"Predict:  profunda predict {run} DATA -o predictions.csv"
    console.print(predict, markup=False, highlight=False, soft_wrap=True)
    if outcome.interrupted:
        raise KeyboardInterrupt(f"This is the best so far; go on with:  profunda resume {run}")


def _scores(outcome: "Outcome", score: "Score") -> Table:
    better = "higher" if score.greater_is_better else "lower"
    table = Table(title=f"{score.metric} on {score.rows:,} rows that no choice has seen ({better} is better)")
    table.add_column("")
    table.add_column(score.metric, justify="right")
    table.add_column(f"{score.level:.0%} interval", justify="right")
    table.add_column("note")
    table.add_row("Profunda", *_numbers(score), f"{outcome.search.networks:,} networks trained", style="bold")
    for baseline in outcome.baselines:
        numbers = ("–", "–") if baseline.score is None else _numbers(baseline.score)
        table.add_row(baseline.title, *numbers, baseline.note)
    return table


def _numbers(score: "Score") -> tuple[str, str]:
    return f"{score.value:.4g}", f"{score.low:.4g} … {score.high:.4g}"
