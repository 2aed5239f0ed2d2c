"""Round after round: what a diagnosis proposes is raced; the winner is trained in full, compared with what
stood before, and diagnosed in turn, for one mistake hides another.
"""

from collections.abc import Callable
from dataclasses import dataclass

from profunda.diagnosis.candidates import LONG, Proposal, mends, proposals
from profunda.diagnosis.contests import CERTAIN, USUAL, Contest, Entry
from profunda.diagnosis.finding import Change
from profunda.diagnosis.marks import compared
from profunda.diagnosis.repairs import Stage
from profunda.diagnosis.rules.readings import poor

__all__ = ["Searched", "searched"]

BEHIND = 0.2
"""Of the mended network's score, by which the original must be behind at its beginning so that the rest of
its training is spared."""

AGAIN = 104_729
"""From one whole training's seed to the next one's: beyond those of races and of usual programs."""


@dataclass(frozen=True)
class Searched:
    """The `original`, in part or in full, and the `best` that was trained in full (the original where nothing
    is better). `part`: whether the original's training was left at its beginning.
    """

    original: Entry
    best: Entry
    part: bool


def searched(contest: Contest, first: Entry, whole: Callable[[], Entry] | None) -> Searched:
    """Search from `first`, the original in full; with `whole`, which trains it so, only at its beginning.

    What is wrong by itself, and seen at the beginning, is mended there. The rest of the original's training
    is spared where the network then learns well and the original was far behind by test: a mistake cannot
    overtake the same training without it. Else the original is trained in full, and judges.
    """
    original = best = first
    part = whole is not None
    try:
        if whole is not None:
            mended = _mended(contest, first)
            if mended is not None and _does_well(contest, mended, first):
                best = mended
            else:
                original = best = whole()
                part = False
                best = mended if mended is not None and _beats(contest, mended, best, "check") else best
        while best.diagnosis is not None:
            better = _round(contest, _left(contest, best), best)
            if better is best:
                break
            best = better
    except KeyboardInterrupt:
        contest.note("Interrupted: the best that was trained in full until then is returned.")
    return Searched(original, best, part)


def _left(contest: Contest, best: Entry) -> tuple[Proposal, ...]:
    """What the diagnosis of `best` proposes, without what it was mended for; where it does well after a
    change, without what would only take longer.
    """
    assert best.diagnosis is not None
    mended = {
        one.code for one in contest.attempts if one.better and one.changes == best.changes[: len(one.changes)]
    }
    well = bool(best.changes) and not poor(best.diagnosis.record)
    found = []
    for one in proposals(best.diagnosis):
        again = one.finding is not None and one.finding.area in CERTAIN and one.finding.code in mended
        bundles = tuple(bundle for bundle in one.bundles if not well or not any(map(_longer, bundle)))
        found += [Proposal(one.finding, bundles)] if bundles and not again else []
    return tuple(found)


def _longer(change: Change) -> bool:
    return change.kind in LONG and change.value > 1.0


def _mended(contest: Contest, first: Entry) -> Entry | None:
    """Trained in full with what mends mistakes that are plain at the beginning, where races bear it out."""
    assert first.diagnosis is not None
    adopted, waiting = contest.race(mends(first.diagnosis), first.changes)
    if adopted == first.changes:
        adopted = waiting[0] if waiting else adopted
    return contest.full(adopted, contest.seed, watched=True) if adopted != first.changes else None


def _does_well(contest: Contest, mended: Entry, first: Entry) -> bool:
    found = compared([mended.mark], [first.mark], alike=contest.alike(mended.changes, first.changes))
    contest.tell("beginning", mended.changes, "", found)
    if not found.better or mended.diagnosis is None or poor(mended.diagnosis.record):
        return False
    return first.mark.failed or not found.score < BEHIND * abs(mended.mark.score)


def _round(contest: Contest, proposed: tuple[Proposal, ...], best: Entry) -> Entry:
    """What beats `best`, else `best`."""
    adopted, waiting = contest.race(proposed, best.changes)
    while adopted != best.changes:
        entry = contest.full(adopted, contest.seed, watched=True)
        if entry is not None and _beats(contest, entry, best, "check"):
            return entry
        adopted = contest.before(adopted)  # the first cause alone may do
        if contest.left < contest.price(adopted):
            return best
    found = best
    for wanted in waiting:
        changes = contest.affordable(wanted)
        if changes is not None and (found is best or contest.spent + contest.price(changes) <= USUAL):
            entry = contest.full(changes, contest.seed, watched=True)
            if entry is not None and _beats(contest, entry, found, "full"):
                found = entry
    return found


def _beats(contest: Contest, entry: Entry, best: Entry, stage: Stage) -> bool:
    """Whether it is better by test after whole trainings with a seed that chose nothing; where it looks so,
    and one seed does not prove it, with two.
    """
    marks, control = [entry.mark], [best.mark]
    alike = contest.alike(entry.changes, best.changes)
    spread = contest.spread(entry.changes, best.changes)
    found = compared(marks, control, alike=alike, spread=spread)
    contest.tell(stage, entry.changes, "", found)
    price = contest.price(entry.changes) + contest.price(best.changes)
    hopeful = found.score > found.score_error or found.loss > found.loss_error
    if found.better or not found.leans or not hopeful or contest.left < price:
        return found.better
    for changes, held in ((entry.changes, marks), (best.changes, control)):
        again = contest.full(changes, contest.seed + AGAIN, watched=False)
        if again is None:
            return False
        held.append(again.mark)
    found = compared(marks, control, alike=alike, spread=spread)
    contest.tell(stage, entry.changes, "", found)
    return found.better
