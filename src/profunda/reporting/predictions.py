"""Predictions on the held-out rows: confusion and calibration for classes, residuals for numbers."""

from dataclasses import dataclass

import numpy as np

from profunda.data.task import Task
from profunda.reporting.blocks import Block, Facts, Figure, Table
from profunda.reporting.figures import POINTS, axis, hover, label, legend, numbers, spec, thin
from profunda.reporting.palette import ACCENT, GREY, SECOND, faded
from profunda.reporting.targets import target_blocks
from profunda.reporting.words import count, number, share, shorten

__all__ = ["Calibration", "calibration", "prediction_blocks"]

MOST_CLASSES = 20  # of a drawn confusion matrix; above, the most frequent mistakes are listed instead
MOST_BINS = 12
LEAST_IN_BIN = 25  # rows: a share of fewer moves by more than ten points by chance alone


@dataclass(frozen=True, eq=False)
class Calibration:
    """Bins of equal counts: stated probability, observed share, float64 [bins], rows, and their gap.

    `error` is the expected calibration error Σ (n_b / N) |stated − observed| (Naeini, Cooper and Hauskrecht
    2015); `chance` the error that perfectly honest probabilities would have shown on as many rows, on
    average.
    """

    stated: np.ndarray
    observed: np.ndarray
    rows: np.ndarray
    error: float
    chance: float


