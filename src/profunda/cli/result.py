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
    """Print the score and its interval beside the baselines', where the report is and how to predict."""
    console = Console()
    score = outcome.score
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
    console.print(table)
    run = shlex.quote(str(outcome.run))
    report = outcome.run / "report.html"
    if report.exists():
        console.print(f"Report:   {report}", markup=False, highlight=False, soft_wrap=True)
    predict = f"Predict:  profunda predict {run} DATA -o predictions.csv"
    console.print(predict, markup=False, highlight=False, soft_wrap=True)


def _numbers(score: "Score") -> tuple[str, str]:
    return f"{score.value:.4g}", f"{score.low:.4g} … {score.high:.4g}"
