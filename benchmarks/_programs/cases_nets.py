"""Mistakes in architecture, first weights, activations and norms."""

from dataclasses import replace
from functools import partial

from torch import nn

from _programs.nets import Attending, Recurring, cnn, mlp
from _programs.odd_nets import (
    Amplified,
    DroppedBranch,
    DroppedBranchFixed,
    FrozenBody,
    FrozenEncoder,
    NormOfOne,
    Sharp,
    SplitRows,
    SplitRowsFixed,
    SummedSoftmax,
    SummedSoftmaxFixed,
    TimeFirst,
    dropped_and_normed,
    flat_normed,
)
from _programs.plans import (
    CHECKERS,
    CONCRETE,
    DELAYED,
    DIGITS,
    DIGITS_ADAM,
    ECHOES,
    FRIEDMAN,
    IMAGES,
    IMAGES_NORM,
    PHRASES_LSTM,
    SCATTERED,
    SERIES,
    SHAPES,
    TONES,
    WALKS,
)
from _programs.program import Case
from _programs.sources import scattered
from _programs.spoiling import spoiled, trimmed
from _programs.starting import biased, constant, enlarged, glorot, he, normal, slow_statistics
from _programs.stepping import adam, sgd

__all__ = ["CASES"]

_WAVES = replace(WALKS, net=partial(SplitRowsFixed, 20, 1, 32, 1))
_WEIGHED = replace(SHAPES, net=partial(SummedSoftmaxFixed, 8, 4), optimizer=adam(1e-2), epochs=15)
_CODE = replace(FRIEDMAN, net=partial(NormOfOne, 10, 8, 1), optimizer=adam(5e-3))
_BRANCHED = replace(CHECKERS, net=partial(DroppedBranchFixed, 2, 48, 2))
_WITHOUT = replace(SCATTERED, rows=partial(scattered, n=1200, apart=0.7))
_TANH = replace(
    DIGITS, net=partial(mlp, 64, 40, 40, 40, 40, 10, act=nn.Tanh), init=glorot, optimizer=sgd(0.05)
)
_RELU = replace(DIGITS, net=partial(mlp, 64, 48, 48, 48, 48, 48, 10), init=he, optimizer=sgd(0.005))
_DEEP = partial(mlp, 64, *[48] * 10, 10)

_ARCHITECTURE = (
    Case(
        "batch-first-forgotten",
        "RNN",
        "sequence",
        "rows-mixed",
        ("architecture",),
        replace(TONES, net=partial(TimeFirst, nn.GRU, 1, 20, 3)),
        TONES,
    ),
    Case(
        "attention-over-the-batch",
        "Transformer",
        "tokens",
        "rows-mixed",
        ("architecture",),
        replace(ECHOES, net=partial(Attending, 6, 8, 2, batch_first=False)),
        ECHOES,
    ),
    Case(
        "reshaped-across-rows",
        "MLP",
        "sequence",
        "rows-mixed",
        ("architecture",),
        replace(_WAVES, net=partial(SplitRows, 20, 1, 32, 1)),
        _WAVES,
    ),
    Case(
        "weights-summed-to-one",
        "CNN",
        "image",
        "input-ignored",
        ("architecture",),
        replace(_WEIGHED, net=partial(SummedSoftmax, 8, 4)),
        _WEIGHED,
    ),
    Case(
        "layer-norm-of-one-unit",
        "MLP",
        "table",
        "input-ignored",
        ("architecture", "normalisation"),
        replace(_CODE, net=partial(NormOfOne, 10, 1, 1)),
        _CODE,
    ),
    Case(
        "branch-computed-and-forgotten",
        "MLP",
        "table",
        "part-unused",
        ("architecture",),
        replace(_BRANCHED, net=partial(DroppedBranch, 2, 48, 2)),
        _BRANCHED,
    ),
    Case(
        "no-grad-left-in-the-encoder",
        "Transformer",
        "tokens",
        "part-unused",
        ("architecture",),
        replace(ECHOES, net=partial(FrozenEncoder, 6, 8, 2)),
        ECHOES,
    ),
    Case(
        "data-taken-on-the-way",
        "RNN",
        "tokens",
        "part-unused",
        ("architecture",),
        replace(PHRASES_LSTM, net=partial(FrozenBody, nn.LSTM, 12, 20, 2, words=40)),
        PHRASES_LSTM,
    ),
    Case(
        "one-unit-in-the-middle",
        "MLP",
        "image",
        "bottleneck",
        ("architecture",),
        replace(DIGITS_ADAM, net=partial(mlp, 64, 64, 1, 32, 10)),
        DIGITS_ADAM,
    ),
    Case(
        "two-units-for-copies",
        "MLP",
        "table",
        "bottleneck",
        ("architecture",),
        replace(_WITHOUT, net=partial(mlp, 16, 48, 1, 48, 4)),
        _WITHOUT,
    ),
    Case(
        "three-units-for-a-board",
        "MLP",
        "table",
        "too-small",
        ("architecture",),
        replace(CHECKERS, net=partial(mlp, 2, 3, 2)),
        CHECKERS,
    ),
    Case(
        "gru-of-two-units",
        "RNN",
        "tokens",
        "too-small",
        ("architecture",),
        replace(DELAYED, net=partial(Recurring, nn.GRU, 10, 2, 6, words=6, each=True)),
        DELAYED,
    ),
    Case(
        "thousands-of-units-for-a-line",
        "MLP",
        "table",
        "too-large",
        ("architecture", "regularisation"),
        replace(CONCRETE, net=partial(mlp, 8, 400, 400, 1), epochs=15),
        replace(CONCRETE, epochs=15),
        "hint",
    ),
    Case(
        "forty-layers-of-eight",
        "MLP",
        "image",
        "too-deep",
        ("architecture", "initialisation", "normalisation", "activation"),
        replace(DIGITS_ADAM, net=partial(mlp, 64, *[8] * 40, 10), init=he),
        replace(DIGITS_ADAM, init=he),
    ),
)

