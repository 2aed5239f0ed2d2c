"""The empirical neural tangent kernel: how much a gradient step on one row moves the prediction on another.

Θ[(n, c), (m, d)] = Σ_p ∂f_c(x_n)/∂θ_p · ∂f_d(x_m)/∂θ_p = J Jᵀ, over all trainable parameters and in the
module's own parametrisation (Jacot, Gabriel and Hongler 2018, section 4). For a chain of dense layers

    Θ[(n, c), (m, d)] = Σ_l (δ_c^l(x_n)·δ_d^l(x_m)) (f² x_n^{l−1}·x_m^{l−1} + 1)

with f the layer's own factor (1 for `nn.Linear`) and the 1 for the bias: no gradient of size P is ever made.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from profunda.errors import ArgumentError
from profunda.theory.parameter_maps import check_rows, evaluating
from profunda.theory.pointwise import close
from profunda.theory.routes import MEMORY, Route, follows, jacobian_block, route_of, weigh
from profunda.theory.signals import Signal, numbers_per_row, signals

__all__ = ["Form", "TangentKernel", "empirical_ntk", "gradient_gram"]

Form = Literal["full", "trace", "diagonal"]


@dataclass(frozen=True)
class TangentKernel:
    """Θ of a module on rows.

    Parameters
    ----------
    values
        "full": [N·C, N₂·C], by row, then output; "trace": [N, N₂], summed over equal outputs; "diagonal":
        [N, N₂, C], of equal outputs.
    form
        Which of them.
    route
        "chain" by outer products, "rows" and "batch" by gradients of size P.
    chunk
        Rows at a time.
    held
        Bytes held at most, the values counted in, by the plan that chose `chunk`.
    """

    values: Tensor
    form: Form
    route: str
    chunk: int
    held: int

    @property
    def eigenvalues(self) -> Tensor:
        """Ascending, of "full" or "trace" on one set of rows. Raises ArgumentError for anything else."""
        square = self.form != "diagonal" and self.values.shape[0] == self.values.shape[1]
        if not square or not close(self.values, self.values.T):
            raise ArgumentError(
                f"A kernel of form {self.form!r} and shape {tuple(self.values.shape)} has no eigenvalues: "
                "use 'full' or 'trace' on one set of rows."
            )
        return torch.linalg.eigvalsh(self.values)

    @property
    def condition(self) -> float:
        """λ_max/λ_min; infinite where λ_min is 0 within rounding."""
        found = self.eigenvalues
        least = float(found[-1]) * len(found) * torch.finfo(found.dtype).eps
        return float(found[-1] / found[0]) if float(found[0]) > least else float("inf")


def empirical_ntk(
    module: nn.Module,
    x: Tensor,
    x2: Tensor | None = None,
    *,
    form: Form = "full",
    memory: int = MEMORY,
) -> TangentKernel:
    """Θ between rows x [N, ...] and x2 [N₂, ...], x itself by default; `module` stays as it was.

    In evaluation: no dropout, batch norm by its collected statistics. Rows are taken in chunks so that the
    result and what is held beside it stay within `memory` bytes; where there are several chunks, the rows of
    the second set are gone through once for each chunk of the first.

    Where the rows of a set depend on each other, each set is one batch. Raises ArgumentError for what does
    not fit into `memory`, and as `parameter_map` does.

    >>> x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> empirical_ntk(nn.Linear(2, 1), x).values  # x·x' + 1
    tensor([[ 6., 12.],
            [12., 26.]])
    """
    if form not in get_args(Form):
        raise ArgumentError(f"form = {form!r} is none of {', '.join(get_args(Form))}.")
    left = right = route_of(module, x)
    if x2 is not None:
        left, right = _both(left, module, x2)
    chunk, held = _plan(left, len(right.map.x), left.map.outputs, form, memory)
    n, m, c = len(x), len(right.map.x), left.map.outputs
    shape = {"full": (n, c, m, c), "trace": (n, m), "diagonal": (n, m, c)}[form]
    values = left.map.theta.new_zeros(shape)
    with evaluating(module):
        for i in _slices(n, chunk):
            here = _factors(left, i)
            for j in _slices(m, chunk):
                if x2 is not None:
                    _put(values, _between(here, _factors(right, j), form), i, j, form)
                elif j.start >= i.start:  # the rest is known by symmetry
                    there = here if j.start == i.start else _factors(left, j)
                    made = _between(here, there, form)
                    _put(values, made, i, j, form)
                    _put(values, _turned(made, form), j, i, form)
    return TangentKernel(
        values.reshape(n * c, m * c) if form == "full" else values, form, left.name, chunk, held
    )


def gradient_gram(route: Route, cotangents: Tensor, memory: int = MEMORY) -> Tensor:
    """Inner products [N, N] of the gradients of Σ_c u_c f_c(x_n) for `cotangents` u [N, C]: uᵀΘu."""
    n = len(route.map.x)
    chunk, _ = _plan(route, n, 1, "trace", memory)
    values = route.map.theta.new_zeros(n, n)
    with evaluating(route.map.module):
        for i in _slices(n, chunk):
            here = _factors(route, i, cotangents)
            for j in _slices(n, chunk):
                if j.start >= i.start:
                    there = here if j.start == i.start else _factors(route, j, cotangents)
                    made = _between(here, there, "trace")
                    values[i, j], values[j, i] = made, made.T
    return values


Factors = list[Signal] | Tensor
"""What a kernel is made of: signals, or the rows of J, [B, C, P]."""


def _both(first: Route, module: nn.Module, x2: Tensor) -> tuple[Route, Route]:
    """The routes of both sets, of one kind, so that factors meet their like."""
    check_rows(x2, first.map.theta, "x2")
    if x2.shape[1:] != first.map.x.shape[1:]:
        raise ArgumentError(
            f"Rows of x have shape {tuple(first.map.x.shape[1:])}, those of x2 {tuple(x2.shape[1:])}: both "
            "must be inputs of the module."
        )
    if first.chain is not None and not follows(first.chain, module, x2):
        first = replace(first, chain=None)
    return first, replace(first, map=replace(first.map, x=x2.detach()))


def _plan(route: Route, second: int, c: int, form: Form, memory: int) -> tuple[int, int]:
    """Rows at a time for c gradients a row, and the bytes then held."""
    n, size = len(route.map.x), next(iter(route.map.parameters.values())).element_size()
    if route.chain is not None:
        row = numbers_per_row(route.chain, c)
    else:
        row = c * route.map.size
    result = n * second * {"full": c * c, "trace": 1, "diagonal": c}[form]

    def held(rows: int) -> int:
        block = rows * rows * {"full": c * c, "trace": 1, "diagonal": c}[form]
        return size * (result + 2 * rows * row + 3 * block + 2 * route.map.size)

    rows = max(n, second)
    while rows > 1 and held(rows) > memory:
        rows = (rows + 1) // 2
    weigh(f"A kernel of {n} times {second} rows and {c} outputs ({form})", held(rows), memory)
    return rows, held(rows)


def _slices(n: int, chunk: int) -> Iterator[slice]:
    for first in range(0, n, chunk):
        yield slice(first, min(n, first + chunk))


def _factors(route: Route, rows: slice, cotangents: Tensor | None = None) -> Factors:
    if route.chain is not None:
        return signals(route.chain, route.map.x[rows], None if cotangents is None else cotangents[rows])
    block = jacobian_block(route, rows.start, rows.stop, cotangents)
    return block.reshape(rows.stop - rows.start, -1, route.map.size)


def _between(a: Factors, b: Factors, form: Form) -> Tensor:
    """One block: [B, C, B₂, C], [B, B₂] or [B, B₂, C]."""
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return _gram(a, b, form)
    assert isinstance(a, list)
    assert isinstance(b, list)
    total: Tensor | None = None
    for one, two in zip(a, b, strict=True):
        if one.weight is not None and one.weight.dim() == 1:
            part = _gram(one.scaled, two.scaled, form)
            if one.bias is not None:
                part += _gram(one.back, two.back, form)
        else:
            part = _gram(one.back, two.back, form)
            if one.weight is not None:
                inner = one.entered @ two.entered.T + (1.0 if one.bias is not None else 0.0)
                part *= {"full": inner[:, None, :, None], "trace": inner, "diagonal": inner[:, :, None]}[form]
        total = part if total is None else total.add_(part)
    assert total is not None  # there is a trainable parameter
    return total


def _gram(a: Tensor, b: Tensor, form: Form) -> Tensor:
    """Products over the last axis of [B, C, K] and [B₂, C, K]."""
    if form == "full":
        return (a.flatten(0, 1) @ b.flatten(0, 1).T).reshape(*a.shape[:2], *b.shape[:2])
    if form == "trace":
        return a.flatten(1) @ b.flatten(1).T
    return torch.bmm(a.transpose(0, 1), b.permute(1, 2, 0)).permute(1, 2, 0)


def _turned(made: Tensor, form: Form) -> Tensor:
    return made.permute(2, 3, 0, 1) if form == "full" else made.transpose(0, 1)


def _put(values: Tensor, made: Tensor, i: slice, j: slice, form: Form) -> None:
    if form == "full":
        values[i, :, j, :] = made
    else:
        values[i, j] = made
