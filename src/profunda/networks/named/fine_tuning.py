"""Training a part of a network while the rest stays as it is.

Touvron et al. (2019, section 4) fit a network to another resolution by its classifier and the last norm:
`train_only(network, last_norm(network), network.classifier)`.
"""

from torch import nn

from profunda.errors import ArgumentError

__all__ = ["last_norm", "train_only"]

NORMS = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d | nn.GroupNorm | nn.LayerNorm


def last_norm(network: nn.Module) -> nn.Module:
    """The norm that stands last among the modules of `network`; ArgumentError if it has none."""
    norms = [part for part in network.modules() if isinstance(part, NORMS)]
    if not norms:
        raise ArgumentError(
            f"{type(network).__name__} has no batch, group or layer norm: train its classifier alone."
        )
    return norms[-1]


def train_only(network: nn.Module, *parts: nn.Module) -> list[nn.Parameter]:
    """Freeze `network` but for `parts`, and hand back the parameters for the optimiser.

    Everything else is set to evaluation, dropout and the statistics of its norms included, and needs no
    gradient. `network.requires_grad_(True).train()` undoes it; `network.train()` alone would let the frozen
    norms' statistics move again. Raises ArgumentError for a part that `network` does not hold.
    """
    held = set(network.modules())
    for part in parts:
        if part not in held:
            raise ArgumentError(
                f"{type(part).__name__} is no part of this {type(network).__name__}: it may be of a copy."
            )
    network.eval().requires_grad_(False)
    for part in parts:
        part.train().requires_grad_(True)
    return [parameter for parameter in network.parameters() if parameter.requires_grad]
