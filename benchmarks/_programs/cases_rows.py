"""Mistakes in data and labels."""

from dataclasses import replace
from functools import partial

import torch
from torch import nn

from _programs.judging import accuracy, honestly, sided
from _programs.plans import (
    ADULT,
    CONCRETE,
    DIGITS,
    DIGITS_ADAM,
    FRIEDMAN,
    IMAGES,
    IMAGES_NORM,
    MATCHED,
    PHRASES,
    PHRASES_LSTM,
    RARE,
    SCATTERED,
    SHAPES,
    TONES,
    TONES_LSTM,
    WALKS,
)
from _programs.program import Case, Plan
from _programs.sources import adult_raw, concrete_raw, digits_raw, friedman
from _programs.spoiling import (
    Change,
    annotated,
    conflicting,
    every_row_the_first,
    gaps,
    leaked,
    noisy,
    oversampled,
    scaled,
    shifted,
    shuffled,
    sorted_by_label,
    spoiled,
    target_gaps,
    targets_scaled,
    trimmed,
)
from _programs.stepping import sgd

__all__ = ["CASES"]


def _with(plan: Plan, change: Change) -> Plan:
    return replace(plan, rows=spoiled(plan.rows, change))


_CONCRETE_SGD = replace(CONCRETE, optimizer=sgd(0.02, 0.9))
_RARE_WEIGHED = replace(RARE, loss=nn.BCEWithLogitsLoss(pos_weight=torch.tensor([16.0])))
_FEW_DIGITS = replace(
    _with(DIGITS, trimmed(150)), epochs=25, optimizer=sgd(0.05, 0.9), judge=honestly(accuracy)
)
_FEW_SHAPES = replace(_with(SHAPES, trimmed(100)), epochs=25, judge=honestly(accuracy))
_FEW_PAIRS = replace(MATCHED, judge=honestly(sided))
_BURIED = replace(FRIEDMAN, rows=partial(friedman, n=600))
_ASKED = replace(
    SCATTERED,
    rows=spoiled(SCATTERED.rows, lambda rows, draw: annotated(3, rows)),
    optimizer=sgd(0.02, 0.9),
    epochs=6,
)

_SCALES = (
    Case(
        "concrete-as-measured",
        "MLP",
        "table",
        "inputs-unscaled",
        ("data", "learning rate"),
        replace(_CONCRETE_SGD, rows=concrete_raw),
        _CONCRETE_SGD,
    ),
    Case(
        "census-in-dollars",
        "MLP",
        "table",
        "inputs-unscaled",
        ("data",),
        replace(ADULT, rows=adult_raw),
        ADULT,
    ),
    Case(
        "pixels-to-255",
        "MLP",
        "image",
        "inputs-unscaled",
        ("data", "learning rate"),
        replace(DIGITS, rows=digits_raw),
        DIGITS,
    ),
    Case(
        "images-to-255",
        "CNN",
        "image",
        "inputs-unscaled",
        ("data", "learning rate"),
        replace(_with(IMAGES, scaled(0.376 * 255, 0.305 * 255)), optimizer=sgd(0.02, 0.9)),
        replace(IMAGES, optimizer=sgd(0.02, 0.9)),
    ),
    Case(
        "lstm-on-a-price-level",
        "RNN",
        "sequence",
        "inputs-unscaled",
        ("data", "activation"),
        _with(TONES_LSTM, scaled(20.0, 1000.0)),
        TONES_LSTM,
    ),
    Case(
        "divided-by-255-twice",
        "MLP",
        "image",
        "inputs-scaled-twice",
        ("data",),
        _with(DIGITS, scaled(1 / 255)),
        DIGITS,
    ),
    Case(
        "images-divided-twice",
        "CNN",
        "image",
        "inputs-scaled-twice",
        ("data",),
        replace(_with(IMAGES, scaled(1 / 255)), optimizer=sgd(0.02, 0.9)),
        replace(IMAGES, optimizer=sgd(0.02, 0.9)),
    ),
    Case(
        "strength-in-pascal",
        "MLP",
        "table",
        "targets-unscaled",
        ("data",),
        _with(CONCRETE, targets_scaled(17000.0, 36000.0)),
        CONCRETE,
    ),
    Case(
        "gru-says-prices",
        "RNN",
        "sequence",
        "targets-unscaled",
        ("data",),
        _with(WALKS, targets_scaled(300.0, 5000.0)),
        WALKS,
    ),
    Case(
        "targets-in-thousands-sgd",
        "MLP",
        "table",
        "targets-unscaled",
        ("data", "learning rate"),
        _with(FRIEDMAN, targets_scaled(500.0, 1500.0)),
        FRIEDMAN,
    ),
)

