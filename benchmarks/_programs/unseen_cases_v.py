"""Mistakes in data, losses, outputs, architectures, first weights, activations and norms, one at a time."""

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from _programs.judging import accuracy, believable, believable_logits, by, honestly, sided
from _programs.program import Case, Plan
from _programs.stepping import adam, adamw, sgd
from _programs.unseen_data_v import (
    arrows_by_bytes,
    arrows_lit,
    arrows_unlit,
    breaths_divided,
    half_tagged,
    matches_signed,
    nanometres,
    persons,
    praise,
    visits,
    weather_measured,
)
from _programs.unseen_nets_v import (
    Attending,
    Branches,
    Causal,
    Ghost,
    Looking,
    Painting,
    Plain,
    Pooling,
    Projected,
    Radial,
    Shifted,
    States,
    Tides,
    Twice,
    squashed,
    stack,
)
from _programs.unseen_plans_v import (
    ARROWS,
    BLURS,
    BREATHS,
    CALLS,
    CARS,
    CELLS,
    CROPS,
    DIALS,
    FILMS,
    LOANS,
    MATCHES,
    MELODIES,
    MOODS,
    STEPS,
    SURFACES,
    TIDES,
    TUNES,
    WEATHER,
    pointing,
)

__all__ = ["CASES"]


def between(outputs: Tensor, targets: Tensor) -> Tensor:
    """1 - the cosine of the angle between outputs and targets, row by row."""
    return 1 - F.cosine_similarity(outputs, targets, dim=-1).mean()


def likewise(outputs: Tensor, targets: Tensor) -> Tensor:
    """The cosine itself, made small."""
    return F.cosine_similarity(outputs, targets, dim=-1).mean()


def signs(outputs: Tensor, targets: Tensor) -> Tensor:
    """Squared errors of the outputs' signs, which do not change with the weights."""
    return (outputs.sign() - targets).square().mean()


def rates_crosswise(outputs: Tensor, targets: Tensor) -> Tensor:
    """Poisson's likelihood of rates [B] and counts [B, 1]."""
    return F.poisson_nll_loss(outputs.squeeze(1), targets)


def hinge(outputs: Tensor, targets: Tensor) -> Tensor:
    """Hinge loss of 0 and 1, first made -1 and 1."""
    return (1 - (2 * targets - 1) * outputs).relu().mean()


def hinge_of_noughts(outputs: Tensor, targets: Tensor) -> Tensor:
    """Hinge loss of 0 and 1 as they are: a row of class 0 costs 1 whatever is said."""
    return (1 - targets * outputs).relu().mean()


