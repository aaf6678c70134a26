"""What an operator reads: one line for each forecast, and for what matters at night."""

import asyncio
import json
from io import StringIO
from typing import Any

import pytest
from tests.api.wire import BATCH, FORECAST, Json, a_client, a_request, with_tollama
from tests.fakes import Answers, FakeClock, FakeRuntime, flat_answers

from tsfm_runner.adapters.telemetry import open_log
from tsfm_runner.config import LogConfig, Settings
from tsfm_runner.domain.forecast import ModelCall
from tsfm_runner.errors import RuntimeUnavailableError

KEY = "key-of-sixteen-characters-or-more"
# What every line of a forecast says; SPEC 9.
WORDS = {
    *("time", "level", "event", "request_id", "forecast_id", "market_id", "as_of_ts"),
    *("runtime", "model", "revision", "input_len", "missing_ratio", "warnings"),
    *("fallback_reason", "cache_hit", "latency_ms"),
}
ODD_PRICES = [0.123456789, 0.234567891, 0.345678912] * 20


class Terminal(StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class CountingStream(StringIO):
    """Counts how often something is written to it."""

    n_writes = 0

    def write(self, text: str) -> int:
        self.n_writes += 1
        return super().write(text)


class Sick:
    """A runtime that is away until it is well."""

    is_well = False

    def __call__(self, call: ModelCall) -> Answers:
        if not self.is_well:
            raise RuntimeUnavailableError("connection refused")
        return flat_answers(call)


def lines(log: StringIO) -> list[Json]:
    """Return the lines of a log, each of which is one JSON object."""
    return [json.loads(line) for line in log.getvalue().splitlines()]


def named(log: StringIO, event: str) -> list[Json]:
    return [line for line in lines(log) if line["event"] == event]


def logging(level: str = "info", form: str = "json", **sections: Any) -> Settings:  # noqa: ANN401
    return with_tollama(log={"level": level, "format": form}, **sections)


def test_a_forecast_is_one_line_with_its_words() -> None:
    log = StringIO()
    request = a_request(
        y=[*ODD_PRICES[:-2], None, 0.5],
        model={"model_name": "chronos2"},
        closes_at="2026-02-20T12:00:00Z",
    )

    with a_client(runtime=FakeRuntime(), log=log) as client:
        meta = client.post(
            FORECAST, json=request, headers={"X-Request-ID": "order-17"}
        ).json()["meta"]

    [line] = named(log, "forecast")
    assert line.keys() == WORDS
    assert {name: line[name] for name in WORDS - {"time", "missing_ratio"}} == {
        "level": "info",
        "event": "forecast",
        "request_id": "order-17",
        "forecast_id": meta["forecast_id"],
        "market_id": "rain",
        "as_of_ts": "2026-02-20T12:00:00Z",
        "runtime": "tollama",
        "model": "chronos2",
        "revision": "main",
        "input_len": 60,
        "warnings": ["market_closed"],
        "fallback_reason": None,
        "cache_hit": False,
        "latency_ms": meta["latency_ms"],
    }
    assert line["missing_ratio"] == pytest.approx(1 / 60)


def test_a_hit_is_a_line_with_the_same_words() -> None:
    log = StringIO()

    with a_client(log=log) as client:
        for request_id in ("first", "second"):
            client.post(
                FORECAST, json=a_request(), headers={"X-Request-ID": request_id}
            )

    first, second = named(log, "forecast")
    assert second.keys() == WORDS
    assert (first["cache_hit"], second["cache_hit"]) == (False, True)
    assert (first["request_id"], second["request_id"]) == ("first", "second")
    assert first["forecast_id"] == second["forecast_id"]
    assert first["fallback_reason"] == second["fallback_reason"] == "too_few_points"


def test_a_batch_is_a_line_for_each_market() -> None:
    log = StringIO()
    requests = [a_request(market_id=name) for name in ("a", "b", "c")]

    with a_client(log=log) as client:
        response = client.post(BATCH, json={"requests": [*requests, {}]})

    told = named(log, "forecast")
    assert [line["market_id"] for line in told] == ["a", "b", "c"]
    assert {line["request_id"] for line in told} == {response.headers["x-request-id"]}


@pytest.mark.parametrize("form", ["json", "text"])
def test_no_line_tells_a_token_or_a_price(form: str) -> None:
    log = StringIO()

    def broken(call: ModelCall) -> Answers:
        if call.series[0].market_id == "broken":
            raise ZeroDivisionError
        raise RuntimeUnavailableError("connection refused")

    settings = logging("debug", form, auth={"keys": {"desk": KEY}})
    with a_client(settings, runtime=FakeRuntime(broken), log=log) as client:
        for name in ("broken", "away"):
            request = a_request(
                market_id=name, y=ODD_PRICES, x_past={"a": [0.987654321] * 60}
            )
            for headers in ({"X-API-Key": KEY}, {"Authorization": f"Bearer {KEY}"}):
                client.post(FORECAST, json=request, headers=headers)
        client.post(FORECAST, json=request, headers={"X-API-Key": f"{KEY}-wrong"})

    text = log.getvalue()
    for event in ("started", "forecast", "runtime_call_failed", "own_error", "stopped"):
        assert event in text
    for secret in (KEY, "0.1234", "0.2345", "0.3456", "0.9876"):
        assert secret not in text


@pytest.mark.parametrize(
    ("level", "events"),
    [
        ("debug", {"started", "forecast", "runtime_call_failed", "stopped"}),
        ("info", {"started", "forecast", "runtime_call_failed", "stopped"}),
        ("warning", {"runtime_call_failed"}),
        ("error", set()),
    ],
)
def test_nothing_below_the_level_is_written(level: str, events: set[str]) -> None:
    log = StringIO()

    with a_client(logging(level), runtime=FakeRuntime(Sick()), log=log) as client:
        client.post(FORECAST, json=a_request(y=ODD_PRICES))

    assert {line["event"] for line in lines(log)} == events


@pytest.mark.parametrize(
    ("form", "stream", "is_json"),
    [
        ("auto", StringIO, True),
        ("auto", Terminal, False),
        ("json", Terminal, True),
        ("text", StringIO, False),
    ],
)
def test_format_is_that_of_the_settings_or_suits_the_stream(
    form: str, stream: type[StringIO], *, is_json: bool
) -> None:
    log = stream()

    with a_client(logging(form=form), log=log) as client:
        client.post(FORECAST, json=a_request())

    assert log.getvalue().startswith("{") is is_json
    assert ("market_id" in log.getvalue()) is True
    assert ("\x1b[" in log.getvalue()) is (form == "auto" and stream is Terminal)


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("name", ["a\nb", "\x1b[31mred", "\x1b]0;title\x07", "a\r\nb"])
def test_words_of_callers_break_no_line_and_command_no_terminal(
    form: str, name: str
) -> None:
    log = StringIO()

    with a_client(logging(form=form), log=log) as client:
        client.post(FORECAST, json=a_request(market_id=name, category=name))

    text = log.getvalue()
    assert len(text.splitlines()) == len(text.split("\n")) - 1 == 3
    assert "\x1b" not in text
    assert "\x07" not in text


def test_start_and_stop_are_told() -> None:
    log = StringIO()

    with a_client(runtime=FakeRuntime(), log=log):
        pass

    first, last = lines(log)
    assert (first["event"], last["event"]) == ("started", "stopped")
    assert (first["environment"], first["runtimes"]) == ("dev", ["tollama"])
    assert first["version"]


def test_failed_calls_and_the_breaker_are_warnings() -> None:
    log, clock, sick = StringIO(), FakeClock(), Sick()
    settings = logging("warning", resilience={"max_retries": 0})

    with a_client(settings, runtime=FakeRuntime(sick), clock=clock, log=log) as client:
        for number in range(4):
            client.post(
                FORECAST,
                json=a_request(market_id=str(number), y=ODD_PRICES),
                headers={"X-Request-ID": f"order-{number}"},
            )
        sick.is_well = True
        clock.now_s = 30.0
        for number in (5, 6):
            client.post(FORECAST, json=a_request(market_id=str(number), y=ODD_PRICES))

    calls, states = named(log, "runtime_call_failed"), named(log, "breaker")
    assert len(calls) == 3
    del calls[0]["time"]
    assert calls[0] == {
        "event": "runtime_call_failed",
        "level": "warning",
        "runtime": "tollama",
        "model": "chronos2",
        "n_series": 1,
        "error": "unavailable",
        "duration_s": 0.0,
        "request_id": "order-0",
    }
    assert [line["state"] for line in states] == ["open", "half_open", "closed"]
    assert {line["family"] for line in states} == {"torch"}
    assert len(lines(log)) == len(calls) + len(states)


def test_a_runtime_that_is_asked_less_is_a_warning() -> None:
    log = StringIO()
    settings = logging(
        "warning",
        resilience={"max_retries": 0},
        breaker={"max_failures": 1_000, "min_calls": 1_000},
    )

    with a_client(settings, runtime=FakeRuntime(Sick()), log=log) as client:
        for number in range(10):
            client.post(FORECAST, json=a_request(market_id=str(number), y=ODD_PRICES))

    [line] = named(log, "runtime_mode")
    assert (line["level"], line["runtime"]) == ("warning", "tollama")
    assert line["mode"] == "baseline_only"


@pytest.mark.parametrize("form", ["json", "text"])
def test_error_of_ours_is_told_with_the_request_and_where_it_happened(
    form: str,
) -> None:
    log = StringIO()

    def broken(_: ModelCall) -> Answers:
        raise ZeroDivisionError("nobody foresaw it")

    settings = logging("error", form)
    with a_client(settings, runtime=FakeRuntime(broken), log=log) as client:
        client.post(
            FORECAST, json=a_request(y=ODD_PRICES), headers={"X-Request-ID": "mine"}
        )

    text = log.getvalue()
    for word in ("own_error", "mine", "ZeroDivisionError: nobody foresaw it", "broken"):
        assert word in text
    if form == "json":
        [line] = lines(log)
        assert (line["request_id"], line["level"]) == ("mine", "error")
        assert line["exception"].startswith("Traceback")


def test_without_a_loop_a_line_is_written_at_once() -> None:
    log = StringIO()
    logger = open_log(LogConfig(), log)

    logger.info("first")
    logger.info("second")

    assert [line["event"] for line in lines(log)] == ["first", "second"]


async def test_lines_of_one_turn_are_handed_over_together_at_its_end() -> None:
    log = CountingStream()
    logger = open_log(LogConfig(), log)

    for event in ("first", "second"):
        logger.info(event)
    before = log.n_writes
    await asyncio.sleep(0)
    logger.info("third")
    await asyncio.sleep(0)

    assert [before, log.n_writes] == [0, 2]
    assert [line["event"] for line in lines(log)] == ["first", "second", "third"]


def test_what_is_told_in_the_last_turn_of_a_loop_is_not_lost() -> None:
    log = StringIO()
    logger = open_log(LogConfig(), log)

    async def tell(event: str) -> None:
        logger.info(event)

    for event in ("in one loop", "in another"):
        asyncio.run(tell(event))

    assert [line["event"] for line in lines(log)] == ["in one loop", "in another"]
