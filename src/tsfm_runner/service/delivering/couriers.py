"""All couriers of a process: started together, each failing alone."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from tsfm_runner.domain.delivery import EndpointStatus
from tsfm_runner.ports import Telemetry
from tsfm_runner.service.delivering.courier import Courier


class Couriers:
    """The couriers, one for each endpoint."""

    def __init__(
        self, couriers: Sequence[Courier], telemetry: Telemetry, *, grace_s: float
    ) -> None:
        """Take the couriers; posts under way may take ``grace_s`` at the end."""
        self._couriers = tuple(couriers)
        self._telemetry, self._grace_s = telemetry, grace_s

    def statuses(self) -> tuple[EndpointStatus, ...]:
        """Return how each endpoint is doing, in the order of the settings."""
        return tuple(courier.status for courier in self._couriers)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Tell every endpoint beside the body; what is left is told next time."""
        for courier in self._couriers:
            await courier.begin()
        tasks = [self._started(courier) for courier in self._couriers]
        try:
            yield
        finally:
            resting = (courier.rest(self._grace_s) for courier in self._couriers)
            await asyncio.gather(*resting)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _started(self, courier: Courier) -> asyncio.Task[None]:
        task = asyncio.create_task(courier.run(), name=f"webhook {courier.name}")
        task.add_done_callback(partial(self._note_end, courier))
        return task

    def _note_end(self, courier: Courier, task: asyncio.Task[None]) -> None:
        failure = None if task.cancelled() else task.exception()
        if failure is not None:
            courier.lose(failure)
            self._telemetry.courier_lost(courier.name, failure)
