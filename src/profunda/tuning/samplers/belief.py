"""From a fitted surrogate to a batch: candidates by the thousand, scored at once, picked one by one."""

import math
from dataclasses import dataclass

import numpy as np

from profunda.tuning.samplers.acquisition import log_expected_improvement, log_feasible
from profunda.tuning.samplers.candidates import steps_from
from profunda.tuning.samplers.cube import Cube
from profunda.tuning.samplers.gaussian import Kernel, Posterior

__all__ = ["DATA_POINTS", "Belief", "spread_rows"]

DATA_POINTS = 256
_GLOBAL = 768  # candidates spread over the space
_PARENTS = 16  # good trials from which steps are made
_STEPS = 24  # from each of them, sizes `_FIRST_SCALES`
_FIRST_SCALES = (1e-2, 0.5)
_ROUNDS = ((3e-2, 0.2), (1e-2, 0.1), (3e-3, 3e-2), (1e-3, 1e-2))  # then steps from the best candidates
_ROUND_PARENTS, _ROUND_STEPS = 4, 16  # by each criterion
_DOUBTS = (0.5, 1.0, 2.0)  # standard deviations of optimism by which parents are chosen, beside improvement
_SHORTLIST = 768  # candidates that are compared anew after each pick
_COLUMNS = 4  # weightings of several objectives that look for candidates
_BRAVE = 2.0  # standard deviations of optimism by which the shortlist is chosen
_FAR = -5.0  # log of a probability: below it, constraints are met nowhere near
_DIGITS = 12  # places that agree so far are one
_LEAST_VARIANCE = 1e-12


def spread_rows(y: np.ndarray, most: int) -> np.ndarray:
    """At most `most` positions of y [N]: the better half of them the best, the others an even sample."""
    if len(y) <= most:
        return np.arange(len(y))
    order = np.argsort(y, kind="stable")
    head = most // 2
    rest = order[head:]
    evenly = np.linspace(0, len(rest) - 1, most - head).round().astype(int)
    return np.sort(np.concatenate([order[:head], rest[evenly]]))


@dataclass(frozen=True, eq=False)
class _Pool:
    """Candidates [K, D] with their means [K, W], deviations and limits [K].

    `limits` holds the logarithm of the probability that constraints are met.
    """

    rows: np.ndarray
    means: np.ndarray
    sd: np.ndarray
    limits: np.ndarray

    def taken(self, kept: np.ndarray) -> "_Pool":
        return _Pool(self.rows[kept], self.means[kept], self.sd[kept], self.limits[kept])

    def joined(self, other: "_Pool") -> "_Pool":
        return _Pool(
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.means, other.means]),
            np.concatenate([self.sd, other.sd]),
            np.concatenate([self.limits, other.limits]),
        )


