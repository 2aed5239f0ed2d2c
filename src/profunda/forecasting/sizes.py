"""Lines T1 to T3: what can be counted, and the law of the first weights."""

import math

from profunda.forecasting.lines import Line, absent
from profunda.forecasting.outlook import Outlook
from profunda.theory.widths import beta

__all__ = ["size_lines"]


def size_lines(outlook: Outlook) -> tuple[Line, ...]:
    """T1: parameters against data; T2: depth over width; T3: C_W, C_b and kurtosis."""
    return (*_counts(outlook), *_widths(outlook), *_law(outlook))


def _counts(outlook: Outlook) -> tuple[Line, ...]:
    subject, rows = outlook.subject, outlook.rows
    counted = subject.parameters
    told = rows.total * max(subject.outputs, 1)
    layers = (
        absent("T1", "hidden layers L", "efficiency", subject.why)
        if subject.why
        else Line("T1", "hidden layers L", "efficiency", outlook.depth, "count", "definition")
    )
    lines = [
        layers,
        Line("T1", "parameters P", "efficiency", counted, "count", "definition"),
    ]
    if not rows.total:
        missing = "no data were given"
        return (*lines, absent("T1", "P/(n·C)", "efficiency", missing, "P over rows times outputs"))
    lines.append(
        Line("T1", "P/(n·C)", "efficiency", counted / told, "P over rows times outputs", "definition")
    )
    why = "" if not rows.classes else "derived and measured for squared errors, not for classes"
    lines.append(
        Line(
            "T1",
            "parameters at the interpolation threshold",
            "efficiency",
            told,
            "P ≈ n·C",
            "Nakkiran et al. 2020; Hastie et al. 2022 for linear models",
            valid="extrapolated" if why else "ok",
            reason=why,
        )
    )
    return tuple(lines)


def _widths(outlook: Outlook) -> tuple[Line, ...]:
    if outlook.why_not:
        why = outlook.why_not
        return (absent("T2", "β", "learnability", why, "Σ 1/n_l"),)
    value = beta(outlook.subject.widths)
    wide = outlook.depth / value
    return (
        Line("T2", "β", "learnability", value, "Σ 1/n_l over hidden layers", "Hanin and Nica 2020"),
        Line("T2", "harmonic mean width", "learnability", wide, "L/β", "definition"),
    )


def _law(outlook: Outlook) -> tuple[Line, ...]:
    subject = outlook.subject
    if not subject.laws:
        return (absent("T3", "C_W", "learnability", subject.why, "n·Var W"),)
    laws = subject.laws[:-1] or subject.laws
    weights = [law.weight_variance for law in laws]
    biases = [law.bias_variance for law in laws]
    heavy = abs(subject.kurtosis) > 0.5
    told = f"law: {subject.law_name}"
    if heavy:
        told += "; laws of the fourth order are for normal weights, and off by 10–20 % for uniform ones"
    mean = math.fsum(weights) / len(weights)
    return (
        Line(
            "T3",
            "C_W (mean of the hidden layers)",
            "learnability",
            mean,
            "fan-in · E W²",
            "definition",
            measured=_drawn_variance(outlook),
            networks=len(subject.modules),
            predicted_sd=_variance_spread(outlook),
            reason=told,
        ),
        Line("T3", "C_b (mean)", "learnability", math.fsum(biases) / len(biases), "E b²", "definition"),
        Line("T3", "excess kurtosis", "learnability", subject.kurtosis, "E W⁴/(E W²)² − 3", "definition"),
    )


def _variance_spread(outlook: Outlook) -> float:
    """Of the mean over hidden layers of fan-in · mean W²: (3 + kurtosis − 1)/weights a layer."""
    laws = outlook.subject.laws[:-1] or outlook.subject.laws
    fourth = 2.0 + outlook.subject.kurtosis
    each = [law.weight_variance**2 * fourth / (law.fan_in * law.fan_out) for law in laws]
    return math.sqrt(math.fsum(each)) / len(laws)


def _drawn_variance(outlook: Outlook) -> float:
    """Mean over networks and hidden layers of fan-in · mean W²."""
    subject = outlook.subject
    found = []
    for layers in subject.layers:
        for law, layer in zip(subject.laws[:-1] or subject.laws, layers, strict=False):
            own = float(layer.weight.detach().double().square().mean()) * layer.in_features
            if not subject.recipe:
                own = law.weight_variance  # a module's law is what its weights are
            found.append(own)
    return math.fsum(found) / len(found)
