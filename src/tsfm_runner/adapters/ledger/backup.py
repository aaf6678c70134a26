"""Copy a ledger at one moment, also while it is written to."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tsfm_runner.adapters.whole_file import whole_file
from tsfm_runner.errors import CalibrationStateError, UnreadableInputError


def back_up_ledger(path: Path, target: Path) -> int:
    """Write a copy that is whole and in itself; return its size in bytes.

    Whoever writes to the ledger goes on meanwhile; what comes after the beginning is
    not in the copy. Raises ``UnreadableInputError`` where the target is there already
    or cannot be written, and ``CalibrationStateError`` for a damaged ledger.
    """
    if target.exists():
        raise UnreadableInputError(f"{target} is there already")
    with whole_file(target, prefix=".backup-") as whole:
        _copy(path, whole)
    return target.stat().st_size


def _copy(path: Path, whole: Path) -> None:
    address = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True)) as connection:
            connection.execute("VACUUM INTO ?", (str(whole),))
    except sqlite3.OperationalError as exc:
        raise UnreadableInputError(f"{path} cannot be copied: {exc}") from exc
    except sqlite3.DatabaseError as exc:
        raise CalibrationStateError(f"{path} cannot be copied: {exc}") from exc
