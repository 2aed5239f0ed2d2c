"""Rules about what leaves the network: does it fit what the loss expects, and can it reach the targets."""

import math

import numpy as np

from profunda.diagnosis.finding import Answer, Change, Evidence, Finding
from profunda.diagnosis.givens import Loss, Task
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.consequences import STALLED
from profunda.diagnosis.rules.ends import End, end_of
from profunda.diagnosis.rules.rule import Rule, clear, not_applicable, too_little

__all__ = ["RULES"]

CONFINED = 0.25
"""Share of the loss of a constant answer that no weights can take away, from which outputs count as unable
to reach the targets. Below it the probabilities are held back from 1, and the choice of class is not."""

STRAY = 0.05
"""Targets may pass the ends of a range by this share of their own width: rounding, and rows far off."""

ROWS_PER_CLASS = 10
"""With so many rows for each output, a class that never occurs is not merely rare."""

ALIKE = 0.25
"""Rows of the rarest class that occurs over those of the usual one: below, classes are of so different size
that a yet rarer one may be among the rows that were not looked at."""

MOST_EMPTY = 0.5
"""Share of outputs without a class above which rare classes are no reason."""

STRONG_DROPOUT = 0.1
"""Above it the answer itself is wrong in so many rows that the loss measures the dropout."""

_SQUARED = ("mse", "mae", "huber")
_EXPLAINED = (*STALLED, "activation-contracts")


def _twice(record: Record) -> Answer:
    code = "output-activation-twice"
    loss, end = record.loss, end_of(record.anatomy)
    if loss is None:
        return not_applicable(code, "no loss was seen")
    if loss.inside:
        return _squeezed(code, record, loss, loss.inside, "the loss", "")
    if end is None or not loss.expects:
        return not_applicable(code, "the end of the network, or what the loss expects, is not known")
    if loss.expects == "logits" and end.form == "probabilities":
        return _squeezed(code, record, loss, end.what, "the network", end.place)
    return clear(code)


def _squeezed(code: str, record: Record, loss: Loss, what: str, who: str, place: str) -> Answer:
    least, trivial = _floor(loss, record.task, 0.0, 1.0), loss.trivial
    applied = "sigmoid" if loss.kind == "bce-logits" else "softmax"
    return (
        Finding(
            code,
            "fault",
            place,
            (Evidence("least loss that outputs between 0 and 1 allow", least, trivial),),
            f"{who.capitalize()} ends in {what}, and the loss applies {applied} to that once more: it gets "
            "numbers between 0 and 1, which can never be confident, and gradients are a small part of what "
            "they should be.",
            f"Hand the loss the numbers before {what}; apply it only where probabilities are read.",
            changes=(Change("head", layer=place, word="linear"),),
            explains=_EXPLAINED,
        ),
    )


def _floor(loss: Loss, task: Task | None, low: float, high: float) -> float:
    """Least mean loss of outputs within [low, high], by a loss that takes them for logits."""
    if loss.kind == "bce-logits":
        return (_softplus(-high) + _softplus(low)) / 2.0
    if loss.kind != "cross-entropy":
        return math.nan
    n = max(2, _width(task)) if task is not None else 2
    return math.log1p((n - 1) * math.exp(low - high))


def _softplus(x: float) -> float:
    return math.log1p(math.exp(-abs(x))) + max(x, 0.0)


def _width(task: Task) -> int:
    """Numbers that a row's outputs have; over places, those of the classes."""
    shape = task.outputs[1:]
    if task.kind == "sequence" and len(shape) > 1:
        places = task.targets[1:]
        return shape[0] if shape[1:] == places else shape[-1]
    return math.prod(shape)


def _missing(record: Record) -> Answer:
    code = "output-activation-missing"
    loss, end = record.loss, end_of(record.anatomy)
    if loss is None or end is None or not loss.expects:
        return not_applicable(code, "the end of the network, or what the loss expects, is not known")
    if not loss.expects.endswith("probabilities") or loss.expects == end.form or loss.normed:
        return clear(code)
    if end.form == "unknown":
        return too_little(code, f"what {end.what!r} at the end gives is not known")
    if loss.expects == "probabilities" and end.low >= 0.0 and end.high <= 1.0:
        return clear(code)
    wanted = _wanted(loss)
    given = f"ends in {end.what}" if end.what else "ends in a layer, which gives any numbers"
    return (
        Finding(
            code,
            "fault",
            end.place,
            (Evidence("largest output that is possible", end.high, 0.0 if "log" in loss.expects else 1.0),),
            f"The loss ({loss.kind}) takes its input for {loss.expects}; the network {given}. "
            + _harm(loss, end),
            f"End the network with {wanted}, or take the loss that does it itself.",
            changes=(Change("head", word=wanted), Change("loss", word=_with_logits(loss))),
            explains=("loss-not-finite", "rate-too-high", "outputs-too-large", *_EXPLAINED),
        ),
    )


