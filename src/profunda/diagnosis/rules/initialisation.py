"""Rules on the first weights: against critical ones, against each other, and what became of them."""

import math

import numpy as np

from profunda.diagnosis.finding import Answer, Change, Evidence, Finding, Severity, Silence
from profunda.diagnosis.record import Record, Survey
from profunda.diagnosis.rules.consequences import FADING, STALLED, WILD
from profunda.diagnosis.rules.cuts import cut_of
from profunda.diagnosis.rules.firsts import with_large, with_small
from profunda.diagnosis.rules.flow import Flow, flow_of, grown, hidden
from profunda.diagnosis.rules.laziness import lazy
from profunda.diagnosis.rules.reached import reached
from profunda.diagnosis.rules.readings import (
    CLEAR_GAIN,
    GREAT_GAIN,
    MEDIOCRE,
    NOTHING,
    Relief,
    after,
    before,
    failing,
    is_mature,
    moved,
    poor,
    progress,
    relief,
    share_of_score,
    tried,
)
from profunda.diagnosis.rules.rule import Rule, clear, not_applicable, too_little

__all__ = ["RULES"]

COPIED = 0.95
"""Share of a layer's units that are copies: dead.py's share, for the same reason: the rest carries little."""

FADES, GROWS = 1e-2, 1e2
"""Between layers, of what differs between rows or of gradients. Torch's own first weights lose a factor
0.4 with each ReLU: five layers, which train, lose this much, so that it counts only beside harm."""

FADED = 1e-4
"""What is left of a difference between rows, where it counts beside a poor result as well as a failure."""

PART_OF_IT = 0.5
"""Of the logarithm of what fades, the part that the sizes of weights must account for to be its cause."""

LOST, BURST = 1e-6, 1e6
"""In float32 a difference of 1e-7 is lost in rounding: such a network cannot begin, whatever follows."""

SMALL, LARGE = 0.75, 1.5
"""Factors of critical σ_w: more than what a law for another activation is off by (√2, torch's 0.41 for a
ReLU is small)."""

FAR_LARGE = 3.0
"""Factor of critical σ_w from which on every activation leaves its working range in two layers."""

BEGINS_HIGH = 10.0
"""First loss over the best constant's: default heads begin within a factor of two of it."""

FAR_OUT = 3.0
"""Outputs over the targets' own size, or logits' size: a squared loss that begins ten times too high needs
√10 of it, and logits of size 1 cost no more than a coin does, however little a rare class costs."""

LATE = 0.1
"""Share of the steps that go by before the loss comes down to the constant's: the measured cost."""


# Copies -----------------------------------------------------------------------------------------------


def _equal(record: Record) -> Answer:
    code, first = "weights-equal", before(record)
    layers = record.anatomy.layers
    if first is None or len(first.copies) != len(layers) or len(layers) < 2:
        return not_applicable(code, "no look at the first weights of hidden layers")
    inner = [at for at, layer in enumerate(layers[:-1]) if layer.shape and layer.shape[0] > 1]
    begins = [at for at in inner if first.copies[at] >= COPIED]
    if not begins:
        alike = _alike_but_biases(record)
        return clear(code) if alike is None else (alike,)
    last = after(record)
    if last is None or len(last.copies) != len(layers):
        if _stays_equal(record, first, begins, len(inner)):
            return (_copies(record, begins[0], first.copies[begins[0]], "fault"),)
        return too_little(code, "equal at first; different weights further on may still part them")
    stay = [at for at in begins if last.copies[at] >= COPIED]
    if not stay:
        return clear(code, "they part when trained")
    learnt = progress(record).learnt
    works = learnt >= MEDIOCRE and record.anatomy.skips > 0
    return (_copies(record, stay[0], last.copies[stay[0]], "hint" if works else "fault"),)


def _alike_but_biases(record: Record) -> Finding | None:
    """Hidden layers whose units all have the same weights, and so differ by their biases alone."""
    hidden_names = [one.name for one in record.anatomy.layers[:-1]]
    found = [
        one
        for one in record.anatomy.firsts
        if one.kind in ("one number", "one unit") and one.name in hidden_names and one.size
    ]
    got = progress(record)
    if not found or (is_mature(record) and not poor(record) and not got.end >= CLEAR_GAIN * got.trivial):
        return None
    return Finding(
        "weights-equal",
        "fault" if is_mature(record) and poor(record) else "hint",
        found[0].name,
        (Evidence("weights that all units of the layer have", found[0].size),),
        f"All units of {found[0].name} begin with the same weights, of size {found[0].size:.3g}: they see "
        "one sum of what enters, and differ by their biases alone, which part them slowly.",
        "Draw the first weights at random, with the variance that the activation asks for.",
        changes=(Change("initialisation", word="critical"),),
        harm=0.5,
        explains=(*FADING, "weights-too-small", "weights-too-large", "bottleneck", "dead-units", "lazy"),
    )


