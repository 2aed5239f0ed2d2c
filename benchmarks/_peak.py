"""How fast this machine multiplies matrices: the yardstick for everything that trains networks."""

import statistics
import time
from dataclasses import dataclass

import torch

__all__ = ["Peak", "best_peak", "sgemm_peak"]

SIZES = (512, 768, 1024, 1536, 2048)


@dataclass(frozen=True)
class Peak:
    """Additions and multiplications per second of torch.mm on square float32 matrices, at the best size."""

    threads: int
    size: int
    flops: float

    def __str__(self) -> str:
        threads = "one thread" if self.threads == 1 else f"{self.threads} threads"
        return f"{self.flops / 1e9:.0f} GFLOP/s with {threads}, {self.size} × {self.size}"


def sgemm_peak(threads: int, seconds: float = 1.0) -> Peak:
    """The best of five sizes, each the median of at least five products within its part of `seconds`.

    A median, because one lucky product is no peak that could be held. Leaves torch's threads as they were.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        found = [Peak(threads, size, _rate(size, seconds / len(SIZES))) for size in SIZES]
    finally:
        torch.set_num_threads(before)
    return max(found, key=lambda peak: peak.flops)


def best_peak(threads: int) -> Peak:
    """The better of one thread and `threads`."""
    return max((sgemm_peak(count) for count in sorted({1, threads})), key=lambda peak: peak.flops)


def _rate(size: int, seconds: float) -> float:
    a, b = torch.rand(size, size), torch.rand(size, size)
    made = torch.empty(size, size)
    torch.mm(a, b, out=made)
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        torch.mm(a, b, out=made)
        times.append(time.perf_counter() - start)
    return 2.0 * size**3 / statistics.median(times)
