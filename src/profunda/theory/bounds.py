"""What the number of rows promises about unseen ones, whatever the data: the Vapnik–Chervonenkis bound.

Sources: Abu-Mostafa, Magdon-Ismail and Lin (2012), "Learning From Data", eqs. 2.10 (growth
function), 2.12 (the bound) and 2.13 (sample size); Sauer (1972); Bartlett, Harvey, Liaw and Mehrabian (2019),
"Nearly-tight VC-dimension and pseudodimension bounds for piecewise linear neural networks", theorem 6.

All of it holds for the share of wrong answers between two classes, on independent rows of one law, and for
any learner: it says nothing about squared loss, and it is far above 1, so empty, for most networks.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

from scipy.optimize import root_scalar

from profunda.errors import ArgumentError

__all__ = [
    "VCBound",
    "dense_vc_dimension",
    "growth_bound",
    "sauer_sum",
    "vc_bound",
    "vc_sample_size",
]

MOST_ROWS = 2**1000  # a float's range, less room for 2N


@dataclass(frozen=True)
class VCBound:
    """With probability 1 − δ over the training rows, the test error is at most the training error + `value`.

    `vacuous`: the value is at least 1, and every share of errors is at most 1 anyway.
    """

    value: float
    n_rows: int
    dimension: float
    delta: float

    @property
    def vacuous(self) -> bool:
        """Whether the bound says nothing."""
        return self.value >= 1.0


def sauer_sum(n_rows: int, dimension: int) -> int:
    """Σ_{i ≤ d} C(N, i): no class of VC dimension d labels N rows in more ways (Sauer 1972), exactly.

    >>> sauer_sum(3, 3), sauer_sum(4, 3)  # all 2³ ways, but not all 2⁴
    (8, 15)
    """
    _counts(n_rows, dimension)
    return sum(math.comb(n_rows, i) for i in range(int(dimension) + 1))


def growth_bound(n_rows: int, dimension: int) -> int:
    """N^d + 1, never below `sauer_sum` (Abu-Mostafa et al. 2012, eq. 2.10)."""
    _counts(n_rows, dimension)
    return n_rows ** int(dimension) + 1


def vc_bound(n_rows: int, dimension: float, delta: float = 0.05) -> VCBound:
    """√(8/N · ln(4((2N)^d + 1)/δ)) for N rows, VC dimension d and a risk δ of being wrong.

    Abu-Mostafa et al. 2012, eq. 2.12 with the growth function bounded by eq. 2.10. In logarithms, so that d
    may be 10⁹. Raises ArgumentError for no rows, a negative dimension and δ outside (0, 1).

    >>> round(vc_bound(1000, 3, 0.05).value, 4), vc_bound(100, 3, 0.05).vacuous
    (0.4663, True)
    """
    _counts(n_rows, dimension)
    _probability("delta", delta)
    return VCBound(_epsilon(n_rows, dimension, delta), n_rows, dimension, delta)


def vc_sample_size(dimension: float, epsilon: float, delta: float = 0.05) -> int:
    """The least N whose bound is at most ε (Abu-Mostafa et al. 2012, eq. 2.13, solved to the row).

    The equation's own root is no whole number: 29 299.43 for d = 3 and ε = δ = 0.1, so 29 300 rows.

    >>> vc_sample_size(3, 0.1, 0.1)
    29300
    """
    _counts(1, dimension)
    _probability("epsilon", epsilon)
    _probability("delta", delta)
    low, high = 1, 2  # the bound falls with N from N = 2 on, as ln(4/δ) > 1.38
    while _epsilon(high, dimension, delta) > epsilon:
        low, high = high, 2 * high
        if high > MOST_ROWS:
            raise ArgumentError(
                f"No number of rows that a float can hold brings the bound for dimension {dimension:.3g} "
                f"down to {epsilon:.3g}: take a larger epsilon."
            )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _epsilon(middle, dimension, delta) > epsilon else (low, middle)
    return high


def dense_vc_dimension(widths: tuple[int, ...]) -> float:
    """An upper bound of the VC dimension of a dense ReLU network with biases: widths (D, H_1, …, H_L, 1).

    m rows can get at most ∏_i 2(2e m k_i i/W_i)^{W_i} labellings, with k_i units in layer i and W_i
    parameters up to it (Bartlett et al. 2019, proof of theorem 6, for one break at 0 and degree 1), valid for
    m ≥ W; this is the largest m at which that is still 2^m. It is about W·L·log₂ W. For no hidden layer the
    exact D + 1 of a half-space. Raises ArgumentError for fewer than two widths, widths below 1 and more than
    one output.

    >>> dense_vc_dimension((2, 1))
    3.0
    """
    if len(widths) < 2 or min(widths) < 1 or widths[-1] != 1:
        raise ArgumentError(
            f"Widths {widths} are no network that tells two classes apart: give (inputs, hidden ..., 1), all "
            "at least 1."
        )
    if len(widths) == 2:
        return widths[0] + 1.0
    made, layers = 0, []
    for i, (below, units) in enumerate(pairwise(widths), start=1):
        made += (below + 1) * units
        layers.append((made, units, i))

    def surplus(m: float) -> float:
        """log₂ of the labellings allowed, less m."""
        return sum(1.0 + w * math.log2(2.0 * math.e * m * k * i / w) for w, k, i in layers) - m

    high = 2.0 * made
    while surplus(high) > 0.0:
        high *= 2.0
    if surplus(made) <= 0.0:
        return float(made)
    return float(root_scalar(surplus, bracket=(float(made), high), xtol=0.5).root)


def _epsilon(n_rows: int, dimension: float, delta: float) -> float:
    powers = dimension * math.log(2 * n_rows)
    both = powers + math.log1p(math.exp(-powers))  # ln((2N)^d + 1)
    return math.sqrt(8.0 / n_rows * (math.log(4.0 / delta) + both))


def _counts(n_rows: int, dimension: float) -> None:
    if n_rows < 1:
        raise ArgumentError(f"{n_rows} rows bound nothing: at least 1 is needed.")
    if not 0 <= dimension < math.inf:
        raise ArgumentError(f"A VC dimension of {dimension} is no count: it must be finite and at least 0.")


def _probability(name: str, value: float) -> None:
    if not 0.0 < value < 1.0:
        raise ArgumentError(f"{name} = {value} must lie strictly between 0 and 1.")
