"""DeepRegressor: the main job in scikit-learn's clothes, for numbers."""

from typing import Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import check_array, column_or_1d
from sklearn.utils._tags import Tags

from profunda.data.reading import read
from profunda.estimator.fleet import FleetEstimator
from profunda.estimator.tables import training_table

__all__ = ["DeepRegressor"]


class DeepRegressor(RegressorMixin, FleetEstimator):
    """An ensemble of regularised networks for a number; parameters and attributes as in DeepClassifier.

    Predictions stay within the range of the targets it was trained on. Several numbers [N, C] are predicted
    together, by networks that share their layers.
    """

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: object, y: object) -> Self:
        """Search and train on X [N, F], a frame (any columns, gaps allowed) or numbers, and y [N] or [N, C].

        Raises ValueError (of scikit-learn, or DataError and ArgumentError) for what cannot be used.
        """
        X, y = training_table(self, X, y, numbers=True)
        self._fit_dataset(read(X, target=y, task="regression", task_column=self.task_column))
        return self

    def predict(self, X: object) -> np.ndarray:
        """The predicted number of each row, float64 [N], or of several [N, C]."""
        return self._predictions(X)

    def _codes(self, y: object) -> np.ndarray:
        return column_or_1d(check_array(y, ensure_2d=False, dtype=np.float64))
