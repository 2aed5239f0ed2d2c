"""Batches that learn, at a cost that does not grow into the training: one Gaussian process a batch.

The first draws are quasi-random. Then one surrogate of all that was told is fitted, thousands of candidates
are scored by it at once (the logarithm of the expected improvement), and the batch is picked one by one: each
pick is believed to turn out as expected, which takes away the uncertainty around it and sends the next one
elsewhere (the "kriging believer" of Ginsbourger, Le Riche and Carraro 2010, by rank-one updates).

What bounds the cost: hyperparameters come from at most `_FIT_POINTS` trials and are kept for a quarter
as many trials as were told, the posterior sees at most `DATA_POINTS`, the better half of them the best ones.

A proposal is a function of the seed, of what was proposed and told before, and of nothing else.
"""

import json
import math
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from profunda.space.space import Params, Space
from profunda.tuning.samplers.belief import DATA_POINTS, Belief, spread_rows
from profunda.tuning.samplers.cube import Cube
from profunda.tuning.samplers.gaussian import Kernel, Posterior, fitted_kernel
from profunda.tuning.samplers.outcome import Outcome
from profunda.tuning.samplers.quasi_random import QuasiRandomSampler
from profunda.tuning.samplers.random import generator
from profunda.tuning.samplers.targets import losses_of, scalar_targets, violations

__all__ = ["BatchSampler"]

_FIT_POINTS = 192
_BEYOND = 1e12  # stands for a violation that is no number
_KEPT_SHARE = 4  # hyperparameters are kept for told/4 trials, rounded down to a power of two


class BatchSampler:
    """A Gaussian process over a space; deterministic for a seed and a sequence of proposals and answers."""

    def __init__(self, space: Space, seed: int, signs: Sequence[float]) -> None:
        self._cube, self._seed, self._signs = Cube(space), seed, tuple(signs)
        self._quasi = QuasiRandomSampler(space, seed)
        self._rows: list[np.ndarray] = []
        self._ended: dict[int, Outcome] = {}
        self._open: dict[str, deque[int]] = defaultdict(deque)
        self._proposed = 0
        self._kernels: dict[tuple[str, int], Kernel] = {}
        self._least = max(4, min(2 * space.dimensions, 12))

    def propose(self, n: int) -> list[Params]:
        told = sorted(self._ended)
        losses = losses_of([self._ended[k] for k in told], self._signs)
        if n == 0 or self._cube.dimensions == 0 or np.isfinite(losses).all(axis=1).sum() < self._least:
            batch = self._quasi.propose(n)
        else:
            from threadpoolctl import threadpool_limits

            with threadpool_limits(1, user_api="blas"):  # sums in one order, whatever the machine has
                batch = self._cube.params(self._picked(n, told, losses))
            self._quasi.repeat(batch)
        self._enter(batch)
        return batch

    def repeat(self, batch: Sequence[Params]) -> None:
        self._quasi.repeat(batch)
        self._enter(batch)

    def tell(self, params: Params, outcome: Outcome) -> None:
        """What became of `params`. A configuration that was never proposed is learnt from all the same."""
        if not self._open[_key(params)]:
            self._note(params)
        self._ended[self._open[_key(params)].popleft()] = outcome

    def _enter(self, batch: Sequence[Params]) -> None:
        for params in batch:
            self._note(params)
        self._proposed += len(batch)

    def _note(self, params: Params) -> None:
        self._open[_key(params)].append(len(self._rows))
        self._rows.append(self._cube.rows([params])[0])

    def _picked(self, n: int, told: Sequence[int], losses: np.ndarray) -> np.ndarray:
        """Rows [n, D] of the next batch."""
        rng = generator(self._seed, f"batch/{self._proposed}")
        rows = np.stack([self._rows[k] for k in told])
        outcomes = [self._ended[k] for k in told]
        of = "loss"
        if not any(outcome.feasible for outcome in outcomes):
            of, outcomes, losses = "violation", *_aimed_at_constraints(outcomes)
        waiting = [row for k, row in enumerate(self._rows) if k not in self._ended]
        targets = scalar_targets(losses, self._weights(n, losses.shape[1], rng))
        belief = Belief(
            self._cube,
            self._kernel(of, rows, targets[:, 0], lambda first: _even_targets(losses[:first])),
            rows,
            targets,
            np.array([outcome.feasible for outcome in outcomes]),
            self._limit(rows, outcomes),
        )
        return belief.batch(n, np.array(waiting).reshape(-1, self._cube.dimensions), rng)

    def _weights(self, n: int, objectives: int, rng: np.random.Generator) -> np.ndarray:
        """Weights of objectives [n, Q], uniform over the simplex; a single row for one objective."""
        if objectives == 1:
            return np.ones((1, 1))
        raw = rng.exponential(size=(n, objectives))
        return raw / raw.sum(axis=1, keepdims=True)

    def _limit(self, rows: np.ndarray, outcomes: Sequence[Outcome]) -> Posterior | None:
        """What is known of where constraints are met; None where they always were."""
        missed = violations(outcomes)
        if missed is None:
            return None
        kernel = self._kernel("limit", rows, missed, lambda first: violations(outcomes[:first]))
        kept = spread_rows(missed, DATA_POINTS)
        return Posterior(kernel, self._cube.features(rows[kept]), missed[kept, None])

    def _kernel(
        self, of: str, rows: np.ndarray, whole: np.ndarray, taught: Callable[[int], np.ndarray | None]
    ) -> Kernel:
        """Hyperparameters by the first trials told, up to the last whole multiple of those they are kept for.

        A function of what was told, not of when it was asked for: a search that was resumed finds the same.
        `taught` gives the targets of the first so many, None where they teach nothing yet and `whole`, those
        of all, must do.
        """
        step = 1 << max(0, (len(rows) // _KEPT_SHARE).bit_length() - 1)
        first = len(rows) - len(rows) % step
        if (of, first) not in self._kernels:
            y = taught(first)
            if y is None:
                first, y = len(rows), whole
            kept = spread_rows(y, _FIT_POINTS)
            fitted = fitted_kernel(self._cube.features(rows[kept]), y[kept], self._cube.owner)
            self._kernels = {k: v for k, v in self._kernels.items() if k[0] != of} | {(of, first): fitted}
        return self._kernels[of, first]


def _aimed_at_constraints(outcomes: Sequence[Outcome]) -> tuple[list[Outcome], np.ndarray]:
    """While no trial met the constraints, their violation is the loss and nothing constrains it."""
    finite = [o.violation if math.isfinite(o.violation) else _BEYOND for o in outcomes]
    aimed = [Outcome((v,), o.status) for v, o in zip(finite, outcomes, strict=True)]
    return aimed, losses_of(aimed, [1.0])


def _even_targets(losses: np.ndarray) -> np.ndarray | None:
    """Targets by equal weights of objectives; None without two usable trials."""
    if np.isfinite(losses).all(axis=1).sum() < 2:
        return None
    objectives = losses.shape[1]
    return scalar_targets(losses, np.full((1, objectives), 1.0 / objectives))[:, 0]


def _key(params: Mapping[str, Any]) -> str:
    return json.dumps(dict(params), sort_keys=True)
