"""Claims of a text and what fleets say of them: rows, networks, forward passes by hand, verdicts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from profunda.data.reading import read
from profunda.data.splits import split
from profunda.fleet.cost import NATIVE, seconds_of_step
from profunda.fleet.member import Member
from profunda.fleet.plan import plan
from profunda.fleet.shape import shape_of
from profunda.fleet.source import FleetData
from profunda.fleet.state import MemberState
from profunda.fleet.threads import one_thread, usable_cores
from profunda.networks.layout import layout
from profunda.space.design import Design
from profunda.training.packs import run_packs
from profunda.training.sources import prepare
from profunda.tuning.paired import Change, paired_change

__all__ = [
    "Claim",
    "Finding",
    "activations",
    "compared",
    "decided",
    "factors",
    "losses",
    "masked",
    "means",
    "percent",
    "percents",
    "seconds_of",
    "table",
    "tables",
    "trained",
]

EPSILON = 1e-5


@dataclass(frozen=True)
class Claim:
    """One sentence of the text, what it would mean here, and how that is measured."""

    key: str
    text: str
    prediction: str
    measure: Callable[[int], "Finding"]


@dataclass(frozen=True)
class Finding:
    """What was measured, in words, and the verdict: by `decided`, or by thresholds that the claim states."""

    measured: str
    verdict: str
    numbers: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """As a file keeps it."""
        return asdict(self)


def decided(by_table: Mapping[str, np.ndarray], threshold: float = 0.0) -> str:
    """The verdict on differences of which above `threshold` is as predicted, table by table.

    "holds" where on every table the 95 % interval lies above, "mostly holds" on more than half of them and
    on none below; "does not hold" where it lies below on more than half and on none above, "mixed" where
    above on some and below on others; else "not seen".
    """
    found = [compared(values) for values in by_table.values()]
    above, below = sum(c.low > threshold for c in found), sum(c.high < threshold for c in found)
    if above and below:
        return "mixed"
    if above == len(found):
        return "holds"
    if above > len(found) / 2:
        return "mostly holds"
    return "does not hold" if below > len(found) / 2 else "not seen"


def compared(differences: np.ndarray) -> Change:
    """Mean and 95 % t interval of differences between two networks of the same fold and seed number.

    It speaks of these rows: folds share training rows, and no correction is made for other samples of rows.
    """
    return paired_change(np.asarray(differences, np.float64).ravel(), 0.0)


def percents(by_table: Mapping[str, np.ndarray]) -> str:
    """Differences of logarithms, table by table, in percent of the quantity itself."""
    return ", ".join(f"{name} {percent(compared(values))}" for name, values in by_table.items())


def factors(by_table: Mapping[str, np.ndarray]) -> str:
    """The same as factors."""
    said = []
    for name, values in by_table.items():
        one = compared(values)
        said.append(f"{name} ×{np.exp(one.mean):.2f} [{np.exp(one.low):.2f}, {np.exp(one.high):.2f}]")
    return ", ".join(said)


def percent(change: Change) -> str:
    """The change of a logarithm, in percent of the quantity itself, with its interval."""
    mean, low, high = (100 * np.expm1(v) for v in (change.mean, change.low, change.high))
    return f"{mean:+.1f} % [{low:+.1f}, {high:+.1f}]"


def means(by_table: Mapping[str, np.ndarray]) -> dict[str, float]:
    """The mean of each table, for the file."""
    return {name: float(np.mean(values)) for name, values in by_table.items()}


def tables() -> dict[str, FleetData]:
    """Three bundled tables of up to 1,500 rows, and made-up rows with wrong labels."""
    return {**{name: table(name) for name in ("adult", "concrete", "digits")}, "noisy": noisy_rows()}


@lru_cache(maxsize=8)
def table(name: str, folds: int = 3, rows: int = 1500) -> FleetData:
    """A bundled table's rows (at most so many) in folds, robustly scaled."""
    dataset = read(f"bundled:{name}")
    keep = np.sort(np.random.default_rng(0).permutation(dataset.n_rows)[:rows])
    dataset = replace(dataset, codes=dataset.codes[keep], y=dataset.y[keep], test_rows=None)
    _, data = prepare(dataset, split(dataset, test=0.0, folds=folds).folds, ["robust"])
    return data


