"""The two kernels of infinitely wide dense networks: NNGP, of their values, and NTK, of their training.

A network of `depth` hidden layers z^1 = W^1 x + b^1, z^{l+1} = W^{l+1} φ(z^l) + b^{l+1}, read out by z^{L+1},
with independent normal weights of variance C_W/fan-in and biases of variance C_b, the read-out's too. As all
widths grow, z^l becomes a Gaussian process of covariance K^l, independent for every neuron (at width H they
are only nearly so: E z_i² z_j²/(E z²)² − 1 = (1 + 5/H)^{l−1} − 1 for ReLU), and ⟨∂f(x), ∂f(x')⟩ over all
parameters becomes the constant Θ = Θ^{L+1}:

    K^1 = C_W x·x'/D + C_b,   K^{l+1} = C_W E φ(u)φ(v) + C_b,   (u, v) normal with covariance K^l
    Θ^1 = K^1,                Θ^{l+1} = K^{l+1} + C_W E φ'(u)φ'(v) Θ^l

That is the NTK parametrisation: the trained numbers are standard normal ω, β with W = √(C_W/fan-in) ω and
b = √C_b β. In the standard one, torch's, W and b themselves are trained: a layer's weights count with fan-in
in place of C_W, a trained bias with 1 in place of C_b,

    Θ^1 = x·x' + 1,           Θ^{l+1} = H_l E φ(u)φ(v) + 1 + C_W E φ'(u)φ'(v) Θ^l,

so Θ grows with the widths H_l, and the largest stable step falls: a step that must fall like 1/H trains
lazily, a step that keeps its size while H grows cannot stay stable. torch.nn.Linear draws uniform numbers
with C_W = 1/3 and biases of variance 1/(3 fan-in), not normal ones with C_W = 1.

Sources: Neal (1996) and Lee et al. (2018), section 2, for K; Jacot, Gabriel and Hongler (2018), theorems 1
and 2, for Θ; the standard parametrisation follows by counting every layer's gradients on its own scale; Cho
and Saul (2009) and Williams (1997) for the means in closed form (`profunda.theory.duals`). Valid for
independent entries, few rows beside the widths and, for training, as long as Θ moves little.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from profunda.errors import ArgumentError, DataError
from profunda.theory.duals import dual_means, mean_squares
from profunda.theory.propagation import Activation
from profunda.theory.scales import LossScale, loss_factor

__all__ = [
    "KernelCondition",
    "Kernels",
    "LayerKernels",
    "Parametrisation",
    "dense_kernels",
    "kernel_condition",
    "kernel_regression",
    "largest_stable_step",
    "lazy_time",
    "symmetric_kernel",
]

Parametrisation = Literal["ntk", "standard"]

_SAME = 8 * np.finfo(np.float64).eps


@dataclass(frozen=True)
class LayerKernels:
    """K^l and Θ^l of one layer's pre-activations, float64 [N, N2]; Θ^l by the parameters up to layer l."""

    nngp: np.ndarray
    ntk: np.ndarray


@dataclass(frozen=True)
class Kernels:
    """The kernels of the network's output, and of every layer.

    Parameters
    ----------
    nngp, ntk
        K^{L+1} and Θ^{L+1}, float64 [N, N2]; several outputs are independent and share them.
    layers
        l = 1 … L + 1; the last is the output.
    parametrisation
        "ntk" or "standard": what Θ is the kernel of.
    error
        The largest relative error with which a layer's two means were found (`profunda.theory.duals`); 0
        for linear, ReLU, leaky ReLU and erf.
    """

    nngp: np.ndarray
    ntk: np.ndarray
    layers: tuple[LayerKernels, ...]
    parametrisation: Parametrisation
    error: float


@dataclass(frozen=True)
class KernelCondition:
    """λ_min, λ_max and κ = λ_max/λ_min; infinite where λ_min is 0 but for rounding."""

    smallest: float
    largest: float
    number: float


