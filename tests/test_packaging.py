"""What the build makes of this repository: the native wheel, the pure one instead of it, the archive."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from profunda._version import __version__

ROOT = Path(__file__).resolve().parents[1]
CPP = {".cpp", ".hpp", ".cc", ".h", ".o", ".a"}


def build(hook: str, folder: Path, **settings: str) -> Path:
    """Call the build backend as pip does, in a fresh process; the archive it made."""
    code = f"import sys; from scikit_build_core.build import {hook}; {hook}(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        cwd=ROOT,
        env={**os.environ, "PROFUNDA_PURE": "", **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (archive,) = folder.iterdir()
    return archive


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def sources() -> set[str]:
    """The package's own files, as a wheel names them."""
    files = (path for path in (ROOT / "src" / "profunda").rglob("*") if path.is_file())
    return {
        str(path.relative_to(ROOT / "src"))
        for path in files
        if path.parent.name != "__pycache__" and not path.name.startswith("_native.cpython")
    }


def compiled(files: set[str]) -> list[str]:
    return [
        name
        for name in files
        if name.startswith("profunda/fleet/_native.") and name.endswith((".so", ".pyd"))
    ]


@pytest.mark.parametrize(
    "settings",
    [{"PROFUNDA_PURE": "1"}, {"CC": "/bin/false", "CXX": "/bin/false"}],
    ids=["asked for", "no compiler"],
)
def test_the_pure_wheel_takes_the_native_one_s_place(settings: dict[str, str], tmp_path: Path) -> None:
    wheel = build("build_wheel", tmp_path, **settings)
    assert wheel.name == f"profunda-{__version__}-py3-none-any.whl"
    assert {name for name in names(wheel) if ".dist-info/" not in name} == sources()


@pytest.mark.slow
def test_the_wheel_has_the_compiled_module_and_no_sources_of_it(tmp_path: Path) -> None:
    files = names(build("build_wheel", tmp_path))
    assert len(compiled(files)) == 1
    assert {name for name in files if ".dist-info/" not in name} - set(compiled(files)) == sources()
    assert not {Path(name).suffix for name in files} & CPP


def test_the_source_archive_can_build_and_test_the_same(tmp_path: Path) -> None:
    with tarfile.open(build("build_sdist", tmp_path)) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"src/{name}" for name in sources()} <= inside
    assert {str(path.relative_to(ROOT)) for path in (ROOT / "native").rglob("*.?pp")} <= inside
    assert {"native/CMakeLists.txt", "pyproject.toml", "LICENSE", "README.md", "dev.py", "Makefile"} <= inside
    assert {"tests/conftest.py", "constraints.txt", "docs/architecture.md"} <= inside
    assert not [name for name in inside if "__pycache__" in name or name.endswith((".so", ".o", ".pyc"))]