@lru_cache(maxsize=4)
def noisy_rows(rows: int = 900, features: int = 40, folds: int = 3) -> FleetData:
    """Two classes, ten inputs that tell, thirty that do not, one label in eight wrong: easy to overfit."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((rows, features)).astype(np.float32)
    score = x[:, :5].sum(axis=1) + 2 * np.tanh(x[:, 5] * x[:, 6]) + np.abs(x[:, 7:10]).sum(axis=1) - 2.4
    y = (score > 0).astype(np.int64) ^ (rng.random(rows) < 0.125)
    part = rng.permutation(rows) % folds
    cut = [(np.flatnonzero(part != k), np.flatnonzero(part == k)) for k in range(folds)]
    return FleetData.from_arrays(x, y, folds=cut, classes=True, encodings=("robust",))


def trained(
    designs: Sequence[Design], data: FleetData, seeds: int, folds: int = 3, until: int | None = None
) -> np.ndarray:
    """States [designs, folds, seeds] of one fleet, at the designs' last epochs or after `until` of them."""
    members = [
        Member(design, fold, seed) for design in designs for fold in range(folds) for seed in range(seeds)
    ]
    made, found = plan(members, data), np.empty(len(members), object)
    goals = [until or member.design.epochs for member in members]
    with one_thread():
        packs = run_packs(made, data, until=goals, states=[None] * len(members), workers=usable_cores())
        for number, result, _ in packs:
            for place, state in zip(made.packs[number].members, result.states, strict=True):
                found[place] = state
    return found.reshape(len(designs), folds, seeds)


def losses(states: np.ndarray) -> np.ndarray:
    """Logarithms of the best validation losses, in the shape of `states`; NaN where a network diverged."""
    found = np.vectorize(lambda state: state.best_loss)(states).astype(np.float64)
    return np.log(np.where(np.isfinite(found), found, np.nan))


def seconds_of(design: Design, data: FleetData) -> float:
    """Forecast seconds of a step of the native engine, on the reference machine."""
    return seconds_of_step(shape_of(Member(design), data), NATIVE)


def activations(
    design: Design, params: np.ndarray, x: np.ndarray, rows: bool = False
) -> tuple[list[np.ndarray], np.ndarray]:
    """What leaves each hidden layer of a ReLU network, [N, H] each, and the outputs [N, C], by hand.

    Batch norm as collected in training; `rows`: by the statistics of these rows, as a training step does.
    """
    n_outputs = next(c for c in range(1, 200) if _fits(design, x.shape[1], c, params.size))
    *hidden, last = layout(design.widths, x.shape[1], n_outputs, design.norm)
    h, found = x.astype(np.float64), []
    for block in hidden:
        z = h @ params[block.start : block.biases].reshape(block.fan_in, block.fan_out)
        z = z + params[block.biases : block.biases + block.fan_out]
        if block.norm == "batch":
            gain, shift, mean, variance = params[block.gains : block.end].reshape(4, -1)
            if rows:
                mean, variance = z.mean(axis=0), z.var(axis=0)
            z = (z - mean) / np.sqrt(variance + EPSILON) * gain + shift
        h = np.maximum(z, 0.0)
        found.append(h)
    kernel = params[last.start : last.biases].reshape(last.fan_in, last.fan_out)
    return found, h @ kernel + params[last.biases : last.biases + last.fan_out]


def _fits(design: Design, features: int, outputs: int, size: int) -> bool:
    return layout(design.widths, features, outputs, design.norm)[-1].end == size


def masked(
    design: Design, state: MemberState, x: np.ndarray, rate: float, masks: int, rng: np.random.Generator
) -> np.ndarray:
    """Probabilities [masks, N, C] of a ReLU network of which each mask drops `rate` of the hidden units."""
    params = state.best_params.astype(np.float64)
    found = []
    *hidden, last = layout(design.widths, x.shape[1], len(_last_biases(design, params, x)), design.norm)
    for _ in range(masks):
        h = x.astype(np.float64)
        for block in hidden:
            z = h @ params[block.start : block.biases].reshape(block.fan_in, block.fan_out)
            h = np.maximum(z + params[block.biases : block.biases + block.fan_out], 0.0)
            h = h * (rng.random(block.fan_out) >= rate) / (1 - rate)  # one subnetwork for all rows
        kernel = params[last.start : last.biases].reshape(last.fan_in, last.fan_out)
        logits = h @ kernel + params[last.biases : last.biases + last.fan_out]
        exp = np.exp(logits - logits.max(axis=1, keepdims=True))
        found.append(exp / exp.sum(axis=1, keepdims=True))
    return np.stack(found)


def _last_biases(design: Design, params: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.zeros(next(c for c in range(1, 200) if _fits(design, x.shape[1], c, params.size)))
