"""Which class a picture looks like: by its nearest neighbours, and only where it stands as near as theirs do.

A classifier that must answer gives a class to anything. Here a picture is taken for a class where most of its
nearest pictures have it, and the nearest of these is no farther than pictures of the class mostly are from
each other: what a transformation makes of a picture must look like a real one before it counts.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

__all__ = ["Lookalikes", "lookalikes"]

SIDE = 14  # pictures are made smaller by averaging: quicker, and not misled by a pixel's shift
NEIGHBOURS, AGREEING = 5, 3
MOSTLY = 0.9  # of a class's pictures have another one as near as `reach`


@dataclass(frozen=True)
class Lookalikes:
    """Pictures [N, D] with their classes int64 [N], and how far a class's neighbours mostly are [C]."""

    rows: Tensor
    classes: Tensor
    reach: Tensor

    def taken_for(self, images: Tensor) -> Tensor:
        """The class int64 [B] that each of `images` [B, C, H, W] surely looks like, −1: none."""
        count = min(NEIGHBOURS, len(self.rows))
        distances, nearest = _distances(_small(images), self.rows).topk(count, largest=False)
        classes = self.classes[nearest]
        found = classes.mode(1).values
        agreeing = classes == found[:, None]
        closest = torch.where(agreeing, distances, torch.inf).amin(1)
        sure = (agreeing.sum(1) >= AGREEING) & (closest <= self.reach[found])
        return torch.where(sure, found, -1)

    def lost_to(self, images: Tensor, own: Tensor, other: int) -> float:
        """The share of `images` [B, C, H, W] that stand nearer to class `other` than to `own` [N, C, H, W],
        as many pictures on either side.

        It is about a half where the two cannot be told apart, whoever learns from both.
        """
        theirs, ours = self.rows[self.classes == other], _small(own)
        count, rows = min(len(theirs), len(ours)), _small(images)
        away, home = (_distances(rows, side[:count]).amin(1) for side in (theirs, ours))
        return float((away < home).double().mean())


def lookalikes(images: Tensor, classes: Tensor, n_classes: int) -> Lookalikes:
    """From images [N, C, H, W], five or more of each class that can be recognised later."""
    rows = _small(images)
    apart = _distances(rows, rows).fill_diagonal_(torch.inf)
    nearest = torch.where(classes[:, None] == classes, apart, torch.inf).amin(1)
    reach = torch.full((n_classes,), -torch.inf)
    for one in range(n_classes):
        own = nearest[classes == one]
        if len(own) >= NEIGHBOURS:
            reach[one] = torch.quantile(own, MOSTLY)
    return Lookalikes(rows, classes, reach)


def _small(images: Tensor) -> Tensor:
    height, width = (min(side, SIDE) for side in images.shape[2:])
    return adaptive_avg_pool2d(images, (height, width)).flatten(1)


def _distances(images: Tensor, rows: Tensor) -> Tensor:
    return torch.cdist(images, rows, compute_mode="use_mm_for_euclid_dist")
