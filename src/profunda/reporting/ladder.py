"""Whether early comparisons foretold the end: ranks after a ninth, a third and all of the epochs."""

import math
from collections.abc import Sequence

import numpy as np

from profunda.reporting.blocks import Figure
from profunda.reporting.curves import matrix
from profunda.reporting.figures import axis, hover, label, numbers, spec
from profunda.reporting.palette import ACCENT, GREY, faded
from profunda.reporting.standing import order
from profunda.reporting.words import number, settings
from profunda.tuning.result import SearchResult, Trial

__all__ = ["rank_ladder"]

SHARES = ((1 / 9, "1/9"), (1 / 3, "1/3"), (1.0, "all"))
MOST_LINES = 40
LEAST = 5


def rank_ladder(search: SearchResult) -> Figure | None:
    """Ranks during training of the trials that went to the last rung; None with fewer than `LEAST` curves."""
    if search.history is None or search.folds < 1:
        return None
    top = max((t.rung for t in search.trials), default=0)
    finalists = [t for t in order(search) if t.rung == top][:MOST_LINES]
    losses = _losses(search, finalists)
    finalists = [t for t, row in zip(finalists, losses, strict=True) if np.isfinite(row).all()]
    losses = losses[np.isfinite(losses).all(axis=1)]
    if len(finalists) < LEAST:
        return None
    ranks = losses.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable") + 1
    agreement = float(np.corrcoef(ranks[:, 1], ranks[:, 2])[0, 1])
    best = int(np.flatnonzero(ranks[:, 2] == 1)[0])
    lines = [
        _line(search, trial, row, k == best)
        for k, (trial, row) in enumerate(zip(finalists, ranks, strict=True))
    ]
    ticks = {"tickvals": [0, 1, 2], "ticktext": [name for _, name in SHARES]}
    x_axis = axis("share of its own epochs trained", range=[-0.12, 2.12], **ticks)
    layout = {
        "xaxis": x_axis,
        "yaxis": axis("rank by validation loss (1 is best)", range=[len(finalists) + 0.6, 0.4], nticks=6),
        "hovermode": "closest",
    }
    return Figure(
        "Did early ranks foretell the end?",
        spec(lines, layout),
        f"Each line is one of the {len(finalists)} trials that went furthest; blue ended first, and stood at "
        f"rank {ranks[best, 1]} after a third of its epochs. {_verdict(agreement)}",
        "Ranks are among the drawn trials only, by mean validation loss over folds. Trials dropped earlier "
        "cannot be shown at the end, so the agreement is that of the survivors, which is lower than it "
        "would be among all.",
        f"Ranks of {len(finalists)} trials after a ninth, a third and all of their epochs; rank correlation "
        f"{number(agreement, 2)}.",
        height=360,
    )


def _verdict(agreement: float) -> str:
    word = "well" if agreement > 0.7 else "fairly" if agreement > 0.4 else "poorly"
    return f"Early ranks agree {word} with the final ones (rank correlation {number(agreement, 2)})."


def _losses(search: SearchResult, trials: Sequence[Trial]) -> np.ndarray:
    """Mean validation loss at each share of a trial's course, float64 [N, 3]; the best at the end."""
    assert search.history is not None
    position = {trial.number: k for k, trial in enumerate(search.trials)}
    table = np.full((len(trials), len(SHARES)), np.nan)
    for row, trial in enumerate(trials):
        start = position[trial.number] * search.folds
        curves = matrix(search.history.curves[start : start + search.folds], "valid")
        if curves.size == 0 or np.isnan(curves[:, 0]).any():
            continue
        # The best so far, as early stopping keeps it; a fold that stopped early holds its best.
        kept = np.fmin.accumulate(curves, axis=1).mean(axis=0)
        planned = trial.design.epochs if trial.design is not None else len(kept)
        at = [min(len(kept), max(1, math.ceil(share * planned))) - 1 for share, _ in SHARES]
        # Who never trained beyond a third has no end to compare with: equal ranks would look like foresight.
        if len(kept) > at[1] + 1:
            table[row] = kept[at]
    return table


def _line(search: SearchResult, trial: Trial, ranks: np.ndarray, best: bool) -> dict[str, object]:
    text = label(
        f"trial {trial.number}, {search.metric} {number(trial.value, 4)}: {settings(trial.params)}", 110
    )
    return {
        "type": "scatter", "mode": "lines+markers", "x": [0, 1, 2], "y": numbers(ranks), "text": [text] * 3,
        "line": {"color": ACCENT if best else faded(GREY, 0.5), "width": 3 if best else 1.2},
        "marker": {"size": 7 if best else 4, "color": ACCENT if best else GREY},
        "hovertemplate": hover("rank %{y}<br>%{text}"),
    }  # fmt: skip
