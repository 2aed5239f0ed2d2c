"""The strength of ridge by cross-validation, on a stated scale of loss."""

import numpy as np
import pytest
from sklearn.linear_model import RidgeCV

from profunda.errors import ArgumentError, DataError
from profunda.theory.linear import ridge
from profunda.theory.polynomials import powers
from profunda.theory.ridge_path import RidgePath, cross_validated_ridge
from profunda.theory.scales import strength_for
from profunda.theory.smoothers import leave_one_out_error, ridge_smoother

STRENGTHS = np.geomspace(1e-9, 1e2, 23)


def data(n=40, seed=2):
    rng = np.random.default_rng(seed)
    x = np.linspace(0, 1, n)
    return powers(x, 9), np.sin(2 * np.pi * x) + 0.3 * rng.normal(size=n)


def test_it_minimises_the_error_of_leaving_one_out():
    """D7: a fold a row equals the closed form, and scikit-learn's choice."""
    features, y = data()
    path = cross_validated_ridge(features, y, STRENGTHS, "rss", folds=40)
    direct = [leave_one_out_error(ridge_smoother(features, s, "rss"), y) for s in STRENGTHS]
    assert path.errors == pytest.approx(direct, rel=1e-6)
    assert path.best == STRENGTHS[int(np.argmin(direct))]
    other = RidgeCV(alphas=STRENGTHS, fit_intercept=False, scoring="neg_mean_squared_error").fit(features, y)
    assert path.best == pytest.approx(other.alpha_)
    assert path.weights == pytest.approx(ridge(features, y, path.best, "rss"))
    assert not path.at_edge
    assert path.simplest >= path.best


def test_the_scale_of_loss_is_part_of_the_answer():
    """Of the same numbers beside other losses another is best; matched by N, the best is the same."""
    features, y = data()
    rss = cross_validated_ridge(features, y, STRENGTHS, "rss", folds=4)
    same = cross_validated_ridge(features, y, STRENGTHS / 30, "mse", folds=4)  # 30 rows in each part left
    assert (rss.loss_scale, same.loss_scale) == ("rss", "mse")
    assert same.errors == pytest.approx(rss.errors, rel=1e-9)
    assert same.best == pytest.approx(strength_for(rss.best, "rss", "mse", 30))
    assert cross_validated_ridge(features, y, STRENGTHS, "mse", folds=4).best < rss.best


def test_it_predicts_better_than_no_penalty_and_than_too_much():
    features, y = data(14)
    path = cross_validated_ridge(features, y, STRENGTHS, "rss", folds=7)
    at = np.linspace(0, 1, 400)

    def risk(weights):
        return np.mean((powers(at, 9) @ weights - np.sin(2 * np.pi * at)) ** 2)

    assert risk(path.weights) < risk(ridge(features, y, 0.0, "rss"))
    assert risk(path.weights) < risk(ridge(features, y, 10.0, "rss"))


def test_the_simplest_is_within_one_standard_error_of_the_best():
    """The error of the mean over folds, and the largest strength that it cannot tell from the best."""
    path = RidgePath(
        np.array([1.0, 2.0, 3.0, 4.0]),
        "rss",
        np.array([1.5, 1.0, 1.1, 1.3]),
        np.array([0.2, 0.15, 0.9, 0.9]),
        np.zeros(2),
    )
    assert (path.best, path.simplest, path.at_edge) == (2.0, 3.0, False)
    features, y = data()
    found = cross_validated_ridge(features, y, STRENGTHS, "rss", folds=40)  # a fold a row: one error each
    squared = []
    for n in range(40):
        rest = np.arange(40) != n
        squared.append((features[n] @ ridge(features[rest], y[rest], STRENGTHS[9], "rss") - y[n]) ** 2)
    assert found.standard_errors[9] == pytest.approx(np.std(squared, ddof=1) / np.sqrt(40), rel=1e-6)


def test_the_same_seed_gives_the_same_folds():
    features, y = data()
    first, again, other = (
        cross_validated_ridge(features, y, STRENGTHS, "rss", seed=s).errors for s in (1, 1, 2)
    )
    assert (first == again).all()
    assert (first != other).any()


def test_strengths_that_all_fail_are_told():
    features, y = data()
    assert cross_validated_ridge(features, y, np.array([1e3, 1e4]), "rss").at_edge


def test_wrong_paths_are_refused():
    features, y = data()
    with pytest.raises(ArgumentError, match="must be a list that increases"):
        cross_validated_ridge(features, y, STRENGTHS[::-1], "rss")
    with pytest.raises(ArgumentError, match="41 folds of 40 rows"):
        cross_validated_ridge(features, y, STRENGTHS, "rss", folds=41)
    with pytest.raises(DataError, match=r"Features \(40, 10\) and targets \(39,\)"):
        cross_validated_ridge(features, y[1:], STRENGTHS, "rss")
    with pytest.raises(DataError, match="must be finite"):
        cross_validated_ridge(features, y * np.nan, STRENGTHS, "rss")
