"""Files of pictures as one array of bytes."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from profunda.data.memory import check_fits
from profunda.data.raw import listed
from profunda.errors import DataError, Notice

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["IMAGES", "LONGEST_SIDE", "images_of"]

Found = TypeVar("Found")

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
LONGEST_SIDE = 64
"""Pixels of a side that are read at most: networks of this size see no more of a picture, and take four times
as long for twice the side."""
_GREY = ("1", "L", "LA", "La")
"""Modes of pictures without colours; those of whole numbers of more than a byte, I and I;16…, are so too."""
_TURNED = (5, 6, 7, 8)
"""Values of the EXIF orientation that exchange width and height."""
_READABLE = 0.5
"""Share of the files that has to be readable: with fewer, the folder is not what it seems."""
_MAJORITY = 0.5
"""Share of the pictures above which their size is that of all: where fewer have it, chance could decide."""
_DEEPEST = 65_535
"""The largest number of 16 bits."""
_DIVISOR = 257
"""It takes numbers of 16 bits to bytes, the largest to the largest: 65,535 = 257 · 255."""
# Of one number of the array in memory at the peak: as read, and as a code.
NUMBER_BYTES = 5


@dataclass(frozen=True)
class _Header:
    """What the first bytes of a file tell: width and height the right way up, and Pillow's mode."""

    size: tuple[int, int]
    mode: str

    @property
    def deep(self) -> bool:
        """Whether a pixel is one whole number of more than a byte."""
        return self.mode.startswith("I")

    @property
    def grey(self) -> bool:
        """Whether there are no colours."""
        return self.deep or self.mode in _GREY


def images_of(
    files: Sequence[Path], folder: Path, shape: tuple[int, ...] | None = None, limit: int | None = None
) -> tuple[np.ndarray, np.ndarray, tuple[Notice, ...]]:
    """The pictures in `files` as bytes [n, channels, height, width], which could be read (bool [N]), notices.

    All get one size with no side over 64 pixels, that of most of them or else the median one, and colours if
    one of them has any; or the `shape` (channels, height, width) that is given. Each is scaled until it
    covers that size, and its middle taken. Numbers of 16 bits are divided by 257. Files are decoded one at a
    time, after the first bytes of all told what the array will need. Raises DataError where Pillow is
    missing, most files cannot be read, one holds numbers that are no bytes and no 16 bits, or the array
    needs over `limit` bytes (None: half of the free memory).
    """
    _check_pillow()
    headers = [_tried(file, _header) for file in files]
    opened = [header for header in headers if header is not None]
    _check_readable([header is not None for header in headers], files, folder)
    _refuse_fractions(headers, files, folder)
    notices = _deep(opened)
    if shape is None:
        shape, told = _common(opened)
        notices += told
    channels, height, width = shape
    if channels not in (1, 3):
        raise DataError(
            f"files of pictures are read in 1 channel (grey) or 3 (colours), but {channels} were learned; "
            "hand the pictures over as an array"
        )
    need = len(files) * channels * height * width * NUMBER_BYTES
    check_fits(f"{len(files):,} pictures of {folder} in {height} × {width} pixels", need, limit)
    pixels, kept = _decoded(files, folder, headers, (channels, height, width))
    if not kept.all():
        notices.append(_check_readable(kept.tolist(), files, folder))
        pixels = pixels[kept]
    return pixels, kept, tuple(notices)


def _check_pillow() -> None:
    try:
        import PIL.Image  # noqa: F401
    except ImportError as error:
        raise DataError(
            'reading files of pictures needs Pillow, which is not installed: pip install "profunda[image]", '
            "or hand the pictures over as an array [N, H, W(, C)]"
        ) from error


def _tried(file: Path, ask: "Callable[[Image.Image], Found]") -> "Found | None":
    """What `ask` says of the picture in a file, None where it cannot be read."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            return ask(image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _header(image: "Image.Image") -> _Header:
    from PIL import ExifTags

    # Asked for its orientation, a file that does not begin with it would be read to its end.
    turn = image.getexif().get(ExifTags.Base.Orientation) if "exif" in image.info else None
    width, height = image.size
    return _Header((height, width) if turn in _TURNED else (width, height), image.mode)


def _decoded(
    files: Sequence[Path], folder: Path, headers: Sequence[_Header | None], shape: tuple[int, int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Bytes [N, channels, height, width], one picture after the other, and which could be read (bool [N])."""
    pixels, kept = np.empty((len(files), *shape), np.uint8), np.zeros(len(files), bool)
    upright = partial(_upright, side=max(shape[1:]))
    for row, (file, header) in enumerate(zip(files, headers, strict=True)):
        image = None if header is None else _tried(file, upright)
        if image is not None:
            pixels[row], kept[row] = _pixels(image, file.relative_to(folder), *shape), True
    return pixels, kept


