"""Ask a model runtime: grouped, in chunks, within the deadline, halved on refusal."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
import stamina

from tsfm_runner.config import ResilienceConfig
from tsfm_runner.core.levels import values_at_levels
from tsfm_runner.core.transforms import expit, logit
from tsfm_runner.domain.forecast import (
    FallbackReason,
    ModelCall,
    ModelSeries,
    QuantileForecast,
    QuantileSource,
)
from tsfm_runner.domain.model import ModelRevision
from tsfm_runner.domain.task import FloatArray
from tsfm_runner.errors import (
    ForecastRuntimeError,
    ModelNotInstalledError,
    RuntimeOutputError,
    RuntimeRefusedError,
    RuntimeTimeoutError,
    RuntimeUnavailableError,
)
from tsfm_runner.ports import ForecastRuntime
from tsfm_runner.service.deadline import Deadline
from tsfm_runner.service.grouping import chunks, grouped
from tsfm_runner.service.levels import levels_to_ask, quantile_sources
from tsfm_runner.service.preparing import PreparedTask


class DeadlinePassedError(RuntimeTimeoutError):
    """The request's own time was over before the runtime could answer."""


# The first kind that fits gives the reason, so the special ones stand first.
_REASONS: dict[type[ForecastRuntimeError], FallbackReason] = {
    DeadlinePassedError: FallbackReason.DEADLINE_EXCEEDED,
    RuntimeTimeoutError: FallbackReason.RUNTIME_TIMEOUT,
    RuntimeUnavailableError: FallbackReason.RUNTIME_UNAVAILABLE,
    ModelNotInstalledError: FallbackReason.MODEL_NOT_INSTALLED,
    RuntimeOutputError: FallbackReason.INVALID_OUTPUT,
    ForecastRuntimeError: FallbackReason.RUNTIME_PROTOCOL,
}


@dataclass(frozen=True, slots=True, eq=False)
class RawBand:
    """Prices at every level of a prepared task, not yet finished.

    ``values`` has shape ``(horizon, n_levels)`` over ``PreparedTask.levels``.
    """

    values: FloatArray
    sources: dict[float, QuantileSource]
    warnings: tuple[str, ...]
    batch_size: int


@dataclass(frozen=True, slots=True)
class Predictor:
    """Asks one runtime for the bands of many tasks."""

    runtime: ForecastRuntime
    resilience: ResilienceConfig
    max_series_per_call: int

    async def predict(
        self,
        model: ModelRevision,
        tasks: Sequence[PreparedTask],
        *,
        deadline: Deadline,
    ) -> list[RawBand | FallbackReason]:
        """Return a band, or the reason why there is none, for each task in order."""
        bands: list[RawBand | FallbackReason] = [FallbackReason.RUNTIME_PROTOCOL] * len(
            tasks
        )

        async def fill(places: Sequence[int]) -> None:
            members = [tasks[place] for place in places]
            call = _model_call(model, members)
            answers = await self._ask(call, deadline)
            for place, member, answer in zip(places, members, answers, strict=True):
                bands[place] = _band(model, member, answer, batch_size=len(members))

        size = min(
            self.max_series_per_call,
            model.capabilities.max_series_per_call or self.max_series_per_call,
        )
        async with asyncio.TaskGroup() as calls:
            for _, places, _ in grouped(tasks, lambda task: _call_key(model, task)):
                for part in chunks(places, size):
                    calls.create_task(fill(part))
        return bands

    async def _ask(
        self, call: ModelCall, deadline: Deadline
    ) -> list[QuantileForecast | ForecastRuntimeError]:
        """Return the runtime's answers; halve a refused call to find the bad series."""
        n_series = len(call.series)
        try:
            return await self._ask_again(call, deadline)
        except RuntimeRefusedError as refusal:
            if n_series == 1 or not refusal.is_input:
                return [refusal] * n_series
        except ForecastRuntimeError as failure:
            return [failure] * n_series
        middle = n_series // 2
        halves = (call.series[:middle], call.series[middle:])
        first, second = [
            await self._ask(replace(call, series=half), deadline) for half in halves
        ]
        return first + second

    async def _ask_again(
        self, call: ModelCall, deadline: Deadline
    ) -> list[QuantileForecast | ForecastRuntimeError]:
        """Make the call, and once more where that can help and time allows."""
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

    async def _ask_once(
        self, call: ModelCall, deadline: Deadline
    ) -> list[QuantileForecast | ForecastRuntimeError]:
        remaining_s = deadline.remaining_s()
        if remaining_s <= 0:
            raise DeadlinePassedError("no time is left")
        timeout_s = min(self.resilience.attempt_timeout_s, remaining_s)
        try:
            return await self.runtime.predict(call, timeout_s=timeout_s)
        except RuntimeTimeoutError as failure:
            if timeout_s < self.resilience.attempt_timeout_s:
                raise DeadlinePassedError("the request ran out of time") from failure
            raise


def _call_key(model: ModelRevision, prepared: PreparedTask) -> tuple[object, ...]:
    task = prepared.task
    return (
        task.freq.step_s,
        task.horizon,
        levels_to_ask(prepared.levels, model.capabilities),
        msgspec.json.encode(dict(task.model.params), order="sorted"),
    )


def _model_call(model: ModelRevision, members: Sequence[PreparedTask]) -> ModelCall:
    task = members[0].task
    return ModelCall(
        model_name=model.name,
        step_s=task.freq.step_s,
        horizon=task.horizon,
        quantile_levels=levels_to_ask(members[0].levels, model.capabilities),
        params=task.model.params,
        series=tuple(_series(model, member) for member in members),
    )


def _series(model: ModelRevision, prepared: PreparedTask) -> ModelSeries:
    task, can = prepared.task, model.capabilities
    recent = slice(-(can.max_context or prepared.context.size), None)
    past = prepared.past_covariates if can.past_covariates else {}
    future = task.future_covariates if can.future_covariates else {}
    context = prepared.context[recent]
    if task.transform.space == "logit":
        context = logit(context, eps=task.transform.eps)
    return ModelSeries(
        market_id=task.market_id,
        cutoff=task.cutoff,
        context=context,
        past_covariates={name: column[recent] for name, column in past.items()},
        future_covariates={name: future[name] for name in future if name in past},
    )


def _band(
    model: ModelRevision,
    prepared: PreparedTask,
    answer: QuantileForecast | ForecastRuntimeError,
    *,
    batch_size: int,
) -> RawBand | FallbackReason:
    if isinstance(answer, ForecastRuntimeError):
        return _reason(answer)
    known, wanted = answer.quantile_levels, prepared.levels
    values = values_at_levels(answer.values, known=known, wanted=wanted)
    if prepared.task.transform.space == "logit":
        values = expit(values)
    sources = quantile_sources(known, prepared.task.quantile_levels)
    return RawBand(values, sources, _warnings(model, prepared, answer), batch_size)


def _warnings(
    model: ModelRevision, prepared: PreparedTask, answer: QuantileForecast
) -> tuple[str, ...]:
    has_unused = (
        prepared.past_covariates and not model.capabilities.past_covariates
    ) or (prepared.task.future_covariates and not model.capabilities.future_covariates)
    own = ("covariates_not_supported_by_model",) if has_unused else ()
    return (*own, *answer.warnings)


def _reason(failure: ForecastRuntimeError) -> FallbackReason:
    return next(why for kind, why in _REASONS.items() if isinstance(failure, kind))
