"""Dropout masks from stateless hashes: numpy on the CPU, the same bits with tensors on other devices.

A number of the stream belongs to (row of the batch, unit of the canonical width), (row, input), or, for
DropConnect, (unit that a weight leaves, unit of the canonical width it leads to). It is dropped where its 16
bits are below round(65536 p). What is kept is scaled by 1 / (1 − r), r = round(65536 p) / 65536, so that
expectations are exact for the rate in use. Gaussian noise is 1 + √(r / (1 − r)) · QUANTILES[16 bits].
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from profunda._seeds import bits, premix

__all__ = ["QUANTILES", "Masks", "device_bits", "spreads", "thresholds"]


def _quantiles() -> np.ndarray:
    levels = (torch.arange(32768, 65536, dtype=torch.float64) + 0.5) / 65536
    upper = torch.special.ndtri(levels).numpy()
    made = np.concatenate([-upper[::-1], upper])
    made /= np.sqrt(np.mean(made * made))
    made.flags.writeable = False
    return made


QUANTILES = _quantiles()
"""Normal numbers of 16 random bits: float64 [65536], Φ⁻¹((u + ½) / 65536) over their standard deviation, so
that a uniform u has exactly mean 0 and variance 1."""


@lru_cache
def _table(dtype: torch.dtype, device: str) -> Tensor:
    return torch.tensor(QUANTILES, dtype=dtype, device=device)


_CACHE_BYTES = 1024 << 10
"""Drawn at a time, so that the dozen passes of a hash stay in the second-level cache."""


def thresholds(rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(uint16 [M] thresholds, float64 [M] scales) of dropping rates [M]."""
    counts = np.minimum(np.rint(rates * 65536.0), 65535.0)
    return counts.astype(np.uint16), 65536.0 / (65536.0 - counts)


def spreads(rates: np.ndarray) -> np.ndarray:
    """float64 [M] standard deviations √(r / (1 − r)) of the Gaussian noise of rates [M]."""
    counts = np.minimum(np.rint(rates * 65536.0), 65535.0)
    return np.sqrt(counts / (65536.0 - counts))


class Masks:
    """Masks [M, rows, columns] of one layer and batch size, 0 or scale, or noise; in buffers used again."""

    def __init__(
        self,
        rates: np.ndarray,
        parts: list[slice],
        rows: int,
        padded: int,
        columns: int,
        like: Tensor,
        *,
        gaussian: bool = False,
    ) -> None:
        members, count = len(rates), rows * columns
        self.rows, self.columns, self.count = rows, columns, count
        most = max(1, _CACHE_BYTES // (9 * count + 1))
        self.parts = [
            slice(start, min(start + most, part.stop))
            for part in parts
            for start in range(part.start, part.stop, most)
        ]
        limits, scales = thresholds(rates)
        self.quantiles = _table(like.dtype, str(like.device)) if gaussian else None
        scales = spreads(rates) if gaussian else scales
        self.words = -(-count // 2)
        self.on_cpu = like.device.type == "cpu"
        self.values = torch.zeros(members, padded, columns, dtype=like.dtype, device=like.device)
        self.scales = torch.as_tensor(scales, dtype=like.dtype, device=like.device).view(-1, 1, 1)
        if self.on_cpu:
            self.premixed = premix(self.words)
            self.hash = np.empty((min(most, members), self.words), np.uint32)
            self.scratch = np.empty_like(self.hash)
            self.kept = np.empty((min(most, members), 2 * self.words), bool)
            self.kept_bytes = torch.from_numpy(self.kept.view(np.uint8))
            self.limits = limits[:, None]
        else:
            self.premixed_device = torch.tensor(premix(self.words).view(np.int32)).to(like.device)
            self.limits_device = torch.from_numpy(limits.astype(np.int32)).to(like.device)[:, None]

    def draw(self, keys: np.ndarray) -> Tensor:
        """The masks of one step; `keys` uint64 [M]. Only the slices that drop anything are filled."""
        for part in self.parts:
            values = self.values[part]
            filled = self._bytes(keys, part) if self.quantiles is None else self._noise(keys, part)
            values[:, : self.rows].copy_(filled[:, : self.count].view(-1, self.rows, self.columns))
            if self.quantiles is None:
                values.mul_(self.scales[part])
        return self.values

    def _bytes(self, keys: np.ndarray, part: slice) -> Tensor:
        if self.on_cpu:
            size = part.stop - part.start
            np.greater_equal(self._words(keys, part), self.limits[part], out=self.kept[:size])
            return self.kept_bytes[:size]
        return (self._device_halves(keys, part) >= self.limits_device[part]).to(torch.uint8)

    def _noise(self, keys: np.ndarray, part: slice) -> Tensor:
        assert self.quantiles is not None
        if self.on_cpu:
            halves = torch.from_numpy(self._words(keys, part).astype(np.int32))
        else:
            halves = self._device_halves(keys, part)
        return self.quantiles[halves].mul_(self.scales[part, :, 0]).add_(1.0)

    def _words(self, keys: np.ndarray, part: slice) -> np.ndarray:
        """Halfwords uint16 [m, 2 words]."""
        size = part.stop - part.start
        words = bits(
            keys[part], self.words, table=self.premixed, out=self.hash[:size], scratch=self.scratch[:size]
        )
        return words.view(np.uint16)

    def _device_halves(self, keys: np.ndarray, part: slice) -> Tensor:
        words = device_bits(keys[part], self.premixed_device)
        return words.view(torch.int16).to(torch.int32) & 0xFFFF


def device_bits(keys: np.ndarray, table: Tensor) -> Tensor:
    """The twin of `_seeds.bits` in int32 tensors [M, n]: the same 32 bits, read as signed numbers."""

    def signed(words: np.ndarray) -> Tensor:
        return torch.from_numpy(words.astype(np.uint32).view(np.int32)).to(table.device)[:, None]

    low, high = signed(keys & np.uint64(0xFFFFFFFF)), signed(keys >> np.uint64(32))
    x = table[None] + low
    x ^= (x >> 16) & 0xFFFF
    x *= 0x7FEB352D
    x += high
    x ^= (x >> 15) & 0x1FFFF
    x *= 0x846CA68B - (1 << 32)
    x ^= (x >> 16) & 0xFFFF
    return x
