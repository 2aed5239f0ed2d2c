"""How far weights went over a run, by which causes of little learning are told apart."""

import numpy as np

from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.readings import moved

__all__ = ["CRAWLS", "HARDLY_MOVED", "crawls", "farthest"]

CRAWLS, HARDLY_MOVED = 0.05, 3e-3
"""Relative movement, over the whole run, of the layer that moved most. Networks that fit anything move by
0.1 to 1, wide ones less, as 1/√width (Chizat et al. 2019); at 0.003 outputs have not moved by a percent."""


def farthest(record: Record) -> float:
    """‖θ − θ_0‖/‖θ_0‖ of the trained layer that moved most; -inf where unknown."""
    return float(np.nanmax(moved(record), initial=-np.inf))


def crawls(record: Record) -> bool:
    """Whether no layer went far."""
    return 0.0 <= farthest(record) < CRAWLS
