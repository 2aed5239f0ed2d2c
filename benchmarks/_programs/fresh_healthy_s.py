"""Everyday trainings without a mistake: tables, pictures, sequences and words, each with its own habits."""

from dataclasses import replace
from functools import partial

import torch
from torch import nn

from _programs.fresh_data_s import badges, bumps, diabetics, gestures, loads, tumour_cells, vintages
from _programs.fresh_nets_s import Encoder, Hearing, Pooled, Reader, Seeing, dense
from _programs.fresh_plans_s import (
    BADGES,
    BICYCLES,
    BUMPS,
    CUSTOMERS,
    GESTURES,
    LOADS,
    MACHINES,
    PULSES,
    RENTS,
    SYLLABLES,
    TAGS,
    TICKETS,
)
from _programs.judging import accuracy, by, explained
from _programs.program import Plan, Program
from _programs.stepping import Make, adam, adamw, rmsprop, sgd

__all__ = ["HEALTHY"]


def _adagrad(lr: float) -> Make:
    return lambda model: torch.optim.Adagrad(model.parameters(), lr=lr)


_TUMOURS = Plan(
    tumour_cells,
    partial(dense, 30, 16, 2, norm=nn.BatchNorm1d),
    nn.CrossEntropyLoss(),
    sgd(0.003, 0.9),
    30,
    by(accuracy),
    16,
)
_VINTAGES = Plan(
    vintages,
    partial(dense, 13, 12, 3, act=nn.Tanh),
    nn.CrossEntropyLoss(),
    rmsprop(1e-3),
    50,
    by(accuracy),
    8,
)
_PATIENTS = Plan(diabetics, partial(dense, 10, 6, 1), nn.HuberLoss(), sgd(0.003, 0.5), 25, by(explained), 8)

HEALTHY: tuple[Program, ...] = (
    Program(
        "rents-by-nesterov",
        "MLP",
        "table",
        build=replace(
            RENTS,
            net=partial(dense, 5, 24, 24, 1, act=nn.GELU),
            optimizer=sgd(0.02, 0.9, nesterov=True),
            batch_size=64,
            epochs=30,
        ),
    ),
    Program("bicycles-counted", "MLP", "table", build=BICYCLES),
    Program(
        "customers-by-adagrad",
        "MLP",
        "table",
        build=replace(
            CUSTOMERS,
            net=partial(dense, 8, 48, 24, 1, act=nn.LeakyReLU, drop=0.1),
            optimizer=_adagrad(0.015),
            batch_size=32,
        ),
    ),
    Program(
        "four-faults-under-layer-norms",
        "MLP",
        "table",
        build=replace(
            MACHINES, net=partial(dense, 10, 32, 32, 4, norm=nn.LayerNorm), batch_size=32, epochs=20
        ),
    ),
    Program("tumour-cells-under-batch-norms", "MLP", "table", build=_TUMOURS),
    Program("vintages-by-rmsprop", "MLP", "table", build=_VINTAGES),
    Program("patients-by-a-robust-loss", "MLP", "table", build=_PATIENTS),
    Program(
        "pulses-through-ten-numbers",
        "MLP",
        "sequence",
        build=replace(PULSES, net=partial(dense, 48, 64, 10, 64, 48, act=nn.GELU), optimizer=adamw(3e-3)),
    ),
    Program(
        "badges-under-batch-norms",
        "CNN",
        "image",
        build=replace(
            BADGES,
            rows=partial(badges, n=1400),
            net=partial(Seeing, 3, 12, 5, filters=6, norm=True),
            optimizer=adamw(3e-3),
            batch_size=64,
            epochs=12,
        ),
    ),
    Program(
        "where-the-bright-spot-is",
        "CNN",
        "image",
        build=replace(BUMPS, rows=partial(bumps, n=1400), optimizer=sgd(0.03, 0.9), epochs=12),
    ),
    Program(
        "gestures-by-averages-along-time",
        "CNN",
        "sequence",
        build=replace(
            GESTURES,
            rows=partial(gestures, n=1400),
            net=partial(Hearing, 3, 4, 20, 3, nn.GELU, "mean"),
            optimizer=adam(2e-3),
        ),
    ),
    Program(
        "gestures-by-attention-over-states",
        "RNN",
        "sequence",
        build=replace(GESTURES, net=partial(Pooled, 3, 12, 4), optimizer=adam(5e-3), epochs=12),
    ),
    Program(
        "loads-by-long-memory",
        "RNN",
        "sequence",
        build=replace(
            LOADS,
            rows=partial(loads, n=1000),
            net=partial(Reader, nn.LSTM, 1, 24, 6),
            optimizer=rmsprop(5e-3),
            epochs=18,
        ),
    ),
    Program(
        "tags-read-from-both-ends",
        "RNN",
        "tokens",
        build=replace(
            TAGS,
            net=partial(Reader, nn.GRU, 10, 14, 4, words=30, each=True, both=True),
            batch_size=16,
            epochs=12,
        ),
    ),
    Program(
        "letters-by-two-layers-of-attention",
        "Transformer",
        "tokens",
        build=replace(
            SYLLABLES,
            net=partial(Encoder, 20, 24, layers=2, words=24, each=True, causal=True),
            optimizer=adamw(3e-3),
            epochs=15,
        ),
    ),
    Program("complaints-sorted", "Transformer", "tokens", build=replace(TICKETS, batch_size=64, epochs=10)),
)
