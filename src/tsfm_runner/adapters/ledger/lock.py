"""One process writes to a ledger: it holds a lock on a file beside it."""

from pathlib import Path

from tsfm_runner.adapters.process_lock import LockHeldError, ProcessLock
from tsfm_runner.errors import ConfigurationError, LedgerInUseError


class WriterLock:
    """Held from its making until it is released, or until the process ends.

    Windows locks the database itself against a second writer, each commit alone.
    """

    def __init__(self, path: Path) -> None:
        """Lock; raise ``LedgerInUseError`` where another process does."""
        lock_path = path.with_name(f"{path.name}.lock")
        try:
            self._lock = ProcessLock(lock_path)
        except OSError as exc:
            reason = f"store.url: {lock_path} cannot be written: {exc.strerror}"
            raise ConfigurationError(reason) from exc
        except LockHeldError as exc:
            raise LedgerInUseError(
                f"{path} is in use by {exc.holder}: stop that one, or give this one "
                "another file with TSFM_STORE__URL"
            ) from exc

    def release(self) -> None:
        """Let another process write."""
        self._lock.release()
