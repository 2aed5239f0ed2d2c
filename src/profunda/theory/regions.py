"""How many linear pieces a piecewise linear network has between two inputs, counted exactly, and how many it
could.

Along a segment every pre-activation is affine between two bends of what comes before it. So the bends of the
first activations are zeros of affine functions, those of the next ones zeros between these, and so on: each
found by one division, none missed by a grid that was too coarse.

Sources of the bounds. One hidden layer: Zaslavsky (1975), Σ_{j ≤ D} C(n, j), which is n + 1 on a line. Deep:
Serra, Tjandraatmadja and Ramalingam (2018), "Bounding and counting linear regions of deep neural networks",
theorem 1, from above; Montúfar, Pascanu, Cho and Bengio (2014), "On the number of linear regions of deep
neural networks", from below for the best weights. On a line Π(n_l + 1): every unit of a layer bends at most
once in each piece of what comes before. At random weights counts are far below: of the order of the number of
units (Hanin and Rolnick 2019, "Complexity of linear regions in deep networks").
"""

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from profunda.errors import ArgumentError
from profunda.theory.given_layers import given_layer

__all__ = [
    "Pieces",
    "linear_pieces",
    "most_pieces_on_a_line",
    "most_regions",
    "random_pieces",
    "regions_within_reach",
]

_SAME = 1e-12
_STRAIGHT = 1e-7
_MOST = 2_000_000


@dataclass(frozen=True)
class Pieces:
    """What a network does on the segment start + t (end − start), 0 ≤ t ≤ 1.

    `pattern_changes` [K] are the t at which some unit bends; `bends` [≤ K] those at which the output does:
    units that nothing reads, or whose effects cancel, bend without it.
    """

    pattern_changes: np.ndarray
    bends: np.ndarray

    @property
    def patterns(self) -> int:
        """Intervals with a pattern of active units of their own."""
        return len(self.pattern_changes) + 1

    @property
    def count(self) -> int:
        """Linear pieces of the output."""
        return len(self.bends) + 1


def linear_pieces(module: nn.Module, start: Tensor, end: Tensor) -> Pieces:
    """The linear pieces of a network from one input to another, neither with a batch axis, by root finding.

    The module is copied, set to evaluation and to float64. It may be of any form, with skip connections too,
    as long as its bends are those of ReLU, leaky ReLU, PReLU, ReLU6, hard tanh, hard sigmoid, soft shrink,
    clamp, abs, minimum and maximum, as modules or functions. Bends nearer to each other than 1e-12 of the
    segment are one.

    Raises ArgumentError for inputs of different shapes or that are not finite or the same, for a module that
    is not piecewise linear or whose bends are of another kind, and for more than two million bends.

    >>> net = nn.Sequential(nn.Linear(1, 1), nn.ReLU()).double()
    >>> _ = [parameter.data.fill_(1.0) for parameter in net.parameters()]
    >>> linear_pieces(net, torch.tensor([-3.0]), torch.tensor([1.0])).bends.tolist()
    [0.5]
    """
    begin, way = _segment(start, end)
    net = copy.deepcopy(module).to(device="cpu", dtype=torch.float64).eval()

    def evaluate(at: np.ndarray, stage: int | None) -> tuple[list[tuple[Tensor, tuple[float, ...]]], Tensor]:
        t = torch.from_numpy(at).reshape(-1, *[1] * begin.ndim)
        with torch.no_grad(), _Listening(stage, len(at)) as heard:
            out = net(begin + t * way)
        return heard.signals, out.reshape(len(at), -1)

    knots, stage = np.array([0.0, 1.0]), 0
    while True:
        signals, out = evaluate(knots, stage)
        if not signals:
            break
        knots = _refined(knots, *signals[0])
        stage += 1
        if len(knots) > _MOST:
            raise ArgumentError(
                f"The segment has more than {_MOST:,} bends: take a shorter one, or a smaller network."
            )
    _check_straight(knots, out.numpy(), evaluate, type(module).__name__)
    return Pieces(knots[1:-1], _bends(knots, out.numpy()))


