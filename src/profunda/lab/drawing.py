"""Pictures as figures of a page, in one look and in either language."""

from collections import Counter
from collections.abc import Sequence
from textwrap import wrap
from typing import Any

import numpy as np

from profunda.lab.pictures import Axis, Diagram, Heat, Mark, Picture, Plot, Role, Series, Sheet, Spot
from profunda.lab.words import Language, localised
from profunda.reporting.blocks import Figure
from profunda.reporting.figures import axis, hover, label, legend, log_axis, numbers, spec, thin
from profunda.reporting.palette import ACCENT, BAD, GOOD, GREY, SECOND, SEQUENCE, faded

__all__ = ["figure"]

_COLOURS = {
    "measured": ACCENT,
    "theory": GREY,
    "second": SECOND,
    "good": GOOD,
    "bad": BAD,
    "rest": GREY,
}
_MODES = {"line": "lines", "points": "markers", "both": "lines+markers", "stairs": "lines"}
_DASHES = ("dash", "dashdot", "dot", "longdashdot")
_POINTS = 1_800
_LEGEND_LINE = 22
_PHONE_LETTERS = 33


def figure(picture: Picture, language: Language) -> Figure:
    """The figure of `picture` with its texts in `language`."""
    if isinstance(picture, Plot):
        return _plot(picture, language)
    if isinstance(picture, Sheet):
        return _sheet(picture, language)
    return _heat(picture, language) if isinstance(picture, Heat) else _diagram(picture, language)


