"""What all norms of a network agree on."""

__all__ = ["NORM_EPS", "NORM_MOMENTUM", "groups_of"]

NORM_EPS, NORM_MOMENTUM = 1e-5, 0.1
"""ε under the root of every norm, and the weight of a batch in the statistics that batch norm collects."""


def groups_of(units: int, norm: str = "group") -> int:
    """Groups of units, or of channels, that a norm takes together.

    A group norm has at most 8, each of 4 units at least, or one; a layer norm over channels has one.
    """
    if norm == "layer":
        return 1
    return next(n for n in (8, 4, 2, 1) if n == 1 or (not units % n and units // n >= 4))
