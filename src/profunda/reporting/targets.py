"""Several targets: what each of them is, and how well each is predicted, beside rivals fitted to it alone."""

import math

import numpy as np

from profunda.data.targets import Target, targets_of
from profunda.data.task import Task
from profunda.metrics.score import Metric
from profunda.model.score import Baseline
from profunda.reporting.blocks import Bar, Bars, Block, Figure, Figures, Table, Text
from profunda.reporting.figures import POINTS, axis, hover, label, numbers, spec, thin
from profunda.reporting.palette import ACCENT, SECOND
from profunda.reporting.words import count, number, share, shorten

__all__ = ["each_target", "label_counts", "target_blocks", "target_values"]

MOST_DRAWN = 6  # targets with a picture of their own
SAME = 0.01  # share of a score by which a rival must differ to be called better or worse


def target_values(task: Task, y: np.ndarray) -> Block:
    """What the targets y float64 [N, C] hold, over all rows that have them."""
    found, rows = targets_of(task, y), len(y)
    if not task.numeric:
        bars = tuple(
            Bar(
                shorten(one.task.target, 40),
                (float(one.y.mean()),),
                f"{share(float(one.y.mean()))} “{shorten(one.task.classes[1], 16)}”{_lacking(one, rows)}",
            )
            for one in found
        )
        return Bars(f"The {len(bars)} labels", bars, "The share of rows for which each label is true.")
    lines = tuple(
        (
            shorten(one.task.target, 40), len(one.rows), float(one.y.mean()), float(one.y.std()),
            float(one.y.min()), float(one.y.max()),
        )
        for one in found
    )  # fmt: skip
    columns = ("target", "rows with a value", "mean", "standard deviation", "least", "most")
    return Table(f"The {len(lines)} targets", columns, lines, "Numbers that are predicted together.")


def _lacking(target: Target, rows: int) -> str:
    return f", missing in {count(rows - len(target.rows))}" if len(target.rows) < rows else ""


def each_target(
    task: Task, metric: Metric, y: np.ndarray, prediction: np.ndarray, baselines: tuple[Baseline, ...]
) -> tuple[Block, ...]:
    """Every target's score beside the baselines', which are fitted to it alone: where sharing pays.

    y and prediction are float64 [N, C] on the held-out rows.
    """
    rivals = [one for one in baselines if one.targets]
    model = metric.each(y, prediction)
    lines, behind = [], []
    for c, name in enumerate(task.names):
        others = [one.targets[c] for one in rivals]
        word = _standing(metric, model[c], others[1:])
        behind += [name] if word.startswith("behind") else []
        rows = int((~np.isnan(y[:, c])).sum())
        lines.append((shorten(name, 40), rows, _cell(model[c]), *map(_cell, others), word))
    columns = ("target", "held-out rows", "the model", *(shorten(one.title, 40) for one in rivals))
    better = "higher" if metric.greater_is_better else "lower"
    table = Table(
        "Target by target",
        (*columns, "the model is"),
        tuple(lines),
        f"Each target's own {metric.title} ({better} is better). The model shares its layers among all "
        "targets; every rival was fitted to one target alone.",
    )
    return (table, Text(_sharing(task, behind), "note")) if len(rivals) > 1 else (table,)


def _cell(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _standing(metric: Metric, own: float, others: list[float]) -> str:
    known = [one for one in others if math.isfinite(one)]
    if not known or not math.isfinite(own):
        return "not to be compared"
    best = max(known) if metric.greater_is_better else min(known)
    gain = (own - best) if metric.greater_is_better else (best - own)
    relative = gain / max(abs(best), 1e-12)
    if abs(relative) < SAME:
        return "level with the best rival"
    return f"{'ahead of' if relative > 0 else 'behind'} the best rival by {share(abs(relative))}"


def _sharing(task: Task, behind: list[str]) -> str:
    if not behind:
        return "No target is better predicted by a rival of its own: nothing here speaks against sharing."
    names = ", ".join(shorten(name, 24) for name in behind[:5]) + (" …" if len(behind) > 5 else "")
    return (
        f"{len(behind)} of {len(task.names)} targets are predicted better by a method fitted to them alone: "
        f"{names}. Sharing may cost them: a run for such a target by itself tells."
    )


def target_blocks(task: Task, y: np.ndarray, prediction: np.ndarray) -> tuple[Block, ...]:
    """Predictions of several targets on held-out rows: counts of each label, or numbers against the truth."""
    if not task.numeric:
        return (label_counts(task, y, prediction),)
    drawn = tuple(
        _observed(one, prediction[one.rows, c]) for c, one in enumerate(targets_of(task, y)) if len(one.rows)
    )
    what = "Each dot is a held-out row; on the dotted line the prediction is perfect."
    more = f" The first {MOST_DRAWN} of {len(task.names)} targets." if len(drawn) > MOST_DRAWN else ""
    return (
        Figures("Predicted and true", drawn[:MOST_DRAWN], what + more, "Rows without a value are left out."),
    )


def label_counts(task: Task, y: np.ndarray, prediction: np.ndarray) -> Table:
    """The confusion of each label, a line each."""
    lines = []
    for c, one in enumerate(targets_of(task, y)):
        true, p = one.y == 1, prediction[one.rows, c]
        said = p > 0.5
        hits, all_true, all_said = int((true & said).sum()), int(true.sum()), int(said.sum())
        lines.append(
            (
                shorten(one.task.target, 40), hits, all_said - hits, all_true - hits,
                len(true) - all_said - all_true + hits, hits / all_true if all_true else None,
                hits / all_said if all_said else None, float(p.mean()) if len(p) else None,
                float(true.mean()) if len(p) else None,
            )
        )  # fmt: skip
    columns = (
        "label", "rightly said", "wrongly said", "missed", "rightly not said", "found (recall)",
        "right when said (precision)", "mean probability given", "share of rows",
    )  # fmt: skip
    return Table(
        "Label by label",
        columns,
        tuple(lines),
        "A label is said where its probability is above one half. Honest probabilities have the mean of the "
        "last column.",
    )


def _observed(target: Target, prediction: np.ndarray) -> Figure:
    name, y = target.task.target, target.y
    keep = np.argsort(y, kind="stable")[thin(len(y), POINTS // MOST_DRAWN)]
    low, high = float(min(y.min(), prediction.min())), float(max(y.max(), prediction.max()))
    dots = {
        "type": "scatter", "mode": "markers", "x": numbers(prediction[keep]), "y": numbers(y[keep]),
        "marker": {"color": ACCENT, "size": 4, "opacity": 0.5},
        "hovertemplate": hover("predicted %{x:.4g}, true %{y:.4g}"),
    }  # fmt: skip
    line = {
        "type": "scatter", "mode": "lines", "x": [low, high], "y": [low, high], "hoverinfo": "skip",
        "line": {"color": SECOND, "dash": "dot", "width": 2},
    }  # fmt: skip
    layout = {"showlegend": False, "xaxis": axis(f"predicted {label(name, 20)}"), "yaxis": axis("true")}
    miss = number(float(np.median(np.abs(prediction - y))))
    return Figure(
        shorten(name, 40),
        spec([dots, line], layout),
        f"Half of the rows are missed by less than {miss}.",
        "",
        f"Predicted against true {name} on {count(len(y))} held-out rows.",
        height=280,
    )
