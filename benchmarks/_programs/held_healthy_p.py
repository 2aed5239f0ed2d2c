"""Trainings without mistakes: tables, pictures, courses and texts, each by means of its own."""

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from _programs.held_losses_outputs import overlap_missing
from _programs.held_nets_records import Former, Reader, Residuals, dense, filters, waves
from _programs.held_plans_records import (
    BEATS,
    BLURRED,
    CELLS,
    HIRES,
    HOUSES,
    LETTERS,
    LOADS,
    MOTIONS_WAVES,
    ROUTES,
    TUMOURS,
)
from _programs.judging import by, explained
from _programs.program import Program
from _programs.stepping import adam, adamw, sgd

__all__ = ["HEALTHY"]


class Subtracting(nn.Module):
    """Finds the noise of a picture, and takes it away."""

    def __init__(self, noise: nn.Module) -> None:
        super().__init__()
        self.noise = noise

    def forward(self, x: Tensor) -> Tensor:
        """[B, 1, H, W] to the same."""
        return x - self.noise(x)


def _subtracting() -> Subtracting:
    return Subtracting(filters(8, act=nn.ELU))


def _adagrad(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adagrad(model.parameters(), lr=0.03)


def _nine_of_ten(outputs: Tensor, targets: Tensor) -> Tensor:
    """Two outputs: half of the prices are to be below the first, nine of ten below the second."""
    error = targets - outputs
    return torch.maximum(error * torch.tensor([0.5, 0.9]), error * torch.tensor([-0.5, -0.1])).mean()


def _middle(outputs: Tensor, targets: Tensor) -> float:
    return explained(outputs[:, :1], targets)


def _overlapping(outputs: Tensor, targets: Tensor) -> Tensor:
    """Each place's cross-entropy, and what the masks' overlap lacks."""
    return F.binary_cross_entropy_with_logits(outputs, targets) + overlap_missing(outputs, targets)


def _smoothed(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of letters, a twentieth of which is spread over the alphabet."""
    return F.cross_entropy(outputs.transpose(1, 2), targets, label_smoothing=0.05)


HEALTHY = (
    Program(
        "tumours-in-batches-of-eight",
        "MLP",
        "table",
        build=replace(
            TUMOURS,
            net=partial(dense, 30, 24, 12, 1, act=nn.SiLU, drop=0.2),
            optimizer=adamw(1e-3),
            epochs=12,
            batch_size=8,
        ),
    ),
    Program("hires-as-counts", "MLP", "table", build=HIRES),
    Program(
        "prices-and-their-upper-end",
        "MLP",
        "table",
        build=replace(
            HOUSES,
            net=partial(Residuals, 6, 24, 2, blocks=1),
            loss=_nine_of_ten,
            judge=by(_middle),
            optimizer=adam(4e-3),
        ),
    ),
    Program(
        "masks-by-overlap", "CNN", "image", build=replace(CELLS, loss=_overlapping, batch_size=10, epochs=10)
    ),
    Program(
        "noise-taken-away",
        "CNN",
        "image",
        build=replace(BLURRED, net=_subtracting, optimizer=adam(3e-3), batch_size=20),
    ),
    Program(
        "motions-by-convolutions",
        "CNN",
        "sequence",
        build=replace(
            MOTIONS_WAVES, net=partial(waves, 3, 4, act=nn.GELU), optimizer=_adagrad, epochs=25, batch_size=16
        ),
    ),
    Program("beats-marked", "RNN", "sequence", build=BEATS),
    Program(
        "routes-with-nesterov",
        "RNN",
        "sequence",
        build=replace(
            ROUTES, net=partial(Reader, nn.LSTM, 2, 16, 2), optimizer=sgd(0.05, 0.9, nesterov=True), epochs=25
        ),
    ),
    Program(
        "loads-by-hubers-loss",
        "Transformer",
        "sequence",
        build=replace(
            LOADS,
            net=partial(Former, 1, 24, 6, width=16, heads=2, drop=0.05),
            loss=nn.HuberLoss(),
            optimizer=adamw(4e-3),
            batch_size=48,
            epochs=20,
        ),
    ),
    Program(
        "next-letters",
        "Transformer",
        "tokens",
        build=replace(LETTERS, loss=_smoothed, optimizer=adamw(3e-3), batch_size=20, epochs=20),
    ),
)
