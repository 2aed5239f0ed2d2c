"""From a Design to an `nn.Module` and back, and from its outputs to a prediction.

`layout` is the one order of parameters, `initial` draws the first ones, `dense` builds modules, `folding`
takes batch norm out of them, `prediction` reads their raw outputs; `notation` writes feed-forward networks as
the texts do, f = σₙ Aₙ … σ₁ A₁.
"""

from typing import TYPE_CHECKING

from profunda._lazy import lazily

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

__getattr__, __dir__ = lazily(__name__, _HOMES)
