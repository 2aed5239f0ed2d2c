"""Scores of several labels, each under many row weights at once.

y float64 [N, C] is 0 or 1, NaN where missing; p float64 [N, C] the probabilities of 1; w float64 [R, N] row
weights; every function returns float64 [R] (see `profunda.metrics.classes` for why). A label is said where
its probability is above one half. What is missing counts nowhere. Definitions follow scikit-learn's on
indicator matrices.
"""

import numpy as np

from profunda.metrics import classes
from profunda.metrics.targets import mean_known, mean_of_targets, ratio

__all__ = ["auc", "hamming_loss", "log_loss", "macro_f1", "micro_f1", "subset_accuracy"]


def log_loss(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Mean over the labels of the mean of −log of the probability given to what was true, in nats."""
    eps = np.finfo(np.float64).eps
    p = np.clip(p, eps, 1 - eps)
    return mean_of_targets(-np.log(np.where(y > 0.5, p, 1 - p)), y, w)


def hamming_loss(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Share of wrong labels, the mean over the labels (Tsoumakas and Katakis 2007, §3.3)."""
    return mean_of_targets(((p > 0.5) != (y > 0.5)).astype(np.float64), y, w)


def subset_accuracy(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Share of rows with all their labels right."""
    right = (((p > 0.5) == (y > 0.5)) | np.isnan(y)).all(axis=1)
    return w @ right.astype(np.float64) / w.sum(axis=1)


def _counts(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights of hits, and of true and said rows together, each [R, C]."""
    true = (y > 0.5).astype(np.float64)
    said = ((p > 0.5) & ~np.isnan(y)).astype(np.float64)
    return w @ (true * said), w @ (true + said)


def micro_f1(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    """2·hits/(true + said) over all labels together; 0 where nothing is true or said."""
    hits, total = _counts(y, p, w)
    return ratio(2 * hits.sum(axis=1), total.sum(axis=1), 0.0)


def macro_f1(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Mean over the labels of 2·hits/(true + said); a label that is neither true nor said counts 0.

    A label without a scored row counts nowhere.
    """
    hits, total = _counts(y, p, w)
    rows = w @ (~np.isnan(y)).astype(np.float64)
    return mean_known(np.where(rows > 0, ratio(2 * hits, total, 0.0), np.nan))


def auc(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Mean area under the ROC curve of the labels that are true for some rows and false for others.

    NaN where there is none.
    """
    each = []
    for label, score in zip(y.T, p.T, strict=True):
        there = ~np.isnan(label)
        pair = np.stack([1 - score[there], score[there]], axis=1)
        each.append(classes.auc(label[there].astype(np.int64), pair, w[:, there]))
    return mean_known(np.stack(each, axis=1))
