"""Rules on regularisation: too little of it, or too much. `vitals.causes` says what overfitted means."""

import math

import numpy as np

from profunda.diagnosis.finding import Answer, Change, Evidence, Finding, Severity
from profunda.diagnosis.record import Course, Record, Survey
from profunda.diagnosis.rules.doubts import RARELY_KEPT, dropped, heavy_dropout, left_over, outweighs
from profunda.diagnosis.rules.firsts import far_large
from profunda.diagnosis.rules.halving import eased, halved
from profunda.diagnosis.rules.laziness import learns_no_features
from profunda.diagnosis.rules.readings import (
    CLEAR_GAIN,
    GREAT_GAIN,
    MEDIOCRE,
    NOTHING,
    after,
    before,
    cured,
    is_adaptive,
    is_mature,
    poor,
    progress,
    relief,
    share_of_score,
    tried,
)
from profunda.diagnosis.rules.rule import Rule, clear, not_applicable, too_little
from profunda.vitals.causes import OVERFIT_RISE, is_overfitted

__all__ = ["RULES"]

LEAST_EPOCHS = 4
"""Ends of epochs from which a best one can be told from noise."""

NOISE = 3.0
"""Times the usual change from epoch to epoch by which the validation loss must have risen."""

WELL_BEFORE = 0.75
"""Part of the run before whose end the least validation loss lies."""

COSTS = 0.03
"""Fall of the validation score that is a cost: cross-entropy rises by over-confidence alone, as a rule."""

FEWER = 0.01
"""Fall of the validation score beside a clear rise of the loss: not just surer of what it says. One row in a
hundred is more than rounding, and nobody would train on for it."""

SOME = 0.4
"""Dropout rate below which a network of any width keeps more than half of its units."""

EARLY, PULLS = 4, 0.5
"""Looks at the first steps, and the decay's pull there, with half of which beside it the data lead nowhere:
usual decays are at a hundredth and below."""

GONE = 0.05
"""Of a whole layer: what data do not ask for stays as it was drawn, and only a penalty takes it away."""

SHORTER, ROOM = 0.7, 0.3
"""The same of every inner layer at once, which tells of a penalty within the loss where so much of the
constant's loss is left, or where that is not known: sound nets without decay end longer than they begin."""

SHRUNK = 0.3
"""Weights of the usual layer over their first length: nets that learn without decay grow."""


# Overfitting ------------------------------------------------------------------------------------------


def _overfitting(record: Record) -> Answer:
    code, course = "overfitting", record.course
    got = progress(record)
    if course is None or not np.isfinite(course.valid_loss).any():
        return not_applicable(code, "no validation rows")
    if math.isnan(got.trivial):
        return not_applicable(code, "nothing to compare the losses with")
    epochs = min(len(course.valid_loss), len(course.train_loss))
    valid, train = course.valid_loss[:epochs], course.train_loss[:epochs]
    if epochs < LEAST_EPOCHS or not is_mature(record) or not np.isfinite(np.append(valid, train)).all():
        return too_little(code, f"{epochs} ends of epochs")
    by_heart = 1.0 - train[-1] / got.trivial >= MEDIOCRE and _nothing_beyond(record, course, epochs)
    best = int(np.argmin(valid))
    rise = float(valid[-1] - valid[best])
    if not by_heart and not _rose(train, valid, best):
        return clear(code)
    lost, chance = _lost(course, best, epochs), _by_chance(record, course, epochs)
    worse = rise / got.trivial >= GREAT_GAIN and (
        lost >= max(NOTHING / 2.0, chance) or not math.isfinite(lost)
    )
    # Surer and surer of what is wrong: whatever share is right, its probabilities are worse than none.
    hopeless = valid[-1] >= got.trivial and rise / got.trivial >= GREAT_GAIN
    ruined = hopeless and not lost < max(COSTS, chance)
    fault = by_heart or worse or ruined
    great = rise / got.trivial >= GREAT_GAIN
    clearly = rise / got.trivial >= CLEAR_GAIN and not lost < FEWER
    if not (fault or hopeless or great or clearly) and not lost >= max(COSTS, chance):
        return clear(code, "more sure of itself than it should be, and as often right as at its best")
    return (_by_heart(record, "fault" if fault else "hint", best, epochs, rise, lost),)


