"""What rows are, in words: pictures, texts, or rows of a table; and pictures and texts to be looked at."""

import base64
import struct
import zlib
from dataclasses import dataclass

import numpy as np

from profunda.data.schema import Feature, Schema
from profunda.data.table import Kind
from profunda.data.tokens import UNKNOWN_SIGN
from profunda.reporting.words import count, shorten

__all__ = ["Seen", "png", "rows_words", "seen_of", "thumbnails"]

LONGEST_SIDE = 64
"""Pixels of a drawn picture's side; of larger ones, every so-many-th pixel is drawn."""
LETTERS = 180
"""Of a text that is shown."""
UNREAD = "▢"
"""What stands for a word that is not known."""


def rows_words(schema: Schema, rows: int) -> str:
    """How many rows of what: "3,000 pictures of 28 × 28", "5,574 texts", "48,842 rows, 14 inputs"."""
    perceived = _perceived(schema)
    if perceived is None:
        return f"{count(rows)} rows, {count(len(schema.features))} inputs"
    beside = len(schema.features) - 1
    more = f", {beside} input{'s' if beside > 1 else ''} beside" if beside else ""
    if perceived.kind is Kind.TEXT:
        return f"{count(rows)} texts{more}"
    channels, height, width = perceived.shape
    colour = " in colour" if channels > 2 else ""
    return f"{count(rows)} pictures of {height} × {width}{colour}{more}"


def _perceived(schema: Schema) -> Feature | None:
    """The column of pictures, or else of texts; None without either."""
    found = [feature for feature in schema.features if feature.shape]
    return min(found, key=lambda feature: feature.kind is Kind.TEXT, default=None)


@dataclass(frozen=True)
class Seen:
    """Rows to be looked at: `pictures` are PNG files in base64, `texts` words; "" where a row has none."""

    pictures: tuple[str, ...]
    texts: tuple[str, ...]


def seen_of(schema: Schema, codes: np.ndarray) -> Seen | None:
    """What rows of codes [N, F] show; None where there are neither pictures nor texts."""
    pictures, texts = [""] * len(codes), [""] * len(codes)
    places = [(n, one) for n, one in zip(schema.starts, schema.features, strict=True) if one.shape]
    for start, feature in places:
        own = codes[:, start : start + feature.size]
        if feature.kind is Kind.PICTURE:
            pictures = thumbnails(own.reshape(-1, *feature.shape))
        else:
            words = feature.tokenizer.decode(own.astype(np.int64))
            texts = [shorten(text.replace(UNKNOWN_SIGN, UNREAD), LETTERS) or "(no words)" for text in words]
    return Seen(tuple(pictures), tuple(texts)) if places else None


def thumbnails(pictures: np.ndarray) -> list[str]:
    """Pictures [N, K, H, W] of any numbers as PNG files in base64, small ones, grey or in colour.

    Bytes are shown as they are, numbers from 0 to 1 from black to white, others from their least to their
    greatest. Opacity is left out.
    """
    if not len(pictures):
        return []
    step = -(-max(pictures.shape[2:]) // LONGEST_SIDE)
    found = pictures[:, :, ::step, ::step].astype(np.float64)
    low, high = float(found.min()), float(found.max())
    if low >= 0.0 and high <= 255.0:
        low, high = 0.0, 1.0 if high <= 1.0 else 255.0
    pixels = np.rint(255.0 * (found - low) / ((high - low) or 1.0)).astype(np.uint8)
    colours = pixels[:, :3] if pixels.shape[1] > 2 else pixels[:, :1]
    return [png(one) for one in colours.transpose(0, 2, 3, 1)]


def png(pixels: np.ndarray) -> str:
    """Bytes [H, W, 1] or [H, W, 3] as a PNG file in base64 (ISO/IEC 15948: chunks, filter 0, one IDAT)."""
    height, width, channels = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 0 if channels == 1 else 2, 0, 0, 0)
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], 1)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b""))
    chunks = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    ]
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(chunks)).decode("ascii")
