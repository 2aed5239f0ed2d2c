"""The linearised twin of a network: f_lin(x; θ_0 + δ) = f(x; θ_0) + J(x) δ, linear in δ, not in x.

The twin has the Jacobian J = ∂f/∂θ at θ_0 for good, so its kernel Θ = JJᵀ is constant and its training under
a squared loss has a closed form: gradient flow dδ/dt = −∇ℒ, ℒ = f·RSS, gives

    f_t = y + e^{−2fΘt}(f_0 − y),   f_t(x') = f_0(x') + Θ(x', X) Θ⁻¹ (e^{−2fΘt} − 1)(f_0 − y),

and k steps of size η have (1 − 2fηΘ)^k in place of the exponential. A constant Jacobian belongs to models
linear in their parameters; a deep linear network, linear in x, is not one. Wide networks in the NTK
parametrisation train like their twins (lazily), the closer, the smaller depth over width.

Sources: Jacot, Gabriel and Hongler (2018), section 5; Lee et al. (2019), section 2; Chizat, Oyallon and Bach
(2019) for the name. `lazy_number` is a calibration of our own measurements, not a theorem.
"""

import copy
import math
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, jvp
from torch.nn.attention import SDPBackend, sdpa_kernel

from profunda.errors import ArgumentError
from profunda.theory.kernels import symmetric_kernel
from profunda.theory.parameter_maps import load_forward_mode, trainable
from profunda.theory.scales import LossScale, loss_factor

__all__ = [
    "LAZY_ACTIVATIONS",
    "LazyNumber",
    "LinearPrediction",
    "Linearised",
    "kernel_drift",
    "lazy_number",
    "linear_descent",
    "linear_flow",
    "linearisation_distance",
]


class Linearised(nn.Module):
    """f(x; θ_0) + J(x) δ for any module, with δ as its parameters, 0 at first.

    The module is copied with its present parameters θ_0 and buffers, in evaluation mode: dropout is off and
    batch statistics are fixed, since only a function can be linearised. The copy stays as it is when the
    original trains on, and in evaluation mode when the twin is set to train. δ has an entry for each
    parameter that requires a gradient. No Jacobian is formed: J δ is a forward-mode product beside the value,
    so a call costs about two of the module's, in memory too. Fused kernels without forward-mode derivatives,
    of attention and of recurrent layers, are replaced by torch's plain ones.

    Raises ArgumentError for a module without parameters to train, with some in half precision or not finite,
    one whose output is no tensor, and one with operations that have no forward-mode derivative.

    >>> line = nn.Linear(2, 1)
    >>> twin = Linearised(line)
    >>> _ = twin.delta("weight").data.fill_(0.5)
    >>> bool(torch.isclose(twin(torch.ones(2)), line(torch.ones(2)) + 1.0))
    True
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        skeleton = copy.deepcopy(module).eval()
        trained = trainable(skeleton)
        self._names = tuple(trained)
        # Outside nn.Module's sight: its parameters are no parameters of the twin, whose are δ alone.
        self._skeleton = (skeleton,)
        self._deltas = nn.ParameterList(torch.zeros_like(each) for each in trained.values())
        held = {**dict(skeleton.named_parameters()), **dict(skeleton.named_buffers())}
        self._held = tuple(held)
        for index, each in enumerate(held.values()):
            self.register_buffer(f"_held_{index}", each.detach())

    def delta(self, name: str) -> nn.Parameter:
        """The part of δ that moves the parameter called `name` in the module."""
        if name not in self._names:
            raise ArgumentError(
                f"The module trains no parameter called {name!r}; it trains {', '.join(self._names)}."
            )
        return self._deltas[self._names.index(name)]

    def forward(self, *inputs: Tensor) -> Tensor:
        held = {name: self.get_buffer(f"_held_{index}") for index, name in enumerate(self._held)}
        origin = {name: held.pop(name) for name in self._names}

        def output(parameters: dict[str, Tensor]) -> Tensor:
            own = {name: each.clone() for name, each in held.items()}  # a `forward` may write into buffers
            found = functional_call(self._skeleton[0], {**own, **parameters}, inputs)
            if not isinstance(found, Tensor):
                raise ArgumentError(
                    f"The module returns a {type(found).__name__}, and only tensors can be linearised; wrap "
                    "it in a module that returns the one you mean."
                )
            return found

        delta = dict(zip(self._names, self._deltas, strict=True))
        load_forward_mode()

        def value_and_change() -> Tensor:
            found = jvp(output, (origin,), (delta,))
            return found[0] + found[1]

        try:
            return value_and_change()
        except NotImplementedError:
            return _in_plain_form(value_and_change)


def _in_plain_form(call: Callable[[], Tensor]) -> Tensor:
    """The call without torch's fused attention and recurrent kernels, which have no forward-mode rules."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with ExitStack() as plain:
            with warnings.catch_warnings():  # torch remarks once on TF32, which is not meant here
                warnings.simplefilter("ignore", UserWarning)
                plain.enter_context(torch.backends.mkldnn.flags(enabled=False))
            plain.enter_context(sdpa_kernel(SDPBackend.MATH))
            return call()
    except NotImplementedError as error:
        raise ArgumentError(
            f"The module holds an operation without a forward-mode derivative ({error}); write it in plain "
            "torch operations, or give its function a jvp rule."
        ) from error
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


