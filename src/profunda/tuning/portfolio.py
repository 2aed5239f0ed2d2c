"""Designs that every search over fleets tries first, whatever its sampler draws.

Networks that did well together on tables of many kinds: the greedy portfolio of `benchmarks/portfolio.py`,
learnt from twelve tables that take no part in the comparisons with other arms and libraries. And linear
elastic nets: on small and noisy tables a linear model with the right penalty is often best, and a sampler
that draws few networks without hidden layers may never pair one with it. Each is a network of depth 0 with
the penalty λ₁‖w‖₁ + ½λ₂‖w‖² (Zou and Hastie 2005, "Regularization and variable selection via the elastic
net").
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from profunda.space.design import Design
from profunda.space.domain import Choice, Domain, Fixed
from profunda.space.space import Params, Space

__all__ = ["filled", "portfolio"]

# λ₁ and λ₂ by falling importance: an elastic net, a mild ridge, one that selects inputs.
_PENALTIES = ((1e-3, 1e-2), (0.0, 1e-2), (1e-2, 1e-3))
# What is not named is as in a plain Design, switches are off. In the order in which the greedy portfolio took
# them: each adds what those before it lack.
_LEARNT: tuple[Mapping[str, Any], ...] = (
    {
        "depth": 2,
        "width": 128,
        "shape": "constant",
        "initialisation": "lsuv",
        "numeric_embedding": "periodic",
        "embedding_scale": 0.7,
        "dropping": True,
        "dropout": 0.13,
        "sparse": True,
        "l1": 1.4e-06,
        "decaying": True,
        "l2": 0.23,
        "lr": 0.003,
        "schedule": "cosine",
        "encoding": "quantile",
    },
    {
        "depth": 2,
        "width": 256,
        "shape": "constant",
        "activation": "tanh",
        "initialisation": "torch",
        "input_scaling": True,
        "dropping": True,
        "dropout": 0.47,
        "decaying": True,
        "l2": 0.00011,
        "group_lasso": 0.0001,
        "noise": 0.3,
        "optimiser": "sgd",
        "lr": 0.011,
        "schedule": "cosine",
    },
    {
        "depth": 3,
        "width": 128,
        "shape": "constant",
        "activation": "silu",
        "initialisation": "torch",
        "input_scaling": True,
        "dropping": True,
        "dropout": 0.16,
        "decaying": True,
        "l2": 0.0035,
        "max_norm": 1.0,
        "lr": 0.0015,
        "schedule": "cosine",
        "averaging": True,
    },
    {
        "depth": 3,
        "width": 64,
        "shape": "constant",
        "activation": "gelu",
        "initialisation": "suited",
        "parametrisation": "ntk",
        "norm": "batch",
        "dropping": True,
        "dropout": 0.085,
        "decaying": True,
        "l2": 0.17,
        "max_norm": 3.0,
        "noise": 0.1,
        "lr": 0.012,
        "schedule": "onecycle",
    },
    {
        "depth": 3,
        "width": 256,
        "shape": "constant",
        "activation": "selu",
        "parametrisation": "ntk",
        "parametric": True,
        "input_scaling": True,
        "numeric_embedding": "periodic",
        "dropping": True,
        "dropout": 0.15,
        "decaying": True,
        "l2": 0.02,
        "beta2": 0.95,
        "lr": 0.04,
        "bias_lr": 0.1,
        "schedule": "coslog",
        "encoding": "embedded",
        "averaging": True,
    },
    {
        "depth": 2,
        "width": 256,
        "shape": "constant",
        "parametrisation": "ntk",
        "norm": "batch",
        "group_lasso": 1e-05,
        "lr": 0.0026,
        "schedule": "onecycle",
        "encoding": "piecewise",
    },
    {
        "depth": 3,
        "width": 128,
        "shape": "constant",
        "activation": "silu",
        "initialisation": "suited",
        "skip": True,
        "input_scaling": True,
        "numeric_embedding": "periodic",
        "embedding_scale": 0.12,
        "lr": 0.022,
        "bias_lr": 0.1,
        "clip": 1.0,
        "schedule": "cosine",
    },
    {
        "depth": 1,
        "width": 64,
        "initialisation": "torch",
        "decaying": True,
        "l2": 0.0039,
        "label_smoothing": 0.1,
        "mixup": 0.1,
        "lr": 0.00072,
        "schedule": "cosine",
    },
    {
        "depth": 2,
        "width": 256,
        "shape": "constant",
        "initialisation": "lsuv",
        "parametric": True,
        "norm": "batch",
        "decaying": True,
        "l2": 0.081,
        "beta2": 0.95,
        "lr": 0.016,
        "schedule": "coslog",
        "encoding": "embedded",
    },
    {
        "depth": 1,
        "width": 256,
        "activation": "tanh",
        "initialisation": "suited",
        "input_scaling": True,
        "numeric_embedding": "periodic",
        "embedding_scale": 0.27,
        "dropping": True,
        "dropout": 0.46,
        "decaying": True,
        "l2": 0.02,
        "max_norm": 3.0,
        "label_smoothing": 0.1,
        "lr": 0.014,
        "clip": 1.0,
        "schedule": "cosine",
        "averaging": True,
        "encoding": "quantile",
    },
    {
        "depth": 3,
        "width": 128,
        "shape": "constant",
        "initialisation": "glorot",
        "parametrisation": "ntk",
        "input_scaling": True,
        "norm": "batch",
        "numeric_embedding": "periodic",
        "embedding_scale": 0.22,
        "dropping": True,
        "dropout": 0.083,
        "sparse": True,
        "l1": 1.8e-05,
        "decaying": True,
        "l2": 1.9e-05,
        "optimiser": "rmsprop",
        "lr": 0.0049,
        "schedule": "restarts",
        "encoding": "piecewise",
    },
    {
        "depth": 1,
        "width": 64,
        "activation": "silu",
        "initialisation": "orthogonal",
        "parametric": True,
        "dropping": True,
        "dropout": 0.19,
        "group_lasso": 0.0001,
        "lr": 0.041,
        "schedule": "cosine",
        "encoding": "piecewise",
    },
)
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
    """What a search of this space tries first, the most useful first; what the space leaves out is not there.

    A value that the space holds elsewhere, or has not, takes what lies nearest. A linear net comes second,
    so that two trials have both kinds.
    """
    found: list[Params] = []
    linear, learnt = _linear(space), [filled(space, wanted) for wanted in _LEARNT if _fits(space, wanted)]
    for made in [*learnt[:1], *linear[:1], *learnt[1:4], *linear[1:], *learnt[4:]]:
        if made not in found:
            found.append(made)
    return found


def _fits(space: Space, wanted: Mapping[str, Any]) -> bool:
    """Whether a space is one of networks of any size, and has networks of this depth."""
    return {"depth", "width", "lr"} <= set(space.names) and space.domains["depth"].contains(wanted["depth"])


def _linear(space: Space) -> list[Params]:
    """The linear elastic nets of a space, the most useful first; none where it has no network of depth 0."""
    name = next((name for name in ("depth", "widths") if name in space.domains), None)
    if name is None or not space.domains[name].contains(_PLAIN[name]):
        return []
    return [
        filled(space, {**_PLAIN, "sparse": l1 > 0, "l1": l1, "decaying": l2 > 0, "l2": l2})
        for l1, l2 in _PENALTIES
    ]


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
