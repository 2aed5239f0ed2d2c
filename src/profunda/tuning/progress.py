"""Live progress: a meter that the search writes, and a display that reads it by the clock.

On a terminal one status block is redrawn four times a second; elsewhere (a pipe, a log, CI) a plain line
appears every ten seconds, since a redrawn bar prints nothing there until it ends.
"""

import sys
import threading
import time
from collections import Counter
from types import TracebackType

__all__ = ["Display", "Meter"]

REDRAW = 0.25  # seconds on a terminal
PLAIN_LINE = 10.0  # seconds elsewhere


class Meter:
    """What is happening. Counts are added from the threads that train; words are set by the search.

    `share` is the part of the search's expected work that is done, NaN while unknown; `deadline` a
    `time.perf_counter()` value, None without a budget in seconds.
    """

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self.stage = "reading"
        self.deadline: float | None = None
        self.best = ""
        self.trials = 0
        self.networks = 0
        self.endings: Counter[str] = Counter()
        self._steps = 0
        self._expected = 0.0
        self._done = 0.0
        self._lock = threading.Lock()

    def add_steps(self, count: int) -> None:
        """Optimiser steps taken since the last call, summed over members."""
        with self._lock:
            self._steps += count
            self._done += count

    def expect(self, steps: float) -> None:
        """The member-steps still to come, as now expected."""
        with self._lock:
            self._expected = self._done + steps

    @property
    def steps(self) -> int:
        """Optimiser steps taken so far over all members."""
        return self._steps

    def line(self) -> str:
        """The state in one line of plain words."""
        return " · ".join(part for part in self.lines() if part)

    def lines(self) -> tuple[str, str]:
        """The same in two: what happens and how long it will take, and what was found so far."""
        elapsed = time.perf_counter() - self.started
        left = self._seconds_left(elapsed)
        now = [f"{elapsed:5.0f} s", self.stage]
        if left is not None:
            now.append(f"about {left:,.0f} s left" if left else "the time is up, ending")
        found = []
        if self.networks:
            found.append(f"{self.networks:,} networks ({self.trials:,} designs)")
        if self._steps:
            found.append(f"{self._steps / 1e3:,.0f}k steps")
        if self.best:
            found.append(f"best {self.best}")
        if self.endings:
            found.append(", ".join(f"{count} {cause}" for cause, count in self.endings.most_common(4)))
        return " · ".join(now), " · ".join(found)

    def _seconds_left(self, elapsed: float) -> float | None:
        if self.deadline is not None:
            return max(0.0, self.deadline - time.perf_counter())
        if elapsed > 2 and self._expected > self._done > 0:
            return elapsed * (self._expected / self._done - 1)
        return None


class Display:
    """Shows a meter on standard error while the block runs; shows nothing when `visible` is False."""

    def __init__(self, meter: Meter, visible: bool = True) -> None:
        self._meter = meter
        self._visible = visible
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Meter:
        if self._visible:
            show = self._redraw if sys.stderr.isatty() else self._print
            self._thread = threading.Thread(target=show, daemon=True, name="progress")
            self._thread.start()
        return self._meter

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _print(self) -> None:
        while not self._stop.wait(PLAIN_LINE):
            print(self._meter.line(), file=sys.stderr, flush=True)

    def _redraw(self) -> None:
        from rich.console import Console, Group
        from rich.live import Live
        from rich.spinner import Spinner
        from rich.text import Text

        with Live(console=Console(stderr=True), refresh_per_second=1 / REDRAW, transient=True) as live:
            spinner = Spinner("dots")
            while not self._stop.wait(REDRAW):
                now, found = self._meter.lines()
                spinner.update(text=now)
                # Cut at the edge of a narrow terminal: a line that wraps makes the whole block jump.
                told = Text(f"          {found}", no_wrap=True, overflow="ellipsis")
                live.update(Group(spinner, told) if found else spinner)
