"""What the text says of combining: L2, dropout and batch norm together; too much of it; noise; cost."""

from dataclasses import replace
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
from _claims import Claim, Finding, decided, factors, means, percents

from profunda.data.dataset import Dataset
from profunda.data.reading import read
from profunda.fleet.threads import usable_cores
from profunda.metrics.score import metric_for
from profunda.space.design import Design
from profunda.tuning.corruption import Corruption
from profunda.tuning.dosage import GRIDS, dosage_of
from profunda.tuning.ground import Entrant, Measured, lay_ground, part_of

TABLES = ("adult", "concrete", "digits")
ROWS = 1500
PLAIN = Design(widths=(128, 128), lr=2e-3, epochs=60, patience=15, batch_size=32)
PARTS = {"L2": {"l2": 0.03}, "dropout": {"dropout": 0.2}, "batch norm": {"norm": "batch"}}
DOSED = ("l1", "l2", "dropout", "input_dropout", "label_smoothing")
NOISES = (Corruption("noise", 0.3), Corruption("shift", 0.5))


def _dataset(name: str) -> Dataset:
    dataset = read(f"bundled:{name}")
    return part_of(dataset, np.sort(np.random.default_rng(0).permutation(dataset.n_rows)[:ROWS]))


@cache
def _all(seeds: int) -> dict[str, Measured]:
    """For every table, all eight combinations judged as they are, under noise and under shift."""
    found = {}
    for name in TABLES:
        dataset = _dataset(name)
        ground = lay_ground(dataset, metric_for(dataset.task.kind), folds=3, repeats=1, corruptions=NOISES)
        found[name] = ground.measure(
            [Entrant(design) for design in _combinations()],
            seeds=seeds,
            engine="auto",
            speeds=None,
            workers=usable_cores(),
            seed=0,
        )
    return found


def _combinations() -> list[Design]:
    """Nothing, each alone, each pair, all three."""
    chosen = [parts for n in range(4) for parts in combinations(PARTS, n)]
    return [_with(PLAIN, {k: v for part in parts for k, v in PARTS[part].items()}) for parts in chosen]


def _with(design: Design, changes: dict[str, Any]) -> Design:
    return replace(design, **changes)


def together(seeds: int) -> Finding:
    """All three against nothing, and against the best one alone."""
    plain, alone = {}, {}
    for name, one in _all(seeds).items():
        by = np.log(one.values[..., 0])  # [8, folds, seeds]
        best = 1 + int(one.stopping[1:4].mean(axis=(1, 2)).argmin())  # chosen on rows that do not judge
        plain[name], alone[name] = by[0] - by[-1], by[best] - by[-1]
    text = (
        f"loss of the plain network against L2 + dropout + batch norm: {percents(plain)}; of the best of the "
        f"three alone: {percents(alone)}"
    )
    return Finding(text, decided(alone), means(alone))


def robust(seeds: int) -> Finding:
    """What noise and shift add to each network's own loss."""
    noise, shift, level = {}, {}, {}
    for name, one in _all(seeds).items():
        by = np.log(one.values)
        rise = by[..., 1:] - by[..., :1]
        noise[name], shift[name] = rise[0, ..., 0] - rise[-1, ..., 0], rise[0, ..., 1] - rise[-1, ..., 1]
        level[name] = by[0, ..., 1] - by[-1, ..., 1]
    text = (
        f"factor on the loss by noise of 0.3 s.d., plain against all three: {percents(noise)}; by a shift of "
        f"0.5 s.d.: {percents(shift)}; the loss under noise itself: {percents(level)}"
    )
    return Finding(text, decided(noise), means(noise))


def cheap(seeds: int) -> Finding:
    """Steps and seconds of training, all three against nothing."""
    steps, time, below = {}, {}, {}
    for name, one in _all(seeds).items():
        steps[name] = np.log(one.steps[-1]) - np.log(one.steps[0])
        time[name] = np.log(one.seconds[-1]) - np.log(one.seconds[0])
        below[name] = np.log(2.0) - time[name]  # twice the time would be a large increase
    text = (
        f"steps until early stopping ends, with all three against none: {factors(steps)}; seconds of "
        f"training {factors(time)}; prediction costs the same, as the norm is folded into the weights"
    )
    return Finding(text, decided(below), means(time))


def too_much(seeds: int) -> Finding:
    """The loss against the strength of five regularisers."""
    shapes, said = [], []
    for name in TABLES:
        dataset = _dataset(name)
        curves = dosage_of(
            replace(PLAIN, epochs=40),
            dataset,
            np.arange(dataset.n_rows),
            metric_for(dataset.task.kind),
            grids=[grid for grid in GRIDS if grid.name in DOSED],
            folds=3,
            repeats=2,
            seeds=max(1, seeds - 1),
        )
        shapes += [one.shape for one in curves]
        said.append(f"{name}: " + ", ".join(f"{one.title} {one.shape}" for one in curves))
    hurts, n = sum(shape in ("U", "rising") for shape in shapes), len(shapes)
    text = (
        f"the strongest dose clearly hurts in {hurts} of {n} curves, {shapes.count('U')} of them "
        f"U-shaped ({'; '.join(said)})"
    )
    return Finding(text, "holds" if hurts > 0.8 * n else "mostly holds" if hurts > n / 2 else "not seen", {})


CLAIMS = (
    Claim("combined-together", "Together they do better than each alone.",
          "L2 + dropout + batch norm beats the best of the three alone", together),
    Claim("combined-robust", "Combinations make models more robust to noise and variations.",
          "noise raises the loss by a smaller factor with all three", robust),
    Claim("combined-cheap", "This comes without a large increase of cost.",
          "less than twice the training time", cheap),
    Claim("combined-too-much", "Too much regularisation hurts.",
          "the strongest dose is clearly worse than the best in most curves", too_much),
)  # fmt: skip
