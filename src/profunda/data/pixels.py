"""Pictures in memory as one raw column."""

import numpy as np

from profunda.data.raw import RawColumn
from profunda.errors import DataError

__all__ = [
    "CHANNELS",
    "MOST_PIXELS",
    "PICTURE",
    "channels_first",
    "off_scale",
    "picture_column",
    "usual_span",
]

PICTURE = "picture"
"""Name of the column that pictures without a name stand in."""
CHANNELS = (1, 2, 3, 4)
"""How many channels a picture can have: grey, grey and opacity, colours, colours and opacity."""
MOST_PIXELS = 1 << 16
"""Numbers of one picture at most: 256 × 256 of one channel, 147 × 147 in colour."""
_SMALLER, _LARGER = 100, 20
"""How many times narrower, or farther out, than is usual pixels are on another scale for certain: bytes
divided by 255 are, and a dark or bright picture is not."""


def picture_column(array: np.ndarray, name: str = PICTURE) -> RawColumn:
    """Pictures [N, H, W], [N, H, W, K] or [N, K, H, W] as a column of pixels [N, K, H, W].

    Bytes stay bytes, other numbers become float32. Raises DataError for what holds no numbers, or numbers
    that are not finite, or pictures that are too large.
    """
    if array.dtype.kind not in "biuf":
        raise DataError(f"pictures of type {array.dtype} are not read; pass bytes from 0 to 255, or numbers")
    pixels = channels_first(array)
    if min(pixels.shape[1:]) < 1:
        raise DataError(f"pictures of shape {array.shape[1:]} have no pixel; was an axis sliced away?")
    size = int(np.prod(pixels.shape[1:]))
    if size > MOST_PIXELS:
        raise DataError(
            f"pictures of {pixels.shape[2]} × {pixels.shape[3]} pixels in {pixels.shape[1]} channel(s) are "
            f"{size:,} numbers each, and {MOST_PIXELS:,} are read at most; make them smaller first"
        )
    if pixels.dtype != np.uint8:
        pixels = pixels.astype(np.float32)
        odd = int((~np.isfinite(pixels)).sum())
        if odd:
            raise DataError(
                f"{odd:,} pixels of {pixels.size:,} are not finite; were pictures divided by 0, or is there "
                "a mask in them? Fill them in first"
            )
    return RawColumn(name, "picture", pixels=pixels)


def channels_first(array: np.ndarray) -> np.ndarray:
    """Pictures as [N, K, H, W]: the axis of channels is the last one if it is 1 to 4 long, else the first.

    Raises DataError where neither is.
    """
    if array.ndim == 3:
        return array[:, None]
    if array.shape[3] in CHANNELS:
        return np.ascontiguousarray(array.transpose(0, 3, 1, 2))
    if array.shape[1] in CHANNELS:
        return array
    raise DataError(
        f"pictures of shape {array.shape[1:]} have no axis of channels: the last or the first of the three "
        "has to be 1 (grey), 3 (colours) or 4 (with opacity) long"
    )


def usual_span(pixels: np.ndarray) -> tuple[float, float]:
    """The lowest and the highest number of a usual picture among [N, K, H, W]: the medians of both.

    Pictures of one colour all over say nothing of the scale; there has to be another one.
    """
    low, high = _ends(pixels)
    lively = high > low
    return float(np.median(low[lively])), float(np.median(high[lively]))


def off_scale(pixels: np.ndarray, span: tuple[float, ...]) -> tuple[int, int, int]:
    """How many pictures [N, K, H, W] are far too dim for a usual `span`, are far out of it, and could tell.

    A network would take them for nothing, or for far more than it has seen. One of one colour all over could
    be on any scale unless it is far out.
    """
    low, high = _ends(pixels)
    wide = span[1] - span[0]
    far = (high > span[1] + _LARGER * wide) | (low < span[0] - _LARGER * wide)
    lively = (high > low) & ~far
    dim = lively & (high - low <= wide / _SMALLER)
    return int(dim.sum()), int(far.sum()), int((far | lively).sum())


def _ends(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest number [N] of each picture."""
    flat = pixels.reshape(len(pixels), -1)
    return flat.min(axis=1).astype(np.float64), flat.max(axis=1).astype(np.float64)
