"""Which parts of a module run, in which order, and on what."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

__all__ = ["PROBE_ROWS", "Step", "own_rows", "parts_of", "trace"]

PROBE_ROWS = 32
"""Rows that a module is read with."""


@dataclass(frozen=True)
class Step:
    """A part that ran, and copies of what entered and what left it; None where it did not run."""

    name: str
    part: nn.Module
    entered: Tensor | None = None
    left: Tensor | None = None


def parts_of(module: nn.Module, name: str = "") -> list[tuple[str, nn.Module]]:
    """Modules that hold no others, or own parameters beside those they hold; the root is always opened."""
    found: list[tuple[str, nn.Module]] = []
    for key, part in module._modules.items():  # unlike named_children, it names a shared activation twice
        path = f"{name}.{key}" if name else key
        if part is None:
            continue
        if (
            next(part.children(), None) is None
            or next(part.parameters(recurse=False), None) is not None
            or isinstance(part, nn.Linear)
        ):
            found.append((path, part))
        else:
            found += parts_of(part, path)
    return found if found or name else [("", module)]


def own_rows(parts: list[tuple[str, nn.Module]]) -> Tensor | None:
    """Rows of which nothing can be said but their number of columns; as indices they are all 0."""
    for _, part in parts:
        if isinstance(part, nn.Linear):
            drawn = torch.rand(PROBE_ROWS, part.in_features, generator=torch.Generator().manual_seed(0))
            return (1.8 * drawn - 0.9).to(part.weight)
    return None


def trace(module: nn.Module, parts: list[tuple[str, nn.Module]], rows: Tensor) -> tuple[list[Step], Tensor]:
    """Every call of a part in order, and what the module gives."""
    entered: list[Tensor | None] = []
    steps: list[Step] = []
    handles = []

    def before(part: nn.Module, given: tuple[object, ...]) -> None:
        entered.append(given[0].clone() if given and isinstance(given[0], Tensor) else None)

    for name, part in {id(part): (name, part) for name, part in reversed(parts)}.values():

        def after(part: nn.Module, given: object, left: object, name: str = name) -> None:
            kept = left.clone() if isinstance(left, Tensor) else None
            steps.append(Step(name, part, entered.pop(), kept))

        handles += [part.register_forward_pre_hook(before), part.register_forward_hook(after)]
    try:
        output = module(rows.clone())
    finally:
        for handle in handles:
            handle.remove()
    if not isinstance(output, Tensor):
        raise TypeError(f"it gives a {type(output).__name__}, not a tensor")
    return steps, output
