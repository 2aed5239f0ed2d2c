"""Batches of images [B, C, H, W] moved, zoomed and turned, by numbers given for each row.

`affine` composes a flip, a zoom, a turn and a shift in one resampling, and reads each pixel between its four
neighbours (bilinear). What needs no reading between pixels, whole-pixel shifts and quarter turns, is copied,
bit for bit. What comes from outside of the picture is `background`. Gradients pass to images, and to the
numbers where pixels are read in between.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, pad

from profunda.errors import ArgumentError
from profunda.layers.image_rows import check_images, per_row

__all__ = ["affine", "moved", "rotate", "translate", "zoom"]

_QUARTER = 90.0


def translate(
    images: Tensor, right: float | Tensor = 0.0, down: float | Tensor = 0.0, background: float = 0.0
) -> Tensor:
    """Images moved by so many pixels, one number for all or [B] each; whole pixels are copied exactly."""
    check_images(images)
    right, down = per_row(right, images, "right"), per_row(down, images, "down")
    whole = (right == right.round()) & (down == down.round())
    if bool(whole.all()):
        return moved(images, right.long(), down.long(), background)
    between = affine(images, right=right, down=down, background=background)
    if not bool(whole.any()):
        return between
    right, down = (torch.where(whole, one.detach(), 0.0).long() for one in (right, down))
    return torch.where(whole[:, None, None, None], moved(images, right, down, background), between)


def zoom(images: Tensor, factor: float | Tensor, background: float = 0.0) -> Tensor:
    """Images enlarged about their centre by `factor` (below 1: made smaller), one for all or [B]."""
    return affine(images, zoom=factor, background=background)


def rotate(images: Tensor, degrees: float | Tensor, background: float = 0.0) -> Tensor:
    """Images turned about their centre, counter-clockwise, by `degrees`, one for all or [B].

    Half turns, and of square images quarter turns, are exact: four of them are the identity, bit for bit.
    """
    check_images(images)
    turns = per_row(degrees, images, "degrees") / _QUARTER
    step = 1.0 if images.shape[-1] == images.shape[-2] else 2.0
    exact = turns % step == 0.0
    made = images if bool(exact.all()) else affine(images, degrees=degrees, background=background)
    for quarters in range(4):
        chosen = exact & (turns % 4.0 == quarters)
        if bool(chosen.any()):
            made = torch.where(chosen[:, None, None, None], images.rot90(quarters, (-2, -1)), made)
    return made


def affine(
    images: Tensor,
    *,
    degrees: float | Tensor = 0.0,
    zoom: float | Tensor = 1.0,
    right: float | Tensor = 0.0,
    down: float | Tensor = 0.0,
    mirrored: bool | Tensor = False,
    background: float = 0.0,
) -> Tensor:
    """Images mirrored left to right, then turned, zoomed about their centre and moved, in one resampling.

    Each number is one for all or [B]. Counted from the picture's centre, a pixel p of the result shows the
    image at F R(−θ)(p − t)/z, with θ counter-clockwise, t = (right, down) and F the mirror; neighbours
    outside of the picture count as `background`.
    Raises ArgumentError for a zoom that is not above 0 or a number that is not finite.
    """
    check_images(images)
    height, width = images.shape[-2:]
    factor = per_row(zoom, images, "zoom")
    angle = per_row(degrees, images, "degrees") * (math.pi / 180.0)
    right, down = per_row(right, images, "right"), per_row(down, images, "down")
    _check_finite(factor, angle, right, down)
    sign = 1.0 - 2.0 * per_row(mirrored, images, "mirrored") if mirrored is not False else 1.0
    cosine, sine = angle.cos() / factor, angle.sin() / factor
    x = torch.arange(width, dtype=images.dtype, device=images.device) - (width - 1) / 2 - right[:, None]
    y = torch.arange(height, dtype=images.dtype, device=images.device) - (height - 1) / 2 - down[:, None]
    # grid_sample counts from −1 at one edge of the picture to 1 at the other.
    to_width, to_height = 2.0 / width * sign, 2.0 / height
    across = (cosine * to_width)[:, None] * x, (sine * to_width)[:, None] * y
    along = (sine * to_height)[:, None] * x, (cosine * to_height)[:, None] * y
    grid = torch.stack(
        [
            across[0][:, None, :] - across[1][:, :, None],
            along[0][:, None, :] + along[1][:, :, None],
        ],
        dim=-1,
    )
    if background == 0.0:
        return grid_sample(images, grid, align_corners=False)
    return grid_sample(images - background, grid, align_corners=False) + background


def moved(images: Tensor, right: Tensor, down: Tensor, background: float = 0.0) -> Tensor:
    """Images moved by whole pixels int64 [B], which are copied."""
    height, width = images.shape[-2:]
    right, down = right.clamp(-width, width), down.clamp(-height, height)
    margin = int(torch.maximum(right.abs().max(), down.abs().max()))
    if margin == 0:
        return images
    windows = pad(images, (margin,) * 4, value=background).unfold(2, height, 1).unfold(3, width, 1)
    rows = torch.arange(len(images), device=images.device)
    return windows[rows, :, margin - down, margin - right]


def _check_finite(factor: Tensor, *others: Tensor) -> None:
    numbers = torch.stack([factor, *others])
    if not bool(numbers.isfinite().all() & (factor > 0.0).all()):
        raise ArgumentError(
            "zooms must be above 0, and zooms, degrees and shifts finite: a picture cannot be drawn at "
            f"zoom {float(factor.min()):g} or at a shift that is no number"
        )
