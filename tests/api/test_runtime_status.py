"""The process tells how it is, and no runtime that hangs holds that up."""

import asyncio
import time
from collections.abc import Callable

from starlette.testclient import TestClient
from tests.api.wire import (
    AS_OF_S,
    FORECAST,
    Json,
    a_client,
    a_request,
    an_app,
    prices,
    started,
    with_tollama,
)
from tests.fakes import Answers, FakeClock, FakeRuntime
from tests.service.signals_told import breach_signal

from tsfm_runner.config import Settings
from tsfm_runner.domain.forecast import ModelCall
from tsfm_runner.errors import RuntimeUnavailableError

RUNTIME = "/tsfm/runtime"


class HangingRuntime(FakeRuntime):
    """Never says how it is."""

    async def check_health(self, *, timeout_s: float) -> None:
        await super().check_health(timeout_s=timeout_s)
        await asyncio.Event().wait()


def failing(_call: ModelCall) -> Answers:
    raise RuntimeUnavailableError("connection refused")


def told(client: TestClient) -> Json:
    response = client.get(RUNTIME)
    assert response.status_code == 200, response.text
    status: Json = response.json()
    return status


def ask(client: TestClient, market_id: str) -> None:
    request = a_request(market_id=market_id, y=prices(60))
    assert client.post(FORECAST, json=request).status_code == 200


def rung(status: Json, name: str) -> Json:
    found: Json = next(one for one in status["ladder"] if one["rung"] == name)
    return found


def a_status_after(
    n_asked: int, answers: Callable[[ModelCall], Answers] | None = None
) -> Json:
    settings = with_tollama(breaker={"max_failures": 2}, resilience={"max_retries": 0})
    runtime = FakeRuntime(answers, health_error=None)
    with a_client(settings, runtime=runtime) as client:
        for number in range(n_asked):
            ask(client, f"m{number}")
        ask(client, "m0")
        return told(client)


def test_a_service_without_runtimes_is_healthy_by_its_baseline() -> None:
    clock = FakeClock(AS_OF_S)
    with a_client(wall_clock=clock) as client:
        clock.now_s += 10

        status = told(client)

    assert status["started_at"] == "2026-02-20T12:00:00.000Z"
    assert status["now"] == "2026-02-20T12:00:10.000Z"
    assert status["environment"] == "dev"
    configured = {one["rung"]: one["is_configured"] for one in status["ladder"]}
    assert configured == {"tollama": False, "embedded": False, "baseline": True}
    assert rung(status, "baseline")["is_healthy"] is True
    assert rung(status, "tollama")["is_healthy"] is None
    assert status["cache"]["hit_ratio"] is None
    assert status["requests"]["p50_ms"] is None
    assert status["webhooks"] == []


def test_what_a_runtime_answered_is_counted() -> None:
    status = a_status_after(3)

    tollama = rung(status, "tollama")
    assert (tollama["is_configured"], tollama["is_healthy"]) == (True, True)
    assert (tollama["calls"]["n"], tollama["calls"]["errors"]) == (3, {})
    assert tollama["calls"]["p95_ms"] > 0
    assert [one["state"] for one in tollama["breakers"]] == ["closed"]
    assert status["forecasts"]["n"] == 4
    assert status["forecasts"]["by_runtime"] == {"tollama": 4}
    assert status["forecasts"]["by_fallback_reason"] == {}
    assert status["cache"] | {"stale": 0} == status["cache"]
    assert (status["cache"]["hit"], status["cache"]["hit_ratio"]) == (1, 0.25)
    assert status["requests"]["by_outcome"] == {"ok": 4}
    assert status["requests"]["p95_ms"] >= status["requests"]["p50_ms"] > 0
    assert status["queue"]["mean_batch_size"] == 1
    assert status["calibration"]["bands_waiting"] > 0
    assert status["ledger"]["let_go"] == 0


def test_a_runtime_that_fails_shows_its_open_breaker() -> None:
    status = a_status_after(3, failing)

    tollama = rung(status, "tollama")
    assert tollama["calls"]["errors"] == {"unavailable": 2}
    [breaker] = tollama["breakers"]
    assert breaker["state"] == "open"
    assert breaker["open_s"] >= 0
    reasons = status["forecasts"]["by_fallback_reason"]
    assert reasons["runtime_unavailable"] == 2
    assert reasons["breaker_open"] == 2


def test_a_runtime_that_is_down_says_why() -> None:
    runtime = FakeRuntime(health_error=RuntimeUnavailableError("connection refused"))
    with a_client(runtime=runtime) as client:
        tollama = rung(told(client), "tollama")

    assert tollama["is_healthy"] is False
    assert tollama["error"] == "connection refused"


def test_a_runtime_that_hangs_is_told_as_unknown() -> None:
    with a_client(runtime=HangingRuntime()) as client:
        tollama = rung(told(client), "tollama")

    assert (tollama["is_healthy"], tollama["error"]) == (None, None)


async def test_requests_at_work_are_counted() -> None:
    gate = asyncio.Semaphore(0)
    runtime = FakeRuntime(gate=gate)
    app = an_app(runtime=runtime)
    async with started(app) as client:
        request = a_request(y=prices(60))
        asked = asyncio.create_task(client.post(FORECAST, json=request))
        while not runtime.calls:  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0)

        status = (await client.get(RUNTIME)).json()

        gate.release()
        await asked
    assert status["requests"]["in_flight"] == 1
    limit = Settings().resilience.max_in_flight
    assert status["requests"]["max_in_flight"] == limit


def test_open_breaches_are_counted_by_severity() -> None:
    with a_client() as client:
        signals = client.app.site.state.backend.signals  # type: ignore[attr-defined]
        signals.restore(
            (
                breach_signal(number, market_id=f"m{number}", severity=severity)
                for number, severity in enumerate(["severe", "severe", "extreme"], 1)
            ),
            now_s=time.time(),
        )

        told_of = told(client)["signals"]

    assert told_of["open"] == 3
    assert told_of["by_severity"] == {"moderate": 0, "severe": 2, "extreme": 1}
    assert told_of["followed"] == {"yes": 0, "no": 0, "unknown": 0}
