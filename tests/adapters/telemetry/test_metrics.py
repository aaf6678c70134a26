"""Each metric moves when its behaviour happens: by requests, read from `/metrics`."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event
from starlette.testclient import TestClient
from tests.api.listening import served
from tests.api.wire import (
    AS_OF_S,
    BATCH,
    FORECAST,
    Json,
    a_client,
    a_request,
    an_app,
    assert_problem,
    prices,
    started,
    until,
    with_tollama,
)
from tests.fakes import Answers, FakeClock, FakeRuntime, flat_answers
from tests.service.signals_told import START_S, breach_signal

from tsfm_runner.adapters.telemetry import Metrics, Teller, silent_log
from tsfm_runner.config import Settings
from tsfm_runner.domain.calibration import Drift, StreamKey
from tsfm_runner.domain.forecast import ModelCall, QuantileForecast
from tsfm_runner.errors import (
    ForecastRuntimeError,
    ModelNotInstalledError,
    RuntimeOutputError,
    RuntimeProtocolError,
    RuntimeRefusedError,
    RuntimeTimeoutError,
    RuntimeUnavailableError,
)

Test = TypeVar("Test", bound=Callable[..., object])
Sample = tuple[str, frozenset[tuple[str, str]]]

KEY = "key-of-sixteen-characters-or-more"
TAKES_S = 0.2
WEBHOOKS = {
    "endpoints": {"desk": {"url": "http://127.0.0.1:9/"}},
    "secrets": {"desk": "a-secret-of-sixteen-characters-or-more"},
}
# Which test shows that a metric moves.
SHOWN: dict[str, str] = {}


def shows(metric: str) -> Callable[[Test], Test]:
    """Enter a test in the table of those that show a metric move."""

    def enter(test: Test) -> Test:
        SHOWN[metric] = test.__name__
        return test

    return enter


def read(text: str) -> dict[Sample, float]:
    """Return the value of each sample of an exposition."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


class Service:
    """A service on a clock of its own, before a runtime that does as it is told."""

    def __init__(self, client: TestClient, clock: FakeClock) -> None:
        self.client = client
        self.clock = clock
        self._count = 0

    def asks(self, **fields: object) -> Json:
        """Return the `meta` of an answer to a market that nobody asked about yet."""
        self._count += 1
        request = a_request(y=prices(60), market_id=f"m{self._count}") | fields
        response = self.client.post(FORECAST, json=request)
        assert response.status_code == 200, response.text
        meta: Json = response.json()["meta"]
        return meta

    def batch(self, size: int) -> None:
        requests = [a_request(y=prices(60), market_id=f"b{n}") for n in range(size)]
        assert self.client.post(BATCH, json={"requests": requests}).status_code == 200

    def value(self, name: str, **labels: str) -> float:
        """Return a sample, 0 where there is none yet."""
        told = read(self.client.get("/metrics").text)
        return told.get((name, frozenset(labels.items())), 0.0)


Script = Callable[[ModelCall], Answers]


@contextmanager
def a_service(
    script: Script = flat_answers,
    *,
    settings: Settings | None = None,
    clock: FakeClock | None = None,
) -> Iterator[Service]:
    clock = clock or FakeClock()
    runtime = FakeRuntime(script)
    with a_client(settings or with_tollama(), runtime=runtime, clock=clock) as client:
        yield Service(client, clock)


def failing(failure: ForecastRuntimeError) -> Script:
    def answers(_: ModelCall) -> Answers:
        raise failure

    return answers


def taking(clock: FakeClock) -> Script:
    """Return answers for which time passes."""

    def answers(call: ModelCall) -> Answers:
        clock.now_s += TAKES_S
        return flat_answers(call)

    return answers


class Sick:
    """A runtime that is away until it is well."""

    is_well = False

    def __call__(self, call: ModelCall) -> Answers:
        if not self.is_well:
            raise RuntimeUnavailableError("connection refused")
        return flat_answers(call)


def test_every_metric_is_shown_to_move() -> None:
    with a_client(with_tollama(webhooks=WEBHOOKS)) as client:
        text = client.get("/metrics").text

    listed = {family.name for family in text_string_to_metric_families(text)}
    assert listed == SHOWN.keys()
    assert all(name in globals() for name in SHOWN.values())


