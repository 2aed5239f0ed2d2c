"""Where good networks live: each hyperparameter against the score, the two that matter most, all."""

import hashlib
from collections.abc import Sequence

import numpy as np

from profunda.reporting.blocks import Figure, Figures
from profunda.reporting.figures import POINTS, axis, hover, label, legend, log_axis, numbers, spec
from profunda.reporting.palette import ACCENT, GREY, SECOND, SEQUENCE, faded
from profunda.reporting.standing import chosen, frame, improvements, is_log, order, scored, varied
from profunda.reporting.words import count, number, setting, settings
from profunda.space.domain import Choice
from profunda.tuning.result import SearchResult, Trial

__all__ = ["parallel", "progress", "score_map", "size_front", "slices"]

MOST_SLICES = 6
MOST_ROWS = 12
_TRIAL_POINTS = 300
_CATEGORIES = 12
_FACTOR = 6.0  # between the ends of an axis: above, it is logarithmic


def progress(search: SearchResult) -> Figure | None:
    """The best value so far over trials, with every trial's own; None with fewer than two scored trials."""
    trials = scored(search)
    if len(trials) < 2:
        return None
    position = {trial.number: k for k, trial in enumerate(search.trials, start=1)}
    drawn = chosen(order(search), POINTS // 2)
    low, high = frame([t.value for t in trials], search.greater_is_better)
    seen, best = improvements(search)
    where = " (validation)" if search.history is not None else ""
    dots = {
        "type": "scatter", "mode": "markers", "x": [position[t.number] for t in drawn],
        "y": numbers([t.value for t in drawn]), "text": [label(settings(t.params), 90) for t in drawn],
        "marker": {"color": GREY, "opacity": 0.55, "size": 5}, "name": "a trial",
        "hovertemplate": hover("%{y:.4g}<br>%{text}"),
    }  # fmt: skip
    line = {
        "type": "scatter", "mode": "lines", "x": [*seen, len(search.trials)], "y": numbers([*best, best[-1]]),
        "line": {"color": ACCENT, "width": 2.6, "shape": "hv"}, "name": "best so far",
        "hovertemplate": hover("best so far %{y:.4g}"),
    }  # fmt: skip
    layout = {
        "showlegend": True, "legend": legend(), "xaxis": axis("trials seen"),
        "yaxis": _value_axis(label(search.metric) + where, low, high),
    }  # fmt: skip
    last = f"The last improvement came after {count(seen[-1])} of {count(len(search.trials))} trials."
    return Figure(
        "Best value so far",
        spec([dots, line], layout),
        f"Each dot is one trial, the line the best value found up to then. {last}",
        "The line counts trials that went to the last comparison only; the worst sixth of the trials lies "
        "outside the frame. A line that still moves at its right end says that a longer search would pay.",
        f"Best {search.metric} found so far over {count(len(search.trials))} trials. {last}",
    )


def slices(search: SearchResult, names: Sequence[str]) -> Figures | None:
    """One small figure for each of the first `MOST_SLICES` of `names` that varied."""
    names = [name for name in names if name in varied(search)][:MOST_SLICES]
    trials = order(search)
    if not names or len(trials) < 3:
        return None
    each = max(20, min(_TRIAL_POINTS, POINTS // len(names)))
    drawn = chosen(trials, each)
    figures = tuple(_slice(search, name, drawn) for name in names)
    cut = (
        f" Drawn are {count(len(drawn))} of {count(len(trials))} trials, the best half of them all."
        if len(drawn) < len(trials)
        else ""
    )
    return Figures(
        "Where good trials live",
        figures,
        "One dot is one trial: blue went to the last comparison, grey was dropped before, the orange one is "
        f"the best. {'Higher' if search.greater_is_better else 'Lower'} is better: look for columns where "
        "blue dots gather.",
        "Each panel shows one hyperparameter while all others vary too, so a cloud without shape means that "
        "it hardly matters alone. Values beyond the frame (the worst sixth) are drawn as triangles at its "
        f"edge. A grey dot was scored after fewer epochs than a blue one.{cut}",
    )


def _slice(search: SearchResult, name: str, drawn: Sequence[Trial]) -> Figure:
    trials = [t for t in drawn if name in t.params]
    x, x_axis = _positions(search, name, [t.params[name] for t in trials], short=True)
    low, high = frame([t.value for t in drawn], search.greater_is_better)
    clipped = np.clip([t.value for t in trials], low, high)
    top = max(t.rung for t in drawn)
    best = search.best
    colours = [
        SECOND if best is not None and t.number == best.number else ACCENT if t.rung == top else GREY
        for t in trials
    ]
    outside = [t.value < low or t.value > high for t in trials]
    edge = "triangle-down" if search.greater_is_better else "triangle-up"
    dots = {
        "type": "scatter", "mode": "markers", "x": x, "y": numbers(clipped),
        "text": [_told(search, t, [name]) for t in trials],
        "marker": {
            "color": colours, "opacity": [1.0 if c == SECOND else 0.6 for c in colours],
            "size": [11 if c == SECOND else 6 for c in colours], "line": {"width": 0},
            "symbol": [edge if o else "circle" for o in outside],
        },
        "hovertemplate": hover("%{text}"),
    }  # fmt: skip
    y_axis = _value_axis(label(search.metric), low, high)
    layout = {"xaxis": x_axis, "yaxis": y_axis, "hovermode": "closest"}
    alt = f"{search.metric} of {len(trials)} trials against {name}."
    return Figure(name, spec([dots], layout), "", "", alt, height=260)


def _value_axis(title: str, low: float, high: float) -> dict[str, object]:
    """The scores' axis: logarithmic where factors matter, so that the good ones stand apart."""
    if low > 0 and high / low > _FACTOR:
        return log_axis(title, low, high, short=True)
    margin = 0.07 * (high - low) or 0.5
    return axis(title, range=[low - margin, high + margin], nticks=5)


def _positions(
    search: SearchResult, name: str, values: Sequence[object], *, short: bool = False
) -> tuple[list, dict[str, object]]:
    """Where values stand on an axis, and the axis: a scale for intervals, columns for choices."""
    domain = search.space.domains[name]
    if not isinstance(domain, Choice):
        ends = np.array([float(v) for v in values])  # type: ignore[arg-type]
        if is_log(domain):
            return numbers(ends), log_axis(label(name), float(ends.min()), float(ends.max()), short=short)
        return numbers(ends), axis(label(name), nticks=5)
    jitter = [_jitter(name, k) for k in range(len(values))]
    columns = [domain.index(v) + j for v, j in zip(values, jitter, strict=True)]
    size = len(domain.values)
    step = -(-size // _CATEGORIES)
    ticks = list(range(0, size, step))
    texts = [label(setting(domain.values[k]), 12) for k in ticks]
    return numbers(columns), axis(label(name), tickvals=ticks, ticktext=texts, range=[-0.5, size - 0.5])


def _told(search: SearchResult, trial: Trial, names: Sequence[str]) -> str:
    """A trial in a hover box."""
    words = f"trial {trial.number}: {search.metric} {number(trial.value, 4)}; {settings(trial.params, names)}"
    return label(words, 120)


def _jitter(name: str, k: int) -> float:
    """A fixed shift within ±0.28 of a column, so that dots do not cover each other."""
    digest = hashlib.blake2b(f"{name}/{k}".encode(), digest_size=4).digest()
    return 0.56 * (int.from_bytes(digest, "big") / 2**32 - 0.5)


def score_map(search: SearchResult, names: Sequence[str]) -> Figure | None:
    """The first two of `names` that varied together, coloured by score; None without two."""
    names = [name for name in names if name in varied(search)][:2]
    trials = [t for t in order(search) if all(name in t.params for name in names)]
    if len(names) < 2 or len(trials) < 10:
        return None
    drawn = chosen(trials, POINTS // 3)
    x, x_axis = _positions(search, names[0], [t.params[names[0]] for t in drawn])
    y, y_axis = _positions(search, names[1], [t.params[names[1]] for t in drawn])
    dots = {
        "type": "scatter", "mode": "markers", "x": x, "y": y, "marker": _score_colours(search, drawn),
        "text": [_told(search, t, names) for t in drawn],
        "hovertemplate": hover("%{text}"),
    }  # fmt: skip
    layout = {"xaxis": x_axis, "yaxis": y_axis, "hovermode": "closest"}
    pair = f"{names[0]} and {names[1]}"
    return Figure(
        f"The two that matter most together: {pair}",
        spec([dots], layout),
        f"Each dot is one trial at its {pair}; violet is good, olive is poor. A violet region is where to "
        "search next.",
        "All other hyperparameters vary behind each dot, which is why good and poor ones may touch. Values "
        "of the worst sixth share the last colour.",
        f"Map of {len(drawn)} trials over {pair}, coloured by {search.metric}.",
        height=400,
    )


def _score_colours(search: SearchResult, drawn: Sequence[Trial]) -> dict[str, object]:
    """Markers coloured by score, violet for good, with their scale beside the figure."""
    low, high = frame([t.value for t in drawn], search.greater_is_better)
    scale = SEQUENCE if search.greater_is_better else tuple((1 - p, c) for p, c in reversed(SEQUENCE))
    bar = {
        "title": {"text": label(search.metric, 14)},
        "thickness": 12,
        "len": 0.9,
        "nticks": 5,
        "outlinewidth": 0,
    }
    return {
        "color": numbers(np.clip([t.value for t in drawn], low, high)), "colorscale": scale, "cmin": low,
        "cmax": high,
        "size": 9, "opacity": 0.85, "colorbar": bar,
    }  # fmt: skip


_GROUPS = (
    ("all others", GREY, 0.28, 1.0),
    ("the next fifth", "#8560b0", 0.55, 1.2),
    ("the best twentieth", ACCENT, 0.95, 2.0),
)


def parallel(search: SearchResult, names: Sequence[str], *, ranked: bool) -> Figure | None:
    """Every hyperparameter as a row, every trial as a line through its values; None unless three varied.

    `ranked` says that `names` come with the most important first.
    """
    names = [name for name in names if name in varied(search)][:MOST_ROWS]
    trials = order(search)
    if len(names) < 3 or len(trials) < 10:
        return None
    best, good = max(3, len(trials) // 20), max(6, len(trials) // 4)
    drawn = chosen(trials, POINTS // (len(names) + 1))
    head = {t.number: k for k, t in enumerate(trials)}
    groups: tuple[list[Trial], ...] = ([], [], [])
    for trial in drawn:
        place = head[trial.number]
        groups[2 if place < best else 1 if place < good else 0].append(trial)
    data = [
        _lines(search, names, group, style) for group, style in zip(groups, _GROUPS, strict=True) if group
    ]
    layout = _rows_layout(search, names)
    first = " The most important hyperparameter is at the top." if ranked else ""
    return Figure(
        "All hyperparameters at once",
        spec(data, layout),
        "A line is one trial, its bends are its values. Where the blue lines run through the same spot of a "
        "row, good networks agree on that value. Click on a name in the legend to hide a group.",
        f"Drawn are {count(len(drawn))} of {count(len(trials))} scored trials, the best all.{first} Each "
        "row runs over its domain (logarithmic where it was drawn so). A gap means that the parameter does "
        "not exist for that trial.",
        f"Parallel coordinates of {len(drawn)} trials over {', '.join(names)}.",
        height=90 + 62 * len(names),
        least_width=560,
    )


def _rows_layout(search: SearchResult, names: Sequence[str]) -> dict[str, object]:
    """One horizontal axis a hyperparameter, the first at the top, with its values below it."""
    return {
        "showlegend": True,
        "legend": legend() | {"y": 1.04},
        "hovermode": "closest",
        "xaxis": {"visible": False, "range": [-0.03, 1.03]},
        "yaxis": {
            "tickvals": list(range(len(names))), "ticktext": [label(name, 18) for name in names],
            "automargin": True,
            "range": [len(names) - 0.4, -0.35], "zeroline": False, "showgrid": True,
        },
        "annotations": [mark for row, name in enumerate(names) for mark in _scale(search, name, row)],
    }  # fmt: skip


def _lines(
    search: SearchResult, names: Sequence[str], trials: Sequence[Trial], style: tuple[str, str, float, float]
) -> dict[str, object]:
    """All lines of one group as one trace, with gaps between them."""
    name, colour, opacity, width = style
    columns = [search.space.free.index(n) for n in names]
    places = search.space.encode([t.params for t in trials])[:, columns]
    for k, row_name in enumerate(names):
        if isinstance(search.space.domains[row_name], Choice):
            # Lines through the same choice would hide each other: a bundle shows how many there are.
            places[:, k] += [0.07 * _jitter(row_name, trial.number) for trial in trials]
    gap = np.full((len(trials), 1), np.nan)
    rows = np.arange(len(names), dtype=np.float64)
    words = [label(f"trial {t.number}: {search.metric} {number(t.value, 4)}", 60) for t in trials]
    return {
        "type": "scatter", "mode": "lines+markers", "name": name, "connectgaps": False,
        "x": numbers(np.hstack([places, gap]).ravel(), 3),
        "y": numbers(np.tile(np.append(rows, np.nan), len(trials)), 3),
        "text": [word for word in words for _ in range(len(names) + 1)],
        "line": {"color": faded(colour, opacity), "width": width, "shape": "linear"},
        "marker": {"color": faded(colour, opacity), "size": 4},
        "hovertemplate": hover("%{text}"),
    }  # fmt: skip


def _scale(search: SearchResult, name: str, row: int) -> list[dict[str, object]]:
    """The values below a row: both ends of an interval, every value of a choice while there is room."""
    domain = search.space.domains[name]
    if isinstance(domain, Choice):
        step = -(-len(domain.values) // 7)
        marks = [(domain.place(v), setting(v)) for v in domain.values[::step]]
    else:
        values = domain.at(np.array([0.0, 0.5, 1 - 1e-9]))
        marks = [(p, setting(v)) for p, v in zip((0.0, 0.5, 1.0), values, strict=True)]
    anchors = {0.0: "left", 1.0: "right"}
    return [
        {
            "x": place, "y": row, "yshift": -15, "text": label(text, 11), "showarrow": False,
            "font": {"size": 10.5},
            "xanchor": anchors.get(place, "center"), "opacity": 0.75,
        }
        for place, text in marks
    ]  # fmt: skip


def size_front(search: SearchResult) -> Figure | None:
    """Quality against size: every trial that went furthest, and the front of those that nothing betters.

    None where the sizes are not known, or all alike.
    """
    trials = [t for t in scored(search) if t.parameters > 0 and t.rung == max(o.rung for o in search.trials)]
    if len({t.parameters for t in trials}) < 2:
        return None
    front = sorted(_front(trials, search.greater_is_better), key=lambda t: t.parameters)
    drawn = chosen(sorted(trials, key=lambda t: t.value, reverse=search.greater_is_better), POINTS // 2)
    low, high = frame([t.value for t in trials], search.greater_is_better)
    told = [label(f"{t.parameters:,} parameters; {settings(t.params)}", 90) for t in drawn]
    dots = {
        "type": "scatter", "mode": "markers", "x": [t.parameters for t in drawn],
        "y": numbers(np.clip([t.value for t in drawn], low, high)), "text": told, "name": "a design",
        "marker": {"color": GREY, "opacity": 0.6, "size": 6}, "hovertemplate": hover("%{y:.4g}<br>%{text}"),
    }  # fmt: skip
    line = {
        "type": "scatter", "mode": "lines+markers", "x": [t.parameters for t in front],
        "y": numbers(np.clip([t.value for t in front], low, high)),
        "name": "nothing is both smaller and better",
        "line": {"color": ACCENT, "width": 2.2, "shape": "hv"}, "marker": {"color": ACCENT, "size": 8},
        "hovertemplate": hover("%{x:,} parameters: %{y:.4g}"),
    }  # fmt: skip
    sizes = [t.parameters for t in trials]
    layout = {
        "showlegend": True, "legend": legend(),
        "xaxis": log_axis("parameters of one network", float(min(sizes)), float(max(sizes))),
        "yaxis": _value_axis(label(search.metric), low, high),
    }  # fmt: skip
    best, small = front[-1], front[0]
    what = (
        f"The best design has {count(best.parameters)} parameters ({number(best.value, 4)}); the smallest on "
        f"the front {count(small.parameters)} ({number(small.value, 4)})."
    )
    better = "Upwards" if search.greater_is_better else "Downwards"
    return Figure(
        "Quality against size",
        spec([dots, line], layout),
        f"{what} {better} and left is better.",
        "Every dot is a trial of the last comparison, scored on validation rows, so the best of each size "
        "are a little flattered; dots beyond the frame lie on its edge. The front holds those that no other "
        "one betters in one respect without losing in the other.",
        f"{search.metric} against the number of parameters of {count(len(trials))} designs. {what}",
    )


def _front(trials: Sequence[Trial], greater_is_better: bool) -> list[Trial]:
    sign = -1.0 if greater_is_better else 1.0
    found: list[Trial] = []
    for trial in sorted(trials, key=lambda t: (t.parameters, sign * t.value, t.number)):
        if not found or sign * trial.value < sign * found[-1].value:
            found.append(trial)
    return found
