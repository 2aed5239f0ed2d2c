"""The end of a budget in seconds: training is cancelled at it, if there is something to fall back on."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["cancelled_at"]

POLL = 0.05  # seconds between two looks whether there is enough, once the deadline has passed


@contextmanager
def cancelled_at(deadline: float | None, enough: Callable[[], bool]) -> Iterator[threading.Event]:
    """An event, set at `deadline` (a `time.perf_counter()` value) or as soon after as `enough()` holds.

    A search that ended with nothing to show would help nobody: the first candidate is waited for. None never
    sets the event.
    """
    cancel, over = threading.Event(), threading.Event()

    def watch(deadline: float) -> None:
        over.wait(max(0.0, deadline - time.perf_counter()))
        while not over.is_set() and not cancel.is_set():
            if enough():
                cancel.set()
            over.wait(POLL)

    if deadline is not None:
        threading.Thread(target=watch, args=(deadline,), daemon=True, name="deadline").start()
    try:
        yield cancel
    finally:
        over.set()
