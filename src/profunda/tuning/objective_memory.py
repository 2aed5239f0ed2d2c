"""What a search of a user's objective remembers, in its journal or, without a folder, in this process alone.

Records, after a header that holds space, sampler, direction, metric, seed and batch:

- ``batch``: first (number of its first trial), params (a list), elapsed, sampler_seconds: written when drawn;
- ``metric``: name, where the caller left it to the first answer;
- ``trial``: number, status, value, scores (pairs of name and number), message, seconds, elapsed: when ended;
- ``stop``: why (trials, seconds, exhausted, interrupted), elapsed.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from profunda._version import __version__
from profunda.errors import Notice, RunError, SpaceError
from profunda.fleet.history import Status
from profunda.journal.record import JOURNAL_NAME, Journal, Record
from profunda.space.space import Params, Space
from profunda.tuning.objective_trial import Ended

__all__ = ["KIND", "Memory", "Terms"]

KIND = "objective"


@dataclass(frozen=True)
class Terms:
    """What must be equal for a search to be resumed. `batch` is None where draws do not depend on answers."""

    space: Space
    sampler: str
    direction: str
    metric: str | None
    seed: int
    batch: int | None

    def header(self) -> dict[str, Any]:
        """The terms as the journal's header holds them."""
        return {
            "kind": KIND,
            "space": self.space.to_json(),
            "space_id": self.space.id,
            "sampler": self.sampler,
            "direction": self.direction,
            "metric": self.metric,
            "seed": self.seed,
            "batch": self.batch,
            "version": __version__,
        }


class Memory:
    """The batches drawn and the trials ended so far. Each write is on disk before it shows."""

    def __init__(self, terms: Terms, journal: Journal | None) -> None:
        self.terms = terms
        self.metric = terms.metric
        self.batches: list[list[Params]] = []
        self.drawn: list[Params] = []
        self.ended: dict[int, Ended] = {}
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

    def add_batch(self, batch: list[Params], elapsed: float, sampler_seconds: float) -> None:
        """Remember a batch of draws."""
        params = [dict(one) for one in batch]
        self._write(
            "batch", first=len(self.drawn), params=params, elapsed=elapsed, sampler_seconds=sampler_seconds
        )

    def add_metric(self, name: str) -> None:
        """Remember the metric that the first answer settled."""
        self._write("metric", name=name)

    def add_trial(self, number: int, ended: Ended, elapsed: float) -> None:
        """Remember how a trial ended."""
        self._write("trial", number=number, **_entry(ended), elapsed=elapsed)

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
                self.batches.append([self.terms.space.validate(params) for params in data["params"]])
                self.drawn.extend(self.batches[-1])
                self.sampler_seconds = float(data["sampler_seconds"])
            case "metric":
                self.metric = str(data["name"])
            case "trial":
                self._take_trial(data)
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
        scores = tuple((str(name), float(value)) for name, value in data["scores"])
        value, seconds = float(data["value"]), float(data["seconds"])
        self.ended[number] = Ended(scores, value, Status(data["status"]), str(data["message"]), seconds)


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
    ours = terms.header()
    differing = [
        f"{name}: {header.get(name)!r:.80} in the run, {ours[name]!r:.80} in this call"
        for name in ("sampler", "direction", "seed", "batch", "metric")
        if header.get(name) != ours[name]
        and not (name == "metric" and None in (header.get(name), ours[name]))
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
