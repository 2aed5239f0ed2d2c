"""The networks with which the textbook's rules on depth and widths are tried, for a table of D inputs."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

__all__ = [
    "BALANCED",
    "BUDGETS",
    "DEPTHS",
    "DOSES",
    "RATIOS",
    "SHAPES",
    "STUDIES",
    "Layout",
    "layouts",
    "same_size",
]

STUDIES = ("depth", "widths", "shape", "balance", "size")
DEPTHS = (0, 1, 2, 3, 4, 6, 8)
RATIOS = (0.5, 1, 2, 4, 8, 16, 32)
"""First layers as a multiple of the inputs: below, within and beyond the rule's 2 to 10."""
BUDGETS = (32, 96)
"""Equal parameters are those of three constant layers so wide."""
DOSES = ("regularised", "plain")
"""With dropout and L2, or without: deep narrow networks might suffer from dropout in every layer alone."""
BALANCED = (1, 2, 4, 6)
"""Depths compared at equal parameters: two shallow ones, two deep ones."""
MOST_PARAMETERS = 300_000
"""No larger network: the rule's upper end on many inputs would cost more than all the others."""


@dataclass(frozen=True)
class Layout:
    """Hidden `widths` tried in `study` under `name`; `plain` is without dropout and decay."""

    study: str
    name: str
    widths: tuple[int, ...]
    plain: bool = False

    @property
    def key(self) -> str:
        """What names it in a record."""
        return f"{self.study}/{self.name}"


def _pyramid(unit: float, depth: int) -> tuple[int, ...]:
    """Halving from layer to layer, the last at least 2 wide; `unit` is the first layer."""
    return tuple(max(2, round(unit / 2**layer)) for layer in range(depth))


def _constant(unit: float, depth: int) -> tuple[int, ...]:
    return (max(2, round(unit)),) * depth


def _funnel(unit: float, depth: int) -> tuple[int, ...]:
    """A pyramid read backwards: doubling from layer to layer up to `unit`."""
    return _pyramid(unit, depth)[::-1]


SHAPES: dict[str, Callable[[float, int], tuple[int, ...]]] = {
    "pyramid": _pyramid,
    "constant": _constant,
    "funnel": _funnel,
}


def parameters(widths: tuple[int, ...], inputs: int, outputs: int) -> int:
    """Weights and biases."""
    return sum((before + 1) * after for before, after in pairwise((inputs, *widths, outputs)))


def same_size(shape: str, depth: int, budget: int, inputs: int, outputs: int) -> tuple[int, ...]:
    """The widths of this shape and depth whose number of parameters is nearest to `budget`."""
    candidates = [SHAPES[shape](unit, depth) for unit in range(2, 4096)]
    return min(candidates, key=lambda widths: abs(parameters(widths, inputs, outputs) - budget))


def layouts(columns: int, inputs: int, outputs: int) -> list[Layout]:
    """Every network of every study for a table of `columns` columns, which the encoding makes `inputs`.

    The rule's ratios speak of columns, equal parameters of inputs.
    """
    made = [
        Layout("depth", f"{depth}-{dose}", (64,) * depth, dose == "plain")
        for dose in DOSES
        for depth in DEPTHS
    ]
    for ratio in RATIOS:
        for depth in (2, 4):
            for shape in ("constant", "pyramid"):
                widths = SHAPES[shape](ratio * columns, depth)
                if parameters(widths, inputs, outputs) <= MOST_PARAMETERS:
                    made.append(Layout("widths", f"{shape}-{depth}-{ratio:g}", widths))
    for width in BUDGETS:
        budget = parameters((width,) * 3, inputs, outputs)
        for shape in SHAPES:
            made.append(Layout("shape", f"{width}-{shape}", same_size(shape, 3, budget, inputs, outputs)))
        for depth in BALANCED:
            found = same_size("constant", depth, budget, inputs, outputs)
            for dose in DOSES:
                made.append(Layout("balance", f"{width}-{depth}-{dose}", found, dose == "plain"))
    for width in (16, 64, 512):
        for dose in DOSES:
            made.append(Layout("size", f"{width}-{dose}", (width, width), dose == "plain"))
    return made