def _stays_equal(record: Record, first: Survey, begins: list[int], inner: int) -> bool:
    """Whether copies can be told for ever from the first weights alone: gradients that are equal and not 0
    come through equal weights further on, or all layers are copies, or all weights are 0.
    """
    if len(begins) == inner and (first.copies[-1] >= COPIED or not np.any(first.weight)):
        return True
    gradient = first.gradient_norm
    return len(gradient) == len(record.anatomy.layers) and bool(gradient[begins[0]] > 0.0)


def _copies(record: Record, at: int, share: float, severity: Severity) -> Finding:
    layer = record.anatomy.layers[at]
    units = layer.shape[0] if layer.shape else 0
    return Finding(
        "weights-equal",
        severity,
        layer.name,
        (Evidence("units that are copies of another one", float(share), COPIED, "share"),),
        f"The {units} units of {layer.name} begin with equal weights and get equal gradients: the layer is "
        "as good as one unit, for ever.",
        "Draw the first weights at random, with the variance that the activation asks for.",
        changes=(Change("initialisation", word="critical"),),
        explains=(*FADING, "weights-too-small", "weights-too-large", "bottleneck", "dead-units", "lazy"),
    )


# Against critical weights -------------------------------------------------------------------------


def _too_small(record: Record) -> Answer:
    told = _fades(record)
    plain = with_small(record) if isinstance(told, Silence) else None
    return told if plain is None else (plain,)


def _fades(record: Record) -> Answer:
    code, flow = "weights-too-small", flow_of(record)
    if flow is None or not len(flow.excess):
        return not_applicable(code, "no hidden layers without norms whose critical weights are known")
    if not flow.median < SMALL and not flow.whole < FADES:
        return clear(code)
    faded = flow.least < FADES or flow.whole < FADES
    mended = relief(record, "initialisation")
    lost = flow.forward < LOST
    if not faded:
        return clear(code, "smaller than critical, and signals pass all the same")
    if cut_of(record) is not None or flow.whole > max(flow.least, LOST) ** PART_OF_IT:
        return clear(code, "smaller than critical, but not by what is lost: something else takes it")
    if is_mature(record) and not lost and mended is None and _outgrown(record):
        return clear(code, "weights have grown beyond critical ones since, and it fails all the same")
    severity = _severity(record, mended, certain=lost, strong=flow.least < FADED)
    if severity is None and is_mature(record):
        return clear(code)
    return (
        _off_critical(
            code,
            severity or "hint",
            record,
            flow,
            SMALL,
            "What differs between rows, and what comes back, fades from layer to layer.",
            (*FADING, "saturated-units", "weights-equal"),
        ),
    )


def _outgrown(record: Record) -> bool:
    """Whether weights went farther than they were long at first, and beyond critical ones: what the first
    ones were is then no reason any more.
    """
    far = moved(record)
    far = far[np.isfinite(far)]
    return bool(len(far)) and float(np.median(far)) >= 1.0 and grown(record) >= 1.0


def _too_large(record: Record) -> Answer:
    told = _grows(record)
    plain = with_large(record, _carries_over(record)) if isinstance(told, Silence) else None
    return told if plain is None else (plain,)


def _grows(record: Record) -> Answer:
    code, flow, first = "weights-too-large", flow_of(record), before(record)
    if flow is None or first is None or not len(flow.excess):
        return not_applicable(code, "no hidden layers without norms whose critical weights are known")
    largest = math.exp(float(np.max(flow.excess)))
    if not flow.median > LARGE and not largest > FAR_LARGE:
        return clear(code)
    got = progress(record)
    flat = float(np.nanmax(first.saturated, initial=0.0))
    high = got.start / got.trivial
    if not (flow.most > GROWS or flat >= MEDIOCRE or high > BEGINS_HIGH or first.broken):
        return clear(code, "larger than critical, and signals pass all the same")
    certain = bool(first.broken) or flow.forward > BURST or high > BURST
    strong = largest > FAR_LARGE and (flow.most > GROWS or flat >= MEDIOCRE)
    severity = _severity(record, relief(record, "initialisation"), certain, strong)
    if severity is None and strong and flat >= MEDIOCRE and not _carries_over(record):
        severity = "hint"
    if severity is None and is_mature(record):
        return clear(code)
    more = (Evidence("activations on flat ends before training", flat, MEDIOCRE, "share"),) if flat else ()
    return (
        _off_critical(
            code,
            severity or "hint",
            record,
            flow,
            LARGE,
            "Signals grow from layer to layer until activations sit on their ends or numbers overflow.",
            (*WILD, "activation-contracts", "too-deep", "overfitting", "lazy"),
            more,
        ),
    )


def _carries_over(record: Record) -> bool:
    """Whether validation rows are told about as well as those trained on, and no worse than simple predictors
    tell them: where units sit on their ends from the start, rows that are alike become different (the chaotic
    phase of Schoenholz et al. 2017), and what is fitted does not carry over. True where it is not known.
    """
    got, last = reached(record), after(record)
    score = math.nan if last is None else share_of_score(record, last.valid_score)
    return not (got.train - got.valid >= GREAT_GAIN or got.easy - score >= NOTHING)


