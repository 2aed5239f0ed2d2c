"""From a network's raw outputs to a prediction: one definition for search, selection and the Model."""

import numpy as np

from profunda.data.preprocessing import Preprocessing
from profunda.data.task import Task
from profunda.metrics.probabilities import softmax

__all__ = ["predicted"]


def predicted(
    outputs: np.ndarray, task: Task, preprocessing: Preprocessing, clamp: tuple[float, float] | None = None
) -> np.ndarray:
    """What raw outputs [N, C] of one network say about the target.

    Classes: probabilities float64 [N, C] by softmax. Numbers: float64 [N] on the target's own scale, held
    inside `clamp` = (lowest, highest) target of the training rows (Holzmüller et al. 2024, "Better by
    default", §3: a network that extrapolates beyond what it has seen is more often wrong than right).
    """
    if task.kind != "regression":
        return softmax(outputs)
    numbers = preprocessing.untarget(outputs)
    return numbers if clamp is None else np.clip(numbers, *clamp)
