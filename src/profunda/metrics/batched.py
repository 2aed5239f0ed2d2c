"""The two default scores for a whole fleet at once, and the way from raw outputs to probabilities."""

import numpy as np

__all__ = ["accuracy", "log_loss", "rmse", "softmax"]


def softmax(outputs: np.ndarray) -> np.ndarray:
    """Probabilities float64 [..., C] of finite raw outputs [..., C], without overflow; rows sum to 1."""
    outputs = np.asarray(outputs, dtype=np.float64)
    powers = np.exp(outputs - outputs.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def log_loss(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Log-loss float64 [M] of p [M, N, C] for class codes y int64 [N]; NaN for members with NaN."""
    eps = np.finfo(np.float64).eps
    truth = np.asarray(p, dtype=np.float64)[:, np.arange(len(y)), y]
    return -np.log(np.clip(truth, eps, 1 - eps)).mean(axis=1)


def accuracy(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Accuracy float64 [M] of p [M, N, C] for class codes y int64 [N]; NaN for members with NaN."""
    hits = (np.asarray(p).argmax(axis=2) == y).mean(axis=1)
    return np.where(np.isnan(p).any(axis=(1, 2)), np.nan, hits)


def rmse(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Root mean squared error float64 [M] of predictions p [M, N] for targets y float [N]."""
    return np.sqrt(((np.asarray(p, dtype=np.float64) - y) ** 2).mean(axis=1))
