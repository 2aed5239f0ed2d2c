"""Learning curves: the fleet as a band, the champion on it, and how many networks were still training."""

from collections.abc import Sequence

import numpy as np

from profunda.fleet.history import History, MemberHistory
from profunda.reporting.blocks import Figure
from profunda.reporting.figures import axis, hover, legend, log_axis, numbers, spec, thin
from profunda.reporting.palette import ACCENT, GREY, SECOND, faded
from profunda.reporting.words import count, number

__all__ = ["learning_curves", "loss_title", "matrix"]

LEAST_CROWD = 5
EPOCHS = 180  # drawn: nine series of them stay below 2,000 points
_LOG = 6.0  # a range of losses above this factor is drawn on a logarithmic axis


def loss_title(classes: bool) -> str:
    """What the losses of a history are, with their unit."""
    return "log-loss (nats)" if classes else "squared error / target variance"


def matrix(curves: Sequence[MemberHistory], which: str) -> np.ndarray:
    """Losses float64 [M, E] of "train" or "valid", NaN after a member's last epoch."""
    rows = [np.asarray(c.valid_loss if which == "valid" else c.train_loss, dtype=np.float64) for c in curves]
    table = np.full((len(rows), max((len(row) for row in rows), default=0)), np.nan)
    for row, losses in zip(table, rows, strict=True):
        row[: len(losses)] = np.where(np.isfinite(losses), losses, np.nan)
    return table


def learning_curves(history: History, champion: Sequence[int], unit: str) -> Figure | None:
    """The band of all members' validation losses with the champion's; None where nobody trained an epoch.

    `champion` are the positions of the champion's members (its folds) in `history`.
    """
    losses = matrix(history.curves, "valid")
    if losses.size == 0 or not np.isfinite(losses).any():
        return None
    alive = np.isfinite(losses).sum(axis=0)
    epochs = thin(int(np.flatnonzero(alive).max()) + 1, EPOCHS)
    # Every chosen epoch is reached by somebody, so no column is all NaN.
    epochs = epochs[alive[epochs] > 0]
    # Quantiles of a handful say nothing: the band ends where fewer networks are left, the count goes on.
    crowd = epochs[alive[epochs] >= min(LEAST_CROWD, alive[epochs].max())]
    band = np.nanquantile(losses[:, crowd], [0.1, 0.25, 0.5, 0.75, 0.9], axis=0)
    chosen = [history.curves[k] for k in champion]
    own_valid, own_train = _mean_curve(matrix(chosen, "valid")), _mean_curve(matrix(chosen, "train"))
    data = [*_band(crowd, band), *_champion(own_train, own_valid), _alive(epochs, alive)]
    layout = {
        "showlegend": True,
        "legend": legend(),
        "hovermode": "x",
        "xaxis": axis("epochs trained", anchor="y2", rangemode="tozero"),
        "yaxis": _loss_axis(unit, band, own_valid, own_train) | {"domain": [0.27, 1]},
        "yaxis2": axis("training", domain=[0, 0.19], rangemode="tozero", nticks=3),
    }
    return Figure(
        "Learning curves",
        spec(data, layout),
        _what(own_valid),
        "An epoch is one pass over the training rows. Bands are quantiles over the networks still training "
        "at that epoch, so they fall not only because networks learn but also because the search stops the "
        "worst; the lower panel counts those left. The champion's line is the mean over its folds, as far "
        "as all of them trained. The training loss is taken while weights change and with dropout on, so it "
        "can lie above the validation loss.",
        f"Validation loss of {count(len(history.curves))} networks over epochs as a band, with the "
        "champion's training and validation loss, and the number of networks still training.",
        height=470,
    )


def _what(own_valid: np.ndarray) -> str:
    text = (
        "The grey band is the whole fleet on validation rows (darker: its middle half); the blue line is "
        "the champion."
    )
    if len(own_valid) == 0:
        return text
    best = int(np.nanargmin(own_valid))
    return f"{text} It was best (the dot) after epoch {best + 1}, at {number(float(own_valid[best]))}."


def _mean_curve(table: np.ndarray) -> np.ndarray:
    """Mean over folds while all of them train: a mean over the survivors alone would jump where one ends."""
    if table.size == 0:
        return np.empty(0)
    whole = np.isfinite(table).all(axis=0)
    length = table.shape[1] if whole.all() else int(np.argmin(whole))
    return table[:, :length].mean(axis=0)


def _loss_axis(unit: str, band: np.ndarray, *curves: np.ndarray) -> dict[str, object]:
    """The y axis: around band and champion, without the worst tenth; logarithmic where factors matter."""
    marks = np.concatenate([band[:4].ravel(), *curves])
    marks = marks[np.isfinite(marks)]
    low, high = float(marks.min()), float(np.quantile(marks, 0.995))
    if low > 0 and high / low > _LOG:
        return log_axis(unit, low, high)
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 0.5
    return axis(unit, range=[low - margin, high + margin])


def _band(epochs: np.ndarray, band: np.ndarray) -> list[dict[str, object]]:
    x = (epochs + 1).tolist()
    traces: list[dict[str, object]] = []
    for lower, upper, opacity, name in (
        (0, 4, 0.2, "fleet, 10–90 %"),
        (1, 3, 0.3, "fleet, 25–75 %"),
    ):
        edge = {"type": "scatter", "mode": "lines", "x": x, "line": {"width": 0}, "hoverinfo": "skip"}
        traces.append(edge | {"y": numbers(band[lower]), "showlegend": False})
        fill = {"fill": "tonexty", "fillcolor": faded(GREY, opacity), "name": name}
        traces.append(edge | {"y": numbers(band[upper])} | fill)
    middle = {"type": "scatter", "mode": "lines", "x": x, "y": numbers(band[2]), "name": "fleet, median"}
    traces.append(middle | {"line": {"color": GREY, "width": 1.5}, "hovertemplate": hover("median %{y:.4g}")})
    return traces


def _champion(train: np.ndarray, valid: np.ndarray) -> list[dict[str, object]]:
    traces: list[dict[str, object]] = []
    styles = ((train, "champion, training", SECOND, "dash"), (valid, "champion, validation", ACCENT, "solid"))
    for losses, name, colour, dash in styles:
        if len(losses) == 0:
            continue
        keep = thin(len(losses), EPOCHS)
        line = {"type": "scatter", "x": (keep + 1).tolist(), "y": numbers(losses[keep]), "name": name}
        line |= {
            "mode": "lines" if len(keep) > 1 else "markers",
            "line": {"color": colour, "width": 2.6, "dash": dash},
        }
        traces.append(line | {"hovertemplate": hover(name + " %{y:.4g}")})
    if len(valid):
        best = int(np.nanargmin(valid))
        point: dict[str, object] = {
            "type": "scatter",
            "mode": "markers",
            "x": [best + 1],
            "y": numbers(valid[[best]]),
        }
        traces.append(
            point
            | {"marker": {"color": ACCENT, "size": 10, "line": {"color": "#ffffff", "width": 1.5}}}
            | {"showlegend": False, "hoverinfo": "skip"}
        )
    return traces


def _alive(epochs: np.ndarray, alive: np.ndarray) -> dict[str, object]:
    return {
        "type": "scatter", "mode": "lines", "x": (epochs + 1).tolist(), "y": alive[epochs].tolist(),
        "yaxis": "y2",
        "line": {"color": GREY, "width": 1, "shape": "hv"}, "fill": "tozeroy", "fillcolor": faded(GREY, 0.35),
        "showlegend": False, "hovertemplate": hover("%{y} networks training"),
    }  # fmt: skip
