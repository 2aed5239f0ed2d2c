"""Rules about the loss: what it rewards, what it compares, and whether its gradient reaches the weights."""

import math

import numpy as np

from profunda.diagnosis.finding import Answer, Change, Evidence, Finding
from profunda.diagnosis.givens import Loss, Task
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.consequences import STALLED
from profunda.diagnosis.rules.ends import end_of
from profunda.diagnosis.rules.left_out import NEARLY_ALL, RULE, seen_loss
from profunda.diagnosis.rules.reached import reached
from profunda.diagnosis.rules.readings import before, progress
from profunda.diagnosis.rules.rule import Rule, clear, not_applicable, too_little

__all__ = ["RULES"]

SEVERAL = 3
"""Of two classes, one's answer is the other's."""

COPIED = 0.5
"""Share of a layer's units that are copies of others, beside which it is weights that pass no gradient."""

MOSTLY = 0.9
"""Share of steps: players of a game, and attacks on inputs, turn a loss round only now and then."""

NAMES = 0.1
"""Share of orders: amounts have one of the best, and of four numbers one in twelve orders is."""

HALF = 0.5
"""Beyond it the greater part of what is asked cannot be learnt."""

FEW = 0.02
"""Share of rows: of fewer, rounding or a slip in a few rows is the cause."""

LEFT_OPEN = 0.1
"""Share of the targets' variance that the loss does not ask for: lengths of drawn vectors of 5 numbers are as
uneven, and of the longer ones that stand for words or pictures less."""

_OPEN = {
    "": ("values", "copy"),
    "bce-logits": ("values", "copy", "binary", "multilabel"),
    "hinge": ("values", "copy"),
}
"""Tasks whose loss must have an end; of two classes a critic's has none, and is held otherwise."""

_SQUARED = ("mse", "mae", "huber")
_UNFELT = {
    "size": "the outputs of a row are all made larger or smaller",
    "offset": "one number is added to the outputs of all rows",
}
_GROWN = ("rate-too-high", "outputs-too-large", "loss-not-finite", "targets-unscaled", "dead-units",
          "saturated-units", "output-width")  # fmt: skip


def _sign(record: Record) -> Answer:
    code = "loss-sign"
    loss = seen_loss(code, record)
    if not isinstance(loss, Loss):
        return loss
    if loss.sign == 0:
        return too_little(code, "whether it falls towards the targets could not be told")
    if loss.sign < 0 and not loss.kind and loss.endless > FEW:
        return clear(code, "it falls for ever with such targets: that is another code")
    turned = record.course is not None and record.course.turned > MOSTLY
    groups = record.optimiser.groups if record.optimiser is not None else ()
    ascends = bool(groups) and all(one.ascends for one in groups)
    if (loss.sign > 0) != (turned != ascends):
        return clear(code)
    return (
        Finding(
            code,
            "fault",
            "",
            (Evidence("change of what is made small as outputs approach the targets", 1.0, 0.0),),
            f"{_upwards(loss.sign > 0, turned, ascends)}: each step makes the network worse.",
            "Turn the sign round, once.",
            changes=() if turned or ascends else (Change("loss", value=-1.0, word="sign"),),
            explains=(*STALLED, "rate-too-high", "outputs-too-large", "loss-not-finite", "dead-units",
                      "saturated-units", "labels-unrelated", "optimiser-constants"),
        ),
    )  # fmt: skip


def _upwards(falls: bool, turned: bool, ascends: bool) -> str:
    what = f"The loss {'falls' if falls else 'rises'} where outputs come nearer to the targets"
    if turned:
        what += ", and is differentiated with a minus before it"
    return what + (", and the optimiser makes it large (maximize)" if ascends else ", and is made small")


def _detached(record: Record) -> Answer:
    code = "loss-detached"
    loss, anatomy, course = record.loss, record.anatomy, record.course
    if loss is None and course is None:
        return not_applicable(code, "no loss was seen")
    if not anatomy.why and anatomy.parameters and not anatomy.trainable:
        return not_applicable(code, "no parameter is trainable")
    cut = float(course.detached) if course is not None else 0.0
    reached = [one.name for one in anatomy.layers if one.trainable]
    within = bool(reached) and all(_is_unused(name, anatomy.unused) for name in reached)
    within = within and not anatomy.deaf  # no way back, for there was none forth
    if not within and cut == 0.0 and _by_steps(record):
        return _stepped(code)
    if not within and cut == 0.0 and (loss is None or loss.attached):
        return _flat(code, loss) if loss is not None and loss.compared == (0.0, 0.0) else clear(code)
    where = "within the network" if within else "between the outputs and the loss"
    return (
        Finding(
            code,
            "fault",
            "",
            (Evidence("losses from which no gradient flows", max(1.0, cut), 0.0),),
            f"The way back from the loss is cut {where} (detach, item, numpy, a new tensor, argmax or "
            "no_grad): no gradient reaches the weights.",
            "Compute the loss from the outputs themselves, with functions of torch only.",
            changes=(Change("thawing", word="through"),) if within else (),
            explains=(*STALLED, "no-backward", "no-step", "part-unused", "weights-too-small", "lazy"),
        ),
    )


