"""Running the packs of a plan on a few threads, in one process.

Threads rather than processes: a pack spends its time inside tensor operations that release the interpreter's
lock, the data are shared without copies, nothing is pickled, and no worker has to import torch again.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from profunda.fleet.plan import Plan
from profunda.fleet.source import FleetData
from profunda.fleet.state import MemberState
from profunda.fleet.torch_engine import PackResult, train_pack

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
    initial weights). The order of the results depends on the workers, the results do not. Setting `cancel`
    lets running packs stop at their next check and starts no other. An error in one pack cancels the rest.
    Long packs start first, so that no thread idles at the end; `shortest_first` has something finished soon.
    """
    stop = cancel or threading.Event()
    order = _longest_first(plan)
    queue = [number for number in (reversed(order) if shortest_first else order) if number not in skip]

    def train(number: int) -> tuple[PackResult, float]:
        pack, started = plan.packs[number], time.perf_counter()
        result = train_pack(
            pack,
            plan.members,
            data,
            until=[until[i] for i in pack.members],
            states=[states[i] for i in pack.members],
            device=plan.device,
            dtype=plan.dtype,
            progress=progress,
            cancel=stop,
        )
        return result, time.perf_counter() - started

    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="pack") as pool:
        running: dict[Future[tuple[PackResult, float]], int] = {}
        try:
            while queue or running:
                while queue and len(running) < workers and not stop.is_set():
                    number = queue.pop(0)
                    running[pool.submit(train, number)] = number
                if not running:
                    return
                ended, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    number = running.pop(future)
                    result, seconds = future.result()
                    yield number, result, seconds
        except BaseException:
            stop.set()
            raise


def _longest_first(plan: Plan) -> list[int]:
    """Pack numbers by falling predicted time: the last to end are short, and no thread idles long."""
    return sorted(range(len(plan.packs)), key=lambda number: (-plan.packs[number].seconds, number))
