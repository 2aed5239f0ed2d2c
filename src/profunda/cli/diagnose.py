"""`profunda diagnose`: train a copy of a user's network and tell why it does not learn."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from profunda.cli.calling import called
from profunda.cli.whole import Whole
from profunda.errors import ArgumentError

__all__ = ["diagnose"]

GIVES = "(model, data, loss), and after these an optimiser and validation data if you have them"


def diagnose(
    program: str,
    /,
    *,
    data: str | None = None,
    target: str | None = None,
    epochs: Whole | None = None,
    batch_size: Whole | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
    html: Path | None = None,
    force: Annotated[bool, Parameter(negative="")] = False,
    repair: Annotated[bool, Parameter(negative="")] = False,
    seed: Whole | None = None,
) -> None:
    """Find out why a network does not train: a copy is trained and watched, nothing of yours is changed.

    Ctrl-C ends the training early: what was seen until then is diagnosed.

    Parameters
    ----------
    program
        MODULE:FUNCTION; called without arguments, it returns (model, data, loss), and after these an
        optimiser and validation data if you have them. MODULE is a file (net.py) or a name that Python
        imports from here.
    data
        Data in place of its own: a CSV or Parquet file, an .npz of arrays, a folder of pictures or texts with
        one folder a class, or bundled:NAME. A fifth of the rows validates; the function may then return
        (model, loss).
    target
        The column to predict; not needed for an .npz that names its own.
    epochs
        Times that the training goes over the data.
    batch_size
        Rows of a batch, where the data are a pair or a table.
    json
        Print JSON in place of the text.
    html
        Write a page there too; an existing file is not overwritten.
    force
        Overwrite it.
    repair
        Try what the findings propose too, and print as lines of Python what proved better.
    seed
        Of the order of rows and all else that is drawn.
    """
    if html is not None and html.exists() and not force:
        raise ArgumentError(
            f"{html} exists already and is not overwritten; choose another file for --html, or add --force"
        )
    if seed is not None and seed < 0:
        raise ArgumentError(f"--seed {seed} is below 0; give a whole number from 0 on")
    if target is not None and data is None:
        raise ArgumentError(f"--target {target} names a column, but no --data was given; add the table")
    from profunda.data.reading import read
    from profunda.diagnosis.diagnosing import BATCH_SIZE, EPOCHS, examined
    from profunda.diagnosis.mending import BUDGET, repaired
    from profunda.diagnosis.program import program_of
    from profunda.reporting.reports import report

    drawn = 0 if seed is None else seed
    made = program_of(called(program, GIVES), None if data is None else read(data, target), drawn)
    size, times = BATCH_SIZE if batch_size is None else batch_size, EPOCHS if epochs is None else epochs
    given = (made.model, made.data, made.loss_fn, made.optimizer, made.validation, size, times)
    with _progress() as tick:
        mended = repaired(*given, BUDGET, drawn, tick) if repair else None
        found = mended.diagnosis if mended is not None else examined(*given, drawn, tick)
    if mended is not None:
        print(mended.json() if json else f"{found.text()}\n{mended.text()}", end="\n" if json else "")
    else:
        print(found.json() if json else found.text(), end="\n" if json else "")
    if html is not None:
        print(f"Page:     {report(found).html(html)}", file=sys.stderr if json else sys.stdout)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Steps made of those planned, on a terminal alone, and gone when the training is over."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Training a copy", total=None)
        yield lambda step, planned: bar.update(task, completed=step, total=planned or None)
