"""Thousands of random networks at once: what the laws of finite widths speak of, measured.

Layers z^l = √(C_W/n_{l−1}) x^{l−1}W^l + √C_b b^l, x^l = φ(z^l), and one output f = √(C_W/n_L) x^L w + √C_b b:
the NTK parametrisation (Jacot, Gabriel and Hongler 2018, section 3), in which W, b and w have unit variance.
Signals and gradients are those of the standard parametrisation; the kernel is not.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from profunda.errors import ArgumentError
from profunda.theory.activations import Nonlinearity, nonlinearity
from profunda.theory.propagation import Activation
from profunda.theory.widths import checked_widths

__all__ = ["Ensemble", "Estimate", "Precision", "WeightLaw", "random_networks", "relative_variance"]

WeightLaw = Literal["gaussian", "uniform"]
"""The law of the centred weights and biases; the uniform one is that of `torch.nn.Linear`."""

Precision = Literal["float32", "float64"]
"""Of weights and products; activations, their slopes and all sums are float64."""

CHUNK_BYTES = 2**25
"""Weights and signals of the networks in work at a time take 32 MiB, or one network where that takes more."""


@dataclass(frozen=True)
class Estimate:
    """An estimate and its standard error, float64 of one shape."""

    value: np.ndarray
    standard_error: np.ndarray


def relative_variance(values: np.ndarray) -> Estimate:
    """E v²/(E v)² − 1 over the first axis of `values` [M, ...], and its standard error to first order in 1/M.

    Both mislead where rare networks rule: see `profunda.theory.finite_width.moments_can_be_sampled`. Raises
    ArgumentError for fewer than 2 networks.
    """
    return _excess(values**2, values)


def _excess(tops: np.ndarray, bases: np.ndarray) -> Estimate:
    """E top/(E base)² − 1; its error by the influence of each network."""
    if len(tops) < 2:
        raise ArgumentError(f"{len(tops)} network(s) have no variance: at least 2 are needed.")
    top, base = tops.mean(0), bases.mean(0)
    with np.errstate(divide="ignore", invalid="ignore"):  # dead signals have none: nan
        influence = (tops - top) / base**2 - 2.0 * top * (bases - base) / base**3
        return Estimate(top / base**2 - 1.0, influence.std(0) / math.sqrt(len(tops)))


@dataclass(frozen=True)
class Ensemble:
    """What M random networks do with N inputs; L hidden layers; float64 throughout.

    Parameters
    ----------
    widths
        n_1 … n_L.
    norm
        F = (‖x^L‖²/n_L)/(‖x^0‖²/n_0), [M, N]; mean 1 for He weights.
    directional
        J = (‖∂x^L/∂x · u‖²/n_L)/(‖u‖²/n_0) along the fixed direction u, [M, N].
    input_gradient
        ‖∂f/∂x‖², [M, N].
    kernel
        K = Θ(x, x) = ‖∂f/∂θ‖² over all weights and biases, the read-out's too, [M, N]; biases count where
        C_b > 0.
    variances
        C_W‖x^{l−1}‖²/n_{l−1} + C_b, l = 1 … L + 1: the variance of a unit of z^l, given the layers below,
        [M, N, L + 1]. The same in all networks at l = 1; their mean is E z², without the noise of the units.
    squares, fourths
        Means of z² and z⁴ over the units of a hidden layer, [M, N, L].
    gradients
        ‖∂f/∂z^l‖², [M, N, L].
    """

    widths: tuple[int, ...]
    norm: np.ndarray
    directional: np.ndarray
    input_gradient: np.ndarray
    kernel: np.ndarray
    variances: np.ndarray
    squares: np.ndarray
    fourths: np.ndarray
    gradients: np.ndarray

    def pair_excess(self) -> Estimate:
        """E z_i²z_j²/(E z²)² − 1 for two units of layer l = 1 … L + 1, [N, L + 1].

        Given the layers below, two units are independent with equal variances: it is the relative variance of
        `variances`, under any law of weights. `profunda.theory.finite_width.vertex_profile` predicts it.
        """
        return relative_variance(self.variances)

    def kurtosis_excess(self) -> Estimate:
        """E z⁴/(3(E z²)²) − 1, [N, L]: to the first order that of `pair_excess`, for Gaussian weights."""
        return _excess(self.fourths / 3.0, self.squares)


@dataclass(frozen=True)
class _Kind:
    """What all networks of an ensemble share."""

    phi: Nonlinearity
    sizes: tuple[int, ...]
    """n_0, n_1 … n_L."""
    rows: np.ndarray
    """Inputs, then the direction, N times: [2N, n_0]."""
    weight_variance: float
    bias_variance: float
    law: WeightLaw
    precision: Precision

    @property
    def scales(self) -> list[float]:
        """√(C_W/n) for n = n_0 … n_L."""
        return [math.sqrt(self.weight_variance / size) for size in self.sizes]

    @property
    def parameters(self) -> int:
        """Numbers drawn for a network."""
        pairs = zip(self.sizes, self.sizes[1:], strict=False)
        biases = sum(self.sizes[1:]) if self.bias_variance > 0.0 else 0
        return sum(a * b for a, b in pairs) + self.sizes[-1] + biases

    @property
    def bytes(self) -> int:
        """What a network takes while it is worked on: its weights, and slopes and signals of its layers."""
        signals = len(self.rows) * (sum(self.sizes) + 6 * max(self.sizes))
        return self.parameters * np.dtype(self.precision).itemsize + 8 * signals


def random_networks(
    widths: tuple[int, ...] | list[int],
    inputs: np.ndarray,
    activation: Activation,
    weight_variance: float,
    bias_variance: float = 0.0,
    *,
    networks: int,
    seed: int,
    direction: np.ndarray | None = None,
    law: WeightLaw = "gaussian",
    precision: Precision = "float32",
) -> Ensemble:
    """Draw M = `networks` networks of hidden widths n_1 … n_L, and measure them at `inputs` [N, n_0].

    `direction` [n_0] is u of `Ensemble.directional`; without one it is the first axis. Networks are worked on
    in chunks of `CHUNK_BYTES`; the memory beside a chunk is that of the result. They are drawn one after the
    other from one generator of `seed`: per network, for each hidden layer W^l [n_{l−1}, n_l], then b^l where
    C_b > 0, and w at the end. So a smaller ensemble is the beginning of a larger one. float32 is right to
    some 1e-6; take float64 where signals or gradients come near 1e-37 or 1e37, where it ends.

    Raises ArgumentError for widths, inputs, a direction, variances, a number of networks, a law or a
    precision that mean nothing.

    >>> found = random_networks([8, 8], np.ones((1, 3)), "linear", 1.0, networks=2000, seed=0)
    >>> bool(abs(found.kernel.mean() - 3.0) < 0.2)  # L + 1 matrices bring C_W^{L+1} each
    True
    """
    rows = _rows(inputs, direction)
    _check(networks, weight_variance, bias_variance, law, precision)
    sizes = (rows.shape[1], *checked_widths(widths))
    if len(sizes) == 1:
        raise ArgumentError(
            "Without a hidden layer there is nothing random to measure; give one width at least."
        )
    kind = _Kind(nonlinearity(activation), sizes, rows, weight_variance, bias_variance, law, precision)
    with np.errstate(over="ignore", invalid="ignore"):  # an exploding network is inf, not an error
        parts = [_measured(kind, flat) for flat in _chunks(kind, networks, seed)]
    return Ensemble(sizes[1:], *(np.concatenate(each) for each in zip(*parts, strict=True)))


def _chunks(kind: _Kind, networks: int, seed: int) -> Iterator[np.ndarray]:
    """Unit-variance numbers [m, P] of some networks at a time; one buffer, filled anew."""
    rng = np.random.default_rng(seed)
    at_once = min(networks, max(1, CHUNK_BYTES // kind.bytes))
    dtype = np.dtype(kind.precision).type
    buffer = np.empty((at_once, kind.parameters), dtype)
    for start in range(0, networks, at_once):
        flat = buffer[: networks - start]
        if kind.law == "gaussian":
            rng.standard_normal(out=flat, dtype=dtype)
        else:
            rng.random(out=flat, dtype=dtype)
            flat -= dtype(0.5)
            flat *= dtype(math.sqrt(12.0))
        yield flat


def _layers(kind: _Kind, flat: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """(W [m, n_{l−1}, n_l], b [m, 1, n_l] or None) of each hidden layer, as views."""
    at = 0
    for fan_in, size in zip(kind.sizes, kind.sizes[1:], strict=False):
        matrix = flat[:, at : at + fan_in * size].reshape(-1, fan_in, size)
        at += fan_in * size
        bias = None
        if kind.bias_variance > 0.0:
            bias = flat[:, None, at : at + size]
            at += size
        yield matrix, bias


def _measured(kind: _Kind, flat: np.ndarray) -> tuple[np.ndarray, ...]:
    """The fields of an `Ensemble` after `widths`, for the networks of one chunk.

    np.matmul, not torch.bmm: few rows a network make it a product of matrix and vector, and there bmm takes
    ten times as long.
    """
    count, layers = len(kind.rows) // 2, list(_layers(kind, flat))
    both = np.broadcast_to(kind.rows.astype(kind.precision), (len(flat), *kind.rows.shape))
    tangent = both[:, count:]
    signals, slopes, squares, fourths = [both[:, :count]], [], [], []
    for (matrix, bias), scale in zip(layers, kind.scales, strict=False):
        after = np.matmul(both, matrix) * np.float64(scale)
        z = after[:, :count]
        if bias is not None:
            z = z + math.sqrt(kind.bias_variance) * bias
        slopes.append(kind.phi.slope_at(z))
        signals.append(kind.phi.value(z))
        square = z * z
        squares.append(square.mean(-1))
        fourths.append((square * square).mean(-1))
        tangent = slopes[-1] * after[:, count:]
        both = np.concatenate([signals[-1], tangent], 1).astype(kind.precision)
    means = np.stack([_mean_square(each) for each in signals], -1)
    variances = kind.weight_variance * means + kind.bias_variance
    kernel, gradients, back = _backward(kind, flat, layers, variances, slopes)
    start = _mean_square(kind.rows)
    return (
        means[..., -1] / start[:count],
        _mean_square(tangent) / start[count:],
        back,
        kernel,
        variances,
        np.stack(squares, -1),
        np.stack(fourths, -1),
        gradients,
    )


def _backward(
    kind: _Kind,
    flat: np.ndarray,
    layers: list[tuple[np.ndarray, np.ndarray | None]],
    variances: np.ndarray,
    slopes: list[np.ndarray],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """K [m, N], ‖∂f/∂z^l‖² [m, N, L] and ‖∂f/∂x‖² [m, N]; ‖∂z_i/∂(W, b)‖² is the variance of z_i."""
    kernel, gradients = variances[..., -1], []
    back = flat[:, None, -kind.sizes[-1] :] * np.float64(kind.scales[-1])
    for layer in reversed(range(len(layers))):
        delta = slopes[layer] * back
        gradients.append(np.square(delta).sum(-1))
        kernel = kernel + variances[..., layer] * gradients[-1]
        product = np.matmul(delta.astype(kind.precision), layers[layer][0].swapaxes(1, 2))
        back = product * np.float64(kind.scales[layer])
    return kernel, np.stack(gradients[::-1], -1), np.square(back).sum(-1)


def _mean_square(x: np.ndarray) -> np.ndarray:
    return np.square(x, dtype=np.float64).mean(-1)


def _rows(inputs: np.ndarray, direction: np.ndarray | None) -> np.ndarray:
    inputs = np.asarray(inputs, np.float64)
    if inputs.ndim != 2 or 0 in inputs.shape:
        raise ArgumentError(
            f"inputs have the shape {list(inputs.shape)}, not [N, n_0] with a row and a column at least; "
            "give one input as inputs[None]."
        )
    features = inputs.shape[1]
    along = np.eye(1, features)[0] if direction is None else np.asarray(direction, np.float64)
    if along.shape != (features,):
        raise ArgumentError(
            f"The direction has the shape {list(along.shape)}, but inputs have {features} columns."
        )
    for what, rows in (("input", inputs), ("direction", along[None])):
        sizes = np.square(rows).sum(1)
        wrong = np.flatnonzero(~((sizes > 0.0) & np.isfinite(sizes)))
        if len(wrong):
            raise ArgumentError(
                f"The {what} of row {wrong[0]} has the squared norm {sizes[wrong[0]]}: nothing can be "
                "measured relative to it; leave out rows of zeros and of numbers that are not finite."
            )
    return np.concatenate([inputs, np.repeat(along[None], len(inputs), 0)])


def _check(networks: int, weight_variance: float, bias_variance: float, law: str, precision: str) -> None:
    if networks < 1:
        raise ArgumentError(f"{networks} networks make no ensemble: at least 1 is needed.")
    if not (0.0 < weight_variance < math.inf and 0.0 <= bias_variance < math.inf):
        raise ArgumentError(
            f"C_W = {weight_variance} and C_b = {bias_variance} are no variances of random networks: C_W "
            "must be above 0, C_b at least 0, and both finite."
        )
    for what, given, known in (("law", law, WeightLaw), ("precision", precision, Precision)):
        if given not in get_args(known):
            raise ArgumentError(f"No {what} is called {given!r}; known are {', '.join(get_args(known))}.")
