"""Random crops of images, resized to one size: objects look larger in training than in a test."""

from dataclasses import dataclass
from math import log

import torch
from torch import Tensor
from torch.nn import functional

from profunda.errors import ArgumentError
from profunda.layers.image_rows import check_images

__all__ = ["RandomResizedCrop", "crop_boxes", "resized_crops"]


def crop_boxes(
    uniforms: Tensor,
    height: int,
    width: int,
    *,
    scale: tuple[float, float] = (0.08, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
) -> Tensor:
    """Boxes [B, 4], each (top, left, height, width) in pixels, from `uniforms` [B, 4] in [0, 1).

    A box's area is `scale` of the image's, uniformly; its width ÷ height is log-uniform in the part of
    `ratio` that fits into the image (the box is as near to `ratio` as it can be where none does); its place
    is uniform (Szegedy et al. 2015, section 6). Boxes that do not fit are usually drawn again, which makes
    areas smaller than `scale` says; here they keep their law. Raises ArgumentError for another shape, and
    for ranges that are no part of (0, 1] and (0, ∞).
    """
    if uniforms.dim() != 2 or uniforms.shape[1] != 4:
        raise ArgumentError(f"uniforms are {tuple(uniforms.shape)}, but a box is drawn from 4: give [B, 4].")
    _check(scale, ratio)
    area, shape, down, right = uniforms.unbind(1)
    share = scale[0] + (scale[1] - scale[0]) * area
    # w = √(share·HW·r) ≤ W and h = √(share·HW/r) ≤ H bound the ratio r on either side.
    log_share, log_image = share.log(), log(width / height)
    low = (log_share + log_image).clamp(min=log(ratio[0]))
    high = (log_image - log_share).clamp(max=log(ratio[1]))
    # A ratio that does not fit at all gives way to what does.
    low, high = torch.minimum(low, log_image - log_share), torch.maximum(high, log_share + log_image)
    half = (low + (high - low) * shape) / 2
    size = (share * (height * width)).sqrt()
    tall = (size * torch.exp(-half)).clamp(max=height)
    wide = (size * torch.exp(half)).clamp(max=width)
    return torch.stack([(height - tall) * down, (width - wide) * right, tall, wide], 1)


def resized_crops(x: Tensor, boxes: Tensor, size: int) -> Tensor:
    """The part of each image x [B, C, H, W] in its box (top, left, height, width), as [B, C, size, size].

    Bilinear between the pixels' centres, without smoothing first: a box of more than twice `size` loses
    detail in between. Differentiable in `x` and `boxes`. Raises ArgumentError for what are no images.
    """
    check_images(x)
    height, width = x.shape[2:]
    top, left, tall, wide = boxes.to(x).unbind(1)
    zero = torch.zeros_like(top)
    # grid_sample's axes go from −1 to 1 between the image's edges.
    across = torch.stack([wide / width, zero, (2 * left + wide) / width - 1], 1)
    along = torch.stack([zero, tall / height, (2 * top + tall) / height - 1], 1)
    where = functional.affine_grid(torch.stack([across, along], 1), [*x.shape[:2], size, size], False)
    return functional.grid_sample(x, where, "bilinear", "border", False)


@dataclass(frozen=True)
class RandomResizedCrop:
    """x [B, C, H, W] → [B, C, size, size], each image cut by a box of its own (`crop_boxes`).

    With the usual scale (0.08, 1) a box's side is 0.708 of the image's in the mean, so that objects look
    1/0.708 times larger in training than in a test at the same `size`: `theory.apparent_size_ratio`.
    `generator=None` draws from torch's global stream; a generator may be of another device than the images.
    Raises ArgumentError for ranges that make no box, and for what are no images.
    """

    size: int
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ArgumentError(f"Images of {self.size} × {self.size} pixels show nothing: give at least 1.")
        _check(self.scale, self.ratio)

    def __call__(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """The crops."""
        check_images(x)
        where = generator.device if generator is not None else x.device
        uniforms = torch.rand(len(x), 4, generator=generator, device=where)
        boxes = crop_boxes(uniforms, x.shape[2], x.shape[3], scale=self.scale, ratio=self.ratio)
        return resized_crops(x, boxes, self.size)


def _check(scale: tuple[float, float], ratio: tuple[float, float]) -> None:
    if not 0.0 < scale[0] <= scale[1] <= 1.0 or not 0.0 < ratio[0] <= ratio[1]:
        raise ArgumentError(
            f"scale {scale} and ratio {ratio} make no box: both are (low, high), shares of the image's area "
            "above 0 and at most 1, and widths over heights above 0."
        )
