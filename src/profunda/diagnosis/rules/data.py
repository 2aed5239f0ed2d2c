"""Rules of the area data: numbers that are not finite, rows that say nothing or leak, a class left out."""

import math

import numpy as np

from profunda.diagnosis.finding import Answer, Change, Evidence, Finding
from profunda.diagnosis.givens import Rows, Targets
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules import scales
from profunda.diagnosis.rules.consequences import STALLED, WILD
from profunda.diagnosis.rules.coverage import trained_on_validation
from profunda.diagnosis.rules.reached import reached
from profunda.diagnosis.rules.readings import LEAST_STEPS
from profunda.diagnosis.rules.rule import Rule, clear, not_applicable, too_little
from profunda.diagnosis.rules.trends import trend

__all__ = ["RULES"]

CONSTANT = 0.9
"""Share of columns that do not differ: margins of pictures and unused one-hot columns stay below."""

REPEATED = 0.5
"""Share of columns that are another one again, or one number other than 0: tables have some of these,
and a step that made them all alike has most."""

UNSEEN = 0.05
"""Share of validation rows of classes that training rows do not have; a random split misses the rarest."""

MOSTLY = 0.9
"""Of the rows without a finite target that hold −∞: the others may hold what the same column lacks."""

NEARLY, WIDE = 0.25, 6.0
"""Share of validation rows far nearer to a training row than rows are by chance, and the dimensions in which
that is told: of fewer, columns of a few levels bring rows as near."""

OVERLAP = 0.25
"""Share of validation windows that are a training window but for one place; where a series was cut in two
before its windows were taken, it is those at the cut."""

WHOLE = 0.5
"""Of these: where so many rows coincide as they stand, they do so moved by a place too, by chance."""

LEAK_FAULT, LEAK_HINT = 0.05, 0.01
"""Share of validation rows that are known beyond chance: a score of 80 % then reads 81 %, or 80.2 %."""

SURE = 4.0
"""Standard errors: once in 30,000 healthy programs."""

FINE, OWN = 0.5, 0.05
"""Where a column tells half of the rows apart, real rows are twins by chance seldom, and OWN leaves room for
what is copied by mistake in good tables; a larger share was made by copying rows before the split."""

FEWER = 0.1
"""Different rows over all: of fewer, a column that tells them apart has levels, as doses of a trial."""

CROWDED = 0.25
"""Share of twins with a neighbour in nearly all columns: by chance rows coincide in all columns only where
many more coincide in all but one or two."""

MANY = 4
"""Columns of a table, of which most can be alike."""

RARE, FEW = 0.4, 10
"""A class is rare with less than RARE/C of the rows; of less than FEW rows nothing can be said."""

IGNORED, TOLD = 0.05, 0.5
"""Recall below which a class is ignored, and above which simple predictors tell it when classes count
alike."""

MISSED = 2.0 / 3.0
"""Of what these tell of a rare class: below, the network misses a third of what can be told."""

WEIGHED = 2.0
"""Gradient of a row of a rare class over that of a frequent one, from which the loss was weighted for it."""


_BALANCED = (
    "Weight the loss by 1/share of the class, or draw its rows more often, and judge by a score that counts "
    "classes alike."
)

UNDERWAY = 0.1
"""Part of the constant's loss, or of all that was taken away, by which a run that is still learning falls in
its last third; a straight line falls by a third."""


def _inputs_not_finite(record: Record) -> Answer:
    code = "inputs-not-finite"
    rows = record.rows
    if rows is None or not rows.seen:
        return not_applicable(code, "No rows were seen.")
    if rows.bad <= 0.0:
        return clear(code)
    if _stood(record) or (rows.kind == "other" and record.course is None):
        return clear(code, "Some inputs are not finite, and the network knows what to do with them.")
    return (
        Finding(
            code,
            "fault",
            "",
            (Evidence("share of rows with NaN or infinity", rows.bad, 0.0),),
            f"{rows.bad:.2%} of the rows hold NaN or infinity; one of them makes the loss and all gradients "
            "of its batch NaN, and with them every weight.",
            "Fill or drop these numbers before training, and look for the division or logarithm that made "
            "them.",
            explains=WILD,
        ),
    )


