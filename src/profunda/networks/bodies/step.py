"""What one step of training does inside a body that evaluation does not."""

from typing import Protocol

from torch import Tensor

from profunda.networks.bodies.held import ChannelNorm

__all__ = ["BodyStep"]


class BodyStep(Protocol):
    """Masks, and statistics of the batch."""

    def batch_norm(self, block: ChannelNorm, h: Tensor, gain: Tensor, shift: Tensor) -> Tensor:
        """`h` [B, H, …] by the batch's own statistics, which are collected."""
        ...

    def words(self, places: range) -> Tensor | None:
        """Factors [B, T] of the looked-up vectors of tokens; None: 1."""
        ...

    def drop_inside(self, place: int, h: Tensor) -> Tensor:
        """What is left of `h`, the outputs of part `place` of the body."""
        ...
