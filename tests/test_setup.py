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
    (tmp_path / "native" / "src").mkdir(parents=True)
    for name in ("dev.py", "pyproject.toml", "constraints.txt", "native/CMakeLists.txt"):
        (tmp_path / name).write_text((ROOT / name).read_text("utf-8"), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("dev_copy", tmp_path / "dev.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "pip_setting", lambda name: "")
    for name in ("PIP_FIND_LINKS", "PROFUNDA_PURE", "CXX"):
        monkeypatch.delenv(name, raising=False)
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
    assert command[command.index("--reinstall-package") + 1] == "profunda"
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


@pytest.fixture
def set_ups(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One word for each time that `dev.set_up` has really set something up."""
    made: list[str] = []
    monkeypatch.setattr(dev, "make_venv", lambda: made.append("venv"))
    monkeypatch.setattr(dev, "install_with_uv", lambda uv, torch: True)
    monkeypatch.setattr(dev, "install_with_pip", lambda torch: None)
    monkeypatch.setattr(dev, "works", lambda command: True)
    monkeypatch.setattr(dev.subprocess, "run", lambda *args, **words: None)
    dev.PYTHON.parent.mkdir(parents=True)
    dev.PYTHON.touch()
    dev.set_up()
    assert made == ["venv"]
    dev.set_up()
    assert made == ["venv"]
    return made


@pytest.mark.parametrize(
    "name", ["constraints.txt", "native/CMakeLists.txt", "native/src/new.cpp", "native/src/new.hpp"]
)
def test_set_up_is_skipped_until_its_recipe_changes(name: str, dev: ModuleType, set_ups: list[str]) -> None:
    (dev.ROOT / name).write_text("# changed\n")
    dev.set_up()
    dev.set_up()
    assert len(set_ups) == 2


def test_a_compiler_that_came_or_a_wish_for_none_is_a_new_recipe(
    dev: ModuleType, set_ups: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev, "compiler", lambda: "/new/c++")
    dev.set_up()
    assert len(set_ups) == 2
    monkeypatch.setenv("PROFUNDA_PURE", "1")
    dev.set_up()
    assert len(set_ups) == 3


def test_a_module_that_went_is_installed_anew_and_a_new_one_is_not(
    dev: ModuleType, set_ups: list[str]
) -> None:
    module = dev.ROOT / "src" / "profunda" / "new.py"
    module.parent.mkdir(parents=True)
    module.touch()
    dev.set_up()
    assert len(set_ups) == 1
    (dev.ROOT / "constraints.txt").write_text("# changed\n")
    dev.set_up()
    module.unlink()
    dev.set_up()
    assert len(set_ups) == 3


@pytest.mark.parametrize(
    ("works", "said"), [(True, "with the native engine"), (False, "without the native engine: it")]
)
def test_set_up_says_whether_the_native_engine_is_there(
    works: bool,
    said: str,
    dev: ModuleType,
    set_ups: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(dev, "works", lambda command: works)
    (dev.ROOT / "constraints.txt").write_text("# changed\n")
    dev.set_up()
    assert f" s, {said}" in capsys.readouterr().out.splitlines()[-2]


@pytest.mark.parametrize(
    ("wanted", "there", "found"),
    [
        (None, {"g++"}, "/bin/g++"),
        (None, {"clang++", "cc"}, "/bin/clang++"),
        (None, {"gcc"}, None),
        ("ccache g++-12", {"ccache", "g++"}, "/bin/ccache"),
        ("g++-99", {"g++"}, None),
    ],
)
def test_the_compiler_is_looked_for_as_cmake_does(
    wanted: str | None, there: set[str], found: str | None, dev: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev.shutil, "which", lambda name: f"/bin/{name}" if name in there else None)
    if wanted:
        monkeypatch.setenv("CXX", wanted)
    assert dev.compiler() == found


@pytest.mark.parametrize("missing", [(), ("ninja",), ("cmake", "ninja")], ids=str)
def test_tools_that_the_machine_lacks_come_into_the_environment(
    missing: tuple[str, ...], dev: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev.shutil, "which", lambda name: None if name in missing else f"/bin/{name}")
    assert {"cmake", "ninja"} & set(dev.requirements(None)) == set(missing)


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


LISTING = """
_ZN8profunda6avx5124loadILi1EEEDv16_fPKf W 0 16
_ZNK8profunda6avx5123Net4sizeEv W 20 8
_ZN8profunda6avx5123sumEPKfi T 30 9
_ZTIN8profunda3JobE V 0 8
memcpy U
{stray}
"""


def objects(dev: ModuleType, stray: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build folder with one object, whose symbols are those of LISTING."""
    folder = dev.ROOT / "build" / "native-address"
    (folder / "CMakeFiles" / "symbols_avx512.dir" / "src").mkdir(parents=True)
    (folder / "CMakeFiles" / "symbols_avx512.dir" / "src" / "engine.cpp.o").touch()
    done = subprocess.CompletedProcess([], 0, stdout=LISTING.format(stray=stray).strip().encode())
    monkeypatch.setattr(dev.subprocess, "run", lambda *args, **words: done)
    return folder


@pytest.mark.parametrize(
    ("symbol", "strays"),
    [
        ("", False),
        ("_ZZN8profunda6avx5123sumEPKfiENKUlvE_clEv W 0 9", False),
        ("_ZSt11max_elementIPKfET_S2_S2_ W 0 2a", True),
        ("_ZNK9__gnu_cxx5__ops15_Iter_less_iterclIPKfS4_EEbT_T0_ W 0 29", True),
        ("_ZN8profunda3Job4rowsEv W 0 9", True),
        ("_ZN8profunda4avx24loadEv W 0 9", True),
    ],
)
def test_inline_functions_of_others_are_found_in_an_instruction_set_s_object(
    symbol: str, strays: bool, dev: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = objects(dev, symbol, monkeypatch)
    assert dev.stray_symbols(folder) == ([("avx512", symbol.split()[0])] if strays else [])


def test_without_objects_or_nm_the_symbols_are_not_called_clean(
    dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(dev.SetUpError, match="no object of the engine lies below"):
        dev.stray_symbols(tmp_path)
    monkeypatch.setattr(dev.shutil, "which", lambda name: None)
    with pytest.raises(dev.SetUpError, match="apt install binutils"):
        dev.stray_symbols(tmp_path)


@pytest.mark.parametrize(("rest", "name"), [([], "address"), (["--thread"], "thread"), (["--plain"], "none")])
def test_native_tests_are_configured_built_read_and_run(
    rest: list[str], name: str, dev: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(dev, "compiler", lambda: "/bin/c++")
    monkeypatch.setattr(dev, "fixed_addresses", lambda: True)
    monkeypatch.setattr(dev, "stray_symbols", lambda folder: [])
    monkeypatch.setattr(dev.subprocess, "call", lambda command, cwd, env: seen.append(command) or 0)
    assert dev.test_native([*rest, "gemm"]) == 0
    assert [command[:2] for command in seen[:2]] == [["cmake", "-S"], ["cmake", "--build"]]
    assert seen[0][-1] == f"PROFUNDA_SANITIZE={name}"
    program = [str(dev.ROOT / "build" / f"native-{name}" / "native_tests"), "gemm"]
    assert seen[2] == (["setarch", "-R", *program] if name == "thread" else program)


def test_native_tests_stop_at_the_first_thing_that_fails(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(dev, "compiler", lambda: "/bin/c++")
    monkeypatch.setattr(dev.subprocess, "call", lambda command, cwd, env: seen.append(command) or 3)
    assert dev.test_native([]) == 3
    assert len(seen) == 1
    monkeypatch.setattr(dev.subprocess, "call", lambda command, cwd, env: seen.append(command) or 0)
    objects(dev, "_ZSt3maxv W 0 9", monkeypatch)
    assert dev.test_native([]) == 1
    assert len(seen) == 3
    assert "  avx512: _ZSt3maxv\n" in capsys.readouterr().out


def test_native_tests_without_a_compiler_say_what_to_install(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dev, "set_up", lambda: None)
    monkeypatch.setattr(dev.shutil, "which", lambda name: None)
    assert dev.main(["test-native"]) == 2
    assert "needs a C++ compiler; on Debian or Ubuntu: apt install g++" in capsys.readouterr().err


@pytest.mark.parametrize(("chore", "marked"), [("test", "not slow"), ("test-slow", "slow")])
def test_slow_tests_are_a_chore_of_their_own(
    chore: str, marked: str, dev: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev, "set_up", lambda: None)
    seen: list[tuple[str, ...]] = []
    monkeypatch.setattr(dev, "call", lambda *words, extra: seen.append(words) or 0)
    assert dev.main([chore, "tests/data", "-k", "parquet"]) == 0
    assert seen[0][-5:] == ("-m", marked, "tests/data", "-k", "parquet")


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
    assert settings["PATH"].split(os.pathsep)[0] == str(dev.PYTHON.parent)


def test_make_knows_every_chore_and_calls_dev_py() -> None:
    for chore in ("demo", "test", "test-slow", "test-native", "lint", "bench"):
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
