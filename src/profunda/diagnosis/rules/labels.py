"""Rules of the area labels: whether they belong to their rows."""

import math
from statistics import NormalDist

from profunda.diagnosis.finding import Answer, Change, Evidence, Finding, Silence
from profunda.diagnosis.givens import Rows, Targets
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.rule import Rule, clear, not_applicable, too_little
from profunda.diagnosis.rules.unrelated import BARREN, DOUBLE_SIDED, PART, RULE
from profunda.diagnosis.skills import DEEP

__all__ = ["RULES", "overlap", "wilson"]

MOVED = 0.03
"""Moved labels are told to some use."""

ALPHA = 1e-3
"""Once in a thousand programs whose labels are right, over all moves together (Bonferroni)."""

SERIAL = 0.1
"""Rows that follow from the row before to this share of their variance: series and sliding windows, in which
a neighbour's label may be known for good reasons."""

NOISY = 0.04
"""One label in 25, by the lower end of Wilson's interval: with fewer, the border between classes is as
much."""

THIN, UNSURE = 25, 0.1
"""Rows of a class below which the ten neighbours of a row reach to its border, so that its midst is not told
well, and what then must be wrong of its labels."""

EVEN, EVEN_LEAST = 3.0, 0.08
"""Standard errors by which more of what is surer said is wrong than where classes overlap, and the least
share, by the lower end of its interval: sound tables stay below 2.5 where as much is wrong."""

AGAINST = 0.2
"""Of validation rows that the network is surest of, the share with another label, by the lower end of its
interval: sound networks stay below 0.12, also where they are right on little more than half of all."""

PAIRED = 0.9
"""Of the labels borne instead, the share that is one for each class: where half of what is said is wrong and
nearly all of that is one other class, nothing tells the two apart."""

CONSISTENT = 0.6
"""Wrong labels leave (1 - noise)² of the skill. Where classes overlap as much that even their midst is mixed,
less than half of that is there."""

AMOUNTS = 0.02
"""Share of orders of the labels that suit inputs as well as that of numbers: of five, one and its reverse."""

CONFLICT_FAULT, CONFLICT_HINT, GROUPS = 0.05, 0.01, 10
"""Shares of all rows with a double of another label, and how many different rows must occur twice."""

LOST = 0.15
"""Of what is asked: rows rounded that far lose more than a seventh of it."""

FINE = 0.5
"""Where a column tells so many of the rows apart, none are equal by coincidence."""


def wilson(share: float, n: int, z: float = DOUBLE_SIDED) -> tuple[float, float]:
    """Wilson's interval for a share seen on `n` rows.

    >>> [round(end, 3) for end in wilson(0.5, 96)]
    [0.4, 0.6]
    """
    if n < 1:
        return 0.0, 1.0
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


# Shifted --------------------------------------------------------------------------------------------


def _labels_shifted(record: Record) -> Answer:
    code = "labels-shifted"
    targets, rows = record.targets, record.rows
    if targets is None:
        return not_applicable(code, "No targets were seen.")
    if _counted_from_one(record, targets):
        return (_from_one(code, targets),)
    if not math.isfinite(targets.shifted) or targets.moves < 1 or rows is None:
        return not_applicable(code, "Whether moved labels fit better was not measured.")
    if not targets.skill < PART * targets.shifted:
        return clear(code)
    if rows.serial > SERIAL:
        return too_little(
            code, "Rows follow from one another: neighbours' labels may be known for good reasons."
        )
    limit = NormalDist().inv_cdf(1.0 - ALPHA / targets.moves)
    error = max(1e-12, math.hypot(targets.shifted_error, targets.skill_error))
    errors = (targets.shifted - targets.skill) / error
    if errors <= limit or targets.shifted < MOVED:
        return clear(code)
    rows_moved = "1 row" if abs(targets.shift) == 1 else f"{abs(targets.shift)} rows"
    by = f"{rows_moved} {'earlier' if targets.shift < 0 else 'later'}"
    return (
        Finding(
            code,
            "fault",
            "",
            (
                Evidence("skill with labels moved", targets.shifted, targets.skill),
                Evidence("standard errors between them", errors, limit),
                Evidence("moved by", float(targets.shift), unit="rows"),
            ),
            f"Inputs tell {targets.skill:.0%} of the labels' variance as they stand, and "
            f"{targets.shifted:.0%} if each label is moved {by}: rows and labels are out of step.",
            f"Look for the roll, shift or lost first line between them, and move labels {by}.",
            explains=("labels-unrelated", "labels-noisy", "labels-conflicting", *BARREN),
        ),
    )