class Belief:
    """What was told, as a surrogate sees it: targets y [N, W] at rows [N, D], W weightings of objectives.

    `feasible` bool [N] says who met the constraints, `limit` what is known of where they are met (None:
    everywhere).
    """

    def __init__(
        self,
        cube: Cube,
        kernel: Kernel,
        rows: np.ndarray,
        y: np.ndarray,
        feasible: np.ndarray,
        limit: Posterior | None,
    ) -> None:
        self._cube, self._kernel, self._limit = cube, kernel, limit
        # Trials that met the constraints first: they are the marks to beat, and the places to step from.
        level = y.mean(axis=1) + np.where(feasible, 0.0, np.ptp(y) + 1.0)
        kept = spread_rows(level, DATA_POINTS)
        self._rows, self._order = rows, np.argsort(level, kind="stable")
        x = cube.features(rows[kept])
        self._posterior = Posterior(kernel, x, y[kept])
        # The mean at the best trial, not its value: a lucky draw of a noisy objective is no mark to beat.
        means, met = self._posterior.means(x), feasible[kept]
        self._best = means[met].min(axis=0) if met.any() else None

    def batch(self, n: int, waiting: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Rows [n, D] to try next, while those `waiting` [K, D] are being tried."""
        pool = self._unseen(self._candidates(rng), n, waiting)
        promise = (pool.sd[:, None] * _BRAVE - pool.means).max(axis=1) + np.maximum(pool.limits, _FAR)
        if len(promise) > _SHORTLIST:
            pool = pool.taken(np.sort(np.argpartition(-promise, _SHORTLIST)[:_SHORTLIST]))
        return self._picked(n, pool, self._scored(waiting))

    def _scored(self, rows: np.ndarray) -> _Pool:
        x = self._cube.features(rows)
        means, sd = self._posterior.predict(x)
        limits = np.zeros(len(rows))
        if self._limit is not None:
            missed, doubt = self._limit.predict(x)
            limits = log_feasible(missed[:, 0], doubt)
        return _Pool(rows, means, sd, limits)

    def _value(self, pool: _Pool, column: int, best: float, sd: np.ndarray) -> np.ndarray:
        """Log of expected improvement where constraints are met; only the latter until one trial met them."""
        if self._best is None:
            return pool.limits
        return log_expected_improvement(pool.means[:, column], sd, best) + pool.limits

    def _candidates(self, rng: np.random.Generator) -> _Pool:
        """Spread over the space, around the best trials, and in rounds around the best candidates."""
        spread = rng.random((_GLOBAL, self._cube.dimensions))
        near = steps_from(self._rows[self._order[:_PARENTS]], _STEPS, _FIRST_SCALES, rng)
        pool = self._scored(self._cube.snapped(np.concatenate([spread, near])))
        for scales in _ROUNDS:
            parents = pool.rows[self._leaders(pool)]
            pool = pool.joined(
                self._scored(self._cube.snapped(steps_from(parents, _ROUND_STEPS, scales, rng)))
            )
        return pool

    def _leaders(self, pool: _Pool) -> np.ndarray:
        """Positions of the best candidates by several criteria, each once."""
        marks = []
        for column in range(min(_COLUMNS, pool.means.shape[1])):
            best = 0.0 if self._best is None else self._best[column]
            marks.append(self._value(pool, column, best, pool.sd))
            marks += [d * pool.sd - pool.means[:, column] + pool.limits for d in _DOUBTS]
        leaders = [np.argpartition(-mark, _ROUND_PARENTS)[:_ROUND_PARENTS] for mark in marks]
        return np.unique(np.concatenate(leaders))

    def _unseen(self, pool: _Pool, n: int, waiting: np.ndarray) -> _Pool:
        """Each place once, and none that was tried, unless the space has too few."""
        first: dict[bytes, int] = {}
        for k, place in enumerate(_places(pool.rows)):
            first.setdefault(place, k)
        tried = {*_places(self._rows), *_places(waiting)}
        new = [k for place, k in first.items() if place not in tried]
        return pool.taken(np.array(new if len(new) >= n else list(first.values())))

    def _picked(self, n: int, pool: _Pool, waiting: _Pool) -> np.ndarray:
        """The best candidate, then the best once that one is believed, and so on: rows [n, D]."""
        everyone = pool.joined(waiting)
        x = self._cube.features(everyone.rows)
        z, (_, v) = self._kernel.scaled(x), self._posterior.whitened(x)
        count, given = len(pool.rows), len(waiting.rows)
        best = None if self._best is None else self._best.copy()
        variance = np.square(everyone.sd)
        updates = np.zeros((n + given, len(z)))
        free = np.ones(count, dtype=bool)
        picks: list[int] = []
        for turn in range(n + given):
            if turn < given:
                pick = count + turn
            else:
                column = (turn - given) % everyone.means.shape[1]
                mark = 0.0 if best is None else best[column]
                value = self._value(pool, column, mark, np.sqrt(variance[:count]))
                if not free.any():
                    free[:] = True
                pick = int(np.argmax(np.where(free, value, -np.inf)))
                free[pick] = False
                picks.append(pick)
            shared = self._kernel(z, z[pick : pick + 1])[:, 0] - v[:, pick] @ v
            shared -= updates[:turn, pick] @ updates[:turn]
            updates[turn] = shared / math.sqrt(variance[pick] + self._kernel.noise)
            variance = np.maximum(variance - np.square(updates[turn]), _LEAST_VARIANCE)
            if best is not None:
                best = np.minimum(best, everyone.means[pick])
        return pool.rows[picks]


def _places(rows: np.ndarray) -> list[bytes]:
    return [row.tobytes() for row in np.round(rows, _DIGITS) + 0.0]
