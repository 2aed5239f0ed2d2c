"""Features that a transformation of the image cannot change, whatever reads them afterwards."""

import torch
from torch import Tensor

from profunda.errors import ArgumentError
from profunda.layers.image_rows import check_images

__all__ = ["fourier_magnitude", "histogram"]


def fourier_magnitude(images: Tensor) -> Tensor:
    """|F x| of each channel: [B, C, H, W/2 + 1], the same for every circular shift of the image.

    A shift multiplies each coefficient by a number of modulus 1 (the shift theorem). F is divided by √(HW),
    so that it keeps the sum of squares (Parseval; the half that is left out mirrors the other). A shift that
    brings in background does the same to pictures that do not reach the edge. A picture turned by 180° has
    the same magnitudes. The gradient at a coefficient of 0 is 0.
    """
    check_images(images)
    return torch.fft.rfft2(images, norm="ortho").abs()


def histogram(images: Tensor, bins: int = 16, low: float = 0.0, high: float = 1.0) -> Tensor:
    """Shares [B, C, bins] of each channel's pixels that lie in equal intervals from `low` to `high`.

    The same wherever pixels stand: for circular shifts, flips, quarter turns, and any other order. Pixels
    outside count in the outermost interval. There is no gradient.
    Raises ArgumentError for no interval.
    """
    check_images(images)
    if bins < 1 or not low < high:
        raise ArgumentError(
            f"{bins} bins from {low} to {high} are no intervals: give 1 or more, and low < high"
        )
    place = ((images.detach() - low) * (bins / (high - low))).floor().clamp(0, bins - 1).long().flatten(2)
    counts = images.new_zeros(*images.shape[:2], bins)
    counts.scatter_add_(2, place, torch.ones_like(place, dtype=images.dtype))
    return counts / place.shape[2]
