"""Courses of values over time, and texts, drawn anew for every seed."""

import numpy as np

from _programs.held_data_records import cut, scaled, tensor
from _programs.program import Rows

__all__ = ["beats", "decays", "letters", "loads", "mails", "motions", "routes", "tagged"]


def motions(seed: int, n: int = 900, length: int = 30) -> Rows:
    """Three axes of a worn sensor [30, 3], in g; standing, walking, running or climbing."""
    draw = np.random.default_rng([seed, 301])
    kinds = draw.integers(4, size=n)
    speed = np.array([0.0, 0.55, 1.0, 0.4])[kinds] * draw.normal(1, 0.06, n)
    tall = np.array([0.0, 0.6, 1.3, 0.5])[kinds] * draw.uniform(0.8, 1.2, n)
    lean = np.array([0.0, 0.0, 0.2, 0.5])[kinds] + 0.15 * draw.normal(size=n)
    turn = np.arange(length) * speed[:, None] + draw.uniform(0, 2 * np.pi, n)[:, None]
    up = tall[:, None] * np.sin(turn)
    ahead = 0.6 * tall[:, None] * np.sin(2 * turn + 0.7) + lean[:, None]
    aside = 0.3 * tall[:, None] * np.cos(turn / 2)
    seen = np.stack([up, ahead, aside], -1) + 0.35 * draw.normal(size=(n, length, 3))
    return cut(seen, kinds, seed)


def loads(seed: int, n: int = 1200, length: int = 24, ahead: int = 6, mega: float = 0.0) -> Rows:
    """A town's load of electricity in the last 24 hours [24, 1], and in the next six [6]; standardised, or
    in megawatts around `mega`.
    """
    draw = np.random.default_rng([seed, 302])
    hours = np.arange(n + length + ahead)
    day = np.sin(hours * np.pi / 12) + 0.5 * np.sin(hours * np.pi / 6 + 1.0)
    week = np.where(hours // 24 % 7 < 5, 1.0, 0.6)
    drift = np.zeros(len(hours))
    for t in range(1, len(hours)):
        drift[t] = 0.95 * drift[t - 1] + 0.08 * draw.normal()
    load = day * week + drift + 0.05 * draw.normal(size=len(hours))
    load = (load - load.mean()) / load.std()
    starts = np.arange(n)
    past = load[starts[:, None] + np.arange(length)][..., None]
    future = load[starts[:, None] + length + np.arange(ahead)]
    if mega:
        future = mega * (1 + 0.2 * future)
    a, b = int(0.55 * n), int(0.7 * n)
    parts = (slice(0, a), slice(a + length, b), slice(b + length, n))
    return Rows(*((tensor(past[part]), tensor(future[part])) for part in parts))


def decays(seed: int, n: int = 1000, length: int = 25) -> Rows:
    """A noisy, falling signal [25, 1] of any height; the logarithm of its half-life, standardised [1]."""
    draw = np.random.default_rng([seed, 303])
    life = np.exp(draw.uniform(np.log(2.0), np.log(16.0), n))
    tall = draw.uniform(1.5, 3.0, n)
    seen = tall[:, None] * 0.5 ** (np.arange(length) / life[:, None]) + 0.08 * draw.normal(size=(n, length))
    return scaled(cut(seen[..., None], np.log(life)[:, None], seed), targets=True)


def beats(seed: int, n: int = 700, length: int = 32) -> Rows:
    """A signal [32, 1]; each place is rest (0), the rise of a beat (1) or its fall (2): targets [32]."""
    draw = np.random.default_rng([seed, 304])
    seen, marks = 0.2 * draw.normal(size=(n, length)), np.zeros((n, length), int)
    for row in range(n):
        place = draw.integers(1, 6)
        while place + 6 < length:
            half, tall = draw.integers(2, 4), draw.uniform(1.2, 2.2)
            rise = np.linspace(0.3, 1, half)
            seen[row, place : place + 2 * half] += tall * np.concatenate([rise, rise[::-1]])
            marks[row, place : place + half], marks[row, place + half : place + 2 * half] = 1, 2
            place += 2 * half + draw.integers(3, 8)
    return cut(seen[..., None], marks, seed)


def routes(seed: int, n: int = 900, length: int = 12) -> Rows:
    """Steps of a ship [12, 2]; how far north and east it is from its port at the end [2], standardised."""
    draw = np.random.default_rng([seed, 305])
    course = np.cumsum(0.5 * draw.normal(size=(n, length)), 1) + draw.uniform(0, 2 * np.pi, n)[:, None]
    speed = draw.uniform(0.3, 1.0, (n, length))
    north, east = (speed * np.cos(course)).sum(1), (speed * np.sin(course)).sum(1)
    steps = np.stack([np.sin(course) * speed, np.cos(course) * speed], -1)
    return scaled(cut(steps * 2, np.stack([north, east], 1), seed), targets=True)


def mails(seed: int, n: int = 2000, length: int = 16, words: int = 90, telling: float = 0.55) -> Rows:
    """Words of letters to a help desk [16]: five departments have words of their own; 0 fills up."""
    draw = np.random.default_rng([seed, 306])
    kind = draw.integers(5, size=n)
    own = draw.permutation(np.arange(1, words))[:45].reshape(5, 9)
    text = draw.integers(1, words, size=(n, length))
    for place in range(length):
        of = draw.random(n) < telling
        text[of, place] = own[kind[of], draw.integers(9, size=int(of.sum()))]
    text[np.arange(length) >= draw.integers(9, length + 1, n)[:, None]] = 0
    return cut(text, kind, seed)


def tagged(seed: int, n: int = 1000, length: int = 14, words: int = 24) -> Rows:
    """Words [14] and a tag of four for each [14]: a word's own one, unless word 0 before it changes it."""
    draw = np.random.default_rng([seed, 307])
    text = draw.integers(1, words, size=(n, length))
    text[draw.random((n, length)) < 0.3] = 0
    own, turned = draw.choice(4, words, p=[0.4, 0.2, 0.2, 0.2]), draw.integers(4, size=words)
    tags = own[text]
    after = text[:, :-1] == 0
    tags[:, 1:] = np.where(after, turned[text[:, 1:]], tags[:, 1:])
    return cut(text, tags, seed)


_WHO = ["sailor", "baker", "miller", "widow", "doctor", "farmer", "painter", "soldier"]
_HOW = ["old", "small", "clever", "tired", "young", "happy"]
_DOES = ["sees", "finds", "sells", "follows", "paints", "wants"]
_WHAT = ["boat", "bread", "letter", "garden", "horse", "lamp", "window", "coat"]


def letters(seed: int, n: int = 900, length: int = 20) -> Rows:
    """Pieces of plain sentences, letter by letter [20] (a to z are 1 to 26, 0 is a space); the next letter is
    to be said at every place [20].
    """
    draw = np.random.default_rng([seed, 308])
    said = []
    for _ in range(n * length // 20):
        said += ["the", str(draw.choice(_HOW)), str(draw.choice(_WHO)), str(draw.choice(_DOES))]
        said += ["a", str(draw.choice(_HOW)), str(draw.choice(_WHAT))]
    text = np.array([max(ord(letter) - 96, 0) for letter in " ".join(said)])
    starts = draw.integers(len(text) - length - 1, size=n)
    windows = text[starts[:, None] + np.arange(length + 1)]
    return cut(windows[:, :-1], windows[:, 1:], seed)
