"""The real objects of a process: what starts, what refuses to, what is closed."""

import asyncio
import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.api.wire import a_request, prices
from tests.fakes import Answers, FakeClock, FakeRuntime, flat_answers
from tests.service.builders import task
from tests.service.signals_told import breach_signal, closed, followed

from tsfm_runner.adapters.ledger import read_state
from tsfm_runner.adapters.tollama import TollamaRuntime
from tsfm_runner.bootstrap import Runtimes, build_app, open_backend
from tsfm_runner.config import Settings
from tsfm_runner.domain.forecast import (
    CacheUse,
    FallbackReason,
    ModelCall,
    ServedForecast,
)
from tsfm_runner.errors import ConfigurationError, RuntimeUnavailableError

EVERYWHERE = "0.0.0.0"  # noqa: S104 - never bound, only asked about
KEY = "key-of-sixteen-characters-or-more"


def settings(**sections: object) -> Settings:
    """Return settings without models of our own, which have tests of their own."""
    return Settings.model_validate({"embedded": {"enabled": False}, **sections})


async def test_without_an_address_there_is_no_tollama_rung() -> None:
    async with open_backend(settings()) as backend:
        assert backend.forecasts.predictors == {}
        assert await backend.catalogue.statuses() == []


async def test_with_an_address_tollama_is_asked_for_the_model_of_the_settings() -> None:
    configured = settings(tollama={"url": "http://127.0.0.1:9", "model": "toto"})

    async with open_backend(configured) as backend:
        runtime = backend.forecasts.predictors["tollama"].line.runtime

        assert isinstance(runtime, TollamaRuntime)
        assert backend.catalogue.runtimes == {"tollama": runtime}
        assert backend.forecasts.router.default_models == {"tollama": "toto"}


async def test_what_is_held_open_is_closed_at_the_end() -> None:
    configured = settings(tollama={"url": "http://127.0.0.1:9"})

    async with open_backend(configured) as backend:
        runtime = backend.catalogue.runtimes["tollama"]
        with pytest.raises(RuntimeUnavailableError):
            await runtime.check_health(timeout_s=5)

    with pytest.raises(RuntimeError, match="Session is closed"):
        await runtime.check_health(timeout_s=5)


async def test_every_forecast_has_an_id_of_its_own() -> None:
    async with open_backend(settings()) as backend:
        told = {backend.forecasts.completer.new_id() for _ in range(1_000)}

    assert len(told) == 1_000


async def test_a_runtime_that_is_handed_in_stands_in_the_place_of_tollama() -> None:
    runtime = FakeRuntime()

    async with open_backend(settings(), runtimes={"tollama": runtime}) as backend:
        [answer] = await backend.forecasts.forecast_many([task()], deadline_s=2)
        [status] = await backend.catalogue.statuses()

    assert isinstance(answer, ServedForecast)
    assert answer.provenance.runtime == "tollama"
    assert len(runtime.calls) == 1
    assert (status.rung, status.error) == ("tollama", None)


async def test_a_clock_that_is_handed_in_tells_all_times() -> None:
    clock = FakeClock()

    def answer(call: ModelCall) -> Answers:
        clock.now_s += 0.25
        return flat_answers(call)

    runtimes: Runtimes = {"tollama": FakeRuntime(answer)}
    async with open_backend(settings(), clock=clock, runtimes=runtimes) as backend:
        [first] = await backend.forecasts.forecast_many([task()], deadline_s=2)
        clock.now_s += 10
        [again] = await backend.forecasts.forecast_many([task()], deadline_s=2)

    assert isinstance(first, ServedForecast)
    assert isinstance(again, ServedForecast)
    assert first.latency_ms == 250
    assert again.cache == CacheUse(10, is_stale=False)


@pytest.mark.parametrize(("interval_s", "is_soon"), [(0.01, True), (3_600, False)])
async def test_the_calibration_is_written_down_as_often_as_the_settings_say(
    tmp_path: Path, interval_s: float, *, is_soon: bool
) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    store = {"url": url, "commit_interval_s": 0.01, "snapshot_interval_s": interval_s}

    async with open_backend(settings(store=store), keeps=True) as backend:
        await backend.forecasts.forecast_many([task()], deadline_s=2)
        await backend.calibrator.ledger.commit()
        async with asyncio.timeout(10):
            while is_soon and read_state(url) is None:  # noqa: ASYNC110 - a thread writes
                await asyncio.sleep(0.01)
        while_open = read_state(url)
    at_the_end = read_state(url)

    assert (while_open is not None) is is_soon
    assert at_the_end is not None


