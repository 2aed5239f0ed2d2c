"""Networks of further programs: dense, convolutional, recurrent and attending ones, all of them small."""

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

__all__ = ["Attending", "Remembering", "hearing", "layers", "looking", "skimming"]

Maker = Callable[[], nn.Module]


class _Turned(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T] of [B, T, C]."""
        return x.transpose(1, 2)


def layers(
    *widths: int,
    act: Maker = nn.ReLU,
    norm: Callable[[int], nn.Module] | None = None,
    drop: float = 0.0,
    first_drop: float = 0.0,
) -> nn.Sequential:
    """Linear layers with norm, activation and dropout between them; `first_drop` deletes inputs."""
    parts: list[nn.Module] = [nn.Dropout(first_drop)] if first_drop else []
    for entering, leaving in pairwise(widths[:-1]):
        parts.append(nn.Linear(entering, leaving))
        parts += [norm(leaving)] if norm else []
        parts += [act(), nn.Dropout(drop)] if drop else [act()]
    return nn.Sequential(*parts, nn.Linear(widths[-2], widths[-1]))


def looking(
    size: int,
    outputs: int,
    filters: int = 8,
    act: Maker = nn.ReLU,
    norm: bool = False,
    drop: float = 0.0,
    hidden: int = 32,
) -> nn.Sequential:
    """Two convolutions, the second by strides of 2, and two linear layers, for [B, 1, size, size]."""
    side = ((size + 1) // 2) ** 2
    parts: list[nn.Module] = [nn.Conv2d(1, filters, 3, padding=1)]
    parts += [nn.BatchNorm2d(filters)] if norm else []
    parts += [act(), nn.Conv2d(filters, 2 * filters, 3, stride=2, padding=1)]
    parts += [nn.BatchNorm2d(2 * filters)] if norm else []
    parts += [act(), nn.Flatten(), nn.Linear(2 * filters * side, hidden), act()]
    parts += [nn.Dropout(drop)] if drop else []
    return nn.Sequential(*parts, nn.Linear(hidden, outputs))


def hearing(
    channels: int, length: int, outputs: int, filters: int = 12, act: Maker = nn.ReLU, drop: float = 0.0
) -> nn.Sequential:
    """Two convolutions along time by strides of 2 over [B, length, channels], and a linear head."""
    return nn.Sequential(
        _Turned(),
        nn.Conv1d(channels, filters, 5, stride=2, padding=2),
        act(),
        nn.Conv1d(filters, 2 * filters, 5, stride=2, padding=2),
        act(),
        nn.Flatten(),
        nn.Dropout(drop),
        nn.Linear(2 * filters * ((length + 3) // 4), outputs),
    )


def skimming(
    words: int, outputs: int, width: int = 16, filters: int = 24, drop: float = 0.0
) -> nn.Sequential:
    """Words [B, T]: convolutions of three words, the largest of each channel, a linear head."""
    return nn.Sequential(
        nn.Embedding(words, width),
        _Turned(),
        nn.Conv1d(width, filters, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveMaxPool1d(1),
        nn.Flatten(),
        nn.Linear(filters, outputs),
    )


class Remembering(nn.Module):
    """A GRU or LSTM over [B, T, inputs] or words [B, T]; says `outputs` at the end, or at `each` place."""

    def __init__(
        self,
        kind: type[nn.GRU] | type[nn.LSTM] | type[nn.RNN],
        inputs: int,
        hidden: int,
        outputs: int,
        words: int = 0,
        each: bool = False,
        drop: float = 0.0,
    ) -> None:
        super().__init__()
        self.enter = nn.Embedding(words, inputs) if words else nn.Identity()
        self.body = kind(inputs, hidden, batch_first=True)
        self.drop = nn.Dropout(drop)
        self.head = nn.Linear(hidden, outputs)
        self.each = each

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs], or [B, T, outputs] at each."""
        states = self.drop(self.body(self.enter(x))[0])
        return self.head(states if self.each else states[:, -1])


class Attending(nn.Module):
    """A Transformer's encoder with learnt places over words [B, T] or values [B, T, inputs]; says `outputs`
    from the mean of all places, or at `each`, which then sees earlier places alone.
    """

    def __init__(
        self,
        length: int,
        outputs: int,
        width: int = 24,
        depth: int = 1,
        words: int = 0,
        inputs: int = 0,
        each: bool = False,
        drop: float = 0.0,
        drop_words: float = 0.0,
    ) -> None:
        super().__init__()
        self.enter = nn.Embedding(words, width) if words else nn.Linear(inputs, width)
        self.places = nn.Parameter(0.1 * torch.randn(length, width))
        self.drop = nn.Dropout(drop_words)
        layer = nn.TransformerEncoderLayer(width, 2, 2 * width, drop, batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, depth, nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, outputs)
        self.register_buffer("mask", torch.full((length, length), -math.inf).triu(1) if each else None)
        self.each = each

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs], or [B, T, outputs] at each."""
        states = self.body(self.drop(self.enter(x) + self.places), mask=self.mask)
        return self.head(states if self.each else states.mean(1))
