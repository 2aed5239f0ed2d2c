"""All rules, in the order of areas from cause to effect."""

from profunda.diagnosis.rules import batch, data, initialisation, labels, loop, loss, output, scales
from profunda.diagnosis.rules.rule import Rule

__all__ = ["RULES"]

RULES: tuple[Rule, ...] = (
    *data.RULES,
    *scales.RULES,
    *labels.RULES,
    *loop.RULES,
    *loss.RULES,
    *output.RULES,
    *initialisation.RULES,
    *batch.RULES,
)
"""At most one for each code of `codes.CODES`."""
