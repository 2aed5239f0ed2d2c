"""What drawn networks show on rows: sizes of signals, gradients and differences, layer by layer."""

import copy
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from profunda.errors import ArgumentError, DataError
from profunda.forecasting.rows import entering
from profunda.forecasting.subjects import Subject

__all__ = ["Profile", "Spread", "measured", "spread_of"]


@dataclass(frozen=True)
class Spread:
    """A mean with its standard error: over networks, or over rows where there is one network."""

    mean: float
    error: float


@dataclass(frozen=True, eq=False)
class Profile:
    """By network, row and hidden layer.

    `squares` float64 [M, n, L]: mean over units of z². `gradients` [M, n, L]: ‖∂(v·f)/∂z‖² of a random unit
    v, and `entering` [M, n] the same by the inputs of the first layer. `apart` [M, p, L]: 1 − cosine of the z
    of pairs of rows, `pairs` [p, 2]. `inside` [M, n, D]: what enters the first layer; `last` [M, n]: the mean
    square of what enters the read-out; `finite` bool [M, n]: whether all outputs are finite numbers.
    """

    squares: np.ndarray
    gradients: np.ndarray
    entering: np.ndarray
    apart: np.ndarray
    pairs: np.ndarray
    inside: np.ndarray
    last: np.ndarray
    finite: np.ndarray

    @property
    def networks(self) -> int:
        """M."""
        return len(self.squares)


def measured(subject: Subject, x: np.ndarray, seed: int) -> Profile | None:
    """Run every draw of `subject` on rows `x` [n, …]; None where it has no dense layers.

    Dropout is off. Batch norms use the batch, as at the first step of training. The modules are left as they
    were: what runs is a copy. Raises DataError for one row before a batch norm, ArgumentError for a module
    that cannot be copied, and for outputs that do not belong to the rows, are no numbers that training
    moves or have no gradient.
    """
    if not subject.layers[0]:
        return None
    rng = np.random.default_rng(seed)
    pairs = _pairs(len(x), rng)
    found = [
        _run(module, [_place(module, layer) for layer in layers], x, pairs, seed)
        for module, layers in zip(subject.modules, subject.layers, strict=True)
    ]
    stacked = [np.stack(parts) for parts in zip(*found, strict=True)]
    squares, gradients, entering, apart, inside, last, finite = stacked
    return Profile(squares, gradients, entering, apart, pairs, inside, last, finite)


def _pairs(n: int, rng: np.random.Generator, most: int = 256) -> np.ndarray:
    """Different rows two by two, [p, 2]."""
    if n < 2:
        return np.zeros((0, 2), np.int64)
    first = rng.integers(0, n, most)
    return np.stack([first, (first + rng.integers(1, n, most)) % n], axis=1)


def _place(module: nn.Module, layer: nn.Module) -> str:
    return next(name for name, part in module.named_modules() if part is layer)


