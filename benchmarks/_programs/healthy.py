"""Programs with nothing wrong, some of which look as if there were: a diagnosis should keep silent."""

from dataclasses import replace
from functools import partial

import torch
from torch import nn

from _programs.healthy_loops import LOOPS
from _programs.judging import by, heads_sorted
from _programs.losses import both_heads, focal, smoothed
from _programs.nets import Attending, Doubled, Heads, Recurring, cnn, mlp, resnet
from _programs.plans import (
    ADULT,
    CHECKERS,
    CONCRETE,
    COPIES,
    DELAYED,
    DIGITS,
    DIGITS_ADAM,
    ECHOES,
    FRIEDMAN,
    IMAGES,
    IMAGES_NORM,
    MATCHED,
    PARTS,
    PHRASES,
    PHRASES_LSTM,
    RARE,
    RESNET,
    SCATTERED,
    SERIES,
    SHAPES,
    SUCCESSORS,
    TONES,
    TONES_LSTM,
    WALKS,
)
from _programs.program import Architecture, Family, Plan, Program
from _programs.sources import friedman, sized
from _programs.spoiling import noisy, scaled, spoiled, targets_scaled, trimmed, valid_trimmed
from _programs.starting import glorot, he, orthogonal
from _programs.stepping import adam, adamw, lbfgs, rmsprop, sgd

__all__ = ["HEALTHY"]


def _good(name: str, architecture: Architecture, family: Family, plan: Plan) -> Program:
    return Program(name, architecture, family, build=plan)


_TABLES = (
    _good("census", "MLP", "table", replace(ADULT, optimizer=adamw(3e-3, 0.05))),
    _good("concrete", "MLP", "table", replace(CONCRETE, optimizer=adam(3e-3, weight_decay=1e-4))),
    _good("board-of-fields", "MLP", "table", replace(CHECKERS, net=partial(mlp, 2, 64, 64, 2, act=nn.GELU))),
    _good("clouds-nesterov", "MLP", "table", replace(SCATTERED, optimizer=sgd(0.02, 0.9, nesterov=True))),
    _good("curved-target-rmsprop", "MLP", "table", replace(FRIEDMAN, optimizer=rmsprop(2e-3))),
    _good(
        "curved-target-lbfgs",
        "MLP",
        "table",
        replace(
            FRIEDMAN,
            net=partial(mlp, 10, 12, 1, act=nn.Tanh),
            optimizer=lbfgs(),
            epochs=6,
            batch_size=500,
        ),
    ),
    _good("five-targets-at-once", "MLP", "table", PARTS),
    _good(
        "rare-class-weighed",
        "MLP",
        "table",
        replace(
            RARE, loss=nn.BCEWithLogitsLoss(pos_weight=torch.tensor([16.0])), optimizer=adam(3e-3), epochs=8
        ),
    ),
    _good("census-focal-loss", "MLP", "table", replace(ADULT, loss=focal)),
    _good(
        "noisy-target",
        "MLP",
        "table",
        replace(FRIEDMAN, rows=partial(friedman, noise=0.7), optimizer=sgd(0.01, 0.9), epochs=16),
    ),
    _good("huber-regression", "MLP", "table", replace(FRIEDMAN, loss=nn.HuberLoss(), optimizer=adam(5e-3))),
    _good("absolute-errors", "MLP", "table", replace(CONCRETE, loss=nn.L1Loss())),
    _good(
        "small-data-small-network",
        "MLP",
        "table",
        replace(
            SCATTERED,
            rows=spoiled(SCATTERED.rows, trimmed(120)),
            net=partial(mlp, 16, 24, 4),
            optimizer=sgd(0.02, 0.9, weight_decay=1e-2),
            batch_size=16,
            epochs=15,
        ),
    ),
    _good(
        "few-validation-rows",
        "MLP",
        "table",
        replace(ADULT, rows=spoiled(ADULT.rows, valid_trimmed(40)), epochs=10),
    ),
    _good(
        "two-heads",
        "MLP",
        "table",
        Plan(sized, partial(Heads, 12, 32, 3), both_heads, adam(5e-3), 15, by(heads_sorted)),
    ),
    _good(
        "two-inputs", "MLP", "table", replace(FRIEDMAN, net=partial(Doubled, 5, 24, 1), optimizer=adam(3e-3))
    ),
    _good(
        "ages-and-targets-offset",
        "MLP",
        "table",
        replace(CONCRETE, rows=spoiled(CONCRETE.rows, targets_scaled(1.5, 3.0)), epochs=50),
    ),
    _good("selu-network", "MLP", "table", replace(CONCRETE, net=partial(mlp, 8, 32, 32, 1, act=nn.SELU))),
)

