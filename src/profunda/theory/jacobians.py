"""The Jacobian of all predictions by all parameters, in blocks of rows: how training can move a network.

J [N·C, P] has one row for each row of the data and output, ordered by row, then output, and one column for
each trainable parameter, in the order of `parameters()`. For chains of dense layers a block is made of
outer products from C backward passes; any other module takes one backward pass for each row and output.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from profunda.errors import ArgumentError
from profunda.theory.chains import Chain, chain_of
from profunda.theory.parameter_map import ParameterMap, evaluating, parameter_map
from profunda.theory.pointwise import close
from profunda.theory.signals import Signal, covers, signals

__all__ = ["MEMORY", "Route", "jacobian", "jacobian_block", "route_of", "weigh"]

MEMORY = 2**30
"""Bytes that a computation may hold where nobody says otherwise."""


@dataclass(frozen=True)
class Route:
    """How derivatives of a module on given rows are had.

    Parameters
    ----------
    map
        The module on the rows.
    chain
        The module as a chain, where that gives all of its gradient; None else.
    apart
        Whether a row's predictions do not depend on the other rows.
    """

    map: ParameterMap
    chain: Chain | None
    apart: bool

    @property
    def name(self) -> str:
        """ "chain", "rows" (row by row) or "batch" (all rows at a time, as they depend on each other)."""
        return "chain" if self.chain is not None else "rows" if self.apart else "batch"


def route_of(module: nn.Module, x: Tensor) -> Route:
    """The fastest way that is exact for `module` on rows x [N, ...]; errors as those of `parameter_map`."""
    made = parameter_map(module, x)
    chain = chain_of(module, x) if x.is_floating_point() else None
    if chain is not None and covers(chain, module):
        return Route(made, chain, True)
    return Route(made, None, _apart(module, x[:4]))


def jacobian(module: nn.Module, x: Tensor, *, memory: int = MEMORY) -> Tensor:
    """J [N·C, P] of `module` on rows x [N, ...], in evaluation and in its own dtype.

    It holds N·C·P numbers and as much again while it is made: at most `memory` bytes, else ArgumentError. The
    products J v and Jᵀu need no J: see `parameter_map`.

    >>> x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> jacobian(nn.Linear(2, 1), x)  # linear in its parameters: J = (x, 1)
    tensor([[1., 2., 1.],
            [3., 4., 1.]])
    """
    route = route_of(module, x)
    weigh("A dense Jacobian", 2 * len(x) * route.map.outputs * route.map.size * _bytes(x, route), memory)
    return jacobian_block(route, 0, len(x))


def jacobian_block(route: Route, first: int, stop: int) -> Tensor:
    """The rows of J that belong to the data's rows first … stop − 1: [B·C, P]."""
    with evaluating(route.map.module):
        if route.chain is not None:
            found = signals(route.chain, route.map.x[first:stop])
            return _outer(found, route.map)
        return _one_by_one(route, first, stop)


def weigh(what: str, needed: int, memory: int) -> None:
    """ArgumentError where `what` needs more bytes than may be held."""
    if needed > memory:
        raise ArgumentError(
            f"{what} needs {needed / 2**20:,.0f} MiB here, {memory / 2**20:,.0f} MiB are allowed: use fewer "
            "rows, matrix-free products, or pass a larger `memory`."
        )


def _bytes(x: Tensor, route: Route) -> int:
    return next(iter(route.map.parameters.values())).element_size()


def _outer(found: list[Signal], model: ParameterMap) -> Tensor:
    """The gradients in full, column by column where the parameters stand."""
    rows, outputs = found[0].back.shape[:2]
    made = found[0].back.new_zeros(rows, outputs, model.size)
    places, at = {}, 0
    for parameter in model.module.parameters():
        if parameter.requires_grad:
            places[id(parameter)] = slice(at, at + parameter.numel())
            at += parameter.numel()
    for each in found:
        if each.weight is not None:
            part = (
                each.scaled
                if each.weight.dim() == 1
                else torch.einsum("bch,bk->bchk", each.back, each.entered)
            )
            made[:, :, places[id(each.weight)]] = part.flatten(2)
        if each.bias is not None:
            made[:, :, places[id(each.bias)]] = each.back
    return made.flatten(0, 1)


def _one_by_one(route: Route, first: int, stop: int) -> Tensor:
    model = route.map
    pieces = {name: each.clone().requires_grad_() for name, each in model.parameters.items()}
    leaves = list(pieces.values())
    made = leaves[0].new_zeros((stop - first) * model.outputs, model.size)
    with torch.enable_grad():
        together = None if route.apart else model.predict(pieces, model.x)
        for row in range(first, stop):
            left = model.predict(pieces, model.x[row : row + 1])[0] if together is None else together[row]
            for c in range(model.outputs):
                keep = together is not None or c + 1 < model.outputs
                _fill(made[(row - first) * model.outputs + c], left[c], leaves, keep)
    return made


def _fill(into: Tensor, output: Tensor, leaves: list[Tensor], keep: bool) -> None:
    at = 0
    found = torch.autograd.grad(output, leaves, retain_graph=keep, allow_unused=True)
    for leaf, grad in zip(leaves, found, strict=True):
        if grad is not None:
            into[at : at + leaf.numel()] = grad.reshape(-1)
        at += leaf.numel()


def _apart(module: nn.Module, x: Tensor) -> bool:
    """Whether the first rows' predictions are the same one by one."""
    with evaluating(module), torch.no_grad():
        try:
            alone = torch.cat([module(x[row : row + 1]) for row in range(len(x))])
        except (RuntimeError, ValueError):  # as a norm over the batch without collected statistics
            return False
        return close(module(x), alone)
