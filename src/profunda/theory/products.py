"""Products with matrices that are too large to hold: Hessian, Gauss-Newton matrix, tangent kernel.

One product goes through the rows in mini-batches and holds a few vectors of size P and what the module keeps
for one batch, whatever N is. Hessian products are derivatives of the gradient along a direction, forward over
reverse (Pearlmutter 1994, "Fast exact multiplication by the Hessian"); the Gauss-Newton matrix is
(1/N) Σ_n J_nᵀ H_n J_n with H_n the Hessian of the loss by the outputs (Schraudolph 2002, section 3).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.func import grad, jvp, vjp

from profunda.errors import ArgumentError
from profunda.theory.losses import RowLoss, check_targets, squared_error
from profunda.theory.parameter_maps import ParameterMap, evaluating, load_forward_mode, parameter_map

__all__ = ["BATCH", "Curvature", "Operator", "curvature", "matrix_operator", "tangent_operator"]

Curvature = Literal["hessian", "gauss_newton"]

BATCH = 256
"""Rows at a time where nobody says otherwise."""


@dataclass(frozen=True)
class Operator:
    """A symmetric matrix by its products.

    Parameters
    ----------
    name
        What it is called in texts.
    size
        Its number of rows.
    apply
        v [size] to A v [size], of the same dtype and device.
    like
        An empty tensor of that dtype and device.
    """

    name: str
    size: int
    apply: Callable[[Tensor], Tensor]
    like: Tensor

    def __matmul__(self, v: Tensor) -> Tensor:
        """A v. Raises ArgumentError for another length."""
        if v.shape != (self.size,):
            raise ArgumentError(f"{self.name} has {self.size} rows, the vector shape {tuple(v.shape)}.")
        return self.apply(v)


def matrix_operator(matrix: Tensor) -> Operator:
    """A symmetric matrix [n, n] that is at hand. Raises ArgumentError for one that is not symmetric.

    >>> (matrix_operator(torch.tensor([[2.0, 1.0], [1.0, 0.0]])) @ torch.tensor([1.0, 3.0])).tolist()
    [5.0, 1.0]
    """
    matrix = matrix.detach()
    square = matrix.dim() == 2 and matrix.shape[0] == matrix.shape[1] > 0
    if not square or not torch.allclose(matrix, matrix.T, atol=1e-8 * float(matrix.abs().max())):
        raise ArgumentError(
            f"The matrix of shape {tuple(matrix.shape)} is not symmetric: symmetrise it first."
        )
    return Operator("the matrix", len(matrix), lambda v: matrix @ v, matrix.new_empty(0))


def curvature(
    module: nn.Module,
    x: Tensor,
    y: Tensor,
    loss: RowLoss = squared_error,
    *,
    kind: Curvature = "hessian",
    batch: int = BATCH,
) -> Operator:
    """Hessian or Gauss-Newton matrix [P, P] of the mean loss of `module` over rows x [N, ...] and targets y.

    In evaluation. One product holds about 4 vectors of size P and what `batch` rows leave behind in forward,
    backward and forward-mode passes. "gauss_newton" needs a loss that is convex in the outputs to have no
    negative eigenvalue; for the squared error it is JᵀJ/N. Parts without rules for forward mode (some fused
    attention kernels) raise torch's NotImplementedError.

    Raises ArgumentError for an unknown kind, a batch below 1 and a loss that does not fit, and as
    `parameter_map` does.

    >>> x, y = torch.tensor([[1.0], [2.0]]), torch.tensor([0.0, 0.0])
    >>> a = curvature(nn.Linear(1, 1), x, y)  # mean of (x, 1)ᵀ(x, 1)
    >>> torch.stack([a @ torch.tensor([1.0, 0.0]), a @ torch.tensor([0.0, 1.0])])
    tensor([[2.5000, 1.5000],
            [1.5000, 1.0000]])
    """
    if kind not in get_args(Curvature):
        raise ArgumentError(f"kind = {kind!r} is none of {', '.join(get_args(Curvature))}.")
    model = _prepared(module, x, batch)
    if len(y) != len(x):
        raise ArgumentError(f"x has {len(x)} rows, y {len(y)}: one target belongs to each row.")
    with torch.no_grad(), evaluating(module):
        for rows in _batches(len(x), batch):
            check_targets(model.predict(model.parameters, x[rows]), y[rows], loss)
    product = _hessian if kind == "hessian" else _gauss_newton

    def apply(v: Tensor) -> Tensor:
        pieces, total = model.pieces(v), torch.zeros_like(v)
        with evaluating(module):
            for rows in _batches(len(x), batch):
                total += product(model, x[rows], y[rows], loss, pieces)
        return total / len(x)

    return Operator(f"the {kind.replace('_', '-')} matrix", model.size, apply, model.theta[:0])


def tangent_operator(module: nn.Module, x: Tensor, *, batch: int = BATCH) -> Operator:
    """The tangent kernel J Jᵀ [N·C, N·C] of `module` on rows x [N, ...] by products.

    For N·C or P too large for `empirical_ntk`: one product holds about 3 vectors of size P, and what `batch`
    rows leave behind.

    Its largest eigenvalues are those of JᵀJ. Raises as `curvature` does.

    >>> a = tangent_operator(nn.Linear(2, 1), torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    >>> a @ torch.tensor([1.0, 0.0])  # x·x' + 1
    tensor([ 6., 12.])
    """
    model = _prepared(module, x, batch)

    def apply(u: Tensor) -> Tensor:
        shaped = u.reshape(len(x), model.outputs)
        pulled = torch.zeros_like(model.theta)
        for rows in _batches(len(x), batch):
            pulled += model.vjp(shaped[rows], rows)
        return torch.cat([model.jvp(pulled, rows).reshape(-1) for rows in _batches(len(x), batch)])

    return Operator("the tangent kernel", len(x) * model.outputs, apply, model.theta[:0])


def _prepared(module: nn.Module, x: Tensor, batch: int) -> ParameterMap:
    if batch < 1:
        raise ArgumentError(f"batch = {batch}: at least one row must be taken at a time.")
    load_forward_mode()
    return parameter_map(module, x)


def _batches(n: int, batch: int) -> Iterator[slice]:
    for first in range(0, n, batch):
        yield slice(first, min(n, first + batch))


def _hessian(model: ParameterMap, x: Tensor, y: Tensor, loss: RowLoss, v: dict[str, Tensor]) -> Tensor:
    """Σ_n ∂²ℓ_n v, flat."""
    gradient = grad(lambda pieces: loss(model.predict(pieces, x), y).sum())
    return _flat(jvp(gradient, (model.parameters,), (v,))[1])


def _gauss_newton(model: ParameterMap, x: Tensor, y: Tensor, loss: RowLoss, v: dict[str, Tensor]) -> Tensor:
    """Σ_n J_nᵀ H_n J_n v, flat."""

    def predict(pieces: dict[str, Tensor]) -> Tensor:
        return model.predict(pieces, x)

    pushed = jvp(predict, (model.parameters,), (v,))
    bent = jvp(grad(lambda outputs: loss(outputs, y).sum()), (pushed[0],), (pushed[1],))[1]
    return _flat(vjp(predict, model.parameters)[1](bent)[0])


def _flat(pieces: dict[str, Tensor]) -> Tensor:
    return torch.cat([each.reshape(-1) for each in pieces.values()]).detach()
