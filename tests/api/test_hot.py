"""The way past the router, held against FastAPI's own way to the same routes."""

import json
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from httpx2 import Response
from starlette.testclient import TestClient
from tests.api.broken_requests import BROKEN
from tests.api.exchanges import FILES, SETTINGS, steady
from tests.api.test_decode import NOT_JSON, TOO_LARGE
from tests.api.wire import (
    BATCH,
    FORECAST,
    NDJSON,
    a_client,
    a_request,
    an_app,
    assert_problem,
    client_of,
    prices,
)
from tests.fakes import Answers, FakeRuntime

from tsfm_runner.domain.forecast import ModelCall

STORED = [
    (request["path"], json.dumps(request["json"]).encode())
    for path in FILES
    if (request := json.loads(path.read_text())["request"]).get("json") is not None
]
REQUESTS = [a_request(**fields) for fields, _, _ in BROKEN.values()]


class Ways(NamedTuple):
    """Two services of the same settings: one asked as usual, one past its edge."""

    hot: TestClient
    cold: TestClient

    def post(
        self, route: str, body: bytes, accept: str = "*/*"
    ) -> tuple[Response, Response]:
        headers = {"Accept": accept}
        hot = self.hot.post(route, content=body, headers=headers)
        return hot, self.cold.post(route, content=body, headers=headers)


@pytest.fixture(scope="module")
def ways() -> Iterator[Ways]:
    cold = TestClient(an_app(SETTINGS).site, raise_server_exceptions=False)
    with a_client(SETTINGS) as hot, cold:
        yield Ways(hot, cold)


def broken(_: ModelCall) -> Answers:
    raise ZeroDivisionError("nobody foresaw it")


def assert_same(hot: Response, cold: Response) -> None:
    assert hot.status_code == cold.status_code
    names = ["content-type"]
    if hot.status_code != 200:  # the time that an answer took has no fixed length
        names += ["content-length", "retry-after"]
    assert [hot.headers.get(name) for name in names] == [
        cold.headers.get(name) for name in names
    ]
    assert steady(hot.json()) == steady(cold.json())


@pytest.mark.parametrize(("route", "body"), STORED)
def test_good_bodies_have_the_same_answer_both_ways(
    ways: Ways, route: str, body: bytes
) -> None:
    assert_same(*ways.post(route, body))


@pytest.mark.parametrize("route", [FORECAST, BATCH])
@pytest.mark.parametrize("name", ["empty", "NaN", "key twice", "invalid UTF-8"])
def test_bodies_that_are_no_json_have_the_same_answer_both_ways(
    ways: Ways, route: str, name: str
) -> None:
    assert_same(*ways.post(route, NOT_JSON[name]()))


def test_wrong_requests_have_the_same_answers_both_ways(ways: Ways) -> None:
    for request in REQUESTS[::5]:
        assert_same(*ways.post(FORECAST, json.dumps(request).encode()))
    batch = json.dumps({"requests": [*REQUESTS, a_request()]}).encode()
    assert_same(*ways.post(BATCH, batch))


def test_too_large_bodies_have_the_same_answer_both_ways(ways: Ways) -> None:
    assert_same(*ways.post(FORECAST, TOO_LARGE["101 keys"]()))
    assert_same(*ways.post(FORECAST, b" " * (4 * 1024**2 + 1)))


def test_streams_have_the_same_lines_both_ways(ways: Ways) -> None:
    body = json.dumps({"requests": [a_request(), {}, a_request(market_id="b")]})

    both = ways.post(BATCH, body.encode(), accept=NDJSON)

    hot, cold = (
        [steady(json.loads(line)) for line in response.text.splitlines()]
        for response in both
    )
    assert len(hot) == 3
    assert hot == cold


@pytest.mark.parametrize("route", [FORECAST, BATCH])
def test_error_of_ours_has_the_same_answer_both_ways(route: str) -> None:
    one = a_request(y=prices(60))
    body = one if route == FORECAST else {"requests": [one]}
    app = an_app(runtime=FakeRuntime(broken))

    with client_of(app) as client:
        hot = client.post(route, json=body)
    with TestClient(app.site, raise_server_exceptions=False) as client:
        cold = client.post(route, json=body)

    assert_problem(hot, 500, "internal_error")
    assert_same(hot, cold)


@pytest.mark.parametrize("route", [FORECAST, BATCH])
def test_error_of_ours_is_raised_on_so_that_it_is_logged(route: str) -> None:
    one = a_request(y=prices(60))
    body = one if route == FORECAST else {"requests": [one]}

    with (
        TestClient(an_app(runtime=FakeRuntime(broken))) as client,
        pytest.raises((ZeroDivisionError, ExceptionGroup)) as raised,
    ):
        client.post(route, json=body)

    assert "nobody foresaw it" in str(raised.value) or raised.group_contains(
        ZeroDivisionError, match="nobody foresaw it"
    )


@pytest.mark.parametrize("path", [f"{FORECAST}?a=b", f"{BATCH}?"])
def test_what_stands_after_the_path_changes_nothing(ways: Ways, path: str) -> None:
    body = a_request() if path.startswith(f"{FORECAST}?") else {"requests": [{}]}

    hot, cold = ways.post(path, json.dumps(body).encode())

    assert hot.status_code == 200
    assert_same(hot, cold)
