"""Mistakes with norms: batches too small for them, statistics that do not fit, dropout before them, none."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from torch import nn

from _programs.held_data_networks import arm, beats, spirals, stripes, waveforms
from _programs.held_nets_networks import conv_stack, signal_net, stack
from _programs.judging import accuracy, by, explained, informed
from _programs.program import Case, Plan
from _programs.stepping import adam, sgd

__all__ = ["CASES"]

_CROSS = nn.CrossEntropyLoss()


def _batch(width: int) -> Sequence[nn.Module]:
    return (nn.BatchNorm1d(width),)


def _batch_of_images(width: int) -> Sequence[nn.Module]:
    return (nn.BatchNorm2d(width),)


def _layer(width: int) -> Sequence[nn.Module]:
    return (nn.LayerNorm(width),)


def _instead(momentum: float | None) -> Callable[[nn.Module], None]:
    """Every batch norm's momentum."""

    def start(model: nn.Module) -> None:
        for part in model.modules():
            if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
                part.momentum = momentum

    return start


def _kept_from_elsewhere(model: nn.Module) -> None:
    """Statistics of another network's pictures, whose grey values went to 255, and never collected anew."""
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            assert part.running_mean is not None
            assert part.running_var is not None
            part.running_mean.fill_(110.0)
            part.running_var.fill_(60.0**2)
            part.momentum = 0.0


def _dropped_first(share: float) -> Callable[[int], Sequence[nn.Module]]:
    return lambda width: (nn.Dropout(share), nn.BatchNorm1d(width))


def _dropped_last(share: float) -> Callable[[int], Sequence[nn.Module]]:
    return lambda width: (nn.BatchNorm1d(width), nn.Dropout(share))


_TWOS = Plan(
    arm,
    partial(stack, (3, 32, 32, 2), before=_layer),
    nn.MSELoss(),
    adam(3e-3),
    4,
    by(explained),
    batch_size=2,
)
_THREES = Plan(
    waveforms,
    partial(stack, (21, 24, 24, 3), before=_layer),
    _CROSS,
    adam(1e-3),
    5,
    by(informed),
    batch_size=3,
)
_LAST_ONLY = Plan(
    arm, partial(stack, (3, 32, 32, 2), nn.ELU, before=_batch), nn.MSELoss(), adam(3e-3), 12, by(explained), 8
)
_PICTURES = Plan(
    stripes, partial(conv_stack, (8, 12), 4, before=_batch_of_images), _CROSS, adam(3e-3), 9, by(accuracy), 40
)
_ARMS = Plan(
    spirals,
    partial(stack, (2, 48, 48, 48, 3), after=_dropped_last(0.4)),
    _CROSS,
    adam(5e-3),
    24,
    by(informed),
    48,
)
_DEEP = Plan(
    spirals, partial(stack, (2, *(24,) * 14, 3), before=_batch), _CROSS, sgd(0.02, 0.9), 16, by(accuracy), 32
)
_SIGNALS = Plan(
    beats,
    partial(signal_net, (8, 16, 16, 16, 16, 16, 16, 16), 3, before=_batch),
    _CROSS,
    sgd(0.03, 0.9),
    12,
    by(accuracy),
    batch_size=32,
)

CASES: tuple[Case, ...] = (
    Case(
        "batch-norm-of-pairs",
        "MLP",
        "table",
        "norm-of-tiny-batches",
        ("normalisation", "batch"),
        replace(_TWOS, net=partial(stack, (3, 32, 32, 2), before=_batch)),
        _TWOS,
    ),
    Case(
        "batch-norm-of-three-waves",
        "MLP",
        "sequence",
        "norm-of-tiny-batches",
        ("normalisation", "batch"),
        replace(_THREES, net=partial(stack, (21, 24, 24, 3), before=_batch)),
        _THREES,
    ),
    Case(
        "statistics-of-the-last-batch",
        "MLP",
        "table",
        "norm-statistics-stale",
        ("normalisation", "batch"),
        replace(_LAST_ONLY, init=_instead(0.99)),
        _LAST_ONLY,
    ),
    Case(
        "statistics-from-elsewhere",
        "CNN",
        "image",
        "norm-statistics-stale",
        ("normalisation",),
        replace(_PICTURES, init=_kept_from_elsewhere),
        _PICTURES,
    ),
    Case(
        "dropout-ahead-of-norms",
        "MLP",
        "table",
        "dropout-before-norm",
        ("normalisation", "regularisation"),
        replace(_ARMS, net=partial(stack, (2, 48, 48, 48, 3), after=_dropped_first(0.4))),
        _ARMS,
    ),
    Case(
        "fourteen-layers-without-norms",
        "MLP",
        "table",
        "norm-missing",
        ("normalisation", "initialisation", "architecture"),
        replace(_DEEP, net=partial(stack, (2, *(24,) * 14, 3))),
        _DEEP,
    ),
    Case(
        "eight-convolutions-without-norms",
        "CNN",
        "sequence",
        "norm-missing",
        ("normalisation", "initialisation", "architecture"),
        replace(_SIGNALS, net=partial(signal_net, (8, 16, 16, 16, 16, 16, 16, 16), 3)),
        _SIGNALS,
    ),
)
