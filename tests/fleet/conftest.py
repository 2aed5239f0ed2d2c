"""What the tests of this folder ask for by name."""

from functools import partial
from importlib import import_module
from types import ModuleType

import pytest
from tests.fleet import cases

from profunda.fleet import native_engine


def require_native() -> None:
    """Skip, and say why, where the native engine was not compiled."""
    if not native_engine.available():
        pytest.skip(f"the native engine is not here: {native_engine.unavailable_reason()}")


@pytest.fixture(scope="module", params=["torch", "native"])
def train(request):
    """`cases.train` on each engine in turn: what holds for one must hold for the other."""
    if request.param == "native":
        require_native()
    return partial(cases.train, engine=request.param)


@pytest.fixture(scope="session")
def native():
    """`cases.train` on the native engine alone."""
    require_native()
    return partial(cases.train, engine="native")


@pytest.fixture(scope="session")
def compiled() -> ModuleType:
    """The compiled module itself."""
    require_native()
    return import_module("profunda.fleet._native")


@pytest.fixture(scope="session", params=["avx512", "avx2", "neon", "generic"])
def isa(request, compiled) -> str:
    """Each instruction set that was compiled and that this processor runs."""
    if compiled.instruction_set(request.param) is None:
        pytest.skip(f"no {request.param} in this build or processor")
    return request.param