def dense_kernels(
    x: np.ndarray,
    depth: int,
    activation: Activation,
    weight_variance: float | Sequence[float],
    bias_variance: float | Sequence[float] = 0.0,
    *,
    x2: np.ndarray | None = None,
    widths: Sequence[int] | None = None,
    biases: bool = True,
) -> Kernels:
    """K and Θ for the rows of `x` [N, D], or between them and the rows of `x2` [N2, D].

    Parameters
    ----------
    depth
        L, hidden layers; 0 is a linear model.
    weight_variance, bias_variance
        C_W and C_b of all layers, or of each of the L + 1, the read-out last.
    widths
        None for the NTK parametrisation; the L hidden widths for the standard one, whose Θ grows with them.
    biases
        Whether the standard parametrisation's layers train a bias; the NTK one has them where C_b > 0.

    Correlations within 2e-15 of 1 count as 1, since rounding alone makes others of parallel rows. Where a
    pre-activation is 0 for sure, as all are for a row of zeros without C_b, φ'(0) is that of torch, 0 for a
    ReLU: there Θ of the standard parametrisation jumps, as that of a network does. Takes O(L·N·N2) numbers of
    memory. Raises DataError for rows that are no numbers, ArgumentError for variances
    that are none, lengths that do not match and kernels that overflow.

    With rows of mean square 1 and C_W = 2, a ReLU keeps K = 2 and every layer adds 2 to Θ:

    >>> both = dense_kernels(np.ones((1, 4)), 3, "relu", 2.0)
    >>> both.nngp.item(), both.ntk.item()
    (2.0, 8.0)
    """
    first = _rows(x)
    second = first if x2 is None else _rows(x2)
    if np.array_equal(first, second):
        second = first
    if first.shape[1] != second.shape[1]:
        raise ArgumentError(
            f"Rows of {first.shape[1]} and of {second.shape[1]} features have no inner product; take "
            "the same columns for both."
        )
    c_w, c_b = (
        _each(name, given, depth) for name, given in (("C_W", weight_variance), ("C_b", bias_variance))
    )
    shares = _standard(first.shape[1], depth, widths, biases) if widths is not None else (c_w, c_b)
    with np.errstate(over="ignore", invalid="ignore"):  # told with its layer
        layers, error = _recursion(first, second, activation, (c_w, c_b), shares)
    last = layers[-1]
    return Kernels(last.nngp, last.ntk, layers, "ntk" if widths is None else "standard", error)


def _recursion(
    first: np.ndarray,
    second: np.ndarray,
    activation: Activation,
    variances: tuple[list[float], list[float]],
    shares: tuple[list[float], list[float]],
) -> tuple[tuple[LayerKernels, ...], float]:
    """All layers' kernels; `shares` are the factors of a layer's own weights and bias in Θ."""
    c_w, c_b = variances
    own_w, own_b = shares
    product, same = first @ second.T / first.shape[1], _equal_rows(first, second)
    squares = [np.einsum("nd,nd->n", rows, rows) / rows.shape[1] for rows in (first, second)]
    layers, error, ntk = [], 0.0, np.zeros_like(product)
    for layer in range(len(c_w)):
        if layer:
            q = [c_w[layer - 1] * each + c_b[layer - 1] for each in squares]
            if second is first:
                q[1] = q[0]
            means = dual_means(activation, q[0], q[1], _correlations(layers[-1].nngp, q, same))
            product, error = means.product, max(error, means.error)
            squares = [mean_squares(activation, each) for each in q]
            ntk = c_w[layer] * means.slopes * ntk
        product[same] = np.broadcast_to(squares[0][:, None], product.shape)[same]
        ntk = own_w[layer] * product + own_b[layer] + ntk
        layers.append(LayerKernels(c_w[layer] * product + c_b[layer], ntk))
        if not np.isfinite(ntk).all():
            raise ArgumentError(
                f"The kernels overflow at layer {layer + 1} of {len(c_w)}: the signal grows without bound; "
                "take a smaller C_W or fewer layers."
            )
    return tuple(layers), error


