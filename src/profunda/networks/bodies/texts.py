"""The bodies that read texts: tokens [B, T], whole numbers from 1 on, and 0 from the text's end on.

A text of no token gives zeros. What stands behind a text's end has no influence on what leaves the body, so
that a batch may be cut to its longest text.
"""

import torch
from torch import Tensor
from torch.nn import functional

from profunda.networks.bodies.held import Held
from profunda.networks.bodies.step import BodyStep
from profunda.networks.norms import NORM_EPS
from profunda.space.bodies import BUCKETS, heads_of

__all__ = ["attention", "bag", "cut", "lstm"]

_FACTOR = 1_000_003
"""A prime by which chains of words are hashed."""
_LOWEST = -1e9
"""What stands for −∞ where a softmax or a maximum leaves places out."""


def bag(held: Held, tokens: Tensor, step: BodyStep | None) -> Tensor:
    """The mean of the vectors of all words, and of all chains of up to n words: [B, E].

    Joulin et al. (2017), "Bag of tricks for efficient text classification"; chains share vectors by a hash.
    """
    assert held.body.tokens is not None
    there = (tokens > 0).to(held["words"].dtype)
    found, count = _looked_up(held, tokens, step).sum(1), there.sum(1)
    code, chained = tokens, there
    for length in range(2, min(held.body.depth, held.body.tokens.length) + 1):
        code = (code[:, :-1] * _FACTOR + tokens[:, length - 1 :]) % BUCKETS
        chained = chained[:, :-1] * there[:, length - 1 :]
        vectors = functional.embedding(code, held["chains"])
        found, count = found + torch.einsum("bt,bte->be", chained, vectors), count + chained.sum(1)
    return found / count.clamp(min=1.0).unsqueeze(1)


def lstm(held: Held, tokens: Tensor, step: BodyStep | None) -> Tensor:
    """Layers that read forwards and backwards; mean and maximum of the last one over the text: [B, 4H].

    Gates in the order of torch, input, forget, cell, output (Hochreiter and Schmidhuber 1997).
    """
    there = (tokens > 0).unsqueeze(2)
    turned = _turning(tokens)
    h = _looked_up(held, tokens, step)
    for layer in range(held.body.depth):
        if layer and step is not None:
            h = step.drop_inside(layer, h)
        ahead = _recurrent(held, f"forwards{layer}", h)
        behind = _recurrent(held, f"backwards{layer}", _taken(h, turned))
        h = torch.cat([ahead, _taken(behind, turned)], 2)
    greatest = h.masked_fill(~there, _LOWEST).amax(1)
    greatest = torch.where(there.any(1), greatest, torch.zeros_like(greatest))
    return torch.cat([_mean(h, there), greatest], 1)


def attention(held: Held, tokens: Tensor, step: BodyStep | None) -> Tensor:
    """Blocks of a Transformer's encoder, norms first; the mean over the text: [B, E].

    Vaswani et al. (2017), "Attention is all you need", sections 3.1 to 3.3, with trained places; norms before
    each part as in Xiong et al. (2020), "On layer normalization in the Transformer architecture".
    """
    there = tokens > 0
    h = _looked_up(held, tokens, step) + held["places"][: tokens.shape[1]]
    bias = torch.where(there, 0.0, _LOWEST).to(h.dtype)[:, None, None, :]
    for block in range(held.body.depth):
        name = f"block{block}"
        h = h + _dropped(2 * block + 1, _attended(held, name, h, bias), step)
        made = functional.gelu(_linear(held, f"{name}.widen", _normed(held, f"{name}.widen", h)))
        h = h + _dropped(2 * block + 2, _linear(held, f"{name}.narrow", made), step)
    return _mean(_normed(held, "last", h), there.unsqueeze(2))


def cut(tokens: Tensor, depth: int) -> Tensor:
    """Tokens up to the end of the longest text; at least `depth` of them, as chains are so long."""
    longest = int((tokens > 0).sum(1).max()) if len(tokens) else 0
    return tokens[:, : max(depth, longest)]


def _looked_up(held: Held, tokens: Tensor, step: BodyStep | None) -> Tensor:
    """Vectors [B, T, E] of words; 0 behind a text's end."""
    assert held.body.tokens is not None
    found = functional.embedding(tokens, held["words"])
    factors = (tokens > 0).to(found.dtype)
    dropped = None if step is None else step.words(held.body.tokens.places)
    if dropped is not None:
        factors = factors * dropped[:, : tokens.shape[1]]
    return found * factors.unsqueeze(2)


def _dropped(place: int, h: Tensor, step: BodyStep | None) -> Tensor:
    return h if step is None else step.drop_inside(place, h)


def _mean(h: Tensor, there: Tensor) -> Tensor:
    weights = there.to(h.dtype)
    return (h * weights).sum(1) / weights.sum(1).clamp(min=1.0)


def _turning(tokens: Tensor) -> Tensor:
    """Places [B, T] that read each text backwards and leave what stands behind its end where it is."""
    lengths = (tokens > 0).sum(1, keepdim=True)
    places = torch.arange(tokens.shape[1], device=tokens.device).unsqueeze(0)
    return torch.where(places < lengths, lengths - 1 - places, places)


def _taken(h: Tensor, places: Tensor) -> Tensor:
    return h.gather(1, places.unsqueeze(2).expand_as(h))


def _recurrent(held: Held, name: str, h: Tensor) -> Tensor:
    """One layer in one direction over `h` [B, T, K]: [B, T, H]."""
    units = held.body.channels
    weights = [held[f"{name}.input"], held[f"{name}.state"], held[f"{name}.biases"]]
    start = h.new_zeros(1, h.shape[0], units)
    # torch adds two vectors of biases; one of them is idle.
    given = [*weights, torch.zeros_like(weights[2])]
    made, _, _ = torch.lstm(h, [start, start], given, True, 1, 0.0, False, False, True)
    return made


def _normed(held: Held, name: str, h: Tensor) -> Tensor:
    gain, shift = held[f"{name}.norm"]
    return functional.layer_norm(h, (held.body.channels,), gain, shift, NORM_EPS)


def _linear(held: Held, name: str, h: Tensor) -> Tensor:
    return functional.linear(h, held[f"{name}.weights"], held[f"{name}.biases"])


def _attended(held: Held, name: str, h: Tensor, bias: Tensor) -> Tensor:
    """Attention of all heads, softmax(qkᵀ/√d)v (Vaswani et al. 2017, eq. 1), mixed: [B, T, E]."""
    (rows, length, _), channels = h.shape, held.body.channels
    heads = heads_of(channels)
    made = _linear(held, f"{name}.attend", _normed(held, f"{name}.attend", h))
    q, k, v = made.view(rows, length, 3, heads, channels // heads).permute(2, 0, 3, 1, 4)
    found = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)
    return _linear(held, f"{name}.mix", found.transpose(1, 2).reshape(rows, length, channels))
