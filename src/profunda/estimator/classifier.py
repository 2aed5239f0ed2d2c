"""DeepClassifier: the main job in scikit-learn's clothes, for classes."""

from dataclasses import replace
from typing import Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils._tags import Tags
from sklearn.utils.multiclass import check_classification_targets

from profunda.data.reading import read
from profunda.data.task import TargetType, Task
from profunda.estimator.fleet import FleetEstimator
from profunda.estimator.tables import training_table

__all__ = ["DeepClassifier"]

TARGET = "target"
# By NumPy's kind; any other is text.
TYPES: dict[str, TargetType] = {"i": "integer", "u": "integer", "f": "number", "b": "boolean"}


class DeepClassifier(ClassifierMixin, FleetEstimator):
    """An ensemble of regularised networks, found among many that were trained together.

    y [N] are classes; y [N, C] of 0 and 1 are labels that do not exclude each other (as of
    `sklearn.multioutput`), predicted together by networks that share their layers.

    Parameters
    ----------
    trials
        Network designs to try; None and no `seconds`: one for twenty rows, at least 4 and at most 200.
    seconds
        Time to spend, instead of or with `trials`. Only a number of trials makes results reproducible.
    metric
        What is optimised, see `profunda.metrics.score`; None is the log-loss, for numbers the root mean
        squared error.
    space
        What designs are drawn from (`profunda.Space`); None is the default space for the table.
    fix
        Names of the space, each with the value (or its text) that it is held at: ``{"depth": 1}``.
    sampler
        "batch" learns from each bracket where the next one should look; "tpe" and "gp" are Optuna's;
        "random", "quasi-random" and "grid" do not learn.
    fidelity
        How epochs are spent: "halving", "hyperband", "one-epoch" or "full", see `profunda.fit`.
    max_parameters, max_latency
        No network with more parameters is trained, nor one that needs more milliseconds to predict 1,000 rows
        on one thread, as forecast.
    forecast
        Whether designs that by theory cannot train are left out.
    folds
        Folds of the inner cross-validation; None decides by the number of rows.
    select, refit
        How the model is chosen and completed, see docs/model.md.
    engine
        "auto" trains each shape of network on the engine that is quicker there on this machine; "native"
        (C++, on the CPU) or "torch" name one.
    workers
        Threads that train at the same time; the result does not depend on them.
    task_column
        The column of X that says which of several tasks a row belongs to, as in `profunda.fit`.
    random_state
        Seed: with an integer, and no budget in `seconds`, the same data give the same model on one machine;
        on another the `engine` must be named, and its instruction set and torch build be the same.
    verbose
        0 is silent, 1 shows progress.

    Attributes
    ----------
    classes_
        The classes [C] in sorted order, as in the columns of `predict_proba`; of several labels their
        numbers 0 … C − 1.
    model_
        The `profunda.Model`: keep it with ``model_.save(folder)``, make it a module by ``profunda.export``.
    search_
        The `SearchResult`: every trial with its score and its cause of ending.
    notices_
        What was accepted, but not silently. A column kept out because it copies the target is a warning too.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.
    """

    def fit(self, X: object, y: object) -> Self:
        """Search and train on X [N, F], a frame (any columns, gaps allowed) or numbers, and y [N] or [N, C].

        Raises ValueError (of scikit-learn, or DataError and ArgumentError) for what cannot be used.
        """
        X, y = training_table(self, X, y, numbers=False)
        check_classification_targets(y)
        if y.ndim == 2:
            return self._fit_labels(X, y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            (only,) = self.classes_.tolist()
            raise ValueError(
                f"{type(self).__name__} needs at least 2 classes, but y has 1 class: {only!r}. "
                "Give rows of another class too."
            )
        found = read(X, target=codes, task="classification", task_column=self.task_column)
        self._fit_dataset(replace(found, task=_task(self.classes_)))
        return self

    def _fit_labels(self, X: object, y: np.ndarray) -> Self:
        if not np.isin(y, (0, 1)).all():
            raise ValueError(
                "y [N, C] has values other than 0 and 1: several targets of this estimator are labels, true "
                "or not. Fit one estimator for each target of more classes."
            )
        self.classes_ = np.arange(y.shape[1])
        self._fit_dataset(read(X, target=y, task="classification", task_column=self.task_column))
        return self

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def predict(self, X: object) -> np.ndarray:
        """The most probable class of each row, [N]; of several labels 0 or 1 each, [N, C]."""
        probabilities = self.predict_proba(X)
        if self.model_.task.parts:
            return (probabilities > 0.5).astype(np.int64)
        return self.classes_[probabilities.argmax(axis=1)]

    def predict_proba(self, X: object) -> np.ndarray:
        """Probabilities float64 [N, C], columns in the order of `classes_`; of several labels that of 1."""
        return self._predictions(X)

    def _codes(self, y: object) -> np.ndarray:
        given = column_or_1d(y)
        unknown = sorted({str(one) for one in given.tolist()} - {str(one) for one in self.classes_.tolist()})
        if unknown:
            raise ValueError(
                f"y has classes that fit has not seen: {', '.join(unknown[:5])}; it has seen "
                f"{', '.join(map(str, self.classes_.tolist()[:5]))}. Give rows of these, or fit anew."
            )
        return np.searchsorted(self.classes_, given)


def _task(classes: np.ndarray) -> Task:
    """The task under the classes' own names; their codes are their positions in sorted order."""
    names = tuple(str(name) for name in classes.tolist())
    return Task(
        "binary" if len(names) == 2 else "multiclass", TARGET, names, TYPES.get(classes.dtype.kind, "text")
    )
