"""From a Design to an `nn.Module` and back, and from its outputs to a prediction.

`layout` is the one order of parameters, `initial` draws the first ones, `dense` builds modules, `folding`
takes batch norm out of them, `prediction` reads their raw outputs; `notation` writes feed-forward networks as
the texts do, f = σₙ Aₙ … σ₁ A₁.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the same table for editors and type checkers; a test compares the two
    from profunda.networks.notation import Notated as Notated
    from profunda.networks.notation import Sigma as Sigma

_HOMES = {
    "Notated": "profunda.networks.notation",
    "Sigma": "profunda.networks.notation",
}

__all__ = [
    "Notated",
    "Sigma",
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
