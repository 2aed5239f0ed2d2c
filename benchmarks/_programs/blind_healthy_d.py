"""Trainings without a mistake: everyday ones, and unusual ones that are right."""

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from _programs.blind_data_d import figures, nodules, stripes
from _programs.blind_plans_d import (
    ARMS,
    BEATS,
    CARS,
    CROPS,
    FRAUDS,
    GENES,
    GRAINS,
    LOANS,
    MELODIES,
    MIXES,
    PATCHES,
    PICTURES,
    REVIEWS,
    SPIRALS,
    STRIPES,
    SUMS,
    TOPICS,
    VISITS,
    WEATHER,
    Attend,
    Bag,
    Recall,
    mlp,
)
from _programs.judging import by, copied, probable
from _programs.program import Plan, Program, Rows
from _programs.stepping import adam, adamw, lbfgs, rmsprop, sgd

__all__ = ["HEALTHY"]


class _Skips(nn.Module):
    """Residual blocks behind layer norms, as in Transformers but without attention."""

    def __init__(self, inputs: int, width: int, outputs: int, blocks: int) -> None:
        super().__init__()
        self.enter = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))
            for _ in range(blocks)
        )
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """[B, inputs] to [B, outputs]."""
        x = self.enter(x)
        for block in self.blocks:
            x = x + block(x)
        return self.leave(x)


class _Stages(nn.Module):
    """Convolutions with batch norms and strides, the mean over the picture, a linear layer."""

    def __init__(self, outputs: int, width: int = 8) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for a, b, stride in ((1, width, 1), (width, 2 * width, 2), (2 * width, 2 * width, 1)):
            layers += [
                nn.Conv2d(a, b, 3, stride=stride, padding=1, bias=False),
                nn.BatchNorm2d(b),
                nn.ReLU(),
            ]
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(2 * width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, 1, H, W] to [B, outputs]."""
        return self.head(self.body(x))


class _Notes(nn.Module):
    """The next note by a GRU; the embedding is also the last layer's weight."""

    def __init__(self, notes: int, width: int) -> None:
        super().__init__()
        self.embed, self.rnn = nn.Embedding(notes, width), nn.GRU(width, width, batch_first=True)
        self.bias = nn.Parameter(torch.zeros(notes))
        nn.init.normal_(self.embed.weight, std=0.3)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T] to [B, T, notes]."""
        return F.linear(self.rnn(self.embed(x))[0], self.embed.weight, self.bias)


def _copies(seed: int) -> Rows:
    """Figures that are their own targets."""
    rows = figures(seed)
    return Rows(*((x, x) for x, _ in (rows.train, rows.valid, rows.test)))


def _dice_and_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Dice's loss and cross-entropy of masks, half and half."""
    said = outputs.sigmoid()
    overlap = (2 * (said * targets).sum() + 1) / (said.sum() + targets.sum() + 1)
    return 0.5 * (1 - overlap) + 0.5 * F.binary_cross_entropy_with_logits(outputs, targets)


