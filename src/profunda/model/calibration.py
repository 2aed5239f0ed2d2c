"""The temperature of a Model's probabilities, fitted on rows that its networks were not trained on."""

import numpy as np

from profunda.errors import ArgumentError

__all__ = ["COLDEST", "HOTTEST", "fit_label_temperature", "fit_temperature", "tempered", "tempered_labels"]

COLDEST, HOTTEST = 0.1, 10.0  # beyond these a temperature speaks of too few rows, not of the networks
HALVINGS = 60  # of the bracket: past the 53 bits of a float64
FLOOR = np.finfo(np.float64).tiny  # keeps the logarithm of a probability of zero finite


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """p^(1/T) / Σ p^(1/T): probabilities float64 [N, C] at temperature T > 0, sharper below 1.

    For one softmax network this is dividing its logits by T (Guo et al. 2017, "On calibration of modern
    neural networks", eq. 9); on probabilities it also serves a mean of networks. The largest class stays the
    largest. T = 1 gives the argument back, bit for bit.
    """
    if temperature == 1.0:
        return probabilities
    # Divided by the row's largest first: powers of small numbers would underflow together.
    scaled = (probabilities / probabilities.max(axis=1, keepdims=True)) ** (1.0 / temperature)
    return scaled / scaled.sum(axis=1, keepdims=True)


def fit_temperature(probabilities: np.ndarray, y: np.ndarray) -> float:
    """The temperature that minimises the log-loss of [N, C] on held rows with codes y int64 [N].

    The targets are smoothed by Laplace's rule, one pseudo-count a class spread over the N rows: (1 −
    ε)·onehot + ε/C with ε = C/(N + C), after Platt (1999, "Probabilistic outputs", §2.2). Without it, N rows
    that are all right ask for T → 0. In β = 1/T the loss is convex, so the root of its derivative, bracketed
    by 1/HOTTEST and 1/COLDEST, is bisected: no start, no step size, the same bits each time. Raises
    ArgumentError without rows or with values that are no probabilities.
    """
    rows, classes = probabilities.shape
    if rows == 0 or len(y) != rows:
        raise ArgumentError(
            f"a temperature needs held rows: got {rows} rows of probabilities and {len(y)} targets. "
            "Give both for the same rows."
        )
    if not np.isfinite(probabilities).all() or (probabilities < 0).any():
        raise ArgumentError(
            "a temperature needs probabilities, but some are negative or not finite; fit it on good members"
        )
    logs = np.log(np.maximum(probabilities, FLOOR))
    smooth = classes / (rows + classes)
    truth = (1 - smooth) * logs[np.arange(rows), y] + smooth * logs.mean(axis=1)

    low, high = 1 / HOTTEST, 1 / COLDEST
    if _slope(logs, truth, low) >= 0:
        return HOTTEST
    if _slope(logs, truth, high) <= 0:
        return COLDEST
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if _slope(logs, truth, middle) < 0:
            low = middle
        else:
            high = middle
    return 2 / (low + high)


def tempered_labels(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Each label [N, C] tempered against its contrary: p^(1/T) / (p^(1/T) + (1 − p)^(1/T))."""
    if temperature == 1.0:
        return probabilities
    pairs = np.stack([1 - probabilities, probabilities], axis=-1).reshape(-1, 2)
    return tempered(pairs, temperature)[:, 1].reshape(probabilities.shape)


def fit_label_temperature(probabilities: np.ndarray, y: np.ndarray) -> float:
    """One temperature for all labels [N, C] on held rows y float64 [N, C]: 0 and 1, NaN where missing."""
    there = ~np.isnan(y)
    p = probabilities[there]
    return fit_temperature(np.stack([1 - p, p], axis=1), y[there].astype(np.int64))


def _slope(logs: np.ndarray, truth: np.ndarray, beta: float) -> float:
    """d/dβ of the mean of log Σ_c e^{β·l_c} − β·truth, that is E_q[l] − truth with q ∝ e^{β·l}."""
    powers = np.exp(beta * (logs - logs.max(axis=1, keepdims=True)))
    expected = (powers * logs).sum(axis=1) / powers.sum(axis=1)
    return float((expected - truth).mean())
