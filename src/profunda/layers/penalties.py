"""Penalties for any `nn.Module` in any loop: each does one half in the loss, the other after the step.

    loss = criterion(model(x), y) + penalty.value(model)
    loss.backward()
    optimiser.step()
    penalty.step(model, lr)

`value` is what a gradient can handle, `step` what it cannot (a proximal map, a decoupled decay, a
projection); where a penalty needs only one of them the other does nothing, so the loop is the same for all.
`measure` is the whole penalty, for monitoring.

Strengths stand beside a loss of `loss_scale` (see `theory.scales`); "mse" is any mean over rows, which is
what torch's losses are. L2 is λ‖w‖², without ½: torch's `weight_decay` is 2λ. `select(name, parameter)` says
which parameters count; by default all weights, but no biases and nothing of a norm.

Sources: Tibshirani (1996); Zou and Hastie (2005); Yuan and Lin (2006), eq. 2.1; Parikh and Boyd (2014),
sections 4.2, 6.5.2 and 6.5.4, for the proximal maps; Loshchilov and Hutter (2019) for decoupled decay; Srebro
and Shraibman (2005) and Srivastava et al. (2014), section 5.1, for max-norm.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, Self

import torch
from torch import Tensor, nn

from profunda.errors import ArgumentError
from profunda.theory.scales import LossScale, strength_for

__all__ = [
    "L1",
    "L2",
    "ElasticNet",
    "GroupLasso",
    "MaxNorm",
    "Penalty",
    "proximal_step",
    "strength_for",
    "weights",
]

Select = Callable[[str, nn.Parameter], bool]

_NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


def weights(module: nn.Module, select: Select | None = None) -> Iterator[nn.Parameter]:
    """The parameters that penalties act on, each once: those `select` takes, else all with two or more axes
    outside norms."""
    of_norms = {
        id(parameter)
        for part in module.modules()
        if isinstance(part, _NORMS)
        for parameter in part.parameters(recurse=False)
    }
    for name, parameter in module.named_parameters():
        if select is None:
            wanted = parameter.dim() >= 2 and id(parameter) not in of_norms
        else:
            wanted = select(name, parameter)
        if wanted:
            yield parameter


class Penalty(Protocol):
    """What a training loop calls."""

    def value(self, module: nn.Module) -> Tensor:
        """The part to add to the loss; a scalar."""
        ...

    def step(self, module: nn.Module, lr: float) -> None:
        """The part to do after an optimiser's step of rate `lr`, in place."""
        ...

    def measure(self, module: nn.Module) -> Tensor:
        """The whole penalty, a scalar."""
        ...


def _total(module: nn.Module, select: Select | None, term: Callable[[Tensor], Tensor]) -> Tensor:
    """Σ term(w) over the chosen weights; 0 without any."""
    terms = [term(weight) for weight in weights(module, select)]
    return torch.stack(terms).sum() if terms else torch.zeros(())


@dataclass(frozen=True)
class L1:
    """λ‖w‖₁. "proximal": after each step w ← S(w, lr·λ), which gives exact zeros; "subgradient": λ·sgn(w)
    joins the gradient, which gives none.

    Under mini-batches the noise of the gradient puts weights back that the proximal map took out. Either take
    every step on all rows (`proximal_step`), or let the rate fall and end with some twenty `proximal_step`s.
    """

    strength: float
    update: Literal["proximal", "subgradient"] = "proximal"
    loss_scale: LossScale = "mse"
    select: Select | None = None

    def __post_init__(self) -> None:
        _check(self.strength)
        if self.update not in ("proximal", "subgradient"):
            raise ArgumentError(f"update = {self.update!r} is unknown: it is 'proximal' or 'subgradient'.")

    def value(self, module: nn.Module) -> Tensor:
        """λ‖w‖₁ under "subgradient", else 0."""
        return self.measure(module) if self.update == "subgradient" else torch.zeros(())

    @torch.no_grad()
    def step(self, module: nn.Module, lr: float) -> None:
        """w ← S(w, lr·λ) under "proximal"."""
        if self.update == "proximal":
            for weight in weights(module, self.select):
                _shrink(weight, lr * self.strength)

    def measure(self, module: nn.Module) -> Tensor:
        """λ‖w‖₁."""
        return self.strength * _total(module, self.select, lambda weight: weight.abs().sum())

    def beside(self, loss_scale: LossScale, n_rows: int) -> Self:
        """The same penalty beside a loss of another scale over N rows."""
        strength = strength_for(self.strength, self.loss_scale, loss_scale, n_rows)
        return replace(self, strength=strength, loss_scale=loss_scale)


