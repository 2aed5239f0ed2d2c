"""README and docs: Python blocks run, links lead somewhere, commands exist, the two languages agree."""

import os
import re
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest

from profunda.cli.app import main
from profunda.lab.contents import entry

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
READMES = [ROOT / "README.md", ROOT / "README.pt.md"]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def headings(page: Path) -> list[str]:
    return re.findall(r"^#+ ", page.read_text("utf-8"), re.MULTILINE)


# The Portuguese README's blocks are those of the English one, letter for letter; a test below compares them.
RUNNABLE = [
    (page, number)
    for page in PAGES
    if page.name != "README.pt.md"
    for number, _ in enumerate(blocks(page, "python"))
]


def test_the_readme_has_blocks_to_run() -> None:
    assert len(blocks(ROOT / "README.md", "python")) >= 2


BLOCKS = """
import gc, os, runpy, sys
import polars, profunda, torch._dynamo

profunda.fit, profunda.diagnose  # what takes seconds to load is loaded once for all blocks
gc.freeze()
while folder := sys.stdin.readline().rstrip():
    child = os.fork()
    if not child:
        os.chdir(folder)
        sys.stdin = open(os.devnull)
        with open("said", "w") as said:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
        sys.argv = ["block.py"]
        runpy.run_path("block.py", run_name="__main__")
        sys.exit()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture(scope="module")
def blocks_run() -> Iterator[Callable[[Path], int]]:
    """Runs block.py of a folder in a process of its own, forked from one that has loaded the package, with
    warnings as errors; its exit status. What it printed is in the folder's file `said`."""
    command = [sys.executable, "-W", "error", "-c", BLOCKS]
    settings = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=settings, stdin=pipe, stdout=pipe, text=True, bufsize=1) as starter:
        assert starter.stdin is not None
        assert starter.stdout is not None

        def run(folder: Path) -> int:
            starter.stdin.write(f"{folder}\n")
            return int(starter.stdout.readline())

        yield run


@pytest.mark.parametrize(
    ("page", "number"), RUNNABLE, ids=[f"{page.relative_to(ROOT)}-{number}" for page, number in RUNNABLE]
)
def test_python_blocks_run(
    page: Path, number: int, tmp_path: Path, blocks_run: Callable[[Path], int]
) -> None:
    """In a process of its own, in an empty folder, with warnings as errors."""
    (tmp_path / "block.py").write_text(blocks(page, "python")[number], encoding="utf-8")
    assert blocks_run(tmp_path) == 0, (tmp_path / "said").read_text("utf-8")


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ("import warnings; warnings.warn('a word')", "UserWarning: a word"),
        ("unknown", "NameError: name"),
    ],
)
def test_a_block_that_fails_is_seen(
    block: str, words: str, tmp_path: Path, blocks_run: Callable[[Path], int]
) -> None:
    (tmp_path / "block.py").write_text(block, encoding="utf-8")
    assert blocks_run(tmp_path) == 1
    assert words in (tmp_path / "said").read_text("utf-8")


