"""What a search of a user's objective remembers, in its journal or, without a folder, in this process alone.

Records, after a header that holds space, sampler, direction, metric, seed, batch and what else are its terms:

- ``batch``: first (number of its first trial), params (a list), elapsed, sampler_seconds: written when drawn;
  given, where so many of them were not drawn but come from an earlier run;
- ``metric``: name, where the caller left it to the first answer;
- ``step``: number, rung, budget and what a trial's record holds: a call that is not its trial's last, or may
  not be;
- ``trial``: number, status, value, scores (pairs of name and number), message, seconds, elapsed: when ended;
  rung and budget, where there are rungs;
- ``stop``: why (trials, seconds, exhausted, interrupted, improvement, regret), elapsed.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from profunda.errors import Notice, RunError, SpaceError
from profunda.fleet.history import Status
from profunda.journal.record import JOURNAL_NAME, Journal, Record
from profunda.space.space import Params, Space
from profunda.tuning.objective_terms import KIND, LATER, Terms
from profunda.tuning.objective_trial import Ended

__all__ = ["Batch", "Memory"]

_COMPARED = ("sampler", "direction", "seed", "batch", "metric", *LATER)


@dataclass(frozen=True)
class Batch:
    """Configurations that were drawn together; the first `given` of them were not drawn by the sampler."""

    params: tuple[Params, ...]
    given: int = 0


class Memory:
    """The batches drawn and the trials ended so far. Each write is on disk before it shows."""

    def __init__(self, terms: Terms, journal: Journal | None) -> None:
        self.terms = terms
        self.metric = terms.metric
        self.batches: list[Batch] = []
        self.drawn: list[Params] = []
        self.ended: dict[int, Ended] = {}
        self.steps: dict[tuple[int, int], Ended] = {}  # by trial and rung
        self.elapsed = 0.0
        self.sampler_seconds = 0.0
        self.stopped: str | None = None
        self._journal = journal
        for line, record in enumerate(journal.records() if journal else (), start=2):
            try:
                self._take(record)
            except (KeyError, TypeError, ValueError, SpaceError) as error:
                raise RunError(
                    f"line {line} of the journal, a {record.kind!r}, does not belong to this search "
                    f"({type(error).__name__}: {error}). It was written by another version or by hand: "
                    "start a new run."
                ) from error

    @classmethod
    def at(cls, out: str | os.PathLike[str] | None, terms: Terms) -> "Memory":
        """The memory in folder `out`, begun where there is none; without `out`, one in this process.

        Raises:
            RunError: the folder holds another run or other things, is damaged, or another process writes it.
        """
        if out is None:
            return cls(terms, None)
        if not (Path(out) / JOURNAL_NAME).exists():
            return cls(terms, Journal.create(out, terms.header()))
        journal = Journal.open(out)
        try:
            _check(Path(out), terms, journal.header)
            memory = cls(terms, journal)
            if terms.metric is not None and memory.metric != terms.metric:
                text = f"metric: {memory.metric!r} in the run, {terms.metric!r} in this call"
                raise _differs(Path(out), [text])
            return memory
        except BaseException:
            journal.close()
            raise

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What opening the journal had to put up with."""
        return self._journal.notices if self._journal else ()

    def add_batch(self, batch: list[Params], elapsed: float, sampler_seconds: float, given: int = 0) -> None:
        """Remember a batch of draws, the first `given` of which come from elsewhere."""
        data = {
            "params": [dict(one) for one in batch],
            "elapsed": elapsed,
            "sampler_seconds": sampler_seconds,
        }
        self._write("batch", first=len(self.drawn), **data, **({"given": given} if given else {}))

    def add_step(self, number: int, rung: int, ended: Ended, elapsed: float) -> None:
        """Remember what a trial has reached at a rung; the rung counts those of its bracket."""
        self._write(
            "step",
            number=number,
            step=rung,
            rung=ended.rung,
            budget=ended.budget,
            **_entry(ended),
            elapsed=elapsed,
        )

    def add_metric(self, name: str) -> None:
        """Remember the metric that the first answer settled."""
        self._write("metric", name=name)

    def add_trial(self, number: int, ended: Ended, elapsed: float) -> None:
        """Remember how a trial ended."""
        reached = {"rung": ended.rung, "budget": ended.budget} if ended.budget else {}
        self._write("trial", number=number, **_entry(ended), **reached, elapsed=elapsed)

    def add_stop(self, why: str, elapsed: float) -> None:
        """Remember why the search stopped."""
        self._write("stop", why=why, elapsed=elapsed)

    def close(self) -> None:
        """Let others write the run."""
        if self._journal:
            self._journal.close()

    def _write(self, kind: str, **data: Any) -> None:
        if self._journal:
            self._journal.append(kind, **data)
        self._take(Record(kind, data))

    def _take(self, record: Record) -> None:
        data = record.data
        match record.kind:
            case "batch":
                if data["first"] != len(self.drawn):
                    raise ValueError(f"first is {data['first']!r:.40}")
                # `validate` turns the lists of JSON back into the tuples of the space.
                params = tuple(self.terms.space.validate(params) for params in data["params"])
                self.batches.append(Batch(params, int(data.get("given", 0))))
                self.drawn.extend(params)
                self.sampler_seconds = float(data["sampler_seconds"])
            case "metric":
                self.metric = str(data["name"])
            case "trial":
                self._take_trial(data)
            case "step":
                self._take_step(data)
            case "stop":
                self.stopped = str(data["why"])
            case _:
                raise ValueError("unknown kind")
        if record.kind != "stop":
            self.stopped = None
        self.elapsed = max(self.elapsed, float(data.get("elapsed", 0.0)))

    def _take_trial(self, data: Mapping[str, Any]) -> None:
        number = data["number"]
        if type(number) is not int or not 0 <= number < len(self.drawn) or number in self.ended:
            raise ValueError(f"number is {number!r:.40}")
        self.ended[number] = _ended(data)

    def _take_step(self, data: Mapping[str, Any]) -> None:
        place = data["number"], data["step"]
        if not 0 <= place[0] < len(self.drawn) or place in self.steps:
            raise ValueError(f"number and rung are {place!r:.40}")
        self.steps[place] = _ended(data)


