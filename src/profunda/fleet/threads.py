"""How many threads one operation may use."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits

__all__ = ["one_thread"]


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold torch and numpy's BLAS to one thread within an operation.

    Sums then have one order, packs and members run side by side, and no thread of a BLAS spins on a core that
    trains: a factorisation of first weights took thirty times as long beside two busy threads.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(threads)
