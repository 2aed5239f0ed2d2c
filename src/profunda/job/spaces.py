"""The default space of a data set: what is counted of a table decides what is searched."""

import numpy as np

from profunda.data.dataset import Dataset
from profunda.data.layout import lay_out
from profunda.data.splits import Splits
from profunda.diagnosis.label_breaking import LabelBreaking
from profunda.space.design import PICTORIAL
from profunda.space.pictures import picture_space
from profunda.space.space import Space
from profunda.space.table import table_space
from profunda.space.texts import text_space

__all__ = ["default_space"]

SKEWED = 2.0  # skewness of a target beyond which the space leans towards the Huber loss


def default_space(dataset: Dataset, splits: Splits, found: LabelBreaking | None = None) -> Space:
    """The space that `fit` searches where the user gives none; the test rows have no say in it.

    Changes of pictures that `found` refuses are not in it.
    """
    task, plain = dataset.task, lay_out(dataset.schema, "robust", "onehot")
    n_tasks = len(dataset.task_names)
    rows, entering = len(splits.folds[0].train), plain.entering
    if entering.picture is not None:
        allowed = set(PICTORIAL) - set(found.refused if found is not None else ())
        return picture_space(rows, entering.picture, numeric=task.numeric, allowed=allowed)
    if entering.tokens is not None:
        return text_space(rows, numeric=task.numeric, n_tasks=n_tasks)
    return table_space(
        task.kind,
        rows,
        plain.width,
        task.n_outputs,
        n_numeric=len(plain.numeric),
        n_tasks=n_tasks,
        n_coded=len(lay_out(dataset.schema, "embedded", "onehot").ordinals),
        skewed=task.kind == "regression" and abs(_skewness(dataset.y[splits.development])) > SKEWED,
    )


def _skewness(y: np.ndarray) -> float:
    """The third standardised moment."""
    spread = y.std()
    return float((((y - y.mean()) / spread) ** 3).mean()) if spread > 0 else 0.0
