"""Networks for trainings spoilt in their steps; all sound but `Listed`."""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

__all__ = [
    "Copier",
    "Forecaster",
    "Listed",
    "Reader",
    "Tagger",
    "Tuned",
    "dense",
    "grid",
    "line",
    "xavier",
]

Maker = Callable[[], nn.Module]


def dense(
    *widths: int, act: Maker = nn.ReLU, norm: Callable[[int], nn.Module] | None = None, dropout: float = 0.0
) -> nn.Sequential:
    """Linear layers; `norm`, `act` and dropout between them."""
    parts: list[nn.Module] = [nn.Linear(widths[0], widths[1])]
    for entering, leaving in pairwise(widths[1:]):
        if norm is not None:
            parts.append(norm(entering))
        parts.append(act())
        if dropout:
            parts.append(nn.Dropout(dropout))
        parts.append(nn.Linear(entering, leaving))
    return nn.Sequential(*parts)


def grid(
    outputs: int, width: int = 8, act: Maker = nn.ReLU, norm: bool = False, dropout: float = 0.0
) -> nn.Sequential:
    """Three convolutions over [1, S, S], the second of stride 2; maxima of quarters, two linear layers."""
    parts: list[nn.Module] = []
    for entering, leaving, stride in ((1, width, 1), (width, 2 * width, 2), (2 * width, 2 * width, 1)):
        parts.append(nn.Conv2d(entering, leaving, 3, stride, 1, bias=not norm))
        parts += [nn.BatchNorm2d(leaving)] * norm + [act()]
    parts += [nn.AdaptiveMaxPool2d(2), nn.Flatten()]
    parts += [nn.Dropout(dropout)] * (dropout > 0)
    return nn.Sequential(*parts, nn.Linear(8 * width, 4 * width), act(), nn.Linear(4 * width, outputs))


def line(
    outputs: int, width: int = 10, act: Maker = nn.GELU, norm: bool = False, dropout: float = 0.0
) -> nn.Sequential:
    """Two wide convolutions over [1, L], the mean over places, two linear layers."""
    parts: list[nn.Module] = []
    for entering, leaving in ((1, width), (width, 2 * width)):
        parts.append(nn.Conv1d(entering, leaving, 5, padding=2))
        parts += [nn.BatchNorm1d(leaving)] * norm + [act()]
    parts += [nn.AdaptiveAvgPool1d(1), nn.Flatten()]
    parts += [nn.Dropout(dropout)] * (dropout > 0)
    return nn.Sequential(*parts, nn.Linear(2 * width, 2 * width), act(), nn.Linear(2 * width, outputs))


def xavier(model: nn.Module) -> None:
    """Glorot's weights and zero biases for linear layers and convolutions."""
    for part in model.modules():
        if isinstance(part, nn.Linear | nn.Conv1d | nn.Conv2d):
            nn.init.xavier_uniform_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)


class Copier(nn.Module):
    """An autoencoder: `encoder` to `code` numbers, `decoder` back."""

    def __init__(self, inputs: int, hidden: int, code: int, act: Maker = nn.ReLU) -> None:
        super().__init__()
        self.encoder = dense(inputs, hidden, code, act=act)
        self.decoder = dense(code, hidden, inputs, act=act)

    def forward(self, x: Tensor) -> Tensor:
        """[B, inputs] to the same."""
        return self.decoder(self.encoder(x))


class Listed(nn.Module):
    """Residual layers between an entrance and an exit. With `plain` they are kept in a Python list, of which
    `parameters()` knows nothing.
    """

    def __init__(self, inputs: int, hidden: int, outputs: int, layers: int, plain: bool = False) -> None:
        super().__init__()
        self.enter, self.leave = nn.Linear(inputs, hidden), nn.Linear(hidden, outputs)
        hidden_layers = [nn.Linear(hidden, hidden) for _ in range(layers)]
        self.hidden = hidden_layers if plain else nn.ModuleList(hidden_layers)

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        x = torch.relu(self.enter(x))
        for layer in self.hidden:
            x = torch.relu(layer(x))
        return self.leave(x)


