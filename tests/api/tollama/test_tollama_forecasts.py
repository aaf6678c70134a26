"""What is forecast, in tollama's words: the very bands that our own routes answer."""

import json

import pytest
from starlette.testclient import TestClient
from tests.api.tollama.asking_as_tollama import (
    API,
    V1,
    Json,
    a_body,
    a_series,
    lines_of,
    speaking,
    times,
    walk,
)
from tests.api.wire import FORECAST, NDJSON, a_client, with_tollama
from tests.fakes import FakeRuntime

ANSWER_KEYS = {
    "model",
    "forecasts",
    "metrics",
    "timing",
    "explanation",
    "narrative",
    "usage",
    "warnings",
}
NAN = float("nan")


@pytest.mark.parametrize("model", ["tsfm-runner", "tsfm-mini", "ewma", "har"])
def test_the_band_is_the_calibrated_one_of_our_own_route(
    daemon: TestClient, model: str
) -> None:
    named = {} if model == "tsfm-runner" else {"model": {"model_name": model}}
    own = {
        "market_id": "rain",
        "as_of_ts": times(120)[-1],
        "freq": "5m",
        "horizon_steps": 3,
        "y": walk(120),
        **named,
    }

    ours = daemon.post(FORECAST, json=own).json()
    theirs = daemon.post(V1, json=a_body(a_series(120), model=model)).json()

    [forecast] = theirs["forecasts"]
    assert forecast["quantiles"] == ours["yhat_q"]
    assert forecast["mean"] == ours["yhat_q"]["0.5"]
    assert forecast["start_timestamp"] == ours["ts"][0]
    [used] = theirs["usage"]["series"]
    assert used["conformal"] == ours["conformal"]
    assert used["meta"]["model_name"] == ours["meta"]["model_name"]


def test_the_answer_has_the_keys_that_every_client_knows(daemon: TestClient) -> None:
    answer = daemon.post(V1, json=a_body()).json()

    assert answer.keys() == ANSWER_KEYS
    [forecast] = answer["forecasts"]
    assert forecast.keys() == {"id", "freq", "start_timestamp", "mean", "quantiles"}
    assert forecast["id"] == "rain"
    assert forecast["freq"] == "5min"
    assert forecast["start_timestamp"] == "2026-01-01T03:20:00Z"
    assert answer["usage"]["series_count"] == 1
    assert answer["usage"]["horizon"] == 3
    assert answer["usage"]["device"] == "cpu"
    assert all(isinstance(value, float) for value in answer["timing"].values())
    assert answer["timing"]["total_ms"] >= answer["timing"]["inference_ms"] > 0


def test_without_quantiles_only_the_median_is_told(daemon: TestClient) -> None:
    with_levels = daemon.post(V1, json=a_body()).json()
    without = daemon.post(V1, json=a_body(quantiles=[])).json()

    assert without["forecasts"][0]["quantiles"] is None
    assert without["forecasts"][0]["mean"] == with_levels["forecasts"][0]["mean"]


def test_levels_are_keyed_by_six_digits(daemon: TestClient) -> None:
    levels = [0.0012, 0.123456789, 0.25]

    answer = daemon.post(V1, json=a_body(quantiles=levels)).json()

    assert list(answer["forecasts"][0]["quantiles"]) == ["0.0012", "0.123457", "0.25"]


def test_each_series_is_answered_in_order(daemon: TestClient) -> None:
    hourly = a_series(50, id="b", freq="h", timestamps=times(50, minutes=60))
    series = [a_series(id="a"), hourly, a_series(id="a")]

    answer = daemon.post(V1, json=a_body(*series)).json()

    assert [one["id"] for one in answer["forecasts"]] == ["a", "b", "a"]
    assert answer["forecasts"][1]["start_timestamp"] == "2026-01-03T02:00:00Z"
    assert [one["id"] for one in answer["explanation"]["series"]] == ["a", "b", "a"]
    assert [one["id"] for one in answer["usage"]["series"]] == ["a", "b", "a"]


def test_more_series_than_go_in_one_call_are_answered(daemon: TestClient) -> None:
    series = [a_series(id=str(number)) for number in range(70)]

    answer = daemon.post(V1, json=a_body(*series)).json()

    assert [one["id"] for one in answer["forecasts"]] == [str(n) for n in range(70)]


def test_a_very_large_answer_is_written_beside_the_loop(daemon: TestClient) -> None:
    levels = [round(0.01 * place, 2) for place in range(1, 100)]

    response = daemon.post(V1, json=a_body(horizon=288, quantiles=levels))

    [forecast] = response.json()["forecasts"]
    assert forecast["quantiles"].keys() == {format(level, "g") for level in levels}
    assert {len(column) for column in forecast["quantiles"].values()} == {288}


