"""Replacing a file so that a reader finds the old content or the new, whatever dies in between."""

import os
from pathlib import Path

__all__ = ["sync_folder", "temporary", "write_all", "write_durably"]


def write_durably(path: Path, content: bytes) -> None:
    """Put `content` at `path`: temporary name, fsync, rename, fsync of the folder.

    One process at a time may write a given path; what a killed one left under the temporary name is replaced.

    Raises:
        OSError: the disk is full or the folder cannot be written; `path` is as it was.
    """
    aside = temporary(path)
    # Unlinked first and created anew, so that a link planted under this name is never followed.
    aside.unlink(missing_ok=True)
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(aside, path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def temporary(path: Path) -> Path:
    """The name under which `path` is written before it is renamed."""
    return path.with_name(f".{path.name}.tmp")


def write_all(descriptor: int, content: bytes) -> None:
    """Write every byte: one call of `os.write` may take only a part."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_folder(folder: Path) -> None:
    """Make a rename or a new name in `folder` survive a power cut."""
    if os.name == "nt":  # Windows cannot open a folder; NTFS journals the rename itself
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