_WEIGHTS = (
    Case(
        "all-weights-zero",
        "CNN",
        "image",
        "weights-equal",
        ("initialisation",),
        replace(IMAGES, init=constant(0.0)),
        IMAGES,
    ),
    Case(
        "all-weights-a-tenth",
        "MLP",
        "image",
        "weights-equal",
        ("initialisation",),
        replace(DIGITS_ADAM, init=constant(0.1)),
        DIGITS_ADAM,
    ),
    Case(
        "lstm-filled-with-ones",
        "RNN",
        "sequence",
        "weights-equal",
        ("initialisation",),
        replace(SERIES, init=constant(0.3)),
        SERIES,
    ),
    Case(
        "normal-of-a-hundredth",
        "MLP",
        "image",
        "weights-too-small",
        ("initialisation",),
        replace(_TANH, init=normal(0.01)),
        _TANH,
    ),
    Case(
        "cnn-of-thousandths",
        "CNN",
        "image",
        "weights-too-small",
        ("initialisation",),
        replace(IMAGES, init=normal(0.002), optimizer=sgd(0.05, 0.9)),
        replace(IMAGES, optimizer=sgd(0.05, 0.9)),
    ),
    Case(
        "tanh-with-unit-normal",
        "MLP",
        "image",
        "weights-too-large",
        ("initialisation", "activation"),
        replace(_TANH, init=normal(1.0)),
        _TANH,
    ),
    Case(
        "relu-with-unit-normal",
        "MLP",
        "image",
        "weights-too-large",
        ("initialisation",),
        replace(_RELU, init=normal(1.0)),
        _RELU,
    ),
    Case(
        "cnn-with-unit-normal",
        "CNN",
        "image",
        "weights-too-large",
        ("initialisation",),
        replace(SHAPES, init=normal(1.0), optimizer=sgd(0.02, 0.9), epochs=8),
        replace(SHAPES, init=he, optimizer=sgd(0.02, 0.9), epochs=8),
    ),
    Case(
        "head-a-hundred-times-as-large",
        "MLP",
        "table",
        "outputs-too-large",
        ("initialisation",),
        replace(CONCRETE, init=enlarged(100.0), epochs=15),
        replace(CONCRETE, epochs=15),
    ),
    Case(
        "outputs-amplified",
        "MLP",
        "table",
        "lazy",
        ("initialisation",),
        replace(FRIEDMAN, net=partial(Amplified, 100.0, 10, 64, 1), optimizer=sgd(2e-6, 0.9)),
        replace(FRIEDMAN, net=partial(Amplified, 1.0, 10, 64, 1)),
        "hint",
    ),
)

