"""How derivatives by parameters are had: in outer products, row by row, or for all rows at once."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from profunda.errors import ArgumentError
from profunda.theory.chains import Chain, chain_of
from profunda.theory.parameter_maps import ParameterMap, evaluating, parameter_map
from profunda.theory.pointwise import close
from profunda.theory.signals import Signal, covers, signals
from profunda.theory.tracing import PROBE_ROWS

__all__ = ["MEMORY", "Route", "follows", "jacobian_block", "route_of", "weigh"]

MEMORY = 2**30
"""Bytes that a computation may hold where nobody says otherwise."""

_AT_ONCE = 256
_FIRST = 4


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
    if chain is not None and covers(chain, module) and follows(chain, module, x[PROBE_ROWS:]):
        route = Route(made, chain, True)
        if _in_turn(module) or _pulls_alike(route):
            return route
    return Route(made, None, _apart(module, x[:_FIRST]))


def jacobian_block(route: Route, first: int, stop: int, cotangents: Tensor | None = None) -> Tensor:
    """The rows of J that belong to the data's rows first … stop − 1: [B·C, P].

    With `cotangents` u [N, C] the gradients of Σ_c u_c f_c, [B, P].
    """
    with evaluating(route.map.module):
        if route.chain is not None:
            u = None if cotangents is None else cotangents[first:stop]
            return _outer(signals(route.chain, route.map.x[first:stop], u), route.map)
        return _one_by_one(route, first, stop, cotangents)


def weigh(what: str, needed: int, memory: int) -> None:
    """ArgumentError where `what` needs more bytes than may be held."""
    if needed > memory:
        raise ArgumentError(
            f"{what} needs {needed / 2**20:,.0f} MiB here, {memory / 2**20:,.0f} MiB are allowed: use fewer "
            "rows, matrix-free products, or pass a larger `memory`."
        )


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


def _one_by_one(route: Route, first: int, stop: int, cotangents: Tensor | None) -> Tensor:
    model = route.map
    pieces = {name: each.clone().requires_grad_() for name, each in model.parameters.items()}
    leaves = list(pieces.values())
    outputs = model.outputs if cotangents is None else 1
    made = leaves[0].new_zeros((stop - first) * outputs, model.size)
    with torch.enable_grad():
        together = None if route.apart else model.predict(pieces, model.x)
        for row in range(first, stop):
            left = model.predict(pieces, model.x[row : row + 1])[0] if together is None else together[row]
            if cotangents is not None:
                left = (left * cotangents[row]).sum().reshape(1)
            for c in range(outputs):
                keep = together is not None or c + 1 < outputs
                _fill(made[(row - first) * outputs + c], left[c], leaves, keep)
    return made


def _fill(into: Tensor, output: Tensor, leaves: list[Tensor], keep: bool) -> None:
    at = 0
    found = torch.autograd.grad(output, leaves, retain_graph=keep, allow_unused=True)
    for leaf, grad in zip(leaves, found, strict=True):
        if grad is not None:
            into[at : at + leaf.numel()] = grad.reshape(-1)
        at += leaf.numel()


def follows(chain: Chain, module: nn.Module, x: Tensor) -> bool:
    """Whether the chain gives what the module gives on rows x [N, ...] that it was not read with: a ReLU that
    is called inside `forward` looks like no activation at all where every unit is on."""
    if _in_turn(module) or not len(x):
        return True
    with evaluating(module), torch.no_grad():
        return all(
            close(chain.forward(rows), module(rows).reshape(len(rows), -1)) for rows in x.split(_AT_ONCE)
        )


def _in_turn(module: nn.Module) -> bool:
    """Whether no `forward` but torch's own joins the parts, so that nothing happens between them."""
    holders = [part for part in module.modules() if next(part.children(), None) is not None]
    return all(type(part) is nn.Sequential for part in holders)


def _pulls_alike(route: Route) -> bool:
    """Whether the chain's gradient on the first rows is the module's: one that detaches what a layer gives
    has the chain's predictions, but not its gradients."""
    assert route.chain is not None
    x, module = route.map.x[:_FIRST], route.map.module
    drawn = torch.randn(len(x), route.map.outputs, generator=torch.Generator().manual_seed(0))
    u = drawn.to(route.map.theta)
    mine: dict[int, Tensor] = {}
    with evaluating(module):
        for each in signals(route.chain, x, u):
            back = each.back[:, 0]
            if each.weight is not None:
                scale = each.weight.dim() == 1
                mine[id(each.weight)] = (back * each.entered).sum(0) if scale else back.T @ each.entered
            if each.bias is not None:
                mine[id(each.bias)] = back.sum(0)
    ordered = [mine[id(each)].reshape(-1) for each in module.parameters() if each.requires_grad]
    return close(torch.cat(ordered), route.map.vjp(u, slice(0, len(x))))


def _apart(module: nn.Module, x: Tensor) -> bool:
    """Whether the first rows' predictions are the same one by one."""
    with evaluating(module), torch.no_grad():
        try:
            alone = torch.cat([module(x[row : row + 1]) for row in range(len(x))])
        except (RuntimeError, ValueError):  # as a norm over the batch without collected statistics
            return False
        return close(module(x), alone)
