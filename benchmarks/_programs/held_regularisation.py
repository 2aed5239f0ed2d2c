"""Mistakes of regularisation: too little of it, too much dropout, too much weight decay."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from _programs.held_data_networks import (
    beats,
    demand,
    inked,
    lines,
    products,
    spirals,
    spots,
    sugar,
    topics,
)
from _programs.held_nets_networks import conv_stack, signal_net, stack
from _programs.judging import accuracy, by, explained, informed
from _programs.program import Case, Plan
from _programs.stepping import adam, adamw, sgd

__all__ = ["CASES"]

_CROSS = nn.CrossEntropyLoss()
_HALVED = partial(nn.MaxPool2d, 2)


def _kept(share: float) -> Callable[[int], Sequence[nn.Module]]:
    """Dropout after each activation."""
    return lambda width: (nn.Dropout(share),)


def _channels(share: float) -> Callable[[int], Sequence[nn.Module]]:
    """Whole channels dropped after each activation."""
    return lambda width: (nn.Dropout2d(share),)


def _rmsprop(model: nn.Module, weight_decay: float) -> torch.optim.Optimizer:
    return torch.optim.RMSprop(model.parameters(), lr=5e-3, weight_decay=weight_decay)


class _Doubled(nn.Module):
    """Two layers of GRU with dropout between and behind them, over values or embedded words."""

    def __init__(self, inputs: int, hidden: int, outputs: int, share: float, words: int = 0) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, inputs) if words else nn.Identity()
        self.gru = nn.GRU(inputs, hidden, 2, batch_first=True, dropout=share)
        self.drop = nn.Dropout(share)
        self.head = nn.Linear(hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        return self.head(self.drop(self.gru(self.embed(x))[0][:, -1]))


class _Encoded(nn.Module):
    """A Transformer's encoder over words [B, T]; the highest of all places."""

    def __init__(self, words: int, length: int, width: int, outputs: int, share: float = 0.0) -> None:
        super().__init__()
        self.embed, self.place = nn.Embedding(words, width), nn.Parameter(0.05 * torch.randn(length, width))
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, share, "gelu", batch_first=True)
        self.body = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        return self.head(self.body(self.embed(x) + self.place).amax(1))


_SUGAR = Plan(
    sugar,
    partial(stack, (10, 200, 200, 1)),
    nn.MSELoss(),
    adamw(1e-3, 0.01),
    60,
    by(explained),
    batch_size=24,
)
_FEW = Plan(
    partial(beats, n=300, noise=0.5),
    partial(signal_net, (16, 32, 32), 3),
    _CROSS,
    adam(3e-3),
    60,
    by(informed),
    batch_size=24,
)
_WORDS = Plan(
    partial(topics, n=900),
    partial(_Doubled, 16, 24, 3, 0.0, words=32),
    _CROSS,
    adam(5e-3),
    14,
    by(informed),
    batch_size=24,
)
_SPOTS = Plan(
    partial(spots, n=1200),
    partial(conv_stack, (12, 16), 4, after=_channels(0.05), pool=_HALVED, head=3),
    _CROSS,
    adam(4e-3),
    14,
    by(accuracy),
    batch_size=32,
)
_READ = Plan(
    partial(lines, n=1600),
    partial(_Doubled, 8, 28, 10, 0.1),
    _CROSS,
    adam(6e-3),
    8,
    by(accuracy),
    batch_size=32,
)
_FALL = Plan(
    partial(products, n=2400, width=10),
    partial(stack, (10, 64, 64, 1), nn.GELU, after=_kept(0.03)),
    nn.MSELoss(),
    adam(3e-3),
    16,
    by(explained),
    batch_size=48,
)
_TEXTS = Plan(
    partial(topics, n=2400), partial(_Encoded, 32, 14, 24, 3), _CROSS, adamw(2e-3, 0.01), 5, by(informed)
)
_INK = Plan(
    partial(inked, n=1700), partial(stack, (64, 48, 10)), _CROSS, sgd(0.1, 0.9, 1e-4), 10, by(accuracy), 64
)
_HOURS = Plan(
    demand,
    partial(_Doubled, 1, 20, 3, 0.0),
    nn.MSELoss(),
    partial(_rmsprop, weight_decay=0.0),
    9,
    by(explained),
    batch_size=24,
)
_ARMS = Plan(
    spirals, partial(stack, (2, 40, 40, 3), nn.Tanh), _CROSS, adam(6e-3, weight_decay=1e-5), 24, by(accuracy)
)

CASES: tuple[Case, ...] = (
    Case(
        "diabetes-by-heart",
        "MLP",
        "table",
        "overfitting",
        ("regularisation", "epochs", "architecture"),
        _SUGAR,
        replace(
            _SUGAR,
            net=partial(stack, (10, 200, 200, 1), after=_kept(0.4)),
            optimizer=adamw(1e-3, 0.5),
            epochs=14,
        ),
    ),
    Case(
        "few-noisy-beats-by-heart",
        "CNN",
        "sequence",
        "overfitting",
        ("regularisation", "epochs", "architecture"),
        _FEW,
        replace(
            _FEW,
            net=partial(signal_net, (8, 12, 12), 3, after=_kept(0.3)),
            optimizer=adamw(3e-3, 0.3),
            epochs=45,
        ),
    ),
    Case(
        "few-texts-by-heart",
        "RNN",
        "tokens",
        "overfitting",
        ("regularisation", "epochs", "architecture"),
        _WORDS,
        replace(
            _WORDS, net=partial(_Doubled, 16, 24, 3, 0.5, words=32), optimizer=adamw(5e-3, 0.5), epochs=6
        ),
    ),
    Case(
        "share-kept-taken-for-share-dropped",
        "CNN",
        "image",
        "dropout-too-strong",
        ("regularisation",),
        replace(
            _SPOTS,
            net=partial(
                conv_stack, (12, 16), 4, after=_channels(0.95), pool=partial(nn.MaxPool2d, 2), head=3
            ),
        ),
        _SPOTS,
    ),
    Case(
        "recurrent-dropout-of-nine-tenths",
        "RNN",
        "image",
        "dropout-too-strong",
        ("regularisation",),
        replace(_READ, net=partial(_Doubled, 8, 28, 10, 0.9)),
        _READ,
    ),
    Case(
        "values-through-heavy-dropout",
        "MLP",
        "table",
        "dropout-too-strong",
        ("regularisation",),
        replace(_FALL, net=partial(stack, (10, 64, 64, 1), nn.GELU, after=_kept(0.8))),
        _FALL,
    ),
    Case(
        "encoder-decayed-by-fifty",
        "Transformer",
        "tokens",
        "penalty-too-strong",
        ("regularisation",),
        replace(_TEXTS, optimizer=adamw(2e-3, 50.0)),
        _TEXTS,
    ),
    Case(
        "decay-of-a-fifth-with-momentum",
        "MLP",
        "image",
        "penalty-too-strong",
        ("regularisation",),
        replace(_INK, optimizer=sgd(0.1, 0.9, 0.1)),
        _INK,
    ),
    Case(
        "rmsprop-decayed-by-a-tenth",
        "RNN",
        "sequence",
        "penalty-too-strong",
        ("regularisation",),
        replace(_HOURS, optimizer=partial(_rmsprop, weight_decay=0.1)),
        _HOURS,
    ),
    Case(
        "spirals-decayed-by-a-tenth",
        "MLP",
        "table",
        "penalty-too-strong",
        ("regularisation",),
        replace(_ARMS, optimizer=adam(6e-3, weight_decay=0.1)),
        _ARMS,
    ),
)
