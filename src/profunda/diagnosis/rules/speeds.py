"""How far weights went over a run, by which causes of little learning are told apart."""

import numpy as np

from profunda.diagnosis.givens import Optimiser
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.readings import moved

__all__ = ["CRAWLS", "HARDLY_MOVED", "TINY", "crawls", "farthest", "first_steps", "searches_lines"]

CRAWLS, HARDLY_MOVED = 0.05, 3e-3
"""Relative movement, over the whole run, of the layer that moved most. Networks that fit anything move by
0.1 to 1, wide ones less, as 1/√width (Chizat et al. 2019); at 0.003 outputs have not moved by a percent."""

TINY = 1e-3
"""Usual first steps, in lengths of the usual layer, of a run that its steps hold up: networks that learn
begin with 3 thousandths."""

BEGINNING, IN_A_ROW = 12, 4
"""Looks at steps that count as the beginning: momentum has gathered after ten, and a rate that falls or
units that die have not ended it yet; and how many of them in a row are no chance."""


def farthest(record: Record) -> float:
    """‖θ − θ_0‖/‖θ_0‖ of the trained layer that moved most; -inf where unknown."""
    return float(np.nanmax(moved(record), initial=-np.inf))


def crawls(record: Record) -> bool:
    """Whether no layer went far."""
    return 0.0 <= farthest(record) < CRAWLS


def first_steps(record: Record) -> float:
    """Length of usual steps at the beginning, where they are longest, over that of the usual layer's weights:
    the largest median of IN_A_ROW looks among the first ones, since momentum gathers; 0 where fewer than two
    were looked at.
    """
    course = record.course
    if course is None or course.update.ndim != 2:
        return 0.0
    rows = [row[np.isfinite(row)] for row in course.update[:BEGINNING]]
    usual = [float(np.median(row)) for row in rows if len(row)]
    if len(usual) <= IN_A_ROW:
        return float(np.median(usual)) if len(usual) > 1 else 0.0
    return max(float(np.median(usual[at : at + IN_A_ROW])) for at in range(len(usual) - IN_A_ROW + 1))


def searches_lines(optimiser: Optimiser | None) -> bool:
    """Whether one step is a search of many passes, so that few of them go far."""
    return optimiser is not None and "lbfgs" in optimiser.name.lower()
