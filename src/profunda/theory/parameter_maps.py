"""A module on given rows as a map of its parameters, θ [P] ↦ predictions [N, C]; products with its Jacobian.

In this view training moves a point in prediction space: with a loss ℓ of the predictions z(θ), the gradient
by θ is Jᵀ ∂ℓ/∂z, and a gradient flow moves z by −J Jᵀ ∂ℓ/∂z. Nothing of size N·C × P is made here.
"""

import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.func import functional_call, jvp

from profunda.errors import ArgumentError, DataError
from profunda.theory.modes import in_evaluation

__all__ = ["ParameterMap", "check_rows", "evaluating", "load_forward_mode", "parameter_map", "trainable"]


@contextmanager
def evaluating(module: nn.Module) -> Generator[None, None, None]:
    """`module` in evaluation, part by part as before at the end: no dropout, batch norm by its collected
    statistics; and its buffers as they were, whatever a `forward` writes into them."""
    buffers = [
        (part, name, buffer, buffer.clone())
        for part in module.modules()
        for name, buffer in part.named_buffers(recurse=False)
    ]
    try:
        with in_evaluation(module):
            yield
    finally:
        with torch.no_grad():
            for part, name, buffer, before in buffers:
                part._buffers[name] = buffer
                if not torch.equal(buffer, before):
                    buffer.copy_(before)


def trainable(module: nn.Module) -> dict[str, Tensor]:
    """The parameters that require a gradient, detached, shared ones once.

    Raises ArgumentError where there are none, where they are of several dtypes or devices, in half precision,
    not finite, or of no size yet.
    """
    if any(nn.parameter.is_lazy(each) for each in module.parameters()):
        raise ArgumentError(
            f"{type(module).__name__} has layers that do not know their size yet: run it once on data."
        )
    found = {name: each.detach() for name, each in module.named_parameters() if each.requires_grad}
    if not found:
        raise ArgumentError(
            f"{type(module).__name__} has no parameter that requires a gradient, so no Jacobian: unfreeze "
            "some (requires_grad_())."
        )
    kinds = {(each.dtype, each.device) for each in found.values()}
    if len(kinds) > 1:
        listed = ", ".join(sorted(f"{dtype} on {device}" for dtype, device in kinds))
        raise ArgumentError(
            f"The parameters are of several kinds ({listed}): move the module to one of them."
        )
    dtype = next(iter(kinds))[0]
    if dtype not in (torch.float32, torch.float64):
        raise ArgumentError(
            f"The parameters are {dtype}: sums of so many products need more digits. Use module.float(), or "
            "module.double() for ranks."
        )
    for name, each in found.items():
        if not torch.isfinite(each).all():
            raise ArgumentError(f"Parameter {name!r} holds NaN or infinite values: the training diverged.")
    return found


def check_rows(x: Tensor, like: Tensor, what: str = "x") -> None:
    """Rows [N, ...] that a module with parameters `like` can take.

    Raises DataError for no rows and for values that are not finite, ArgumentError for another dtype or
    device.
    """
    if x.dim() == 0 or not len(x) or not x.numel():
        raise DataError(f"{what} has shape {tuple(x.shape)}, so no rows: hand over at least one.")
    if x.device != like.device:
        raise ArgumentError(f"{what} is on {x.device}, the module on {like.device}: move one of them.")
    if x.is_floating_point():
        if x.dtype != like.dtype:
            raise ArgumentError(f"{what} is {x.dtype}, the module {like.dtype}: use {what}.to({like.dtype}).")
        bad = int((~torch.isfinite(x.reshape(len(x), -1)).all(dim=1)).sum())
        if bad:
            raise DataError(
                f"{bad} of the {len(x)} rows of {what} hold NaN or infinite values: fill or leave them out."
            )


