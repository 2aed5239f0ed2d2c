"""The estimators that a Model is compared with, each grown step by step.

A rival takes its rows when it is made; `grow` then takes some steps (rounds of boosting, iterations of a
solver), so that whoever fits it can look at the clock between two calls. Grown in one call it is the
estimator of scikit-learn with the settings below, and nothing here touches global random state.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.linear_model import Ridge as PlainRidge

from profunda.data.dataset import Dataset
from profunda.data.preprocessing import fit_preprocessing
from profunda.data.table import Kind
from profunda.job.task_inputs import tasks_apart
from profunda.job.word_weights import WordWeights

__all__ = ["Logistic", "Ridge", "Rival", "Trees", "constant_prediction", "rivals_of"]

MOST_CATEGORIES = 254  # the trees sort a column into 255 bins, one of them for missing values
FEWEST_TO_STOP_EARLY = 200  # rows: a tenth of fewer is too little to tell when to stop
VALIDATION_SHARE = 0.1  # of a rival's rows, by which the trees stop early
PATIENCE = 20  # rounds without a better validation loss
QUICK_TREES = {"max_leaf_nodes": 15, "max_bins": 63, "learning_rate": 0.2, "l2_regularization": 1.0}
"""Half the rounds do with twice the learning rate, and the penalty keeps many classes from diverging then."""


class Rival(ABC):
    """A rival on rows [n] of a dataset. `steps` counts what it has grown; `finished` says it will not go on.

    `limit` is the most steps it takes and `enough` the number below which it is no serious rival, likewise
    `quick_enough` where it is made `quick`; `quick_speed` tells about how many times cheaper a step is then
    (1: there are no quick settings). `prediction_grows` tells whether predicting gets dearer with each step.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    unit: ClassVar[str]
    limit: ClassVar[int]
    enough: ClassVar[int]
    quick_enough: ClassVar[int]
    quick_speed: ClassVar[float] = 1.0
    prediction_grows: ClassVar[bool] = False

    def __init__(self, dataset: Dataset, rows: np.ndarray, seed: int, *, quick: bool = False) -> None:
        self.dataset, self.rows, self.seed, self.quick = dataset, rows, seed, quick
        self.steps, self.finished = 0, False

    @property
    def width(self) -> int:
        """How many inputs it reads."""
        return self.dataset.codes.shape[1]

    @property
    def unread(self) -> str:
        """What it is not given of the inputs, in words; "" if nothing."""
        return ""

    @staticmethod
    def work(rows: int, width: int) -> float:
        """What the seconds of a step grow in proportion to."""
        return float(rows)

    @abstractmethod
    def grow(self, steps: int) -> None:
        """Up to `steps` more; 0 does only what every call costs."""

    @abstractmethod
    def predict(self, codes: np.ndarray) -> np.ndarray:
        """Probabilities [N, C], or numbers [N], for codes float64 [N, F]."""


class Trees(Rival):
    """Gradient boosting on histograms, early stopping on a tenth of the rows."""

    name, title, unit = "trees", "boosted trees", "rounds"
    limit = 300  # with early stopping; scikit-learn's default of 100 is often too few for a strong rival
    enough, quick_enough, quick_speed = 50, 25, 2.5
    prediction_grows = True

    def __init__(self, dataset: Dataset, rows: np.ndarray, seed: int, *, quick: bool = False) -> None:
        super().__init__(dataset, rows, seed, quick=quick)
        self._regression = dataset.task.kind == "regression"
        method = HistGradientBoostingRegressor if self._regression else HistGradientBoostingClassifier
        self._codes, self._y = dataset.codes[rows], dataset.y[rows]
        self._model = method(
            early_stopping=_may_stop_early(self._y, self._regression),
            validation_fraction=VALIDATION_SHARE,
            n_iter_no_change=PATIENCE,
            categorical_features=_categories(dataset),
            warm_start=True,
            random_state=seed,
            **(QUICK_TREES if quick else {}),
        )

    def grow(self, steps: int) -> None:
        """Up to `steps` more rounds; every call bins all rows anew."""
        target = min(self.steps + steps, self.limit)
        self._model.set_params(max_iter=target).fit(self._codes, self._y)
        self.steps = int(self._model.n_iter_)
        self.finished = self.steps < target or self.steps == self.limit

    def predict(self, codes: np.ndarray) -> np.ndarray:
        """Probabilities [N, C], or numbers [N], by all rounds so far."""
        if self._regression:
            return self._model.predict(codes)
        probabilities = self._model.predict_proba(codes)
        return _spread(probabilities, self._model.classes_, self.dataset.task.n_outputs)


class _Linear(Rival):
    """What the linear models share: inputs as the networks get them, robustly scaled; of texts, weights of
    words and pairs."""

    name = "linear"

    def __init__(self, dataset: Dataset, rows: np.ndarray, seed: int, *, quick: bool = False) -> None:
        super().__init__(dataset, rows, seed, quick=quick)
        self._scaling = (
            WordWeights(dataset, rows)
            if _reads(dataset)
            else fit_preprocessing(dataset.codes, dataset.y, rows, dataset.schema, "robust", dataset.task)
        )
        self._x, self._y = self._inputs(dataset.codes[rows]), dataset.y[rows]

    @property
    def width(self) -> int:
        """Inputs after the encoding."""
        return self._x.shape[1]

    @property
    def unread(self) -> str:
        """What is left out of long texts."""
        return self._scaling.unread if isinstance(self._scaling, WordWeights) else ""

    def _inputs(self, codes: np.ndarray) -> Any:
        """What the linear model reads of codes [N, F]; the task as an input for each, 0 where unseen."""
        if isinstance(self._scaling, WordWeights):
            return self._scaling.transform(codes)
        return tasks_apart(self._scaling.transform(codes), self._scaling.inputs)


