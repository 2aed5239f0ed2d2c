"""The loss over the parameters: a textbook surface in two readings, and slices through any trained module.

A slice evaluates the loss on a line or a plane of parameter vectors, with everything else as it is. Vectors
[P] hold a module's parameters in the order of `module.parameters()`. The module itself is never changed: a
copy in evaluation mode (no dropout, running statistics) is called with the parameters of each point.

Sources: Goodfellow, Vinyals and Saxe (2015), section 2, for lines between two parameter vectors; Li, Xu,
Taylor, Studer and Goldstein (2018), "Visualizing the loss landscape of neural nets", section 4, for
directions scaled filter by filter."""

import copy
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

from profunda.errors import ArgumentError

__all__ = [
    "LineSlice",
    "Loss",
    "PlaneSlice",
    "Reading",
    "Surface",
    "filter_direction",
    "grid_minima",
    "landscape",
    "line_slice",
    "losses_at",
    "marked_points",
    "outputs_at",
    "parameter_vector",
    "plane_slice",
    "printed_landscape",
    "regular_landscape",
    "regular_minima",
]

Loss = Callable[[Tensor, Tensor], Tensor]
"""A scalar of a module's outputs and the targets."""

Reading = Literal["printed", "regular"]
"""The formula as printed, which is singular, or a guess at what was meant, which is not."""

_POLE = 1e-12
_FLAT = 1e-4
_REACH, _SPACING = 10.0, 0.02
_ELEMENTS = 2**22


# The surface of the text ------------------------------------------------------------------------------


def marked_points() -> tuple[tuple[float, float], ...]:
    """The five configurations (x, y) that the text marks on its surface, all on the diagonal."""
    return tuple((place, place) for place in (-8.0, -4.0, 0.0, 4.0, 8.0))


def printed_landscape(x: np.ndarray | float, y: np.ndarray | float) -> np.ndarray:
    """sin(3√(x²y²)) / ((√(x²y²) + 1.5) sin x cos x), as printed; nan where sin x cos x = 0.

    √(x²y²) is |xy|, so the surface is not radial. It has poles at x = π/2 + kπ, jumps from −2|y| to 2|y| at
    x = 0, and at other multiples of π has poles wherever sin(3πky) is not 0. On all of these it has no
    value (0/0 at x = 0, the third marked point included), hence the mask.

    >>> [round(float(printed_landscape(*point)), 4) for point in marked_points()]
    [-0.0376, 0.0887, nan, -0.0887, 0.0376]
    """
    x, y = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(y, np.float64))
    size = np.abs(x * y)
    below = np.sin(x) * np.cos(x)
    value = np.full(x.shape, np.nan)
    return np.divide(np.sin(3.0 * size), (size + 1.5) * below, out=value, where=np.abs(below) > _POLE)


def regular_landscape(x: np.ndarray | float, y: np.ndarray | float) -> np.ndarray:
    """sin(3r)/(r + 1.5)·sin x·cos y with r = √(x² + y²): a guess at what the printed formula was meant to be.

    It is finite everywhere, with values from −0.3274 to 0.3274 on [−10, 10]².

    >>> round(float(regular_landscape(4.0, 4.0)), 4)
    -0.0659
    """
    found = _regular(torch.as_tensor(x, dtype=torch.float64), torch.as_tensor(y, dtype=torch.float64))
    return found.numpy()


def _regular(x: Tensor, y: Tensor) -> Tensor:
    r = torch.sqrt(x * x + y * y)
    return torch.sin(3.0 * r) / (r + 1.5) * torch.sin(x) * torch.cos(y)


@dataclass(frozen=True)
class Surface:
    """Values [H, W] over `x` [W] and `y` [H], nan where there is none; `masked` counts those."""

    x: np.ndarray
    y: np.ndarray
    values: np.ndarray
    masked: int


