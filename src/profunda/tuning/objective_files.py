"""What a search of a user's objective leaves beside its journal: `trials.csv` and `summary.json`."""

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

from profunda.journal.durable import write_durably
from profunda.tuning.result import SearchResult, Trial

__all__ = ["write_files"]


def write_files(folder: Path, result: SearchResult, why: str, seed: int) -> None:
    """Write both files anew; each is whole at any moment."""
    write_durably(folder / "trials.csv", _table(result).encode())
    write_durably(
        folder / "summary.json", json.dumps(_summary(result, why, seed), indent=2, allow_nan=False).encode()
    )


def _table(result: SearchResult) -> str:
    """One line a trial; a column for each metric (``scores_…``) and each parameter (``params_…``).

    A column `budget` where there are rungs, `violation` where a constraint is missed.
    """
    metrics = list(dict.fromkeys(name for trial in result.trials for name, _ in trial.scores))
    names = result.space.names
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = [*(f"scores_{name}" for name in metrics), *(f"params_{name}" for name in names)]
    more = ["budget"] if any(trial.epochs for trial in result.trials) else []
    more += ["violation"] if any(trial.violation for trial in result.trials) else []
    writer.writerow(["number", "status", "value", *head, *more, "seconds", "message"])
    for trial in result.trials:
        scores = dict(trial.scores)
        numbers = [_cell(scores.get(name)) for name in metrics]
        params = [_cell(trial.params.get(name)) for name in names]
        value = _cell(trial.value if math.isfinite(trial.value) else None)
        reached = {"budget": trial.epochs, "violation": _cell(trial.violation)}
        row = [trial.number, trial.status.value, value, *numbers, *params]
        row += [*(reached[name] for name in more), f"{trial.seconds:.6g}"]
        writer.writerow([*row, trial.message])
    return text.getvalue()


def _cell(value: Any) -> Any:
    """Numbers to full precision; an inactive parameter, a missing metric and None are empty cells."""
    return "" if value is None else repr(value) if isinstance(value, float) else value


def _summary(result: SearchResult, why: str, seed: int) -> dict[str, Any]:
    front = {"front": [trial.number for trial in result.front]} if result.objectives else {}
    return {
        "kind": "objective",
        "metric": result.metric,
        "direction": "maximize" if result.greater_is_better else "minimize",
        "sampler": result.sampler,
        "seed": seed,
        "trials": len(result.trials),
        "best": _best(result.best),
        **front,
        "endings": {status.value: count for status, count in result.endings},
        "explanations": [one.text for one in result.explanations],
        "stopped": why,
        "seconds": result.seconds,
        "sampler_seconds": result.sampler_seconds,
        "sampler_share": result.sampler_share,
    }


def _best(trial: Trial | None) -> dict[str, Any] | None:
    if trial is None:
        return None
    scores = {name: value if math.isfinite(value) else None for name, value in trial.scores}
    return {"number": trial.number, "value": trial.value, "scores": scores, "params": dict(trial.params)}
