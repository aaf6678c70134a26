"""The live figures of a running service, as one reading of its own routes."""

import math
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import Any

import aiohttp
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tsfm_runner.adapters.download import public_name
from tsfm_runner.domain.forecast import FallbackReason
from tsfm_runner.domain.gating import CoverageCounts, Reading
from tsfm_runner.errors import ConfigurationError, ServiceUnreachableError
from tsfm_runner.ports import Clock

_UNAUTHORIZED = 401
_FORECAST_ROUTES = ("/tsfm/forecast", "/tsfm/forecast/batch")
_ERRORS = ("failed", "shed")
_INVALID = (FallbackReason.INVALID_OUTPUT, FallbackReason.RUNTIME_PROTOCOL)
_COVERAGE = "shadow=false&group_by=model&limit=1000"

_Families = Mapping[str, Metric]


class LiveFigures:
    """Reads what a service counts. One reading a call; no retries."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        *,
        baselines: Iterable[str],
        timeout_s: float,
        wall_clock: Clock,
    ) -> None:
        """Take a session whose token is set, and the names of what is no model."""
        self._session = session
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._url = url.rstrip("/")
        self._baselines = frozenset(baselines)
        self._wall_clock = wall_clock

    async def read(self) -> Reading:
        """Return what the service tells now.

        Raises ``ServiceUnreachableError`` for silence and for an answer that is none
        of a service of ours, and ``ConfigurationError`` for a token that is not known.
        """
        with _translated_errors(public_name(self._url)):
            text = await (await self._get("/metrics")).text()
            now_s = self._wall_clock()
            page = await (await self._get(f"/tsfm/coverage?{_COVERAGE}")).json()
            families = {
                family.name: family for family in text_string_to_metric_families(text)
            }
            return _reading(families, now_s, self._coverage(page))

    async def _get(self, path: str) -> aiohttp.ClientResponse:
        reply = await self._session.get(f"{self._url}{path}", timeout=self._timeout)
        if reply.status == _UNAUTHORIZED:
            reply.release()
            place = public_name(self._url)
            raise ConfigurationError(
                f"{place} answered 401: it knows no such key; name the variable of one "
                "with --token-env"
            )
        reply.raise_for_status()
        return reply

    def _coverage(self, page: Mapping[str, Any]) -> CoverageCounts:
        rows = [row for row in page["rows"] if row["model_name"] not in self._baselines]
        worths = [row["n_effective"] for row in rows]
        return CoverageCounts(
            _finite(float(page["target_coverage"])),
            _finite(float(sum(row["n"] for row in rows))),
            sum(_hits(row, "closed") for row in rows),
            sum(_hits(row, "open") for row in rows),
            _finite(sum(map(float, worths))) if worths and None not in worths else None,
        )


def _hits(row: Mapping[str, Any], kind: str) -> float:
    """Return the whole number that a share stands for."""
    return float(round(row["n"] * row["target"][kind]))


def _reading(families: _Families, now_s: float, coverage: CoverageCounts) -> Reading:
    requests = families["tsfm_requests"].samples
    forecasts = families["tsfm_model_forecasts"].samples
    times = families["tsfm_model_forecast_duration_seconds"].samples
    n_forecasts = _total(forecasts)
    return Reading(
        time_s=now_s,
        started_at_s=_gauge(families, "tsfm_start_time_seconds"),
        rollout_percent=_gauge(families, "tsfm_rollout_percent"),
        n_requests=_total(requests, route=_FORECAST_ROUTES, outcome=("ok", *_ERRORS)),
        n_errors=_total(requests, route=_FORECAST_ROUTES, outcome=_ERRORS),
        n_forecasts=n_forecasts,
        n_fallbacks=n_forecasts - _total(forecasts, failure=("none",)),
        n_invalid=_total(forecasts, failure=_INVALID),
        n_timed=_total(times, "_count"),
        durations=_durations(times),
        breaker_open_s=_total(families["tsfm_breaker_open_seconds"].samples),
        coverage=coverage,
    )


def _total(
    samples: Iterable[Sample], ending: str = "_total", **labels: Iterable[str]
) -> float:
    """Return the sum of a counter over samples with some values of labels."""
    return _finite(
        math.fsum(
            sample.value
            for sample in samples
            if sample.name.endswith(ending)
            and all(sample.labels[name] in values for name, values in labels.items())
        )
    )


def _gauge(families: _Families, name: str) -> float:
    [sample] = families[name].samples
    return _finite(float(sample.value))


def _finite(number: float) -> float:
    """Return what can be kept and counted with; raise ``ValueError`` for what not."""
    if not math.isfinite(number):
        raise ValueError(f"{number} is no count")
    return number


def _durations(samples: Iterable[Sample]) -> tuple[tuple[float, float], ...]:
    buckets = (
        (float(sample.labels["le"]), _finite(float(sample.value)))
        for sample in samples
        if sample.name.endswith("_bucket")
    )
    return tuple(sorted(bucket for bucket in buckets if math.isfinite(bucket[0])))


@contextmanager
def _translated_errors(place: str) -> Generator[None]:
    try:
        yield
    except aiohttp.ClientResponseError as exc:
        raise ServiceUnreachableError(f"{place} answered {exc.status}") from exc
    except TimeoutError as exc:
        raise ServiceUnreachableError(f"{place} did not answer in time") from exc
    except aiohttp.ClientError as exc:
        kind = type(exc).__name__
        raise ServiceUnreachableError(f"{place} cannot be reached: {kind}") from exc
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as exc:
        raise ServiceUnreachableError(
            f"{place} does not tell what a gate needs: is it TSFM Runner, and of this "
            "version?"
        ) from exc
