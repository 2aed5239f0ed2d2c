"""One faulty program, repaired as a user would, beside what it reaches as it is and without its mistake."""

import math
import statistics
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import profunda
from _programs.fitting import fit
from _programs.program import Case, Plan
from _programs.verdicts import HARM, Share, share

__all__ = ["Mended", "Tally", "mended", "tally"]

WITHIN = 0.05
"""Part of the fixed twin's score that a repaired program may lack."""


THEIRS = (
    "answer-seen",
    "inputs-constant",
    "input-ignored",
    "labels-conflicting",
    "labels-unrelated",
    "part-unused",
    "rows-leak",
    "rows-mixed",
)
"""What changes of a training mend now and then only: rows that say nothing, labels of which a part is wrong
beyond doubt, and lines within the network's own forward (an option of a layer that is to blame can be set).
They count among all runs, and not where changes can."""


@dataclass(frozen=True)
class Mended:
    """Scores on clean rows: of the faulty program, of its fixed twin, and repaired. `cost` in rows of one
    whole training: the diagnosis's own, races, and whole trainings, all of them.
    """

    program: str
    fault: str
    seed: int
    faulty: float
    fixed: float
    repaired: float
    cost: float
    codes: str
    changes: str
    seconds: float
    error: str = ""

    @property
    def near(self) -> bool:
        """Whether it is within 5 % of the twin's score; of scores near 0 within what counts as no harm."""
        return self.repaired >= self.fixed - max(WITHIN * abs(self.fixed), HARM)

    def __str__(self) -> str:
        scores = f"{self.faulty:7.3f} → {self.repaired:6.3f} of {self.fixed:6.3f}"
        mark = " " if self.near else "!"
        what = self.error or f"{self.codes} | {self.changes or 'nothing changed'}"
        return f"{mark} {self.program:36}{self.fault:26}{scores} {self.cost:5.2f} trainings  {what}"


@dataclass(frozen=True)
class Tally:
    """Shares by name, the median cost, and what went wrong."""

    shares: Mapping[str, Share]
    cost: float
    wrong: tuple[str, ...]


def mended(case: Case, seed: int) -> Mended:
    """Repair it; what is raised leaves it as it was."""
    start = time.perf_counter()
    assert isinstance(case.faulty, Plan)
    assert isinstance(case.fixed, Plan)
    faulty, fixed = fit(case.faulty(seed), seed), fit(case.fixed(seed), seed)
    made = case.faulty(seed)
    reached, cost, codes, changes, error = faulty, 0.0, "", "", ""
    try:
        found = profunda.repair(
            made.model,
            made.data,
            made.loss_fn,
            optimizer=made.optimizer(made.model),
            validation=made.validation,
            batch_size=made.batch_size,
            epochs=made.epochs,
            seed=seed,
        )
        reached, cost = _scored(case, found, seed), found.cost
        codes = " ".join(one.code for one in found.diagnosis.findings)
        changes = "; ".join(f"{one.kind} {one.word} {one.value:.3g}" for one in found.changes)
    except Exception as raised:
        error = f"{type(raised).__name__}: {str(raised)[:200]}"
    seconds = time.perf_counter() - start
    return Mended(case.name, case.fault, seed, faulty, fixed, reached, cost, codes, changes, seconds, error)


def _scored(case: Case, found: profunda.Repair, seed: int) -> float:
    """By whoever reads the outputs: where these are something else than they were, as the repair says (logits
    and not probabilities, a score for each class and not its number), that is whoever reads the twin's.
    """
    assert isinstance(case.faulty, Plan)
    assert isinstance(case.fixed, Plan)
    moved = any(one.kind == "head" for one in found.changes)
    judge = (case.fixed if moved else case.faulty).judge
    return judge(found.model, case.faulty.rows(seed))


def tally(every: Sequence[Mended]) -> Tally:
    """Of all runs; worse are programs whose mean is more than two standard errors below the faulty one's."""
    groups: defaultdict[str, list[Mended]] = defaultdict(list)
    for one in every:
        groups[one.program].append(one)
    shares = {
        "within 5 % of the twin": share(one.near for one in every),
        "the same, where changes can": share(one.near for one in every if one.fault not in THEIRS),
        "programs within 5 %": share(
            statistics.fmean(one.repaired for one in some)
            >= (fixed := statistics.fmean(one.fixed for one in some)) - max(WITHIN * abs(fixed), HARM)
            for some in groups.values()
        ),
        "made worse, programs": share(_worse(some) for some in groups.values()),
        "changed": share(bool(one.changes) for one in every),
        "ended in an error": share(bool(one.error) for one in every),
    }
    cost = statistics.median(one.cost for one in every) if every else math.nan
    wrong = tuple(str(one) for one in every if not one.near or one.error)
    return Tally(shares, cost, wrong)


def _worse(some: Sequence[Mended]) -> bool:
    gains = [one.repaired - one.faulty if one.changes else 0.0 for one in some]  # else it is the original
    error = statistics.stdev(gains) / math.sqrt(len(gains)) if len(gains) > 1 else 0.0
    return statistics.fmean(gains) < -max(2.0 * error, HARM)
