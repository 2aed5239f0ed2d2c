"""The worked examples in docstrings of three rooms are right."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import profunda

ROOMS = ("layers", "theory", "networks")
MODULES = [
    f"profunda.{room}.{path.stem}"
    for room in ROOMS
    for path in sorted((Path(profunda.__file__).parent / room).glob("*.py"))
    if path.stem != "__init__" and ">>> " in path.read_text("utf-8")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_give_what_they_say(name):
    outcome = doctest.testmod(import_module(name))
    assert outcome.attempted > 0
    assert outcome.failed == 0


def test_the_worked_examples_are_among_them():
    assert {"profunda.layers.dropout", "profunda.theory.critical", "profunda.networks.notation"} <= set(
        MODULES
    )