@dataclass(frozen=True)
class L2:
    """λ‖w‖². In the loss, where an adaptive optimiser rescales it, or `decoupled`: w ← w(1 − 2·lr·λ) after
    each step. For plain gradient descent the two are one."""

    strength: float
    decoupled: bool = False
    loss_scale: LossScale = "mse"
    select: Select | None = None

    def __post_init__(self) -> None:
        _check(self.strength)

    def value(self, module: nn.Module) -> Tensor:
        """λ‖w‖² unless decoupled, then 0."""
        return torch.zeros(()) if self.decoupled else self.measure(module)

    @torch.no_grad()
    def step(self, module: nn.Module, lr: float) -> None:
        """w ← w(1 − 2·lr·λ) where decoupled."""
        if self.decoupled:
            for weight in weights(module, self.select):
                weight.mul_(1.0 - 2.0 * lr * self.strength)

    def measure(self, module: nn.Module) -> Tensor:
        """λ‖w‖²."""
        return self.strength * _total(module, self.select, lambda weight: weight.square().sum())

    def beside(self, loss_scale: LossScale, n_rows: int) -> Self:
        """The same penalty beside a loss of another scale over N rows."""
        strength = strength_for(self.strength, self.loss_scale, loss_scale, n_rows)
        return replace(self, strength=strength, loss_scale=loss_scale)


@dataclass(frozen=True)
class ElasticNet:
    """l1‖w‖₁ + l2‖w‖², both in the proximal map w ← S(w, lr·l1)/(1 + 2·lr·l2): exact zeros, and correlated
    inputs share their weight."""

    l1: float
    l2: float
    loss_scale: LossScale = "mse"
    select: Select | None = None

    def __post_init__(self) -> None:
        _check(self.l1)
        _check(self.l2)

    def value(self, module: nn.Module) -> Tensor:
        """0: all is done after the step."""
        return torch.zeros(())

    @torch.no_grad()
    def step(self, module: nn.Module, lr: float) -> None:
        """w ← S(w, lr·l1)/(1 + 2·lr·l2)."""
        for weight in weights(module, self.select):
            _shrink(weight, lr * self.l1)
            weight.div_(1.0 + 2.0 * lr * self.l2)

    def measure(self, module: nn.Module) -> Tensor:
        """l1‖w‖₁ + l2‖w‖²."""
        first = _total(module, self.select, lambda weight: weight.abs().sum())
        return self.l1 * first + self.l2 * _total(module, self.select, lambda weight: weight.square().sum())

    def beside(self, loss_scale: LossScale, n_rows: int) -> Self:
        """The same penalty beside a loss of another scale over N rows."""
        l1, l2 = (strength_for(each, self.loss_scale, loss_scale, n_rows) for each in (self.l1, self.l2))
        return replace(self, l1=l1, l2=l2, loss_scale=loss_scale)


