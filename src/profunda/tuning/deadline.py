"""The end of a budget in seconds."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["cancelled_at"]


@contextmanager
def cancelled_at(deadline: float | None) -> Iterator[threading.Event]:
    """An event that is set at `deadline`, a `time.perf_counter()` value; never for None."""
    cancel = threading.Event()
    if deadline is None:
        yield cancel
        return
    timer = threading.Timer(max(0.0, deadline - time.perf_counter()), cancel.set)
    timer.daemon = True
    timer.start()
    try:
        yield cancel
    finally:
        timer.cancel()
