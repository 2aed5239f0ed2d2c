"""What a user's loaders draw from, and gradients on the user's weights, end as they began."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.utils.data import DataLoader

__all__ = ["untouched"]


@contextmanager
def untouched(*data: Any, model: nn.Module | None = None) -> Iterator[None]:
    """Generators of the user's loaders among `data` end as they began, and so do gradients of `model`, which
    a loss that reads the user's own weights would leave there.
    """
    parameters = () if model is None else tuple(model.parameters())
    states = [(each, each.get_state()) for one in data for each in _generators(one)]
    grads = [(each, each.grad, _cloned(each.grad)) for each in parameters]
    try:
        yield
    finally:
        for generator, state in states:
            generator.set_state(state)
        for parameter, grad, value in grads:
            parameter.grad = grad
            if grad is not None and value is not None and not torch.equal(grad, value):
                with torch.no_grad():
                    grad.copy_(value)


def _cloned(grad: Tensor | None) -> Tensor | None:
    return None if grad is None else grad.detach().clone()


def _generators(data: Any) -> list[Generator]:
    if not isinstance(data, DataLoader):
        return []
    places = (data, data.sampler, data.batch_sampler, getattr(data.batch_sampler, "sampler", None))
    found = [getattr(place, "generator", None) for place in places]
    return [each for each in found if isinstance(each, Generator)]
