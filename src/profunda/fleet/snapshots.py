"""Snapshot ensembles of a member: what it was at the ends of the schedule's cycles votes with it."""

import numpy as np

from profunda.fleet.schedules import CYCLES
from profunda.fleet.state import MemberState
from profunda.space.design import Design

__all__ = ["snapshot_epochs", "taken", "voters"]


def snapshot_epochs(design: Design) -> tuple[int, ...]:
    """The epochs (from 1) after which the weights are kept beside the best ones; none without `snapshots`.

    The last before a cycle of the schedule "restarts" ends, where its rate is near 0 (Huang et al. 2017,
    "Snapshot ensembles: train 1, get M for free"); the third cycle's network is the best one.
    """
    if not design.snapshots:
        return ()
    return tuple(max(1, int(end * design.epochs)) for end in CYCLES[1:-1])


def taken(design: Design, state: MemberState) -> tuple[np.ndarray, ...]:
    """The snapshots [P] that a member has come to."""
    ends = snapshot_epochs(design)
    kept = zip(ends, state.moments[len(state.moments) - len(ends) :], strict=True)
    return tuple(params for epoch, params in kept if epoch <= state.epoch)


def voters(design: Design, state: MemberState) -> tuple[np.ndarray, ...]:
    """The weights [P] whose predictions count alike for a member: its best, then its snapshots."""
    return (state.best_params, *taken(design, state))
