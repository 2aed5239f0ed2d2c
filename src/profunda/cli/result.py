"""What a finished run says on the terminal: what was noticed, the score beside its rivals', what is next."""

import shlex
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from profunda.job.outcome import Outcome
    from profunda.model.score import Score

__all__ = ["tell"]

MOST_TROUBLES = 3  # the report tells all
MOST_NOTICES = 8  # a table that is odd in more ways is better read about in the report


def tell(outcome: "Outcome") -> None:
    """Print what was noticed, the score and its interval beside the baselines', and how to predict.

    Raises KeyboardInterrupt, saying how to go on, where the outcome is the best of an interrupted search.
    """
    console = Console()
    _tell_notices(console, outcome)
    if outcome.score is not None:
        console.print(_scores(outcome, outcome.score))
    if outcome.optimism is not None:
        console.print(f"Validation: {outcome.optimism.text}.", markup=False, highlight=False, soft_wrap=True)
    _tell_causes(console, outcome)
    assert outcome.run is not None  # the command line always names a folder
    run = shlex.quote(str(outcome.run))
    report = outcome.run / "report.html"
    if report.exists():
        console.print(f"Report:   {report}", markup=False, highlight=False, soft_wrap=True)
    predict = f"Predict:  profunda predict {run} DATA -o predictions.csv"
    console.print(predict, markup=False, highlight=False, soft_wrap=True)
    if outcome.interrupted:
        raise KeyboardInterrupt(f"This is the best so far; go on with:  profunda resume {run}")


def _tell_notices(console: Console, outcome: "Outcome") -> None:
    """What was accepted, but not silently: a sentence each."""
    if not outcome.notices:
        return
    told = [f"  · {notice.text}" for notice in outcome.notices[:MOST_NOTICES]]
    more = len(outcome.notices) - len(told)
    told += [f"  · and {more} more: see the report"] if more else []
    # Words are kept whole on a terminal, lines elsewhere.
    whole = not console.is_terminal
    console.print("\n".join(["Noticed:", *told]), markup=False, highlight=False, soft_wrap=whole)


def _tell_causes(console: Console, outcome: "Outcome") -> None:
    """Which settings brought trouble to many trials: what the next space may leave out."""
    told = [one.text for one in outcome.search.explanations if one.pattern is not None]
    if told:
        lines = ["Troubles:", *(f"  · {text}" for text in told[:MOST_TROUBLES])]
        console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=not console.is_terminal)


def _scores(outcome: "Outcome", score: "Score") -> Table:
    better = "higher" if score.greater_is_better else "lower"
    judged = "in outer folds" if outcome.validation == "nested" else "that no choice has seen"
    table = Table(title=f"{score.metric} on {score.rows:,} rows {judged} ({better} is better)")
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
