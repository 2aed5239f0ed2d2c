"""Lines T19, T20 and T21: the interpolation peak, the VC bound, and pieces between two rows."""

import math

import numpy as np
import torch

from profunda.errors import ProfundaError
from profunda.forecasting.lines import Line, absent
from profunda.forecasting.outlook import Outlook
from profunda.theory.bounds import dense_vc_dimension, vc_bound
from profunda.theory.double_descent import noise_amplification
from profunda.theory.regions import linear_pieces

__all__ = ["capacity_lines", "piece_lines"]

SEGMENTS = 8
"""Segments between rows that pieces are counted on, each in a draw of its own."""
MOST_UNITS = 2_000
"""Hidden units up to which they are counted."""


def capacity_lines(outlook: Outlook) -> tuple[Line, ...]:
    """T19: where the network stands beside the peak; T20: what the VC bound says."""
    return (_peak(outlook), _bound(outlook))


def _peak(outlook: Outlook) -> Line:
    subject, rows = outlook.subject, outlook.rows
    name, formula = "noise amplification of the linear read-out", "min(n, p)/(|p − n| − 1)"
    source = "Hastie et al. 2022; Belkin et al. 2019"
    if subject.why:
        return absent("T19", name, "efficiency", subject.why, formula, source)
    if not rows.total:
        return absent("T19", name, "efficiency", "no data were given", formula, source)
    width = subject.widths[-1] if subject.widths else subject.inputs
    value = noise_amplification(rows.total, width)
    told = f"{width} features for {rows.total} rows; exact for isotropic normal features alone"
    if rows.classes:
        told += ", and for squared errors"
    if math.isinf(value):
        told += ": at the peak itself it is infinite"
    return Line("T19", name, "efficiency", value, formula, source, valid="extrapolated", reason=told)


def _bound(outlook: Outlook) -> Line:
    subject, rows = outlook.subject, outlook.rows
    name, formula = "VC bound on test minus training error", "√(8/N · ln(4((2N)^d + 1)/δ)), δ = 0.05"
    source = "Abu-Mostafa et al. 2012, eq. 2.12; Bartlett et al. 2019 for d"
    if not rows.total:
        return absent("T20", name, "expressivity", "no data were given", formula, source)
    if not rows.classes or subject.outputs > 2:
        why = "it is for two classes and the 0/1 loss"
        return absent("T20", name, "expressivity", why, formula, source)
    phi = {law.activation.name for law in subject.laws[:-1]}
    if subject.why or phi - {"relu", "leaky_relu"}:
        why = subject.why or "the dimension is bounded for piecewise linear networks only"
        return absent("T20", name, "expressivity", why, formula, source)
    dimension = dense_vc_dimension((subject.inputs, *subject.widths, 1))
    found = vc_bound(rows.total, dimension)
    told = f"d ≤ {dimension:.3g}" + ("; vacuous: every share of errors is at most 1" if found.vacuous else "")
    return Line("T20", name, "expressivity", found.value, formula, source, reason=told)


# Pieces ---------------------------------------------------------------------------------------------


def piece_lines(outlook: Outlook) -> tuple[Line, ...]:
    """T21: linear pieces between two rows, at most and counted."""
    subject = outlook.subject
    most, counted = "most linear pieces between two rows", "linear pieces between two rows"
    why = outlook.why_not
    if not why and any(law.activation.sides is None for law in subject.laws[:-1]):
        why = f"{subject.laws[0].activation.name} is not piecewise linear"
    if not why and any(law.norm in ("layer", "group", "instance") for law in subject.laws):
        why = "layer and group norms are not piecewise linear"
    if why:
        return (absent("T21", most, "expressivity", why), absent("T21", counted, "expressivity", why))
    bound = math.fsum(math.log(width + 1.0) for width in subject.widths)
    value = math.exp(bound) if bound < 690.0 else math.inf
    told = "a bound; networks before training have about as many as units"
    return (
        Line("T21", most, "expressivity", value, "Π (n_l + 1)", "Telgarsky 2016", reason=told),
        _counted(outlook, counted),
    )


def _counted(outlook: Outlook, name: str) -> Line:
    subject, x = outlook.subject, outlook.rows.x
    if len(x) < 2 or sum(subject.widths) > MOST_UNITS:
        why = (
            "one row alone has nothing beside it" if len(x) < 2 else "there are too many units to count here"
        )
        return absent("T21", name, "expressivity", why)
    found = []
    pairs = [(k, k + 1) for k in range(0, min(2 * SEGMENTS, len(x) - 1), 2)]
    try:
        for number, (one, two) in enumerate(pairs):
            module = subject.modules[number % len(subject.modules)]
            if (x[one] != x[two]).any():
                found.append(linear_pieces(module, torch.from_numpy(x[one]), torch.from_numpy(x[two])).count)
    except ProfundaError as error:
        return absent("T21", name, "expressivity", str(error))
    if not found:
        return absent("T21", name, "expressivity", "the rows are all the same")
    error = float(np.std(found, ddof=1)) / math.sqrt(len(found)) if len(found) > 1 else math.nan
    return Line(
        "T21", name, "expressivity", math.nan, "bends found as roots", "Hanin and Rolnick 2019",
        measured=float(np.mean(found)), measured_se=error,
    )  # fmt: skip
