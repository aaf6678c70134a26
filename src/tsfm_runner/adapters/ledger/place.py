"""Where the ledger is: a file, or the memory of this process."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from tsfm_runner.errors import ConfigurationError

_FOLDER = "tsfm-runner"
_FILE = "ledger.db"


def ledger_path(
    url: str | None, environ: Mapping[str, str] = os.environ
) -> Path | None:
    """Return the file that ``store.url`` names; None: it is kept in memory.

    Raises ``ConfigurationError`` for an address that is none of a SQLite file.
    """
    if url is None:
        return data_folder(environ) / _FILE
    try:
        address = make_url(url)
    except ArgumentError as exc:
        raise ConfigurationError(f"store.url: {url!r} is no address: {exc}") from exc
    if address.drivername not in {"sqlite", "sqlite+pysqlite"}:
        raise ConfigurationError(
            f"store.url: {address.drivername} is not supported; use "
            "sqlite:///FILE, or sqlite:// to keep everything in memory"
        )
    if address.query or (address.database or "").startswith("file:"):
        raise ConfigurationError("store.url: must be a plain file, without options")
    if address.database in {None, "", ":memory:"}:
        return None
    return Path(str(address.database)).expanduser().absolute()


def data_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder where this user's programs keep their data, for ours."""
    if sys.platform == "win32":
        base = environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Application Support")
    else:
        base = environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / _FOLDER
