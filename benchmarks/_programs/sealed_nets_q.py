"""Networks: stacks of linear layers, small convolutional, recurrent and attending ones."""

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

__all__ = ["Attending", "Filters", "Waves", "Winding", "stack"]

Maker = Callable[[], nn.Module]
Order = Literal["norm-act-drop", "drop-norm-act"]


def stack(
    *widths: int,
    act: Maker = nn.ReLU,
    norm: Callable[[int], nn.Module] | None = None,
    drop: float = 0.0,
    order: Order = "norm-act-drop",
) -> nn.Sequential:
    """Linear layers; between them norm, activation and dropout in one `order` or the other."""
    parts: list[nn.Module] = [nn.Flatten()]
    pairs = list(pairwise(widths))
    for place, (entering, leaving) in enumerate(pairs, start=1):
        parts.append(nn.Linear(entering, leaving))
        if place < len(pairs):
            normed = [norm(leaving)] if norm else []
            dropped = [nn.Dropout(drop)] if drop else []
            parts += [*normed, act(), *dropped] if order == "norm-act-drop" else [*dropped, *normed, act()]
    return nn.Sequential(*parts)


class Filters(nn.Module):
    """Two or three convolutions with norms, the mean over the picture or all of it, a linear head."""

    def __init__(
        self,
        channels: int,
        size: int,
        outputs: int,
        width: int = 12,
        norm: bool = True,
        act: Maker = nn.ReLU,
        drop: float = 0.0,
    ) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        for entering, leaving in ((channels, width), (width, 2 * width)):
            parts.append(nn.Conv2d(entering, leaving, 3, padding=1))
            parts += [nn.BatchNorm2d(leaving)] if norm else []
            parts += [act(), nn.MaxPool2d(2)]
        self.body = nn.Sequential(*parts)
        self.head = nn.Sequential(
            nn.Flatten(), nn.Dropout(drop), nn.Linear(2 * width * (size // 4) ** 2, outputs)
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, S, S] to [B, outputs]."""
        return self.head(self.body(x))


class Waves(nn.Module):
    """Convolutions along time over [B, T, C], their mean over time, a linear head."""

    def __init__(self, channels: int, outputs: int, width: int = 16) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(channels, width, 5, padding=2),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Conv1d(width, 2 * width, 3, padding=1),
            nn.BatchNorm1d(2 * width),
            nn.ReLU(),
        )
        self.head = nn.Linear(2 * width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, C] to [B, outputs]."""
        return self.head(self.body(x.transpose(1, 2)).mean(-1))


class Winding(nn.Module):
    """A recurrent layer over values [B, T, C] or words [B, T]; outputs of the last state or of each."""

    def __init__(
        self,
        cell: Callable[..., nn.Module],
        entering: int,
        width: int,
        outputs: int,
        words: int = 0,
        each: bool = False,
        drop: float = 0.0,
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(words, entering) if words else nn.Identity()
        self.cell = cell(entering, width, batch_first=True)
        self.drop = nn.Dropout(drop)
        self.head = nn.Linear(width, outputs)
        self.each = each

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs], or [B, T, outputs] if `each`."""
        states, _ = self.cell(self.words(x))
        return self.head(self.drop(states if self.each else states[:, -1]))


class Attending(nn.Module):
    """Words and places embedded, PyTorch's encoder layers, the mean or each place to a linear head."""

    def __init__(
        self,
        words: int,
        length: int,
        width: int,
        outputs: int,
        layers: int = 1,
        each: bool = False,
        causal: bool = False,
        drop: float = 0.0,
    ) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(words, width), nn.Embedding(length, width)
        self.body = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(width, 4, 2 * width, drop, batch_first=True, norm_first=True),
            layers,
            enable_nested_tensor=False,
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, outputs)
        self.each, self.causal = each, causal

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs], or [B, T, outputs] if `each`."""
        length = x.shape[1]
        inner = self.words(x) + self.places(torch.arange(length))
        mask = nn.Transformer.generate_square_subsequent_mask(length) if self.causal else None
        states = self.norm(self.body(inner, mask=mask, is_causal=self.causal))
        return self.head(states if self.each else states.mean(1))
