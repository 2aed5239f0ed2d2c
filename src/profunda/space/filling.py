"""A configuration of a space that is as near as it can be to values that somebody has in mind."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from profunda.space.design import Design
from profunda.space.domain import Choice, Domain, Fixed
from profunda.space.space import Params, Space

__all__ = ["filled"]

_MIDDLE = np.array([0.5])
_DEFAULTS = {field.name: field.default for field in fields(Design)}


def filled(space: Space, wanted: Mapping[str, Any]) -> Params:
    """A configuration of the space with the values `wanted`, where they are allowed."""
    chosen: dict[str, Any] = {}
    for name in space.order:
        if space.active(name, chosen):
            chosen[name] = _value(space.domains[name], wanted.get(name, _DEFAULTS.get(name, False)))
    return space.validate({name: chosen[name] for name in space.names if name in chosen})


def _value(domain: Domain, wanted: Any) -> Any:
    if isinstance(domain, Fixed):
        return domain.value
    if domain.contains(wanted):
        return wanted
    if isinstance(wanted, float) and not isinstance(domain, Choice):
        ends = domain.at(np.array([0.0, np.nextafter(1.0, 0.0)]))
        return ends[0] if wanted < ends[0] else ends[1]
    if isinstance(domain, Choice) and not domain.ordered:
        return domain.values[0]  # the first is the one that a space's author thought of first
    if isinstance(domain, Choice) and isinstance(wanted, int | float) and wanted:
        return min(domain.values, key=lambda value: abs(value - wanted))
    return domain.at(_MIDDLE)[0]