class Forecaster(nn.Module):
    """Recurrent layers over [B, T, inputs], a linear layer on the last place. With `carry` the state at
    the end of one batch is the state at the beginning of the next, until `reset`.
    """

    def __init__(
        self,
        kind: type[nn.GRU] | type[nn.LSTM],
        inputs: int,
        hidden: int,
        outputs: int,
        layers: int = 1,
        carry: bool = False,
    ) -> None:
        super().__init__()
        self.body = kind(inputs, hidden, num_layers=layers, batch_first=True)
        self.head = nn.Linear(hidden, outputs)
        self.carry = carry
        self.state: Tensor | None = None

    def reset(self) -> None:
        """Begin anew with the next batch."""
        self.state = None

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        if self.state is not None and self.state.shape[1] != len(x):
            self.state = None
        found, state = self.body(x, self.state)
        if self.carry:
            self.state = state.detach()
        return self.head(found[:, -1])


class Tagger(nn.Module):
    """Embedded tokens [B, T], an LSTM in both directions, a tag at each place."""

    def __init__(self, words: int, width: int, hidden: int, tags: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.drop = nn.Dropout(dropout)
        self.body = nn.LSTM(width, hidden, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * hidden, tags)

    def forward(self, x: Tensor) -> Tensor:
        """[B, tags, T], as cross-entropy wants it."""
        found, _ = self.body(self.drop(self.embed(x)))
        return self.head(self.drop(found)).transpose(1, 2)


class _Block(nn.Module):
    """Attention and a feed-forward part; norms before (`pre`) or after each."""

    def __init__(self, width: int, heads: int, dropout: float, pre: bool) -> None:
        super().__init__()
        self.attend = nn.MultiheadAttention(width, heads, dropout, batch_first=True)
        self.feed = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.drop, self.pre = nn.Dropout(dropout), pre

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """[B, T, width] to the same."""
        if self.pre:
            seen = self.norm1(x)
            x = x + self.drop(self.attend(seen, seen, seen, attn_mask=mask, need_weights=False)[0])
            return x + self.drop(self.feed(self.norm2(x)))
        x = self.norm1(x + self.drop(self.attend(x, x, x, attn_mask=mask, need_weights=False)[0]))
        return self.norm2(x + self.drop(self.feed(x)))


class Reader(nn.Module):
    """A Transformer over tokens [B, T] with a token of its own in front, from which it says `outputs`
    numbers; or, at `each` place, looking back only.
    """

    def __init__(
        self,
        words: int,
        length: int,
        outputs: int,
        *,
        width: int = 24,
        heads: int = 2,
        layers: int = 1,
        dropout: float = 0.0,
        pre: bool = True,
        each: bool = False,
    ) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.place = nn.Parameter(torch.randn(length + 1, width) * 0.3)
        self.front = nn.Parameter(torch.randn(width) * 0.3)
        self.blocks = nn.ModuleList(_Block(width, heads, dropout, pre) for _ in range(layers))
        self.norm = nn.LayerNorm(width) if pre else nn.Identity()
        self.head = nn.Linear(width, outputs)
        self.each = each
        self.register_buffer("mask", torch.triu(torch.ones(length + 1, length + 1), 1).bool())

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs], or [B, outputs, T] at each."""
        found = torch.cat([self.front.expand(len(x), 1, -1), self.embed(x)], 1) + self.place
        for block in self.blocks:
            found = block(found, self.mask if self.each else None)
        found = self.norm(found)
        return self.head(found[:, 1:]).transpose(1, 2) if self.each else self.head(found[:, 0])


class Tuned(nn.Module):
    """A body and a head, as one fine-tunes them."""

    def __init__(self, body: nn.Module, hidden: int, outputs: int) -> None:
        super().__init__()
        self.body, self.head = body, nn.Linear(hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        return self.head(torch.relu(self.body(x)))
