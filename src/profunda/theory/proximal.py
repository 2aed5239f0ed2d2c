"""Proximal maps argmin_W ½‖W − Z‖² + Ω(W) of the matrix penalties that tie tasks together.

Sources: Parikh and Boyd (2014), "Proximal algorithms", section 6 (groups, singular values); Cai, Candès and
Shen (2010), theorem 2.1 (singular values); McDonald, Pontil and Stamos (2016), "New perspectives on k-support
and cluster norms", section 4 (the box norm, whose spectral form is the cluster norm).
"""

import numpy as np

__all__ = ["box_shares", "shrink_columns", "shrink_rows", "shrink_singular_values"]


def shrink_rows(z: np.ndarray, amount: float) -> np.ndarray:
    """The map of `amount`·Σ_d‖w_d‖₂ over the rows of Z [D, T]: each row shorter by `amount`, or 0.

    >>> shrink_rows(np.array([[3.0, 4.0], [0.3, 0.4]]), 1.0).round(9).tolist()
    [[2.4, 3.2], [0.0, 0.0]]
    """
    length = np.linalg.norm(z, axis=1, keepdims=True)
    kept = np.maximum(length - amount, 0.0)
    return z * np.divide(kept, length, out=np.zeros_like(length), where=length > 0.0)


def shrink_columns(z: np.ndarray, amount: float) -> np.ndarray:
    """The map of `amount`·Σ_t‖w_t‖₂ over the columns of Z [D, T]."""
    return shrink_rows(z.T, amount).T


def shrink_singular_values(z: np.ndarray, amount: float) -> np.ndarray:
    """The map of `amount`·‖W‖_*: each singular value of Z [D, T] less by `amount`, or 0."""
    u, s, vt = np.linalg.svd(z, full_matrices=False)
    return (u * np.maximum(s - amount, 0.0)) @ vt


def box_shares(sizes: np.ndarray, total: float, floor: float, shift: float = 0.0) -> np.ndarray:
    """argmin Σ_i sizes_i²/(floor + m_i + shift) over 0 ≤ m_i ≤ 1 and Σ m_i ≤ `total`: m [R].

    `sizes` [R] are not negative; those of size 0 get none. The minimiser is m_i = clip(τ·sizes_i − shift −
    floor, 0, 1), whose sum is piecewise linear and increasing in τ, so that τ is found exactly.
    """
    used = sizes > 0.0
    shares = np.zeros(len(sizes))
    if total >= used.sum():
        shares[used] = 1.0
        return shares
    some = sizes[used]
    bends = np.sort(np.concatenate([(shift + floor) / some, (1.0 + shift + floor) / some]))
    sums = np.clip(bends[:, None] * some - shift - floor, 0.0, 1.0).sum(axis=1)
    shares[used] = np.clip(np.interp(total, sums, bends) * some - shift - floor, 0.0, 1.0)
    return shares