@shows("tsfm_requests")
def test_requests_are_counted_by_how_they_ended() -> None:
    settings = with_tollama(
        auth={"keys": {"desk": KEY, "other": KEY[::-1]}, "rate_per_minute": 3}
    )

    def broken(call: ModelCall) -> Answers:
        if call.series[0].market_id == "broken":
            raise ZeroDivisionError
        return flat_answers(call)

    with a_service(broken, settings=settings) as service:
        client = service.client
        mine = {"X-API-Key": KEY}
        client.post(FORECAST, json=a_request())
        for body in (a_request(), {}, a_request(market_id="broken", y=prices(60)), {}):
            client.post(FORECAST, json=body, headers=mine)
        metrics = client.get("/metrics", headers=mine).text

    told = read(metrics)
    counts = {
        dict(labels)["outcome"]: value
        for (name, labels), value in told.items()
        if name == "tsfm_requests_total" and ("route", FORECAST) in labels
    }
    assert counts == {
        "denied": 1,
        "ok": 1,
        "refused": 1,
        "failed": 1,
        "limited": 1,
    }


async def test_requests_that_are_turned_away_are_counted_as_shed() -> None:
    runtime = FakeRuntime(gate=(gate := asyncio.Semaphore(0)))
    limits = {"max_in_flight": 1, "hard_max_in_flight": 1}
    app = an_app(with_tollama(resilience=limits), runtime=runtime)

    async with started(app) as client:
        first = asyncio.create_task(client.post(FORECAST, json=a_request(y=prices(60))))
        await until(lambda: len(runtime.calls) == 1)
        await client.post(FORECAST, json=a_request())
        gate.release()
        await first
        told = read((await client.get("/metrics")).text)

    shed = {("route", FORECAST), ("outcome", "shed")}
    assert told["tsfm_requests_total", frozenset(shed)] == 1


@shows("tsfm_request_duration_seconds")
def test_time_of_requests_is_told_by_route() -> None:
    clock = FakeClock()

    with a_service(taking(clock), clock=clock) as service:
        service.asks()
        name = "tsfm_request_duration_seconds"

        assert service.value(f"{name}_sum", route=FORECAST) == pytest.approx(TAKES_S)
        assert service.value(f"{name}_count", route=FORECAST) == 1
        assert service.value(f"{name}_bucket", route=FORECAST, le="0.1") == 0
        assert service.value(f"{name}_bucket", route=FORECAST, le="0.25") == 1


@shows("tsfm_forecasts")
@pytest.mark.parametrize(
    ("fields", "labels"),
    [
        ({}, ("tollama", "chronos2", "none")),
        ({"y": [0.4, 0.5]}, ("baseline", "ewma", "too_few_points")),
        ({"liquidity_bucket": "low"}, ("baseline", "ewma", "baseline_only_liquidity")),
        ({"model": {"provider": "baseline"}}, ("baseline", "ewma", "none")),
        ({"model": {"model_name": "har"}}, ("baseline", "har", "none")),
        ({"model": {"model_name": "my own"}}, ("tollama", "other", "none")),
        ({"model": {"model_name": "lag-llama"}}, ("tollama", "lag-llama", "none")),
    ],
)
def test_bands_are_counted_by_who_made_them_and_why(
    fields: Json, labels: tuple[str, str, str]
) -> None:
    runtime, model, reason = labels

    with a_service() as service:
        service.asks(**fields)
        counted = service.value(
            "tsfm_forecasts_total",
            runtime=runtime,
            model=model,
            fallback_reason=reason,
        )

    assert counted == 1


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (RuntimeUnavailableError("away"), "runtime_unavailable"),
        (RuntimeTimeoutError("late"), "runtime_timeout"),
        (RuntimeProtocolError("nonsense"), "runtime_protocol"),
        (RuntimeOutputError("not finite"), "invalid_output"),
        (ModelNotInstalledError("none"), "model_not_installed"),
    ],
)
def test_baselines_in_the_place_of_a_model_are_counted_by_their_reason(
    failure: ForecastRuntimeError, reason: str
) -> None:
    labels = {"runtime": "baseline", "model": "ewma", "fallback_reason": reason}

    with a_service(failing(failure)) as service:
        service.asks()
        counted = service.value("tsfm_forecasts_total", **labels)

    assert counted == 1


