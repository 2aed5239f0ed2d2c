"""The largest curvature of the training loss, as the optimiser feels it, and the longest stable step."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

from profunda.diagnosis.copying import cloned, draws_from, undisturbed
from profunda.diagnosis.feeding import Feed, affordable, feed_of
from profunda.diagnosis.givens import Anatomy
from profunda.diagnosis.record import Sharpness
from profunda.diagnosis.scoring import Yardstick, yardstick_of
from profunda.diagnosis.undropped import in_training, resting, undropped

__all__ = ["sharpness"]

STEPS = 24
"""Products at most: the largest eigenvalue of a Hessian stands apart, and is found in about ten."""

FEWEST = 16
"""Rows: the curvature of fewer says little about that of all. Networks so large that no more can be afforded
are not measured."""

_SETTLED = 2e-3
"""Relative change between two products at which the largest eigenvalue is known."""

_NUDGE = 1e-3
"""Relative step of differences, where second derivatives are missing: errors of both kinds are 1e-3."""


def sharpness(
    module: nn.Module,
    anatomy: Anatomy,
    inputs: tuple[Any, ...],
    targets: Any,
    loss_fn: Callable[..., Any],
    optimizer: Optimizer,
    *,
    step: int,
    named: tuple[tuple[str, Any], ...] = (),
    batch_size: int | None = None,
) -> Sharpness:
    """λ of the mean loss over probe rows, and the largest learning rate at which `optimizer` is stable there.

    Parameters that the optimiser moves count, each in the unit of its step: with rates r relative to the
    largest group's and, for Adam and RMSprop, divisors D = √v + ε, λ is the largest eigenvalue of
    √(r/D) (H + weight decay) √(r/D). `stable` is the largest group's rate: 2(1 + m)/λ for SGD with momentum
    m, 2(1 + m)/((1 + 2m)λ) with Nesterov's (Cohen et al. 2021, "Gradient descent on neural networks typically
    occurs at the edge of stability", appendix B), 2(1 + β₁)/((1 − β₁)λ) for Adam (Cohen et al. 2022,
    "Adaptive gradient methods at the edge of stability", §2); infinite where λ is not above 0.

    NaN where the optimiser is of another family, where Adam and RMSprop have made no step yet, so that D is
    not known, where the loss is not finite or cannot be differentiated, and for networks of more than some
    10⁷ products a row, for which it would take too long. In training mode without dropout.
    Arguments as those of `survey`; nothing of the user's is changed.
    """
    unknown = Sharpness(step, math.nan, math.nan)
    feels = _feels(optimizer)
    if feels is None:
        return unknown
    with undisturbed(module), _twice_differentiable(module):
        try:
            own = undropped(module)
            space, most = _space_of(own, module, feels), affordable(anatomy)
            if not space or most < FEWEST:
                return unknown
            feed = feed_of(cloned(inputs), cloned(targets), cloned(named)).first(most)
            with torch.no_grad():
                yardstick = yardstick_of(loss_fn, feed.through(own), feed, batch_size or 1)
            draws_from(0)
            loss = _loss_of(own, resting(module), feed, yardstick)
            largest = _largest(_products(loss, space), space)
        except Exception:  # what cannot be differentiated, or not twice, has no curvature
            return unknown
    limit = max(space, key=lambda each: each[1].rate)[1].limit
    if math.isnan(largest):
        return unknown
    return Sharpness(step, largest, limit / largest if largest > 0.0 else math.inf)


def _loss_of(own: nn.Module, rest: frozenset[str], feed: Feed, yardstick: Yardstick) -> Callable[[], Tensor]:
    """The loss as it stands: each call draws the same random numbers."""

    def loss() -> Tensor:
        draws_from(0)
        with in_training(own, rest):
            return yardstick.loss(feed.through(own), feed.targets, feed.rows)

    return loss


# What the optimiser feels ---------------------------------------------------------------------------


@dataclass(frozen=True)
class _Feel:
    """One parameter's relative `rate`, `divisor` (None for 1), `decay` added to the curvature, and `limit`:
    rate times curvature at which steps cease to be stable.
    """

    rate: float
    divisor: Tensor | None
    decay: float
    limit: float


def _feels(optimizer: Optimizer) -> dict[int, _Feel] | None:
    """By the id of each parameter that it moves; None for a family that is not known."""
    groups = optimizer.param_groups
    if not isinstance(optimizer, SGD | Adam | RMSprop | AdamW) or any(g.get("maximize") for g in groups):
        return None
    top = max((float(group["lr"]) for group in groups), default=0.0)
    found: dict[int, _Feel] = {}
    for group in groups:
        rate = float(group["lr"]) / top if top > 0.0 else 1.0
        for each in group["params"]:
            divisor = None
            if not isinstance(optimizer, SGD):
                divisor = _divisor(optimizer, group, each)
                if divisor is None:
                    continue  # it made no step yet
            coupled = not isinstance(optimizer, AdamW) and not group.get("decoupled_weight_decay", False)
            decay = float(group["weight_decay"]) if coupled else 0.0
            found[id(each)] = _Feel(rate, divisor, decay, _limit(optimizer, group))
    return found


def _limit(optimizer: Optimizer, group: dict[str, Any]) -> float:
    if isinstance(optimizer, Adam | AdamW):
        beta = float(group["betas"][0])
        return 2.0 * (1.0 + beta) / (1.0 - beta)
    m = float(group["momentum"])
    if group.get("nesterov"):
        return 2.0 * (1.0 + m) / (1.0 + 2.0 * m)
    return 2.0 * (1.0 + m) / (1.0 - float(group.get("dampening", 0.0)) * (m > 0.0))


def _divisor(optimizer: Optimizer, group: dict[str, Any], parameter: Tensor) -> Tensor | None:
    """√v + ε as the last step used it."""
    state = optimizer.state.get(parameter, {})
    if isinstance(optimizer, RMSprop):
        if "square_avg" not in state:
            return None
        v = state["square_avg"].detach()
        if group["centered"]:
            v = (v - state["grad_avg"].detach().square()).clamp(min=0.0)
        return v.sqrt() + float(group["eps"])
    if "exp_avg_sq" not in state:
        return None
    v = state["max_exp_avg_sq" if group["amsgrad"] else "exp_avg_sq"].detach()
    correction = 1.0 - float(group["betas"][1]) ** float(state["step"])
    return (v / correction).sqrt() + float(group["eps"])


Space = list[tuple[Tensor, _Feel]]


def _space_of(own: nn.Module, module: nn.Module, feels: dict[int, _Feel]) -> Space:
    """The copy's parameters that are trained and that the optimiser moves in `module`."""
    pairs = zip(module.parameters(), own.parameters(), strict=True)
    return [(ours, feels[id(theirs)]) for theirs, ours in pairs if id(theirs) in feels and ours.requires_grad]


