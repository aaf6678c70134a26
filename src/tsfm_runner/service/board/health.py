"""How the runtimes are, asked seldom, and never waited for longer than a moment."""

import asyncio
import math
from collections.abc import Mapping
from contextlib import suppress

from tsfm_runner.domain.forecast import Rung
from tsfm_runner.ports import Clock
from tsfm_runner.service.catalogue import Catalogue, RuntimeStatus

_MAX_AGE_S = 5.0
_PATIENCE_S = 0.25


class RuntimeHealth:
    """Remembers how each runtime was; a runtime that hangs holds nobody up."""

    def __init__(self, catalogue: Catalogue, clock: Clock) -> None:
        """Know nothing of any runtime yet."""
        self._catalogue = catalogue
        self._clock = clock
        self._known: dict[Rung, RuntimeStatus] = {}
        self._asked_s = -math.inf
        self._asking: asyncio.Task[None] | None = None

    async def statuses(
        self, *, patience_s: float = _PATIENCE_S
    ) -> Mapping[Rung, RuntimeStatus]:
        """Return the last that is known of each runtime, asking those anew in time.

        A runtime that did not answer yet, since the start, is left out.
        """
        is_old = self._clock() - self._asked_s >= _MAX_AGE_S
        if self._asking is None and is_old:
            self._asked_s = self._clock()
            self._asking = asyncio.create_task(self._ask())
        if self._asking is not None:
            await asyncio.wait((self._asking,), timeout=patience_s)
        return dict(self._known)

    async def close(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()
            with suppress(asyncio.CancelledError):
                await self._asking

    async def _ask(self) -> None:
        try:
            statuses = await self._catalogue.statuses()
            self._known = {status.rung: status for status in statuses}
        finally:
            self._asking = None
