"""A trial while it is in the race, and the rungs at which it is compared."""

from collections.abc import Sequence
from dataclasses import dataclass

from profunda._seeds import key
from profunda.fleet.history import Status
from profunda.fleet.member import Member
from profunda.fleet.state import MemberState
from profunda.space.design import Design
from profunda.space.space import Params
from profunda.space.table import design_from
from profunda.tuning.rungs import Ladder, epochs_at
from profunda.tuning.verdict import Verdict

__all__ = ["Entry", "Rung", "is_new", "rungs_of", "unended", "whole"]


@dataclass(eq=False)
class Entry:
    """A trial while it is in the race: a design with a member for each fold."""

    number: int
    params: Params
    design: Design
    members: tuple[Member, ...]
    states: list[MemberState | None]
    verdict: Verdict | None = None
    seconds: float = 0.0

    @classmethod
    def of(cls, number: int, params: Params, seed: int, folds: int) -> "Entry":
        """Trial `number` of a search: every draw is a replicate of its own, also of an equal design."""
        design = design_from(params)
        replicate = key("trial", seed, number) % 2**48
        members = tuple(Member(design, fold, replicate) for fold in range(folds))
        return cls(number, params, design, members, [None] * folds)

    def reached(self, share: float) -> bool:
        """Whether every fold has come to a rung, or has ended before it."""
        goal = epochs_at(share, self.design.epochs)
        return all(s is not None and (s.epoch >= goal or s.status is not Status.RUNNING) for s in self.states)


@dataclass(frozen=True)
class Rung:
    """One comparison: its place in the run, and the share of a design's epochs at which it stands.

    `number` counts the rungs of its bracket; `height` those of the search, of which a cautious bracket skips
    the lowest. `ladder` says how many go on.
    """

    bracket: int
    number: int
    height: int
    share: float
    before: float
    ladder: Ladder

    @property
    def last(self) -> bool:
        """Whether it is the end of training."""
        return self.share == 1.0

    def epochs(self, design: Design) -> int:
        """The epochs of a design from the rung before to this one."""
        start = epochs_at(self.before, design.epochs) if self.before else 0
        return epochs_at(self.share, design.epochs) - start


def rungs_of(bracket: int, ladder: Ladder) -> Sequence[Rung]:
    """The rungs of a bracket, in order."""
    starts = (0.0, *ladder.shares[:-1])
    return [
        Rung(bracket, number, ladder.skipped + number, share, before, ladder)
        for number, (share, before) in enumerate(zip(ladder.shares, starts, strict=True))
    ]


def unended(state: MemberState | None) -> bool:
    """Whether a fold has still to train."""
    return state is None or state.status is Status.RUNNING


def is_new(entry: Entry) -> bool:
    """Whether a trial that has never been judged can be."""
    return entry.verdict is None and whole(entry)


def whole(entry: Entry) -> bool:
    """Whether every fold has a best epoch."""
    return all(state is not None and state.best_epoch > 0 for state in entry.states)