# Exact training under a squared loss ----------------------------------------------------------------


@dataclass(frozen=True)
class LinearPrediction:
    """The linearised model's outputs on the training rows, float64 like y, and on the new rows."""

    train: np.ndarray
    new: np.ndarray


def linear_flow(
    kernel_train: np.ndarray,
    kernel_new: np.ndarray,
    f0: np.ndarray,
    f0_new: np.ndarray,
    y: np.ndarray,
    time: float,
    loss_scale: LossScale,
    n_rows: int | None = None,
) -> LinearPrediction:
    """Outputs after gradient flow for `time` on f·RSS; infinite time gives the limit.

    Parameters
    ----------
    kernel_train, kernel_new
        Θ on the training rows [N, N] and from the new rows to them [N_new, N], empirical or analytic.
    f0, f0_new, y
        Outputs at the start and targets, [N] and [N_new]; or [N, C], where outputs are independent and share
        Θ. For an empirical Θ of several outputs give one row for each output of each row.
    time
        Steps times their size, for steps that are small.
    loss_scale, n_rows
        Which f; N in it is the number of targets y unless given, torch's mean over rows and outputs.

    Raises ArgumentError for shapes that do not match and a negative time.

    >>> linear_flow(
    ...     np.eye(1), np.eye(1), np.zeros(1), np.zeros(1), np.ones(1), math.log(2.0), "half_rss"
    ... ).train
    array([0.5])
    """
    if not time >= 0.0:
        raise ArgumentError(f"time = {time}: a flow runs for a time of at least 0.")

    def gained(pace: np.ndarray) -> np.ndarray:
        return -np.expm1(-np.where(pace > 0.0, time, 0.0) * pace)

    return _trained(kernel_train, kernel_new, (f0, f0_new, y), time, gained, loss_scale, n_rows)


def linear_descent(
    kernel_train: np.ndarray,
    kernel_new: np.ndarray,
    f0: np.ndarray,
    f0_new: np.ndarray,
    y: np.ndarray,
    rate: float,
    steps: int,
    loss_scale: LossScale,
    n_rows: int | None = None,
) -> LinearPrediction:
    """Outputs after `steps` full-batch gradient steps of size `rate` on f·RSS, without taking any.

    Arguments as of `linear_flow`. Also right above the largest stable step, where the outputs grow without
    bound. Raises ArgumentError for shapes that do not match, a rate not above 0, negative steps, and outputs
    that have outgrown float64.
    """
    if not 0.0 < rate < math.inf or steps < 0:
        raise ArgumentError(
            f"rate = {rate} and steps = {steps}: a step must be above 0 and finite, their number at least 0."
        )

    def gained(pace: np.ndarray) -> np.ndarray:
        moved = rate * pace
        small = np.minimum(moved, 0.5)
        with np.errstate(over="ignore"):  # told by `_trained`
            grown = (1.0 - moved) ** steps
        return np.where(moved < 0.5, -np.expm1(steps * np.log1p(-small)), 1.0 - grown)

    return _trained(kernel_train, kernel_new, (f0, f0_new, y), rate * steps, gained, loss_scale, n_rows)


