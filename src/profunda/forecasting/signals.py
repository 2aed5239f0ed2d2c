"""Lines T4 to T7, T9 and T23: how signals travel through the first weights."""

import math

from profunda.errors import ArgumentError
from profunda.forecasting.lines import Line, Valid, absent, joined
from profunda.forecasting.measuring import Spread, spread_of
from profunda.forecasting.outlook import Outlook
from profunda.theory.critical import critical_initialisation, has_critical
from profunda.theory.finite_width import FIRST_ORDER
from profunda.theory.propagation import DepthScales, depth_scales, fixed_correlation

__all__ = ["scales_of", "signal_lines"]

_MAPS = "Poole et al. 2016; Schoenholz et al. 2017"
_DEAD = 1e-30
"""Below it, squares are no normal float32 numbers any more."""
_FLAT = 1e-6
"""Rows whose correlation is closer to 1 are equal in float32."""


def signal_lines(outlook: Outlook) -> tuple[Line, ...]:
    """T4: sizes; T5: susceptibilities; T6: depths; T7: correlations; T9: critical laws; T23: dropout."""
    why = outlook.why_not
    if why:
        lines = [absent(code, name, "learnability", why) for code, name in _NAMES]
        return tuple(_with_measured(line, outlook) for line in lines)
    scales = scales_of(outlook)
    return (
        *_sizes(outlook, scales),
        *_susceptibilities(outlook),
        *_depths(outlook, scales),
        _correlations(outlook),
        *_critical(outlook),
        *_dropout(outlook),
    )


_NAMES = (
    ("T4", "q of the last hidden layer"),
    ("T5", "χ_⊥ at the last hidden layer"),
    ("T6", "depth scale ξ_c"),
    ("T7", "1 − c at the last hidden layer"),
    ("T9", "critical C_W"),
    ("T23", "C_W/keep"),
)


def _with_measured(line: Line, outlook: Outlook) -> Line:
    """A line without theory still tells what the networks show."""
    from dataclasses import replace

    if outlook.profile is None or not outlook.depth:
        return line
    found = None
    if line.code == "T4":
        found = spread_of(outlook.profile.squares[:, :, -1])
    if line.code == "T7" and outlook.profile.apart.shape[1]:
        found = spread_of(outlook.profile.apart[:, :, -1])
    if found is None:
        return line
    return replace(line, measured=found.mean, measured_se=found.error)


def scales_of(outlook: Outlook) -> DepthScales | None:
    """Fixed point and depth scales of the hidden layers' law; None where there is none."""
    law = outlook.subject.laws[min(1, len(outlook.subject.laws) - 1)]
    if law.norm != "none" or law.skip:
        return None
    try:
        return depth_scales(law.activation, law.weight_variance, law.bias_variance)
    except ArgumentError:
        return None


def _state(limits: str, more: str = "") -> tuple[Valid, str]:
    told = joined(limits, more)
    return ("extrapolated" if told else "ok"), told


def _sizes(outlook: Outlook, scales: DepthScales | None) -> tuple[Line, ...]:
    found = spread_of(outlook.profile.squares[:, :, -1]) if outlook.profile else Spread(math.nan, math.nan)
    far = outlook.excess[-1]
    more = f"the first order in 1/width is {far:.2g}, above 0.3" if far > FIRST_ORDER else ""
    valid, told = _state(outlook.limits, more)
    q = float(outlook.q[-1])
    dead = next((k for k, step in enumerate(outlook.steps, 1) if not step.q >= _DEAD), None)
    lines = [
        Line(
            "T4", "q of the last hidden layer", "learnability", q, "q' = C_W E φ(√q g)² + C_b", _MAPS,
            predicted_sd=float(q * outlook.q_sd[-1]), measured=found.mean, measured_se=found.error,
            networks=len(outlook.subject.modules), valid=valid, reason=told,
        ),
        Line(
            "T4", "first layer without a signal", "learnability", math.nan if dead is None else dead,
            "q < 1e-30", _MAPS, valid="not applicable" if dead is None else "ok",
            reason="every layer has a signal that float32 holds" if dead is None else "",
        ),
    ]  # fmt: skip
    settled = math.nan if scales is None else scales.q
    gone = "norms, skips or an unbounded variance leave no fixed point" if scales is None else ""
    if (
        scales is not None
        and scales.xi_q == math.inf
        and outlook.subject.laws[0].activation.sides is not None
    ):
        settled, gone = math.nan, "every variance is kept: any q is a fixed point"
    lines.append(
        Line(
            "T4", "fixed point q*", "learnability", settled, "q = C_W E φ(√q g)² + C_b", _MAPS,
            valid="not applicable" if gone else "ok", reason=gone,
        )
    )  # fmt: skip
    return tuple(lines)


