"""The two forecast routes: one pipeline, told as JSON or as NDJSON."""

import json
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tsfm_runner.testing.fake_tollama.breakage import deliver_broken
from tsfm_runner.testing.fake_tollama.catalog import CatalogModel, described
from tsfm_runner.testing.fake_tollama.covariates import check_covariates
from tsfm_runner.testing.fake_tollama.edge import MEMORY, read_body, write_json
from tsfm_runner.testing.fake_tollama.explanation import explain
from tsfm_runner.testing.fake_tollama.faults import refusal_of, spoil
from tsfm_runner.testing.fake_tollama.forecasting import make_forecasts
from tsfm_runner.testing.fake_tollama.generations import answer_of, checks_models
from tsfm_runner.testing.fake_tollama.keep_alive import keep_loaded
from tsfm_runner.testing.fake_tollama.options import Fault, Memory
from tsfm_runner.testing.fake_tollama.refusals import (
    RefusalError,
    forecast_error,
    not_installed,
)
from tsfm_runner.testing.fake_tollama.rendering import json_answer, stream_answer
from tsfm_runner.testing.fake_tollama.schemas import (
    ForecastBody,
    SeriesBody,
    StreamedForecastBody,
)
from tsfm_runner.testing.fake_tollama.timegrid import infer_step, write_alias


@dataclass(frozen=True, slots=True)
class _Job:
    """One accepted request on its way through the double."""

    body: ForecastBody
    series: tuple[SeriesBody, ...]
    warnings: tuple[str, ...]
    model: CatalogModel
    fault: Fault | None
    latency_s: float


async def forecast_json(request: web.Request) -> web.StreamResponse:
    """Answer ``/v1/forecast``: JSON in which NaN is null."""
    job = _accept(request, read_body(request, ForecastBody))
    answer = await _run(job, request.app[MEMORY])
    text = write_json(answer)
    broken = await deliver_broken(request, job.fault, text)
    return json_answer(text) if broken is None else broken


async def forecast_any(request: web.Request) -> web.StreamResponse:
    """Answer ``/api/forecast``: NDJSON, or JSON that cannot hold a NaN."""
    body = read_body(request, StreamedForecastBody)
    job = _accept(request, body)
    answer = await _run(job, request.app[MEMORY])
    broken = await deliver_broken(request, job.fault, write_json(answer))
    if broken is not None:
        return broken
    if body.stream:
        return await stream_answer(request, answer)
    try:
        return json_answer(json.dumps(answer, allow_nan=False))
    except ValueError as exc:
        raise RefusalError(500, "Internal Server Error") from exc


def _accept(request: web.Request, body: ForecastBody) -> _Job:
    """Check what the daemon checks before it asks the model."""
    memory = request.app[MEMORY]
    generation = memory.options.generation
    if body.model not in memory.installed and checks_models(generation):
        raise not_installed(body.model)
    if not body.series:
        raise RefusalError(400, "data_url is not supported by this double")
    series, freq_warnings = _with_freq(body.series)
    model = described(body.model)
    covariate_warnings = check_covariates(series, model, body.parameters)
    fault = memory.draw_fault(request.headers)
    return _Job(
        body=body,
        series=series,
        warnings=(*freq_warnings, *covariate_warnings),
        model=model,
        fault=fault,
        latency_s=memory.latency_s(request.headers, fault),
    )


def _with_freq(
    series: Sequence[SeriesBody],
) -> tuple[tuple[SeriesBody, ...], list[str]]:
    """Return the series with every ``auto`` replaced by the step of its times."""
    resolved, warnings = [], []
    for item in series:
        if item.freq != "auto":
            resolved.append(item)
            continue
        inferred = infer_step(item.timestamps)
        if inferred is None:
            raise RefusalError(
                400,
                f"series {item.id!r}: freq='auto' but could not infer frequency from "
                f"{len(item.timestamps)} timestamps. Provide an explicit freq value.",
            )
        resolved.append(item.model_copy(update={"freq": write_alias(inferred.step)}))
        if inferred.regularity < 1:
            warnings.append(
                f"series {item.id!r}: freq='auto' was resolved from the dominant "
                f"timestamp interval (regularity={inferred.regularity:.2f}); "
                "provide explicit freq to override"
            )
    return tuple(resolved), warnings


async def _run(job: _Job, memory: Memory) -> dict[str, Any]:
    """Return the answer after the runner's turn; a serial runner takes one call."""
    started_s = time.perf_counter()
    async with AsyncExitStack() as stack:
        if memory.options.is_serial:
            await stack.enter_async_context(memory.runner)
        inference_s = time.perf_counter()
        await memory.work(job.latency_s)
        refusal = refusal_of(job.fault)
        if refusal is not None:
            raise refusal
        forecasts = _forecasts(job, memory.options.bad_series)
        ended_s = time.perf_counter()
    # The daemon, too, looks at this wish only after the forecast.
    keep_loaded(memory, job.body.model, wish=job.body.keep_alive)
    timing = {
        "model_load_ms": 0.0,
        "inference_ms": 1000 * (ended_s - inference_s),
        "total_ms": 1000 * (ended_s - started_s),
    }
    return answer_of(memory.options.generation, _answer(job, forecasts, timing))


def _forecasts(job: _Job, bad_series: frozenset[str]) -> list[dict[str, Any]]:
    for series in job.series:
        if series.id in bad_series:
            raise forecast_error(f"series {series.id} cannot be forecast")
    return make_forecasts(job.body, job.series)


def _answer(
    job: _Job, forecasts: list[dict[str, Any]], timing: dict[str, float]
) -> dict[str, Any]:
    """Return the whole answer; clients refuse keys the daemon does not have."""
    return {
        "model": job.body.model,
        "forecasts": spoil(forecasts, job.fault),
        "metrics": None,
        "timing": timing,
        "explanation": explain(forecasts, job.series),
        "narrative": None,
        "preprocessing": None,
        "usage": {
            "horizon": job.body.horizon,
            "runner": f"tollama-{job.model.family}",
            "series_count": len(job.series),
            "device": "unknown",
            "is_fake": True,
        },
        "warnings": list(job.warnings) or None,
    }