def _counted_from_one(record: Record, targets: Targets) -> bool:
    task = record.task
    if (
        task is None
        or task.kind not in ("classes", "sequence")
        or len(task.outputs) < 2
        or targets.outside <= 0
    ):
        return False
    width = task.outputs[1]
    none = len(targets.counts) > 0 and targets.counts[0] == 0
    return task.kind == "classes" and bool(none) and targets.least == 1.0 and targets.most == float(width)


def _from_one(code: str, targets: Targets) -> Finding:
    return Finding(
        code,
        "fault",
        "",
        (
            Evidence("least label", targets.least, 0.0),
            Evidence("most", targets.most, targets.most - 1.0),
            Evidence("share of rows outside of the classes", targets.outside, 0.0),
        ),
        f"Labels are counted from 1 to {targets.most:.0f}, and outputs from 0: every row asks for its "
        "neighbour's output, and the last class for one that there is not.",
        "Subtract 1 from the labels.",
        explains=("output-width", "targets-not-finite", "loss-not-finite"),
    )


# Conflicts and noise --------------------------------------------------------------------------------


def _labels_conflicting(record: Record) -> Answer:
    code = "labels-conflicting"
    rows, targets, task = record.rows, record.targets, record.task
    if rows is None or targets is None or task is None or task.kind not in ("classes", "binary", "values"):
        return not_applicable(code, "Rows have no single label.")
    apart = rows.within if task.kind == "values" else rows.conflicts / max(rows.doubles, 1e-12)
    if rows.coarse and apart > LOST:
        return (_rounded(rows, apart, task.kind == "values"),)
    if rows.conflicts <= CONFLICT_HINT or not rows.doubles > 0.0:
        return clear(code)
    if rows.groups < GROUPS or not rows.by_chance > 0.0:
        return too_little(code, f"Only {rows.groups} rows occur twice.")
    chance = rows.by_chance / rows.doubles
    share, error = rows.conflicts / rows.doubles, 0.5 / math.sqrt(rows.groups)
    skill = (
        max(0.0, targets.skill - DOUBLE_SIDED * targets.skill_error) if math.isfinite(targets.skill) else 0.0
    )
    expected = chance * (1.0 - skill) if task.kind != "values" else chance
    low = wilson(share, rows.groups)[0]
    natural = low <= expected + (0.0 if skill > 0.0 else DOUBLE_SIDED * error)
    made = (rows.copied or rows.finest > FINE) and task.kind != "values"
    if natural and not made:
        return clear(code, "Doubles disagree no more often than the task's own noise makes them.")
    fault = rows.conflicts > CONFLICT_FAULT and task.kind != "values" and not natural
    return (
        Finding(
            code,
            "fault" if fault else "hint",
            "",
            (
                Evidence(
                    "share of rows whose double has another label",
                    rows.conflicts,
                    CONFLICT_HINT if natural else expected * rows.doubles,
                ),
                Evidence("share of doubles that disagree", share, math.nan if natural else expected),
            ),
            f"{rows.conflicts:.0%} of the rows occur again with another label, {share:.0%} of those that "
            f"occur again; {_beside(natural, expected)} No function fits both.",
            "Find out which label is right and drop the others, or add the input that tells such rows apart.",
            harm=min(1.0, rows.conflicts),
            explains=("labels-noisy", "too-small", "plateau", "overfitting"),
        ),
    )


def _rounded(rows: Rows, apart: float, values: bool) -> Finding:
    what = "of their targets' variance lies between equal rows" if values else "of their doubles disagree"
    return Finding(
        "labels-conflicting",
        "hint",
        "",
        (
            Evidence("share of rows that occur again", rows.doubles),
            Evidence("share of what they are asked that equal rows do not share", apart, LOST),
        ),
        f"Every column has a few even levels, so {rows.doubles:.0%} of the rows occur again, and {apart:.0%} "
        f"{what}: no function fits more than the rest.",
        "Keep inputs as exact as they were measured: look for a rounding, a whole-number type or a unit too "
        "coarse.",
        harm=min(1.0, apart),
        explains=("labels-noisy", "too-small", "plateau", "no-learning", "too-few-epochs"),
    )


def _beside(natural: bool, expected: float) -> str:
    if natural:
        return "that is no coincidence of inputs, for such rows are copies, with labels that were given anew."
    return f"where inputs tell as much as here {expected:.0%} would."


