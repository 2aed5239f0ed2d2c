"""Which changes could mend what was found, in the order in which they are tried."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from profunda.diagnosis.diagnosis import Diagnosis
from profunda.diagnosis.finding import Change, Finding
from profunda.diagnosis.judging import Judgement
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.readings import poor
from profunda.diagnosis.suspicions import suspected

__all__ = ["LATE", "LONG", "Proposal", "mends", "proposals", "untried"]

LONG = ("epochs",)
"""Kinds of changes that no beginning of a training can judge."""

MENDS = ("rows", "labels", "scaling", "loss", "head", "initialisation", "activation", "optimiser")
"""Kinds of changes that take a mistake away and give nothing up for it. All others are a matter of measure:
what is better at first, such as larger steps or less dropout, may be worse in the end."""

MATTERS_OF_MEASURE = ("class weights", "label smoothing", "adam")
"""Words of these kinds for which that does not hold."""

OF_FAULTS = ("activation", "optimiser")
"""Kinds for which it holds only where what is there keeps the network from learning."""

LATE = ("overfitting",)
"""Codes of what comes after so many steps that no beginning shows whether it is mended."""

LAST_RESORT = (
    (Change("learning rate", value=10.0),),
    (Change("learning rate", value=0.1),),
    (Change("initialisation", word="critical"),),
    (Change("scaling", word="inputs"),),
)
"""What is tried where training does badly and nothing that was proposed helps."""

FURTHER = {"learning rate": 0.1, "batch size": 0.25}
"""Where steps or batches are made smaller, this much smaller is tried too: what is stable at first need not
be so later, and of several the best is taken."""

MORE: dict[str, tuple[Change, ...]] = {
    "inputs-not-finite": (Change("rows", word="finite"),),
    "targets-not-finite": (Change("rows", word="finite"),),
    "loss-detached": (Change("loss", word="task"),),
    "loss-ignores-rows": (Change("loss", word="task"),),
    "loss-not-finite": (Change("loss", word="task"), Change("head", word="linear")),
    "rate-too-low": (Change("learning rate", value=1000.0),),
    "too-small": (Change("width", value=16.0),),
    "rows-in-order": (Change("rows", word="shuffled"),),
    "parameters-not-held": (Change("optimiser", word="whole"),),
    "norm-statistics-stale": (Change("norm", word="momentum"),),
    "norm-of-tiny-batches": (Change("norm", word="replaced"),),
    "rows-mixed": (Change("norm", word="replaced"),),
    "no-activation": (Change("activation", word="inserted"),),
    "dead-units": (Change("initialisation", word="critical"),),
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
    """Of the findings in their order; then, where training does badly, of symptoms, and what often helps,
    unless what only the user can mend explains it.
    """
    record = diagnosis.record
    found = [Proposal(one, _of(one, record)) for one in diagnosis.findings]
    top = diagnosis.findings[:1]
    theirs = bool(top) and top[0].severity == "fault" and not _of(top[0], record)
    if not theirs and (poor(record) or _broke(record)):
        judgement = Judgement(tuple(diagnosis.findings), diagnosis.symptoms, diagnosis.silences)
        also = [bundle for one in diagnosis.symptoms for bundle in _of(one, record)]
        also += (_bundle(change, record) for change in suspected(record, judgement))
        found.append(Proposal(None, tuple(dict.fromkeys((*also, *LAST_RESORT)))))
    seen: set[tuple[Change, ...]] = set()
    fresh = []
    for one in found:
        bundles = tuple(bundle for bundle in one.bundles if bundle not in seen)
        seen.update(bundles)
        fresh += [Proposal(one.finding, bundles)] if bundles else []
    return tuple(fresh)


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


def _mends(change: Change, finding: Finding) -> bool:
    if (change.kind, change.word) == ("norm", "momentum") or (finding.area, change.kind) == (
        "output",
        "dropout",
    ):
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
    if finding.code == "output-activation-twice" and record.loss is not None and record.loss.inside:
        more = (Change("loss", word="task"),)  # the loss itself applies it, and not the network
    changes = dict.fromkeys((*finding.changes, *more))
    if finding.code == "output-activation-twice" and record.loss is not None and not record.loss.inside:
        # Outputs keep their meaning, which whoever reads them relies on, where the loss takes what they are.
        changes = {Change("loss", word="bce"): None} if record.loss.kind == "bce-logits" else changes
    further = [replace(one, value=one.value * FURTHER[one.kind]) for one in _lasts(changes)]
    return tuple(_bundle(change, record) for change in (*changes, *further) if change.kind != "skips")


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
    classes = 0 if task is None or task.kind != "classes" else task.n_classes
    one = bool(layers) and layers[-1].shape[:1] == (1,)
    if (change.kind, change.word) == ("loss", "cross-entropy") and classes > 1 and one:
        return Change("head", value=float(classes), word="width"), change
    if change.kind == "activation":
        return change, Change("initialisation", word="critical")
    return (change,)