@shows("tsfm_model_forecasts")
@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (None, "none"),
        (RuntimeTimeoutError("late"), "runtime_timeout"),
        (RuntimeOutputError("not finite"), "invalid_output"),
    ],
)
def test_bands_meant_for_a_model_are_counted_by_how_it_failed(
    failure: ForecastRuntimeError | None, told: str
) -> None:
    script = flat_answers if failure is None else failing(failure)

    with a_service(script) as service:
        service.asks()
        service.asks(y=[0.4, 0.5])
        service.asks(liquidity_bucket="low")
        service.asks(model={"provider": "baseline"})
        counted = service.value("tsfm_model_forecasts_total", failure=told)
        text = service.client.get("/metrics").text

    assert counted == 1
    assert text.count("tsfm_model_forecasts_total{") == 1


def test_a_kept_answer_counts_for_a_model_only_where_it_stands_in_for_it() -> None:
    sick = Sick()
    sick.is_well = True
    one = a_request(y=prices(60))

    with a_service(sick) as service:

        def counts() -> list[float]:
            return [
                service.value("tsfm_model_forecasts_total", failure=failure)
                for failure in ("none", "runtime_unavailable", "stale_if_error")
            ]

        service.client.post(FORECAST, json=one)
        service.client.post(FORECAST, json=one)
        fresh = counts()
        sick.is_well = False
        service.clock.now_s = 100.0
        service.client.post(FORECAST, json=one)
        stale = counts()

    assert fresh == [1, 0, 0]
    assert stale == [1, 1, 0]


@shows("tsfm_model_forecast_duration_seconds")
def test_time_of_single_bands_of_a_model_is_told() -> None:
    clock = FakeClock()
    name = "tsfm_model_forecast_duration_seconds"

    with a_service(taking(clock), clock=clock) as service:
        service.asks()
        service.asks(model={"provider": "baseline"})
        service.batch(3)
        count, total = (service.value(f"{name}_{part}") for part in ("count", "sum"))
        within = [service.value(f"{name}_bucket", le=le) for le in ("0.15", "0.25")]
        of_all = service.value("tsfm_model_forecasts_total", failure="none")

    assert count == 1
    assert total == pytest.approx(TAKES_S)
    assert within == [0, 1]
    assert of_all == 4


@shows("tsfm_runtime_duration_seconds")
def test_time_of_calls_is_told_by_runtime_and_model() -> None:
    clock = FakeClock()
    labels = {"runtime": "tollama", "model": "chronos2"}

    with a_service(taking(clock), clock=clock) as service:
        service.asks()
        service.asks()
        name = "tsfm_runtime_duration_seconds"
        total = service.value(f"{name}_sum", **labels)
        count = service.value(f"{name}_count", **labels)

    assert total == pytest.approx(2 * TAKES_S)
    assert count == 2


@shows("tsfm_runtime_errors")
@pytest.mark.parametrize(
    ("failure", "kind", "calls"),
    [
        (RuntimeUnavailableError("away"), "unavailable", 2),  # and asked once more
        (RuntimeTimeoutError("late"), "timeout", 2),
        (RuntimeRefusedError("no", is_input=False), "refused", 1),
        (RuntimeProtocolError("nonsense"), "protocol", 1),
    ],
)
def test_calls_that_failed_are_counted_by_kind(
    failure: ForecastRuntimeError, kind: str, calls: int
) -> None:
    with a_service(failing(failure)) as service:
        service.asks()
        counted = service.value(
            "tsfm_runtime_errors_total", runtime="tollama", kind=kind
        )

    assert counted == calls


@shows("tsfm_cache_events")
def test_what_the_cache_did_is_counted() -> None:
    sick = Sick()
    sick.is_well = True
    one = a_request(y=prices(60))

    with a_service(sick) as service:

        def count(event: str) -> float:
            return service.value("tsfm_cache_events_total", event=event)

        service.client.post(FORECAST, json=one)
        at_first = [count(event) for event in ("miss", "hit", "join", "stale")]
        service.client.post(FORECAST, json=one)  # the same bytes
        service.client.post(FORECAST, json=one | {"freq": "5m"})  # the same meaning
        hits = count("hit")
        twice = [a_request(market_id="twice", y=prices(60))] * 2
        service.client.post(BATCH, json={"requests": twice})
        joined = count("join")
        sick.is_well = False
        service.clock.now_s = 100.0
        service.client.post(FORECAST, json=one)
        stale = count("stale")

    assert at_first == [1, 0, 0, 0]
    assert (hits, joined, stale) == (2, 1, 1)


