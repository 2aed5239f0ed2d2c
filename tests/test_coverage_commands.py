"""What docs/coverage.toml names runs: here, or in a test of its own that is found, not believed.

Commands of the shell and calls with arguments are run here, as small as they can be. An experiment of the
laboratory needs a test that measures it, a public name one that uses it, a script one that runs it; these are
found in what the tests' code refers to.
"""

import ast
import re
import tomllib
from collections.abc import Callable, Iterator
from functools import cache, cached_property
from importlib import import_module
from itertools import product
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import profunda
from profunda.cli.app import main
from profunda.lab.contents import entry

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("layers", "networks", "theory")
PAGES = ("README.md", "docs/cards.md", "docs/regularisation.md", "docs/theory.md")
NOTHING = "–"


@cache
def named() -> tuple[str, ...]:
    """Every command, function and script of the table, once, in its order."""
    texts = tomllib.loads((ROOT / "docs" / "coverage.toml").read_text("utf-8"))["texts"]
    parts = (part for text in texts for section in text["sections"] for part in section[2].split("; "))
    return tuple(dict.fromkeys(part for part in parts if part != NOTHING))


def kind(part: str) -> str:
    """What a part of the table is; AssertionError where nothing here knows how to run it."""
    patterns = {
        "experiment": r"profunda lab [\w-]+( --data \S+)?",
        "command": r"profunda [a-z]+( .+)?",
        "name": r"profunda(\.\w+)+",
        "call": r"profunda(\.\w+)+\(.*",
        "script": r"(benchmarks|examples)/\w+\.py( .+)?",
        "page": r"[\w/]+\.md",
    }
    found = [word for word, pattern in patterns.items() if re.fullmatch(pattern, part)]
    assert found, f"nothing here knows how to run {part!r}"
    return found[0]


def of(wanted: str) -> list[str]:
    return [part for part in named() if kind(part) == wanted]


# Tests as code --------------------------------------------------------------------------------------


