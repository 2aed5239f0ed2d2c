"""`profunda ablate`: what each ingredient of a recipe is worth, and how much is too much, as a page."""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from profunda.cli.whole import Whole
from profunda.errors import ArgumentError, RunError

__all__ = ["ablate"]


def ablate(
    run: Path,
    data: str,
    /,
    *,
    target: str | None = None,
    metric: str | None = None,
    doses: Annotated[bool, Parameter(negative="")] = False,
    folds: Whole | None = None,
    seeds: Whole | None = None,
    time: float | None = None,
    engine: Literal["auto", "native", "torch"] | None = None,
    workers: Whole | None = None,
    seed: Whole | None = None,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
) -> None:
    """Take a model's recipe apart: train it again without each ingredient, and tell what each is worth.

    Parameters
    ----------
    run
        The run's folder, or a saved model's.
    data
        The data to train on: a CSV or Parquet file, an .npz of arrays, a folder of pictures or texts with one
        folder a class, or bundled:NAME.
    target
        The column to predict; not needed for a folder, or an .npz that names its own.
    metric
        What to judge by; log_loss for classes and rmse for numbers unless given.
    doses
        Draw the score against the strength of each regulariser too.
    folds
        Folds of the cross-validations behind every number.
    seeds
        Networks on every fold.
    time
        Seconds that the fleet may take by forecast; fewer seeds and repetitions where they are short.
    engine
        What trains the fleet: native, torch, or auto.
    workers
        Threads that train at the same time; the result does not depend on it.
    seed
        Of every random choice.
    output
        Write the findings as a page there, besides the table on the terminal.
    """
    if output is not None and output.exists():
        raise ArgumentError(
            f"{output} exists already and is not overwritten; remove it or choose another file for -o"
        )
    from profunda.data.reading import read
    from profunda.journal.record import JOURNAL_NAME
    from profunda.model import saving
    from profunda.reporting.reports import findings_document
    from profunda.tuning import ablation, dosage

    folder = run / "model"
    if (run / JOURNAL_NAME).exists() and not folder.exists():
        raise RunError(f"{run} has no model yet: it was not finished. Go on with it:  profunda resume {run}")
    model = saving.load(folder if folder.is_dir() else run)
    named = target or (list(model.task.names) if model.task.parts else model.task.target)
    table = read(data, named, task_column=model.schema.task_column)
    words: dict[str, Any] = {
        "metric": metric,
        "folds": folds,
        "seeds": seeds,
        "engine": engine,
        "workers": workers,
        "seed": seed,
    }
    given = {name: value for name, value in words.items() if value is not None}
    found = ablation.ablate(model, table, seconds=time, **given)
    print(found)
    curves = dosage.dose(model, table, **given) if doses else ()
    for one in curves:
        print(f"{one.title}: {one.verdict}")
    if output is not None:
        print(f"Page:     {findings_document(attribution=found, dosages=curves).html(output)}")
