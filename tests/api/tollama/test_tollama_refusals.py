"""What is refused in tollama's words, and how: `detail`, and for some a `hint`."""

import json
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.api.tollama.asking_as_tollama import (
    API,
    HINT,
    V1,
    Json,
    a_body,
    a_series,
    speaking,
    walk,
)
from tests.api.wire import FORECAST, a_client, an_app, assert_problem, client_of

from tsfm_runner.adapters.model_registry import PACKAGED_REGISTRY
from tsfm_runner.config import Settings

INFINITE = float("inf")


def refused(client: TestClient, body: object, *, route: str = V1) -> Json:
    content = body if isinstance(body, bytes) else json.dumps(body)
    response = client.post(route, content=content)
    assert response.status_code == 400, response.text
    assert response.headers["content-type"] == "application/json"
    answer: Json = response.json()
    assert answer["hint"] == HINT
    return answer


@pytest.mark.parametrize("route", [V1, API])
@pytest.mark.parametrize(
    ("fields", "loc"),
    [
        ({"horizon": 0}, ["horizon"]),
        ({"horizon": 289}, ["horizon"]),
        ({"horizon": 3.5}, ["horizon"]),
        ({"horizon": "3"}, ["horizon"]),
        ({"model": ""}, ["model"]),
        ({"quantiles": [0.9, 0.1]}, ["quantiles"]),
        ({"quantiles": [0.5, 0.5]}, ["quantiles"]),
        ({"quantiles": [0.0]}, ["quantiles", 0]),
        ({"quantiles": ["x"] * 100_000}, ["quantiles"]),
        ({"series": []}, []),
        ({"series": [], "data_url": "file:///series.csv"}, []),
        (
            {"parameters": {"covariates_mode": "maybe"}},
            ["parameters", "covariates_mode"],
        ),
    ],
    ids=str,
)
def test_a_field_that_breaks_a_rule_is_named(
    daemon: TestClient, route: str, fields: Json, loc: list[object]
) -> None:
    answer = refused(daemon, a_body() | fields, route=route)

    first = answer["detail"][0]
    assert first["loc"] == ["body", *loc]
    assert first["type"]
    assert first["msg"]
    assert "input" in first


@pytest.mark.parametrize(
    ("fields", "loc"),
    [
        ({"id": ""}, ["id"]),
        ({"id": "x" * 257}, ["id"]),
        ({"freq": ""}, ["freq"]),
        ({"freq": "9" * 65}, ["freq"]),
        ({"timestamps": [f"2026-01-01T00:00:00.{0:060}"]}, ["timestamps", 0]),
        (
            {"static_covariates": dict.fromkeys(map(str, range(33)))},
            ["static_covariates"],
        ),
        ({"timestamps": [1, 2]}, ["timestamps", 0]),
        ({"target": [None] * 40}, ["target", 0, "int"]),
        ({"target": [True] * 40}, ["target", 0, "int"]),
        ({"target": [0.1]}, []),
        ({"past_covariates": {"a": [1.0]}}, []),
        ({"past_covariates": {"a": [1.0] * 39 + ["x"]}}, []),
    ],
    ids=str,
)
def test_a_field_of_a_series_that_breaks_a_rule_is_named(
    daemon: TestClient, fields: Json, loc: list[object]
) -> None:
    answer = refused(daemon, a_body(a_series(**fields)))

    assert answer["detail"][0]["loc"] == ["body", "series", 0, *loc]


@pytest.mark.parametrize(
    ("future", "told"),
    [
        ({"b": [1.0] * 3}, "missing past values for covariate 'b'"),
        ({"a": [1.0]}, "length must match horizon (3)"),
    ],
)
def test_known_future_values_must_fit(
    daemon: TestClient, future: Json, told: str
) -> None:
    columns: Json = {"past_covariates": {"a": [1.0] * 40}, "future_covariates": future}

    answer = refused(daemon, a_body(a_series(**columns)))

    assert told in answer["detail"][0]["msg"]


def test_no_more_is_repeated_of_a_request_than_its_reader_needs(
    daemon: TestClient,
) -> None:
    answer = refused(daemon, a_body(a_series(1_000, target=["x" * 999] * 1_000)))

    assert len(json.dumps(answer)) < 2_000


@pytest.mark.parametrize(
    "price", [1.01, -0.01, 14, 1e300, INFINITE, -INFINITE, 10**400]
)
def test_what_is_no_probability_is_refused_in_clear_words(
    daemon: TestClient, price: float
) -> None:
    answer = refused(daemon, a_body(a_series(target=[*walk(39), price])))

    assert answer["detail"].startswith("series 'rain': target must lie in [0, 1]")
    assert "target[" in answer["detail"]


