"""What the text says of batch normalisation."""

import time
from dataclasses import replace

import numpy as np
from _claims import (
    Claim,
    Finding,
    activations,
    decided,
    factors,
    losses,
    means,
    percents,
    seconds_of,
    table,
    tables,
    trained,
)

from profunda.fleet.source import FleetData, Source
from profunda.fleet.state import MemberState
from profunda.space.design import Design

PLAIN = Design(widths=(64,) * 4, optimiser="sgd", momentum=0.0, lr=0.1, epochs=30, batch_size=32)
NORMED = replace(PLAIN, norm="batch")
RATES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
BATCHES = (2, 4, 8, 32, 128)
LAWS = ("lecun", "glorot", "he", "orthogonal", "torch")


def larger_rates(seeds: int) -> Finding:
    """The largest learning rate that still trains."""
    found = {}
    for name, data in tables().items():
        largest = []
        for design in (PLAIN, NORMED):
            swept = losses(_swept(design, data, seeds))
            fine = swept <= np.nanmin(swept, axis=0) + np.log(1.5)
            last = len(RATES) - 1 - np.argmax(fine[::-1], axis=0)
            largest.append(np.log(np.array(RATES))[last])
        found[name] = largest[1] - largest[0]
    text = (
        "the largest rate whose loss is within 1.5 times the best of its sweep, with against without (SGD, 4 "
        f"hidden layers): {factors(found)}"
    )
    return Finding(text, decided(found), means(found))


def _swept(design: Design, data: FleetData, seeds: int) -> np.ndarray:
    """States [rates, folds, seeds]."""
    return trained([replace(design, lr=rate) for rate in RATES], data, seeds)


def faster(seeds: int) -> Finding:
    """Epochs to the plain network's best loss, each at its best rate."""
    found, own = {}, {}
    for name, data in tables().items():
        curves = []
        for design in (PLAIN, NORMED):
            states = _swept(design, data, seeds)
            scores = np.nan_to_num(losses(states), nan=np.inf, posinf=np.inf).mean(axis=(1, 2))
            curves.append(states[int(scores.argmin())])
        goal = np.vectorize(lambda state: 1.05 * state.best_loss)(curves[0])
        needed = [np.log(np.vectorize(_epochs_to)(states, goal)) for states in curves]
        found[name] = needed[0] - needed[1]
        own[name] = losses(curves[0]) - losses(curves[1])
    text = (
        f"epochs to 1.05 times the plain network's best loss, without against with: {factors(found)}; best "
        f"loss without against with: {percents(own)}"
    )
    return Finding(text, decided(found), means(found))


def _epochs_to(state: MemberState, goal: float) -> float:
    """The first epoch at or below `goal`; twice the epochs trained where there is none."""
    reached = np.flatnonzero(state.valid_loss <= goal)
    return float(reached[0] + 1) if len(reached) else 2.0 * len(state.valid_loss)


def initialisation(seeds: int) -> Finding:
    """The spread of the loss over laws of initialisation."""
    found, said = {}, []
    for name, data in tables().items():
        spreads = []
        for design in (PLAIN, NORMED):
            deep = replace(design, widths=(64,) * 8, epochs=20)
            by_law = losses(trained([replace(deep, initialisation=law) for law in LAWS], data, seeds))
            spreads.append(np.nanstd(by_law, axis=0, ddof=1))
        found[name] = np.log(spreads[0]) - np.log(spreads[1])
        said.append(f"{name} {np.nanmean(spreads[0]):.2f} → {np.nanmean(spreads[1]):.2f}")
    text = (
        f"spread (s.d. over {len(LAWS)} laws, 8 hidden layers) of the logarithm of the loss, without → with: "
        f"{', '.join(said)}, diverged ones left out; without against with: {factors(found)}"
    )
    return Finding(text, decided(found), means(found))


def overfitting(seeds: int) -> Finding:
    """Validation loss at the best epoch."""
    wide = replace(PLAIN, widths=(128, 128), optimiser="adam", lr=2e-3, epochs=40)
    found = {}
    for name, data in tables().items():
        plain, normed = trained([wide, replace(wide, norm="batch")], data, seeds)
        found[name] = losses(plain) - losses(normed)
    text = f"best validation loss without batch norm, against with: {percents(found)}"
    return Finding(text, decided(found), means(found))


