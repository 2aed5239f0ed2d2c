"""A Space: named domains, some of them active only where a parent has certain values."""

import difflib
import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from profunda.errors import SpaceError
from profunda.space.domain import Choice, Domain, Fixed, Float, Int, LogFloat, domain_from_json, plain

__all__ = ["Params", "Space", "When"]

Params = Mapping[str, Any]
"""One drawn configuration: the names that are active, each with its value."""

_DOMAINS = (Float, LogFloat, Int, Choice, Fixed)
_MISSING = object()
_FORMAT = 1


@dataclass(frozen=True, init=False)
class When:
    """`domain`, active only where the parameter `parent` is active and has one of `values`.

    ``When("optimiser", "sgd", Float(0.5, 0.99))``. Raises SpaceError without a value, or for no domain.
    """

    parent: str
    values: tuple[Any, ...]
    domain: Domain

    def __init__(self, parent: str, values: Any, domain: Any) -> None:
        values = tuple(values) if isinstance(values, list | tuple | set | frozenset | range) else (values,)
        object.__setattr__(self, "parent", parent)
        object.__setattr__(self, "values", tuple(plain(value) for value in values))
        object.__setattr__(self, "domain", _as_domain(f"When({parent!r}, …)", domain))
        if not self.values:
            raise SpaceError(f"When({parent!r}, []): no value switches the parameter on. List at least one.")


