"""What was served, in the words of the wire."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np

from tsfm_runner.api.schemas import Conformal, LastStep, OriginMeta, RouteEntry
from tsfm_runner.domain.calibration import Certificate
from tsfm_runner.domain.forecast import RouteStep, ServedForecast
from tsfm_runner.domain.task import FloatArray

_TIMES_REMEMBERED = 256
_LEVELS_REMEMBERED = 256
_DECIMALS = 12  # a price on the cent grid is 0.47, not 0.47000000000000003
_RATIO_DECIMALS = 4
_UNASKED = (None,)


def answer_to_wire(served: ServedForecast) -> dict[str, Any]:
    """Return the answer in the words of the wire: a `ForecastAnswer`.

    Its ``meta`` stands last and lacks how it is served, which changes from one
    time to the next.
    """
    task, certificate = served.task, served.certificate
    as_of = task.cutoff.isoformat()
    keys = level_keys(task.quantile_levels)
    *columns, lower, upper = _columns(served)
    calibrated = dict(zip(keys, columns[: len(keys)], strict=True))
    return {
        "market_id": task.market_id,
        "as_of_ts": rfc3339_text(as_of),
        "freq": task.freq.text,
        "horizon_steps": task.horizon,
        "quantiles": task.quantile_levels,
        "ts": step_times(as_of, task.freq.step_s, task.horizon),
        "yhat_q": calibrated,
        "yhat_q_raw": dict(zip(keys, columns[len(keys) :], strict=True)),
        "conformal": _conformal(certificate, lower, upper),
        "conformal_last_step": _last_step(calibrated),
        "meta": _meta(served),
    }


def _last_step(band: Mapping[str, Sequence[float]]) -> LastStep:
    return {
        "q10": band.get("0.1", _UNASKED)[-1],
        "q50": band.get("0.5", _UNASKED)[-1],
        "q90": band.get("0.9", _UNASKED)[-1],
    }


@lru_cache(maxsize=_LEVELS_REMEMBERED)
def level_keys(levels: tuple[float, ...]) -> tuple[str, ...]:
    """Return the shortest decimal text of each level."""
    return tuple(map(repr, levels))


def _columns(served: ServedForecast) -> list[list[float]]:
    """Return the calibrated band, the raw one and the target's edges, as columns."""
    lower, upper = served.certificate.lower, served.certificate.upper
    return plain_columns(
        served.values, served.raw_values, lower[:, None], upper[:, None]
    )


def plain_columns(*bands: FloatArray) -> list[list[float]]:
    """Return the columns of bands of one horizon, one after the other."""
    columns: list[list[float]] = (
        np.concatenate(bands, axis=1).round(_DECIMALS).T.tolist()
    )
    return columns


def _conformal(
    certificate: Certificate, lower: list[float], upper: list[float]
) -> Conformal:
    share, interval = certificate.empirical_coverage, certificate.coverage_interval
    return {
        "target_coverage": certificate.target_coverage,
        "lower": lower,
        "upper": upper,
        "status": certificate.status,
        "segment": certificate.segment,
        "n": certificate.n,
        "empirical_coverage": None if share is None else round(share, _RATIO_DECIMALS),
        "coverage_ci": None
        if interval is None
        else [round(edge, _RATIO_DECIMALS) for edge in interval],
        "state_version": certificate.state_version,
        "updated_at": None
        if certificate.updated_at_s is None
        else moment_text(certificate.updated_at_s),
    }


def _meta(served: ServedForecast) -> OriginMeta:
    origin, transform = served.provenance, served.task.transform
    return {
        "forecast_id": origin.forecast_id,
        "runtime": origin.runtime,
        "model_name": origin.model_name,
        "model_version": origin.model_version,
        "license_tag": origin.license_tag,
        "input_len": origin.input_length,
        "missing_ratio": round(origin.missing_ratio, 6),
        "transform": {"space": transform.space, "eps": transform.eps},
        "band_calibration": served.certificate.band,
        "quantile_source": dict(
            zip(
                level_keys(tuple(origin.quantile_source)),
                origin.quantile_source.values(),
                strict=True,
            )
        ),
        "route": [_route_entry(step) for step in origin.route],
        "fallback_used": origin.is_fallback,
        "fallback_reason": origin.fallback_reason,
        "warnings": list(origin.warnings),
        "batch_size": origin.batch_size,
        "breaker_state": origin.breaker_state,
    }


def _route_entry(step: RouteStep) -> RouteEntry:
    entry: RouteEntry = {
        "rung": step.rung,
        "taken": step.is_taken,
        "reason": step.reason,
    }
    if step.detail is not None:
        entry["detail"] = step.detail
    return entry


@lru_cache(maxsize=_TIMES_REMEMBERED)
def step_times(as_of: str, step_s: int, horizon: int) -> tuple[str, ...]:
    """Return the time of each step; the markets of one cycle share them all.

    They are remembered by the text of the time: moments are equal in every zone.
    """
    cutoff, step = datetime.fromisoformat(as_of), timedelta(seconds=step_s)
    times = (cutoff + step * count for count in range(1, horizon + 1))
    return tuple(rfc3339_text(time.isoformat()) for time in times)


@lru_cache(maxsize=_TIMES_REMEMBERED)
def moment_text(epoch_s: float, *, timespec: str = "milliseconds") -> str:
    """Return a moment in UTC."""
    moment = datetime.fromtimestamp(epoch_s, UTC)
    return rfc3339_text(moment.isoformat(timespec=timespec))


def rfc3339_text(isoformat: str) -> str:
    """Return a time as it is written here: in UTC with a Z."""
    return isoformat.replace("+00:00", "Z")
