"""A forecast as sections: the score with its concerns, three heads, the layers drawn, what to change."""

import math
from collections.abc import Sequence
from typing import Any

from profunda.forecasting.learnability import LEAST, Concern
from profunda.forecasting.lines import HEADS, Head, LayerForecast, Line
from profunda.forecasting.values import Forecast
from profunda.reporting.blocks import (
    BigNumber,
    Block,
    Check,
    Checks,
    Facts,
    Figure,
    Figures,
    Section,
    State,
    Table,
    Text,
)
from profunda.reporting.figures import axis, hover, legend, log_axis, numbers, spec, thin
from profunda.reporting.palette import ACCENT, SECOND, faded
from profunda.reporting.words import cell, count, number

__all__ = ["forecast_sections"]

_DRAWN = 200
"""Layers in a figure."""


def forecast_sections(forecast: Forecast) -> tuple[Section, ...]:
    """All sections of a forecast's page."""
    advice = (*(Text(words) for words in forecast.recommendation.words), _advised(forecast))
    layers = "What theory predicts, and what the drawn networks show."
    sections = (
        Section("verdict", "Can it be trained?", "One score, and what decides it.", _verdict(forecast)),
        *(_head(forecast, head, question) for head, question in HEADS),
        Section(
            "layers", "Layer by layer", layers, _layers(forecast)
        ),
        Section("advice", "Recommended", "By theory alone: rules of thumb, no theorems.", advice),
        Section("limits", "What does not apply", "Lines without a prediction here.", _missing(forecast)),
    )  # fmt: skip
    return tuple(section for section in sections if section.blocks)


# The score ------------------------------------------------------------------------------------------


def _verdict(forecast: Forecast) -> tuple[Block, ...]:
    found = forecast.trainability
    score = "–" if math.isnan(found.score) else f"{found.score:.2f}"
    big = BigNumber(
        score,
        "trainability (0 to 1)",
        found.verdict,
        f"{found.worst.words} The score is ½ where the worst concern is one order of magnitude past its "
        f"limit; below {LEAST:g} the network is said not to train. Nothing in it was fitted to outcomes.",
    )
    drawn = "the module as it is" if forecast.networks == 1 else f"{forecast.networks} draws of first weights"
    facts = Facts((
        ("Network", forecast.subject),
        ("Measured", drawn),
        ("Rows", count(forecast.rows) if forecast.rows else "none: standard normal inputs"),
        ("Lines", _agreement(forecast.lines)),
    ))  # fmt: skip
    notes = tuple(Text(note, "note") for note in forecast.notes)
    return (big, facts, Checks(tuple(_check(one) for one in found.concerns)), *notes)


def _agreement(lines: Sequence[Line]) -> str:
    judged = [line for line in lines if line.agrees is not None and line.valid == "ok"]
    if not judged:
        return "none is both predicted and measured"
    return f"{sum(bool(line.agrees) for line in judged)} of {len(judged)} within 4 standard errors"


_CONCERNS = {
    "signal": "A signal that fades or overflows leaves nothing to learn from.",
    "rows": "Rows that look the same after the last layer must get the same prediction.",
    "gradient": "Layers whose gradients differ by many orders of magnitude learn at such different speeds.",
    "speed": "A network whose outputs cannot move far enough in all its steps stays where it starts.",
    "step": "Steps that are too long throw the weights about.",
    "start": "Outputs far larger than the targets must first be unlearned.",
}


def _check(concern: Concern) -> Check:
    state: State = "not applicable"
    if not math.isnan(concern.beyond):
        state = "ok" if concern.beyond <= 0.0 else ("warn" if concern.beyond <= 1.0 else "bad")
    return Check(concern.name, state, concern.words, _CONCERNS.get(concern.name, ""))


# Three heads ----------------------------------------------------------------------------------------


