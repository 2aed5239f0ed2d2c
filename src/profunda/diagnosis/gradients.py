"""Gradients on probe rows by layer: their norms, their noise between rows, and units that stay copies."""

import math

import numpy as np
import torch
from torch import Tensor, nn

from profunda.diagnosis.feeding import Feed
from profunda.diagnosis.holdings import Holding
from profunda.diagnosis.scoring import Yardstick

__all__ = ["copies_in", "equal_rows", "gradients_of", "moved_by", "noise_of"]

CHUNKS = 16
"""Parts of the rows whose gradients are compared: the variance is then known to about a third."""

_ALIKE = 1e-5
"""Of the largest number: units nearer than this differ by rounding only."""

_MOST = 2_000_000
"""Numbers of a layer that are compared; of more, every second or third column and so on."""


def gradients_of(loss: Tensor, own: nn.Module) -> dict[str, Tensor]:
    """∂loss/∂θ of every trainable parameter of `own`; zeros where none arrives."""
    named = {name: each for name, each in own.named_parameters() if each.requires_grad}
    if not named or not loss.requires_grad:
        return {name: torch.zeros_like(each) for name, each in named.items()}
    found = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
    return {
        name: torch.zeros_like(each) if grad is None else grad.detach()
        for (name, each), grad in zip(named.items(), found, strict=True)
    }


def moved_by(own: nn.Module, holdings: tuple[Holding, ...], start: dict[str, Tensor]) -> np.ndarray:
    """‖θ − θ_0‖/‖θ_0‖ of each layer [L]; `start` holds θ_0 by the user's names. NaN where it lacks one."""
    now = {name: each.detach() for name, each in own.named_parameters()}
    found = []
    for holding in holdings:
        before = {name: start[holding.given(name)] for name in holding.names if holding.given(name) in start}
        if len(before) < len(holding.names) or not before:
            found.append(math.nan)
            continue
        apart = {name: now[name] - before[name].to(now[name]) for name in before}
        size = holding.norm(before)
        gone = holding.norm(apart)
        found.append(gone / size if size > 0 else math.inf if gone > 0 else 0.0)
    return np.array(found, np.float64)


# Noise ----------------------------------------------------------------------------------------------


def noise_of(own: nn.Module, feed: Feed, yardstick: Yardstick, holdings: tuple[Holding, ...]) -> np.ndarray:
    """|G|²/tr Σ of each layer [L], G the gradient of the mean loss and Σ the covariance of one row's.

    Both without bias, from gradients g of M equal parts of b rows each: E|g|² = |G|² + tr Σ/b, and with
    N = M·b rows E|ḡ|² = |G|² + tr Σ/N (McCandlish et al. 2018, "An empirical model of large-batch
    training", appendix A.1). Where the noise hides G altogether it is 0. In evaluation mode: rows are
    independent there. NaN for fewer than 4 rows, and for rows that cannot be cut.
    """
    size = max(1, feed.rows // CHUNKS)
    parts = feed.rows // size
    unknown = np.full(len(holdings), math.nan)
    if parts < 4 or not feed.apart or not feed.matched:
        return unknown
    mean: dict[str, Tensor] = {}
    each = np.zeros(len(holdings))
    order = torch.randperm(feed.rows, generator=torch.Generator().manual_seed(0))  # rows may be sorted
    for index in order[: parts * size].split(size):
        part = feed.take(index)
        found = gradients_of(yardstick.loss(part.through(own), part.targets, size), own)
        each += [holding.norm(found) ** 2 / parts for holding in holdings]
        for name, grad in found.items():
            mean[name] = mean[name].add_(grad, alpha=1 / parts) if name in mean else grad / parts
    joint = np.array([holding.norm(mean) ** 2 for holding in holdings])
    trained = np.array([any(name in mean for name in holding.names) for holding in holdings])
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = (each - joint) / (1.0 / size - 1.0 / (parts * size))
        signal = np.maximum((parts * joint - each) / (parts - 1), 0.0)
        return np.where(trained & (each > 0), signal / spread, math.nan)


# Copies ---------------------------------------------------------------------------------------------


def copies_in(own: nn.Module, path: str, gradients: dict[str, Tensor]) -> float:
    """Share of the units of the part at `path` that equal another one in weights *and* in gradients, so that
    every step of every usual optimiser leaves them equal. NaN for what has no units, as an embedding.
    """
    part = own.get_submodule(path)
    rows = []
    for name, tensor in part.named_parameters():
        grad = gradients.get(".".join(word for word in (path, name) if word))
        for value in (tensor.detach(), torch.zeros_like(tensor) if grad is None else grad):
            table = _by_unit(part, name, value)
            if table is not None:
                scale = float(table.abs().max())
                rows.append(table / scale if 0.0 < scale < math.inf else table)
    return equal_rows(torch.cat(rows, dim=1)) if rows else math.nan


def equal_rows(table: Tensor) -> float:
    """Share of the rows of a table [H, K], none above 1 in size, that equal another within rounding."""
    table = table[:, :: max(1, table.numel() // _MOST)].double()
    if len(table) < 2 or not bool(torch.isfinite(table).all()):
        return 0.0
    probe = torch.randn(table.shape[1], generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    table = table[(table @ probe.to(table.device)).argsort()]  # copies become neighbours
    near = ((table[1:] - table[:-1]).abs().amax(1) <= _ALIKE).tolist()
    twins = [a or b for a, b in zip([False, *near], [*near, False], strict=True)]
    return sum(twins) / len(table)


def _by_unit(part: nn.Module, name: str, value: Tensor) -> Tensor | None:
    """A parameter's numbers by the unit that they lead to, [H, K]; a recurrent layer's first level only."""
    if isinstance(part, nn.modules.conv._ConvTransposeNd):
        if part.groups > 1:
            return None
        return value.transpose(0, 1).flatten(1) if value.ndim > 1 else value[:, None]
    if isinstance(part, nn.Linear | nn.modules.conv._ConvNd | nn.Bilinear):
        return value.flatten(1) if value.ndim > 1 else value[:, None]
    if isinstance(part, nn.RNNBase) and name.endswith("_l0") and len(value) % part.hidden_size == 0:
        return value.reshape(-1, part.hidden_size, value[0].numel()).movedim(1, 0).flatten(1)
    return None