def tells_outcomes(service: Service, *later: float) -> None:
    """Ask for one market again and again, each time with one price more."""
    series = prices(60)
    for place in range(len(later) + 1):
        moment = datetime.fromtimestamp(AS_OF_S + 300 * place, UTC)
        request = a_request(
            y=[*series, *later[:place]], as_of_ts=moment.isoformat(), freq="5m"
        )
        assert service.client.post(FORECAST, json=request).status_code == 200


@shows("tsfm_outcomes")
@shows("tsfm_breaches")
@shows("tsfm_bands_waiting")
def test_steps_whose_outcomes_came_are_counted_and_those_outside() -> None:
    with a_service() as service:

        def outcomes(band: str) -> float:
            return service.value("tsfm_outcomes_total", band=band)

        at_first = [outcomes("served"), outcomes("shadow")]
        tells_outcomes(service, 0.43, 0.99)

        # Of the answer and its shadow: one step at first, then one of each origin.
        assert at_first == [0, 0]
        assert [outcomes("served"), outcomes("shadow")] == [1 + 2, 1 + 2]
        assert service.value("tsfm_breaches_total", severity="severe") == 2
        assert service.value("tsfm_breaches_total", severity="moderate") == 0
        assert service.value("tsfm_bands_waiting") == 6
        assert service.value("tsfm_bands_dropped_total") == 0


@shows("tsfm_bands_dropped")
def test_bands_that_were_dropped_are_counted() -> None:
    settings = with_tollama(calibration={"max_markets": 1, "shadow": False})

    with a_service(settings=settings) as service:
        service.asks()
        service.asks()
        service.asks()

        assert service.value("tsfm_bands_dropped_total") == 2
        assert service.value("tsfm_bands_waiting") == 1


@shows("tsfm_coverage_ratio")
@shows("tsfm_coverage_target_ratio")
@shows("tsfm_interval_width")
@shows("tsfm_interval_outcomes")
@shows("tsfm_interval_covered")
@shows("tsfm_interval_width_sum")
def test_what_bands_have_covered_is_told_by_step() -> None:
    labels = {"segment": "all", "step": "1"}
    settings = with_tollama(calibration={"target_coverage": 0.8})

    with a_service(settings=settings) as service:
        tells_outcomes(service, 0.43, 0.99)
        ratios, covered = (
            [service.value(name, **labels, kind=kind) for kind in ("closed", "open")]
            for name in ("tsfm_coverage_ratio", "tsfm_interval_covered_total")
        )
        width, outcomes, widths = (
            service.value(f"tsfm_interval_{name}", **labels)
            for name in ("width", "outcomes_total", "width_sum_total")
        )
        target = service.value("tsfm_coverage_target_ratio")

    assert (target, outcomes) == (0.8, 2)
    assert (ratios, covered) == ([0.5, 0.5], [1, 1])
    assert 0.04 < width < 0.1
    assert widths == pytest.approx(2 * width)


@shows("tsfm_markets_watched")
@shows("tsfm_breaches_open")
@shows("tsfm_signals")
@shows("tsfm_signals_followed")
def test_a_breach_is_counted_from_when_it_opens_until_it_is_over() -> None:
    wall_clock, series, counts = FakeClock(AS_OF_S), prices(60), {}

    with a_client(with_tollama(), wall_clock=wall_clock) as client:
        service = Service(client, FakeClock())

        def phase(name: str) -> float:
            told = {"phase": name, "severity": "extreme"}
            return service.value("tsfm_signals_total", **told)

        for step, price in enumerate([0.43, 0.43, 0.7, 0.75, *[0.76] * 16]):
            series.append(price)
            wall_clock.now_s = AS_OF_S + 300 * step
            service.asks(
                market_id="rain",
                y=series,
                as_of_ts=datetime.fromtimestamp(wall_clock.now_s, UTC).isoformat(),
                model={"provider": "baseline"},
            )
            counts[step] = (
                service.value("tsfm_breaches_open"),
                *map(phase, ("opened", "followed", "closed")),
                service.value("tsfm_signals_followed_total", followed="yes"),
            )
        watched = service.value("tsfm_markets_watched")

    # Open, opened, followed and closed signals; those that were followed.
    assert counts[1] == (0, 0, 0, 0, 0)
    assert counts[2] == (1, 1, 0, 0, 0)
    assert counts[3] == (1, 1, 1, 0, 1)
    assert counts[19] == (0, 1, 1, 1, 1)
    assert watched == 1