class Logistic(_Linear):
    """Logistic regression with an L2 penalty, by L-BFGS; a further call goes on from the weights so far."""

    title, unit, limit, enough = "linear model (logistic)", "iterations", 200, 20
    quick_enough = enough

    def __init__(self, dataset: Dataset, rows: np.ndarray, seed: int, *, quick: bool = False) -> None:
        super().__init__(dataset, rows, seed, quick=quick)
        self._model = LogisticRegression(C=1.0, warm_start=True)

    def grow(self, steps: int) -> None:
        """Up to `steps` more iterations."""
        allowed = min(steps, self.limit - self.steps)
        if allowed < 1:
            return
        self._model.set_params(max_iter=allowed).fit(self._x, self._y)
        done = int(self._model.n_iter_.max())
        self.steps += done
        self.finished = done < allowed or self.steps >= self.limit

    def predict(self, codes: np.ndarray) -> np.ndarray:
        """Probabilities [N, C]."""
        probabilities = self._model.predict_proba(self._inputs(codes))
        return _spread(probabilities, self._model.classes_, self.dataset.task.n_outputs)


class TextLogistic(Logistic):
    """Logistic regression on TF-IDF weights, which are small: the penalty is a tenth."""

    title = "TF-IDF and logistic regression"

    def __init__(self, dataset: Dataset, rows: np.ndarray, seed: int, *, quick: bool = False) -> None:
        super().__init__(dataset, rows, seed, quick=quick)
        self._model.set_params(C=10.0)


class Ridge(_Linear):
    """Ridge regression, its penalty chosen by leaving one row out; solved at once, so there is one step."""

    title, unit, limit, enough = "linear model (ridge)", "solutions", 1, 1
    quick_enough = enough

    def __init__(self, dataset: Dataset, rows: np.ndarray, seed: int, *, quick: bool = False) -> None:
        super().__init__(dataset, rows, seed, quick=quick)
        self._model = RidgeCV(alphas=np.logspace(-3, 4, 15))

    @staticmethod
    def work(rows: int, width: int) -> float:
        """A decomposition of [n, D]: its cost grows like n·D·min(n, D)."""
        return float(rows) * width * min(rows, width)

    def grow(self, steps: int) -> None:
        """The solution."""
        if steps < 1:
            return
        self._model.fit(self._x, self._y)
        self.steps, self.finished = 1, True

    def predict(self, codes: np.ndarray) -> np.ndarray:
        """Numbers [N]."""
        return self._model.predict(self._inputs(codes))


class TextRidge(Ridge):
    """Ridge regression on TF-IDF weights, by conjugate gradients."""

    title = "TF-IDF and ridge regression"
    work = staticmethod(Rival.work)  # the weights are few in a row, and nothing is decomposed

    def __init__(self, dataset: Dataset, rows: np.ndarray, seed: int, *, quick: bool = False) -> None:
        super().__init__(dataset, rows, seed, quick=quick)
        self._model = PlainRidge(alpha=1.0, solver="sparse_cg")


def rivals_of(dataset: Dataset) -> tuple[type[Rival], ...]:
    """The rivals of a dataset's kind of task, the cheaper first; of texts one, as the trees read none."""
    if _reads(dataset):
        return (TextRidge,) if dataset.task.numeric else (TextLogistic,)
    return (Ridge, Trees) if dataset.task.numeric else (Logistic, Trees)


def _reads(dataset: Dataset) -> bool:
    """Whether there is text among the inputs."""
    return any(feature.kind is Kind.TEXT for feature in dataset.schema.features)


def constant_prediction(dataset: Dataset, rows: np.ndarray, count: int) -> np.ndarray:
    """The mean [count], or the class frequencies [count, C], of the given rows, for `count` rows.

    Of several targets [count, C]: the mean of each, or the frequency of each label.
    """
    y = dataset.y[rows]
    if dataset.task.parts:
        return np.tile(np.nanmean(y, axis=0), (count, 1))
    if dataset.task.numeric:
        return np.full(count, float(y.mean()))
    shares = np.bincount(y, minlength=dataset.task.n_outputs) / len(rows)
    return np.tile(shares, (count, 1))


def _may_stop_early(y: np.ndarray, regression: bool) -> bool:
    """Whether there are rows to hold out; for classes, which are held out by shares, enough of each."""
    if len(y) < FEWEST_TO_STOP_EARLY:
        return False
    if regression:
        return True
    sizes = np.unique(y, return_counts=True)[1]
    return bool(sizes.min() >= 2 and len(sizes) <= VALIDATION_SHARE * len(y))


def _categories(dataset: Dataset) -> list[int]:
    """Columns that the trees split by category; unseen categories count as missing."""
    features, kinds = enumerate(dataset.schema.features), (Kind.CATEGORICAL, Kind.TASK)
    return [i for i, f in features if f.kind in kinds and len(f.vocabulary) <= MOST_CATEGORIES]


def _spread(probabilities: np.ndarray, present: np.ndarray, n_classes: int) -> np.ndarray:
    """Probabilities over all classes: a class without a training row has probability zero."""
    full = np.zeros((len(probabilities), n_classes))
    full[:, present] = probabilities
    return full