_NODULES = Plan(
    nodules,
    lambda: nn.Sequential(
        nn.Linear(30, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Dropout(0.1), nn.Linear(24, 1), nn.Sigmoid()
    ),
    nn.BCELoss(),
    sgd(0.01, 0.9, weight_decay=1e-3),
    25,
    by(probable),
    32,
)

HEALTHY: tuple[Program, ...] = (
    Program("concrete-by-three-layers", "MLP", "table", build=MIXES),
    Program(
        "used-cars-by-a-robust-loss",
        "MLP",
        "table",
        build=replace(CARS, loss=nn.HuberLoss(), net=partial(mlp, 6, 48, 24, 1, act=nn.SiLU)),
    ),
    Program("frauds-weighed-by-their-rarity", "MLP", "table", build=FRAUDS),
    Program("nodules-by-probabilities", "MLP", "table", build=_NODULES),
    Program("visits-by-their-logarithms", "MLP", "table", build=VISITS),
    Program(
        "crops-by-twelve-residual-layers",
        "MLP",
        "table",
        build=replace(CROPS, net=partial(_Skips, 7, 24, 5, 6), optimizer=adamw(1e-3), epochs=12),
    ),
    Program(
        "spirals-by-leaky-units-and-rmsprop",
        "MLP",
        "table",
        build=replace(
            SPIRALS, net=partial(mlp, 2, 48, 48, 3, act=nn.LeakyReLU), optimizer=rmsprop(2e-3), epochs=40
        ),
    ),
    Program(
        "arms-by-quasi-newton-steps",
        "MLP",
        "table",
        build=replace(
            ARMS,
            net=partial(mlp, 3, 24, 2, act=nn.Tanh),
            optimizer=lbfgs(),
            epochs=40,
            batch_size=1000,
        ),
    ),
    Program(
        "figures-through-twenty-numbers",
        "MLP",
        "table",
        build=Plan(_copies, partial(mlp, 64, 64, 20, 64, 64), nn.MSELoss(), adam(3e-3), 40, by(copied), 32),
    ),
    Program(
        "loans-with-smoothed-answers",
        "MLP",
        "table",
        build=replace(
            LOANS,
            loss=lambda o, y: F.binary_cross_entropy_with_logits(o, 0.9 * y + 0.05),
            net=partial(mlp, 7, 32, 1, act=nn.ELU),
            optimizer=adamw(3e-3, 0.05),
            epochs=25,
        ),
    ),
    Program(
        "pathways-by-wide-gelus",
        "MLP",
        "table",
        build=replace(GENES, net=partial(mlp, 12, 96, 5, act=nn.GELU), optimizer=adamw(3e-3)),
    ),
    Program("handwriting-by-two-convolutions", "CNN", "image", build=replace(PICTURES, epochs=16)),
    Program(
        "fabrics-by-strides-and-batch-norms",
        "CNN",
        "image",
        build=replace(
            STRIPES,
            rows=partial(stripes, n=1400),
            net=partial(_Stages, 4),
            optimizer=sgd(0.05, 0.9, weight_decay=5e-4),
        ),
    ),
    Program("patches-by-dice-and-entropy", "CNN", "image", build=replace(PATCHES, loss=_dice_and_entropy)),
    Program(
        "grains-by-absolute-errors",
        "CNN",
        "image",
        build=replace(GRAINS, loss=nn.L1Loss(), optimizer=adam(1e-3), epochs=25),
    ),
    Program("heartbeats-by-convolutions", "CNN", "sequence", build=BEATS),
    Program(
        "forecast-by-long-memory",
        "RNN",
        "sequence",
        build=replace(WEATHER, net=partial(Recall, nn.LSTM, 3, 24, 1), epochs=20, batch_size=64),
    ),
    Program("reviews-by-gates", "RNN", "tokens", build=REVIEWS),
    Program(
        "notes-by-a-tied-embedding",
        "RNN",
        "tokens",
        build=replace(MELODIES, net=partial(_Notes, 8, 24), optimizer=adam(6e-3), epochs=15),
    ),
    Program("next-note-behind-a-mask", "Transformer", "tokens", build=MELODIES),
    Program(
        "subjects-by-attention",
        "Transformer",
        "tokens",
        build=replace(TOPICS, net=partial(Attend, 18, 4, words=60), optimizer=adamw(3e-3), epochs=15),
    ),
    Program(
        "forecast-by-attention",
        "Transformer",
        "sequence",
        build=replace(
            WEATHER, net=partial(Attend, 20, 1, inputs=3, last=True), optimizer=adam(3e-3), epochs=15
        ),
    ),
    Program(
        "coins-by-a-sum-of-embeddings",
        "MLP",
        "tokens",
        build=replace(SUMS, net=partial(Bag, 9, 16, 32, 1), optimizer=adam(3e-3), epochs=25),
    ),
)
