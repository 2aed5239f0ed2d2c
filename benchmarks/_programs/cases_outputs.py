"""Mistakes in losses and in what a network gives out."""

from dataclasses import replace
from functools import partial

from torch import nn

from _programs.judging import believable, believable_logits, by, correlation, informed, probable, rounded
from _programs.losses import (
    absolute,
    always_first,
    broadcast_bce,
    clipped_bce,
    detached,
    divergence,
    first_place,
    indices_squared,
    negated,
    one_hot_squared,
    percentage,
    predicted_only,
    reversed_likeness,
    squared,
    unlikeness,
)
from _programs.nets import Recurring, cnn, mlp
from _programs.plans import (
    ADULT,
    CONCRETE,
    DELAYED,
    DIGITS,
    DIGITS_ADAM,
    FRIEDMAN,
    IMAGES,
    IMAGES_NORM,
    PARTS,
    SCATTERED,
    SERIES,
    SHAPES,
    TONES,
    WALKS,
)
from _programs.program import Case
from _programs.sources import concrete, walks
from _programs.spoiling import closed_days, spoiled, without_axis
from _programs.stepping import adam, sgd

__all__ = ["CASES"]


_ADULT_SIGMOID = replace(
    ADULT, net=partial(mlp, 20, 32, 1, last=(nn.Sigmoid(),)), loss=clipped_bce, judge=by(probable)
)
_CORRELATED = replace(FRIEDMAN, loss=unlikeness, optimizer=adam(5e-3), judge=by(correlation))

_LOSSES = (
    Case(
        "likelihood-made-small", "MLP", "image", "loss-sign", ("loss",), replace(DIGITS, loss=negated), DIGITS
    ),
    Case(
        "correlation-as-a-loss",
        "MLP",
        "table",
        "loss-sign",
        ("loss",),
        replace(_CORRELATED, loss=reversed_likeness),
        _CORRELATED,
    ),
    Case(
        "loss-from-a-number",
        "MLP",
        "table",
        "loss-detached",
        ("loss",),
        replace(CONCRETE, loss=detached),
        CONCRETE,
    ),
    Case(
        "share-of-errors-as-a-loss",
        "CNN",
        "image",
        "loss-detached",
        ("loss",),
        replace(SHAPES, loss=predicted_only),
        SHAPES,
    ),
    Case(
        "targets-without-their-axis",
        "MLP",
        "table",
        "loss-broadcasts",
        ("loss",),
        replace(CONCRETE, rows=spoiled(concrete, without_axis), loss=squared),
        replace(CONCRETE, loss=squared),
    ),
    Case(
        "next-values-without-their-axis",
        "RNN",
        "sequence",
        "loss-broadcasts",
        ("loss",),
        replace(WALKS, rows=spoiled(walks, without_axis), loss=absolute),
        replace(WALKS, loss=absolute),
    ),
    Case(
        "digits-as-numbers",
        "MLP",
        "image",
        "loss-unsuited",
        ("loss", "output"),
        replace(DIGITS_ADAM, net=partial(mlp, 64, 64, 32, 1), loss=indices_squared, judge=by(rounded)),
        DIGITS_ADAM,
    ),
    Case(
        "squared-errors-of-classes",
        "CNN",
        "image",
        "loss-unsuited",
        ("loss", "output"),
        replace(
            IMAGES, net=partial(cnn, 10, last=(nn.Softmax(-1),)), loss=one_hot_squared, optimizer=sgd(0.1)
        ),
        replace(IMAGES, optimizer=sgd(0.1)),
    ),
    Case(
        "cross-entropy-of-values",
        "MLP",
        "table",
        "loss-unsuited",
        ("loss", "output"),
        replace(FRIEDMAN, loss=nn.BCEWithLogitsLoss()),
        FRIEDMAN,
    ),
    Case(
        "first-row-of-each-batch",
        "MLP",
        "image",
        "loss-ignores-rows",
        ("loss",),
        replace(DIGITS_ADAM, loss=always_first),
        DIGITS_ADAM,
    ),
    Case(
        "first-place-of-each-text",
        "RNN",
        "tokens",
        "loss-ignores-rows",
        ("loss",),
        replace(DELAYED, loss=first_place),
        DELAYED,
    ),
    Case(
        "percentages-of-zero",
        "RNN",
        "sequence",
        "loss-not-finite",
        ("loss",),
        replace(SERIES, rows=spoiled(SERIES.rows, closed_days), loss=percentage),
        replace(SERIES, rows=spoiled(SERIES.rows, closed_days)),
    ),
    Case(
        "divergence-by-its-definition",
        "CNN",
        "image",
        "loss-not-finite",
        ("loss",),
        replace(SHAPES, loss=divergence),
        SHAPES,
    ),
)

