"""MODULE:FUNCTION of the user's, imported and called."""

import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from traceback import extract_tb
from typing import Any

from profunda.errors import ArgumentError

__all__ = ["called"]


def called(network: str, gives: str) -> Any:
    """What the function that `network` names returns; `gives` says in messages what that should be.

    Raises ArgumentError where there is no such module or function, where it cannot be called without
    arguments, and for whatever the user's code raises.
    """
    source, colon, name = network.rpartition(":")
    if not (colon and source and name):
        raise ArgumentError(f"{network!r} is not MODULE:FUNCTION; write for example net.py:build")
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
            f"returns {gives}"
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