def _wanted(loss: Loss) -> str:
    if loss.expects == "log-probabilities":
        return "log_softmax"
    return "sigmoid" if loss.kind == "bce" else "softmax"


def _with_logits(loss: Loss) -> str:
    return "bce-logits" if loss.kind == "bce" else "cross-entropy"


def _harm(loss: Loss, end: End) -> str:
    if loss.expects == "probabilities":
        return "The logarithm of what is not between 0 and 1 is no number, or is cut off with its gradient."
    if end.form == "probabilities":
        return "Without the logarithm a wrong answer costs hardly more than a right one."
    return "Such a loss has no least value: it falls for ever as outputs grow, whatever is learnt."


def _range(record: Record) -> Answer:
    code = "output-range"
    loss, task, end = record.loss, record.task, end_of(record.anatomy)
    if loss is None or task is None or end is None:
        return not_applicable(code, "the end of the network, its task or its loss is not known")
    if end.form == "unknown":
        return too_little(code, f"what {end.what!r} at the end gives is not known")
    if (end.what == "softmax" and _width(task) == 1) or end.low == end.high:
        return _alone(code, end)
    if end.low == -math.inf and end.high == math.inf:
        return clear(code)
    if loss.expects == end.form and end.form in ("probabilities", "log-probabilities"):
        return _held_back(code, record, loss, end)
    if loss.expects == "logits" and not loss.inside and end.form != "probabilities":
        return _confined(code, loss, task, end)
    if loss.kind in _SQUARED and loss.expects == "values":
        return _unreached(code, record, end)
    return clear(code)


def _alone(code: str, end: End) -> Answer:
    return (
        Finding(
            code,
            "fault",
            end.place,
            (Evidence("outputs of a row", 1.0, 2.0),),
            f"Whatever the last layer gives, {end.what} makes one constant of it, as a softmax over one "
            "number does, and no gradient passes it.",
            "Take a sigmoid for one output, or two outputs; and let a softmax run over the classes' axis.",
            changes=(Change("head", layer=end.place, word="sigmoid"),),
            explains=(
                *_EXPLAINED,
                "input-ignored",
                "part-unused",
                "no-backward",
                "dead-units",
                "outputs-too-large",
                "loss-detached",
                "loss-ignores-rows",
            ),
        ),
    )


def _confined(code: str, loss: Loss, task: Task, end: End) -> Answer:
    """Logits within a range: how low can the loss fall at all."""
    low, high = max(end.low, -1e3), min(end.high, 1e3)
    half = loss.kind == "bce-logits"
    if end.form == "log-probabilities" and not half:
        return clear(code)  # a softmax of logarithms of probabilities gives these probabilities back
    if not half and loss.kind != "cross-entropy":
        return too_little(code, "what this loss can fall to is not known")
    least = _floor(loss, task, low, high)
    trivial = loss.trivial / _rows(loss, task)
    share = least / trivial if trivial > 0.0 else math.nan
    if not (share > CONFINED or end.what in ("relu", "relu6")):
        return clear(code)
    severe = share > CONFINED
    why = (
        f"The last activation, {end.what}, gives numbers from {end.low:g} to {end.high:g}, and the loss "
        "takes them for logits. "
    )
    if severe:
        why += f"However it is trained, {share:.0%} of the loss of a constant answer stays."
    else:
        why += "A class whose number is cut to 0 gets no gradient in that row, and may never return."
    return (
        Finding(
            code,
            "fault" if severe else "hint",
            end.place,
            (Evidence("least loss within the range", least, CONFINED * trivial),),
            why,
            f"Take {end.what} off the last layer.",
            changes=(Change("head", layer=end.place, word="linear"),),
            explains=(*_EXPLAINED, "dead-units", "saturated-units"),
        ),
    )


