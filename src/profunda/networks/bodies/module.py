"""A body as a module of its own."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from profunda.networks.bodies.held import ChannelNorm, Held
from profunda.networks.bodies.reading import read_by
from profunda.networks.norms import NORM_EPS, NORM_MOMENTUM
from profunda.space.bodies import Body

__all__ = ["BodyModule"]


class BodyModule(nn.Module):
    """Inputs [B, D] to the E numbers that leave the body, in evaluation as in a fleet.

    In training, what leaves a part is dropped with probability `drop`, and batch norm goes by the batch; the
    vectors of words are multiplied by `factors` [B, D], those of the inputs.
    Tensors begin as zeros, and norms as what they are called: `networks.dense.load` fills them.
    """

    def __init__(self, body: Body, activation: nn.Module, drop: float = 0.0) -> None:
        super().__init__()
        self.body, self.activation, self.drop = body, activation, drop
        for slot in body.slots:
            first = torch.zeros(slot.shape)
            if slot.role in ("norm", "collected"):
                first[0 if slot.role == "norm" else 1] = 1.0
            name = _attribute(slot.name)
            if slot.role == "collected":
                self.register_buffer(name, first)
            else:
                self.register_parameter(name, nn.Parameter(first))

    def tensors(self) -> list[Tensor]:
        """All of them in the order of the flat vector."""
        return [getattr(self, _attribute(slot.name)) for slot in self.body.slots]

    def forward(self, x: Tensor, factors: Tensor | None = None) -> Tensor:
        """What leaves the body, [B, E]."""
        step = _Step(self, factors) if self.training else None
        return read_by(_Owned(self), x, self.activation, step, whole=True)


class _Owned(Held):
    """The tensors of a module in place of those of a vector."""

    def __init__(self, module: BodyModule) -> None:
        super().__init__(module.body, 0, None)
        self.module = module

    def __getitem__(self, name: str) -> Any:
        return getattr(self.module, _attribute(name))


class _Step:
    """What training does in a module, with torch's own random numbers."""

    def __init__(self, module: BodyModule, factors: Tensor | None) -> None:
        self.module, self.factors = module, factors

    def batch_norm(self, block: ChannelNorm, h: Tensor, gain: Tensor, shift: Tensor) -> Tensor:
        names = {found.start: name for name, found in _Owned(self.module).places.items()}
        name = names[block.start].removesuffix("norm") + "collected"
        mean, variance = getattr(self.module, _attribute(name))
        return functional.batch_norm(h, mean, variance, gain, shift, True, NORM_MOMENTUM, NORM_EPS)

    def words(self, places: range) -> Tensor | None:
        return None if self.factors is None else self.factors[:, places.start : places.stop]

    def drop_inside(self, place: int, h: Tensor) -> Tensor:
        return functional.dropout(h, self.module.drop)


def _attribute(name: str) -> str:
    """A slot's name as that of an attribute, which has no dots."""
    return name.replace(".", "_")
