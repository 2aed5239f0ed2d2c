"""Conditions on single hyperparameters: what a sentence on many trials can name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

__all__ = ["MOST_CUTS", "Condition", "Conditions", "conditions_of"]

MOST_CUTS = 24
"""Places at which the values of one number are cut in two. Each more is one more chance to be fooled, which
the test of a pattern counts; one trial in 24 is little enough to be set apart."""

Sign = Literal["≤", "≥", ">", "=", "≠"]


@dataclass(frozen=True)
class Condition:
    """One hyperparameter compared with one value. A configuration without it does not meet it."""

    name: str
    sign: Sign
    value: object

    def holds(self, configuration: Mapping[str, object]) -> bool:
        """Whether `configuration` meets it."""
        if self.name not in configuration:
            return False
        own, value = configuration[self.name], self.value
        if self.sign in ("=", "≠"):
            return (own == value) == (self.sign == "=")
        assert isinstance(own, int | float)
        assert isinstance(value, int | float)
        if self.sign == "≤":
            return own <= value
        return own > value or (self.sign == "≥" and own == value)

    @property
    def words(self) -> str:
        """As a sentence says it.

        >>> Condition("lr", ">", 0.02).words, Condition("norm", "=", "none").words
        ('lr > 0.02', 'no norm')
        """
        absent = self.value is False or self.value == "none"
        if self.value is True or absent:
            return self.name if (self.sign == "=") != absent else f"no {self.name}"
        value = f"{self.value:g}" if isinstance(self.value, float) else str(self.value)
        return f"{self.name} {self.sign} {value}"


@dataclass(frozen=True, eq=False)
class Conditions:
    """K conditions, no two of which set the same of N configurations apart; `met` bool [K, N]."""

    of: tuple[Condition, ...]
    met: np.ndarray

    @property
    def names(self) -> np.ndarray:
        """The hyperparameter of each, as a number [K]."""
        known = {name: n for n, name in enumerate(dict.fromkeys(one.name for one in self.of))}
        return np.array([known[one.name] for one in self.of], np.int64)


def conditions_of(configurations: Sequence[Mapping[str, object]]) -> Conditions:
    """Every condition that some configurations meet and others do not, in the order of the names.

    Numbers are cut at MOST_CUTS places at most, evenly over their different values, with both sides of each
    cut; anything else is compared with each of its values. What has been seen decides, not the space, and
    not what became of the trials, so that a test of patterns can count them.
    """
    found: dict[bytes, tuple[Condition, np.ndarray]] = {}
    for name in dict.fromkeys(name for one in configurations for name in one):
        values = [one[name] for one in configurations if name in one]
        numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
        own = np.array([one.get(name, np.nan) for one in configurations], float) if numeric else None
        for condition in _cuts(name, values) if numeric else _kinds(name, values):  # type: ignore[arg-type]
            met = _met(condition, configurations, own)
            if met.any() and not met.all():
                found.setdefault(met.tobytes(), (condition, met))
    table = np.array([met for _, met in found.values()], bool).reshape(len(found), len(configurations))
    return Conditions(tuple(condition for condition, _ in found.values()), table)


def _met(
    condition: Condition, configurations: Sequence[Mapping[str, object]], own: np.ndarray | None
) -> np.ndarray:
    """Which configurations meet it [N]; at once where all have a number, NaN for none."""
    if own is None:
        return np.array([condition.holds(one) for one in configurations], bool)
    compared = {"≤": np.less_equal, "≥": np.greater_equal, ">": np.greater}[condition.sign]
    return compared(own, np.asarray(condition.value, float))


def _kinds(name: str, values: Sequence[object]) -> list[Condition]:
    kinds = list(dict.fromkeys(values))
    unlike = [Condition(name, "≠", kind) for kind in kinds] if len(kinds) > 2 else []
    return [*(Condition(name, "=", kind) for kind in kinds), *unlike]


def _cuts(name: str, numbers: Sequence[int | float]) -> list[Condition]:
    seen = sorted(set(numbers))
    whole = all(isinstance(number, int) for number in seen)
    gaps = len(seen) - 1
    places = np.unique(np.linspace(0, gaps - 1, min(gaps, MOST_CUTS)).round().astype(int)) if gaps > 0 else ()
    room = gaps // (4 * MOST_CUTS)  # to either side, for a rounder number
    found: list[Condition] = []
    for at in places:
        if whole:
            found += [Condition(name, "≥", seen[at + 1]), Condition(name, "≤", seen[at])]
        else:
            cut = _between(float(seen[max(0, at - room)]), float(seen[min(gaps, at + 1 + room)]))
            found += [Condition(name, ">", cut), Condition(name, "≤", cut)]
    return found


def _between(low: float, high: float) -> float:
    """The number of fewest digits in [low, high), nearest to the middle."""
    middle = low + (high - low) / 2.0
    for digits in range(1, 17):
        cut = float(f"{middle:.{digits}g}")
        if low <= cut < high:
            return cut
    return low
