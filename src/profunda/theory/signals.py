"""What passes through a chain of dense layers, forwards and backwards: what per-row gradients are made of.

For a row x, the gradient of output c by the weights of layer l is δ_c^l ⊗ x^{l−1}, with x^{l−1} what enters
the layer and δ_c^l = ∂f_c/∂z^l at what leaves it: an outer product of which only the factors are kept
(backpropagation; Goodfellow 2015, "Efficient per-example gradient computations", has their norms so). The
gradient by the bias is δ_c^l, those by a norm's scale and shift are g ⊙ x̂ and g.
"""

from collections import Counter
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from profunda.theory.chains import Chain, Link

__all__ = ["Signal", "covers", "numbers_per_row", "signals"]


@dataclass(frozen=True)
class Signal:
    """Gradients of C outputs on B rows by the tensors of one layer or norm; a tensor that is fixed is None.

    Parameters
    ----------
    weight
        Matrix [H, K] of a layer, with gradient δ ⊗ entered, or scale [H] of a norm, with δ ⊙ entered.
    bias
        [H], with gradient δ.
    entered
        [B, K] or, for a norm, [B, H].
    back
        δ, [B, C, H].
    """

    weight: nn.Parameter | None
    bias: nn.Parameter | None
    entered: Tensor
    back: Tensor

    @property
    def scaled(self) -> Tensor:
        """The gradient by a norm's scale, [B, C, H]."""
        return self.back * self.entered.unsqueeze(1)


def covers(chain: Chain, module: nn.Module) -> bool:
    """Whether `signals` gives the whole gradient: `chain` is exact, no row knows of another, and each
    trainable parameter of `module` is a weight, bias or norm of it, in one place: the gradient by a shared
    one is a sum over its places."""
    norms = [link.normaliser for link in chain.links]
    if not chain.exact or any(isinstance(n, nn.BatchNorm1d) and n.running_mean is None for n in norms):
        return False
    places = Counter(id(each) for link in chain.links for each in _parameters(link))
    return all(places[id(each)] == 1 for each in module.parameters() if each.requires_grad)


def numbers_per_row(chain: Chain, outputs: int) -> int:
    """Numbers that `signals` of one row hold while they are made, for so many outputs at a time."""
    sizes = [(link.linear.in_features, link.linear.out_features) for link in chain.links]
    return sum(k + 4 * h + (outputs + 1) * (2 if link.normaliser is not None else 1) * h
               for (k, h), link in zip(sizes, chain.links, strict=True))  # fmt: skip


def signals(chain: Chain, x: Tensor, cotangents: Tensor | None = None) -> list[Signal]:
    """One signal for each trainable layer and norm of `chain` on rows x [B, ...], as in evaluation.

    With `cotangents` u [B, C] those of the one number Σ_c u_c f_c, where δ is [B, 1, H], else of C outputs.
    """
    marks: list[_Mark] = []
    with torch.enable_grad():
        h = (x.flatten(1) if x.dim() > 2 else x).detach()
        for link in chain.links:
            h = _pass(link, h, marks)
        at = [mark.left for mark in marks]
        if cotangents is not None:
            found = [torch.autograd.grad(h, at, cotangents.reshape(h.shape))]
        else:
            last = h.shape[1] - 1
            found = [torch.autograd.grad(h[:, c].sum(), at, retain_graph=c < last) for c in range(last + 1)]
    return [
        Signal(mark.weight, mark.bias, mark.entered, torch.stack(backs, dim=1))
        for mark, backs in zip(marks, zip(*found, strict=True), strict=True)
    ]


@dataclass(frozen=True)
class _Mark:
    """A place in the forward pass where gradients are asked for."""

    weight: nn.Parameter | None
    bias: nn.Parameter | None
    entered: Tensor
    left: Tensor


def _pass(link: Link, h: Tensor, marks: list[_Mark]) -> Tensor:
    linear, norm = link.linear, link.normaliser
    z = _differentiable(linear(h))
    _mark(marks, linear, h.detach() * link.factor if link.factor != 1.0 else h.detach(), z)
    if norm is None:
        return link.function(z.clone())  # a clone, as it may work in place
    if not link.norm_before:
        z = link.function(z.clone())
    left = _differentiable(norm(z))
    if any(each.requires_grad for each in norm.parameters()):
        _mark(marks, norm, _standardised(norm, z.detach()), left)
    return link.function(left.clone()) if link.norm_before else left


def _mark(marks: list[_Mark], part: nn.Module, entered: Tensor, left: Tensor) -> None:
    own = dict(part.named_parameters(recurse=False))
    weight, bias = (
        own[name] if name in own and own[name].requires_grad else None for name in ("weight", "bias")
    )
    if weight is not None or bias is not None:
        marks.append(_Mark(weight, bias, entered, left))


def _differentiable(z: Tensor) -> Tensor:
    return z if z.requires_grad else z.requires_grad_()  # where nothing before it is trained


def _standardised(norm: nn.Module, z: Tensor) -> Tensor:
    """What a norm makes of z before its own scale and shift."""
    if isinstance(norm, nn.BatchNorm1d):
        return functional.batch_norm(z, norm.running_mean, norm.running_var, eps=norm.eps)
    if isinstance(norm, nn.LayerNorm):
        return functional.layer_norm(z, norm.normalized_shape, eps=norm.eps)
    assert isinstance(norm, nn.GroupNorm)  # `covers` lets no other through
    return functional.group_norm(z, norm.num_groups, eps=norm.eps)


def _parameters(link: Link) -> list[nn.Parameter]:
    """Those of its layer and norm by which `signals` can differentiate."""
    found = list(link.linear.parameters(recurse=False))
    if isinstance(link.normaliser, nn.BatchNorm1d | nn.LayerNorm | nn.GroupNorm):
        found += list(link.normaliser.parameters())
    return found
