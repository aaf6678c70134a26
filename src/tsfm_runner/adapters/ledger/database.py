"""Connections to the SQLite database that holds a ledger."""

from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import (
    DatabaseError,
    DBAPIError,
    InternalError,
    OperationalError,
)
from sqlalchemy.pool import QueuePool, StaticPool

from tsfm_runner.errors import (
    CalibrationStateError,
    ConfigurationError,
    LedgerUnavailableError,
    TsfmError,
)

# The size of a page and how free pages are given back are fixed before the first
# table is made. FULL: what is committed survives a loss of power.
_WRITER_PRAGMAS = (
    "page_size = 8192",
    "auto_vacuum = INCREMENTAL",
    "journal_mode = WAL",
    "synchronous = FULL",
)
_PRIMARY = 0xFF
_DAMAGED = {11, 26}  # corrupt, no database
_FORBIDDEN = {3, 8, 14}  # no permission, read only, cannot be opened
# The bare class is what damage raises; every other is the fault of what is written.
_NOT_OF_ENTRIES = {DatabaseError, OperationalError, InternalError}
_WAY_OUT = (
    "Move the file away to start anew, or restore it from a backup; "
    "`tsfm-runner doctor` looks for damage."
)


class Database:
    """Writes through one connection, reads through others beside it.

    In memory there is one connection for both, which they use by turns.
    """

    def __init__(
        self,
        path: Path | None,
        writer: sa.Engine | None,
        reader: sa.Engine,
        turns: AbstractContextManager[Any] | None = None,
    ) -> None:
        """Take the engines; without a writer it can only be read."""
        self.path = path
        self._writer = writer
        self._reader = reader
        self._turns = turns or nullcontext()

    @contextmanager
    def writing(self) -> Generator[sa.Connection]:
        """Yield a connection whose changes are safe at the end, or never were.

        Raises errors of ours, but for those that what is written has caused: trying
        again can help with the former, never with the latter.
        """
        if self._writer is None:
            raise LedgerUnavailableError("the ledger was opened to be read only")
        with self.translated(), self._turns, self._writer.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Generator[sa.Connection]:
        """Yield a connection that sees one moment of the ledger.

        Raises ``CalibrationStateError`` for all that goes wrong with what is read.
        """
        try:
            with self._turns, self._reader.connect() as connection:
                yield connection
        except (DBAPIError, TypeError, ValueError) as exc:
            raise _unreadable(self.path, exc) from exc

    @contextmanager
    def translated(self) -> Generator[None]:
        """Turn errors into ours, but for those that what is written has caused."""
        try:
            yield
        except DBAPIError as exc:
            if type(exc) not in _NOT_OF_ENTRIES:
                raise
            raise _ours(self.path, exc) from exc

    def close(self) -> None:
        """Close every connection; the writer's last, which tidies up the files."""
        self._reader.dispose()
        if self._writer is not None:
            self._writer.dispose()


def open_database(path: Path | None) -> Database:
    """Return the database, for reading and writing; None: a new one in memory."""
    if path is None:
        engine = sa.create_engine(
            "sqlite://",
            poolclass=StaticPool,
            connect_args={"check_same_thread": False},
        )
        _prepare(engine, begin="BEGIN", pragmas=())
        return Database(None, engine, engine, Lock())
    writer = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        connect_args={"check_same_thread": False},
    )
    _prepare(writer, begin="BEGIN IMMEDIATE", pragmas=_WRITER_PRAGMAS)
    return Database(path, writer, _reader(path))


def open_to_read(path: Path) -> Database:
    """Return the database of a file, for reading only, beside whoever writes."""
    return Database(path, None, _reader(path))


@contextmanager
def opened_to_read(path: Path) -> Iterator[Database]:
    """Open the database of a file for reading, and close it at the end."""
    database = open_to_read(path)
    try:
        yield database
    finally:
        database.close()


def _reader(path: Path) -> sa.Engine:
    address = sa.URL.create(
        "sqlite",
        database=path.absolute().as_uri(),
        query={"mode": "ro", "uri": "true"},
    )
    engine = sa.create_engine(
        address, poolclass=QueuePool, connect_args={"check_same_thread": False}
    )
    _prepare(engine, begin="BEGIN", pragmas=())
    return engine


def _prepare(engine: sa.Engine, *, begin: str, pragmas: tuple[str, ...]) -> None:
    """Let us, not the driver, say where transactions begin."""

    def connected(connection: Any, _record: object) -> None:  # noqa: ANN401 - a driver's
        connection.isolation_level = None
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}").fetchall()

    def begun(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)


def _ours(path: Path | None, exc: DBAPIError) -> TsfmError:
    code = getattr(exc.orig, "sqlite_errorcode", 0) & _PRIMARY
    if code in _DAMAGED:
        return _unreadable(path, exc)
    if code in _FORBIDDEN:
        return ConfigurationError(f"store.url: {path} cannot be opened: {exc.orig}")
    place = path or "the ledger in memory"
    return LedgerUnavailableError(f"{place} cannot be written to: {exc.orig}")


def _unreadable(path: Path | None, exc: Exception) -> CalibrationStateError:
    reason = exc.orig if isinstance(exc, DBAPIError) else exc
    place = path or "the ledger in memory"
    return CalibrationStateError(f"{place} cannot be read: {reason}. {_WAY_OUT}")