@dataclass(frozen=True)
class GroupLasso:
    """λ Σ_g √n_g ‖W_g‖₂ over groups of inputs: whole inputs leave the network, exactly.

    W_g holds the columns of the first linear layer's weight [H, D] that belong to group g, n_g numbers.
    `groups` lists input positions, each at most once, such as the indicator columns of one category; None
    makes every input a group of its own, inputs in no group are not penalised.
    """

    strength: float
    groups: Sequence[Sequence[int]] | None = None
    loss_scale: LossScale = "mse"

    def __post_init__(self) -> None:
        _check(self.strength)
        members = [column for group in self.groups or () for column in group]
        if len(set(members)) < len(members) or any(not group for group in self.groups or ()):
            raise ArgumentError(
                f"The groups {self.groups} overlap, or one is empty: give each input to one group at most."
            )

    def value(self, module: nn.Module) -> Tensor:
        """0: all is done after the step."""
        return torch.zeros(())

    @torch.no_grad()
    def step(self, module: nn.Module, lr: float) -> None:
        """W_g ← W_g·max(0, 1 − lr·λ√n_g/‖W_g‖)."""
        weight, groups = self._groups(module)
        for group in groups:
            block = weight[:, group]
            threshold = lr * self.strength * block.numel() ** 0.5
            norm = block.norm().item()
            weight[:, group] = block * max(0.0, 1.0 - threshold / norm) if norm else block

    def measure(self, module: nn.Module) -> Tensor:
        """λ Σ_g √n_g ‖W_g‖."""
        weight, groups = self._groups(module)
        terms = [weight[:, group].norm() * weight[:, group].numel() ** 0.5 for group in groups]
        return self.strength * torch.stack(terms).sum() if terms else torch.zeros(())

    def kept(self, module: nn.Module) -> list[bool]:
        """For each group, whether any of its weights is not 0."""
        weight, groups = self._groups(module)
        return [bool(weight[:, group].any()) for group in groups]

    def beside(self, loss_scale: LossScale, n_rows: int) -> Self:
        """The same penalty beside a loss of another scale over N rows."""
        strength = strength_for(self.strength, self.loss_scale, loss_scale, n_rows)
        return replace(self, strength=strength, loss_scale=loss_scale)

    def _groups(self, module: nn.Module) -> tuple[Tensor, list[list[int]]]:
        layer = next((part for part in module.modules() if isinstance(part, nn.Linear)), None)
        if layer is None:
            raise ArgumentError(
                "The module has no linear layer, whose input columns the groups would be; use L1 or L2."
            )
        made = [[column] for column in range(layer.in_features)] if self.groups is None else self.groups
        highest = max((column for group in made for column in group), default=-1)
        if highest >= layer.in_features:
            raise ArgumentError(
                f"A group names input {highest}, but the first linear layer has {layer.in_features} inputs, "
                "counted from 0."
            )
        return layer.weight, [list(group) for group in made]


@dataclass(frozen=True)
class MaxNorm:
    """No unit's incoming weights longer than `limit`: after each step those that are, are shortened to it."""

    limit: float
    select: Select | None = None

    def __post_init__(self) -> None:
        if not self.limit > 0.0:
            raise ArgumentError(f"limit = {self.limit} leaves no weights: it must be above 0.")

    def value(self, module: nn.Module) -> Tensor:
        """0: a constraint is no part of the loss."""
        return torch.zeros(())

    @torch.no_grad()
    def step(self, module: nn.Module, lr: float) -> None:
        """w_h ← w_h·min(1, limit/‖w_h‖) for each unit h; `lr` plays no part."""
        for weight in weights(module, self.select):
            norms = weight.flatten(1).norm(dim=1).clamp_min(1e-30)
            factors = (self.limit / norms).clamp_max(1.0)
            weight.mul_(factors.reshape(-1, *[1] * (weight.dim() - 1)))

    def measure(self, module: nn.Module) -> Tensor:
        """0: within the limit a constraint costs nothing."""
        return torch.zeros(())


def proximal_step(module: nn.Module, loss: Callable[[], Tensor], penalty: Penalty, lr: float) -> float:
    """One step of proximal gradient descent on all rows; the loss before it.

    `loss()` is the loss over all training rows, without the penalty. Repeated with lr at most 1/L, L the
    largest curvature, it converges to the penalised minimum (Beck and Teboulle 2009, theorem 3.1). A few
    after training by mini-batches with a falling rate set the weights to exactly 0 that the batches' noise
    kept off it.
    """
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    value = loss() + penalty.value(module)
    gradients = torch.autograd.grad(value, parameters, allow_unused=True)
    with torch.no_grad():
        for parameter, gradient in zip(parameters, gradients, strict=True):
            if gradient is not None:
                parameter.sub_(gradient, alpha=lr)
    penalty.step(module, lr)
    return float(value.detach())


def _shrink(weight: Tensor, threshold: float) -> None:
    weight.copy_(weight.sign() * (weight.abs() - threshold).clamp_min(0.0))


def _check(strength: float) -> None:
    if not 0.0 <= strength < float("inf"):
        raise ArgumentError(f"A strength of {strength} penalises nothing: it must be finite and at least 0.")