def test_the_stream_is_three_lines_without_nulls(daemon: TestClient) -> None:
    response = daemon.post(API, json=a_body(quantiles=[]))

    loading, running, done = lines_of(response.text)
    assert response.headers["content-type"] == NDJSON
    assert (loading["status"], running["status"]) == (
        "loading model",
        "running forecast",
    )
    assert done["done"] is True
    assert done["response"].keys() == ANSWER_KEYS - {"metrics", "narrative", "warnings"}
    assert "quantiles" not in done["response"]["forecasts"][0]


def test_who_wants_no_stream_gets_one_document(daemon: TestClient) -> None:
    response = daemon.post(API, json=a_body(stream=False))

    assert response.headers["content-type"] == "application/json"
    assert response.json().keys() == ANSWER_KEYS


def test_keys_that_mean_nothing_here_are_let_through(daemon: TestClient) -> None:
    body = a_body(
        a_series(unit="USD"),
        stream=True,
        timeout="soon",
        keep_alive="5m",
        options={"num_samples": 7},
        response_options={"narrative": True},
    )

    response = daemon.post(V1, json=body)

    assert response.status_code == 200
    assert response.json()["narrative"] is None


def test_a_price_that_is_nan_is_missing(daemon: TestClient) -> None:
    target = [NAN, *walk(40)[1:-1], NAN]

    response = daemon.post(V1, content=json.dumps(a_body(a_series(target=target))))

    [used] = response.json()["usage"]["series"]
    assert used["meta"]["missing_ratio"] == 0.05


def test_a_model_that_could_not_answer_is_told_of() -> None:
    settings = speaking(preparation={"min_points": 50})

    with a_client(settings, has_own_models=True) as client:
        answer = client.post(V1, json=a_body(model="tsfm-mini")).json()

    assert answer["warnings"] == [
        "series 'rain': ewma answered in place of tsfm-mini (too_few_points)"
    ]


def test_the_ladder_may_ask_another_daemon_and_tells_of_no_device() -> None:
    server = {"server": {"tollama_api": True}}

    with a_client(with_tollama(**server), runtime=FakeRuntime()) as client:
        answer = client.post(V1, json=a_body(model="tsfm-runner")).json()

    assert answer["usage"]["device"] == "unknown"
    assert answer["usage"]["series"][0]["meta"]["runtime"] == "tollama"


def test_a_daemon_that_is_down_costs_nobody_the_answer() -> None:
    with a_client(with_tollama(server={"tollama_api": True})) as client:
        response = client.post(V1, json=a_body(model="tsfm-runner"))

    assert response.status_code == 200
    assert response.json()["warnings"] is None


def test_bands_are_learned_from_as_on_our_own_routes() -> None:
    with a_client(speaking()) as client:
        for count in (60, 61, 62, 63):
            answer = client.post(V1, json=a_body(a_series(count))).json()

    [used] = answer["usage"]["series"]
    assert used["conformal"]["n"] > 0
    assert used["conformal"]["empirical_coverage"] is not None


@pytest.mark.parametrize(
    ("series", "told"),
    [
        (
            {"past_covariates": {"rain_mm": [1.0] * 40}},
            "past-only numeric covariates; series='rain' covariate='rain_mm'",
        ),
        (
            {
                "past_covariates": {"sky": ["grey"] * 40},
                "future_covariates": {"sky": ["blue"] * 3},
            },
            "known-future categorical covariates; series='rain' covariate='sky'",
        ),
        (
            {"static_covariates": {"city": "Oslo", "pier": 7}},
            "static covariates; series='rain' covariates='city,pier'",
        ),
    ],
)
def test_covariates_are_ignored_with_a_warning_or_refused_where_that_is_strict(
    daemon: TestClient, series: Json, told: str
) -> None:
    model = "model 'ewma' (family=baseline) does not support"
    strict = {"covariates_mode": "strict"}

    ignored = daemon.post(V1, json=a_body(a_series(**series)))
    refused = daemon.post(V1, json=a_body(a_series(**series), parameters=strict))

    assert ignored.json()["warnings"] == [
        f"ignoring unsupported covariate: {model} {told}"
    ]
    assert refused.status_code == 400
    assert refused.json()["detail"] == f"unsupported covariate: {model} {told}"


def test_strict_covariates_refuse_nothing_where_there_are_none(
    daemon: TestClient,
) -> None:
    body = a_body(parameters={"covariates_mode": "strict"})

    assert daemon.post(V1, json=body).status_code == 200
