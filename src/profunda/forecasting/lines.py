"""What a forecast is made of: lines, layers and advice, as values."""

import math
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "HEADS",
    "Head",
    "LayerForecast",
    "Line",
    "Recommendation",
    "Valid",
    "absent",
    "joined",
]

Head = Literal["expressivity", "efficiency", "learnability"]
Valid = Literal["ok", "extrapolated", "not applicable"]

HEADS: tuple[tuple[Head, str], ...] = (
    ("expressivity", "What functions can it be?"),
    ("efficiency", "What does that cost in units, parameters and rows?"),
    ("learnability", "Can training get there?"),
)
"""The three questions of Lin, Tegmark and Rolnick (2017), section 1, in our words."""

NEAR = 4.0
"""So many standard errors apart, prediction and measurement still agree."""


@dataclass(frozen=True)
class Line:
    """One quantity: what theory says, what the networks show, and how far to trust either.

    `code` is "T1" … "T24". `value` is the prediction, nan where there is none; `predicted_sd` its spread from
    one draw of the first weights to the next, as theory has it, nan where theory has none; `measured` and
    `measured_se` the mean over the drawn networks with its standard error (for a module that was handed over
    the one number; its error over rows, where rows are averaged), nan where nothing was measured; `networks`
    is how many were drawn, so that their mean spreads by predicted_sd/√networks. `formula`
    and `source` say where the value comes from. `valid` is "extrapolated" where the formula is used outside
    of the limits it was derived in, and `reason` says why, or why the line is not applicable.
    """

    code: str
    name: str
    head: Head
    value: float
    formula: str
    source: str
    predicted_sd: float = math.nan
    measured: float = math.nan
    measured_se: float = math.nan
    networks: int = 1
    valid: Valid = "ok"
    reason: str = ""

    @property
    def distance(self) -> float:
        """|value − measured| in standard errors, of prediction and measurement together; nan without both."""
        apart = abs(self.value - self.measured)
        drawn = self.predicted_sd / math.sqrt(self.networks)
        spread = math.hypot(*(one for one in (drawn, self.measured_se) if math.isfinite(one)))
        if not math.isfinite(apart):
            return math.nan
        if apart <= 1e-9 * abs(self.value):  # both are exact where nothing is left to chance
            return 0.0
        return apart / spread if spread > 0.0 else math.nan

    @property
    def agrees(self) -> bool | None:
        """Whether both are within 4 standard errors of each other; None where one of them is missing."""
        return None if math.isnan(self.distance) else self.distance <= NEAR


def absent(code: str, name: str, head: Head, why: str, formula: str = "", source: str = "") -> Line:
    """A line that does not apply, with the reason."""
    return Line(code, name, head, math.nan, formula, source, valid="not applicable", reason=why)


def joined(*words: str) -> str:
    """Reasons in a row; empty ones left out."""
    return "; ".join(one for one in words if one)


@dataclass(frozen=True)
class LayerForecast:
    """Layer l of the network, from 1 at the inputs: predicted and, where data or draws allow, measured.

    `q` is E z² over units and rows, `gradient` E‖∂f/∂z^l‖² as a share of the last hidden layer's, `apart`
    1 − c of the pre-activations of two rows, averaged over pairs.
    """

    number: int
    width: int
    activation: str
    q: float
    q_sd: float
    q_measured: float
    q_se: float
    gradient: float
    gradient_measured: float
    gradient_se: float
    apart: float
    apart_measured: float
    apart_se: float
    chi_perp: float
    chi_par: float


@dataclass(frozen=True)
class Recommendation:
    """What to change, by theory alone: a heuristic, not a theorem.

    `depth` is the largest number of hidden layers at the present width, `width` the smallest width at the
    present depth; None where the network leaves none. `weight_variance` and `bias_variance` are the critical
    C_W and C_b of its activation, nan where there are none. `largest_step` is the largest stable step of
    gradient descent on the mean squared error, nan where it was not computed.
    """

    depth: int | None
    width: int | None
    weight_variance: float
    bias_variance: float
    largest_step: float
    words: tuple[str, ...]