_ACTIVATION = (
    Case(
        "biases-below-zero",
        "MLP",
        "image",
        "dead-units",
        ("activation", "initialisation"),
        replace(DIGITS_ADAM, init=biased(-4.0)),
        DIGITS_ADAM,
    ),
    Case(
        "cnn-biases-below-zero",
        "CNN",
        "image",
        "dead-units",
        ("activation", "initialisation"),
        replace(SHAPES, init=biased(-3.0)),
        SHAPES,
    ),
    Case(
        "tanh-of-twenty-times",
        "MLP",
        "image",
        "saturated-units",
        ("activation", "initialisation"),
        replace(DIGITS, net=partial(mlp, 64, 48, 48, 48, 10, act=partial(Sharp, 30.0))),
        replace(DIGITS, net=partial(mlp, 64, 48, 48, 48, 10, act=nn.Tanh), optimizer=sgd(0.03)),
    ),
    Case(
        "six-sigmoids",
        "MLP",
        "image",
        "activation-contracts",
        ("activation", "initialisation", "normalisation", "architecture"),
        replace(DIGITS, net=partial(mlp, 64, *[40] * 6, 10, act=nn.Sigmoid)),
        replace(DIGITS, net=partial(mlp, 64, *[40] * 6, 10), init=he, optimizer=sgd(0.005)),
    ),
    Case(
        "sigmoid-in-a-cnn",
        "CNN",
        "image",
        "activation-contracts",
        ("activation", "initialisation", "normalisation"),
        replace(IMAGES, net=partial(cnn, 10, act=nn.Sigmoid), optimizer=sgd(0.05, 0.9)),
        replace(IMAGES, optimizer=sgd(0.05, 0.9)),
    ),
    Case(
        "linear-all-through",
        "MLP",
        "table",
        "no-activation",
        ("activation", "architecture"),
        replace(CHECKERS, net=partial(mlp, 2, 48, 48, 2, act=nn.Identity)),
        CHECKERS,
    ),
    Case(
        "regression-without-relu",
        "MLP",
        "table",
        "no-activation",
        ("activation", "architecture"),
        replace(CONCRETE, net=partial(mlp, 8, 32, 32, 1, act=nn.Identity)),
        CONCRETE,
    ),
)

_NORMALISATION = (
    Case(
        "batch-norm-of-two-rows",
        "CNN",
        "image",
        "norm-of-tiny-batches",
        ("normalisation", "batch"),
        replace(
            IMAGES_NORM,
            rows=spoiled(IMAGES_NORM.rows, trimmed(400)),
            net=partial(flat_normed, 64, 48, 10),
            batch_size=2,
        ),
        replace(
            IMAGES_NORM, rows=spoiled(IMAGES_NORM.rows, trimmed(400)), net=partial(flat_normed, 64, 48, 10)
        ),
    ),
    Case(
        "momentum-from-another-framework",
        "CNN",
        "image",
        "norm-statistics-stale",
        ("normalisation",),
        replace(IMAGES_NORM, init=slow_statistics),
        IMAGES_NORM,
    ),
    Case(
        "dropout-then-batch-norm",
        "MLP",
        "image",
        "dropout-before-norm",
        ("normalisation", "regularisation"),
        replace(DIGITS, net=partial(dropped_and_normed, 0.5)),
        replace(DIGITS, net=partial(mlp, 64, 64, 32, 10, norm=True, dropout=0.5)),
        "hint",
    ),
    Case(
        "ten-plain-layers",
        "MLP",
        "image",
        "norm-missing",
        ("normalisation", "initialisation", "architecture", "activation"),
        replace(DIGITS, net=_DEEP, optimizer=sgd(0.01, 0.5), epochs=20),
        replace(DIGITS, net=partial(_DEEP, norm=True), optimizer=sgd(0.01, 0.5), epochs=20),
    ),
)

CASES = (*_ARCHITECTURE, *_WEIGHTS, *_ACTIVATION, *_NORMALISATION)
