"""How fast the engines are on this machine: measured once, then read from the user's cache folder."""

import hashlib
import json
import math
import os
import platform
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch

from profunda._version import __version__
from profunda.fleet.cost import NATIVE, TORCH, Rates
from profunda.fleet.native_engine import available, instruction_set
from profunda.fleet.timing import measured_rates
from profunda.journal.durable import write_durably

__all__ = ["Speeds", "speeds_here"]

_LARGEST_FILE = 10_000  # bytes; a whole one has about 700


@dataclass(frozen=True)
class Speeds:
    """Rates of both engines on one machine. `native` is None and `instruction_set` "" without the engine."""

    torch: Rates
    native: Rates | None
    instruction_set: str

    def to_json(self) -> dict[str, Any]:
        """A JSON-able form that `from_json` reads."""
        return asdict(self)

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Speeds":
        """What `to_json` wrote. Raises ValueError, TypeError or KeyError for anything else."""
        native = data["native"]
        name = data["instruction_set"]
        if not isinstance(name, str) or (native is None) != (not name):
            raise ValueError(f"instruction_set {name!r} does not fit the native engine's rates")
        return Speeds(_rates(data["torch"]), None if native is None else _rates(native), name)


def _rates(data: Mapping[str, Any]) -> Rates:
    try:
        found = Rates(**{field.name: float(data[field.name]) for field in fields(Rates)})
    except OverflowError as error:
        raise ValueError("rates must be finite and positive, got a number beyond them") from error
    if not all(math.isfinite(rate) and rate > 0 for rate in asdict(found).values()):
        raise ValueError(f"rates must be finite and positive, got {found}")
    return found


_KNOWN: list[Speeds] = []
_LOCK = threading.Lock()


def speeds_here(engine: str = "auto") -> Speeds:
    """This machine's speeds: from the cache, or measured in less than a second and cached.

    A named engine leaves nothing to choose by them: it has the reference rates, and nothing is measured.
    The cache never gets in the way: one that cannot be read, or is of another machine or version, is
    measured anew; where none can be written, every process measures for itself.
    """
    if engine != "auto":
        return Speeds(TORCH, NATIVE, instruction_set()) if available() else Speeds(TORCH, None, "")
    with _LOCK:
        if not _KNOWN:
            _KNOWN.append(_cached() or _measured())
        return _KNOWN[0]


def _measured() -> Speeds:
    torch_rates, native_rates = measured_rates()
    found = Speeds(torch_rates, native_rates, instruction_set() if available() else "")
    _keep(found)
    return found


def _cached() -> Speeds | None:
    path = _file()
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            told = json.loads(file.read(_LARGEST_FILE))
        return Speeds.from_json(told["speeds"]) if told["machine"] == _machine() else None
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None  # of another version, or of somebody who plays with it


def _keep(found: Speeds) -> None:
    path = _file()
    if path is None:
        return
    text = json.dumps({"machine": _machine(), "speeds": found.to_json()}, indent=1)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, f"{text}\n".encode())
    except OSError:
        return  # a full disk, a folder of somebody else, or another process that wrote it just now


def _machine() -> dict[str, str | int]:
    """All that the speeds depend on, as far as it can be told."""
    return {
        "profunda": __version__,
        "torch": torch.__version__,
        "processor": _processor(),
        "instruction_set": instruction_set() if available() else "",
        "cores": os.cpu_count() or 1,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _file() -> Path | None:
    """One file for each machine and version; None where there is no home to put it in."""
    name = hashlib.blake2b(json.dumps(_machine(), sort_keys=True).encode(), digest_size=6).hexdigest()
    folder = _cache_folder()
    return None if folder is None else folder / "profunda" / f"speeds-{name}.json"


def _cache_folder() -> Path | None:
    """The platform's folder for what can be made again; XDG_CACHE_HOME comes first where it is absolute."""
    wanted = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(wanted):
        return Path(wanted)
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    return home / "Library" / "Caches" if sys.platform == "darwin" else home / ".cache"
