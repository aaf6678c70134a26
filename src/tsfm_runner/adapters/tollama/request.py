"""The body of one forecast request, in the words of the daemon."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from typing import Any, Literal

import msgspec
import numpy as np

from tsfm_runner.adapters.tollama.dialect import Dialect
from tsfm_runner.domain.forecast import ModelCall, ModelSeries
from tsfm_runner.domain.task import MAX_LEVEL, MIN_LEVEL, FloatArray

LEVEL_DIGITS = 4
_MINUTE_S = 60
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class ForecastRequest:
    """What is sent, and what we must remember to read the answer.

    ``series_ids`` and ``warnings`` stand in the order of the call's series.
    """

    body: bytes
    series_ids: tuple[str, ...]
    warnings: tuple[tuple[str, ...], ...]


def build_request(
    call: ModelCall, *, dialect: Dialect, daemon_timeout_s: float
) -> ForecastRequest:
    """Write the request in the words that the daemon is known to accept.

    Raises ``ValueError`` for what must never be sent: numbers that are not
    finite, levels in no canonical form. Both would be faults of our own.
    """
    _check(call)
    ids = _unique_ids([series.market_id for series in call.series])
    timestamps = _Timestamps(call.step_s)
    body: dict[str, Any] = {
        "model": call.model_name,
        "horizon": call.horizon,
        "quantiles": list(call.quantile_levels),
        "series": [
            {
                "id": series_id,
                "freq": f"{call.step_s // _MINUTE_S}min",
                "timestamps": timestamps.until(series.cutoff, series.context.size),
                "target": series.context.tolist(),
                **_covariates(series, dialect),
            }
            for series_id, series in zip(ids, call.series, strict=True)
        ],
    }
    if "timeout" in dialect.body_keys:
        body["timeout"] = daemon_timeout_s
    if call.params and "options" in dialect.body_keys:
        body["options"] = dict(call.params)
    warnings = tuple(_warnings(series, call, dialect) for series in call.series)
    return ForecastRequest(msgspec.json.encode(body), ids, warnings)


class _Timestamps:
    """Timestamps of the points of a series; series of a batch share most of them."""

    def __init__(self, step_s: int) -> None:
        self._step = np.timedelta64(step_s, "s")
        self._written: dict[tuple[datetime, int], msgspec.Raw] = {}

    def until(self, cutoff: datetime, n_points: int) -> msgspec.Raw:
        """Return JSON of RFC 3339 times in UTC, a step apart, the last at cutoff."""
        key = (cutoff, n_points)
        if key not in self._written:
            last = np.datetime64((cutoff - _EPOCH) // _MICROSECOND, "us")
            times = last - np.arange(n_points - 1, -1, -1) * self._step
            unit: Literal["us", "s"] = "us" if cutoff.microsecond else "s"
            texts = np.datetime_as_string(times, unit=unit, timezone="UTC")
            self._written[key] = msgspec.Raw(msgspec.json.encode(texts.tolist()))
        return self._written[key]


def _unique_ids(market_ids: Sequence[str]) -> tuple[str, ...]:
    """Return the market ids; those that occur twice get a suffix nobody else has."""
    occurrences = Counter(market_ids)
    taken = set(market_ids)
    ids = []
    for market_id in market_ids:
        series_id = market_id
        if occurrences[market_id] > 1:
            candidates = (f"{market_id}#{number}" for number in count(1))
            series_id = next(text for text in candidates if text not in taken)
            taken.add(series_id)
        ids.append(series_id)
    return tuple(ids)


def _covariate_fields(series: ModelSeries) -> dict[str, Mapping[str, FloatArray]]:
    fields = {
        "past_covariates": series.past_covariates,
        "future_covariates": series.future_covariates,
    }
    return {key: columns for key, columns in fields.items() if columns}


def _covariates(series: ModelSeries, dialect: Dialect) -> dict[str, Any]:
    return {
        key: {name: column.tolist() for name, column in columns.items()}
        for key, columns in _covariate_fields(series).items()
        if key in dialect.series_keys
    }


def _warnings(
    series: ModelSeries, call: ModelCall, dialect: Dialect
) -> tuple[str, ...]:
    warnings = []
    if not _covariate_fields(series).keys() <= dialect.series_keys:
        warnings.append("covariates_not_sent")
    if call.params and "options" not in dialect.body_keys:
        warnings.append("params_not_sent")
    return tuple(warnings)


def _check(call: ModelCall) -> None:
    if not call.series or call.horizon < 1:
        raise ValueError("a call needs a series and a step to forecast")
    if call.step_s < _MINUTE_S or call.step_s % _MINUTE_S:
        raise ValueError(f"step must be whole minutes, got {call.step_s} s")
    _check_levels(call.quantile_levels)
    for series in call.series:
        columns = [series.context]
        for covariates in _covariate_fields(series).values():
            columns.extend(covariates.values())
        if not all(np.isfinite(column).all() for column in columns):
            raise ValueError(f"series {series.market_id!r} holds a non-finite number")
    if not _is_finite(call.params):
        raise ValueError("params hold a non-finite number")


def _check_levels(levels: tuple[float, ...]) -> None:
    # Outside this range, or with more digits, two levels can share one key in the
    # answer, and a level that rounds to 1 kills the daemon's runner for everybody.
    if not levels or not MIN_LEVEL <= levels[0] <= levels[-1] <= MAX_LEVEL:
        raise ValueError(f"levels must lie in [{MIN_LEVEL}, {MAX_LEVEL}]: {levels}")
    if any(low >= high for low, high in pairwise(levels)):
        raise ValueError(f"levels must be ascending: {levels}")
    if any(round(level, LEVEL_DIGITS) != level for level in levels):
        raise ValueError(f"levels must have at most {LEVEL_DIGITS} digits: {levels}")


def _is_finite(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, Mapping):
        return all(_is_finite(item) for item in value.values())
    if isinstance(value, list | tuple):
        return all(_is_finite(item) for item in value)
    return True
