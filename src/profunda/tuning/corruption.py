"""Rows made worse on purpose: noise on every column, and a shift of the numeric ones and of pictures.

They act on codes, before any preprocessing, so that networks of every encoding meet the same rows.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from profunda._seeds import key
from profunda.data.schema import Schema
from profunda.data.table import Kind
from profunda.errors import ArgumentError

__all__ = ["Corruption", "CorruptionKind", "Spreads", "spreads_of"]

CorruptionKind = Literal["noise", "shift"]


@dataclass(frozen=True, eq=False)
class Spreads:
    """Of each of F columns of the codes: what it is, its median and its spread; and the rows that swaps are
    drawn from.

    `spread` [F] is half the distance between the 16 % and the 84 % quantile (one standard deviation of a
    normal column, and no outlier's), or the standard deviation where that is 0; of the pixels of a picture
    the median and the standard deviation of all of them. `feature` [F] numbers the table's columns: pixels of
    one picture are moved together. `words` [F] are those of texts, which end with zeros. `rows` are codes
    [n, F].
    """

    numeric: np.ndarray
    words: np.ndarray
    feature: np.ndarray
    median: np.ndarray
    spread: np.ndarray
    rows: np.ndarray


def spreads_of(codes: np.ndarray, schema: Schema) -> Spreads:
    """The spreads of codes [n, F] of `schema`; missing values are left out."""
    sizes = [feature.size for feature in schema.features]
    kinds = np.repeat([feature.kind for feature in schema.features], sizes)
    feature = np.repeat(np.arange(len(sizes)), sizes)
    numbers, pixels = np.isin(kinds, (Kind.NUMERIC, Kind.DATE)), kinds == Kind.PICTURE
    median, spread = np.zeros(codes.shape[1]), np.zeros(codes.shape[1])
    if pixels.any():
        median[pixels], spread[pixels] = np.median(codes[:, pixels]), codes[:, pixels].std()
    for column in np.flatnonzero(numbers):
        known = codes[:, column]
        known = known[~np.isnan(known)]
        if len(known):
            low, median[column], high = np.quantile(known, [0.16, 0.5, 0.84])
            spread[column] = (high - low) / 2 or known.std()
    return Spreads(numbers | pixels, kinds == Kind.TEXT, feature, median, spread, codes)


@dataclass(frozen=True)
class Corruption:
    """One way to make rows worse, `strength` ≥ 0.

    "noise": Gaussian noise of `strength` spreads on numbers, dates and pixels; each category, each yes or no
    and each word is exchanged for that of another row with the probability strength/(1 + strength). "shift":
    every numeric column, and every picture as a whole, is stretched about its median by 1 + strength/2 and
    moved by `strength` spreads, up or down, one direction for the whole column; categories and words stay.
    What is missing stays missing.
    """

    kind: CorruptionKind
    strength: float

    def __post_init__(self) -> None:
        if self.kind not in ("noise", "shift"):
            raise ArgumentError(f"kind={self.kind!r} of a corruption is unknown: it is 'noise' or 'shift'.")
        if not 0 <= self.strength < float("inf"):
            raise ArgumentError(
                f"strength={self.strength!r} of a corruption counts standard deviations: 0 or more, finite."
            )

    def __call__(self, codes: np.ndarray, spreads: Spreads, seed: int) -> np.ndarray:
        """Codes [N, F] made worse; the same seed gives the same rows."""
        generator = np.random.default_rng(key("corruption", self.kind, seed))
        made = codes.copy()
        if self.kind == "noise":
            self._noise(made, spreads, generator)
        else:
            sign = np.where(generator.random(int(spreads.feature.max()) + 1) < 0.5, -1.0, 1.0)[
                spreads.feature
            ]
            moved = spreads.median + (codes - spreads.median) * (1 + self.strength / 2)
            moved += sign * self.strength * spreads.spread
            made[:, spreads.numeric] = moved[:, spreads.numeric]
        return made

    def _noise(self, made: np.ndarray, spreads: Spreads, generator: np.random.Generator) -> None:
        numeric = np.flatnonzero(spreads.numeric)
        made[:, numeric] += (
            self.strength * spreads.spread[numeric] * generator.standard_normal((len(made), len(numeric)))
        )
        chance = self.strength / (1 + self.strength)
        for column in np.flatnonzero(~spreads.numeric):
            drawn = spreads.rows[generator.integers(len(spreads.rows), size=len(made)), column]
            swapped = (generator.random(len(made)) < chance) & ~np.isnan(made[:, column]) & ~np.isnan(drawn)
            if spreads.words[column]:
                swapped &= (made[:, column] > 0) & (drawn > 0)  # a text stays as long as it is
            made[:, column] = np.where(swapped, drawn, made[:, column])
