"""What common causes bring about further down: the codes that a finding of such a cause explains."""

__all__ = ["FADING", "STALLED", "WILD"]

STALLED = (
    "no-learning",
    "plateau",
    "too-few-epochs",
    "rate-too-low",
    "input-ignored",
    "too-small",
    "class-imbalance",
    "batch-too-small",
    "batch-too-large",
)
"""Where steps do not reach, or do not lead anywhere: the loss stands still, outputs stay what they are."""

WILD = (
    "rate-too-high",
    "loss-not-finite",
    "outputs-too-large",
    "dead-units",
    "saturated-units",
    "norm-missing",
    "norm-statistics-stale",
    "gradients-clipped-away",
    "amp-overflow",
    *STALLED,
)
"""Where steps or signals are far too long: what they break stays broken."""

FADING = (
    "rate-too-low",
    "norm-missing",
    "activation-contracts",
    "too-deep",
    "dead-units",
    "input-ignored",
    "no-learning",
    "plateau",
    "too-few-epochs",
    "too-small",
    "class-imbalance",
)
"""Where signals or gradients fade on their way."""
