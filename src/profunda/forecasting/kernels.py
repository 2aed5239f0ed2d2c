"""Lines T13, T14 and T18: the tangent kernel on the rows, and the steps it allows."""

import math
from dataclasses import dataclass

import numpy as np

from profunda.errors import ProfundaError
from profunda.forecasting.lines import Line, Valid, absent, joined
from profunda.forecasting.measuring import Spread
from profunda.forecasting.outlook import Outlook
from profunda.forecasting.rows import entering
from profunda.theory.finite_width import ntk_diagonal_variance
from profunda.theory.kernels import (
    KernelCondition,
    Kernels,
    dense_kernels,
    kernel_condition,
    largest_stable_step,
)
from profunda.theory.linearised import LAZY_ACTIVATIONS, lazy_number
from profunda.theory.tangents import empirical_ntk
from profunda.theory.widths import beta

__all__ = ["kernel_lines"]

ROWS = 32
"""Rows that the kernel is taken on."""
NETWORKS = 8
"""Draws whose kernels are measured."""
_SPREAD = 0.1
"""Relative spread of Θ(x, x) up to which the infinitely wide network speaks for one that is not."""
_HEAVY = 2e11
"""Multiplications that all measured kernels may take; above, theirs are left out."""


@dataclass(frozen=True)
class _Numbers:
    """Of one kernel: mean of the diagonal, its eigenvalues' ends, and the largest stable step."""

    diagonal: float
    condition: KernelCondition
    step: float


def kernel_lines(outlook: Outlook) -> tuple[Line, ...]:
    """T13: Θ; T14: stable step and time; T18: parametrisation."""
    predicted, why = _analytic(outlook)
    shown = _empirical(outlook)
    theta, steps = _theta(outlook, predicted, why, shown), _steps(outlook, predicted, why, shown)
    return (*theta, *steps, *_lazy(outlook), _kind(outlook))


def _analytic(outlook: Outlook) -> tuple[_Numbers | None, str]:
    subject = outlook.subject
    if subject.why:
        return None, subject.why
    if not subject.plain:
        return None, "norms or skips are not in the analytic kernel"
    if len({law.activation.name for law in subject.laws[:-1]}) > 1:
        return None, "the analytic kernel is for one activation"
    try:
        return _numbers(_tangents(outlook)), ""
    except ProfundaError as error:
        return None, str(error)


def _tangents(outlook: Outlook) -> np.ndarray:
    """Θ on the rows, by the weights and biases that are trained."""
    subject = outlook.subject
    linears = subject.layers[0]
    weights = [linear.weight.requires_grad for linear in linears]
    biases = [linear.bias is not None and linear.bias.requires_grad for linear in linears]

    def kernels(biases: bool) -> Kernels:
        return dense_kernels(
            _inside(outlook),
            outlook.depth,
            subject.laws[0].activation,
            [law.weight_variance for law in subject.laws],
            [law.bias_variance for law in subject.laws],
            widths=None if subject.ntk else subject.widths,
            biases=biases,
        )

    if subject.ntk or (all(weights) and len(set(biases)) == 1):
        return kernels(biases[0]).ntk
    return _partly(kernels(True), kernels(False), weights, biases)


def _partly(both: Kernels, lone: Kernels, weights: list[bool], biases: list[bool]) -> np.ndarray:
    """Θ by the layers whose `weights` and `biases` are trained, of the kernels by all weights, with and
    without all biases. Either is Θ^l = own^l + S^l Θ^{l−1}, a bias' own part being 1: so their difference,
    B^l = 1 + S^l B^{l−1} ≥ 1, tells S^l, and that tells every own part."""
    found = before = grown = np.zeros_like(lone.ntk)
    for place, (one, other) in enumerate(zip(both.layers, lone.layers, strict=True)):
        shift = one.ntk - other.ntk
        slope = (shift - 1.0) / grown if place else grown
        found = weights[place] * (other.ntk - slope * before) + biases[place] + slope * found
        before, grown = other.ntk, shift
    return found


def _inside(outlook: Outlook) -> np.ndarray:
    if outlook.profile is not None:
        return outlook.profile.inside[0][:ROWS]
    return outlook.rows.x.reshape(len(outlook.rows.x), -1)[:ROWS]


def _numbers(kernel: np.ndarray) -> _Numbers:
    found = kernel_condition(kernel)
    if math.isinf(found.number):  # what is left of λ_min then is rounding
        found = KernelCondition(0.0, found.largest, math.inf)
    return _Numbers(float(np.diag(kernel).mean()), found, largest_stable_step(kernel, "mse"))


def _empirical(outlook: Outlook) -> tuple[_Numbers, ...]:
    """Of the drawn networks' own kernels, averaged over outputs."""
    subject = outlook.subject
    work = float(subject.parameters) * ROWS * max(subject.outputs, 1)
    if work * NETWORKS > _HEAVY or subject.ntk:
        return ()
    found = []
    for module in subject.modules[:NETWORKS]:
        x = entering(module, outlook.rows.x[:ROWS])
        try:
            kernel = empirical_ntk(module, x, form="trace").values.double().numpy()
            found.append(_numbers(kernel / max(subject.outputs, 1)))
        except (ProfundaError, RuntimeError):  # no gradient by rows, or one that overflows
            return ()
    return tuple(found)


def _mean(values: list[float]) -> Spread:
    """Over networks; of one network nothing is known about its error."""
    good = [one for one in values if math.isfinite(one)]
    if len(good) < len(values) or not good:
        return Spread(math.nan, math.nan)
    error = float(np.std(good, ddof=1) / math.sqrt(len(good))) if len(good) > 1 else math.nan
    return Spread(float(np.mean(good)), error)


