"""Networks for the programs on data, labels, losses and outputs."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

__all__ = ["Former", "Reader", "Residuals", "Tagger", "convs", "dense", "filters", "lines", "waves"]

Maker = Callable[[], nn.Module]


def dense(
    *widths: int, act: Maker = nn.ReLU, drop: float = 0.0, norm: bool = False, last: Sequence[Maker] = ()
) -> nn.Sequential:
    """Linear layers, each but the last with a layer norm or none, `act` and dropout or none; then `last`."""
    parts: list[nn.Module] = []
    for entering, leaving in pairwise(widths[:-1]):
        parts += [nn.Linear(entering, leaving)] + [nn.LayerNorm(leaving)] * norm + [act()]
        parts += [nn.Dropout(drop)] * (drop > 0)
    return nn.Sequential(*parts, nn.Linear(widths[-2], widths[-1]), *(make() for make in last))


class Residuals(nn.Module):
    """A table's columns through blocks x + f(norm(x))."""

    def __init__(self, inputs: int, width: int, outputs: int, blocks: int = 2) -> None:
        super().__init__()
        self.enter = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
            for _ in range(blocks)
        )
        self.leave = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        x = self.enter(x)
        for block in self.blocks:
            x = x + block(x)
        return self.leave(x)


def convs(
    outputs: int,
    size: int,
    *,
    width: int = 8,
    act: Maker = nn.ReLU,
    norm: bool = False,
    drop: float = 0.0,
    last: Sequence[Maker] = (),
) -> nn.Sequential:
    """Two convolutions with strides instead of pooling, one layer between, the outputs; then `last`."""
    left = (size + 3) // 4
    parts: list[nn.Module] = [nn.Conv2d(1, width, 5, stride=2, padding=2)]
    parts += [nn.BatchNorm2d(width)] * norm + [act(), nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)]
    parts += [nn.BatchNorm2d(2 * width)] * norm + [act(), nn.Flatten(), nn.Linear(2 * width * left**2, 32)]
    parts += [act()] + [nn.Dropout(drop)] * (drop > 0)
    return nn.Sequential(*parts, nn.Linear(32, outputs), *(make() for make in last))


def filters(width: int = 8, act: Maker = nn.ReLU, last: Sequence[Maker] = ()) -> nn.Sequential:
    """Three convolutions that keep the picture's size, from one channel to one; then `last`."""
    return nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1),
        act(),
        nn.Conv2d(width, width, 3, padding=1),
        act(),
        nn.Conv2d(width, 1, 3, padding=1),
        *(make() for make in last),
    )


def lines(width: int = 8) -> nn.Sequential:
    """Filters as wide as ten places of a row, the strongest answer of each anywhere, one logit."""
    return nn.Sequential(
        nn.Conv2d(1, width, (1, 10)),
        nn.LeakyReLU(0.1),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Linear(width, 8),
        nn.LeakyReLU(0.1),
        nn.Linear(8, 1),
    )


class Turned(nn.Module):
    """[B, T, C] to [B, C, T]."""

    def forward(self, x: Tensor) -> Tensor:
        """Places last."""
        return x.transpose(1, 2)


def waves(channels: int, outputs: int, width: int = 12, act: Maker = nn.ReLU) -> nn.Sequential:
    """Convolutions over time [B, T, channels], their mean over all places, the outputs."""
    return nn.Sequential(
        Turned(),
        nn.Conv1d(channels, width, 5, padding=2),
        act(),
        nn.Conv1d(width, width, 5, padding=2, stride=2),
        act(),
        nn.AdaptiveAvgPool1d(4),
        nn.Flatten(),
        nn.Linear(4 * width, outputs),
    )


class Reader(nn.Module):
    """A recurrent network over [B, T, inputs], or embedded words [B, T]; its states' mean and last one are
    read together by `last` after a linear layer.
    """

    def __init__(
        self,
        kind: type[nn.GRU] | type[nn.LSTM],
        inputs: int,
        hidden: int,
        outputs: int,
        *,
        words: int = 0,
        last: Sequence[Maker] = (),
    ) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, inputs) if words else nn.Identity()
        self.core = kind(inputs, hidden, batch_first=True)
        self.head = nn.Sequential(nn.Linear(2 * hidden, outputs), *(make() for make in last))

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        states, _ = self.core(self.embed(x))
        return self.head(torch.cat([states.mean(1), states[:, -1]], 1))


class Tagger(nn.Module):
    """Reads [B, T, inputs], or embedded words [B, T], from both sides (or from the left); says `outputs`
    numbers at every place.
    """

    def __init__(
        self,
        kind: type[nn.GRU] | type[nn.LSTM],
        inputs: int,
        hidden: int,
        outputs: int,
        *,
        words: int = 0,
        both: bool = True,
        last: Sequence[Maker] = (),
    ) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, inputs) if words else nn.Identity()
        self.core = kind(inputs, hidden, batch_first=True, bidirectional=both)
        self.head = nn.Sequential(nn.Linear(hidden * (1 + both), outputs), *(make() for make in last))

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, outputs]."""
        return self.head(self.core(self.embed(x))[0])


class Former(nn.Module):
    """A Transformer over [B, T, inputs], or words [B, T]; says `outputs` numbers of the whole, or at `each`
    place looking back only, or both ways where `ahead`.
    """

    def __init__(
        self,
        inputs: int,
        length: int,
        outputs: int,
        *,
        words: int = 0,
        width: int = 24,
        heads: int = 4,
        layers: int = 1,
        each: bool = False,
        ahead: bool = False,
        drop: float = 0.0,
        last: Sequence[Maker] = (),
    ) -> None:
        super().__init__()
        self.enter = nn.Embedding(words, width) if words else nn.Linear(inputs, width)
        self.places = nn.Parameter(0.1 * torch.randn(length, width))
        layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, drop, "gelu", batch_first=True, norm_first=True
        )
        self.body = nn.TransformerEncoder(layer, layers, nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Sequential(nn.Linear(width, outputs), *(make() for make in last))
        self.each = each
        later = torch.triu(torch.ones(length, length, dtype=torch.bool), 1)
        self.register_buffer("later", later if each and not ahead else None)

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs], or [B, T, outputs]."""
        found = self.body(self.enter(x) + self.places, mask=self.later)
        return self.head(found if self.each else found.mean(1))
