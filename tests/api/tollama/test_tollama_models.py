"""What is told of the models, in tollama's words."""

import json

import pytest
from starlette.testclient import TestClient
from tests.api.tollama.asking_as_tollama import V1, a_body, a_series, lines_of, speaking
from tests.api.wire import a_client, with_tollama
from tests.fakes import FakeClock, FakeRuntime

from tsfm_runner.domain.model import RuntimeModel

SERVED = ["tsfm-runner", "tsfm-mini", "ewma", "kalman", "rolling_quantile", "har"]


def names(client: TestClient, path: str = "/api/tags") -> list[str]:
    return [model["name"] for model in client.get(path).json()["models"]]


def test_it_is_well_and_speaks_the_one_version(daemon: TestClient) -> None:
    assert daemon.get("/v1/health").json() == {"status": "ok"}
    assert daemon.get("/api/version").json() == {"version": "0.1.0"}


def test_the_ladder_and_all_that_runs_here_is_listed(daemon: TestClient) -> None:
    available = daemon.get("/v1/models").json()

    assert names(daemon) == SERVED
    assert names(daemon, "/api/ps") == SERVED
    assert [model["name"] for model in available["available"]] == SERVED
    assert available["installed"] == available["available"]


def test_models_of_another_daemon_are_not_listed_as_ours() -> None:
    theirs = RuntimeModel("chronos2", "main", "apache-2.0", is_installed=True)
    settings = with_tollama(server={"tollama_api": True})

    with a_client(settings, runtime=FakeRuntime(models=[theirs])) as client:
        served = names(client)

    assert "chronos2" not in served
    assert served[0] == "tsfm-runner"


def test_without_a_model_of_our_own_the_baselines_are_listed() -> None:
    with a_client(speaking()) as client:
        assert names(client) == [name for name in SERVED if name != "tsfm-mini"]


def test_an_entry_of_the_list_is_as_the_daemon_writes_it() -> None:
    clock = FakeClock(1_771_588_800.0)

    with a_client(speaking(), wall_clock=clock, has_own_models=True) as client:
        model = client.get("/api/tags").json()["models"][1]

    assert model == {
        "name": "tsfm-mini",
        "model": "tsfm-mini",
        "modified_at": "2026-02-20T12:00:00.000Z",
        "size": 0,
        "digest": "local",
        "details": {
            "format": "tollama",
            "family": "tsfm",
            "families": ["tsfm"],
            "parameter_size": "",
            "quantization_level": "",
        },
    }


def test_what_is_loaded_never_leaves(daemon: TestClient) -> None:
    assert daemon.get("/api/ps").json()["models"][1] == {
        "name": "tsfm-mini",
        "model": "tsfm-mini",
        "expires_at": None,
        "size": 0,
        "size_vram": 0,
        "context_length": 288,
        "details": {"family": "tsfm"},
    }


@pytest.mark.parametrize("name", SERVED)
def test_a_model_is_shown_with_licence_family_and_capabilities(
    daemon: TestClient, name: str
) -> None:
    shown = daemon.post("/api/show", json={"model": name}).json()

    assert shown["name"] == shown["model"] == name
    assert shown["family"]
    assert shown["license"]["type"] == "apache-2.0"
    assert shown["license"]["accepted"] is True
    tag = "unknown" if name == "tsfm-runner" else "commercial_ok"
    assert shown["metadata"]["license_tag"] == tag
    assert shown["metadata"]["description"]
    assert shown["capabilities"]["past_covariates_numeric"] is False
    assert shown["source"]["type"] == "local"


def test_in_prod_the_licence_of_the_ladder_is_known_to_be_free() -> None:
    with a_client(speaking(environment="prod")) as client:
        shown = client.post("/api/show", json={"model": "tsfm-runner"}).json()

    assert shown["metadata"]["license_tag"] == "commercial_ok"


def test_all_is_told_at_once(daemon: TestClient) -> None:
    told = daemon.get("/api/info").json()

    assert told["daemon"]["version"] == "0.1.0"
    assert told["daemon"]["uptime_seconds"] >= 0
    for kind in ("installed", "loaded", "available"):
        assert [model["name"] for model in told["models"][kind]] == SERVED


def test_a_model_that_is_there_is_pulled_at_once(daemon: TestClient) -> None:
    success = {"status": "success", "model": "har", "digest": "local", "size": 0}
    asked = {"model": "har", "accept_license": False, "http_proxy": None}

    streamed = daemon.post("/api/pull", json=asked)
    plain = daemon.post("/api/pull", json={**asked, "stream": False})

    present = {"status": "already present", "model": "har"}
    assert lines_of(streamed.text) == [present, success]
    assert plain.json() == success


@pytest.mark.parametrize("stream", [True, False])
def test_a_model_that_is_not_there_cannot_be_pulled(
    daemon: TestClient, *, stream: bool
) -> None:
    response = daemon.post("/api/pull", json={"model": "nope", "stream": stream})

    assert response.status_code == 404
    assert response.json() == {
        "detail": "\"model 'nope' is not defined in the registry\""
    }


def test_no_model_can_be_removed(daemon: TestClient) -> None:
    response = daemon.request("DELETE", "/api/delete", json={"model": "har"})

    assert response.status_code == 403
    assert "cannot be removed" in response.json()["detail"]
    assert response.json()["hint"]
    assert "har" in names(daemon)


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/api/show"), ("DELETE", "/api/delete")]
)
def test_a_name_that_nobody_has_is_a_404(
    daemon: TestClient, method: str, path: str
) -> None:
    unknown = daemon.request(method, path, json={"model": "nope"})
    misnamed = daemon.request(method, path, json={"name": "har"})

    assert unknown.status_code == 404
    assert unknown.json()["detail"] == "model 'nope' is not installed"
    assert misnamed.status_code == 400
    assert misnamed.json()["detail"][0]["loc"] == ["body", "model"]


def test_a_request_is_checked_without_a_forecast(daemon: TestClient) -> None:
    good = daemon.post("/api/validate", json=a_body(a_series(freq="banana")))
    bad = daemon.post("/api/validate", json=a_body(horizon=0))
    unknown = daemon.post("/api/validate", json=a_body(model="nope"))

    assert good.json()["valid"] is True
    assert good.json()["errors"] == []
    assert "freq='banana'" in good.json()["warnings"][0]
    assert bad.json() == {
        "valid": False,
        "errors": ["field 'horizon': Input should be greater than 0 (got: 0)"],
        "warnings": [],
        "suggestions": [],
    }
    assert unknown.json()["errors"] == ["model 'nope' is not installed"]


def test_even_what_is_no_text_is_told_of(daemon: TestClient) -> None:
    asked = json.dumps(a_body(horizon="\ud800")).encode()

    response = daemon.post("/api/validate", content=asked)

    assert response.json()["valid"] is False
    assert response.json()["errors"][0].startswith("field 'horizon': ")


def test_every_route_and_body_is_documented(daemon: TestClient) -> None:
    document = daemon.get("/openapi.json").json()

    body = document["paths"][V1]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"]["$ref"] == "#/components/schemas/TollamaForecast"
    assert (
        "series" in document["components"]["schemas"]["TollamaForecast"]["properties"]
    )
    assert {"/api/tags", "/api/show", "/api/pull", "/api/delete"} <= set(
        document["paths"]
    )
