"""Designs that every search over fleets tries first, whatever its sampler draws: linear elastic nets.

On small and noisy tables a linear model with the right penalty is often best, and a sampler that draws few
networks without hidden layers may never pair one with it. Each is a network of depth 0 with the penalty
λ₁‖w‖₁ + ½λ₂‖w‖² (Zou and Hastie 2005, "Regularization and variable selection via the elastic net").
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from profunda.space.design import Design
from profunda.space.domain import Choice, Domain, Fixed
from profunda.space.space import Params, Space

__all__ = ["filled", "portfolio"]

# λ₁ and λ₂ by falling importance: a mild ridge, an elastic net, one that selects inputs.
_PENALTIES = ((0.0, 1e-2), (1e-3, 1e-2), (1e-2, 1e-3))
_MIDDLE = np.array([0.5])
_DEFAULTS = {field.name: field.default for field in fields(Design)}

# What a linear model is given where the space lets it choose. The rest is as in a plain Design, switches are
# off, and what neither knows is the middle of its domain.
_PLAIN: Mapping[str, Any] = {
    "depth": 0,
    "widths": (),
    "loss": "likelihood",
    "optimiser": "adam",
    "lr": 1e-2,
    "schedule": "cosine",
    "encoding": "robust",
    "decoupled": True,
}


def portfolio(space: Space) -> list[Params]:
    """The linear elastic nets of a space, the mildest first; none where it has no network of depth 0.

    A penalty that the space holds elsewhere takes the value that lies nearest.
    """
    name = next((name for name in ("depth", "widths") if name in space.domains), None)
    if name is None or not space.domains[name].contains(_PLAIN[name]):
        return []
    found: list[Params] = []
    for l1, l2 in _PENALTIES:
        wanted = {**_PLAIN, "sparse": l1 > 0, "l1": l1, "decaying": l2 > 0, "l2": l2}
        made = filled(space, wanted)
        if made not in found:
            found.append(made)
    return found


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
    return domain.at(_MIDDLE)[0]
