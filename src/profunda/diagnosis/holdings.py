"""Which parameters belong to which layer: its own, and those of the norm or activation that follows it."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from profunda.diagnosis.givens import Anatomy
from profunda.diagnosis.tape import Node

__all__ = ["Holding", "holdings_of"]


@dataclass(frozen=True)
class Holding:
    """Names of one layer's parameters, as `named_parameters` of the copy gives them (first names, where
    tensors are shared), and `prefix`, which leads them in the user's module.
    """

    names: tuple[str, ...]
    prefix: str = ""

    def norm(self, tensors: dict[str, Tensor]) -> float:
        """Frobenius norm over all that are among `tensors`."""
        return sum(squares(tensors[name]) for name in self.names if name in tensors) ** 0.5

    def given(self, name: str) -> str:
        """The name in the user's module."""
        return ".".join(word for word in (self.prefix, name) if word)


def squares(tensor: Tensor) -> float:
    """Sum of squares in double precision."""
    exact = torch.complex128 if tensor.is_complex() else torch.float64
    norm = float(torch.linalg.vector_norm(tensor.detach(), dtype=exact))
    return norm * norm


def holdings_of(own: nn.Module, anatomy: Anatomy, nodes: list[Node], prefix: str = "") -> tuple[Holding, ...]:
    """One for each of the anatomy's layers, by the `nodes` of a pass.

    What has parameters and is no layer belongs to the last layer before it, as in `vitals.signs`; what
    stands before all layers belongs to none. A tensor that two layers share belongs to both.
    """
    order = {layer.name: at for at, layer in enumerate(anatomy.layers)}
    found: list[dict[str, None]] = [{} for _ in order]
    first = {id(tensor): name for name, tensor in own.named_parameters()}
    for name, tensor in own.named_parameters(remove_duplicate=False):
        path = ".".join(word for word in (prefix, _home(name)) if word)
        layer = _layer(path, order, nodes)
        if layer is not None:
            found[layer].setdefault(first[id(tensor)])
    return tuple(Holding(tuple(names), prefix) for names in found)


def _home(name: str) -> str:
    """The module that a parameter stands in; one made by a parametrisation stands where its weight does."""
    return (
        name.partition(".parametrizations.")[0] if ".parametrizations." in name else name.rpartition(".")[0]
    )


def _layer(path: str, order: dict[str, int], nodes: list[Node]) -> int | None:
    up = path
    while up and up not in order:
        up = up.rpartition(".")[0]
    if up in order and (up or not path):
        return order[up]
    for node in nodes:
        if node.parametric and (node.name == path or node.place == path) and node.owner is None:
            before = [
                order[owner]
                for at, each in enumerate(nodes)
                if node.through >> at & 1 and (owner := each.owner) is not None and owner in order
            ]
            return max(before, default=None)
    return None
