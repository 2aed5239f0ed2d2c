"""Rows for everyday trainings: tables, drawn pictures, movements, readings and invented texts.

Every function takes a seed, which draws or splits the rows anew. Numbers come with mean 0 and variance 1.
"""

from functools import cache, partial

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine

from _programs.program import Pair, Rows

__all__ = [
    "arrows",
    "ballistics",
    "cellars",
    "flats",
    "gestures",
    "leavers",
    "meters",
    "notes",
    "scrawls",
    "spectra",
    "sugars",
    "tagged",
    "topics",
    "verses",
    "wards",
]


def cut(inputs: np.ndarray, targets: np.ndarray, seed: int, held: float = 0.45) -> Rows:
    """Shuffled and cut into rows to train on (a multiple of 32), to validate on and to judge by."""
    order = np.random.default_rng([seed, 77]).permutation(len(inputs))
    first = int(len(order) * (1 - held)) // 32 * 32
    second = first + int((len(order) - first) * 0.4)
    parts = order[:first], order[first:second], order[second:]
    return Rows(*(_pair(inputs[rows], targets[rows]) for rows in parts))


def _pair(inputs: np.ndarray, targets: np.ndarray) -> Pair:
    return _as_tensor(inputs), _as_tensor(targets)


def _as_tensor(values: np.ndarray) -> torch.Tensor:
    whole = np.issubdtype(values.dtype, np.integer)
    return torch.from_numpy(np.ascontiguousarray(values, np.int64 if whole else np.float32))


def _scaled(rows: Rows) -> Rows:
    """Columns by the training rows' mean and standard deviation."""
    mean, size = rows.train[0].mean(0), rows.train[0].std(0).clamp_min(1e-6)
    return Rows(*(((x - mean) / size, y) for x, y in (rows.train, rows.valid, rows.test)))


def _even(values: np.ndarray) -> np.ndarray:
    return (values - values.mean(0)) / values.std(0)


@cache
def _bundled(name: str) -> tuple[np.ndarray, np.ndarray]:
    load = {
        "wards": load_breast_cancer,
        "sugars": load_diabetes,
        "scrawls": load_digits,
        "cellars": load_wine,
    }
    found = load[name]()
    return found.data.astype(np.float64), found.target


def wards(seed: int) -> Rows:
    """Breast cancer in Wisconsin: 569 patients, 30 measures; is it benign? [1]."""
    inputs, targets = _bundled("wards")
    return _scaled(cut(inputs, targets[:, None].astype(np.float32), seed))


def sugars(seed: int) -> Rows:
    """442 diabetics, 10 measures; how the illness went on after a year [1]."""
    inputs, targets = _bundled("sugars")
    return _scaled(cut(inputs, _even(targets.astype(float))[:, None], seed))


def cellars(seed: int) -> Rows:
    """178 wines of three growers, 13 measures."""
    inputs, targets = _bundled("cellars")
    return _scaled(cut(inputs, targets.astype(np.int64), seed))


def scrawls(seed: int) -> Rows:
    """Handwritten digits [1, 8, 8], grey from -1 to 1, 10 classes."""
    inputs, targets = _bundled("scrawls")
    return cut(inputs.reshape(-1, 1, 8, 8) / 8 - 1, targets.astype(np.int64), seed)


def flats(seed: int, n: int = 1400, noise: float = 0.15) -> Rows:
    """Flats: size, rooms, storey, age, way to the centre and four districts; the rent [1]."""
    draw = np.random.default_rng([seed, 101])
    size, age, way = draw.gamma(9, 8, n), draw.uniform(0, 90, n), draw.gamma(2, 2.5, n)
    rooms = np.clip(np.round(size / 28 + draw.normal(0, 0.5, n)), 1, 6)
    storey, district = draw.integers(0, 9, n), draw.integers(4, size=n)
    worth = np.array([1.0, 1.3, 0.8, 1.1])[district] * np.exp(-way / np.array([9, 4, 14, 6])[district])
    rent = size**0.85 * (0.5 + worth) * (1 + 0.35 * (abs(age - 45) > 25)) + 1.5 * storey * (size > 70)
    rent = _even(np.log(rent)) + noise * draw.normal(size=n)
    numbers = np.stack([size, rooms, storey, age, way], 1)
    return _scaled(cut(np.concatenate([numbers, np.eye(4)[district]], 1), rent[:, None], seed))


