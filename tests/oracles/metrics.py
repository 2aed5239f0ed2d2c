"""Naive twins of the scores: loops over rows and pairs, and a bootstrap that really resamples."""

import numpy as np


def auc(positive: np.ndarray, score: np.ndarray) -> float:
    """Counts the pairs one by one."""
    wins = pairs = 0.0
    for up in score[positive]:
        for down in score[~positive]:
            pairs += 1
            wins += 1.0 if up > down else 0.5 if up == down else 0.0
    return wins / pairs if pairs else float("nan")


def resample(y: np.ndarray, prediction: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows, each repeated as often as `counts` says."""
    rows = np.repeat(np.arange(len(y)), counts.astype(int))
    return y[rows], prediction[rows]


def bootstrap(
    metric, y: np.ndarray, prediction: np.ndarray, level: float, seed: int, draws: int
) -> tuple[float, float]:
    """Percentiles of the score over `draws` resamples, one at a time."""
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(draws):
        rows = rng.integers(0, len(y), len(y))
        values.append(metric.value(y[rows], prediction[rows]))
    low, high = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
