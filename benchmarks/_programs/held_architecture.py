"""Mistakes in what a network is: rows mixed, inputs ignored, answers seen, parts cut off, the wrong size."""

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from _programs.held_data_networks import (
    arm,
    curves,
    flowers,
    lines,
    nested,
    next_demand,
    rules,
    sentences,
    spirals,
    stripes,
    topics,
    waveforms,
)
from _programs.held_nets_networks import (
    Averaged,
    CausalConv,
    CausalReader,
    Centred,
    CodeCopier,
    GatedReader,
    HourReader,
    LineReader,
    Listed,
    PaddedReader,
    StatedReader,
    SteppedUnits,
    Tagger,
    conv_stack,
    stack,
)
from _programs.judging import accuracy, by, copied, explained, foretold, informed, outputs_of, sided
from _programs.losses import places
from _programs.program import Case, Plan, Rows
from _programs.stepping import adam, adamw, rmsprop, sgd

__all__ = ["CASES"]

_CROSS = nn.CrossEntropyLoss()


def _foretold_values(model: nn.Module, rows: Rows) -> float:
    """Share of the variance of next values [B, 1, T] explained where no later one is known yet."""
    inputs, targets = rows.test
    said = []
    for place in range(inputs.shape[-1]):
        known = inputs.clone()
        known[..., place + 1 :] = 0
        said.append(outputs_of(model, known)[..., place])
    return explained(torch.stack(said, -1), targets)


