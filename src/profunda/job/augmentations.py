"""Which changes of pictures a search may use: those that leave the classes of its rows as they are."""

import numpy as np

from profunda.data.dataset import Dataset
from profunda.data.inputs import Picture
from profunda.data.layout import lay_out
from profunda.data.splits import Splits
from profunda.diagnosis.label_breaking import LabelBreaking, label_breaking
from profunda.errors import Notice
from profunda.layers.image_augmentation import ImageAugmentation
from profunda.space.pictures import STRONGEST

__all__ = ["keeping_labels", "refusals"]

_SHADES = ("brightness", "colour")
"""Strengths in standard deviations of the pixels."""


def keeping_labels(dataset: Dataset, splits: Splits) -> LabelBreaking | None:
    """What the strongest changes that a search draws do to the classes of the rows that are not held out.

    None where the inputs are no pictures, or the target is no class.
    """
    picture = lay_out(dataset.schema, "robust", "onehot").entering.picture
    if picture is None or not dataset.task.single:
        return None
    rows = splits.development
    images = _scaled(dataset.codes[rows], picture)
    spread = float(images.std())
    strengths = {name: most * (spread if name in _SHADES else 1.0) for name, most in STRONGEST.items()}
    if picture.channels < 3:
        strengths["colour"] = 0.0
    return label_breaking(images, dataset.y[rows], ImageAugmentation(**strengths), names=dataset.task.classes)


def refusals(found: LabelBreaking) -> tuple[Notice, ...]:
    """A notice that names what is refused and what it does to which classes."""
    broken = [one for one in found.verdicts if one.verdict == "refused"]
    if not broken:
        return ()
    said = "; ".join(str(one.broken[0]) for one in broken)
    names = ", ".join(one.augmentation for one in broken)
    text = f"Left out of the search, as they change what pictures show ({names}): {said}."
    return (Notice("label-breaking", text),)


def _scaled(codes: np.ndarray, picture: Picture) -> np.ndarray:
    """Pictures [N, channels, height, width] of numbers from 0 to 1."""
    low, high = float(codes.min()), float(codes.max())
    return ((codes - low) / ((high - low) or 1.0)).reshape(-1, *picture.shape).astype(np.float32)
