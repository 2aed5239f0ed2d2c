"""Which changes could mend what was found, in the order in which they are tried."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from profunda.diagnosis.codes import Area
from profunda.diagnosis.diagnosis import Diagnosis
from profunda.diagnosis.finding import Change, Finding
from profunda.diagnosis.judging import Judgement
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.readings import poor
from profunda.diagnosis.suspicions import suspected

__all__ = [
    "CERTAIN",
    "EITHER",
    "LONG",
    "MENDS",
    "Proposal",
    "by_itself",
    "early",
    "is_late",
    "mends",
    "proposals",
    "takes_away",
    "untried",
]

LONG = ("epochs",)
"""Kinds of changes that no beginning of a training can judge."""

MENDS = (
    "rows",
    "labels",
    "axes",
    "scaling",
    "loss",
    "head",
    "initialisation",
    "activation",
    "optimiser",
    "thawing",
)
"""Kinds of changes that take a mistake away and give nothing up for it. All others are a matter of measure:
what is better at first, such as larger steps or less dropout, may be worse in the end."""

MATTERS_OF_MEASURE = ("class weights", "label smoothing", "robust", "adam")
"""Words of these kinds for which that does not hold."""

CERTAIN: tuple[Area, ...] = ("data", "labels", "loop", "loss", "output")
ALSO = ("input-ignored", "rows-mixed")
"""Faults of these areas and codes are so by themselves: what mends them is trained in full though no race
shows it."""

NOTHING_LEARNT = ("input-ignored",)
"""Codes of faults with which nothing can be learnt at all, so that nothing is given up by any change."""

ALWAYS = (("norm", "momentum"), ("optimiser", "whole"))
"""Kinds and words of changes that mend slips nobody makes on purpose, whatever finding they are for."""

OF_FAULTS = ("activation", "optimiser")
"""Kinds for which it holds only where what is there keeps the network from learning."""

LATE = ("overfitting", "labels-conflicting", "labels-noisy", "optimiser-constants")
"""Codes of what comes after so many steps that no beginning shows whether it is mended: a memory that is too
long is even quicker at first."""

EITHER = ("output-activation-twice",)
"""Codes of which every bundle is the same remedy at another place, so that the first that can be carried out
will do."""

AHEAD = ("inserted", "cosine")
"""Words of changes without which a network is quicker at first: a linear one, at what is linear; a rate that
does not fall."""

LAST_RESORT = (
    (Change("learning rate", value=10.0),),
    (Change("learning rate", value=0.1),),
    (Change("initialisation", word="critical"),),
    (Change("scaling", word="inputs"),),
)
"""What is tried where training does badly and nothing that was proposed helps."""

AROUND, DEEP = 5.0, 0.1
"""A rate that would be cut to DEEP/AROUND of itself, or less, is tried AROUND times as large too: what was
measured while a training diverged says that it must fall, and hardly how far."""

FURTHER = {"learning rate": 0.1, "batch size": 0.25}
"""Where steps or batches are made smaller, this much smaller is tried too: what is stable at first need not
be so later, and of several the best is taken. Where batches are made larger, this much less, which leaves so
many more steps."""

WIDE, NARROW = 16.0, 8.0
"""Times the units of a network that is too small, and of one layer that is."""

THIN = 4
"""Units of the narrowest hidden layer up to which more of them are tried where more epochs are: they are
cheaper than to wait."""

FADES = ("activation-contracts", "too-deep", "weights-too-large", "weights-too-small")
"""Codes of signals and gradients that get lost on their way through a chain of layers."""

UNUSUAL = 5.0
"""Factor by which the size of first weights is off, in the unit of 1/√fan-in, where no usual law draws them:
those in use lie between 0.27 and 2."""

CHAIN, KEPT = 10, 2.0
"""Hidden linear layers from which on so few of them are tried for these codes: beyond, first weights
alone seldom carry signals through."""

MORE: dict[str, tuple[Change, ...]] = {
    "inputs-not-finite": (Change("rows", word="finite"), Change("scaling", word="filled")),
    "targets-not-finite": (Change("rows", word="finite"),),
    "loss-detached": (Change("loss", word="task"),),
    "loss-ignores-rows": (Change("loss", word="task"),),
    "loss-not-finite": (Change("loss", word="task"), Change("head", word="linear")),
    "rate-too-low": (Change("learning rate", value=1000.0),),
    "rows-in-order": (Change("rows", word="shuffled"),),
    "parameters-not-held": (Change("optimiser", word="whole"),),
    "norm-statistics-stale": (Change("norm", word="momentum"),),
    "norm-of-tiny-batches": (Change("norm", word="replaced"),),
    "rows-mixed": (Change("axes", word="rows first"), Change("norm", word="replaced")),
    "batch-too-small": (Change("learning rate", value=0.1),),
    "no-activation": (Change("activation", word="inserted"),),
    "dead-units": (Change("initialisation", word="critical"),),
    "outputs-too-large": (Change("initialisation", word="critical"),),
    "saturated-units": (Change("activation", word="relu"),),
    "plateau": (Change("learning rate", value=10.0),),
    "batch-too-large": (Change("learning rate", value=10.0),),
    "output-dropout": (Change("dropout", value=0.0),),
    "overfitting": (Change("weight decay", word="set", value=1e-2),),
}
"""Beyond what the findings of a code propose themselves."""


@dataclass(frozen=True)
class Proposal:
    """`bundles` of changes that could each mend what `finding` (None: a training that does badly) is about,
    the most promising first.
    """

    finding: Finding | None
    bundles: tuple[tuple[Change, ...], ...]


def proposals(diagnosis: Diagnosis) -> tuple[Proposal, ...]:
    """Of the findings in their order; then what is suspected, and where training does badly what symptoms
    propose and what often helps, unless what only the user can mend, or wrong labels, explain it.
    """
    record = diagnosis.record
    found = [Proposal(one, _of(one, record)) for one in diagnosis.findings]
    top = diagnosis.findings[:1]
    theirs = any(one.area == "labels" or (one.severity == "fault" and not _of(one, record)) for one in top)
    if not theirs:
        badly = poor(record) or _broke(record)
        judgement = Judgement(tuple(diagnosis.findings), diagnosis.symptoms, diagnosis.silences)
        also = [bundle for one in diagnosis.symptoms for bundle in _of(one, record)] if badly else []
        also += (_bundle(change, record) for change in suspected(record, judgement))
        found.append(Proposal(None, tuple(dict.fromkeys((*also, *(LAST_RESORT if badly else ()))))))
    seen: set[tuple[Change, ...]] = set()
    fresh = []
    for one in found:
        bundles = tuple(bundle for bundle in one.bundles if bundle not in seen)
        seen.update(bundles)
        fresh += [Proposal(one.finding, bundles)] if bundles else []
    return tuple(fresh)


def early(diagnosis: Diagnosis) -> tuple[Proposal, ...]:
    """What can be tried after the beginning alone, where the most important finding is among it: for faults,
    and for hints that something mends which gives nothing up.
    """
    sure = {one.finding for one in mends(diagnosis)}
    found = tuple(
        one
        for one in proposals(diagnosis)
        if one.finding is not None and (one.finding.severity == "fault" or one.finding in sure)
    )
    return found if found and [found[0].finding] == diagnosis.findings[:1] else ()


def mends(diagnosis: Diagnosis) -> tuple[Proposal, ...]:
    """What takes mistakes away, where the most important finding is one that can be."""
    found = []
    for one in proposals(diagnosis):
        finding = one.finding
        if finding is None:
            continue
        bundles = tuple(bundle for bundle in one.bundles if all(_mends(each, finding) for each in bundle))
        if bundles:
            found.append(Proposal(finding, bundles))
    top = diagnosis.findings[:1]
    return tuple(found) if found and [found[0].finding] == top else ()


def takes_away(finding: Finding | None, bundle: tuple[Change, ...]) -> bool:
    """Whether `bundle` takes away what `finding` is about, and does not only cover it."""
    return finding is not None and all(_mends(one, finding) for one in bundle)


def is_late(finding: Finding | None, bundle: tuple[Change, ...]) -> bool:
    """Whether only a whole training can tell what `bundle` is worth against `finding`."""
    if finding is not None and finding.code in LATE:
        return True
    return any(one.kind in LONG or one.word in AHEAD for one in bundle)


def by_itself(finding: Finding | None) -> bool:
    """Whether it is a fault whatever else happens."""
    if finding is None or finding.severity != "fault":
        return False
    return finding.area in CERTAIN or finding.code in ALSO


def _mends(change: Change, finding: Finding) -> bool:
    if (change.kind, change.word) in ALWAYS or (finding.area, change.kind) == ("output", "dropout"):
        return True
    if finding.code in NOTHING_LEARNT and finding.severity == "fault":
        return True
    if change.kind not in MENDS or change.word in MATTERS_OF_MEASURE:
        return False
    return finding.severity == "fault" or change.kind not in OF_FAULTS


def _broke(record: Record) -> bool:
    return record.course is not None and record.course.broken_step >= 0


def untried(diagnosis: Diagnosis) -> tuple[Finding, ...]:
    """Findings that only the user can act on."""
    return tuple(one for one in diagnosis.findings if not _of(one, diagnosis.record))


def _of(finding: Finding, record: Record) -> tuple[tuple[Change, ...], ...]:
    more = MORE.get(finding.code, ())
    targets = record.targets
    if finding.code == "labels-shifted" and targets is not None and targets.shift:
        more = (Change("labels", value=float(targets.shift), word="shifted"),)
    changes = dict.fromkeys((*finding.changes, *more))
    again = record.loss if finding.code == "output-activation-twice" else None
    if again is not None and again.inside:
        changes = {Change("loss", word="task"): None}  # the loss itself applies it, and not the network
    elif again is not None and again.kind == "bce-logits":
        # Amounts are read as they are; else outputs are logits, as the loss that was chosen has it.
        amounts = record.task is not None and record.task.kind in ("values", "copy")
        bce = Change("loss", word="bce")
        changes = {bce: None} if amounts else {**changes, bce: None}
    changes = {_redrawn(one, finding, record): None for one in changes}
    further = [replace(one, value=one.value * FURTHER[one.kind]) for one in _lasts(changes)]
    less = [
        replace(one, value=one.value * FURTHER[one.kind])
        for one in changes
        if one.kind == "batch size" and one.value * FURTHER[one.kind] > 1.0
    ]
    milder = [
        replace(one, value=one.value * AROUND)
        for one in changes
        if one.kind == "learning rate" and one.value <= DEEP / AROUND
    ]
    each = (*less, *changes, *milder, *further)
    singly = (_bundle(change, record) for change in each if change.kind != "skips")
    found = dict.fromkeys((*_together(finding, record), *singly, *_shallower(finding, record)))
    return tuple(bundle for bundle in found if _suits(bundle, finding, record))


def _suits(bundle: tuple[Change, ...], finding: Finding, record: Record) -> bool:
    """Whether outputs can be what it makes of them: to a loss of the user's own they may be logarithms of
    rates, and to the usual one of values they would be amounts.
    """
    words, task, loss = {one.word for one in bundle}, record.task, record.loss
    if "robust" in words and not _several(record):
        return False
    amounts = task is not None and task.kind in ("values", "copy")
    own = loss is not None and not loss.kind and finding.code != "loss-detached"
    return "task" not in words or not (amounts and own)


def _several(record: Record) -> bool:
    """Whether one of several classes is asked for, with an output each."""
    layers, task = record.anatomy.layers, record.task
    return task is not None and task.kind == "classes" and not (layers and layers[-1].shape[:1] == (1,))


def _together(finding: Finding, record: Record) -> tuple[tuple[Change, ...], ...]:
    """What comes before the finding's own: several changes at once, or of a layer that the record shows."""
    if finding.code == "too-small":
        wide = Change("width", value=WIDE)
        return (wide, Change("depth", value=2.0)), (wide,)
    if finding.code in ("labels-conflicting", "labels-noisy"):
        return ((Change("loss", word="robust"),),)
    if finding.code == "too-few-epochs":
        longer = ((Change("learning rate", value=3.0), one) for one in finding.changes if one.value > 1.0)
        return (*(((Change("width", value=WIDE),),) if _thin(record) else ()), *longer)
    if finding.code == "overfitting":
        less = [one for one in finding.changes if one.kind in LONG]
        slow = ((one, Change("learning rate", value=0.3)) for one in less)
        return (*slow, *((one,) for one in less), (Change("dropout", word="inserted", value=0.5),))
    if finding.code == "input-ignored":
        alone = [one for one in record.anatomy.layers[:-1] if one.norm and one.shape[:1] == (1,)]
        wider = ((Change("width", one.name, NARROW),) for one in alone[:1])
        normed = any(one.norm for one in record.anatomy.layers)
        return (*wider, *([(Change("norm", word="removed"),)] if normed else []))
    return ()


