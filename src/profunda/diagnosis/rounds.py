"""Round after round: what a diagnosis proposes is raced; the winner is trained in full, compared with what
stood before, and diagnosed in turn, for one mistake hides another.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from profunda.diagnosis.candidates import LONG, MENDS, Proposal, early, mends, proposals, takes_away
from profunda.diagnosis.contests import Changes, Contest, Entry
from profunda.diagnosis.finding import Change
from profunda.diagnosis.marks import Comparison
from profunda.diagnosis.repairs import Stage
from profunda.diagnosis.rules.readings import poor

__all__ = ["Searched", "searched"]

BEHIND = 0.2
"""Of what the mended network tells beyond a constant, by which the original must be behind at its beginning
so that the rest of its training is spared."""

CHEAP = 0.25
"""Part of a training that is tried in full though something has won."""

NEARLY = 0.02
"""Below the highest score there is, 1: the rest of the original's training cannot be better by more."""

SETTLED = 0.05
"""Below the highest score: one more training is not spent on less."""

IDLE = 0.05
"""Beyond the best constant, below which a network tells nothing."""

SURELY = 1.645
"""Standard errors beyond which one of twenty changes that do nothing lies."""

MUCH, LITTLE = 1.0 / 3.0, 0.1
"""Of what is left to the highest score."""

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

    What is seen at the beginning is mended there. The rest of the original's training is spared where it
    cannot matter: it broke down; or the mended network was better by test after equally many steps, and is
    nearly perfect, or learns well without a mistake that is one by itself (which cannot overtake the same
    training without it). Else the original is trained in full, and judges.
    """
    original = best = first
    part = whole is not None
    try:
        if whole is not None:
            mended = _mended(contest, first)
            if mended is not None and _spares(contest, mended, first):
                best = mended
            else:
                original = best = whole()
                part = False
                best = mended if mended is not None and _beats(contest, mended, best, "check") else best
                contest.lost |= {mended.changes} if mended is not None and best is original else set()
        while best.diagnosis is not None:
            better = _round(contest, _left(contest, best, original), best)
            if better is best:
                break
            best = better
    except KeyboardInterrupt:
        contest.note("Interrupted: the best that was trained in full until then is returned.")
    return Searched(original, best, part)


def _left(contest: Contest, best: Entry, original: Entry) -> tuple[Proposal, ...]:
    """What the diagnosis of `best` proposes, without what is in place; where it does well after a
    change, without what would only take longer, unless the original was ended too early.
    """
    assert best.diagnosis is not None
    assert original.diagnosis is not None
    ended = any(one.code == "too-few-epochs" for one in original.diagnosis.findings)
    well = bool(best.changes) and not (poor(best.diagnosis.record) and best.diagnosis.faults)
    found = _slowed(best, original)
    for one in proposals(best.diagnosis):
        if well and one.finding is None:
            continue
        bundles = tuple(bundle for bundle in one.bundles if not _done(bundle, best))
        if well and not ended:
            bundles = tuple(bundle for bundle in bundles if not any(map(_longer, bundle)))
        found += [Proposal(one.finding, bundles)] if bundles else []
    return tuple(found)


def _slowed(best: Entry, original: Entry) -> list[Proposal]:
    """Rates that fall to 0, where steps were made shorter and there is more to be learnt: from any rate that
    learns at all they come to those that settle.
    """
    assert original.diagnosis is not None
    shorter = any(one.kind == "learning rate" and one.value < 1.0 for one in best.changes)
    if not shorter or not best.mark.told < 1.0 - SETTLED:
        return []
    told = next((one for one in original.diagnosis.findings if one.code == "rate-too-high"), None)
    return [] if told is None else [Proposal(told, ((Change("schedule", word="cosine"),),))]


def _done(bundle: Changes, best: Entry) -> bool:
    """Whether it puts in what is there already; steps can be made shorter twice."""
    mending = [one for one in bundle if one.kind in MENDS]
    return bool(mending) and set(mending) <= set(best.changes)


def _longer(change: Change) -> bool:
    return change.kind in LONG and change.value > 1.0


def _mended(contest: Contest, first: Entry) -> Entry | None:
    """Trained in full with what mends mistakes that show at the beginning, where races bear it out; what is
    wrong by itself also where they cannot tell.
    """
    assert first.diagnosis is not None
    adopted, waiting = contest.race(early(first.diagnosis), first.changes)
    if adopted == first.changes:
        sure = _sure(first)
        adopted = next((one for one in waiting if set(one) <= sure), adopted)
    return contest.full(adopted, contest.seed, watched=True) if adopted != first.changes else None


def _sure(first: Entry) -> set[Change]:
    """Changes that give nothing up."""
    assert first.diagnosis is not None
    return {
        change
        for one in mends(first.diagnosis)
        if one.finding is not None
        for bundle in one.bundles
        for change in bundle
    }


def _spares(contest: Contest, mended: Entry, first: Entry) -> bool:
    """Whether nothing is to be learnt from the rest of the original's training: it broke down, or it lost
    after equally many steps and cannot catch up.
    """
    found = contest.compared(mended.changes, first.changes, [mended.mark], [first.mark])
    contest.tell("beginning", mended.changes, "", found)
    if not found.better or mended.diagnosis is None:
        return False
    if first.mark.failed:
        return True
    well = not (poor(mended.diagnosis.record) and mended.diagnosis.faults)
    ahead = not found.score < BEHIND * abs(mended.mark.learnt)
    cannot_matter = set(mended.changes) <= _sure(first) and well and ahead
    if not cannot_matter and mended.mark.told < 1.0 - NEARLY:
        return False
    races = [one for one in contest.attempts if one.stage == "race" and one.changes == mended.changes]
    return any(one.better for one in races) or _leads(contest, mended, first)


def _leads(contest: Contest, mended: Entry, first: Entry) -> bool:
    """Whether it was ahead once it had learnt a part of what it learnt; races can be too short to tell."""
    least = first.mark.told + BEHIND * abs(mended.mark.learnt)
    soon = next((one for one in mended.soon if one.mark.told >= least), None)
    if soon is None or contest.left < soon.rows / contest.whole:
        return False
    control = contest.part(first.changes, soon.rows)
    spread = contest.spread(mended.changes, first.changes)
    found = contest.compared(mended.changes, first.changes, [soon.mark], [control], spread=spread)
    contest.tell("soon", mended.changes, "", found)
    return found.better


def _round(contest: Contest, proposed: tuple[Proposal, ...], best: Entry) -> Entry:
    """What beats `best`, else `best`: what findings propose, then what often helps."""
    found = _tried(contest, contest.race(proposed, best.changes), best)
    if found is not best or not any(one.finding is None for one in proposed) or _theirs(contest, proposed):
        return found
    return _tried(contest, contest.others(proposed, best.changes), best)


def _theirs(contest: Contest, proposed: tuple[Proposal, ...]) -> bool:
    """Whether the first finding is a fault for which nothing that was proposed could be carried out."""
    top = proposed[0].finding
    return top is not None and top.severity == "fault" and top.code in contest.refused


def _tried(contest: Contest, raced: tuple[Changes, tuple[Changes, ...]], best: Entry) -> Entry:
    """The winner of races in full, then what they could not tell, as long as it can be paid for."""
    adopted, waiting = raced
    while adopted != best.changes:
        entry = contest.full(adopted, contest.seed, watched=True)
        if entry is not None and _beats(contest, entry, best, "check"):
            return entry
        contest.lost.add(adopted)
        adopted = contest.before(adopted)  # the first cause alone may do
        if contest.left < contest.price(adopted):
            return best
    found = best
    for wanted in contest.heats(waiting) if _idle(best) else waiting:
        changes = contest.affordable(wanted)
        if changes is not None and (found is best or _also(contest, changes, found, best)):
            entry = contest.full(changes, contest.seed, watched=True)
            if entry is not None and _beats(contest, entry, found, "full"):
                found = entry
            else:
                contest.lost.add(wanted)
    return found


def _also(contest: Contest, changes: Changes, found: Entry, best: Entry) -> bool:
    """Whether it is tried though something has won: it is cheap, or what has won ended a training early and
    gained little by it, where dropout lets the network learn for longer.
    """
    drops = any((one.kind, one.word) == ("dropout", "inserted") for one in changes)
    gain = found.mark.told - best.mark.told
    return contest.price(changes) <= CHEAP or (drops and gain < LITTLE * (1.0 - best.mark.told))


def _idle(best: Entry) -> bool:
    """Whether it tells nothing, so that whatever tells something is better."""
    return best.mark.failed or best.mark.learnt <= IDLE  # not where targets have no score


def _restores(entry: Entry, best: Entry, found: Comparison) -> bool:
    """Whether it takes a fault away, at no price, and with it MUCH of what was left to be learnt: who doubts
    that has to show that the fault does no harm.
    """
    if best.diagnosis is None or not found.score > SURELY * found.score_error:
        return False
    more = entry.changes[len(best.changes) :]
    faults = best.diagnosis.faults
    taken = bool(more) and any(takes_away(one, more) for one in faults)
    return taken and found.score >= MUCH * (1.0 - best.mark.told)


def _beats(contest: Contest, entry: Entry, best: Entry, stage: Stage) -> bool:
    """Whether it is better by test after whole trainings with a seed that chose nothing; where it looks so,
    and one seed does not prove it, with two. Of a network that tells nothing, rows alone show whether another
    tells something.
    """
    marks, control = [entry.mark], [best.mark]
    spread = contest.spread(entry.changes, best.changes)
    if spread is not None:
        spread = None if _idle(best) and not _idle(entry) else spread.at((*marks, *control))
    found = contest.compared(entry.changes, best.changes, marks, control, spread=spread)
    if not found.better and _restores(entry, best, found):
        found = replace(found, better=True)
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
    found = contest.compared(entry.changes, best.changes, marks, control, spread=spread)
    contest.tell(stage, entry.changes, "", found)
    return found.better
