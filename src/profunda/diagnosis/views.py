"""Views of inputs in which simple predictors can see: pixels, spectra, orders of time, bags of tokens."""

import numpy as np

from profunda.diagnosis.tables import Table

__all__ = ["views_of"]

AXES = 64
"""Principal axes kept of a view; with more, ridge regression on some hundred rows follows their noise."""

SIDE = 16
"""Images are averaged down to so many rows and columns: what they show is still told there."""

WORDS, PLACES, PLACED = 512, 4, 64
"""Buckets of tokens and of pairs of them; the first and the last places that are looked at one by one, and
the buckets of what stands there."""

PAIRS = 16
"""With at most so many columns their products are a view: what depends on two of them together."""

MOST_COLUMNS = 1024
"""More columns are averaged in runs of neighbours."""


def views_of(table: Table) -> tuple[np.ndarray, ...]:
    """Matrices [N, ≤ 64] that describe rows, each centred, its principal axes first, unit mean square.

    Numbers are put into units of their spread and cut at four of them. Deterministic: the same table gives
    the same views.
    """
    wide = [found for part in _parts(table) for found in part]
    made = [_reduced(one) for one in wide if one.size]
    return tuple(one for one in made if one.shape[1])


def _parts(table: Table) -> list[list[np.ndarray]]:
    if table.kind == "tokens":
        return [_of_tokens(table.parts[0])]
    if table.kind == "images":
        return [_of_images(table.parts[0])]
    if table.kind == "other":
        real = [one for one in table.parts if one.dtype.kind == "f"]
        ids = [one for one in table.parts if one.dtype.kind != "f" and one.ndim <= 2]
        found = [_of_numbers(table.numbers)] if real else []
        return found + [_of_tokens(one) for one in ids]
    only = table.parts[0]
    return [_of_sequences(only)] if only.ndim == 3 else [_of_numbers(table.numbers)]


def _of_numbers(numbers: np.ndarray) -> list[np.ndarray]:
    scaled = _scaled(numbers)
    products = [scaled]
    if scaled.shape[1] <= PAIRS:
        one, two = np.triu_indices(scaled.shape[1])
        products.append(np.concatenate([scaled, scaled[:, one] * scaled[:, two]], 1))
    return products


def _of_images(images: np.ndarray) -> list[np.ndarray]:
    planes = images if images.shape[1] <= images.shape[3] else images.transpose(0, 3, 1, 2)
    planes = np.nan_to_num(planes.astype(np.float32), posinf=0.0, neginf=0.0)
    small = _pooled(_pooled(planes, 2), 3)
    waves = np.abs(np.fft.rfft2(small - small.mean((2, 3), keepdims=True)))
    moments = np.concatenate([planes.mean((2, 3)), planes.std((2, 3))], 1)
    flat = small.reshape(len(small), -1)
    return [_centred(flat), _scaled(np.concatenate([moments, np.log1p(waves).reshape(len(flat), -1)], 1))]


