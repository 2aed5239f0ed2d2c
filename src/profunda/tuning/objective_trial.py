"""One trial of a user's objective: how it is called, what its answer means, how it ended."""

import difflib
import inspect
import math
import time
import traceback
from collections.abc import Callable, Mapping
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


class Passing(Enum):
    """How an objective takes its arguments."""

    PARAMS = "params"
    PARAMS_AND_SEED = "params, seed"
    PARAMS_AND_SEED_BY_NAME = "params, seed=seed"


@dataclass(frozen=True)
class Answer:
    """What one call of the objective gave: named numbers, or, if there are none, why not."""

    scores: Scores
    message: str
    seconds: float


@dataclass(frozen=True)
class Ended:
    """An answer that was judged: `value` is NaN unless the trial has completed."""

    scores: Scores
    value: float
    status: Status
    message: str
    seconds: float


def passing(objective: Objective) -> Passing:
    """Whether to call ``objective(params)`` or ``objective(params, seed)``, from its signature.

    The seed is passed to a parameter called `seed`, or to a second one that has no default.

    Raises:
        ArgumentError: it is not callable, or takes neither.
    """
    if not callable(objective):
        raise ArgumentError(
            f"the objective is a {type(objective).__name__}, not a function. "
            "Pass the function itself, search(train, …), not the result of calling it."
        )
    try:
        signature = inspect.signature(objective)
    except ValueError:  # some functions of C tell nothing about themselves
        return Passing.PARAMS
    parameters = list(signature.parameters.values())
    by_name = any(p.name == "seed" and p.kind is p.KEYWORD_ONLY for p in parameters)
    by_place = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    second = len(by_place) > 1 and (by_place[1].name == "seed" or by_place[1].default is _REQUIRED)
    try:
        if by_name:
            signature.bind(None, seed=0)
            return Passing.PARAMS_AND_SEED_BY_NAME
        signature.bind(*(None, 0) if second else (None,))
    except TypeError:
        raise ArgumentError(
            f"the objective takes {signature}, but it is called as objective(params) or "
            "objective(params, seed). Bind other arguments first, with functools.partial."
        ) from None
    return Passing.PARAMS_AND_SEED if second else Passing.PARAMS


def trial_seed(seed: int, number: int) -> int:
    """The seed of a trial, in [0, 2³¹): it depends on nothing but the two numbers.

    31 bits, because NumPy's and scikit-learn's seeds end at 2³² and some libraries read them as signed.
    """
    return key("trial", seed, number) >> 33


def evaluate(objective: Objective, how: Passing, params: Params, seed: int) -> Answer:
    """Call the objective once; whatever it raises becomes the answer's message, except KeyboardInterrupt."""
    started = time.perf_counter()
    given = dict(params)  # its own copy: an objective that pops from it changes no journal
    try:
        match how:
            case Passing.PARAMS:
                returned = objective(given)
            case Passing.PARAMS_AND_SEED:
                returned = objective(given, seed)
            case Passing.PARAMS_AND_SEED_BY_NAME:
                returned = objective(given, seed=seed)
        return Answer(_scores(returned), "", time.perf_counter() - started)
    except (Exception, SystemExit) as error:
        return Answer((), _explain(error), time.perf_counter() - started)


def judge(answer: Answer, metric: str | None, first: bool) -> tuple[Ended, str | None]:
    """How a trial ended, and the metric's name, which the first answer settles if the caller did not.

    `first` says that no trial has given a number so far: a metric that is not among the answer's is then
    taken for the caller's mistake, later for the trial's.

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
    if metric not in dict(scores):
        text = f"the objective returned {', '.join(names)}, but not the metric {metric!r}"
        if first:
            near = difflib.get_close_matches(metric, names, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else "Name one of those it returns."
            raise ArgumentError(f"{text}. {hint}")
        return Ended(scores, math.nan, Status.FAILED, text, answer.seconds), metric
    value = dict(scores)[metric]
    if not math.isfinite(value):
        return Ended(scores, math.nan, Status.DIVERGED, f"{metric} is {value}", answer.seconds), metric
    return Ended(scores, value, Status.COMPLETED, "", answer.seconds), metric


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