async def test_a_start_goes_on_with_what_the_ledger_knows_of_breaches(
    tmp_path: Path,
) -> None:
    configured = settings(store={"url": f"sqlite:///{tmp_path / 'ledger.db'}"})
    clock = FakeClock(breach_signal(0).opened_at_s)
    older, other = breach_signal(1), breach_signal(3, market_id="will-it-snow")
    newer = replace(breach_signal(4), market_id=older.market_id)
    async with open_backend(configured, wall_clock=clock, keeps=True) as backend:
        backend.calibrator.ledger.append(
            [older, closed(older, 2), other, newer, followed(closed(older, 2), 5)]
        )

    clock.now_s = newer.ts_s + 3_600
    async with open_backend(configured, wall_clock=clock, keeps=True) as backend:
        backend.calibrator.sweep()
        at_once = backend.signals.open_breaches
        clock.now_s += 601
        backend.calibrator.sweep()
        told = await backend.calibrator.ledger.signals_after(5, limit=9)

    assert at_once == [newer, other]
    assert [(one.id, one.close_reason) for one in told] == [(6, "stale"), (7, "stale")]


async def test_who_only_asks_writes_nothing_down(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"

    async with open_backend(settings(store={"url": f"sqlite:///{path}"})) as backend:
        await backend.forecasts.forecast_many([task()], deadline_s=2)

    assert not path.exists()


async def test_to_give_up_answers_all_who_wait_with_a_baseline() -> None:
    runtime = FakeRuntime(gate=asyncio.Semaphore(0))

    async with open_backend(settings(), runtimes={"tollama": runtime}) as backend:
        asking = asyncio.create_task(
            backend.forecasts.forecast_many([task()], deadline_s=600)
        )
        while not runtime.calls:  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0)
        backend.give_up()
        [answer] = await asking

    assert isinstance(answer, ServedForecast)
    assert answer.provenance.fallback_reason == FallbackReason.DEADLINE_EXCEEDED


async def test_without_a_runtime_there_is_nothing_to_give_up() -> None:
    async with open_backend(settings()) as backend:
        backend.give_up()


async def test_use_cases_alone_write_no_log(capsys: pytest.CaptureFixture[str]) -> None:
    def down(_: ModelCall) -> Answers:
        raise RuntimeUnavailableError("down")

    runtimes: Runtimes = {"tollama": FakeRuntime(down)}
    async with open_backend(settings(), runtimes=runtimes) as backend:
        await backend.forecasts.forecast_many([task()], deadline_s=2)

    assert capsys.readouterr() == ("", "")


def test_everything_that_happens_is_told_to_log_and_metrics() -> None:
    def down(_: ModelCall) -> Answers:
        raise RuntimeUnavailableError("down")

    log = StringIO()
    configured = settings(
        resilience={"max_retries": 0},
        breaker={"max_failures": 2},
        degradation={"min_calls": 2},
    )
    runtimes: Runtimes = {"tollama": FakeRuntime(down)}
    app = build_app(configured, log_stream=log, runtimes=runtimes)

    with TestClient(app) as client:
        for _ in range(2):
            client.post("/tsfm/forecast", json=a_request(y=prices(60)))
        metrics = client.get("/metrics").text

    events = [json.loads(line)["event"] for line in log.getvalue().splitlines()]
    assert events == [
        "started",
        "runtime_call_failed",
        "forecast",
        "runtime_call_failed",
        "breaker",
        "runtime_mode",
        "forecast",
        "stopped",
    ]
    for line in (
        'tsfm_breaker_family_state{family="torch",runtime="tollama"} 2.0',
        'tsfm_runtime_mode{runtime="tollama"} 2.0',
        'tsfm_runtime_errors_total{kind="unavailable",runtime="tollama"} 2.0',
        'tsfm_cache_events_total{event="miss"} 2.0',
        "tsfm_batch_size_count 2.0",
        "tsfm_queue_wait_seconds_count 2.0",
        "tsfm_requests_in_flight 0.0",
    ):
        assert line in metrics


