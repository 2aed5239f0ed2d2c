"""Everyday trainings without a mistake, which the everyday cases spoil one at a time."""

from functools import partial

from torch import Tensor, nn

from _programs.fresh_data_s import (
    badges,
    bicycles,
    bumps,
    customers,
    gestures,
    loads,
    machines,
    numerals,
    pulses,
    rents,
    rings,
    syllables,
    tags,
    tickets,
)
from _programs.fresh_nets_s import Encoder, Hearing, Reader, Seeing, dense
from _programs.judging import accuracy, by, copied, explained, foretold, sided
from _programs.losses import places
from _programs.program import Plan
from _programs.stepping import adam, adamw, sgd

__all__ = [
    "BADGES",
    "BICYCLES",
    "BUMPS",
    "CUSTOMERS",
    "GESTURES",
    "LOADS",
    "MACHINES",
    "NUMERALS",
    "PULSES",
    "RENTS",
    "RINGS",
    "SYLLABLES",
    "TAGS",
    "TICKETS",
    "counted",
]

_CROSS, _SQUARES, _YES = nn.CrossEntropyLoss(), nn.MSELoss(), nn.BCEWithLogitsLoss()


def counted(outputs: Tensor, targets: Tensor) -> float:
    """Share of the counts' variance that expected counts explain, told by their logarithms."""
    return explained(outputs.clamp_max(20.0).exp(), targets)


RENTS = Plan(rents, partial(dense, 5, 32, 32, 1), _SQUARES, adam(3e-3), 25, by(explained), 32)
CUSTOMERS = Plan(customers, partial(dense, 8, 32, 16, 1), _YES, adam(3e-3), 25, by(sided), 64)
MACHINES = Plan(
    machines, partial(dense, 10, 64, 32, 4, act=nn.LeakyReLU), _YES, adamw(5e-3), 15, by(sided), 64
)
BADGES = Plan(badges, partial(Seeing, 3, 12, 5, act=nn.ReLU), _CROSS, adam(3e-3), 15, by(accuracy), 32)
NUMERALS = Plan(numerals, partial(Seeing, 1, 8, 10, act=nn.ELU), _CROSS, sgd(0.03, 0.9), 12, by(accuracy), 32)
BUMPS = Plan(bumps, partial(Seeing, 1, 14, 2, act=nn.SiLU), _SQUARES, adam(3e-3), 15, by(explained), 32)
GESTURES = Plan(gestures, partial(Hearing, 3, 4), _CROSS, adam(3e-3), 20, by(accuracy), 32)
LOADS = Plan(loads, partial(Reader, nn.GRU, 1, 24, 6), _SQUARES, adam(1e-2), 15, by(explained), 32)
TICKETS = Plan(tickets, partial(Encoder, 16, 3, words=60), _CROSS, adam(2e-3), 8, by(accuracy), 32)
TAGS = Plan(
    tags, partial(Reader, nn.LSTM, 12, 20, 4, words=30, each=True), places, adam(1e-2), 20, by(accuracy), 32
)
SYLLABLES = Plan(
    syllables,
    partial(Encoder, 20, 24, width=24, words=24, each=True, causal=True),
    places,
    adam(5e-3),
    20,
    foretold,
    32,
)
PULSES = Plan(pulses, partial(dense, 48, 48, 8, 48, 48, act=nn.ELU), _SQUARES, adam(3e-3), 30, by(copied), 32)
RINGS = Plan(rings, partial(dense, 2, 24, 1, act=nn.Tanh), _YES, sgd(0.1, 0.9), 20, by(sided), 16)
BICYCLES = Plan(
    bicycles, partial(dense, 6, 32, 1, act=nn.SiLU), nn.PoissonNLLLoss(), adam(3e-3), 20, by(counted), 32
)
