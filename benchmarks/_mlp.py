"""scikit-learn's multi-layer perceptron as it comes, on standardised and one-hot inputs."""

import warnings

import numpy as np
from _tables import categories
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from profunda.data.dataset import Dataset
from profunda.data.splits import Splits
from profunda.metrics.score import metric_for

__all__ = ["mlp"]

MISSING = -2.0
"""The category of a missing one; codes begin at −1, a category not seen."""


def mlp(dataset: Dataset, splits: Splits, seed: int, *, early_stopping: bool) -> float:
    """Its held-out loss (log-loss or RMSE) with default settings, trained on all development rows.

    Missing numbers become the median, and a number to predict is standardised: without either it would
    train on hardly any of these tables.
    """
    rows, test, y, task = splits.development, splits.test, dataset.y, dataset.task
    prepared = _inputs(dataset)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # 200 epochs may be too few, but they are its default
        x, x_test = prepared.fit_transform(dataset.codes[rows]), prepared.transform(dataset.codes[test])
        if task.kind == "regression":
            centre, scale = float(y[rows].mean()), float(y[rows].std())
            numbers = MLPRegressor(early_stopping=early_stopping, random_state=seed)
            made = numbers.fit(x, (y[rows] - centre) / scale).predict(x_test) * scale + centre
        else:
            model = MLPClassifier(early_stopping=early_stopping, random_state=seed).fit(x, y[rows])
            made = np.zeros((len(test), task.n_outputs))
            made[:, model.classes_] = model.predict_proba(x_test)
    return metric_for(task.kind).value(y[test], made)


def _inputs(dataset: Dataset) -> ColumnTransformer:
    places = categories(dataset)
    numbers = [place for place in range(dataset.n_features) if place not in places]
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return make_column_transformer(
        (
            make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()),
            numbers,
        ),
        (make_pipeline(SimpleImputer(strategy="constant", fill_value=MISSING), one_hot), places),
    )
