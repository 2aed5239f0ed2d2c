"""`profunda fit`: a table in, a model and its report out."""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from profunda.cli.result import tell
from profunda.cli.run_folder import fresh, resumable
from profunda.cli.whole import Whole
from profunda.errors import ArgumentError

__all__ = ["fit", "narrowings"]


def fit(
    data: str,
    /,
    *,
    target: Annotated[list[str] | None, Parameter(negative="")] = None,
    time: float | None = None,
    trials: Whole | None = None,
    epochs: Whole | None = None,
    metric: str | None = None,
    fix: Annotated[list[str] | None, Parameter(negative="")] = None,
    sampler: Literal["random", "quasi-random", "grid", "tpe", "gp", "batch"] | None = None,
    fidelity: Literal["halving", "hyperband", "one-epoch", "full"] | None = None,
    patience: Whole | None = None,
    min_delta: float | None = None,
    regret: float | Literal["noise"] | None = None,
    max_parameters: Whole | None = None,
    max_latency: float | None = None,
    forecast: bool | None = None,
    warm_start: Path | None = None,
    folds: Whole | None = None,
    validation: Literal["holdout", "nested"] | None = None,
    ablate: Annotated[bool | None, Parameter(negative="")] = None,
    test_size: float | None = None,
    task: Literal["classification", "regression"] | None = None,
    task_column: str | None = None,
    engine: Literal["auto", "native", "torch"] | None = None,
    workers: Whole | None = None,
    seed: Whole | None = None,
    out: Path | None = None,
) -> None:
    """Search, train, score and report on a table, on pictures or on texts.

    Parameters
    ----------
    data
        A CSV or Parquet file, an .npz of arrays, a folder of pictures or texts with one folder a class, or
        bundled:NAME.
    target
        The column to predict; not needed for an .npz that names its own, nor for a folder, whose folders are
        the classes. Several are a,b,c, or the word once for each, as must be where a name has a comma.
    time
        Budget in seconds, counted from the end of imports to the written report.
    trials
        Budget in drawn configurations; the same seed then gives the same result on one machine.
    epochs
        Budget in epochs, summed over all networks.
    metric
        What to optimise; log_loss for classes and rmse for numbers unless given.
    fix
        Narrow one domain of the space, for example --fix depth=1; may be repeated.
    sampler
        How configurations are drawn.
    fidelity
        How epochs are spent: halving drops two thirds of a bracket at each rung, hyperband adds more cautious
        brackets, one-epoch trains the best three after one epoch, full trains all to the end.
    patience
        Stop early after so many configurations without a gain in the best value.
    min_delta
        The least gain that counts.
    regret
        Stop early once at most so much is left to be gained, by a bound; noise: less than the standard error.
    max_parameters
        No network with more parameters is trained.
    max_latency
        Nor one that needs more milliseconds to predict 1,000 rows on one thread, as forecast.
    forecast
        Leave out designs that by theory cannot train (the default), or train them all the same.
    warm_start
        The folder of an earlier run, whose ten best configurations are trained first.
    folds
        Cross-validation folds; chosen by the number of rows unless given.
    validation
        holdout tells the score on held-out rows; nested by five outer folds, each a whole search.
    ablate
        Tell in the report what each ingredient of the best network is worth, by a fleet around it; takes up
        to a quarter of the time.
    test_size
        Share of rows that no choice sees and the score is told on.
    task
        What to make of a target whose values leave it open.
    task_column
        The column that says which of several tasks a row belongs to, such as its school.
    engine
        What trains the fleet: native (C++, on the CPU), torch, or auto, for each shape of network the one
        that is quicker on this machine.
    workers
        Threads that train packs at the same time; the result does not depend on it.
    seed
        Of every random choice.
    out
        Folder of the run; it must not exist. Unless given, a fresh one beside you, named after the data.
    """
    run = fresh(data) if out is None else out
    words: dict[str, Any] = {
        "seconds": time,
        "trials": trials,
        "epochs": epochs,
        "metric": metric,
        "fix": narrowings(fix or []) or None,
        "sampler": sampler,
        "fidelity": fidelity,
        "patience": patience,
        "min_delta": min_delta,
        "regret": regret,
        "max_parameters": max_parameters,
        "max_latency": max_latency,
        "forecast": forecast,
        "warm_start": warm_start,
        "folds": folds,
        "validation": validation,
        "ablate": ablate,
        "test": test_size,
        "task": task,
        "task_column": task_column,
        "engine": engine,
        "workers": workers,
        "seed": seed,
    }
    # What was not typed is not passed: each default lives in the job alone.
    given = {name: value for name, value in words.items() if value is not None}
    with resumable(run):
        from profunda.job import fitting  # takes seconds, in which Ctrl-C deserves the same answer

        named = target[0] if target and len(target) == 1 else target
        outcome = fitting.fit(data, named, out=run, **given)
    tell(outcome)


def narrowings(words: list[str]) -> dict[str, str]:
    """The NAME=VALUE words of --fix as a mapping; ArgumentError where one is malformed or repeated."""
    found: dict[str, str] = {}
    for word in words:
        name, sign, value = (part.strip() for part in word.partition("="))
        if not (name and sign and value):
            raise ArgumentError(f"--fix {word!r} is not NAME=VALUE; write for example --fix depth=1")
        if name in found:
            raise ArgumentError(
                f"--fix names {name!r} twice ({found[name]!r} and {value!r}); keep one of them"
            )
        found[name] = value
    return found
