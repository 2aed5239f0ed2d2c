"""A forecast in plain words, under the three heads."""

import math

from profunda.forecasting.learnability import Trainability
from profunda.forecasting.lines import HEADS, Head, Line

__all__ = ["summary"]


def summary(lines: tuple[Line, ...], trainability: Trainability) -> tuple[tuple[Head, tuple[str, ...]], ...]:
    """For each head the sentences that its lines make; none for what is not known."""
    told: dict[Head, tuple[str, ...]] = {
        "expressivity": _expressivity(lines),
        "efficiency": _efficiency(lines),
        "learnability": _learnability(lines, trainability),
    }
    return tuple((head, told[head]) for head, _ in HEADS)


def _known(lines: tuple[Line, ...], code: str, name: str = "") -> Line | None:
    for line in lines:
        if line.code == code and name in ("", line.name):
            return line if math.isfinite(line.value) or math.isfinite(line.measured) else None
    return None


def _number(line: Line) -> float:
    return line.value if math.isfinite(line.value) else line.measured


def _expressivity(lines: tuple[Line, ...]) -> tuple[str, ...]:
    told = []
    rank, rows = _known(lines, "T15", "rank of the Jacobian"), _known(lines, "T15", "rows of the Jacobian")
    if rank is not None and rows is not None:
        full = rank.measured >= rows.value
        what = (
            "it can move towards every target there"
            if full
            else f"it cannot move towards every target there, as {rank.reason}"
        )
        told.append(
            f"On {rows.value:.0f} outputs of the data its Jacobian has rank {rank.measured:.0f}: {what}."
        )
    pieces = _known(lines, "T21", "linear pieces between two rows")
    if pieces is not None:
        told.append(f"Between two rows it has about {_number(pieces):.3g} linear pieces before training.")
    bound = _known(lines, "T20")
    if bound is not None and bound.value >= 1.0:
        told.append(
            f"The VC bound is vacuous here ({bound.value:.2g} ≥ 1): capacity alone guarantees nothing."
        )
    elif bound is not None:
        told.append(
            f"Its test error exceeds its training error by {bound.value:.2g} at most, with 95 % certainty."
        )
    ratio = _known(lines, "T1", "P/(n·C)")
    if ratio is not None:
        what = "enough to fit any target" if ratio.value >= 1.0 else "too few to fit every target"
        told.append(f"It has {ratio.value:.3g} parameters for each number it must learn: {what}.")
    return tuple(told) or ("Without data nothing can be said about what it can fit.",)


def _efficiency(lines: tuple[Line, ...]) -> tuple[str, ...]:
    told = []
    counted = _known(lines, "T1", "parameters P")
    if counted is not None:
        told.append(f"It has {counted.value:,.0f} trainable parameters.")
    peak = _known(lines, "T19")
    if peak is not None and peak.value > 1.0:
        told.append(
            f"Its last layer is near the interpolation peak: noise in targets grows {peak.value:.2g}-fold."
        )
    step, time = _known(lines, "T14", "largest stable step"), _known(lines, "T14", "steps to 1 % of the loss")
    if step is not None:
        told.append(f"Plain gradient descent starts stably up to a step of {_number(step):.2g}.")
    if time is not None:
        told.append(f"If it trains lazily, the slowest direction takes about {_number(time):.2g} steps.")
    depth, width = (
        _known(lines, "T24", f"recommended {one}") for one in ("depth at this width", "width at this depth")
    )
    if depth is not None and width is not None:
        told.append(
            f"Hidden layers that these widths carry: {depth.value:.0f}; this depth asks for "
            f"{width.value:.0f} units in each."
        )
    return tuple(told)


def _learnability(lines: tuple[Line, ...], trainability: Trainability) -> tuple[str, ...]:
    told = [trainability.worst.words]
    if not math.isnan(trainability.score):
        told.insert(0, f"{trainability.verdict.capitalize()} (score {trainability.score:.2f}).")
    q, chi = _known(lines, "T4", "q of the last hidden layer"), _known(lines, "T5")
    if q is not None and trainability.worst.name != "signal":
        told.append(f"Signals reach the last hidden layer with a variance of {_number(q):.3g}.")
    if chi is not None:
        told.append(
            f"A layer there multiplies a squared gradient by {chi.value:.3g} ({chi.reason.split(';')[0]})."
        )
    apart = _known(lines, "T7")
    if apart is not None and trainability.worst.name != "rows":
        told.append(f"Two rows still differ by 1 − c = {_number(apart):.2g} there.")
    spread = _known(lines, "T10", "Var log ‖∂f/∂x‖²")
    if spread is not None and math.isfinite(spread.value):
        factor = math.exp(math.sqrt(spread.value))
        told.append(f"From seed to seed gradient norms differ by factors up to {factor:.2g} either way.")
    lazy = _known(lines, "T17")
    if lazy is not None and _number(lazy) >= 1.0:
        told.append("It is too deep for its width to train lazily: it leaves its linear twin.")
    elif lazy is not None:
        told.append(f"Trained gently it stays within about {_number(lazy):.0%} of its linear twin.")
    return tuple(told)
