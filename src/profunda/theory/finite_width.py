"""How far random networks of finite widths scatter around the infinitely wide one, and from each other.

Two families. For a bias-free ReLU network with Gaussian weights of variance 2/fan-in ("He weights") the laws
are exact for every depth and width: replacing the gates of one input by fair coins does not change the law
of the input-output Jacobian (Hanin and Nica 2020, section 3), so that squared norms are products of
independent factors, one a layer,

    a_l = (2/n_l) χ²_k,   k ~ Binomial(n_l, ½),   E a_l = 1,   E a_l² = 1 + 5/n_l.

For any other activation `vertex_profile` gives the first order in 1/width.

Sources: Hanin and Nica, "Products of many large random matrices and gradients in deep neural networks"
(2020); Hanin and Nica, "Finite depth and width corrections to the neural tangent kernel" (2020), theorem 1,
for the growth like e^{5β}; Roberts, Yaida and Hanin, "The principles of deep learning theory" (2022),
chapters 4 and 5, for the four-point vertex. What carries the words "derived here" is in none of them, and
stands on its derivation and on simulations.

Means of squares are ruled by rare networks once β = Σ 1/n_l is about ½: then the sample mean of F² over
10⁴ networks is off by a factor 2, and only logarithms can be compared (`moments_can_be_sampled`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from profunda.errors import ArgumentError
from profunda.theory.activations import Nonlinearity, nonlinearity
from profunda.theory.propagation import Activation, moments, variance_profile
from profunda.theory.quadrature import normal_mean
from profunda.theory.widths import beta, checked_widths, relu_fluctuation

__all__ = [
    "FIRST_ORDER",
    "SAMPLED",
    "VertexProfile",
    "dead_layer_probability",
    "input_gradient_fluctuation",
    "log_gradient_mean",
    "log_gradient_variance",
    "log_norm_mean",
    "log_norm_variance",
    "moments_can_be_sampled",
    "ntk_diagonal_limit",
    "ntk_diagonal_mean",
    "ntk_diagonal_variance",
    "ntk_diagonal_variance_uncoupled",
    "vertex_profile",
]

FIRST_ORDER = 0.3
"""A first order in 1/width above this is no small correction any more: the second is of its size."""

SAMPLED = 0.5
"""The largest β at which second moments of squared norms are still met by 10⁴ networks."""


# Norms ----------------------------------------------------------------------------------------------


def log_norm_variance(widths: Sequence[int]) -> float:
    """Var log F = Σ_l v(n_l), F = ‖x_L‖² over its mean, for a bias-free ReLU network with He weights.

    v(n) = E ψ'(k/2) + Var ψ(k/2) is the variance of log((2/n)χ²_k), k ~ Binomial(n, ½) given k ≥ 1:
    5/n + 18.5/n² + O(1/n³). Exact at every width, given that no layer is dead; derived here from the law of
    the factors (Hanin and Nica 2020). Raises ArgumentError for a width below 1.

    >>> round(log_norm_variance([64]), 6)
    0.082997
    >>> round(log_norm_variance([64, 32, 32]) - log_norm_variance([64]) - 2 * log_norm_variance([32]), 12)
    0.0
    """
    return math.fsum(_log_moments(width)[1] for width in checked_widths(widths))


def log_norm_mean(widths: Sequence[int]) -> float:
    """E log F = Σ_l m(n_l), F = ‖x_L‖² over its mean, for a bias-free ReLU network with He weights.

    m(n) = E[ψ(k/2)] + log(4/n), k ~ Binomial(n, ½) given k ≥ 1: −2.5/n − 4.08/n² + O(1/n³). A typical
    network is smaller than the mean by e^{−2.5β}, forwards and backwards alike. Exact at every width, given
    that no layer is dead; derived here as v(n) is. Raises ArgumentError for a width below 1.

    >>> round(log_norm_mean([64]), 6), round(log_norm_mean([256]), 7)
    (-0.040109, -0.0098287)
    """
    return math.fsum(_log_moments(width)[0] for width in checked_widths(widths))


@lru_cache(maxsize=1024)
def _log_moments(width: int) -> tuple[float, float]:
    """Mean and variance of log((2/n)χ²_k), k ~ Binomial(n, ½) given k ≥ 1: E log χ²_k = ψ(k/2) + log 2."""
    # Here, because it takes a tenth of a second to load.
    from scipy.special import digamma, gammaln, polygamma

    active = np.arange(1, width + 1)
    ways = gammaln(width + 1) - gammaln(active + 1) - gammaln(width - active + 1)
    chance = np.exp(ways - width * math.log(2.0))
    chance /= chance.sum()
    means = digamma(active / 2.0)
    mean = float(chance @ means)
    variance = float(chance @ (polygamma(1, active / 2.0) + (means - mean) ** 2))
    return mean + math.log(4.0 / width), variance


def dead_layer_probability(widths: Sequence[int]) -> float:
    """1 − Π_l (1 − 2^{−n_l}): how likely all units of some layer are silent for an input.

    For ReLU with weights and biases of any symmetric laws: each unit is silent with probability ½,
    independently. Such a network is constant around the input. Raises ArgumentError for a width below 1.

    >>> dead_layer_probability([1, 2])
    0.625
    """
    return -math.expm1(math.fsum(_log_alive(width) for width in checked_widths(widths)))


def _log_alive(width: int) -> float:
    return math.log1p(-(2.0**-width))


# Gradients by the input -----------------------------------------------------------------------------


def input_gradient_fluctuation(widths: Sequence[int], n_inputs: int) -> float:
    """Relative variance Π_l (1 + 5/n_l)·(1 + 2/n_0) − 1 of ‖∂f/∂x‖², f a bias-free ReLU network's one output.

    Exact for Gaussian weights, whatever their variance. The gates' factors are those of ‖x_L‖², the first
    matrix adds (1/n_0)χ²_{n_0} (Hanin and Nica 2020, theorem 1 for its order). Raises ArgumentError for a
    width below 1.

    >>> round(input_gradient_fluctuation([64] * 4, 10**9), 4)
    0.3511
    """
    (inputs,) = checked_widths([n_inputs])
    return (relu_fluctuation(checked_widths(widths)) + 1.0) * (1.0 + 2.0 / inputs) - 1.0


def log_gradient_mean(widths: Sequence[int], n_inputs: int) -> float:
    """E log G, G = ‖∂f/∂x‖² over its mean: Σ_l m(n_l) + ψ(n_0/2) − log(n_0/2), about −2.5β − 1/n_0.

    Exact where `input_gradient_fluctuation` is, given that no layer is dead; derived here. Raises
    ArgumentError for a width below 1.
    """
    from scipy.special import digamma  # as in _log_moments

    (inputs,) = checked_widths([n_inputs])
    return log_norm_mean(widths) + float(digamma(inputs / 2.0)) - math.log(inputs / 2.0)


def log_gradient_variance(widths: Sequence[int], n_inputs: int) -> float:
    """Var log ‖∂f/∂x‖² = Σ_l v(n_l) + ψ'(n_0/2), about 5β + 2/n_0: ± two of its roots span 19 seeds of 20.

    Exact where `input_gradient_fluctuation` is, given that no layer is dead; derived here. Raises
    ArgumentError for a width below 1.

    >>> round(log_gradient_variance([128] * 8, 10**9), 4)
    0.3219
    """
    from scipy.special import polygamma  # as in _log_moments

    (inputs,) = checked_widths([n_inputs])
    return log_norm_variance(widths) + float(polygamma(1, inputs / 2.0))


# The diagonal of the neural tangent kernel ----------------------------------------------------------


def ntk_diagonal_mean(n_layers: int, mean_square: float = 1.0) -> float:
    """E K = 2(L + 1)·‖x‖²/n_0 for K = Θ(x, x), the squared norm of ∂f/∂θ; exact at every width.

    A bias-free ReLU network with L = `n_layers` hidden layers and one output, in NTK parametrisation: weights
    have unit variance and a layer, the read-out too, multiplies by √(2/fan-in). Each of the L + 1 matrices
    brings 2 (Jacot, Gabriel and Hongler 2018, theorem 1, where all widths are infinite). Raises ArgumentError
    for a negative depth or mean square.

    >>> ntk_diagonal_mean(3)
    8.0
    """
    if n_layers < 0 or not 0.0 <= mean_square < math.inf:
        raise ArgumentError(
            f"No network has {n_layers} hidden layers and inputs of mean square {mean_square}: both must be "
            "at least 0, and finite; the mean square is ‖x‖²/n_0."
        )
    return 2.0 * (n_layers + 1) * mean_square


def ntk_diagonal_variance(widths: Sequence[int]) -> float:
    """Var K/(E K)² of K = Θ(x, x), for a bias-free ReLU network with Gaussian weights and one output.

    Derived here, exact for any widths. K = Σ_{l=0}^{L} K_l, with K_l = A_l B_l the squared norm A_l of what
    matrix l + 1 reads times that of the gradient at what it writes, B_l. For l ≤ m, layers up to l and layers
    beyond m bring 1 + 5/n each to E K_l K_m. Between run the signal x_j and M = J Jᵀ, J the Jacobian of x_j
    by z_{l+1}; by the symmetry of signs u = E[‖x‖² tr M] and s = E[xᵀM x] obey, up to a common factor,

        (u, s) ← (u + (u + 4s)/n_j,  s + (2u + 3s)/n_j),   from (1, 0),

    whose eigenvalues are 1 + 5/n and 1 − 1/n at every n, with eigenvectors that do not depend on n. Hence

        E K_l K_m/(E K_l E K_m) = Π_{j outside (l, m]} (1 + 5/n_j) ·
                                  [⅓ Π_{j in (l, m]} (1 + 5/n_j) + ⅔ Π_{j in (l, m]} (1 − 1/n_j)].

    (11/3)β for small β, e^{5β}/3 for large β, the order of Hanin and Nica (2020, NTK), theorem 1. The
    square root of it is the relative spread of K over seeds. Raises ArgumentError for a width below 1.

    >>> round(ntk_diagonal_variance([8]), 4), round(ntk_diagonal_variance([32] * 8), 4)
    (0.375, 1.4121)
    """
    sizes = np.array(checked_widths(widths), np.float64)
    return _pair_mean(1.0 + 5.0 / sizes, 1.0 - 1.0 / sizes, 1.0 / 3.0) - 1.0


def ntk_diagonal_variance_uncoupled(widths: Sequence[int]) -> float:
    """Var K/(E K)² if the factors of different layers were independent: ∏(1 + 5/n_j)·∏(1 + 1/n_j).

    Between two layers the forward and the backward factor of one layer have the covariance 1/n; taking
    layers as independent of each other gives

        (L + 1)⁻² Σ_{l,m} Π_{j outside (l, m]} (1 + 5/n_j) Π_{j in (l, m]} (1 + 1/n_j) − 1,

    the same first order (11/3)β as `ntk_diagonal_variance`, but too little at the second: 1 % at β = 1/16,
    5 % at ¼, 12 % at ½. Kept for comparison: simulations refuse it. Raises ArgumentError for a width below 1.

    >>> round(ntk_diagonal_variance_uncoupled([32] * 8), 4)
    1.3419
    """
    sizes = np.array(checked_widths(widths), np.float64)
    return _pair_mean(1.0 + 5.0 / sizes, 1.0 + 1.0 / sizes, 0.0) - 1.0


def _pair_mean(grow: np.ndarray, between: np.ndarray, share: float) -> float:
    """Mean over 0 ≤ l, m ≤ L of Π_outside grow · [share·Π_inside grow + (1 − share)·Π_inside between]."""
    depth = len(grow)
    pairs = 1.0 + depth  # l = m
    for first in range(depth):
        ratios = np.cumprod(between[first:] / grow[first:])
        pairs += 2.0 * float(np.sum(share + (1.0 - share) * ratios))
    return math.prod(grow.tolist()) * pairs / (depth + 1) ** 2


def ntk_diagonal_limit(beta: float) -> float:
    """`ntk_diagonal_variance` for L, H → ∞ at L/H = β: e^{5β}[1/3 + (2/(9β))(1 − (1 − e^{−6β})/(6β))] − 1.

    Derived here: the double sum becomes an integral over the unit square. (11/3)β for small β, e^{5β}/3 for
    large. At equal widths the sum lies below its limit: 15 % at L = 8, 4 % at L = 32 for β = ¼. Raises
    ArgumentError for a negative β.

    >>> round(ntk_diagonal_limit(1e-6) / 1e-6, 4)
    3.6667
    """
    if not 0.0 <= beta < math.inf:
        raise ArgumentError(f"β = {beta} is no sum of 1/width: it must be finite and at least 0.")
    if 5.0 * beta > 700.0:  # more than a float64 holds
        return math.inf
    a = 6.0 * beta
    # 2(a − 1 + e^{−a})/a², by its series where that would cancel
    pairs = 1.0 - a / 3.0 + a * a / 12.0 - a**3 / 60.0 if a < 1e-3 else 2.0 * (a + math.expm1(-a)) / (a * a)
    return math.expm1(5.0 * beta) / 3.0 + 2.0 / 3.0 * (math.exp(5.0 * beta) * pairs - 1.0)


def moments_can_be_sampled(widths: Sequence[int]) -> bool:
    """Whether sample means of F², G² or K² say something: β ≤ ½; beyond compare logarithms.

    Sample means of a quantity whose logarithm has the variance 5β are ruled by networks that no sample of
    10⁴ holds. An empirical bound. Raises ArgumentError for a width below 1.

    >>> moments_can_be_sampled([64] * 16), moments_can_be_sampled([64] * 64)
    (True, False)
    """
    return beta(checked_widths(widths)) <= SAMPLED


# Any activation, to the first order in 1/width ------------------------------------------------------


@dataclass(frozen=True)
class VertexProfile:
    """The four-point vertex along a network with L hidden layers; entry l − 1 speaks of z_l, l = 1 … L + 1.

    Parameters
    ----------
    q
        Mean-field variances of the pre-activations, float64 [L + 1]; the last of the read-out.
    excess
        V_l/(n_{l−1} q_l²), float64 [L + 1]: E z_i²z_j²/q² − 1 for two units of a layer (the neuron–neuron
        correlation, 0 in an infinitely wide network), E z_i⁴/(3q²) − 1 for one, and the relative variance of
        C_W‖x_{l−1}‖²/n_{l−1} + C_b. 0 in the first layer; nan once no signal is left, or too much.
    vertex
        V_l itself, which does not depend on the width where all are equal; float64 [L + 1].
    """

    q: np.ndarray
    excess: np.ndarray
    vertex: np.ndarray

    @property
    def valid(self) -> np.ndarray:
        """Where the first order in 1/width is one: excess at most `FIRST_ORDER`, bool [L + 1]."""
        return self.excess <= FIRST_ORDER


def vertex_profile(
    activation: Activation,
    widths: Sequence[int],
    q: float,
    weight_variance: float,
    bias_variance: float = 0.0,
) -> VertexProfile:
    """How far from independent the units of a layer are, for any activation; q_1 = `q`, `widths` [L].

    V_{l+1}/n_l = χ_∥² V_l/n_{l−1} + C_W² (⟨φ⁴⟩ − ⟨φ²⟩²)/n_l from V_1 = 0: Roberts, Yaida and Hanin (2022),
    chapter 4 for the recursion, which holds for unequal widths as it stands, chapter 5 for χ_∥. Weights are
    Gaussian; a law of another kurtosis changes E z_i⁴ at this order, E z_i²z_j² only at the next.
    ReLU gives 5 Σ 1/n, the first order of `relu_fluctuation`; tanh at
    criticality ⅔ l/n, linear 2 Σ 1/n.

    Valid to the first order in 1/n: see `VertexProfile.valid`. Raises ArgumentError for a width below 1 and
    for numbers that are no variances.

    >>> float(vertex_profile("relu", [100] * 4, 2.0, 2.0).excess[-1])
    0.2
    """
    sizes, phi = checked_widths(widths), nonlinearity(activation)
    depth = len(sizes) + 1
    profile = variance_profile(phi, depth, q, weight_variance, bias_variance)
    excess = np.full(depth, math.nan)
    excess[0] = 0.0 if profile[0] > 0.0 else math.nan
    for layer, width in enumerate(sizes):
        here, after = profile[layer], profile[layer + 1]
        if not 0.0 < after < math.inf or not here > 0.0:
            break
        at = moments(phi, here)
        passed = weight_variance * at.growth * here / after
        share = weight_variance * at.square / after
        excess[layer + 1] = passed**2 * excess[layer] + share**2 * _spread(phi, here, at.square) / width
    fan_in = np.array([1, *sizes], np.float64)
    return VertexProfile(profile, excess, excess * fan_in * profile**2)


def _spread(phi: Nonlinearity, q: float, square: float) -> float:
    """⟨φ⁴⟩/⟨φ²⟩² − 1: the relative variance of φ²."""
    if phi.sides is not None:
        low, high = (side * side for side in phi.sides)
        return 6.0 * (low * low + high * high) / (low + high) ** 2 - 1.0
    if square <= 0.0:
        return 0.0
    root, unit = math.sqrt(q), math.sqrt(square)
    fourth = normal_mean(lambda g: (phi.value(root * g) / unit) ** 4, [kink / root for kink in phi.kinks])
    return max(0.0, float(fourth) - 1.0)
