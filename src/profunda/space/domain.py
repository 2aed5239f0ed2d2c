"""Domains as data: one declaration validates, samples, encodes, documents and makes invalid values for tests.

A domain maps the unit interval onto its values: `at` takes u in [0, 1) to values, `place` takes a value back
to the middle of the u that give it. Random, quasi-random and model-based proposals all go through these two,
so that a space means the same to each of them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Protocol

import numpy as np

from profunda.errors import SpaceError

__all__ = ["Choice", "Domain", "Fixed", "Float", "Int", "LogFloat", "domain_from_json", "plain"]

Value = Any
"""A value of a hyperparameter: None, bool, int, float, text, or a tuple of these."""


class Domain(Protocol):
    """What one hyperparameter may be."""

    @property
    def size(self) -> int | None:
        """How many values there are; None for an interval."""
        ...

    def contains(self, value: Value) -> bool:
        """Whether `value` belongs to the domain."""
        ...

    def at(self, u: np.ndarray) -> list[Value]:
        """The values at u float64 [N] in [0, 1)."""
        ...

    def place(self, value: Value) -> float:
        """The middle of those u in [0, 1] that give `value`."""
        ...

    def levels(self, count: int | None) -> tuple[Value, ...]:
        """The values of a grid: all of a finite domain, `count` evenly placed ones of an interval."""
        ...

    def parse(self, text: str) -> Value:
        """The value that `text` (of a command line) names; SpaceError if there is none."""
        ...

    def describe(self) -> str:
        """The domain in words a user reads in an error message or a table."""
        ...

    def invalid(self) -> tuple[Value, ...]:
        """Values just outside, for tests."""
        ...

    def to_json(self) -> dict[str, Any]:
        """A JSON-able form that `domain_from_json` reads."""
        ...


_SCALARS = (float, int, str, bool)


def plain(value: Value) -> Value:
    """`value` with NumPy scalars and lists turned into Python scalars and tuples."""
    if type(value) in _SCALARS:  # nearly always; designs are made by the thousand
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple):
        return tuple(plain(item) for item in value)
    return value


def _number(value: Value) -> bool:
    if type(value) is float:
        return math.isfinite(value)
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_) and math.isfinite(value)


def _whole(value: Value) -> bool:
    return type(value) is int or (isinstance(value, Integral) and not isinstance(value, bool | np.bool_))


def _check_interval(kind: str, low: Value, high: Value) -> None:
    if not _number(low) or not _number(high):
        raise SpaceError(
            f"{kind}({low!r}, {high!r}): both ends must be finite numbers. "
            f"Give two numbers, for example {kind}({'1, 8' if kind == 'Int' else '0.1, 0.5'})."
        )
    if low >= high:
        raise SpaceError(
            f"{kind}({low!r}, {high!r}): the low end must lie below the high end. "
            "Swap them, or write the single value itself to hold it constant."
        )


def _check_log(kind: str, low: float) -> None:
    if low <= 0:
        raise SpaceError(
            f"{kind}({low!r}, …): a logarithmic scale needs a low end above 0, there is no log of {low!r}. "
            "Start at a small positive number such as 1e-6; for 'or off' use a Choice and a When."
        )


@dataclass(frozen=True)
class _Interval:
    """What `Float` and `LogFloat` share: two ends, and every finite number between them."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _check_interval(type(self).__name__, self.low, self.high)
        object.__setattr__(self, "low", float(self.low))
        object.__setattr__(self, "high", float(self.high))

    @property
    def size(self) -> int | None:
        return None

    def contains(self, value: Value) -> bool:
        return _number(value) and self.low <= value <= self.high


@dataclass(frozen=True)
class Float(_Interval):
    """An interval [low, high] of real numbers, drawn uniformly; SpaceError unless low < high."""

    def parse(self, text: str) -> Value:
        return _parse_number(self, text, float)

    def at(self, u: np.ndarray) -> list[Value]:
        # Rounding may carry the last u a bit beyond the end.
        return np.clip(self.low + np.asarray(u) * (self.high - self.low), self.low, self.high).tolist()

    def place(self, value: Value) -> float:
        return min(max((float(value) - self.low) / (self.high - self.low), 0.0), 1.0)

    def levels(self, count: int | None) -> tuple[Value, ...]:
        return tuple(np.linspace(self.low, self.high, _count(self, count)).tolist())

    def describe(self) -> str:
        return f"a number from {self.low:g} to {self.high:g}"

    def invalid(self) -> tuple[Value, ...]:
        step = (self.high - self.low) * 1e-3
        return (self.low - step, self.high + step, math.nan, math.inf, "low", None, True)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "float", "low": self.low, "high": self.high}


