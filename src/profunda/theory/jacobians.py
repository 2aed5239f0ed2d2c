"""The Jacobian of all predictions by all parameters: what a small step can reach, and why not everything.

J [N·C, P] has one row for each row of the data and output, ordered by row, then output, and one column for
each trainable parameter, in the order of `parameters()`. Where it has full row rank, each direction of the
predictions can be reached, and ∇L = Jᵀ∂ℓ/∂z = 0 only where ∂ℓ/∂z = 0: a critical point there is a global
minimum of a convex ℓ, though not the only one, as the solutions have P − N·C dimensions.
"""

import copy
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

import torch
from torch import Tensor, nn

from profunda.theory.chains import Chain
from profunda.theory.routes import MEMORY, Route, jacobian_block, route_of, weigh

__all__ = ["Deficit", "JacobianRank", "Reason", "jacobian", "jacobian_rank", "numerical_rank"]

Reason = Literal[
    "few parameters",
    "duplicated rows",
    "indistinct rows",
    "zero weights",
    "dead units",
    "rescaling",
    "unexplained",
]


def jacobian(module: nn.Module, x: Tensor, *, memory: int = MEMORY) -> Tensor:
    """J [N·C, P] of `module` on rows x [N, ...], in evaluation and in its own dtype.

    It holds N·C·P numbers and as much again while it is made: at most `memory` bytes, else ArgumentError. The
    products J v and Jᵀu need no J: see `parameter_map`.

    >>> x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> jacobian(nn.Linear(2, 1), x)  # linear in its parameters: J = (x, 1)
    tensor([[1., 2., 1.],
            [3., 4., 1.]])
    """
    route = route_of(module, x)
    size = next(iter(route.map.parameters.values())).element_size()
    weigh("A dense Jacobian", 2 * len(x) * route.map.outputs * route.map.size * size, memory)
    return jacobian_block(route, 0, len(x))


def numerical_rank(singular_values: Tensor, shape: tuple[int, int]) -> tuple[int, float]:
    """The number of σ above σ_max·max(shape)·ε, and that threshold; for float64, where ε = 2.2e-16.

    >>> worked = torch.tensor([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]], dtype=torch.float64)
    >>> numerical_rank(torch.linalg.svdvals(worked), (3, 3))[0]  # the third row is −1 times one, 2 times two
    2
    """
    if not singular_values.numel():
        return 0, 0.0
    tolerance = float(singular_values.max()) * max(shape) * torch.finfo(singular_values.dtype).eps
    return int((singular_values > tolerance).sum()), tolerance


@dataclass(frozen=True)
class Deficit:
    """Something that keeps the rank of a Jacobian below its number of rows.

    Parameters
    ----------
    reason
        Its kind.
    at_most
        The rank that it allows, on top of what stands before it in the list.
    text
        In words, with the numbers.
    """

    reason: Reason
    at_most: int
    text: str


@dataclass(frozen=True)
class JacobianRank:
    """Rank and singular values of a Jacobian in float64.

    Parameters
    ----------
    rank
        Singular values above `tolerance`.
    n_rows
        N·C.
    n_parameters
        P.
    singular_values
        float64 [min(N·C, P)], descending.
    tolerance
        σ_max·max(N·C, P)·ε.
    deficits
        Why `rank` is below `n_rows`; () where it is not.
    """

    rank: int
    n_rows: int
    n_parameters: int
    singular_values: Tensor
    tolerance: float
    deficits: tuple[Deficit, ...]

    @property
    def full(self) -> bool:
        """Whether every direction of the predictions can be reached."""
        return self.rank == self.n_rows

    @property
    def null_space(self) -> int:
        """Dimensions of the steps that change no prediction, P − rank: those of the solutions."""
        return self.n_parameters - self.rank

    @property
    def largest(self) -> float:
        """σ_max."""
        return float(self.singular_values[0])

    @property
    def smallest(self) -> float:
        """σ_min over all rows: 0.0 without full row rank."""
        return float(self.singular_values[-1]) if self.full else 0.0

    @property
    def pl_constant(self) -> float:
        """μ = σ_min²: for L = ½‖z − y‖², ‖∇L‖² = ‖Jᵀr‖² lies between μ‖r‖² and σ_max²‖r‖², r = z − y.

        The Polyak-Łojasiewicz inequality ½‖∇L‖² ≥ μL at this θ (Liu, Zhu and Belkin 2022, "Loss landscapes
        and optimization in over-parameterized non-linear systems and neural networks").
        """
        return self.smallest**2


def jacobian_rank(module: nn.Module, x: Tensor, *, memory: int = MEMORY) -> JacobianRank:
    """The rank of J of `module` on rows x [N, ...], and why it is not N·C where it is not.

    In float64, on a copy of the module, whatever its precision: rank is a matter of the last digits. The rank
    on some of the rows bounds that on all from below. Units of dense layers are looked at where the module is
    a chain of them. Raises ArgumentError where J would not fit
    into `memory` bytes four times, and as `parameter_map` does.

    >>> net = nn.Sequential(nn.Linear(5, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> found = jacobian_rank(net, torch.randn(50, 5))
    >>> found.n_parameters, found.rank <= 19  # at least one direction for each hidden unit rescales it
    (22, True)
    """
    route_of(module, x)  # wrong use is told in the module's own terms
    double = copy.deepcopy(module).double().eval()  # units are looked at as in evaluation, too
    route = route_of(double, x.double() if x.is_floating_point() else x)
    n, size = len(x) * route.map.outputs, route.map.size
    weigh(f"The rank of a Jacobian of {n} by {size}", 4 * 8 * n * size, memory)
    j = jacobian_block(route, 0, len(x))
    found = torch.linalg.svdvals(j)
    rank, tolerance = numerical_rank(found, (n, size))
    deficits = _deficits(route, j, rank) if rank < n else ()
    return JacobianRank(rank, n, size, found, tolerance, deficits)


