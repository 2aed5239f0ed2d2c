"""Small networks as people write them, without mistakes."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

__all__ = [
    "Attending",
    "Doubled",
    "Heads",
    "Recurring",
    "Residual",
    "Siamese",
    "cnn",
    "mlp",
    "resnet",
]

Maker = Callable[[], nn.Module]


def mlp(
    *widths: int,
    act: Maker = nn.ReLU,
    dropout: float = 0.0,
    norm: bool = False,
    last: Sequence[nn.Module] = (),
) -> nn.Sequential:
    """Linear layers with `act` between them; `last` follows the last one."""
    parts: list[nn.Module] = []
    for k, (entering, leaving) in enumerate(pairwise(widths)):
        parts.append(nn.Linear(entering, leaving))
        if k < len(widths) - 2:
            parts += [nn.BatchNorm1d(leaving)] * norm + [act()] + [nn.Dropout(dropout)] * (dropout > 0)
    return nn.Sequential(*parts, *last)


def cnn(
    classes: int,
    *,
    channels: int = 8,
    size: int = 8,
    norm: bool = False,
    dropout: float = 0.0,
    act: Maker = nn.ReLU,
    last: Sequence[nn.Module] = (),
) -> nn.Sequential:
    """Two convolutions, each halved by pooling, and a linear layer."""
    second, left = 2 * channels, size // 4
    parts: list[nn.Module] = [nn.Conv2d(1, channels, 3, padding=1)]
    parts += [nn.BatchNorm2d(channels)] * norm + [act(), nn.MaxPool2d(2)]
    parts += [nn.Conv2d(channels, second, 3, padding=1)]
    parts += [nn.BatchNorm2d(second)] * norm + [act(), nn.MaxPool2d(2), nn.Flatten()]
    parts += [nn.Dropout(dropout)] * (dropout > 0)
    return nn.Sequential(*parts, nn.Linear(second * left * left, classes), *last)


class Residual(nn.Module):
    """x + f(x), with batch norms."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """[B, channels, ...] to the same."""
        inner = torch.relu(self.norm1(self.first(x)))
        return torch.relu(x + self.norm2(self.second(inner)))


def resnet(classes: int, blocks: int = 2, channels: int = 8) -> nn.Sequential:
    """A convolution, residual blocks, the mean over places, a linear layer."""
    stem = (nn.Conv2d(1, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU())
    body = [Residual(channels) for _ in range(blocks)]
    return nn.Sequential(
        *stem, nn.MaxPool2d(2), *body, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * channels, classes)
    )


class Recurring(nn.Module):
    """LSTM, GRU or plain RNN over [B, T, inputs] (or over embedded tokens [B, T]); says `outputs` numbers
    from the last place, or at `each`.
    """

    def __init__(
        self,
        kind: type[nn.RNNBase],
        inputs: int,
        hidden: int,
        outputs: int,
        *,
        words: int = 0,
        each: bool = False,
        dropout: float = 0.0,
        layers: int = 1,
        act: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, inputs) if words else nn.Identity()
        self.body = kind(inputs, hidden, num_layers=layers, batch_first=True)
        self.drop = nn.Dropout(dropout)
        self.head = nn.Linear(hidden, outputs)
        self.act = act or nn.Identity()
        self.each = each

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs], or [B, T, outputs] at each."""
        found, _ = self.body(self.embed(x))
        return self.act(self.head(self.drop(found if self.each else found[:, -1])))


class Attending(nn.Module):
    """A Transformer's encoder over tokens [B, T]; classes from the mean over places, or at `each` place,
    looking back only unless `ahead`.
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
        each: bool = False,
        ahead: bool = False,
        dropout: float = 0.0,
        batch_first: bool = True,
    ) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.place = nn.Parameter(torch.randn(length, width) * 0.1)
        layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, dropout, batch_first=batch_first, norm_first=True
        )
        self.body = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, outputs)
        self.each, self.ahead = each, ahead
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(length))

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs], or [B, T, outputs] at each."""
        mask = self.mask if self.each and not self.ahead else None
        found = self.norm(self.body(self.embed(x) + self.place, mask=mask))
        return self.head(found if self.each else found.mean(1))


class Siamese(nn.Module):
    """One body for both of a pair [B, 2, D]; says a logit [B, 1] from how far their codes are apart."""

    def __init__(self, inputs: int, hidden: int, code: int) -> None:
        super().__init__()
        self.body = mlp(inputs, hidden, code)
        self.head = nn.Linear(code, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, 1]."""
        first, second = self.body(x[:, 0]), self.body(x[:, 1])
        return self.head((first - second).abs())


class Heads(nn.Module):
    """A body with two heads; says both beside each other: [B, C] logits and [B, 1] of a value."""

    def __init__(self, inputs: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU())
        self.sort, self.size = nn.Linear(hidden, classes), nn.Linear(hidden, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """([B, C], [B, 1])."""
        found = self.body(x)
        return self.sort(found), self.size(found)


class Doubled(nn.Module):
    """Two inputs side by side in one row: each half has a layer of its own."""

    def __init__(self, half: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.half = half
        self.left, self.right = nn.Linear(half, hidden), nn.Linear(half, hidden)
        self.head = mlp(2 * hidden, hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        left, right = torch.relu(self.left(x[:, : self.half])), torch.relu(self.right(x[:, self.half :]))
        return self.head(torch.cat([left, right], 1))