@pytest.mark.parametrize(
    ("sections", "told"),
    [
        ({"models_file": Path("/no/such/registry.yaml")}, "registry.yaml"),
        (
            {
                "environment": "prod",
                "tollama": {"url": "http://x", "model": "moirai-2.0-R-small"},
            },
            "moirai-2.0-R-small",
        ),
        (
            {"environment": "prod", "tollama": {"url": "http://x", "model": "mine"}},
            "mine",
        ),
        ({"server": {"host": EVERYWHERE}}, "auth.keys"),
        ({"server": {"host": "::"}}, "auth.keys"),
        ({"server": {"host": "192.0.2.7"}}, "auth.keys"),
        ({"server": {"host": "runner.example"}}, "auth.keys"),
        ({"server": {"host": ""}}, "auth.keys"),
        (
            {"auth": {"rates_per_minute": {"desk": 5}}},
            r"rates_per_minute names desk, which no key has \(keys: none\)",
        ),
        (
            {"auth": {"keys": {"desk": KEY}, "rates_per_minute": {"dseks": 5}}},
            r"rates_per_minute names dseks, which no key has \(keys: desk\)",
        ),
    ],
)
def test_settings_that_must_not_be_served_refuse_the_start(
    sections: dict[str, object], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        build_app(settings(**sections))


@pytest.mark.parametrize(
    "sections",
    [
        {"server": {"host": "127.0.0.1"}},
        {"server": {"host": "127.8.8.8"}},
        {"server": {"host": "::1"}},
        {"server": {"host": "localhost"}},
        {"server": {"host": EVERYWHERE}, "auth": {"keys": {"desk": KEY}}},
        {"server": {"host": EVERYWHERE}, "auth": {"allow_anonymous": True}},
        {"auth": {"keys": {"desk": KEY}, "rates_per_minute": {"desk": 5}}},
        {"environment": "prod"},
        {"environment": "prod", "tollama": {"url": "http://127.0.0.1:9"}},
        {"environment": "dev", "tollama": {"url": "http://x", "model": "mine"}},
    ],
)
def test_settings_that_may_be_served_start(sections: dict[str, object]) -> None:
    with TestClient(build_app(settings(**sections))) as client:
        response = client.get("/health/live")

    assert response.status_code == 200


def test_service_whose_runtime_is_away_answers_with_a_baseline() -> None:
    app = build_app(settings(tollama={"url": "http://127.0.0.1:9"}))

    with TestClient(app) as client:
        answer = client.post("/tsfm/forecast", json=a_request(y=prices(60))).json()
        ready = client.get("/health/ready").json()

    assert answer["meta"]["fallback_reason"] == "runtime_unavailable"
    assert ready["mode"] == "baseline_only"
    assert ready["runtimes"]["tollama"]["healthy"] is False


def test_sizes_of_the_settings_are_those_of_the_routes() -> None:
    app = build_app(settings(server={"max_body_bytes": 100, "max_batch_values": 5}))

    with TestClient(app) as client:
        large = client.post("/tsfm/forecast", content=b" " * 101)
        many = client.post("/tsfm/forecast/batch", content=b"[1,2,3,4,5]")

    assert large.status_code == 413
    assert "100 bytes" in large.json()["detail"]
    assert many.status_code == 413
    assert "5 values" in many.json()["detail"]


def test_keys_of_the_file_guard_and_may_have_rates(tmp_path: Path) -> None:
    path = tmp_path / "keys.yaml"
    path.write_text(f"desk: {KEY}", encoding="utf-8")
    auth = {"keys_file": path, "rates_per_minute": {"desk": 5}}

    app = build_app(settings(server={"host": EVERYWHERE}, auth=auth))

    with TestClient(app) as client:
        without = client.get("/tsfm/models")
        brought = client.get("/tsfm/models", headers={"X-API-Key": KEY})
    assert (without.status_code, brought.status_code) == (401, 200)