@dataclass(frozen=True, init=False)
class Space:
    """Named domains with conditions; immutable.

    >>> space = Space({"depth": Choice(0, 1, 2), "width": When("depth", (1, 2), Choice(32, 64))})
    >>> space.size
    5

    `dimensions` d counts the parameters that are not held constant; `sample` and `encode` speak of [N, d]
    numbers in [0, 1), one column for each, in the order of `free`. Raises SpaceError for empty or doubtful
    declarations.
    """

    entries: tuple[tuple[str, Domain | When], ...]

    def __init__(self, entries: Mapping[str, Any]) -> None:
        if not isinstance(entries, Mapping):
            raise SpaceError(f"a space must map names to domains, not be a {type(entries).__name__}.")
        if not entries:
            raise SpaceError("the space is empty: there is nothing to search. Name at least one parameter.")
        for name in entries:
            if not isinstance(name, str) or not name:
                raise SpaceError(f"the name {name!r} of a parameter must be a non-empty text.")
        declared = {
            name: domain if isinstance(domain, When) else _as_domain(repr(name), domain)
            for name, domain in entries.items()
        }
        for name, domain in declared.items():
            if isinstance(domain, When):
                _check_condition(name, domain, declared)
        _check_cycles(declared)
        _check_held(declared)
        object.__setattr__(self, "entries", tuple(declared.items()))

    @classmethod
    def from_user(cls, space: "Space | Mapping[str, Any]") -> "Space":
        """A Space from what a user writes: a Space as it is, or a mapping in which lists are choices.

        Domains and `When` stay as they are, a list or range becomes a `Choice`, a single value is held
        constant. A tuple is refused: (0.1, 0.5) may mean two values or an interval.
        """
        return space if isinstance(space, Space) else cls(space)

    @property
    def names(self) -> tuple[str, ...]:
        """All names in the order of declaration."""
        return tuple(name for name, _ in self.entries)

    @cached_property
    def domains(self) -> Mapping[str, Domain]:
        """The domain of each name, conditions apart."""
        return {name: entry.domain if isinstance(entry, When) else entry for name, entry in self.entries}

    @cached_property
    def conditions(self) -> Mapping[str, When]:
        """The conditions of those names that have one."""
        return {name: entry for name, entry in self.entries if isinstance(entry, When)}

    @cached_property
    def order(self) -> tuple[str, ...]:
        """All names, every parent before its children, otherwise as declared."""
        ordered: list[str] = []
        waiting = list(self.names)
        while waiting:
            ready = next(
                n for n in waiting if n not in self.conditions or self.conditions[n].parent in ordered
            )
            waiting.remove(ready)
            ordered.append(ready)
        return tuple(ordered)

    @cached_property
    def free(self) -> tuple[str, ...]:
        """The names with more than one value, as declared: the columns of `sample` and `encode`."""
        return tuple(name for name in self.names if self.domains[name].size != 1)

    @property
    def dimensions(self) -> int:
        """How many columns `sample` takes."""
        return len(self.free)

    @property
    def conditional(self) -> bool:
        """Whether a parameter is active only under a condition."""
        return bool(self.conditions)

    @property
    def size(self) -> int | None:
        """How many different configurations there are; None if an interval makes them infinite."""
        total = 1
        for name in self.names:
            if name not in self.conditions:
                count = self._count(name)
                if count is None:
                    return None
                total *= count
        return total

    def _count(self, name: str) -> int | None:
        children = [child for child, when in self.conditions.items() if when.parent == name]
        domain = self.domains[name]
        if domain.size is None or not children:
            return domain.size
        total = 0
        for value in domain.levels(None):
            counts = [self._count(child) for child in children if _holds(self.conditions[child], value)]
            if None in counts:
                return None
            total += math.prod(count for count in counts if count is not None)
        return total

    def active(self, name: str, params: Params) -> bool:
        """Whether `name` is switched on by what `params` says of its parent."""
        when = self.conditions.get(name)
        return when is None or (when.parent in params and _holds(when, params[when.parent]))

    def sample(self, u: np.ndarray) -> list[Params]:
        """The configurations at u float [N, d] in [0, 1); only active names are present.

        Raises SpaceError if u has another shape or leaves [0, 1).
        """
        u = np.asarray(u, dtype=np.float64)
        if u.ndim != 2 or u.shape[1] != self.dimensions:
            raise SpaceError(
                f"sample needs numbers of shape [N, {self.dimensions}], one column for each of "
                f"{', '.join(self.free)}; got {list(u.shape)}."
            )
        if u.size and not (u.min() >= 0.0 and u.max() < 1.0):
            raise SpaceError(f"sample needs numbers in [0, 1); got [{u.min():g}, {u.max():g}].")
        position = {name: column for column, name in enumerate(self.free)}
        columns: dict[str, list[Any]] = {}
        for name in self.order:
            domain = self.domains[name]
            values = (
                domain.at(u[:, position[name]]) if name in position else list(domain.levels(None)) * len(u)
            )
            when = self.conditions.get(name)
            if when is not None:
                # One look-up a row; _MISSING marks the inactive, also where the parent itself is inactive.
                on = {_hashable(value) for value in when.values}
                values = [
                    value if _hashable(parent) in on else _MISSING
                    for value, parent in zip(values, columns[when.parent], strict=True)
                ]
            columns[name] = values
        names = self.names
        rows = zip(*(columns[name] for name in names), strict=True)
        if not self.conditional:
            return [dict(zip(names, row, strict=True)) for row in rows]
        return [{n: v for n, v in zip(names, row, strict=True) if v is not _MISSING} for row in rows]

    def encode(self, params: Sequence[Params]) -> np.ndarray:
        """Places of configurations in the unit cube, float64 [N, d]; NaN where one is inactive."""
        table = np.full((len(params), self.dimensions), np.nan)
        for row, one in enumerate(params):
            for column, name in enumerate(self.free):
                if name in one:
                    table[row, column] = self.domains[name].place(one[name])
        return table

    def validate(self, params: Params) -> Params:
        """`params` with exact values (whole numbers become floats where due); SpaceError if unfit.

        Every active name must be there with a value of its domain, and no other.
        """
        for name in params:
            if name not in self.domains:
                raise SpaceError(self._unknown(name))
        exact: dict[str, Any] = {}
        for name in self.order:
            active = self.active(name, exact)
            if active and name not in params:
                raise SpaceError(f"{name} is missing: it must be {self.domains[name].describe()}.")
            if name not in params:
                continue
            if not active:
                when = self.conditions[name]
                raise SpaceError(
                    f"{name} = {params[name]!r} is given, but it only exists where {_condition(when)}; "
                    f"here {when.parent} is {exact.get(when.parent, 'inactive')}. Leave it out."
                )
            exact[name] = self._exact(name, params[name])
        return {name: exact[name] for name in self.names if name in exact}

    def _exact(self, name: str, value: Any) -> Any:
        domain = self.domains[name]
        value = plain(value)
        if not domain.contains(value):
            raise SpaceError(f"{name} = {value!r} is not {domain.describe()}.")
        return float(value) if isinstance(domain, Float | LogFloat) else value

    def grid(self, levels: int | Mapping[str, int] | None = None) -> Iterator[Params]:
        """Every configuration once, the last name varying fastest, with `levels` points an interval.

        Raises SpaceError for an interval without levels.
        """
        counts = levels if isinstance(levels, Mapping) else dict.fromkeys(self.names, levels)
        for name in counts:
            if name not in self.domains:
                raise SpaceError(self._unknown(name))
        points = {name: self._levels(name, counts.get(name)) for name in self.order}
        return self._enumerate(0, {}, points)

    def _levels(self, name: str, count: int | None) -> tuple[Any, ...]:
        try:
            return self.domains[name].levels(count)
        except SpaceError as error:
            raise SpaceError(f"{name}: {error}") from None

    def _enumerate(
        self, depth: int, chosen: dict[str, Any], points: Mapping[str, tuple[Any, ...]]
    ) -> Iterator[Params]:
        if depth == len(self.order):
            yield {name: chosen[name] for name in self.names if name in chosen}
            return
        name = self.order[depth]
        if not self.active(name, chosen):
            yield from self._enumerate(depth + 1, chosen, points)
            return
        for value in points[name]:
            yield from self._enumerate(depth + 1, {**chosen, name: value}, points)

    def fix(self, name: str, value: Any, *, within: Domain | None = None) -> "Space":
        """The space with `name` held at `value` (or at the value that a text from a command line names).

        `within` is a wider domain than what is searched, from which the value may be taken. A conditional
        parameter that a single value of its parent switches on holds that parent too. Raises SpaceError: with
        near misses for an unknown name, with the domain for an unfit value, and where what is held
        contradicts what was held before.
        """
        if name not in self.domains:
            raise SpaceError(self._unknown(name))
        entries = dict(self.entries)
        entry = entries[name]
        held = self._held(name, value, within)
        if not isinstance(entry, When):
            entries[name] = held
            return Space(entries)
        entries[name] = When(entry.parent, entry.values, held)
        parent = self.domains[entry.parent]
        if len(entry.values) == 1 and not isinstance(parent, Fixed):
            return Space(entries).fix(entry.parent, entry.values[0])
        return Space(entries)

    def _held(self, name: str, value: Any, within: Domain | None) -> Fixed:
        domain = self.domains[name]
        inner = within or (domain.domain if isinstance(domain, Fixed) else domain)
        when = self.conditions.get(name)
        hint = "" if when is None else f" (It only exists where {_condition(when)}.)"
        try:
            exact = (
                inner.parse(value) if isinstance(value, str) and not inner.contains(value) else plain(value)
            )
            return Fixed(exact, inner)
        except SpaceError as error:
            raise SpaceError(f"{name}: {error}{hint}") from None

    def _unknown(self, name: str) -> str:
        near = difflib.get_close_matches(str(name), self.names, n=3)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        listed = ", ".join(self.names)
        return f"there is no parameter {name!r} in this space.{hint} Its parameters are: {listed}."

    def describe(self) -> str:
        """One line for each parameter: name, domain, condition."""
        width = max(len(name) for name in self.names)
        lines = []
        for name, entry in self.entries:
            line = f"{name:<{width}}  {self.domains[name].describe()}"
            if isinstance(entry, When):
                line += f", where {_condition(entry)}"
            lines.append(line)
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """A JSON-able form that `from_json` reads."""
        parameters = []
        for name, entry in self.entries:
            when = {"parent": entry.parent, "values": list(entry.values)} if isinstance(entry, When) else None
            parameters.append({"name": name, "domain": self.domains[name].to_json(), "when": when})
        return {"format": _FORMAT, "parameters": parameters}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | str) -> "Space":
        """The space written by `to_json` (or its JSON text); SpaceError for anything else."""
        try:
            data = json.loads(data) if isinstance(data, str) else data
        except json.JSONDecodeError as error:
            raise SpaceError(f"this space is not JSON ({error}). The file is damaged.") from None
        if (
            not isinstance(data, Mapping)
            or set(data) != {"format", "parameters"}
            or data["format"] != _FORMAT
        ):
            raise SpaceError("this is not a space of format 1. The file is damaged, or of another version.")
        if not isinstance(data["parameters"], list):
            raise SpaceError("the parameters of a space must be a list. The file is damaged.")
        entries: dict[str, Any] = {}
        for parameter in data["parameters"]:
            name, entry = _entry_from_json(parameter)
            if name in entries:
                raise SpaceError(f"the space names {name!r} twice. The file is damaged.")
            entries[name] = entry
        return cls(entries)

    @cached_property
    def id(self) -> str:
        """16 hexadecimal digits, the same in every process: blake2b of the canonical JSON."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _entry_from_json(data: Any) -> tuple[str, Domain | When]:
    if (
        not isinstance(data, Mapping)
        or set(data) != {"name", "domain", "when"}
        or not isinstance(data["name"], str)
    ):
        raise SpaceError(f"a parameter of a space cannot be read from {data!r}. The file is damaged.")
    domain, when = domain_from_json(data["domain"]), data["when"]
    if when is None:
        return data["name"], domain
    if (
        not isinstance(when, Mapping)
        or set(when) != {"parent", "values"}
        or not isinstance(when["values"], list)
    ):
        raise SpaceError(f"a condition cannot be read from {when!r}. The file is damaged.")
    return data["name"], When(when["parent"], when["values"], domain)


def _as_domain(label: str, value: Any) -> Domain:
    if isinstance(value, _DOMAINS):
        return value
    if isinstance(value, When):
        raise SpaceError(f"{label}: a When inside a When. Make the parent itself conditional instead.")
    if isinstance(value, tuple):
        raise SpaceError(
            f"{label}: the tuple {value!r} may mean single values or an interval. Write a list, "
            f"{list(value)!r}, for the values, or Float(low, high), LogFloat(low, high), Int(low, high) for "
            "an interval."
        )
    try:
        if isinstance(value, list | range | np.ndarray):
            return Choice(list(value))
        return Choice([plain(value)])
    except SpaceError as error:
        raise SpaceError(f"{label}: {error}") from None


def _check_condition(name: str, when: When, declared: Mapping[str, Any]) -> None:
    if when.parent not in declared:
        near = difflib.get_close_matches(str(when.parent), list(declared), n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise SpaceError(f"{name} depends on {when.parent!r}, which is not in the space.{hint}")
    parent = declared[when.parent]
    domain = parent.domain if isinstance(parent, When) else parent
    domain = domain.domain if isinstance(domain, Fixed) else domain
    if domain.size is None:
        raise SpaceError(
            f"{name} depends on values of {when.parent}, but that is {domain.describe()}: a single number is "
            "never drawn from an interval. Let it depend on a Choice or an Int."
        )
    for value in when.values:
        if not domain.contains(value):
            raise SpaceError(
                f"{name} waits for {when.parent} = {value!r}, which never happens: "
                f"{when.parent} is {domain.describe()}."
            )


def _check_cycles(declared: Mapping[str, Any]) -> None:
    for start in declared:
        path, name = [start], start
        while isinstance(declared[name], When):
            name = declared[name].parent
            if name in path:
                raise SpaceError(
                    f"conditions run in a circle: {' -> '.join([*path, name])}. Free one of them."
                )
            path.append(name)


def _check_held(declared: Mapping[str, Any]) -> None:
    for name, when in declared.items():
        if not isinstance(when, When) or not isinstance(when.domain, Fixed):
            continue
        above = declared[when.parent]
        parent = above.domain if isinstance(above, When) else above
        if isinstance(parent, Fixed) and not _holds(when, parent.value):
            raise SpaceError(
                f"{name} is held at {when.domain.value!r}, but it only exists where {_condition(when)}, and "
                f"{when.parent} is held at {parent.value!r}. Hold only one of them."
            )


def _condition(when: When) -> str:
    return f"{when.parent} is {Choice(list(when.values)).describe()}"


def _hashable(value: Any) -> Any:
    return (isinstance(value, bool), value)


def _holds(when: When, value: Any) -> bool:
    return _hashable(value) in {_hashable(item) for item in when.values}
