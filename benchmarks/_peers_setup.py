"""Make the environment that `peers.py` trains the peers in: `python benchmarks/_peers_setup.py [FOLDER]`.

They have dependencies of their own, so they do not share ours. torch is held at the version of this
interpreter (or of PROFUNDA_TORCH), so that a wheel that pip finds locally is not replaced by a larger one.
FOLDER is `build/peers` unless said otherwise; name another one to `peers.py` with PROFUNDA_PEERS.
"""

import os
import subprocess
import sys
import tempfile
import venv
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["FOLDER", "main", "python_of", "requirements"]

FOLDER = Path(os.environ.get("PROFUNDA_PEERS", Path(__file__).resolve().parents[1] / "build" / "peers"))
PEERS = ("xgboost-cpu", "lightgbm", "catboost", "pytabkit")


def python_of(folder: Path) -> Path:
    """The interpreter of an environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def requirements() -> str:
    """pip's constraint on torch; empty where nobody says which."""
    try:
        found = os.environ.get("PROFUNDA_TORCH") or version("torch")
    except PackageNotFoundError:
        return ""
    return f"torch=={found.partition('+')[0]}\n"


def main(words: list[str]) -> int:
    """Make the environment and install the peers; pip's exit status."""
    folder = Path(words[0]) if words else FOLDER
    venv.create(folder, with_pip=True)
    with tempfile.TemporaryDirectory() as place:
        held = Path(place) / "held.txt"
        held.write_text(requirements(), encoding="utf-8")
        command = [str(python_of(folder)), "-m", "pip", "install", "-c", str(held), *PEERS]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
