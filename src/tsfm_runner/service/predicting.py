"""Ask a model runtime for many tasks, and read its answers as bands."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from tsfm_runner.core.levels import values_at_levels
from tsfm_runner.core.transforms import expit, logit
from tsfm_runner.domain.asker import NOBODY, Asker
from tsfm_runner.domain.forecast import (
    FallbackReason,
    ModelCall,
    ModelSeries,
    QuantileForecast,
    QuantileSource,
)
from tsfm_runner.domain.model import ModelRevision
from tsfm_runner.domain.task import FloatArray, Space
from tsfm_runner.errors import (
    BreakerOpenError,
    DeadlinePassedError,
    ForecastRuntimeError,
    ModelNotInstalledError,
    RuntimeDegradedError,
    RuntimeOutputError,
    RuntimeTimeoutError,
    RuntimeUnavailableError,
)
from tsfm_runner.service.asking import RuntimeLine
from tsfm_runner.service.batching import Batcher
from tsfm_runner.service.deadline import Deadline
from tsfm_runner.service.grouping import grouped
from tsfm_runner.service.groups import Question
from tsfm_runner.service.levels import levels_to_ask, quantile_sources
from tsfm_runner.service.preparing import PreparedTask

# Models compute in single precision; more digits would only make calls longer.
_LOG_ODDS_DECIMALS = 7

# The first kind that fits gives the reason, so the special ones stand first.
_REASONS: dict[type[ForecastRuntimeError], FallbackReason] = {
    DeadlinePassedError: FallbackReason.DEADLINE_EXCEEDED,
    RuntimeTimeoutError: FallbackReason.RUNTIME_TIMEOUT,
    RuntimeUnavailableError: FallbackReason.RUNTIME_UNAVAILABLE,
    ModelNotInstalledError: FallbackReason.MODEL_NOT_INSTALLED,
    RuntimeOutputError: FallbackReason.INVALID_OUTPUT,
    BreakerOpenError: FallbackReason.BREAKER_OPEN,
    RuntimeDegradedError: FallbackReason.DEGRADED,
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
    batcher: Batcher

    async def predict(
        self,
        model: ModelRevision,
        tasks: Sequence[PreparedTask],
        *,
        deadline: Deadline,
        asker: Asker = NOBODY,
    ) -> list[RawBand | FallbackReason]:
        """Return a band, or the reason why there is none, for each task in order."""
        obstacle = self.line.obstacle(model.family)
        if obstacle is not None:
            return [_reason(obstacle)] * len(tasks)
        bands: dict[int, RawBand | FallbackReason] = {}

        async def fill(
            question: Question, places: Sequence[int], members: Sequence[PreparedTask]
        ) -> None:
            call = _model_call(model, question, members, asker)
            answers = await self.batcher.ask(question, call, deadline)
            for place, member, (answer, size) in zip(
                places, members, answers, strict=True
            ):
                bands[place] = _band(model, member, answer, batch_size=size)

        groups = list(grouped(tasks, lambda task: _question(model, task)))
        if len(groups) == 1:
            await fill(*groups[0])
        else:
            async with asyncio.TaskGroup() as calls:
                for group in groups:
                    calls.create_task(fill(*group))
        return [bands[place] for place in range(len(tasks))]


def _question(model: ModelRevision, prepared: PreparedTask) -> Question:
    task = prepared.task
    params = task.model.params
    return Question(
        model.name,
        model.family,
        task.freq.step_s,
        task.horizon,
        levels_to_ask(prepared.levels, model.capabilities),
        msgspec.json.encode(dict(params), order="sorted") if params else b"",
        model.capabilities.max_series_per_call,
    )


def _model_call(
    model: ModelRevision,
    question: Question,
    members: Sequence[PreparedTask],
    asker: Asker,
) -> ModelCall:
    return ModelCall(
        model_name=model.name,
        step_s=question.step_s,
        horizon=question.horizon,
        quantile_levels=question.quantile_levels,
        params=members[0].task.model.params,
        series=tuple(_series(model, member, asker) for member in members),
    )


def _series(model: ModelRevision, prepared: PreparedTask, asker: Asker) -> ModelSeries:
    task, can = prepared.task, model.capabilities
    recent = slice(-(can.max_context or prepared.context.size), None)
    past = prepared.past_covariates if can.past_covariates else {}
    future = task.future_covariates if can.future_covariates else {}
    context = prepared.context[recent]
    if _space(model, prepared) == "logit":
        context = logit(context, eps=task.transform.eps).round(_LOG_ODDS_DECIMALS)
    return ModelSeries(
        market_id=task.market_id,
        cutoff=task.cutoff,
        context=context,
        past_covariates={name: column[recent] for name, column in past.items()},
        future_covariates={name: future[name] for name in future if name in past},
        is_observed=None
        if prepared.is_observed is None
        else prepared.is_observed[recent],
        closes_at=task.facts.closes_at,
        asker=asker,
    )


def _space(model: ModelRevision, prepared: PreparedTask) -> Space:
    """Return the space in which the model sees prices: its own, or the task's."""
    return model.capabilities.space or prepared.task.transform.space


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
    if _space(model, prepared) == "logit":
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