def _susceptibilities(outlook: Outlook) -> tuple[Line, ...]:
    last = outlook.steps[-1]
    valid, told = _state(outlook.limits)
    chi = last.chi_perp
    phase = "no signal" if math.isnan(chi) else ""
    if not phase:
        phase = "critical" if abs(chi - 1.0) < 1e-3 else ("ordered" if chi < 1.0 else "chaotic")
    told = joined(f"phase: {phase}", told)
    return (
        Line(
            "T5", "χ_⊥ at the last hidden layer", "learnability", chi, "C_W E φ'(√q g)²",
            "Schoenholz et al. 2017, eq. 5", valid=valid, reason=told,
        ),
        Line(
            "T5", "χ_∥ at the last hidden layer", "learnability", last.chi_par, "C_W d/dq E φ(√q g)²",
            "Roberts, Yaida and Hanin 2022, chapter 5", valid=valid, reason=told,
        ),
    )  # fmt: skip


def _depths(outlook: Outlook, scales: DepthScales | None) -> tuple[Line, ...]:
    if scales is None:
        why = "norms, skips or an unbounded variance leave no fixed point to measure a depth at"
        return (
            absent("T6", "depth scale ξ_c", "learnability", why),
        )  # fmt: skip
    ordered = scales.chi_perp < 1.0 - 1e-9
    reach = 6.0 * scales.xi_c
    told = "infinite at criticality, where correlations follow a power of the depth"
    if ordered:
        told = (
            f"{outlook.depth} layers against 6ξ_c = {reach:.3g}, an empirical rule for plain gradient descent"
        )
    elif math.isfinite(scales.xi_c):
        told = "chaotic: the depth over which a small difference grows by e"
    return (
        Line("T6", "depth scale ξ_c", "learnability", scales.xi_c, "1/|ln χ_⊥(q*)|",
             "Schoenholz et al. 2017, eq. 9", reason=told),
        Line("T6", "depth scale ξ_q", "learnability", scales.xi_q, "1/|ln χ_∥(q*)|",
             "Schoenholz et al. 2017, eq. 8"),
    )  # fmt: skip


def _correlations(outlook: Outlook) -> Line:
    found = Spread(math.nan, math.nan)
    if outlook.profile is not None and outlook.profile.apart.shape[1]:
        found = spread_of(outlook.profile.apart[:, :, -1])
    value = float(outlook.apart[-1])
    flat = "rows are equal in float32: nothing can tell them apart" if value < _FLAT else ""
    more = "" if not _uneven(outlook) else "rows of unlike sizes are taken as of one size"
    valid, told = _state(outlook.limits, more)
    return Line(
        "T7", "1 − c at the last hidden layer", "learnability", value,
        "c' = (C_W E φ(u)φ(v) + C_b)/q'", "Cho and Saul 2009; Daniely, Frostig and Singer 2016",
        predicted_sd=value * float(outlook.gradient_sd[0]), measured=found.mean, measured_se=found.error,
        networks=len(outlook.subject.modules), valid=valid,
        reason=joined(flat, told),
    )  # fmt: skip


def _uneven(outlook: Outlook) -> bool:
    if outlook.profile is None:
        return False
    sizes = (outlook.profile.inside[0] ** 2).mean(1)
    return bool(sizes.std() > 0.2 * sizes.mean())


def _critical(outlook: Outlook) -> tuple[Line, ...]:
    phi = outlook.subject.laws[0].activation
    source = "Roberts, Yaida and Hanin 2022, chapter 5"
    if not has_critical(phi):
        why = f"none exists for {phi.name}: at no variance do signal and gradient keep their sizes together"
        return (
            absent("T9", "critical C_W", "learnability", why, "χ_∥ = χ_⊥ = 1", source),
        )  # fmt: skip
    found = critical_initialisation(phi)
    own = outlook.subject.laws[min(1, outlook.depth - 1)].weight_variance
    told = f"class: {found.kind}; the network has {own:.4g}"
    return (
        Line(
            "T9", "critical C_W", "learnability", found.weight_variance, "χ_∥ = χ_⊥ = 1", source, reason=told
        ),
        Line("T9", "critical C_b", "learnability", found.bias_variance, "K* = C_W E φ² + C_b", source),
    )


def _dropout(outlook: Outlook) -> tuple[Line, ...]:
    law = outlook.subject.laws[0]
    source = "Schoenholz et al. 2017, section 5"
    if law.keep == 1.0:
        return (
            Line("T23", "C_W/keep", "learnability", math.nan, "C_W/keep", source, valid="not applicable",
                 reason="there is no dropout"),
        )  # fmt: skip
    second = outlook.subject.laws[min(1, outlook.depth)]
    value = second.weight_variance / law.keep
    try:
        scales = depth_scales(law.activation, second.weight_variance, second.bias_variance, law.keep)
        c = fixed_correlation(
            law.activation, scales.q, second.weight_variance, second.bias_variance, law.keep
        )
        settled = Line("T23", "fixed correlation c*", "learnability", c, "c = (C_W E φ(u)φ(v) + C_b)/q*",
                       source, reason="below 1: with dropout two equal rows part")  # fmt: skip
    except ArgumentError as error:
        settled = Line("T23", "fixed correlation c*", "learnability", math.nan, "", source,
                       valid="not applicable", reason=str(error))  # fmt: skip
    return Line("T23", "C_W/keep", "learnability", value, "C_W/keep", source), settled