@dataclass(frozen=True)
class ParameterMap:
    """θ ↦ predictions on the rows `x` [N, ...]; made by `parameter_map`.

    Parameters
    ----------
    module
        Evaluated, and never changed.
    parameters
        Trainable tensors by name, in the order in which θ holds them.
    x
        The rows.
    outputs
        Numbers C that the module gives for a row, flattened.
    """

    module: nn.Module
    parameters: dict[str, Tensor]
    x: Tensor
    outputs: int

    @property
    def size(self) -> int:
        """P."""
        return sum(each.numel() for each in self.parameters.values())

    @property
    def theta(self) -> Tensor:
        """The parameters as they are, one after the other: a copy [P]."""
        return torch.cat([each.reshape(-1) for each in self.parameters.values()])

    def __call__(self, theta: Tensor) -> Tensor:
        """Predictions [N, C] at θ [P]."""
        with evaluating(self.module):
            return self.predict(self.pieces(theta), self.x)

    def jvp(self, direction: Tensor, rows: slice = slice(None)) -> Tensor:
        """J v [N, C] for v [P], forwards: what a small step in that direction changes, at today's θ."""
        load_forward_mode()
        with evaluating(self.module):
            found = jvp(
                lambda pieces: self.predict(pieces, self.x[rows]),
                (self.parameters,),
                (self.pieces(direction),),
            )
        return found[1]

    def vjp(self, cotangent: Tensor, rows: slice = slice(None)) -> Tensor:
        """Jᵀu [P] for u [N, C], backwards: the gradient by θ of Σ u·z, at today's θ."""
        with evaluating(self.module), torch.enable_grad():
            pieces = {name: each.clone().requires_grad_() for name, each in self.parameters.items()}
            left = self.predict(pieces, self.x[rows])
            found = torch.autograd.grad(
                left, list(pieces.values()), cotangent.reshape(left.shape), allow_unused=True
            )
        return torch.cat(
            [
                (each.new_zeros(each.shape) if grad is None else grad).reshape(-1)
                for each, grad in zip(pieces.values(), found, strict=True)
            ]
        ).detach()

    def pieces(self, vector: Tensor) -> dict[str, Tensor]:
        """A vector [P] in the shapes of the parameters. Raises ArgumentError for another length."""
        if vector.shape != (self.size,):
            raise ArgumentError(
                f"A vector of shape {tuple(vector.shape)} was given, but P = {self.size} parameters."
            )
        made, at = {}, 0
        for name, each in self.parameters.items():
            made[name] = vector[at : at + each.numel()].reshape(each.shape)
            at += each.numel()
        return made

    def predict(self, pieces: dict[str, Tensor], x: Tensor) -> Tensor:
        """Predictions [B, C] with these parameters, whatever mode the module is in."""
        # Copies, as a `forward` may write into them, which forward mode allows in what was made inside only.
        buffers = {name: each.clone() for name, each in self.module.named_buffers()}
        return functional_call(self.module, {**buffers, **pieces}, (x,)).reshape(len(x), -1)


@lru_cache(maxsize=1)
def load_forward_mode() -> None:
    """Torch loads rules of forward mode when it first needs them, and warns of old calls of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        jvp(torch.neg, (torch.zeros(1),), (torch.zeros(1),))


def parameter_map(module: nn.Module, x: Tensor) -> ParameterMap:
    """The map θ ↦ predictions of `module` on the rows x [N, ...], for parameters that require a gradient.

    Raises ArgumentError and DataError as `trainable` and `check_rows` do.

    >>> model = parameter_map(nn.Linear(3, 2).double(), torch.eye(3, dtype=torch.float64))
    >>> model.size, model.outputs
    (8, 2)
    >>> u, v = torch.arange(6.0).double().reshape(3, 2), torch.arange(8.0).double()
    >>> bool(torch.isclose((u * model.jvp(v)).sum(), model.vjp(u) @ v))  # uᵀ(J v) = (Jᵀu)ᵀv
    True
    """
    parameters = trainable(module)
    check_rows(x, next(iter(parameters.values())))
    few = x[:2]
    try:
        with evaluating(module), torch.no_grad():
            left = module(few)
    except Exception as error:  # whatever a stranger's forward raises
        raise ArgumentError(
            f"{type(module).__name__} does not take rows of shape {tuple(x.shape[1:])}, {x.dtype} "
            f"({type(error).__name__}: {error}): hand over rows as it is trained on."
        ) from error
    if not isinstance(left, Tensor) or not left.is_floating_point():
        raise ArgumentError(
            f"{type(module).__name__} gives no tensor of real numbers, so it has no Jacobian."
        )
    if len(few) > 1 and (left.dim() == 0 or len(left) != len(few)):  # one row alone may leave squeezed
        raise ArgumentError(
            f"{type(module).__name__} makes shape {tuple(left.shape)} of {len(few)} rows: the first axis "
            "must be that of the rows; leave out a mean over rows, or the loss."
        )
    return ParameterMap(module, parameters, x.detach(), left.numel() // len(few))