def landscape(reading: Reading, points: int = 401, reach: float = _REACH) -> Surface:
    """The surface on `points` × `points` places of [−reach, reach]².

    >>> landscape("printed", points=5).masked, landscape("regular", points=5).masked
    (5, 0)
    """
    if reading not in ("printed", "regular"):
        raise ArgumentError(f"reading = {reading!r}; the formula is read 'printed' or 'regular'.")
    if points < 2 or not 0.0 < reach < np.inf:
        raise ArgumentError(
            f"points = {points}, reach = {reach}: at least 2 points, on a finite square, are needed."
        )
    axis = np.linspace(-reach, reach, points)
    values = (printed_landscape if reading == "printed" else regular_landscape)(axis[None, :], axis[:, None])
    return Surface(axis, axis, values, int(np.isnan(values).sum()))


def grid_minima(values: np.ndarray) -> np.ndarray:
    """Places [K, 2] inside a grid [H, W] that lie below all eight neighbours; nan is below nothing.

    A grid shows minima that are none, where a narrow valley runs across it, and misses those finer than it
    is."""
    values = np.asarray(values)
    if values.ndim != 2 or min(values.shape) < 3:
        raise ArgumentError(f"values has shape {values.shape}; a grid of at least 3 × 3 is needed.")
    height, width = values.shape
    inner = values[1:-1, 1:-1]
    low = np.ones(inner.shape, bool)
    for down in (0, 1, 2):
        for right in (0, 1, 2):
            if (down, right) != (1, 1):
                low &= inner < values[down : height - 2 + down, right : width - 2 + right]
    return np.argwhere(low) + 1


def regular_minima(reach: float = _REACH) -> np.ndarray:
    """Local minima [K, 2] of `regular_landscape` inside [−reach, reach]², as (x, y): 101 for a reach of 10.

    Minima of a grid, polished by Newton's method; kept where the gradient vanishes and the Hessian is
    positive definite. That leaves out what a fine grid takes for minima at x = kπ, y = 0, where sin x and
    sin 3r vanish together: flat saddles, whose least curvature is 0."""
    around = math.ceil(reach / _SPACING) + 2  # a minimum next to the edge needs neighbours beyond it
    surface = landscape("regular", 2 * around + 1, around * _SPACING)
    at = grid_minima(surface.values)
    start = np.stack([surface.x[at[:, 1]], surface.y[at[:, 0]]], axis=1)
    gradient = jacrev(lambda point: _regular(point[0], point[1]))
    slope, curvature = vmap(gradient), vmap(jacrev(gradient))
    here = torch.from_numpy(start)
    for _ in range(20):
        inverse = torch.linalg.pinv(curvature(here), hermitian=True)  # flat saddles have none
        here = here - (inverse @ slope(here)[:, :, None])[:, :, 0].clamp(-_SPACING, _SPACING)
    kept = (torch.linalg.eigvalsh(curvature(here))[:, 0] > _FLAT) & (slope(here).abs().amax(1) < 1e-9)
    found = here[kept & (here.abs().amax(1) < reach)].numpy()
    _, first = np.unique(np.round(found, 6), axis=0, return_index=True)
    return found[first]


# Slices of a module -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class LineSlice:
    """Losses [T] at `at` [T] on the line from start (0) to end (1); nan, counted by `masked`, where not
    finite."""

    at: np.ndarray
    losses: np.ndarray
    masked: int


@dataclass(frozen=True)
class PlaneSlice:
    """Losses [H, W] at centre + across·first + along·second, for `across` [W] and `along` [H]; nan, counted
    by `masked`, where the loss was not finite."""

    across: np.ndarray
    along: np.ndarray
    losses: np.ndarray
    masked: int


def parameter_vector(module: nn.Module) -> Tensor:
    """A copy of all parameters as one vector [P], in the order of `module.parameters()`, shared ones once."""
    parameters = list(module.parameters())
    if not parameters:
        raise ArgumentError(f"{type(module).__name__} has no parameters, so there is no space to slice.")
    return torch.cat([parameter.detach().reshape(-1) for parameter in parameters])