def covariate_shift(seeds: int) -> Finding:
    """How far a later layer's inputs move from epoch to epoch."""
    found = {}
    for name, data in tables().items():
        moved = []
        for design in (PLAIN, NORMED):
            last, far = replace(design, lr=0.03, epochs=12), np.zeros((3, seeds))
            states = [_weights_after(last, data, seeds, epochs) for epochs in (4, 5)]
            for place in np.ndindex(3, seeds):
                before, after = (one[place] for one in states)
                far[place] = _drift(design, before, after, data.sources["robust", place[0]])
            moved.append(np.log(far))
        found[name] = moved[0] - moved[1]
    text = (
        "how far the inputs of the last hidden layer move in the fifth epoch (|Δ mean| in s.d. of a unit), "
        f"without against with: {factors(found)}; the norm holds means and spreads by construction"
    )
    return Finding(text, decided(found), means(found))


def _weights_after(design: Design, data: FleetData, seeds: int, epochs: int) -> np.ndarray:
    """The same networks after some of their epochs: states [folds, seeds]."""
    return trained([design], data, seeds, until=epochs)[0]


def _drift(design: Design, before: MemberState, after: MemberState, source: Source) -> float:
    """Mean over units of |Δ mean| / s.d. of what leaves the last but one hidden layer, on training rows."""
    x = source.x[source.train]
    a, b = (activations(design, s.params.astype(np.float64), x, rows=True)[0][-2] for s in (before, after))
    spread = a.std(axis=0)
    alive = spread > 1e-6
    return float((np.abs(b.mean(axis=0) - a.mean(axis=0))[alive] / spread[alive]).mean())


def small_batches(seeds: int) -> Finding:
    """The loss with batch norm against without, by rows a batch."""
    adam = replace(PLAIN, widths=(64, 64), optimiser="adam", lr=1e-3, epochs=12)
    norms, two, layer, rows = ("none", "batch", "layer"), {}, {}, []
    for name, data in tables().items():
        designs = [replace(adam, norm=norm, batch_size=batch) for batch in BATCHES for norm in norms]
        by = losses(trained(designs, data, seeds)).reshape(len(BATCHES), 3, 3, seeds)
        two[name], layer[name] = by[0, 1] - by[0, 0], by[0, 1] - by[0, 2]
        rows.append((by[:, 1] - by[:, 0]).mean(axis=(1, 2)))
    by_batch = np.mean(rows, axis=0)
    said = ", ".join(f"{b}: {100 * np.expm1(w):+.0f} %" for b, w in zip(BATCHES, by_batch, strict=True))
    text = (
        f"loss with batch norm against without, by rows a batch (mean of tables): {said}; at 2 rows "
        f"{percents(two)}; at 2 rows against layer norm {percents(layer)}"
    )
    return Finding(text, decided(two), means(two))


def cost(seeds: int) -> Finding:
    data = table("digits")
    slower, extra = [], []
    for width in (32, 64, 128, 256):
        plain = Design(widths=(width, width), batch_size=32, epochs=4)
        normed = replace(plain, norm="batch")
        times = []
        for _ in range(3):  # interleaved: a busy minute falls on both
            pair = []
            for design in (plain, normed):
                started = time.process_time()
                trained([design], data, 2 * seeds)
                pair.append(time.process_time() - started)
            times.append(pair[1] / pair[0])
        slower.append(float(np.median(times)))
        features = data.sources["robust", 0].x.shape[1]
        extra.append(normed.parameters(features, 10) / plain.parameters(features, 10) - 1)
    forecast = seconds_of(normed, data) / seconds_of(plain, data)
    text = (
        f"a training step takes {min(slower):.2f} to {max(slower):.2f} times as long (widths 32 to 256, "
        f"native engine; its cost model says {forecast:.2f} at 256); {100 * min(extra):.1f} to "
        f"{100 * max(extra):.1f} % more parameters, and as many numbers again for the collected mean and "
        "variance; training keeps one more array of activations a layer"
    )
    return Finding(text, "holds" if min(slower) > 1 else "not seen", {"slower": float(np.mean(slower))})


CLAIMS = (
    Claim("norm-rates", "Batch normalisation allows larger learning rates.",
          "the largest rate that still trains is larger with it", larger_rates),
    Claim("norm-faster", "Batch normalisation speeds convergence up.",
          "fewer epochs to the loss of the plain network, each at its best rate", faster),
    Claim("norm-initialisation", "It depends less on the initial weights.",
          "the loss spreads less over five laws of initialisation", initialisation),
    Claim("norm-overfitting", "It reduces overfitting.",
          "less validation loss at the best epoch with it", overfitting),
    Claim("norm-shift", "It reduces internal covariate shift.",
          "what enters a later layer moves less from epoch to epoch", covariate_shift),
    Claim("norm-small-batches", "It fails with small batches.",
          "at 2 rows a batch it is worse than no norm at all", small_batches),
    Claim("norm-cost", "It costs time and memory.",
          "a step takes longer, and there are more numbers to keep", cost),
)  # fmt: skip
