"""When to look closely: often at the beginning, then ever more seldom, and never beyond a share of the time.

Norms, copies and comparisons of all weights cost as much as an optimiser's step. They are made at steps
0, 1, 2, 3, 4, 6, 8, … (the gap grows by a quarter until it is LONGEST_GAP, or a TWENTIETH of the steps so
far), and each only once the time so far can pay for it. What the clock decides is which numbers are
recorded, never what is trained.
"""

import math
from time import perf_counter, process_time

__all__ = ["Pace"]

FIRST = 16
"""Steps at the beginning that are all followed through."""

PERIODS = ((200e-3, 4), (60e-3, 16), (20e-3, 48), (0.0, 96))
"""Where steps last so many seconds or longer, two of so many in a row are followed from their forward pass
through gradients to the weights; of the others the loss, the rate and evaluations are written down. Following
costs about 0.9 ms where steps are long enough to empty the caches, 0.2 % of them by these numbers, and two in
a row tell what a step found of the one before.
"""

SPARSE = 12
"""Two of a twelfth of the steps so far, where that is more than the last of PERIODS: in short steps' runs."""

GOLDEN = 0.6180339887498949
"""Multiples of it modulo 1 fill the unit interval evenly: no rhythm of the loop's own is hit for ever."""

ALWAYS = 3
"""Closer looks that are made whatever they cost: the first steps are where broken loops show."""

GROWTH, LONGEST_GAP, TWENTIETH = 1.25, 100, 20
"""From one gap to the next; the longest in steps, or as a part of the steps so far (its divisor)."""

SLOW_STEP = 5e-3
"""Seconds. Longer steps give SLOW_SHARE of their time, shorter ones QUICK_SHARE."""

SLOW_SHARE, QUICK_SHARE = 0.003, 0.025


class Pace:
    """Decides whether a step is looked at closely. `hurried` False: by the step's number alone."""

    def __init__(self, hurried: bool = True, least: int = 1) -> None:
        self.hurried, self.least = hurried, least
        self.period, self.block, self.block_end, self.place = 1, 0, 0, 0
        self.begun = math.nan  # when the first step ended: what comes before it prepares kernels and caches
        self.worked = math.nan
        self.spent, self.taken, self.last_cost = 0.0, 0, 0.0
        self.following, self.gap = 0.0, 1.0

    def due(self, step: int) -> bool:
        """Whether `step`, counted from 0, is to be looked at."""
        if step < self.following:
            return False
        if self.hurried and self.taken >= ALWAYS:
            elapsed = self._elapsed() - self.spent
            share = SLOW_SHARE if self.seconds(step) >= SLOW_STEP else QUICK_SHARE
            return self.spent + self.last_cost <= share * elapsed
        return True

    def followed(self, step: int) -> bool:
        """Whether `step` is followed through; call it with growing steps."""
        if step < FIRST or not self.hurried:
            return True
        if step >= self.block_end:
            self.period = max(self.least, self._period(step))
            self.block += 1
            self.place = step + int(self.block * GOLDEN % 1.0 * (self.period - 1))
            self.block_end = step + self.period
        return self.place <= step <= self.place + 1

    def _period(self, step: int) -> int:
        longest = PERIODS[-1][1]
        found = next(each for least, each in PERIODS if self.seconds(step) >= least)
        return found if found < longest else max(longest, step // SPARSE)

    def next_followed(self, step: int) -> int:
        """The first step after `step`, which is not followed, at which `followed` is to be asked again."""
        return self.place if step < self.place else self.block_end

    @property
    def worth(self) -> float:
        """Steps that one which is followed stands for."""
        return max(1.0, self.period / 2)

    def seconds(self, step: int) -> float:
        """Mean duration of the steps before `step` without looking; infinite before two steps are done."""
        return max(0.0, self._elapsed() - self.spent) / (step - 1) if step > 1 else math.inf

    def _elapsed(self) -> float:
        """Seconds since the first step, but no more than processors worked: waiting pays for nothing, be it
        for rows or for a processor that others use, and several threads make no step longer.
        """
        return min(perf_counter() - self.begun, process_time() - self.worked)

    def looked(self, step: int, cost: float) -> None:
        """`step` was looked at, which took `cost` seconds of its thread: waiting is no cost."""
        self.taken += 1
        self.last_cost = cost
        self.gap = 1.0 if self.taken < 4 else min(self.gap * GROWTH, max(LONGEST_GAP, step / TWENTIETH))
        self.following = step + max(1, round(self.gap))
        self.paid(cost)

    def paid(self, cost: float) -> None:
        """Take `cost` seconds into account."""
        if not math.isnan(self.begun):
            self.spent += cost

    def begin(self) -> None:
        """The first step is over."""
        self.begun, self.worked = perf_counter(), process_time()
