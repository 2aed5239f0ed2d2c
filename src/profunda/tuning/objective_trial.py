"""One trial of a user's objective: how it is called, what its answer means, how it ended."""

import difflib
import inspect
import math
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from profunda._seeds import key
from profunda.errors import ArgumentError
from profunda.fleet.history import Status
from profunda.space.space import Params

__all__ = [
    "UNNAMED",
    "Answer",
    "Ended",
    "Objective",
    "Passing",
    "Scores",
    "Seeding",
    "evaluate",
    "judge",
    "passing",
    "trial_seed",
]

Objective = Callable[..., Any]
Scores = tuple[tuple[str, float], ...]

UNNAMED = "value"  # a number that neither the objective nor the caller names

_REQUIRED = inspect.Parameter.empty
_BARE = ""  # the name, until judged, of a number that the objective returned without one


class Seeding(Enum):
    """How an objective takes the seed."""

    NOT = "params"
    BY_PLACE = "params, seed"
    BY_NAME = "params, seed=seed"


@dataclass(frozen=True)
class Passing:
    """How an objective takes its arguments; `budget` and `checkpoint` are passed by name, if it has them."""

    seed: Seeding
    budget: bool = False
    checkpoint: bool = False


@dataclass(frozen=True)
class Answer:
    """What one call of the objective gave: named numbers, or, if there are none, why not."""

    scores: Scores
    message: str
    seconds: float


@dataclass(frozen=True)
class Ended:
    """An answer that was judged: `value` is NaN unless the trial has completed, or was dropped at a rung.

    `rung` and `budget` tell how far it was trained, where the search has rungs.
    """

    scores: Scores
    value: float
    status: Status
    message: str
    seconds: float
    rung: int = 0
    budget: int = 0


def passing(objective: Objective, budgeted: bool = False) -> Passing:
    """Whether to call ``objective(params)`` or ``objective(params, seed)``, from its signature.

    The seed is passed to a parameter called `seed`, or to a second one that has no default. In a search with
    budgets (`budgeted`) a parameter called `budget` gets the budget of a rung, one called `checkpoint` the
    trial's folder.

    Raises:
        ArgumentError: it is not callable, or takes neither; or it has no budget, where it is to be given one.
    """
    if not callable(objective):
        raise ArgumentError(
            f"the objective is a {type(objective).__name__}, not a function. "
            "Pass the function itself, search(train, …), not the result of calling it."
        )
    try:
        signature = inspect.signature(objective)
    except ValueError:  # some functions of C tell nothing about themselves
        signature = inspect.Signature([inspect.Parameter("params", inspect.Parameter.POSITIONAL_ONLY)])
    parameters = list(signature.parameters.values())
    named = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    extra = {name: None for name in ("budget", "checkpoint") if budgeted and name in named}
    _check_budget(signature, budgeted)
    by_name = any(p.name == "seed" and p.kind is p.KEYWORD_ONLY for p in parameters)
    by_place = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    second = (
        len(by_place) > 1
        and by_place[1].name not in extra
        and (by_place[1].name == "seed" or by_place[1].default is _REQUIRED)
    )
    seed = Seeding.BY_NAME if by_name else Seeding.BY_PLACE if second else Seeding.NOT
    try:
        if by_name:
            signature.bind(None, seed=0, **extra)
        else:
            signature.bind(*(None, 0) if second else (None,), **extra)
    except TypeError:
        raise ArgumentError(
            f"the objective takes {signature}, but it is called as objective(params) or "
            "objective(params, seed). Bind other arguments first, with functools.partial."
        ) from None
    return Passing(seed, "budget" in extra, "checkpoint" in extra)


def _check_budget(signature: inspect.Signature, budgeted: bool) -> None:
    parameter = signature.parameters.get("budget")
    if budgeted and parameter is None:
        raise ArgumentError(
            f"max_budget is given, but the objective takes {signature}: it has no parameter `budget` that "
            "would tell it how far to train. Add one, or leave max_budget out."
        )
    if not budgeted and parameter is not None and parameter.default is _REQUIRED:
        raise ArgumentError(
            f"the objective takes {signature}: say max_budget=…, the budget of a whole training, or give "
            "`budget` a default."
        )


