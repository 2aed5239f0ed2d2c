"""A Model: table in, predictions out, as a weighted mean of trained networks."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from profunda.data.preprocessing import Preprocessing
from profunda.data.reading import read_inputs
from profunda.data.schema import Schema
from profunda.data.task import Task
from profunda.errors import DataError
from profunda.model.calibration import tempered, tempered_labels
from profunda.model.parts import Network, Part, Provenance
from profunda.model.writing import write
from profunda.networks.prediction import Clamp, predicted
from profunda.space.design import Design

__all__ = ["Model"]

CELLS = 4_000_000  # numbers in the widest array of a chunk of rows: 16 MB in float32


@dataclass(frozen=True, eq=False)
class Model:
    """The fitted thing: Σ weight · (mean of a part's networks), then a temperature for classes.

    The weights of `parts` sum to 1. `clamp` = (lowest, highest) target of the training rows holds the numbers
    of each network, of several targets each by its own (None for classes). `temperature` T turns the
    mixture's probabilities p into p^(1/T), renormalised (1 for numbers; one T for all labels). `fit` makes it
    and `load` reads it; to be used by `predict`, `predict_proba` and `save`.
    """

    task: Task
    schema: Schema
    parts: tuple[Part, ...]
    provenance: Provenance
    temperature: float = 1.0
    clamp: Clamp | None = None

    @property
    def preprocessings(self) -> tuple[Preprocessing, ...]:
        """The different preprocessings of the networks, each once, in the order of first use."""
        return tuple(
            {id(n.preprocessing): n.preprocessing for part in self.parts for n in part.networks}.values()
        )

    def predict(self, source: object) -> np.ndarray:
        """The most probable class of each row, in the type the target had, or its number: [N].

        Of several targets [N, C], in the order of `task.names`: a label is the more probable of its two.

        `source` is a file, a frame or an array with the columns of training, by name; others are ignored.
        Raises DataError where columns are missing or the source cannot be read.
        """
        found = self.predict_codes(read_inputs(source, self.schema))
        if self.task.numeric:
            return found
        if self.task.single:
            return self.task.labels[found.argmax(axis=1)]
        said = (found > 0.5).astype(np.intp)
        each = [part.labels[said[:, c]] for c, part in enumerate(self.task.parts)]
        alike = len({one.dtype for one in each}) == 1
        return np.stack(each, axis=1, dtype=each[0].dtype if alike else object)

    def predict_proba(self, source: object) -> np.ndarray:
        """Probabilities float64 [N, C], columns in the order of `task.classes`; see `predict`.

        Of several labels the probability of each one's second class, in the order of `task.names`.

        Raises DataError for a model that predicts numbers.
        """
        if self.task.numeric:
            what = "numbers" if self.task.parts else "number"
            raise DataError(
                f"this model predicts the {what} {self.task.target!r}: it has no classes; use predict"
            )
        return self.predict_codes(read_inputs(source, self.schema))

    def predict_codes(self, codes: np.ndarray) -> np.ndarray:
        """Predictions for codes float64 [N, F] of `schema.codes`: [N], of classes or several targets [N, C].

        Rows go through in chunks, so memory is bounded whatever N. Raises DataError if F is not the schema's.
        """
        codes = np.asarray(codes, dtype=self.schema.dtype)
        wanted = self.schema.width
        if codes.ndim != 2 or codes.shape[1] != wanted:
            raise DataError(
                f"the model reads codes [N, {wanted}], as its schema gives them, got {list(codes.shape)}"
            )
        shape = (len(codes),) if self.task.kind == "regression" else (len(codes), self.task.n_outputs)
        mixture = np.empty(shape)
        step = self._chunk()
        from profunda.fleet.threads import one_thread  # here, because it loads torch

        with one_thread():
            for start in range(0, len(codes), step):
                mixture[start : start + step] = self._mix(codes[start : start + step])
        if self.task.numeric:
            return mixture
        return (tempered if self.task.single else tempered_labels)(mixture, self.temperature)

    def save(self, folder: str | Path) -> Path:
        """Write the model as a folder that `profunda.load` reads: JSON and safetensors, nothing pickled.

        The folder appears whole or not at all. Raises ModelError if it exists and is not empty.
        """
        return write(
            folder, self.task, self.schema, self.parts, self.provenance, self.temperature, self.clamp
        )

    def _mix(self, codes: np.ndarray) -> np.ndarray:
        from profunda.fleet.forward import outputs  # here, because it loads torch

        total: np.ndarray | float = 0.0
        for preprocessing in self.preprocessings:
            x = preprocessing.transform(codes)
            for share, design, network in self._reading(preprocessing):
                # In float64: there a row's numbers do not tell by their last digits which rows came along.
                # Pictures and texts would take four times as long.
                params = network.params.astype(np.float64) if design.body == "dense" else network.params
                raw = outputs(design, params, x, preprocessing.inputs)
                total = total + share * predicted(raw, self.task, preprocessing, self.clamp)
        return np.asarray(total)

    def _reading(self, preprocessing: Preprocessing) -> Iterator[tuple[float, Design, Network]]:
        """The networks behind one preprocessing, with their shares of the mixture."""
        for part in self.parts:
            for network in part.networks:
                if network.preprocessing is preprocessing:
                    yield part.weight / len(part.networks), part.design, network

    def _chunk(self) -> int:
        widest = max(
            [p.D for p in self.preprocessings] + [w for part in self.parts for w in part.design.widths]
        )
        return max(1, CELLS // widest)

    def __str__(self) -> str:
        networks = sum(len(part.networks) for part in self.parts)
        parameters = sum(len(n.params) for part in self.parts for n in part.networks)
        many = "targets" if self.task.parts else "classes"
        what = f"{self.task.target} ({self.task.kind}" + (
            ")" if self.task.kind == "regression" else f", {self.task.n_outputs} {many})"
        )
        return (
            f"Model of {what}: {len(self.parts)} designs, {networks} networks, {parameters:,} parameters, "
            f"{len(self.schema.columns)} input columns"
        )
