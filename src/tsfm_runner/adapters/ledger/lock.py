"""One process writes to a ledger: it holds a lock on a file beside it."""

import os
import sys
from io import TextIOWrapper
from pathlib import Path

from tsfm_runner.errors import ConfigurationError, LedgerInUseError

if sys.platform != "win32":
    import fcntl


class WriterLock:
    """Held from its making until it is released, or until the process ends.

    The file stays: deleting it would let two processes lock two files of one name.
    """

    def __init__(self, path: Path) -> None:
        """Lock; raise ``LedgerInUseError`` where another process does."""
        lock_path = path.with_name(f"{path.name}.lock")
        try:
            self._file = lock_path.open("a+", encoding="utf-8")
        except OSError as exc:
            reason = f"store.url: {lock_path} cannot be written: {exc.strerror}"
            raise ConfigurationError(reason) from exc
        try:
            _lock(self._file)
        except OSError as exc:
            holder = _holder(self._file)
            self._file.close()
            raise LedgerInUseError(
                f"{path} is in use by {holder}: stop that one, or give this one "
                "another file with TSFM_STORE__URL"
            ) from exc
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Let another process write."""
        self._file.close()


def _lock(file: TextIOWrapper) -> None:
    # Windows locks the database itself against a second writer, each commit alone.
    if sys.platform != "win32":
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _holder(file: TextIOWrapper) -> str:
    file.seek(0)
    number = file.read().strip()
    return f"process {number}" if number else "another process"
