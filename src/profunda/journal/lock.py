"""One writer at a time: a lock on a run's folder that dies with its process.

The lock belongs to the kernel, so a process that is killed leaves nothing behind that could block a resume;
the pid in the file only serves the message. POSIX record locks are used rather than `flock` because a child
made by fork does not inherit them: a data-loading child that outlives its killed parent must not keep the run
locked. They do not exclude a second opener within the same process, hence the set of held folders.
"""

import os
import threading
from pathlib import Path
from typing import Final

from profunda.errors import RunError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

__all__ = ["LOCK_NAME", "FolderLock"]

LOCK_NAME: Final = "journal.lock"

_held: set[str] = set()
_held_guard = threading.Lock()


class FolderLock:
    """Exclusive right to write into `folder`, from construction to `release`.

    Raises:
        RunError: another process (named by its pid) or another part of this process writes there, or the
            folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = os.path.realpath(folder)
        with _held_guard:
            if self._folder in _held:
                raise RunError(
                    f"{folder} is already open for writing in this process. "
                    "Close the first journal, or end the first search, before opening it again."
                )
            self._descriptor: int | None = _acquire(folder)
            _held.add(self._folder)

    def release(self) -> None:
        """Give the right back; a second call does nothing."""
        with _held_guard:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None
                _held.discard(self._folder)


def _acquire(folder: Path) -> int:
    path = folder / LOCK_NAME
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
    except OSError as error:
        raise RunError(
            f"{folder} cannot be locked for writing: {error.strerror}. Check the folder's owner and rights."
        ) from error
    try:
        _lock(descriptor)
    except OSError:
        holder = os.read(descriptor, 20).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise RunError(
            f"{folder} is being written by another process (pid {holder}). "
            "Wait until it ends, stop it, or choose another folder."
        ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    return descriptor


def _lock(descriptor: int) -> None:
    if fcntl is not None:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        import msvcrt

        # A byte far beyond the pid, since Windows locks are mandatory and the pid must stay readable.
        os.lseek(descriptor, 1 << 20, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        os.lseek(descriptor, 0, os.SEEK_SET)
