"""Whether several losses pull the parameters that they share in the same direction.

Sources: Yu et al. (2020), "Gradient surgery for multi-task learning", definitions 1 to 3: gradients conflict
where their cosine is negative, and one drowns the other where their sizes differ much.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from profunda.errors import ArgumentError, DataError

__all__ = ["TaskCosines", "task_cosines"]

_DROWNED = 0.2
"""A similarity of sizes below which the smaller gradient hardly matters: ten times smaller gives 0.198."""


@dataclass(frozen=True)
class TaskCosines:
    """Gradients of T tasks on the parameters that at least two of them reach.

    Parameters
    ----------
    names
        Of the tasks whose gradient there is not 0, T'.
    matrix
        Their cosines, [T', T'].
    norms
        Sizes of their gradients, [T'].
    similarity
        2‖g‖‖h‖/(‖g‖² + ‖h‖²) of each pair, [T', T']: 1 for equal sizes, near 0 where one drowns the other.
    shared
        Names of these parameters.
    silent
        Tasks that do not pull them.
    """

    names: tuple[str, ...]
    matrix: Tensor
    norms: Tensor
    similarity: Tensor
    shared: tuple[str, ...]
    silent: tuple[str, ...]

    @property
    def conflicting(self) -> tuple[tuple[str, str, float], ...]:
        """Pairs with a negative cosine, the worst first: each undoes part of the other's step."""
        pairs = self._pairs(self.matrix)
        return tuple(sorted((pair for pair in pairs if pair[2] < 0.0), key=lambda pair: pair[2]))

    @property
    def drowned(self) -> tuple[tuple[str, str, float], ...]:
        """Pairs whose sizes differ about tenfold and more, the smaller first, with their similarity."""
        found = []
        for one, other, told in self._pairs(self.similarity):
            if told < _DROWNED:
                smaller = self.norms[self.names.index(one)] < self.norms[self.names.index(other)]
                found.append((one, other, told) if smaller else (other, one, told))
        return tuple(sorted(found, key=lambda pair: pair[2]))

    def _pairs(self, values: Tensor) -> list[tuple[str, str, float]]:
        n = len(self.names)
        return [
            (self.names[i], self.names[j], float(values[i, j])) for i in range(n) for j in range(i + 1, n)
        ]

    def __str__(self) -> str:
        head = f"{len(self.names)} tasks pull {len(self.shared)} shared tensors"
        lines = [f"{one} and {other} conflict: cosine {told:.2f}" for one, other, told in self.conflicting]
        lines += [
            f"{one} is drowned by {other}: its gradient is far smaller; weigh its loss more"
            for one, other, _ in self.drowned
        ]
        lines += [f"{name} does not pull what others share" for name in self.silent]
        return "\n".join([head, *(lines or ["no two of them conflict"])])


def task_cosines(module: nn.Module, losses: Mapping[str, Tensor]) -> TaskCosines:
    """Cosines between the gradients of tasks on the parameters of `module` that at least two of them reach.

    `losses` are scalars by task, computed from the module with gradients on; their graph is kept, and no
    `.grad` is touched, so that it can be asked before `backward` in any loop. One batch is noisy: a cosine of
    pure noise in P parameters strays by 1/√P about 0. Raises ArgumentError for fewer than two losses, one
    that is no scalar or has no graph, DataError where a loss or a gradient is not finite and where no
    parameter is shared.

    >>> net = nn.Linear(2, 1, bias=False)
    >>> z = net(torch.tensor([[1.0, 0.0], [1.0, 1.0]])).flatten()
    >>> round(float(task_cosines(net, {"a": z[0], "b": -z[1]}).matrix[0, 1]), 4)
    -0.7071
    """
    _check(losses)
    named = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    found = [
        torch.autograd.grad(loss, [p for _, p in named], retain_graph=True, allow_unused=True)
        for loss in losses.values()
    ]
    reached = [sum(one[k] is not None for one in found) for k in range(len(named))]
    places = [k for k, count in enumerate(reached) if count > 1]
    if not places:
        raise DataError(
            "No parameter is reached by two losses, so that the tasks share nothing: are they computed from "
            "this module, or from parts that were detached?"
        )
    flat = [
        torch.cat([
            (torch.zeros_like(named[k][1]) if (grad := one[k]) is None else grad).flatten() for k in places
        ])
        for one in found
    ]  # fmt: skip
    gradients = torch.stack(flat).double()
    norms = gradients.norm(dim=1)
    if not torch.isfinite(norms).all():
        bad = list(losses)[int(torch.nonzero(~torch.isfinite(norms))[0, 0])]
        raise DataError(f"The gradient of task {bad!r} is not finite: its loss left its domain.")
    kept = torch.nonzero(norms > 0.0).flatten()
    silent = tuple(name for name, norm in zip(losses, norms.tolist(), strict=True) if norm == 0.0)
    units, sizes = gradients[kept] / norms[kept, None], norms[kept]
    squares = sizes.square()
    return TaskCosines(
        tuple(name for name in losses if name not in silent),
        (units @ units.T).clamp(-1.0, 1.0),
        sizes,
        2.0 * sizes.outer(sizes) / (squares[:, None] + squares[None, :]),
        tuple(named[k][0] for k in places),
        silent,
    )


def _check(losses: Mapping[str, Tensor]) -> None:
    if len(losses) < 2:
        raise ArgumentError(f"{len(losses)} loss(es) have no cosine: give at least two, by the task's name.")
    for name, loss in losses.items():
        if loss.numel() != 1 or not loss.requires_grad:
            raise ArgumentError(
                f"The loss of task {name!r} has shape {tuple(loss.shape)} and "
                f"{'a' if loss.requires_grad else 'no'} graph: give a scalar computed with gradients on."
            )
        if not torch.isfinite(loss).all():
            raise DataError(f"The loss of task {name!r} is {loss.item()}: look at its targets and outputs.")