def _head(forecast: Forecast, head: Head, question: str) -> Section:
    told = dict(forecast.summary).get(head, ())
    lines = [line for line in forecast.lines if line.head == head and line.valid != "not applicable"]
    blocks: list[Block] = [Text(sentence) for sentence in told]
    if lines:
        blocks.append(_table(lines))
    return Section(head, head.capitalize(), question, tuple(blocks))


def _table(lines: Sequence[Line]) -> Table:
    columns = (
        "line",
        "quantity",
        "predicted",
        "± spread",
        "measured",
        "± s.e.",
        "apart (s.e.)",
        "formula",
        "trust",
    )
    rows = tuple(
        (
            line.code,
            line.name,
            *(
                cell(_rounded(each))
                for each in (line.value, line.predicted_sd, line.measured, line.measured_se)
            ),
            cell(_rounded(line.distance, 2)),
            line.formula,
            "; ".join(
                one for one in ("extrapolated" if line.valid == "extrapolated" else "", line.reason) if one
            ),
        )
        for line in lines
    )
    what = (
        "Spread: from one draw of first weights to the next, as predicted. Apart: between prediction and "
        "measurement, in standard errors of both; up to 4 is agreement."
    )
    return Table("The lines behind it", columns, rows, what)


def _rounded(value: float, digits: int = 4) -> float | str:
    if math.isinf(value):
        return "∞"
    return value if math.isnan(value) else float(f"{value:.{digits}g}")


# Layers ---------------------------------------------------------------------------------------------


def _layers(forecast: Forecast) -> tuple[Block, ...]:
    layers = forecast.layers
    if not layers:
        return ()
    drawn = [layers[k] for k in thin(len(layers), _DRAWN).tolist()]
    figures = [
        _figure(drawn, "Signals", "E z²", [(one.q, one.q_sd, one.q_measured, one.q_se) for one in drawn]),
        _figure(
            drawn, "Gradients", "‖∂f/∂z‖², last layer = 1",
            [(one.gradient, math.nan, one.gradient_measured, one.gradient_se) for one in drawn],
        ),
        _figure(
            drawn, "Two rows", "1 − correlation",
            [(one.apart, math.nan, one.apart_measured, one.apart_se) for one in drawn],
        ),
    ]  # fmt: skip
    found = tuple(figure for figure in figures if figure is not None)
    if not found:
        return (_layer_table(layers),)
    what = "Lines are predictions (the band: one network in three lies outside), dots what was measured."
    why = (
        "Signals that fade or grow, gradients that do, and rows that become alike are the three ways in "
        "which depth makes a network hard to train. Whiskers are one standard error over the drawn networks."
    )
    return Figures("Signals, gradients and differences", found, what, why), _layer_table(layers)


