"""How far a full-rank Jacobian stays one: the ball in which every critical point is a global minimum."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import jvp

from profunda.errors import ArgumentError
from profunda.theory.jacobians import jacobian_rank
from profunda.theory.parameter_maps import ParameterMap, evaluating, load_forward_mode, parameter_map
from profunda.theory.routes import MEMORY

__all__ = ["Certificate", "certificate"]

_STEPS = 30


@dataclass(frozen=True)
class Certificate:
    """A radius around θ within which J is estimated to keep full row rank.

    Parameters
    ----------
    radius
        σ_min/Lip: **an estimate**, as `lipschitz` is one; 0.0 without full row rank, infinite where J does
        not change.
    smallest
        σ_min of J at θ.
    lipschitz
        Estimate of the Lipschitz constant of J by θ, in the spectral norm: the largest second derivative
        found at θ, hence not above the constant.
    full
        Whether J has full row rank at θ.
    """

    radius: float
    smallest: float
    lipschitz: float
    full: bool


def certificate(
    module: nn.Module, x: Tensor, *, starts: int = 3, seed: int = 0, memory: int = MEMORY
) -> Certificate:
    """Estimate the radius of the ball around θ in which J of `module` on rows x keeps full row rank.

    Singular values move by at most the spectral norm of the change (Weyl), so that |θ' − θ| < σ_min/Lip(J) is
    enough; any critical point of a convex loss in that ball is a global minimum (Liu, Zhu and Belkin 2022).
    Lip(J) is estimated by the largest ‖∂²z[d, v]‖ over unit d and v at θ, by alternating power iterations
    from so many `starts`; kinks (ReLU) are not seen by it. Raises as `jacobian_rank` does.
    """
    if starts < 1:
        raise ArgumentError(f"starts = {starts}: at least one start is needed to estimate anything.")
    rank = jacobian_rank(module, x, memory=memory)
    load_forward_mode()
    model = parameter_map(module, x)
    generator = torch.Generator().manual_seed(seed)
    found = max(_bend(model, generator) for _ in range(starts))
    if not rank.full:
        return Certificate(0.0, 0.0, found, False)
    radius = rank.smallest / found if found else float("inf")
    return Certificate(radius, rank.smallest, found, True)


def _bend(model: ParameterMap, generator: torch.Generator) -> float:
    """A local maximum of ‖∂²z[d, v]‖ over unit vectors d and v."""
    theta = model.theta
    drawn = torch.randn(2, model.size, generator=generator, dtype=torch.float64).to(theta)
    d, v = _unit(drawn[0]), _unit(drawn[1])
    size = 0.0
    for _ in range(_STEPS):
        bent = _second(model, theta, d, v)
        size = float(bent.norm())
        if not size:
            return 0.0
        pulled = _pulled(model, theta, bent / size, d)
        d, v = _unit(pulled), d
        size = float(pulled.norm())
    return size


def _second(model: ParameterMap, theta: Tensor, d: Tensor, v: Tensor) -> Tensor:
    """∂²z[d, v], [N, C]."""
    with evaluating(model.module):
        return jvp(lambda at: jvp(model, (at,), (v,))[1], (theta,), (d,))[1]


def _pulled(model: ParameterMap, theta: Tensor, u: Tensor, d: Tensor) -> Tensor:
    """The Hessian of Σ u·z at θ times d, [P]."""
    with torch.enable_grad():
        at = theta.clone().requires_grad_()
        first = torch.autograd.grad((model(at) * u).sum(), at, create_graph=True)[0]
        if not first.requires_grad:
            return torch.zeros_like(theta)
        return torch.autograd.grad(first @ d, at)[0]


def _unit(vector: Tensor) -> Tensor:
    size = vector.norm()
    return vector / size if size else vector
