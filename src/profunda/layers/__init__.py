"""What torch.nn lacks, for any training loop.

Modules: `dropout`, `units` (max-pooling over units, maxout), `embeddings` of numbers, `parametric` activations,
`ntk`. What acts on modules: `initialisers`, `penalties`, `folding` of norms. What acts on training: `schedules`,
`augmentation` of rows, `adversarial` examples, `lookahead`, `snapshots`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the same table for editors and type checkers; a test compares the two
    from profunda.layers.dropout import DropConnect as DropConnect
    from profunda.layers.dropout import GaussianDropout as GaussianDropout
    from profunda.layers.initialisers import initialise as initialise
    from profunda.layers.initialisers import lsuv as lsuv
    from profunda.layers.ntk import NTKLinear as NTKLinear
    from profunda.layers.penalties import L1 as L1
    from profunda.layers.penalties import L2 as L2
    from profunda.layers.penalties import ElasticNet as ElasticNet
    from profunda.layers.penalties import GroupLasso as GroupLasso
    from profunda.layers.penalties import MaxNorm as MaxNorm
    from profunda.layers.penalties import Penalty as Penalty
    from profunda.layers.penalties import proximal_step as proximal_step
    from profunda.layers.penalties import strength_for as strength_for
    from profunda.layers.penalties import weights as weights
    from profunda.layers.schedules import cosine as cosine
    from profunda.layers.schedules import cosine_restarts as cosine_restarts
    from profunda.layers.schedules import coslog as coslog
    from profunda.layers.schedules import onecycle as onecycle
    from profunda.theory.scales import LossScale as LossScale

_HOMES = {
    "DropConnect": "profunda.layers.dropout",
    "ElasticNet": "profunda.layers.penalties",
    "GaussianDropout": "profunda.layers.dropout",
    "GroupLasso": "profunda.layers.penalties",
    "L1": "profunda.layers.penalties",
    "L2": "profunda.layers.penalties",
    "LossScale": "profunda.theory.scales",
    "MaxNorm": "profunda.layers.penalties",
    "NTKLinear": "profunda.layers.ntk",
    "Penalty": "profunda.layers.penalties",
    "cosine": "profunda.layers.schedules",
    "cosine_restarts": "profunda.layers.schedules",
    "coslog": "profunda.layers.schedules",
    "initialise": "profunda.layers.initialisers",
    "lsuv": "profunda.layers.initialisers",
    "onecycle": "profunda.layers.schedules",
    "proximal_step": "profunda.layers.penalties",
    "strength_for": "profunda.layers.penalties",
    "weights": "profunda.layers.penalties",
}

__all__ = [
    "L1",
    "L2",
    "DropConnect",
    "ElasticNet",
    "GaussianDropout",
    "GroupLasso",
    "LossScale",
    "MaxNorm",
    "NTKLinear",
    "Penalty",
    "cosine",
    "cosine_restarts",
    "coslog",
    "initialise",
    "lsuv",
    "onecycle",
    "proximal_step",
    "strength_for",
    "weights",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(
            f"module {__name__!r} has no attribute {name!r}; its public names are {', '.join(__all__)}"
        )
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
