"""A model's folder on disk: `model.json` and `weights.safetensors`, and nothing else that is ever read.

Whoever hands a folder over may have made it in bad faith, so reading it trusts nothing: no file is opened
through a link, sizes are looked at before reading, nothing is unpickled or executed, and a digest over both
files tells damage from intent. (A digest keeps accidents out, not people: everything it covers is checked
again, piece by piece, by `profunda.model.saving`.)
"""

import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from profunda.errors import ModelError
from profunda.journal.durable import sync_folder, write_durably

__all__ = ["FORMAT", "MODEL_FILE", "VERSION", "WEIGHTS_FILE", "read_folder", "write_folder"]

FORMAT = "profunda-model"
VERSION = 1
MODEL_FILE = "model.json"
WEIGHTS_FILE = "weights.safetensors"
CARD_FILE = "README.md"  # a model card may lie beside them; it is not read

JSON_LIMIT = 64 << 20  # bytes: 5,000 columns with thousands of categories each need less
WEIGHTS_LIMIT = 4 << 30  # bytes: a billion parameters, more than any ensemble of these networks


def write_folder(folder: str | Path, content: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> Path:
    """Write a model's content (JSON-able) and arrays as a folder, which appears whole or not at all.

    Raises ModelError if `folder` is a file or holds anything already, or cannot be written.
    """
    from safetensors.numpy import save

    folder = Path(folder)
    _refuse_occupied(folder)
    weights = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    sheet = {"format": FORMAT, "version": VERSION, "digest": _digest(content, weights), "content": content}
    text = json.dumps(sheet, ensure_ascii=False, allow_nan=False, indent=1)
    draft: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        draft.chmod(0o755)  # mkdtemp's 0o700 would hide the model from colleagues
        write_durably(draft / MODEL_FILE, text.encode())
        write_durably(draft / WEIGHTS_FILE, weights)
        draft.rename(folder)  # onto an empty folder at most: the system refuses any other
        sync_folder(folder.parent)
    except OSError as error:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)
        raise ModelError(
            f"the model cannot be written to {folder}: {error.strerror}; choose another folder"
        ) from error
    return folder


def read_folder(folder: str | Path) -> tuple[Mapping[str, Any], Mapping[str, np.ndarray]]:
    """Content and arrays of a model's folder, or of the folder `model` inside a run's.

    Both are what the files say, still to be checked. Raises ModelError for a folder that is missing, damaged,
    of another format or version, or holds files that Profunda never writes there.
    """
    folder = _locate(Path(folder))
    sheet = _parse(_read_file(folder / MODEL_FILE, JSON_LIMIT), folder)
    weights = _read_file(folder / WEIGHTS_FILE, WEIGHTS_LIMIT)
    try:
        digest = _digest(sheet["content"], weights)
    except (ValueError, RecursionError) as error:  # 1e999, half a character, or nested beyond reason
        raise ModelError(
            f"{folder / MODEL_FILE} is not the JSON of a model ({error}); it was changed"
        ) from error
    if sheet["digest"] != digest:
        raise ModelError(
            f"the model in {folder} is damaged: {MODEL_FILE} and {WEIGHTS_FILE} are not what was written "
            "together (a copy cut short, or a file changed by hand). Copy the folder again, or train anew."
        )
    return sheet["content"], _arrays(weights, folder)


def _refuse_occupied(folder: Path) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise ModelError(f"{folder} is not a folder, so no model is written there; choose another name")
    if folder.is_dir() and any(folder.iterdir()):
        raise ModelError(f"{folder} is not empty, and nothing is overwritten; choose another folder")


def _digest(content: object, weights: bytes) -> str:
    canonical = json.dumps(
        content, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )
    return hashlib.blake2b(canonical.encode() + b"\0" + weights, digest_size=16).hexdigest()


def _locate(folder: Path) -> Path:
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise ModelError(f"{folder} {what}; give the folder of a run or of a saved model")
    names = {entry.name for entry in folder.iterdir()}
    if MODEL_FILE not in names and (folder / "model").is_dir():
        return _locate(folder / "model")
    for name in (MODEL_FILE, WEIGHTS_FILE):
        if name not in names:
            raise ModelError(
                f"{folder} holds no {name}: it is no saved model, or the run has not finished "
                "(profunda resume goes on with it)"
            )
    foreign = sorted(n for n in names - {MODEL_FILE, WEIGHTS_FILE, CARD_FILE} if not n.startswith("."))
    if foreign:
        raise ModelError(
            f"{folder} also holds {', '.join(map(repr, foreign[:5]))}, which Profunda never writes "
            "into a model's folder. It may come from someone else, code included: look at it, "
            "and move it away to load the model."
        )
    return folder


def _read_file(path: Path, limit: int) -> bytes:
    try:
        # A link could lead anywhere, and a pipe would wait for ever: neither is opened.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        why = "is a link" if path.is_symlink() else f"cannot be opened ({error.strerror})"
        raise ModelError(
            f"{path} {why}; a model's files are plain files. Copy the model with its contents."
        ) from error
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        os.close(handle)
        raise ModelError(
            f"{path} is not a plain file; a model's files are. Copy the model with its contents."
        )
    with os.fdopen(handle, "rb") as file:
        if found.st_size > limit:
            raise ModelError(
                f"{path} has {found.st_size:,} bytes, more than any model of Profunda ({limit:,}); "
                "it is not read"
            )
        return file.read(limit + 1)


def _parse(data: bytes, folder: Path) -> Mapping[str, Any]:
    try:
        sheet = json.loads(data.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ModelError(
            f"{folder / MODEL_FILE} is not the JSON of a model ({error}); it was cut short or changed"
        ) from error
    if not isinstance(sheet, dict) or sheet.get("format") != FORMAT:
        raise ModelError(
            f"{folder / MODEL_FILE} does not say that it is a {FORMAT}; give a folder that Profunda wrote"
        )
    version = sheet.get("version")
    if version != VERSION:
        raise ModelError(
            f"{folder} is in version {version!r} of the format, this Profunda reads version {VERSION}. "
            "If it was written by a newer Profunda, update; else its file was changed."
        )
    if set(sheet) != {"format", "version", "digest", "content"}:
        raise ModelError(
            f"{folder / MODEL_FILE} has the keys {sorted(sheet)}, not those of the format; it was changed"
        )
    return sheet


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word} is not a number of JSON")


def _arrays(weights: bytes, folder: Path) -> Mapping[str, np.ndarray]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        # The library holds every declared shape against the bytes that are there before it allocates.
        return load(weights)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"{folder / WEIGHTS_FILE} holds no arrays that can be read ({error}); it was changed"
        ) from error
