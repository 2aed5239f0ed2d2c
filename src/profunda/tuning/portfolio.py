"""Designs that every search over fleets tries first, whatever its sampler draws.

Networks that did well together on tables of many kinds: the greedy portfolio of `benchmarks/portfolio.py`,
learnt from twelve tables that take no part in the comparisons with other arms and libraries. And linear
elastic nets: on small and noisy tables a linear model with the right penalty is often best, and a sampler
that draws few networks without hidden layers may never pair one with it. Each is a network of depth 0 with
the penalty λ₁‖w‖₁ + ½λ₂‖w‖² (Zou and Hastie 2005, "Regularization and variable selection via the elastic
net").
"""

from collections.abc import Mapping
from typing import Any

from profunda.space.filling import filled
from profunda.space.perceiving import PERCEIVING
from profunda.space.space import Params, Space

__all__ = ["portfolio"]

# λ₁ and λ₂ by falling importance: an elastic net, a mild ridge, one that selects inputs.
_PENALTIES = ((1e-3, 1e-2), (0.0, 1e-2), (1e-2, 1e-3))
# What is not named is as in a plain Design, switches are off. In the order in which the greedy portfolio took
# them: each adds what those before it lack.
_LEARNT: tuple[Mapping[str, Any], ...] = (
    {
        "depth": 2,
        "width": 64,
        "shape": "constant",
        "activation": "selu",
        "initialisation": "critical",
        "input_scaling": True,
        "norm": "batch",
        "norm_place": "after",
        "lr": 0.0098,
        "schedule": "restarts",
        "encoding": "piecewise",
    },
    {
        "depth": 2,
        "width": 64,
        "shape": "pyramid",
        "activation": "tanh",
        "initialisation": "suited",
        "decaying": True,
        "l2": 0.0004,
        "optimiser": "rmsprop",
        "lr": 0.0037,
        "bias_lr": 0.1,
        "schedule": "onecycle",
        "encoding": "piecewise",
    },
    {
        "depth": 2,
        "width": 128,
        "shape": "pyramid",
        "initialisation": "torch",
        "parametric": True,
        "numeric_embedding": "periodic",
        "embedding_scale": 0.052,
        "beta2": 0.95,
        "lr": 0.0052,
        "schedule": "onecycle",
        "encoding": "quantile",
    },
    {
        "depth": 2,
        "width": 64,
        "shape": "pyramid",
        "activation": "gelu",
        "initialisation": "torch",
        "skip": True,
        "input_scaling": True,
        "norm": "batch",
        "numeric_embedding": "periodic",
        "embedding_scale": 0.071,
        "decaying": True,
        "l2": 1.4e-05,
        "noise": 0.3,
        "optimiser": "sgd",
        "lr": 0.0076,
        "schedule": "cosine",
    },
    {
        "depth": 1,
        "width": 32,
        "activation": "silu",
        "initialisation": "suited",
        "input_scaling": True,
        "norm": "layer",
        "numeric_embedding": "periodic",
        "embedding_scale": 0.51,
        "decaying": True,
        "l2": 0.00059,
        "label_smoothing": 0.05,
        "lr": 0.0065,
        "schedule": "coslog",
        "averaging": True,
    },
    {
        "depth": 1,
        "width": 128,
        "activation": "silu",
        "initialisation": "suited",
        "norm": "batch",
        "decaying": True,
        "l2": 2.4e-05,
        "noise": 0.3,
        "lr": 0.0045,
        "schedule": "onecycle",
    },
    {
        "depth": 3,
        "width": 64,
        "shape": "constant",
        "activation": "silu",
        "initialisation": "suited",
        "decaying": True,
        "l2": 0.00094,
        "beta2": 0.95,
        "lr": 0.0049,
        "clip": 1.0,
        "schedule": "coslog",
        "averaging": True,
        "encoding": "piecewise",
    },
    {
        "depth": 3,
        "width": 256,
        "shape": "constant",
        "initialisation": "torch",
        "parametrisation": "ntk",
        "norm": "batch",
        "sparse": True,
        "l1": 3.3e-05,
        "decaying": True,
        "l2": 1.3e-05,
        "beta2": 0.95,
        "lr": 0.0041,
        "schedule": "cosine",
        "encoding": "piecewise",
    },
    {
        "depth": 4,
        "width": 256,
        "shape": "constant",
        "activation": "tanh",
        "initialisation": "torch",
        "parametrisation": "ntk",
        "input_scaling": True,
        "norm": "batch",
        "norm_place": "after",
        "dropping": True,
        "dropout": 0.071,
        "decaying": True,
        "l2": 0.0028,
        "dropout_kind": "gaussian",
        "lr": 0.032,
        "schedule": "cosine",
        "encoding": "piecewise",
    },
    {
        "depth": 3,
        "width": 32,
        "shape": "constant",
        "activation": "silu",
        "initialisation": "glorot",
        "skip": True,
        "input_scaling": True,
        "numeric_embedding": "periodic",
        "embedding_scale": 0.95,
        "decaying": True,
        "l2": 1.6e-05,
        "lr": 0.012,
        "schedule": "cosine",
    },
    {
        "depth": 3,
        "width": 32,
        "shape": "pyramid",
        "activation": "tanh",
        "initialisation": "torch",
        "input_dropping": True,
        "input_dropout": 0.035,
        "decaying": True,
        "l2": 3.5e-05,
        "max_norm": 3.0,
        "noise": 0.3,
        "lr": 0.0061,
        "schedule": "cosine",
    },
    {
        "depth": 2,
        "width": 64,
        "shape": "constant",
        "initialisation": "critical",
        "input_scaling": True,
        "norm": "batch",
        "decaying": True,
        "l2": 0.17,
        "mixup": 0.4,
        "lr": 0.0046,
        "bias_lr": 0.1,
        "schedule": "coslog",
        "encoding": "piecewise",
    },
)
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
    if "body" in space.domains:
        return [
            filled(space, wanted) for wanted in PERCEIVING if space.domains["body"].contains(wanted["body"])
        ]
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
