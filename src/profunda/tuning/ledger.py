"""What a fleet search has decided so far, read back so that a resumed run takes the same road.

Records of a search, in the order in which they are written:

- ``bracket``: the params drawn for it; ``asked`` where some of what was drawn is not trained;
- ``pack``: one for each finished pack of a rung; its members' states lie beside the journal;
- ``rung``: the commit of a rung: what became of each trial and which go on;
- ``cut``: a rung that the budget in seconds ended: like ``rung``, with the packs that had finished;
- ``stop``: why the search ended.

Every decision carries ``elapsed``, the seconds of work so far over all calls of the run.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from profunda.errors import RunError
from profunda.fleet.state import MemberState, pack_arrays, unpack
from profunda.journal.record import Journal, Record

__all__ = ["Ledger"]


class Ledger:
    """The decisions of a run: those on record are replayed, new ones are on disk before they take effect.

    Without a journal (an estimator's fit, an experiment) everything is kept in memory alone.
    """

    def __init__(self, journal: Journal | None) -> None:
        self._journal = journal
        records = () if journal is None else journal.records()
        self._packs = {_place(r.data): r.data for r in records if r.kind == "pack"}
        self._decisions = [r for r in records if r.kind in ("bracket", "rung", "cut", "stop")]
        self._next = 0
        self._before = max((float(r.data["elapsed"]) for r in records if "elapsed" in r.data), default=0.0)
        self._started = time.perf_counter()

    @property
    def elapsed(self) -> float:
        """Seconds of work so far: what earlier calls recorded, and this one's."""
        return self._before + time.perf_counter() - self._started

    def recorded(self, *kinds: str) -> Record | None:
        """The next decision on record, which is thereby taken; None when all have been replayed.

        Raises:
            RunError: it is of another kind than `kinds`: the journal tells another story than this search.
        """
        if self._next >= len(self._decisions):
            return None
        record = self._decisions[self._next]
        if record.kind not in kinds:
            raise RunError(
                f"the journal's decision {self._next + 1} is a {record.kind!r} where a "
                f"{' or a '.join(kinds)} is due: another version wrote this run. "
                "Start a new run in another folder."
            )
        self._next += 1
        return record

    def decide(self, kind: str, **data: Any) -> Record:
        """Write one new decision durably; what is returned is what a resume will read."""
        data["elapsed"] = self.elapsed
        if self._journal is None:
            return Record(kind, data)
        self._journal.append(kind, **data)
        record = self._journal.records()[-1]
        self._decisions.append(record)
        self._next += 1
        return record

    def packs(self, bracket: int, rung: int) -> Mapping[int, Mapping[str, Any]]:
        """The finished packs of a rung, by number."""
        return {place[2]: data for place, data in self._packs.items() if place[:2] == (bracket, rung)}

    def finish_pack(
        self,
        bracket: int,
        rung: int,
        pack: int,
        owners: Sequence[tuple[int, int]],
        states: Sequence[MemberState],
        seconds: float,
    ) -> None:
        """Keep a finished pack's states, then record that it has finished; owners: (trial, fold)."""
        if self._journal is not None:
            self._journal.store(_name(bracket, rung, pack), pack_arrays(states))
            data = {
                "bracket": bracket,
                "rung": rung,
                "pack": pack,
                "seconds": seconds,
                "elapsed": self.elapsed,
            }
            self._journal.append("pack", **data, owners=[list(owner) for owner in owners])
            self._packs[bracket, rung, pack] = data

    def pack_states(self, bracket: int, rung: int, pack: int) -> tuple[MemberState, ...] | None:
        """The states kept for a finished pack; None once a later rung has made them needless."""
        if self._journal is None or not self._journal.has(_name(bracket, rung, pack)):
            return None
        return unpack(self._journal.load(_name(bracket, rung, pack)))

    def forget_packs(self, bracket: int) -> None:
        """Free the disk of a bracket's states, once its end is on record."""
        if self._journal is not None:
            for place in self._packs:
                if place[0] == bracket:
                    self._journal.discard(_name(*place))

    def keep(
        self, bracket: int, rung: int, states: Sequence[MemberState], owners: Sequence[Sequence[int]]
    ) -> None:
        """Keep the states of trials that end at a rung, before it is decided; owners: [trial, fold]."""
        if self._journal is not None and states:
            arrays = {**pack_arrays(states), "owners": np.array(owners, np.int64)}
            self._journal.store(f"ended-{bracket}-{rung}", arrays)

    def kept(self, bracket: int, rung: int, anything: bool) -> list[tuple[int, int, MemberState]]:
        """What `keep` stored at a rung, as (trial, fold, state); `anything` is what it answered.

        Raises:
            RunError: it should be there and is not, or it is damaged.
        """
        name = f"ended-{bracket}-{rung}"
        if self._journal is None or not anything:
            return []
        arrays = self._journal.load(name)
        owners = arrays.pop("owners")
        return [(int(o[0]), int(o[1]), state) for o, state in zip(owners, unpack(arrays), strict=True)]


def _name(bracket: int, rung: int, pack: int) -> str:
    return f"states-{bracket}-{rung}-{pack}"


def _place(data: Mapping[str, Any]) -> tuple[int, int, int]:
    return int(data["bracket"]), int(data["rung"]), int(data["pack"])