def leavers(seed: int, n: int = 1600, wrong: float = 0.03) -> Rows:
    """Customers of a telephone company: 14 measures, some of which matter together; do they leave? [1]."""
    draw = np.random.default_rng([seed, 102])
    inputs = draw.normal(size=(n, 14))
    calls, price, years, trouble = inputs[:, :4].T
    drawn = 1.6 * calls * price - 1.2 * years + 1.5 * np.maximum(trouble, 0) * (years < 0.3) + 0.8 * price
    leave = (drawn > np.median(drawn)) ^ (draw.random(n) < wrong)
    return cut(inputs, leave.astype(np.float32)[:, None], seed)


def ballistics(seed: int, n: int = 1300) -> Rows:
    """Balls thrown: speed, angle, height, drag and wind; how far, how high and how long they fly [3]."""
    draw = np.random.default_rng([seed, 103])
    speed, angle = draw.uniform(5, 20, n), draw.uniform(0.2, 1.3, n)
    height, drag, wind = draw.uniform(0, 3, n), draw.uniform(0, 0.05, n), draw.normal(0, 2, n)
    up = speed * np.sin(angle) * (1 - 3 * drag)
    time = (up + np.sqrt(up**2 + 2 * 9.81 * height)) / 9.81
    far = speed * np.cos(angle) * time * np.exp(-8 * drag) + wind * time
    found = _even(np.stack([far, height + up**2 / 19.62, time], 1)) + 0.05 * draw.normal(size=(n, 3))
    return _scaled(cut(np.stack([speed, angle, height, drag, wind], 1), found, seed))


def notes(seed: int, n: int = 1200) -> Rows:
    """Twenty measures of a piece of music; which of six instruments play, several at once [6]."""
    draw = np.random.default_rng([seed, 104])
    playing = draw.random((n, 6)) < 0.4
    timbre = draw.normal(size=(6, 20))
    sound = np.tanh(playing @ timbre / 2 + 0.25 * draw.normal(size=(n, 20)))
    return _scaled(cut(sound, playing.astype(np.float32), seed))


def spectra(seed: int, n: int = 1200, places: int = 40) -> Rows:
    """Spectra of two peaks on a slope [40], to be copied through few numbers."""
    draw = np.random.default_rng([seed, 105])
    at = np.arange(places)
    found = draw.normal(0, 0.6, (n, 1)) * (at / places - 0.5)
    for low, high in ((4, 16), (22, 36)):
        centre, size = draw.uniform(low, high, (n, 1)), draw.uniform(0.5, 1.5, (n, 1))
        found = found + size * np.exp(-((at - centre) ** 2) / 18)
    found = (found - found.mean()) / found.std() + 0.05 * draw.normal(size=found.shape)
    return cut(found, found, seed)


def arrows(seed: int, n: int = 1100, size: int = 10, noise: float = 0.2) -> Rows:
    """Arrows somewhere in a noisy picture [1, 10, 10]; up, down, left or right."""
    draw = np.random.default_rng([seed, 106])
    kinds = draw.integers(4, size=n)
    found = np.zeros((n, 1, size, size))
    for row, kind in enumerate(kinds):
        patch = np.zeros((5, 5))
        patch[:, 2] = 1
        patch[1, 1:4] = 1
        patch[2, [0, 4]] = 1
        down, across = draw.integers(0, size - 4, 2)
        found[row, 0, down : down + 5, across : across + 5] = np.rot90(patch, kind) * draw.uniform(0.7, 1.3)
    return cut(_even_all(found + noise * draw.normal(size=found.shape)), kinds, seed)


