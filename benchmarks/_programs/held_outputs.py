"""Mistakes in losses and in outputs: what is asked of a network, and in which form it answers."""

from dataclasses import replace
from functools import partial

from torch import nn

from _programs.held_data_courses import loads
from _programs.held_data_pictures import blurred, spots
from _programs.held_losses_outputs import (
    absolute,
    angle,
    cosine,
    first_alone,
    foremost,
    growers,
    log_cosh,
    nearest,
    numbered,
    overlap,
    overlap_missing,
    pointed,
    powers,
    ratio,
    ratio_of_powers,
    raw_divergence,
    rounded_first,
    share_explained,
    share_unexplained,
    without_zero,
)
from _programs.held_nets_records import Former, Reader, convs, dense, filters
from _programs.held_plans_records import (
    ARMS,
    BLURRED,
    CELLS,
    DECAYS,
    HANDS,
    HOUSES,
    LETTERS,
    LOADS,
    ROUTES,
    SOILS,
    SPOTS,
    SUBJECTS,
    TAGGED,
    TUMOURS,
    WINES,
)
from _programs.judging import by, copied, explained
from _programs.program import Case, Rows
from _programs.stepping import sgd

__all__ = ["CASES"]


def _flat(rows: Rows) -> Rows:
    """Targets [B] instead of [B, 1] to train on."""
    return Rows((rows.train[0], rows.train[1][:, 0]), (rows.valid[0], rows.valid[1][:, 0]), rows.test)


def _spots_flat(seed: int) -> Rows:
    return _flat(spots(seed))


def _pale(seed: int) -> Rows:
    """Blurred digits, and clean ones with grey from 0 to 1."""
    rows = blurred(seed)
    return Rows(*((x, (y + 1) / 2) for x, y in (rows.train, rows.valid, rows.test)))


_MASKS = replace(CELLS, loss=overlap_missing)
_UNEXPLAINED = replace(ARMS, loss=share_unexplained, batch_size=50)
_LIGHT = replace(SPOTS, loss=absolute)
_LIVES = replace(DECAYS, loss=log_cosh)
_TIMES = replace(LOADS, rows=partial(loads, mega=3.0), loss=ratio_of_powers, judge=by(powers), batch_size=20)
_REACHED = replace(
    ARMS, net=partial(dense, 4, 36, 36, 3, act=nn.Tanh), optimizer=sgd(0.05, 0.9), batch_size=25, epochs=30
)
_POINTED = replace(HANDS, loss=cosine, judge=by(pointed))
_PALE = replace(
    BLURRED, rows=_pale, loss=nn.BCEWithLogitsLoss(), judge=by(lambda o, y: copied(o.sigmoid(), y))
)
_NEXT = replace(LETTERS, judge=by(nearest))