def _targets_not_finite(record: Record) -> Answer:
    code = "targets-not-finite"
    targets = record.targets
    if targets is None:
        return not_applicable(code, "No targets were seen.")
    broken = targets.bad - targets.outside
    if broken <= 0.0:
        return clear(code)
    if _stood(record):
        return clear(code, "Some targets are not finite, and the loss leaves them out.")
    return (
        Finding(
            code,
            "fault",
            "",
            (Evidence("share of rows whose target is NaN or infinite", broken, 0.0),),
            f"{broken:.2%} of the targets are NaN or infinite: the loss of their batches is not a number, "
            "and neither is any weight after the step.",
            _whole_again(targets, broken),
            explains=WILD,
        ),
    )


def _whole_again(targets: Targets, broken: float) -> str:
    """Rows of a logarithm of 0 are those of the least amounts: without them the rest tells another story."""
    if targets.sunken >= MOSTLY * broken:
        return (
            "−∞ is the logarithm of 0: take log1p, or a likelihood of the amounts (PoissonNLLLoss). Without "
            "these rows nothing is learnt of the least amounts, so that it does not do to drop them."
        )
    return "Drop these rows, or leave them out of the loss with a mask."


def _stood(record: Record) -> bool:
    """Whether all rows were trained on and nothing broke."""
    course, rows = record.course, record.rows
    if course is None or rows is None or course.broken_step >= 0 or course.steps < 1:
        return False
    losses = np.asarray(course.loss, float)
    return bool(len(losses)) and bool(np.isfinite(losses).all()) and float(course.rows.sum()) >= rows.seen


def _inputs_constant(record: Record) -> Answer:
    code = "inputs-constant"
    rows = record.rows
    if rows is None or rows.seen < 2 or not rows.std.size:
        return not_applicable(code, "Fewer than two rows of numbers were seen.")
    still = float((rows.std == 0).mean())
    if still == 1.0:
        return (
            Finding(
                code,
                "fault",
                "",
                (Evidence("share of numbers that are the same in all rows", 1.0, CONSTANT),),
                f"All {rows.seen} rows are equal, so no output can depend on the row.",
                "Look for a loader that gives one row again and again, or a step that overwrites all rows.",
                explains=("labels-unrelated", "labels-conflicting", *STALLED),
            ),
        )
    plain = rows.kind == "numbers" and len(rows.shape) == 1 and rows.std.size >= MANY and rows.seen >= 64
    for share, what in (
        (rows.repeated, "are another column again, but for its unit"),
        (float(((rows.std == 0) & (rows.mean != 0)).mean()), "are one number, other than 0, in all rows"),
    ):
        if plain and share >= REPEATED:
            return (_says_little(share, what),)
    if still < CONSTANT or rows.kind == "images" or rows.seen < 64 or rows.std.size < 10:
        return clear(code)
    if _sparse_rows(record):
        return clear(code, "Columns that are mostly 0 may not have occurred yet.")
    return (
        Finding(
            code,
            "hint",
            "",
            (Evidence("share of columns that are the same in all rows", still, CONSTANT),),
            f"{still:.0%} of the columns are the same in all {rows.seen} rows and tell nothing.",
            "Check the step that made them; leave them out if they are meant so.",
            harm=0.1,
        ),
    )


def _says_little(share: float, what: str) -> Finding:
    return Finding(
        "inputs-constant",
        "hint",
        "",
        (Evidence(f"share of columns that {what}", share, REPEATED),),
        f"{share:.0%} of the columns {what}: they tell nothing more.",
        "Look at the step that made them: a column written to all, an index that does not advance, a join "
        "that found nothing.",
        harm=0.2,
        explains=("no-learning", "plateau", "too-small", "too-few-epochs"),
    )


def _sparse_rows(record: Record) -> bool:
    rows = record.rows
    return rows is not None and bool(((rows.least == 0) & (rows.mean < rows.std)).any())


# Leaks ----------------------------------------------------------------------------------------------


