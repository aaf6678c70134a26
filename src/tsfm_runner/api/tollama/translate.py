"""From a request in tollama's words to tasks of ours, one a series."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np

from tsfm_runner.api.problems import ProblemError
from tsfm_runner.api.tollama.errors import bad_request
from tsfm_runner.api.tollama.models import ServedModel
from tsfm_runner.api.tollama.points import read_points
from tsfm_runner.api.tollama.schemas import TollamaForecast, TollamaSeries
from tsfm_runner.config import TaskConfig
from tsfm_runner.domain.task import FloatArray, ForecastTask, Transform
from tsfm_runner.errors import InvalidTaskError

MEDIAN = 0.5
_WIRE_NAMES = {
    "market_id": "id",
    "cutoff": "timestamps",
    "context": "target",
    "times_s": "timestamps",
    "quantile_levels": "quantiles",
}


class Question(NamedTuple):
    """The task of a series, the name of its step, and what had to be done to it."""

    task: ForecastTask
    alias: str
    warnings: tuple[str, ...]


def questions_of(
    body: TollamaForecast, served: ServedModel, defaults: TaskConfig
) -> list[Question]:
    """Return the question that each series asks, in order.

    Raises ``ProblemError`` for the first that none can be made of: like the daemon,
    which forecasts all series of a request or none.
    """
    if body.parameters.covariates_mode == "strict":
        unusable = [
            f"unsupported covariate: {text}"
            for series in body.series
            for text in _unusable(series, served)
        ]
        if unusable:
            raise ProblemError(bad_request("; ".join(unusable)))
    return [_question(series, body, served, defaults) for series in body.series]


def _question(
    series: TollamaSeries,
    body: TollamaForecast,
    served: ServedModel,
    defaults: TaskConfig,
) -> Question:
    try:
        points = read_points(series)
        task = ForecastTask(
            market_id=series.id,
            cutoff=datetime.fromtimestamp(points.times_s[-1], UTC),
            freq=points.freq,
            horizon=body.horizon,
            quantile_levels=tuple(sorted({*body.quantiles, MEDIAN})),
            context=points.prices,
            transform=Transform(defaults.space, defaults.eps),
            times_s=_irregular(points.times_s, points.freq.step_s),
            model=served.choice,
        )
    except InvalidTaskError as failure:
        field = _WIRE_NAMES.get(failure.field, failure.field)
        detail = f"series {series.id!r}: {field} {failure.message}"
        raise ProblemError(bad_request(detail)) from failure
    ignored = (
        f"ignoring unsupported covariate: {text}" for text in _unusable(series, served)
    )
    return Question(task, points.alias, (*points.warnings, *ignored))


def _irregular(times_s: FloatArray, step_s: int) -> FloatArray | None:
    """Return the times, or None where they stand exactly one step apart."""
    return None if (np.diff(times_s) == step_s).all() else times_s


def _unusable(series: TollamaSeries, served: ServedModel) -> Iterator[str]:
    """Yield what the daemon would say of each covariate that cannot be used: of all."""
    model = served.model
    name = f"model {model.name!r} (family={model.family}) does not support"
    future = series.future_covariates or {}
    for covariate, column in (series.past_covariates or {}).items():
        reach = "known-future" if covariate in future else "past-only"
        kind = "categorical" if isinstance(column[0], str) else "numeric"
        place = f"series={series.id!r} covariate={covariate!r}"
        yield f"{name} {reach} {kind} covariates; {place}"
    if series.static_covariates:
        names = ",".join(series.static_covariates)
        yield f"{name} static covariates; series={series.id!r} covariates={names!r}"
