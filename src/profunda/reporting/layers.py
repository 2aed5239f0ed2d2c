"""Layers of a diagnosed network: their health at each look, and what was measured in them."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from profunda.diagnosis.diagnosis import Diagnosis
from profunda.diagnosis.finding import Finding
from profunda.diagnosis.givens import Layer
from profunda.diagnosis.record import Record, Survey
from profunda.reporting.blocks import Block, ChainLink, Figure, Figures, State, Table
from profunda.reporting.figures import axis, hover, label, numbers, spec, thin
from profunda.reporting.palette import SEQUENCE
from profunda.reporting.words import cell, count, number, share, shorten

__all__ = ["layer_links", "measured_layers"]

_SHOWN = 36
"""Layers in a chain or a picture; of more, evenly many, and all that a finding names."""

_PLACED = ("architecture", "initialisation", "activation", "normalisation")
"""Areas of findings that are shown at their layer; others have a place of their own in the chain."""

_AWAY = 1e3
"""A gradient so many times larger or smaller, relative to its weights, than that of the middle layer."""

_MOST = 0.9
"""Share of units that are dead or saturated."""

_SAME = 1e-3
"""Rows whose pre-activations differ by less, as 1 − correlation, look alike."""

_ORDER: tuple[State, ...] = ("bad", "warn", "ok", "not applicable")


def layer_links(diagnosis: Diagnosis, steps: Sequence[int]) -> tuple[list[ChainLink], list[Finding]]:
    """One for each layer shown, at each of `steps`; and the findings that have a place among them."""
    record = diagnosis.record
    layers = record.anatomy.layers
    named = {at: [one for one in diagnosis.findings if _about(one, layer)] for at, layer in enumerate(layers)}
    chosen = {*thin(len(layers), _SHOWN).tolist(), *(at for at, own in named.items() if own)}
    looks = record.surveys or (None,) * len(steps)
    links = []
    for at in sorted(chosen):
        states = [
            _state(named[at], step, look, at, record, bool(diagnosis.findings))
            for step, look in zip(steps, looks, strict=True)
        ]
        words = [_words(look, at, record) for look in looks]
        links.append(
            ChainLink(shorten(layers[at].name, 32), _detail(layers[at]), tuple(states), tuple(words))
        )
    return links, [one for own in named.values() for one in own]


def _about(finding: Finding, layer: Layer) -> bool:
    if not finding.layer or finding.area not in _PLACED:
        return False
    same = finding.layer == layer.name or finding.layer.endswith(f" in {layer.name}")
    return same or layer.name.startswith(f"{finding.layer}.") or finding.layer.startswith(f"{layer.name}.")


def _detail(layer: Layer) -> str:
    size = "×".join(map(str, layer.shape))
    after = [one for one in (layer.norm, layer.activation) if one]
    after += [f"dropout {share(layer.dropout)}"] if layer.dropout else []
    after += [] if layer.trainable else ["frozen"]
    return ", ".join([f"{layer.what} {size}".strip(), *after])


def _state(
    findings: Sequence[Finding], step: int, look: Survey | None, at: int, record: Record, judged: bool
) -> State:
    here: list[State] = ["bad" if one.severity == "fault" else "warn" for one in findings if one.step <= step]
    if look is None:
        return min(here, key=_ORDER.index, default="not applicable")
    if not math.isfinite(look.weight[at]):
        here.append("bad" if judged else "not applicable")
    elif judged and _troubled(look, at, record):
        here.append("warn")
    return min(here, key=_ORDER.index, default="ok")


def _troubled(look: Survey, at: int, record: Record) -> bool:
    with np.errstate(all="ignore"):
        speed = look.gradient_norm / look.weight
        moving = speed[np.isfinite(speed) & (speed > 0)]
    if len(moving) > 2 and speed[at] > 0:
        ratio = float(speed[at] / np.median(moving))
        if not 1.0 / _AWAY < ratio < _AWAY:
            return True
    dead, saturated = (_after(values, at, record) for values in (look.dead, look.saturated))
    return dead > _MOST or saturated > _MOST or look.apart[at] < _SAME


def _after(values: np.ndarray, at: int, record: Record) -> float:
    """Mean over the activations after a layer; NaN without one."""
    own = [values[k] for k, one in enumerate(record.anatomy.activations) if one.after == at]
    own = [float(one) for one in own if math.isfinite(one)]
    return sum(own) / len(own) if own else math.nan


def _words(look: Survey | None, at: int, record: Record) -> str:
    if look is None:
        return ""
    parts = [f"gradient {number(look.gradient_norm[at])}", f"moved {number(look.moved[at])}"]
    for name, values in (("dead", look.dead), ("saturated", look.saturated)):
        value = _after(values, at, record)
        parts += [] if math.isnan(value) else [f"{name} {share(value)}"]
    return ", ".join(parts)


# Pictures -----------------------------------------------------------------------------------------------


def measured_layers(record: Record) -> tuple[Block, ...]:
    """Signs of the layers by look as heat maps, and all numbers of the last look."""
    if not record.surveys or not record.anatomy.layers:
        return ()
    layers = record.anatomy.layers
    rows = {name: _rows(record, name) for name in ("gradient_norm", "moved", "dead", "saturated", "apart")}
    pictures = (
        ("Gradients", "Norm of the gradient, logarithmic.", rows["gradient_norm"], True),
        ("Moved", "Distance from the first weights, relative to their size.", rows["moved"], False),
        ("Dead units", "Share of units that give one number on all rows.", rows["dead"], False),
        ("Saturated", "Share of units on the flat ends of their activation.", rows["saturated"], False),
        (
            "Rows apart",
            "1 − correlation of two rows, logarithmic: near 0 they look alike.",
            rows["apart"],
            True,
        ),
    )
    figures = [_heat(title, what, values, record, log) for title, what, values, log in pictures]
    found = tuple(one for one in figures if one is not None)
    last = record.surveys[-1]
    table = Table(
        f"All layers after {count(last.step)} steps",
        ("layer", "kind", "gradient", "weights", "moved", "signal", "1 − c", "dead", "saturated", "copies"),
        tuple(
            (
                layer.name, layer.what, *(
                    cell(_digits(values[at]))
                    for values in (last.gradient_norm, last.weight, last.moved, last.signal, last.apart)
                ),
                *(cell(_digits(_after(values, at, record))) for values in (last.dead, last.saturated)),
                cell(_digits(last.copies[at])),
            )
            for at, layer in enumerate(layers)
        ),
        folded=True,
    )  # fmt: skip
    why = (
        "Measured on a copy, in evaluation mode, on rows of the training data, at a few steps that grow "
        "geometrically. White: not measured, as activations have no place behind every layer."
    )
    if not found:
        return (table,)
    return (Figures("From layer to layer, from step to step", found, "Layers run downwards.", why), table)


def _rows(record: Record, name: str) -> np.ndarray:
    """[L, S]."""
    layers = range(len(record.anatomy.layers))
    columns = []
    for look in record.surveys:
        values = getattr(look, name)
        if name in ("dead", "saturated"):
            values = [_after(values, at, record) for at in layers]
        columns.append(np.asarray(values, float))
    return np.stack(columns, 1)


def _digits(value: float) -> float | None:
    return float(f"{value:.4g}") if math.isfinite(value) else None


def _heat(title: str, what: str, values: np.ndarray, record: Record, log: bool) -> Figure | None:
    with np.errstate(all="ignore"):
        drawn = np.where(values > 0, np.log10(values), np.nan) if log else values
    if not np.isfinite(drawn).any():
        return None
    keep = thin(len(values), _SHOWN)
    names = [label(record.anatomy.layers[at].name, 18) for at in keep]
    steps = [count(one.step) for one in record.surveys]
    text = [[number(value) for value in row] for row in values[keep]]
    low, high = float(np.nanmin(drawn[keep])), float(np.nanmax(drawn[keep]))
    share_of = title in ("Dead units", "Saturated")
    low, high = (0.0, 1.0) if share_of else (low, max(high, low + 1.0) if log else max(high, low + 1e-9))
    if share_of and np.nanmax(values) == 0.0:
        return None
    ticks = {"tickvals": numbers([low, high]), "ticktext": _ends(low, high, log)}
    heat: dict[str, Any] = {
        "type": "heatmap", "x": steps, "y": list(range(len(keep))),
        "z": [numbers(row, 4) for row in drawn[keep]],
        "text": text, "xgap": 1, "ygap": 1, "zmin": low, "zmax": high,
        "colorscale": [list(stop) for stop in SEQUENCE],
        "colorbar": {"thickness": 8, "outlinewidth": 0, "len": 0.9} | ticks,
        "hovertemplate": hover("step %{x}: %{text}"),
    }  # fmt: skip
    every = max(1, len(keep) // 12)
    layout = {
        "xaxis": axis("step", type="category", showgrid=False),
        "yaxis": axis(
            "",
            autorange="reversed",
            showgrid=False,
            tickvals=list(range(len(keep)))[::every],
            ticktext=names[::every],
        ),
    }
    height = 120 + 16 * max(6, min(len(keep), 20))
    return Figure(title, spec([heat], layout), what, "", f"{title} by layer and step. {what}", height=height)


def _ends(low: float, high: float, log: bool) -> list[str]:
    return [number(10.0**one if log else one, 2) for one in (low, high)]
