"""All rules, in the order of areas from cause to effect."""

from profunda.diagnosis.rules import (
    activation,
    architecture,
    batch,
    data,
    epochs,
    initialisation,
    labels,
    learning_rate,
    loop,
    loss,
    normalisation,
    optimiser,
    output,
    regularisation,
)
from profunda.diagnosis.rules.rule import Rule

__all__ = ["RULES"]

RULES: tuple[Rule, ...] = (
    *data.RULES,
    *labels.RULES,
    *loop.RULES,
    *loss.RULES,
    *output.RULES,
    *architecture.RULES,
    *initialisation.RULES,
    *activation.RULES,
    *normalisation.RULES,
    *optimiser.RULES,
    *learning_rate.RULES,
    *batch.RULES,
    *regularisation.RULES,
    *epochs.RULES,
)
"""One for each code of `codes.CODES`."""