def _by_places(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    lost = F.cross_entropy(outputs.transpose(1, 2), targets.clamp_min(0), reduction="none")
    tagged = targets != -100
    return (lost * tagged).sum(1), tagged.sum(1)


def by_text(outputs: Tensor, targets: Tensor) -> Tensor:
    """Each text's mean over its tagged places, 0 where it has none."""
    lost, many = _by_places(outputs, targets)
    return (lost / many.clamp_min(1)).mean()


def by_text_unguarded(outputs: Tensor, targets: Tensor) -> Tensor:
    """The same by plain division: 0 / 0 in a text without tags."""
    lost, many = _by_places(outputs, targets)
    return (lost / many).mean()


class Divergence(nn.Module):
    """Kullback–Leibler divergence from smoothed targets; outputs are to be logarithms of probabilities."""

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Of [B, C] and [B]."""
        wanted = 0.94 * F.one_hot(targets, outputs.shape[1]) + 0.06 / outputs.shape[1]
        return F.kl_div(outputs, wanted, reduction="batchmean")


def cut_to_fit(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of classes cut to the last that there is an output for, as "out of bounds" was raised."""
    return F.cross_entropy(outputs, targets.clamp_max(outputs.shape[1] - 1))


def seeded_units(model: nn.Module) -> None:
    """Weights drawn unit by unit, after the seed was set, for every unit."""
    for module in model.modules():
        if isinstance(module, nn.Linear):
            for row in module.weight:
                torch.manual_seed(0)
                row.normal_(0, module.in_features**-0.5)


def _fans(model: nn.Module, power: float, gain: float = 2**0.5) -> None:
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            fan = module.weight[0].numel()
            module.weight.normal_(0, gain * fan**power)
            assert module.bias is not None
            module.bias.zero_()


def by_root(model: nn.Module) -> None:
    """He's first weights, by hand."""
    _fans(model, -0.5)


def by_fan(model: nn.Module) -> None:
    """The same without the root."""
    _fans(model, -1.0)


def times_root(model: nn.Module) -> None:
    """The same multiplied where it should be divided."""
    _fans(model, 0.5)


def flat_at_zero(model: nn.Module) -> None:
    """All parameters of one axis at 0: biases, and the norms' gains with them."""
    for parameter in model.parameters():
        if parameter.ndim == 1:
            parameter.zero_()


def biases_at_zero(model: nn.Module) -> None:
    """All biases at 0."""
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            parameter.zero_()


class LogShares(nn.Module):
    """Logarithms of probabilities."""

    def forward(self, x: Tensor) -> Tensor:
        """As [B, C] comes."""
        return x.log_softmax(-1)


_PERSONS = Plan(
    persons, partial(stack, 20, 64, 2), nn.CrossEntropyLoss(), adam(2e-3), 6, honestly(accuracy), 32
)
_LIT = replace(ARROWS, rows=arrows_lit, optimizer=adam(3e-3))
_POINTING = replace(DIALS, loss=between, judge=by(pointing))
_SIGNED = replace(MATCHES, rows=matches_signed, loss=nn.MSELoss(), judge=by(sided))
_HINGE = replace(
    MOODS, rows=praise, net=partial(Attending, 40, 14, 1), loss=hinge, judge=by(sided), optimizer=adam(3e-3)
)
_HALF = replace(
    STEPS, rows=half_tagged, net=partial(States, nn.GRU, 12, 24, 3, words=12, each=True), loss=by_text
)
_SORTS = replace(
    FILMS,
    net=partial(Attending, 50, 18, 4),
    loss=nn.MultiLabelSoftMarginLoss(),
    judge=by(believable_logits),
)
_SOFT = replace(ARROWS, net=partial(Looking, 12, 6, last=LogShares), loss=Divergence(), optimizer=adam(2e-3))
_LEVELS = replace(TIDES, net=partial(Tides, 4, head=True))
_NARROW = Plan(
    FILMS.rows, partial(Projected, 50, 12, 4), nn.BCEWithLogitsLoss(), adam(1e-2), 8, by(sided), 32
)
_SIX = replace(
    ARROWS, net=partial(Looking, 12, 6, depth=4), init=by_root, optimizer=sgd(0.005, 0.9), epochs=15
)
_PRICES = replace(CARS, net=partial(stack, 5, 48, 48, 1), init=by_root, optimizer=sgd(0.01, 0.9))
_TIED = replace(MELODIES, net=partial(Attending, 13, 24, 13, width=64, each=True, tied=0.125), epochs=6)
_NORMED = replace(ARROWS, net=partial(Looking, 12, 6, norm=True), init=biases_at_zero)
_BELLS = replace(WEATHER, net=partial(Radial, 4, 64, 3, sharp=0.3), optimizer=adam(1e-2))
_POOLED = replace(CELLS, net=partial(Pooling, 14, 1), optimizer=adam(2e-3))
_FIELDS = replace(CROPS, net=partial(stack, 6, 48, 48, 48, 5, act=nn.Tanh), optimizer=sgd(0.05, 0.9))
_CELL = replace(TIDES, net=partial(Plain, 1, 24, 4, nn.Tanh), optimizer=adam(3e-3))
_LEAKY = replace(CROPS, net=partial(stack, 6, 48, 24, 5, act=partial(nn.LeakyReLU, 0.01)))
_GHOSTS = replace(CARS, net=partial(stack, 5, 32, 16, 1, norm=partial(Ghost, rows=32)), batch_size=64)
_NORMS = replace(ARROWS, net=partial(Twice, 12, 6), optimizer=adamw(3e-3))
_BLANK = replace(SURFACES, net=partial(Looking, 14, 1, norm=True))
_DROPS = replace(CARS, net=partial(squashed, 5, 24, 24, 1, drop=0.5, early=False))
_BLOCKS = replace(MELODIES, net=partial(Attending, 13, 24, 13, width=24, each=True, depth=3), epochs=8)

CASES = (
    Case(
        "kelvins-and-hectopascals",
        "MLP",
        "table",
        "inputs-unscaled",
        ("data",),
        replace(WEATHER, rows=weather_measured),
        WEATHER,
    ),
    Case(
        "still-breaths-divided-by-nothing",
        "CNN",
        "sequence",
        "inputs-not-finite",
        ("data",),
        replace(BREATHS, rows=breaths_divided),
        BREATHS,
    ),
    Case(
        "surfaces-in-square-nanometres",
        "CNN",
        "image",
        "targets-unscaled",
        ("data",),
        replace(SURFACES, rows=nanometres),
        SURFACES,
    ),
    Case(
        "scaled-as-bytes-though-divided-before",
        "CNN",
        "image",
        "inputs-scaled-twice",
        ("data",),
        replace(ARROWS, rows=arrows_by_bytes),
        ARROWS,
    ),
    Case(
        "loans-that-are-always-paid-back",
        "MLP",
        "table",
        "class-imbalance",
        ("data", "loss"),
        replace(LOANS, loss=nn.BCEWithLogitsLoss()),
        LOANS,
    ),
    Case(
        "cut-at-a-hundred-of-one",
        "CNN",
        "image",
        "inputs-constant",
        ("data",),
        replace(_LIT, rows=arrows_unlit),
        _LIT,
    ),
    Case(
        "persons-split-by-visit",
        "MLP",
        "table",
        "rows-leak",
        ("data",),
        replace(_PERSONS, rows=visits),
        _PERSONS,
    ),
    Case(
        "hands-turned-the-other-way",
        "CNN",
        "image",
        "loss-sign",
        ("loss",),
        replace(_POINTING, loss=likewise),
        _POINTING,
    ),
    Case(
        "signs-of-victories-compared",
        "MLP",
        "table",
        "loss-detached",
        ("loss",),
        replace(_SIGNED, loss=signs),
        _SIGNED,
    ),
    Case(
        "rates-of-calls-against-every-count",
        "MLP",
        "table",
        "loss-broadcasts",
        ("loss",),
        replace(CALLS, loss=rates_crosswise),
        CALLS,
    ),
    Case(
        "only-the-direction-of-levels",
        "RNN",
        "sequence",
        "loss-unsuited",
        ("loss",),
        replace(TIDES, loss=between),
        TIDES,
    ),
    Case(
        "hinge-of-noughts-and-ones",
        "Transformer",
        "tokens",
        "loss-ignores-rows",
        ("loss", "labels"),
        replace(_HINGE, loss=hinge_of_noughts),
        _HINGE,
    ),
    Case(
        "mean-over-no-tagged-places",
        "RNN",
        "tokens",
        "loss-not-finite",
        ("loss", "labels"),
        replace(_HALF, loss=by_text_unguarded),
        _HALF,
    ),
    Case(
        "sigmoid-before-the-soft-margin",
        "Transformer",
        "tokens",
        "output-activation-twice",
        ("output", "loss"),
        replace(_SORTS, net=partial(Attending, 50, 18, 4, last=nn.Sigmoid), judge=by(believable)),
        _SORTS,
    ),
    Case(
        "divergence-of-raw-outputs",
        "CNN",
        "image",
        "output-activation-missing",
        ("output", "loss"),
        replace(_SOFT, net=partial(Looking, 12, 6)),
        _SOFT,
    ),
    Case(
        "states-said-as-levels",
        "RNN",
        "sequence",
        "output-range",
        ("output", "architecture"),
        replace(_LEVELS, net=partial(Tides, 4, head=False)),
        _LEVELS,
    ),
    Case(
        "softmax-over-cosine-and-sine",
        "CNN",
        "image",
        "output-range",
        ("output", "activation"),
        replace(DIALS, net=partial(Looking, 12, 2, act=nn.SiLU, last=partial(nn.Softmax, -1))),
        DIALS,
    ),
    Case(
        "crops-cut-to-the-last-output",
        "MLP",
        "table",
        "output-width",
        ("output", "loss", "labels"),
        replace(CROPS, net=partial(stack, 6, 64, 32, 4, act=nn.ELU), loss=cut_to_fit),
        CROPS,
    ),
    Case(
        "whole-pictures-dropped-at-the-end",
        "CNN",
        "image",
        "output-dropout",
        ("output", "regularisation"),
        replace(BLURS, net=partial(Painting, last=partial(nn.Dropout2d, 0.5))),
        BLURS,
    ),
    Case(
        "words-rolled-along-the-batch",
        "MLP",
        "tokens",
        "rows-mixed",
        ("architecture",),
        replace(STEPS, net=partial(Shifted, 12, 3, axis=0)),
        STEPS,
    ),
    Case(
        "places-instead-of-words",
        "Transformer",
        "tokens",
        "input-ignored",
        ("architecture",),
        replace(MOODS, net=partial(Attending, 40, 14, 3, wordless=True)),
        MOODS,
    ),
    Case(
        "tunes-padded-on-both-sides",
        "CNN",
        "tokens",
        "answer-seen",
        ("architecture",),
        replace(TUNES, net=partial(Causal, 13, both=True)),
        TUNES,
    ),
    Case(
        "first-branch-joined-with-itself",
        "MLP",
        "table",
        "part-unused",
        ("architecture",),
        replace(MATCHES, net=partial(Branches, 4, same=True)),
        MATCHES,
    ),
    Case(
        "states-handed-on-as-one-number",
        "RNN",
        "tokens",
        "bottleneck",
        ("architecture",),
        replace(_NARROW, net=partial(Projected, 50, 1, 4)),
        _NARROW,
    ),
    Case(
        "seed-set-before-every-unit",
        "MLP",
        "table",
        "weights-equal",
        ("initialisation",),
        replace(CROPS, init=seeded_units),
        CROPS,
    ),
    Case(
        "divided-by-the-fan-without-its-root",
        "CNN",
        "image",
        "weights-too-small",
        ("initialisation",),
        replace(_SIX, init=by_fan),
        _SIX,
    ),
    Case(
        "multiplied-by-the-root",
        "MLP",
        "table",
        "weights-too-large",
        ("initialisation",),
        replace(_PRICES, init=times_root),
        _PRICES,
    ),
    Case(
        "notes-own-vectors-as-a-wide-head",
        "Transformer",
        "tokens",
        "outputs-too-large",
        ("initialisation",),
        replace(_TIED, net=partial(Attending, 13, 24, 13, width=64, each=True, tied=2.0)),
        _TIED,
    ),
    Case(
        "gains-set-to-nought-with-the-biases",
        "CNN",
        "image",
        "weights-too-small",
        ("initialisation", "normalisation", "activation"),
        replace(_NORMED, init=flat_at_zero),
        _NORMED,
    ),
    Case(
        "bells-far-too-narrow",
        "MLP",
        "table",
        "dead-units",
        ("activation", "architecture", "initialisation"),
        replace(_BELLS, net=partial(Radial, 4, 64, 3, sharp=40.0)),
        _BELLS,
    ),
    Case(
        "sums-of-places-under-tanh",
        "CNN",
        "image",
        "saturated-units",
        ("activation", "architecture"),
        replace(_POOLED, net=partial(Pooling, 14, 1, summed=True)),
        _POOLED,
    ),
    Case(
        "tanhshrink-taken-for-tanh",
        "MLP",
        "table",
        "activation-contracts",
        ("activation",),
        replace(_FIELDS, net=partial(stack, 6, 48, 48, 48, 5, act=nn.Tanhshrink)),
        _FIELDS,
    ),
    Case(
        "cell-of-sigmoids",
        "RNN",
        "sequence",
        "activation-contracts",
        ("activation",),
        replace(_CELL, net=partial(Plain, 1, 24, 4, nn.Sigmoid)),
        _CELL,
    ),
    Case(
        "leaky-with-a-slope-of-one",
        "MLP",
        "table",
        "no-activation",
        ("activation", "architecture"),
        replace(_LEAKY, net=partial(stack, 6, 48, 24, 5, act=partial(nn.LeakyReLU, 1.0))),
        _LEAKY,
    ),
    Case(
        "virtual-batches-of-two",
        "MLP",
        "table",
        "norm-of-tiny-batches",
        ("normalisation",),
        replace(_GHOSTS, net=partial(stack, 5, 32, 16, 1, norm=partial(Ghost, rows=2))),
        _GHOSTS,
    ),
    Case(
        "one-norm-for-two-places",
        "CNN",
        "image",
        "norm-statistics-stale",
        ("normalisation", "architecture"),
        replace(_NORMS, net=partial(Twice, 12, 6, shared=True)),
        _NORMS,
    ),
    Case(
        "empty-pictures-through-the-norms",
        "CNN",
        "image",
        "norm-statistics-stale",
        ("normalisation", "architecture"),
        replace(_BLANK, net=partial(Looking, 14, 1, norm=True, blank=True)),
        _BLANK,
    ),
    Case(
        "squashed-dropped-and-then-normed",
        "MLP",
        "table",
        "dropout-before-norm",
        ("normalisation", "regularisation"),
        replace(_DROPS, net=partial(squashed, 5, 24, 24, 1, drop=0.5, early=True)),
        _DROPS,
    ),
    Case(
        "attention-without-norms-or-skips",
        "Transformer",
        "tokens",
        "norm-missing",
        ("normalisation", "architecture"),
        replace(_BLOCKS, net=partial(Attending, 13, 24, 13, width=24, each=True, depth=3, plain=True)),
        _BLOCKS,
    ),
)
