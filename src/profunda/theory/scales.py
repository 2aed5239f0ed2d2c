"""On which scale a loss is: without it the strength of a penalty means nothing."""

from typing import Literal, get_args

from profunda.errors import ArgumentError

__all__ = ["LossScale", "loss_factor", "strength_for"]

LossScale = Literal["half_rss", "rss", "mse", "sklearn"]
"""With RSS = Σ(y − ŷ)² over N rows: ½RSS; RSS; RSS/N, and any other mean over rows; RSS/(2N), which
scikit-learn's Lasso and ElasticNet minimise."""


def loss_factor(scale: LossScale, n_rows: int) -> float:
    """f of the loss f·RSS. Raises ArgumentError for an unknown scale, and for no rows."""
    if scale not in get_args(LossScale):
        raise ArgumentError(
            f"No loss scale is called {scale!r}; known are {', '.join(get_args(LossScale))}: say which loss "
            "the strength was meant for."
        )
    if n_rows < 1:
        raise ArgumentError(f"{n_rows} rows make no loss: at least 1 is needed.")
    return {"half_rss": 0.5, "rss": 1.0, "mse": 1.0 / n_rows, "sklearn": 0.5 / n_rows}[scale]


def strength_for(strength: float, of: LossScale, to: LossScale, n_rows: int) -> float:
    """The strength that beside a loss of scale `to` gives the same minimiser as `strength` beside one of
    `of`.

    The ridge solution (XᵀX + λI)⁻¹Xᵀy is that of RSS + λ‖w‖²; beside the mean squared error the same λ acts
    N times as strongly:

    >>> strength_for(1.0, of="mse", to="rss", n_rows=50)
    50.0
    """
    return strength * loss_factor(to, n_rows) / loss_factor(of, n_rows)