class Reach:
    """What the tests of one file refer to: each with the fixtures and functions of the file that it uses."""

    def __init__(self, file: Path) -> None:
        tree = ast.parse(file.read_text("utf-8"))
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        bodies = [node for body in (tree, *classes) for node in body.body]
        self.functions = {node.name: node for node in bodies if isinstance(node, ast.FunctionDef)}
        self.aliases: dict[str, tuple[str, str]] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    whole = (alias.name, "") if alias.asname else (alias.name.split(".")[0], "")
                    self.aliases[alias.asname or whole[0]] = whole
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    self.aliases[alias.asname or alias.name] = (node.module or "", alias.name)

    @cached_property
    def tests(self) -> list[list[ast.FunctionDef]]:
        """Each test with what it uses."""
        named = [name for name in self.functions if name.startswith("test_")]
        return [[self.functions[used] for used in self._used(name, set())] for name in named]

    @cached_property
    def uses(self) -> dict[str, list[ast.expr]]:
        """What any test of the file calls or hands on, by the last word of its name."""
        found: dict[str, list[ast.expr]] = {}
        for function in {id(part): part for test in self.tests for part in test}.values():
            for use in _uses(function):
                word = use.attr if isinstance(use, ast.Attribute) else getattr(use, "id", "")
                found.setdefault(self.aliases.get(word, ("", ""))[1] or word, []).append(use)
        return found

    def _used(self, name: str, seen: set[str]) -> set[str]:
        seen.add(name)
        node = self.functions[name]
        words = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
        words |= {argument.arg for argument in node.args.args}
        for word in words & set(self.functions) - seen:
            self._used(word, seen)
        return seen

    def means(self, node: ast.expr, wanted: object, name: str) -> bool:
        """Whether an expression is the object, by whatever module it was imported from."""
        words: list[str] = []
        while isinstance(node, ast.Attribute):
            words.insert(0, node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id not in self.aliases:
            return False
        module, attribute = self.aliases[node.id]
        path = [*filter(None, [attribute]), *words]
        if path[-1:] != [name] or not module.startswith("profunda"):
            return False
        return _found(module, path) is wanted


def _found(module: str, path: list[str]) -> object:
    """The object at a dotted path, whose first words may be modules still to be imported; None if none."""
    for cut in range(len(path), -1, -1):
        try:
            found: Any = import_module(".".join([module, *path[:cut]]))
        except ImportError:
            continue
        for word in path[cut:]:
            found = getattr(found, word, None)
        return found
    return None


@cache
def reaches(folder: Path = ROOT / "tests") -> tuple[Reach, ...]:
    mine = Path(__file__).name
    return tuple(Reach(file) for file in sorted(folder.rglob("test_*.py")) if file.name != mine)


def _uses(node: ast.AST) -> Iterator[ast.expr]:
    """What is called, and what is handed on to be called; a type that `isinstance` asks for is neither."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call):
            yield inner.func
            if not (isinstance(inner.func, ast.Name) and inner.func.id in ("isinstance", "issubclass")):
                yield from (*inner.args, *(word.value for word in inner.keywords))
        elif isinstance(inner, ast.List | ast.Tuple | ast.Set):
            yield from inner.elts
        elif isinstance(inner, ast.Dict):
            yield from (*filter(None, inner.keys), *inner.values)


def used_by_a_test(wanted: object, name: str, among: tuple[Reach, ...]) -> bool:
    return any(reach.means(use, wanted, name) for reach in among for use in reach.uses.get(name, []))


WHOLE = {
    "benchmarks/textbook_search.py": "measure",  # `main` without its reading of words
    "examples/bayesian_search.py": "run",  # a fixture that runs the file
    "examples/random_search.py": "run",
}
"""What runs a script as a whole, where it is not `main`."""


def run_by_a_test(script: str, words: list[str], among: tuple[Reach, ...]) -> bool:
    """Whether some test names the script, every one of the words, and runs it as a whole."""
    return any(_runs(test, script, words) for reach in among for test in reach.tests)


def _runs(test: list[ast.FunctionDef], script: str, words: list[str]) -> bool:
    nodes = [node for function in test for node in ast.walk(function)]
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    calls = [node.func for node in nodes if isinstance(node, ast.Call)]
    whole = {call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls}
    stem = Path(script).stem
    present = bool({stem, f"{stem}.py"} & (texts | imported))
    return present and WHOLE.get(script, "main") in whole and set(words) <= texts


# Experiments ----------------------------------------------------------------------------------------


def measured(module: ModuleType) -> set[str]:
    """Ids of the experiments that the tests of a module of tests/lab measure."""
    found: set[str] = set()
    for name, test in vars(module).items():
        if name.startswith("test_") and isinstance(test, FunctionType) and _measures(test):
            marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
            rows = [row for mark in marks for row in mark.args[1]]
            values = [value for row in rows for value in (row if isinstance(row, tuple) else (row,))]
            found |= {_id(value) for value in (*values, *test.__code__.co_consts)}
    return found


def _measures(test: FunctionType) -> bool:
    """Whether it, or a function that it names, calls `measure`."""
    others = (test.__globals__.get(name) for name in test.__code__.co_names)
    unwrapped = (getattr(other, "__wrapped__", other) for other in others)
    codes = [test.__code__, *(other.__code__ for other in unwrapped if isinstance(other, FunctionType))]
    return any(isinstance(code, CodeType) and "measure" in code.co_names for code in codes)


def _id(value: object) -> str:
    name = value.__name__.rpartition(".")[2] if isinstance(value, ModuleType) else value
    return name.replace("_", "-") if isinstance(name, str) else ""


@cache
def all_measured() -> frozenset[str]:
    files = sorted((ROOT / "tests" / "lab").glob("test_*.py"))
    return frozenset().union(*(measured(import_module(f"tests.lab.{file.stem}")) for file in files))


def check_experiment(part: str, known: frozenset[str]) -> None:
    _, _, name, *data = part.split()
    assert entry(name).id == name
    assert name in known, f"no test of tests/lab measures {name}"
    assert not data or measured_on_data(name, reaches()), f"no test measures {name} on data"


def measured_on_data(name: str, among: tuple[Reach, ...]) -> bool:
    """Whether a test names the experiment and hands data to it."""
    tests = [[node for part in test for node in ast.walk(part)] for reach in among for test in reach.tests]
    return any({name, name.replace("-", "_")} & _words(nodes) and _hands_data(nodes) for nodes in tests)


def _words(nodes: list[ast.AST]) -> set[str]:
    texts = {str(node.value) for node in nodes if isinstance(node, ast.Constant)}
    return texts | {node.id for node in nodes if isinstance(node, ast.Name)}


def _hands_data(nodes: list[ast.AST]) -> bool:
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    on = {call.func.attr for call in calls if isinstance(call.func, ast.Attribute)}
    return "measure_on" in on or any(word.arg == "data" for call in calls for word in call.keywords)


@pytest.mark.parametrize("part", of("experiment"))
def test_experiments_are_measured_by_a_test(part: str) -> None:
    check_experiment(part, all_measured())


# Names and scripts ----------------------------------------------------------------------------------


def public(part: str) -> tuple[object, str]:
    """The object behind a public name, and its own name."""
    _, *path = part.split(".")
    home = import_module(f"profunda.{path[0]}") if path[0] in ROOMS else profunda
    name = path[1] if path[0] in ROOMS else path[0]
    assert name in home.__all__, f"{part} is not public"
    return getattr(home, name), name


def check_name(part: str, among: tuple[Reach, ...]) -> None:
    wanted, name = public(part)
    assert used_by_a_test(wanted, name, among), f"no test uses {part}"


@pytest.mark.parametrize("part", of("name"))
def test_names_are_public_and_used_by_a_test(part: str) -> None:
    check_name(part, reaches())


def check_script(part: str, among: tuple[Reach, ...]) -> None:
    script, *words = part.split()
    assert (ROOT / script).is_file(), f"there is no {script}"
    assert run_by_a_test(script, words, among), f"no test runs {part}"


@pytest.mark.parametrize("part", of("script"))
def test_scripts_are_run_by_a_test(part: str) -> None:
    check_script(part, reaches())


@pytest.mark.parametrize("part", of("page"))
def test_pages_are_there(part: str) -> None:
    """Their blocks are run by tests/test_docs.py."""
    assert part in PAGES
    assert (ROOT / part).stat().st_size > 1000


# Calls ----------------------------------------------------------------------------------------------

GIVEN: dict[str, Any] = {
    "dropout": 0.3,
    "equivariant_to": "same",
    "dropout_kind": "gaussian",
    "folds": 2,
    "l1": 1e-3,
    "l1_update": "subgradient",
    "l2": 1e-3,
    "decoupled": False,
    "n_trials": 6,
    "patience": 1,
    "refit": "retrain",
    "regret": 1e-9,
    "space": {"depth": [1, 2], "width": [8], "epochs": [2]},
    "task_column": "school",
}
"""What stands for … in a call of the table."""


def readings(part: str) -> list[tuple[str, dict[str, Any], str]]:
    """A call as (function, keywords, attribute of what it gives), once for each "a"|"b" in it.

    >>> readings('profunda.search(sampler="gp"|"tpe")')[1]
    ('search', {'sampler': 'tpe'}, '')
    """
    node: ast.expr = ast.parse(part.replace("…", "..."), mode="eval").body
    attribute = ""
    if isinstance(node, ast.Attribute):
        node, attribute = node.value, node.attr
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Attribute)
    choices = [[(word.arg, value) for value in _values(word)] for word in node.keywords]
    return [(node.func.attr, dict(chosen), attribute) for chosen in product(*choices)]


def _values(word: ast.keyword) -> list[Any]:
    constants = [node.value for node in ast.walk(word.value) if isinstance(node, ast.Constant)]
    return [GIVEN[str(word.arg)] if value is ... else value for value in constants]


def rows() -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).normal(size=(80, 3))
    return x, np.sin(x[:, 0]) + x[:, 1]


def grouped() -> pd.DataFrame:
    x, y = rows()
    return pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "school": np.arange(80) % 3, "y": y})


def trained(**fields: Any) -> None:
    rate = {"dropout": 0.3} if "dropout_kind" in fields else {}
    design = profunda.Design(widths=(8,), epochs=2, **{**rate, **fields})
    assert all(getattr(design, name) == value for name, value in fields.items())
    data = profunda.read(grouped(), "y", task_column="school") if "sharing" in fields else rows()
    assert all(np.isfinite(curve.valid_loss).all() for curve in profunda.train(design, data, folds=2).curves)


def fitted(**words: Any) -> None:
    fixed = {} if "space" in words else {"fix": {"epochs": 2, "depth": 1}}
    told = "task_column" in words
    data = (grouped(), "y") if told else (rows(),)
    outcome = profunda.fit(*data, trials=2, baselines=told, report=False, progress=False, **fixed, **words)
    assert len(outcome.tasks) == (3 if told else 0)
    assert np.isfinite(outcome.score.value)
    assert outcome.model.provenance.refit == words.get("refit", "folds")
    if "folds" in words:
        assert {len(part.networks) for part in outcome.model.parts} == {words["folds"]}


def searched(**words: Any) -> object:
    space = {"x": [0.0, 0.25, 0.5, 0.75, 1.0], "y": [0.0, 0.5, 1.0]}
    grid = words.get("sampler") == "grid"
    trials = {} if grid else {"n_trials": 8}
    found = profunda.search(lambda p: (p["x"] - 0.5) ** 2 + p["y"], space, **{**trials, **words})
    assert len(found.trials) == (15 if grid else words.get("n_trials", 8)) or "regret" in words
    return found


def guided(**words: Any) -> object:
    return profunda.guidance(profunda.read(rows()), **words)


def moved(**words: Any) -> None:
    images = torch.rand(8, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    edges = torch.nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular")
    with torch.no_grad():
        found = profunda.invariance(edges, images, lambda x: x.roll(2, 3), **words)
    assert found.score > 0.99


RUNS: dict[str, Callable[..., object]] = {
    "invariance": moved,
    "Design": trained,
    "fit": fitted,
    "guidance": guided,
    "search": searched,
}


def check_call(part: str) -> None:
    for function, words, attribute in readings(part):
        assert function in profunda.__all__
        assert function in RUNS, f"nothing here knows how to run {part}"
        found = RUNS[function](**words)
        assert not attribute or getattr(found, attribute), part


@pytest.mark.parametrize("part", of("call"))
def test_calls_run(part: str) -> None:
    check_call(part)


# Commands -------------------------------------------------------------------------------------------

FIT = "fit bundled:concrete --fix epochs=2"
COMMANDS = {
    "ablate": "ablate run bundled:concrete --folds 2 --seeds 1 --time 3",
    "card": "card",
    "fit": FIT,
    "forecast": "forecast net.py:build",
    "lab": "lab",
}
"""Each with what it cannot do without."""
OPTIONS = {"--trials": "2", "--folds": "2", "--task-column": "age"}
"""Values of options that the table names alone."""
NET = "import profunda\n\n\ndef build():\n    return profunda.Design(widths=(8, 8))\n"


def lines(part: str) -> list[list[str]]:
    """A command of the table as words of the shell, once for each a|b in it.

    >>> lines("profunda fit --sampler grid|random")[1][-2:]
    ['--sampler', 'random']
    """
    _, command, *words = part.split()
    assert command in COMMANDS, f"nothing here knows how to run {part}"
    words += [OPTIONS[words[-1]]] if words and words[-1] in OPTIONS else []
    fixed = COMMANDS[command].split()
    if command == "fit" and "--trials" not in words:
        fixed += ["--trials", "2"]
    if command == "card" and not words:
        fixed += ["run"]
    return [[*fixed, *chosen] for chosen in product(*(word.split("|") for word in words))]


def check_command(part: str, folder: Path) -> None:
    (folder / "net.py").write_text(NET)
    for number, words in enumerate(lines(part)):
        if "run" in words:
            assert main([*FIT.split(), "--trials", "2", "--fix", "depth=1", "--out", "run"]) == 0
        out = ["--out", f"run-{number}"] if words[0] == "fit" else []
        assert main([*words, *out]) == 0, part
        assert not out or (folder / out[1] / "model").is_dir()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("part", of("command"))
def test_commands_run(part: str, folder: Path) -> None:
    check_command(part, folder)


# Made-up rows fail ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("profunda lab no-such-experiment", "no-such-experiment"),
        ("profunda.theory.no_such_name", "is not public"),
        ("profunda.no_such_name", "is not public"),
        ("benchmarks/no_such_script.py", "there is no"),
        ("benchmarks/samplers.py --parts no-such-part", "no test runs"),
        ("profunda.no_such_name(x=1)", "no_such_name"),
        ("profunda.Design(no_such_field=1)", "no_such_field"),
        ('profunda.Design(norm="no-such-norm")', "no-such-norm"),
        ('profunda.search(sampler="no-such-sampler")', "no-such-sampler"),
        ("profunda.guidance(…).no_such_attribute", "no_such_attribute"),
        ("profunda fit --no-such-option", "no-such-option"),
        ("profunda fit --sampler no-such-sampler", "no-such-sampler"),
        ("profunda no-such-command", "nothing here knows"),
        ("SearchResult.best", "nothing here knows"),
    ],
)
def test_a_made_up_row_is_seen(part: str, words: str, folder: Path) -> None:
    checks: dict[str, Callable[[], None]] = {
        "experiment": lambda: check_experiment(part, all_measured()),
        "name": lambda: check_name(part, reaches()),
        "script": lambda: check_script(part, reaches()),
        "call": lambda: check_call(part),
        "command": lambda: check_command(part, folder),
    }
    with pytest.raises((AssertionError, AttributeError, TypeError, profunda.ProfundaError), match=words):
        checks[kind(part)]()


LOOKALIKES = {
    "imported alone": "from profunda.theory import ridge\ndef test_it():\n    assert True\n",
    "asked for alone": "from profunda.theory import ridge\ndef test_it():\n    assert isinstance(1, ridge)\n",
    "another of this name": "from numpy import ridge\ndef test_it():\n    ridge(1)\n",
    "where none comes": "from profunda.theory import ridge\ndef made():\n    ridge(1)\ndef test_it(): pass\n",
}
REAL = {
    "called": "from profunda.theory import ridge\ndef test_it():\n    ridge(1)\n",
    "by its home": "import profunda.theory\ndef test_it():\n    profunda.theory.ridge(1)\n",
    "by a helper": "from profunda import theory as t\ndef made():\n    t.ridge(1)\ndef test_it(made): pass\n",
    "handed on": "from profunda.theory import ridge\n@mark('law', [ridge])\ndef test_it(law):\n    law(1)\n",
}


@pytest.mark.parametrize("name", [*LOOKALIKES, *REAL])
def test_a_use_is_told_from_what_only_looks_like_one(name: str, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text({**LOOKALIKES, **REAL}[name])
    assert used_by_a_test(profunda.theory.ridge, "ridge", reaches(tmp_path)) == (name in REAL)


def test_an_experiment_that_is_not_measured_is_seen() -> None:
    """A test with its name that measures nothing, and a list of names that no test goes through."""
    source = (
        "import pytest\n"
        "NAMES = ['grid_counts']\n"
        "@pytest.mark.parametrize('name', ['sawtooth'])\n"
        "def test_names(name): assert name\n"
        "def quick(name): return entry(name).measure(True)\n"
        "@pytest.mark.parametrize(('name', 'verdict'), [('l1_threshold', 'wrong')])\n"
        "def test_verdicts(name, verdict): assert quick(name).verdict == verdict\n"
        "def test_one(): assert quick('vc_bound')\n"
    )
    module = ModuleType("test_made_up")
    exec(source, vars(module))
    assert measured(module) & {"grid-counts", "sawtooth", "l1-threshold", "vc-bound"} == {
        "l1-threshold",
        "vc-bound",
    }
    with pytest.raises(AssertionError, match="no test of tests/lab measures sawtooth"):
        check_experiment("profunda lab sawtooth", frozenset())


def test_a_script_that_is_only_asked_for_help_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(load):\n    load('samplers')\n    say('--help')\n")
    assert not run_by_a_test("benchmarks/samplers.py", [], reaches(tmp_path))
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "test_it.py").write_text(
        "def test_it(load):\n    load('samplers').main(['--quick'])\n"
    )
    assert run_by_a_test("benchmarks/samplers.py", ["--quick"], reaches(tmp_path / "more"))
    assert not run_by_a_test("benchmarks/samplers.py", ["--parts"], reaches(tmp_path / "more"))


def test_an_experiment_whose_data_no_test_brings_is_seen(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "def test_one(): run('rank-example', quick=True)\ndef test_two(): run('sawtooth', data=file)\n"
    )
    assert not measured_on_data("rank-example", reaches(tmp_path))
    assert measured_on_data("sawtooth", reaches(tmp_path))
