"""From a data set and its splits to what a fleet trains on: one input matrix per encoding and fold.

Preprocessing is fitted on the training rows of each fold alone, so that no validation row has a say in the
numbers with which it is judged.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from profunda.data.dataset import Dataset
from profunda.data.layout import Encoding
from profunda.data.preprocessing import Preprocessing, fit_preprocessing
from profunda.data.splits import Fold
from profunda.data.task import Task
from profunda.fleet.source import FleetData, Source
from profunda.networks.prediction import Clamp

__all__ = ["Prepared", "fleet_data", "prepare"]


@dataclass(frozen=True, eq=False)
class Prepared(Mapping[tuple[Encoding, int], Source]):
    """The sources of a fleet by (encoding, fold), each made when it is first asked for and then kept.

    Making them lazily spares the encodings that a search never draws.
    """

    dataset: Dataset
    folds: tuple[Fold, ...]
    encodings: tuple[Encoding, ...]
    _fitted: dict[tuple[Encoding, int], Preprocessing] = field(default_factory=dict, repr=False)
    _made: dict[tuple[Encoding, int], Source] = field(default_factory=dict, repr=False)

    def clamp(self, rows: np.ndarray) -> Clamp | None:
        """The lowest and highest target among rows that train, of each of several; None for classes."""
        if not self.dataset.task.numeric:
            return None
        y = self.dataset.y[rows]
        low, high = np.nanmin(y, axis=0).tolist(), np.nanmax(y, axis=0).tolist()
        return (tuple(low), tuple(high)) if self.dataset.task.parts else (low, high)

    def preprocessing(self, encoding: Encoding, fold: int) -> Preprocessing:
        """The preprocessing fitted on the training rows of a fold."""
        key = (encoding, fold)
        if key not in self._fitted:
            data = self.dataset
            rows = self.folds[fold].train
            self._fitted[key] = fit_preprocessing(data.codes, data.y, rows, data.schema, encoding, data.task)
        return self._fitted[key]

    def __getitem__(self, key: tuple[Encoding, int]) -> Source:
        if key not in self._made:
            encoding, fold = key
            fitted = self.preprocessing(encoding, fold)
            rows = self.folds[fold]
            self._made[key] = Source(
                x=fitted.transform(self.dataset.codes),
                y=fitted.target(self.dataset.y),
                train=rows.train,
                valid=rows.valid,
                inputs=fitted.inputs,
            )
        return self._made[key]

    def __iter__(self) -> Iterator[tuple[Encoding, int]]:
        return ((encoding, fold) for encoding in self.encodings for fold in range(len(self.folds)))

    def __len__(self) -> int:
        return len(self.encodings) * len(self.folds)


def prepare(
    dataset: Dataset, folds: Iterable[Fold], encodings: Iterable[Encoding]
) -> tuple[Prepared, FleetData]:
    """The sources of `dataset` on `folds`, and the fleet's view of them."""
    sources = Prepared(dataset, tuple(folds), tuple(encodings))
    return sources, fleet_data(sources, dataset.task)


def fleet_data(sources: Mapping[tuple[Encoding, int], Source], task: Task) -> FleetData:
    """The fleet's view of sources with the targets of a task."""
    return FleetData(sources, task.n_outputs, task.single, task.kind == "multilabel")
