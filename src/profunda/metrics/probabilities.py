"""The way from raw outputs to probabilities."""

import numpy as np

__all__ = ["sigmoid", "softmax"]


def softmax(outputs: np.ndarray) -> np.ndarray:
    """Probabilities float64 [..., C] of finite raw outputs [..., C], without overflow; rows sum to 1."""
    outputs = np.asarray(outputs, dtype=np.float64)
    powers = np.exp(outputs - outputs.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def sigmoid(outputs: np.ndarray) -> np.ndarray:
    """1/(1 + e^−z) of finite raw outputs [...], float64, without overflow."""
    outputs = np.asarray(outputs, dtype=np.float64)
    small = np.exp(-np.abs(outputs))
    return np.where(outputs >= 0, 1.0, small) / (1.0 + small)
