"""The bodies that read pictures [B, channels, height, width]: stages of convolutions.

Convolutions are 3 × 3 with a border of zeros, so that a picture keeps its size until it is halved.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from profunda.networks.bodies.held import Held
from profunda.networks.bodies.step import BodyStep
from profunda.networks.norms import NORM_EPS, groups_of
from profunda.space.bodies import POOLED

__all__ = ["Activation", "conv", "residual"]

Activation = Callable[[Tensor], Tensor]
"""What stands between convolutions, of each number by itself."""


def conv(held: Held, x: Tensor, activation: Activation, step: BodyStep | None) -> Tensor:
    """Per stage a convolution, its norm, the activation, and the greatest of each 2 × 2: [B, E]."""
    h = _laid_out(held, x)
    for stage in range(held.body.depth):
        h = activation(_convolved(held, f"stage{stage}", h, step))
        h = functional.max_pool2d(h, 2)
    assert held.body.picture is not None
    height, width = (side >> held.body.depth for side in held.body.picture.shape[1:])
    if max(height, width) > POOLED:
        h = functional.adaptive_avg_pool2d(h, (min(height, POOLED), min(width, POOLED)))
    return h.flatten(1)


def residual(held: Held, x: Tensor, activation: Activation, step: BodyStep | None) -> Tensor:
    """A convolution, then per stage a block of two with a shortcut; the mean over the picture: [B, E].

    He et al. (2016), "Deep residual learning for image recognition", figure 2 and option B of section 3.3.
    """
    h = activation(_convolved(held, "stem", _laid_out(held, x), step))
    for stage in range(held.body.depth):
        name, stride = f"stage{stage}", 2 if stage else 1
        made = activation(_convolved(held, f"{name}.first", h, step, stride))
        made = _convolved(held, f"{name}.second", made, step)
        if held.get(f"{name}.shortcut.weights") is not None:
            h = _convolved(held, f"{name}.shortcut", h, step, stride)
        h = activation(made + h)
    return h.mean((2, 3))


def _laid_out(held: Held, x: Tensor) -> Tensor:
    """Rows [B, D] as pictures whose channels lie side by side in memory: convolutions read them faster."""
    assert held.body.picture is not None
    channels, height, width = held.body.picture.shape
    if channels == 1:  # torch takes either order for the other here; a last axis of its own settles it
        return x.reshape(-1, height, width).unsqueeze(3).permute(0, 3, 1, 2)
    return x.reshape(-1, channels, height, width).contiguous(memory_format=torch.channels_last)


def _convolved(held: Held, name: str, h: Tensor, step: BodyStep | None, stride: int = 1) -> Tensor:
    border = held.places[f"{name}.weights"].slot.shape[2] // 2
    h = functional.conv2d(h, held[f"{name}.weights"], held.get(f"{name}.biases"), stride, border)
    norm = held.norm(name)
    if norm is None:
        return h
    gain, shift = held[f"{name}.norm"]
    if not norm.collects:
        return torch.group_norm(h, groups_of(norm.channels, held.body.norm), gain, shift, NORM_EPS)
    if step is not None:
        return step.batch_norm(norm, h, gain, shift)
    mean, variance = held[f"{name}.collected"]
    return functional.batch_norm(h, mean, variance, gain, shift, eps=NORM_EPS)
