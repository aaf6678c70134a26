"""Make one call of a runtime: if it may be asked, in time, once again if lost."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from tenacity import (
    AsyncRetrying,
    retry_if_exception,
    stop_after_attempt,
    wait_fixed,
    wait_random,
)

from tsfm_runner.config import ResilienceConfig
from tsfm_runner.domain.asker import joined_ids
from tsfm_runner.domain.forecast import (
    BreakerState,
    ModelCall,
    QuantileForecast,
    Rung,
)
from tsfm_runner.domain.telling import CallError, RuntimeCall
from tsfm_runner.errors import (
    BreakerOpenError,
    DeadlinePassedError,
    ForecastRuntimeError,
    RuntimeDegradedError,
    RuntimeNotAskedError,
    RuntimeRefusedError,
    RuntimeTimeoutError,
    RuntimeUnavailableError,
)
from tsfm_runner.ports import Clock, ForecastRuntime, Telemetry, Tracer
from tsfm_runner.service.breaking import Breaker
from tsfm_runner.service.deadline import Deadline
from tsfm_runner.service.degrading import Degradation
from tsfm_runner.service.untraced import UNTRACED

Answers = list[QuantileForecast | ForecastRuntimeError]

_MOST = 0.9

# The first kind that fits names the error, so the special ones stand first.
_ERRORS: dict[type[ForecastRuntimeError], CallError] = {
    RuntimeTimeoutError: "timeout",
    RuntimeUnavailableError: "unavailable",
    RuntimeRefusedError: "refused",
    ForecastRuntimeError: "protocol",
}


@dataclass(frozen=True, slots=True)
class RuntimeLine:
    """The line to one runtime: a breaker for each model family, and one mode."""

    rung: Rung
    runtime: ForecastRuntime
    resilience: ResilienceConfig
    degradation: Degradation
    new_breaker: Callable[[str], Breaker]
    breakers: dict[str, Breaker]
    telemetry: Telemetry
    clock: Clock
    tracer: Tracer = UNTRACED

    def breaker_state(self, family: str) -> BreakerState:
        """Return the state of the breaker before a model family."""
        return self._breaker(family).state

    def obstacle(self, family: str) -> RuntimeNotAskedError | None:
        """Return why the runtime would not be asked now, or None if it would be."""
        if not self._breaker(family).is_passable:
            return BreakerOpenError(f"the breaker of {family} is open")
        if not self.degradation.is_askable:
            return RuntimeDegradedError("the runtime gets nothing but probes")
        return None

    async def ask(self, call: ModelCall, family: str, deadline: Deadline) -> Answers:
        """Return the answers; raise ``ForecastRuntimeError`` when there are none.

        A runtime that was unavailable is asked again, with a little chance in the
        pause, where enough time is left and it is well enough for that.
        """
        limits = self.resilience

        def is_worth_a_retry(failure: BaseException) -> bool:
            needed_s = 2 * limits.backoff_s + limits.min_attempt_s
            return (
                isinstance(failure, RuntimeUnavailableError)
                and not isinstance(failure, DeadlinePassedError)
                and deadline.remaining_s() >= needed_s
                and self.degradation.mode == "normal"
                and self._breaker(family).is_passable
            )

        retrying = AsyncRetrying(
            stop=stop_after_attempt(1 + limits.max_retries),
            wait=wait_fixed(limits.backoff_s) + wait_random(0, limits.backoff_s),
            retry=retry_if_exception(is_worth_a_retry),
            reraise=True,
        )
        return await retrying(self._attempt, call, family, deadline)

    async def _attempt(
        self, call: ModelCall, family: str, deadline: Deadline
    ) -> Answers:
        if obstacle := self.obstacle(family):
            raise obstacle
        remaining_s = deadline.remaining_s()
        if remaining_s <= 0:
            raise DeadlinePassedError("no time is left")
        breaker = self._breaker(family)
        permit, leave = breaker.admit(), self.degradation.admit()
        is_failure: bool | None = None
        try:
            answers = await self._exchange(call, remaining_s)
            is_failure = False
        except ForecastRuntimeError as failure:
            is_failure = _is_down(failure)
            raise
        finally:
            breaker.settle(permit, is_failure=is_failure)
            self.degradation.settle(leave, is_failure=is_failure)
        return answers

    async def _exchange(self, call: ModelCall, remaining_s: float) -> Answers:
        traces = list(dict.fromkeys(one.asker.traceparent for one in call.series))
        with self.tracer.span(
            f"call {self.rung}", parent=traces[0], kind="client", links=traces[1:]
        ) as span:
            if span.traceparent:
                call = replace(call, traceparent=span.traceparent)
                span.tell(model=call.model_name, n_series=len(call.series))
            return await self._told(call, remaining_s)

    async def _told(self, call: ModelCall, remaining_s: float) -> Answers:
        timeout_s = min(self.resilience.attempt_timeout_s, remaining_s)
        started_s = self.clock()

        def tell(error: CallError | None) -> None:
            duration_s = self.clock() - started_s
            told = RuntimeCall(
                self.rung,
                call.model_name,
                len(call.series),
                duration_s,
                error,
                joined_ids(one.asker for one in call.series) if error else "",
            )
            self.telemetry.runtime_called(told)

        try:
            answers = await self.runtime.predict(call, timeout_s=timeout_s)
        except ForecastRuntimeError as failure:
            tell(
                next(why for kind, why in _ERRORS.items() if isinstance(failure, kind))
            )
            # Where a request has less time than a call, most of it is all there is.
            usual_s = min(
                self.resilience.attempt_timeout_s,
                _MOST * self.resilience.deadline_s,
            )
            if isinstance(failure, RuntimeTimeoutError) and timeout_s < usual_s:
                raise DeadlinePassedError("the request ran out of time") from failure
            raise
        tell(None)
        return answers

    def _breaker(self, family: str) -> Breaker:
        breaker = self.breakers.get(family)
        if breaker is None:
            breaker = self.breakers[family] = self.new_breaker(family)
        return breaker


def _is_down(failure: ForecastRuntimeError) -> bool | None:
    """Return whether a failed call says that the runtime is down; None: neither.

    A runtime that refuses or talks nonsense is not down, and one that had less
    than the usual time may only have been slow.
    """
    if isinstance(failure, DeadlinePassedError):
        return None
    return isinstance(failure, RuntimeUnavailableError)