def test_the_readmes_are_twins() -> None:
    english, portuguese = READMES
    assert headings(english) == headings(portuguese)
    assert blocks(english, "python") == blocks(portuguese, "python")
    assert [len(block.splitlines()) for block in blocks(english, "sh")] == [
        len(block.splitlines()) for block in blocks(portuguese, "sh")
    ]
    count = [len(re.findall(r"^- ", page.read_text("utf-8"), re.MULTILINE)) for page in READMES]
    assert count[0] == count[1]


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_lead_to_files_that_exist(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8"))
    local = [target for target in targets if not target.startswith(("http://", "https://", "mailto:"))]
    assert not [target for target in local if not (page.parent / target).exists()]


@pytest.mark.parametrize("page", READMES, ids=["en", "pt"])
def test_commands_of_the_readme_exist(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = page.read_text("utf-8")
    for command in set(re.findall(r"profunda (fit|predict|resume|report|info)\b", text)):
        assert main([command, "--help"]) == 0
    main(["fit", "--help"])
    shown = capsys.readouterr().out
    for option in set(re.findall(r"profunda fit .*?(--[a-z]+)", text)) - {"--help"}:
        assert option in shown
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for chore in set(re.findall(r"(?:make|dev\.py) ([a-z]+)", text)):
        assert chore in makefile


# Coverage of the source texts -----------------------------------------------------------------------

COVERAGE = ROOT / "docs" / "coverage.py"


def test_the_coverage_page_is_what_its_table_says() -> None:
    written = runpy.run_path(str(COVERAGE))["page"]()
    assert (ROOT / "docs" / "coverage.md").read_text("utf-8") == written


def test_a_stale_coverage_page_would_be_seen(tmp_path: Path) -> None:
    table = (ROOT / "docs" / "coverage.toml").read_text("utf-8").replace('"done"]', '"unfinished"]', 1)
    (tmp_path / "coverage.toml").write_text(table, encoding="utf-8")
    written = runpy.run_path(str(COVERAGE))["page"](tmp_path / "coverage.toml")
    assert (ROOT / "docs" / "coverage.md").read_text("utf-8") != written


def test_coverage_rows_are_well_formed_and_what_is_done_is_named() -> None:
    texts = tomllib.loads((ROOT / "docs" / "coverage.toml").read_text("utf-8"))["texts"]
    assert [text["letter"] for text in texts] == list("ABCDE")
    for text in texts:
        for section, row, where, status in text["sections"]:
            assert status in ("done", "unfinished"), section
            assert re.fullmatch(r"–|[SRUP]\d+(, [SRUP]\d+)*", row), section
            assert status == "unfinished" or where != "–", section


ROOMS = ("layers", "networks", "theory")
"""Rooms whose names are public too."""


def test_what_coverage_names_exists(capsys: pytest.CaptureFixture[str]) -> None:
    main(["fit", "--help"])
    options = capsys.readouterr().out
    table = tomllib.loads((ROOT / "docs" / "coverage.toml").read_text("utf-8"))
    for where in {
        part for text in table["texts"] for section in text["sections"] for part in section[2].split("; ")
    }:
        if where.startswith("profunda fit"):
            assert all(option in options for option in re.findall(r"--\w+", where)), where
        elif where.startswith("profunda."):
            home, _, name = re.match(r"profunda\.([\w.]+)", where)[1].rpartition(".")
            public = import_module(f"profunda.{home}" if home in ROOMS else "profunda").__all__
            assert (name if home in ROOMS else (home or name).split(".")[0]) in public, where
        elif where.startswith("profunda lab "):
            assert entry(where.split()[2]).id == where.split()[2], where
        elif "/" in where or where.endswith(".md"):
            assert (ROOT / where.split()[0]).exists(), where


# The repository speaks of itself alone --------------------------------------------------------------

FOREIGN = re.compile(
    r"/(?:wor[k]|op[t]|roo[t]|hom[e])/|py[p]i\.org|file[s]\.pythonhosted|download\.pytorch", re.IGNORECASE
)


def test_no_path_of_one_machine_and_no_index_host_is_named() -> None:
    kept = ("*.py", "*.md", "*.toml", "*.txt", "*.cfg", "*.jinja", "*.js", "*.css", "Makefile", "run")
    folders = ("src", "tests", "docs", "examples", "benchmarks", ".ci")
    files = [path for path in ROOT.iterdir() if path.is_file() and not path.name.startswith(".")]
    files += [path for folder in folders for kind in kept for path in (ROOT / folder).rglob(kind)]
    wrong = [str(path.relative_to(ROOT)) for path in files if FOREIGN.search(path.read_text("utf-8"))]
    assert not wrong


def test_such_a_path_would_be_seen() -> None:
    assert FOREIGN.search("see /" + "work/main") is not None
    assert FOREIGN.search("python.org/downloads") is None