def _theta(
    outlook: Outlook, predicted: _Numbers | None, why: str, shown: tuple[_Numbers, ...]
) -> tuple[Line, ...]:
    source = "Jacot, Gabriel and Hongler 2018; Cho and Saul 2009; Williams 1997"
    valid: Valid = "not applicable" if predicted is None else ("extrapolated" if outlook.limits else "ok")
    told = why or outlook.limits
    relative = math.nan if predicted is None else _relative(outlook)
    spread = math.nan if predicted is None else predicted.diagonal * relative
    if relative > _SPREAD and not told:
        valid, told = (
            "extrapolated",
            f"for infinite widths; one network's Θ differs by ±{relative:.0%} from it",
        )
    diagonal = _mean([one.diagonal for one in shown])
    lines = [
        Line(
            "T13", "mean of Θ(x, x)", "learnability", math.nan if predicted is None else predicted.diagonal,
            "Θ' = K' + C_W E φ'φ' Θ", source, predicted_sd=spread, measured=diagonal.mean,
            measured_se=diagonal.error, networks=max(1, len(shown)), valid=valid, reason=told,
        )
    ]  # fmt: skip
    if valid == "ok":
        valid, told = "extrapolated", "of the infinitely wide network; narrower ones have a smaller λ_min"
    for name, take in (("λ_max(Θ)", "largest"), ("λ_min(Θ)", "smallest"), ("κ(Θ)", "number")):
        found = _mean([getattr(one.condition, take) for one in shown])
        value = math.nan if predicted is None else float(getattr(predicted.condition, take))
        more = "" if predicted is None else f"on {min(ROWS, len(outlook.rows.x))} rows"
        lines.append(
            Line(
                "T13", name, "learnability", value, "eigenvalues of Θ", source, measured=found.mean,
                measured_se=found.error, networks=max(1, len(shown)),
                valid=valid, reason=joined(more, told),
            )
        )  # fmt: skip
    return tuple(lines)


def _relative(outlook: Outlook) -> float:
    """Relative spread of Θ(x, x) from one draw to the next; nan where no law says."""
    if not outlook.depth or outlook.subject.laws[0].activation.sides is None:
        return math.nan
    return math.sqrt(ntk_diagonal_variance(outlook.subject.widths))


def _narrow(outlook: Outlook) -> bool:
    """Whether the kernel of infinite widths is a poor guide to this network's."""
    return bool(outlook.limits) or _relative(outlook) > _SPREAD


def _steps(
    outlook: Outlook, predicted: _Numbers | None, why: str, shown: tuple[_Numbers, ...]
) -> tuple[Line, ...]:
    source = "linear model of training: Jacot, Gabriel and Hongler 2018; Lee et al. 2019"
    found = _mean([one.step for one in shown])
    value = math.nan if predicted is None else predicted.step
    told = why or "holds while Θ moves little; plain gradient descent on the mean squared error"
    valid: Valid = "not applicable" if predicted is None else ("extrapolated" if _narrow(outlook) else "ok")
    step = Line(
        "T14", "largest stable step", "efficiency", value, "n/λ_max(Θ)", source,
        measured=found.mean, measured_se=found.error, networks=max(1, len(shown)), valid=valid, reason=told,
    )  # fmt: skip
    if predicted is None or not math.isfinite(predicted.condition.number):
        lost = why or "Θ is singular on these rows: some targets cannot be fitted"
        return step, absent("T14", "steps to 1 % of the loss", "efficiency", lost)  # fmt: skip
    # At half the largest stable step n/(2 λ_max), the slowest direction needs ln(100)/(4 · ½ · λ_min/λ_max).
    time = math.log(100.0) * predicted.condition.number / 2.0
    return step, Line(
        "T14", "steps to 1 % of the loss", "efficiency", time, "ln(1/ε) κ/2 at half the stable step", source,
        valid="extrapolated", reason="for the slowest direction on these rows; more rows take longer",
    )  # fmt: skip


def _lazy(outlook: Outlook) -> tuple[Line, ...]:
    """T17, by a calibration."""
    subject = outlook.subject
    names = ("distance from the linear twin", "change of Θ")
    source = "calibrated on ReLU and tanh networks, not proved"
    why = outlook.why_not or ("" if subject.plain else "calibrated for plain chains")
    phi = "" if why else subject.laws[0].activation.name
    if not why and phi not in LAZY_ACTIVATIONS:
        why = f"calibrated for {' and '.join(LAZY_ACTIVATIONS)}, not for {phi}: train beside the linear twin"
    if why:
        return tuple(absent("T17", name, "learnability", why, "a β^b L^c", source) for name in names)
    found = lazy_number(subject.widths, phi)
    told = joined(found.reason, "for few rows, gentle steps and critical first weights; ±40 %")
    return tuple(
        Line("T17", name, "learnability", value, "a β^b L^c", source, predicted_sd=found.spread * value,
             valid="extrapolated", reason=told)
        for name, value in zip(names, (found.distance, found.drift), strict=True)
    )  # fmt: skip


def _kind(outlook: Outlook) -> Line:
    subject = outlook.subject
    name, source = "power of the width by which Θ grows", "Jacot, Gabriel and Hongler 2018; Yang and Hu 2021"
    if subject.why or not outlook.depth:
        return absent("T18", name, "learnability", outlook.why_not)
    wide = beta(subject.widths)
    if subject.ntk:
        told = "NTK parametrisation: one step size serves every width, and wide networks train lazily"
        return Line("T18", name, "learnability", 0.0, "parametrisation", source, reason=told)
    told = (
        "standard parametrisation: the largest stable step of plain gradient descent falls like 1/width, and "
        f"with such a step wide networks train lazily (β = {wide:.2g})"
    )
    return Line("T18", name, "learnability", 1.0, "parametrisation", source, reason=told)
