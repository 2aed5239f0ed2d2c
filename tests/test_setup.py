"""dev.py: what it decides, without installing anything; and that its parts fit the rest of the repository."""

import ast
import importlib.util
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
MACHINE = sysconfig.get_platform().rpartition("-")[2]
TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}"


@pytest.fixture
def dev(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A copy of dev.py in a project of its own, so that nothing of this checkout is touched."""
    for name in ("dev.py", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text((ROOT / name).read_text("utf-8"), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("dev_copy", tmp_path / "dev.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "pip_setting", lambda name: "")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    return module


def wheels(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_an_old_python_is_told_so(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dev, "OLDEST", (99, 0))
    assert dev.main(["test"]) == 2
    assert "needs Python 3.11 or newer, but" in capsys.readouterr().err


def test_old_pythons_can_read_it_that_far() -> None:
    """No syntax newer than 3.7 may stand in the file that has to say so."""
    ast.parse((ROOT / "dev.py").read_text("utf-8"), feature_version=(3, 7))


@pytest.mark.parametrize(("words", "code"), [([], 2), (["tset"], 2), (["--help"], 0)])
def test_unknown_chores_show_the_known_ones(
    words: list[str], code: int, dev: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dev.main(words) == code
    said = capsys.readouterr()
    assert "python3 dev.py demo" in said.out + said.err
    assert not dev.VENV.exists()


def test_a_local_torch_for_this_python_is_taken(
    dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = wheels(
        tmp_path / "a", f"torch-2.9.0+cpu-{TAG}-{TAG}-linux_{MACHINE}.whl", "numpy-2.0-py3-none-any.whl"
    )
    second = wheels(tmp_path / "b", f"torch-2.13.0%2Bcpu-{TAG}-{TAG}-manylinux_2_28_{MACHINE}.whl")
    monkeypatch.setenv(
        "PIP_FIND_LINKS", f"{first} file://{second} {tmp_path}/absent https://example.org/wheels"
    )
    assert dev.find_links() == [first, second]
    assert dev.local_torch() == "2.13.0+cpu"
    dev.VENV.mkdir()
    words = dev.requirements(dev.local_torch())
    pinned = [Path(word) for word in words if word.endswith("torch-constraint.txt")]
    assert [path.read_text() for path in pinned] == ["torch==2.13.0+cpu\n"]


def test_a_torch_for_another_python_or_machine_is_left(
    dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = wheels(
        tmp_path / "a",
        f"torch-2.13.0-cp27-cp27m-linux_{MACHINE}.whl",
        f"torch-2.13.0-{TAG}-{TAG}-linux_pdp11.whl",
        f"torchvision-0.20-{TAG}-{TAG}-linux_{MACHINE}.whl",
    )
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    assert dev.local_torch() is None
    assert not [word for word in dev.requirements(None) if word.endswith("torch-constraint.txt")]


def test_pip_s_own_setting_is_read_too(
    dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = wheels(tmp_path / "links")
    monkeypatch.setattr(dev, "pip_setting", {"global.find-links": f"\n{folder}"}.get)
    assert dev.find_links() == [folder]


@pytest.mark.parametrize(
    ("torch", "gpu", "asked"), [(None, False, True), (None, True, False), ("2.13.0", False, False)]
)
def test_uv_is_asked_for_a_cpu_build_only_where_that_is_right(
    torch: str | None,
    gpu: bool,
    asked: bool,
    dev: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr(dev, "nvidia", lambda: gpu)
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels(tmp_path / "links")))
    monkeypatch.setattr(dev.subprocess, "call", lambda command, cwd, env: seen.append((command, env)) or 0)
    dev.VENV.mkdir()
    assert dev.install_with_uv("uv", torch)
    command, settings = seen[0]
    assert command[:3] == ["uv", "pip", "install"]
    assert (command[3:5] == ["--torch-backend", "cpu"]) is asked
    assert settings["UV_FIND_LINKS"] == str(tmp_path / "links")
    assert settings["UV_COMPILE_BYTECODE"] == "1"


def test_where_uv_fails_pip_is_next_and_where_pip_fails_it_is_said(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(dev.shutil, "which", lambda name: "/somewhere/uv" if name == "uv" else None)
    monkeypatch.setattr(dev, "make_venv", lambda: dev.VENV.mkdir())
    monkeypatch.setattr(dev.subprocess, "call", lambda command, cwd, env: seen.append(command[0]) or 1)
    assert dev.main(["test"]) == 2
    assert seen == ["/somewhere/uv", str(dev.PYTHON)]
    said = capsys.readouterr()
    assert "uv could not install the project; trying pip" in said.out
    assert "Set-up stopped: pip could not install the project" in said.err
    assert not dev.STAMP.exists()


def test_set_up_is_skipped_until_its_recipe_changes(
    dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    monkeypatch.setattr(dev, "make_venv", lambda: made.append("venv"))
    monkeypatch.setattr(dev, "install_with_uv", lambda uv, torch: True)
    monkeypatch.setattr(dev, "install_with_pip", lambda torch: None)
    monkeypatch.setattr(dev.subprocess, "run", lambda *args, **words: None)
    dev.PYTHON.parent.mkdir(parents=True)
    dev.PYTHON.touch()
    dev.set_up()
    dev.set_up()
    assert made == ["venv"]
    (tmp_path / "constraints.txt").write_text("# changed\n")
    dev.set_up()
    assert made == ["venv", "venv"]


def test_a_python_without_ensurepip_is_told_what_to_install(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(dev.SetUpError, match="apt install python3-venv"):
        dev.make_venv()


def test_the_demo_never_takes_a_folder_that_exists(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[tuple[str, ...]] = []
    monkeypatch.setattr(dev, "call", lambda *words: seen.append(words) or 0)
    assert dev.demo([]) == 0
    (dev.ROOT / "demo-run").mkdir()
    assert dev.demo(["--trials", "5"]) == 0
    assert dev.demo(["--out", "mine"]) == 0
    assert [words[words.index("--out") + 1] for words in seen] == ["demo-run", "demo-run-2", "mine"]
    assert ["--time" in words for words in seen] == [True, False, True]
    said = capsys.readouterr().out
    for page in ("demo-run/report.html", "demo-run-2/report.html", "mine/report.html"):
        assert f"Open {page} in a browser." in said


def test_a_demo_that_failed_promises_no_report(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dev, "call", lambda *words: 2)
    assert dev.demo([]) == 2
    assert "Open" not in capsys.readouterr().out


def test_lint_runs_every_check_and_returns_the_worst(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(dev, "call", lambda *words: seen.append(words[1]) or (1 if words[1] == "ruff" else 0))
    assert dev.lint([]) == 1
    assert seen == ["ruff", "ruff", "pyrefly"]


def test_children_write_bytecode_and_see_no_foreign_modules(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    settings = dev.environment({"OMP_NUM_THREADS": "1"})
    assert not {"PYTHONDONTWRITEBYTECODE", "PYTHONPATH"} & set(settings)
    assert settings["OMP_NUM_THREADS"] == "1"


def test_make_knows_every_chore_and_calls_dev_py() -> None:
    for chore in ("demo", "test", "lint", "bench"):
        words = ["make", "--dry-run", "--no-print-directory", chore]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout.strip().endswith(f"dev.py {chore}")


def test_ci_is_sound_bash_and_can_be_executed() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True)
    assert "set -euo pipefail" in script.read_text("utf-8")


def test_every_dependency_says_why_and_only_torch_floats() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    project = tomllib.loads(text)["project"]
    declared = [
        *project["dependencies"],
        *(word for extra in project["optional-dependencies"].values() for word in extra),
    ]
    for requirement in declared:
        assert "<" not in requirement, f"{requirement} is capped"
        assert re.search(rf'"{re.escape(requirement)}".*# \w', text), f"{requirement} gives no reason"
    names = {re.split(r"[><=]", requirement)[0] for requirement in declared}
    pinned = dict(
        re.findall(r"^([\w-]+)==(\S+)$", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE)
    )
    assert names - set(pinned) == {"torch"}


def test_the_bundled_table_of_the_demo_exists(dev: ModuleType) -> None:
    from profunda.data.reading import read

    dataset = read(dev.DEMO_DATA, dev.DEMO_TARGET)
    kinds = {str(column.kind) for column in dataset.columns if column.used}
    assert "categorical" in kinds
    assert any(column.missing for column in dataset.columns)
