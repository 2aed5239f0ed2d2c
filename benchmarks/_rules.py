"""What the losses of many tables say of each rule of the textbook on depth and widths."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from _layouts import BALANCED, BUDGETS, DEPTHS, DOSES, RATIOS
from _ranks import Difference, difference
from scipy import stats

from profunda.space.guidance import readings

__all__ = ["Losses", "Measured", "Rule", "Verdict", "judge", "merged", "normalised"]

Verdict = Literal["holds", "holds with conditions", "wrong", "not distinguishable"]
Losses = Mapping[str, float]
"""Losses of one table by the key of a layout; 0 its best network, 1 the constant prediction."""


@dataclass(frozen=True)
class Measured:
    """One table: its losses, the widths behind each key, its columns, and how complex it is.

    `complexity` is the gain of boosted trees over the linear model, on the scale of the losses, but with the
    constant at 1 and the better of the two at 0.
    """

    losses: Losses
    widths: Mapping[str, tuple[int, ...]]
    columns: int
    complexity: float


@dataclass(frozen=True)
class Rule:
    """A rule, its verdict, and what it was read from: what against what, and the difference."""

    rule: str
    verdict: Verdict
    told: str
    differences: Mapping[str, Difference]

    def __str__(self) -> str:
        lines = [f"{self.rule}: {self.verdict.upper()}", f"  {self.told}"]
        return "\n".join([*lines, *(f"  {name}: {gap}" for name, gap in self.differences.items())])


def normalised(values: Mapping[str, Any]) -> Measured:
    """One table's record on the common scale."""
    mean = {name: float(np.mean(values[name])) for name in values if "/" in name}
    constant = float(np.mean(values["constant"]))
    floor = min(mean.values())
    losses = {name: min(1.0, (loss - floor) / (constant - floor)) for name, loss in mean.items()}
    linear, trees = (min(constant, float(np.nanmean(values[name]))) for name in ("linear", "trees"))
    complexity = (linear - trees) / max(constant - min(linear, trees), 1e-12)
    widths = {name: tuple(found) for name, found in json.loads(values["widths"]).items()}
    return Measured(losses, widths, int(values["columns"]), complexity)


