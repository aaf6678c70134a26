"""The one thread that writes: groups that wait, together, and again until they are."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from threading import Event, Thread
from typing import NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from tsfm_runner.adapters.ledger.database import Database
from tsfm_runner.adapters.ledger.recording import Recorder
from tsfm_runner.adapters.ledger.retention import Retention
from tsfm_runner.adapters.ledger.waiting import Gap, Group, Waiting, gap_of
from tsfm_runner.domain.ledger import LedgerEntry
from tsfm_runner.errors import LedgerUnavailableError, TsfmError

_ENTRIES_AT_ONCE = 2_000
# What an entry that no row can be made of ends in, from its packing to its binding.
_FAULTS = (SQLAlchemyError, AttributeError, OverflowError, TypeError, ValueError)


class Pace(NamedTuple):
    """How long an entry may wait for others, and until writing is tried again."""

    commit_interval_s: float
    retry_interval_s: float = 1.0


class Writer:
    """Writes what it is given soon; what cannot be written waits and is tried again.

    An entry that can never be written is dropped and told, so that others can be.
    """

    def __init__(
        self,
        database: Database,
        waiting: Waiting,
        retention: Retention,
        *,
        tell: Callable[[Exception | None], None],
        pace: Pace,
    ) -> None:
        """Start the thread; ``tell`` is called from it."""
        self._database, self._waiting = database, waiting
        self._retention, self._tell, self._pace = retention, tell, pace
        self._recorder = Recorder()
        self._asked: deque[Future[None]] = deque()
        self._served: Sequence[Future[None]] = ()
        self._stirred, self._hurried = Event(), Event()
        self._is_closing = False
        self._trouble: str | None = None
        self.n_refused = 0
        self._thread = Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    def append(self, entries: Sequence[LedgerEntry]) -> None:
        """Take entries that belong together; never waits, never raises."""
        if entries and self._waiting.put(entries):
            self._stirred.set()

    def ask_commit(self) -> Future[None]:
        """Return what is done when everything appended so far is written."""
        future: Future[None] = Future()
        if not self._thread.is_alive():
            future.set_exception(LedgerUnavailableError("the ledger is closed"))
            return future
        self._asked.append(future)
        self._hurried.set()
        self._stirred.set()
        return future

    def close(self) -> int:
        """Write everything, end the thread; return how many entries were not."""
        self._is_closing = True
        self._hurried.set()
        self._stirred.set()
        self._thread.join()
        return self._waiting.n_entries

    def _run(self) -> None:
        try:
            self._write_until_closed()
        finally:
            # Whatever ends the thread: nobody may wait for it for ever.
            gone = LedgerUnavailableError("the ledger is closed")
            _finish([*self._served, *self._asked], gone)

    def _write_until_closed(self) -> None:
        while not self._is_closing:
            self._stirred.wait()
            self._stirred.clear()
            is_well = self._trouble is None
            self._hurried.wait(
                self._pace.commit_interval_s if is_well else self._pace.retry_interval_s
            )
            self._hurried.clear()
            self._pass()
        self._pass()  # what came while the last one was under way

    def _pass(self) -> None:
        """Write what waits, tell those who asked, and make room."""
        asked = [self._asked.popleft() for _ in range(len(self._asked))]
        self._served = asked
        try:
            self._write_waiting()
        except TsfmError as exc:
            self._stirred.set()
            self._complain(exc)
            _finish(asked, LedgerUnavailableError(str(exc)))
            return
        if self._trouble is not None:
            self._trouble = None
            self._tell(None)
        _finish(asked, None)
        if self._waiting.n_groups:
            self._stirred.set()
        try:
            self._retention.step()
        except (TsfmError, *_FAULTS) as exc:
            self._complain(exc)

    def _complain(self, failure: Exception) -> None:
        """Tell of a failure, unless it is the one that was told last."""
        if str(failure) != self._trouble:
            self._tell(failure)
        self._trouble = str(failure)

    def _write_waiting(self) -> None:
        n_left = self._waiting.n_groups
        while n_left > 0:
            groups, gap = self._waiting.take(_ENTRIES_AT_ONCE)
            try:
                self._write(groups, gap)
            except TsfmError:
                self._waiting.put_back()
                raise
            self._waiting.settle()
            n_left -= max(1, len(groups))

    def _write(self, groups: Sequence[Group], gap: Gap | None) -> None:
        try:
            with self._database.writing() as connection:
                self._recorder.write_gap(connection, gap)
                self._recorder.write(connection, groups)
        except _FAULTS:
            self._write_each(groups, gap)

    def _write_each(self, groups: Sequence[Group], gap: Gap | None) -> None:
        """Write what can be written, and let go of the rest."""
        faults: list[Exception] = []
        n_refused = 0
        with self._database.writing() as connection:
            self._recorder.write_gap(connection, gap)
            for group in groups:
                try:
                    with self._database.translated(), connection.begin_nested():
                        self._recorder.write(connection, (group,))
                except _FAULTS as exc:
                    faults.append(exc)
                    n_refused += len(group.entries)
                    with suppress(OverflowError), connection.begin_nested():
                        self._recorder.write_gap(connection, gap_of(group.entries))
        self.n_refused += n_refused
        for fault in faults:
            self._tell(fault)


def _finish(asked: Sequence[Future[None]], failure: Exception | None) -> None:
    for future in asked:
        if future.done() or not future.set_running_or_notify_cancel():
            continue
        if failure is None:
            future.set_result(None)
        else:
            future.set_exception(failure)
