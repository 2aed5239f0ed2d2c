"""Changes against the training as it is: short races, whole trainings for what races cannot tell, a check."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from profunda.diagnosis.candidates import LONG, Proposal
from profunda.diagnosis.codes import Area
from profunda.diagnosis.diagnosis import Diagnosis
from profunda.diagnosis.feeding import Feed
from profunda.diagnosis.finding import Change
from profunda.diagnosis.marks import Comparison, Judge, Mark, compared
from profunda.diagnosis.recipes import Recipe, changed
from profunda.diagnosis.repairs import Attempt, Stage
from profunda.diagnosis.runs import Ran, run
from profunda.diagnosis.supplies import Supply

__all__ = ["Contest", "Entry"]

SEEDS = 3
"""Of a race."""

SHARE, LEAST, MOST = 1.0 / 20.0, 20, 0.25
"""A race takes this part of a whole training, at least so many steps where that is not more than MOST."""

USUAL = 1.5
"""Trainings, the final one included, up to which changes of another kind are raced though one has won; they
must be ahead of it by a standard error."""

CERTAIN: tuple[Area, ...] = ("data", "labels", "loop", "loss", "output")
"""Faults of these areas are so by themselves: what mends them is trained in full though no race shows it."""

CERTAINLY = 1e6
"""Before all that only looks better."""

FAILED = Mark(np.empty(0), np.empty(0), math.nan, True)

Changes = tuple[Change, ...]


@dataclass(frozen=True)
class Entry:
    """A network trained in full with `changes`."""

    changes: Changes
    module: nn.Module
    mark: Mark


class Contest:
    """One search. `trained` is the original after the diagnosis's training, with `seed`. `moved` judges by
    labels that are moved too, for recipes that move them: those that judge may be out of step as well.

    To be used where random numbers may be drawn. `attempts` and `notes` grow, `cost` is in whole trainings.
    """

    def __init__(
        self,
        start: Recipe,
        supply: Supply,
        judge: Judge,
        feed: Feed,
        diagnosis: Diagnosis,
        trained: nn.Module,
        budget: float,
        seed: int,
        tick: Callable[[int, int], object],
        moved: Judge | None = None,
    ) -> None:
        self.start, self.supply, self.judge, self.feed = start, supply, judge, feed
        self._trained, self._moved = trained, moved
        self.budget, self.seed, self.tick = budget, seed, tick
        course = diagnosis.record.course
        seen = 0 if course is None else int(np.nansum(course.rows))
        one = supply.whole.rows if supply.whole is not None else seen // max(1, start.parts.epochs)
        self.whole = max(1, one * start.parts.epochs)
        steps = math.ceil(self.whole / max(1, start.parts.batch_size))
        self.short = math.ceil(self.whole * min(MOST, max(SHARE, LEAST / steps)))
        self.passed = 0
        self.attempts: list[Attempt] = []
        self.notes: list[str] = []
        self.doubted = any(one.area == "loss" for one in diagnosis.faults)
        self._waiting: list[tuple[float, Changes]] = []
        self.raced: dict[Changes, list[Mark]] = {}
        self.original = self._mark(Ran(trained, 0), start)

    @property
    def cost(self) -> float:
        """Rows trained on, in whole trainings."""
        return self.passed / self.whole

    def recipe(self, changes: Changes, seed: int) -> Recipe:
        """The start with `changes` carried out; what they draw, `seed` decides. Raises what they raise."""
        found = self.start
        for change in changes:
            found = changed(change, found, self.feed, seed=seed)
        return found

    # The search -----------------------------------------------------------------------------------------

    def search(self, proposals: Sequence[Proposal]) -> Entry:
        """The best that was trained in full; the original where nothing is better."""
        best = Entry((), self._trained, self.original)
        try:
            adopted = self._adopted(proposals)
            if adopted:
                best = self._checked(adopted, best)
            waiting = sorted(self._waiting, key=lambda pair: -pair[0])
            for _, changes in waiting if not best.changes else ():
                if self._left() >= self._price(changes):
                    best = self._in_full(changes, best)
                if best.changes:
                    break
        except KeyboardInterrupt:
            self.notes.append("Interrupted: the best that was trained in full until then is returned.")
        return best

    def _adopted(self, proposals: Sequence[Proposal]) -> Changes:
        """Each proposal alone; then, on top of the best one, those of other faults, and hints that helped."""
        named = [one for one in proposals if one.finding is not None]
        alone = [(self._raced(one, ()), one) for one in named]
        won = [(found, one) for found, one in alone if found is not None]
        if not won and not any(gain > 0.0 for gain, _ in self._waiting):
            others = (self._raced(one, ()) for one in proposals if one.finding is None)
            return next((found[1] for found in others if found is not None), ())
        if not won:
            return ()
        (_, adopted), first = max(won, key=lambda pair: pair[0][0])
        for found, one in alone:
            fault = one.finding is not None and one.finding.severity == "fault"
            if one is not first and (fault or found is not None):
                more = self._raced(one, adopted)
                adopted = adopted if more is None else more[1]
        return adopted

    def _raced(self, proposal: Proposal, adopted: Changes) -> tuple[float, Changes] | None:
        """`adopted` and a bundle of the proposal that is better on top, with its gain: of one kind, such as
        learning rates, the best; of several kinds the first unless a later one is clearly ahead. What may
        help all the same waits for a whole training.
        """
        best: tuple[float, Changes] | None = None
        for place, bundle in enumerate(proposal.bundles):
            changes = (*adopted, *bundle)
            if any(change.kind in LONG for change in bundle):
                if not adopted:
                    self._waiting.append((0.0, changes))
                continue
            needed = SEEDS * self.short * (1 if adopted in self.raced else 2) / self.whole
            other = best is not None and bundle[0].kind != best[1][len(adopted)].kind
            if other and self.cost + needed + 1.0 > USUAL:
                continue
            if self._left() - needed < (1.0 if adopted or best or not self._waiting else 0.0):
                self._note("The budget was spent before all changes were tried.")
                break
            finding = proposal.finding
            found = self._race(changes, adopted, "" if finding is None else finding.code)
            if found is None:
                continue
            gain = found.score if not math.isnan(found.score) else found.loss
            ahead = found.score_error if other and not math.isnan(found.score_error) else 0.0
            if found.better and (best is None or gain > best[0] + ahead):
                best = gain, changes
            fault = finding is not None and finding.severity == "fault"
            certain = fault and finding is not None and finding.area in CERTAIN
            if not adopted and not found.better and (found.leans or (fault and not found.worse)):
                self._waiting.append((CERTAINLY - place if certain else gain, changes))
        return best

    def _race(self, changes: Changes, adopted: Changes, code: str) -> Comparison | None:
        try:
            recipes = [self.recipe(changes, self._seed(k)) for k in range(SEEDS)]
        except Exception as error:  # this network, loss or optimiser has no such thing
            self.attempts.append(_failed("race", changes, code, error))
            return None
        marks = self._short(changes, recipes)
        if adopted not in self.raced:
            self._short(adopted, [self.recipe(adopted, self._seed(k)) for k in range(SEEDS)])
        alike = self._alike(changes, adopted)
        found = compared(marks, self.raced[adopted], alike=alike)
        self._tell("race", changes, code, found)
        return found

    def _short(self, changes: Changes, recipes: Sequence[Recipe]) -> list[Mark]:
        marks: list[Mark] = []
        for k, recipe in enumerate(recipes):
            marks.append(self._run(recipe, self._seed(k), self.short)[1])
            if marks[-1].failed and changes:  # one that breaks down cannot be adopted
                marks += [FAILED] * (len(recipes) - len(marks))
                break
        self.raced[changes] = marks
        return marks

    # Whole trainings ------------------------------------------------------------------------------------

    def _in_full(self, changes: Changes, best: Entry) -> Entry:
        """`changes` where one whole training is better than the original's by test, else `best`."""
        made = self._full(changes, "full")
        if made is None:
            return best
        entry, found = made
        self._tell("full", changes, "", found)
        return entry if found.better else best

    def _checked(self, adopted: Changes, best: Entry) -> Entry:
        """`adopted` unless the whole training is worse than the original's."""
        while adopted:
            made = self._full(adopted, "check")
            if made is None:
                return best
            entry, found = made
            self._tell("check", adopted, "", found)
            short = -found.score > max(found.score_error, 0.0)
            if not found.worse and not short:
                return entry
            adopted = adopted[:-1]  # the first cause alone may do
            if self._left() < self._price(adopted):
                break
        return best

    def _full(self, changes: Changes, stage: Stage) -> tuple[Entry, Comparison] | None:
        try:
            recipe = self.recipe(changes, self.seed)
        except Exception as error:
            self.attempts.append(_failed(stage, changes, "", error))
            return None
        rows = round(self.whole * recipe.parts.epochs / self.start.parts.epochs)
        ran, mark = self._run(recipe, self.seed, rows)
        spread = self._spread(changes)
        found = compared([mark], [self.original], alike=self._alike(changes, ()), spread=spread)
        return Entry(changes, ran.module, mark), found

    def _spread(self, changes: Changes) -> float:
        """Variance between seeds of the score's difference, as the race showed it."""
        one, other = self.raced.get(changes), self.raced.get(())
        if not one or not other or any(each.failed for each in (*one, *other)):
            return math.nan
        return float(np.var([a.score - b.score for a, b in zip(one, other, strict=True)], ddof=1))

    # What all of it needs -------------------------------------------------------------------------------

    def _run(self, recipe: Recipe, seed: int, rows: int) -> tuple[Ran, Mark]:
        most = round(self.budget * self.whole)

        def tick(more: int) -> None:
            self.passed += more
            self.tick(self.passed, most)

        ran = run(
            recipe,
            self.supply,
            seed=seed,
            rows=rows,
            whole=rows if rows > self.short else self.whole,
            tick=tick,
        )
        return ran, self._mark(ran, recipe)

    def _mark(self, ran: Ran, recipe: Recipe) -> Mark:
        if ran.failed:
            return FAILED
        try:
            found = self.judge(ran.module, recipe.parts.loss_fn)
            if not recipe.shift or self._moved is None:
                return found
            other = self._moved(ran.module, recipe.parts.loss_fn)
            return other if other.score > found.score else found
        except Exception:  # outputs that go with no targets
            return FAILED

    def _alike(self, changes: Changes, control: Changes) -> bool:
        """Whether both minimise the same loss, and one that can be believed."""
        more = changes[len(control) :]
        mended = any(one.kind == "loss" for one in control)
        return not any(one.kind == "loss" for one in more) and (mended or not self.doubted)

    def _seed(self, k: int) -> int:
        """Never that of the diagnosis, with which the end is checked."""
        return 7919 * (self.seed + 1) + k

    def _left(self) -> float:
        return self.budget - self.cost

    def _price(self, changes: Changes) -> float:
        return math.prod(one.value for one in changes if one.kind == "epochs")

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)

    def _tell(self, stage: Stage, changes: Changes, code: str, found: Comparison) -> None:
        self.attempts.append(
            Attempt(
                stage, changes, code, found.score, found.score_error, found.loss, found.better, found.worse
            )
        )


def _failed(stage: Stage, changes: Changes, code: str, error: Exception) -> Attempt:
    return Attempt(stage, changes, code, math.nan, math.nan, math.nan, False, False, str(error))