def _by_steps(record: Record) -> bool:
    """Whether outputs differ between rows and move the loss, which is no less than a constant's, and yet each
    gradient of each layer is exactly 0, before training and in every step that was followed.
    """
    first, course, got = before(record), record.course, progress(record)
    trained = np.array([one.trainable for one in record.anatomy.layers], bool)
    if first is None or len(first.gradient_norm) != len(trained) or not trained.any():
        return False
    if np.any(first.gradient_norm[trained] != 0.0) or not first.output_spread > 0.0:
        return False
    copied = len(first.copies) != len(trained) or bool(np.any(first.copies[trained] >= COPIED))
    if copied or not np.all(first.weight):
        return False  # weights that are equal or 0 let no gradient pass either
    if course is not None and course.gradient.shape[1:] == trained.shape and np.any(course.gradient > 0.0):
        return False
    moves = record.loss is not None and record.loss.attached and record.loss.compared[0] > 0.0
    return moves and got.start >= 0.5 * got.trivial


def _stepped(code: str) -> Answer:
    return (
        Finding(
            code,
            "fault",
            "",
            (Evidence("size of the weights' gradients", 0.0, 0.0),),
            "Outputs move the loss, and each weight's gradient is exactly 0: what stands behind the last "
            "layer goes by steps (round, sign, a comparison, argmax), and no gradient passes it.",
            "Hand on the numbers themselves; round or choose only where a score is read.",
            explains=(*STALLED, "no-backward", "no-step", "part-unused", "weights-too-small", "lazy"),
        ),
    )


def _flat(code: str, loss: Loss) -> Answer:
    return (
        Finding(
            code,
            "fault",
            "",
            (
                Evidence("share of outputs that move the loss", loss.compared[0], NEARLY_ALL),
                Evidence("value of the loss", loss.value),
            ),
            "Wherever outputs lie, the loss's gradient is exactly 0: it goes by steps (round, sign, a "
            "comparison, argmax) or does not depend on them, so no gradient reaches the weights.",
            "Compute the loss from the outputs themselves, by functions that rise and fall with them; round "
            "or choose only where a score is read.",
            explains=(*STALLED, "no-backward", "no-step", "part-unused", "loss-ignores-rows", "lazy",
                      "input-ignored"),
        ),
    )  # fmt: skip


def _is_unused(layer: str, unused: tuple[str, ...]) -> bool:
    return any(name.rpartition(".")[0] == layer or name.startswith(f"{layer}.") for name in unused)


def _broadcasts(record: Record) -> Answer:
    code = "loss-broadcasts"
    loss = seen_loss(code, record)
    if not isinstance(loss, Loss):
        return loss
    if loss.crosswise is None:
        return clear(code)
    ours, theirs = loss.crosswise
    return (
        Finding(
            code,
            "fault",
            "",
            (Evidence("comparisons for each output", float(math.prod(theirs)), 1.0),),
            f"Outputs of shape {ours} and targets of shape {theirs} are compared crosswise"
            f"{' within the loss' if ours == theirs else ''}, each output with every target of the batch: "
            "the best that can be learnt is the mean of the targets.",
            "Give both one shape where they are compared: outputs.squeeze(-1), or targets.unsqueeze(-1).",
            changes=(Change("loss", word="task" if ours == theirs else "shapes"),),
            explains=(*STALLED, "labels-unrelated", "too-deep", "lazy", "output-width"),
        ),
    )