CASES = (
    Case(
        "overlap-of-masks-minimised",
        "CNN",
        "image",
        "loss-sign",
        ("loss",),
        replace(_MASKS, loss=overlap),
        _MASKS,
    ),
    Case(
        "share-explained-minimised",
        "MLP",
        "table",
        "loss-sign",
        ("loss",),
        replace(_UNEXPLAINED, loss=share_explained),
        _UNEXPLAINED,
    ),
    Case(
        "rounded-before-the-loss",
        "MLP",
        "table",
        "loss-detached",
        ("loss",),
        replace(TUMOURS, loss=rounded_first),
        TUMOURS,
    ),
    Case(
        "every-plate-against-every-light",
        "CNN",
        "image",
        "loss-broadcasts",
        ("loss",),
        replace(_LIGHT, rows=_spots_flat),
        _LIGHT,
    ),
    Case(
        "lives-said-without-an-axis",
        "RNN",
        "sequence",
        "loss-broadcasts",
        ("loss", "output"),
        replace(_LIVES, net=partial(Reader, nn.GRU, 1, 16, 1, last=(partial(nn.Flatten, 0),))),
        _LIVES,
    ),
    Case(
        "one-subject-each",
        "MLP",
        "table",
        "loss-unsuited",
        ("loss", "output"),
        replace(SUBJECTS, loss=nn.CrossEntropyLoss()),
        SUBJECTS,
    ),
    Case(
        "letters-as-their-numbers",
        "Transformer",
        "tokens",
        "loss-unsuited",
        ("loss", "output"),
        replace(_NEXT, net=partial(Former, 0, 20, 1, words=27, each=True, width=32), loss=numbered),
        _NEXT,
    ),
    Case(
        "prices-as-counts",
        "MLP",
        "table",
        "loss-unsuited",
        ("loss",),
        replace(HOUSES, loss=nn.PoissonNLLLoss()),
        HOUSES,
    ),
    Case(
        "first-tag-taken-for-filling",
        "RNN",
        "tokens",
        "loss-ignores-rows",
        ("loss",),
        replace(TAGGED, loss=without_zero),
        TAGGED,
    ),
    Case(
        "only-the-first-coordinate",
        "MLP",
        "table",
        "loss-ignores-rows",
        ("loss", "output"),
        replace(ARMS, loss=first_alone),
        ARMS,
    ),
    Case(
        "logarithm-of-a-ratio-below-nothing",
        "Transformer",
        "sequence",
        "loss-not-finite",
        ("loss", "output"),
        replace(_TIMES, loss=ratio, judge=by(explained)),
        _TIMES,
    ),
    Case(
        "angle-between-directions",
        "CNN",
        "image",
        "loss-not-finite",
        ("loss",),
        replace(_POINTED, loss=angle),
        _POINTED,
    ),
    Case(
        "softmax-over-letters-and-again",
        "Transformer",
        "tokens",
        "output-activation-twice",
        ("output", "loss"),
        replace(
            LETTERS,
            net=partial(Former, 0, 20, 27, words=27, each=True, width=32, last=(partial(nn.Softmax, -1),)),
        ),
        LETTERS,
    ),
    Case(
        "grey-through-two-sigmoids",
        "CNN",
        "image",
        "output-activation-twice",
        ("output", "loss"),
        replace(_PALE, net=partial(filters, 8, last=(nn.Sigmoid,)), judge=by(copied)),
        _PALE,
    ),
    Case(
        "shares-never-normalised",
        "MLP",
        "table",
        "output-activation-missing",
        ("output", "loss"),
        replace(SOILS, loss=raw_divergence),
        SOILS,
    ),
    Case(
        "sigmoid-for-grey-below-nothing",
        "CNN",
        "image",
        "output-range",
        ("output",),
        replace(BLURRED, net=partial(filters, 8, last=(nn.Sigmoid,))),
        BLURRED,
    ),
    Case(
        "softplus-on-coordinates",
        "MLP",
        "table",
        "output-range",
        ("output",),
        replace(_REACHED, net=partial(dense, 4, 36, 36, 3, act=nn.Tanh, last=(nn.Softplus,))),
        _REACHED,
    ),
    Case(
        "relu-after-the-last-layer-of-routes",
        "RNN",
        "sequence",
        "output-range",
        ("output", "activation"),
        replace(ROUTES, net=partial(Reader, nn.GRU, 2, 16, 2, last=(nn.ReLU,))),
        ROUTES,
    ),
    Case(
        "three-growers-one-logit",
        "MLP",
        "table",
        "output-width",
        ("output", "loss"),
        replace(WINES, net=partial(dense, 13, 16, 1, act=nn.LeakyReLU), loss=growers, judge=by(foremost)),
        WINES,
    ),
    Case(
        "dropout-after-sine-and-cosine",
        "CNN",
        "image",
        "output-dropout",
        ("output", "regularisation"),
        replace(HANDS, net=partial(convs, 2, 14, norm=True, last=(partial(nn.Dropout, 0.4),))),
        HANDS,
    ),
    Case(
        "dropout-after-the-hours",
        "Transformer",
        "sequence",
        "output-dropout",
        ("output", "regularisation"),
        replace(LOADS, net=partial(Former, 1, 24, 6, last=(partial(nn.Dropout, 0.5),))),
        LOADS,
    ),
)