_IMAGES = (
    _good("digits-sgd", "MLP", "image", DIGITS),
    _good("digits-momentum", "MLP", "image", replace(DIGITS, optimizer=sgd(0.03, 0.9), epochs=12)),
    _good(
        "digits-tanh-near-one",
        "MLP",
        "image",
        replace(DIGITS, net=partial(mlp, 64, 64, 32, 10, act=nn.Tanh), init=glorot, epochs=20),
    ),
    _good(
        "digits-sparse-relu",
        "MLP",
        "image",
        replace(DIGITS, net=partial(mlp, 64, 256, 10), optimizer=sgd(0.1, 0.5)),
    ),
    _good(
        "digits-dropout", "MLP", "image", replace(DIGITS_ADAM, net=partial(mlp, 64, 96, 48, 10, dropout=0.3))
    ),
    _good(
        "digits-batch-norm",
        "MLP",
        "image",
        replace(DIGITS, net=partial(mlp, 64, 48, 48, 10, norm=True), optimizer=sgd(0.03, 0.9), epochs=10),
    ),
    _good("digits-smoothed", "MLP", "image", replace(DIGITS_ADAM, loss=smoothed)),
    _good("digits-weight-decay", "MLP", "image", replace(DIGITS, optimizer=sgd(0.1, weight_decay=3e-3))),
    _good(
        "digits-six-layers",
        "MLP",
        "image",
        replace(DIGITS, net=partial(mlp, 64, *[64] * 6, 10), init=he, optimizer=sgd(0.02, 0.5)),
    ),
    _good(
        "digits-orthogonal",
        "MLP",
        "image",
        replace(DIGITS, net=partial(mlp, 64, 48, 48, 10), init=orthogonal, optimizer=sgd(0.03)),
    ),
    _good(
        "digits-few-wrong-labels",
        "MLP",
        "image",
        replace(DIGITS, rows=spoiled(DIGITS.rows, noisy(0.02, 10)), epochs=12),
    ),
    _good(
        "digits-beyond-one",
        "MLP",
        "image",
        replace(DIGITS, rows=spoiled(DIGITS.rows, scaled(1.4)), optimizer=sgd(0.05)),
    ),
    _good("digits-copied", "MLP", "image", COPIES),
    _good("digits-matched", "MLP", "image", MATCHED),
    _good("cnn-adam", "CNN", "image", IMAGES),
    _good("cnn-batch-norm", "CNN", "image", IMAGES_NORM),
    _good("cnn-dropout", "CNN", "image", replace(IMAGES, net=partial(cnn, 10, dropout=0.3), epochs=10)),
    _good("cnn-leaky", "CNN", "image", replace(SHAPES, net=partial(cnn, 4, size=12, act=nn.LeakyReLU))),
    _good(
        "cnn-sparse-relu",
        "CNN",
        "image",
        replace(SHAPES, net=partial(cnn, 4, size=12, channels=16), epochs=8),
    ),
    _good("cnn-adamw", "CNN", "image", replace(SHAPES, optimizer=adamw(3e-3, 0.05))),
    _good("resnet-shapes", "CNN", "image", RESNET),
    _good(
        "resnet-digits",
        "CNN",
        "image",
        replace(IMAGES, net=partial(resnet, 10), optimizer=adam(3e-3), epochs=5),
    ),
)

_SEQUENCES = (
    _good("gru-tones", "RNN", "sequence", TONES),
    _good("lstm-tones", "RNN", "sequence", TONES_LSTM),
    _good("gru-next-value", "RNN", "sequence", WALKS),
    _good("lstm-sum-of-two", "RNN", "sequence", SERIES),
    _good(
        "two-layer-gru",
        "RNN",
        "sequence",
        replace(SERIES, net=partial(Recurring, nn.GRU, 2, 16, 1, layers=2), epochs=12),
    ),
    _good("lstm-reviews", "RNN", "tokens", PHRASES_LSTM),
    _good("gru-delayed", "RNN", "tokens", DELAYED),
    _good(
        "plain-rnn-next-value",
        "RNN",
        "sequence",
        replace(WALKS, net=partial(Recurring, nn.RNN, 1, 16, 1), optimizer=adam(5e-3)),
    ),
    _good("transformer-reviews", "Transformer", "tokens", PHRASES),
    _good("transformer-next-word", "Transformer", "tokens", replace(SUCCESSORS, epochs=7)),
    _good("transformer-echoes", "Transformer", "tokens", replace(ECHOES, optimizer=adamw(5e-3))),
    _good(
        "transformer-two-layers",
        "Transformer",
        "tokens",
        replace(
            SUCCESSORS,
            net=partial(Attending, 12, 16, 12, each=True, layers=2, width=16, dropout=0.1),
            optimizer=adam(3e-3),
            epochs=7,
        ),
    ),
)

HEALTHY = (*_TABLES, *_IMAGES, *_SEQUENCES, *LOOPS)