def _unsuited(record: Record) -> Answer:
    code = "loss-unsuited"
    loss, task = seen_loss(code, record), record.task
    if not isinstance(loss, Loss):
        return loss
    free = _is_free(record)
    if free and loss.endless > FEW and task is not None and task.kind in _OPEN.get(loss.kind, ()):
        return _without_end(code, record, loss, task)
    if loss.blind[0] in _UNFELT and loss.blind[1] > LEFT_OPEN:
        return _unfelt(code, loss)
    if task is None or task.kind == "unknown" or not loss.kind:
        return not_applicable(code, "the task, or the kind of the loss, is not known")
    width, kind = math.prod(task.outputs[1:]), loss.kind
    classed = task.kind in ("classes", "sequence")
    order = record.targets.order if record.targets is not None else math.nan
    if kind in _SQUARED and width == 1 and task.kind == "values" and order > NAMES:
        return _of_names(code, order, loss)
    if kind in _SQUARED and classed and width == 1 and task.n_classes > 2 and order <= NAMES:
        return clear(code, "The whole numbers are amounts: neighbours are taken for one another.")
    if kind in _SQUARED and classed and width == 1 and task.n_classes > 2:
        why = "it takes the numbers of the classes for amounts, as though class 2 lay between 1 and 3"
        return _other(code, "fault", loss, task, why, "cross-entropy")
    if kind in _SQUARED and task.kind == "binary" and loss.expects == "values" and free and _signed(record):
        return clear(code, "Names of -1 and 1, and outputs that may be any number: least squares.")
    if kind in _SQUARED and (classed or task.kind in ("binary", "multilabel")):
        word = "cross-entropy" if width > 1 and classed else "bce-logits"
        why = "its gradient vanishes where an answer is surely wrong"
        return _other(code, "hint", loss, task, why, word)
    if kind in ("cross-entropy", "nll") and task.kind in ("values", "copy"):
        return _other(code, "fault", loss, task, "it takes amounts for classes", "mse")
    if kind in ("cross-entropy", "nll") and task.kind == "multilabel":
        why = "it lets one label be right at a time, and rows have several"
        return _other(code, "fault", loss, task, why, "bce-logits")
    if kind in ("bce", "bce-logits") and task.kind == "classes" and width >= SEVERAL:
        why = (
            f"it asks each of {width} outputs alone whether it is the class, as though several or none could "
            f"be, and {width - 1} of {width} answers are no"
        )
        return _other(code, "fault" if reached(record).failed else "hint", loss, task, why, "cross-entropy")
    if kind in ("bce", "bce-logits") and task.kind in ("values", "copy"):
        return _shares(code, record, loss, task)
    return clear(code)


def _is_free(record: Record) -> bool:
    """Whether outputs may be any number, as far as is known: a rate that is held above 0 has an end there."""
    end = end_of(record.anatomy)
    return end is None or (end.form != "unknown" and end.low == -math.inf and end.high == math.inf)


def _signed(record: Record) -> bool:
    """Whether two classes are named -1 and 1."""
    return record.targets is not None and record.targets.least == -1.0


def _unfelt(code: str, loss: Loss) -> Answer:
    """A loss of directions, or of variances, where amounts are asked for."""
    what, share = loss.blind
    return (
        Finding(
            code,
            "fault" if share >= HALF else "hint",
            "",
            (Evidence("share of the targets' variance that it does not ask for", share, LEFT_OPEN),),
            f"{loss.name} stays the same when {_UNFELT[what]}, and in that lies {share:.0%} of what the "
            "targets say: nothing makes outputs as large as they should be.",
            "Take squared or absolute errors; keep such a loss for vectors whose direction alone counts.",
            changes=(Change("loss", word="mse"),),
            explains=(*STALLED, "outputs-too-large", "targets-unscaled", "labels-unrelated", "rate-too-high",
                      "overfitting"),
        ),
    )  # fmt: skip


def _without_end(code: str, record: Record, loss: Loss, task: Task) -> Answer:
    """A likelihood of other numbers than these: counts below nought, shares above 1, names of −1 and 1."""
    targets = record.targets
    least, most = (math.nan, math.nan) if targets is None else (targets.least, targets.most)
    return (
        Finding(
            code,
            "fault",
            "",
            (
                Evidence("share of rows for which it falls for ever", loss.endless, FEW),
                Evidence("least target", least),
                Evidence("largest target", most),
            ),
            f"For {loss.endless:.0%} of the rows {loss.name} falls for ever as outputs grow: it is made for "
            "other targets, such as counts from 0 on, shares from 0 to 1, or 0 and 1 for no and yes. What is "
            "learnt is to grow.",
            _suited(task, loss),
            changes=(Change("loss", word="mse"),) if task.kind in ("values", "copy") else (),
            explains=(*STALLED, *_GROWN),
        ),
    )


