"""Breaches are listed as they are now, newest first, page by page."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.api.wire import Json, an_app, assert_problem, client_of
from tests.service.signals_told import breach_signal, closed, followed

from tsfm_runner.service.backend import Backend

PATH = "/tsfm/breaches"
FIRST_AT = "2023-11-14T22:18:20Z"


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    """Yield a client of a service whose ledger holds five breaches."""
    opened = [breach_signal(number) for number in range(1, 4)]
    shut = closed(opened[0], 4)
    app = an_app()
    with client_of(app) as client:
        backend: Backend = app.site.state.backend
        backend.calibrator.ledger.append(
            [
                *opened,
                shut,
                followed(shut, 5),
                breach_signal(6, severity="severe", market_id="a/b"),
                breach_signal(7, severity="extreme", event_id=None),
            ]
        )
        yield client


def listed(client: TestClient, **query: Any) -> Json:  # noqa: ANN401
    response = client.get(PATH, params=query)
    assert response.status_code == 200, response.text
    page: Json = response.json()
    return page


def ids(page: Json) -> list[int]:
    return [breach["id"] for breach in page["breaches"]]


def test_a_breach_is_told_whole(client: TestClient) -> None:
    [breach] = listed(client, open="false")["breaches"]

    assert breach == {
        "id": 5,
        "dedupe_key": "key-1",
        "market_id": "will-it-rain",
        "event_id": "weather",
        "phase": "followed",
        "severity": "moderate",
        "direction": "up",
        "opened_at": FIRST_AT,
        "opened_price": 0.71,
        "ts": "2023-11-14T22:38:20Z",
        "price": 0.78,
        "p_value": 0.04,
        "q_value": 0.11,
        "n_steps": 1,
        "is_open": False,
        "closed_at": "2023-11-14T22:33:20Z",
        "close_reason": "recovered",
        "band": {
            "issued_at": "2023-11-14T22:08:20Z",
            "step": 2,
            "freq": "5m",
            "coverage": 0.9,
            "lower": 0.41,
            "median": 0.5,
            "upper": 0.6,
            "model_name": "chronos2",
            "model_version": "1",
            "segment": "weather|high|mid|week|5m",
        },
        "follow_through": {
            "followed": True,
            "largest_move": 0.07,
            "decided_at": "2023-11-14T22:38:20Z",
        },
        "recorded_at": "2023-11-14T22:38:21.500Z",
    }


def test_an_open_breach_has_no_end_yet(client: TestClient) -> None:
    breach = listed(client, open="true")["breaches"][0]

    assert breach["is_open"] is True
    assert breach["closed_at"] is breach["close_reason"] is None
    assert breach["follow_through"] is breach["event_id"] is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, [7, 6, 5, 3, 2]),
        ({"severity": "severe"}, [6]),
        ({"severity": "extreme,severe"}, [7, 6]),
        ({"market_id": "a/b"}, [6]),
        ({"market_id": "unheard-of"}, []),
        ({"open": "true"}, [7, 6, 3, 2]),
        ({"since": breach_signal(3).ts_s}, [7, 6, 5, 3]),
        ({"since": "2023-11-14T22:38:20Z", "open": "true"}, [7, 6]),
        ({"limit": 2}, [7, 6]),
        ({"limit": 5}, [7, 6, 5, 3, 2]),
    ],
)
def test_breaches_are_found_by_what_is_asked(
    client: TestClient, query: dict[str, Any], found: list[int]
) -> None:
    assert ids(listed(client, **query)) == found


def test_pages_follow_each_other_to_the_end(client: TestClient) -> None:
    first = listed(client, limit=2)
    second = listed(client, limit=2, cursor=first["next_cursor"])
    third = listed(client, limit=2, cursor=second["next_cursor"])

    assert ids(first) + ids(second) + ids(third) == [7, 6, 5, 3, 2]
    assert third["next_cursor"] is None


def test_pages_show_one_moment_whatever_happens_meanwhile() -> None:
    app = an_app()
    with client_of(app) as client:
        backend: Backend = app.site.state.backend
        ledger = backend.calibrator.ledger
        one, two, three, four = map(breach_signal, range(1, 5))
        ledger.append([one, two, three, four])
        first = listed(client, limit=2, open="true")
        worse = replace(two, id=5, phase="escalated", severity="severe")
        ledger.append([worse, closed(one, 6), breach_signal(7)])

        second = listed(client, limit=2, open="true", cursor=first["next_cursor"])

        assert ids(first) + ids(second) == [4, 3, 2, 1]
        assert second["next_cursor"] is None
        assert ids(listed(client, open="true")) == [7, 5, 4, 3]


def test_a_page_that_ends_with_the_last_breach_names_no_other(
    client: TestClient,
) -> None:
    assert listed(client, limit=5)["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "field", "told"),
    [
        (
            {"severity": "severe,grave"},
            "severity",
            "must name some of moderate, severe, extreme, by commas",
        ),
        ({"open": "maybe"}, "open", "'true' or 'false'"),
        ({"since": "yesterday"}, "since", "RFC 3339"),
        ({"limit": 501}, "limit", "less than or equal to 500"),
        ({"cursor": "5"}, "cursor", "next_cursor"),
        ({"market_id": ""}, "market_id", "at least 1 character"),
        ({"market": "a"}, "market", "not permitted"),
    ],
)
def test_what_is_not_allowed_is_told_with_what_is(
    client: TestClient, query: dict[str, Any], field: str, told: str
) -> None:
    response = client.get(PATH, params=query)

    problem = assert_problem(response, 422, "invalid_request")
    assert problem["errors"][0]["loc"] == [field]
    assert told in problem["errors"][0]["msg"]


def test_a_ledger_that_cannot_be_read_is_a_problem_of_now() -> None:
    app = an_app()
    with client_of(app) as client:
        ledger = app.site.state.backend.calibrator.ledger
        ledger.append([breach_signal(1)])
        listed(client)
        with ledger.database.writing() as connection:
            connection.exec_driver_sql("UPDATE signals SET document = '{'")

        response = client.get(PATH)

    problem = assert_problem(response, 503, "ledger_unavailable")
    assert "signal 1 is damaged" in problem["detail"]
    assert response.headers["retry-after"] == "5"
