"""The commands that need no run: --version, --help, info, and the module as a program."""

import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import profunda
from profunda.cli.app import main
from profunda.fleet import native_engine


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == profunda.__version__


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    for command in ("fit", "predict", "export", "resume", "report", "info"):
        assert re.search(rf"\b{command}  +\w", said)


def test_info_names_versions_and_devices(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    said = capsys.readouterr().out
    for word in (profunda.__version__, version("torch"), "cores", "threads", "cpu", "engines"):
        assert word in said


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        (None, "native (avx2), torch"),
        ("the module is not installed", "torch alone: the module is not installed"),
    ],
)
def test_info_says_whether_the_native_engine_is_there_and_why_not(
    reason: str | None, shown: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(native_engine, "available", lambda: reason is None)
    monkeypatch.setattr(native_engine, "unavailable_reason", lambda: reason)
    monkeypatch.setattr(native_engine, "instruction_set", lambda: "avx2")
    assert main(["info"]) == 0
    assert shown in re.sub(r"\s+", " ", capsys.readouterr().out)


def test_the_module_is_a_program(tmp_path: Path) -> None:
    settings = {**os.environ, "PYTHONPATH": str(Path(profunda.__file__).parents[1])}
    command = [sys.executable, "-m", "profunda", "fit"]
    done = subprocess.run(command, cwd=tmp_path, env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pipes there end in another error")
def test_a_reader_that_has_seen_enough_is_no_bug(tmp_path: Path) -> None:
    """`profunda lab | head -1`: neither a traceback nor a complaint while Python ends."""
    reader, writer = os.pipe()
    os.close(reader)
    settings = {**os.environ, "PYTHONPATH": str(Path(profunda.__file__).parents[1])}
    words = [sys.executable, "-m", "profunda", "lab"]
    ended = subprocess.run(
        words, stdout=writer, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=settings, check=False
    )
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (141, "")


def test_a_pipe_that_breaks_elsewhere_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given: object, **named: object) -> None:
        raise BrokenPipeError(32, "a worker's pipe")

    monkeypatch.setattr("profunda.cli.app.app", broken)
    with pytest.raises(BrokenPipeError, match="a worker's pipe"):
        main(["info"])