def _suited(task: Task, loss: Loss) -> str:
    if task.kind == "binary":
        return "Give the labels as 0 and 1."
    return "Take squared errors, or give the targets in the unit and range that this loss is made for."


def _of_names(code: str, order: float, loss: Loss) -> Answer:
    return (
        Finding(
            code,
            "fault",
            "",
            (
                Evidence("share of other orders of the numbers that suit inputs as well", order, NAMES),
                Evidence("loss of the best constant output", loss.trivial),
            ),
            f"The targets are a few whole numbers that inputs tell as names, not as amounts: {order:.0%} of "
            f"other orders are told as well. The loss ({loss.kind}) takes 2 to lie between 1 and 3.",
            "Give the network one output for each class, and take cross-entropy with whole (int64) labels.",
            explains=(*STALLED, "output-width", "output-range", "targets-unscaled"),
        ),
    )


def _shares(code: str, record: Record, loss: Loss, task: Task) -> Answer:
    """Binary cross-entropy of amounts is sound between 0 and 1 alone."""
    targets = record.targets
    if targets is None or math.isnan(targets.least):
        return too_little(code, "the targets' range is not known")
    if targets.least >= -1e-6 and targets.most <= 1.0 + 1e-6:
        return clear(code)
    if loss.endless <= FEW:
        return clear(code, "Targets beyond 0 and 1 do not drive outputs on: the loss leaves them out.")
    return _other(
        code, "fault", loss, task, "beyond 0 and 1 it has no least value, and falls for ever", "mse"
    )


def _other(code: str, severity: str, loss: Loss, task: Task, why: str, word: str) -> Answer:
    return (
        Finding(
            code,
            "fault" if severity == "fault" else "hint",
            "",
            (Evidence("loss of the best constant output", loss.trivial),),
            f"The targets are {task.kind}, the loss is {loss.kind}: {why}.",
            f"Take {word} instead.",
            changes=(Change("loss", word=word),),
            explains=(
                *STALLED,
                "output-width",
                "output-range",
                "loss-detached",
                "loss-ignores-rows",
                "no-backward",
                "loss-not-finite",
            )
            if severity == "fault"
            else STALLED,
        ),
    )


def _ruined(record: Record) -> Answer:
    code = "loss-not-finite"
    loss, course = record.loss, record.course
    if loss is None:
        return not_applicable(code, "no loss was seen")
    late = course is not None and course.broken_step >= 0 and course.broken_at == "loss"
    if loss.why and math.isnan(loss.value) and not late:
        return too_little(code, loss.why)
    if math.isfinite(loss.value) and not late:
        return clear(code)
    if not late and not _finite_outside(record):
        return too_little(code, "inputs, targets or outputs are not finite, or were not looked at")
    step = course.broken_step if late and course is not None else 0
    return (
        Finding(
            code,
            "fault",
            "",
            (Evidence("loss of finite outputs and targets", loss.value if step == 0 else math.nan),),
            "Outputs and targets are finite and their loss is not: a logarithm or root of 0, a division by "
            "0, an exponential that overflows.",
            "Take the loss that works on logits, or keep its argument away from 0 by a small ε.",
            step=step,
            changes=(Change("loss", word="from logits"),),
            explains=_stalled_by(record, late),
        ),
    )


def _stalled_by(record: Record, late: bool) -> tuple[str, ...]:
    """What such a loss explains; one that was finite for a while is no reason why larger batches learn."""
    found = (*STALLED, "rate-too-high") if _outlived(record) else STALLED
    return tuple(one for one in found if not late or one != "batch-too-small")


def _outlived(record: Record) -> bool:
    """Whether the network was sound after a loss that was not finite: no long step broke that."""
    last, course = (record.surveys[-1] if record.surveys else None), record.course
    if last is None or course is None or not 0 <= course.broken_step < last.step:
        return False
    return not last.broken and math.isfinite(last.train_loss)


def _finite_outside(record: Record) -> bool:
    """Whether it is known that what the loss gets on the first batch is finite."""
    if record.targets is not None and record.targets.bad > 0.0:
        return False
    if record.rows is not None and record.rows.bad > 0.0:
        return False
    return (
        bool(record.surveys) and not record.surveys[0].broken and math.isfinite(record.surveys[0].output_size)
    )


RULES = (
    Rule("loss-sign", _sign),
    Rule("loss-detached", _detached),
    Rule("loss-broadcasts", _broadcasts),
    Rule("loss-unsuited", _unsuited),
    RULE,
    Rule("loss-not-finite", _ruined),
)
