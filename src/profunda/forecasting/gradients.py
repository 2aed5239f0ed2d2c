"""Lines T8, T10, T11, T12 and T22: gradients on their way back, and how much networks differ."""

import math

import numpy as np

from profunda.forecasting.lines import Line, absent, joined
from profunda.forecasting.measuring import Spread, spread_of
from profunda.forecasting.outlook import Outlook
from profunda.forecasting.subjects import Subject
from profunda.theory.finite_width import (
    FIRST_ORDER,
    SAMPLED,
    log_gradient_variance,
    log_norm_variance,
    ntk_diagonal_variance,
    vertex_profile,
)
from profunda.theory.widths import beta, relu_fluctuation

__all__ = ["gradient_lines"]

_NORMS = "Hanin and Nica 2020; derived from the law of the factors"


def gradient_lines(outlook: Outlook) -> tuple[Line, ...]:
    """T8: gradients by layer; T10: spread of norms; T11: of the kernel; T12: of neurons; T22: batch norm."""
    return (
        _profile(outlook),
        *_spreads(outlook),
        _kernel(outlook),
        _neurons(outlook),
        _batch_norm(outlook),
    )


def _ratio(outlook: Outlook) -> Spread:
    """‖∂f/∂z^1‖² over ‖∂f/∂z^L‖²."""
    if outlook.profile is None or not outlook.depth:
        return Spread(math.nan, math.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        return spread_of(
            outlook.profile.gradients[:, :, 0] / outlook.profile.gradients[:, :, -1].mean(1, keepdims=True)
        )


def _profile(outlook: Outlook) -> Line:
    found, name = _ratio(outlook), "squared gradient, first over last hidden layer"
    formula, source = "Π χ_⊥(q_l)", "Schoenholz et al. 2017, eq. 18"
    if outlook.why_not or not math.isfinite(outlook.gradient[0]):
        why = outlook.why_not or "the signal dies or overflows on the way"
        return Line(
            "T8", name, "learnability", math.nan, formula, source, measured=found.mean,
            measured_se=found.error, valid="not applicable", reason=why,
        )  # fmt: skip
    value = float(outlook.gradient[0])
    spread = float(outlook.gradient_sd[0])
    told = [outlook.limits] if outlook.limits else []
    if not outlook.subject.relu_exact:
        told.append("its spread is that of a ReLU network without biases")
    if spread > 1.0:
        told.append("a mean ruled by rare networks: compare logarithms")
    bad = bool(outlook.limits) or spread > 1.0
    return Line(
        "T8", name, "learnability", value, formula, source, predicted_sd=value * spread, measured=found.mean,
        measured_se=found.error, networks=len(outlook.subject.modules),
        valid="extrapolated" if bad else "ok", reason="; ".join(told),
    )  # fmt: skip


# From one draw to the next --------------------------------------------------------------------------


def _spreads(outlook: Outlook) -> tuple[Line, ...]:
    subject = outlook.subject
    why = outlook.why_not or ("" if subject.plain else "norms or skips are not in these laws")
    if why:
        return (
            absent("T10", "Var log ‖x_L‖²", "learnability", why),
            absent("T10", "Var log ‖∂f/∂x‖²", "learnability", why),
        )
    return (_norms(outlook), _input_gradient(outlook))


def _norms(outlook: Outlook) -> Line:
    subject, widths = outlook.subject, outlook.subject.widths
    found = _log_spread(outlook.profile.last) if outlook.profile is not None else Spread(math.nan, math.nan)
    if subject.relu_exact:
        return Line(
            "T10", "Var log ‖x_L‖²", "learnability", log_norm_variance(widths), "Σ v(n_l)", _NORMS,
            measured=found.mean, measured_se=found.error,
            valid="extrapolated" if _uniform(subject) else "ok", reason=_uniform(subject),
        )  # fmt: skip
    law = subject.laws[min(1, len(subject.laws) - 1)]
    first = subject.laws[0].weight_variance * outlook.square + subject.laws[0].bias_variance
    vertex = vertex_profile(law.activation, widths, first, law.weight_variance, law.bias_variance)
    # Of C_W‖x_L‖²/n + C_b; without the constant part it is the spread of ‖x_L‖² alone.
    q = float(vertex.q[-1])
    share = (q - law.bias_variance) / q if q > law.bias_variance else math.nan
    value = float(vertex.excess[-1]) / share**2
    far = value > FIRST_ORDER
    order = "the first order in 1/width is above 0.3" if far else "to the first order in 1/width"
    uniform = _uniform(subject)
    return Line(
        "T10", "Var log ‖x_L‖²", "learnability", value, "V_{L+1}/(n_L q²)",
        "Roberts, Yaida and Hanin 2022, chapter 4", measured=found.mean, measured_se=found.error,
        valid="extrapolated" if far or uniform else "ok", reason=joined(order, uniform),
    )  # fmt: skip


def _uniform(subject: Subject) -> str:
    """What to say of a law that is for normal weights."""
    return "derived for normal weights; uniform ones spread less" if abs(subject.kurtosis) > 0.5 else ""


def _input_gradient(outlook: Outlook) -> Line:
    subject = outlook.subject
    value = log_gradient_variance(subject.widths, subject.inputs)
    found = Spread(math.nan, math.nan)
    if outlook.profile is not None and np.isfinite(outlook.profile.entering).all():
        found = _log_spread(outlook.profile.entering)
    other = "" if subject.relu_exact else "exact for ReLU without biases"
    low, high = (math.exp(sign * math.sqrt(value)) for sign in (-1.0, 1.0))
    range_ = f"gradient norms of 19 in 20 seeds lie within ×{low:.2g} to ×{high:.2g}"
    told = joined(other, _uniform(subject))
    return Line(
        "T10", "Var log ‖∂f/∂x‖²", "learnability", value, "Σ v(n_l) + ψ'(n_0/2)", _NORMS,
        measured=found.mean, measured_se=found.error,
        valid="extrapolated" if told else "ok", reason=joined(range_, told),
    )  # fmt: skip


def _log_spread(values: np.ndarray) -> Spread:
    """Variance over networks of log [M, n], averaged over rows; nan for one network, or where one is dead."""
    networks = len(values)
    if networks < 3 or not (values > 0.0).all():
        return Spread(math.nan, math.nan)
    found = float(np.log(values).var(0, ddof=1).mean())
    return Spread(found, found * math.sqrt(2.0 / (networks - 1)))


def _kernel(outlook: Outlook) -> Line:
    subject, name = outlook.subject, "relative s.d. of Θ(x, x)"
    formula = "Var K/(E K)² of layers' products"
    source = "derived from the law of the factors; growth e^{5β} in Hanin and Nica 2020"
    why = outlook.why_not or ("" if subject.plain else "norms or skips are not in this law")
    if not why and subject.laws[0].activation.sides is None:
        why = "derived for ReLU networks"
    if why:
        return Line(
            "T11", name, "learnability", math.nan, formula, source, valid="not applicable", reason=why
        )
    value = math.sqrt(ntk_diagonal_variance(subject.widths))
    told = []
    if not subject.relu_exact:
        told.append("derived for ReLU without biases")
    if not subject.ntk:
        told.append("derived for the NTK parametrisation")
    if beta(subject.widths) > SAMPLED:
        told.append("β is above ½: no sample of networks shows such a spread")
    return Line(
        "T11", name, "learnability", value, formula, source,
        valid="extrapolated" if told else "ok", reason="; ".join(told),
    )  # fmt: skip


def _neurons(outlook: Outlook) -> Line:
    subject, name = outlook.subject, "correlation of two neurons' squares"
    why = outlook.why_not or ("" if subject.plain else "norms or skips are not in this law")
    if why:
        return absent("T12", name, "learnability", why)
    if subject.relu_exact:
        value, formula = relu_fluctuation(subject.widths[:-1]), "Π (1 + 5/n_l) − 1, l < L"
    else:
        value, formula = float(outlook.excess[-1]), "V_L/(n q²)"
    far = value > FIRST_ORDER and not subject.relu_exact
    return Line(
        "T12", name, "learnability", value, formula, "Roberts, Yaida and Hanin 2022, chapter 4",
        valid="extrapolated" if far else "ok",
        reason="the first order in 1/width is above 0.3" if far else "0 in an infinitely wide network",
    )  # fmt: skip


def _batch_norm(outlook: Outlook) -> Line:
    name, source = "gradient growth per layer under batch norm", "Yang et al. 2019"
    laws = outlook.subject.laws[:-1]
    if outlook.why_not or not laws or any(law.norm != "batch" for law in laws) or outlook.depth < 2:
        return absent("T22", name, "learnability", "there are no two hidden layers in turn with batch norm")
    if any(law.skip for law in laws):
        return absent("T22", name, "learnability", "derived for plain chains, and these layers have skips")
    found = _ratio(outlook)
    power = 1.0 / (outlook.depth - 1)
    growth = found.mean**power if found.mean > 0.0 else math.nan
    error = growth * power * found.error / found.mean if found.mean > 0.0 else math.nan
    told = "for infinitely many rows and units, where a deep ReLU chain has π/(π − 1) = 1.467"
    return Line(
        "T22", name, "learnability", float(outlook.gradient[0]) ** power, "C_W E φ'(g)²/(q(1 − c))", source,
        measured=growth, measured_se=error, valid="extrapolated", reason=told,
    )  # fmt: skip
