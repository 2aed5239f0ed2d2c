"""A copy to measure on: no hooks, no dropout, and functions called for dropout leave what they are given."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from profunda.diagnosis.copying import copy_of
from profunda.diagnosis.operations import spelled

__all__ = ["Undropped", "in_training", "resting", "undropped"]

_DROPPING = frozenset(
    {
        "alpha_dropout",
        "dropout",
        "dropout1d",
        "dropout2d",
        "dropout3d",
        "feature_alpha_dropout",
        "feature_dropout",
    }
)


def undropped(module: nn.Module) -> nn.Module:
    """A copy in evaluation mode that drops nothing in training mode either, functions aside: for those use
    `in_training`.
    """
    own = copy_of(module).eval()
    for part in own.modules():
        # Recurrent layers and attention drop inside of themselves; their other parts have no modes.
        if isinstance(part, nn.RNNBase | nn.MultiheadAttention):
            part.dropout = 0.0
    return own


def resting(module: nn.Module) -> frozenset[str]:
    """Names of parts that stay in evaluation mode while the module trains, as frozen batch norms do."""
    if not module.training:
        return frozenset()
    return frozenset(name for name, part in module.named_modules() if not part.training)


@contextmanager
def in_training(own: nn.Module, rest: frozenset[str] = frozenset()) -> Iterator[None]:
    """Training mode for norms' sake: batch norms use the rows at hand, and nothing is dropped. Parts whose
    names are in `rest` stay in evaluation mode.

    Batch norms collect the statistics of the last such pass and of no other, so that evaluation sees them
    afterwards: `own` must be a copy.
    """
    for name, part in own.named_modules():
        part.training = name not in rest and "drop" not in type(part).__name__.lower()
        if isinstance(part, nn.modules.batchnorm._NormBase):
            part.momentum = 1.0
    try:
        with _Undropping():
            yield
    finally:
        own.eval()


class _Undropping(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        what = spelled(getattr(func, "__name__", ""))
        if what in _DROPPING:
            given = args[0] if args else kwargs["input"]
            return given if isinstance(given, Tensor) else func(*args, **kwargs)
        if func is torch.nn.functional.scaled_dot_product_attention and "dropout_p" in kwargs:
            kwargs = {**kwargs, "dropout_p": 0.0}
        return func(*args, **kwargs)


class Undropped(nn.Module):
    """`inner`, in which functions called for dropout leave what they are given."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.training = inner.training

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """What `inner` gives so."""
        with _Undropping():
            return self.inner(*inputs, **named)