def _held_back(code: str, record: Record, loss: Loss, end: End) -> Answer:
    """Probabilities that what stands before their function keeps from 0 or 1."""
    least, trivial = _least_of_shares(loss, end), loss.trivial
    cut = [what for what in record.anatomy.last if what in ("relu", "relu6")]
    severe = least > CONFINED * trivial
    if not severe and not cut:
        return clear(code)
    reached = math.exp(end.high) if end.form == "log-probabilities" else end.high
    if severe:
        why = (
            "Whatever the last layer gives, probabilities lie between "
            f"{max(0.0, end.low):.3g} and {reached:.3g}: {least / trivial:.0%} of the loss of a constant "
            "answer stays, however it is trained."
        )
    else:
        why = (
            f"Between the last layer and {end.what} stands {cut[0]}: a number that is cut to 0 gets no "
            "gradient in that row, and may never return."
        )
    return (
        Finding(
            code,
            "fault" if severe else "hint",
            end.place,
            (Evidence("least loss within the range", least, CONFINED * trivial),),
            why,
            f"Let the last layer's numbers enter {end.what} as they are.",
            explains=(*_EXPLAINED, "dead-units", "saturated-units"),
        ),
    )


def _least_of_shares(loss: Loss, end: End) -> float:
    """Least mean loss of probabilities within the range, of two classes alike in number."""
    if end.form == "log-probabilities":
        return max(0.0, -end.high)
    low, high = min(max(end.low, 0.0), 1.0 - 1e-12), min(max(end.high, 1e-12), 1.0)
    if loss.kind == "bce":
        return (-math.log(high) - math.log1p(-low)) / 2.0
    return -math.log(high)


def _rows(loss: Loss, task: Task) -> float:
    """A summed loss is compared by the row, or the place."""
    return float(max(1, math.prod(task.targets[:1]))) if loss.reduction == "sum" else 1.0


def _asked(record: Record) -> tuple[float, float, float, float] | None:
    """The ends of the targets, and of where most of them lie: within a standard deviation of their mean."""
    task, targets = record.task, record.targets
    if task is not None and task.kind in ("classes", "sequence") and _width(task) == 1:
        return 0.0, task.n_classes - 1.0, 0.0, task.n_classes - 1.0
    if task is not None and task.kind in ("classes", "multilabel", "sequence"):
        return 0.0, 1.0, 0.0, 1.0
    if targets is None or math.isnan(targets.least):
        binary = task is not None and task.kind == "binary"
        return (0.0, 1.0, 0.0, 1.0) if binary else None
    least, most = targets.least, targets.most
    if not targets.mean.size:
        return least, most, least, most
    low, high = float((targets.mean - targets.std).min()), float((targets.mean + targets.std).max())
    return least, most, max(low, least), min(high, most)


def _unreached(code: str, record: Record, end: End) -> Answer:
    """Values outside of the range: a fault where a standard deviation about the mean is not within it."""
    asked = _asked(record)
    if asked is None:
        return not_applicable(code, "the targets' range is not known")
    least, most, low, high = asked
    stray = STRAY * (most - least)
    below, above = end.low - least > stray, most - end.high > stray
    if not (below or above):
        return clear(code)
    severe = end.low - low > stray or high - end.high > stray
    return (
        Finding(
            code,
            "fault" if severe else "hint",
            end.place,
            (Evidence("least target", least, end.low), Evidence("largest target", most, end.high)),
            f"Targets run from {least:.3g} to {most:.3g}; {end.what} gives {end.low:g} to {end.high:g}. What "
            "lies beyond cannot be reached, and units that try end on the flat part.",
            f"Take {end.what} off the last layer, or scale the targets into its range.",
            changes=(Change("head", layer=end.place, word="linear"), Change("scaling", word="targets")),
            explains=(*_EXPLAINED, "saturated-units", "dead-units", "targets-unscaled"),
        ),
    )


def _wide(record: Record) -> Answer:
    code = "output-width"
    loss, task = record.loss, record.task
    if task is None or loss is None or len(task.outputs) == 0 or task.kind in ("values", "multilabel"):
        return _values_width(code, record)
    if _one_for_several(loss, task):
        why = f"{loss.kind} asks one output yes or no, and numbers beyond 1 have no answer"
        return _widened(code, "fault", 1, task.n_classes, why)
    if loss.kind not in ("cross-entropy", "nll", "kl") or task.kind not in ("classes", "binary", "sequence"):
        return clear(code) if loss.kind else not_applicable(code, "the loss is of no known kind")
    width = _width(task)
    if width < task.n_classes:
        return _widened(code, "fault", width, task.n_classes, "some classes have no output of their own")
    counts = record.targets.counts if record.targets is not None else None
    if task.kind == "sequence" or counts is None or not (counts > 0).any():
        return (
            clear(code) if width == task.n_classes else too_little(code, "rare classes may not have occurred")
        )
    return _needless(code, np.asarray(counts, float)[:width], width, task)


