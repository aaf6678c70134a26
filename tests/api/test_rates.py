"""How often a caller may ask, and how the answers tell of it."""

import json
import re
from io import StringIO

import pytest
from httpx2 import Response
from starlette.testclient import TestClient
from tests.api.wire import (
    BATCH,
    FORECAST,
    NDJSON,
    a_client,
    a_request,
    assert_problem,
    prices,
)
from tests.fakes import FakeClock

from tsfm_runner.config import Settings

KEYS = {"alerts": "first-key-of-16-and-more", "desk": "second-key-of-16-and-more"}


def limited(rate: int | None = 5, **auth: object) -> Settings:
    return Settings.model_validate({"auth": {"rate_per_minute": rate, **auth}})


def asked(client: TestClient, key: str | None = None) -> Response:
    headers = {} if key is None else {"X-API-Key": KEYS[key]}
    return client.post(FORECAST, json=a_request(), headers=headers)


def batch(client: TestClient, size: int, *, accept: str = "*/*") -> Response:
    requests = [
        a_request(market_id=str(number), y=prices(60)) for number in range(size)
    ]
    return client.post(BATCH, json={"requests": requests}, headers={"Accept": accept})


def told(response: Response) -> tuple[int, int]:
    """Return what is left and for how many seconds, from a well-formed header."""
    field = response.headers["ratelimit"]
    found = re.fullmatch(r'"default";r=(\d+);t=(\d+)', field)
    assert found, field
    return int(found[1]), int(found[2])


def assert_tells_nothing(response: Response) -> None:
    assert not [name for name in response.headers if name.startswith("ratelimit")]


def test_answers_tell_the_limit_and_what_is_left() -> None:
    with a_client(limited(600)) as client:
        first, second = asked(client), asked(client)

    assert first.headers["ratelimit-policy"] == '"default";q=600;w=60'
    assert [told(response)[0] for response in (first, second)] == [599, 598]
    assert told(first)[1] == 60


def test_without_a_limit_answers_tell_nothing_of_it(client: TestClient) -> None:
    assert_tells_nothing(asked(client))
    assert_tells_nothing(batch(client, 3))


def test_past_the_limit_the_answer_is_429_and_says_when_to_come_back() -> None:
    with a_client(limited(2)) as client:
        responses = [asked(client) for _ in range(4)]

    assert [response.status_code for response in responses] == [200, 200, 429, 429]
    problem = assert_problem(responses[2], 429, "rate_limited")
    left, wait_s = told(responses[2])
    assert left == 0
    assert 1 <= wait_s <= 60
    assert responses[2].headers["retry-after"] == str(wait_s)
    assert responses[2].headers["ratelimit-policy"] == '"default";q=2;w=60'
    assert "0 of 2 forecasts a minute are left" in problem["detail"]
    assert f"{wait_s} s" in problem["hint"]


def test_after_as_long_as_the_answer_says_the_next_one_is_free() -> None:
    clock = FakeClock()

    with a_client(limited(1), clock=clock) as client:
        asked(client)
        clock.now_s = 17.3
        refused = asked(client)
        clock.now_s += int(refused.headers["retry-after"])
        answered = asked(client)

    assert refused.headers["retry-after"] == "43"
    assert (refused.status_code, answered.status_code) == (429, 200)


def test_each_key_has_a_limit_of_its_own() -> None:
    settings = limited(2, keys=KEYS, rates_per_minute={"desk": 4})

    with a_client(settings) as client:
        statuses = {
            key: [asked(client, key).status_code for _ in range(6)] for key in KEYS
        }

    assert statuses["alerts"] == [200] * 2 + [429] * 4
    assert statuses["desk"] == [200] * 4 + [429] * 2


def test_a_key_without_any_limit_is_told_of_none() -> None:
    settings = limited(None, keys=KEYS, rates_per_minute={"desk": 4})

    with a_client(settings) as client:
        free, bound = asked(client, "alerts"), asked(client, "desk")

    assert_tells_nothing(free)
    assert told(bound)[0] == 3


def test_what_brings_no_key_costs_nobody_anything() -> None:
    with a_client(limited(1, keys=KEYS)) as client:
        refused = [asked(client) for _ in range(3)]
        answered = asked(client, "desk")

    assert {response.status_code for response in refused} == {401}
    assert_tells_nothing(refused[0])
    assert answered.status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/health/live"),
        ("GET", "/health/ready"),
        ("GET", "/tsfm/models"),
        ("GET", "/docs"),
        ("GET", "/openapi.json"),
        ("GET", FORECAST),
        ("GET", BATCH),
    ],
)
def test_only_forecasts_are_counted(method: str, path: str) -> None:
    with a_client(limited(1)) as client:
        others = [client.request(method, path) for _ in range(3)]
        forecast = asked(client)

    assert 429 not in {response.status_code for response in others}
    assert_tells_nothing(others[0])
    assert told(forecast)[0] == 0


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"market_id": "x"}'])
@pytest.mark.parametrize("route", [FORECAST, BATCH])
def test_a_request_that_is_wrong_costs_one(route: str, body: bytes) -> None:
    with a_client(limited(5)) as client:
        response = client.post(route, content=body)

    assert response.status_code in (400, 422)
    assert told(response)[0] == 4


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("accept", ["*/*", NDJSON])
def test_a_batch_costs_as_much_as_it_has_markets(size: int, accept: str) -> None:
    with a_client(limited(5)) as client:
        response = batch(client, size, accept=accept)

    assert response.status_code == 200
    assert told(response)[0] == 5 - size


def test_a_batch_that_is_too_much_is_refused_whole_and_nothing_is_computed() -> None:
    log = StringIO()

    with a_client(limited(5), log=log) as client:
        first, second = batch(client, 3), batch(client, 3)
        third = batch(client, 1)

    assert first.status_code == 200
    problem = assert_problem(second, 429, "rate_limited")
    assert "1 of 5 forecasts a minute are left" in problem["detail"]
    assert "asks for 2 more" in problem["detail"]
    assert told(second)[0] == 1
    assert second.headers["retry-after"] == str(told(second)[1])
    assert third.status_code == 200
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    forecasts = [line for line in lines if line["event"] == "forecast"]
    assert [line["market_id"] for line in forecasts] == ["0", "1", "2", "0"]


@pytest.mark.parametrize("accept", ["*/*", NDJSON])
def test_a_batch_that_no_waiting_would_let_in_is_413(accept: str) -> None:
    with a_client(limited(5)) as client:
        response = batch(client, 6, accept=accept)

    problem = assert_problem(response, 413, "payload_too_large")
    assert "6 forecasts is more than the 5 a minute" in problem["detail"]
    assert "retry-after" not in response.headers
    assert told(response)[0] == 4


@pytest.mark.parametrize("path", [FORECAST, f"{FORECAST}%0A", "/tsfm%2Fforecast%0a%0a"])
def test_every_way_to_write_the_path_is_counted(path: str) -> None:
    with a_client(limited(1)) as client:
        first, second = (client.post(path, json=a_request()) for _ in range(2))

    assert told(first)[0] == 0
    assert_problem(second, 429, "rate_limited")