def filter_direction(module: nn.Module, seed: int) -> Tensor:
    """A random direction [P] with the scale of the module's weights, filter by filter (Li et al. 2018,
    section 4).

    Standard normal entries; then each filter, the weights into one unit or one channel, is scaled to the
    norm of the module's own: d ← d·‖θ‖/‖d‖. So slices of nets whose weights differ in scale can be
    compared, though the scale does not matter behind a normalisation. Biases and other parameters of fewer
    than two axes get 0: they have no filters, and this is our choice."""
    own = parameter_vector(module)
    drawn = torch.Generator().manual_seed(seed)
    parts = []
    for parameter in module.parameters():
        entries = torch.randn(parameter.shape, generator=drawn, dtype=torch.float64)
        if parameter.ndim < 2:
            parts.append(torch.zeros(parameter.numel(), dtype=torch.float64))
            continue
        weights, entries = parameter.detach().double().cpu().flatten(1), entries.flatten(1)
        scale = weights.norm(dim=1, keepdim=True) / entries.norm(dim=1, keepdim=True)
        parts.append((entries * scale).reshape(-1))
    return torch.cat(parts).to(own)


def line_slice(
    module: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    loss: Loss,
    start: Tensor,
    end: Tensor,
    at: Sequence[float] | np.ndarray,
) -> LineSlice:
    """Losses on the line (1 − a)·start + a·end through two vectors [P], for each a in `at`; beyond 0 and 1
    too.

    >>> square = nn.Linear(1, 1, bias=False)
    >>> ends = torch.tensor([-1.0]), torch.tensor([1.0])
    >>> one = torch.ones(1, 1)
    >>> line_slice(square, one, 0 * one, nn.functional.mse_loss, *ends, [0.0, 0.5, 1.0]).losses.tolist()
    [1.0, 0.0, 1.0]
    """
    places = np.asarray(at, np.float64)
    a = torch.from_numpy(places)[:, None]
    _check_vector(module, "start", start)
    _check_vector(module, "end", end)
    vectors = ((1.0 - a) * start.double().cpu() + a * end.double().cpu()).to(start)
    losses, masked = _masked(losses_at(module, vectors, inputs, targets, loss))
    return LineSlice(places, losses, masked)


def plane_slice(
    module: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    loss: Loss,
    centre: Tensor,
    first: Tensor,
    second: Tensor,
    across: Sequence[float] | np.ndarray,
    along: Sequence[float] | np.ndarray,
) -> PlaneSlice:
    """Losses on the plane centre + a·first + b·second, for each a in `across` and b in `along`; vectors [P].

    For a picture of a trained module, the centre is `parameter_vector(module)` and the directions come from
    `filter_direction` with two seeds; for a picture of its training, all three come from `principal_path`.
    """
    for name, vector in (("centre", centre), ("first", first), ("second", second)):
        _check_vector(module, name, vector)
    a, b = np.asarray(across, np.float64), np.asarray(along, np.float64)
    middle, right, up = (vector.double().cpu() for vector in (centre, first, second))
    rows = []
    for height in b.tolist():  # a row at a time: all points at once are H·W·P numbers
        vectors = middle + height * up + torch.from_numpy(a)[:, None] * right
        rows.append(losses_at(module, vectors, inputs, targets, loss))
    losses, masked = _masked(np.stack(rows) if rows else np.zeros((0, len(a))))
    return PlaneSlice(a, b, losses, masked)


def losses_at(module: nn.Module, vectors: Tensor, inputs: Tensor, targets: Tensor, loss: Loss) -> np.ndarray:
    """The loss, float64 [T], with each of the parameter vectors [T, P]; as it comes, so possibly not finite.

    Raises ArgumentError for vectors of a wrong length, for a loss that is no scalar, and as `outputs_at`
    does."""
    found = []
    for outputs in _chunks(module, vectors, inputs):
        for output in outputs:
            with torch.no_grad():
                value = loss(output, targets)
            if not isinstance(value, Tensor) or value.numel() != 1:
                shape = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
                raise ArgumentError(
                    f"loss returned {shape}; one number for all rows is needed: take its mean, as "
                    "reduction='mean' does."
                )
            found.append(float(value.detach()))
    return np.array(found, np.float64)


