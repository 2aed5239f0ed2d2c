"""From a network's raw outputs to a prediction: one definition for search, selection and the Model."""

import numpy as np

from profunda.data.preprocessing import Preprocessing
from profunda.data.task import Task
from profunda.metrics.probabilities import sigmoid, softmax

__all__ = ["Clamp", "predicted"]

Clamp = tuple[float, float] | tuple[tuple[float, ...], tuple[float, ...]]
"""The lowest and the highest number that is predicted, or those of each of several targets."""


def predicted(
    outputs: np.ndarray, task: Task, preprocessing: Preprocessing, clamp: Clamp | None = None
) -> np.ndarray:
    """What raw outputs [N, C] of one network say about the target.

    Classes: probabilities float64 [N, C] by softmax. Labels: the probability of each, float64 [N, C].
    Numbers: float64 [N], or [N, C] of several, on the target's own scale, held inside `clamp` = (lowest,
    highest) target of the training rows (Holzmüller et al. 2024, "Better by default", §3: a network that
    extrapolates beyond what it has seen is more often wrong than right).
    """
    if task.single:
        return softmax(outputs)
    if not task.numeric:
        return sigmoid(outputs)
    numbers = preprocessing.untarget(outputs)
    return numbers if clamp is None else np.clip(numbers, *clamp)
