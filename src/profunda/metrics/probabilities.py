"""The way from raw outputs to probabilities."""

import numpy as np

__all__ = ["softmax"]


def softmax(outputs: np.ndarray) -> np.ndarray:
    """Probabilities float64 [..., C] of finite raw outputs [..., C], without overflow; rows sum to 1."""
    outputs = np.asarray(outputs, dtype=np.float64)
    powers = np.exp(outputs - outputs.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
