"""Independent draws, each a function of the seed and its own number alone.

The uniforms are NumPy's counter-based Philox (Salmon et al. 2011): draw i reads its own counters, so that no
draw depends on how many are asked for at once, or on which were asked for before.
"""

import hashlib
from collections.abc import Sequence

import numpy as np

from profunda.space.space import Params, Space
from profunda.tuning.samplers.outcome import Outcome

__all__ = ["RandomSampler", "generator", "stream"]

_LANES = 4
"""Numbers a Philox counter yields."""


def stream(seed: int, purpose: str, first: int, rows: int, columns: int) -> np.ndarray:
    """`rows` rows from `first` on of an endless table of uniforms in [0, 1), float64 [rows, columns]."""
    blocks = -(-columns // _LANES)
    bits = _philox(seed, purpose)
    bits.advance(first * blocks)
    return np.random.Generator(bits).random((rows, blocks * _LANES))[:, :columns]


def generator(seed: int, purpose: str) -> np.random.Generator:
    """A generator of its own for one purpose."""
    return np.random.Generator(_philox(seed, purpose))


def _philox(seed: int, purpose: str) -> np.random.Philox:
    digest = hashlib.blake2b(f"{seed}/{purpose}".encode(), digest_size=16).digest()
    return np.random.Philox(key=int.from_bytes(digest, "little"))


class RandomSampler:
    """Draw i of a space is a function of (seed, i)."""

    def __init__(self, space: Space, seed: int) -> None:
        self._space = space
        self._seed = seed
        self._drawn = 0

    def propose(self, n: int) -> list[Params]:
        u = stream(self._seed, "random", self._drawn, n, self._space.dimensions)
        self._drawn += n
        return self._space.sample(u)

    def repeat(self, batch: Sequence[Params]) -> None:
        self._drawn += len(batch)

    def tell(self, params: Params, outcome: Outcome) -> None:
        """Nothing to learn: draws are independent."""