def _trained(
    kernel_train: np.ndarray,
    kernel_new: np.ndarray,
    outputs: tuple[np.ndarray, np.ndarray, np.ndarray],
    time: float,
    gained: Callable[[np.ndarray], np.ndarray],
    loss_scale: LossScale,
    n_rows: int | None,
) -> LinearPrediction:
    """`gained` maps paces 2fλ to the share of the residual that is gone."""
    kernel, new = (np.asarray(each, np.float64) for each in (kernel_train, kernel_new))
    f0, f0_new, y = (np.asarray(each, np.float64) for each in outputs)
    _check_shapes(kernel, new, f0, f0_new, y)
    values, vectors = np.linalg.eigh(symmetric_kernel(kernel))
    values = np.where(values > len(values) * np.finfo(np.float64).eps * values[-1], values, 0.0)
    twice = 2.0 * loss_factor(loss_scale, y.size if n_rows is None else n_rows)
    share = gained(twice * values)
    if not np.isfinite(share).all():
        raise ArgumentError(
            "The outputs have outgrown float64 by then: a step is stable up to "
            f"{2.0 / (twice * values[-1]):.3g}; take smaller ones, or fewer."
        )
    # Where λ is 0 nothing is gained on the training rows, and a new row sees no such direction.
    per_value = np.divide(share, values, out=np.zeros_like(values), where=values > 0.0)
    inside = vectors.T @ (y - f0)
    scale = (slice(None),) + (None,) * (y.ndim - 1)
    train = f0 + vectors @ (share[scale] * inside)
    return LinearPrediction(train, f0_new + new @ (vectors @ (per_value[scale] * inside)))


def _check_shapes(
    kernel: np.ndarray, new: np.ndarray, f0: np.ndarray, f0_new: np.ndarray, y: np.ndarray
) -> None:
    square = kernel.ndim == 2 and kernel.shape[0] == kernel.shape[1] and y.ndim > 0 and f0_new.ndim > 0
    if not square or new.shape != (len(f0_new), len(kernel)) or len(y) != len(kernel) or f0.shape != y.shape:
        raise ArgumentError(
            f"Θ {kernel.shape}, Θ to new rows {new.shape}, outputs {f0.shape} and {f0_new.shape} and targets "
            f"{y.shape} do not fit; give [N, N], [N_new, N], [N], [N_new] and [N], or [N, C] for several "
            "outputs that share Θ."
        )
    if f0_new.shape[1:] != y.shape[1:]:
        raise ArgumentError(
            f"New rows have outputs of shape {f0_new.shape}, training rows of {y.shape}: both need the same "
            "number of outputs."
        )
    for name, each in (("Θ to new rows", new), ("f0", f0), ("f0_new", f0_new), ("y", y)):
        if not np.isfinite(each).all():
            raise ArgumentError(f"{name} holds NaN or infinite values, which would be in every answer.")


# How far from linear --------------------------------------------------------------------------------


def linearisation_distance(
    f: np.ndarray | Tensor, f_lin: np.ndarray | Tensor, f0: np.ndarray | Tensor
) -> float:
    """‖f − f_lin‖/‖f_lin − f_0‖: how far a trained network is from its twin, in units of what the twin moved.

    Infinite where only the network moved, 0 where neither did. Raises ArgumentError for shapes that differ.

    >>> linearisation_distance(np.array([1.1]), np.array([1.0]), np.array([0.0])) < 0.1001
    True
    """
    trained, twin, start = _same_shape(f, f_lin, f0)
    return _ratio(trained - twin, twin - start)