def trial_seed(seed: int, number: int) -> int:
    """The seed of a trial, in [0, 2³¹): it depends on nothing but the two numbers.

    31 bits, because NumPy's and scikit-learn's seeds end at 2³² and some libraries read them as signed.
    """
    return key("trial", seed, number) >> 33


def evaluate(
    objective: Objective,
    how: Passing,
    params: Params,
    seed: int,
    budget: int | None = None,
    checkpoint: Path | None = None,
) -> Answer:
    """Call the objective once; whatever it raises becomes the answer's message, except KeyboardInterrupt."""
    started = time.perf_counter()
    given = dict(params)  # its own copy: an objective that pops from it changes no journal
    more: dict[str, Any] = {"budget": budget} if how.budget else {}
    more |= {"checkpoint": checkpoint} if how.checkpoint else {}
    try:
        match how.seed:
            case Seeding.NOT:
                returned = objective(given, **more)
            case Seeding.BY_PLACE:
                returned = objective(given, seed, **more)
            case Seeding.BY_NAME:
                returned = objective(given, seed=seed, **more)
        return Answer(_scores(returned), "", time.perf_counter() - started)
    except (Exception, SystemExit) as error:
        return Answer((), _explain(error), time.perf_counter() - started)


def judge(
    answer: Answer, metric: str | None, first: bool, needed: Sequence[str] = ()
) -> tuple[Ended, str | None]:
    """How a trial ended, and the metric's name, which the first answer settles if the caller did not.

    `needed` are further metrics that it must hold, of objectives and constraints. `first` says that no trial
    has given a number so far: a metric that is not among the answer's is then taken for the caller's mistake,
    later for the trial's.

    Raises:
        ArgumentError: several metrics and no word which one to optimise, or a metric that is not returned.
    """
    if not answer.scores:
        return Ended((), math.nan, Status.FAILED, answer.message, answer.seconds), metric
    names = [name for name, _ in answer.scores]
    if metric is None and len(names) > 1:
        raise ArgumentError(
            f"the objective returns {len(names)} metrics: {', '.join(names)}. "
            f"Say which one to optimise, for example metric={names[0]!r}."
        )
    metric = metric or names[0] or UNNAMED
    scores = tuple((name or metric, number) for name, number in answer.scores)
    told = dict(scores)
    for due in (metric, *needed):
        if due not in told:
            text = f"the objective returned {', '.join(told)}, but not the metric {due!r}"
            if first:
                near = difflib.get_close_matches(due, names, n=1)
                hint = f"Did you mean {near[0]!r}?" if near else "Name one of those it returns."
                raise ArgumentError(f"{text}. {hint}")
            return Ended(scores, math.nan, Status.FAILED, text, answer.seconds), metric
    for due in (metric, *needed):
        if not math.isfinite(told[due]):
            text = f"{due} is {told[due]}"
            return Ended(scores, math.nan, Status.DIVERGED, text, answer.seconds), metric
    return Ended(scores, told[metric], Status.COMPLETED, "", answer.seconds), metric


def _scores(returned: Any) -> Scores:
    if not isinstance(returned, Mapping):
        return ((_BARE, _number(returned, "")),)
    if not returned:
        raise ValueError("the objective returned an empty mapping; it must hold the metric to optimise")
    for name in returned:
        if not isinstance(name, str) or not name:
            raise TypeError(f"the objective returned a metric named {name!r}; names must be non-empty text")
    return tuple((name, _number(number, f" for {name!r}")) for name, number in returned.items())


def _number(value: Any, place: str) -> float:
    hint = "; add a return statement" if value is None else ""
    if value is None or isinstance(value, str | bytes | complex):
        raise TypeError(f"the objective returned {value!r:.60}{place} where a number is due{hint}")
    try:
        # Also NumPy scalars and 0-d arrays or tensors, which turn themselves into a float.
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        kind = type(value).__name__
        raise TypeError(f"the objective returned a {kind}{place} where a number is due") from None


def _explain(error: BaseException) -> str:
    """The error in one line with the place where it arose; long texts are cut."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    frames = traceback.extract_tb(error.__traceback__)
    # An error of this module, about the answer, has no place in the user's code.
    where = frames[-1] if frames and frames[-1].filename != __file__ else None
    place = f" ({Path(where.filename).name}, line {where.lineno}, in {where.name})" if where else ""
    return (text if len(text) <= 400 else text[:400] + " …") + place
