"""Around every request: its id, the headers, how many are at work, one word told."""

import asyncio

import pytest
from anyio import BrokenResourceError
from httpx2 import AsyncClient, Response
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.api.wire import (
    BATCH,
    FORECAST,
    a_client,
    a_request,
    an_app,
    assert_problem,
    client_at,
    client_of,
    prices,
    started,
    until,
    with_tollama,
)
from tests.fakes import FakeClock, FakeRuntime, FakeTelemetry

from tsfm_runner.adapters.memory_cache import MemoryCache
from tsfm_runner.adapters.telemetry import MetricFigures, Metrics
from tsfm_runner.api.edge import Edge
from tsfm_runner.api.watch import Watch
from tsfm_runner.config import ResilienceConfig

SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
}


class Inside:
    """What lies behind the edge: answers 200, and remembers what it was given."""

    def __init__(self, clock: FakeClock, *, takes_s: float = 0.0) -> None:
        self._clock = clock
        self._takes_s = takes_s
        self.scopes: list[Scope] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        self._clock.now_s += self._takes_s
        await PlainTextResponse("well")(scope, receive, send)


async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Fail before anything is answered."""
    raise ZeroDivisionError


def an_edge(
    app: ASGIApp, clock: FakeClock, telemetry: FakeTelemetry | None = None
) -> Edge:
    watch = Watch(
        telemetry or FakeTelemetry(),
        exposition=lambda: b"",
        written=MemoryCache(0, clock),
        clock=clock,
        new_id=lambda: "new",
        wall_clock=clock,
        figures=MetricFigures(Metrics(), clock),
    )
    return Edge(
        app,
        watch,
        limits=ResilienceConfig(),
        forecast_routes=frozenset((FORECAST, BATCH)),
    )


def asked(client: AsyncClient, name: str) -> "asyncio.Task[Response]":
    request = a_request(market_id=name, y=prices(60))
    return asyncio.create_task(client.post(FORECAST, json=request))


async def test_what_lies_behind_is_told_the_id_of_the_request() -> None:
    clock = FakeClock()
    inside = Inside(clock)

    async with client_at(an_edge(inside, clock)) as client:
        mine = await client.get("/", headers={"X-Request-ID": "order-17"})
        new = await client.get("/")

    told = [scope["tsfm.request_id"] for scope in inside.scopes]
    assert told == ["order-17", "new"]
    given_back = [one.headers["x-request-id"] for one in (mine, new)]
    assert given_back == told


async def test_each_request_is_told_once_with_how_long_it_took() -> None:
    clock, telemetry = FakeClock(), FakeTelemetry()
    edge = an_edge(Inside(clock, takes_s=0.25), clock, telemetry)

    async with client_at(edge) as client:
        await client.post(FORECAST)
        await client.get("/nobody/knows/me")

    assert telemetry.requests == [(FORECAST, 200, 0.25), ("other", 200, 0.25)]


@pytest.mark.parametrize("is_stream", [True, False])
async def test_a_reader_who_goes_while_a_stream_tells_is_no_error_of_ours(
    is_stream: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    clock, telemetry = FakeClock(), FakeTelemetry()
    gone = ExceptionGroup("a", [ExceptionGroup("b", [BrokenResourceError()])])

    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        scope["tsfm.is_stream"] = is_stream
        await PlainTextResponse("well")(scope, receive, send)
        raise gone

    async with client_at(an_edge(told, clock, telemetry)) as client:
        await client.get("/")

    assert telemetry.failures == ([] if is_stream else [(gone, "new")])


async def test_a_stream_has_taken_as_long_as_it_took_to_begin() -> None:
    clock, telemetry = FakeClock(), FakeTelemetry()

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        scope["tsfm.is_stream"] = True
        clock.now_s += 0.25
        await PlainTextResponse("well")(scope, receive, send)
        clock.now_s += 3_600

    async with client_at(an_edge(stream, clock, telemetry)) as client:
        await client.get("/stream")

    assert telemetry.requests == [("other", 200, 0.25)]


@pytest.mark.parametrize("path", [FORECAST, "/any"])
async def test_request_that_fails_is_told_as_a_500_and_no_longer_at_work(
    path: str,
) -> None:
    clock, telemetry = FakeClock(), FakeTelemetry()
    edge = an_edge(broken, clock, telemetry)

    async with client_at(edge) as client:
        response = await client.post(path, headers={"X-Request-ID": "mine"})

    assert_problem(response, 500, "internal_error")
    assert response.headers["x-request-id"] == "mine"
    assert response.headers.items() >= SECURITY_HEADERS.items()
    assert [status for _, status, _ in telemetry.requests] == [500]
    [(failure, request_id)] = telemetry.failures
    assert (type(failure), request_id) == (ZeroDivisionError, "mine")
    assert edge.n_in_flight == 0


async def test_request_that_fails_amid_its_answer_gets_no_second_one() -> None:
    clock, telemetry = FakeClock(), FakeTelemetry()

    async def breaks_off(scope: Scope, receive: Receive, send: Send) -> None:
        await Inside(clock)(scope, receive, send)
        raise ZeroDivisionError

    async with client_at(an_edge(breaks_off, clock, telemetry)) as client:
        response = await client.get("/any")

    assert (response.status_code, response.text) == (200, "well")
    assert len(telemetry.failures) == 1


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("POST", FORECAST, FORECAST),
        ("GET", FORECAST, FORECAST),
        ("POST", BATCH, BATCH),
        ("GET", "/health/live", "/health/live"),
        ("BREW", "/health/live", "/health/live"),
        ("GET", "/docs/assets/none", "/docs/assets/{name}"),
        ("GET", "/tsfm/forecasts", "other"),
        ("GET", f"{FORECAST}/mine", "other"),
        ("GET", "/%ff", "other"),
    ],
)
def test_requests_are_counted_by_the_pattern_of_their_route(
    method: str, path: str, route: str
) -> None:
    with a_client() as client:
        status = client.request(method, path).status_code
        told = client.get("/metrics").text

    outcome = "ok" if status < 400 else "refused"
    assert f'tsfm_requests_total{{outcome="{outcome}",route="{route}"}} 1.0' in told
    assert told.count("tsfm_requests_total{") == 1


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/health/live", 200),
        ("GET", "/metrics", 200),
        ("GET", "/none", 404),
        ("GET", FORECAST, 405),
        ("POST", FORECAST, 400),
        ("POST", BATCH, 400),
    ],
)
def test_every_answer_has_its_id_and_the_security_headers(
    method: str, path: str, status: int
) -> None:
    with a_client() as client:
        response = client.request(method, path, headers={"X-Request-ID": "mine"})

    assert response.status_code == status
    assert response.headers.items() >= SECURITY_HEADERS.items()
    assert response.headers.get_list("x-request-id") == ["mine"]
    assert "connection" not in response.headers


async def test_only_forecasts_at_work_are_counted() -> None:
    runtime = FakeRuntime(gate=(gate := asyncio.Semaphore(0)))
    app = an_app(runtime=runtime)

    async with started(app) as client:
        at_work = [asked(client, name) for name in ("a", "b")]
        await until(lambda: len(runtime.calls) > 0)
        during = app.edge.n_in_flight
        metrics = (await client.get("/metrics")).text
        gate.release()
        gate.release()
        await asyncio.gather(*at_work)

    assert during == 2
    assert "tsfm_requests_in_flight 2.0" in metrics
    assert app.edge.n_in_flight == 0


async def test_past_the_limit_a_baseline_answers_and_no_model_is_asked() -> None:
    runtime = FakeRuntime(gate=(gate := asyncio.Semaphore(0)))
    app = an_app(with_tollama(resilience={"max_in_flight": 1}), runtime=runtime)

    async with started(app) as client:
        first = asked(client, "first")
        await until(lambda: len(runtime.calls) == 1)
        second = (await asked(client, "second")).json()["meta"]
        gate.release()
        patient = (await first).json()["meta"]
        gate.release()
        third = (await asked(client, "second")).json()["meta"]

    assert (second["runtime"], second["fallback_reason"]) == ("baseline", "overloaded")
    assert second["route"][0]["reason"] == "overloaded"
    assert (patient["runtime"], patient["fallback_reason"]) == ("tollama", None)
    assert third["runtime"] == "tollama", "a baseline for want of room is not kept"


async def test_past_the_hard_limit_the_next_forecast_is_turned_away() -> None:
    runtime = FakeRuntime(gate=(gate := asyncio.Semaphore(0)))
    limits = {"max_in_flight": 2, "hard_max_in_flight": 2}
    app = an_app(with_tollama(resilience=limits), runtime=runtime)

    async with started(app) as client:
        at_work = [asked(client, name) for name in ("a", "b")]
        await until(lambda: app.edge.n_in_flight == 2)
        shed = await client.post(
            FORECAST, content=b"not even read", headers={"X-Request-ID": "mine"}
        )
        other = await client.get("/health/live")
        metrics = (await client.get("/metrics")).text
        gate.release()
        gate.release()
        answered = [task.status_code for task in await asyncio.gather(*at_work)]
        gate.release()
        after = await asked(client, "c")

    problem = assert_problem(shed, 503, "overloaded")
    assert "Retry-After" in problem["hint"]
    assert shed.headers["retry-after"] == "1"
    assert shed.headers["x-request-id"] == "mine"
    assert shed.headers.items() >= SECURITY_HEADERS.items()
    assert other.status_code == 200
    assert f'outcome="shed",route="{FORECAST}"}} 1.0' in metrics
    assert answered == [200, 200]
    assert after.status_code == 200


async def test_what_is_turned_away_costs_no_forecast_of_the_rate() -> None:
    runtime = FakeRuntime(gate=(gate := asyncio.Semaphore(0)))
    settings = with_tollama(
        resilience={"max_in_flight": 1, "hard_max_in_flight": 1},
        auth={"rate_per_minute": 2},
    )
    app = an_app(settings, runtime=runtime)

    async with started(app) as client:
        first = asked(client, "a")
        await until(lambda: len(runtime.calls) == 1)
        shed = await asked(client, "b")
        gate.release()
        gate.release()
        await first
        last = await asked(client, "c")

    assert shed.status_code == 503
    assert last.status_code == 200
    assert last.headers["ratelimit"].startswith('"default";r=0;')


def test_a_service_that_is_about_to_stop_closes_connections() -> None:
    app = an_app()

    with client_of(app) as client:
        before = client.post(FORECAST, json=a_request())
        app.edge.drain()
        after = client.post(FORECAST, json=a_request())
        missing = client.get("/none")

    assert "connection" not in before.headers
    assert after.status_code == 200
    assert after.headers["connection"] == "close"
    assert missing.headers["connection"] == "close"
