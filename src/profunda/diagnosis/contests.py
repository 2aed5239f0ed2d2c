"""Changes against a training without them: short races with several seeds, and whole trainings."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn
from torch.optim import SGD, Optimizer

from profunda.diagnosis.candidates import EITHER, Proposal, by_itself, is_late, takes_away
from profunda.diagnosis.copying import copy_of
from profunda.diagnosis.diagnosing import Followed
from profunda.diagnosis.diagnosis import Diagnosis
from profunda.diagnosis.feeding import Feed
from profunda.diagnosis.finding import Change, Finding
from profunda.diagnosis.marks import CONFIDENCE, Comparison, Judge, Mark, Spread, compared, spread_of
from profunda.diagnosis.recipes import Recipe, changed
from profunda.diagnosis.repairs import Attempt, Stage
from profunda.diagnosis.retraining import retrained
from profunda.diagnosis.runs import Ran, ready, run
from profunda.diagnosis.snapshots import Snapshot
from profunda.diagnosis.standing import placed
from profunda.diagnosis.supplies import Supply

__all__ = ["Changes", "Contest", "Entry"]

SEEDS = 3
"""Of a race at most."""

LOOKS = {2: 0.995, 3: 0.98}
"""Confidence by which a race is decided after so many seeds: both chances of an error make up the 2.5 % of
one test. One that does not lean towards the change after the first look is ended there; that of the only way
to mend what is so by itself also where nothing shows yet, for it is trained in full in any case."""

SHARE, LEAST, MOST = 1.0 / 20.0, 16, 0.16
"""A race takes this part of a whole training, at least so many steps where that is not more than MOST."""

USUAL = 1.5
"""Trainings of a round, the final one included, up to which more is tried though something has won; changes
of another kind must be ahead of it by a standard error."""

CERTAINLY = 1e6
"""Before all that only looks better."""

LONGER, HEATS = 0.25, 4
"""Part of a training, and the number of changes, that are compared where races showed nothing of any, and the
original tells nothing either: dearer than a race, and far cheaper than to train all of them in full."""

SHOWN = 0.3
"""Gain in a race from which on the order of changes needs no more: it is much, though not proven."""

NEAR = 3.0
"""Factor about the best of several rates of plain descent that is tried too: rates that are proposed lie a
decade apart."""

WORTH = 1.5
"""Times as many epochs that are worth a try where more cannot be paid for."""

FAILED = Mark(np.empty(0), np.empty(0), math.nan, True)

Changes = tuple[Change, ...]


@dataclass(frozen=True)
class Soon:
    """What a network was worth after `rows` of its training."""

    rows: int
    mark: Mark


@dataclass(frozen=True)
class Entry:
    """A network trained with `changes`, and the diagnosis of that training, None where it was not watched;
    how good it was `soon`.
    """

    changes: Changes
    module: nn.Module
    mark: Mark
    diagnosis: Diagnosis | None = None
    soon: tuple[Soon, ...] = ()


class Contest:
    """Everything that is tried. `moved` judges by labels that are moved too, for recipes that move them:
    those that judge may be out of step as well.

    To be used where random numbers may be drawn. `attempts` and `notes` grow; `passed` are rows trained on,
    `whole` those of one training. `doubted`: whether the original's loss cannot be believed, `turned`: in its
    sign alone; `lost`: what was trained in full and is not better.
    """

    def __init__(
        self,
        start: Recipe,
        supply: Supply,
        judge: Judge,
        feed: Feed,
        whole: int,
        budget: float,
        seed: int,
        tick: Callable[[int, int], object],
        moved: Judge | None = None,
    ) -> None:
        self.start, self.supply, self.judge, self.feed = start, supply, judge, feed
        self.budget, self.seed, self.tick, self._moved = budget, seed, tick, moved
        self.whole = max(1, whole)
        steps = math.ceil(self.whole / max(1, start.parts.batch_size))
        self.short = math.ceil(self.whole * min(MOST, max(SHARE, LEAST / steps)))
        self.passed = 0
        self.attempts: list[Attempt] = []
        self.notes: list[str] = []
        self.doubted = self.turned = False
        self.raced: dict[Changes, list[Mark]] = {}
        self._against: dict[Changes, Changes] = {}
        self._waiting: list[tuple[float, Changes]] = []
        self._begun, self._held = 0, judge.feed
        self.lost: set[Changes] = set()
        self._paid: set[str] = set()

    @property
    def cost(self) -> float:
        """Rows trained on, in whole trainings."""
        return self.passed / self.whole

    @property
    def refused(self) -> frozenset[str]:
        """Codes of findings for which nothing that was proposed could be carried out."""
        made = {one.code for one in self.attempts if not one.why}
        return frozenset(one.code for one in self.attempts if one.code not in made)

    @property
    def left(self) -> float:
        """Trainings that may still be made."""
        return self.budget - self.cost

    @property
    def spent(self) -> float:
        """Trainings since the round began."""
        return (self.passed - self._begun) / self.whole

    def recipe(self, changes: Changes, seed: int) -> Recipe:
        """The start with `changes` carried out; what they draw, `seed` decides. Raises what they raise."""
        found = self.start
        for change in changes:
            found = changed(change, found, self.feed, seed=seed)
        return found

    def price(self, changes: Changes) -> float:
        """Of a whole training."""
        return math.prod(one.value for one in changes if one.kind == "epochs")

    def affordable(self, changes: Changes) -> Changes | None:
        """`changes` with as many epochs as can still be paid for; None where these are hardly more."""
        if self.price(changes) <= self.left:
            return changes
        if (
            len(changes) != 1 + len(self.before(changes))
            or changes[-1].kind != "epochs"
            or changes[-1].value < 1.0
        ):
            return None
        most = math.floor(10.0 * self.left / self.price(changes[:-1])) / 10.0
        return (*changes[:-1], replace(changes[-1], value=most)) if most >= WORTH else None

    def before(self, changes: Changes) -> Changes:
        """What `changes` were proposed on top of."""
        return self._against.get(changes, ())

    def note(self, note: str) -> None:
        """Keep it once."""
        if note not in self.notes:
            self.notes.append(note)

    # Races ----------------------------------------------------------------------------------------------

    def race(self, proposals: Sequence[Proposal], base: Changes) -> tuple[Changes, tuple[Changes, ...]]:
        """What is better than `base` by test after short trainings: each proposal alone; then, on top of the
        best one, those of other faults, and hints that helped. Second, what such races could not tell, the
        likeliest first.
        """
        self._waiting, self._begun = [], self.passed
        named = [one for one in proposals if one.finding is not None]
        alone = [(self._raced(one, base, base), one) for one in named]
        won = [(found, one) for found, one in alone if found is not None]
        adopted = base
        if won:
            (_, adopted), first = max(won, key=lambda pair: pair[0][0])
            for found, one in alone:
                fault = one.finding is not None and one.finding.severity == "fault"
                if one is not first and (fault or found is not None):
                    more = self._raced(one, adopted, base)
                    adopted = adopted if more is None else more[1]
        waiting = sorted(self._waiting, key=lambda pair: -pair[0])
        return adopted, tuple(changes for _, changes in waiting if changes not in self.lost)

    def others(self, proposals: Sequence[Proposal], base: Changes) -> tuple[Changes, tuple[Changes, ...]]:
        """The same of what no finding names, the first that is better by test."""
        self._waiting = []
        found = (self._raced(one, base, base) for one in proposals if one.finding is None)
        adopted = next((one[1] for one in found if one is not None), base)
        waiting = sorted(self._waiting, key=lambda pair: -pair[0])
        return adopted, tuple(changes for _, changes in waiting if changes not in self.lost)

    def _raced(self, proposal: Proposal, adopted: Changes, base: Changes) -> tuple[float, Changes] | None:
        """`adopted` and a bundle of the proposal that is better on top, with its gain: of one kind, such as
        learning rates, the best; of several kinds the first unless a later one is clearly ahead. What may
        help all the same waits for a whole training.
        """
        best: tuple[float, Changes] | None = None
        lost: list[Changes] = []
        finding = proposal.finding
        either = finding is not None and finding.code in EITHER
        only = by_itself(finding) and adopted == base and (either or len(proposal.bundles) == 1)
        for place, bundle in enumerate(self._likely(proposal, adopted)):
            changes = (*adopted, *bundle)
            self._against.setdefault(changes, adopted)
            if is_late(finding, bundle):
                if adopted == base and self._worth(changes, finding):
                    self._waiting.append((0.0, changes))
                continue
            needed = self._needed(changes, adopted)
            other = best is not None and bundle[0].kind != best[1][len(adopted)].kind
            if other and self.spent + needed + 1.0 > USUAL:
                continue
            if any(_beyond(bundle, one) for one in lost):
                continue
            if self.left - needed < (1.0 if adopted != base or best or not self._waiting else 0.0):
                self.note("The budget was spent before all changes were tried.")
                break
            found = self._race(changes, adopted, "" if finding is None else finding.code, only)
            if found is None:
                continue
            gain = found.score if not math.isnan(found.score) else found.loss
            ahead = found.score_error if other and not math.isnan(found.score_error) else 0.0
            if best is not None and takes_away(finding, best[1][len(adopted) :]):
                ahead = ahead if takes_away(finding, bundle) else max(ahead, best[0])
            if found.worse:
                lost.append(bundle)
            if found.better and (best is None or gain > best[0] + ahead):
                best = gain, changes
            if adopted == base and not found.better:
                self._wait(changes, finding, found, gain, place)
            if either and not found.worse:
                break
        return best

    def _wait(
        self, changes: Changes, finding: Finding | None, found: Comparison, gain: float, place: int
    ) -> None:
        """Keep what no race decided, and may help all the same, for a whole training."""
        fault = finding is not None and finding.severity == "fault"
        if found.leans or (fault and not found.worse):
            told = gain if abs(gain) > found.score_error else 0.0  # else in the order of proposals
            self._waiting.append((CERTAINLY - place if by_itself(finding) else told, changes))

    def _worth(self, changes: Changes, finding: Finding | None) -> bool:
        """Whether a training that no race spoke for is made: of a hint one, and such as take little."""
        if self.price(changes) < 1.0 or finding is None or finding.severity == "fault":
            return True
        first = finding.code not in self._paid
        self._paid.add(finding.code)
        return first

    def _likely(self, proposal: Proposal, adopted: Changes) -> list[Changes]:
        """Its bundles; of several of one kind, such as learning rates, the best two after one seed."""
        bundles = [one for one in proposal.bundles if (*adopted, *one) not in self.lost]
        kinds = {(one.kind, one.word) for bundle in bundles for one in bundle}
        late = any(is_late(proposal.finding, bundle) for bundle in bundles)
        if len(bundles) <= 2 or len(kinds) > 1 or late:
            return bundles
        if not all(self._begins((*adopted, *bundle)) for bundle in bundles):
            return bundles
        if all(_longer_steps(one) for one in bundles) and _plain(self.start.like):
            best = max(bundles, key=lambda one: self._first((*adopted, *one)))
            bundles += [near for near in _around(best) if self._begins((*adopted, *near))]
        return sorted(bundles, key=lambda one: self._first((*adopted, *one)), reverse=True)[:2]

    def _begins(self, changes: Changes) -> bool:
        """Whether it could be run with one seed; what cannot be carried out is told when it is raced."""
        if self.left - self.short / self.whole < 1.0:
            return False
        try:
            self._run_short(changes, 1)
        except Exception:
            return False
        return True

    def _first(self, changes: Changes) -> tuple[bool, float, float]:
        """How good it was with the first seed."""
        return _order(self.raced[changes][0])

    def heats(self, waiting: Sequence[Changes]) -> tuple[Changes, ...]:
        """Those that `waiting` holds, the best first after LONGER of a training with one seed; what cannot be
        told so, or would take all that is left, stays behind in its order.
        """
        raced = (one for one in waiting if self.price(one) == 1.0 and one in self.raced)
        kept = [one for one in raced if not is_late(None, one)][:HEATS]
        shown = max((gain for gain, changes in self._waiting if changes in kept), default=0.0)
        if len(kept) < 2 or shown >= SHOWN or self.left < 1.0 + len(kept) * LONGER:
            return tuple(waiting)
        seed, rows = self._seed(0), round(self.whole * LONGER)
        marks = {one: self._run(self.recipe(one, seed), seed, rows)[1] for one in kept}
        return tuple(sorted(waiting, key=lambda one: _order(marks.get(one, FAILED)), reverse=True))

    def _needed(self, changes: Changes, adopted: Changes) -> float:
        """Trainings that a race of both takes at most."""
        left = sum(max(0, SEEDS - len(self.raced.get(one, ()))) for one in (changes, adopted))
        return left * self.short / self.whole

    def _race(self, changes: Changes, adopted: Changes, code: str, only: bool) -> Comparison | None:
        """Seed after seed, until it is decided; what was run before is not run again. `only`: nothing else
        could be chosen.
        """
        found = None
        for seeds, confidence in LOOKS.items():
            try:
                for one in (changes, adopted):
                    self._run_short(one, seeds)
            except Exception as error:  # this network, loss or optimiser has no such thing
                self.attempts.append(_failed("race", changes, code, error))
                return None
            marks = (self.raced[one][:seeds] for one in (changes, adopted))
            found = self.compared(changes, adopted, *marks, confidence=confidence)
            shows = found.score > found.score_error or found.loss > found.loss_error
            if found.better or found.worse or not found.leans or (only and not shows):
                break
        assert found is not None
        self.tell("race", changes, code, found)
        return found

    def _run_short(self, changes: Changes, seeds: int) -> None:
        """The first of its seeds, as far as they were not run."""
        marks = self.raced.setdefault(changes, [])
        while len(marks) < seeds:
            k = len(marks)
            if changes and k and marks[-1].failed:  # one that breaks down cannot be adopted
                marks.append(FAILED)
                continue
            marks.append(self._run(self.recipe(changes, self._seed(k)), self._seed(k), self.short)[1])

    def spread(self, changes: Changes, base: Changes) -> Spread | None:
        """Between seeds, pooled over the races of what was tried on the way to `changes`, and of whatever
        else was no worse than its control.
        """
        alike = self.alike(changes, base)
        pairs = [
            (self.raced[one], self._facing(one, other, self.raced[other]))
            for one, other in self._against.items()
            if self.raced.get(one)
            and self.raced.get(other)
            and self.alike(one, other) == alike
            and (one == changes[: len(one)] or _level(self.raced[one], self.raced[other]))
        ]
        return spread_of(pairs, alike=alike)

    # Whole trainings ------------------------------------------------------------------------------------

    def full(self, changes: Changes, seed: int, *, watched: bool) -> Entry | None:
        """Trained in full, `watched` where it can be; None where `changes` cannot be carried out."""
        try:
            recipe = self.recipe(changes, seed)
            made = self._watched(recipe, seed) if watched else None
        except Exception as error:
            self.attempts.append(_failed("full", changes, "", error))
            return None
        if made is not None:
            return Entry(changes, made[0], self.mark(Ran(made[0], 0), recipe), *made[1:])
        ran, mark = self._run(recipe, seed, round(self.whole * self.price(changes)))
        return Entry(changes, ran.module, mark)

    def part(self, changes: Changes, rows: int) -> Mark:
        """Trained for so many rows, with the seed of whole trainings."""
        return self._run(self.recipe(changes, self.seed), self.seed, rows)[1]

    def _watched(self, recipe: Recipe, seed: int) -> tuple[nn.Module, Diagnosis, tuple[Soon, ...]] | None:
        most, before = round(self.budget * self.whole), self.passed

        def tick(step: int, planned: int) -> None:
            self.tick(before + step * recipe.parts.batch_size, most)

        found = retrained(recipe, self.supply, self._held, seed, tick)
        if found is None:
            return None
        self.passed += found.rows
        if found.interrupted:
            raise KeyboardInterrupt
        soon = tuple(self._soon(found, one, recipe) for one in found.soon)
        return ready(found.module.eval(), recipe.parts), found.diagnosis, soon

    def _soon(self, found: Followed, at: Snapshot, recipe: Recipe) -> Soon:
        with torch.no_grad():
            own = placed(copy_of(found.module), at.state)
        course = found.diagnosis.record.course
        rows = 0 if course is None else int(np.nansum(course.rows[: at.step]))
        return Soon(rows, self.mark(Ran(ready(own, recipe.parts), rows), recipe))

    def _run(self, recipe: Recipe, seed: int, rows: int) -> tuple[Ran, Mark]:
        most = round(self.budget * self.whole)

        def tick(more: int) -> None:
            self.passed += more
            self.tick(self.passed, most)

        planned = rows if rows > self.short else self.whole
        ran = run(recipe, self.supply, seed=seed, rows=rows, whole=planned, tick=tick)
        return ran, self.mark(ran, recipe)

    # What all of it needs -------------------------------------------------------------------------------

    def mark(self, ran: Ran, recipe: Recipe) -> Mark:
        """How good it is on the rows that judge."""
        if ran.failed:
            return FAILED
        try:
            found = self.judge(ran.module, recipe.parts.loss_fn)
            if not recipe.shift or self._moved is None:
                return found
            other = self._moved(ran.module, recipe.parts.loss_fn)
            out_of_step = other.score > found.score
            self._held = self._moved.feed if out_of_step else self.judge.feed
            return other if out_of_step else found
        except Exception:  # outputs that go with no targets
            return FAILED

    def alike(self, changes: Changes, control: Changes) -> bool:
        """Whether both minimise the same loss, and one that can be believed; or one of them its negative."""
        more = changes[len(control) :]
        if self._turns(changes, control):
            return True
        mended = any(one.kind == "loss" for one in control)
        return not any(one.kind == "loss" for one in more) and (mended or not self.doubted)

    def _turns(self, changes: Changes, control: Changes) -> bool:
        """Whether one has the other's loss with the sign that it should have, and nothing else is wrong with
        it: where outputs are no amounts, as logarithms of rates, only that loss tells what they are worth.
        """
        losses = [one.word for one in changes[len(control) :] if one.kind == "loss"]
        return self.turned and losses == ["sign"] and not any(one.kind == "loss" for one in control)

    def _facing(self, changes: Changes, control: Changes, marks: Sequence[Mark]) -> Sequence[Mark]:
        """The control's `marks`, with its losses as `changes` have them."""
        if not self._turns(changes, control):
            return marks
        return [replace(one, loss=-one.loss) for one in marks]

    def compared(
        self,
        changes: Changes,
        control: Changes,
        marks: Sequence[Mark],
        others: Sequence[Mark],
        *,
        spread: Spread | None = None,
        confidence: float = CONFIDENCE,
    ) -> Comparison:
        """`marks` of `changes` against those of the `control`, after the same seeds."""
        alike = self.alike(changes, control)
        facing = self._facing(changes, control, others)
        return compared(marks, facing, alike=alike, spread=spread, confidence=confidence)

    def tell(self, stage: Stage, changes: Changes, code: str, found: Comparison) -> None:
        """Keep what came out."""
        self.attempts.append(
            Attempt(
                stage, changes, code, found.score, found.score_error, found.loss, found.better, found.worse
            )
        )

    def _seed(self, k: int) -> int:
        """Never that of the diagnosis, with which whole trainings are made."""
        return 7919 * (self.seed + 1) + k