def _rows_leak(record: Record) -> Answer:
    code = "rows-leak"
    trained = trained_on_validation(record)
    if trained:
        return trained
    rows = record.rows
    if rows is None or not rows.compared or not math.isfinite(rows.common):
        return not_applicable(code, "There is no validation.")
    near = rows.close if math.isfinite(rows.close) else 0.0
    found = rows.common + near
    different = rows.seen * (1.0 - rows.doubles) + rows.groups
    fine = rows.finest > FINE and different > FEWER * rows.seen
    made = fine or rows.copied or rows.crowded < CROWDED
    natural = min(rows.doubles, OWN) if made else rows.doubles
    pooled = (found * rows.compared + natural * rows.seen + 1.0) / (rows.compared + rows.seen + 1.0)
    error = math.sqrt(pooled * max(0.01, 1.0 - pooled) * (1.0 / rows.compared + 1.0 / rows.seen))
    excess = found - natural
    if excess <= SURE * error or excess <= LEAK_HINT:
        return _copies_altered(code, rows)
    fault = excess - 2.0 * error > LEAK_FAULT
    return (
        Finding(
            code,
            "fault" if fault else "hint",
            "",
            (
                Evidence("share of validation rows that are training rows", found, natural + SURE * error),
                Evidence("share of training rows that are twins", rows.doubles),
            ),
            f"{found:.0%} of the validation rows are training rows{', some changed' * (near > 0.01)}; "
            f"by chance {natural:.0%} would be. The score measures how well they were remembered.",
            "Split before rows are copied, augmented or drawn with replacement, and keep all copies of a row "
            "on one side.",
            harm=min(1.0, excess),
        ),
    )


def _copies_altered(code: str, rows: Rows) -> Answer:
    """Validation rows that are no training rows, and yet made of them."""
    held = rows.held
    if held is None:
        return clear(code)
    if held.altered > LEAK_FAULT:
        what, share = "mirrored, turned or moved by a pixel", held.altered
    elif held.near > NEARLY and held.dimensions > WIDE:
        what, share = "with a little noise, or another brightness", held.near
    elif held.moved > OVERLAP and rows.doubles < WHOLE * held.moved:
        what, share = "a place further, windows of one series that overlap", held.moved
    else:
        return clear(code)
    return (
        Finding(
            code,
            "hint",
            "",
            (Evidence(f"share of validation rows that are training rows {what}", share, LEAK_FAULT),),
            f"{share:.0%} of the validation rows are training rows {what}: the score measures how well these "
            "were remembered.",
            "Split first, and augment the training rows alone afterwards; cut a series in two, with a gap, "
            "before windows are taken.",
            harm=min(1.0, share),
        ),
    )


# A class left out -----------------------------------------------------------------------------------


def _class_imbalance(record: Record) -> Answer:
    code = "class-imbalance"
    task, targets = record.task, record.targets
    if task is None or targets is None or task.kind not in ("classes", "binary") or targets.counts.sum() < 1:
        return not_applicable(code, "Targets are no classes.")
    held = None if record.rows is None else record.rows.held
    if held is not None and held.unseen > UNSEEN:
        return (_never_trained(held.unseen),)
    counts = np.asarray(targets.counts, float)
    present = counts > 0
    shares = counts / counts.sum()
    rare = present & (shares < RARE / max(2, int(present.sum())))
    if not rare.any():
        return clear(code)
    rare &= counts >= FEW
    if not rare.any() or len(targets.told) < len(counts):
        return too_little(
            code, "Too few rows of the rare class were seen, or whether it can be told is open."
        )
    rare &= _tellable(targets, len(counts))
    if not rare.any():
        return clear(code, "Nothing tells the rare class.")
    later = [one for one in record.surveys if one.step >= LEAST_STEPS]
    recall = _recall(later[-1].recall, later[-1].train_score, shares) if later else None
    if not later:
        return _before_training(code, record, targets, rare)
    if recall is None or len(recall) > len(rare):
        return not_applicable(code, "It is not known which classes the network tells.")
    left = np.flatnonzero(rare[: len(recall)] & (recall < MISSED * targets.told[: len(recall)]))
    if not len(left):
        return clear(code)
    if _learning(record) and _weighed(record, left):
        return too_little(code, "The loss still falls; the frequent class is what every network says first.")
    worst = int(left[np.argmin(recall[left] - targets.told[left])])
    return (_seldom_said(record, targets, worst, float(recall[worst]), later[-1].step),)


def _never_trained(share: float) -> Finding:
    return Finding(
        "class-imbalance",
        "fault",
        "",
        (Evidence("share of validation rows of classes without a training row", share, UNSEEN),),
        f"{share:.0%} of the validation rows are of classes that no training row has: rows were sorted when "
        "they were split, or classes numbered otherwise.",
        "Shuffle rows before they are split, each class in the same shares (stratified).",
        harm=min(1.0, share),
        explains=("overfitting", "output-width", "labels-unrelated"),
    )


