"""The house: which room may import which, which names are public, and what it costs to open the door."""

import ast
import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

import profunda

SOURCE = Path(profunda.__file__).parent

# A room imports only rooms on lines below its own; rooms on one line never import each other.
LINES = (
    ("cli",),
    ("estimator", "lab"),
    ("job",),
    ("reporting", "exporting"),
    ("model",),
    ("tuning",),
    ("diagnosis",),
    ("forecasting",),
    ("training",),
    ("fleet",),
    ("networks",),
    ("space",),
    ("data",),
    ("vitals", "layers", "metrics"),
    ("theory",),
    ("journal",),
    ("errors", "_lazy", "_seeds", "_version"),
)
HEIGHT = {room: -line for line, rooms in enumerate(LINES) for room in rooms}

PUBLIC = """
ArgumentError Choice DataError Dataset DeepClassifier DeepRegressor Design Diagnosis Float Forecast Int
LogFloat Model ModelError Notice ProfundaError Repair RunError Space SpaceError When __version__ ablate card
diagnose dose export export_file fit forecast guidance invariance label_breaking load plan read relations
repair report resume search stress train train_modules watch
""".split()  # noqa: SIM905

HEAVY = ("torch", "sklearn", "pandas", "optuna", "plotly")
# numpy may be imported at a module's top everywhere but in the rooms that must open at once.
TORCH_AT_TOP = {
    "networks",
    "layers",
    "fleet",
    "training",
    "exporting",
    "theory",
    "job",
    "forecasting",
    "diagnosis",
    "lab",
}
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "base", "core"}


def modules() -> dict[str, Path]:
    """Dotted name of every module under src/profunda, with its file."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imports(module: str, tree: ast.Module) -> Iterator[tuple[str, str, int]]:
    """Every import of the package's own modules, wherever it stands: (module, name or "", line)."""
    package = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "", node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            up = (
                ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            )
            base = ".".join(part for part in (up, node.module) if part)
            yield from ((base, alias.name, node.lineno) for alias in node.names)


@cache
def own_imports(module: str) -> tuple[tuple[str, str, int], ...]:
    """Imports of Profunda by Profunda; a module imported by name from its package counts as that module."""
    found = []
    for source, name, line in imports(module, ast.parse(MODULES[module].read_text("utf-8"))):
        if source.split(".")[0] == "profunda":
            full = f"{source}.{name}"
            found.append((full, "", line) if full in MODULES else (source, name, line))
    return tuple(found)


def upward(source: str, target: str) -> bool:
    """Whether an import of `target` by `source` breaks the diagram."""
    here, there = room(source), room(target)
    return here != there and HEIGHT[there] >= HEIGHT[here]


INNER = [name for name in MODULES if name not in ("profunda", "profunda.__main__")]


def test_every_room_stands_in_the_diagram() -> None:
    assert {room(name) for name in INNER} <= set(HEIGHT)


@pytest.mark.parametrize("module", INNER)
def test_imports_go_down_only(module: str) -> None:
    wrong = [
        (line, target)
        for target, _, line in own_imports(module)
        if target != "profunda" and upward(module, target)
    ]
    assert not wrong, f"{module} imports a room that is not below its own: {wrong}"


def test_the_diagram_refuses_what_it_must() -> None:
    assert upward("profunda.fleet.plan", "profunda.tuning.result")
    assert upward("profunda.exporting.module", "profunda.reporting.document")
    assert not upward("profunda.tuning.result", "profunda.fleet.plan")
    assert not upward("profunda.fleet.plan", "profunda.fleet.member")


def defined(path: Path) -> set[str]:
    """Names that a module itself defines at its top."""
    found = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


@cache
def facades() -> dict[str, set[str]]:
    """What each package's __init__ itself defines."""
    return {name: defined(path) for name, path in MODULES.items() if path.name == "__init__.py"}


@pytest.mark.parametrize("module", [name for name in INNER if ".lab.experiments." not in name])
def test_no_module_imports_a_facade(module: str) -> None:
    """What a package's __init__ hands on is for users; inside, names come from where they are defined.

    Experiments of the laboratory are users, and have a test of their own for that.
    """
    wrong = [
        (line, f"from {target} import {name}")
        for target, name, line in own_imports(module)
        if target == "profunda" or (name and name not in facades().get(target, {name}))
    ]
    assert not wrong


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {
        module: {target for target, _, _ in own_imports(module) if target in MODULES} for module in INNER
    }
    assert find_cycle(graph) == []
    assert find_cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


def find_cycle(graph: dict[str, set[str]]) -> list[str]:
    done: set[str] = set()

    def visit(node: str, trail: list[str]) -> list[str]:
        if node in trail:
            return [*trail[trail.index(node) :], node]
        if node in done:
            return []
        for target in sorted(graph.get(node, ())):
            if target != node and (cycle := visit(target, [*trail, node])):
                return cycle
        done.add(node)
        return []

    return next((cycle for node in sorted(graph) if (cycle := visit(node, []))), [])


