"""Scikit-learn's own suite for estimators, on the default parameters."""

from collections.abc import Callable

import pytest
from sklearn.base import BaseEstimator
from sklearn.utils.estimator_checks import parametrize_with_checks

from profunda.estimator.classifier import DeepClassifier
from profunda.estimator.regressor import DeepRegressor


@parametrize_with_checks([DeepClassifier(), DeepRegressor()])
def test_scikit_learn_is_content(estimator: BaseEstimator, check: Callable[[BaseEstimator], None]) -> None:
    check(estimator)


def test_its_suite_can_fail() -> None:
    """Negative control: an estimator that forgets what it has seen is found out."""

    class Forgetful(DeepClassifier):
        def fit(self, X: object, y: object) -> "Forgetful":
            super().fit(X, y)
            del self.n_features_in_
            return self

    found = {
        check.func.__name__: check for estimator, check in parametrize_with_checks([Forgetful()]).args[1]
    }
    with pytest.raises(AssertionError):
        found["check_n_features_in"](Forgetful())