def _segment(start: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
    begin, finish = (
        torch.as_tensor(each).detach().to(device="cpu", dtype=torch.float64) for each in (start, end)
    )
    if begin.shape != finish.shape:
        raise ArgumentError(
            f"The segment starts at an input of shape {tuple(begin.shape)} and ends at one of "
            f"{tuple(finish.shape)}: both must be single inputs of one shape."
        )
    if not (begin.isfinite().all() and finish.isfinite().all()):
        raise ArgumentError("An end of the segment is not finite: look for nan and inf in the two inputs.")
    if torch.equal(begin, finish):
        raise ArgumentError("The segment starts where it ends: take two different inputs.")
    return begin, finish - begin


def _refined(knots: np.ndarray, signal: Tensor, kinks: tuple[float, ...]) -> np.ndarray:
    """The knots and, between them, where a signal [K + 2, units], affine there, passes a kink."""
    values = signal.numpy()
    found = [knots]
    for kink in kinks:
        low, high = values[:-1] - kink, values[1:] - kink
        interval, unit = np.nonzero(np.sign(low) * np.sign(high) < 0.0)  # products may underflow
        below, above = low[interval, unit], high[interval, unit]
        left, right = knots[interval], knots[interval + 1]
        found.append(left + (right - left) * (below / (below - above)))
    every = np.unique(np.concatenate(found))
    kept = np.concatenate([[True], np.diff(every) > _SAME])
    inner = every[kept & (every > _SAME) & (every < 1.0 - _SAME)]
    return np.concatenate([[0.0], inner, [1.0]])


def _check_straight(
    knots: np.ndarray, out: np.ndarray, evaluate: Callable[..., tuple[Any, Tensor]], name: str
) -> None:
    """Whether the output is affine between knots, tried at a third of the way."""
    third = 2.0 / 3.0 * knots[:-1] + 1.0 / 3.0 * knots[1:]
    expected = 2.0 / 3.0 * out[:-1] + 1.0 / 3.0 * out[1:]
    off = np.abs(evaluate(third, None)[1].numpy() - expected).max(1)
    scale = np.abs(out).max() or 1.0
    if not (worst := float(off.max())) <= _STRAIGHT * scale:
        raise ArgumentError(
            f"{name} is not linear between the bends that were found: it is off by {worst:.3g} near t = "
            f"{third[int(np.nan_to_num(off, nan=np.inf).argmax())]:.4g} on the segment. A smooth activation, "
            "softmax, normalisation by the input's own moments or max-pooling has no pieces to count this "
            "way."
        )


def _bends(knots: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Inner knots at which a slope of the output changes by more than rounding."""
    width = np.diff(knots)[:, None]
    slopes = np.diff(out, axis=0) / width
    noise = 64.0 * np.finfo(np.float64).eps * (np.abs(out).max() + np.abs(slopes).max()) / width
    change = np.abs(np.diff(slopes, axis=0))
    return knots[1:-1][(change > noise[:-1] + noise[1:]).any(1)]


class _Listening(TorchFunctionMode):
    """Hears what enters the activation of number `stage`, in the order of their calls; None hears nothing."""

    def __init__(self, stage: int | None, rows: int) -> None:
        super().__init__()
        self.stage, self.rows, self.calls = stage, rows, 0
        self.signals: list[tuple[Tensor, tuple[float, ...]]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in _KINKS:
            if self.calls == self.stage:
                signal, kinks = _KINKS[func](*args, **kwargs)
                along = signal.ndim > 0 and len(signal) == self.rows  # else a function of weights alone
                heard = signal.detach().clone()
                self.signals.append((heard.reshape(self.rows, -1), kinks) if along else (heard, ()))
            self.calls += 1
        return func(*args, **kwargs)


Kinked = Callable[..., tuple[Tensor, tuple[float, ...]]]


def _at_zero(x: Tensor, *rest: Any, **more: Any) -> tuple[Tensor, tuple[float, ...]]:
    return x, (0.0,)


def _clamped(x: Tensor, min: Any = None, max: Any = None, **more: Any) -> tuple[Tensor, tuple[float, ...]]:
    return x, tuple(float(edge) for edge in (min, max) if edge is not None)


def _clamped_below(x: Tensor, min: Any) -> tuple[Tensor, tuple[float, ...]]:
    return _clamped(x, min)


def _clamped_above(x: Tensor, max: Any) -> tuple[Tensor, tuple[float, ...]]:
    return _clamped(x, max=max)


def _hard_tanh(
    x: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> tuple[Tensor, tuple[float, ...]]:
    return x, (min_val, max_val)


def _compared(x: Tensor, other: Tensor, **more: Any) -> tuple[Tensor, tuple[float, ...]]:
    return x - other, (0.0,)


_KINKS: dict[Any, Kinked] = {
    **dict.fromkeys(
        (
            functional.relu,
            functional.relu_,
            torch.relu,
            torch.relu_,
            Tensor.relu,
            Tensor.relu_,
            functional.leaky_relu,
            functional.leaky_relu_,
            functional.rrelu,
            functional.prelu,
            torch.prelu,
            torch.abs,
            Tensor.abs,
            Tensor.__abs__,
        ),
        _at_zero,
    ),
    **dict.fromkeys((torch.clamp, torch.clip, Tensor.clamp, Tensor.clip, Tensor.clamp_), _clamped),
    **dict.fromkeys((torch.clamp_min, Tensor.clamp_min, Tensor.clamp_min_), _clamped_below),
    **dict.fromkeys((torch.clamp_max, Tensor.clamp_max, Tensor.clamp_max_), _clamped_above),
    **dict.fromkeys((functional.hardtanh, functional.hardtanh_), _hard_tanh),
    **dict.fromkeys((torch.maximum, torch.minimum, Tensor.maximum, Tensor.minimum), _compared),
    functional.relu6: lambda x, inplace=False: (x, (0.0, 6.0)),
    functional.hardsigmoid: lambda x, inplace=False: (x, (-3.0, 3.0)),
    functional.softshrink: lambda x, lambd=0.5: (x, (-lambd, lambd)),
}
"""Functions with kinks: what decides, and where."""


# Bounds ---------------------------------------------------------------------------------------------


def most_pieces_on_a_line(widths: Sequence[int], kinks: int = 1) -> int:
    """Π_l (kinks·n_l + 1), the most pieces on any segment: m + 1 for one hidden layer of m ReLUs.

    Raises ArgumentError for a width below 1 or no kinks.

    >>> most_pieces_on_a_line([7]), most_pieces_on_a_line([2] * 14)
    (8, 4782969)
    """
    _widths(widths)
    if kinks < 1:
        raise ArgumentError(f"kinks = {kinks}: an activation without a kink makes one piece; ReLU has 1.")
    return math.prod(kinks * width + 1 for width in widths)


def most_regions(inputs: int, widths: Sequence[int]) -> int:
    """No ReLU network of these widths has more linear regions in its space of inputs.

    Σ Π_l C(n_l, j_l) over j_l ≤ min(D, n_1 − j_1, …, n_{l−1} − j_{l−1}, n_l) (Serra et al. 2018, theorem 1).
    Raises ArgumentError for no inputs or a width below 1.

    >>> most_regions(2, [4]), most_regions(2, [3, 3])
    (11, 40)
    """
    _inputs(inputs)
    _widths(widths)

    @cache
    def total(layer: int, dimension: int) -> int:
        if layer == len(widths):
            return 1
        width = widths[layer]
        return sum(
            math.comb(width, j) * total(layer + 1, min(dimension, width - j))
            for j in range(min(dimension, width) + 1)
        )

    return total(0, inputs)


def regions_within_reach(inputs: int, widths: Sequence[int]) -> int:
    """Some ReLU network of these widths has at least as many linear regions.

    (Π_{l<L} ⌊n_l/D⌋^D) Σ_{j ≤ D} C(n_L, j) for widths of at least D (Montúfar et al. 2014).
    Raises ArgumentError for no inputs, or a width below them.

    >>> regions_within_reach(1, [2] * 14), regions_within_reach(2, [4, 4])
    (24576, 44)
    """
    _inputs(inputs)
    _widths(widths)
    if min(widths) < inputs:
        raise ArgumentError(
            f"The construction needs widths of at least the {inputs} inputs, and one here is {min(widths)}."
        )
    folds = math.prod((width // inputs) ** inputs for width in widths[:-1])
    return folds * sum(math.comb(widths[-1], j) for j in range(inputs + 1))


def random_pieces(
    widths: Sequence[int], draws: int, seed: int, reach: float = 5.0, bias_variance: float = 1.0
) -> np.ndarray:
    """Pattern counts [draws] on [−reach, reach] of random ReLU networks of one input, weights by He's law
    (variance 2/fan-in), biases of variance `bias_variance`.

    One hidden layer has 1 + m·(2/π) arctan(R √(2/C_b)) of them on average, since −b/w is a Cauchy variable.
    Raises ArgumentError for a width below 1, no draws, or a reach or variance that is not positive.
    """
    _widths(widths)
    if draws < 1 or not reach > 0.0 or not bias_variance > 0.0:
        raise ArgumentError(
            f"draws = {draws}, reach = {reach}, bias_variance = {bias_variance}: all must be positive."
        )
    rng = np.random.default_rng(seed)
    ends = torch.tensor([-reach], dtype=torch.float64), torch.tensor([reach], dtype=torch.float64)
    counts = np.empty(draws, np.int64)
    for draw in range(draws):
        parts: list[nn.Module] = []
        for fan_in, width in zip([1, *widths[:-1]], widths, strict=True):
            weight = rng.normal(size=(width, fan_in)) * math.sqrt(2.0 / fan_in)
            bias = rng.normal(size=width) * math.sqrt(bias_variance)
            parts += [given_layer(weight, bias, torch.float64), nn.ReLU()]
        counts[draw] = linear_pieces(nn.Sequential(*parts), *ends).patterns
    return counts


def _inputs(inputs: int) -> None:
    if inputs < 1:
        raise ArgumentError(f"{inputs} inputs: at least 1 is needed.")


def _widths(widths: Sequence[int]) -> None:
    if not widths or min(widths) < 1:
        raise ArgumentError(f"widths = {list(widths)}: hidden layers are needed, each of 1 unit or more.")
