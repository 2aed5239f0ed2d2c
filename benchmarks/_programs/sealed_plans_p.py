"""Networks and trainings without a mistake, over fields, dials, engines, rivers and reviews."""

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

from _programs.judging import accuracy, by, explained, foretold, sided
from _programs.losses import places
from _programs.program import Plan
from _programs.sealed_data_p import (
    biopsies,
    crops,
    dials,
    engines,
    glyphs,
    loans,
    melodies,
    minerals,
    numbers,
    recipes,
    reviews,
    rivers,
    visits,
)
from _programs.stepping import adam, adamw, rmsprop, sgd

__all__ = [
    "BIOPSIES",
    "CROPS",
    "DIALS",
    "ENGINES",
    "GLYPHS",
    "LOANS",
    "MELODIES",
    "MINERALS",
    "NUMBERS",
    "RECIPES",
    "REVIEWS",
    "RIVERS",
    "VISITS",
    "Attending",
    "Ear",
    "Lens",
    "Memory",
    "counted",
    "he",
    "layers",
    "weighed",
]

Maker = Callable[[], nn.Module]


def layers(
    *widths: int,
    act: Maker = nn.ReLU,
    norm: Callable[[int], nn.Module] | None = None,
    drop: float = 0.0,
    last: Maker | None = None,
) -> nn.Sequential:
    """Linear layers with norm, activation and dropout between them."""
    parts: list[nn.Module] = []
    for entering, leaving in pairwise(widths[:-1]):
        parts += [nn.Linear(entering, leaving), *([norm(leaving)] if norm else []), act()]
        parts += [nn.Dropout(drop)] if drop else []
    return nn.Sequential(*parts, nn.Linear(*widths[-2:]), *([last()] if last else []))


class Lens(nn.Sequential):
    """Convolutions for [B, C, S, S], the second and the fourth with stride 2, and a head of two layers."""

    def __init__(
        self,
        channels: int,
        size: int,
        outputs: int,
        filters: int = 10,
        depth: int = 4,
        act: Maker = nn.ReLU,
        norm: Callable[[int], nn.Module] | None = None,
        last: Maker | None = None,
    ) -> None:
        parts: list[nn.Module] = []
        for layer in range(depth):
            stride = 2 if layer in (1, 3) else 1
            size = -(-size // stride)
            parts += [nn.Conv2d(filters if layer else channels, filters, 3, stride, 1)]
            parts += [*([norm(filters)] if norm else []), act()]
        parts += [nn.Flatten(), nn.Linear(filters * size**2, 32), act(), nn.Linear(32, outputs)]
        super().__init__(*parts, *([last()] if last else []))


class Ear(nn.Module):
    """Dilated convolutions along [B, T, C] with batch norms, and the mean of the states."""

    def __init__(self, channels: int, outputs: int, filters: int = 16, act: Maker = nn.ReLU) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        for layer, wide in enumerate((1, 2, 4)):
            entering = filters if layer else channels
            parts += [nn.Conv1d(entering, filters, 3, padding=wide, dilation=wide)]
            parts += [nn.BatchNorm1d(filters), act()]
        self.body = nn.Sequential(*parts)
        self.head = nn.Linear(filters, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        return self.head(self.body(x.transpose(1, 2)).mean(-1))


class Memory(nn.Module):
    """A recurrent layer of a `kind` over values [B, T, inputs] or words [B, T], and a head on its end."""

    def __init__(
        self,
        kind: Callable[..., nn.Module],
        inputs: int,
        hidden: int,
        outputs: int,
        words: int = 0,
        both: bool = False,
        last: Maker = nn.Identity,
    ) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, inputs) if words else nn.Identity()
        self.rnn = kind(inputs, hidden, batch_first=True, bidirectional=both)
        self.head = nn.Sequential(nn.Linear(hidden * (1 + both), outputs), last())
        self.both = both

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        states, _ = self.rnn(self.embed(x))
        return self.head(states.mean(1) if self.both else states[:, -1])


class Attending(nn.Module):
    """A Transformer's encoder with learnt places over words [B, T] or values [B, T, inputs]; says `outputs`
    from the mean, or at `each` place, where later places are hidden. Its rows are the first axis for its
    layers only if `batch_first`.
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
        batch_first: bool = True,
        last: Maker = nn.Identity,
    ) -> None:
        super().__init__()
        self.enter = nn.Embedding(words, width) if words else nn.Linear(inputs, width)
        self.places = nn.Parameter(0.1 * torch.randn(length, width))
        self.register_buffer("mask", torch.full((length, length), -math.inf).triu(1))
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, 0.0, batch_first=batch_first, norm_first=True)
        self.body = nn.TransformerEncoder(layer, depth, nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Sequential(nn.Linear(width, outputs), last())
        self.each = each

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs], or [B, T, outputs] at each."""
        states = self.body(self.enter(x) + self.places, mask=self.mask if self.each else None)
        return self.head(states if self.each else states.mean(1))


def he(model: nn.Module) -> None:
    """He's weights for linear layers and convolutions, biases 0."""
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)


def counted(outputs: Tensor, targets: Tensor) -> float:
    """Share of the counts' variance that the exponential of the outputs explains."""
    return explained(outputs.clamp_max(15.0).exp(), targets)


def weighed(outputs: Tensor, targets: Tensor) -> float:
    """Share of the variance explained of targets that were not scaled, by outputs of whatever shape."""
    return explained(outputs.expand(targets.shape), targets)


_CROSS, _SQUARES, _YES = nn.CrossEntropyLoss(), nn.MSELoss(), nn.BCEWithLogitsLoss()

CROPS = Plan(crops, partial(layers, 6, 48, 24, 1), _SQUARES, adam(3e-3), 25, by(explained), 32)
LOANS = Plan(loans, partial(layers, 6, 32, 16, 1), _YES, adam(5e-3), 20, by(sided), 32)
MINERALS = Plan(minerals, partial(layers, 8, 48, 32, 5), _CROSS, adam(3e-3), 20, by(accuracy), 32)
VISITS = Plan(
    visits, partial(layers, 5, 48, 24, 1, act=nn.SiLU), nn.PoissonNLLLoss(), adam(4e-3), 25, by(counted), 32
)
BIOPSIES = Plan(biopsies, partial(layers, 30, 16, 2), _CROSS, sgd(0.01, 0.9), 25, by(accuracy), 16)
NUMBERS = Plan(numbers, partial(Lens, 1, 8, 10, depth=2), _CROSS, sgd(0.05, 0.9), 15, by(accuracy), 32)
GLYPHS = Plan(glyphs, partial(Lens, 1, 12, 6), _CROSS, adam(2e-3), 12, by(accuracy), 32)
DIALS = Plan(dials, partial(Lens, 1, 12, 2, depth=3), _SQUARES, adam(3e-3), 15, by(explained), 32)
ENGINES = Plan(engines, partial(Memory, nn.GRU, 2, 24, 4), _CROSS, adam(1e-2), 15, by(accuracy), 32)
RIVERS = Plan(rivers, partial(Memory, nn.LSTM, 2, 24, 1), _SQUARES, adam(1e-2), 20, by(explained), 32)
REVIEWS = Plan(reviews, partial(Attending, 12, 2, words=50), _CROSS, adamw(2e-3), 10, by(accuracy), 32)
RECIPES = Plan(
    recipes, partial(Memory, nn.GRU, 12, 24, 4, words=40, both=True), _YES, rmsprop(5e-3), 15, by(sided), 32
)
MELODIES = Plan(
    melodies, partial(Attending, 16, 12, width=32, words=12, each=True), places, adam(5e-3), 25, foretold, 16
)
