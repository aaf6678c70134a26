"""The ledger of one process, in a SQLite file or in memory."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

import sqlalchemy as sa

from tsfm_runner.adapters.ledger.database import (
    Database,
    open_database,
)
from tsfm_runner.adapters.ledger.lock import WriterLock
from tsfm_runner.adapters.ledger.place import ledger_path
from tsfm_runner.adapters.ledger.reading import read_contents, read_market
from tsfm_runner.adapters.ledger.retention import Limits, Retention
from tsfm_runner.adapters.ledger.schema import migrate
from tsfm_runner.adapters.ledger.signal_reading import (
    read_breaches,
    read_last_delivered,
    read_signals_after,
)
from tsfm_runner.adapters.ledger.waiting import Waiting
from tsfm_runner.adapters.ledger.writer import Pace, Writer
from tsfm_runner.config import StoreConfig
from tsfm_runner.domain.ledger import LedgerContents, LedgerEntry, LedgerForecast
from tsfm_runner.domain.signals import BreachQuery, BreachSignal
from tsfm_runner.errors import ConfigurationError, LedgerUnavailableError
from tsfm_runner.ports import Clock

_DAY_S = 86_400.0
Query = ParamSpec("Query")
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often things are tried that are no settings; tests are in a hurry."""

    retry_interval_s: float = 1.0
    retention_interval_s: float = 60.0


_USUAL = Rhythm()


class SqliteLedger:
    """A ``Ledger`` in SQLite; ``open_ledger`` makes it, ``close`` ends it."""

    def __init__(
        self,
        database: Database,
        writer: Writer,
        waiting: Waiting,
        *,
        held: ExitStack,
    ) -> None:
        """Take what reads and what writes, and what is closed after both."""
        self.database, self._writer, self._waiting = database, writer, waiting
        self._held = held
        self.path = database.path

    def __enter__(self) -> Self:
        """Return the ledger, which is closed at the end of the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Write everything that waits, and close."""
        self.close()

    @property
    def lag_s(self) -> float:
        """The age of the oldest entry that is not safe yet; 0 when all are."""
        return self._waiting.lag_s

    @property
    def n_waiting(self) -> int:
        """How many entries are not safe yet."""
        return self._waiting.n_entries

    @property
    def n_let_go(self) -> int:
        """How many forecasts were let go because too much waited."""
        return self._waiting.n_let_go

    @property
    def n_refused(self) -> int:
        """How many entries were dropped because nothing could ever write them."""
        return self._writer.n_refused

    def read(self, *, awaited_after_s: float) -> LedgerContents:
        """Return what a process that starts goes on from.

        Raises ``CalibrationStateError`` when what is stored cannot be read.
        """
        with self.database.reading() as connection:
            return read_contents(connection, awaited_after_s=awaited_after_s)

    def append(self, entries: Sequence[LedgerEntry]) -> None:
        """Take entries to be written soon, all of one call together; never waits."""
        self._writer.append(entries)

    async def commit(self) -> None:
        """Return when everything appended so far is safe.

        Raises ``LedgerUnavailableError`` where it cannot be written now; nothing is
        lost, it is tried again.
        """
        await asyncio.wrap_future(self._writer.ask_commit())

    async def forecasts(
        self, market_id: str, *, since_s: float, before_id: int | None, limit: int
    ) -> list[LedgerForecast]:
        """Return answers about a market, newest first, cut off at or after a moment.

        What waits is written first. Where it cannot be, this is what was before.
        """
        return await self._read_after_commit(
            read_market, market_id, since_s=since_s, before_id=before_id, limit=limit
        )

    async def breaches(self, query: BreachQuery) -> list[BreachSignal]:
        """Return the newest that is known of each breach asked for, newest first.

        What waits is written first. Where it cannot be, this is what was before.
        """
        return await self._read_after_commit(read_breaches, query)

    async def signals_after(self, last_id: int, *, limit: int) -> list[BreachSignal]:
        """Return everything that happened to breaches after an id, in order.

        What waits is written first; what cannot be written yet is left out, so that
        what was told is never forgotten.
        """
        return await self._read_after_commit(read_signals_after, last_id, limit)

    async def last_delivered(self, endpoint: str) -> int | None:
        """Return up to which signal an endpoint was told everything; None: never."""
        return await self._read_after_commit(read_last_delivered, endpoint)

    async def _read_after_commit(
        self,
        read: Callable[Concatenate[sa.Connection, Query], Found],
        *args: Query.args,
        **kwargs: Query.kwargs,
    ) -> Found:
        with suppress(LedgerUnavailableError):
            await self.commit()

        def read_now() -> Found:
            with self.database.reading() as connection:
                return read(connection, *args, **kwargs)

        return await asyncio.to_thread(read_now)

    def close(self) -> None:
        """Write everything that waits, and close; it takes as long as one commit.

        Raises ``LedgerUnavailableError`` where some of it cannot be written: that
        is lost.
        """
        with self._held:
            n_lost = self._writer.close()
        if n_lost:
            raise LedgerUnavailableError(
                f"{n_lost} entries could not be written to {self.path} and are lost"
            )


def open_ledger(
    config: StoreConfig,
    *,
    tell: Callable[[Exception | None], None],
    clock: Clock = time.monotonic,
    now: Clock = time.time,
    rhythm: Rhythm = _USUAL,
) -> SqliteLedger:
    """Open the ledger of the settings, made or brought to the newest version.

    ``tell`` is called from the writer's thread, once for each change: with why
    nothing can be written, and with None when it can again. ``clock`` counts
    seconds, ``now`` tells the time.

    Raises
    ------
    ConfigurationError
        When the address cannot be used.
    LedgerInUseError
        When another process has opened it.
    CalibrationStateError
        When the file is damaged, newer than this program, or none of its own.
    LedgerUnavailableError
        When it cannot be written to, as on a full disk.

    """
    path = ledger_path(config.url)
    with ExitStack() as held:
        if path is not None:
            _make_folder(path)
            held.callback(WriterLock(path).release)
        database = open_database(path)
        held.callback(database.close)
        with database.writing() as connection:
            migrate(connection, path)
        waiting = Waiting(config.max_waiting, clock)
        limits = Limits(
            config.max_age_days * _DAY_S,
            config.max_bytes,
            rhythm.retention_interval_s,
        )
        writer = Writer(
            database,
            waiting,
            Retention(database, limits, clock=clock, now=now),
            tell=tell,
            pace=Pace(config.commit_interval_s, rhythm.retry_interval_s),
        )
        return SqliteLedger(database, writer, waiting, held=held.pop_all())


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigurationError(
            f"store.url: folder {path.parent} cannot be made: {exc.strerror}"
        ) from exc
