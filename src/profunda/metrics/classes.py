"""Scores of class probabilities, each under many row weights at once.

y int64 [N] are class codes, p float64 [N, C] probabilities, w float64 [R, N] row weights; every function
returns float64 [R]. With w of ones and R = 1 this is the plain score; with the counts of R bootstrap
resamples it is the score of each resample, without touching a row twice. Definitions follow scikit-learn's,
so that numbers compare.
"""

import numpy as np

__all__ = ["accuracy", "auc", "balanced_accuracy", "brier", "f1", "log_loss"]


def log_loss(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Mean of −log p of the true class, in nats; p is kept 2.2e-16 away from 0 and 1."""
    eps = np.finfo(np.float64).eps
    rows = -np.log(np.clip(p[np.arange(len(y)), y], eps, 1 - eps))
    return w @ rows / w.sum(axis=1)


def accuracy(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Share of rows whose most probable class (the first among equals) is the true one."""
    return w @ (p.argmax(axis=1) == y).astype(np.float64) / w.sum(axis=1)


def brier(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Mean squared distance of the probabilities from the truth (Brier 1950).

    The sum over all classes, as Brier wrote it; for two classes the half of it, which is the square of the
    second class's error alone.
    """
    truth = np.zeros_like(p)
    truth[np.arange(len(y)), y] = 1.0
    rows = ((p - truth) ** 2).sum(axis=1) * (0.5 if p.shape[1] == 2 else 1.0)
    return w @ rows / w.sum(axis=1)


def _counts(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights of hits, of true and of predicted rows, each [R, C]."""
    codes = np.arange(p.shape[1])
    guess = p.argmax(axis=1)
    truth, said = (y[:, None] == codes).astype(np.float64), (guess[:, None] == codes).astype(np.float64)
    return w @ (truth * said), w @ truth, w @ said


def balanced_accuracy(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Mean over the classes that occur in y of the share of their rows found."""
    hits, truth, _ = _counts(y, p, w)
    present = truth > 0
    recall = np.divide(hits, truth, out=np.zeros_like(hits), where=present)
    return recall.sum(axis=1) / present.sum(axis=1)


def f1(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    """2·hits/(true + predicted): of the second class if there are two, else the mean over classes that occur.

    A class occurs if a row is of it or is predicted to be; 0 where the second of two classes does neither.
    """
    hits, truth, said = _counts(y, p, w)
    total = truth + said
    scores = np.divide(2 * hits, total, out=np.zeros_like(hits), where=total > 0)
    if p.shape[1] == 2:
        return scores[:, 1]
    return scores.sum(axis=1) / (total > 0).sum(axis=1)


def auc(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Probability that a row of the class scores above another's, ties half (Hanley and McNeil 1982).

    Of the second class if there are two, else the mean of one class against the rest over the classes that
    occur; NaN where all rows are of one class.
    """
    if p.shape[1] == 2:
        return _one_auc(y == 1, p[:, 1], w)
    scores = np.stack([_one_auc(y == code, p[:, code], w) for code in range(p.shape[1])])
    known = ~np.isnan(scores)
    total = np.where(known, scores, 0.0).sum(axis=0)
    return np.divide(total, known.sum(axis=0), out=np.full(len(w), np.nan), where=known.any(axis=0))


def _one_auc(positive: np.ndarray, score: np.ndarray, w: np.ndarray) -> np.ndarray:
    order = np.argsort(score, kind="stable")
    ranked, positive, w = score[order], positive[order], w[:, order]
    # One group for each distinct score: rows within it are tied.
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]])[: len(ranked)])
    up = np.add.reduceat(w * positive, starts, axis=1)
    down = np.add.reduceat(w * ~positive, starts, axis=1)
    below = np.cumsum(down, axis=1) - down
    pairs = up.sum(axis=1) * down.sum(axis=1)
    wins = (up * (below + down / 2)).sum(axis=1)
    return np.divide(wins, pairs, out=np.full(len(w), np.nan), where=pairs > 0)
