"""Mistakes in architecture."""

from dataclasses import replace
from functools import partial

from torch import nn

from _programs.judging import foretold
from _programs.nets import Attending, Recurring, mlp
from _programs.odd_nets import (
    DroppedBranch,
    DroppedBranchFixed,
    FrozenBody,
    FrozenEncoder,
    NormOfOne,
    SplitRows,
    SplitRowsFixed,
    SummedSoftmax,
    SummedSoftmaxFixed,
    TimeFirst,
)
from _programs.plans import (
    CHECKERS,
    CONCRETE,
    DELAYED,
    DIGITS_ADAM,
    ECHOES,
    FRIEDMAN,
    PHRASES_LSTM,
    SCATTERED,
    SHAPES,
    SUCCESSORS,
    TONES,
    WALKS,
)
from _programs.program import Case
from _programs.sources import scattered
from _programs.starting import he
from _programs.stepping import adam

__all__ = ["CASES"]

_WAVES = replace(WALKS, net=partial(SplitRowsFixed, 20, 1, 32, 1))
_WEIGHED = replace(SHAPES, net=partial(SummedSoftmaxFixed, 8, 4), optimizer=adam(1e-2), epochs=15)
_CODE = replace(FRIEDMAN, net=partial(NormOfOne, 10, 8, 1), optimizer=adam(5e-3))
_BRANCHED = replace(CHECKERS, net=partial(DroppedBranchFixed, 2, 48, 2))
_WITHOUT = replace(SCATTERED, rows=partial(scattered, n=1200, apart=0.7))

CASES = (
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
        "mask-forgotten",
        "Transformer",
        "tokens",
        "answer-seen",
        ("architecture",),
        replace(
            SUCCESSORS, net=partial(Attending, 12, 16, 12, each=True, ahead=True), judge=foretold, epochs=25
        ),
        replace(SUCCESSORS, judge=foretold, epochs=25),
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
