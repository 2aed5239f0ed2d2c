"""Public names that import their module at their first use: `import profunda` must not load torch."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["lazily"]


def lazily(module: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` (PEP 562) for the `module` whose public names live in `homes`.

    What is not among them raises AttributeError, which names those that are.
    """
    here = sys.modules[module]

    def get(name: str) -> Any:
        home = homes.get(name)
        if home is None:
            raise AttributeError(
                f"module {module!r} has no attribute {name!r}; its public names are {', '.join(here.__all__)}"
            )
        value = getattr(import_module(home), name)
        setattr(here, name, value)
        return value

    def names() -> list[str]:
        return sorted(here.__all__)

    return get, names
