"""The last training of the chosen networks: none, again from the start, or on from the best weights.

The two follow-ups of early stopping are algorithms 7.2 and 7.3 of Goodfellow, Bengio and Courville (2016).
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from profunda.data.splits import Fold, Splits
from profunda.fleet.history import Status
from profunda.fleet.member import Member
from profunda.fleet.plan import plan
from profunda.fleet.snapshots import taken, voters
from profunda.fleet.source import FleetData
from profunda.fleet.speed import Speeds
from profunda.fleet.state import MemberState
from profunda.job.choosing import Choice
from profunda.model.parts import Network, Part
from profunda.space.design import Design
from profunda.training.packs import run_packs
from profunda.training.sources import Prepared, fleet_data, prepare
from profunda.tuning.fleet_search import Candidate

__all__ = ["Refit", "Trainer", "parts_of"]

Refit = Literal["folds", "retrain", "continue"]


@dataclass(frozen=True)
class Trainer:
    """The engine, chosen as the search chose it."""

    engine: str
    speeds: Speeds

    def train(self, member: Member, state: MemberState | None, epochs: int, data: FleetData) -> MemberState:
        """One member brought to an epoch."""
        alone = plan([member], data, engine=self.engine, speeds=self.speeds)
        ((_, result, _),) = run_packs(alone, data, until=[epochs], states=[state])
        return result.states[0]


def parts_of(
    choice: Choice, sources: Prepared, splits: Splits, refit: Refit, trainer: Trainer
) -> tuple[Part, ...]:
    """The Model's parts.

    ``"folds"`` keeps the networks of all folds, each with its best weights (and its snapshots, if any).
    ``"retrain"`` trains one network a design from the start on all development rows, for the number of steps
    that was best (the mean over folds; algorithm 7.2). ``"continue"`` goes on from each fold's best weights
    on all development rows until the loss on the fold's validation rows falls below the training loss at the
    best epoch, or the design's epochs are spent (algorithm 7.3). Where a refit diverges, the networks of the
    folds stay.
    """
    found = [_networks(candidate, sources, splits, refit, trainer) for candidate in choice.candidates]
    return tuple(
        Part(weight, candidate.design, networks)
        for weight, candidate, networks in zip(choice.weights, choice.candidates, found, strict=True)
    )


def _networks(
    candidate: Candidate, sources: Prepared, splits: Splits, refit: Refit, trainer: Trainer
) -> tuple[Network, ...]:
    folds = _networks_of_folds(candidate, sources)
    if refit == "folds":
        return folds
    train = _retrained if refit == "retrain" else _continued
    refitted = train(candidate, sources, splits, trainer)
    # On more rows a learning rate at the edge of stability may diverge: the folds' networks then stay.
    return refitted if all(np.isfinite(network.params).all() for network in refitted) else folds


def _networks_of_folds(candidate: Candidate, sources: Prepared) -> tuple[Network, ...]:
    encoding = candidate.design.encoding
    return tuple(
        Network(sources.preprocessing(encoding, fold), params)
        for fold, state in enumerate(candidate.states)
        for params in voters(candidate.design, state)
    )


def _retrained(
    candidate: Candidate, sources: Prepared, splits: Splits, trainer: Trainer
) -> tuple[Network, ...]:
    design = replace(candidate.design, patience=0)
    rows = Fold(splits.development, sources.folds[0].valid)
    whole, data = prepare(sources.dataset, [rows], [design.encoding])
    best_steps = np.mean([s.best_epoch * s.step / s.epoch for s in candidate.states])
    epochs = max(1, round(best_steps / _steps_an_epoch(design, splits)))
    state = trainer.train(Member(design, 0, candidate.trial.number), None, epochs, data)
    voting = (state.params, *taken(design, state))
    return tuple(Network(whole.preprocessing(design.encoding, 0), params) for params in voting)


def _continued(
    candidate: Candidate, sources: Prepared, splits: Splits, trainer: Trainer
) -> tuple[Network, ...]:
    design = replace(candidate.design, patience=0)
    networks = []
    for fold, before in enumerate(candidate.states):
        # The inputs stay scaled by the fold's own numbers, for which these weights were found.
        place = (design.encoding, fold)
        source = replace(sources[place], train=splits.development)
        data = fleet_data({place: source}, sources.dataset.task)
        goal = before.train_loss[before.best_epoch - 1]
        state = replace(
            before,
            epoch=before.best_epoch,
            step=before.best_epoch * _steps_an_epoch(design, splits),
            params=before.best_params,
            stall=0,
            status=Status.RUNNING,
            train_loss=before.train_loss[: before.best_epoch],
            valid_loss=before.valid_loss[: before.best_epoch],
            signs={},
            sign_epochs=np.zeros(0, np.int64),
        )
        member = Member(design, fold, candidate.trial.number)
        while state.epoch < design.epochs and state.status is Status.RUNNING and state.valid_loss[-1] >= goal:
            state = trainer.train(member, state, state.epoch + 1, data)
        voting = (state.params, *taken(design, before))
        networks += [Network(sources.preprocessing(design.encoding, fold), params) for params in voting]
    return tuple(networks)


def _steps_an_epoch(design: Design, splits: Splits) -> int:
    rows = len(splits.development)
    return math.ceil(rows / min(design.batch_size, rows))
