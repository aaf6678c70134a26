"""One process at a time: a lock on a file that holds the number of its holder."""

import os
import sys
from io import TextIOWrapper
from pathlib import Path

if sys.platform != "win32":
    import fcntl


class LockHeldError(Exception):
    """Another process holds the lock; ``holder`` says which."""

    def __init__(self, holder: str) -> None:
        """Name the holder in words."""
        super().__init__(holder)
        self.holder = holder


class ProcessLock:
    """Held from its making until it is released, or until the process ends.

    The file stays: deleting it would let two processes lock two files of one name.
    Windows knows no such lock; there it is held by whoever asks.
    """

    def __init__(self, path: Path) -> None:
        """Lock; raise ``LockHeldError`` where another does, ``OSError`` on no file."""
        self._file = path.open("a+", encoding="utf-8")
        try:
            _lock(self._file)
        except OSError:
            holder = _holder(self._file)
            self._file.close()
            raise LockHeldError(holder) from None
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Let another process have it."""
        self._file.close()


def _lock(file: TextIOWrapper) -> None:
    if sys.platform != "win32":
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _holder(file: TextIOWrapper) -> str:
    file.seek(0)
    number = file.read().strip()
    return f"process {number}" if number else "another process"
