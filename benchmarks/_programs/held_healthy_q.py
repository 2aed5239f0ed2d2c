"""Trainings without mistakes: all kinds of networks over small tables, images, signals and texts."""

from functools import partial

import torch
from torch import Tensor, nn

from _programs.held_data_networks import (
    arm,
    beats,
    curves,
    demand,
    inked,
    lines,
    nested,
    rules,
    spirals,
    spots,
    stripes,
    topics,
    tumours,
    waveforms,
)
from _programs.held_nets_networks import (
    Averaged,
    CodeCopier,
    GatedReader,
    LineReader,
    PaddedReader,
    Tagger,
    conv_stack,
    signal_net,
    stack,
)
from _programs.judging import accuracy, by, copied, explained, sided
from _programs.losses import places, smoothed
from _programs.program import Plan, Program
from _programs.stepping import adam, adamw, rmsprop, sgd

__all__ = ["HEALTHY"]

_CROSS = nn.CrossEntropyLoss()


def _tagged(outputs: Tensor, targets: Tensor) -> float:
    return accuracy(outputs.flatten(0, 1), targets.flatten())


def _adagrad(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adagrad(model.parameters(), lr=0.05)


def _body_slower(model: nn.Module) -> torch.optim.Optimizer:
    """AdamW whose last layer has three times the rate of the others."""
    assert isinstance(model, nn.Sequential)
    groups = [{"params": model[:-1].parameters()}, {"params": model[-1].parameters(), "lr": 6e-3}]
    return torch.optim.AdamW(groups, lr=2e-3, weight_decay=0.02)


class _Forecaster(nn.Module):
    """A GRU over [B, T, 1]; what it says is added to the last value seen."""

    def __init__(self, hidden: int, outputs: int) -> None:
        super().__init__()
        self.gru = nn.GRU(1, hidden, batch_first=True)
        self.head = nn.Linear(hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        return x[:, -1] + self.head(self.gru(x)[0][:, -1])


HEALTHY: tuple[Program, ...] = (
    Program(
        "tumours-adamw",
        "MLP",
        "table",
        build=Plan(
            tumours,
            partial(stack, (30, 12, 1), nn.GELU, after=lambda width: (nn.Dropout(0.2),)),
            nn.BCEWithLogitsLoss(),
            adamw(2e-3, 0.1),
            16,
            by(sided),
            batch_size=16,
        ),
    ),
    Program(
        "spirals-layer-norms",
        "MLP",
        "table",
        build=Plan(
            spirals,
            partial(stack, (2, 48, 48, 48, 3), nn.SiLU, before=lambda width: (nn.LayerNorm(width),)),
            _CROSS,
            adam(3e-3),
            16,
            by(accuracy),
        ),
    ),
    Program(
        "arm-of-tanhs",
        "MLP",
        "table",
        build=Plan(
            arm, partial(stack, (3, 48, 48, 2), nn.Tanh), nn.MSELoss(), sgd(0.05, 0.9), 20, by(explained)
        ),
    ),
    Program(
        "rules-batch-norm",
        "MLP",
        "table",
        build=Plan(
            partial(rules, n=3000),
            partial(stack, (10, 64, 32, 4), nn.LeakyReLU, before=lambda width: (nn.BatchNorm1d(width),)),
            nn.BCEWithLogitsLoss(),
            _body_slower,
            12,
            by(sided),
            batch_size=64,
        ),
    ),
    Program(
        "curves-copied",
        "MLP",
        "sequence",
        build=Plan(
            curves, partial(CodeCopier, 24, 32, 6), nn.MSELoss(), adam(3e-3), 22, by(copied), batch_size=24
        ),
    ),
    Program(
        "waveforms-adagrad",
        "MLP",
        "sequence",
        build=Plan(
            waveforms,
            partial(stack, (21, 16, 3), nn.ELU),
            smoothed,
            _adagrad,
            10,
            by(accuracy),
            batch_size=24,
        ),
    ),
    Program(
        "stripes-pooled",
        "CNN",
        "image",
        build=Plan(
            stripes, partial(Averaged, 10, 4), _CROSS, sgd(0.05, 0.9, nesterov=True), 10, by(accuracy)
        ),
    ),
    Program(
        "spots-group-norm",
        "CNN",
        "image",
        build=Plan(
            partial(spots, n=1400),
            partial(
                conv_stack,
                (8, 16),
                4,
                before=lambda width: (nn.GroupNorm(4, width),),
                pool=partial(nn.MaxPool2d, 2),
                head=3,
            ),
            _CROSS,
            adam(4e-3),
            10,
            by(accuracy),
        ),
    ),
    Program(
        "beats-rmsprop",
        "CNN",
        "sequence",
        build=Plan(beats, partial(signal_net, (10, 16, 24), 3), _CROSS, rmsprop(2e-3), 8, by(accuracy)),
    ),
    Program(
        "lines-gru",
        "RNN",
        "image",
        build=Plan(
            partial(lines, n=1700), partial(LineReader, 8, 32, 10), _CROSS, adam(5e-3), 7, by(accuracy)
        ),
    ),
    Program(
        "demand-from-the-last-value",
        "RNN",
        "sequence",
        build=Plan(
            demand, partial(_Forecaster, 20, 3), nn.HuberLoss(), adam(8e-3), 10, by(explained), batch_size=24
        ),
    ),
    Program(
        "brackets-counted",
        "RNN",
        "tokens",
        build=Plan(nested, partial(Tagger, 6, 8, 24, 4), places, adam(1e-2), 14, by(_tagged), batch_size=20),
    ),
    Program(
        "texts-padded",
        "Transformer",
        "tokens",
        build=Plan(
            partial(topics, n=2400), partial(PaddedReader, 32, 16, 3), _CROSS, adamw(3e-3), 5, by(accuracy)
        ),
    ),
    Program(
        "words-weighed",
        "Transformer",
        "tokens",
        build=Plan(
            partial(topics, n=2400), partial(GatedReader, 32, 12, 3), _CROSS, adam(4e-3), 6, by(accuracy), 24
        ),
    ),
    Program(
        "ink-from-nought-to-one",
        "MLP",
        "image",
        build=Plan(
            partial(inked, n=1700),
            partial(stack, (64, 32, 10)),
            _CROSS,
            sgd(0.1, 0.9, 1e-4),
            10,
            by(accuracy),
        ),
    ),
)