def _upright(image: "Image.Image", side: int) -> "Image.Image":
    """The picture the right way up, a JPEG decoded at half or less where no side gets below twice `side`."""
    from PIL import ImageOps

    image.draft(None, (2 * side, 2 * side))
    image.load()
    return ImageOps.exif_transpose(image)


def _check_readable(kept: Sequence[bool], files: Sequence[Path], folder: Path) -> Notice:
    """What is told of the files that cannot be read; DataError where they are most."""
    lost = [str(file.relative_to(folder)) for file, keep in zip(files, kept, strict=True) if not keep]
    if len(files) - len(lost) < _READABLE * len(files):
        raise DataError(
            f"{len(lost):,} of {len(files):,} pictures in {folder} cannot be read ({listed(lost)}): they are "
            "cut off, empty, or another kind of file under a picture's name"
        )
    text = f"{len(lost):,} of {len(files):,} pictures cannot be read and were left out: {listed(lost)}."
    return Notice("broken-pictures", text)


def _refuse_fractions(headers: Sequence[_Header | None], files: Sequence[Path], folder: Path) -> None:
    odd = [
        str(file.relative_to(folder))
        for file, header in zip(files, headers, strict=True)
        if header is not None and header.mode.startswith("F")
    ]
    if odd:
        raise DataError(
            f"{len(odd):,} of {len(files):,} pictures in {folder} hold numbers with fractions "
            f"({listed(odd)}), and no file says which of them is white; hand the pictures over as an array "
            "[N, H, W]"
        )


def _deep(headers: Sequence[_Header]) -> list[Notice]:
    deep = sum(header.deep for header in headers)
    if not deep:
        return []
    text = (
        f"{deep:,} of {len(headers):,} pictures have 16 bits a pixel, which are divided by {_DIVISOR} and "
        "rounded to bytes; where they hold fewer bits, few of the greys are left: hand them over as an array."
    )
    return [Notice("deep-pictures", text)]


def _common(headers: Sequence[_Header]) -> tuple[tuple[int, int, int], list[Notice]]:
    """The shape that all pictures get, and what that changes."""
    notices = []
    sizes = Counter(header.size for header in headers)
    (width, height), most = sizes.most_common(1)[0]
    chosen = f"{most:,} had the commonest size"
    if most <= _MAJORITY * len(headers):
        width, height = _median(headers)
        chosen = "No size is that of most: this is their median proportion and side"
    shrink = min(1.0, LONGEST_SIDE / max(width, height))
    width, height = max(1, round(width * shrink)), max(1, round(height * shrink))
    if len(sizes) > 1 or shrink < 1.0:
        differ = (
            f"{len(headers):,} pictures of {len(sizes):,} different sizes"
            if len(sizes) > 1
            else "The pictures"
        )
        text = (
            f"{differ} were brought to {height} × {width} pixels: scaled to cover that, and the middle "
            f"taken. {chosen}."
        )
        notices.append(Notice("picture-sizes", text))
    grey = sum(header.grey for header in headers)
    if 0 < grey < len(headers):
        text = (
            f"{grey:,} of {len(headers):,} pictures are grey, the others in colour: all are read in colour."
        )
        notices.append(Notice("grey-and-colour", text))
    return (1 if grey == len(headers) else 3, height, width), notices


def _median(headers: Sequence[_Header]) -> tuple[float, float]:
    """Width and height whose proportion and longer side are the medians; between 2 : 1 and 1 : 2 is 1 : 1."""
    sizes = np.array([header.size for header in headers], float)
    aspect = float(np.exp(np.median(np.log(sizes[:, 0] / sizes[:, 1]))))
    side = float(np.median(sizes.max(1)))
    return side * min(1.0, aspect), side / max(1.0, aspect)


def _pixels(image: "Image.Image", name: Path, channels: int, height: int, width: int) -> np.ndarray:
    """Bytes [channels, height, width]; what is transparent is black."""
    from PIL import Image, ImageOps

    if image.mode.startswith("I"):
        image = _shallow(image, name)
    if image.mode in ("LA", "La", "PA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    image = image.convert("L" if channels == 1 else "RGB")
    if image.size != (width, height):
        image = ImageOps.fit(image, (width, height), Image.Resampling.BICUBIC)
    return np.asarray(image, np.uint8).reshape(height, width, -1).transpose(2, 0, 1)


def _shallow(image: "Image.Image", name: Path) -> "Image.Image":
    """A picture of 16 bits as one of bytes, by one rule for all, so that equal greys stay equal."""
    from PIL import Image

    values = np.asarray(image)
    least, most = int(values.min()), int(values.max())
    if least < 0 or most > _DEEPEST:
        raise DataError(
            f"{name} has pixels from {least:,} to {most:,}, which are more than 16 bits (0 to {_DEEPEST:,}), "
            "and no file says which of them is white; hand the pictures over as an array [N, H, W]"
        )
    return Image.fromarray((values / _DIVISOR).round().astype(np.uint8))
