"""Dropout masks from stateless hashes: numpy on the CPU, the same bits with tensors on other devices.

A number of the stream belongs to (row of the batch, unit of the canonical width) or (row, input); it is
dropped where its 16 bits are below round(65536 p). What is kept is scaled by 1 / (1 − round(65536 p) /
65536), so that expectations are exact for the rate in use.
"""

import numpy as np
import torch
from torch import Tensor

from profunda._seeds import bits, premix

__all__ = ["Masks", "device_bits", "thresholds"]

_CACHE_BYTES = 1024 << 10
"""Drawn at a time, so that the dozen passes of a hash stay in the second-level cache."""


def thresholds(rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(uint16 [M] thresholds, float64 [M] scales) of dropping rates [M]."""
    counts = np.minimum(np.rint(rates * 65536.0), 65535.0)
    return counts.astype(np.uint16), 65536.0 / (65536.0 - counts)


class Masks:
    """Masks [M, rows, columns] of 0 or scale for one layer and batch size, in buffers used again."""

    def __init__(
        self, rates: np.ndarray, parts: list[slice], rows: int, padded: int, columns: int, like: Tensor
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
        self.words = -(-count // 2)
        self.on_cpu = like.device.type == "cpu"
        self.values = torch.zeros(members, padded, columns, dtype=like.dtype, device=like.device)
        self.scales = torch.as_tensor(scales, dtype=like.dtype, device=like.device).view(-1, 1, 1)
        if self.on_cpu:
            self.table = premix(self.words)
            self.hash = np.empty((min(most, members), self.words), np.uint32)
            self.scratch = np.empty_like(self.hash)
            self.kept = np.empty((min(most, members), 2 * self.words), bool)
            self.kept_bytes = torch.from_numpy(self.kept.view(np.uint8))
            self.limits = limits[:, None]
        else:
            self.table_device = torch.from_numpy(premix(self.words).view(np.int32)).to(like.device)
            self.limits_device = torch.from_numpy(limits.astype(np.int32)).to(like.device)[:, None]

    def draw(self, keys: np.ndarray) -> Tensor:
        """The masks of one step; `keys` uint64 [M]. Only the slices that drop anything are filled."""
        for part in self.parts:
            filled = self._bytes(keys, part)[:, : self.count].view(-1, self.rows, self.columns)
            values = self.values[part]
            values[:, : self.rows].copy_(filled)
            values.mul_(self.scales[part])
        return self.values

    def _bytes(self, keys: np.ndarray, part: slice) -> Tensor:
        if self.on_cpu:
            size = part.stop - part.start
            words = bits(
                keys[part], self.words, table=self.table, out=self.hash[:size], scratch=self.scratch[:size]
            )
            np.greater_equal(words.view(np.uint16), self.limits[part], out=self.kept[:size])
            return self.kept_bytes[:size]
        words = device_bits(keys[part], self.table_device)
        halves = words.view(torch.int16).to(torch.int32) & 0xFFFF
        return (halves >= self.limits_device[part]).to(torch.uint8)


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