# Products -------------------------------------------------------------------------------------------


def _products(loss: Callable[[], Tensor], space: Space) -> Callable[[list[Tensor]], list[Tensor]]:
    """v to H v: the gradient differentiated along v, or, where that is not implemented, differences."""
    leaves = [each for each, _ in space]
    value = loss()
    if not bool(torch.isfinite(value)) or not value.requires_grad:
        raise ValueError("no finite loss with a gradient")
    found = torch.autograd.grad(value, leaves, create_graph=True, materialize_grads=True)

    def twice(v: list[Tensor]) -> list[Tensor]:
        along = sum(((g * each).sum() for g, each in zip(found, v, strict=True)), torch.zeros(()))
        if not along.requires_grad:  # a loss that is linear in all of them
            return [torch.zeros_like(each) for each in v]
        return list(torch.autograd.grad(along, leaves, retain_graph=True, materialize_grads=True))

    def differences(v: list[Tensor]) -> list[Tensor]:
        size = math.sqrt(_dot(v, v))
        nudge = _NUDGE * max(math.sqrt(_dot(leaves, leaves)), _NUDGE) / max(size, 1e-30)
        sides = []
        for sign in (1.0, -2.0):
            with torch.no_grad():
                for leaf, each in zip(leaves, v, strict=True):
                    leaf.add_(each, alpha=sign * nudge)
            sides.append(torch.autograd.grad(loss(), leaves, materialize_grads=True))
        with torch.no_grad():
            for leaf, each in zip(leaves, v, strict=True):
                leaf.add_(each, alpha=nudge)
        return [(a - b) / (2.0 * nudge) for a, b in zip(*sides, strict=True)]

    if _has_functions(value):
        return differences
    try:
        twice([torch.ones_like(each) for each in leaves])
    except (RuntimeError, NotImplementedError):
        return differences
    return twice


