"""Who may ask in tollama's words, how often, and what every answer carries."""

import asyncio
from io import StringIO

import pytest
from tests.api.tollama.asking_as_tollama import API, V1, a_body, a_series, speaking
from tests.api.wire import (
    a_client,
    an_app,
    started,
    until,
    with_tollama,
)
from tests.fakes import Answers, FakeClock, FakeRuntime

from tsfm_runner.domain.forecast import ModelCall

KEY = "first-key-of-16-and-more"
BEARER = {"Authorization": f"Bearer {KEY}"}
ROUTES = [
    ("POST", V1),
    ("POST", API),
    ("POST", "/api/show"),
    ("POST", "/api/pull"),
    ("POST", "/api/validate"),
    ("DELETE", "/api/delete"),
    ("GET", "/api/tags"),
    ("GET", "/api/ps"),
    ("GET", "/api/info"),
    ("GET", "/api/version"),
    ("GET", "/v1/health"),
    ("GET", "/v1/models"),
]


def test_every_route_needs_the_key() -> None:
    with a_client(speaking(auth={"keys": {"desk": KEY}})) as client:
        for method, path in ROUTES:
            none = client.request(method, path)
            wrong = client.request(method, path, headers={"Authorization": "Bearer no"})
            known = client.request(method, path, headers=BEARER)

            assert none.status_code == wrong.status_code == 401, path
            assert none.json() == {"detail": "missing bearer token"}
            assert wrong.json() == {"detail": "invalid api key"}
            assert none.headers["www-authenticate"] == "Bearer"
            assert known.status_code in {200, 400}, path


def test_every_answer_carries_the_id_of_its_request() -> None:
    with a_client(speaking()) as client:
        for method, path in ROUTES:
            named = client.request(method, path, headers={"X-Request-ID": "mine"})

            assert named.headers["x-request-id"] == "mine"
            assert client.request(method, path).headers["x-request-id"]


@pytest.mark.parametrize("route", [V1, API])
def test_each_series_counts_as_one_forecast(route: str) -> None:
    two = a_body(a_series(id="a"), a_series(id="b"), stream=False)
    settings = speaking(auth={"rate_per_minute": 3})

    with a_client(settings, clock=FakeClock()) as client:
        first, second = client.post(route, json=two), client.post(route, json=two)

    assert first.status_code == 200
    assert first.headers["ratelimit"].startswith('"default";r=1')
    assert second.status_code == 429
    assert second.json().keys() == {"detail"}
    assert int(second.headers["retry-after"]) > 0


def test_what_is_told_of_models_costs_nothing() -> None:
    with a_client(speaking(auth={"rate_per_minute": 1})) as client:
        statuses = [client.get("/api/tags").status_code for _ in range(3)]

    assert statuses == [200, 200, 200]


def test_requests_are_counted_by_their_routes() -> None:
    with a_client(speaking(), log=StringIO()) as client:
        client.post(V1, json=a_body())
        client.post(API, json=a_body())
        client.post("/api/show", json={"model": "ewma"})
        client.get("/api/nothing")
        told = client.get("/metrics").text

    for route in (V1, API, "/api/show", "other"):
        assert f'route="{route}"}} 1.0' in told


async def test_one_request_too_many_is_turned_away() -> None:
    gate = asyncio.Semaphore(0)
    runtime = FakeRuntime(gate=gate)
    limits = {"max_in_flight": 1, "hard_max_in_flight": 1}
    settings = with_tollama(server={"tollama_api": True}, resilience=limits)
    body = a_body(model="tsfm-runner")

    async with started(an_app(settings, runtime=runtime)) as client:
        waiting = asyncio.create_task(client.post(V1, json=body))
        await until(lambda: bool(runtime.calls))
        refused = await client.post(API, json=body)
        gate.release()
        answered = await waiting

    assert refused.status_code == 503
    assert refused.json()["detail"].startswith("so many requests are at work")
    assert refused.json()["hint"]
    assert answered.status_code == 200


def test_an_error_of_ours_is_told_in_a_detail() -> None:
    def broken(_: ModelCall) -> Answers:
        raise ZeroDivisionError

    settings = with_tollama(server={"tollama_api": True})

    with a_client(settings, runtime=FakeRuntime(broken)) as client:
        response = client.post(V1, json=a_body(model="tsfm-runner"))

    assert response.status_code == 500
    assert response.json().keys() == {"detail"}
