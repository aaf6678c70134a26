"""What a service tells becomes one reading; whatever else answers is an error."""

import asyncio
import itertools
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp import web
from tests.api.wire import a_request, prices

from tsfm_runner.adapters.live_figures import LiveFigures
from tsfm_runner.cli.serving import bind, running_service, url_of
from tsfm_runner.config import Settings
from tsfm_runner.domain.gating import CoverageCounts, Reading
from tsfm_runner.errors import ConfigurationError, ServiceUnreachableError
from tsfm_runner.testing.fake_tollama import FakeTollamaOptions, running_fake_tollama

BASELINES = ("ewma", "har")
NOW_S = 1_771_588_800.0
TOKEN = "a-token-of-16-and-more"
AS_OF = datetime(2026, 2, 20, 12, tzinfo=UTC)
METRICS = """\
# TYPE tsfm_requests_total counter
tsfm_requests_total{outcome="ok",route="/tsfm/forecast"} 90
tsfm_requests_total{outcome="ok",route="/tsfm/forecast/batch"} 5
tsfm_requests_total{outcome="failed",route="/tsfm/forecast"} 3
tsfm_requests_total{outcome="shed",route="/tsfm/forecast/batch"} 2
tsfm_requests_total{outcome="refused",route="/tsfm/forecast"} 40
tsfm_requests_total{outcome="limited",route="/tsfm/forecast"} 41
tsfm_requests_total{outcome="failed",route="/tsfm/models"} 42
tsfm_requests_total{outcome="ok",route="/metrics"} 43
# TYPE tsfm_model_forecasts_total counter
tsfm_model_forecasts_total{failure="none"} 80
tsfm_model_forecasts_total{failure="runtime_timeout"} 7
tsfm_model_forecasts_total{failure="invalid_output"} 2
tsfm_model_forecasts_total{failure="runtime_protocol"} 1
# TYPE tsfm_model_forecast_duration_seconds histogram
tsfm_model_forecast_duration_seconds_bucket{le="0.1"} 50
tsfm_model_forecast_duration_seconds_bucket{le="0.3"} 60
tsfm_model_forecast_duration_seconds_bucket{le="+Inf"} 61
tsfm_model_forecast_duration_seconds_count 61
tsfm_model_forecast_duration_seconds_sum 9.5
# TYPE tsfm_breaker_open_seconds_total counter
tsfm_breaker_open_seconds_total{family="torch",runtime="tollama"} 30
tsfm_breaker_open_seconds_total{family="timer",runtime="tollama"} 1.5
# TYPE tsfm_start_time_seconds gauge
tsfm_start_time_seconds 1.7715e+09
# TYPE tsfm_rollout_percent gauge
tsfm_rollout_percent 5
"""


def a_row(name: str, n: int, closed: float, inside: float, worth: object) -> object:
    target = {"closed": closed, "open": inside}
    return {"model_name": name, "n": n, "target": target, "n_effective": worth}


PAGE = {
    "target_coverage": 0.9,
    "rows": [
        a_row("chronos2", 3, 0.666667, 0.333333, 2.0),
        a_row("ewma", 1_000, 0.1, 0.1, 100.0),
        a_row("timesfm", 10, 0.9, 0.8, 4.5),
    ],
    "next_cursor": None,
}


@asynccontextmanager
async def telling(
    metrics: web.StreamResponse | str = METRICS, page: object = PAGE
) -> AsyncIterator[str]:
    """Serve what stands for a service; yield its address."""

    async def tell_metrics(_: web.Request) -> web.StreamResponse:
        return web.Response(text=metrics) if isinstance(metrics, str) else metrics

    async def tell_coverage(request: web.Request) -> web.StreamResponse:
        assert request.query == {
            "shadow": "false",
            "group_by": "model",
            "limit": "1000",
        }
        return web.json_response(page)

    app = web.Application()
    app.router.add_get("/metrics", tell_metrics)
    app.router.add_get("/tsfm/coverage", tell_coverage)
    bound = bind("127.0.0.1", 0)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.SockSite(runner, bound).start()
    try:
        yield url_of(bound)
    finally:
        await runner.cleanup()


async def read(url: str, *, token: str | None = None, timeout_s: float = 30) -> Reading:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        figures = LiveFigures(
            session,
            url,
            baselines=BASELINES,
            timeout_s=timeout_s,
            wall_clock=lambda: NOW_S,
        )
        return await figures.read()


async def test_a_reading_holds_what_a_gate_needs() -> None:
    async with telling() as url:
        reading = await read(f"{url}/")

    assert reading == Reading(
        time_s=NOW_S,
        started_at_s=1.7715e9,
        rollout_percent=5,
        n_requests=100,
        n_errors=5,
        n_forecasts=90,
        n_fallbacks=10,
        n_invalid=3,
        n_timed=61,
        durations=((0.1, 50), (0.3, 60)),
        breaker_open_s=31.5,
        coverage=CoverageCounts(0.9, 13, 2 + 9, 1 + 8, 6.5),
    )


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], CoverageCounts(0.9, 0, 0, 0, None)),
        ([a_row("ewma", 9, 1, 1, 9.0)], CoverageCounts(0.9, 0, 0, 0, None)),
        (
            [a_row("a", 2, 1, 1, None), a_row("b", 2, 1, 0, 2.0)],
            CoverageCounts(0.9, 4, 4, 2, None),
        ),
    ],
)
async def test_outcomes_are_worth_something_only_where_all_models_know(
    rows: list[object], expected: CoverageCounts
) -> None:
    async with telling(page=PAGE | {"rows": rows}) as url:
        assert (await read(url)).coverage == expected


