"""The doors of three rooms: what they offer, and that opening them loads no torch."""

import ast
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOMS = ("profunda.layers", "profunda.networks", "profunda.theory")
SOURCE = Path(__file__).resolve().parents[2] / "src"


@pytest.mark.parametrize("name", ROOMS)
def test_public_names_are_where_the_table_says(name):
    room = import_module(name)
    assert dir(room) == sorted(room.__all__)
    assert set(room._HOMES) == set(room.__all__)
    for public, home in room._HOMES.items():
        assert getattr(room, public) is getattr(import_module(home), public)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'; its public names are "):
        room.nothing  # noqa: B018


@pytest.mark.parametrize("name", ROOMS)
def test_editors_read_the_same_table(name):
    tree = ast.parse(Path(import_module(name).__file__).read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    assert {alias.asname: node.module for node in block.body for alias in node.names} == import_module(
        name
    )._HOMES


@pytest.mark.parametrize("name", ROOMS)
def test_no_public_name_is_a_module_of_its_room(name):
    room = import_module(name)
    assert not {path.stem for path in Path(room.__file__).parent.glob("*.py")} & set(room.__all__)


def test_opening_the_doors_loads_no_torch():
    script = (
        "import sys, profunda.theory, profunda.layers, profunda.networks; "
        "profunda.theory.critical_initialisation('gelu'); profunda.theory.ridge; "
        "assert not {'torch', 'sklearn', 'scipy', 'pandas'} & set(sys.modules)"
    )
    settings = {**os.environ, "PYTHONPATH": str(SOURCE)}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=settings, check=False
    )
    assert done.returncode == 0, done.stderr