def _even_all(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / values.std()


def gestures(seed: int, n: int = 1000, length: int = 20, noise: float = 0.15, wrong: float = 0.0) -> Rows:
    """Movements of a hand [20, 2]: a circle either way, an eight, a wave; some `wrong`ly written down."""
    draw = np.random.default_rng([seed, 107])
    kinds = draw.integers(4, size=n)
    t = np.linspace(0, 2 * np.pi, length) * draw.uniform(0.8, 1.2, (n, 1)) + draw.uniform(0, 6.28, (n, 1))
    turn = np.array([1, -1, 2, 0])[kinds][:, None]
    across, down = np.cos(t), np.where(turn == 0, np.sin(3 * t) * 0.7, np.sin(turn * t))
    found = np.stack([across, down], -1) * draw.uniform(0.8, 1.2, (n, 1, 1)) * 1.4
    said = np.where(draw.random(n) < wrong, draw.integers(4, size=n), kinds)
    return cut(found + noise * draw.normal(size=found.shape), said, seed)


def meters(seed: int, n: int = 1100, length: int = 24, ahead: int = 3) -> Rows:
    """Hours of a household's electricity and whether it is a holiday [24, 2]; the next three hours [3]."""
    draw = np.random.default_rng([seed, 108])
    begin, size = draw.integers(0, 24, (n, 1)), draw.uniform(0.6, 1.4, (n, 1))
    holiday = (draw.random((n, 1)) < 0.4).astype(float)
    hour = (begin + np.arange(length + ahead)) % 24
    peak = np.where(holiday > 0, 13, 19)
    use = size * (np.exp(-((hour - peak) ** 2) / 8) + 0.6 * np.exp(-((hour - 7) ** 2) / 4) * (1 - holiday))
    use = _even_all(use + 0.03 * draw.normal(size=use.shape))
    inputs = np.stack([use[:, :length], np.repeat(2 * holiday - 1, length, 1)], -1)
    return cut(inputs, use[:, length:], seed)


def topics(seed: int, n: int = 1400, length: int = 16, words: int = 60, kinds: int = 5) -> Rows:
    """Texts [16] about one of five things: each has eight words of its own, the others are everybody's."""
    draw = np.random.default_rng([seed, 109])
    topic = draw.integers(kinds, size=n)
    text = draw.integers(0, words, (n, length))
    own = draw.permutation(words)[: kinds * 8].reshape(kinds, 8)
    place = draw.random((n, length)) < 0.3
    text[place] = own[topic[:, None].repeat(length, 1)[place], draw.integers(8, size=int(place.sum()))]
    return cut(text, topic, seed)


def tagged(seed: int, n: int = 500, length: int = 12, words: int = 30) -> Rows:
    """Texts [12]; a word's tag, one of four, hangs on it and on the kind of the word before [12]."""
    draw = np.random.default_rng([seed, 110])
    text, kind = draw.integers(words, size=(n, length)), draw.integers(3, size=words)
    table = np.array([[0, 1, 2], [1, 3, 0], [2, 0, 3]])
    before = np.concatenate([np.zeros((n, 1), int), kind[text[:, :-1]]], 1)
    return cut(text, table[kind[text], before], seed)


def verses(seed: int, n: int = 500, length: int = 18, words: int = 8) -> Rows:
    """Letters of invented words of three to five, a space between; the next letter at each place [18]."""
    draw = np.random.default_rng([seed, 111])
    known = [draw.integers(1, 14, draw.integers(3, 6)) for _ in range(words)]
    lines = np.zeros((n, length + 1), int)
    for line in lines:
        letters = np.concatenate([[0, *known[word]] for word in draw.integers(words, size=length)])
        begin = draw.integers(0, 5)
        line[:] = letters[begin : begin + length + 1]
    return cut(lines[:, :-1], lines[:, 1:], seed)


few_gestures = partial(gestures, n=400, noise=0.3, wrong=0.25)
"""Few of them, shaky, and every fourth noted by guess."""
