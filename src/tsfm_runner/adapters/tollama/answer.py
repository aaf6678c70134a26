"""What the daemon answered, checked line by line."""

from collections import defaultdict
from typing import Any, TypeVar

import msgspec
import numpy as np

from tsfm_runner.adapters.tollama.request import LEVEL_DIGITS, ForecastRequest
from tsfm_runner.domain.forecast import ModelCall, QuantileForecast
from tsfm_runner.domain.model import RuntimeModel
from tsfm_runner.domain.task import FloatArray
from tsfm_runner.errors import (
    ForecastRuntimeError,
    RuntimeOutputError,
    RuntimeProtocolError,
)

# Keys carry six significant digits; the levels we send have four at most.
_KEY_TOLERANCE = 1e-6
_NULL = msgspec.Raw(b"null")
_IGNORED_COVARIATE = "ignoring unsupported covariate"

_T = TypeVar("_T")


class _Answer(msgspec.Struct, frozen=True):
    """The part of an answer that we read; each series is read by itself."""

    forecasts: list[msgspec.Raw]
    warnings: Any = None


class _SeriesAnswer(msgspec.Struct, frozen=True):
    id: str
    quantiles: msgspec.Raw = _NULL


class _Source(msgspec.Struct, frozen=True):
    revision: str | None = None


class _License(msgspec.Struct, frozen=True):
    type: str | None = None


class _ListedModel(msgspec.Struct, frozen=True):
    name: str
    installed: bool = False
    source: _Source | None = None
    license: _License | None = None


class _ModelList(msgspec.Struct, frozen=True):
    available: list[_ListedModel] = []
    installed: list[_ListedModel] = []


class _Health(msgspec.Struct, frozen=True):
    status: str


def read_forecasts(
    body: bytes, call: ModelCall, request: ForecastRequest
) -> list[QuantileForecast | ForecastRuntimeError]:
    """Return one forecast or one error for each series of the call, in order."""
    answer = _decode(body, _Answer)
    by_id = _columns_by_id(answer.forecasts)
    ignored = _ignored_covariates(answer.warnings)
    return [
        _read_series(
            by_id.get(series_id, []),
            call,
            warnings + (ignored if series.past_covariates else ()),
        )
        for series, series_id, warnings in zip(
            call.series, request.series_ids, request.warnings, strict=True
        )
    ]


def read_models(body: bytes) -> list[RuntimeModel]:
    """Return every model that is listed as available or installed, once."""
    listed = _decode(body, _ModelList)
    installed = {model.name for model in listed.installed}
    models = {model.name: model for model in (*listed.installed, *listed.available)}
    return [
        RuntimeModel(
            name=model.name,
            revision=model.source.revision if model.source else None,
            license_name=model.license.type if model.license else None,
            is_installed=model.installed or model.name in installed,
        )
        for model in models.values()
    ]


def read_health(body: bytes) -> str:
    """Return the daemon's word for its own state."""
    return _decode(body, _Health).status


def _decode(body: bytes | msgspec.Raw, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (ValueError, RecursionError) as exc:
        raise RuntimeProtocolError("tollama sent JSON of another shape") from exc


def _columns_by_id(items: list[msgspec.Raw]) -> dict[str, list[msgspec.Raw]]:
    """Group quantiles by series id; a series that cannot be named counts as missing."""
    by_id = defaultdict(list)
    for item in items:
        try:
            series = _decode(item, _SeriesAnswer)
        except RuntimeProtocolError:
            continue
        by_id[series.id].append(series.quantiles)
    return by_id


def _ignored_covariates(warnings: object) -> tuple[str, ...]:
    """Say in one word of ours that the model could not use the covariates."""
    lines = warnings if isinstance(warnings, list) else []
    is_ignored = any(
        isinstance(line, str) and line.startswith(_IGNORED_COVARIATE) for line in lines
    )
    return ("covariates_ignored",) if is_ignored else ()


def _read_series(
    found: list[msgspec.Raw], call: ModelCall, warnings: tuple[str, ...]
) -> QuantileForecast | ForecastRuntimeError:
    if len(found) != 1:
        return RuntimeProtocolError(f"tollama sent a series {len(found)} times")
    try:
        values = _read_values(found[0], call)
    except ForecastRuntimeError as exc:
        return exc
    return QuantileForecast(call.quantile_levels, values, warnings)


def _read_values(quantiles: msgspec.Raw, call: ModelCall) -> FloatArray:
    """Return values of shape (horizon, n_levels)."""
    columns = _by_level(_decode(quantiles, dict[str, list[float | None]]))
    missing = [level for level in call.quantile_levels if level not in columns]
    if missing:
        raise RuntimeProtocolError(f"tollama sent no quantile {missing[0]}")
    ordered = [columns[level] for level in call.quantile_levels]
    if any(len(column) != call.horizon for column in ordered):
        raise RuntimeProtocolError("tollama sent quantiles of another length")
    values = np.array(ordered, dtype=np.float64).T  # None becomes NaN
    if not np.isfinite(values).all():
        raise RuntimeOutputError("tollama sent quantiles that are not finite")
    return values


def _by_level(
    columns: dict[str, list[float | None]],
) -> dict[float, list[float | None]]:
    """Key the columns by the value of their level; foreign keys are left out."""
    by_level: dict[float, list[float | None]] = {}
    for key, column in columns.items():
        try:
            value = float(key)
        except ValueError:
            continue
        level = round(value, LEVEL_DIGITS)
        if abs(value - level) > _KEY_TOLERANCE:
            continue
        if level in by_level:
            raise RuntimeProtocolError(f"tollama sent quantile {level} twice")
        by_level[level] = column
    return by_level