def _plot(plot: Plot, language: Language) -> Figure:
    share = max(50, _POINTS // max(1, len(plot.series)))
    sliding = plot.slider is not None
    data = [
        trace
        for one, dash in zip(plot.series, _dashes(plot.series), strict=True)
        for trace in _traces(one, dash, share, language, sliding)
    ]
    data += [_spots(plot.spots, plot.series, language)] if plot.spots else []
    named = [one for one in plot.series if one.name.to(language) and one.step in (None, 0)]
    shapes, notes = _marks(plot.marks, plot, language)
    across = [x for one in plot.series for x in one.x]
    reached = [mark.y for mark in plot.marks if mark.y is not None]
    upward = [y for one in plot.series for y in (*one.y, *one.low, *one.high)] + reached
    layout: dict[str, Any] = _separators(language) | {
        "xaxis": _axis(plot.x, across, language) | _whole(plot.x, across),
        "yaxis": _axis(plot.y, upward, language),
        "shapes": shapes,
        "annotations": notes,
        "showlegend": len(named) > 1 or any(one.role == "theory" for one in named),
        "legend": legend(),
        "barmode": "group",
    }
    height = 400 + _LEGEND_LINE * (len(named) // 3 if layout["showlegend"] else 0)
    height = max(height, _rows_height(plot.y))
    if plot.equal:
        layout["yaxis"] |= {"scaleanchor": "x", "constrain": "domain"}
        layout["xaxis"] |= {"constrain": "domain"}
        height = max(height, 520)
    if plot.slider is not None:
        layout["sliders"] = [_slider(plot, data, language)]
        height += 80
    title, what = plot.title.to(language), plot.what.to(language)
    return Figure(title, spec(data, layout), what, "", f"{title}. {what}", height=height)


def _separators(language: Language) -> dict[str, Any]:
    """Decimal comma and thousands point in Portuguese; Plotly's own are the English ones."""
    return {"separators": ",."} if language == "pt" else {}


def _axis(one: Axis, values: Sequence[float], language: Language) -> dict[str, Any]:
    title = one.title.to(language)
    if one.names:
        texts = [label(name.to(language), 32) for name in one.names]
        if sum(map(len, texts)) > 60:
            texts = ["<br>".join(wrap(text, 14)) for text in texts]
        # Level, or upright on a phone: of texts aslant those that would pass the edge are left out.
        turned = {"autotickangles": [0, 90], "range": [-0.6, len(texts) - 0.4]}
        return axis(title, tickvals=list(range(len(texts))), ticktext=texts, **turned)
    if one.log:
        positive = [value for value in values if 0 < value < float("inf")]
        ends = one.range or (min(positive, default=0.1), max(positive, default=10.0))
        if ends[0] == ends[1]:
            ends = (ends[0] / 2, ends[1] * 2)
        found = log_axis(title, *ends)
        found["ticktext"] = [text.replace("1·10", "10") for text in found["ticktext"]]
        if language == "pt":
            found["ticktext"] = [localised(text) for text in found["ticktext"]]
        return found
    return axis(title) | ({"range": list(one.range)} if one.range is not None else {})


def _whole(one: Axis, values: Sequence[float]) -> dict[str, Any]:
    """A tick at each whole number where a short axis has no others: there is no layer 1.5."""
    few = bool(values) and 1 < max(values) - min(values) <= 10
    if one.log or one.names or not few or any(value != round(value) for value in values):
        return {}
    return {"dtick": 1}


def _dashes(drawn: Sequence[Series]) -> list[str]:
    """Theories of one colour that are seen together differ by their dashes; parts without a name go on."""
    used: Counter[tuple[Role | None, int | None]] = Counter()
    found = []
    for one in drawn:
        if one.role != "theory":
            found.append("solid")
            continue
        colour = one.beside, one.step
        used[colour] += bool(one.name.en)
        found.append(_DASHES[max(0, used[colour] - 1) % len(_DASHES)])
    return found


def _traces(one: Series, dash: str, share: int, language: Language, sliding: bool) -> list[dict[str, Any]]:
    """The line or the bars of a series, with its band before it."""
    keep = thin(len(one.x), share) if one.kind != "bars" else np.arange(len(one.x))
    x, y = (numbers(np.asarray(values)[keep]) for values in (one.x, one.y))
    colour, name = _COLOURS[one.beside or one.role], label(one.name.to(language), 60)
    shown = {"visible": one.step in (None, 0)} if sliding else {}
    hovering = {"hovertemplate": hover(f"{name} (%{{x:.4g}}; %{{y:.4g}})")}
    common = {"x": x, "y": y, "name": name, "showlegend": bool(name)} | hovering | shown
    if one.kind == "bars":
        bars = {"type": "bar", "marker": {"color": faded(colour, 0.85)}} | common
        told = _whiskers(one, keep)
        if told:  # the drawing library's own colour is too dark for a dark page
            told["error_y"]["color"] = GREY
        return [bars | told]
    line = {"color": colour, "width": 2.4, "dash": dash}
    line |= {"shape": "hv"} if one.kind == "stairs" else {}
    trace = {"type": "scatter", "mode": _MODES[one.kind], "line": line} | common
    if one.kind in ("points", "both"):
        trace["marker"] = {"color": colour, "size": 7 if len(keep) < 40 else 5 if len(keep) < 200 else 4}
    if one.kind == "points":
        return [trace | _whiskers(one, keep)]
    return [*_band(one, keep, x, colour, shown), trace]


def _whiskers(one: Series, keep: np.ndarray) -> dict[str, Any]:
    if not one.low:
        return {}
    y, low, high = (np.asarray(values)[keep] for values in (one.y, one.low, one.high))
    return {
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": numbers(high - y),
            "arrayminus": numbers(y - low),
            "thickness": 1.4,
            "width": 4,
        }
    }


def _band(
    one: Series, keep: np.ndarray, x: list[float | None], colour: str, shown: dict[str, Any]
) -> list[dict[str, Any]]:
    if not one.low:
        return []
    edge = {"type": "scatter", "mode": "lines", "x": x, "line": {"width": 0}, "hoverinfo": "skip"} | shown
    edge["showlegend"] = False
    fill = {"fill": "tonexty", "fillcolor": faded(colour, 0.2)}
    return [
        edge | {"y": numbers(np.asarray(one.low)[keep])},
        edge | {"y": numbers(np.asarray(one.high)[keep])} | fill,
    ]


def _spots(spots: Sequence[Spot], lines: Sequence[Series], language: Language) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": numbers([spot.x for spot in spots]),
        "y": numbers([spot.y for spot in spots]),
        "text": [label(spot.words.to(language), 40) for spot in spots],
        "textposition": [_clear_side(spot, lines) for spot in spots],
        "marker": {"color": BAD, "size": 9, "line": {"color": "#ffffff", "width": 1.5}},
        "showlegend": False,
        "hoverinfo": "text",
        "cliponaxis": False,
    }