def _has_functions(value: Tensor) -> bool:
    """Whether a user's own autograd function is in the graph: one that is differentiable once gives wrong
    second derivatives, and does not say so where it lies beside the way.
    """
    ahead, seen = [value.grad_fn], set()
    while ahead:
        node = ahead.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if isinstance(node, torch.autograd.function.BackwardCFunction):
            return True
        ahead += [up for up, _ in node.next_functions]
    return False


def _largest(product: Callable[[list[Tensor]], list[Tensor]], space: Space) -> float:
    """The largest eigenvalue of S(H + decay)S, S = √(r/D), by Lanczos's method with three vectors.

    Without reorthogonalisation, copies of the extreme eigenvalues appear, and nothing beyond them (Parlett
    1998, "The symmetric eigenvalue problem", chapter 13).
    """
    scale = [_scale(feel).to(leaf) for leaf, feel in space]
    drawn = torch.Generator().manual_seed(0)
    v = [torch.randn(leaf.shape, generator=drawn).to(leaf) for leaf, _ in space]
    v = _times(v, 1.0 / math.sqrt(_dot(v, v)))
    before, beta = [torch.zeros_like(each) for each in v], 0.0
    alphas: list[float] = []
    betas: list[float] = []
    largest, settled = math.nan, 0
    for _ in range(min(STEPS, sum(each.numel() for each in v))):
        bent = product([s * each for s, each in zip(scale, v, strict=True)])
        w = [
            s * (each.detach() + feel.decay * s * now)
            for s, each, now, (_, feel) in zip(scale, bent, v, space, strict=True)
        ]
        alpha = _dot(w, v)
        if not math.isfinite(alpha):
            return math.nan
        alphas.append(alpha)
        w = [a - alpha * b - beta * c for a, b, c in zip(w, v, before, strict=True)]
        beta = math.sqrt(_dot(w, w))
        table = torch.diag(torch.tensor(alphas, dtype=torch.float64))
        if betas:
            side = torch.tensor(betas, dtype=torch.float64)
            table += torch.diag(side, 1) + torch.diag(side, -1)
        last, largest = largest, float(torch.linalg.eigvalsh(table)[-1])
        settled = settled + 1 if abs(largest - last) <= _SETTLED * abs(largest) else 0
        if settled == 2 or beta <= 1e-6 * max(map(abs, [*alphas, *betas])):
            break
        betas.append(beta)
        before, v = v, _times(w, 1.0 / beta)
    return largest


def _scale(feel: _Feel) -> Tensor:
    over = torch.ones(()) if feel.divisor is None else feel.divisor
    return (feel.rate / over).sqrt()


def _dot(a: list[Tensor], b: list[Tensor]) -> float:
    return sum(float((x.detach() * y.detach()).sum(dtype=torch.float64)) for x, y in zip(a, b, strict=True))


def _times(v: list[Tensor], factor: float) -> list[Tensor]:
    return [each * factor for each in v]


@contextmanager
def _twice_differentiable(module: nn.Module) -> Iterator[None]:
    """Fused attention and recurrent layers have first derivatives only; convolutions are quicker fused."""
    recurrent = any(isinstance(part, nn.RNNBase) for part in module.modules())
    with (
        sdpa_kernel(SDPBackend.MATH),
        torch.backends.mkldnn.flags(enabled=torch.backends.mkldnn.is_available() and not recurrent),
        torch.backends.cudnn.flags(enabled=False),
    ):
        yield
