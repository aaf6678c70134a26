"""The verdict that holds, kept up with its file while the service runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from tsfm_runner.adapters.text_file import stamp_of
from tsfm_runner.adapters.verdict_file import read_verdict
from tsfm_runner.config import RoutingConfig, VerdictConfig
from tsfm_runner.domain.verdict import StandingVerdict, Verdict
from tsfm_runner.errors import ConfigurationError


class WatchedVerdict:
    """``Verdicts`` that read ``routing.verdict_file`` anew when it has changed.

    Where there is no file yet nothing is proven. One that cannot be used, or is gone,
    changes nothing: the verdict stays as it is, and the log says once what is wrong.
    Unless the policy goes by a verdict there is none.
    """

    def __init__(
        self, routing: RoutingConfig, config: VerdictConfig, log: FilteringBoundLogger
    ) -> None:
        """Read the verdict; raise ``ConfigurationError`` if it cannot be used."""
        self._path = routing.verdict_file if routing.policy == "proven" else None
        self._interval_s = config.reload_interval_s
        self._log = log
        self._trouble: str | None = None
        # Taken before the reading: what is written meanwhile is a change.
        self._seen = stamp_of(self._path)
        self._current = StandingVerdict(0, None)
        if self._path is None:
            return
        if self._seen is None:
            log.warning("verdict_missing", file=str(self._path))
        else:
            self._take(read_verdict(self._path))

    @property
    def current(self) -> StandingVerdict:
        """The verdict that holds now, if there is one."""
        return self._current

    async def watch(self) -> None:
        """Look at the file now and then, beside the event loop, until cancelled."""
        while self._path is not None:
            await asyncio.sleep(self._interval_s)
            await asyncio.to_thread(self.refresh, self._path)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Watch the file beside the body."""
        watching = asyncio.create_task(self.watch())
        try:
            yield
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    def refresh(self, path: Path) -> None:
        """Take the verdict of the file if it has changed and can be used."""
        stamp = stamp_of(path)
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            verdict = read_verdict(path)
        except ConfigurationError as exc:
            self._complain(str(exc))
            return
        self._trouble = None
        if verdict != self._current.verdict:
            self._take(verdict)
            self._log.warning(
                "verdict_changed",
                version=verdict.version,
                n_segments=len(verdict.segments),
                n_proven=verdict.n_proven,
            )

    def _take(self, verdict: Verdict) -> None:
        self._current = StandingVerdict(self._current.number + 1, verdict)

    def _complain(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._log.error("verdict_kept", reason=trouble)
        self._trouble = trouble