def _adagrad(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adagrad(model.parameters(), lr=0.05)


def _tagged(outputs: Tensor, targets: Tensor) -> float:
    return accuracy(outputs.flatten(0, 1), targets.flatten())


_DIGIT_LINES, _TEXTS = partial(lines, n=1600), partial(topics, n=2400)
_LINES = Plan(
    _DIGIT_LINES, partial(LineReader, 8, 32, 10), _CROSS, rmsprop(3e-3), 10, by(accuracy), batch_size=48
)
_WEIGHED = Plan(_TEXTS, partial(GatedReader, 32, 16, 3), _CROSS, adamw(5e-3), 7, by(informed), batch_size=24)
_LENGTH = Plan(
    waveforms, partial(Centred, 21, 40, 3), _CROSS, sgd(0.03, 0.9), 10, by(informed), batch_size=16
)
_PADDED = Plan(_TEXTS, partial(PaddedReader, 32, 16, 3), _CROSS, adam(3e-3), 5, by(accuracy))
_STATED = Plan(_DIGIT_LINES, partial(StatedReader, 8, 28, 10), _CROSS, adam(6e-3), 8, by(accuracy))
_WRITER = Plan(sentences, partial(CausalReader, 22, 15, 24), places, adamw(4e-3), 24, foretold, batch_size=16)
_READ_HOURS = Plan(
    next_demand, partial(HourReader, 16), nn.MSELoss(), adam(1e-2), 10, _foretold_values, batch_size=16
)
_HOURS = Plan(
    next_demand, partial(CausalConv, 12), nn.MSELoss(), adam(5e-3), 20, _foretold_values, batch_size=16
)
_UNITS = Plan(spirals, partial(SteppedUnits, 2, 32, 3), _CROSS, adam(8e-3), 30, by(accuracy))
_COPIED = Plan(curves, partial(CodeCopier, 24, 32, 5), nn.MSELoss(), adam(3e-3), 30, by(copied))
_LISTED = Plan(spirals, partial(Listed, 2, 20, 3, 3), _CROSS, _adagrad, 40, by(accuracy))
_STRIPED = Plan(stripes, partial(Averaged, 12, 4), _CROSS, adam(5e-3), 10, by(accuracy))
_MEANS = Plan(
    stripes, partial(conv_stack, (8, 8), 4, head=1), _CROSS, adam(8e-3), 10, by(informed), batch_size=24
)
_NARROW = Plan(
    partial(rules, n=3000),
    partial(stack, (10, 40, 20, 4), nn.LeakyReLU),
    nn.BCEWithLogitsLoss(),
    adam(4e-3),
    12,
    by(sided),
    batch_size=24,
)
_ARM = Plan(arm, partial(stack, (3, 40, 40, 2), nn.Tanh), nn.MSELoss(), sgd(0.05, 0.9), 30, by(explained), 24)
_DEPTH = Plan(nested, partial(Tagger, 6, 8, 24, 4), places, adam(1e-2), 25, by(_tagged), batch_size=20)
_IRISES = Plan(flowers, partial(stack, (4, 12, 3)), _CROSS, adam(1e-2), 50, by(accuracy), batch_size=16)
_WAVES = Plan(waveforms, partial(stack, (21, 24, 3)), _CROSS, adam(3e-3), 10, by(accuracy), batch_size=20)

MIXED = (
    Case(
        "lines-viewed-instead-of-exchanged",
        "RNN",
        "image",
        "rows-mixed",
        ("architecture",),
        replace(_LINES, net=partial(LineReader, 8, 32, 10, viewed=True)),
        _LINES,
    ),
    Case(
        "words-weighed-against-other-texts",
        "Transformer",
        "tokens",
        "rows-mixed",
        ("architecture",),
        replace(_WEIGHED, net=partial(GatedReader, 32, 16, 3, axis=0)),
        _WEIGHED,
    ),
    Case(
        "length-one-down-the-batch",
        "MLP",
        "table",
        "rows-mixed",
        ("architecture", "normalisation"),
        replace(_LENGTH, net=partial(Centred, 21, 40, 3, axis=0)),
        _LENGTH,
    ),
)
IGNORED = (
    Case(
        "filling-read-and-words-masked",
        "Transformer",
        "tokens",
        "input-ignored",
        ("architecture",),
        replace(_PADDED, net=partial(PaddedReader, 32, 16, 3, inverted=True)),
        _PADDED,
    ),
    Case(
        "first-state-for-the-last",
        "RNN",
        "image",
        "input-ignored",
        ("architecture",),
        replace(_STATED, net=partial(StatedReader, 8, 28, 10, first=True)),
        _STATED,
    ),
    Case(
        "mean-of-what-was-centred",
        "CNN",
        "image",
        "input-ignored",
        ("architecture", "normalisation"),
        replace(_STRIPED, net=partial(Averaged, 12, 4, late=True)),
        _STRIPED,
    ),
)
SEEN = (
    Case(
        "mask-one-place-late",
        "Transformer",
        "tokens",
        "answer-seen",
        ("architecture",),
        replace(_WRITER, net=partial(CausalReader, 22, 15, 24, hidden_from=2)),
        _WRITER,
    ),
    Case(
        "next-hour-read-from-both-ends",
        "RNN",
        "sequence",
        "answer-seen",
        ("architecture",),
        replace(_READ_HOURS, net=partial(HourReader, 16, both=True)),
        _READ_HOURS,
    ),
    Case(
        "filled-up-on-both-sides",
        "CNN",
        "sequence",
        "answer-seen",
        ("architecture",),
        replace(_HOURS, net=partial(CausalConv, 12, centred=True)),
        _HOURS,
    ),
)
CUT = (
    Case(
        "units-on-or-off",
        "MLP",
        "table",
        "part-unused",
        ("architecture", "activation"),
        replace(_UNITS, net=partial(SteppedUnits, 2, 32, 3, stepped=True)),
        _UNITS,
    ),
    Case(
        "code-detached-from-its-encoder",
        "MLP",
        "sequence",
        "part-unused",
        ("architecture",),
        replace(_COPIED, net=partial(CodeCopier, 24, 32, 5, detached=True)),
        _COPIED,
    ),
    Case(
        "layers-in-a-plain-list",
        "MLP",
        "table",
        "parameters-not-held",
        ("optimiser", "architecture"),
        replace(_LISTED, net=partial(Listed, 2, 20, 3, 3, plain=True)),
        _LISTED,
    ),
)
SIZES = (
    Case(
        "one-averaged-channel",
        "CNN",
        "image",
        "bottleneck",
        ("architecture",),
        replace(_MEANS, net=partial(conv_stack, (8, 1), 4, head=1)),
        _MEANS,
    ),
    Case(
        "four-answers-through-one-unit",
        "MLP",
        "table",
        "bottleneck",
        ("architecture",),
        replace(_NARROW, net=partial(stack, (10, 40, 1, 4), nn.LeakyReLU)),
        _NARROW,
    ),
    Case(
        "two-units-for-an-arm",
        "MLP",
        "table",
        "too-small",
        ("architecture",),
        replace(_ARM, net=partial(stack, (3, 2, 2), nn.Tanh)),
        _ARM,
    ),
    Case(
        "one-state-for-brackets",
        "RNN",
        "tokens",
        "too-small",
        ("architecture",),
        replace(_DEPTH, net=partial(Tagger, 6, 8, 1, 4)),
        _DEPTH,
    ),
    Case(
        "half-a-million-weights-for-irises",
        "MLP",
        "table",
        "too-large",
        ("architecture", "regularisation"),
        replace(_IRISES, net=partial(stack, (4, 700, 700, 3)), optimizer=adam(1e-3)),
        _IRISES,
        severity="hint",
    ),
    Case(
        "twenty-six-layers-of-six",
        "MLP",
        "table",
        "too-deep",
        ("architecture", "initialisation", "activation", "normalisation"),
        replace(_WAVES, net=partial(stack, (21, *(6,) * 26, 3))),
        _WAVES,
    ),
)
CASES: tuple[Case, ...] = (*MIXED, *IGNORED, *SEEN, *CUT, *SIZES)