def _run(
    module: nn.Module, names: list[str], x: np.ndarray, pairs: np.ndarray, seed: int
) -> tuple[np.ndarray, ...]:
    twin = _twin(module, len(x))
    dtype = next(twin.parameters()).dtype
    rows = entering(twin, x)
    rows.requires_grad_(rows.is_floating_point())
    entered: list[Tensor] = []
    taken: list[Tensor] = []

    def before(part: nn.Module, given: tuple[Tensor, ...]) -> None:
        entered.append(given[0])

    def after(part: nn.Module, given: object, left: Tensor) -> None:
        taken.append(left)

    layers = [twin.get_submodule(name) for name in names]
    layers[0].register_forward_pre_hook(before)
    layers[-1].register_forward_pre_hook(before)
    for layer in layers[:-1]:
        layer.register_forward_hook(after)
    with torch.enable_grad():
        outputs = twin(rows.clone())  # a stranger's forward may write into what it is given
        _check_outputs(module, outputs, len(x))
        draw = torch.Generator().manual_seed(seed % 2**63)
        v = torch.randn(outputs.shape, generator=draw, dtype=torch.float64).reshape(len(x), -1)
        v = (v / v.norm(dim=1, keepdim=True)).reshape(outputs.shape).to(dtype)
        asked = [*taken, entered[0]] if entered[0].requires_grad else [*taken]
        slopes = torch.autograd.grad((outputs * v).sum(), asked, allow_unused=True)
    sizes = [_norms(one, len(x)) for one in slopes]
    gradients = np.stack(sizes[: len(taken)], axis=1) if taken else np.zeros((len(x), 0))
    last = sizes[-1] if len(sizes) > len(taken) else np.full(len(x), math.nan)
    zs = [one.detach().double().numpy().reshape(len(x), -1) for one in taken]
    squares = np.stack([(z * z).mean(1) for z in zs], axis=1) if zs else np.zeros((len(x), 0))
    apart = np.stack([_apart(z, pairs) for z in zs], axis=1) if zs else np.zeros((len(pairs), 0))
    inside = entered[0].detach().double().numpy().reshape(len(x), -1)
    end = entered[-1].detach().double().numpy().reshape(len(x), -1)
    finite = outputs.detach().isfinite().reshape(len(x), -1).all(1).numpy()
    return squares, gradients, last, apart, inside, (end**2).mean(1), finite


def _twin(module: nn.Module, n: int) -> nn.Module:
    """A copy in evaluation, but for batch norms."""
    try:
        twin = copy.deepcopy(module).eval()
    except Exception as error:  # whatever a stranger's module holds
        raise ArgumentError(
            f"{type(module).__name__} cannot be copied ({type(error).__name__}: {error}), and what is "
            "measured is a copy: keep generators, open files and the like out of it."
        ) from error
    for part in twin.modules():
        if isinstance(part, nn.BatchNorm1d):
            if n < 2:
                raise DataError("A batch norm needs a batch: hand over at least 2 rows, not 1.")
            part.train()
    return twin


def _check_outputs(module: nn.Module, outputs: Tensor, n: int) -> None:
    name, shape = type(module).__name__, tuple(outputs.shape)
    if not outputs.dim() or (n > 1 and len(outputs) != n):
        raise ArgumentError(
            f"{name} makes shape {shape} of {n} rows: the first axis must be that of the rows; leave out a "
            "mean over rows, or the loss."
        )
    if not outputs.numel() or not outputs.is_floating_point():
        kind = str(outputs.dtype).removeprefix("torch.")
        raise ArgumentError(
            f"{name} makes {outputs.numel()} numbers of {kind} of {n} rows: a forecast is of outputs that "
            "training moves, float32 or float64, at least one a row; leave out what rounds or decides."
        )
    if not outputs.requires_grad:
        raise ArgumentError(
            f"{name} gives outputs without a gradient: its forward detaches them, or runs under "
            "torch.no_grad or torch.inference_mode, so nothing in it can be trained. Leave that out."
        )


def _norms(slope: Tensor | None, n: int) -> np.ndarray:
    if slope is None:
        return np.full(n, math.nan)
    return (slope.double().reshape(n, -1) ** 2).sum(1).numpy()


def _apart(z: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """1 − cosine of two rows, by ‖u − v‖² of unit vectors, which keeps the digits of small differences."""
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    difference = unit[pairs[:, 0]] - unit[pairs[:, 1]]
    return 0.5 * (difference**2).sum(1)


def spread_of(values: np.ndarray) -> Spread:
    """Of `values` [M, n]: mean over all; its error from the spread of networks' means, or of one network's
    rows."""
    by_network = values.mean(1)
    if len(by_network) > 1:
        return Spread(float(by_network.mean()), float(by_network.std(ddof=1) / math.sqrt(len(by_network))))
    n = values.shape[1]
    error = float(values[0].std(ddof=1) / math.sqrt(n)) if n > 1 else math.nan
    return Spread(float(values.mean()), error)