@dataclass(frozen=True)
class LogFloat(_Interval):
    """An interval [low, high], drawn uniformly in the logarithm; SpaceError unless 0 < low < high."""

    def __post_init__(self) -> None:
        given = self.low  # the error names the number as it was typed
        super().__post_init__()
        _check_log("LogFloat", given)

    def parse(self, text: str) -> Value:
        return _parse_number(self, text, float)

    def at(self, u: np.ndarray) -> list[Value]:
        span = math.log(self.high) - math.log(self.low)
        return np.clip(np.exp(math.log(self.low) + np.asarray(u) * span), self.low, self.high).tolist()

    def place(self, value: Value) -> float:
        share = (math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        return min(max(share, 0.0), 1.0)

    def levels(self, count: int | None) -> tuple[Value, ...]:
        inner = self.at(np.linspace(0.0, 1.0, _count(self, count)))
        return (self.low, *inner[1:-1], self.high)

    def describe(self) -> str:
        return f"a number from {self.low:g} to {self.high:g} (logarithmic)"

    def invalid(self) -> tuple[Value, ...]:
        return (self.low * 0.999, self.high * 1.001, 0.0, -self.low, math.nan, math.inf, "low", None, True)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "log_float", "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Int:
    """The whole numbers low, …, high; with `log` drawn uniformly in the logarithm.

    Raises SpaceError unless both are whole numbers and low < high (0 < low with `log`).
    """

    low: int
    high: int
    log: bool = False

    def __post_init__(self) -> None:
        _check_interval("Int", self.low, self.high)
        if not _whole(self.low) or not _whole(self.high):
            raise SpaceError(
                f"Int({self.low!r}, {self.high!r}): both ends must be whole numbers. "
                "Use Float for an interval of real numbers."
            )
        if self.log:
            _check_log("Int", self.low)
        object.__setattr__(self, "low", int(self.low))
        object.__setattr__(self, "high", int(self.high))
        object.__setattr__(self, "log", bool(self.log))

    @property
    def size(self) -> int | None:
        return self.high - self.low + 1

    def contains(self, value: Value) -> bool:
        return _whole(value) and self.low <= value <= self.high

    def _ends(self) -> tuple[float, float]:
        # Half a step beyond each end, so that the end values get their full share.
        return math.log(self.low - 0.5), math.log(self.high + 0.5)

    def at(self, u: np.ndarray) -> list[Value]:
        u = np.asarray(u, dtype=np.float64)
        if self.log:
            low, high = self._ends()
            whole = np.rint(np.exp(low + u * (high - low)))
        else:
            whole = self.low + np.floor(u * (self.high - self.low + 1))
        return np.clip(whole, self.low, self.high).astype(np.int64).tolist()

    def place(self, value: Value) -> float:
        if self.log:
            low, high = self._ends()
            return (math.log(value) - low) / (high - low)
        return (value - self.low + 0.5) / (self.high - self.low + 1)

    def levels(self, count: int | None) -> tuple[Value, ...]:
        return tuple(range(self.low, self.high + 1))

    def parse(self, text: str) -> Value:
        return _parse_number(self, text, int)

    def describe(self) -> str:
        return f"a whole number from {self.low} to {self.high}" + (" (logarithmic)" if self.log else "")

    def invalid(self) -> tuple[Value, ...]:
        return (
            self.low - 1,
            self.high + 1,
            self.low + 0.5,
            float(self.low),
            math.nan,
            str(self.low),
            None,
            True,
        )

    def to_json(self) -> dict[str, Any]:
        return {"kind": "int", "low": self.low, "high": self.high, "log": self.log}


@dataclass(frozen=True, init=False)
class Choice:
    """One of a list of values: ``Choice("relu", "tanh")`` or ``Choice([32, 64, 128])``.

    Values are None, booleans, numbers, texts, or tuples of these (lists become tuples). `weights`, one number
    above 0 for each value, are the shares of random and quasi-random draws (equal without them); a grid takes
    every value once and the model-based samplers learn where to look, so neither uses them. Raises SpaceError
    for no value, a value twice, or weights that do not fit.
    """

    values: tuple[Value, ...]
    weights: tuple[float, ...] | None

    def __init__(self, *values: Value, weights: Sequence[float] | None = None) -> None:
        if len(values) == 1 and isinstance(values[0], list | tuple | range | np.ndarray):
            values = tuple(values[0])
        object.__setattr__(self, "values", tuple(plain(value) for value in values))
        object.__setattr__(self, "weights", None if weights is None else tuple(weights))
        self._check()

    def _check(self) -> None:
        if not self.values:
            raise SpaceError("Choice([]): there is nothing to choose from. List at least one value.")
        for value in self.values:
            _check_value(value)
        keys = [_key(value) for value in self.values]
        for position, key in enumerate(keys):
            if key in keys[:position]:
                raise SpaceError(
                    f"Choice: the value {self.values[position]!r} is listed twice. "
                    "Leave one out; to draw it more often give weights=."
                )
        if self.weights is None:
            return
        if len(self.weights) != len(self.values):
            raise SpaceError(
                f"Choice: {len(self.weights)} weights for {len(self.values)} values. Give one weight for "
                "each value."
            )
        if not all(_number(weight) and weight > 0 for weight in self.weights):
            raise SpaceError(f"Choice: weights {list(self.weights)} must be finite numbers above 0.")

    @property
    def size(self) -> int | None:
        return len(self.values)

    @property
    def ordered(self) -> bool:
        """Whether the values are three or more ascending numbers, so that neighbours behave alike."""
        numbers = all(_number(value) for value in self.values)
        return numbers and len(self.values) > 2 and list(self.values) == sorted(self.values)

    def index(self, value: Value) -> int:
        """The position of `value`; ValueError if it is none of the values."""
        return [_key(item) for item in self.values].index(_key(plain(value)))

    def contains(self, value: Value) -> bool:
        value = plain(value)
        return any(_key(item) == _key(value) for item in self.values)

    def _edges(self) -> np.ndarray:
        weights = (
            np.ones(len(self.values)) if self.weights is None else np.asarray(self.weights, dtype=np.float64)
        )
        edges = np.cumsum(weights / weights.sum())
        edges[-1] = 1.0
        return edges

    def at(self, u: np.ndarray) -> list[Value]:
        place = np.searchsorted(self._edges(), np.asarray(u), side="right").clip(max=len(self.values) - 1)
        return [self.values[i] for i in place.tolist()]

    def place(self, value: Value) -> float:
        edges = np.concatenate([[0.0], self._edges()])
        index = self.index(value)
        return float((edges[index] + edges[index + 1]) / 2)

    def levels(self, count: int | None) -> tuple[Value, ...]:
        return self.values

    def parse(self, text: str) -> Value:
        return _parse_choice(self, text)

    def describe(self) -> str:
        if len(self.values) == 1:
            return _shown(self.values[0])
        return "one of " + ", ".join(_shown(value) for value in self.values)

    def invalid(self) -> tuple[Value, ...]:
        return ("no such choice", -987654321, math.nan, ("no", "such"))

    def to_json(self) -> dict[str, Any]:
        weights = None if self.weights is None else list(self.weights)
        return {"kind": "choice", "values": list(self.values), "weights": weights}


@dataclass(frozen=True)
class Fixed:
    """A value held constant, and the `domain` it was taken from, within which it may be set again."""

    value: Value
    domain: Domain

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", plain(self.value))
        if not self.domain.contains(self.value):
            raise SpaceError(f"{self.value!r} is not {self.domain.describe()}.")
        if isinstance(self.domain, Float | LogFloat):
            object.__setattr__(self, "value", float(self.value))

    @property
    def size(self) -> int | None:
        return 1

    def contains(self, value: Value) -> bool:
        return _key(plain(value)) == _key(self.value)

    def at(self, u: np.ndarray) -> list[Value]:
        return [self.value] * len(u)

    def place(self, value: Value) -> float:
        return 0.5

    def levels(self, count: int | None) -> tuple[Value, ...]:
        return (self.value,)

    def parse(self, text: str) -> Value:
        return self.domain.parse(text)

    def describe(self) -> str:
        return f"{_shown(self.value)} (held; {self.domain.describe()})"

    def invalid(self) -> tuple[Value, ...]:
        return self.domain.invalid()

    def to_json(self) -> dict[str, Any]:
        return {"kind": "fixed", "value": self.value, "domain": self.domain.to_json()}


def domain_from_json(data: Any) -> "Float | LogFloat | Int | Choice | Fixed":
    """The domain written by `to_json`; SpaceError for anything else."""
    if not isinstance(data, Mapping):
        raise SpaceError(
            f"a domain must be a JSON object, not {type(data).__name__}. The file is damaged or foreign."
        )
    kind = data.get("kind")
    expected = {
        "float": ("low", "high"),
        "log_float": ("low", "high"),
        "int": ("low", "high", "log"),
        "choice": ("values", "weights"),
        "fixed": ("value", "domain"),
    }.get(kind if isinstance(kind, str) else "")
    if expected is None or set(data) != {"kind", *expected}:
        raise SpaceError(
            f"no domain is written with the keys {sorted(map(str, data))} and kind {kind!r}. "
            "The file is damaged, or was written by another version."
        )
    if kind == "float":
        return Float(data["low"], data["high"])
    if kind == "log_float":
        return LogFloat(data["low"], data["high"])
    if kind == "int":
        return Int(data["low"], data["high"], data["log"])
    if kind == "choice":
        if not isinstance(data["values"], list | tuple):
            raise SpaceError("the values of a choice must be a JSON list. The file is damaged or foreign.")
        return Choice(list(data["values"]), weights=data["weights"])
    inner = domain_from_json(data["domain"])
    if isinstance(inner, Fixed):
        raise SpaceError("a held value cannot be held once more. The file is damaged or foreign.")
    return Fixed(data["value"], inner)


def _key(value: Value) -> tuple[str, Value]:
    """What tells values apart: True is not 1, but 1 is 1.0."""
    if isinstance(value, tuple):
        return "tuple", tuple(_key(item) for item in value)
    if isinstance(value, bool):
        return "bool", value
    return ("number" if isinstance(value, int | float) else type(value).__name__), value


def _check_value(value: Value) -> None:
    if isinstance(value, tuple):
        for item in value:
            _check_value(item)
    elif isinstance(value, float) and not math.isfinite(value):
        raise SpaceError(f"Choice: {value!r} is not a value that can be told apart or stored. Leave it out.")
    elif value is not None and not isinstance(value, bool | int | float | str):
        raise SpaceError(
            f"Choice: {value!r} is a {type(value).__name__}, but values must be None, booleans, numbers, "
            "texts or lists of these, so that a run can be written down and resumed. Choose among names and "
            "look the object up in your own function."
        )


def _count(domain: "Float | LogFloat", count: int | None) -> int:
    if count is None or count < 2:
        raise SpaceError(
            f"a grid cannot enumerate {domain.describe()} with {count} levels. "
            "List the values as a Choice, give at least 2 levels, or use the random sampler."
        )
    return count


def _shown(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return str(value)


def _parse_number(domain: "Float | LogFloat | Int", text: str, convert: type) -> Value:
    try:
        value = convert(text.strip())
    except ValueError:
        raise SpaceError(f"{text!r} is not {domain.describe()}.") from None
    if not domain.contains(value):
        raise SpaceError(f"{text!r} is not {domain.describe()}.")
    return value


def _parse_choice(domain: Choice, text: str) -> Value:
    text = text.strip()
    for value in domain.values:
        if text in (str(value), _shown(value)):
            return value
    lowered = {str(value).lower(): value for value in domain.values}
    if text.lower() in lowered:
        return lowered[text.lower()]
    for value in domain.values:
        if _number(value) and _reads_as(text, value):
            return value
        # Widths are tuples: "64,32" or "(64, 32)" or "[64, 32]".
        if isinstance(value, tuple) and _squeezed(text) == _squeezed(str(value)):
            return value
    raise SpaceError(f"{text!r} is not {domain.describe()}.")


def _reads_as(text: str, value: float) -> bool:
    try:
        return float(text) == value
    except ValueError:
        return False


def _squeezed(text: str) -> str:
    return "".join(letter for letter in text if letter not in " ()[]").strip(",")
