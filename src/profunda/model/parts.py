"""What a Model is made of: networks, parts that average them, and where all of it came from."""

from dataclasses import dataclass

import numpy as np

from profunda.data.preprocessing import Preprocessing
from profunda.model.score import Score
from profunda.space.design import Design

__all__ = ["Network", "Part", "Provenance"]


@dataclass(frozen=True, eq=False)
class Network:
    """One trained network: its preprocessing, and its parameters float32 [P] in the fleet's flat layout.

    Networks trained on the same rows with the same encoding hold the *same* Preprocessing object: a Model
    transforms the inputs, and stores the numbers, once for each object.
    """

    preprocessing: Preprocessing
    params: np.ndarray


@dataclass(frozen=True, eq=False)
class Part:
    """One Design's share of a Model: the plain mean over its networks (folds' or refits)."""

    weight: float
    design: Design
    networks: tuple[Network, ...]


@dataclass(frozen=True)
class Provenance:
    """Where a Model came from: enough to name it, to cite it and to train it again.

    `created` is an ISO 8601 time in UTC, `versions` are (library, version) pairs, `fingerprint` is the
    data's, `select` and `refit` the rules that made the Model, `rows` the number of rows its networks and
    their stopping were fitted on, `score` the result on rows that no choice has seen (None where none were
    held out).
    """

    created: str
    versions: tuple[tuple[str, str], ...]
    seed: int
    metric: str
    fingerprint: str
    source: str
    rows: int
    select: str
    refit: str
    score: Score | None = None
