"""Make one call of a runtime: in turn, within the deadline, and once again if lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import stamina

from tsfm_runner.config import ResilienceConfig
from tsfm_runner.domain.forecast import ModelCall, QuantileForecast
from tsfm_runner.errors import (
    DeadlinePassedError,
    ForecastRuntimeError,
    RuntimeTimeoutError,
    RuntimeUnavailableError,
)
from tsfm_runner.ports import ForecastRuntime
from tsfm_runner.service.deadline import Deadline

Answers = list[QuantileForecast | ForecastRuntimeError]


@dataclass(frozen=True, slots=True)
class RuntimeLine:
    """The line before one runtime.

    ``turns`` is the number of calls that the runtime takes at a time. A call that
    waits for its turn uses up its request's time, but none of the runtime's own:
    a runtime is not slow because others were before us.
    """

    runtime: ForecastRuntime
    resilience: ResilienceConfig
    turns: asyncio.Semaphore

    async def ask(self, call: ModelCall, deadline: Deadline) -> Answers:
        """Return the answers; raise ``ForecastRuntimeError`` when there are none.

        A runtime that was unavailable is asked again, with a little chance in the
        pause, where enough time is left.
        """
        limits = self.resilience

        def is_worth_a_retry(failure: Exception) -> bool:
            needed_s = 2 * limits.backoff_s + limits.min_attempt_s
            return (
                isinstance(failure, RuntimeUnavailableError)
                and not isinstance(failure, DeadlinePassedError)
                and deadline.remaining_s() >= needed_s
            )

        caller = stamina.AsyncRetryingCaller(
            attempts=1 + limits.max_retries,
            timeout=None,
            wait_initial=limits.backoff_s,
            wait_jitter=limits.backoff_s,
        )
        return await caller(is_worth_a_retry, self._ask_once, call, deadline)

    async def _ask_once(self, call: ModelCall, deadline: Deadline) -> Answers:
        async with self._turn(deadline):
            remaining_s = deadline.remaining_s()
            if remaining_s <= 0:
                raise DeadlinePassedError("no time is left")
            timeout_s = min(self.resilience.attempt_timeout_s, remaining_s)
            try:
                return await self.runtime.predict(call, timeout_s=timeout_s)
            except RuntimeTimeoutError as failure:
                if timeout_s < self.resilience.attempt_timeout_s:
                    raise DeadlinePassedError(
                        "the request ran out of time"
                    ) from failure
                raise

    @asynccontextmanager
    async def _turn(self, deadline: Deadline) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(max(0, deadline.remaining_s())):
                await self.turns.acquire()
        except TimeoutError as failure:
            raise DeadlinePassedError("no turn came in time") from failure
        try:
            yield
        finally:
            self.turns.release()
