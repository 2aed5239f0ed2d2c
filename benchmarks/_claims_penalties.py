"""What the text's table says of L1 and L2, measured on linear members of fleets."""

from dataclasses import replace

import numpy as np
from _claims import Claim, Finding, losses, table, trained

from profunda.fleet.source import FleetData
from profunda.fleet.state import MemberState
from profunda.space.design import Design

ROWS = 200
LINEAR = Design(
    widths=(), optimiser="sgd", momentum=0.0, lr=0.05, epochs=1500, batch_size=ROWS, initialisation="torch",
    decoupled=False,
)  # fmt: skip


SLOW = replace(LINEAR, momentum=0.9, lr=0.1, epochs=40_000)
"""Two nearly equal inputs are told apart along a direction of curvature 10⁻⁴: that takes steps."""


def _rows(x: np.ndarray, y: np.ndarray) -> FleetData:
    """All rows train; the same rows validate, as nothing is chosen by them here."""
    everything = np.arange(len(y))
    target, folds = (y - y.mean()).astype(np.float32), [(everything, everything)]
    return FleetData.from_arrays(
        x.astype(np.float32), target, folds=folds, classes=False, encodings=("robust",)
    )


def _weights(design: Design, data: FleetData, seeds: int = 1) -> np.ndarray:
    """Last weights [seeds, D]: full batches and a proximal step make the exact minimiser's zeros."""
    return np.stack([state.params[:-1] for state in trained([design], data, seeds, folds=1)[0, 0]])


def _sparse_problem(rng: np.random.Generator) -> tuple[FleetData, np.ndarray]:
    x = rng.standard_normal((ROWS, 40))
    truth = np.zeros(40)
    truth[:8] = np.where(rng.random(8) < 0.5, -1, 1) * rng.uniform(0.5, 1.5, 8)
    return _rows(x, x @ truth + rng.standard_normal(ROWS)), truth != 0


def sparsity(seeds: int) -> Finding:
    zeros = np.array([
        [(_weights(replace(LINEAR, **changes), _sparse_problem(np.random.default_rng(k))[0]) == 0).mean()
         for changes in ({"l1": 0.3}, {"l2": 0.3}, {"l1": 0.3, "l1_update": "subgradient"})]
        for k in range(4 * seeds)
    ])  # fmt: skip
    l1, l2, sub = zeros.mean(axis=0)
    text = (
        f"share of weights that are exactly 0: L1 by proximal steps {100 * l1:.0f} %, L2 {100 * l2:.0f} %, "
        f"L1 by subgradients {100 * sub:.0f} % ({len(zeros)} problems of 40 inputs, 8 of which tell)"
    )
    return Finding(
        text, "holds" if zeros[:, 0].min() > 0 and l2 == 0 else "does not hold", {"l1": l1, "l2": l2}
    )


def selection(seeds: int) -> Finding:
    found = []
    for k in range(4 * seeds):
        data, truth = _sparse_problem(np.random.default_rng(k))
        for design in (replace(LINEAR, l1=0.3), replace(LINEAR, l2=0.3)):
            kept = _weights(design, data)[0] != 0
            found.append((kept[truth].mean(), kept[~truth].mean()))
    by = np.array(found).reshape(-1, 2, 2)
    (told, idle), (told2, idle2) = by.mean(axis=0)
    text = (
        f"L1 keeps {100 * told:.0f} % of the inputs that tell and {100 * idle:.0f} % of those that do not, "
        f"L2 {100 * told2:.0f} % and {100 * idle2:.0f} %"
    )
    return Finding(
        text, "holds" if told > 0.9 and idle < 0.5 and idle2 == 1 else "does not hold", {"l1_idle": idle}
    )


NETWORK = Design(widths=(32,), lr=3e-3, schedule="cosine", epochs=100, batch_size=64)
STRENGTHS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)


def _shadowed(name: str) -> tuple[FleetData, int]:
    """A bundled table with a shuffled copy beside each column, and how many columns are its own."""
    data = table(name)
    folds = sorted(key for key in data.sources if key[0] == "robust")
    source, rng = data.sources[folds[0]], np.random.default_rng(0)
    told = source.x[:, np.ptp(source.x, axis=0) > 0]
    shadows = np.column_stack([rng.permutation(column) for column in told.T])
    cut = [(data.sources[key].train, data.sources[key].valid) for key in folds]
    x, encodings = np.hstack([told, shadows]), ("robust",)
    made = FleetData.from_arrays(x, source.y, folds=cut, classes=data.classes, encodings=encodings)
    return made, told.shape[1]


