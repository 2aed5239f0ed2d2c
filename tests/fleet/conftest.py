"""What the tests of this folder ask for by name."""

from functools import partial

import pytest
from tests.fleet import cases

from profunda.fleet import native_engine


@pytest.fixture(scope="module", params=["torch", "native"])
def train(request):
    """`cases.train` on each engine in turn: what holds for one must hold for the other."""
    if request.param == "native" and not native_engine.available():
        pytest.skip(f"the native engine is not here: {native_engine.unavailable_reason()}")
    return partial(cases.train, engine=request.param)
