"""Everyday mistakes in losses and in the last layer: shapes, signs, weights, activations, widths."""

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from _programs.fresh_data_s import classed_rents, loads
from _programs.fresh_nets_s import Encoder, Hearing, Reader, Seeing, dense
from _programs.fresh_plans_s import BICYCLES, BUMPS, LOADS, MACHINES, NUMERALS, TAGS, TICKETS
from _programs.judging import accuracy, by, explained, informed
from _programs.program import Case, Plan
from _programs.stepping import adam

__all__ = ["CASES"]


def squeezed(outputs: Tensor, targets: Tensor) -> Tensor:
    """Squared errors of [B] and [B, 1]: `squeeze()` was called on one of both."""
    return F.mse_loss(outputs.squeeze(-1), targets)


def _entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    p = outputs.sigmoid().clamp(1e-6, 1 - 1e-6)
    return (targets * p.log() + (1 - targets) * (1 - p).log()).mean()


def own_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of yes and no, written by hand."""
    return -_entropy(outputs, targets)


def unsigned_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """The same without its minus: it is least where everything is wrong."""
    return _entropy(outputs, targets)


def one_of_many(outputs: Tensor, targets: Tensor) -> Tensor:
    """The loss of one class out of several, for faults which may come together or not at all."""
    return F.cross_entropy(outputs, targets)


class Weighed(nn.Module):
    """Cross-entropy with weights n / (classes * count), `whole` with Python's `//`."""

    def __init__(self, counts: tuple[int, ...], whole: bool) -> None:
        super().__init__()
        n, classes = sum(counts), len(counts)
        weights = [n // (classes * count) if whole else n / (classes * count) for count in counts]
        self.register_buffer("weights", torch.tensor(weights, dtype=torch.float32))

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Of [B, C] and [B]."""
        return F.cross_entropy(outputs, targets, weight=self.weights)


def one_hour(outputs: Tensor, targets: Tensor) -> Tensor:
    """Squared errors of [B, 1] and [B, 6]: one number has to do for all hours."""
    return F.mse_loss(outputs.expand_as(targets), targets)


def likely_places(outputs: Tensor, targets: Tensor) -> Tensor:
    """Negative log-likelihood at every place, of logarithms of probabilities."""
    return F.nll_loss(outputs.flatten(0, 1), targets.flatten())


def spread(outputs: Tensor, targets: Tensor) -> float:
    """Share of the variance explained by one number for all hours."""
    return explained(outputs.expand_as(targets), targets)


class Told(nn.Module):
    """Tags by a GRU, and the logarithms of their probabilities."""

    def __init__(self, logarithms: bool) -> None:
        super().__init__()
        self.body = Reader(nn.GRU, 12, 20, 4, words=30, each=True)
        self.last = nn.LogSoftmax(-1) if logarithms else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, 4]."""
        return self.last(self.body(x))


_NEXT = replace(LOADS, net=partial(Reader, nn.LSTM, 1, 20, 1), rows=partial(loads, ahead=1), epochs=12)
_BY_HAND = replace(MACHINES, loss=own_entropy)
_WEIGHED = Plan(
    classed_rents,
    partial(dense, 5, 32, 3, act=nn.Tanh),
    Weighed((60, 25, 15), whole=False),
    adam(5e-3),
    20,
    by(accuracy),
    32,
)
_SORTED = replace(NUMERALS, optimizer=adam(2e-3), epochs=8, judge=by(informed))
_COUNTS = replace(BICYCLES, net=partial(dense, 6, 64, 1, act=nn.Tanh))
_COMPLAINTS = replace(TICKETS, judge=by(informed))
_HOURS = replace(LOADS, net=partial(Hearing, 1, 6, 12, 2, nn.ReLU, "all", 28), optimizer=adam(3e-3))
_AHEAD = replace(LOADS, net=partial(Encoder, 28, 6, inputs=1), optimizer=adam(3e-3), epochs=15)
_TOLD = replace(TAGS, net=partial(Told, logarithms=True), loss=likely_places, epochs=12, batch_size=16)

CASES = (
    Case(
        "squeeze-on-one-side",
        "RNN",
        "sequence",
        "loss-broadcasts",
        ("loss",),
        replace(_NEXT, loss=squeezed),
        _NEXT,
    ),
    Case(
        "entropy-by-hand-without-its-minus",
        "MLP",
        "table",
        "loss-sign",
        ("loss",),
        replace(_BY_HAND, loss=unsigned_entropy),
        _BY_HAND,
    ),
    Case(
        "one-class-loss-for-several-faults",
        "MLP",
        "table",
        "loss-unsuited",
        ("loss",),
        replace(MACHINES, loss=one_of_many),
        MACHINES,
    ),
    Case(
        "weights-of-classes-by-whole-division",
        "MLP",
        "table",
        "loss-ignores-rows",
        ("loss",),
        replace(_WEIGHED, loss=Weighed((60, 25, 15), whole=True)),
        _WEIGHED,
    ),
    Case(
        "poisson-of-a-linear-output",
        "MLP",
        "table",
        "loss-not-finite",
        ("loss", "output"),
        replace(_COUNTS, loss=nn.PoissonNLLLoss(log_input=False), judge=by(explained)),
        _COUNTS,
    ),
    Case(
        "sigmoid-before-cross-entropy-of-digits",
        "CNN",
        "image",
        "output-activation-twice",
        ("output", "loss"),
        replace(_SORTED, net=partial(Seeing, 1, 8, 10, act=nn.ELU, last=nn.Sigmoid)),
        _SORTED,
    ),
    Case(
        "shares-of-complaints-shared-again",
        "Transformer",
        "tokens",
        "output-activation-twice",
        ("output", "loss"),
        replace(_COMPLAINTS, net=partial(Encoder, 16, 3, words=60, after=partial(nn.Softmax, -1))),
        _COMPLAINTS,
    ),
    Case(
        "last-block-ends-in-relu",
        "CNN",
        "image",
        "output-range",
        ("output", "activation"),
        replace(BUMPS, net=partial(Seeing, 1, 14, 2, act=nn.SiLU, last=nn.ReLU)),
        BUMPS,
    ),
    Case(
        "one-number-for-six-hours",
        "CNN",
        "sequence",
        "output-width",
        ("output", "loss"),
        replace(
            _HOURS, net=partial(Hearing, 1, 1, 12, 2, nn.ReLU, "all", 28), loss=one_hour, judge=by(spread)
        ),
        _HOURS,
    ),
    Case(
        "dropout-behind-the-head",
        "Transformer",
        "sequence",
        "output-dropout",
        ("output", "regularisation"),
        replace(_AHEAD, net=partial(Encoder, 28, 6, inputs=1, after=partial(nn.Dropout, 0.5))),
        _AHEAD,
    ),
    Case(
        "no-logarithm-of-shares-for-tags",
        "RNN",
        "tokens",
        "output-activation-missing",
        ("output", "loss"),
        replace(_TOLD, net=partial(Told, logarithms=False)),
        _TOLD,
    ),
)
