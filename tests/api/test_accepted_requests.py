"""Requests that stand exactly at a limit, or use a spelling that is allowed."""

from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.api.wire import AS_OF, AS_OF_S, FORECAST, Json, a_request, prices

from tsfm_runner.api.schemas import EXAMPLE_REQUEST

ACCEPTED: dict[str, Json] = {
    "market_id of one character": {"market_id": "m"},
    "market_id of 256 characters": {"market_id": "é" * 256},
    "market_id with a null character": {"market_id": "a\x00b"},
    "first year": {"as_of_ts": "1971-01-01T00:00:00Z"},
    "last year": {"as_of_ts": "2999-12-31T23:59:59Z"},
    "leap day": {"as_of_ts": "2028-02-29T00:00:00Z"},
    "one step": {"horizon_steps": 1},
    "288 steps": {"horizon_steps": 288},
    "one level": {"quantiles": [0.5]},
    "99 levels": {"quantiles": [level / 100 for level in range(1, 100)]},
    "outermost levels": {"quantiles": [0.001, 0.999]},
    "one side only": {"quantiles": [0.95, 0.99]},
    "48 intervals": {"level": list(range(1, 49))},
    "two points": {"y": [0, 1]},
    "20,000 points": {"y": prices(20_000)},
    "one known point": {"y": [0.5, None, None]},
    "null for everything that may be left out": dict.fromkeys(
        (
            *("freq", "horizon_steps", "quantiles", "level", "y_ts", "x_past"),
            *("x_future", "transform", "model", "liquidity_bucket", "category"),
            *("event_id", "closes_at", "tte_seconds", "tick_size", "max_gap_minutes"),
        )
    ),
    "nulls and empty objects inside": {
        "x_past": {},
        "x_future": {},
        "transform": {"space": None, "eps": None},
        "model": {
            "provider": None,
            "model_name": None,
            "model_version": None,
            "params": None,
        },
    },
    "empty objects": {"transform": {}, "model": {"params": {}}},
    "every fact": {
        "liquidity_bucket": "mid",
        "category": "weather",
        "event_id": "storm",
        "closes_at": "2026-02-21T00:00:00+09:00",
        "tick_size": 0.01,
        "max_gap_minutes": 1_000_000,
    },
    "closing that has passed": {"closes_at": "2020-01-01T00:00:00Z"},
    "tte_seconds 0": {"tte_seconds": 0},
    "tte_seconds far": {"tte_seconds": 1e10},
    "largest tick": {"tick_size": 0.5},
    "identity": {"transform": {"space": "identity"}},
    "smallest eps": {"y": [0, 1, 0], "transform": {"eps": 1e-12}},
    "largest eps": {"transform": {"eps": 0.499999}},
    "covariates": {
        "horizon_steps": 2,
        "x_past": {"a": [1, -2.5, 1e300], "b": [0, 0, 0]},
        "x_future": {"a": [3, 4]},
    },
    "params of every kind": {
        "model": {"params": {"a": {"b": {"c": 1}}, "d": [None, True, "ü", -0.5]}}
    },
    "a request that says what the default is": {
        "freq": "5m",
        "horizon_steps": 12,
        "quantiles": [0.1, 0.5, 0.9],
        "transform": {"space": "logit", "eps": 1e-6},
        "model": {"provider": "auto"},
    },
}


@pytest.mark.parametrize("fields", ACCEPTED.values(), ids=ACCEPTED)
def test_request_at_a_limit_is_answered(client: TestClient, fields: Json) -> None:
    request = a_request(**fields)

    response = client.post(FORECAST, json=request)

    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer["market_id"] == request["market_id"]
    assert answer["as_of_ts"] == request["as_of_ts"]
    steps = fields.get("horizon_steps") or 12
    assert {len(band) for band in answer["yhat_q"].values()} == {steps}


