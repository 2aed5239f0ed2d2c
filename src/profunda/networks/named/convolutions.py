"""What the named image networks share: a convolution with its norm and activation, and first weights."""

from collections import OrderedDict
from math import gcd
from typing import Literal, get_args

from torch import nn

from profunda.errors import ArgumentError
from profunda.layers.initialisers import initialise

__all__ = ["ConvNorm", "Norm", "check_counts", "convolution", "draw_weights", "norm_of"]

Norm = Literal["batch", "group", "none"]


def norm_of(kind: Norm, channels: int, eps: float = 1e-5) -> nn.Module:
    """The norm of `channels` maps: batch norm, group norm (Wu and He 2018), or none.

    Groups have 8 channels, or as many as the greatest common divisor of 8 and `channels`. Raises
    ArgumentError for another kind.
    """
    if kind == "batch":
        return nn.BatchNorm2d(channels, eps)
    if kind == "group":
        return nn.GroupNorm(channels // gcd(channels, 8), channels, eps)
    if kind == "none":
        return nn.Identity()
    raise ArgumentError(f"No norm is called {kind!r}; known are {', '.join(get_args(Norm))}.")


def convolution(
    arrives: int, leaves: int, kernel: int, norm: Norm, *, stride: int = 1, groups: int = 1
) -> nn.Conv2d:
    """A convolution that keeps the size of the map (÷ stride), with a bias only where no norm has one."""
    padding = (kernel - 1) // 2
    return nn.Conv2d(arrives, leaves, kernel, stride, padding, groups=groups, bias=norm == "none")


class ConvNorm(nn.Sequential):
    """Convolution, norm, activation: x [B, arrives, H, W] → [B, leaves, ⌈H/stride⌉, ⌈W/stride⌉]."""

    def __init__(
        self,
        arrives: int,
        leaves: int,
        kernel: int,
        norm: Norm,
        activation: type[nn.Module] = nn.Identity,
        *,
        stride: int = 1,
        groups: int = 1,
        eps: float = 1e-5,
    ) -> None:
        parts = {
            "conv": convolution(arrives, leaves, kernel, norm, stride=stride, groups=groups),
            "norm": norm_of(norm, leaves, eps),
            "activation": activation(),
        }
        super().__init__(OrderedDict(parts))


def draw_weights(network: nn.Module) -> None:
    """Convolutions N(0, 2/fan-in) (He et al. 2015, eq. 10), biases 0; the classifier as torch draws it."""
    for name, part in network.named_children():
        if name != "classifier":
            initialise(part, "he")


def check_counts(n_classes: int, in_channels: int) -> None:
    """ArgumentError unless there are images and classes to tell apart."""
    if n_classes < 1 or in_channels < 1:
        raise ArgumentError(
            f"{n_classes} classes and {in_channels} channels: give at least 1 of either; n_classes is the "
            "number of outputs, in_channels is 1 for grey images and 3 for colour."
        )
