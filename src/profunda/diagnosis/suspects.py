"""Which known loss an unknown one is, told by its gradients.

The gradient of a common loss by one output z is, at fixed targets, an affine function of one feature of
the outputs: cross-entropy ∂ = w (softmax(z) − t), whatever the class weights w and however targets t are
smoothed; binary cross-entropy w (σ(z) − t), squared error 2 w (z − t), absolute error w sign(z − t). So
outputs are drawn several times, the gradient of each output number is regressed on the feature, and the
suspect that leaves nothing over is it. Penalties on weights and factors do not matter to that.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["DRAWS", "SUSPECTS", "Suspect", "is_distance", "matched"]

DRAWS = 10
"""Outputs are drawn so often; a feature, and a constant beside it, use up two."""

RESIDUE = 2e-3
"""Share of the gradient that may be left over: rounding of float32, and small ε within logarithms."""


@dataclass(frozen=True)
class Suspect:
    """`feature` of (outputs, targets as numbers, class axis) or None where the gradient is constant.

    `domain` "any" or "probabilities": outputs that it can be asked about.
    `free` whether a constant beside the feature is allowed. `needs` "classes" (several outputs of which
    targets pick one), "targets" (targets as numbers of the outputs' shape), "both" or "".
    """

    kind: str
    expects: str
    feature: Callable[[Tensor, Tensor, int], Tensor] | None
    domain: str = "any"
    inside: str = ""
    free: bool = True
    needs: str = "targets"


def _softmax(z: Tensor, t: Tensor, axis: int) -> Tensor:
    return z.softmax(axis)


def _twice(z: Tensor, t: Tensor, axis: int) -> Tensor:
    """∂/∂z of cross-entropy(softmax(z))."""
    p = z.softmax(axis)
    g = p.softmax(axis) * t.sum(axis, keepdim=True) - t
    return p * (g - (p * g).sum(axis, keepdim=True))


def _sigmoid_twice(z: Tensor, t: Tensor, axis: int) -> Tensor:
    p = z.sigmoid()
    return (p.sigmoid() - t) * p * (1.0 - p)


def _squared_of_sigmoid(z: Tensor, t: Tensor, axis: int) -> Tensor:
    p = z.sigmoid()
    return (p - t) * p * (1.0 - p)


def _squared_of_softmax(z: Tensor, t: Tensor, axis: int) -> Tensor:
    p = z.softmax(axis)
    return p * ((p - t) - (p * (p - t)).sum(axis, keepdim=True))


def _logarithm(z: Tensor, t: Tensor, axis: int) -> Tensor:
    return torch.where(t > 0, -t / z.clamp(min=1e-12), torch.zeros_like(z))


def _two_logarithms(z: Tensor, t: Tensor, axis: int) -> Tensor:
    return (1.0 - t) / (1.0 - z).clamp(min=1e-12) - t / z.clamp(min=1e-12)


def _huber(delta: float) -> Callable[[Tensor, Tensor, int], Tensor]:
    return lambda z, t, axis: (z - t).clamp(-delta, delta)


def _hinge(z: Tensor, t: Tensor, axis: int) -> Tensor:
    side = 2.0 * t - 1.0 if bool((t >= 0).all()) else t
    return -side * (side * z < 1.0)


SUSPECTS = (
    Suspect("mse", "values", lambda z, t, axis: z, needs=""),
    Suspect("cross-entropy", "logits", _softmax, needs="classes"),
    Suspect("bce-logits", "logits", lambda z, t, axis: z.sigmoid(), needs=""),
    Suspect("cross-entropy", "logits", _twice, inside="softmax", free=False, needs="both"),
    Suspect("bce-logits", "logits", _sigmoid_twice, inside="sigmoid", free=False),
    Suspect("hinge", "values", _hinge, free=False),
    Suspect("mae", "values", lambda z, t, axis: (z - t).sign(), free=False),
    *(Suspect("huber", "values", _huber(delta), free=False) for delta in (1.0, 0.5, 1.35, 0.1, 2.0, 5.0)),
    Suspect("huber", "values", lambda z, t, axis: (z - t).tanh(), free=False),
    Suspect("mse", "logits", _squared_of_sigmoid, free=False),
    Suspect("mse", "logits", _squared_of_softmax, free=False, needs="both"),
    Suspect("cross-entropy", "probabilities", _logarithm, "probabilities", needs="both"),
    Suspect("bce", "probabilities", _two_logarithms, "probabilities", free=False),
    Suspect("nll", "log-probabilities", None, needs="both"),
)
"""The most telling first; a constant gradient fits many, so it comes late."""


def matched(suspect: Suspect, outputs: Tensor, slopes: Tensor, targets: Tensor, axis: int) -> int:
    """1 where the gradients [S, …] at outputs [S, …] are its own, -1 where their sign is turned, else 0."""
    y = slopes.reshape(len(slopes), -1).double()
    if suspect.feature is None:
        return _constant(y, targets)
    feature = torch.stack([suspect.feature(z, targets, axis) for z in outputs])
    x = feature.reshape(len(slopes), -1).double()
    if suspect.free:
        x, y = x - x.mean(0), y - y.mean(0)
    spread, size = x.square().sum(0), float(y.square().sum())
    factor = torch.where(spread > 0, (x * y).sum(0) / spread.clamp(min=1e-300), 0.0)
    of = factor[factor.abs() > 1e-6 * factor.abs().max()]
    if not size or float((y - factor * x).square().sum()) > RESIDUE**2 * size:
        return 0
    return int((of > 0).all()) - int((of < 0).all())


def _constant(y: Tensor, targets: Tensor) -> int:
    """A loss that is linear in its outputs, and falls by those most that targets pick; where labels are
    smoothed, by the others too.
    """
    picked = (targets > 0).reshape(-1)
    size, mean = float(y.square().sum()), y.mean(0)
    if not size or float((y - mean).square().sum()) > RESIDUE**2 * size or not bool(picked.any()):
        return 0
    others, least = mean[~picked], float(mean[picked].abs().max())
    if others.numel() and not float(others.abs().max()) < least:
        return 0
    if bool((others > 0).any()) and bool((others < 0).any()):
        return 0
    if others.numel() and float(others.sum()) * float(mean[picked].sum()) < 0.0:
        return 0
    return int((mean[picked] <= 0).all()) - int((mean[picked] >= 0).all())


def is_distance(outputs: Tensor, slopes: Tensor, targets: Tensor) -> str:
    """What is left of a loss of values where no feature fits: "mse" where each draw's gradient is a multiple
    of z − t (the root of a mean square), "values" where it pulls every output to its target, else "".
    """
    away, y = (outputs - targets).flatten(1).double(), slopes.flatten(1).double()
    product = (away * y).sum(1)
    if bool((product < 0).all()):  # a loss with its sign turned
        away, product = -away, -product
    if bool((product >= (1.0 - RESIDUE**2) * away.norm(dim=1) * y.norm(dim=1)).all()):
        return "mse"
    return "values" if bool((away * y >= 0).all()) else ""