def _equal_rows(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Which rows are the same, bool [N, N2]: they stay so, while a mean that is off by 1e-12 would part them
    by 1e-6 where a slope jumps."""
    known: dict[bytes, int] = {}
    one, other = (
        np.array([known.setdefault(row.tobytes(), len(known)) for row in rows + 0.0])  # −0 is 0
        for rows in (first, second)
    )
    return one[:, None] == other


def _correlations(covariance: np.ndarray, q: list[np.ndarray], same: np.ndarray) -> np.ndarray:
    scale = np.outer(np.sqrt(q[0]), np.sqrt(q[1]))
    c = np.divide(covariance, scale, out=np.zeros_like(covariance), where=scale > 0.0)
    c = np.where(np.abs(c) >= 1.0 - _SAME, np.sign(c), c)
    c[same] = 1.0
    return c


def _rows(x: np.ndarray) -> np.ndarray:
    rows = np.asarray(x, np.float64)
    if rows.ndim != 2 or 0 in rows.shape:
        raise DataError(
            f"Inputs of shape {rows.shape} are no rows of features; give [N, D], both at least 1."
        )
    if not np.isfinite(rows).all():
        bad = int(np.flatnonzero(~np.isfinite(rows).all(1))[0])
        raise DataError(f"Row {bad} holds a value that is no finite number; fill or drop it first.")
    return rows


def _each(name: str, given: float | Sequence[float], depth: int) -> list[float]:
    """One variance a layer."""
    if depth < 0:
        raise ArgumentError(f"depth = {depth} hidden layers are none: it must be at least 0.")
    values = np.asarray(given, np.float64)
    found = values.tolist() if values.ndim else [float(values)] * (depth + 1)
    if len(found) != depth + 1:
        raise ArgumentError(
            f"{name} was given for {len(found)} layers, but {depth} hidden layers and the read-out are "
            f"{depth + 1}; give one number for all, or {depth + 1}."
        )
    for each in found:
        if not 0.0 <= each < math.inf:
            raise ArgumentError(f"{name} = {each} is no variance: it must be finite and at least 0.")
    return found


def _standard(
    features: int, depth: int, widths: Sequence[int], biases: bool
) -> tuple[list[float], list[float]]:
    if len(widths) != depth or min(widths, default=1) < 1:
        raise ArgumentError(
            f"widths = {list(widths)} are not {depth} hidden widths of at least 1; give one a hidden layer."
        )
    return [float(width) for width in (features, *widths)], [float(biases)] * (depth + 1)


# What a kernel says about training ------------------------------------------------------------------


def kernel_condition(kernel: np.ndarray) -> KernelCondition:
    """Smallest and largest eigenvalue of a symmetric kernel [N, N], and their ratio.

    Under a squared loss gradient flow shrinks the residual along the eigenvector of λ like e^{−λt}; for other
    losses κ has no such meaning. Raises ArgumentError for a matrix that is no kernel.

    >>> kernel_condition(np.diag([4.0, 1.0])).number
    4.0
    """
    values = np.linalg.eigvalsh(symmetric_kernel(kernel))
    smallest, largest = float(values[0]), float(values[-1])
    sound = smallest > len(values) * np.finfo(np.float64).eps * largest
    return KernelCondition(smallest, largest, largest / smallest if sound else math.inf)


def largest_stable_step(kernel: np.ndarray, loss_scale: LossScale, n_rows: int | None = None) -> float:
    """The step size above which gradient descent diverges while its kernel Θ [N, N] stays: 1/(f λ_max).

    A step of η on f·RSS multiplies the residual by 1 − 2fηΘ: 2/λ_max on ½RSS, N/λ_max on the mean squared
    error. `n_rows` is N in f (see `LossScale`), the size of the kernel by default, which is torch's mean over
    rows and outputs if the kernel has a row for each output of each row.

    >>> largest_stable_step(np.diag([4.0, 1.0]), "half_rss"), largest_stable_step(np.diag([4.0, 1.0]), "mse")
    (0.5, 0.5)
    """
    largest = kernel_condition(kernel).largest
    return math.inf if largest <= 0.0 else 1.0 / (_factor(kernel, loss_scale, n_rows) * largest)


def lazy_time(
    kernel: np.ndarray, rate: float, ratio: float, loss_scale: LossScale, n_rows: int | None = None
) -> float:
    """Steps of size `rate` after which gradient flow has surely brought the squared loss to `ratio` of its
    start: ln(1/ratio)/(4fη λ_min), that is ln(1/ratio)/(2η λ_min) on ½RSS.

    Exact where the residual lies along the slowest eigenvector, an upper bound elsewhere, and one for descent
    too while η is at most half the largest stable step. The residual itself, whose square the loss is, needs
    twice as long for the same ratio. Infinite where λ_min is 0: such a kernel cannot fit every target. Valid
    only while Θ stays as it is.

    >>> round(lazy_time(np.diag([4.0, 1.0]), 0.1, math.exp(-2.0), "half_rss"), 12)
    10.0
    """
    if not (0.0 < rate < math.inf and 0.0 < ratio <= 1.0):
        raise ArgumentError(
            f"rate = {rate} and ratio = {ratio}: a step must be above 0 and finite, and the loss can only be "
            "brought to a part of its start, above 0 and at most 1."
        )
    condition = kernel_condition(kernel)
    if condition.number == math.inf:
        return math.inf
    return -math.log(ratio) / (4.0 * _factor(kernel, loss_scale, n_rows) * rate * condition.smallest)


def kernel_regression(
    kernel: np.ndarray, kernel_new: np.ndarray, y: np.ndarray, ridge: float = 0.0
) -> np.ndarray:
    """k(new, train)(K + ridge·I)⁻¹ y: the mean of a Gaussian process of noise variance `ridge` given y, which
    is kernel ridge regression; float64 [N_new] for y [N], [N_new, C] for y [N, C].

    With K = NNGP, what training the last layer alone of a wide network tends to, on average; with K = Θ and
    ridge 0, what gradient flow on all layers tends to (Lee et al. 2019, section 2, with f_0 = 0).
    Without a ridge the eigenvectors whose λ is rounding only are left out: the solution of least norm.
    Raises ArgumentError for shapes that do not match and a negative ridge. Source: Rasmussen and Williams
    (2006), eq. 2.25.

    >>> kernel_regression(np.eye(2), np.eye(2), np.array([1.0, 3.0]), ridge=1.0).tolist()
    [0.5, 1.5]
    """
    if not 0.0 <= ridge < math.inf:
        raise ArgumentError(f"ridge = {ridge} is no variance of a noise: it must be finite and at least 0.")
    symmetric, targets = symmetric_kernel(kernel), np.asarray(y, np.float64)
    new = np.asarray(kernel_new, np.float64)
    if len(targets) != len(symmetric) or new.ndim != 2 or new.shape[1] != len(symmetric):
        raise ArgumentError(
            f"A kernel of {len(symmetric)} rows, one of shape {new.shape} to the new rows and {len(targets)} "
            f"targets do not fit; give kernel [N, N], kernel_new [N_new, N] and y [N] or [N, C]."
        )
    if not (np.isfinite(new).all() and np.isfinite(targets).all()):
        raise ArgumentError("kernel_new and y must be finite: a NaN or infinity would be in every answer.")
    values, vectors = np.linalg.eigh(symmetric)
    kept = values + ridge > len(values) * np.finfo(np.float64).eps * max(values[-1], ridge)
    inverse = np.divide(1.0, values + ridge, out=np.zeros_like(values), where=kept)
    return new @ (vectors * inverse) @ (vectors.T @ targets)


def _factor(kernel: np.ndarray, loss_scale: LossScale, n_rows: int | None) -> float:
    return loss_factor(loss_scale, len(kernel) if n_rows is None else n_rows)


def symmetric_kernel(kernel: np.ndarray) -> np.ndarray:
    """A kernel [N, N] in float64, exactly symmetric; ArgumentError for one that is no kernel of one set."""
    matrix = np.asarray(kernel, np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
        raise ArgumentError(f"A kernel of shape {matrix.shape} is not square; give that of one set of rows.")
    if not np.isfinite(matrix).all():
        raise ArgumentError(
            "The kernel holds values that are not finite; look for an input or weight that is not."
        )
    off = float(np.abs(matrix - matrix.T).max())
    if off > 1e-4 * float(np.abs(matrix).max()):
        raise ArgumentError(
            f"The kernel is not symmetric: entries differ by {off:.3g} from their mirror images; give the "
            "kernel of one set of rows with itself."
        )
    return 0.5 * (matrix + matrix.T)
