"""Rivals for several targets: one of a kind for each of them, on the rows that have it."""

from dataclasses import replace
from typing import ClassVar

import numpy as np

from profunda.data.dataset import Dataset
from profunda.data.targets import Target, targets_of
from profunda.job.rivals import Rival

__all__ = ["each_target"]


def each_target(kind: type[Rival]) -> type[Rival]:
    """Rivals `kind` for one target, as one for several."""

    class EachTarget(_EachTarget):
        name, title, unit = kind.name, f"{kind.title}, one for each target", kind.unit
        limit, enough, quick_enough = kind.limit, kind.enough, kind.quick_enough
        quick_speed, prediction_grows = kind.quick_speed, kind.prediction_grows
        one = kind

        @staticmethod
        def work(rows: int, width: int) -> float:
            return kind.work(rows, width)

    return EachTarget


class _EachTarget(Rival):
    """A rival for each target; a target that is constant on the rows is predicted by its mean."""

    one: ClassVar[type[Rival]]

    def __init__(self, dataset: Dataset, rows: np.ndarray, seed: int, *, quick: bool = False) -> None:
        super().__init__(dataset, rows, seed, quick=quick)
        self._means = np.zeros(len(dataset.task.parts))
        self._rivals: dict[int, Rival] = {}
        for number, target in enumerate(targets_of(dataset.task, dataset.y)):
            own = rows[np.isin(rows, target.rows)]
            alone = _alone(dataset, target)
            values = alone.y[own]
            self._means[number] = values.mean() if len(own) else np.nanmean(dataset.y[:, number])
            if len(np.unique(values)) > 1:
                self._rivals[number] = self.one(alone, own, seed, quick=quick)
        self.finished = not self._rivals

    @property
    def width(self) -> int:
        """Inputs after the encoding, the most of any."""
        return max((rival.width for rival in self._rivals.values()), default=super().width)

    @property
    def unread(self) -> str:
        """What none of them is given, which is the same for all."""
        return next((rival.unread for rival in self._rivals.values()), "")

    def grow(self, steps: int) -> None:
        """Up to `steps` more of each."""
        for rival in self._rivals.values():
            if not rival.finished:
                rival.grow(steps)
        self.steps = max((rival.steps for rival in self._rivals.values()), default=0)
        self.finished = all(rival.finished for rival in self._rivals.values())

    def predict(self, codes: np.ndarray) -> np.ndarray:
        """Probabilities of each label, or numbers: [N, C]."""
        found = np.tile(self._means, (len(codes), 1))
        for number, rival in self._rivals.items():
            prediction = rival.predict(codes)
            found[:, number] = prediction if prediction.ndim == 1 else prediction[:, 1]
        return found


def _alone(dataset: Dataset, target: Target) -> Dataset:
    """The data of one target; rows without it hold a number that is never read."""
    y = np.zeros(dataset.n_rows, target.y.dtype)
    y[target.rows] = target.y
    return replace(dataset, task=target.task, y=y)