def _one_for_several(loss: Loss, task: Task) -> bool:
    """One yes or no where one of several classes is right."""
    several = task.kind in ("classes", "sequence") and task.n_classes > 2
    return several and _width(task) == 1 and loss.kind in ("bce", "bce-logits", "hinge")


def _needless(code: str, counts: np.ndarray, width: int, task: Task) -> Answer:
    """Outputs of classes that never occur, where so many rows would have shown them.

    Fewer rows tell it where most outputs stand empty and every class that occurs does so often: what never
    occurred has together hardly more than 3/N of the rows (the rule of three).
    """
    seen = counts[counts > 0]
    empty = width - len(seen)
    if not empty:
        return clear(code)
    often = float(seen.min()) >= ROWS_PER_CLASS
    if counts.sum() < ROWS_PER_CLASS * width and not (often and empty > MOST_EMPTY * width):
        return (
            clear(code) if width == task.n_classes else too_little(code, "rare classes may not have occurred")
        )
    if seen.min() < ALIKE * seen.mean():
        return too_little(code, "classes are of very different size, and rarer ones may not have occurred")
    if width > task.n_classes:
        return _widened(code, "hint", width, task.n_classes, "some outputs stand for no class")
    return (_skipped(code, width, empty),) if often and (counts[empty:] > 0).all() else clear(code)


def _skipped(code: str, width: int, empty: int) -> Finding:
    first = "output 0 stands" if empty == 1 else f"outputs 0 to {empty - 1} stand"
    return Finding(
        code,
        "hint",
        "",
        (
            Evidence("outputs", float(width), float(width - empty)),
            Evidence("least label", float(empty), 0.0),
        ),
        f"Labels run from {empty} to {width - 1}, and outputs are counted from 0: {first} for no class.",
        f"Subtract {empty} from the labels, and give the last layer {width - empty} outputs.",
        harm=0.1,
    )


def _values_width(code: str, record: Record) -> Answer:
    """Several outputs beside one target, or the reverse: losses number by number pull them to one value."""
    loss, task = record.loss, record.task
    singly = (*_SQUARED, "bce", "bce-logits")
    if task is None or loss is None or task.kind not in ("values", "multilabel") or loss.kind not in singly:
        return not_applicable(
            code, "the task is not known, or its loss says nothing about the number of outputs"
        )
    made, asked = math.prod(task.outputs[1:]), math.prod(task.targets[1:])
    if loss.crosswise is not None or made == asked or loss.compared[0] < 1.0:
        return clear(code)
    return _widened(
        code, "fault", made, asked, "each target is compared with several outputs, or the reverse"
    )


def _widened(code: str, severity: str, width: int, wanted: int, why: str) -> Answer:
    return (
        Finding(
            code,
            "fault" if severity == "fault" else "hint",
            "",
            (Evidence("outputs", float(width), float(wanted)),),
            f"The network has {width} outputs where the targets ask for {wanted}: {why}.",
            f"Give the last layer {wanted} outputs.",
            changes=(Change("head", value=float(wanted), word="width"),),
            explains=_EXPLAINED if severity == "fault" else (),
        ),
    )


def _dropped(record: Record) -> Answer:
    code = "output-dropout"
    anatomy = record.anatomy
    if anatomy.why or not anatomy.layers:
        return not_applicable(code, "the module could not be read, or has no layers")
    tail = list(anatomy.last)
    drops = [at for at, what in enumerate(tail) if "drop" in what]
    p = anatomy.layers[-1].dropout
    after = tail[drops[-1] + 1 :] if drops else []
    if not drops or p == 0.0 or any(what not in ("softmax", "log_softmax", "sigmoid") for what in after):
        return clear(code)
    place = next((op.name for op in reversed(anatomy.ops) if op.kind == "dropout"), "")
    return (
        Finding(
            code,
            "fault" if p >= STRONG_DROPOUT else "hint",
            place,
            (Evidence("share of outputs deleted", p, STRONG_DROPOUT),),
            f"Dropout follows the last layer: in training {p:.0%} of the answers are set to 0 and the rest "
            "are made larger, so that the loss never falls below what that costs.",
            "Take the dropout off the last layer; put it before it.",
            changes=(Change("dropout", layer=place, value=0.0),),
            explains=("dropout-too-strong", *_EXPLAINED),
        ),
    )


RULES = (
    Rule("output-activation-twice", _twice),
    Rule("output-activation-missing", _missing),
    Rule("output-range", _range),
    Rule("output-width", _wide),
    Rule("output-dropout", _dropped),
)
