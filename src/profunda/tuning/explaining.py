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
    """`count` of `of` trials `did` something by one `cause`; `pattern` is what sets them apart, None where
    nothing does beyond chance. `whole`: only trials that ran to their end were asked.
    """

    cause: str
    did: str
    count: int
    of: int
    pattern: Pattern | None
    whole: bool = False

    @property
    def text(self) -> str:
        """One sentence, with the numbers that carry it."""
        among = " that ran to their end" if self.whole else ""
        head = f"{self.count:,} of {self.of:,}{among} {self.did}"
        found = self.pattern
        if found is None:
            every = self.count == self.of
            return f"{head}." if every else f"{head}; no setting tells which, beyond chance."
        return (
            f"{head}: {found.words} ({found.hits:,} of the {self.count:,}; {found.precision:.0%} of such "
            f"trials, {found.elsewhere:.0%} of the others)."
        )


def explain(
    causes: Sequence[str], statuses: Sequence[Status], configurations: Sequence[Mapping[str, object]]
) -> tuple[Explanation, ...]:
    """An Explanation of each trouble among trials, the most frequent first.

    `causes` are names of `causes.CAUSES`, "" for trials of a user's own objective, where the status stands
    for it. What can only happen to a whole run is compared among whole runs: else a pattern would tell which
    trials were left to run.
    """
    troubles = Counter(
        (cause, "" if cause else status.value)
        for cause, status in zip(causes, statuses, strict=True)
        if (CAUSES[cause].trouble if cause else status in _OWN)
    )
    found = []
    for (cause, status), count in troubles.most_common():
        whole = bool(cause) and CAUSES[cause].whole
        asked = [k for k, one in enumerate(causes) if not whole or (one and CAUSES[one].whole)]
        hit = np.array([causes[k] == cause and status in ("", statuses[k].value) for k in asked], bool)
        pattern = pattern_of([configurations[k] for k in asked], hit)
        ended = {statuses[k] for k, one in zip(asked, hit, strict=True) if one}
        did = _did(cause, ended) if cause else _OWN[Status(status)]
        found.append(Explanation(cause or status, did, count, len(asked), pattern, whole))
    return tuple(found)


def _did(cause: str, ended: set[Status]) -> str:
    return "diverged" if ended == {Status.DIVERGED} and cause == "rate-too-high" else CAUSES[cause].did
