"""Held-out rows to look at: the pictures or texts that the model gets most wrong, and a few at random."""

import numpy as np

from profunda.data.dataset import Dataset
from profunda.data.task import Task
from profunda.reporting.blocks import Block, Example, Gallery
from profunda.reporting.perceived import UNREAD, seen_of
from profunda.reporting.words import count, number, share, shorten

__all__ = ["example_blocks"]

PICTURES, TEXTS = 24, 8
"""Rows in one gallery."""


def example_blocks(
    dataset: Dataset, rows: np.ndarray, y: np.ndarray, prediction: np.ndarray, seed: int = 0
) -> tuple[Block, ...]:
    """Galleries of the held-out `rows` [N]: where the model is most wrong, and what it mostly does.

    y [N] and `prediction` ([N, C] probabilities or [N] numbers) are those of the rows. () for tables, and for
    several targets.
    """
    task = dataset.task
    wide = [feature for feature in dataset.schema.features if feature.shape]
    if not wide or task.parts or len(rows) != len(y):
        return ()
    misses = _misses(task, y, prediction)
    most = PICTURES if any(len(feature.shape) == 3 for feature in wide) else TEXTS
    worst = np.argsort(-misses, kind="stable")[:most]
    if not task.numeric:
        worst = worst[prediction[worst].argmax(1) != y[worst]]
    wrong = len(y) if task.numeric else int((prediction.argmax(1) != y).sum())
    told = (
        f"Of {count(len(y))} held-out rows those that are missed by most."
        if task.numeric
        else f"Of the {count(wrong)} held-out rows that are named wrongly those whose true class was thought "
        "least likely. A label may be wrong too: look."
    )
    chosen = np.sort(np.random.default_rng(seed).choice(len(y), min(most, len(y)), replace=False))
    found = (
        _gallery("What it gets most wrong", told, dataset, rows, y, prediction, worst),
        _gallery(
            "Rows at random", "As they come, whether right or wrong.", dataset, rows, y, prediction, chosen
        ),
    )
    return tuple(one for one in found if one is not None)


def _misses(task: Task, y: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """How wrong each row is: the distance to its number, or the probability that its class was not given."""
    return np.abs(prediction - y) if task.numeric else 1.0 - prediction[np.arange(len(y)), y]


def _gallery(
    title: str,
    what: str,
    dataset: Dataset,
    rows: np.ndarray,
    y: np.ndarray,
    prediction: np.ndarray,
    chosen: np.ndarray,
) -> Gallery | None:
    seen = seen_of(dataset.schema, dataset.codes[rows[chosen]])
    if seen is None or not len(chosen):
        return None
    if any(UNREAD in text for text in seen.texts):
        what += f" {UNREAD} stands for a word that the model does not know."
    told = (_told(dataset.task, y[k], prediction[k]) for k in chosen)
    examples = tuple(
        Example(picture, text, *words)
        for picture, text, words in zip(seen.pictures, seen.texts, told, strict=True)
    )
    return Gallery(title, examples, what)


def _told(task: Task, y: np.generic, prediction: np.ndarray) -> tuple[str, str, bool]:
    """What is true, what is said, and whether that is right (of a number, always)."""
    if task.numeric:
        return number(float(y)), f"said {number(float(prediction))}", True
    said = int(prediction.argmax())
    name = shorten(task.classes[said], 24)
    return (
        shorten(task.classes[int(y)], 24),
        f"said {name} ({share(float(prediction[said]))})",
        said == int(y),
    )
