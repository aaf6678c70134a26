"""What happens is told as it happens: nothing is lost, nothing is told twice."""

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
from tests.api.listening import PATIENCE_S, Service, heard, ids, served
from tests.api.wire import FORECAST, SECURITY_HEADERS, a_request, an_app, prices, until
from tests.service.signals_told import START_S, breach_signal

from tsfm_runner.adapters.ledger import SqliteLedger
from tsfm_runner.cli.serving import bind, running_service, url_of
from tsfm_runner.config import ServerConfig, Settings, StoreConfig
from tsfm_runner.domain.calibration import Drift, StreamKey
from tsfm_runner.service.feed import MAX_TOLD

BREACHES = "/tsfm/breaches/stream"
PAGE = "/tsfm/stream"
MANY = 300
DRIFT = Drift(StreamKey("ewma", "1", 300), "any", 3, miss_rate=0.2, inside_rate=0.7)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with served(an_app()) as service:
        yield service


async def test_a_signal_is_told_as_an_entry_of_the_list(service: Service) -> None:
    async with service.stream(BREACHES) as stream:
        service.tell(breach_signal(1))
        [event] = await heard(stream, 1)
    async with service.http.get("/tsfm/breaches") as answer:
        [breach] = (await answer.json())["breaches"]

    assert stream.headers["content-type"].startswith("text/event-stream")
    assert stream.headers["cache-control"] == "no-cache"
    assert (event["event"], event["id"]) == ("signal", "1")
    assert json.loads(event["data"]) == breach


async def test_who_comes_back_is_told_what_came_since_and_goes_on(
    service: Service,
) -> None:
    service.tell(*map(breach_signal, range(1, 5)))

    async with service.stream(BREACHES, **{"Last-Event-ID": "2"}) as stream:
        before = await ids(stream, 2)
        service.tell(breach_signal(5))
        after = await ids(stream, 1)

    assert before + after == [3, 4, 5]


@pytest.mark.parametrize(
    ("query", "headers", "told"),
    [
        ("", {}, [5]),
        ("?after=3", {}, [4, 5]),
        ("?after=1", {"Last-Event-ID": "3"}, [4, 5]),
        ("?after=4", {}, [5]),
        ("?after=99", {}, [1, 2, 3, 4, 5]),
        ("?after=0", {}, [1, 2, 3, 4, 5]),
    ],
    ids=["now", "after", "header first", "newest", "another ledger", "all"],
)
async def test_it_begins_where_it_is_asked_to(
    service: Service, query: str, headers: dict[str, str], told: list[int]
) -> None:
    service.tell(*map(breach_signal, range(1, 5)))

    async with service.stream(BREACHES + query, **headers) as stream:
        service.tell(breach_signal(5))

        assert await ids(stream, len(told)) == told


async def test_there_is_no_seam_between_what_was_and_what_is(service: Service) -> None:
    async def go_on() -> None:
        for number in range(1, MANY + 1):
            service.tell(breach_signal(number))
            await asyncio.sleep(0)

    going_on = asyncio.create_task(go_on())
    await until(lambda: service.backend.calibrator.ledger.lag_s > 0)
    async with service.stream(f"{BREACHES}?after=0") as stream:
        told = await ids(stream, MANY)
    await going_on

    assert told == list(range(1, MANY + 1))


@pytest.mark.parametrize(
    "query", ["?after=-1", "?after=x", "?after=9223372036854775808"]
)
async def test_a_place_that_is_none_is_refused(service: Service, query: str) -> None:
    async with service.stream(BREACHES + query) as answer:
        problem = await answer.json()

    assert (answer.status, problem["code"]) == (422, "invalid_request")
    assert problem["errors"][0]["loc"] == ["after"]
    assert service.n_streams == 0


async def test_a_signal_that_is_not_safe_yet_is_told_once_it_is(
    service: Service,
) -> None:
    ledger = service.backend.calibrator.ledger

    async with service.stream(BREACHES) as stream:
        service.backend.feed.signal(breach_signal(1))  # as if it could not be written
        asking = asyncio.create_task(ids(stream, 1))
        await ledger.commit()
        is_told_too_early = asking.done()
        ledger.append([breach_signal(1)])

        assert await asking == [1]
    assert not is_told_too_early


