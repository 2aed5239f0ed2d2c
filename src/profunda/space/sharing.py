"""What the tasks of grouped rows share, as part of a default space."""

from typing import Any

from profunda.space.domain import Choice, LogFloat
from profunda.space.space import When

__all__ = ["sharing"]


def sharing() -> dict[str, Any]:
    """Heads of their own under a penalty, an input, or nothing that tells tasks apart."""
    return {
        "sharing": Choice(["heads", "input", "pooled"], weights=[3, 2, 1]),
        "head_l2": When("sharing", "heads", LogFloat(0.03, 30.0)),
    }