def real_selection(seeds: int) -> Finding:
    """The strongest group lasso within a standard error of the best validation loss, as lasso's users do."""
    parts, values, verdicts = [], {}, []
    for name in ("concrete", "adult", "digits"):
        data, own = _shadowed(name)
        states = trained([replace(NETWORK, group_lasso=strength) for strength in STRENGTHS], data, seeds)
        found = losses(states).reshape(len(STRENGTHS), -1)
        best = int(found.mean(axis=1).argmin())
        error = found[best].std(ddof=1) / np.sqrt(found.shape[1])
        chosen = max(np.flatnonzero(found.mean(axis=1) <= found[best].mean() + error))
        kept = np.mean([_columns(state, data) for state in states[chosen].flat], axis=0)
        told, idle = kept[:own].mean(), kept[own:].mean()
        parts.append(f"{name} {100 * told:.0f} % and {100 * idle:.0f} %")
        values[name] = idle
        verdicts.append(idle < 0.5 * told)
    text = f"columns kept, the table's own and shuffled copies: {'; '.join(parts)}"
    return Finding(text, "holds" if all(verdicts) else "mixed" if any(verdicts) else "does not hold", values)


def _columns(state: MemberState, data: FleetData) -> np.ndarray:
    """Which inputs of a network still enter it: bool [D]."""
    inputs = next(iter(data.sources.values())).x.shape[1]
    weights = state.params[: inputs * NETWORK.widths[0]].reshape(inputs, -1)
    return (weights != 0).any(axis=1)


def _twins(rng: np.random.Generator) -> FleetData:
    shared = rng.standard_normal(ROWS)
    x = np.column_stack([shared + 0.01 * rng.standard_normal(ROWS) for _ in range(2)])
    return _rows(x, shared * 2 + 0.5 * rng.standard_normal(ROWS))


def multicollinearity(seeds: int) -> Finding:
    apart = {name: [] for name in ("l1", "l2", "both")}
    recipes = {"l1": {"l1": 0.5}, "l2": {"l2": 0.5}, "both": {"l1": 0.25, "l2": 0.25}}
    for k in range(4 * seeds):
        data = _twins(np.random.default_rng(100 + k))
        for name, changes in recipes.items():
            w = _weights(replace(SLOW, **changes), data)[0]
            apart[name].append(abs(w[0] - w[1]) / max(abs(w[0] + w[1]), 1e-9))
    l1, l2, both = (float(np.median(apart[name])) for name in recipes)
    text = (
        f"|w₁ − w₂| / |w₁ + w₂| of two nearly equal inputs (median of {4 * seeds}): L1 {l1:.2f} (1: one "
        f"alone is kept), L2 {l2:.3f} (0: split evenly), elastic net {both:.3f}"
    )
    return Finding(
        text, "holds" if l1 > 0.5 and l2 < 0.02 and both < 0.1 else "does not hold", {"l1": l1, "l2": l2}
    )


def stability(seeds: int) -> Finding:
    """Refits on resampled rows, twins among the inputs: how much the weights change."""
    spreads = []
    for k in range(2 * seeds):
        rng = np.random.default_rng(200 + k)
        shared = rng.standard_normal((ROWS, 5))
        x = np.repeat(shared, 2, axis=1) + 0.1 * rng.standard_normal((ROWS, 10))
        y = shared @ np.array([1.5, -1.0, 0.5, 0.0, 0.0]) + rng.standard_normal(ROWS)
        pair = []
        for changes in ({"l1": 0.2}, {"l2": 0.2}):
            fits = []
            for _ in range(12):
                rows = rng.integers(0, ROWS, ROWS)
                fits.append(_weights(replace(LINEAR, epochs=3000, **changes), _rows(x[rows], y[rows]))[0])
            pair.append(np.std(fits, axis=0).sum() / np.abs(np.mean(fits, axis=0)).sum())
        spreads.append(pair)
    by = np.array(spreads)
    ratio = float(np.median(by[:, 0] / by[:, 1]))
    text = (
        f"s.d. of a weight over resampled rows, relative to its size: L1 {by[:, 0].mean():.2f}, L2 "
        f"{by[:, 1].mean():.2f} ({ratio:.1f} times, {len(by)} problems with five pairs of alike inputs)"
    )
    holds = (by[:, 0] > by[:, 1]).all()
    return Finding(text, "holds" if holds else "not seen", {"ratio": ratio})


CLAIMS = (
    Claim("penalties-sparsity", "L1 makes weights exactly zero, L2 only small.",
          "zeros in every L1 fit, none in any L2 fit", sparsity),
    Claim("penalties-selection", "L1 selects features, L2 keeps all.",
          "L1 keeps over 90 % of the inputs that tell and under half of the others; L2 keeps all", selection),
    Claim("penalties-real-selection", "On real tables too a penalty selects features.",
          "group lasso keeps under half as large a part of shuffled columns as of the table's own",
          real_selection),
    Claim("penalties-multicollinearity", "Of inputs that are alike, L1 keeps one, L2 shares among all.",
          "L1 over 0.5, L2 under 0.02, and the elastic net groups as L2 does (under 0.1)", multicollinearity),
    Claim("penalties-stability", "L2 is more stable.",
          "weights change less from one sample of rows to another under L2, in every problem", stability),
)  # fmt: skip