def _nothing_beyond(record: Record, course: Course, epochs: int) -> bool:
    """Whether in the end nothing is known of validation rows: neither by loss nor, where there is one, by
    a score beyond chance.
    """
    valid, score = course.valid_loss[:epochs], course.valid_score[:epochs]
    last = max(1, epochs // 10)
    told = share_of_score(record, float(np.mean(score[-last:]))) if len(score) == epochs else math.nan
    by_loss = 1.0 - float(np.mean(valid[-last:])) / progress(record).trivial
    return by_loss < NOTHING / 2.0 and not told >= NOTHING + _by_chance(record, course, epochs)


def _rose(train: np.ndarray, valid: np.ndarray, best: int) -> bool:
    """`vitals`' rule, on the mean of the last epochs, by more than epochs differ, and after a clear best."""
    last = float(np.mean(valid[-max(1, len(valid) // 10) :]))
    curve = np.append(valid[:-1], last)
    usual = float(np.median(np.abs(np.diff(valid)))) if len(valid) > 1 else math.inf
    gap = float(valid[-1] - train[-1])
    return (
        is_overfitted(train, curve, best + 1)
        and best + 1 <= WELL_BEFORE * len(valid)
        and last - valid[best] > NOISE * usual
        and gap > OVERFIT_RISE * abs(float(valid[best]))
    )


def _lost(course: Course, best: int, epochs: int) -> float:
    """By how much the validation score fell from its mean around the best epoch; NaN without scores."""
    score = course.valid_score[:epochs]
    if len(score) < epochs or not np.isfinite(score).all():
        return math.nan
    around = score[max(0, best - 1) : best + 2]
    return float(np.mean(around) - np.mean(score[-max(1, epochs // 10) :]))


def _by_chance(record: Record, course: Course, epochs: int) -> float:
    """Differences of the validation score that mean nothing: NOISE times what epochs differ by, and, for
    shares of right answers, two standard errors at most of so many rows.
    """
    score = course.valid_score[:epochs]
    usual = float(np.median(np.abs(np.diff(score)))) if len(score) > 1 and np.isfinite(score).all() else 0.0
    rows = record.rows.compared if record.rows is not None else 0
    shares = record.task is not None and record.task.kind in ("classes", "binary", "multilabel")
    return max(NOISE * usual, 1.0 / math.sqrt(rows) if shares and rows > 0 else 0.0)


def _by_heart(record: Record, severity: str, best: int, epochs: int, rise: float, lost: float) -> Finding:
    course, got = record.course, progress(record)
    last = float(course.valid_loss[epochs - 1]) if course is not None else math.nan
    fell = () if math.isnan(lost) else (Evidence("fall of the validation score since", lost),)
    return Finding(
        "overfitting",
        "fault" if severity == "fault" else "hint",
        "",
        (
            Evidence(
                "rise of the validation loss since its least, in the constant's loss", rise / got.trivial
            ),
            Evidence("epoch of the least validation loss", float(best + 1), float(epochs)),
            Evidence("share learnt on validation rows in the end", 1.0 - last / got.trivial, got.learnt),
            *fell,
        ),
        f"The validation loss was least after epoch {best + 1} of {epochs} and is {last:.3g} in the end, "
        "while the training loss went on falling: what was learnt since holds for the training rows alone.",
        "Stop at the best epoch, augment the rows, add weight decay or dropout, or gather more rows.",
        changes=(Change("epochs", value=(best + 1) / epochs), Change("weight decay", value=10.0)),
        harm=min(1.0, max(0.1, rise / got.trivial)),
        explains=("too-large",) if learns_no_features(record) else ("lazy", "too-large"),
    )


# Too much ---------------------------------------------------------------------------------------------


def _dropout(record: Record) -> Answer:
    code, anatomy = "dropout-too-strong", record.anatomy
    rate, name = dropped(anatomy)
    if anatomy.why or not rate > 0.0:
        return not_applicable(code, "no dropout")
    if rate < SOME:
        return clear(code)
    heavy = heavy_dropout(record)
    if not is_mature(record):
        if not heavy:
            return too_little(code, f"a rate of {rate:g}, and it may learn all the same")
        return (_deletes(record, rate, name, "hint", 0.0),)
    mended = cured(record, "dropout", below=1.0)
    gain = max(0.0 if mended is None else mended.gain, halved(record, "dropout"))
    gain = max(gain, eased(record, "dropout", below=1.0) if heavy else 0.0)
    refuted = not gain and bool(tried(record, "dropout", below=1.0))
    if not gain and (not poor(record) or refuted or not heavy):
        return clear(code, "it learns all the same")
    proven = not gain or gain >= GREAT_GAIN
    return (_deletes(record, rate, name, "fault" if proven and poor(record) else "hint", gain),)


def _deletes(record: Record, rate: float, name: str, severity: Severity, gain: float) -> Finding:
    gained = (Evidence("loss that less dropout takes away", gain, CLEAR_GAIN),) if gain else ()
    where = name or "the input"
    slower = relief(record, "learning rate", below=1.0)  # else steps are restless because of the dropout
    return Finding(
        "dropout-too-strong",
        severity,
        name,
        (
            Evidence("rate of dropout", rate, SOME),
            Evidence("share of the constant's loss learnt", progress(record).learnt, MEDIOCRE),
            *gained,
        ),
        f"Dropout deletes {rate:.0%} of what {where} gives in every step: what is left is mostly noise, "
        "in which rows are hard to learn.",
        f"Lower the rate behind {where} to 0.1 to 0.3.",
        changes=(Change("dropout", value=0.0), Change("dropout", value=0.25)),
        explains=(
            "plateau",
            "no-learning",
            "too-small",
            "too-deep",
            "too-few-epochs",
            "rate-too-low",
            "class-imbalance",
            *(("rate-too-high", "dead-units") if rate >= RARELY_KEPT and not slower else ()),
        ),
    )


def _penalty(record: Record) -> Answer:
    code, optimiser, course = "penalty-too-strong", record.optimiser, record.course
    if optimiser is None:
        return not_applicable(code, "no optimiser was seen")
    decay = max((one.weight_decay for one in optimiser.groups if one.weight_decay > 0.0), default=0.0)
    if not is_mature(record):
        if outweighs(record) >= 1.0:
            return (_shrinks(record, decay, "hint"),)
        return too_little(code, f"{0 if course is None else course.steps} steps")
    left = _length_left(record)
    shrinks = left < SHRUNK or _pull(record) >= PULLS
    if not decay > 0.0 and not left < SHRUNK and not _all_shrunk(record):
        return not_applicable(code, "no weight decay") if math.isnan(left) else clear(code)
    mended = cured(record, "weight decay", below=1.0)
    if mended is None and not decay > 0.0 and not left_over(record) < ROOM and _all_shrunk(record):
        return (_shrinks(record, decay, "hint"),)
    gain = max(0.0 if mended is None else mended.gain, halved(record, "weight decay"))
    gain = max(gain, eased(record, "weight decay", below=1.0) if outweighs(record) >= 1.0 else 0.0)
    refuted = not gain and bool(tried(record, "weight decay", below=1.0)) and decay > 0.0
    if not gain and (not poor(record) or refuted or not shrinks):
        return clear(code)
    proven = not gain or gain >= GREAT_GAIN
    return (_shrinks(record, decay, "fault" if proven and poor(record) else "hint", gain),)


def _shrinks(record: Record, decay: float, severity: Severity, gain: float = math.nan) -> Finding:
    slower = relief(record, "learning rate", below=1.0)  # else steps are restless because of the decay
    restless = _length_left(record) < SHRUNK or _pull(record) >= PULLS
    return Finding(
        "penalty-too-strong",
        severity,
        "",
        _decayed(record, decay, gain or math.nan),
        f"The penalty on weights ({decay:g} in the optimiser, or one within the loss) shrinks them "
        "faster than the data make them grow: outputs are drawn towards a constant.",
        "Divide the penalty by 100, and raise it only where the validation loss asks for it.",
        changes=(Change("weight decay", value=0.01), Change("weight decay", value=0.0)),
        explains=(
            "plateau",
            "no-learning",
            "too-small",
            "input-ignored",
            "too-few-epochs",
            "dead-units",
            "too-deep",
            "rate-too-low",
            "class-imbalance",
            *(("rate-too-high",) if restless and not slower else ()),
        ),
    )


def _decayed(record: Record, decay: float, gain: float) -> tuple[Evidence, ...]:
    """What is known of a penalty, and what it is worth to go without."""
    left, pull = _length_left(record), _pull(record)
    return tuple(
        one
        for one in (
            Evidence("weights over their first length", left, SHRUNK),
            Evidence("pull of the decay over the data's, first steps", pull, PULLS),
            Evidence("weight decay", decay),
            Evidence("its weight at first over the most that it may have", outweighs(record), 1.0),
            Evidence("loss that no decay takes away", gain, CLEAR_GAIN),
        )
        if not math.isnan(one.value)
    )


def _pull(record: Record) -> float:
    """The decay's part of a usual early step over what the data move, usual trained layer; NaN where it is
    not known, or where all steps together are too short for the decay to halve the weights.
    """
    course, optimiser, first = record.course, record.optimiser, before(record)
    trained = np.array([layer.trainable for layer in record.anatomy.layers], bool)
    if course is None or optimiser is None or len(optimiser.groups) != 1 or not trained.any():
        return math.nan
    if np.max(course.sampled[:EARLY], initial=-1) >= len(course.rate):
        return math.nan  # the probe gave up before it had written down what it measured
    decay, rate = optimiser.groups[0].weight_decay, course.rate[course.sampled[:EARLY]]
    shapes = {course.update.shape[1:], course.gradient.shape[1:], () if first is None else first.weight.shape}
    if first is None or not decay > 0.0 or shapes != {trained.shape} or not np.isfinite(course.rate).all():
        return math.nan
    if optimiser.name == "AdamW":  # beside the step: all of it moves by rate times decay
        ours = rate[:, None] * decay * np.ones(int(trained.sum()))
        data = np.sqrt(np.maximum(course.update[:EARLY, trained] ** 2 - ours**2, 0.0))
    else:  # a part of the gradient
        ours, data = decay * first.weight[trained], course.gradient[:EARLY, trained]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (ours / data)[np.isfinite(data) & (data > 0.0)]
    return float(np.median(ratio)) if ratio.size and _halves(record, course, first, trained) else math.nan


def _halves(record: Record, course: Course, first: Survey, trained: np.ndarray) -> bool:
    """Whether the decay alone would have halved the weights of the usual layer in all these steps."""
    group = record.optimiser.groups[0] if record.optimiser is not None else None
    if group is None:
        return False
    way = float(np.sum(course.rate))
    if record.optimiser is not None and record.optimiser.name != "AdamW" and is_adaptive(record.optimiser):
        numbers = np.sqrt([max(1, layer.parameters) for layer in record.anatomy.layers])[trained]
        return way >= 0.5 * float(np.median(first.weight[trained] / numbers))
    memory = 1.0 - group.momentum if 0.0 < group.momentum < 1.0 else 1.0
    return way * group.weight_decay / memory >= math.log(2.0)


def _all_shrunk(record: Record) -> bool:
    """Whether every inner layer, of several, lost a third of its length, and none was drawn large: a step
    along the data leaves what they do not ask for as it was drawn.
    """
    first, last, layers = before(record), after(record), record.anatomy.layers
    if first is None or last is None or not len(first.weight) == len(last.weight) == len(layers) > 2:
        return False
    inner = [at for at, one in enumerate(layers[:-1]) if one.trainable and not one.norm]
    ratio = [float(last.weight[at] / first.weight[at]) for at in inner if first.weight[at] > 0.0]
    return len(ratio) > 1 and max(ratio) < SHORTER and far_large(record) is None


def _length_left(record: Record) -> float:
    """‖θ‖/‖θ_0‖ of the usual trained layer, or of one that is as good as gone; NaN where unknown."""
    first, last, layers = before(record), after(record), record.anatomy.layers
    if first is None or last is None or not len(first.weight) == len(last.weight) == len(layers) > 0:
        return math.nan
    ratio = [
        float(b / a)
        for a, b, layer in zip(first.weight, last.weight, layers, strict=True)
        if layer.trainable and a > 0.0 and math.isfinite(b)
    ]
    if not ratio:
        return math.nan
    return min(ratio) if min(ratio) < GONE else float(np.median(ratio))


RULES = (
    Rule("overfitting", _overfitting),
    Rule("dropout-too-strong", _dropout),
    Rule("penalty-too-strong", _penalty),
)
