"""MODULE:FUNCTION of the user's, imported and called."""

import sys
from inspect import signature
from pathlib import Path
from typing import Any

from profunda.errors import ArgumentError

__all__ = ["called"]


def called(network: str, gives: str) -> Any:
    """What the function that `network` names returns; `gives` says in messages what that should be.

    Raises ArgumentError where there is no such module or function, or it cannot be called without arguments.
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
    except TypeError as error:  # told from one that the function itself raises
        raise ArgumentError(
            f"{network} cannot be called without arguments ({error}); write a function that takes none and "
            f"returns {gives}"
        ) from error
    return function()


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
            return run_path(str(path))
        finally:
            sys.path.pop(0)
    sys.path.insert(0, str(Path.cwd()))  # as `python -m` does
    try:
        return vars(import_module(source))
    except ModuleNotFoundError as error:
        raise ArgumentError(
            f"Python finds no module {source!r} from here ({error}); give a file, such as net.py:build"
        ) from error
    finally:
        sys.path.pop(0)
