"""Pictures with captions, made of labelled pictures: two shelves of things, and a sentence that says which.

Small real data for captioning where no captioned photographs are at hand: the right sentence is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from profunda.data.bundled import path
from profunda.errors import ArgumentError, DataError

__all__ = ["FASHION", "Noun", "Scenes", "caption_of", "fashion_scenes", "scenes"]

Shelf = tuple[int | None, int | None]
"""The classes of what lies to the left and to the right; None for nothing."""


@dataclass(frozen=True)
class Noun:
    """What one thing of a class is called, with its article, and several."""

    one: str
    many: str


# Words of one token each; the trousers of the pictures are a single pair.
FASHION = tuple(
    Noun(*names)
    for names in (
        ("a tee", "tees"),
        ("trousers", "trousers"),
        ("a pullover", "pullovers"),
        ("a dress", "dresses"),
        ("a coat", "coats"),
        ("a sandal", "sandals"),
        ("a shirt", "shirts"),
        ("a sneaker", "sneakers"),
        ("a bag", "bags"),
        ("an ankle boot", "ankle boots"),
    )
)
"""The ten classes of the bundled table "fashion"."""


@dataclass(frozen=True, eq=False)
class Scenes:
    """Pictures float32 [N, 1, H, W] from 0 to 1, and a caption for each."""

    images: Tensor
    captions: tuple[str, ...]


def caption_of(upper: Shelf, lower: Shelf, nouns: Sequence[Noun]) -> str:
    """What lies above what.

    >>> caption_of((7, 7), (None, 8), FASHION)
    'two sneakers above a bag'
    >>> caption_of((None, None), (9, 3), FASHION)
    'an ankle boot and a dress'
    """
    told = [_shelf(shelf, nouns) for shelf in (upper, lower) if shelf != (None, None)]
    return " above ".join(told) or "nothing"


def scenes(
    images: np.ndarray, labels: np.ndarray, nouns: Sequence[Noun], count: int, seed: int = 0
) -> Scenes:
    """`count` scenes of pictures drawn from `images` [N, S, S] (bytes) of classes `labels` int [N].

    A scene is two shelves of two places each, of the size of one picture: each thing in it is halved. A
    shelf holds two of one class, one thing, two things of any classes or, unless the other does, nothing,
    with equal chances. Two of any classes are drawn one by one: of K classes, both are of one with
    probability 1/K. Raises DataError where images, labels and nouns do not fit, ArgumentError for a count
    below 1.
    """
    images, labels = np.asarray(images), np.asarray(labels)
    if count < 1:
        raise ArgumentError(f"count = {count} scenes: 1 or more.")
    square = images.ndim == 3 and images.shape[1] == images.shape[2] and images.shape[1] % 2 == 0
    if not square or labels.shape != images.shape[:1] or not len(labels):
        raise DataError(
            f"images of shape {images.shape} with labels of shape {labels.shape} make no scenes: [N, S, S] "
            "with an even S and one label each are needed, and one image at least"
        )
    if labels.min() < 0 or labels.max() >= len(nouns):
        raise DataError(
            f"labels reach from {labels.min()} to {labels.max()}, but there are {len(nouns)} nouns"
        )
    rng = np.random.default_rng(seed)
    small = images.reshape(len(images), images.shape[1] // 2, 2, -1, 2).mean((2, 4)) / 255.0
    places = {int(label): np.flatnonzero(labels == label) for label in np.unique(labels)}
    made, told = [], []
    for _ in range(count):
        upper = _drawn(list(places), rng, empty=True)
        lower = _drawn(list(places), rng, empty=upper != (None, None))
        made.append(
            np.block([[_tile(small, places, thing, rng) for thing in each] for each in (upper, lower)])
        )
        told.append(caption_of(upper, lower, nouns))
    return Scenes(torch.from_numpy(np.stack(made)).float()[:, None], tuple(told))


def fashion_scenes(
    count: int, seed: int = 0, *, held_out: bool = False, classes: Sequence[int] = tuple(range(len(FASHION)))
) -> Scenes:
    """Scenes [N, 1, 28, 28] of the bundled table "fashion": of its training pictures, or of the held-out.

    Of things of the `classes` named alone. Raises DataError where there is none of them, and as `scenes`.
    """
    part = "test" if held_out else "train"
    with np.load(path("fashion"), allow_pickle=False) as found:
        images, labels = found[f"x_{part}"], found[f"y_{part}"]
    named = np.isin(labels, classes)
    return scenes(images[named], labels[named], FASHION, count, seed)


def _shelf(shelf: Shelf, nouns: Sequence[Noun]) -> str:
    things = [nouns[thing] for thing in shelf if thing is not None]
    if len(things) == 2 and things[0] == things[1]:
        return f"two {things[0].many}"
    return " and ".join(noun.one for noun in things)


def _drawn(classes: list[int], rng: np.random.Generator, *, empty: bool) -> Shelf:
    kind = rng.integers(4 if empty else 3)
    thing, other = (int(one) for one in rng.choice(classes, 2))
    if kind == 0:
        return thing, thing
    if kind == 1:
        return (thing, None) if rng.random() < 0.5 else (None, thing)
    return (thing, other) if kind == 2 else (None, None)


def _tile(
    small: np.ndarray, places: dict[int, np.ndarray], thing: int | None, rng: np.random.Generator
) -> np.ndarray:
    return np.zeros(small.shape[1:]) if thing is None else small[rng.choice(places[thing])]
