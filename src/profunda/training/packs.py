"""Running the packs of a plan on a few threads, in one process.

Threads rather than processes: both engines release the interpreter's lock while they compute, the data are
shared without copies, nothing is pickled, and no worker has to import torch again.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from profunda.fleet import native_engine
from profunda.fleet.pack import Plan
from profunda.fleet.result import PackResult
from profunda.fleet.source import FleetData
from profunda.fleet.state import MemberState
from profunda.fleet.torch_engine import train_pack

__all__ = ["run_packs"]


def run_packs(
    plan: Plan,
    data: FleetData,
    *,
    until: Sequence[int],
    states: Sequence[MemberState | None],
    skip: Mapping[int, object] | frozenset[int] = frozenset(),
    workers: int = 1,
    shortest_first: bool = False,
    progress: Callable[[int], None] | None = None,
    cancel: threading.Event | None = None,
) -> Iterator[tuple[int, PackResult, float]]:
    """Train the packs of `plan` but those in `skip`; yield (pack number, result, seconds) as each ends.

    `until` [M] is the epoch each member is to reach, `states` [M] where each goes on from (None: from its
    initial weights). The order of the results depends on the workers, the results do not. Native packs come
    first, then those of torch: each engine has all workers. Setting `cancel` lets running packs stop at their
    next check and starts no other. An error in one pack cancels the rest. Long packs start first, so that no
    thread idles at the end; `shortest_first` has something finished soon.
    """
    stop = cancel or threading.Event()
    run = _Run(plan, data, until, states, workers, progress, stop)
    order = [number for number in range(len(plan.packs)) if number not in skip]
    if shortest_first:
        order.reverse()
    try:
        yield from run.natively([number for number in order if plan.packs[number].engine == "native"])
        yield from run.on_torch([number for number in order if plan.packs[number].engine == "torch"])
    except BaseException:
        stop.set()
        raise


@dataclass(frozen=True, eq=False)
class _Run:
    """One call of `run_packs`."""

    plan: Plan
    data: FleetData
    until: Sequence[int]
    states: Sequence[MemberState | None]
    workers: int
    progress: Callable[[int], None] | None
    stop: threading.Event

    def natively(self, numbers: Sequence[int]) -> Iterator[tuple[int, PackResult, float]]:
        """The engine's threads share all members of all packs, so that none waits for a pack to end."""
        if numbers and not self.stop.is_set():
            yield from native_engine.run_packs(
                self.plan,
                numbers,
                self.data,
                until=self.until,
                states=self.states,
                workers=self.workers,
                progress=self.progress,
                cancel=self.stop,
            )

    def on_torch(self, numbers: Sequence[int]) -> Iterator[tuple[int, PackResult, float]]:
        """As many packs at a time as there are workers."""
        queue = list(numbers)
        with ThreadPoolExecutor(max_workers=self.workers, thread_name_prefix="pack") as pool:
            running: dict[Future[tuple[PackResult, float]], int] = {}
            try:
                while queue or running:
                    while queue and len(running) < self.workers and not self.stop.is_set():
                        number = queue.pop(0)
                        running[pool.submit(self._train, number)] = number
                    if not running:
                        return
                    ended, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in ended:
                        number = running.pop(future)
                        result, seconds = future.result()
                        yield number, result, seconds
            except BaseException:
                self.stop.set()  # before the pool waits for those that are still running
                raise

    def _train(self, number: int) -> tuple[PackResult, float]:
        pack, started = self.plan.packs[number], time.perf_counter()
        result = train_pack(
            pack,
            self.plan.members,
            self.data,
            until=[self.until[i] for i in pack.members],
            states=[self.states[i] for i in pack.members],
            device=self.plan.device,
            dtype=self.plan.dtype,
            progress=self.progress,
            cancel=self.stop,
        )
        return result, time.perf_counter() - started
