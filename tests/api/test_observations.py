"""What happened is taken in once, whatever the order, and safe when we say so."""

import json
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient
from tests.api.wire import (
    AS_OF,
    AS_OF_S,
    FORECAST,
    Json,
    a_client,
    a_request,
    an_app,
    assert_problem,
    client_of,
    prices,
)
from tests.fakes import FakeClock

from tsfm_runner.config import Settings
from tsfm_runner.errors import LedgerUnavailableError

OBSERVATIONS = "/tsfm/observations"
STEP_S = 300
DAY_S = 86_400


def at(step: int, y: object = 0.4, **fields: Any) -> Json:  # noqa: ANN401 - JSON is any
    """Return what happened so many steps after the time of the usual forecast."""
    return {"market_id": "rain", "ts": AS_OF_S + STEP_S * step, "y": y, **fields}


def tell(client: TestClient, *items: object) -> Response:
    return client.post(OBSERVATIONS, json=items)


def ask(client: TestClient) -> None:
    request = a_request(y=prices(60), horizon_steps=3)
    assert client.post(FORECAST, json=request).status_code == 200


def outcomes(client: TestClient) -> list[float | None]:
    [forecast] = client.get("/tsfm/forecasts/rain").json()["forecasts"]
    known: list[float | None] = forecast["outcomes"]
    return known


def test_observations_end_the_steps_of_bands_in_any_order() -> None:
    with a_client() as client:
        ask(client)
        answer = tell(client, at(3, 0.43), at(1, 0.41), at(2, 0.42))

        assert (answer.status_code, answer.json()) == (202, {"stored": 3, "scored": 3})
        assert outcomes(client) == [0.41, 0.42, 0.43]


def test_what_is_told_again_is_stored_and_scored_once() -> None:
    with a_client() as client:
        ask(client)
        twice = tell(client, at(1, 0.41), at(1, 0.41))
        again = tell(client, at(1, 0.41))

        assert twice.json() == {"stored": 1, "scored": 1}
        assert again.json() == {"stored": 1, "scored": 0}
        assert outcomes(client) == [0.41, None, None]


def test_market_that_nobody_asked_about_is_taken_too(client: TestClient) -> None:
    answer = tell(client, at(1, market_id="never asked"))

    assert answer.json() == {"stored": 1, "scored": 0}


def test_times_may_be_text_in_any_zone() -> None:
    with a_client() as client:
        ask(client)
        answer = tell(client, at(0, ts="2026-02-20T13:05:00+01:00"))

        assert answer.json() == {"stored": 1, "scored": 1}
        assert outcomes(client) == [0.4, None, None]


def test_what_was_told_outlasts_the_process(tmp_path: Path) -> None:
    store = {"url": f"sqlite:///{tmp_path / 'ledger.db'}"}
    settings = Settings.model_validate({"store": store})

    with a_client(settings) as client:
        ask(client)
        tell(client, at(1, 0.41))
    with a_client(settings) as client:
        again = tell(client, at(1, 0.41), at(2, 0.42))

        assert again.json() == {"stored": 2, "scored": 1}
        assert outcomes(client) == [0.41, 0.42, None]


def test_more_than_a_hundred_markets_are_taken_at_once(client: TestClient) -> None:
    items = [
        at(1, market_id=f"many {number // 2}", ts=number) for number in range(9_999)
    ]

    answer = tell(client, *items)

    assert answer.json() == {"stored": 9_999, "scored": 0}


class Unwilling:
    """A ledger that cannot be written to for a while; it keeps what it is told."""

    def __init__(self, ledger: Any) -> None:  # noqa: ANN401 - whatever the app has
        self._ledger = ledger
        self.is_well = False

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever it stands for
        return getattr(self._ledger, name)

    async def commit(self) -> None:
        if not self.is_well:
            raise LedgerUnavailableError("the disk is full")
        await self._ledger.commit()


def test_ledger_that_cannot_be_written_to_is_told_and_loses_nothing() -> None:
    app = an_app()

    with client_of(app) as client:
        ask(client)
        calibrator = app.site.state.backend.calibrator
        unwilling = calibrator.ledger = Unwilling(calibrator.ledger)
        refused = tell(client, at(1, 0.41))
        unwilling.is_well = True
        taken = tell(client, at(1, 0.41))

        problem = assert_problem(refused, 503, "ledger_unavailable")
        assert problem["detail"] == "the disk is full"
        assert refused.headers["retry-after"] == "5"
        assert taken.json() == {"stored": 1, "scored": 0}  # it was scored before
        assert outcomes(client) == [0.41, None, None]


