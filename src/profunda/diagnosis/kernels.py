"""How far the tangent kernel turned between the first step and the last: near 0, training was lazy."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from profunda.diagnosis.copying import cloned, undisturbed
from profunda.diagnosis.feeding import Feed, feed_of, outputs_by_row, outputs_in
from profunda.diagnosis.hooks import unwrapped
from profunda.diagnosis.record import Kernel
from profunda.diagnosis.undropped import undropped
from profunda.theory.tangents import empirical_ntk

__all__ = ["kernel"]

ROWS = 32
"""Rows of the kernel."""

_OUTPUTS = 4
"""Of more outputs, so many random sums of them: their kernel is without bias that of all, traced."""

_BYTES = 64 * 2**20
"""Of gradients held at a time."""

_FEW, _NUMBERS = 16, 2**20
"""Where gradients of all rows do not fit there: so many rows, and so many numbers of each gradient at most,
drawn evenly from all parameters. The cosine of two kernels is then off by some thousandths."""


def kernel(
    module: nn.Module,
    start: Mapping[str, Tensor],
    inputs: tuple[Any, ...],
    *,
    named: tuple[tuple[str, Any], ...] = (),
) -> Kernel:
    """Drift of Θ from `start`, parameters (and buffers, where it has them) by name, to `module` as it is.

    1 − ⟨Θ₀, Θ⟩/(‖Θ₀‖‖Θ‖) of the kernels on at most 32 rows of `inputs`, traced over outputs (Fort et al.
    2020, "Deep learning versus kernel learning", §3), in evaluation mode; `moved` is ‖θ − θ₀‖/‖θ₀‖ over all
    parameters that `start` names. NaN where a kernel cannot be had: no trainable parameters, weights that are
    not finite or of half precision, inputs that cannot be cut into rows, a forward that raises on so
    many. Nothing of the user's is changed.
    """
    _, prefix = unwrapped(module)
    now = {name: each.detach() for name, each in module.named_parameters()}
    moved = _moved(now, start)
    with undisturbed(module):
        try:
            own = undropped(unwrapped(module)[0])
            feed = feed_of(cloned(inputs), None, cloned(named)).spread(ROWS)
            last = _values(own, feed)
            _set(own, start, prefix)
            first = _values(own, feed)
        except Exception:  # a forward of any kind, which may ask for the size of its batch
            return Kernel(math.nan, moved)
    if first is None or last is None:
        return Kernel(math.nan, moved)
    size = float(first.norm() * last.norm())
    drift = 1.0 - float((first * last).sum()) / size if size > 0.0 else math.nan
    return Kernel(max(0.0, drift) if drift == drift else math.nan, moved)


def _moved(now: dict[str, Tensor], start: Mapping[str, Tensor]) -> float:
    gone = size = 0.0
    for name, each in now.items():
        if name in start and each.is_floating_point():
            before = start[name].detach().to(each)
            gone += float((each - before).double().square().sum())
            size += float(before.double().square().sum())
    return math.sqrt(gone / size) if size > 0.0 else math.nan


def _set(own: nn.Module, start: Mapping[str, Tensor], prefix: str) -> None:
    cut = len(prefix) + 1 if prefix else 0
    before = {name[cut:]: each for name, each in start.items()}
    with torch.no_grad():
        for name, each in (*own.named_parameters(), *own.named_buffers()):
            if name in before:
                each.copy_(before[name].to(each))


def _values(own: nn.Module, feed: Feed) -> Tensor | None:
    """Θ [N, N], traced over outputs, float64."""
    few = feed.first(2)
    with torch.no_grad():
        outputs = outputs_by_row(few.through(own), few) if feed.apart else None
    if outputs is None:
        return None
    parameters = sum(each.numel() for each in own.parameters() if each.requires_grad)
    columns = min(_OUTPUTS, outputs.shape[1])
    if 4 * ROWS * columns * parameters > _BYTES:
        columns = 1
    if 4 * ROWS * columns * parameters > _BYTES:
        return _sampled(own, feed.spread(_FEW), outputs.shape[1], parameters)
    view = _Rows(own, feed, outputs.shape[1], columns)
    index = torch.arange(feed.rows)
    # All of them at once, and θ a few times: in chunks, gradients would be made again for each pair.
    memory = 8 * (2 * len(index) * columns + 4) * parameters + 2**24
    device = next(each.device for each in own.parameters())
    return empirical_ntk(view, index.to(device), form="trace", memory=memory).values.double()


def _sampled(own: nn.Module, feed: Feed, outputs: int, parameters: int) -> Tensor:
    """The same of one random sum of outputs, by some numbers of each row's gradient: never are more than one
    gradient and these numbers held.
    """
    view = _Rows(own, feed, outputs, 1)
    weights = [each for each in own.parameters() if each.requires_grad]
    drawn = torch.Generator().manual_seed(0)
    share = min(1.0, _NUMBERS / parameters)
    sizes = [each.numel() for each in weights]
    places = [
        torch.randint(0, max(1, size), (math.ceil(share * size),), generator=drawn).to(each.device)
        for each, size in zip(weights, sizes, strict=True)
    ]
    scales = [math.sqrt(size / max(1, len(place))) for size, place in zip(sizes, places, strict=True)]
    table = []
    for row in range(feed.rows):
        value = view(torch.tensor([row])).sum()
        found = torch.autograd.grad(value, weights, materialize_grads=True)
        parts = zip(found, places, scales, strict=True)
        table.append(torch.cat([scale * grad.flatten()[place] for grad, place, scale in parts]))
    rows = torch.stack(table)
    return (rows @ rows.T).double()


class _Rows(nn.Module):
    """A network as a function of rows' numbers, whatever it takes; of many outputs some random sums."""

    def __init__(self, own: nn.Module, feed: Feed, outputs: int, columns: int) -> None:
        super().__init__()
        self.own, self.feed = own, feed
        signs = torch.randint(0, 2, (outputs, columns), generator=torch.Generator().manual_seed(0))
        like = next(own.parameters())
        self.sums = None if columns == outputs else ((2.0 * signs - 1.0) / math.sqrt(columns)).to(like)

    def forward(self, index: Tensor) -> Tensor:
        part = self.feed.take(index.cpu())
        found = outputs_in(part.through(self.own))
        assert found is not None  # or there would be no outputs to count
        if part.axis == 1 and found.ndim > 1 and found.shape[1] == part.rows:
            found = found.movedim(1, 0)
        found = found.reshape(part.rows, -1)
        return found if self.sums is None else found @ self.sums
