"""Line T24, and what a forecast recommends. A heuristic: limits of other lines, turned round."""

import math

from profunda.errors import ArgumentError
from profunda.forecasting.lines import Line, Recommendation
from profunda.forecasting.outlook import Outlook
from profunda.forecasting.signals import scales_of
from profunda.theory.critical import Critical, critical_initialisation
from profunda.theory.widths import beta

__all__ = ["advice_lines", "recommendation"]

_RULE = "5β < 1 and L < 6ξ_c"
_SOURCE = "heuristic, from T2 and T6"


def advice_lines(outlook: Outlook) -> tuple[Line, ...]:
    """T24: how deep at this width, how wide at this depth."""
    names = ("recommended depth at this width", "recommended width at this depth")
    if outlook.why_not:
        why = outlook.why_not
        return tuple(
            Line("T24", name, "efficiency", math.nan, _RULE, _SOURCE, valid="not applicable", reason=why)
            for name in names
        )
    depth, width = _depth(outlook), _width(outlook)
    told = "a rule of thumb, not a theorem"
    if not outlook.subject.plain:
        told += "; norms and skips allow more depth than it says"
    return (
        Line("T24", names[0], "efficiency", depth, _RULE, _SOURCE, valid="extrapolated", reason=told),
        Line("T24", names[1], "efficiency", width, "5β < 1", _SOURCE, valid="extrapolated", reason=told),
    )


def _depth(outlook: Outlook) -> int:
    """The largest L with 5L/H < 1, H the harmonic mean width, and L < 6ξ_c in the ordered phase."""
    wide = outlook.depth / beta(outlook.subject.widths)
    most = math.ceil(wide / 5.0) - 1
    scales = scales_of(outlook)
    if scales is not None and scales.chi_perp < 1.0 and math.isfinite(scales.xi_c):
        most = min(most, math.ceil(6.0 * scales.xi_c) - 1)
    return max(1, most)


def _width(outlook: Outlook) -> int:
    return 5 * outlook.depth + 1


def recommendation(outlook: Outlook, lines: tuple[Line, ...]) -> Recommendation:
    """Depth, width, critical law and step, and what to do in words."""
    step = next((one for one in lines if one.code == "T14" and one.name == "largest stable step"), None)
    largest = math.nan if step is None else step.value
    if step is not None and math.isnan(largest):
        largest = step.measured
    if outlook.why_not:
        return Recommendation(None, None, math.nan, math.nan, largest, _step_words(largest))
    depth, width = _depth(outlook), _width(outlook)
    found = _critical(outlook)
    weight = math.nan if found is None else found.weight_variance
    bias = math.nan if found is None else found.bias_variance
    words = (*_depth_words(outlook, depth, width), _law_words(outlook, found), *_step_words(largest))
    return Recommendation(depth, width, weight, bias, largest, words)


def _critical(outlook: Outlook) -> Critical | None:
    law = outlook.subject.laws[0]
    try:
        return critical_initialisation(law.activation, law.keep)
    except ArgumentError:
        return None


def _depth_words(outlook: Outlook, depth: int, width: int) -> tuple[str, ...]:
    own = outlook.depth
    if not outlook.subject.plain:
        return ("Norms or skips carry signals and gradients; the limits on depth are those of plain chains.",)
    if own <= depth:
        return (f"The depth of {own} is within what these widths carry ({depth}).",)
    most = "one hidden layer" if depth == 1 else f"{depth} hidden layers"
    return (
        f"At these widths and this law take {most} at most, not {own}; or with {own} layers "
        f"at least {width} units a layer and a critical law.",
    )


def _law_words(outlook: Outlook, found: Critical | None) -> str:
    phi = outlook.subject.laws[0].activation.name
    if found is None:
        return f"No first weights are critical for {phi}: for depth take another activation."
    own = outlook.subject.laws[min(1, outlook.depth - 1)]
    target = f"C_W = {found.weight_variance:.4g}, C_b = {found.bias_variance:.4g}"
    near = abs(own.weight_variance / found.weight_variance - 1.0) < 0.02
    if near and abs(own.bias_variance - found.bias_variance) < 0.02:
        return f"The first weights are critical for {phi} ({target})."
    now = f"{own.weight_variance:.4g}, {own.bias_variance:.4g}"
    return f"Draw the first weights critically for {phi}: {target} (now {now})."


def _step_words(largest: float) -> tuple[str, ...]:
    if not math.isfinite(largest):
        return ()
    return (f"Plain gradient descent on the mean squared error starts stably up to a step of {largest:.2g}.",)
