"""`profunda forecast`: what theory says about a network of the user's, before it is trained."""

import os
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from profunda.cli.whole import Whole
from profunda.errors import ArgumentError

if TYPE_CHECKING:
    from torch import nn

    from profunda.space.design import Design

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
        The table it is to be trained on: a CSV or Parquet file, an .npz of arrays, or bundled:NAME.
    target
        The column to predict; not needed for an .npz that names its own.
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

    made = _made(network)
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


def _made(network: str) -> "Design | nn.Module":
    """What MODULE:FUNCTION returns."""
    source, colon, name = network.rpartition(":")
    if not (colon and source and name):
        raise ArgumentError(
            f"{network!r} is not MODULE:FUNCTION; write for example  profunda forecast net.py:build"
        )
    module = _imported(source)
    function = module.get(name)
    if not callable(function):
        known = [key for key, value in module.items() if callable(value) and not key.startswith("_")]
        raise ArgumentError(f"{source} has no function {name!r}; it has {', '.join(sorted(known)) or 'none'}")
    try:
        signature(function).bind()
    except ValueError:  # a function of C that says nothing of itself: calling it tells
        pass
    except TypeError as error:  # told from one that the function itself raises
        raise ArgumentError(
            f"{network} cannot be called without arguments ({error}); write a function that takes none and "
            "returns the network"
        ) from error
    with _told(f"{network} raised"):
        return function()


@contextmanager
def _told(what: str) -> Iterator[None]:
    """What a stranger's code raises, as one message with the place; `python -c` shows the whole way there."""
    try:
        yield
    except (Exception, SystemExit) as error:
        frames = [one for one in extract_tb(error.__traceback__) if _own(one.filename)]
        place = f", at line {frames[-1].lineno} of {frames[-1].filename}" if frames else ""
        raise ArgumentError(
            f"{what} {type(error).__name__}: {error}{place}; mend it and try again"
        ) from error


def _own(file: str) -> bool:
    """Whether a frame's file is the user's: not this one, not Python's and no library's."""
    library = ("<frozen", __file__, sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"))
    return not file.startswith(library)


def _imported(source: str) -> dict[str, object]:
    """The names of a file or of an importable module."""
    from importlib import import_module
    from runpy import run_path

    path = Path(source)
    if path.suffix == ".py":
        if not path.is_file():
            raise ArgumentError(f"there is no file {source}; give the path of the file with the function")
        sys.path.insert(0, str(path.resolve().parent))  # as `python FILE` does, for what stands beside it
        try:
            with _told(f"{source} cannot be run:"):
                return run_path(str(path))
        finally:
            sys.path.pop(0)
    sys.path.insert(0, str(Path.cwd()))  # as `python -m` does
    try:
        with _told(f"{source} cannot be imported:"):
            return vars(import_module(source))
    except ArgumentError as error:
        cause = error.__cause__
        if not isinstance(cause, ModuleNotFoundError) or not f"{source}.".startswith(f"{cause.name}."):
            raise
        raise ArgumentError(
            f"Python finds no module {source!r} from here ({cause}); give a file, such as net.py:build"
        ) from cause
    finally:
        sys.path.pop(0)