def outputs_at(module: nn.Module, vectors: Tensor, inputs: Tensor) -> Tensor:
    """The module's outputs [T, N, …] with each of the parameter vectors [T, P], without gradients.

    Raises ArgumentError where two calls with the same parameters differ, and where the output is no tensor.
    """
    return torch.cat(list(_chunks(module, vectors, inputs)))


def _chunks(module: nn.Module, vectors: Tensor, inputs: Tensor) -> Iterator[Tensor]:
    """Outputs of a few points at a time, so that neither their parameters nor their activations fill the
    memory."""
    total = sum(parameter.numel() for parameter in module.parameters())
    if vectors.ndim != 2 or vectors.shape[1] != total or not len(vectors):
        raise ArgumentError(
            f"vectors has shape {tuple(vectors.shape)}; {type(module).__name__} has {total} parameters, so "
            f"[T, {total}] with at least one row is needed."
        )
    frozen = copy.deepcopy(module).eval()
    _probe(frozen, vectors[0], inputs)
    widest = max(max(parameter.shape, default=1) for parameter in frozen.parameters())
    for part in vectors.split(max(1, _ELEMENTS // max(total, len(inputs) * widest))):
        yield _outputs(frozen, part, inputs)


@torch.no_grad()
def _outputs(frozen: nn.Module, vectors: Tensor, inputs: Tensor) -> Tensor:
    """All points of a chunk at once; one by one where a module's code cannot be batched.

    Recurrent kernels and code that branches on values raise RuntimeError under vmap. An error of the
    module's own shows up again, as itself, in the calls one by one."""
    try:
        with (
            warnings.catch_warnings()
        ):  # torch remarks on kernels that it batches one by one, as weight norm's
            warnings.filterwarnings("ignore", "There is a performance drop", UserWarning)
            return vmap(lambda vector: functional_call(frozen, _named(frozen, vector), (inputs,)))(vectors)
    except RuntimeError:
        return torch.stack([functional_call(frozen, _named(frozen, vector), (inputs,)) for vector in vectors])


def _named(module: nn.Module, vector: Tensor) -> dict[str, Tensor]:
    """A vector [P] as the parameters that `functional_call` wants, by name."""
    parameters = dict(module.named_parameters())
    parts = vector.split([parameter.numel() for parameter in parameters.values()])
    return {
        name: part.reshape(parameter.shape).to(parameter)
        for part, (name, parameter) in zip(parts, parameters.items(), strict=True)
    }


@torch.no_grad()
def _probe(frozen: nn.Module, vector: Tensor, inputs: Tensor) -> None:
    once, again = (functional_call(frozen, _named(frozen, vector), (inputs,)) for _ in range(2))
    if not isinstance(once, Tensor):
        raise ArgumentError(
            f"{type(frozen).__name__} returned {type(once).__name__}; wrap it so that it returns one tensor."
        )
    if not torch.equal(once.nan_to_num(), again.nan_to_num()):
        raise ArgumentError(
            f"{type(frozen).__name__} gives two answers for the same parameters and inputs, even in "
            "evaluation mode; a slice would show its randomness: fix its seed, or take the random part out."
        )


def _check_vector(module: nn.Module, name: str, vector: Tensor) -> None:
    total = sum(parameter.numel() for parameter in module.parameters())
    if vector.shape != (total,):
        raise ArgumentError(
            f"{name} has shape {tuple(vector.shape)}; {type(module).__name__} has {total} parameters, so "
            f"[{total}] is needed, as parameter_vector gives."
        )


def _masked(losses: np.ndarray) -> tuple[np.ndarray, int]:
    finite = np.isfinite(losses)
    return np.where(finite, losses, np.nan), int((~finite).sum())