def test_a_series_without_any_price_is_an_error_of_the_runner(
    daemon: TestClient,
) -> None:
    body = json.dumps(a_body(a_series(target=[float("nan")] * 40)))

    response = daemon.post(V1, content=body)

    assert response.status_code == 502
    assert response.json()["detail"]["code"] == "FORECAST_ERROR"


@pytest.mark.parametrize("levels", [[0.0001], [0.5, 0.9999]])
def test_levels_further_out_than_we_forecast_are_refused(
    daemon: TestClient, levels: list[float]
) -> None:
    answer = refused(daemon, a_body(quantiles=levels))

    assert answer["detail"] == "series 'rain': quantiles must lie in [0.001, 0.999]"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "missing"),
        (b"{oops", "json_invalid"),
        (b"\xff{}", "json_invalid"),
        (b"[" * 100_000, "json_invalid"),
        (b'{"horizon": ' + b"9" * 5_000 + b"}", "json_invalid"),
        (b"[]", "model_attributes_type"),
        (b"null", "model_attributes_type"),
    ],
    ids=["nothing", "no JSON", "no UTF-8", "too deep", "too long", "list", "null"],
)
def test_a_body_that_is_no_request_is_told_as_the_daemon_does(
    daemon: TestClient, body: bytes, kind: str
) -> None:
    answer = refused(daemon, body)

    assert answer["detail"][0]["type"] == kind
    assert answer["detail"][0]["loc"][0] == "body"


@pytest.mark.parametrize("route", [V1, API])
def test_a_model_that_is_not_served_is_a_404_with_a_hint(
    daemon: TestClient, route: str
) -> None:
    response = daemon.post(route, json=a_body(model="chronos2"))

    assert response.status_code == 404
    assert response.json()["detail"] == "model 'chronos2' is not installed"
    assert response.json()["hint"].startswith("Run `tollama pull <model>`")


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        ("GET", "/api/compare", 404, "Not Found"),
        ("GET", "/v1/nothing", 404, "Not Found"),
        ("GET", V1, 405, "Method Not Allowed"),
        ("POST", "/api/tags", 405, "Method Not Allowed"),
    ],
)
def test_routes_that_are_not_there_are_told_as_the_daemon_does(
    daemon: TestClient, method: str, path: str, status: int, detail: str
) -> None:
    response = daemon.request(method, path)

    assert response.status_code == status
    assert response.json() == {"detail": detail}


def test_other_routes_keep_their_own_form(daemon: TestClient) -> None:
    assert_problem(daemon.get("/nothing"), 404, "not_found")
    assert_problem(daemon.post(FORECAST, json={}), 422, "invalid_request")


@pytest.mark.parametrize("path", [V1, API, "/api/tags", "/v1/health", "/api/info"])
def test_unless_it_is_wanted_nothing_speaks_like_tollama(path: str) -> None:
    client = client_of(an_app(Settings()))

    assert_problem(client.post(path, json=a_body()), 404, "not_found")


def test_too_many_series_are_refused(daemon: TestClient) -> None:
    series = [a_series(2, id=str(number)) for number in range(1_001)]

    answer = refused(daemon, a_body(*series))

    assert answer["detail"][0]["loc"] == ["body", "series"]


@pytest.mark.parametrize(
    ("limits", "body"),
    [
        ({"max_batch_body_bytes": 1_000}, a_body()),
        ({"max_batch_values": 50}, a_body()),
        ({"max_batch_prices": 11}, a_body(quantiles=[0.1, 0.9], horizon=4)),
    ],
    ids=["bytes", "values", "prices"],
)
def test_a_request_may_hold_and_ask_for_as_much_as_a_batch_of_ours(
    limits: Json, body: Json
) -> None:
    with a_client(speaking(server=limits)) as client:
        response = client.post(V1, json=body)

    assert response.status_code == 413
    assert response.json().keys() == {"detail"}


def test_a_baseline_that_nobody_wrote_is_refused(tmp_path: Path) -> None:
    packaged = PACKAGED_REGISTRY.read_text(encoding="utf-8")
    invented = packaged.replace("  har:\n", "  magic: &magic\n")
    invented += "\n  har: *magic\n"
    models_file = tmp_path / "models.yaml"
    models_file.write_text(invented, encoding="utf-8")

    with a_client(speaking(models_file=models_file)) as client:
        answer = refused(client, a_body(model="magic"))

    assert answer["detail"].startswith("series 'rain': model.name: must be one of ewma")
