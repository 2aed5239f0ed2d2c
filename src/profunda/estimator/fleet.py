"""What both estimators share: their parameters, and the way from a Dataset to a fitted Model."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils._tags import Tags
from sklearn.utils.validation import check_is_fitted

from profunda.data.dataset import Dataset
from profunda.data.reading import read_inputs
from profunda.errors import ArgumentError
from profunda.estimator.tables import inputs
from profunda.space.space import Space

if TYPE_CHECKING:  # they would load torch
    from profunda.diagnosis.diagnosis import Diagnosis
    from profunda.job.choosing import Rule
    from profunda.job.refitting import Refit
    from profunda.tuning.rungs import Fidelity

__all__ = ["FleetEstimator", "trials_for"]

ROWS_PER_TRIAL = 20
FEWEST_TRIALS, MOST_TRIALS = 4, 200


def trials_for(rows: int) -> int:
    """The default budget: one network design for twenty rows, at least 4 and at most 200.

    Scaled to the data because a small table can tell few designs apart; in trials, not seconds, so that
    `random_state` can make the result the same: a clock would not.
    """
    return min(MOST_TRIALS, max(FEWEST_TRIALS, rows // ROWS_PER_TRIAL))


class FleetEstimator(BaseEstimator, ABC):
    """Parameters and fitting of DeepClassifier and DeepRegressor; not for use by itself.

    Every row handed to `fit` takes part in training and choosing: hold rows out yourself, or use
    cross_val_score, to learn how good the result is.
    """

    def __init__(
        self,
        *,
        trials: int | None = None,
        seconds: float | None = None,
        metric: str | None = None,
        space: Space | None = None,
        fix: Mapping[str, object] | None = None,
        sampler: str = "batch",
        fidelity: "Fidelity" = "halving",
        max_parameters: int | None = None,
        max_latency: float | None = None,
        forecast: bool = True,
        folds: int | None = None,
        select: "Rule" = "greedy",
        refit: "Refit" = "folds",
        engine: str = "auto",
        workers: int | None = None,
        task_column: str | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.trials = trials
        self.seconds = seconds
        self.metric = metric
        self.space = space
        self.fix = fix
        self.sampler = sampler
        self.fidelity = fidelity
        self.max_parameters = max_parameters
        self.max_latency = max_latency
        self.forecast = forecast
        self.folds = folds
        self.select = select
        self.refit = refit
        self.engine = engine
        self.workers = workers
        self.task_column = task_column
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.required = True
        return tags

    def _fit_dataset(self, dataset: Dataset) -> None:
        """Run the main job in memory and keep what it found."""
        from profunda.job.fitting import fit  # here, because it loads torch

        budgeted = self.trials is not None or self.seconds is not None
        outcome = fit(
            dataset,
            trials=self.trials if budgeted else trials_for(dataset.n_rows),
            seconds=self.seconds,
            metric=self.metric,
            space=self.space,
            fix=self.fix,
            sampler=self.sampler,
            fidelity=self.fidelity,
            max_parameters=self.max_parameters,
            max_latency=self.max_latency,
            forecast=self.forecast,
            folds=self.folds,
            select=self.select,
            refit=self.refit,
            engine=self.engine,
            workers=self.workers,
            seed=_seed(self.random_state),
            out=None,
            baselines=False,
            report=False,
            progress=self.verbose > 0,
            test=0.0,  # whoever fits an estimator holds rows out by scikit-learn's own means
        )
        self.model_ = outcome.model
        self.search_ = outcome.search
        self.notices_ = tuple(dict.fromkeys(outcome.notices))
        for notice in self.notices_:
            # The others are told on request; this one changes what is learned.
            if notice.code == "target-copy":
                warnings.warn(notice.text, UserWarning, stacklevel=3)

    def diagnose(self, X: object, y: object) -> "Diagnosis":
        """Why the model is not better: its leading network, trained anew on X and y and watched.

        Its design's network, rate, batch size, epochs, dropout, norms and l2; a fifth of the rows validates.
        Returns the `Diagnosis` of `profunda.diagnose`, whose `findings` are empty where nothing is wrong;
        what `fit` learnt stays as it is. The whole search is explained by
        ``[one.text for one in estimator.search_.explanations]``. Raises ValueError for inputs unlike those
        of `fit`, for classes that it has not seen, and where there are several targets.
        """
        from profunda.diagnosis.designed import diagnose_design  # here, because it loads torch

        check_is_fitted(self)
        if self.model_.task.parts:
            raise ArgumentError(
                "diagnose watches the training of a network for one target, and this model has "
                f"{len(self.model_.task.parts)}; fit an estimator for the target in doubt, and diagnose that."
            )
        target = self._codes(y)
        codes = read_inputs(inputs(self, X), self.model_.schema)
        check_consistent_length(codes, target)
        part = max(self.model_.parts, key=lambda one: one.weight)
        made = part.networks[0].preprocessing
        x, n_outputs = made.transform(codes), self.model_.task.n_outputs
        seed = _seed(self.random_state)
        return diagnose_design(part.design, made.inputs, x, made.target(target), n_outputs, seed)

    @abstractmethod
    def _codes(self, y: object) -> np.ndarray:
        """The target [N] as `Preprocessing.target` takes it: codes of classes, or numbers."""

    def _predictions(self, X: object) -> np.ndarray:
        check_is_fitted(self)
        return self.model_.predict_codes(read_inputs(inputs(self, X), self.model_.schema))


def _seed(random_state: int | np.random.RandomState | None) -> int:
    if isinstance(random_state, int | np.integer):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))