def overlap(skill: float, classes: int, part: float = DEEP) -> float:
    """Share of rows of other classes among the surest ones said to be of one, where no label is wrong.

    A score for a class of 1/C of the rows whose squared correlation with its labels is `skill`, normal within
    the class and outside of it; the surest are a `part` of them, as many as `skills.disagreement` looks at.

    >>> round(overlap(0.2, 2), 2), round(overlap(0.8, 2), 2)
    (0.13, 0.0)
    """
    if classes < 2 or not 0.0 < skill < 1.0:
        return 0.0
    own = 1.0 / classes
    ahead, behind = math.sqrt(skill * (1.0 - own) / own), -math.sqrt(skill * own / (1.0 - own))
    normal, wide = NormalDist(), math.sqrt(1.0 - skill)

    def beyond(score: float) -> tuple[float, float]:
        mine, others = (normal.cdf((mean - score) / wide) for mean in (ahead, behind))
        return own * mine, (1.0 - own) * others

    low, high = behind - 9.0, ahead + 9.0
    for _ in range(50):
        middle = (low + high) / 2.0
        low, high = (middle, high) if sum(beyond(middle)) > part * own else (low, middle)
    mine, others = beyond(low)
    return others / (mine + others)


def overlap_of_half(mistaken: float, classes: int, part: float = 0.5) -> float:
    """The share of the surer half, or another `part`, that is wrong where classes overlap so that of all rows
    `mistaken` are.

    >>> round(overlap_of_half(0.264, 2), 2)
    0.15
    """
    low, high = 1e-4, 1.0 - 1e-4
    for _ in range(30):
        middle = (low + high) / 2.0
        low, high = (middle, high) if overlap(middle, classes, 1.0) > mistaken else (low, middle)
    return overlap(low, classes, part)


def _even(targets: Targets, present: int) -> tuple[float, float]:
    """By how many standard errors the surer half is more often wrong than where classes overlap, and the
    share expected there; (0, NaN) where it was not seen or little of it is wrong.
    """
    share, rows = targets.mistaken_surely, targets.surer
    if rows < 1 or present < 2 or wilson(share, rows)[0] < EVEN_LEAST:
        return 0.0, math.nan
    expected = overlap_of_half(targets.mistaken, present)
    return (share - expected) / math.sqrt(share * (1.0 - share) / rows + 1e-12), expected


def _evenly_wrong(record: Record, targets: Targets, errors: float, expected: float) -> Answer:
    """Of labels wrong as often where they are told surely as elsewhere."""
    code, low = "labels-noisy", wilson(targets.mistaken_surely, targets.surer)[0]
    if targets.order <= AMOUNTS or _outdone(record, low) or _paired(targets, targets.mistaken_surely):
        return clear(code, "Amounts, classes that nothing tells apart, or a network that tells more.")
    share = targets.mistaken_surely
    return (
        Finding(
            code,
            "hint",
            "",
            (
                Evidence("share of the surer half with another label", share, expected),
                Evidence("share of all rows with another label", targets.mistaken),
                Evidence("standard errors above overlapping classes", errors, EVEN),
            ),
            f"{share:.0%} of the labels are not what neighbours and a linear model say where these are "
            f"surer, and {targets.mistaken:.0%} of all: where classes overlap it were {expected:.0%}. Labels "
            "are wrong in the midst of classes as well.",
            "Look at these rows; where they cannot be put right, stop early or smooth labels.",
            changes=(Change("loss", value=round(min(0.2, share), 2), word="label smoothing"),),
            harm=min(1.0, share),
        ),
    )


def _paired(targets: Targets, wrong: float) -> bool:
    """Whether what is wrong is half of what is said of a class, and nearly all of it one other class."""
    unsure = wilson(wrong, max(1, targets.agreeing))[1] >= 0.5
    return int((targets.counts > 0).sum()) > 2 and unsure and targets.beside >= PAIRED


def _labels_noisy(record: Record) -> Answer:
    answer = _noisy_midst(record)
    targets = record.targets
    if targets is None or not isinstance(answer, Silence) or answer.why == "not applicable":
        return answer
    errors, expected = _even(targets, int((targets.counts > 0).sum()))
    if errors > EVEN:
        answer = _evenly_wrong(record, targets, errors, expected)
    found = _against_the_network(record, targets) if isinstance(answer, Silence) else None
    return answer if found is None else (found,)


