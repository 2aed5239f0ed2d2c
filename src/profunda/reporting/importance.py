"""Which hyperparameters mattered: shares of variance explained by each, from a forest fitted on the trials.

Functional ANOVA (Hutter, Hoos and Leyton-Brown 2014) with the marginals taken by Monte Carlo: a random forest
learns the trials' rank from their place in the unit cube; then its variance over configurations drawn from
the *space* is split into first-order shares S_i = Var E[f | u_i] / Var f (Saltelli et al. 2010, table 2, row
b) and total shares T_i = E[(f(A) − f(A with u_i of B))²] / (2 Var f) (Jansen 1999). Swaps happen in the
coordinates u from which the space is sampled: they are independent by construction, conditions and all, so a
parameter that is inactive has no share. Ranks instead of values: one diverged network must not be the whole
variance.
"""

from dataclasses import dataclass

import numpy as np

from profunda.reporting.standing import ranks, scored
from profunda.space.space import Space
from profunda.tuning.result import SearchResult

__all__ = ["LEAST_TRIALS", "Importance", "Importances", "importances"]

LEAST_TRIALS = 25  # fewer teach a forest nothing that a reader should act upon
TREES = 64
MOST_TRIALS = 2_000  # a forest on more costs seconds and shows the same bars
DRAWS = 512  # configurations a side: standard error of a share below 0.03 (tested)
SEED = 0


@dataclass(frozen=True)
class Importance:
    """`alone` is the first-order share, `total` the share with all interactions, both between 0 and 1."""

    name: str
    alone: float
    total: float


@dataclass(frozen=True)
class Importances:
    """All parameters, the most important first; `explained` is R² on trials left out of each tree."""

    parameters: tuple[Importance, ...]
    explained: float
    trials: int


def importances(search: SearchResult) -> Importances | None:
    """The shares of each free parameter; None with fewer than `LEAST_TRIALS` scored trials."""
    trials = scored(search)
    if len(trials) < LEAST_TRIALS or search.space.dimensions == 0:
        return None
    from sklearn.ensemble import RandomForestRegressor  # a second of import that only this figure needs

    standing = ranks(search)
    if len(trials) > MOST_TRIALS:
        keep = np.sort(np.random.default_rng(SEED).permutation(len(trials))[:MOST_TRIALS])
        trials, standing = [trials[k] for k in keep], standing[keep]
    forest = RandomForestRegressor(
        TREES, min_samples_leaf=3, max_features=1 / 2, oob_score=True, random_state=SEED, n_jobs=1
    )
    forest.fit(_inputs(search.space, [t.params for t in trials]), standing)
    alone, total = _shares(search.space, forest.predict)
    found = [Importance(*row) for row in zip(search.space.free, alone.tolist(), total.tolist(), strict=True)]
    found.sort(key=lambda one: (-one.total, one.name))
    return Importances(tuple(found), max(0.0, float(forest.oob_score_)), len(trials))


def _inputs(space: Space, params: list) -> np.ndarray:
    """Places in the unit cube [N, d]; an inactive parameter lies at −1, away from every value."""
    inputs = np.full((len(params), space.dimensions), -1.0)
    for column, name in enumerate(space.free):
        domain, places = space.domains[name], {}
        for row, one in enumerate(params):
            if name not in one:
                continue
            told = repr(one[name])  # True and 1 are equal, but may lie apart
            if told not in places:  # a place costs microseconds, and ten thousand rows share a few values
                places[told] = domain.place(one[name])
            inputs[row, column] = places[told]
    return inputs


def _shares(space: Space, predict) -> tuple[np.ndarray, np.ndarray]:
    """First-order and total shares [d] of a function of the space's configurations."""
    rng = np.random.default_rng(SEED)
    d = space.dimensions
    a, b = rng.random((DRAWS, d)), rng.random((DRAWS, d))
    mixed = np.repeat(a[None], d, axis=0)
    mixed[np.arange(d), :, np.arange(d)] = b.T
    cube = np.concatenate([a, b, mixed.reshape(-1, d)])
    values = predict(_inputs(space, space.sample(cube)))
    values = values - values[: 2 * DRAWS].mean()  # the product below is far noisier about another origin
    f_a, f_b, f_mixed = values[:DRAWS], values[DRAWS : 2 * DRAWS], values[2 * DRAWS :].reshape(d, DRAWS)
    variance = float(np.var(values[: 2 * DRAWS]))
    if variance < 1e-12:
        return np.zeros(d), np.zeros(d)
    total = ((f_a - f_mixed) ** 2).mean(axis=1) / (2 * variance)
    alone = (f_b * (f_mixed - f_a)).mean(axis=1) / variance
    total = np.clip(total, 0.0, 1.0)
    return np.clip(alone, 0.0, total), total