def _before_training(code: str, record: Record, targets: Targets, rare: np.ndarray) -> Answer:
    """What is owed before it is known what the network makes of it: a question."""
    left = np.flatnonzero(rare)
    if _weighed(record, left) or (record.course is not None and record.course.finished):
        return too_little(code, "Too little training was seen.")
    counts = np.asarray(targets.counts, float)
    worst = int(left[np.argmin(counts[left])])
    share, told = float(counts[worst] / counts.sum()), float(targets.told[worst])
    return (
        Finding(
            code,
            "hint",
            "",
            (
                Evidence("its share of the rows", share, RARE / max(2, int((counts > 0).sum()))),
                Evidence("found by neighbours or a linear model", told, TOLD),
            ),
            f"Class {worst} has {share:.1%} of the rows, and the loss counts all rows alike: it is low where "
            "the frequent class is always said.",
            _BALANCED,
            changes=(Change("loss", word="class weights"),),
            harm=0.1,
        ),
    )


def _weighed(record: Record, rare: np.ndarray) -> bool:
    """Whether the loss gives rows of these classes more weight, or that is not known."""
    weights = () if record.loss is None else record.loss.weights
    if len(weights) <= int(rare.max()):
        return True
    return not bool((np.asarray(weights)[rare] < WEIGHED).all())


def _tellable(targets: Targets, many: int) -> np.ndarray:
    """Of each of the first `many` classes, whether neighbours or a linear model surely find it."""
    counts, told = np.asarray(targets.counts, float), targets.told[:many]
    chance = 1.0 / (counts > 0).sum()
    sure = 3.0 * np.sqrt(0.25 / np.maximum(counts[:many] * targets.rows / counts.sum(), 1.0))
    return (told > TOLD) & (told > chance + sure) & (targets.skill > 2.0 * targets.skill_error)


def _seldom_said(record: Record, targets: Targets, worst: int, recall: float, step: int) -> Finding:
    counts = np.asarray(targets.counts, float)
    present, share, told = int((counts > 0).sum()), float((counts / counts.sum())[worst]), targets.told[worst]
    never = recall < IGNORED
    return Finding(
        "class-imbalance",
        "fault" if never and reached(record).failed and not _learning(record) else "hint",
        "",
        (
            Evidence(f"recall of class {worst}", recall, MISSED * float(told)),
            Evidence("found by neighbours or a linear model", float(told), TOLD),
            Evidence("its share of the rows", share, RARE / present),
        ),
        f"Class {worst} has {share:.1%} of the rows and is {'never' if never else 'seldom'} said, though "
        "inputs tell it: the loss is already low where the frequent class is always said.",
        _BALANCED,
        step=step,
        changes=(Change("loss", word="class weights"),),
        harm=(float(told) - recall) / max(2, present),
        explains=("no-learning", "plateau", "input-ignored") if never else (),
    )


def _learning(record: Record) -> bool:
    """Whether the loss still falls: in the last third by a part of the constant's and of all its fall."""
    if record.course is None or record.loss is None or not record.loss.trivial > 0.0:
        return False
    seen = trend(record.course.loss)
    return seen is not None and seen.falls and seen.fall > UNDERWAY * max(record.loss.trivial, seen.whole)


def _recall(recall: np.ndarray, score: float, shares: np.ndarray) -> np.ndarray | None:
    """Measured; or of a network whose share of right rows is that of the frequent class, to a thousandth."""
    if len(recall):
        return np.nan_to_num(np.asarray(recall, float), nan=1.0)
    if abs(score - float(shares.max())) < 1e-3:
        return (np.arange(len(shares)) == int(shares.argmax())).astype(float)
    return None


RULES: tuple[Rule, ...] = (
    Rule("inputs-not-finite", _inputs_not_finite),
    *scales.RULES[:2],
    Rule("inputs-constant", _inputs_constant),
    Rule("targets-not-finite", _targets_not_finite),
    *scales.RULES[2:],
    Rule("rows-leak", _rows_leak),
    Rule("class-imbalance", _class_imbalance),
)
"""Of all codes of the area, in their order."""