@shows("tsfm_webhook_deliveries")
@shows("tsfm_webhook_failing")
@shows("tsfm_webhook_lag_seconds")
@shows("tsfm_webhook_waiting")
async def test_an_endpoint_that_is_away_is_told_of() -> None:
    wall_clock = FakeClock(START_S + 100)
    app = an_app(with_tollama(webhooks=WEBHOOKS), wall_clock=wall_clock)

    async with started(app) as client:
        backend = app.site.state.backend
        signal = breach_signal(1)
        told: dict[Sample, float] = {}

        def is_retried() -> bool:
            labels = frozenset({("endpoint", "desk"), ("outcome", "retried")})
            exposition = app.site.state.exposition().decode()
            told.update(read(exposition))
            return told["tsfm_webhook_deliveries_total", labels] > 0

        at_first = read((await client.get("/metrics")).text)
        backend.calibrator.ledger.append([signal])
        await backend.calibrator.ledger.commit()
        backend.feed.signal(signal)
        await until(is_retried)
        wall_clock.now_s += 3_600
        is_retried()

    desk = frozenset({("endpoint", "desk")})
    names = ("failing", "waiting", "lag_seconds")
    assert [at_first[f"tsfm_webhook_{name}", desk] for name in names] == [0, 0, 0]
    assert [told[f"tsfm_webhook_{name}", desk] for name in names[:2]] == [1, 1]
    assert told["tsfm_webhook_lag_seconds", desk] > 3_000


@shows("tsfm_streams_open")
async def test_streams_that_are_open_are_told() -> None:
    counts = []

    async with served(an_app()) as service:

        async def count() -> None:
            async with service.http.get("/metrics") as answer:
                told = read(await answer.text())
            counts.append(told["tsfm_streams_open", frozenset()])

        await count()
        async with service.stream("/tsfm/stream"):
            await count()

    assert counts == [0, 1]


@shows("tsfm_drifts")
def test_segments_that_drifted_are_counted_by_model() -> None:
    # A service whose outcomes go astray for long enough is played in
    # tests/service/calibration; what the teller does with a drift is told here.
    metrics = Metrics()
    teller = Teller(metrics, silent_log(), known_models=("ewma",))

    for name in ("ewma", "my own"):
        key = StreamKey(name, "1", 300)
        teller.drifted(Drift(key, "a segment", 1, miss_rate=0.4, inside_rate=0.6))

    told = read(metrics.exposition().decode())
    for model in ("ewma", "other"):
        assert told["tsfm_drifts_total", frozenset({("model", model)})] == 1


@shows("tsfm_ledger_lag_seconds")
@shows("tsfm_ledger_let_go")
def test_what_waits_to_be_written_down_is_told() -> None:
    settings = with_tollama(store={"url": "sqlite://", "commit_interval_s": 3_600})

    with a_service(settings=settings) as service:
        before = service.value("tsfm_ledger_lag_seconds")
        service.asks()
        let_go = service.value("tsfm_ledger_let_go_total")
        after = service.value("tsfm_ledger_lag_seconds")

    assert before == 0
    assert after > 0
    assert let_go == 0


class Disk:
    """Lets nothing be written while it is broken."""

    is_broken = False

    def __call__(self, connection: sa.Connection) -> None:
        if self.is_broken:
            connection.exec_driver_sql("INSERT INTO nowhere VALUES (1)")


@shows("tsfm_ledger_writable")
def test_a_ledger_that_cannot_be_written_is_shown(tmp_path: Path) -> None:
    settings = with_tollama(store={"url": f"sqlite:///{tmp_path / 'ledger.db'}"})
    disk = Disk()
    shown = []

    with a_service(settings=settings) as service:

        def writes() -> int:
            told = [{"market_id": "rain", "ts": AS_OF_S, "y": 0.4}]
            status = service.client.post("/tsfm/observations", json=told).status_code
            shown.append(service.value("tsfm_ledger_writable"))
            return status

        event.listen(sa.Engine, "begin", disk)
        try:
            disk.is_broken = True
            refused = writes()
            disk.is_broken = False
            taken = writes()
        finally:
            event.remove(sa.Engine, "begin", disk)

    assert (refused, taken) == (503, 202)
    assert shown == [0, 1]