def _redrawn(change: Change, finding: Finding, record: Record) -> Change:
    """First weights of one layer alone, where those of all others are of usual size."""
    whole = (change.kind, change.layer, change.word) == ("initialisation", "", "critical")
    sizes = {one.name: one.size for one in record.anatomy.firsts if one.kind == "weights"}
    others = [size for name, size in sizes.items() if name != finding.layer]
    layers = [one.name for one in record.anatomy.layers]
    if not whole or finding.code not in FADES or finding.layer not in sizes or set(sizes) != set(layers):
        return change
    if not others or not all(1.0 / UNUSUAL < size < UNUSUAL for size in others):
        return change
    if 1.0 / UNUSUAL < sizes[finding.layer] < UNUSUAL:
        return change
    return replace(change, layer=finding.layer, word="small" if finding.layer == layers[-1] else "critical")


def _thin(record: Record) -> bool:
    """Whether all that enters goes through very few units."""
    return any(one.shape and 1 <= one.shape[0] <= THIN for one in record.anatomy.layers[:-1])


def _shallower(finding: Finding, record: Record) -> tuple[tuple[Change, ...], ...]:
    """Far fewer layers, where signals get lost in a long chain of them."""
    hidden = record.anatomy.layers[:-1]
    long = len(hidden) >= CHAIN and all(one.kind == "linear" for one in hidden)
    if finding.code not in FADES or not long or record.anatomy.skips:
        return ()
    return ((Change("depth", value=KEPT / len(hidden)), Change("initialisation", word="critical")),)


def _lasts(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Of rates and batch sizes the smallest where they are made smaller."""
    found: dict[str, Change] = {}
    for one in changes:
        if one.kind in FURTHER and one.value < found.get(one.kind, Change("", value=1.0)).value:
            found[one.kind] = one
    return tuple(found.values())


def _bundle(change: Change, record: Record) -> tuple[Change, ...]:
    """Another activation asks for first weights of its own, a loss of several classes for as many outputs."""
    task, layers = record.task, record.anatomy.layers
    classes = 0 if task is None or task.kind not in ("classes", "sequence") else task.n_classes
    one = bool(layers) and layers[-1].shape[:1] == (1,)
    if (change.kind, change.word) == ("loss", "cross-entropy") and classes > 1 and one:
        return Change("head", value=float(classes), word="width"), change
    if change.kind == "activation":
        return change, Change("initialisation", word="critical")
    ends = [what for what in record.anatomy.last if what in ("softmax", "sigmoid")]
    if change.kind == "loss" and change.word in ("cross-entropy", "bce-logits") and ends:
        return change, Change("head", word="linear")  # the loss takes what is before it
    return (change,)
