"""What many trials ended by, each cause with the setting that brings it about: one sentence a cause."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from profunda.fleet.history import Status
from profunda.tuning.causes import CAUSES
from profunda.tuning.patterns import Pattern, pattern_of

__all__ = ["Explanation", "explain"]

_OWN = {Status.FAILED: "failed", Status.DIVERGED: "gave no finite value"}  # of a user's own objective


@dataclass(frozen=True)
class Explanation:
    """`count` of `of` trials `did` something by one `cause`; `pattern` is what sets them apart from the
    `sound` ones, which had no trouble, None where nothing does beyond chance. `whole`: only trials that ran
    to their end were asked.
    """

    cause: str
    did: str
    count: int
    of: int
    sound: int
    pattern: Pattern | None
    whole: bool = False

    @property
    def text(self) -> str:
        """One sentence, with the numbers that carry it."""
        among = " that ran to their end" if self.whole else ""
        head = f"{self.count:,} of {self.of:,}{among} {self.did}"
        found = self.pattern
        if found is None:
            return f"{head}; no setting tells which, beyond chance." if self.sound else f"{head}."
        return (
            f"{head}: {found.words} ({found.hits:,} of the {self.count:,}, and "
            f"{found.inside - found.hits:,} of {self.sound:,} without trouble)."
        )


def explain(
    causes: Sequence[str], statuses: Sequence[Status], configurations: Sequence[Mapping[str, object]]
) -> tuple[Explanation, ...]:
    """An Explanation of each trouble among trials, the most frequent first.

    `causes` are names of `causes.CAUSES`, "" for trials of a user's own objective, where the status stands
    for it. Trials of one cause are compared with those without trouble alone: another trouble may have
    come first, and a pattern would then tell where it did not. What can only happen to a whole run is
    compared with whole runs: else a pattern would tell which trials were left to run.
    """
    names = [cause or status.value for cause, status in zip(causes, statuses, strict=True)]
    kinds = [_kind(cause, status) for cause, status in zip(causes, statuses, strict=True)]
    counts = Counter(name for name, (trouble, _) in zip(names, kinds, strict=True) if trouble)
    found = []
    for name, count in counts.most_common():
        whole = kinds[names.index(name)][1]
        asked = [k for k, kind in enumerate(kinds) if not whole or kind[1]]
        compared = [k for k in asked if names[k] == name or not kinds[k][0]]
        hit = np.array([names[k] == name for k in compared])
        pattern = pattern_of([configurations[k] for k in compared], hit)
        did = _did(name, {statuses[k] for k in compared if names[k] == name})
        found.append(Explanation(name, did, count, len(asked), len(compared) - count, pattern, whole))
    return tuple(found)


def _kind(cause: str, status: Status) -> tuple[bool, bool]:
    """Whether it is trouble, and whether it speaks of a whole run."""
    return (CAUSES[cause].trouble, CAUSES[cause].whole) if cause else (status in _OWN, False)


def _did(name: str, ended: set[Status]) -> str:
    if name not in CAUSES:
        return _OWN[Status(name)]
    if name == "rate-too-high" and Status.DIVERGED in ended:
        return "diverged" if len(ended) == 1 else f"diverged or {CAUSES[name].did}"
    return CAUSES[name].did
