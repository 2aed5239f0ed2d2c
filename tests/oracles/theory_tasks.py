"""Naive twins of penalties on tasks: smoothed problems given to scipy, loops over rows, M by hand."""

import numpy as np
from scipy.optimize import minimize


def nuclear(w, smooth=0.0):
    """‖W‖_*, or tr (WᵀW + smooth² I)^½ less what that is at 0."""
    values = np.linalg.eigvalsh(w @ w.T if w.shape[0] < w.shape[1] else w.T @ w)
    return float((np.sqrt(np.maximum(values, 0.0) + smooth**2) - smooth).sum())


def rows(w, smooth=0.0):
    """Σ_d √(‖w_d‖² + smooth²)."""
    return float((np.sqrt((w**2).sum(axis=1) + smooth**2) - smooth).sum())


def columns(w, smooth=0.0):
    return rows(w.T, smooth)


def entries(w, smooth=0.0):
    return float((np.sqrt(w**2 + smooth**2) - smooth).sum())


def minimised(objective, shape, start=None):
    """The minimiser of objective(W, smooth), by BFGS on ever less smoothed twins."""
    w = np.zeros(shape) if start is None else start
    for smooth in (1e-1, 1e-2, 1e-3, 1e-4):
        found = minimize(
            lambda v, smooth=smooth: objective(v.reshape(shape), smooth), w.ravel(), method="BFGS"
        )
        w = found.x.reshape(shape)
    return w


def loss(x, y, task, w, name="squared"):
    """Row by row."""
    total = 0.0
    for row, target, t in zip(x, y, task, strict=True):
        z = sum(a * b for a, b in zip(row, w[:, t], strict=True))
        total += 0.5 * (target - z) ** 2 if name == "squared" else np.log1p(np.exp(z)) - target * z
    return float(total)


def graph(w, links):
    """Σ_{s<t} a_st‖w_s − w_t‖², pair by pair."""
    n = w.shape[1]
    return float(
        sum(links[s, t] * ((w[:, s] - w[:, t]) ** 2).sum() for s in range(n) for t in range(s + 1, n))
    )


def clustered(w, strength, ridge, m):
    """λη(1+η) tr W(ηI + M)⁻¹Wᵀ for one M [T, T]."""
    eta = ridge / strength
    inverse = np.linalg.inv(eta * np.eye(w.shape[1]) + m)
    return float(strength * eta * (1 + eta) * np.trace(w @ inverse @ w.T))


def shares_by_search(w, clusters, eta):
    """min Σσ_i²/(η + m_i) over 0 ≤ m ≤ 1, Σm = k, by SLSQP."""
    sizes = np.linalg.svd(w, compute_uv=False)
    n = len(sizes)
    found = minimize(
        lambda m: float((sizes**2 / (eta + m)).sum()),
        np.full(n, min(1.0, clusters / n)),
        bounds=[(0.0, 1.0)] * n,
        constraints={"type": "ineq", "fun": lambda m: clusters - m.sum()},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    return found.x, float(found.fun)


def gain_left_out(x, task, apart, noise):
    """Mean over rows of task 0, each left out in turn, of the expected risk alone less that pooled.

    Task 1's weights are `apart` from task 0's; the noise has standard deviation `noise`.
    """
    gains = []
    for i in np.flatnonzero(task == 0):
        left = np.arange(len(task)) != i
        own, all_rows = x[left & (task == 0)], x[left]
        alone = noise**2 * x[i] @ np.linalg.inv(own.T @ own) @ x[i]
        fit = np.linalg.inv(all_rows.T @ all_rows) @ all_rows.T
        bias = x[i] @ fit @ (task[left] * (all_rows @ apart))
        gains.append(alone - noise**2 * (x[i] @ fit) @ (fit.T @ x[i]) - bias**2)
    return float(np.mean(gains))
