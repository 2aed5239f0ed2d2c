"""Which candidates become the Model: three rules, pure functions of predictions on held rows.

K candidates predict N rows that they were not trained on; a rule answers with weights float64 [K] that are
not negative and sum to 1. All rules are deterministic, ties go to the earlier candidate, and a candidate with
a prediction that is not finite is never chosen. The rows used here have been used up: a score that a rule has
seen is no estimate of what is to come.
"""

import numpy as np

from profunda.errors import ArgumentError
from profunda.metrics.score import Metric

__all__ = ["best", "blend", "greedy", "one_standard_error"]


def blend(weights: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Σ_k weights[k] · predictions[k]: what the chosen ones predict together, [N, C] or [N].

    Only candidates with a weight count: others may hold NaN.
    """
    chosen = np.flatnonzero(weights)
    return np.tensordot(weights[chosen], predictions[chosen].astype(np.float64), axes=1)


def best(predictions: np.ndarray, y: np.ndarray, metric: Metric) -> np.ndarray:
    """All weight on the candidate with the lowest loss.

    predictions [K, N, C] or [K, N]; raises ArgumentError if no candidate has a finite loss.
    """
    losses = _losses(predictions, y, metric)
    return _one_of(len(losses), int(np.argmin(losses)))


def one_standard_error(fold_losses: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """All weight on the smallest network whose loss is within one standard error of the best one's.

    fold_losses [K, F] are losses on F folds (lower is better), parameters [K] the sizes of the networks.
    Breiman et al. (1984), Classification and Regression Trees, §3.4.3: a candidate is as good as the best one
    (mean m, standard error s over folds) if its mean is at most m + s. Of equally small ones the better one
    wins. One fold has no standard error: then the best one is chosen. Raises ArgumentError if no candidate
    has finite losses.
    """
    fold_losses = np.asarray(fold_losses, dtype=np.float64)
    folds = fold_losses.shape[1]
    means = np.where(np.isfinite(fold_losses).all(axis=1), fold_losses.mean(axis=1), np.inf)
    first = _least(means)
    error = fold_losses[first].std(ddof=1) / np.sqrt(folds) if folds > 1 else 0.0
    good = np.flatnonzero(means <= means[first] + error)
    order = np.lexsort((good, means[good], np.asarray(parameters)[good]))
    return _one_of(len(means), int(good[order[0]]))


def greedy(
    predictions: np.ndarray, y: np.ndarray, metric: Metric, *, size: int = 25, library: int = 50
) -> np.ndarray:
    """Weights of a greedy ensemble (Caruana et al. 2004, "Ensemble selection from libraries of models").

    predictions [K, N, C] or [K, N]. The `library` best candidates take part (pruning: Caruana et al. 2006,
    §3.2). Sorted initialisation: start from the n best of them, n ≤ `size` being the number whose mean has
    the lowest loss. Then add, with replacement, the candidate that lowers the loss of the mean most, until
    none lowers it or `size` are in; a weight is how often a candidate was taken. Never worse than the best
    candidate on these rows. Raises ArgumentError if no candidate has a finite loss, or for a size below 1.
    """
    if size < 1 or library < 1:
        raise ArgumentError(
            f"an ensemble of size {size} from a library of {library} is empty; give both at least 1"
        )
    losses = _losses(predictions, y, metric)
    shelf = np.argsort(losses, kind="stable")[:library]
    shelf = shelf[np.isfinite(losses[shelf])]
    pool = predictions[shelf].astype(np.float64)

    taken, loss = _sorted_start(pool[:size], y, metric)
    counts = np.zeros(len(pool))
    counts[:taken] = 1
    total = pool[:taken].sum(axis=0)
    while counts.sum() < size:
        trials = [metric.loss(y, (total + extra) / (counts.sum() + 1)) for extra in pool]
        pick = _least(np.array(trials))
        if not trials[pick] < loss:
            break
        counts[pick] += 1
        total = total + pool[pick]
        loss = trials[pick]
    weights = np.zeros(len(losses))
    weights[shelf] = counts / counts.sum()
    return weights


def _sorted_start(pool: np.ndarray, y: np.ndarray, metric: Metric) -> tuple[int, float]:
    """How many of the best candidates to start from, and the loss of their mean."""
    total = np.zeros(pool.shape[1:])
    losses = []
    for count, candidate in enumerate(pool, start=1):
        total += candidate
        losses.append(metric.loss(y, total / count))
    taken = _least(np.array(losses))
    return taken + 1, losses[taken]


def _losses(predictions: np.ndarray, y: np.ndarray, metric: Metric) -> np.ndarray:
    """The loss of each candidate [K], infinite where it is not a number."""
    losses = np.array([metric.loss(y, candidate) for candidate in predictions], dtype=np.float64)
    losses = np.where(np.isfinite(losses), losses, np.inf)
    _least(losses)
    return losses


def _least(losses: np.ndarray) -> int:
    """The position of the lowest loss, the first of equals."""
    finite = np.where(np.isfinite(losses), losses, np.inf)
    if not np.isfinite(finite).any():
        raise ArgumentError(
            f"none of {len(losses)} candidates has a finite loss on the rows used for choosing: "
            "all networks diverged, or these rows cannot be scored. Lower the learning rate or train longer."
        )
    return int(np.argmin(finite))


def _one_of(count: int, chosen: int) -> np.ndarray:
    weights = np.zeros(count)
    weights[chosen] = 1.0
    return weights
