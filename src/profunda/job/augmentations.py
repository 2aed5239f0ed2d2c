"""Which changes of pictures a search may use: those that leave the classes of its rows as they are."""

import numpy as np

from profunda.data.dataset import Dataset
from profunda.data.layout import lay_out
from profunda.data.preprocessing import fit_preprocessing
from profunda.data.splits import Splits
from profunda.diagnosis.label_breaking import LabelBreaking, label_breaking
from profunda.errors import Notice
from profunda.layers.image_augmentation import ImageAugmentation
from profunda.space.domain import Fixed
from profunda.space.pictures import STRONGEST
from profunda.space.space import Space

__all__ = ["keeping_labels", "refusals"]


def keeping_labels(dataset: Dataset, splits: Splits) -> LabelBreaking | None:
    """What the strongest changes that a search draws do to the classes of the rows that are not held out.

    None where the inputs are no pictures, or the target is no class.
    """
    picture = lay_out(dataset.schema, "robust", "onehot").entering.picture
    if picture is None or not dataset.task.single:
        return None
    rows, classes = splits.development, dataset.task.classes
    # As training sees and changes them: what comes in from outside of a picture is each channel's median.
    fitted = fit_preprocessing(dataset.codes, dataset.y, rows, dataset.schema, "robust", dataset.task)
    images = fitted.transform(dataset.codes[rows])[:, picture.places.start : picture.places.stop]
    strengths = STRONGEST | ({"colour": 0.0} if picture.channels < 3 else {})
    there = [classes[place] for place in np.unique(dataset.y[rows])]
    return label_breaking(
        images.reshape(-1, *picture.shape), dataset.y[rows], ImageAugmentation(**strengths), names=there
    )


def refusals(found: LabelBreaking | None, space: Space) -> tuple[Notice, ...]:
    """Notices that name what changes classes and how: what `space` leaves out, and what it has anyway."""
    broken = [] if found is None else [one for one in found.verdicts if one.verdict == "refused"]
    told = []
    for code, what, is_off in (
        ("label-breaking", "Left out of the search, as they", True),
        ("labels-broken", "Kept as asked for, though they", False),
    ):
        those = [one for one in broken if _off(space, one.augmentation) == is_off]
        if those:
            names = ", ".join(one.augmentation for one in those)
            said = "; ".join(str(one.broken[0]) for one in those)
            told.append(Notice(code, f"{what} change what pictures show ({names}): {said}."))
    return tuple(told)


def _off(space: Space, name: str) -> bool:
    """Whether no design of the space changes pictures so."""
    domain = space.domains.get(name)
    return domain is None or (isinstance(domain, Fixed) and not domain.value)
