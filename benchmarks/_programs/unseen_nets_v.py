"""Networks of further programs, and the ways in which they are built wrongly."""

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = [
    "Attending",
    "Branches",
    "Causal",
    "Ghost",
    "Listening",
    "Looking",
    "Painting",
    "Plain",
    "Pooling",
    "Projected",
    "Radial",
    "Shifted",
    "States",
    "Tides",
    "Twice",
    "squashed",
    "stack",
]

Maker = Callable[[], nn.Module]


def stack(
    *widths: int,
    act: Maker = nn.ReLU,
    norm: Callable[[int], nn.Module] | None = None,
    drop: float = 0.0,
) -> nn.Sequential:
    """Linear layers with a norm, an activation and dropout between them."""
    parts: list[nn.Module] = []
    for place, (entering, leaving) in enumerate(pairwise(widths)):
        parts.append(nn.Linear(entering, leaving))
        if place < len(widths) - 2:
            parts += [norm(leaving)] if norm else []
            parts.append(act())
            parts += [nn.Dropout(drop)] if drop else []
    return nn.Sequential(*parts)


def squashed(*widths: int, drop: float, early: bool) -> nn.Sequential:
    """Linear layers and sigmoids; dropout `early`, on the sigmoids themselves, or after their batch norm."""
    parts: list[nn.Module] = []
    for entering, leaving in pairwise(widths[:-1]):
        parts += [nn.Linear(entering, leaving), nn.Sigmoid()]
        parts += [nn.Dropout(drop)] if early else []
        parts.append(nn.BatchNorm1d(leaving))
        parts += [] if early else [nn.Dropout(drop)]
    return nn.Sequential(*parts, nn.Linear(widths[-2], widths[-1]))


class Looking(nn.Module):
    """Convolutions over [B, C, S, S], halved after every second one, and a head over all that is left."""

    def __init__(
        self,
        size: int,
        outputs: int,
        filters: int = 8,
        depth: int = 2,
        act: Maker = nn.ReLU,
        norm: bool = False,
        last: Maker = nn.Identity,
        blank: bool = False,
    ) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        for layer in range(depth):
            parts.append(nn.Conv2d(filters if layer else 1, filters, 3, padding=1))
            parts += [nn.BatchNorm2d(filters)] if norm else []
            parts.append(act())
            if layer in (1, 3):
                parts.append(nn.MaxPool2d(2))
                size //= 2
        self.features = nn.Sequential(*parts)
        self.head = nn.Linear(filters * size * size, outputs)
        self.last = last()
        self.blank = blank

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]; `blank`: what is left of a picture is measured on an empty one, in every pass."""
        found = self.features(x).flatten(1)
        if self.blank:
            found = found.reshape(-1, self.features(torch.zeros_like(x)).flatten(1).shape[1])
        return self.last(self.head(found))


class Pooling(nn.Module):
    """A convolution, squares of it put together as means or sums, and tanh before the head."""

    def __init__(self, size: int, outputs: int, filters: int = 12, summed: bool = False) -> None:
        super().__init__()
        self.filters = nn.Conv2d(1, filters, 5, padding=2)
        self.summed = summed
        self.squash = nn.Tanh()
        self.hidden = nn.Linear(filters * (size // 3) ** 2, 24)
        self.head = nn.Linear(24, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        found = F.avg_pool2d(3 * self.filters(x), 3, divisor_override=1 if self.summed else 9)
        return self.head(self.hidden(self.squash(found).flatten(1)).relu())


class Painting(nn.Module):
    """Pictures of pictures [B, 1, S, S]; `last` stands at the very end."""

    def __init__(self, filters: int = 12, last: Maker = nn.Identity) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, filters, 5, padding=2),
            nn.GELU(),
            nn.Conv2d(filters, filters, 5, padding=2),
            nn.GELU(),
            nn.Conv2d(filters, 1, 3, padding=1),
        )
        self.last = last()

    def forward(self, x: Tensor) -> Tensor:
        """[B, 1, S, S]."""
        return self.last(self.body(x))


class Twice(nn.Module):
    """Two convolutions, one after the other halves; each with a norm of its own, or both with the same."""

    def __init__(self, size: int, outputs: int, filters: int = 10, shared: bool = False) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, filters, 3, padding=1)
        self.second = nn.Conv2d(filters, filters, 3, padding=1)
        self.norm = nn.BatchNorm2d(filters)
        self.other = self.norm if shared else nn.BatchNorm2d(filters)
        self.head = nn.Linear(filters * (size // 4) ** 2, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        found = F.max_pool2d(self.norm(self.first(x)).relu(), 2)
        found = F.max_pool2d(self.other(self.second(found)).relu(), 2)
        return self.head(found.flatten(1))


class Listening(nn.Module):
    """Convolutions along [B, T, C] with dropout on one side of a batch norm; all places are read."""

    def __init__(
        self,
        channels: int,
        length: int,
        outputs: int,
        filters: int = 12,
        drop: float = 0.0,
        order: Literal["norm first", "dropout first", "no norm"] = "no norm",
        pool: bool = False,
    ) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        for layer in range(2):
            parts.append(nn.Conv1d(filters if layer else channels, filters, 5, padding=2))
            parts.append(nn.ReLU())
            deleting = [nn.Dropout(drop)] if drop else []
            norm = [] if order == "no norm" else [nn.BatchNorm1d(filters)]
            parts += [*deleting, *norm] if order == "dropout first" else [*norm, *deleting]
        self.body = nn.Sequential(*parts)
        self.pool = pool
        self.head = nn.Linear(filters if pool else filters * length, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        found = self.body(x.transpose(1, 2))
        return self.head(found.amax(2) if self.pool else found.flatten(1))


class Causal(nn.Module):
    """Next words [B, T] by convolutions which see the past, or, padded on both sides, the future too."""

    def __init__(self, words: int, width: int = 24, depth: int = 2, both: bool = False) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.layers = nn.ModuleList(nn.Conv1d(width, width, 5) for _ in range(depth))
        self.head = nn.Linear(width, words)
        self.padding = (2, 2) if both else (4, 0)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, words]."""
        found = self.embed(x).transpose(1, 2)
        for layer in self.layers:
            found = found + F.gelu(layer(F.pad(found, self.padding)))
        return self.head(found.transpose(1, 2))


