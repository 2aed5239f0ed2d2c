"""Networks for everyday trainings, as people write them, without mistakes."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

__all__ = ["Codec", "ConvNet", "Dense", "Grown", "Reader", "Tagger", "TextEncoder", "WaveNet"]

Maker = Callable[[], nn.Module]
Norm = Callable[[int], nn.Module]


class Dense(nn.Module):
    """Layers of equal width for tables: linear, norm, activation, dropout."""

    def __init__(
        self,
        inputs: int,
        width: int,
        outputs: int,
        *,
        depth: int = 2,
        act: Maker = nn.ReLU,
        norm: Norm | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for k in range(depth):
            layers.append(nn.Linear(inputs if k == 0 else width, width))
            layers += [norm(width)] if norm else []
            layers += [act()] + [nn.Dropout(dropout)] * (dropout > 0)
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        return self.head(self.body(x))


class ConvNet(nn.Module):
    """Two convolutions with a pooling between, the largest in each of few fields, a hidden layer, classes."""

    def __init__(
        self,
        outputs: int,
        *,
        channels: int = 12,
        act: Maker = nn.ReLU,
        norm: Norm | None = None,
        dropout: float = 0.0,
        left: int = 2,
    ) -> None:
        super().__init__()
        wide = 2 * channels
        norms = [[norm(channels)], [norm(wide)]] if norm else [[], []]
        self.features = nn.Sequential(
            nn.Conv2d(1, channels, 3, padding=1),
            *norms[0],
            act(),
            nn.MaxPool2d(2),
            nn.Conv2d(channels, wide, 3, padding=1),
            *norms[1],
            act(),
            nn.AdaptiveMaxPool2d(left),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(wide * left * left, 32),
            act(),
            nn.Dropout(dropout) if dropout else nn.Identity(),
            nn.Linear(32, outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        return self.classifier(self.features(x))


class WaveNet(nn.Module):
    """Convolutions along time over [B, T, channels], the largest over time, a linear layer."""

    def __init__(
        self,
        channels: int,
        outputs: int,
        *,
        width: int = 24,
        act: Maker = nn.ReLU,
        norm: Norm | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.first = nn.Conv1d(channels, width, 5, padding=2)
        self.second = nn.Conv1d(width, width, 5, padding=2)
        self.norms = nn.ModuleList([norm(width) if norm else nn.Identity() for _ in range(2)])
        self.act, self.drop = act(), nn.Dropout(dropout)
        self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        x = self.act(self.norms[0](self.first(x.transpose(1, 2))))
        x = self.act(self.norms[1](self.second(x)))
        return self.head(self.drop(x.amax(-1)))


class Reader(nn.Module):
    """A recurrent network over [B, T, inputs], or over tokens; the last state goes through a dropout."""

    def __init__(
        self,
        kind: type[nn.LSTM] | type[nn.GRU],
        inputs: int,
        hidden: int,
        outputs: int,
        *,
        words: int = 0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(words, inputs) if words else None
        self.rnn = kind(inputs, hidden, batch_first=True)
        self.drop = nn.Dropout(dropout)
        self.out = nn.Linear(hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        states, _ = self.rnn(x if self.words is None else self.words(x))
        return self.out(self.drop(states[:, -1]))


class Tagger(nn.Module):
    """Says something at every place of a text [B, T]; reads from both sides if `both`."""

    def __init__(
        self,
        kind: type[nn.LSTM] | type[nn.GRU],
        words: int,
        size: int,
        hidden: int,
        tags: int,
        *,
        both: bool = True,
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(words, size)
        self.rnn = kind(size, hidden, batch_first=True, bidirectional=both)
        self.out = nn.Linear(hidden * (2 if both else 1), tags)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, tags]."""
        return self.out(self.rnn(self.words(x))[0])


class TextEncoder(nn.Module):
    """A Transformer's encoder with a learnt first token, from which the classes are read."""

    def __init__(
        self,
        words: int,
        length: int,
        outputs: int,
        *,
        width: int = 24,
        heads: int = 3,
        layers: int = 1,
        dropout: float = 0.0,
        first: bool = True,
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.first = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.places = nn.Parameter(torch.randn(1, length + 1, width) * 0.02)
        block = nn.TransformerEncoderLayer(
            width, heads, 2 * width, dropout, activation="gelu", batch_first=True, norm_first=first
        )
        self.encoder = nn.TransformerEncoder(block, layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        found = torch.cat([self.first.expand(len(x), -1, -1), self.words(x)], 1) + self.places
        return self.head(self.norm(self.encoder(found))[:, 0])


class Codec(nn.Module):
    """An autoencoder of rows."""

    def __init__(self, size: int, hidden: int, code: int, *, act: Maker = nn.ReLU) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(size, hidden), act(), nn.Linear(hidden, code))
        self.decoder = nn.Sequential(nn.Linear(code, hidden), act(), nn.Linear(hidden, size))

    def forward(self, x: Tensor) -> Tensor:
        """As x."""
        return self.decoder(self.encoder(x))


class Grown(nn.Module):
    """A deep network for tables: the same layer again and again, with a norm in each if there is one."""

    def __init__(self, inputs: int, width: int, outputs: int, depth: int, norm: Norm | None = None) -> None:
        super().__init__()
        self.stem = nn.Linear(inputs, width)
        self.layers = nn.ModuleList([nn.Linear(width, width) for _ in range(depth)])
        self.norms = nn.ModuleList([norm(width) if norm else nn.Identity() for _ in range(depth)])
        self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        x = torch.relu(self.stem(x))
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = torch.relu(norm(layer(x)))
        return self.head(x)