@pytest.mark.parametrize(
    ("item", "loc", "rule"),
    [
        (at(1, 1.5), [1, "y"], "less than or equal to 1"),
        (at(1, -0.1), [1, "y"], "greater than or equal to 0"),
        (at(1, y="0.4"), [1, "y"], "valid number"),
        (at(1, y=None), [1, "y"], "valid number"),
        (at(1, ts="2026-02-20"), [1, "ts"], "RFC 3339"),
        (at(1, ts=-1), [1, "ts"], "must lie between"),
        (at(1, ts=True), [1, "ts"], "RFC 3339 time or epoch seconds"),
        (at(1, market_id=""), [1, "market_id"], "at least 1 character"),
        (at(1, market_id="m" * 257), [1, "market_id"], "at most 256 characters"),
        (at(1, price=0.4), [1, "price"], "not permitted"),
        ({"market_id": "rain", "y": 0.4}, [1, "ts"], "required"),
        ("rain", [1], "should be an object"),
    ],
)
def test_item_that_breaks_a_rule_is_named(
    client: TestClient,
    item: object,
    loc: list[str | int],
    rule: str,
) -> None:
    answer = tell(client, at(1), item)

    [error] = assert_problem(answer, 422, "invalid_request")["errors"]
    assert error["loc"] == loc
    assert rule in error["msg"]


@pytest.mark.parametrize(
    "body", [{}, [], None, "text", [at(1)] * 10_001], ids=lambda body: str(body)[:20]
)
def test_what_is_no_list_of_observations_is_refused(
    client: TestClient,
    body: Any,  # noqa: ANN401
) -> None:
    answer = client.post(OBSERVATIONS, content=json.dumps(body))

    [error] = assert_problem(answer, 422, "invalid_request")["errors"]
    assert error["loc"] == []


@pytest.mark.parametrize("body", [b"", b"[", b"\xff", b'[{"y":NaN}]'])
def test_what_is_no_json_is_refused(client: TestClient, body: bytes) -> None:
    answer = client.post(OBSERVATIONS, content=body)

    assert_problem(answer, 400, "invalid_json")


def test_two_prices_of_one_moment_are_refused_and_both_are_named() -> None:
    with a_client() as client:
        ask(client)
        other = {"market_id": "rain", "ts": "2026-02-20T12:05:00Z", "y": 0.5}
        answer = tell(client, at(1, 0.41), at(2, 0.42), other)

        [error] = assert_problem(answer, 422, "invalid_request")["errors"]
        assert error["loc"] == [2, "y"]
        assert "item 0, which says 0.41" in error["msg"]
        assert error["input"] == "0.5"
        assert outcomes(client) == [None] * 3


@pytest.mark.parametrize(("ahead_s", "status"), [(DAY_S, 202), (DAY_S + 1, 422)])
def test_time_may_be_a_day_ahead_and_no_more(ahead_s: int, status: int) -> None:
    clock = FakeClock()
    clock.now_s = AS_OF_S

    with a_client(wall_clock=clock) as client:
        answer = tell(client, at(0, ts=AS_OF), at(0, ts=AS_OF_S + ahead_s))

    assert answer.status_code == status
    if status == 422:
        [error] = assert_problem(answer, 422, "invalid_request")["errors"]
        assert error["loc"] == [1, "ts"]


def test_bounds_are_those_of_a_batch() -> None:
    server = {"max_batch_body_bytes": 150, "max_body_bytes": 100, "max_values": 1}
    settings = Settings.model_validate({"server": server})

    with a_client(settings) as client:
        fits = tell(client, at(1), at(2))
        large = tell(client, at(1), at(2), at(3), at(4))

    assert fits.status_code == 202
    assert_problem(large, 413, "payload_too_large")


def test_key_is_needed_and_nothing_is_charged() -> None:
    key = "first-key-of-16-and-more"
    auth = {"keys": {"desk": key}, "rate_per_minute": 1}
    body = json.dumps([at(1)])

    with a_client(Settings.model_validate({"auth": auth})) as client:
        stranger = client.post(OBSERVATIONS, content=body)
        known = [
            client.post(OBSERVATIONS, content=body, headers={"X-API-Key": key})
            for _ in range(3)
        ]

    assert_problem(stranger, 401, "unauthorized")
    assert [one.status_code for one in known] == [202] * 3
    assert "ratelimit" not in known[0].headers
