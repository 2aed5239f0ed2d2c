"""Do designs that theory calls untrainable fail?

    python benchmarks/forecast.py [--quick] [--json FILE]

Random designs are trained as one fleet on two folds of a bundled table: depths from 1 to 64, widths from 4 to
64, ten activations, six laws of first weights, three optimisers with learning rates from 1e-4 to 3e-2, a
quarter of them with a norm or skips. Each is given its trainability score before (`profunda.forecasting`).
A design has failed if the mean squared error of its best epoch, averaged over the folds, is not at least 2 %
below that of the mean of the training targets. Told is the area under the ROC curve of the score for that,
with a bootstrap interval over designs, by optimiser too, and what the rule `trainable` would have left out.
The score has no fitted constant; how it was made is told in docs/forecast.md.
"""

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
from _bench import machine, options, write
from scipy.stats import rankdata

from profunda.data.reading import read
from profunda.data.splits import split
from profunda.forecasting.trainable import trainability_of
from profunda.space.design import Design
from profunda.training.running import train
from profunda.training.sources import prepare

__all__ = ["Outcome", "area", "designs", "main", "outcomes"]

TABLE, FOLDS, EPOCHS = "bundled:concrete", 2, 15
SEED = 21
"""Of the designs. The form of the score was settled on those of other seeds."""
MARGIN = 0.02
"""Of the trivial baseline's loss: a design that is not so much better has learned nothing."""
ACTIVATIONS = ("relu", "leaky_relu", "tanh", "sigmoid", "elu", "selu", "gelu", "silu", "softplus", "mish")
LAWS = ("lecun", "glorot", "he", "orthogonal", "torch", "critical")


@dataclass(frozen=True)
class Outcome:
    """One design: its score before, its loss over the baseline's after."""

    design: str
    optimiser: str
    score: float
    beyond: float
    trainable: bool
    concern: str
    loss: float

    @property
    def failed(self) -> bool:
        """Whether it is no better than the mean of the training targets."""
        return not self.loss < 1.0 - MARGIN


def designs(n: int, seed: int) -> list[Design]:
    """So many random designs."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        depth = int(rng.choice([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64]))
        made = Design(
            widths=(int(rng.choice([4, 8, 16, 32, 64])),) * depth,
            activation=str(rng.choice(ACTIVATIONS)),  # type: ignore[arg-type]
            initialisation=str(rng.choice(LAWS)),  # type: ignore[arg-type]
            optimiser=str(rng.choice(["sgd", "adam", "rmsprop"])),  # type: ignore[arg-type]
            lr=float(10 ** rng.uniform(-4.0, -1.5)),
            batch_size=64,
            epochs=EPOCHS,
        )
        way = rng.random()
        if way < 0.1:
            made = replace(made, skip=True)
        elif way < 0.25:
            made = replace(made, norm="batch" if way < 0.175 else "layer")
        found.append(made)
    return found


def outcomes(chosen: Sequence[Design], seed: int) -> list[Outcome]:
    """Score, then train, each of them."""
    table = read(TABLE)
    parts, data = prepare(table, split(table, test=0.0, folds=FOLDS, seed=seed).folds, ["robust"])
    sources = [parts["robust", fold] for fold in range(FOLDS)]
    rows, inputs = len(sources[0].train), sources[0].x.shape[1]
    scores = [trainability_of(design, inputs, 1, n_rows=rows) for design in chosen]
    trivial = [float(np.mean(source.y[source.valid] ** 2)) for source in sources]  # 0 is the training mean
    losses = [curve.best_loss for curve in train(chosen, data, seed=seed).curves]
    found = []
    for place, (design, score) in enumerate(zip(chosen, scores, strict=True)):
        own = losses[FOLDS * place : FOLDS * (place + 1)]
        loss = float(np.mean([min(one / base, 1e3) for one, base in zip(own, trivial, strict=True)]))
        words = f"{design.depth} x {design.widths[0]} {design.activation} {design.initialisation}"
        found.append(
            Outcome(
                words,
                design.optimiser,
                score.score,
                score.worst.beyond,
                score.trainable,
                score.worst.name,
                loss,
            )
        )
    return found


def area(risk: np.ndarray, failed: np.ndarray) -> float:
    """Area under the ROC curve: how often a failed design has the higher risk; nan where all ended alike."""
    bad = int(failed.sum())
    good = len(failed) - bad
    if not bad or not good:
        return float("nan")
    ranks = rankdata(risk)
    return float((ranks[failed].sum() - bad * (bad + 1) / 2) / (bad * good))


def interval(risk: np.ndarray, failed: np.ndarray, seed: int) -> tuple[float, float]:
    """95 % of the areas of 1,000 resamples of the designs."""
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, len(risk), (1_000, len(risk)))
    low, high = np.nanquantile([area(risk[draw], failed[draw]) for draw in draws], [0.025, 0.975])
    return float(low), float(high)


def main(words: Sequence[str] | None = None) -> int:
    """Score, train, compare, print, write."""
    given = options(__doc__ or "", words)
    n, seed = (60 if given.quick else 300), SEED
    start = time.perf_counter()
    found = outcomes(designs(n, seed), seed)
    seconds = time.perf_counter() - start
    risk = np.array([one.beyond for one in found])
    failed = np.array([one.failed for one in found])
    low, high = interval(risk, failed, seed)
    areas = {"all": area(risk, failed)}
    print(f"{n} designs in {seconds:.0f} s; {failed.sum()} did not beat the trivial baseline.")
    print(f"Area under the ROC curve: {areas['all']:.3f} (95 % of resamples {low:.3f} to {high:.3f})")
    for name in ("sgd", "adam", "rmsprop"):
        mine = np.array([one.optimiser == name for one in found])
        areas[name] = area(risk[mine], failed[mine])
        print(f"  {name}: {areas[name]:.3f} on {mine.sum()}, {failed[mine].sum()} failed")
    out = np.array([not one.trainable for one in found])
    right, wrong = int((out & failed).sum()), int((out & ~failed).sum())
    print(f"Called untrainable: {out.sum()}, of which {right} failed and {wrong} trained.")
    lost = sorted((one for one in found if not one.trainable and not one.failed), key=lambda one: one.loss)
    best = min(one.loss for one in found)
    print(f"Best loss of all: {best:.3f} of the baseline's; best of those called untrainable: "
          f"{lost[0].loss if lost else float('nan'):.3f}")  # fmt: skip
    results = {
        "areas": areas,
        "interval": [low, high],
        "seconds": seconds,
        "designs": [asdict(one) | {"failed": one.failed} for one in found],
    }
    write(given.json, "forecast", machine("torch"), {"designs": n, "seed": seed, "table": TABLE}, results, {})
    return 0


if __name__ == "__main__":
    sys.exit(main())