_OUTPUTS = (
    Case(
        "softmax-before-cross-entropy",
        "MLP",
        "image",
        "output-activation-twice",
        ("output",),
        replace(DIGITS, net=partial(mlp, 64, 48, 10, last=(nn.Softmax(-1),))),
        DIGITS,
    ),
    Case(
        "softmax-at-a-cnns-end",
        "CNN",
        "image",
        "output-activation-twice",
        ("output",),
        replace(IMAGES_NORM, net=partial(cnn, 10, norm=True, last=(nn.Softmax(-1),)), optimizer=sgd(0.04)),
        replace(IMAGES_NORM, optimizer=sgd(0.04)),
    ),
    Case(
        "softmax-at-an-rnns-end",
        "RNN",
        "sequence",
        "output-activation-twice",
        ("output",),
        replace(TONES, net=partial(Recurring, nn.GRU, 1, 20, 3, act=nn.Softmax(-1)), judge=by(informed)),
        replace(TONES, judge=by(informed)),
    ),
    Case(
        "sigmoid-before-bce-with-logits",
        "MLP",
        "table",
        "output-activation-twice",
        ("output",),
        replace(ADULT, net=partial(mlp, 20, 32, 1, last=(nn.Sigmoid(),)), judge=by(believable)),
        replace(ADULT, judge=by(believable_logits)),
    ),
    Case(
        "likelihood-of-raw-outputs",
        "MLP",
        "table",
        "output-activation-missing",
        ("output", "loss"),
        replace(SCATTERED, loss=nn.NLLLoss()),
        replace(SCATTERED, loss=nn.NLLLoss(), net=partial(mlp, 16, 48, 48, 4, last=(nn.LogSoftmax(-1),))),
    ),
    Case(
        "probabilities-without-sigmoid",
        "MLP",
        "table",
        "output-activation-missing",
        ("output", "loss"),
        replace(_ADULT_SIGMOID, net=partial(mlp, 20, 32, 1), optimizer=sgd(0.1)),
        replace(_ADULT_SIGMOID, optimizer=sgd(0.1)),
    ),
    Case(
        "likelihood-of-a-cnns-raw-outputs",
        "CNN",
        "image",
        "output-activation-missing",
        ("output", "loss"),
        replace(SHAPES, loss=nn.NLLLoss()),
        replace(SHAPES, loss=nn.NLLLoss(), net=partial(cnn, 4, size=12, last=(nn.LogSoftmax(-1),))),
    ),
    Case(
        "relu-on-values-below-zero",
        "MLP",
        "table",
        "output-range",
        ("output", "activation"),
        replace(CONCRETE, net=partial(mlp, 8, 32, 32, 1, last=(nn.ReLU(),))),
        CONCRETE,
    ),
    Case(
        "tanh-on-wide-values",
        "RNN",
        "sequence",
        "output-range",
        ("output", "activation"),
        replace(
            WALKS,
            rows=partial(walks, size=3.0),
            net=partial(Recurring, nn.GRU, 1, 16, 1, act=nn.Tanh()),
        ),
        replace(WALKS, rows=partial(walks, size=3.0)),
    ),
    Case(
        "sigmoid-on-standardised-values",
        "MLP",
        "table",
        "output-range",
        ("output", "activation"),
        replace(FRIEDMAN, net=partial(mlp, 10, 32, 1, last=(nn.Sigmoid(),))),
        FRIEDMAN,
    ),
    Case(
        "softmax-of-one-unit",
        "MLP",
        "table",
        "output-width",
        ("output", "architecture"),
        replace(_ADULT_SIGMOID, net=partial(mlp, 20, 32, 1, last=(nn.Softmax(-1),))),
        _ADULT_SIGMOID,
    ),
    Case(
        "one-output-for-five-targets",
        "MLP",
        "table",
        "output-width",
        ("output", "loss"),
        replace(PARTS, net=partial(mlp, 12, 48, 1), loss=broadcast_bce),
        replace(PARTS, loss=broadcast_bce),
    ),
    Case(
        "a-thousand-classes-for-ten",
        "CNN",
        "image",
        "output-width",
        ("output", "architecture"),
        replace(IMAGES, net=partial(cnn, 1000), optimizer=sgd(0.02, 0.9), epochs=4),
        replace(IMAGES, optimizer=sgd(0.02, 0.9), epochs=4),
        "hint",
    ),
    Case(
        "dropout-on-the-value",
        "MLP",
        "table",
        "output-dropout",
        ("output", "regularisation"),
        replace(CONCRETE, net=partial(mlp, 8, 32, 32, 1, last=(nn.Dropout(0.5),))),
        CONCRETE,
    ),
    Case(
        "dropout-on-the-next-value",
        "RNN",
        "sequence",
        "output-dropout",
        ("output", "regularisation"),
        replace(WALKS, net=partial(Recurring, nn.GRU, 1, 16, 1, act=nn.Dropout(0.5))),
        WALKS,
    ),
)

CASES = (*_LOSSES, *_OUTPUTS)