@pytest.mark.parametrize("module", INNER)
def test_heavy_packages_are_imported_at_the_top_only_where_they_belong(module: str) -> None:
    tree = ast.parse(MODULES[module].read_text("utf-8"))
    found = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    if room(module) in {"cli", "errors", "_version"}:
        assert not found & {"numpy", *HEAVY}
    if room(module) not in TORCH_AT_TOP:
        assert "torch" not in found


@pytest.mark.parametrize("module", MODULES)
def test_files_are_short_and_named_by_what_they_hold(module: str) -> None:
    assert len(MODULES[module].read_text("utf-8").splitlines()) <= 600
    assert not VAGUE & set(module.split("."))


@pytest.mark.parametrize("name", [name for name, path in MODULES.items() if path.name == "__init__.py"])
def test_every_room_says_what_it_is_for(name: str) -> None:
    assert ast.get_docstring(ast.parse(MODULES[name].read_text("utf-8")))


# Public names ---------------------------------------------------------------------------------------


def test_the_public_names_are_pinned() -> None:
    assert profunda.__all__ == sorted(profunda.__all__) == sorted(PUBLIC)
    assert dir(profunda) == profunda.__all__
    assert {*profunda._HOMES, "__version__"} == set(PUBLIC)


def test_editors_and_the_interpreter_read_the_same_table() -> None:
    tree = ast.parse(Path(profunda.__file__).read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {alias.asname: node.module for node in block.body for alias in node.names}
    assert typed == profunda._HOMES


def test_no_public_name_is_also_a_module() -> None:
    """`profunda.plan` beside a package of that name would turn into the package at its first import."""
    children = {name.split(".")[1] for name in INNER}
    assert not children & set(PUBLIC)


def test_every_public_name_stands_after_every_module_has_been_imported() -> None:
    """In a fresh process: import all, then read and, where it can be called, look at each name twice."""
    script = """
import importlib, inspect, json, sys, profunda
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
for turn in range(2):
    for name in profunda.__all__:
        value = getattr(profunda, name)
        assert not inspect.ismodule(value), f"{name} has turned into a module"
        if callable(value):
            assert value.__name__ == name, name
            assert value.__doc__, f"{name} has no docstring"
            assert inspect.isclass(value) or inspect.signature(value)
"""
    names = json.dumps([name for name in MODULES if not name.endswith("__main__")])
    outcome = subprocess.run(
        [sys.executable, "-c", script, names], capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stderr


def test_an_unknown_public_name_lists_the_known_ones() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'fitt'; its public names are .*\bfit\b"):
        profunda.fitt  # noqa: B018


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_are_defined_where_the_table_says(name: str) -> None:
    if name != "__version__":
        home = import_module(profunda._HOMES[name])
        assert getattr(profunda, name) is getattr(home, name)
        assert inspect.getmodule(getattr(profunda, name)) is home


# What the door costs --------------------------------------------------------------------------------

QUICK = {
    "import profunda": "import profunda",
    "import profunda.cli": "import profunda.cli, profunda.cli.app",
    "profunda --help": "from profunda.cli.app import main; main(['--help'])",
    "profunda fit --help": "from profunda.cli.app import main; main(['fit', '--help'])",
}


def child(code: str, bytecode: Path) -> tuple[set[str], float]:
    """Top-level modules that `code` has loaded in a fresh interpreter, and the CPU seconds it took."""
    tail = "\nimport sys; print(*sys.modules, file=sys.stderr)"
    settings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    settings |= {"PYTHONPYCACHEPREFIX": str(bytecode), "PYTHONPATH": str(SOURCE.parent)}
    before = os.times()
    done = subprocess.run(
        [sys.executable, "-c", code + tail], capture_output=True, text=True, env=settings, check=True
    )
    after = os.times()
    seconds = after.children_user - before.children_user + after.children_system - before.children_system
    return {name.split(".")[0] for name in done.stderr.split()}, seconds


@pytest.fixture(scope="module")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one fresh interpreter has compiled, the next one finds."""
    return tmp_path_factory.mktemp("bytecode")


@pytest.mark.parametrize("what", QUICK)
def test_the_door_opens_at_once(what: str, bytecode: Path) -> None:
    runs = [child(QUICK[what], bytecode) for _ in range(4)]  # the first one compiles
    for loaded, _ in runs:
        assert "profunda" in loaded
        assert not loaded & {*HEAVY, "polars", "jinja2"}
    assert min(seconds for _, seconds in runs) < 0.5


def test_a_heavy_import_would_be_seen(bytecode: Path) -> None:
    loaded, _ = child("import numpy", bytecode)
    assert "numpy" in loaded
