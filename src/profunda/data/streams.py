"""A running text cut into columns that are read side by side, and into windows of steps."""

from dataclasses import dataclass

import numpy as np

from profunda.errors import ArgumentError, DataError

__all__ = ["Window", "columns", "windows"]

FIRST_HALF = 0.05  # how often a window is drawn around half the length
SPREAD = 5.0  # standard deviation of its length
LEAST = 5  # steps of the shortest window drawn


@dataclass(frozen=True)
class Window:
    """Steps start … stop − 1 of a stream; each step's target is the next one's token.

    `scale` is what the learning rate is multiplied by, so that a token of a short window weighs no more
    than one of a long window.
    """

    start: int
    stop: int
    scale: float = 1.0


def columns(ids: np.ndarray, batch: int) -> np.ndarray:
    """The stream [T, B] of B = `batch` consecutive parts of ids [N], each a column; what is over is left out.

    DataError where a column has no step and its target: fewer than 2·B ids.

    >>> columns(np.arange(7), 2)
    array([[0, 3],
           [1, 4],
           [2, 5]])
    """
    ids = np.asarray(ids)
    if batch < 1:
        raise ArgumentError(f"batch = {batch} columns: 1 or more.")
    if ids.ndim != 1 or len(ids) < 2 * batch:
        raise DataError(
            f"ids of shape {ids.shape} do not fill {batch} columns of two steps each; give all ids of the "
            "text as one row, or read fewer columns"
        )
    steps = len(ids) // batch
    return ids[: steps * batch].reshape(batch, steps).T


def windows(steps: int, length: int = 70, generator: np.random.Generator | None = None) -> list[Window]:
    """The windows of one pass over a stream of T = `steps`, in order; the last step is only a target.

    With a generator their lengths vary, so that the text is not cut at the same places in each epoch, by
    Merity et al. (2018), section 4.1: normal with standard deviation 5 around `length`, in one window of 20
    around its half, at least 5; rates are scaled by the window's length over `length`. Without one, all
    have `length` but the last, and rates stay. Raises ArgumentError for fewer than 2 steps or a length
    below 1.
    """
    if steps < 2 or length < 1:
        raise ArgumentError(f"{steps} steps in windows of {length}: 2 steps and a length of 1 at least.")
    found, start = [], 0
    while start < steps - 1:
        drawn = length if generator is None else _drawn(length, generator)
        stop = min(start + drawn, steps - 1)
        found.append(Window(start, stop, 1.0 if generator is None else (stop - start) / length))
        start = stop
    return found


def _drawn(length: int, generator: np.random.Generator) -> int:
    around = length / 2 if generator.random() < FIRST_HALF else length
    return max(LEAST, int(generator.normal(around, SPREAD)))