def _beyond(bundle: Changes, other: Changes) -> bool:
    """Whether it goes further in the direction of another that made things worse."""
    one, was = bundle[0], other[0]
    if (
        len(bundle) > 1
        or len(other) > 1
        or (one.kind, one.word, one.layer) != (was.kind, was.word, was.layer)
    ):
        return False
    return one.value < was.value < 1.0 or one.value > was.value > 1.0


def _order(mark: Mark) -> tuple[bool, float, float]:
    """What is better comes later: by the score, else by the loss."""
    loss = float(mark.loss.mean()) if len(mark.loss) else 0.0
    told = mark.told if math.isfinite(mark.told) else 0.0
    return not mark.failed, told, -loss if math.isfinite(loss) else -math.inf


def _longer_steps(bundle: Changes) -> bool:
    """Whether it does nothing else."""
    return len(bundle) == 1 and bundle[0].kind == "learning rate" and bundle[0].value > 1.0


def _plain(optimizer: Optimizer) -> bool:
    """Whether all of its steps are as long as gradients say: others bear a decade, and look best in a race
    where they are too long for the rest of a training.
    """
    return isinstance(optimizer, SGD) and not any(group["momentum"] for group in optimizer.param_groups)


def _around(bundle: Changes) -> tuple[Changes, ...]:
    """A longer and a shorter step than those of `bundle`."""
    one = bundle[0]
    return tuple((replace(one, value=one.value * factor),) for factor in (NEAR, 1.0 / NEAR))


def _level(marks: Sequence[Mark], control: Sequence[Mark]) -> bool:
    """Whether none broke down, and the mean score is no less than the control's."""
    if any(one.failed for one in (*marks, *control)):
        return False
    return sum(one.score for one in marks) >= sum(one.score for one in control)


def _failed(stage: Stage, changes: Changes, code: str, error: Exception) -> Attempt:
    return Attempt(stage, changes, code, math.nan, math.nan, math.nan, False, False, str(error))
