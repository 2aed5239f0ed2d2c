"""Whether the rows of a training set pull the parameters in the same direction, or against each other."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from profunda.errors import DataError
from profunda.theory.losses import RowLoss, check_targets, squared_error
from profunda.theory.routes import MEMORY, route_of
from profunda.theory.tangents import gradient_gram

__all__ = ["GradientCosines", "gradient_cosines"]


@dataclass(frozen=True)
class GradientCosines:
    """Cosines between the gradients of single rows' losses.

    Parameters
    ----------
    matrix
        [K, K], of the K rows whose gradient is not 0.
    rows
        Which rows these are, [K].
    norms
        Sizes of their gradients, [K].
    mean, mean_absolute
        Over all pairs of different rows; NaN for fewer than two rows.
    conflicting
        Share of the pairs with a negative cosine, which undo part of each other's steps.
    """

    matrix: Tensor
    rows: Tensor
    norms: Tensor
    mean: float
    mean_absolute: float
    conflicting: float


def gradient_cosines(
    module: nn.Module, x: Tensor, y: Tensor, loss: RowLoss = squared_error, *, memory: int = MEMORY
) -> GradientCosines:
    """Cosines between ∇_θ ℓ(f(x_n), y_n) of all rows, as in evaluation; no gradient of size P for chains.

    g_n·g_m = u_nᵀΘ(x_n, x_m)u_m with u_n = ∂ℓ/∂f(x_n) and Θ the tangent kernel. Raises DataError where all
    gradients are 0 or some overflow and for targets that are not finite, ArgumentError for a loss that does
    not fit, and as `parameter_map` does.

    >>> x, y = torch.tensor([[1.0], [2.0]]), torch.tensor([1.0, -2.0])
    >>> net = nn.Linear(1, 1, bias=False)
    >>> _ = nn.init.zeros_(net.weight)
    >>> gradient_cosines(net, x, y).mean  # one weight: the two rows pull it to either side
    -1.0
    """
    route = route_of(module, x)
    with torch.no_grad():
        z = route.map(route.map.theta)
    check_targets(z, y, loss)
    with torch.enable_grad():
        z.requires_grad_()
        pull = torch.autograd.grad(loss(z, y).sum(), z)[0]
    gram = gradient_gram(route, pull, memory)
    if not torch.isfinite(gram).all():
        raise DataError(
            "The gradients' inner products are not finite: targets or outputs are too large for "
            f"{gram.dtype}; scale the targets, or use module.double()."
        )
    sizes = gram.diagonal().clamp_min(0.0).sqrt()
    rows = torch.nonzero(sizes > 0.0).flatten()
    if not len(rows):
        raise DataError("All rows have gradient 0: every row is fitted exactly, or no unit is active.")
    norms = sizes[rows]
    matrix = (gram[rows][:, rows] / norms.outer(norms)).clamp(-1.0, 1.0)
    pairs = matrix[tuple(torch.triu_indices(len(rows), len(rows), 1))]
    return GradientCosines(
        matrix,
        rows,
        norms,
        float(pairs.mean()) if len(pairs) else float("nan"),
        float(pairs.abs().mean()) if len(pairs) else float("nan"),
        float((pairs < 0.0).to(pairs.dtype).mean()) if len(pairs) else float("nan"),
    )