def _figure(
    layers: Sequence[LayerForecast],
    title: str,
    unit: str,
    values: Sequence[tuple[float, float, float, float]],
) -> Figure | None:
    """Predicted, its spread, measured and its error by layer, on a logarithmic axis."""
    positive = [v for row in values for v in (row[0], row[2]) if math.isfinite(v) and 1e-290 < v < 1e290]
    if not positive:
        return None
    low, high = min(positive), max(positive)
    high = max([high, *(row[2] + row[3] for row in values if math.isfinite(row[2] + row[3]))])
    low = min([low, *(row[2] - row[3] for row in values if row[2] - row[3] > 0.2 * row[2])])
    if high / low < 8.0:  # room for two ticks
        middle = math.sqrt(low * high)
        low, high = middle / math.sqrt(8.0), middle * math.sqrt(8.0)
    x = [layer.number for layer in layers]
    predicted = [row[0] if row[0] > 0.0 else math.nan for row in values]
    measured = [row[2] if row[2] > 0.0 else math.nan for row in values]
    data: list[dict[str, Any]] = []
    if any(math.isfinite(row[1]) for row in values):
        data += _band(x, values)
        low = min([low, *(row[0] * math.exp(-row[1] / row[0]) for row in values if row[0] > 0.0)])
        high = max([high, *(row[0] + row[1] for row in values if math.isfinite(row[1]))])
    if any(map(math.isfinite, predicted)):
        mode = "lines" if len(x) > 1 else "markers"
        data.append({
            "type": "scatter", "mode": mode, "x": x, "y": numbers(predicted), "name": "predicted",
            "line": {"color": ACCENT, "width": 2.2}, "hovertemplate": hover("layer %{x}: predicted %{y:.3g}"),
        })  # fmt: skip
    if any(map(math.isfinite, measured)):
        data.append({
            "type": "scatter", "mode": "markers", "x": x, "y": numbers(measured), "name": "measured",
            "marker": {"color": SECOND, "size": 6},
            "error_y": {
                "type": "data", "array": numbers([row[3] for row in values]), "thickness": 1, "width": 2
            },
            "hovertemplate": hover("layer %{x}: measured %{y:.3g}"),
        })  # fmt: skip
    step = max(1, math.ceil(len(x) / 8))
    layout = {
        "showlegend": True,
        "legend": legend(),
        "xaxis": axis("layer", range=[0.5, layers[-1].number + 0.5], dtick=step, tick0=x[0]),
        "yaxis": log_axis(unit, low, high),
    }
    alt = f"{title} by layer: predicted {number(predicted[-1])}, measured {number(measured[-1])} at the last."
    return Figure(title, spec(data, layout), "", "", alt, height=300)


def _band(x: list[int], values: Sequence[tuple[float, float, float, float]]) -> list[dict[str, Any]]:
    """One spread around the prediction; downwards by the same factor, as squares have a lower end at 0."""
    upper = [row[0] + row[1] for row in values]
    lower = [row[0] * math.exp(-row[1] / row[0]) if row[0] > 0.0 else math.nan for row in values]
    edge = {"type": "scatter", "mode": "lines", "x": x, "line": {"width": 0}, "hoverinfo": "skip"}
    fill = {"fill": "tonexty", "fillcolor": faded(ACCENT, 0.18), "showlegend": False}
    return [edge | {"y": numbers(lower), "showlegend": False}, edge | {"y": numbers(upper)} | fill]


def _layer_table(layers: Sequence[LayerForecast]) -> Table:
    columns = (
        "layer",
        "units",
        "activation",
        "E z²",
        "measured",
        "gradient",
        "measured ",
        "1 − c",
        " measured",
        "χ_⊥",
        "χ_∥",
    )
    rows = tuple(
        (
            one.number, one.width, one.activation,
            *(cell(_rounded(v)) for v in (one.q, one.q_measured, one.gradient, one.gradient_measured)),
            *(cell(_rounded(v)) for v in (one.apart, one.apart_measured, one.chi_perp, one.chi_par)),
        )
        for one in layers
    )  # fmt: skip
    return Table("All layers", columns, rows, folded=True)


# Advice and limits ----------------------------------------------------------------------------------


def _advised(forecast: Forecast) -> Facts:
    found = forecast.recommendation
    law = "none exists"
    if not math.isnan(found.weight_variance):
        law = f"C_W {number(found.weight_variance, 4)}, C_b {number(found.bias_variance, 3)}"
    return Facts((
        ("Hidden layers at this width, at most", "–" if found.depth is None else str(found.depth)),
        ("Units at this depth, at least", "–" if found.width is None else str(found.width)),
        ("Critical first weights", law),
        ("Largest stable step (gradient descent)", number(found.largest_step, 2)),
    ))  # fmt: skip


def _missing(forecast: Forecast) -> tuple[Block, ...]:
    lines = [line for line in forecast.lines if line.valid == "not applicable"]
    if not lines:
        return ()
    rows = tuple((line.code, line.name, cell(_rounded(line.measured)), line.reason) for line in lines)
    return (Table("Not applicable", ("line", "quantity", "measured", "why"), rows),)
