"""The whole service before a daemon that fails, over real HTTP."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import StringIO
from threading import Event, Thread
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.fakes import FakeClock

from tsfm_runner.bootstrap import build_app
from tsfm_runner.config import EmbeddedConfig, ResilienceConfig, Settings, TollamaConfig
from tsfm_runner.ports import Clock
from tsfm_runner.testing.fake_tollama import (
    FakeTollamaOptions,
    Fault,
    running_fake_tollama,
)

REASONS = {
    Fault.INTERNAL: "runtime_unavailable",
    Fault.UNAVAILABLE: "runtime_unavailable",
    Fault.RATE_LIMITED: "runtime_unavailable",
    Fault.FORECAST_ERROR: "runtime_protocol",
    Fault.DROP: "runtime_unavailable",
    Fault.HANG: "runtime_timeout",
    Fault.SLOW_DRIP: "runtime_timeout",
    Fault.LATENCY: "runtime_timeout",
    Fault.NAN: "invalid_output",
    Fault.NOT_JSON: "runtime_protocol",
    Fault.SHORT: "runtime_protocol",
    Fault.MISSING_QUANTILE: "runtime_protocol",
    Fault.THIN: "runtime_protocol",
    Fault.CROSSING: None,
    Fault.REORDER: None,
    Fault.OUT_OF_RANGE: None,
}


@contextmanager
def daemon(options: FakeTollamaOptions) -> Iterator[str]:
    """Yield the address of a double that runs in a thread of its own."""
    started, ended = Event(), Event()
    urls: list[str] = []

    async def serve() -> None:
        async with running_fake_tollama(options) as url:
            urls.append(url)
            started.set()
            await asyncio.to_thread(ended.wait)

    thread = Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    started.wait()
    try:
        yield urls[0]
    finally:
        ended.set()
        thread.join()


@contextmanager
def service(
    url: str, *, model: str = "chronos2", clock: Clock = time.monotonic
) -> Iterator[TestClient]:
    settings = Settings(
        tollama=TollamaConfig.model_validate({"url": url, "model": model}),
        resilience=ResilienceConfig(attempt_timeout_s=0.3),
        embedded=EmbeddedConfig(enabled=False),
    )
    app = build_app(settings, clock=clock, log_stream=StringIO())
    with TestClient(app) as client:
        yield client


def request(number: int = 0) -> dict[str, Any]:
    return {
        "market_id": f"m{number}",
        "as_of_ts": "2026-02-20T12:00:00Z",
        "y": [0.3 + 0.01 * ((step + number) % 7) for step in range(48)],
        "quantiles": [0.05, 0.25, 0.5, 0.75, 0.95],
    }


def assert_is_valid(answer: dict[str, Any]) -> None:
    levels = list(answer["yhat_q"].values())
    assert [len(values) for values in levels] == [12] * 5
    for at_step in zip(*levels, strict=True):
        assert list(at_step) == sorted(at_step)
        assert 0 <= at_step[0] <= at_step[-1] <= 1


def test_every_fault_has_its_reason_here() -> None:
    assert set(REASONS) == set(Fault)


@pytest.mark.parametrize(("fault", "reason"), REASONS.items())
def test_every_fault_is_answered_with_a_valid_band_and_its_reason(
    fault: Fault, reason: str | None
) -> None:
    with (
        daemon(FakeTollamaOptions(fault=fault, fault_latency_ms=5_000)) as url,
        service(url) as client,
    ):
        reply = client.post("/tsfm/forecast", json=request())

    assert reply.status_code == 200
    answer = reply.json()
    assert_is_valid(answer)
    meta = answer["meta"]
    assert meta["fallback_used"] is (reason is not None)
    assert meta["fallback_reason"] == reason
    assert meta["runtime"] == ("tollama" if reason is None else "baseline")
    assert meta["route"][0] == {
        "rung": "tollama",
        "taken": reason is None,
        "reason": reason,
    }


def test_one_bad_series_in_a_batch_of_64_leaves_63_model_bands() -> None:
    with (
        daemon(FakeTollamaOptions(bad_series=frozenset({"m17"}))) as url,
        service(url) as client,
    ):
        reply = client.post(
            "/tsfm/forecast/batch", json={"requests": [request(n) for n in range(64)]}
        )

    answers = [item["result"] for item in reply.json()["results"]]
    fallen = {
        answer["market_id"]: answer["meta"]["fallback_reason"]
        for answer in answers
        if answer["meta"]["runtime"] != "tollama"
    }
    assert fallen == {"m17": "runtime_protocol"}
    for answer in answers:
        assert_is_valid(answer)


def test_a_model_that_is_not_installed_is_told_apart() -> None:
    with (
        daemon(FakeTollamaOptions(models=("mock",))) as url,
        service(url) as client,
    ):
        answer = client.post("/tsfm/forecast", json=request()).json()

    assert answer["meta"]["fallback_reason"] == "model_not_installed"


def test_a_daemon_that_is_down_is_told_by_health_and_answers() -> None:
    with socket.socket() as nobody:  # holds the port, and does not listen
        nobody.bind(("127.0.0.1", 0))
        with service(f"http://127.0.0.1:{nobody.getsockname()[1]}") as client:
            answer = client.post("/tsfm/forecast", json=request()).json()
            ready = client.get("/health/ready").json()

    assert answer["meta"]["fallback_reason"] == "runtime_unavailable"
    assert ready["status"] == "ready"
    assert ready["mode"] == "baseline_only"
    assert not ready["runtimes"]["tollama"]["healthy"]


@pytest.mark.parametrize("generation", range(8))
def test_every_generation_of_the_daemon_is_understood(generation: int) -> None:
    with (
        daemon(FakeTollamaOptions(generation=generation)) as url,
        service(url) as client,
    ):
        body = request() | {
            "x_past": {"volume": [1.0] * 48},
            "x_future": {"volume": [2.0] * 12},
            "model": {"params": {"seed": 1}},
        }
        answer = client.post("/tsfm/forecast", json=body).json()

    assert answer["meta"]["runtime"] == "tollama"


def test_a_daemon_that_keeps_failing_is_left_alone_until_it_has_cooled_down() -> None:
    clock = FakeClock()
    told = []

    with (
        daemon(FakeTollamaOptions(fault=Fault.INTERNAL)) as url,
        service(url, clock=clock) as client,
    ):
        for number in range(4):
            if number == 3:
                clock.now_s += 30
            answer = client.post("/tsfm/forecast", json=request(number)).json()
            assert_is_valid(answer)
            told.append(
                (answer["meta"]["fallback_reason"], answer["meta"]["breaker_state"])
            )

    assert told == [
        ("runtime_unavailable", "closed"),
        ("runtime_unavailable", "open"),
        ("breaker_open", "open"),
        ("runtime_unavailable", "open"),
    ]


def test_an_answer_from_before_a_daemon_died_stands_in_for_it() -> None:
    clock = FakeClock()
    body = request()

    with ExitStack() as alive, ExitStack() as serving:
        url = alive.enter_context(daemon(FakeTollamaOptions()))
        client = serving.enter_context(service(url, clock=clock))
        well = client.post("/tsfm/forecast", json=body).json()
        alive.close()
        clock.now_s += 100
        stale = client.post("/tsfm/forecast", json=body).json()
        clock.now_s += 100
        gone = client.post("/tsfm/forecast", json=body).json()

    assert stale["yhat_q"] == well["yhat_q"]
    assert stale["meta"]["fallback_reason"] == "stale_if_error"
    assert stale["meta"]["cache_stale"] is True
    assert stale["meta"]["cache_age_s"] == 100
    assert gone["meta"]["fallback_reason"] == "runtime_unavailable"
    for answer in (well, stale, gone):
        assert_is_valid(answer)
