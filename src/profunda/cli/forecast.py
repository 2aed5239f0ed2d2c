"""`profunda forecast`: what theory says about a network of the user's, before it is trained."""

import os
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from profunda.cli.calling import called
from profunda.cli.whole import Whole
from profunda.errors import ArgumentError

__all__ = ["forecast"]


def forecast(
    network: str,
    /,
    *,
    data: str | None = None,
    target: str | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
    html: Path | None = None,
    force: Annotated[bool, Parameter(negative="")] = False,
    seed: Whole | None = None,
) -> None:
    """Forecast a network before training: what theory predicts, what its first weights show.

    Parameters
    ----------
    network
        MODULE:FUNCTION; called without arguments, it returns a torch module or a Design. MODULE is a file
        (net.py) or a name that Python imports from here.
    data
        The data it is to be trained on: a CSV or Parquet file, an .npz of arrays, a folder of pictures or
        texts with one folder a class, or bundled:NAME. A Design with a body needs them.
    target
        The column to predict; not needed for a folder, or an .npz that names its own.
    json
        Print JSON in place of the text.
    html
        Write a page there too; an existing file is not overwritten.
    force
        Overwrite it.
    seed
        Of the draws of first weights and rows.
    """
    if html is None and force:
        raise ArgumentError("--force overwrites the page of --html; give that, or leave --force out")
    if html is not None:
        _check_page(html, force)
    if seed is not None and seed < 0:
        raise ArgumentError(f"--seed {seed} is below 0; give a whole number from 0 on")
    if target is not None and data is None:
        raise ArgumentError(f"--target {target} names a column, but no --data was given; add the table")
    from profunda.data.reading import read
    from profunda.forecasting import forecast as home
    from profunda.reporting.reports import report

    made = called(network, "the network")
    table = None if data is None else read(data, target)
    found = home.forecast(made, table) if seed is None else home.forecast(made, table, seed=seed)
    print(found.json() if json else found.text(), end="\n" if json else "")
    if html is not None:
        print(f"Page:     {report(found).html(html)}", file=sys.stderr if json else sys.stdout)


def _check_page(html: Path, force: bool) -> None:
    """Before anything is computed."""
    try:
        if html.is_dir():
            raise ArgumentError(f"{html} is a folder; name a file in it for --html")
        if os.path.lexists(html) and not force:
            raise ArgumentError(
                f"{html} exists already and is not overwritten; choose another file for --html, or add "
                "--force"
            )
    except OSError as error:  # such as a name that is too long
        raise ArgumentError(f"the page cannot be written to {html}: {error.strerror}") from None