_VALUES = (
    Case(
        "loader-forgets-its-index",
        "CNN",
        "image",
        "inputs-constant",
        ("data",),
        _with(IMAGES, every_row_the_first),
        IMAGES,
    ),
    Case(
        "same-window-for-all",
        "RNN",
        "sequence",
        "inputs-constant",
        ("data",),
        _with(WALKS, every_row_the_first),
        WALKS,
    ),
    Case(
        "gaps-left-in", "MLP", "table", "inputs-not-finite", ("data",), _with(CONCRETE, gaps(0.005)), CONCRETE
    ),
    Case(
        "logarithms-of-zero",
        "RNN",
        "sequence",
        "inputs-not-finite",
        ("data",),
        _with(TONES, gaps(0.002, float("-inf"))),
        TONES,
    ),
    Case(
        "targets-missing",
        "MLP",
        "table",
        "targets-not-finite",
        ("data",),
        _with(_BURIED, target_gaps(0.02)),
        _BURIED,
    ),
    Case(
        "next-value-missing",
        "RNN",
        "sequence",
        "targets-not-finite",
        ("data",),
        _with(WALKS, target_gaps(0.01)),
        WALKS,
    ),
    Case(
        "validated-on-training-rows",
        "MLP",
        "image",
        "rows-leak",
        ("data",),
        _with(_FEW_DIGITS, leaked),
        _FEW_DIGITS,
    ),
    Case(
        "validated-on-drawn-twice",
        "CNN",
        "image",
        "rows-leak",
        ("data",),
        _with(_FEW_SHAPES, leaked),
        _FEW_SHAPES,
    ),
    Case(
        "oversampled-then-split",
        "MLP",
        "image",
        "rows-leak",
        ("data",),
        _with(_FEW_PAIRS, oversampled(4)),
        _FEW_PAIRS,
    ),
    Case("rare-class-forgotten", "MLP", "table", "class-imbalance", ("data",), RARE, _RARE_WEIGHED),
)

_LABELS = (
    Case(
        "inputs-shuffled-alone",
        "MLP",
        "image",
        "labels-unrelated",
        ("labels",),
        _with(DIGITS_ADAM, shuffled),
        DIGITS_ADAM,
    ),
    Case(
        "images-shuffled-alone",
        "CNN",
        "image",
        "labels-unrelated",
        ("labels",),
        _with(SHAPES, shuffled),
        SHAPES,
    ),
    Case(
        "table-joined-wrongly",
        "MLP",
        "table",
        "labels-unrelated",
        ("labels",),
        _with(CONCRETE, shuffled),
        CONCRETE,
    ),
    Case(
        "one-row-dropped",
        "MLP",
        "table",
        "labels-shifted",
        ("labels",),
        _with(SCATTERED, shifted(1)),
        SCATTERED,
    ),
    Case(
        "header-counted",
        "CNN",
        "image",
        "labels-shifted",
        ("labels",),
        _with(IMAGES_NORM, shifted(-1)),
        IMAGES_NORM,
    ),
    Case(
        "annotators-disagree",
        "MLP",
        "table",
        "labels-conflicting",
        ("labels",),
        replace(_ASKED, rows=spoiled(SCATTERED.rows, conflicting(3, 0.5, 4))),
        _ASKED,
    ),
    Case(
        "a-third-of-labels-wrong",
        "CNN",
        "image",
        "labels-noisy",
        ("labels", "regularisation"),
        _with(IMAGES, noisy(0.4, 10)),
        IMAGES,
    ),
    Case(
        "crowd-labels",
        "MLP",
        "image",
        "labels-noisy",
        ("labels", "regularisation"),
        _with(DIGITS_ADAM, noisy(0.35, 10)),
        DIGITS_ADAM,
    ),
    Case(
        "reviews-shuffled",
        "Transformer",
        "tokens",
        "labels-unrelated",
        ("labels",),
        _with(PHRASES, shuffled),
        PHRASES,
    ),
    Case(
        "reviews-off-by-one",
        "RNN",
        "tokens",
        "labels-shifted",
        ("labels",),
        _with(PHRASES_LSTM, shifted(1)),
        PHRASES_LSTM,
    ),
)

_PLAIN_IMAGES = replace(IMAGES, optimizer=sgd(0.02, 0.9))

_ORDER = (
    Case(
        "folder-by-folder",
        "CNN",
        "image",
        "rows-in-order",
        ("loop",),
        replace(_with(_PLAIN_IMAGES, sorted_by_label), ordered=True),
        replace(_PLAIN_IMAGES, ordered=True),
    ),
)

CASES = (*_SCALES, *_VALUES, *_LABELS, *_ORDER)
