"""What every transformation of images asks of its arguments: a batch of images, and one number for each."""

import torch
from torch import Tensor

from profunda.errors import ArgumentError

__all__ = ["check_images", "per_row"]


def check_images(images: Tensor) -> None:
    """Raises ArgumentError unless `images` are floats [B, C, H, W] without an empty axis."""
    if images.ndim != 4 or 0 in images.shape:
        raise ArgumentError(
            f"images of shape {tuple(images.shape)} are no batch [B, C, H, W]: give a single grey picture as "
            "picture[None, None], and leave out batches without rows"
        )
    if not images.is_floating_point():
        raise ArgumentError(
            f"images of {images.dtype} cannot be resampled or shaded: divide bytes by 255 first "
            "(images.float() / 255)"
        )


def per_row(value: float | Tensor, images: Tensor, name: str) -> Tensor:
    """`value`, one for all or one for each image, as [B] of the images' dtype and device.

    Raises ArgumentError for another number of them.
    """
    if not isinstance(value, Tensor):
        return torch.full((len(images),), float(value), dtype=images.dtype, device=images.device)
    if value.ndim > 1 or (value.ndim == 1 and len(value) != len(images)):
        raise ArgumentError(
            f"{name} of shape {tuple(value.shape)} beside {len(images)} images: give one number, or one for "
            "each image [B]"
        )
    return value.to(images).expand(len(images))
