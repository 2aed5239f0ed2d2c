"""Training and judging a language model on a running text."""

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from profunda.data.streams import columns, windows
from profunda.errors import ArgumentError
from profunda.layers.averaging import NTASGD
from profunda.networks.named.awd_lstm import AWDLSTM, State
from profunda.theory.modes import in_evaluation

__all__ = ["bits", "detached", "perplexity", "read_epoch", "reading_loss", "stream"]


def stream(ids: np.ndarray, batch: int) -> Tensor:
    """Ids [N] of a running text as a stream int64 [T, B]: B consecutive parts, read side by side.

    Raises DataError for fewer than 2·B ids.
    """
    return torch.from_numpy(np.ascontiguousarray(columns(ids, batch))).long()


def detached(state: State) -> State:
    """The state without its past: the next window goes on from it, its gradient ends here."""
    return tuple((h.detach(), c.detach()) for h, c in state)


def read_epoch(
    model: AWDLSTM,
    optimiser: Optimizer | NTASGD,
    tokens: Tensor,
    *,
    length: int = 70,
    clip: float = 0.25,
    generator: np.random.Generator | None = None,
) -> float:
    """One pass over the stream `tokens` [T, B] with truncated backpropagation; the mean loss in nats a token.

    Windows have lengths drawn by `generator` around `length` and the rate is scaled by them
    (`profunda.data.streams.windows`); the state is carried from each to the next; gradients are clipped to
    the norm `clip`. The model's penalties are added to what is minimised, not to what is told. Leaves the
    model in training. Raises ArgumentError where the loss is not finite: the weights are lost then.
    """
    model.train()
    state, total = None, 0.0
    for window in windows(len(tokens), length, generator):
        reading = model(tokens[window.start : window.stop], state)
        state = detached(reading.state)
        loss = _nats(reading.logits, tokens[window.start + 1 : window.stop + 1])
        if not math.isfinite(value := loss.item()):
            raise ArgumentError(
                f"the loss is {value} at step {window.start:,} of {len(tokens):,}: the rate "
                f"{optimiser.param_groups[0]['lr']:g} is probably too high for this model; start again with "
                "a tenth of it"
            )
        optimiser.zero_grad()
        (loss + model.penalty(reading)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        _step(optimiser, window.scale)
        total += value * (window.stop - window.start)
    return total / (len(tokens) - 1)


@torch.no_grad()
def reading_loss(model: AWDLSTM, tokens: Tensor, length: int = 70) -> float:
    """Mean −log p of each next token of the stream `tokens` [T, B], in nats, state carried, without dropout.

    `length` only bounds the memory; the result is that of one window. Leaves the model as it was.
    """
    state, total = None, 0.0
    with in_evaluation(model):
        for window in windows(len(tokens), length):
            reading = model(tokens[window.start : window.stop], state)
            state = reading.state
            loss = _nats(reading.logits, tokens[window.start + 1 : window.stop + 1])
            total += loss.item() * (window.stop - window.start)
    return total / (len(tokens) - 1)


def perplexity(nats: float) -> float:
    """exp of the mean loss in nats a token: among how many equally likely ones the model in effect guesses.

    >>> round(perplexity(math.log(27)), 9)
    27.0
    """
    return math.exp(nats)


def bits(nats: float, tokens: int = 1, characters: int = 1) -> float:
    """Bits a character of a text of `tokens` tokens with a mean loss of `nats`; bits a token as it stands.

    >>> bits(math.log(2)), bits(math.log(2), tokens=10, characters=40)
    (1.0, 0.25)
    """
    return nats / math.log(2) * tokens / characters


def _step(optimiser: Optimizer | NTASGD, scale: float) -> None:
    """A step at `scale` times the rates, which stand again afterwards, whatever happens in it."""
    rates = [group["lr"] for group in optimiser.param_groups]
    try:
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * scale
        optimiser.step()
    finally:
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate


def _nats(logits: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
