"""What training does to the pictures of a batch: they are changed, mixed by rectangles, blanked in part.

Purposes of the streams: "pictures" for the changes of each row, "mixup" for rectangles, of which the first
word makes the share, as for rows of a table, and the next two make each row's place.
"""

import math

import numpy as np
import torch
from torch import Tensor

from profunda._seeds import keys_of, subkey, uniforms
from profunda.data.inputs import Picture
from profunda.layers.image_augmentation import ImageAugmentation
from profunda.layers.image_transforms import boxes_at, cut_mix
from profunda.space.design import PICTORIAL, Design

__all__ = ["Picturing"]


class Picturing:
    """What one member's Design does to the pictures among the inputs of its rows."""

    def __init__(self, design: Design, picture: Picture, key: int) -> None:
        self.picture, self.key = picture, key
        strengths = {name: getattr(design, name) for name in PICTORIAL}
        self.augmentation = ImageAugmentation(**strengths, cutout=min(1.0, design.cutout))
        self.count = self.augmentation.uniforms(*picture.shape)

    def changed(self, x: Tensor, step: int) -> Tensor:
        """Rows `x` [B, D] with their pictures changed, each in a way of its own, in step number `step`."""
        if not self.augmentation.active:
            return x
        drawn = uniforms(keys_of([subkey(self.key, "pictures", step, 0)]), len(x) * self.count)
        given = torch.as_tensor(drawn.reshape(len(x), self.count), dtype=x.dtype, device=x.device)
        # A number that rounds up to 1 would be outside of the picture.
        given = given.clamp_(max=1.0 - torch.finfo(x.dtype).eps)
        return self._with(x, self.augmentation.apply(self._images(x), given))

    def cut(self, x: Tensor, step: int, share: float) -> tuple[Tensor, float]:
        """Rows with a rectangle of the next row's picture, and the share of the batch's pixels left.

        The rectangle's area is 1 − `share` of the picture's before its edge cuts it off (Yun et al. 2019,
        "CutMix", eqs. 1 and 2). All rows have one share, as the loss has one λ: the mean of theirs.
        """
        drawn = uniforms(keys_of([subkey(self.key, "mixup", step, 1)]), 2)[0]
        down, across = torch.as_tensor(np.repeat(drawn[:, None], len(x), 1), device=x.device)
        boxes = boxes_at(down, across, math.sqrt(1.0 - share), *self.picture.shape[1:])
        images = self._images(x)
        mixed, left = cut_mix(images, images.roll(-1, 0), boxes)
        return self._with(x, mixed), float(left[0])

    def _images(self, x: Tensor) -> Tensor:
        places = self.picture.places
        return x[:, places.start : places.stop].reshape(-1, *self.picture.shape)

    def _with(self, x: Tensor, images: Tensor) -> Tensor:
        places = self.picture.places
        if len(places) == x.shape[1]:
            return images.flatten(1)
        made = x.clone()
        made[:, places.start : places.stop] = images.flatten(1)
        return made