class States(nn.Module):
    """A GRU or LSTM over [B, T, inputs] or words [B, T]; says `outputs` at the end or at `each` place."""

    def __init__(
        self,
        kind: type[nn.GRU] | type[nn.LSTM],
        inputs: int,
        hidden: int,
        outputs: int,
        words: int = 0,
        each: bool = False,
        last: Maker = nn.Identity,
    ) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, inputs) if words else nn.Identity()
        self.rnn = kind(inputs, hidden, batch_first=True)
        self.head = nn.Linear(hidden, outputs)
        self.last = last()
        self.each = each

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs] or [B, T, outputs]."""
        found = self.rnn(self.embed(x))[0]
        return self.last(self.head(found if self.each else found[:, -1]))


class Projected(nn.Module):
    """An LSTM over words [B, T] whose state is handed on through `width` numbers."""

    def __init__(self, words: int, width: int, outputs: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, 16)
        self.rnn = nn.LSTM(16, 24, batch_first=True, proj_size=width)
        self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        return self.head(self.rnn(self.embed(x))[0].mean(1))


class Tides(nn.Module):
    """Two LSTMs; the second one's states are the answer, or a linear layer's reading of them."""

    def __init__(self, ahead: int, head: bool) -> None:
        super().__init__()
        self.first = nn.LSTM(1, 24, batch_first=True)
        self.second = nn.LSTM(24, 16 if head else ahead, batch_first=True)
        self.head = nn.Linear(16, ahead) if head else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """[B, ahead]."""
        return self.head(self.second(self.first(x)[0])[0][:, -1])


class Plain(nn.Module):
    """A recurrent cell by hand: state = act(inputs + what is left of the last state)."""

    def __init__(self, inputs: int, hidden: int, outputs: int, act: Maker) -> None:
        super().__init__()
        self.enter, self.keep = nn.Linear(inputs, hidden), nn.Linear(hidden, hidden, bias=False)
        nn.init.orthogonal_(self.keep.weight)
        self.act, self.head = act(), nn.Linear(hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        entering = self.enter(x)
        state = torch.zeros_like(entering[:, 0])
        for place in range(x.shape[1]):
            state = self.act(entering[:, place] + self.keep(state))
        return self.head(state)


class Shifted(nn.Module):
    """Tags of words [B, T] by each word and the one before, fetched by rolling along `axis`."""

    def __init__(self, words: int, outputs: int, axis: int = 1, width: int = 16) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.body = stack(2 * width, 32, outputs)
        self.axis = axis

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, outputs]."""
        found = self.embed(x)
        return self.body(torch.cat([found, found.roll(1, self.axis)], -1))