@pytest.mark.parametrize(
    ("freq", "first"),
    [
        ("5m", "2026-02-20T12:05:00Z"),
        ("1h", "2026-02-20T13:00:00Z"),
        ("5min", "2026-02-20T12:05:00Z"),
        ("PT5M", "2026-02-20T12:05:00Z"),
        ("PT1H30M", "2026-02-20T13:30:00Z"),
        ("1d", "2026-02-21T12:00:00Z"),
        ("P1D", "2026-02-21T12:00:00Z"),
        ("1m", "2026-02-20T12:01:00Z"),
        ("1440m", "2026-02-21T12:00:00Z"),
        ("24H", "2026-02-21T12:00:00Z"),
    ],
)
def test_every_spelling_of_a_frequency_is_understood_and_given_back(
    client: TestClient, freq: str, first: str
) -> None:
    response = client.post(FORECAST, json=a_request(freq=freq))

    assert response.status_code == 200, response.text
    assert response.json()["freq"] == freq
    assert response.json()["ts"][0] == first


@pytest.mark.parametrize(
    "times",
    [
        [AS_OF_S - 600, AS_OF_S - 300, AS_OF_S],
        [AS_OF_S - 600.25, AS_OF_S - 0.5, float(AS_OF_S)],
        ["2026-02-20T11:50:00Z", "2026-02-20T11:55:00.125Z", AS_OF],
        ["2026-02-20T20:50:00+09:00", "2026-02-20t11:55:00z", "2026-02-20 12:00:00Z"],
        [AS_OF_S - 600, "2026-02-20T11:55:00Z", AS_OF_S],
        [0, 1, AS_OF_S],
    ],
)
def test_times_of_points_may_be_epochs_or_rfc_3339(
    client: TestClient, times: list[Any]
) -> None:
    response = client.post(FORECAST, json=a_request(y_ts=times))

    assert response.status_code == 200, response.text


@pytest.mark.parametrize("method", ["ewma", "kalman", "rolling_quantile", "har"])
@pytest.mark.parametrize("provider", ["baseline", "auto"])
def test_every_baseline_answers_to_its_name(
    client: TestClient, provider: str, method: str
) -> None:
    choice = {"provider": provider, "model_name": method}

    response = client.post(FORECAST, json=a_request(y=prices(60), model=choice))

    meta = response.json()["meta"]
    assert (meta["runtime"], meta["model_name"]) == ("baseline", method)
    assert not meta["fallback_used"]
    assert meta["fallback_reason"] is None


@pytest.mark.parametrize("provider", ["auto", "tollama"])
def test_model_that_nobody_knows_is_answered_by_a_baseline_in_dev(
    client: TestClient, provider: str
) -> None:
    choice = {"provider": provider, "model_name": "no-such-model"}

    response = client.post(FORECAST, json=a_request(y=prices(60), model=choice))

    assert response.status_code == 200, response.text
    assert response.json()["meta"]["runtime"] == "baseline"


def test_body_of_the_first_implementation_is_answered(client: TestClient) -> None:
    request = {
        "market_id": "m1",
        "as_of_ts": "2026-02-20T12:00:00+00:00",
        "freq": "5m",
        "horizon_steps": 12,
        "quantiles": [0.1, 0.5, 0.9],
        "y": prices(288),
        "x_past": {},
        "x_future": {},
        "transform": {"space": "logit", "eps": 1e-6},
        "model": {
            "provider": "tollama",
            "model_name": "chronos2",
            "model_version": None,
            "params": {},
        },
    }

    response = client.post(FORECAST, json=request)

    meta = response.json()["meta"]
    assert (meta["runtime"], meta["fallback_reason"]) == (
        "baseline",
        "runtime_unavailable",
    )
    assert meta["transform"] == {"space": "logit", "eps": 1e-6}


def test_example_of_the_documentation_is_answered(client: TestClient) -> None:
    response = client.post(FORECAST, json=EXAMPLE_REQUEST)

    assert response.status_code == 200, response.text


def test_an_end_that_is_missing_for_long_is_answered_by_a_baseline(
    client: TestClient,
) -> None:
    answer = client.post(
        "/tsfm/forecast", json=a_request(y=[0.4, 0.5] * 20 + [None] * 300)
    ).json()

    assert answer["meta"]["fallback_reason"] == "max_gap_exceeded"


def test_a_last_time_a_moment_after_the_cutoff_is_taken(client: TestClient) -> None:
    times = ["2026-02-20T11:55:00Z", "2026-02-20T12:00:00.0005Z"]

    response = client.post("/tsfm/forecast", json=a_request(y=[0.4, 0.5], y_ts=times))

    assert response.status_code == 200
