"""What keeps a design from being trained, known before: its size, its time to predict, and theory."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from profunda.data.inputs import Inputs
from profunda.errors import ArgumentError
from profunda.fleet.cost import Rates
from profunda.space.design import Design
from profunda.tuning.foresight import Foreseeing

__all__ = ["LATENCY_ROWS", "UNLIMITED", "Gate", "Limits", "Refusal", "latency"]

LATENCY_ROWS = 1_000
PASS_SHARE = 1 / 3  # of a training step's calls: forward, where a step is forward, backward and the optimiser


@dataclass(frozen=True)
class Limits:
    """The most `parameters` that a network may have, and the most milliseconds of `latency`.

    Latency is what one network takes on one thread to predict 1,000 rows, preprocessing apart, as forecast
    from this machine's speeds (`latency`). None: no limit.

    Raises:
        ArgumentError: a limit is no positive number.
    """

    parameters: int | None = None
    latency: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("max_parameters", self.parameters), ("max_latency", self.latency)):
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if value is not None and not (number and math.isfinite(value) and value > 0):
                raise ArgumentError(f"{name}={value!r} must be a positive number.")
        if self.parameters is not None and int(self.parameters) != self.parameters:
            raise ArgumentError(f"max_parameters={self.parameters!r} must be a whole number.")


UNLIMITED = Limits()


@dataclass(frozen=True)
class Refusal:
    """Why a design is not trained: `by` the limits, or by the forecast, then with the name of its `concern`.

    `violation` is what samplers are told: how far beyond the limits it is, as a share of each, or how many
    orders of magnitude its score is below the least.
    """

    by: Literal["limits", "forecast"]
    violation: float
    words: str
    concern: str = ""


@dataclass(frozen=True)
class Gate:
    """Measures designs against limits; `inputs` tells the encoded inputs of a design, C are its outputs.

    `rates` are those of the engine that predicts, which is torch. `foreseeing` rules designs out by theory;
    None: theory has no say.
    """

    limits: Limits
    inputs: Callable[[Design], Inputs]
    n_outputs: int
    rates: Rates
    foreseeing: Foreseeing | None = None

    def allows(self, design: Design, given: bool = False) -> bool:
        """Whether the design may be trained."""
        return self.refusal(design, given) is None

    def refusal(self, design: Design, given: bool = False) -> Refusal | None:
        """Why the design may not be trained, None where it may.

        What is beyond the limits is not held against theory, nor is what the user has `given`.
        """
        if (missed := self.violation(design)) > 0:
            return Refusal("limits", missed, self.says(design))
        if self.foreseeing is None or given:
            return None
        concern = self.foreseeing.against(design)
        if concern is None:
            return None
        return Refusal("forecast", self.foreseeing.missed(design), concern.words, concern.name)

    def parameters(self, design: Design) -> int:
        """Number of trained parameters."""
        return design.parameters(self.inputs(design), self.n_outputs)

    def violation(self, design: Design) -> float:
        """By how much the limits are missed, as a share of each, added up; 0 where they are kept."""
        excess = 0.0
        if self.limits.parameters is not None:
            excess += max(0.0, self.parameters(design) / self.limits.parameters - 1)
        if self.limits.latency is not None:
            taken = latency(design, self.inputs(design), self.n_outputs, self.rates)
            excess += max(0.0, taken / self.limits.latency - 1)
        return excess

    def says(self, design: Design) -> str:
        """The design's measures beside the limits, for a message."""
        words = []
        if self.limits.parameters is not None:
            words.append(f"{self.parameters(design):,} parameters (at most {self.limits.parameters:,})")
        if self.limits.latency is not None:
            taken = latency(design, self.inputs(design), self.n_outputs, self.rates)
            words.append(f"{taken:.3g} ms for {LATENCY_ROWS:,} rows (at most {self.limits.latency:g})")
        return ", ".join(words)


def latency(
    design: Design, inputs: Inputs | int, n_outputs: int, rates: Rates, rows: int = LATENCY_ROWS
) -> float:
    """Milliseconds that one network takes to predict `rows` rows on one thread, forecast by `rates`.

    A forward pass costs a third of a training step's calls, and for each row 2 Σ K·H operations and one
    activation a hidden unit; those of a body are its own.
    """
    found = Inputs.of(inputs)
    body = design.body_on(found)
    sizes = (len(body.kept(found)) + len(design.codes_on(found)) + body.width, *design.widths, n_outputs)
    products = 2.0 * (body.products + sum(before * after for before, after in pairwise(sizes)))
    calls = PASS_SHARE * (rates.step + rates.layer * (len(design.widths) + len(body.slots) / 2))
    units = sum(design.widths) + body.units
    return 1e3 * (calls + rows * (products * rates.flop + units * rates.activation))
