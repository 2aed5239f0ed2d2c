"""What is searched, for what, and on which terms: what must be equal for a search to be resumed."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from profunda._version import __version__
from profunda.errors import ArgumentError
from profunda.space.space import Space
from profunda.tuning.front import Aim
from profunda.tuning.rungs import Fidelity
from profunda.tuning.samplers.sampler import Direction

__all__ = ["KIND", "LATER", "Terms", "stated_constraints", "stated_metrics"]

KIND = "objective"
LATER: Mapping[str, Any] = {
    "metrics": [],
    "directions": [],
    "constraints": {},
    "fidelity": "full",
    "max_budget": None,
}
"""What a header says that was written before it could be said otherwise."""


@dataclass(frozen=True)
class Terms:
    """The terms of a search. `batch` is None where draws do not depend on answers.

    `metric` with `direction` is the one that is optimised, or, with several `metrics` (and as many
    `directions`), the first of them; None where the first answer settles it. `constraints` are (metric, most)
    pairs. `max_budget` is what an objective is trained to at the last rung of `fidelity`.
    """

    space: Space
    sampler: str
    direction: Direction
    metric: str | None
    seed: int
    batch: int | None
    metrics: tuple[str, ...] = ()
    directions: tuple[Direction, ...] = ()
    constraints: tuple[tuple[str, float], ...] = ()
    fidelity: Fidelity = "full"
    max_budget: int | None = None

    @property
    def aims(self) -> tuple[Aim, ...]:
        """The objectives, where there are several."""
        pairs = zip(self.metrics, self.directions, strict=True)
        return tuple(Aim(metric, direction == "maximize") for metric, direction in pairs)

    @property
    def needed(self) -> tuple[str, ...]:
        """The metrics that every answer must hold beside the one that is optimised."""
        return tuple(dict.fromkeys([*self.metrics[1:], *(name for name, _ in self.constraints)]))

    def values(self, scores: Sequence[tuple[str, float]], value: float) -> tuple[float, ...]:
        """What a sampler is told: a value for each objective."""
        told = dict(scores)
        return tuple(told.get(name, math.nan) for name in self.metrics) or (value,)

    def violation(self, scores: Sequence[tuple[str, float]]) -> float:
        """By how much the constraints are missed, each as a share of its bound, added up.

        A bound of 0 counts in the metric's own unit; infinite where a constrained metric is no number.
        """
        told, missed = dict(scores), 0.0
        for name, most in self.constraints:
            value = told.get(name, math.nan)
            if math.isnan(value):
                return math.inf
            missed += max(0.0, value - most) / (abs(most) or 1.0)
        return missed

    def header(self) -> dict[str, Any]:
        """The terms as the journal's header holds them."""
        return {
            "kind": KIND,
            "space": self.space.to_json(),
            "space_id": self.space.id,
            "sampler": self.sampler,
            "direction": self.direction,
            "metric": self.metric,
            "seed": self.seed,
            "batch": self.batch,
            "metrics": list(self.metrics),
            "directions": list(self.directions),
            "constraints": dict(self.constraints),
            "fidelity": self.fidelity,
            "max_budget": self.max_budget,
            "version": __version__,
        }


def stated_metrics(
    metric: str | Sequence[str] | None, direction: Direction | Sequence[Direction]
) -> tuple[tuple[str, ...], tuple[Direction, ...]]:
    """Several metrics with their directions; nothing where there is one metric, or none.

    A single direction holds for all metrics.

    Raises:
        ArgumentError: names are no texts or repeat, or there are as many directions as metrics not.
    """
    if metric is None or isinstance(metric, str):
        if metric == "":
            raise ArgumentError("metric = '' must be the name of a metric that the objective returns.")
        if not isinstance(direction, str):
            raise ArgumentError(
                f"direction = {list(direction)!r} are {len(direction)}, but metric = {metric!r} names no "
                "list. Name as many metrics, metric=[…]."
            )
        return (), ()
    names = tuple(metric) if isinstance(metric, Sequence) else (metric,)
    if len(names) < 2 or len(set(names)) < len(names) or not all(isinstance(n, str) and n for n in names):
        raise ArgumentError(
            f"metric = {metric!r} must be the name of a metric that the objective returns, or a list of two "
            "or more different ones."
        )
    directions = (direction,) * len(names) if isinstance(direction, str) else tuple(direction)
    if len(directions) != len(names):
        raise ArgumentError(
            f"{len(names)} metrics have {len(directions)} directions. Give one for each, or a single one "
            "for all."
        )
    return names, directions


def stated_constraints(constraints: Mapping[str, float] | None) -> tuple[tuple[str, float], ...]:
    """Constraints as (metric, most) pairs.

    Raises:
        ArgumentError: they are no mapping of names to numbers.
    """
    if constraints is None:
        return ()
    if not isinstance(constraints, Mapping):
        raise ArgumentError(
            f"constraints = {constraints!r} must map metrics to the most that each may be, as "
            "{'latency': 3.0} does."
        )
    for name, most in constraints.items():
        number = isinstance(most, int | float) and not isinstance(most, bool) and math.isfinite(most)
        if not isinstance(name, str) or not name or not number:
            raise ArgumentError(f"the constraint {name!r}: {most!r} must be a metric's name and a number.")
    return tuple((name, float(most)) for name, most in constraints.items())
