"""Bodies by plain loops: pixel by pixel, word by word, gate by gate, on numpy arrays in float64."""

import math
from collections.abc import Callable, Mapping

import numpy as np

Tensors = Mapping[str, np.ndarray]
EPS = 1e-5


def tensors_of(body, start: int, vector: np.ndarray) -> dict[str, np.ndarray]:
    """The body's tensors by name, read off the flat vector one after the other."""
    found = {}
    for slot in body.slots:
        size = math.prod(slot.shape)
        found[slot.name] = np.asarray(vector[start : start + size], np.float64).reshape(slot.shape)
        start += size
    return found


# Pictures ---------------------------------------------------------------------------------------------


def convolved(picture: np.ndarray, weights: np.ndarray, biases: np.ndarray | None, stride: int) -> np.ndarray:
    """One picture [K, H, W] under weights [O, K, s, s] with a border of zeros."""
    out, channels, side, _ = weights.shape
    border, (_, height, width) = side // 2, picture.shape
    made = np.zeros((out, -(-height // stride), -(-width // stride)))
    for o in range(out):
        for i in range(made.shape[1]):
            for j in range(made.shape[2]):
                total = 0.0 if biases is None else float(biases[o])
                for c in range(channels):
                    for a in range(side):
                        for b in range(side):
                            y, x = i * stride + a - border, j * stride + b - border
                            if 0 <= y < height and 0 <= x < width:
                                total += weights[o, c, a, b] * picture[c, y, x]
                made[o, i, j] = total
    return made


def normed(batch: np.ndarray, name: str, tensors: Tensors, norm: str, training: bool) -> np.ndarray:
    """The norm of a layer on a batch [B, K, H, W]."""
    if norm == "none":
        return batch
    gain, shift = tensors[f"{name}.norm"]
    made = np.empty_like(batch)
    rows, channels = batch.shape[:2]
    if norm == "batch":
        for c in range(channels):
            values = batch[:, c]
            mean, variance = (
                (values.mean(), values.var())
                if training
                else (tensors[f"{name}.collected"][0, c], tensors[f"{name}.collected"][1, c])
            )
            made[:, c] = (values - mean) / math.sqrt(variance + EPS) * gain[c] + shift[c]
        return made
    groups = 1
    if norm == "group":
        groups = next(n for n in (8, 4, 2, 1) if n == 1 or (channels % n == 0 and channels // n >= 4))
    each = channels // groups
    for r in range(rows):
        for g in range(groups):
            part = slice(g * each, (g + 1) * each)
            values = batch[r, part]
            made[r, part] = (values - values.mean()) / math.sqrt(values.var() + EPS)
        for c in range(channels):
            made[r, c] = made[r, c] * gain[c] + shift[c]
    return made


def layer(batch, name, tensors, norm, training, stride=1):
    biases = tensors.get(f"{name}.biases")
    made = np.stack([convolved(row, tensors[f"{name}.weights"], biases, stride) for row in batch])
    return normed(made, name, tensors, norm, training)


def pooled(batch: np.ndarray) -> np.ndarray:
    """The greatest of each 2 × 2; an odd last row or column is left out."""
    rows, channels, height, width = batch.shape
    made = np.empty((rows, channels, height // 2, width // 2))
    for i in range(height // 2):
        for j in range(width // 2):
            made[:, :, i, j] = batch[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].max((2, 3))
    return made


def averaged(batch: np.ndarray, side: int) -> np.ndarray:
    """Means over at most `side` × `side` windows, from ⌊i·n/s⌋ to ⌈(i + 1)·n/s⌉."""
    rows, channels, height, width = batch.shape
    h, w = min(side, height), min(side, width)
    made = np.empty((rows, channels, h, w))
    for i in range(h):
        for j in range(w):
            ys = slice(i * height // h, -(-(i + 1) * height // h))
            xs = slice(j * width // w, -(-(j + 1) * width // w))
            made[:, :, i, j] = batch[:, :, ys, xs].mean((2, 3))
    return made


def conv(body, tensors: Tensors, batch: np.ndarray, act: Callable, training: bool = False) -> np.ndarray:
    h = batch
    for stage in range(body.depth):
        h = pooled(act(layer(h, f"stage{stage}", tensors, body.norm, training)))
    return averaged(h, 4).reshape(len(h), -1)


def residual(body, tensors: Tensors, batch: np.ndarray, act: Callable, training: bool = False) -> np.ndarray:
    h = act(layer(batch, "stem", tensors, body.norm, training))
    for stage in range(body.depth):
        stride = 2 if stage else 1
        made = act(layer(h, f"stage{stage}.first", tensors, body.norm, training, stride))
        made = layer(made, f"stage{stage}.second", tensors, body.norm, training)
        if f"stage{stage}.shortcut.weights" in tensors:
            h = layer(h, f"stage{stage}.shortcut", tensors, body.norm, training, stride)
        h = act(made + h)
    return h.mean((2, 3))


# Texts ------------------------------------------------------------------------------------------------


def bag(body, tensors: Tensors, words: list[int]) -> np.ndarray:
    """One text, without its padding."""
    buckets = len(tensors["chains"]) if "chains" in tensors else 0
    found = [tensors["words"][word] for word in words]
    for length in range(2, body.depth + 1):
        for at in range(len(words) - length + 1):
            code = words[at]
            for word in words[at + 1 : at + length]:
                code = (code * 1_000_003 + word) % buckets
            found.append(tensors["chains"][code])
    return np.mean(found, axis=0) if found else np.zeros(body.channels)


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def recurrent(tensors: Tensors, name: str, entering: list[np.ndarray]) -> list[np.ndarray]:
    """One direction of one layer, gate by gate."""
    units = tensors[f"{name}.state"].shape[1]
    h, c, made = np.zeros(units), np.zeros(units), []
    for x in entering:
        z = tensors[f"{name}.input"] @ x + tensors[f"{name}.state"] @ h + tensors[f"{name}.biases"]
        into, forget, cell, out = (z[k * units : (k + 1) * units] for k in range(4))
        c = sigmoid(forget) * c + sigmoid(into) * np.tanh(cell)
        h = sigmoid(out) * np.tanh(c)
        made.append(h)
    return made


def lstm(body, tensors: Tensors, words: list[int]) -> np.ndarray:
    h = [tensors["words"][word] for word in words]
    for number in range(body.depth):
        ahead = recurrent(tensors, f"forwards{number}", h)
        behind = recurrent(tensors, f"backwards{number}", h[::-1])[::-1]
        h = [np.concatenate(pair) for pair in zip(ahead, behind, strict=True)]
    if not h:
        return np.zeros(4 * body.channels)
    return np.concatenate([np.mean(h, axis=0), np.max(h, axis=0)])


def over(x: np.ndarray, norm: np.ndarray) -> np.ndarray:
    return (x - x.mean()) / math.sqrt(x.var() + EPS) * norm[0] + norm[1]


def gelu(x: np.ndarray) -> np.ndarray:
    return np.array([0.5 * value * (1.0 + math.erf(value / math.sqrt(2.0))) for value in x])


def attention(body, tensors: Tensors, words: list[int]) -> np.ndarray:
    channels = body.channels
    heads = next(n for n in (8, 4, 2, 1) if n == 1 or (channels % n == 0 and channels // n >= 8))
    size = channels // heads
    h = [tensors["words"][word] + tensors["places"][at] for at, word in enumerate(words)]
    for block in range(body.depth):

        def of(part, x, block=block):
            return tensors[f"block{block}.{part}.weights"] @ x + tensors[f"block{block}.{part}.biases"]

        made = [of("attend", over(x, tensors[f"block{block}.attend.norm"])) for x in h]
        found = []
        for at in range(len(h)):
            parts = []
            for head in range(heads):
                own = slice(head * size, (head + 1) * size)
                q = made[at][:channels][own]
                scores = np.array([q @ other[channels : 2 * channels][own] for other in made]) / math.sqrt(
                    size
                )
                weights = np.exp(scores - scores.max())
                weights /= weights.sum()
                parts.append(
                    sum(w * other[2 * channels :][own] for w, other in zip(weights, made, strict=True))
                )
            found.append(np.concatenate(parts))
        h = [x + of("mix", y) for x, y in zip(h, found, strict=True)]
        h = [x + of("narrow", gelu(of("widen", over(x, tensors[f"block{block}.widen.norm"])))) for x in h]
    return np.mean([over(x, tensors["last.norm"]) for x in h], axis=0) if h else np.zeros(channels)
