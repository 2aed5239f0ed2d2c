"""Why a trial ended, in one word of a closed list, which is a diagnosis's where both mean the same.

What an engine or a rung saw by `vitals.causes` comes first: not finite, dead, vanished, overfitted. Runs that
were long enough to be judged go through the rules of a diagnosis; what these call a fault is the cause. All
of it is read from losses and signs that a fleet records anyway.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from profunda.diagnosis.codes import CODES
from profunda.diagnosis.judging import judge
from profunda.diagnosis.rules.activation import SATURATED
from profunda.diagnosis.rules.all import RULES
from profunda.diagnosis.rules.flow import is_squashing
from profunda.diagnosis.rules.readings import is_mature, poor
from profunda.fleet.history import MemberHistory, Status
from profunda.forecasting.learnability import Trainability
from profunda.space.design import Design
from profunda.tuning.lives import Yardstick, record_of

__all__ = ["CAUSES", "Cause", "cause_of"]


@dataclass(frozen=True)
class Cause:
    """`name` is a code of `diagnosis.codes` or a Status; `did` what such trials did; `advice` for the next
    attempt. `trouble`: they did not go as they should. `whole`: it is told of whole runs alone.
    """

    name: str
    did: str
    advice: str
    trouble: bool = True
    whole: bool = False

    @property
    def title(self) -> str:
        """In plain words."""
        return CODES[self.name].title if self.name in CODES else self.did.removeprefix("were ")


def _ended(status: Status, did: str, trouble: bool = False, whole: bool = False) -> Cause:
    return Cause(status.value, did, status.advice, trouble, whole)


CAUSES = MappingProxyType(
    {
        cause.name: cause
        for cause in (
            _ended(Status.FAILED, "failed", trouble=True),
            Cause("rate-too-high", "took too long steps", "Lower the learning rate, or clip gradients."),
            Cause("weights-too-large", "overflowed from the start", "Initialise at the critical variance."),
            Cause(
                "dead-units", "had a layer of dead units",
                "Lower the learning rate, or use an activation that is not flat below zero.",
            ),
            Cause("saturated-units", "had a saturated layer", "Begin with smaller weights, or use a norm."),
            Cause(
                "activation-contracts", "lost their gradients in a squashing activation",
                "Use an activation with slope 1 and its critical first weights.",
            ),
            Cause(
                "weights-too-small", "lost their gradients before the first layer",
                "Use fewer layers, critical first weights, a norm or skip connections.",
            ),
            Cause(
                "dropout-too-strong", "dropped too much to learn", "Drop less than half.", whole=True,
            ),
            Cause("rate-too-low", "hardly moved", "Raise the learning rate.", whole=True),
            Cause("overfitting", "overfitted", Status.OVERFITTED.advice, whole=True),
            Cause(
                "too-few-epochs", "were still learning when their epochs ended",
                "Allow more epochs, or raise the learning rate.", whole=True,
            ),
            Cause(
                "plateau", "stood still far above what the best reached",
                "Change the step first: another rate, momentum, or an adaptive optimiser.", whole=True,
            ),
            Cause("no-learning", "learnt nothing", "Look at rate, regularisation and depth.", whole=True),
            _ended(Status.UNFINISHED, "were not finished"),
            _ended(Status.OUTCOMPETED, "were outcompeted"),
            _ended(Status.EARLY_STOPPED, "stopped early", whole=True),
            _ended(Status.COMPLETED, "went through all epochs", whole=True),
        )
    }
)  # fmt: skip
"""From grave to good."""

_SEEN = tuple(rule for rule in RULES if rule.code in CAUSES)
_OF_LEARNT = tuple(rule for rule in _SEEN if rule.code == "overfitting")
_OVERFLOW = frozenset({"signal", "gradient", "start"})  # concerns of the forecast about the first weights


def cause_of(
    status: Status,
    design: Design,
    curves: Sequence[MemberHistory],
    yardstick: Yardstick,
    foreseen: Trainability | None = None,
) -> str:
    """The name in CAUSES of why a trial of `status` ended; `curves` are those of its folds that trained.

    `foreseen`, the forecast before training, tells first weights from steps where a run broke down in its
    first epoch, of which nothing else is known.
    """
    if status is Status.DIVERGED:
        return _diverged(curves, foreseen)
    if status is Status.DEAD:
        return "saturated-units" if any(map(_is_flat, curves)) else "dead-units"
    if status is Status.VANISHED:
        return "activation-contracts" if is_squashing(design.activation) else "weights-too-small"
    if status is Status.OVERFITTED:
        return "overfitting"
    if status is Status.FAILED or not curves:
        return status.value if status.value in CAUSES else Status.UNFINISHED.value
    name = _agreed(design, curves, yardstick)
    return name or (Status.UNFINISHED.value if status is Status.RUNNING else status.value)


def _agreed(design: Design, curves: Sequence[MemberHistory], yardstick: Yardstick) -> str:
    """Where more than half of the folds have a fault, the one that most of them share; else ""."""
    told: Counter[str] = Counter()
    for curve in curves:
        told[_judged(design, curve, yardstick)] += 1
        if 2 * told[""] >= len(curves):
            return ""
    return min((name for name in CAUSES if told[name]), key=lambda name: -told[name])


def _diverged(curves: Sequence[MemberHistory], foreseen: Trainability | None) -> str:
    at_once = any(len(curve.train_loss) == 1 and not np.isfinite(curve.train_loss[0]) for curve in curves)
    if at_once and foreseen is not None and foreseen.worst.name in _OVERFLOW and foreseen.worst.beyond > 0.0:
        return "weights-too-large"
    return "rate-too-high"


def _is_flat(curve: MemberHistory) -> bool:
    """Whether the layer with most dead units sits on flat ends of its activation, at the last taking."""
    dead, flat = (curve.signs.get(name, np.zeros((0, 0))) for name in ("dead", "saturated"))
    if not dead.size or dead.shape != flat.shape:
        return False
    return bool(flat[-1][int(np.argmax(dead[-1]))] >= SATURATED)


def _judged(design: Design, curve: MemberHistory, yardstick: Yardstick) -> str:
    """The first fault of the rules that a member's life gives something to read; "" for none."""
    if not curve.epochs:
        return ""
    record = record_of(design, curve, yardstick)
    if not is_mature(record):
        return ""
    # Of a run that learnt, whatever else is seen is no fault: only by heart may it have.
    found = judge(record, _SEEN if poor(record) else _OF_LEARNT).findings
    return next((one.code for one in found if one.severity == "fault"), "")
