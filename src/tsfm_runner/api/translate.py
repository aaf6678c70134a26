"""From the words of the wire to those of the domain."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from pydantic import ValidationError

from tsfm_runner.api.lean_request import LeanRequest, read_lean
from tsfm_runner.api.problems import (
    Problem,
    field_error,
    field_errors,
    invalid_request,
    not_allowed,
)
from tsfm_runner.api.schemas import ForecastRequest
from tsfm_runner.api.wire_types import rfc3339
from tsfm_runner.config import TaskConfig
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.domain.task import (
    FloatArray,
    ForecastTask,
    MarketFacts,
    ModelChoice,
    Space,
    Transform,
)
from tsfm_runner.errors import InvalidTaskError, ModelNotAllowedError

_TRANSFORMS_REMEMBERED = 256
_ANY_MODEL = ModelChoice()
_NO_COLUMNS: Mapping[str, FloatArray] = MappingProxyType({})
_WIRE_NAMES = {
    "cutoff": "as_of_ts",
    "context": "y",
    "times_s": "y_ts",
    "horizon": "horizon_steps",
    "quantile_levels": "quantiles",
    "past_covariates": "x_past",
    "future_covariates": "x_future",
    "model.name": "model.model_name",
}


def read_task(value: object, defaults: TaskConfig) -> ForecastTask | Problem:
    """Return the task that a JSON value asks for, or the problem with it."""
    try:
        return task_from_wire(ForecastRequest.model_validate(value), defaults)
    except ValidationError as failure:
        return invalid_request(field_errors(failure))
    except InvalidTaskError as failure:
        return task_problem(failure, value)


def read_lean_task(body: bytes, defaults: TaskConfig) -> ForecastTask | None:
    """Return the task of a usual body, or None when the schema must decide."""
    request = read_lean(body)
    if request is None:
        return None
    try:
        closes_at = None if request.closes_at is None else rfc3339(request.closes_at)
        as_of = rfc3339(request.as_of_ts)
        return _task(request, defaults, as_of=as_of, closes_at=closes_at)
    except (InvalidTaskError, ValueError):
        return None


def task_problem(failure: InvalidTaskError, value: object) -> Problem:
    """Return the problem of a task, with the field in the words of the wire."""
    head, _, rest = failure.field.partition(".")
    name = _WIRE_NAMES.get(failure.field) or ".".join(
        filter(None, (_WIRE_NAMES.get(head, head), rest))
    )
    loc = name.split(".", 1)
    given: object = value
    for part in loc:
        given = given.get(part) if isinstance(given, Mapping) else None
    return invalid_request([field_error(loc, failure.message, given)])


def refusal_problem(
    failure: InvalidTaskError | ModelNotAllowedError, value: object
) -> Problem:
    """Return the problem of a task that the service refused."""
    if isinstance(failure, ModelNotAllowedError):
        return not_allowed(str(failure))
    return task_problem(failure, value)


def task_from_wire(request: ForecastRequest, defaults: TaskConfig) -> ForecastTask:
    """Return the task; what the request leaves out comes from the settings.

    Raises ``InvalidTaskError`` where fields contradict each other.
    """
    return _task(request, defaults, as_of=request.as_of_ts, closes_at=request.closes_at)


def _task(
    request: ForecastRequest | LeanRequest,
    defaults: TaskConfig,
    *,
    as_of: datetime,
    closes_at: datetime | None,
) -> ForecastTask:
    model = request.model
    transform = request.transform
    return ForecastTask(
        market_id=request.market_id,
        cutoff=as_of,
        freq=Frequency.parse(request.freq or defaults.freq),
        horizon=request.horizon_steps or defaults.horizon,
        quantile_levels=_levels(request, defaults),
        context=np.array(request.y, dtype=np.float64),
        transform=_transform(
            (transform and transform.space) or defaults.space,
            (transform and transform.eps) or defaults.eps,
        ),
        times_s=None if request.y_ts is None else np.array(request.y_ts),
        past_covariates=_columns(request.x_past),
        future_covariates=_columns(request.x_future),
        model=_ANY_MODEL
        if model is None
        else ModelChoice(
            model.provider or "auto",
            model.model_name,
            model.model_version,
            model.params or {},
        ),
        facts=_facts(request, as_of=as_of, closes_at=closes_at),
    )


@lru_cache(maxsize=_TRANSFORMS_REMEMBERED)
def _transform(space: Space, eps: float) -> Transform:
    return Transform(space, eps)


def _levels(
    request: ForecastRequest | LeanRequest, defaults: TaskConfig
) -> tuple[float, ...]:
    if request.level is None:
        return tuple(sorted(request.quantiles or defaults.quantile_levels))
    if request.quantiles is not None:
        raise InvalidTaskError("level", "may not stand beside quantiles")
    tails = [round((100 - percent) / 200, 6) for percent in request.level]
    return tuple(sorted({*tails, 0.5, *(round(1 - tail, 6) for tail in tails)}))


def _columns(columns: Mapping[str, list[float]] | None) -> Mapping[str, FloatArray]:
    if not columns:
        return _NO_COLUMNS
    return {name: np.array(column, float) for name, column in columns.items()}


def _facts(
    request: ForecastRequest | LeanRequest,
    *,
    as_of: datetime,
    closes_at: datetime | None,
) -> MarketFacts:
    if request.tte_seconds is not None:
        if closes_at is not None:
            raise InvalidTaskError("tte_seconds", "may not stand beside closes_at")
        closes_at = _after(as_of, request.tte_seconds)
    return MarketFacts(
        liquidity_bucket=request.liquidity_bucket,
        category=request.category,
        event_id=request.event_id,
        closes_at=closes_at,
        tick_size=request.tick_size,
        max_gap_minutes=request.max_gap_minutes,
    )


def _after(moment: datetime, seconds: float) -> datetime:
    try:
        return moment + timedelta(seconds=seconds)
    except OverflowError as failure:
        raise InvalidTaskError("tte_seconds", "reaches too far") from failure
