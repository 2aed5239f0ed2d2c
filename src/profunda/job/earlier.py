"""What an earlier run hands on to a new one: its best designs and, on the same data, what it found out."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from profunda.data.dataset import Dataset
from profunda.errors import ArgumentError, Notice, RunError, SpaceError
from profunda.fleet.history import Status
from profunda.journal.record import Reading, kind_of, read_journal
from profunda.metrics.score import Metric, metric_for
from profunda.space.space import Params, Space
from profunda.tuning.drawing import Known
from profunda.tuning.verdict import Verdict

__all__ = ["HANDED_ON", "Earlier", "earlier_run"]

HANDED_ON = 10  # designs of the earlier run that are trained first


@dataclass(frozen=True)
class Earlier:
    """`given` are an earlier run's best designs, the best first; `known` what it found on the same data."""

    given: tuple[Params, ...] = ()
    known: tuple[Known, ...] = ()
    notices: tuple[Notice, ...] = ()


def earlier_run(
    run: str | os.PathLike[str], space: Space, dataset: Dataset, metric: Metric, parted: tuple[int, float]
) -> Earlier:
    """Read the designs of an earlier run of `fit` for a search of `space` on `dataset`.

    The best ten go first. Where data and metric are those of the earlier run, its values are known too, for
    samplers that learn; else they would speak of something else. `parted` are the seed and the share by which
    rows are held out: where they differ, the earlier run has chosen by rows that now judge, which is told.

    Raises:
        RunError: there is no such run, it has judged no trial, or its space has other names.
        ArgumentError: it is a search of an objective.
    """
    if kind_of(run) != "fit":
        raise ArgumentError(
            f"warm_start={os.fspath(run)!r} is a search of your own objective: it knows no designs of "
            "networks."
        )
    reading = read_journal(run)
    _check_names(run, reading, space)
    judged = [(params, verdict) for params, verdict in _judged(reading) if verdict.value == verdict.value]
    if not judged:
        raise RunError(f"{run} has judged no trial yet: there is nothing to start from.")
    fitting = [(exact, verdict) for params, verdict in judged if (exact := _exact(params, space)) is not None]
    if not fitting:
        raise RunError(
            f"none of the {len(judged):,} trials of {run} lies in this space: its domains are narrower. "
            "Widen them, or start without warm_start."
        )
    sign = -1.0 if _greater_is_better(run, reading, dataset.task.kind) else 1.0
    ranked = sorted(fitting, key=lambda pair: (-pair[1].rung, sign * pair[1].value))
    given: list[Params] = []
    for params, _ in ranked:
        if params not in given:
            given.append(params)
    header = reading.header
    same_rows = header["fingerprint"] == dataset.fingerprint
    same = same_rows and header["metric"] == metric.name
    known = [Known(params, verdict.value, verdict.status) for params, verdict in fitting] if same else []
    notices = [_notice(run, len(judged) - len(fitting), min(HANDED_ON, len(given)), same)]
    held = parted[1] > 0 and dataset.test_rows is None
    if same_rows and held and (header["seed"], header["test"]) != parted:
        notices.append(_seen(run))
    return Earlier(tuple(given[:HANDED_ON]), tuple(known), tuple(notices))


def _notice(run: str | os.PathLike[str], left_out: int, given: int, same: bool) -> Notice:
    told = (
        "its values are known to the sampler"
        if same
        else "other data or another metric, so its values are not used"
    )
    out = f", {left_out:,} of its trials lie outside this space" if left_out else ""
    return Notice(
        "warm-start",
        f"The search begins with the {given} best designs of {os.fspath(run)}, or as many of them as the "
        f"first bracket holds ({told}{out}).",
    )


def _seen(run: str | os.PathLike[str]) -> Notice:
    return Notice(
        "warm-start-seen",
        f"{os.fspath(run)} held out other rows of these data: its designs were chosen by rows that now tell "
        "the score, which may be a little too good. The same seed and test share avoid that.",
    )


def _check_names(run: str | os.PathLike[str], reading: Reading, space: Space) -> None:
    try:
        names = Space.from_json(reading.header["space"]).names
    except (KeyError, SpaceError) as error:
        raise RunError(f"the space of {run} cannot be read ({error}): start without warm_start.") from error
    missing, more = set(space.names) - set(names), set(names) - set(space.names)
    if missing or more:
        said = [f"it lacks {', '.join(sorted(missing))}"] if missing else []
        said += [f"it has {', '.join(sorted(more))} besides"] if more else []
        raise RunError(
            f"the space of {run} has other names than this one: {'; '.join(said)}. "
            "Search the same names, or start without warm_start."
        )


def _judged(reading: Reading) -> Iterator[tuple[Params, Verdict]]:
    """Each trial's params with its last verdict, in the order of drawing."""
    params: list[Params] = []
    verdicts: dict[int, Verdict] = {}
    for record in reading.records:
        if record.kind == "bracket":
            params += record.data["params"]
        elif record.kind in ("rung", "cut"):
            for number, verdict in record.data["verdicts"].items():
                verdicts[int(number)] = Verdict.from_json(verdict)
    for number, verdict in sorted(verdicts.items()):
        ended = verdict.status is not Status.RUNNING
        yield params[number], verdict if ended else _unfinished(verdict)


def _unfinished(verdict: Verdict) -> Verdict:
    """A trial of a run that stopped amid a bracket: what it had reached counts like a dropped one's."""
    return Verdict(
        verdict.scores, verdict.value, verdict.spread, Status.OUTCOMPETED, verdict.epochs, verdict.rung
    )


def _exact(params: Params, space: Space) -> Params | None:
    try:
        return space.validate(params)
    except SpaceError:
        return None


def _greater_is_better(run: str | os.PathLike[str], reading: Reading, kind: str) -> bool:
    try:
        return metric_for(kind, str(reading.header["metric"])).greater_is_better  # type: ignore[arg-type]
    except ArgumentError as error:
        raise RunError(f"{run} solved a task of another kind: {error}") from error
