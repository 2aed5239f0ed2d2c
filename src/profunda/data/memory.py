"""How much of a source fits into memory."""

import os
from dataclasses import dataclass
from pathlib import Path

from profunda.errors import DataError, Notice

__all__ = ["Budget", "available_bytes", "check_fits", "default_limit"]

SHARE = 0.5  # of the free memory that reading may take: training needs the rest
SMALLEST_SAMPLE = 1_000  # rows: with fewer, a sample says more about itself than about the file


def available_bytes() -> int:
    """Memory that is free for this process: the machine's, or its control group's if that is less."""
    free = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        pass  # not Linux: half of the installed memory is the guess
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        if limit != "max":
            used = int(Path("/sys/fs/cgroup/memory.current").read_text())
            free = min(free, max(0, int(limit) - used))
    except (OSError, ValueError):
        pass  # no control group
    return free


def default_limit() -> int:
    """The memory that reading may take where nobody says: half of what is free."""
    return int(available_bytes() * SHARE)


def check_fits(name: str, need: int, limit: int | None) -> None:
    """DataError if files of which no sample is drawn need over `limit` bytes (None: half of what is free)."""
    allowed = default_limit() if limit is None else limit
    if need > allowed:
        raise DataError(
            f"{name} would need about {_megabytes(need)} of memory and {_megabytes(allowed)} are allowed; "
            "take fewer files, free memory, or raise memory_limit"
        )


@dataclass(frozen=True)
class Budget:
    """The share of a source's rows that may be read."""

    name: str
    rows: int
    need: int
    limit: int
    share: float

    @classmethod
    def of(cls, name: str, rows: int, need: int, limit: int | None) -> "Budget":
        """All rows if `need` bytes fit into `limit` (None: half of what is free), else as many as do.

        DataError if fewer than a thousand rows would fit.
        """
        allowed = default_limit() if limit is None else limit
        if need <= allowed:
            return cls(name, rows, need, allowed, 1.0)
        share = 0.9 * allowed / need
        if rows * share < SMALLEST_SAMPLE:
            raise DataError(
                f"{name} would need about {_megabytes(need)} of memory and {_megabytes(allowed)} are "
                f"allowed: not even {SMALLEST_SAMPLE:,} of its about {rows:,} rows fit. Free memory, raise "
                "memory_limit, or keep fewer columns"
            )
        return cls(name, rows, need, allowed, share)

    def notice(self, drawn: int) -> Notice:
        """What was sampled and why."""
        return Notice(
            "sampled",
            f"{self.name} would need about {_megabytes(self.need)} of memory and {_megabytes(self.limit)} "
            f"are allowed: {drawn:,} of its about {self.rows:,} rows, drawn at random, are used.",
        )


def _megabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"
