"""The best configurations of an earlier search of an objective, to begin another one with."""

import os
from collections.abc import Mapping
from typing import Any

from profunda.errors import ArgumentError, RunError, SpaceError
from profunda.fleet.history import Status
from profunda.journal.record import read_journal
from profunda.space.space import Params, Space
from profunda.tuning.objective_memory import Memory
from profunda.tuning.objective_terms import KIND, Terms

__all__ = ["HANDED_ON", "begin_with"]

HANDED_ON = 10


def begin_with(run: str | os.PathLike[str], memory: Memory) -> None:
    """Put the ten best configurations of an earlier search in front, unless that was done when this began.

    They are called anew, as nobody knows whether the objective is still the same.

    Raises:
        ArgumentError: the run is no search of an objective, or a grid is searched.
        RunError: there is no such run, it has other parameters, nothing of it fits, or this search began
            without it.
    """
    if memory.batches:
        if not memory.batches[0].given:
            raise RunError(
                "this search began without warm_start, so it cannot begin with it now. Leave it out, or "
                "choose another folder."
            )
        return
    if memory.terms.sampler == "grid":
        raise ArgumentError(
            "a grid tries exactly its combinations, so it cannot begin with those of warm_start. Take "
            "another sampler, or leave warm_start out."
        )
    given = _best(run, memory.terms)
    memory.add_batch(given, 0.0, 0.0, given=len(given))


def _best(run: str | os.PathLike[str], terms: Terms) -> list[Params]:
    reading = read_journal(run)
    if reading.header["kind"] != KIND:
        raise ArgumentError(
            f"warm_start={os.fspath(run)!r} is a run of {reading.header['kind']!r}, not a search of an "
            "objective."
        )
    _check_names(run, reading.header, terms.space)
    drawn: list[Params] = []
    ended: list[tuple[tuple[float, float], Params]] = []
    sign = -1.0 if reading.header.get("direction") == "maximize" else 1.0
    for record in reading.records:
        if record.kind == "batch":
            drawn += record.data["params"]
        elif record.kind == "trial" and record.data["status"] in (Status.COMPLETED, Status.OUTCOMPETED):
            order = (-record.data.get("rung", 0), sign * float(record.data["value"]))
            if terms.violation(record.data["scores"]) <= 0:
                ended.append((order, drawn[record.data["number"]]))
    found: list[Params] = []
    for _, params in sorted(ended, key=lambda pair: pair[0]):
        try:
            exact = terms.space.validate(params)
        except SpaceError:
            continue
        if exact not in found:
            found.append(exact)
    if not found:
        raise RunError(
            f"none of the {len(ended):,} usable trials of {os.fspath(run)} lies in this space. Widen its "
            "domains, or start without warm_start."
        )
    return found[:HANDED_ON]


def _check_names(run: str | os.PathLike[str], header: Mapping[str, Any], space: Space) -> None:
    try:
        names = Space.from_json(header["space"]).names
    except (KeyError, SpaceError) as error:
        raise RunError(f"the space of {run} cannot be read ({error}): start without warm_start.") from error
    if set(names) != set(space.names):
        raise RunError(
            f"{run} has searched {', '.join(names)}, this search has {', '.join(space.names)}. Search the "
            "same names, or start without warm_start."
        )
