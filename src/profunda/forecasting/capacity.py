"""Lines T19, T20 and T21: the interpolation peak, the VC bound, and pieces between two rows."""

import math

from profunda.forecasting.outlook import Outlook
from profunda.forecasting.values import Line, absent
from profunda.theory.bounds import dense_vc_dimension, vc_bound
from profunda.theory.double_descent import noise_amplification

__all__ = ["capacity_lines"]


def capacity_lines(outlook: Outlook) -> tuple[Line, ...]:
    """T19: where the network stands beside the peak; T20: what the VC bound says."""
    return (_peak(outlook), _bound(outlook))


def _peak(outlook: Outlook) -> Line:
    subject, rows = outlook.subject, outlook.rows
    name, formula = "noise amplification of the linear read-out", "min(n, p)/(|p − n| − 1)"
    source = "Hastie et al. 2022; Belkin et al. 2019"
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
