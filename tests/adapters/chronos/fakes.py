"""A pipeline that answers made-up quantiles, and calls to ask it with."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from tsfm_runner.adapters.chronos.inference import LoadedModel, with_covariates
from tsfm_runner.domain.forecast import ModelCall, ModelSeries
from tsfm_runner.domain.task import FloatArray

LEVELS = (0.1, 0.5, 0.9)


class FakePipeline:
    """Answers the last known value of each series plus its level, at every step."""

    def __init__(
        self,
        *,
        failure: BaseException | None = None,
        change: Callable[[list[FloatArray]], list[FloatArray]] = lambda tables: tables,
        wait: Callable[[], object] = lambda: None,
    ) -> None:
        self.asked: list[Sequence[Any]] = []
        self.options: Mapping[str, Any] = {}
        self._failure = failure
        self._change = change
        self._wait = wait

    def predict_quantiles(
        self,
        inputs: Sequence[Any],
        prediction_length: int | None = None,
        quantile_levels: list[float] = [],  # noqa: B006 - the library's signature
        **options: object,
    ) -> tuple[Any, Any]:
        self.asked.append(inputs)
        self.options = options
        self._wait()
        if self._failure is not None:
            raise self._failure
        shape = (1, prediction_length or 0, len(quantile_levels))
        tables = [
            np.broadcast_to(
                _last_known(one["target"]) + np.array(quantile_levels), shape
            )
            for one in inputs
        ]
        return self._change(tables), None


def _last_known(context: FloatArray) -> float:
    return float(context[~np.isnan(context)][-1])


def loaded(pipeline: FakePipeline, *, trained_horizon: int = 64) -> LoadedModel:
    return LoadedModel(
        pipeline, LEVELS, trained_horizon, {"batch_size": 7}, with_covariates
    )


def series(
    *context: float,
    past: Mapping[str, Sequence[float]] | None = None,
    future: Mapping[str, Sequence[float]] | None = None,
    is_observed: Sequence[bool] | None = None,
) -> ModelSeries:
    def columns(named: Mapping[str, Sequence[float]] | None) -> dict[str, FloatArray]:
        return {name: np.array(column) for name, column in (named or {}).items()}

    return ModelSeries(
        "market",
        datetime(2026, 2, 20, tzinfo=UTC),
        np.array(context),
        columns(past),
        columns(future),
        is_observed=None if is_observed is None else np.array(is_observed),
    )


def call_of(
    *many: ModelSeries,
    horizon: int = 2,
    levels: tuple[float, ...] = LEVELS,
    params: Mapping[str, Any] | None = None,
) -> ModelCall:
    return ModelCall("mine", 300, horizon, levels, params or {}, many)