class Branches(nn.Module):
    """One branch for each half of the columns; `same`: the first one's output is joined with itself."""

    def __init__(self, half: int, hidden: int = 24, same: bool = False) -> None:
        super().__init__()
        self.home, self.away = stack(half, hidden, hidden, 8), stack(half, hidden, hidden, 8)
        self.head = stack(16, 16, 1)
        self.half, self.same = half, same

    def forward(self, x: Tensor) -> Tensor:
        """[B, 1]."""
        home = self.home(x[:, : self.half])
        away = home if self.same else self.away(x[:, self.half :])
        return self.head(torch.cat([home, away], 1))


class Radial(nn.Module):
    """Bells around centres that are learnt, exp(-sharp * distance²), and a linear head."""

    def __init__(self, inputs: int, units: int, outputs: int, sharp: float) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.randn(units, inputs))
        self.sharp, self.bell, self.head = sharp, nn.Identity(), nn.Linear(units, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        far = (x[:, None] - self.centres).square().sum(-1)
        return self.head(self.bell(torch.exp(-self.sharp * far)))


class Ghost(nn.Module):
    """Batch norm over virtual batches of `rows`, as TabNet has it."""

    def __init__(self, width: int, rows: int) -> None:
        super().__init__()
        self.norm, self.rows = nn.BatchNorm1d(width, momentum=0.02), rows

    def forward(self, x: Tensor) -> Tensor:
        """[B, width]."""
        if not self.training:
            return self.norm(x)
        return torch.cat([self.norm(part) for part in x.split(self.rows)])


class _Block(nn.Module):
    def __init__(self, width: int, heads: int, plain: bool, act: Maker) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.dense = nn.Sequential(nn.Linear(width, 2 * width), act(), nn.Linear(2 * width, width))
        self.before = nn.Identity() if plain else nn.LayerNorm(width)
        self.between = nn.Identity() if plain else nn.LayerNorm(width)
        self.plain = plain

    def forward(self, x: Tensor, hidden: Tensor | None) -> Tensor:
        normed = self.before(x)
        found = self.attention(normed, normed, normed, attn_mask=hidden, need_weights=False)[0]
        if self.plain:
            return self.dense(found)
        x = x + found
        return x + self.dense(self.between(x))


class Attending(nn.Module):
    """A Transformer over words [B, T]: one answer from the mean, or one for `each` place.

    `wordless`: places take the words' place; `tied`: the words' own vectors are the head; `plain`: neither
    norms nor skips.
    """

    def __init__(
        self,
        words: int,
        length: int,
        outputs: int,
        width: int = 16,
        depth: int = 1,
        each: bool = False,
        wordless: bool = False,
        tied: float = 0.0,
        plain: bool = False,
        act: Maker = nn.GELU,
        last: Maker = nn.Identity,
    ) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.places = nn.Parameter(torch.randn(length, width) * 0.1)
        self.blocks = nn.ModuleList(_Block(width, 2, plain, act) for _ in range(depth))
        self.norm = nn.Identity() if plain else nn.LayerNorm(width)
        self.head = nn.Linear(width, outputs, bias=not tied)
        self.each, self.wordless, self.last = each, wordless, last()
        if tied:
            nn.init.normal_(self.embed.weight, std=tied)
            self.head.weight = self.embed.weight
        hidden = torch.ones(length, length, dtype=torch.bool).triu(1)
        self.register_buffer("later", hidden)

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs] or, never looking ahead, [B, T, outputs]."""
        found = self.embed(x)
        found = self.places.expand_as(found) if self.wordless else found + self.places
        for block in self.blocks:
            found = block(found, self.later if self.each else None)
        found = self.norm(found)
        return self.last(self.head(found if self.each else found.mean(1)))
