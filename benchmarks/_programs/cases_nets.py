"""Mistakes in first weights, activations and norms."""

from dataclasses import replace
from functools import partial

from torch import nn

from _programs.nets import cnn, mlp
from _programs.odd_nets import (
    Amplified,
    Sharp,
    dropped_and_normed,
    flat_normed,
)
from _programs.plans import (
    CHECKERS,
    CONCRETE,
    DIGITS,
    DIGITS_ADAM,
    FRIEDMAN,
    IMAGES,
    IMAGES_NORM,
    SERIES,
    SHAPES,
)
from _programs.program import Case
from _programs.spoiling import spoiled, trimmed
from _programs.starting import biased, constant, enlarged, glorot, he, normal, slow_statistics
from _programs.stepping import sgd

__all__ = ["CASES"]

_TANH = replace(
    DIGITS, net=partial(mlp, 64, 40, 40, 40, 40, 10, act=nn.Tanh), init=glorot, optimizer=sgd(0.05)
)
_RELU = replace(DIGITS, net=partial(mlp, 64, 48, 48, 48, 48, 48, 10), init=he, optimizer=sgd(0.005))
_DEEP = partial(mlp, 64, *[48] * 10, 10)

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

CASES = (*_WEIGHTS, *_ACTIVATION, *_NORMALISATION)