async def test_a_stream_ends_where_the_ledger_cannot_be_read_and_the_next_is_told_why(
    service: Service,
) -> None:
    ledger = service.backend.calibrator.ledger
    assert isinstance(ledger, SqliteLedger)
    async with service.stream(BREACHES) as stream:
        service.tell(breach_signal(1))
        await ids(stream, 1)
        with ledger.database.writing() as connection:
            connection.exec_driver_sql(
                "INSERT INTO signals SELECT 2, 'b', market_id, severity, ts_s, NULL, "
                "NULL, recorded_at_s, document FROM signals"
            )
        service.backend.feed.signal(breach_signal(2))
        async with asyncio.timeout(PATIENCE_S):
            rest = await stream.content.read()
    async with service.stream(BREACHES) as answer:
        problem = await answer.json()

    assert rest == b""
    assert (answer.status, problem["code"]) == (503, "ledger_unavailable")
    assert "signal 2 is damaged" in problem["detail"]


@pytest.mark.parametrize("path", [BREACHES, PAGE])
async def test_streams_carry_security_headers(service: Service, path: str) -> None:
    async with service.stream(path) as stream:
        told = {name.lower(): value for name, value in stream.headers.items()}

    assert told.items() >= SECURITY_HEADERS.items()
    assert told["x-request-id"]


async def test_a_page_is_told_of_everything_that_changes(service: Service) -> None:
    async with service.stream(PAGE) as stream:
        first = await heard(stream, 2)
        async with service.http.post(FORECAST, json=a_request(y=prices(60))):
            pass
        service.tell(breach_signal(1))
        service.backend.feed.drifted(DRIFT, START_S)
        later = {event["event"]: event for event in await heard(stream, 3)}

    data = {name: json.loads(event["data"]) for name, event in later.items()}
    assert [event["event"] for event in first] == ["hello", "runtime"]
    assert json.loads(first[0]["data"]).keys() == {"now", "version"}
    assert json.loads(first[1]["data"])["requests"]["in_flight"] == 0
    assert [row["market_id"] for row in data["markets"]["rows"]] == ["rain"]
    assert (later["signal"]["id"], data["signal"]["dedupe_key"]) == ("1", "key-1")
    assert (data["drift"]["at"], data["drift"]["segment"]) == (
        "2023-11-14T22:13:20.000Z",
        "any",
    )


async def test_a_page_that_missed_something_is_told_to_ask_anew(
    service: Service,
) -> None:
    async with service.stream(PAGE) as stream:
        await heard(stream, 2)
        for number in range(MAX_TOLD + 1):
            service.backend.feed.signal(breach_signal(number))
        missed, newest = await heard(stream, 2)

    assert (missed["event"], missed["data"]) == ("resync", "{}")
    assert newest["id"] == str(MAX_TOLD)


async def test_no_more_streams_are_open_than_may_be() -> None:
    settings = Settings(server=ServerConfig(max_streams=1))
    async with served(an_app(settings)) as service:
        async with service.stream(PAGE):
            async with service.stream(BREACHES) as refused:
                problem = await refused.json()
            async with service.http.get("/metrics") as metrics:
                told = await metrics.text()
        await until(lambda: service.n_streams == 0)  # as soon as the caller has left

        async with service.stream(BREACHES) as let_in:
            pass

    assert (refused.status, problem["code"]) == (503, "too_many_streams")
    assert refused.headers["retry-after"] == "5"
    assert "tsfm_streams_open 1.0" in told
    assert let_in.status == 200


async def test_streams_are_told_to_nobody_without_a_key() -> None:
    key = "a-key-that-is-long-enough"
    settings = Settings.model_validate({"auth": {"keys": {"desk": key}}})
    async with served(an_app(settings)) as service:
        async with service.stream(PAGE) as refused:
            pass
        async with service.stream(PAGE, Authorization=f"Bearer {key}") as let_in:
            [hello] = await heard(let_in, 1)

    assert refused.status == 401
    assert hello["event"] == "hello"


async def test_a_stream_ends_with_the_service_and_is_no_forecast_at_work() -> None:
    bound = bind("127.0.0.1", 0)
    settings = Settings(
        server=ServerConfig(shutdown_grace_s=3_600),
        store=StoreConfig(url="sqlite://"),
    )
    async with aiohttp.ClientSession(url_of(bound)) as http:
        async with running_service(settings, bound):
            streams = [await http.get(path) for path in (PAGE, BREACHES)]
            async with http.get("/metrics") as metrics:
                told = await metrics.text()
        async with asyncio.timeout(PATIENCE_S):
            ends = [await stream.read() for stream in streams]

    assert "tsfm_requests_in_flight 0.0" in told
    assert ends[0].startswith(b"event: hello\n")
    assert ends[1] == b""
