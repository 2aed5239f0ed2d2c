"""What the text says of dropout."""

from dataclasses import replace

import numpy as np
from _claims import (
    Claim,
    Finding,
    activations,
    decided,
    factors,
    losses,
    masked,
    means,
    percents,
    tables,
    trained,
)

from profunda.fleet.source import Source
from profunda.space.design import Design

PLAIN = Design(widths=(128, 128), lr=1e-3, epochs=60, batch_size=32)
HALF = replace(PLAIN, dropout=0.5, epochs=120)
PLAIN_LONG = replace(PLAIN, epochs=120)
DEPTHS, RATES = (1, 3, 8), (0.0, 0.05, 0.15, 0.4)


def classified() -> dict:
    """The tables of classes: masks are averaged there as probabilities."""
    return {name: data for name, data in tables().items() if data.classes}


def overfitting(seeds: int) -> Finding:
    """Validation loss at the best epoch."""
    found = {}
    for name, data in tables().items():
        plain, dropped = trained([PLAIN_LONG, HALF], data, seeds)
        found[name] = losses(plain) - losses(dropped)
    text = f"best validation loss without dropout, against with a half dropped: {percents(found)}"
    return Finding(text, decided(found), means(found))


def co_adaptation(seeds: int) -> Finding:
    """What it costs to lose half of the units, and how alike two units are."""
    rng, damage, alike = np.random.default_rng(0), {}, np.zeros(2)
    for name, data in classified().items():
        harm = np.zeros((2, 3, seeds))
        for k, design in enumerate((PLAIN, replace(PLAIN, dropout=0.5))):
            for place, state in np.ndenumerate(trained([design], data, seeds)[0]):
                x, y = _judging(data.sources["robust", place[0]])
                hidden, outputs = activations(design, state.best_params.astype(np.float64), x)
                halved = masked(design, state, x, 0.5, 20, rng)
                harm[k][place] = np.mean([_log_loss(p, y) for p in halved]) - _log_loss(_softmax(outputs), y)
                alike[k] += _mean_correlation(hidden[-1]) / (3 * seeds * len(classified()))
        damage[name] = np.log(harm[0]) - np.log(harm[1])
    text = (
        "what losing half of the units adds to the log-loss, without dropout against with: "
        f"{factors(damage)}; mean |correlation| of two units {alike[0]:.2f} without, {alike[1]:.2f} with"
    )
    return Finding(text, decided(damage), means(damage))


def slower(seeds: int) -> Finding:
    """Epochs until the validation loss is near its own best."""
    found = {}
    for name, data in tables().items():
        plain, dropped = trained([PLAIN_LONG, HALF], data, seeds)
        found[name] = np.vectorize(_to_near_best)(dropped) - np.vectorize(_to_near_best)(plain)
    text = f"epochs to within 2 % of its own best validation loss, with against without: {factors(found)}"
    return Finding(text, decided(found), means(found))


def deep(seeds: int) -> Finding:
    """What the best of three rates saves, by depth."""
    fall, saved = {}, []
    for name, data in tables().items():
        designs = [
            replace(PLAIN, widths=(64,) * depth, dropout=rate, epochs=30)
            for depth in DEPTHS
            for rate in RATES
        ]
        found = losses(trained(designs, data, 2 * seeds)).reshape(len(DEPTHS), len(RATES), 3, 2 * seeds)
        half = found[..., :seeds].mean(axis=(2, 3))  # these seeds choose the rate, the others tell its gain
        best = 1 + half[:, 1:].argmin(axis=1)
        gain = np.stack([found[k, 0, :, seeds:] - found[k, best[k], :, seeds:] for k in range(len(DEPTHS))])
        fall[name] = gain[0] - gain[-1]
        saved.append(gain.mean(axis=(1, 2)))
    by_depth = np.mean(saved, axis=0)
    said = ", ".join(f"{d}: {100 * np.expm1(g):+.0f} %" for d, g in zip(DEPTHS, by_depth, strict=True))
    text = f"loss saved by the best rate, by hidden layers: {said}; at 1 less at 8: {percents(fall)}"
    return Finding(text, decided(fall), means(fall))


def ensemble(seeds: int) -> Finding:
    """One subnetwork, the whole network with scaled weights, and 200 subnetworks averaged."""
    rng, gain, gap = np.random.default_rng(0), {}, {}
    design = replace(PLAIN, dropout=0.5)
    for name, data in classified().items():
        scores = np.zeros((3, 3, seeds))
        for place, state in np.ndenumerate(trained([design], data, seeds)[0]):
            x, y = _judging(data.sources["robust", place[0]])
            each = masked(design, state, x, 0.5, 200, rng)
            whole = _softmax(activations(design, state.best_params.astype(np.float64), x)[1])
            scores[0][place] = np.mean([_log_loss(p, y) for p in each[:50]])
            scores[1][place], scores[2][place] = _log_loss(whole, y), _log_loss(each.mean(axis=0), y)
        single, scaled, mixed = np.log(scores)
        gain[name], gap[name] = single - scaled, scaled - mixed
    # The scaled network stands for the ensemble if it gives away less than a quarter of what averaging gains.
    kept = {name: 0.25 * (gain[name] + gap[name]) - gap[name] for name in gain}
    text = (
        f"log-loss of one subnetwork against the whole network with scaled weights: {percents(gain)}; of the "
        f"latter against 200 subnetworks averaged: {percents(gap)}"
    )
    verdicts = {decided(gain), decided(kept)}
    return Finding(text, verdicts.pop() if len(verdicts) == 1 else "mixed", means(gain))


def _judging(source: Source) -> tuple[np.ndarray, np.ndarray]:
    return source.x[source.valid], source.y[source.valid]


def _to_near_best(state) -> float:
    valid = state.valid_loss
    return float(np.log(1 + int(np.argmax(valid <= 1.02 * np.nanmin(valid)))))


def _mean_correlation(h: np.ndarray) -> float:
    alive = h[:, h.std(axis=0) > 1e-9]
    matrix = np.abs(np.corrcoef(alive.T))
    return float((matrix.sum() - len(matrix)) / (len(matrix) * (len(matrix) - 1)))


def _softmax(logits: np.ndarray) -> np.ndarray:
    exp = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exp / exp.sum(axis=1, keepdims=True)


def _log_loss(p: np.ndarray, y: np.ndarray) -> float:
    return float(-np.log(np.maximum(p[np.arange(len(y)), y], 1e-12)).mean())


CLAIMS = (
    Claim("dropout-overfitting", "Dropout reduces overfitting.",
          "less validation loss with a half of the hidden units dropped", overfitting),
    Claim("dropout-co-adaptation", "Dropout keeps units from adapting to each other.",
          "losing half of the units costs a network trained without dropout more", co_adaptation),
    Claim("dropout-slower", "Training takes longer with dropout.",
          "more epochs until the validation loss is within 2 % of its best", slower),
    Claim("dropout-deep", "Dropout is less effective in very deep networks.",
          "the loss saved by the best rate falls from 1 to 8 hidden layers", deep),
    Claim("dropout-ensemble", "Dropout is an implicit ensemble of subnetworks.",
          "scaled weights beat one subnetwork, and give away less than a quarter of what averaging 200 gains",
          ensemble),
)  # fmt: skip
