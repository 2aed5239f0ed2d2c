"""Letters and figures drawn by a pen that shakes: what a mirror or a half turn makes of them is known."""

import numpy as np

__all__ = ["SIGNS", "written"]

_BOWL = [(0.5 + 0.2 * np.cos(a), 0.6 + 0.2 * np.sin(a)) for a in np.linspace(0.0, 2.0 * np.pi, 13)]
_HOOK = [(0.5 - 0.2 * np.cos(a), 0.6 - 0.4 * np.sin(a)) for a in np.linspace(0.0, 0.45 * np.pi, 5)]


def _mirrored(strokes: list, across: bool, down: bool) -> list:
    """The strokes in a mirror about the middle of the bowl's line, or of the sheet."""
    return [[(1.0 - x if across else x, 1.0 - y if down else y) for x, y in one] for one in strokes]


_B = [_BOWL, [(0.3, 0.15), (0.3, 0.8)]]
_SIX = [_BOWL, _HOOK]
SIGNS = {
    "b": _B,
    "d": _mirrored(_B, True, False),
    "p": _mirrored(_B, False, True),
    "q": _mirrored(_B, True, True),
    "6": _SIX,
    "9": _mirrored(_SIX, True, True),
    "o": [_BOWL],
    "k": [[(0.3, 0.15), (0.3, 0.85)], [(0.65, 0.35), (0.3, 0.6)], [(0.42, 0.52), (0.68, 0.85)]],
}
"""Strokes of each sign: points (x, y), y down, on a sheet of side 1."""


def written(signs: str, each: int, side: int = 16, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Pictures float32 [N, 1, side, side] from 0 to 1, and which sign each shows [N].

    Place, size, slant, the pen's width, every corner and the paper vary from picture to picture.
    """
    random = np.random.default_rng(seed)
    pictures = np.concatenate([_drawn(SIGNS[sign], each, side, random) for sign in signs])
    pictures = pictures + 0.05 * random.standard_normal(pictures.shape)
    return pictures.clip(0.0, 1.0).astype(np.float32)[:, None], np.repeat(np.arange(len(signs)), each)


def _drawn(strokes: list, each: int, side: int, random: np.random.Generator) -> np.ndarray:
    at = (np.arange(side) + 0.5) / side
    x, y = (axis.ravel() for axis in np.meshgrid(at, at))
    place, size = 0.03 * random.standard_normal((2, each, 1)), random.uniform(0.9, 1.1, (each, 1))
    slant, pen = 0.08 * random.standard_normal((each, 1)), random.uniform(0.05, 0.08, (each, 1))
    nearest = np.full((each, side * side), np.inf)
    for stroke in strokes:
        points = np.array(stroke)[None] + 0.012 * random.standard_normal((each, len(stroke), 2))
        across = 0.5 + size * (points[..., 0] - 0.5 + slant * (0.5 - points[..., 1])) + place[0]
        down = 0.5 + size * (points[..., 1] - 0.5) + place[1]
        for i in range(len(stroke) - 1):
            ends = (across[:, i, None], down[:, i, None], across[:, i + 1, None], down[:, i + 1, None])
            nearest = np.minimum(nearest, _distance(x, y, *ends))
    return np.clip(1.5 - nearest / pen, 0.0, 1.0).reshape(each, side, side)


def _distance(
    x: np.ndarray, y: np.ndarray, x0: np.ndarray, y0: np.ndarray, x1: np.ndarray, y1: np.ndarray
) -> np.ndarray:
    """From points to the straight line between two ends."""
    dx, dy = x1 - x0, y1 - y0
    along = (((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy + 1e-12)).clip(0.0, 1.0)
    return np.hypot(x - x0 - along * dx, y - y0 - along * dy)