def merged(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One table's records as one: their losses, and the widths of all layouts."""
    whole = {name: value for part in parts for name, value in part.items()}
    widths = [json.loads(part["widths"]) for part in parts if "widths" in part]
    return {**whole, "widths": json.dumps({key: found for part in widths for key, found in part.items()})}


def judge(records: Mapping[str, Mapping[str, Any]]) -> list[Rule]:
    """All rules, over the tables of `records` (two and more)."""
    done = [normalised(values) for values in records.values()]
    return [
        _depth(done),
        *(_reading(done, place, name) for place, name in enumerate(("first layer", "total", "every layer"))),
        _shapes(done),
        *_balance(done),
        _too_wide(done),
        _too_deep(done),
        _regularised(done),
    ]


def _over(done: Sequence[Measured], *keys: str) -> np.ndarray:
    """The mean loss [T] of these layouts, by table."""
    return np.array([np.mean([each.losses[key] for key in keys]) for each in done])


def _verdict(differences: Sequence[Difference]) -> Verdict:
    """Of a rule by which the first is better in every comparison."""
    said = [each.verdict for each in differences]
    if all(word == "better" for word in said):
        return "holds"
    if "better" in said:
        return "holds with conditions"
    return "wrong" if "worse" in said else "not distinguishable"


def _depth(done: Sequence[Measured]) -> Rule:
    gaps, told = {}, []
    for dose in DOSES:
        losses = {n: _over(done, f"depth/{n}-{dose}") for n in DEPTHS}
        advised = (losses[2] + losses[3] + losses[4]) / 3
        for n in (n for n in DEPTHS if not 2 <= n <= 4):
            gaps[f"2 to 4 layers less {n}, {dose}"] = difference(advised, losses[n])
        told.append(f"{dose} " + ", ".join(f"{n}: {loss.mean():.3f}" for n, loss in losses.items()))
    return Rule(
        "begin with 2 to 4 layers (64 units each)",
        _verdict(list(gaps.values())),
        f"mean loss by layers, {'; '.join(told)}.",
        gaps,
    )


_Side = Callable[[float], bool]


def _ratio(each: Measured, key: str, reading: int) -> tuple[float, ...]:
    """What the reading compares with 2 to 10; of every layer the least and the greatest."""
    read = readings(each.widths[key], each.columns)
    return ((read.first,), (read.total,), (min(read.layers), max(read.layers)))[reading]


def _reading(done: Sequence[Measured], place: int, name: str) -> Rule:
    """Networks of equal depth and shape inside the rule's range, below it and beyond it."""
    sides: dict[str, _Side] = {"below": lambda ratio: ratio < 2, "beyond": lambda ratio: ratio > 10}
    gaps = {}
    for side, outside in sides.items():
        pairs = [found for each in done if (found := _inside_outside(each, place, outside)) is not None]
        if len(pairs) > 1:
            inside, out = np.array(pairs).T
            gaps[f"inside less {side} ({len(pairs)} tables)"] = difference(inside, out)
    return Rule(
        f"2 to 10 times the inputs, read of the {name}", _verdict(list(gaps.values())), _by_ratio(done), gaps
    )


def _by_ratio(done: Sequence[Measured]) -> str:
    """The mean loss by the first layer's ratio, on those tables that have every ratio."""
    names = {
        f"widths/{shape}-{depth}-{RATIOS[-1]:g}" for shape in ("constant", "pyramid") for depth in (2, 4)
    }
    narrow = [each for each in done if names <= set(each.losses)]
    if not narrow:
        return "no table has every ratio."
    means = {
        ratio: np.mean([_over(narrow, f"{name.rpartition('-')[0]}-{ratio:g}") for name in names])
        for ratio in RATIOS
    }
    told = ", ".join(f"{ratio:g}x: {mean:.3f}" for ratio, mean in means.items())
    return f"mean loss by first layer on the {len(narrow)} tables that have every ratio {told}."


def _inside_outside(each: Measured, place: int, outside: _Side) -> tuple[float, float] | None:
    """Mean losses inside and outside over the kinds (shape, depth) that have both; None without any."""
    found: list[tuple[float, float]] = []
    kinds = {key.rsplit("-", 1)[0] for key in each.losses if key.startswith("widths/")}
    for kind in sorted(kinds):
        inner, outer = [], []
        for key in (key for key in each.losses if key.rsplit("-", 1)[0] == kind):
            ratios = _ratio(each, key, place)
            if all(2 <= ratio <= 10 for ratio in ratios):
                inner.append(each.losses[key])
            elif any(outside(ratio) for ratio in ratios):
                outer.append(each.losses[key])
        if inner and outer:
            found.append((float(np.mean(inner)), float(np.mean(outer))))
    return tuple(np.mean(found, axis=0).tolist()) if found else None


def _shapes(done: Sequence[Measured]) -> Rule:
    losses = {
        shape: _over(done, *(f"shape/{width}-{shape}" for width in BUDGETS))
        for shape in ("pyramid", "constant", "funnel")
    }
    gaps = {
        f"{a} less {b}": difference(losses[a], losses[b])
        for a, b in (("pyramid", "funnel"), ("constant", "funnel"), ("pyramid", "constant"))
    }
    means = ", ".join(f"{shape}: {found.mean():.3f}" for shape, found in losses.items())
    return Rule(
        "decreasing or constant widths (three layers, equal parameters)",
        _verdict(list(gaps.values())[:2]),
        f"mean loss {means}; a funnel widens.",
        gaps,
    )


def _at_depth(done: Sequence[Measured], dose: str, *depths: int) -> np.ndarray:
    """Constant networks of these depths, at both numbers of parameters: mean loss [T]."""
    return _over(done, *(f"balance/{width}-{depth}-{dose}" for width in BUDGETS for depth in depths))


def _balance(done: Sequence[Measured]) -> list[Rule]:
    """Four and six layers against one and two, all with equal parameters, by complexity of the table."""
    complexity = np.array([each.complexity for each in done])
    hard = complexity > np.median(complexity)
    trends = "; ".join(f"{dose} {_trend(done, dose, complexity)}" for dose in DOSES)
    told = (
        "Complexity is the gain of boosted trees over the linear model, its median "
        f"{np.median(complexity):.2f}; its rank correlation with the loss of deep less shallow {trends} "
        "(the rule expects a negative one)."
    )
    rules = []
    for name, part, sign in (
        ("complex tables: deeper and narrower", hard, 1),
        ("simple tables: shallower and wider", ~hard, -1),
    ):
        if part.sum() < 2:
            continue
        gaps = {}
        for dose in DOSES:
            sides = [_at_depth(done, dose, *BALANCED[2:])[part], _at_depth(done, dose, *BALANCED[:2])[part]]
            gaps[f"advised less other, {part.sum()} tables, {dose}"] = difference(*sides[::sign])
        rules.append(Rule(name, _verdict(list(gaps.values())), f"{told} {_depth_means(done, part)}", gaps))
    return rules


def _trend(done: Sequence[Measured], dose: str, complexity: np.ndarray) -> str:
    gap = _at_depth(done, dose, *BALANCED[2:]) - _at_depth(done, dose, *BALANCED[:2])
    found = stats.spearmanr(complexity, gap)
    return f"{found.statistic:+.2f} (p {found.pvalue:.2g})"


def _depth_means(done: Sequence[Measured], part: np.ndarray) -> str:
    means = [
        f"{dose} " + ", ".join(f"{n}: {_at_depth(done, dose, n)[part].mean():.3f}" for n in BALANCED)
        for dose in DOSES
    ]
    return f"Mean loss by layers, {'; '.join(means)}."


def _too_wide(done: Sequence[Measured]) -> Rule:
    gaps = {
        f"64 wide less 512 wide, {dose}": difference(
            _over(done, f"size/64-{dose}"), _over(done, f"size/512-{dose}")
        )
        for dose in ("plain", "regularised")
    }
    return Rule(
        "avoid oversize: width (two layers)",
        _verdict(list(gaps.values())),
        _size_means(done),
        gaps,
    )


def _too_deep(done: Sequence[Measured]) -> Rule:
    gaps = {
        f"3 layers less 8, {dose}": difference(_over(done, f"depth/3-{dose}"), _over(done, f"depth/8-{dose}"))
        for dose in DOSES
    }
    return Rule(
        "avoid oversize: depth (64 wide)",
        _verdict(list(gaps.values())),
        "Regularised is dropout 0.1 and L2 0.01.",
        gaps,
    )


def _regularised(done: Sequence[Measured]) -> Rule:
    gaps = {
        f"regularised less plain, {width} wide": difference(
            _over(done, f"size/{width}-regularised"), _over(done, f"size/{width}-plain")
        )
        for width in (512, 64, 16)
    }
    return Rule(
        "a large network needs L2 and dropout (two layers)",
        _verdict([gaps["regularised less plain, 512 wide"]]),
        _size_means(done),
        gaps,
    )


def _size_means(done: Sequence[Measured]) -> str:
    names = [f"{width}-{dose}" for width in (16, 64, 512) for dose in ("plain", "regularised")]
    return (
        "mean loss " + ", ".join(f"{name}: {_over(done, f'size/{name}').mean():.3f}" for name in names) + "."
    )