@shows("process_cpu_seconds")
@shows("process_max_fds")
@shows("process_open_fds")
@shows("process_resident_memory_bytes")
@shows("process_start_time_seconds")
@shows("process_virtual_memory_bytes")
def test_memory_and_files_of_the_process_are_told() -> None:
    with a_service() as service:
        before, memory = (
            service.value(f"process_{name}")
            for name in ("open_fds", "resident_memory_bytes")
        )
        with Path(__file__).open(encoding="utf-8"):
            after = service.value("process_open_fds")

    assert after == before + 1
    assert memory > 10_000_000


@shows("tsfm_breaker_state")
@shows("tsfm_breaker_family_state")
def test_the_breaker_is_shown_to_open_and_to_close_again() -> None:
    sick = Sick()
    settings = with_tollama(resilience={"max_retries": 0})

    with a_service(sick, settings=settings) as service:

        def state() -> float:
            worst = service.value("tsfm_breaker_state", runtime="tollama")
            assert worst == service.value(
                "tsfm_breaker_family_state", runtime="tollama", family="torch"
            )
            return worst

        states = []
        for _ in range(3):
            service.asks()
        states.append(state())
        sick.is_well = True
        service.clock.now_s = 30.0
        for _ in range(2):
            service.asks()
            states.append(state())

    assert states == [2, 1, 0]


@shows("tsfm_breaker_open_seconds")
def test_time_in_which_a_breaker_is_open_is_added_up() -> None:
    sick = Sick()
    settings = with_tollama(resilience={"max_retries": 0})

    with a_service(sick, settings=settings) as service:

        def open_s() -> float:
            return service.value(
                "tsfm_breaker_open_seconds_total", runtime="tollama", family="torch"
            )

        service.asks()
        times = [open_s()]
        for _ in range(2):
            service.asks()
        for now_s in (10.0, 30.0, 1_000.0):
            service.clock.now_s = now_s
            times.append(open_s())
        service.asks()  # a probe that fails
        service.clock.now_s = 1_005.0
        times.append(open_s())

    assert times == [0, 10, 30, 30, 35]


@shows("tsfm_start_time_seconds")
@shows("tsfm_rollout_percent")
def test_when_counts_began_and_what_share_a_model_may_reach_are_told() -> None:
    settings = with_tollama(routing={"rollout_percent": 25})

    with a_service(settings=settings) as service:
        before = service.value("tsfm_start_time_seconds")
        service.clock.now_s += 100
        after = service.value("tsfm_start_time_seconds")
        percent = service.value("tsfm_rollout_percent")

    assert before == after > 0
    assert percent == 25


@shows("tsfm_runtime_mode")
def test_the_mode_of_a_runtime_is_shown_to_change_and_to_change_back() -> None:
    sick = Sick()
    settings = with_tollama(
        resilience={"max_retries": 0},
        breaker={"max_failures": 1_000, "min_calls": 1_000},
    )

    with a_service(sick, settings=settings) as service:

        def mode() -> float:
            return service.value("tsfm_runtime_mode", runtime="tollama")

        modes = [mode()]
        for _ in range(10):
            service.asks()
        modes.append(mode())
        sick.is_well = True
        service.clock.now_s += 10.0
        service.asks()
        modes.append(mode())
        for _ in range(10):
            service.asks()
        modes.append(mode())

    assert modes == [0, 2, 1, 0]


@shows("tsfm_quantile_crossings")
@shows("tsfm_forecast_steps")
def test_steps_whose_quantiles_cross_are_counted_once() -> None:
    def crossing(call: ModelCall) -> Answers:
        steps = np.repeat([[0.6, 0.5, 0.4]], call.horizon, axis=0)
        return [QuantileForecast(call.quantile_levels, steps)]

    with a_service(crossing) as service:
        for _ in range(2):  # the second is a hit
            service.asks(market_id="same", horizon_steps=7)
        counted = service.value("tsfm_quantile_crossings_total", model="chronos2")
        service.asks(model={"provider": "baseline"}, horizon_steps=5)
        of_steps = service.value("tsfm_forecast_steps_total", model="chronos2")
        others = service.value("tsfm_forecast_steps_total", model="ewma")

    assert (counted, of_steps, others) == (7, 7, 5)


