"""The task of rows as linear models read it."""

import numpy as np

from profunda.data.inputs import Inputs

__all__ = ["tasks_apart"]


def tasks_apart(x: np.ndarray, inputs: Inputs) -> np.ndarray:
    """Inputs `x` [N, D] with one of 0 or 1 for each of T tasks in place of the code, [N, D − 1 + T].

    A row of an unseen task has 0 in all of them; where there are no tasks, `x` itself.
    """
    if inputs.task is None:
        return x
    place, tasks = inputs.task
    return np.hstack([np.delete(x, place, axis=1), x[:, [place]] == np.arange(tasks)]).astype(x.dtype)
