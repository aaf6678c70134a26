"""The ledger is told market by market, newest first, page by page."""

from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient
from tests.api.exchanges import steady
from tests.api.wire import (
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

from tsfm_runner.errors import CalibrationStateError, LedgerUnavailableError

STEP_S = 300


def path_of(market_id: str) -> str:
    return f"/tsfm/forecasts/{quote(market_id, safe='')}"


def ask(client: TestClient, minute: int = 0, **fields: Any) -> Json:  # noqa: ANN401
    request = a_request(as_of_ts=f"2026-02-20T12:{minute:02}:00Z", y=prices(60))
    response = client.post(FORECAST, json=request | fields)
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


def listed(client: TestClient, market_id: str = "rain", **query: Any) -> Json:  # noqa: ANN401
    response = client.get(path_of(market_id), params=query)
    assert response.status_code == 200, response.text
    page: Json = response.json()
    return page


def test_forecast_is_told_whole() -> None:
    with a_client() as client:
        answer = ask(client, horizon_steps=2, quantiles=[0.1, 0.9])
        client.post(
            "/tsfm/observations",
            json=[{"market_id": "rain", "ts": AS_OF_S + STEP_S, "y": 0.42}],
        )
        page = listed(client)

    def stored(column: list[float]) -> Any:  # noqa: ANN401 - pytest's own
        return pytest.approx(column, abs=1e-7)

    conformal, meta = answer["conformal"], answer["meta"]
    bands = {
        name: {level: stored(column) for level, column in answer[name].items()}
        for name in ("yhat_q", "yhat_q_raw")
    }
    [forecast] = page.pop("forecasts")
    assert page == {"market_id": "rain", "next_cursor": None}
    assert steady(forecast) == {
        "forecast_id": "an id",
        "as_of_ts": answer["as_of_ts"],
        "freq": "5m",
        "horizon_steps": 2,
        "quantiles": [0.1, 0.9],
        "ts": answer["ts"],
        **bands,
        "lower": stored(conformal["lower"]),
        "upper": stored(conformal["upper"]),
        "model_name": "ewma",
        "model_version": "1",
        "runtime": "baseline",
        "fallback_reason": None,
        "segment": conformal["segment"],
        "status": conformal["status"],
        "state_version": 0,
        "recorded_at": "a moment",
        "outcomes": [0.42, None],
    }
    assert forecast["forecast_id"] == meta["forecast_id"]


def test_pages_follow_each_other_to_the_end() -> None:
    with a_client() as client:
        ids = [ask(client, minute)["meta"]["forecast_id"] for minute in range(5)]
        ask(client, market_id="another")
        first = listed(client, limit=2)
        second = listed(client, limit=2, cursor=first["next_cursor"])
        third = listed(client, limit=2, cursor=second["next_cursor"])

    pages = [
        [forecast["forecast_id"] for forecast in page["forecasts"]]
        for page in (first, second, third)
    ]
    assert pages == [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]]
    assert third["next_cursor"] is None


def test_page_that_ends_with_the_last_forecast_has_none_after_it() -> None:
    with a_client() as client:
        for minute in range(2):
            ask(client, minute)
        page = listed(client, limit=2)

    assert (len(page["forecasts"]), page["next_cursor"]) == (2, None)


def test_long_pages_are_read_in_parts() -> None:
    with a_client() as client:
        ids = [ask(client, minute)["meta"]["forecast_id"] for minute in range(60)]
        whole = listed(client, limit=500)
        default = listed(client)

    told = [forecast["forecast_id"] for forecast in whole["forecasts"]]
    assert told == ids[::-1]
    assert whole["next_cursor"] is None
    assert len(default["forecasts"]) == 50


def test_page_of_very_many_prices_is_cut_and_goes_on() -> None:
    levels = [round(level / 100, 2) for level in range(1, 100)]
    with a_client() as client:
        ids = [
            ask(client, minute, horizon_steps=288, quantiles=levels)["meta"][
                "forecast_id"
            ]
            for minute in range(27)
        ]
        first = listed(client, limit=500)
        second = listed(client, limit=500, cursor=first["next_cursor"])

    told = [one["forecast_id"] for one in first["forecasts"] + second["forecasts"]]
    assert len(first["forecasts"]) < len(ids)
    assert told == ids[::-1]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    ("since", "count"),
    [
        ("2026-02-20T12:01:00Z", 2),
        ("2026-02-20T13:01:00+01:00", 2),
        (AS_OF_S + 61, 1),
        (f"{AS_OF_S}.5", 2),
        (AS_OF_S + 121, 0),
    ],
)
def test_only_those_since_a_moment_are_told(since: str | int, count: int) -> None:
    with a_client() as client:
        for minute in range(3):
            ask(client, minute)

        assert len(listed(client, since=since)["forecasts"]) == count


@pytest.mark.parametrize(
    "market_id",
    [
        "a/b",
        "/",
        "a//b/",
        "über ☂",
        "100%",
        "a?b#c",
        "a b+c",
        "a\nb",
        "\x00",
    ],
)
def test_market_may_be_called_anything(market_id: str) -> None:
    with a_client() as client:
        ask(client, market_id=market_id)
        page = listed(client, market_id)

    assert page["market_id"] == market_id
    assert len(page["forecasts"]) == 1


@pytest.mark.parametrize("query", ["", "?limit=1", "?since=0", "?cursor=MQ"])
def test_market_that_nothing_is_known_of_is_not_found(
    client: TestClient, query: str
) -> None:
    problem = assert_problem(
        client.get(f"{path_of('never asked')}{query}"), 404, "unknown_market"
    )

    assert "never asked" in problem["detail"]


@pytest.mark.parametrize(
    ("query", "loc"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 501}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"since": "yesterday"}, "since"),
        ({"since": "nan"}, "since"),
        ({"cursor": "?"}, "cursor"),
        ({"cursor": "LTE"}, "cursor"),  # -1
        ({"page": 1}, "page"),
    ],
)
def test_query_that_breaks_a_rule_is_named(
    client: TestClient, query: Json, loc: str
) -> None:
    answer = client.get(path_of("rain"), params=query)

    [error] = assert_problem(answer, 422, "invalid_request")["errors"]
    assert error["loc"] == [loc]


@pytest.mark.parametrize(
    "failure", [CalibrationStateError("damaged"), LedgerUnavailableError("full")]
)
def test_ledger_that_cannot_be_read_is_told(failure: Exception) -> None:
    async def forecasts(*_: object, **__: object) -> None:
        raise failure

    app = an_app()
    with client_of(app) as client:
        calibrator = app.site.state.backend.calibrator
        ledger, calibrator.ledger = (
            calibrator.ledger,
            type("Broken", (), {"forecasts": staticmethod(forecasts)})(),
        )
        answer = client.get(path_of("rain"))
        calibrator.ledger = ledger

    problem = assert_problem(answer, 503, "ledger_unavailable")
    assert problem["detail"] == str(failure)