# Why a rank is low ----------------------------------------------------------------------------------


def _deficits(route: Route, j: Tensor, rank: int) -> tuple[Deficit, ...]:
    n, size = j.shape
    found = [*_of_rows(route, j), *_of_columns(route, j)]
    found = [each for each in found if each.at_most < n]
    best = min([each.at_most for each in found], default=min(n, size))
    if rank < best:
        found.append(
            Deficit(
                "unexplained",
                rank,
                f"the rank is {best - rank} below what is known to bound it: rows or units nearly depend on "
                "each other, and singular values fall without a gap",
            )
        )
    return tuple(found)


def _of_rows(route: Route, j: Tensor) -> list[Deficit]:
    c, rows = route.map.outputs, len(route.map.x)
    found = []
    distinct = _different(route.map.x.detach().reshape(rows, -1))
    if distinct < rows:
        text = f"{rows - distinct} of {rows} rows repeat others, and so do their gradients"
        found.append(Deficit("duplicated rows", distinct * c, text))
    different = _different(j[j.any(dim=1)])
    if different < distinct * c:
        text = (
            f"only {different} of {distinct * c} gradients of different rows differ from each other and from "
            "0: the other rows reach no unit that is active and trained"
        )
        found.append(Deficit("indistinct rows", different, text))
    return found


def _different(rows: Tensor) -> int:
    """How many rows differ, by digests: to sort rows of millions of numbers takes minutes, and their memory
    once more. Adding 0 makes −0 of a product the 0 that it equals."""
    return len({blake2b((row + 0).cpu().numpy().tobytes(), digest_size=16).digest() for row in rows})


def _of_columns(route: Route, j: Tensor) -> list[Deficit]:
    n, size = j.shape
    found = []
    if size < n:
        text = f"P = {size} parameters cannot reach {n} dimensions"
        found.append(Deficit("few parameters", size, text))
    still = (j == 0.0).all(dim=0)
    moving = size - int(still.sum())
    if moving < size:
        found.append(_of_still(route, size, moving))
    if route.chain is not None and moving - sum(route.chain.widths) < n:  # else they leave rank enough
        scaled = _rescalings(route, ~still)
        if scaled:
            text = (
                f"{scaled} hidden units can be scaled up while what leaves them is scaled down, which "
                "changes no prediction: as many directions of steps are lost"
            )
            found.append(Deficit("rescaling", moving - scaled, text))
    return found


def _of_still(route: Route, size: int, moving: int) -> Deficit:
    """Parameters by which all derivatives are 0."""
    chain = route.chain
    lost = f"{size - moving} of {size} parameters have no effect on any of these rows"
    empty = [] if chain is None else [link.name for link in chain.links if not link.linear.weight.any()]
    if empty:
        names = ", ".join(repr(name) for name in empty)
        return Deficit("zero weights", moving, f"{lost}: all weights of {names} are 0, and nothing passes")
    dead = 0 if chain is None else _dead_units(chain, route.map.x)
    hidden = 0 if chain is None else sum(chain.widths)
    return Deficit("dead units", moving, f"{lost}; {dead} of {hidden} hidden units are flat on all of them")


def _dead_units(chain: Chain, x: Tensor) -> int:
    """Hidden units whose activation has slope 0 on every row."""
    h, dead = (x.flatten(1) if x.dim() > 2 else x), 0
    for link in chain.links[:-1]:
        z = link.linear(h).detach()
        if link.normaliser is not None and link.norm_before:
            z = link.normaliser(z).detach()
        with torch.enable_grad():
            z.requires_grad_()
            slope = torch.autograd.grad(link.function(z.clone()).sum(), z)[0]
        dead += int((slope == 0.0).all(dim=0).sum())
        h = link.forward(h).detach()
    return dead


def _rescalings(route: Route, moving: Tensor) -> int:
    """Independent directions (w, b, −v) of hidden units with φ(ax) = aφ(x) for a > 0, w and b entering, v
    leaving them, among the parameters that move anything."""
    chain, model = route.chain, route.map
    assert chain is not None
    rows: list[Tensor] = []
    for link, after in zip(chain.links, chain.links[1:], strict=False):
        if link.activation is None or link.activation.sides is None or link.normaliser is not None:
            continue
        into, out, bias = link.linear.weight, after.linear.weight, link.linear.bias
        if not all(each.requires_grad for each in (into, out, bias) if each is not None):
            continue
        for unit in range(len(into)):
            pieces = {id(into): torch.zeros_like(into), id(out): torch.zeros_like(out)}
            pieces[id(into)][unit] = into[unit].detach()
            pieces[id(out)][:, unit] = -out[:, unit].detach()
            if bias is not None:
                pieces[id(bias)] = torch.zeros_like(bias)
                pieces[id(bias)][unit] = bias[unit].detach()
            rows.append(_direction(model.module, pieces)[moving])
    if not rows:
        return 0
    matrix = torch.stack(rows)
    matrix = matrix[matrix.any(dim=1)]
    if not len(matrix):
        return 0
    return numerical_rank(torch.linalg.svdvals(matrix), (len(matrix), matrix.shape[1]))[0]


def _direction(module: nn.Module, pieces: dict[int, Tensor]) -> Tensor:
    trained = [each for each in module.parameters() if each.requires_grad]
    return torch.cat([pieces.get(id(each), torch.zeros_like(each)).reshape(-1).detach() for each in trained])
