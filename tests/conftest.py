"""Fixtures of the whole suite."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

# Spinning OpenMP threads slow small networks down many times over on a shared machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

SHARED = Path(os.environ.get("PROFUNDA_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache folder of the session's own: no test reads or writes the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def shared_data() -> Callable[[str], Path]:
    """Path of a development data set, such as ``shared_data("tab/adult.parquet")``; skips without it."""

    def locate(name: str) -> Path:
        path = SHARED / name
        if not path.exists():
            pytest.skip(f"development data {name} are not on this machine (set PROFUNDA_SHARED_DATA)")
        return path

    return locate


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Imports a module of the benchmarks by its name, as a script finds its neighbours; all are forgotten
    afterwards, and what scripts set for their process is put back."""
    import torch

    threads = torch.get_num_threads()
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    for name in ("OMP_WAIT_POLICY", "PYTHONWARNINGS"):
        monkeypatch.setenv(name, "")
    yield __import__
    torch.set_num_threads(threads)
    for path in BENCHMARKS.glob("*.py"):
        sys.modules.pop(path.stem, None)
