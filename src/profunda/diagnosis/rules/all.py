"""All rules, in the order of areas from cause to effect."""

from profunda.diagnosis.rules import (
    activation,
    batch,
    data,
    initialisation,
    labels,
    loop,
    loss,
    normalisation,
    output,
)
from profunda.diagnosis.rules.rule import Rule

__all__ = ["RULES"]

RULES: tuple[Rule, ...] = (
    *data.RULES,
    *labels.RULES,
    *loop.RULES,
    *loss.RULES,
    *output.RULES,
    *initialisation.RULES,
    *activation.RULES,
    *normalisation.RULES,
    *batch.RULES,
)
"""One for each code of `codes.CODES`."""