def kernel_drift(after: np.ndarray | Tensor, before: np.ndarray | Tensor) -> float:
    """‖Θ_t − Θ_0‖/‖Θ_0‖ in Frobenius norm: 0 for the lazy, of order 1 where features are learned.

    >>> kernel_drift(np.diag([2.0, 1.0]), np.diag([1.0, 1.0])) * 2.0**0.5
    1.0
    """
    end, start = _same_shape(after, before)
    return _ratio(end - start, start)


def _same_shape(*arrays: np.ndarray | Tensor) -> list[np.ndarray]:
    found = [
        np.asarray(each.detach().cpu() if isinstance(each, Tensor) else each, np.float64) for each in arrays
    ]
    if len({each.shape for each in found}) > 1:
        shapes = ", ".join(str(each.shape) for each in found)
        raise ArgumentError(f"Shapes {shapes} differ: give outputs, or kernels, of the same rows.")
    return found


def _ratio(top: np.ndarray, bottom: np.ndarray) -> float:
    above, below = float(np.linalg.norm(top)), float(np.linalg.norm(bottom))
    if below == 0.0:
        return 0.0 if above == 0.0 else math.inf
    return above / below


LAZY_ACTIVATIONS = ("relu", "tanh")
"""The activations for which `lazy_number` is calibrated."""

# a, b, c of a·β^b·L^c, first for the distance, then for the drift: least squares in logarithms on the medians
# of 15 settings (L, H) with L from 1 to 16, H from 16 to 256, at which they are off by at most 29 %. Neither
# exponent is the limit's: at fixed L and H → ∞ both quantities fall like 1/H for smooth activations.
_FITS = {
    "relu": ((0.882, 0.659, 0.242), (0.749, 0.637, 0.333)),
    "tanh": ((0.623, 0.744, 0.197), (1.035, 0.801, 0.441)),
}
_LAZY_RANGE, _LAZY_DEPTH = (1 / 64, 1 / 4), 16


@dataclass(frozen=True)
class LazyNumber:
    """What training is expected to move, for a network trained to a loss of 1e-3 of its start.

    `distance` is that of `linearisation_distance` on new rows (on the training rows, where both end at the
    targets, it is about a tenth), `drift` that of `kernel_drift` on the training rows; both are right to a
    relative `spread`, where `valid`; else `reason` says what lies outside of the calibration.
    """

    distance: float
    drift: float
    spread: float
    valid: bool
    reason: str


def lazy_number(widths: Sequence[int], activation: str) -> LazyNumber:
    """Calibrated, not proved: distance and drift as a·β^b·L^c with β = Σ 1/H_l over the L hidden `widths`.

    Measured on networks of the NTK parametrisation at criticality (ReLU with C_W = 2, tanh with C_W = 1, no
    bias), one output, 4 rows on a sphere in 16 dimensions, targets ±1, full-batch descent at a quarter of
    1/λ_max; medians over 16 to 200 networks. More rows, other targets, losses or steps move it: where it
    matters, train the network and its `Linearised` side by side. Raises ArgumentError for an activation
    outside of `LAZY_ACTIVATIONS`, and for no widths.

    >>> 0.05 < lazy_number([64, 64], "tanh").distance < 0.06
    True
    """
    if activation not in _FITS:
        raise ArgumentError(
            f"The lazy number is calibrated for {' and '.join(LAZY_ACTIVATIONS)}, not for {activation!r}; "
            "train the network and its linearised twin side by side instead."
        )
    if not widths or min(widths) < 1:
        raise ArgumentError(f"widths = {list(widths)} are no hidden widths: give one or more of at least 1.")
    depth, beta = len(widths), sum(1.0 / width for width in widths)
    distance, drift = (a * beta**b * depth**c for a, b, c in _FITS[activation])
    low, high = _LAZY_RANGE
    valid = low <= beta <= high and depth <= _LAZY_DEPTH
    reason = (
        ""
        if valid
        else f"extrapolated: β = {beta:.3g} and L = {depth}, calibrated for β from {low:.3g} to {high:.3g} "
        f"and L up to {_LAZY_DEPTH}"
    )
    return LazyNumber(distance, drift, 0.4, valid, reason)
