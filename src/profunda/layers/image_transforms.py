"""Batches of images [B, C, H, W] flipped, shaded, blanked and mixed, by numbers given for each row.

Nothing is drawn here, so that whoever owns the random numbers decides: `ImageAugmentation` draws them for a
loop of your own. Results keep dtype and device, and gradients pass to images and to strengths.
"""

import torch
from torch import Tensor

from profunda.errors import ArgumentError
from profunda.layers.image_rows import check_images, per_row

__all__ = [
    "add_noise",
    "adjust_brightness",
    "adjust_contrast",
    "boxes_at",
    "cut_mix",
    "cut_out",
    "flip",
    "mix_up",
    "shift_colour",
]


def flip(images: Tensor, horizontal: bool | Tensor = False, vertical: bool | Tensor = False) -> Tensor:
    """Images mirrored where their flag (one for all, or [B]) is set: left and right, or top and bottom.

    Twice is the identity, bit for bit.
    """
    check_images(images)
    for flag, axis, name in ((horizontal, -1, "horizontal"), (vertical, -2, "vertical")):
        if isinstance(flag, Tensor):
            chosen = per_row(flag, images, name) != 0
            images = torch.where(chosen[:, None, None, None], images.flip(axis), images)
        elif flag:
            images = images.flip(axis)
    return images


def adjust_brightness(images: Tensor, amount: float | Tensor) -> Tensor:
    """x + b, with b for all or for each image [B], in units of the pixels."""
    check_images(images)
    return images + per_row(amount, images, "amount")[:, None, None, None]


def adjust_contrast(images: Tensor, factor: float | Tensor) -> Tensor:
    """μ + c(x − μ) with μ the mean of the image over its channels and pixels; c for all, or [B].

    The mean stays, so that c and 1/c undo each other and a change of brightness commutes with it.
    """
    check_images(images)
    factor = per_row(factor, images, "factor")[:, None, None, None]
    mean = images.mean((1, 2, 3), keepdim=True)
    return images * factor + mean * (1.0 - factor)


def shift_colour(images: Tensor, amounts: Tensor) -> Tensor:
    """x + a, with `amounts` [B, C] for each channel of each image.

    Raises ArgumentError for amounts of another shape.
    """
    check_images(images)
    if amounts.shape != images.shape[:2]:
        raise ArgumentError(
            f"amounts of shape {tuple(amounts.shape)} beside images {tuple(images.shape)}: give one for each "
            f"channel of each image, {tuple(images.shape[:2])}"
        )
    return images + amounts.to(images)[:, :, None, None]


def add_noise(images: Tensor, deviation: float | Tensor, normals: Tensor) -> Tensor:
    """x + s·ε with standard normal `normals` of the images' shape; s for all, or for each image [B].

    Raises ArgumentError where there is not one normal number a pixel.
    """
    check_images(images)
    if normals.shape != images.shape:
        raise ArgumentError(
            f"normals of shape {tuple(normals.shape)} beside images {tuple(images.shape)}: noise takes one "
            "normal number for each pixel and channel"
        )
    return images + per_row(deviation, images, "deviation")[:, None, None, None] * normals.to(images)


def boxes_at(down: Tensor, across: Tensor, side: float | Tensor, height: int, width: int) -> Tensor:
    """Boxes int64 [B, 4] (top, bottom, left, right; the second of each pair is outside) in a picture.

    `down` and `across` [B], from 0 to below 1, say which pixel is the centre; `side` is the box's share of
    the picture's sides, one for all or [B]. What would stand over the edge is cut off, as DeVries and Taylor
    (2017) and Yun et al. (2019) do, so that a box may have less than side² of the area.
    Raises ArgumentError for a share of a side outside 0 to 1.
    """
    share = torch.as_tensor(side, dtype=torch.float64, device=down.device)
    if not bool(((share >= 0.0) & (share <= 1.0)).all()):
        raise ArgumentError("a box's side is a share of the picture's: at least 0 and at most 1")
    ends = []
    for centre, size in ((down, height), (across, width)):
        length = (share * size).round().long()
        start = (centre.double() * size).long() - length // 2
        ends += [start.clamp(0, size), (start + length).clamp(0, size)]
    return torch.stack(torch.broadcast_tensors(*ends), dim=-1)


def cut_out(images: Tensor, boxes: Tensor, background: float = 0.0) -> Tensor:
    """Images with what is inside of `boxes` [B, 4] set to `background` (DeVries and Taylor 2017)."""
    return images.masked_fill(_inside(boxes, images), background)


def mix_up(images: Tensor, others: Tensor, share: float | Tensor) -> Tensor:
    """λx + (1 − λ)x', with λ = `share` for all or [B] (Zhang et al. 2018, eq. 1); targets mix alike.

    Raises ArgumentError where the two batches differ in shape.
    """
    _check_pair(images, others)
    share = per_row(share, images, "share")[:, None, None, None]
    return images * share + others * (1.0 - share)


def cut_mix(images: Tensor, others: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Images with what is inside of `boxes` [B, 4] from `others`, and the share λ [B] of the area kept.

    λ is counted after boxes are cut off at the edge: it is the weight of a row's own target (Yun et al. 2019,
    eqs. 1 and 2). Raises ArgumentError where the two batches differ in shape.
    """
    _check_pair(images, others)
    mixed = torch.where(_inside(boxes, images), others, images)
    top, bottom, left, right = boxes.to(images.device).unbind(-1)
    taken = (bottom - top).clamp(min=0) * (right - left).clamp(min=0)
    return mixed, 1.0 - taken.to(images.dtype) / (images.shape[-2] * images.shape[-1])


def _check_pair(images: Tensor, others: Tensor) -> None:
    check_images(images)
    if others.shape != images.shape:
        raise ArgumentError(
            f"images {tuple(images.shape)} cannot be mixed with {tuple(others.shape)}: give each image one "
            "other of its own size, such as images.roll(-1, 0)"
        )


def _inside(boxes: Tensor, images: Tensor) -> Tensor:
    """Which pixels [B, 1, H, W] lie in the boxes."""
    check_images(images)
    if boxes.shape != (len(images), 4):
        raise ArgumentError(
            f"boxes of shape {tuple(boxes.shape)} beside {len(images)} images: give (top, bottom, left, "
            "right) for each, as boxes_at does"
        )
    top, bottom, left, right = boxes.to(images.device)[:, :, None, None].unbind(1)
    rows = torch.arange(images.shape[-2], device=images.device)
    columns = torch.arange(images.shape[-1], device=images.device)
    down = (rows >= top) & (rows < bottom)
    across = (columns >= left) & (columns < right)
    return down[:, None, 0, :, None] & across[:, None, 0, None, :]