def _severity(record: Record, mended: Relief | None, certain: bool, strong: bool) -> Severity | None:
    """A fault where it fails and no trial speaks against this cause, where it does poorly and the mechanism
    is `strong`, or where a trial shows the way.
    """
    if record.course is None or not is_mature(record):
        return "fault" if certain or failing(record) else None
    refuted = mended is None and bool(tried(record, "initialisation"))
    by_loss = progress(record).by_loss
    if failing(record):
        return None if refuted and not certain else "fault"
    if mended is None:
        if not strong or refuted:
            return None
        return "fault" if poor(record) or by_loss < NOTHING else ("hint" if by_loss < MEDIOCRE else None)
    return "fault" if poor(record) and mended.gain >= GREAT_GAIN else "hint"


def _off_critical(
    code: str,
    severity: Severity,
    record: Record,
    flow: Flow,
    limit: float,
    mechanism: str,
    explains: tuple[str, ...],
    more: tuple[Evidence, ...] = (),
) -> Finding:
    mended = relief(record, "initialisation")
    shown = (
        Evidence("first weights over critical ones, usual layer", flow.median, limit, "factor"),
        Evidence("what differs between rows, last layer over first", flow.forward, unit="ratio"),
        Evidence("gradients, first layer over last hidden one", flow.back, unit="ratio"),
    )
    gained = (Evidence("loss that critical weights take away", mended.gain),) if mended else ()
    return Finding(
        code,
        severity,
        hidden(record.anatomy)[0][1].name,
        (*(one for one in shown if not math.isnan(one.value)), *more, *gained),
        f"The first weights are {flow.median:.2g} times as large as those at which signals keep their "
        f"size, and the {len(flow.excess)} layers multiply this to {flow.whole:.1e}. {mechanism}",
        "Draw the first weights at the critical variance of the activation.",
        changes=(Change("initialisation", word="critical"), Change("norm", word="layer")),
        harm=1.0 if severity == "fault" else min(1.0, mended.gain if mended else 0.2),
        explains=explains,
    )


# Outputs ----------------------------------------------------------------------------------------------


def _outputs(record: Record) -> Answer:
    code, first, task = "outputs-too-large", before(record), record.task
    got = progress(record)
    if first is None or math.isnan(got.trivial) or not math.isfinite(got.start):
        return not_applicable(code, "no first loss, or nothing to compare it with")
    ratio = got.start / got.trivial
    if ratio < BEGINS_HIGH:
        return clear(code)
    targets = record.targets
    if task is not None and task.kind in ("values", "copy"):
        size = np.abs(targets.mean) + targets.std if targets is not None else np.zeros(0)
        known = size[np.isfinite(size)] if len(size) else size
        if not len(known) or not first.output_size > FAR_OUT * float(np.max(known)):
            return clear(code, "the loss is high because of where the targets lie")
    elif first.output_size <= FAR_OUT:
        return clear(code, "outputs are of usual size; it is the constant's loss that is low")
    spent = math.nan
    if is_mature(record) and record.course is not None:
        spent = _spent(record.course.loss, got.trivial)
        if not failing(record) and spent < LATE:
            return clear(code, "undone within the first steps")
    first_steps = "the first steps" if math.isnan(spent) else f"{spent:.0%} of all steps"
    return (
        Finding(
            code,
            "fault" if is_mature(record) and failing(record) else "hint",
            record.anatomy.layers[-1].name if record.anatomy.layers else "",
            (
                Evidence("first loss over the best constant's", ratio, BEGINS_HIGH, "factor"),
                *(
                    ()
                    if math.isnan(spent)
                    else (Evidence("steps until it is down to the constant's", spent, LATE, "share"),)
                ),
            ),
            f"Before training the loss is {ratio:.3g} times that of the best constant output: "
            f"{first_steps} only undo the first weights of the last layer.",
            "Begin with a last layer of small weights: divide them by the size of the first outputs.",
            changes=(
                Change("initialisation", record.anatomy.layers[-1].name, word="small")
                if record.anatomy.layers
                else Change("initialisation", word="small"),
            ),
            harm=1.0 if math.isnan(spent) else min(1.0, spent),
            explains=(
                "rate-too-low",
                "rate-too-high",
                "too-few-epochs",
                "too-small",
                "gradients-clipped-away",
                "input-ignored",
                *STALLED[:2],
            ),
        ),
    )


def _spent(loss: np.ndarray, trivial: float) -> float:
    """Share of the steps after which the loss comes down to the constant's and below."""
    if not len(loss):
        return 1.0
    parts = np.array_split(loss, min(50, len(loss)))
    below = [float(np.mean(part)) <= trivial for part in parts]
    return below.index(True) / len(parts) if any(below) else 1.0


RULES = (
    Rule("weights-equal", _equal),
    Rule("weights-too-small", _too_small),
    Rule("weights-too-large", _too_large),
    Rule("outputs-too-large", _outputs),
    Rule("lazy", lazy),
)
