"""The door of the estimators: what scikit-learn's users hand over, checked by scikit-learn's own rules."""

import narwhals.stable.v2 as nw
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils.validation import validate_data

__all__ = ["inputs", "training_table"]

FEWEST_ROWS = 2  # scikit-learn's own words refuse a single row; the data room has its say about the rest


def training_table(
    estimator: BaseEstimator, X: object, y: object, *, numbers: bool
) -> tuple[object, np.ndarray]:
    """X as a frame or float64 [N, F], and y [N] or [N, C].

    Sets `n_features_in_` and, for frames, `feature_names_in_`.

    Frames keep their columns' types: text and categories are inputs, missing values are welcome. Anything
    else must be numeric, NaN allowed. `numbers` asks for a numeric y. Raises ValueError or TypeError in
    scikit-learn's words.
    """
    if not _is_frame(X):
        return validate_data(
            estimator,
            X,
            y,
            dtype=np.float64,
            ensure_all_finite="allow-nan",
            ensure_min_samples=FEWEST_ROWS,
            y_numeric=numbers,
            multi_output=_is_several(y),
        )
    validate_data(estimator, X, y, skip_check_array=True)
    target = check_array(y, ensure_2d=False, dtype=np.float64 if numbers else None)
    target = target if _is_several(target) else column_or_1d(target, warn=True)
    check_consistent_length(X, target)
    return X, np.asarray(target)


def inputs(estimator: BaseEstimator, X: object) -> object:
    """X for a prediction: a frame as it is, else float64 [N, F]; held against what `fit` has seen."""
    if _is_frame(X):
        return validate_data(estimator, X, reset=False, skip_check_array=True)
    return validate_data(estimator, X, reset=False, dtype=np.float64, ensure_all_finite="allow-nan")


def _is_several(y: object) -> bool:
    """Whether these are several targets, [N, C]."""
    shape = np.asarray(y).shape
    return len(shape) == 2 and shape[1] > 1


def _is_frame(X: object) -> bool:
    return nw.dependencies.is_into_dataframe(X)