def _ended(data: Mapping[str, Any]) -> Ended:
    return Ended(
        tuple((str(name), float(value)) for name, value in data["scores"]),
        float(data["value"]),
        Status(data["status"]),
        str(data["message"]),
        float(data["seconds"]),
        int(data.get("rung", 0)),
        int(data.get("budget", 0)),
    )


def _entry(ended: Ended) -> dict[str, Any]:
    return {
        "status": ended.status.value,
        "value": ended.value,
        "scores": ended.scores,
        "message": ended.message,
        "seconds": ended.seconds,
    }


def _check(folder: Path, terms: Terms, header: Mapping[str, Any]) -> None:
    if header["kind"] != KIND:
        raise RunError(
            f"{folder} holds a run of another kind ({header['kind']!r}), not a search of an objective. "
            "Choose another folder; nothing was overwritten."
        )
    ours, theirs = terms.header(), {**LATER, **header}
    differing = [
        f"{name}: {theirs.get(name)!r:.80} in the run, {ours[name]!r:.80} in this call"
        for name in _COMPARED
        if theirs.get(name) != ours[name]
        and not (name == "metric" and None in (theirs.get(name), ours[name]))
    ]
    if header.get("space_id") != terms.space.id:
        differing.append(_space_difference(terms.space, header))
    if differing:
        raise _differs(folder, differing)


def _space_difference(space: Space, header: Mapping[str, Any]) -> str:
    try:
        recorded = Space.from_json(header["space"])
    except (KeyError, TypeError, ValueError, SpaceError):
        return "space: the run's cannot be read"
    names = [
        name
        for name in dict.fromkeys((*recorded.names, *space.names))
        if dict(recorded.entries).get(name) != dict(space.entries).get(name)
    ]
    return f"space: differs in {', '.join(names)}" if names else "space: its names come in another order"


def _differs(folder: Path, differing: list[str]) -> RunError:
    return RunError(
        f"{folder} holds a search on other terms ({'; '.join(differing)}). "
        "Call it with the same terms to resume, or choose another folder; nothing was overwritten."
    )
