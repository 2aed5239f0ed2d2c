"""Networks of the everyday programs: dense stacks, small convolutional, recurrent and attending ones."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

__all__ = ["Encoder", "Hearing", "Pooled", "Reader", "Seeing", "dense"]

Maker = Callable[[], nn.Module]


def dense(
    *widths: int,
    act: Maker = nn.ReLU,
    norm: Callable[[int], nn.Module] | None = None,
    drop: float = 0.0,
    last: Maker | None = None,
) -> nn.Sequential:
    """A stack of linear layers, flattened at its beginning; norm, activation and dropout between them."""
    parts: list[nn.Module] = [nn.Flatten()]
    for place, (entering, leaving) in enumerate(pairwise(widths), start=2):
        parts.append(nn.Linear(entering, leaving))
        if place < len(widths):
            parts += [norm(leaving)] if norm else []
            parts.append(act())
            parts += [nn.Dropout(drop)] if drop else []
    if last:
        parts.append(last())
    return nn.Sequential(*parts)


class Seeing(nn.Module):
    """Two convolutions with halving between them, and a head of two layers, for [B, C, S, S]."""

    def __init__(
        self,
        channels: int,
        size: int,
        outputs: int,
        filters: int = 8,
        hidden: int = 32,
        act: Maker = nn.ReLU,
        norm: bool = False,
        last: Maker = nn.Identity,
    ) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(channels, filters, 3, padding=1),
            nn.BatchNorm2d(filters) if norm else nn.Identity(),
            act(),
            nn.MaxPool2d(2),
            nn.Conv2d(filters, 2 * filters, 3, padding=1),
            nn.BatchNorm2d(2 * filters) if norm else nn.Identity(),
            act(),
            nn.MaxPool2d(2),
        )
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(2 * filters * (size // 4) ** 2, hidden),
            act(),
            nn.Linear(hidden, outputs),
            last(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        return self.head(self.features(x))


class Hearing(nn.Module):
    """Convolutions along time over [B, T, C], the largest value of each channel, a linear head."""

    def __init__(
        self,
        channels: int,
        outputs: int,
        filters: int = 16,
        depth: int = 2,
        act: Maker = nn.ReLU,
        pool: Literal["max", "mean", "all"] = "max",
        length: int = 0,
    ) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        for layer in range(depth):
            parts += [nn.Conv1d(filters if layer else channels, filters, 5, padding=2), act()]
        self.body = nn.Sequential(*parts)
        self.pool = pool
        self.head = nn.Linear(filters * length if pool == "all" else filters, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        found = self.body(x.transpose(1, 2))
        if self.pool == "all":
            return self.head(found.flatten(1))
        return self.head(found.amax(2) if self.pool == "max" else found.mean(2))


class Reader(nn.Module):
    """A GRU or LSTM over [B, T, inputs] or over words [B, T]; says `outputs` at the end or at `each`."""

    def __init__(
        self,
        kind: type[nn.GRU] | type[nn.LSTM],
        inputs: int,
        hidden: int,
        outputs: int,
        words: int = 0,
        each: bool = False,
        both: bool = False,
    ) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, inputs) if words else nn.Identity()
        self.rnn = kind(inputs, hidden, batch_first=True, bidirectional=both)
        self.head = nn.Linear(2 * hidden if both else hidden, outputs)
        self.each = each

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs], or [B, T, outputs] at each."""
        states, _ = self.rnn(self.embed(x))
        return self.head(states if self.each else states[:, -1])


class Pooled(nn.Module):
    """A bidirectional GRU over [B, T, C] whose states are weighed by attention, `over` the places."""

    def __init__(self, inputs: int, hidden: int, outputs: int, over: int = 1) -> None:
        super().__init__()
        self.rnn = nn.GRU(inputs, hidden, batch_first=True, bidirectional=True)
        self.score = nn.Linear(2 * hidden, 1)
        self.head = nn.Linear(2 * hidden, outputs)
        self.over = over

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        states, _ = self.rnn(x)
        weights = torch.softmax(self.score(states), dim=self.over)
        return self.head((weights * states).sum(1))


def _waves(length: int, width: int) -> Tensor:
    place = torch.arange(length)[:, None] * torch.exp(torch.arange(0, width, 2) * (-math.log(1e4) / width))
    return torch.stack([place.sin(), place.cos()], -1).flatten(1)


class Encoder(nn.Module):
    """A Transformer's encoder with sines for places, over words [B, T] or values [B, T, inputs]; says
    `outputs` from the mean, or at `each` place, where `causal` keeps later places away.
    """

    def __init__(
        self,
        length: int,
        outputs: int,
        width: int = 24,
        layers: int = 1,
        words: int = 0,
        inputs: int = 0,
        each: bool = False,
        causal: bool = False,
        after: Maker = nn.Identity,
    ) -> None:
        super().__init__()
        self.enter = nn.Embedding(words, width) if words else nn.Linear(inputs, width)
        self.register_buffer("places", 0.3 * _waves(length, width))
        self.register_buffer("mask", torch.full((length, length), -math.inf).triu(1))
        layer = nn.TransformerEncoderLayer(
            width, 2, 2 * width, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.body = nn.TransformerEncoder(layer, layers, nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Sequential(nn.Linear(width, outputs), after())
        self.each, self.causal = each, causal

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs], or [B, T, outputs] at each."""
        states = self.body(self.enter(x) + self.places, mask=self.mask if self.causal else None)
        return self.head(states if self.each else states.mean(1))