@shows("tsfm_batch_size")
def test_series_of_a_call_are_counted() -> None:
    with a_service() as service:
        service.batch(5)
        count, total = (
            service.value(f"tsfm_batch_size_{part}") for part in ("count", "sum")
        )

    assert (count, total) == (1, 5)


@shows("tsfm_queue_wait_seconds")
def test_time_that_series_wait_for_their_call_is_told() -> None:
    clock = FakeClock()
    settings = with_tollama(
        resilience={"max_calls_in_flight": 1},
        tollama={"url": "http://127.0.0.1:9", "max_series_per_call": 1},
    )

    with a_service(taking(clock), settings=settings, clock=clock) as service:
        service.batch(3)
        count, total = (
            service.value(f"tsfm_queue_wait_seconds_{part}")
            for part in ("count", "sum")
        )

    assert count == 3
    assert total == pytest.approx((0 + 1 + 2) * TAKES_S)


@shows("tsfm_requests_in_flight")
async def test_forecasts_at_work_are_shown() -> None:
    runtime = FakeRuntime(gate=(gate := asyncio.Semaphore(0)))
    shown = []

    async with started(an_app(runtime=runtime)) as client:

        async def show() -> None:
            told = read((await client.get("/metrics")).text)
            shown.append(told["tsfm_requests_in_flight", frozenset()])

        await show()
        asked = asyncio.create_task(client.post(FORECAST, json=a_request(y=prices(60))))
        await until(lambda: len(runtime.calls) == 1)
        await show()
        gate.release()
        await asked
        await show()

    assert shown == [0, 1, 0]


@shows("tsfm_streams_open")
async def test_open_streams_are_shown() -> None:
    app = an_app()

    async with started(app) as client:
        with app.site.state.streams.place():
            told = read((await client.get("/metrics")).text)

    assert told["tsfm_streams_open", frozenset()] == 1


@shows("tsfm_cycle_duration_seconds")
def test_time_of_batches_is_told() -> None:
    clock = FakeClock()

    with a_service(taking(clock), clock=clock) as service:
        service.asks()
        service.batch(5)
        count, total = (
            service.value(f"tsfm_cycle_duration_seconds_{part}")
            for part in ("count", "sum")
        )

    assert count == 1
    assert total == pytest.approx(TAKES_S)


def test_samples_do_not_grow_with_markets_models_or_paths() -> None:
    def made_up(number: int) -> Json:
        return a_request(
            y=prices(40),
            market_id=f"market-{number}",
            category=f"category-{number}",
            model={"model_name": f"model-{number}", "model_version": str(number)},
        )

    with a_service() as service:
        client = service.client
        service.asks()
        for path in ("/made/up", "/docs/assets/none", "/metrics"):
            client.get(path)
        client.post(BATCH, json={"requests": [made_up(0)]})
        before = client.get("/metrics").text
        for number in range(1, 101):
            service.asks(model={"model_name": f"another-{number}"})
            client.get(f"/made/up/{number}")
            client.get(f"/docs/assets/{number}", headers={"X-Request-ID": str(number)})
        client.post(BATCH, json={"requests": [made_up(n) for n in range(1, 1_001)]})
        after = client.get("/metrics").text

    assert read(before).keys() == read(after).keys()
    assert len(after) < 1.2 * len(before)


def test_metrics_need_a_key_where_there_are_keys() -> None:
    keys = {"keys": {"desk": KEY}}

    with a_client(Settings.model_validate({"auth": keys})) as client:
        without = client.get("/metrics")
        brought = client.get("/metrics", headers={"X-API-Key": KEY})
    public = Settings.model_validate({"auth": keys | {"public": ["/metrics"]}})
    with a_client(public) as client:
        open_to_all = client.get("/metrics")

    assert_problem(without, 401, "unauthorized")
    assert (brought.status_code, open_to_all.status_code) == (200, 200)


def test_metrics_are_text_that_prometheus_reads() -> None:
    with a_client() as client:
        response = client.get("/metrics")

    kind = response.headers["content-type"]
    assert kind == "text/plain; version=0.0.4; charset=utf-8"