def _clear_side(spot: Spot, lines: Sequence[Series]) -> str:
    """Above a spot, or below it where lines hide fewer of the words."""
    across, up = (np.concatenate([np.asarray(values, np.float64) for values in each]) for each in (
        [[spot.x], *(one.x for one in lines)], [[spot.y], *(one.y for one in lines)]))  # fmt: skip
    beside = np.abs(across - spot.x) < 0.04 * np.ptp(across)
    tall = 0.1 * np.ptp(up)
    above, below = (int(np.sum(beside & (gap > 0) & (gap < tall))) for gap in (up - spot.y, spot.y - up))
    return "bottom center" if below < above else "top center"


def _marks(
    marks: Sequence[Mark], plot: Plot, language: Language
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Straight lines and their words; words of upright lines step down, so that near ones stay apart."""
    shapes, notes = [], []
    upright = 0
    for mark in marks:
        line = {"type": "line", "line": {"color": GREY, "width": 1.4, "dash": "dot"}}
        text = {"text": label(mark.words.to(language), 60), "showarrow": False, "font": {"size": 12}}
        if mark.x is not None:
            at = float(np.log10(mark.x)) if plot.x.log else mark.x
            shapes.append(line | {"x0": mark.x, "x1": mark.x, "yref": "paper", "y0": 0, "y1": 1})
            notes.append(
                text
                | {"x": at, "yref": "paper", "y": 0.99 - 0.07 * upright, "yanchor": "top"}
                | _open_side(at, len(text["text"]), plot)
            )
            upright += 1
        if mark.y is not None:
            at = float(np.log10(mark.y)) if plot.y.log else mark.y
            shapes.append(line | {"y0": mark.y, "y1": mark.y, "xref": "paper", "x0": 0, "x1": 1})
            notes.append(text | {"y": at, "xref": "paper"} | _free_corner(mark.y, len(text["text"]), plot))
    return shapes, notes


def _open_side(x: float, letters: int, plot: Plot) -> dict[str, Any]:
    """Right of an upright line, or left of it where the words would pass the edge of a phone's plot."""
    across = np.concatenate([[x], *(_scaled(one.x, plot.x.log) for one in plot.series)])
    low, high = np.nanmin(across), np.nanmax(across)
    room = (high - x) / (high - low) if high > low else 1.0
    needed = letters / _PHONE_LETTERS
    if room < needed <= 1.0 - room:
        return {"xanchor": "right", "xshift": -4}
    return {"xanchor": "left", "xshift": 4}


def _free_corner(y: float, letters: int, plot: Plot) -> dict[str, Any]:
    """Where the words of a level line hide no data, on a phone too: above it or below, at either end."""
    level = float(_scaled((y,), plot.y.log)[0])
    every = np.concatenate([[level], *(_scaled(one.y, plot.y.log) for one in plot.series)])
    across = np.concatenate([[np.nan], *(_scaled(one.x, plot.x.log) for one in plot.series)])
    low, high, tall = np.nanmin(across), np.nanmax(across), np.nanmax(every) - np.nanmin(every)
    if plot.x.names:  # its axis reaches beyond the first name and the last
        low, high = -0.6, len(plot.x.names) - 0.4
    wide = np.clip(letters / _PHONE_LETTERS, 0.2, 0.6) * (high - low)
    best, fewest = ("right", "bottom"), np.inf
    for side, places in (("right", (high - wide, high)), ("left", (low, low + wide))):
        for anchor, strip in (
            ("bottom", (level, level + 0.09 * tall)),
            ("top", (level - 0.09 * tall, level)),
        ):
            hidden = sum(_hidden(one, plot, places, strip) for one in plot.series if len(one.x))
            if hidden < fewest:
                best, fewest = (side, anchor), hidden
    return {"x": 0.99 if best[0] == "right" else 0.01, "xanchor": best[0], "yanchor": best[1]}


def _hidden(one: Series, plot: Plot, places: tuple[float, float], strip: tuple[float, float]) -> int:
    """How much of a series words over these `places` and this upright `strip` would hide; a line upon an
    edge of the strip is in sight."""
    x, y = _scaled(one.x, plot.x.log), _scaled(one.y, plot.y.log)
    if one.kind in ("points", "bars"):
        low, high = (_scaled(end or one.y, plot.y.log) for end in (one.low, one.high))
        inside = (x >= places[0]) & (x <= places[1])
        return 60 * int(np.sum(inside & (high > strip[0]) & (low < strip[1])))
    height = np.interp(np.linspace(*places, 201), x, y, left=np.nan, right=np.nan)
    return int(np.sum((height > strip[0]) & (height < strip[1])))


def _scaled(values: Sequence[float], log: bool) -> np.ndarray:
    """Values as an axis places them; NaN where a logarithmic one has no place."""
    found = np.asarray(values, dtype=np.float64)
    found = np.where(np.isfinite(found) & ((found > 0) | (not log)), found, np.nan)
    return np.log10(found) if log else found


def _slider(plot: Plot, data: Sequence[dict[str, Any]], language: Language) -> dict[str, Any]:
    assert plot.slider is not None
    owners: list[int | None] = []
    for one in plot.series:
        band = 2 if one.low and one.kind in ("line", "both", "stairs") else 0
        owners += [one.step] * (band + 1)
    owners += [None] * (len(data) - len(owners))
    steps = [
        {
            "label": label(words.to(language), 16),
            "method": "restyle",
            "args": [{"visible": [owner is None or owner == position for owner in owners]}],
        }
        for position, words in enumerate(plot.slider.positions)
    ]
    # Room at the right for half of the last position's text, which the figure's edge would cut.
    pad = {"t": 48, "b": 8, "r": 4 * max(len(step["label"]) for step in steps[-1:])}
    title = {"prefix": f"{label(plot.slider.title.to(language), 60)}: ", "font": {"size": 13}}
    return {"active": 0, "currentvalue": title, "steps": steps, "pad": pad, "len": 1, "x": 0}


def _heat(heat: Heat, language: Language) -> Figure:
    table = np.array([[np.nan if v is None else v for v in row] for row in heat.z], dtype=np.float64)
    # Two thousand cells at most, as in every figure of a page: each second or third row and column is enough.
    stride = max(1, int(np.ceil(np.sqrt(table.size / 6_400))))
    rows, columns = np.arange(0, table.shape[0], stride), np.arange(0, table.shape[1], stride)
    shown = table[np.ix_(rows, columns)]
    colours = np.log10(np.where(shown > 0, shown, np.nan)) if heat.log else shown
    scale = heat.scale.to(language)
    data: list[dict[str, Any]] = [
        {
            "type": "heatmap",
            "x": numbers(np.asarray(heat.at_x)[columns]),
            "y": numbers(np.asarray(heat.at_y)[rows]),
            "z": [numbers(row, 3) for row in colours],
            "colorscale": [list(stop) for stop in SEQUENCE],
            "colorbar": {"title": {"text": f"log₁₀ {scale}" if heat.log else scale, "side": "right"}},
            "hovertemplate": hover("(%{x:.4g}; %{y:.4g}): %{z:.4g}"),
        }
    ]
    for path, dash in zip(heat.paths, _dashes(heat.paths), strict=True):
        data += _traces(path, dash, 200, language, False)
    data += [_spots(heat.spots, heat.paths, language)] if heat.spots else []
    layout = _separators(language) | {
        "xaxis": _axis(heat.x, heat.at_x, language),
        "yaxis": _axis(heat.y, heat.at_y, language),
        "showlegend": len(heat.paths) > 0,
        "legend": legend(),
    }
    title, what = heat.title.to(language), heat.what.to(language)
    height = max(480, _rows_height(heat.y))
    return Figure(title, spec(data, layout), what, "", f"{title}. {what}", height=height)


def _rows_height(upright: Axis) -> int:
    """Two lines for each name, also on a phone, where names across stand upright and take their room."""
    return 200 + 34 * len(upright.names)


def _sheet(sheet: Sheet, language: Language) -> Figure:
    pictures = np.array(sheet.pictures)
    count, height, width = pictures.shape
    across, down = sheet.columns, -(-count // sheet.columns)
    gap, above = max(1, width // 12), max(1, height // (4 if sheet.names else 12))
    table = np.full((down * (height + above), across * (width + gap)), np.nan)
    corners = [(n // across * (height + above) + above, n % across * (width + gap)) for n in range(count)]
    for picture, (top, left) in zip(pictures, corners, strict=True):
        table[top : top + height, left : left + width] = picture
    data = [
        {
            "type": "heatmap", "z": [numbers(row, 2) for row in table], "showscale": False,
            "colorscale": [[0, "#000000"], [1, "#ffffff"]], "hoverinfo": "skip",
        }
    ]  # fmt: skip
    notes = [
        {
            "x": left + width / 2 - 0.5, "y": top - above / 2 - 0.5, "showarrow": False, "font": {"size": 12},
            "text": label(name.to(language), 24),
        }
        for name, (top, left) in zip(sheet.names, corners, strict=False)
    ]  # fmt: skip
    bare = {"visible": False, "fixedrange": True}
    # Pixels are squares, and the first row is on top.
    layout = {
        "xaxis": bare | {"constrain": "domain"},
        "yaxis": bare | {"autorange": "reversed", "scaleanchor": "x", "constrain": "domain"},
        "annotations": notes,
    }
    title, what = sheet.title.to(language), sheet.what.to(language)
    tall = int(40 + 640 * min(1.0, table.shape[0] / table.shape[1]))
    return Figure(title, spec(data, layout), what, "", f"{title}. {what}", height=tall)


def _diagram(diagram: Diagram, language: Language) -> Figure:
    nodes = diagram.nodes
    notes = [
        {
            "x": nodes[b].x, "y": nodes[b].y, "ax": nodes[a].x, "ay": nodes[a].y,
            "xref": "x", "yref": "y", "axref": "x", "ayref": "y", "text": "",
            "showarrow": True, "arrowhead": 2, "arrowsize": 1.1, "arrowwidth": 1.3, "arrowcolor": GREY,
            "standoff": 19, "startstandoff": 19,
        }
        for a, b, _ in diagram.links
    ]  # fmt: skip
    # A third of the way: there the arrows into one node have not met yet.
    notes += [
        {
            "x": nodes[a].x + 0.3 * (nodes[b].x - nodes[a].x),
            "y": nodes[a].y + 0.3 * (nodes[b].y - nodes[a].y),
            "text": label(text, 16), "showarrow": False, "font": {"size": 12}, "yshift": 9,
        }
        for a, b, text in diagram.links
        if text
    ]  # fmt: skip
    marker = {"size": 36, "color": [_COLOURS[node.role] for node in nodes]}
    data = [
        {
            "type": "scatter", "mode": "markers+text", "x": numbers([node.x for node in nodes]),
            "y": numbers([node.y for node in nodes]), "text": [label(node.text, 12) for node in nodes],
            "textposition": "middle center", "textfont": {"color": "#ffffff", "size": 12}, "marker": marker,
            "hoverinfo": "skip", "cliponaxis": False,
        }
    ]  # fmt: skip
    bare = {"visible": False, "fixedrange": True}
    layout = {
        "xaxis": bare | {"range": [-0.06, 1.06]},
        "yaxis": bare | {"range": [-0.12, 1.12]},
        "annotations": notes,
    }
    title, what = diagram.title.to(language), diagram.what.to(language)
    return Figure(title, spec(data, layout), what, "", f"{title}. {what}", height=400)
