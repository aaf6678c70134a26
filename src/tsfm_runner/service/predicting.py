"""Ask a model runtime for many tasks: grouped, in chunks, halved on refusal."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

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
    DeadlinePassedError,
    ForecastRuntimeError,
    ModelNotInstalledError,
    RuntimeOutputError,
    RuntimeRefusedError,
    RuntimeTimeoutError,
    RuntimeUnavailableError,
)
from tsfm_runner.service.asking import RuntimeLine
from tsfm_runner.service.deadline import Deadline
from tsfm_runner.service.grouping import chunks, grouped
from tsfm_runner.service.levels import levels_to_ask, quantile_sources
from tsfm_runner.service.preparing import PreparedTask

# An answer for one series, and how many series were in its call.
_Answer = tuple[QuantileForecast | ForecastRuntimeError, int]

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

    line: RuntimeLine
    max_series_per_call: int
    max_split_calls: int

    async def predict(
        self,
        model: ModelRevision,
        tasks: Sequence[PreparedTask],
        *,
        deadline: Deadline,
    ) -> list[RawBand | FallbackReason]:
        """Return a band, or the reason why there is none, for each task in order."""
        bands: dict[int, RawBand | FallbackReason] = {}

        async def fill(places: Sequence[int]) -> None:
            members = [tasks[place] for place in places]
            call = _model_call(model, members)
            answers = await self._ask(call, deadline)
            for place, member, (answer, size) in zip(
                places, members, answers, strict=True
            ):
                bands[place] = _band(model, member, answer, batch_size=size)

        size = min(
            self.max_series_per_call,
            model.capabilities.max_series_per_call or self.max_series_per_call,
        )
        async with asyncio.TaskGroup() as calls:
            for _, places, _ in grouped(tasks, lambda task: _call_key(model, task)):
                for part in chunks(places, size):
                    calls.create_task(fill(part))
        return [bands[place] for place in range(len(tasks))]

    async def _ask(self, call: ModelCall, deadline: Deadline) -> list[_Answer]:
        """Return the answer for each series, and how many shared its call.

        A call that is refused for its input is halved, and so on, until the bad
        series are alone or the calls for that are used up.
        """
        parts = deque([call.series])
        calls_left = self.max_split_calls
        found: dict[int, _Answer] = {}
        while parts:
            part = parts.popleft()
            try:
                results = await self.line.ask(replace(call, series=part), deadline)
            except ForecastRuntimeError as failure:
                if _may_be_split(failure, part) and calls_left > 1:
                    calls_left -= 2
                    middle = len(part) // 2
                    parts += (part[:middle], part[middle:])
                    continue
                results = [failure] * len(part)
            for series, result in zip(part, results, strict=True):
                found[id(series)] = (result, len(part))
        return [found[id(series)] for series in call.series]


def _may_be_split(failure: ForecastRuntimeError, part: Sequence[ModelSeries]) -> bool:
    return (
        isinstance(failure, RuntimeRefusedError) and failure.is_input and len(part) > 1
    )


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
    own = (
        ("covariates_not_supported_by_model", has_unused),
        ("model_revision_not_in_registry", model.license_tag == "unknown"),
    )
    return (*(text for text, is_true in own if is_true), *answer.warnings)


def _reason(failure: ForecastRuntimeError) -> FallbackReason:
    return next(why for kind, why in _REASONS.items() if isinstance(failure, kind))
