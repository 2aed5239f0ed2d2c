"""Arrays beside a journal: one safetensors file for each name, with a checksum of its content.

safetensors checks shapes and offsets but not the numbers themselves; the checksum in its metadata finds a
flipped bit, so that a run is never resumed from damaged weights.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from profunda.errors import ArgumentError, RunError
from profunda.journal.durable import write_durably

__all__ = ["discard_arrays", "load_arrays", "store_arrays", "stored"]

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,120}(\.[A-Za-z0-9_-]{1,40})*")
_CHECKSUM: Final = "checksum"


def store_arrays(folder: Path, name: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Write `arrays` durably as `name` into `folder`, replacing what an interrupted attempt left there.

    Raises:
        ArgumentError: something is no array of numbers.
        RunError: the name could leave the folder, or the disk is full.
    """
    path = _path(folder, name)
    solid: dict[str, np.ndarray] = {}
    for key, array in arrays.items():
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
            kind = (
                f"an array of {array.dtype}" if isinstance(array, np.ndarray) else f"a {type(array).__name__}"
            )
            raise ArgumentError(f"{key!r} of {name!r} is {kind}; only arrays of numbers can be stored.")
        # Little-endian and C order are what the format holds; asarray keeps a 0-d array 0-d.
        solid[key] = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
    try:
        folder.mkdir(exist_ok=True)
        write_durably(path, save(solid, metadata={_CHECKSUM: _checksum(solid)}))
    except OSError as error:
        raise RunError(
            f"{path} could not be written: {error.strerror}. Free space or check the rights."
        ) from error


def load_arrays(folder: Path, name: str) -> dict[str, np.ndarray]:
    """The arrays stored as `name` in `folder`.

    Raises:
        RunError: no such file, or it is damaged.
    """
    path = _path(folder, name)
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
    except FileNotFoundError:
        raise RunError(
            f"{path} is missing, though the journal speaks of it. Restore it, or start a new run."
        ) from None
    except (OSError, SafetensorError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise RunError(f"{path} is damaged: {error}. Restore it, or start a new run.") from error
    if metadata.get(_CHECKSUM) != _checksum(arrays):
        raise RunError(
            f"{path} is damaged: its checksum does not fit its numbers. Restore it, or start a new run."
        )
    return arrays


def stored(folder: Path, name: str) -> bool:
    """Whether there are arrays under `name` in `folder`."""
    return _path(folder, name).is_file()


def discard_arrays(folder: Path, name: str) -> None:
    """Delete the arrays `name` of `folder`, if there are any."""
    _path(folder, name).unlink(missing_ok=True)


def _path(folder: Path, name: str) -> Path:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise RunError(
            f"{str(name)[:80]!r} cannot name arrays of a run: letters, digits, - and _ are allowed, and "
            "single dots between them. If it comes from a journal, that journal is damaged or hostile."
        )
    return folder / f"{name}.safetensors"


def _checksum(arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for key in sorted(arrays):
        array = arrays[key]
        digest.update(repr((key, array.dtype.str, array.shape)).encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