async def test_a_running_service_is_read() -> None:
    double = FakeTollamaOptions(models=("chronos2",))
    bound = bind("127.0.0.1", 0)
    async with running_fake_tollama(double) as runtime:
        settings = Settings.model_validate(
            {
                "store": {"url": "sqlite://"},
                "auth": {"keys": {"desk": TOKEN}},
                "tollama": {"url": runtime},
                "routing": {"rollout_percent": 100},
            }
        )
        async with running_service(settings, bound):
            before = await read(url_of(bound), token=TOKEN)
            await _ask(url_of(bound))
            after = await read(url_of(bound), token=TOKEN)

    assert (before.rollout_percent, before.n_forecasts) == (100, 0)
    assert before.started_at_s == after.started_at_s
    assert (after.n_requests, after.n_errors) == (7, 0)
    assert (after.n_forecasts, after.n_fallbacks, after.n_timed) == (4, 0, 4)
    assert [bound for bound, _ in after.durations if bound == 0.3] == [0.3]
    assert after.durations[-1][1] == 4
    # Three origins of one market, the later ones with outcomes for those before.
    assert after.coverage.n == 1 + 2
    assert after.coverage.target == 0.9


async def _ask(url: str) -> None:
    """Ask for three origins of one market, one of them twice, and for baselines."""
    series = prices(60)
    bodies = [
        a_request(
            y=[*series, *[0.4] * n],
            as_of_ts=(AS_OF + n * timedelta(minutes=5)).isoformat(),
        )
        for n in (0, 1, 2)
    ]
    bodies += [
        bodies[2],
        a_request(market_id="wind", y=series),
        a_request(market_id="new", y=[0.4, 0.5]),
        a_request(market_id="sun", y=series, model={"provider": "baseline"}),
    ]
    headers = {"X-API-Key": TOKEN}
    async with aiohttp.ClientSession(headers=headers) as session:
        for body in bodies:
            async with session.post(f"{url}/tsfm/forecast", json=body) as reply:
                assert reply.status == 200


async def test_a_token_that_is_not_known_leads_to_its_option() -> None:
    async with telling(web.Response(status=401)) as url:
        with pytest.raises(ConfigurationError, match="--token-env"):
            await read(url)


@pytest.mark.parametrize("status", [403, 404, 500, 503])
async def test_a_status_that_is_no_success_is_told(status: int) -> None:
    async with telling(web.Response(status=status)) as url:
        with pytest.raises(ServiceUnreachableError, match=f"{url} answered {status}"):
            await read(url)


@pytest.mark.parametrize(
    "line", [line for line in METRICS.splitlines() if line.startswith("# TYPE")]
)
async def test_every_metric_is_needed(line: str) -> None:
    name = line.split()[2]
    kept = "\n".join(one for one in METRICS.splitlines() if name not in one)

    async with telling(kept) as url:
        with pytest.raises(ServiceUnreachableError, match="does not tell"):
            await read(url)


@pytest.mark.parametrize(
    ("metrics", "page"),
    [
        ("<html>", PAGE),
        ("tsfm_requests_total{", PAGE),
        (METRICS.replace(" 90", " many"), PAGE),
        (METRICS.replace('failure="none"', 'reason="none"'), PAGE),
        (METRICS, []),
        (METRICS, {}),
        (METRICS, PAGE | {"rows": [{"model_name": "chronos2"}]}),
        (METRICS, PAGE | {"target_coverage": None}),
        (METRICS.replace(" 90", " NaN"), PAGE),
        (METRICS.replace(" 90", " +Inf"), PAGE),
        (METRICS.replace("_percent 5", "_percent NaN"), PAGE),
        (METRICS.replace('le="0.3"} 60', 'le="0.3"} NaN'), PAGE),
        (METRICS, PAGE | {"target_coverage": math.nan}),
        (METRICS, PAGE | {"rows": [a_row("a", 2, math.inf, 1, 1.0)]}),
        (METRICS, PAGE | {"rows": [a_row("a", 2, 1, 1, math.nan)]}),
    ],
)
async def test_answers_of_something_else_are_told(metrics: str, page: object) -> None:
    async with telling(metrics, page) as url:
        with pytest.raises(ServiceUnreachableError, match="is it TSFM Runner"):
            await read(url)


async def test_silence_is_told() -> None:
    bound = bind("127.0.0.1", 0)  # nobody answers here
    with pytest.raises(ServiceUnreachableError, match="did not answer in time"):
        await read(url_of(bound), timeout_s=0.2)
    bound.close()

    with pytest.raises(ServiceUnreachableError, match="cannot be reached"):
        await read(url_of_closed())


def url_of_closed() -> str:
    with bind("127.0.0.1", 0) as bound:
        return url_of(bound)


async def test_a_connection_that_breaks_off_is_told() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ServiceUnreachableError, match="cannot be reached"):
            await read(f"http://127.0.0.1:{port}")


async def test_no_message_tells_a_secret_of_the_address() -> None:
    messages = []
    for status in (401, 404):
        async with telling(web.Response(status=status)) as url:
            secret = url.replace("http://", "http://me:word@")
            with pytest.raises((ConfigurationError, ServiceUnreachableError)) as caught:
                await read(secret)
            messages.append(str(caught.value))

    assert not any("word" in message for message in itertools.chain(messages))
