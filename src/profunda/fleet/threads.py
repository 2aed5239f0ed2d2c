"""How many threads there may be: cores for a fleet, and one for each operation."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits

__all__ = ["one_thread", "thread_seconds", "usable_cores"]

# Of this thread alone, where its clock is fine enough: others may have the cores, or share the process.
thread_seconds = (
    time.thread_time if time.get_clock_info("thread_time").resolution < 1e-5 else time.perf_counter
)


def usable_cores() -> int:
    """Cores on which this process may run: a scheduler or a container may leave it fewer than there are."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


class _Keeper:
    """A thread that holds the process's BLAS to one thread until it is released.

    The limit is one for the whole process, and threadpoolctl lets only the thread that set it change it: of
    uses that overlap, none can set it for all and be sure to be the last one out.
    """

    def __init__(self) -> None:
        self.ready, self.done = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._hold, name="blas", daemon=True)
        self.thread.start()
        self.ready.wait()

    def _hold(self) -> None:
        try:
            with threadpool_limits(1, user_api="blas"):
                self.ready.set()
                self.done.wait()
        finally:
            self.ready.set()

    def release(self) -> None:
        self.done.set()
        self.thread.join()


class _Uses:
    """Who is in, and what the first one found."""

    def __init__(self) -> None:
        self.lock, self.count = threading.Lock(), 0
        self.keeper: _Keeper | None = None
        self.torch_threads = 1

    def enter(self) -> threadpool_limits:
        with self.lock:
            threads = torch.get_num_threads()  # asked for in every thread: at first it undoes what was set
            if not self.count:
                self.keeper, self.torch_threads = _Keeper(), threads
            self.count += 1
            torch.set_num_threads(1)
            return threadpool_limits(1, user_api="blas")  # for a BLAS that keeps a number for each thread

    def leave(self, own: threadpool_limits) -> None:
        with self.lock:
            self.count -= 1
            own.__exit__(None, None, None)
            # Torch keeps a number for each thread, and one for threads to come: who is still in keeps his.
            torch.set_num_threads(self.torch_threads)
            if not self.count and self.keeper is not None:
                self.keeper.release()


_USES = _Uses()
_DEPTH = threading.local()


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold torch and numpy's BLAS to one thread within an operation.

    Sums then have one order, packs and members run side by side, and no thread of a BLAS spins on a core that
    trains: a factorisation of first weights took thirty times as long beside two busy threads. Uses may
    overlap, in one thread or in several: the last one out restores what the first one found.
    """
    if getattr(_DEPTH, "inside", False):
        yield
        return
    own = _USES.enter()
    _DEPTH.inside = True
    try:
        yield
    finally:
        _DEPTH.inside = False
        _USES.leave(own)