def _of_sequences(series: np.ndarray) -> list[np.ndarray]:
    """In the order of time, and without it."""
    plain = np.nan_to_num(series.astype(np.float32), posinf=0.0, neginf=0.0)
    waves = np.abs(np.fft.rfft(plain, axis=1))[:, : MOST_COLUMNS // plain.shape[2] + 1]
    steps = np.abs(np.diff(plain, axis=1)).mean(1) if plain.shape[1] > 1 else plain[:, 0]
    loose = [plain.mean(1), plain.std(1), plain.min(1), plain.max(1), plain[:, 0], plain[:, -1], steps]
    flat = plain.reshape(len(plain), -1)
    return [
        _scaled(_short(flat)),
        _scaled(np.concatenate(loose, 1)),
        _scaled(np.log1p(waves).reshape(len(flat), -1)),
    ]


def _of_tokens(ids: np.ndarray) -> list[np.ndarray]:
    """How often each token occurs, which pairs of neighbours do, and what stands first and last."""
    plain = ids.reshape(len(ids), -1).astype(np.int64)
    bag = np.log1p(_counts(plain, WORDS))
    ends = np.concatenate([plain[:, :PLACES], plain[:, -PLACES:]], 1) if plain.shape[1] > 1 else plain
    places = np.concatenate([_counts(ends[:, [at]], PLACED) for at in range(ends.shape[1])], 1)
    found = [_centred(bag), _centred(places[:, places.any(0)])]
    if plain.shape[1] > 1:
        found.append(_centred(np.log1p(_counts(plain[:, :-1] * 31 + plain[:, 1:], WORDS))))
    return found


def _counts(ids: np.ndarray, buckets: int) -> np.ndarray:
    """[N, buckets]: how often each bucket occurs in a row."""
    flat = ids % buckets + buckets * np.arange(len(ids))[:, None]
    return np.bincount(flat.ravel(), minlength=len(ids) * buckets).reshape(len(ids), -1).astype(np.float32)


def _pooled(planes: np.ndarray, axis: int) -> np.ndarray:
    """Means over runs of neighbours along `axis`, at most SIDE of them."""
    size = planes.shape[axis]
    if size <= SIDE:
        return planes
    starts = np.linspace(0, size, SIDE, endpoint=False).astype(int)
    lengths = np.diff(np.append(starts, size)).astype(np.float32)
    shape = [1] * planes.ndim
    shape[axis] = SIDE
    return np.add.reduceat(planes, starts, axis=axis) / lengths.reshape(shape)


def _short(wide: np.ndarray) -> np.ndarray:
    if wide.shape[1] <= MOST_COLUMNS:
        return wide
    starts = np.linspace(0, wide.shape[1], MOST_COLUMNS, endpoint=False).astype(int)
    lengths = np.diff(np.append(starts, wide.shape[1])).astype(np.float32)
    return np.add.reduceat(wide, starts, axis=1) / lengths


def _centred(wide: np.ndarray) -> np.ndarray:
    return wide - wide.mean(0)


def _scaled(wide: np.ndarray) -> np.ndarray:
    """Columns in units of their usual distance from the median, cut at four."""
    short = _short(np.nan_to_num(wide, posinf=0.0, neginf=0.0))
    low, middle, high = np.quantile(short[:1024], [0.16, 0.5, 0.84], axis=0)
    spread = (high.astype(np.float64) - low) / 2.0
    std = short.std(0, dtype=np.float64)
    unit = np.where(spread > 1e-6 * np.abs(middle), spread, std)
    keep = unit > 0
    moved = (short[:, keep] - middle[keep].astype(np.float32)) / unit[keep].astype(np.float32)
    return _centred(np.clip(moved, -4.0, 4.0))


def _reduced(wide: np.ndarray) -> np.ndarray:
    """Principal components, by two rounds of a randomised range finder (Halko, Martinsson and Tropp 2011)."""
    n, width = wide.shape
    rank = min(AXES, max(1, n // 10), width)
    if width > 4 * AXES:
        drawn = np.random.default_rng(0).standard_normal((width, rank + 8), np.float32)
        basis = wide @ drawn
        for _ in range(2):
            basis = wide @ (wide.T @ np.linalg.qr(basis)[0])
        basis = np.linalg.qr(basis)[0]
        inner, sizes, _ = np.linalg.svd(basis.T @ wide, full_matrices=False)
        found = basis @ inner * sizes
    else:
        sizes, axes = np.linalg.eigh((wide.T @ wide).astype(np.float64))
        found, sizes = wide @ axes[:, ::-1].astype(np.float32), np.sqrt(np.maximum(sizes[::-1], 0.0))
    found = found[:, :rank][:, sizes[:rank] > 1e-5 * max(sizes[0], 1e-30)]
    size = np.sqrt((found**2).mean()) if found.size else 1.0
    return (found / max(float(size), 1e-30)).astype(np.float64)
