"""Readings of services, kept in one small SQLite file from one run to the next."""

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from tsfm_runner.domain.gating import Reading
from tsfm_runner.errors import ConfigurationError

_BUSY_S = 10.0
_VERSION = 1
_TABLE = """
    CREATE TABLE IF NOT EXISTS readings (
        id INTEGER PRIMARY KEY,
        service TEXT NOT NULL,
        time_s REAL NOT NULL,
        document TEXT NOT NULL
    ) STRICT
"""
_INDEX = "CREATE INDEX IF NOT EXISTS by_service ON readings (service, id)"

_TRIM = """
    DELETE FROM readings WHERE service = ? AND id < (
        SELECT id FROM readings WHERE service = ? ORDER BY id DESC LIMIT 1 OFFSET ?
    )
"""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Reading).decode


class GateSamples:
    """Adds readings and returns all of one service; several processes may do so.

    Each reading is written whole or not at all, even where the process is killed.
    """

    def __init__(self, path: Path, *, keep_s: float, most: int) -> None:
        """Keep readings in the file, which is made when there is one to keep.

        Those that are older than ``keep_s`` at the time of a new one are deleted, and
        of each service all but the newest ``most``.
        """
        self._path = path
        self._keep_s = keep_s
        self._most = most

    def add(self, service: str, reading: Reading) -> list[Reading]:
        """Keep a reading of a service; return all of it, the oldest first.

        Raises ``ConfigurationError`` where the file cannot be written or is none.
        """
        with self._translated_errors():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connected = sqlite3.connect(self._path, timeout=_BUSY_S)
            with closing(connected) as database, database:
                self._prepare(database)
                database.execute(
                    "DELETE FROM readings WHERE time_s < ?",
                    (reading.time_s - self._keep_s,),
                )
                database.execute(
                    "INSERT INTO readings (service, time_s, document) VALUES (?, ?, ?)",
                    (service, reading.time_s, _encode(reading).decode()),
                )
                database.execute(_TRIM, (service, service, self._most - 1))
                rows = database.execute(
                    "SELECT document FROM readings WHERE service = ? ORDER BY id",
                    (service,),
                ).fetchall()
        return [self._read(text) for (text,) in rows]

    def _prepare(self, database: sqlite3.Connection) -> None:
        """Take the file for this reading alone, with its table in it."""
        database.execute("BEGIN IMMEDIATE")
        [version] = database.execute("PRAGMA user_version").fetchone()
        if version not in {0, _VERSION}:
            raise ConfigurationError(
                f"{self._path} was written by another version; name another file with "
                "--samples"
            )
        database.execute(_TABLE)
        database.execute(_INDEX)
        database.execute(f"PRAGMA user_version = {_VERSION}")

    def _read(self, text: str) -> Reading:
        try:
            return _decode(text)
        except msgspec.MsgspecError as exc:
            raise self._damaged() from exc

    @contextmanager
    def _translated_errors(self) -> Generator[None]:
        try:
            yield
        except sqlite3.OperationalError as exc:
            raise ConfigurationError(f"{self._path} cannot be used: {exc}") from exc
        except sqlite3.DatabaseError as exc:
            raise self._damaged() from exc
        except OSError as exc:
            raise ConfigurationError(
                f"{self._path} cannot be used: {exc.strerror}"
            ) from exc

    def _damaged(self) -> ConfigurationError:
        return ConfigurationError(
            f"{self._path} holds no readings of a gate; delete it, and the window "
            "begins anew"
        )