def calibration(y: np.ndarray, probabilities: np.ndarray) -> Calibration | None:
    """Calibration of the positive class (two classes) or of the winning class (more).

    y int64 [N], probabilities [N, C]; None below 2 · `LEAST_IN_BIN` rows, where no bin could speak.
    """
    if len(y) < 2 * LEAST_IN_BIN:
        return None
    if probabilities.shape[1] == 2:
        p, hit = probabilities[:, 1], y == 1
    else:
        p, hit = probabilities.max(axis=1), probabilities.argmax(axis=1) == y
    order = np.argsort(p, kind="stable")
    bins = np.array_split(order, min(MOST_BINS, len(y) // LEAST_IN_BIN))
    stated = np.array([p[b].mean() for b in bins])
    observed = np.array([hit[b].mean() for b in bins])
    rows = np.array([len(b) for b in bins])
    error = float((rows * np.abs(stated - observed)).sum() / len(y))
    # E|share − p| of a normal with variance p(1−p)/n is its standard deviation times √(2/π).
    spread = np.sqrt(np.array([(p[b] * (1 - p[b])).mean() for b in bins]) / rows)
    chance = float((rows * spread).sum() / len(y) * np.sqrt(2 / np.pi))
    return Calibration(stated, observed, rows, error, chance)


def prediction_blocks(task: Task, y: np.ndarray, prediction: np.ndarray) -> tuple[Block, ...]:
    """What to show of predictions on held-out rows: y [N]; prediction [N, C] probabilities or [N] numbers.

    Of several targets both are [N, C].
    """
    if task.parts:
        return target_blocks(task, np.asarray(y, np.float64), np.asarray(prediction, np.float64))
    if task.numeric:
        return _regression(task, np.asarray(y, dtype=np.float64), np.asarray(prediction, dtype=np.float64))
    y = np.asarray(y)
    blocks: list[Block] = [
        _confusion(task, y, prediction)
        if len(task.classes) <= MOST_CLASSES
        else _mistakes(task, y, prediction)
    ]
    reliability = calibration(y, prediction)
    if reliability is not None:
        blocks.append(_reliability(task, reliability))
    blocks.append(_by_class(task, y, prediction))
    return tuple(blocks)


def _counts(y: np.ndarray, prediction: np.ndarray, classes: int) -> np.ndarray:
    """Rows by true class (first axis) and predicted class (second), int64 [C, C]."""
    return np.bincount(y * classes + prediction.argmax(axis=1), minlength=classes**2).reshape(
        classes, classes
    )


def _confusion(task: Task, y: np.ndarray, prediction: np.ndarray) -> Figure:
    k = len(task.classes)
    counts = _counts(y, prediction, k)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    names = [label(name, 16) for name in task.classes]
    written = [
        [f"{c:,}<br>{share(s)}" if k <= 6 else f"{c:,}" for c, s in zip(*row, strict=True)]
        for row in zip(counts, shares, strict=True)
    ]
    told = [[f"{s:.1%} of this class" for s in row] for row in shares]
    heat = {
        "type": "heatmap", "z": [numbers(row, 3) for row in shares], "x": list(range(k)), "y": list(range(k)),
        # The page's own surface shows through at zero, light or dark; white text would fail on it, not ink.
        "colorscale": [[0, faded(ACCENT, 0.03)], [1, faded(ACCENT, 0.62)]], "zmin": 0, "zmax": 1,
        "showscale": False,
        "text": written if k <= 12 else None, "texttemplate": "%{text}" if k <= 12 else None,
        "customdata": told,
        "hovertemplate": hover("true %{y}, said %{x}: %{customdata}"), "xgap": 2, "ygap": 2,
    }  # fmt: skip
    ticks = {"tickvals": list(range(k)), "ticktext": names, "showgrid": False}
    layout = {
        "xaxis": axis("what the model said", **ticks),
        "yaxis": axis("what was true", **ticks, autorange="reversed"),
    }
    right = int(np.trace(counts))
    return Figure(
        "Which classes it confuses",
        spec([{key: value for key, value in heat.items() if value is not None}], layout),
        f"Rows are the truth, columns what the model said; the diagonal is right: {count(right)} of "
        f"{count(len(y))} rows ({share(right / len(y))}).",
        "The model says the class of the highest probability. A darker cell is a larger share of its row's "
        "class, so that a rare class is as visible as a frequent one.",
        f"Confusion matrix of {k} classes; {count(right)} of {count(len(y))} rows are right.",
        height=min(720, 110 + max(30, min(90, 420 // k)) * k),
    )


def _mistakes(task: Task, y: np.ndarray, prediction: np.ndarray) -> Table:
    counts = _counts(y, prediction, len(task.classes))
    totals = counts.sum(axis=1)
    np.fill_diagonal(counts, 0)
    worst = [divmod(int(k), len(task.classes)) for k in np.argsort(-counts, axis=None, kind="stable")[:20]]
    rows = [
        (
            shorten(task.classes[true]),
            shorten(task.classes[said]),
            int(counts[true, said]),
            share(counts[true, said] / totals[true]),
        )
        for true, said in worst
        if counts[true, said] > 0
    ]
    return Table(
        "The most frequent mistakes", ("true class", "said", "rows", "share of the class"), tuple(rows)
    )


def _by_class(task: Task, y: np.ndarray, prediction: np.ndarray) -> Table:
    counts = _counts(y, prediction, len(task.classes))
    true, said, right = counts.sum(axis=1), counts.sum(axis=0), np.diag(counts)
    keep = np.argsort(-true, kind="stable")[:60]
    rows = [
        (
            shorten(task.classes[k]), int(true[k]), float(prediction[:, k].mean()),
            float(right[k] / true[k]) if true[k] else None, float(right[k] / said[k]) if said[k] else None,
        )
        for k in keep.tolist()
    ]  # fmt: skip
    columns = (
        "class",
        "held-out rows",
        "mean probability given",
        "found (recall)",
        "right when said (precision)",
    )
    cut = (
        f" The {len(rows)} most frequent of {len(task.classes)} classes."
        if len(rows) < len(task.classes)
        else ""
    )
    return Table(
        "Class by class", columns, tuple(rows), f"Shares of a class with few rows move by chance.{cut}"
    )


def _reliability(task: Task, found: Calibration) -> Figure:
    error = 1.96 * np.sqrt(np.maximum(found.observed * (1 - found.observed), 1e-4) / found.rows)
    subject = f"“{shorten(task.classes[1], 20)}”" if len(task.classes) == 2 else "the class it says"
    perfect = {
        "type": "scatter", "mode": "lines", "x": [0, 1], "y": [0, 1], "line": {"color": GREY, "dash": "dot"},
        "name": "honest probabilities", "hoverinfo": "skip",
    }  # fmt: skip
    points = {
        "type": "scatter", "mode": "lines+markers", "x": numbers(found.stated), "y": numbers(found.observed),
        "error_y": {"type": "data", "array": numbers(error, 3), "color": faded(ACCENT, 0.6), "width": 0},
        "line": {"color": ACCENT, "width": 1.5}, "marker": {"color": ACCENT, "size": 8}, "name": "the model",
        "customdata": found.rows.tolist(),
        "hovertemplate": hover("said %{x:.3f}, happened %{y:.3f} (%{customdata} rows)"),
    }  # fmt: skip
    layout = {
        "showlegend": True, "legend": legend(),
        "xaxis": axis(f"probability given to {label(subject, 40)}", range=[-0.03, 1.03]),
        "yaxis": axis("share of rows where it was true", range=[-0.03, 1.03]),
    }  # fmt: skip
    sure = (
        "about what chance alone would show"
        if found.error < 2 * found.chance
        else "more than chance would show"
    )
    return Figure(
        "Are its probabilities honest?",
        spec([perfect, points], layout),
        f"On the dotted line a stated 70 % comes true 70 times of 100. The mean gap is {share(found.error)}, "
        f"{sure}.",
        f"Rows are cut into {len(found.rows)} bins of equal counts by the stated probability; whiskers are "
        "95 % normal intervals of a share. Honest probabilities would show a mean gap of about "
        f"{share(found.chance)} on as many rows.",
        f"Reliability diagram: mean gap {share(found.error)} between stated and observed shares.",
        height=400,
    )


def _regression(task: Task, y: np.ndarray, prediction: np.ndarray) -> tuple[Block, ...]:
    residual = prediction - y
    keep = thin(len(y), POINTS // 2)
    order = np.argsort(y, kind="stable")[keep]
    size = np.abs(residual)
    facts = Facts((
        ("Median miss", number(float(np.median(size)))),
        ("90 of 100 rows miss by less than", number(float(np.quantile(size, 0.9)))),
        ("Mean residual (bias)", number(float(residual.mean()), 2)),
        ("The target's own standard deviation", number(float(y.std()))),
    ))  # fmt: skip
    return facts, _observed(task, y, prediction, order), _residuals(task, prediction, residual, order)


def _observed(task: Task, y: np.ndarray, prediction: np.ndarray, order: np.ndarray) -> Figure:
    low, high = float(min(y.min(), prediction.min())), float(max(y.max(), prediction.max()))
    line = {
        "type": "scatter", "mode": "lines", "x": [low, high], "y": [low, high], "hoverinfo": "skip",
        "line": {"color": SECOND, "dash": "dot", "width": 2}, "name": "perfect",
    }  # fmt: skip
    dots = {
        "type": "scatter", "mode": "markers", "x": numbers(prediction[order]), "y": numbers(y[order]),
        "name": "a row",
        "marker": {"color": ACCENT, "size": 5, "opacity": 0.5},
        "hovertemplate": hover("predicted %{x:.4g}, true %{y:.4g}"),
    }  # fmt: skip
    layout = {
        "showlegend": True, "legend": legend(), "hovermode": "closest",
        "xaxis": axis(f"predicted {label(task.target)}"), "yaxis": axis(f"true {label(task.target)}"),
    }  # fmt: skip
    return Figure(
        "Predicted and true",
        spec([dots, line], layout),
        "Each dot is a held-out row; on the dotted line the prediction is perfect.",
        _drawn(len(order), len(y)),
        f"Predicted against true {task.target} on {count(len(y))} held-out rows.",
        height=420,
    )


def _residuals(task: Task, prediction: np.ndarray, residual: np.ndarray, order: np.ndarray) -> Figure:
    ranked = np.argsort(prediction, kind="stable")
    bins = np.array_split(ranked, max(1, min(MOST_BINS, len(ranked) // LEAST_IN_BIN)))
    middle = [float(prediction[b].mean()) for b in bins]
    quantiles = np.array([np.quantile(residual[b], [0.1, 0.5, 0.9]) for b in bins])
    dots = {
        "type": "scatter", "mode": "markers", "x": numbers(prediction[order]), "y": numbers(residual[order]),
        "marker": {"color": GREY, "size": 4, "opacity": 0.45}, "name": "a row",
        "hovertemplate": hover("predicted %{x:.4g}, off by %{y:.4g}"),
    }  # fmt: skip
    lines = [
        {
            "type": "scatter", "mode": "lines", "x": numbers(middle), "y": numbers(quantiles[:, k]),
            "name": name,
            "line": {"color": ACCENT, "width": 2.4 if k == 1 else 1.3, "dash": "solid" if k == 1 else "dash"},
            "hovertemplate": hover(name + " %{y:.4g}"),
        }
        for k, name in ((1, "median"), (0, "10th percentile"), (2, "90th percentile"))
        if len(bins) > 1
    ]  # fmt: skip
    layout = {
        "showlegend": True, "legend": legend(), "hovermode": "closest",
        "xaxis": axis(f"predicted {label(task.target)}"),
        "yaxis": axis("residual (predicted − true)") | {"zeroline": True, "zerolinewidth": 1.5},
    }  # fmt: skip
    return Figure(
        "Where it misses",
        spec([dots, *lines], layout),
        "The blue median should run along zero: above it the model says too much, below it too little. "
        "Where the dashed lines open, its misses grow.",
        f"Quantiles of the residual in {len(bins)} bins of equal counts by the prediction. "
        f"{_drawn(len(order), len(ranked))}",
        f"Residuals against predicted {task.target} with their median and 10th and 90th percentiles.",
    )


def _drawn(shown: int, total: int) -> str:
    if shown == total:
        return f"All {count(total)} held-out rows are drawn."
    return f"Drawn are {count(shown)} of {count(total)} held-out rows, evenly over the sorted target."
