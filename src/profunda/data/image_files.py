"""Files of pictures as one array of bytes."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from profunda.data.raw import listed
from profunda.errors import DataError, Notice

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["IMAGES", "LONGEST_SIDE", "images_of"]

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
LONGEST_SIDE = 64
"""Pixels of a side that are read at most: networks of this size see no more of a picture, and take four times
as long for twice the side."""
_GREY = ("1", "L", "I", "F", "I;16", "LA", "La")
"""Modes of pictures without colours."""
_READABLE = 0.5
"""Share of the files that has to be readable: with fewer, the folder is not what it seems."""


def images_of(
    files: Sequence[Path], folder: Path, shape: tuple[int, ...] | None = None
) -> tuple[np.ndarray, np.ndarray, tuple[Notice, ...]]:
    """The pictures in `files` as bytes [n, channels, height, width], which could be read (bool [N]), notices.

    All get one size, the commonest, with no side over 64 pixels, and colours if one of them has any; or the
    `shape` (channels, height, width) that is given. Each is scaled until it covers that size, and its middle
    taken. Raises DataError where Pillow is missing, or most files cannot be read.
    """
    found = [_opened(file) for file in files]
    kept = np.array([image is not None for image in found])
    images = [image for image in found if image is not None]
    notices = []
    if not kept.all():
        lost = [str(file.relative_to(folder)) for file, keep in zip(files, kept, strict=True) if not keep]
        if len(images) < _READABLE * len(files):
            raise DataError(
                f"{len(lost):,} of {len(files):,} pictures in {folder} cannot be read ({listed(lost)}): "
                f"they are "
                "cut off, empty, or another kind of file under a picture's name"
            )
        text = f"{len(lost):,} of {len(files):,} pictures cannot be read and were left out: {listed(lost)}."
        notices.append(Notice("broken-pictures", text))
    if shape is None:
        shape, told = _common(images)
        notices += told
    channels, height, width = shape
    if channels not in (1, 3):
        raise DataError(
            f"files of pictures are read in 1 channel (grey) or 3 (colours), but {channels} were "
            f"learned; hand "
            "the pictures over as an array"
        )
    pixels = np.stack([_pixels(image, channels, height, width) for image in images])
    return pixels, kept, tuple(notices)


def _opened(file: Path) -> "Image.Image | None":
    """The picture the right way up, None where it cannot be read."""
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError as error:
        raise DataError(
            "reading files of pictures needs Pillow, which is not installed: pip install "
            '"profunda[image]", or '
            "hand the pictures over as an array [N, H, W(, C)]"
        ) from error
    try:
        with Image.open(file) as image:
            image.load()
            return ImageOps.exif_transpose(image)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _common(images: Sequence["Image.Image"]) -> tuple[tuple[int, int, int], list[Notice]]:
    """The shape that all pictures get, and what that changes."""
    notices = []
    sizes = Counter(image.size for image in images)
    (width, height), most = max(sizes.items(), key=lambda pair: (pair[1], pair[0]))
    shrink = min(1.0, LONGEST_SIDE / max(width, height))
    width, height = max(1, round(width * shrink)), max(1, round(height * shrink))
    if len(sizes) > 1 or shrink < 1.0:
        differ = (
            f"{len(images):,} pictures of {len(sizes):,} different sizes"
            if len(sizes) > 1
            else "The pictures"
        )
        text = (
            f"{differ} were brought to {height} × {width} pixels: scaled to cover that, and the middle "
            f"taken. "
            f"{most:,} had the commonest size."
        )
        notices.append(Notice("picture-sizes", text))
    grey = sum(image.mode in _GREY for image in images)
    if 0 < grey < len(images):
        text = f"{grey:,} of {len(images):,} pictures are grey, the others in colour: all are read in colour."
        notices.append(Notice("grey-and-colour", text))
    return (1 if grey == len(images) else 3, height, width), notices


def _pixels(image: "Image.Image", channels: int, height: int, width: int) -> np.ndarray:
    """Bytes [channels, height, width]; what is transparent is black."""
    from PIL import Image, ImageOps

    if image.mode in ("I", "F", "I;16"):  # more than a byte a pixel: the range that it has becomes a byte's
        values = np.asarray(image, np.float64)
        most = 65535.0 if values.max() > 255 else 255.0
        image = Image.fromarray((np.clip(values / most, 0.0, 1.0) * 255.0).round().astype(np.uint8))
    if image.mode in ("LA", "La", "PA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    image = image.convert("L" if channels == 1 else "RGB")
    if image.size != (width, height):
        image = ImageOps.fit(image, (width, height), Image.Resampling.BICUBIC)
    return np.asarray(image, np.uint8).reshape(height, width, -1).transpose(2, 0, 1)