def _against_the_network(record: Record, targets: Targets) -> Finding | None:
    """Of labels that differ from what the network says of rows it never saw where it is surest, when it did
    best: for rows that neighbours and a linear model do not tell, and a network does.
    """
    known = [one for one in record.surveys if one.step > 0 and math.isfinite(one.valid_loss)]
    seen = min(known, key=lambda one: one.valid_loss).against if known else None
    present = int((targets.counts > 0).sum())
    if seen is None or present < 2 or targets.order <= AMOUNTS or not seen.every < targets.mistaken:
        return None
    low, high = wilson(seen.surest, seen.rows)
    expected = overlap_of_half(seen.every, present, DEEP)
    errors = (seen.surest - expected) / math.sqrt(seen.surest * (1.0 - seen.surest) / seen.rows + 1e-12)
    twins = present > 2 and high >= 0.5 and seen.beside >= PAIRED
    if low < AGAINST or errors < EVEN or twins:
        return None
    return Finding(
        "labels-noisy",
        "hint",
        "",
        (
            Evidence("share of surely told validation rows with another label", seen.surest, expected),
            Evidence("share of all validation rows with another label", seen.every),
            Evidence("standard errors above overlapping classes", errors, EVEN),
        ),
        f"{seen.surest:.0%} of the validation labels are not what the network says where it is surest, and "
        f"{seen.every:.0%} of all: where classes overlap it were {expected:.0%}. Labels are wrong in the "
        "midst of classes as well, and those of training rows probably too.",
        "Look at these rows; where they cannot be put right, stop early or smooth labels.",
        changes=(Change("loss", value=round(min(0.2, seen.surest), 2), word="label smoothing"),),
        harm=min(1.0, seen.surest),
        explains=("overfitting",),
    )


def _noisy_midst(record: Record) -> Answer:
    code = "labels-noisy"
    targets = record.targets
    if targets is None or not math.isfinite(targets.noisy) or targets.agreeing < 1:
        return not_applicable(code, "Targets are no classes, or nothing tells them.")
    low, high = wilson(targets.noisy, targets.agreeing)
    present = int((targets.counts > 0).sum())
    apart = DOUBLE_SIDED * math.hypot(targets.skill_error, targets.held_error)  # NaN without validation
    more = targets.held_rows > targets.rows  # which tell more by themselves
    cleaner = not more and targets.held - targets.skill > apart
    told = targets.held - targets.held_error if cleaner else targets.skill - targets.skill_error
    limit = max(NOISY if targets.rows >= THIN * present else UNSURE, overlap(told, present))
    if low <= limit:
        return clear(code)
    left = max(0.0, 1.0 - targets.noisy * present / max(1, present - 1)) ** 2
    if _paired(targets, targets.noisy):
        return clear(code, "Two classes that nothing tells apart.")
    if targets.order <= AMOUNTS:
        return clear(code, "Labels are amounts: those between others have no midst of their own.")
    if _outdone(record, low) and not cleaner:
        return clear(code, "The network tells more validation labels than are right by that.")
    far = cleaner and targets.held - apart > 2.0 * targets.skill  # clean validation rows show what there is
    if (targets.skill < CONSISTENT * left and not far) or left < 0.02:
        return clear(code, "Classes overlap, and so do their labels.")
    return (_noise(targets, limit, low, high),)


def _noise(targets: Targets, limit: float, low: float, high: float) -> Finding:
    return Finding(
        "labels-noisy",
        "hint",
        "",
        (
            Evidence("share of surely told rows with another label", targets.noisy, limit),
            Evidence("at least", low, limit),
            Evidence("at most", high),
        ),
        f"{targets.noisy:.0%} of the labels are not what neighbours and a linear model surely say, in the "
        "midst of every class: a large network will learn them by heart.",
        "Look at these rows; where they cannot be put right, stop early or smooth labels.",
        changes=(Change("loss", value=round(min(0.2, targets.noisy), 2), word="label smoothing"),),
        harm=min(1.0, targets.noisy),
        explains=("overfitting",),
    )


def _outdone(record: Record, noise: float) -> bool:
    """Whether the network is right on more validation rows than it could if so many labels were wrong."""
    scores = [one.valid_score for one in record.surveys if one.step > 0]
    scores += [] if record.course is None else list(record.course.valid_score)
    best = max((score for score in scores if math.isfinite(score)), default=math.nan)
    n = record.rows.compared if record.rows is not None else 0
    return n > 0 and wilson(best, n)[0] > 1.0 - noise if math.isfinite(best) else False


RULES: tuple[Rule, ...] = (
    RULE,
    Rule("labels-shifted", _labels_shifted),
    Rule("labels-conflicting", _labels_conflicting),
    Rule("labels-noisy", _labels_noisy),
)
"""Of all codes of the area, in their order."""
