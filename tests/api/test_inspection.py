"""The routes that tell how the service is, over runtimes well and ill."""

from typing import Any

from pydantic import TypeAdapter
from starlette.testclient import TestClient
from tests.api.wire import FORECAST, Json, a_client, a_request, prices, with_tollama
from tests.fakes import FakeRuntime

from tsfm_runner.api.inspection_schemas import Liveness, ModelList, Readiness
from tsfm_runner.domain.model import RuntimeModel
from tsfm_runner.errors import RuntimeProtocolError, RuntimeTimeoutError

CHRONOS = RuntimeModel("chronos2", "main", "apache-2.0", is_installed=True)


def _told(client: TestClient, path: str, shape: Any) -> Json:  # noqa: ANN401
    """Return the answer, checked to have exactly the documented members."""
    response = client.get(path)
    assert response.status_code == 200, response.text
    told: Json = response.json()
    assert TypeAdapter(shape).validate_python(told, extra="forbid") == told
    return told


def _models(client: TestClient) -> dict[str, Json]:
    told = _told(client, "/tsfm/models", ModelList)
    return {model["name"]: model for model in told["models"]}


def test_process_is_alive(client: TestClient) -> None:
    assert _told(client, "/health/live", Liveness) == {"status": "alive"}


def test_without_a_runtime_baselines_are_ready(client: TestClient) -> None:
    assert _told(client, "/health/ready", Readiness) == {
        "status": "ready",
        "mode": "baseline_only",
        "runtimes": {},
    }


def test_well_runtime_is_told() -> None:
    with a_client(runtime=FakeRuntime(models=[CHRONOS])) as client:
        told = _told(client, "/health/ready", Readiness)

    assert told == {
        "status": "ready",
        "mode": "models",
        "runtimes": {
            "tollama": {"healthy": True, "error": None, "registry_mismatches": []}
        },
    }


def test_ill_runtime_leaves_the_service_ready_with_baselines() -> None:
    ill = FakeRuntime(health_error=RuntimeTimeoutError("no answer in 2 s"))

    with a_client(runtime=ill) as client:
        told = _told(client, "/health/ready", Readiness)

    assert (told["status"], told["mode"]) == ("ready", "baseline_only")
    assert told["runtimes"]["tollama"] == {
        "healthy": False,
        "error": "no answer in 2 s",
        "registry_mismatches": [],
    }


def test_licence_that_differs_from_the_registry_is_told() -> None:
    other = RuntimeModel("chronos2", "main", "cc-by-nc-4.0", is_installed=True)
    stranger = RuntimeModel("stranger", None, None, is_installed=True)
    absent = RuntimeModel("absent", None, "mit", is_installed=False)

    with a_client(runtime=FakeRuntime(models=[other, stranger, absent])) as client:
        told = _told(client, "/health/ready", Readiness)

    first, second = told["runtimes"]["tollama"]["registry_mismatches"]
    assert first.startswith("chronos2: ")
    assert "cc-by-nc-4.0" in first
    assert second.startswith("stranger ")


def test_our_own_model_is_told_of_everywhere() -> None:
    with a_client(has_own_models=True) as client:
        ready = _told(client, "/health/ready", Readiness)
        model = _models(client)["tsfm-mini"]
        meta = client.post(FORECAST, json=a_request(y=prices(60))).json()["meta"]

    assert ready["mode"] == "models"
    assert ready["runtimes"]["embedded"]["healthy"] is True
    assert (model["provider"], model["installed"]) == ("embedded", True)
    assert meta["runtime"] == "embedded"
    assert (meta["model_name"], meta["model_version"]) == ("tsfm-mini", "1")
    assert meta["license_tag"] == "commercial_ok"
    assert meta["breaker_state"] == "closed"


def test_runtime_is_asked_anew_and_with_a_limit_of_time() -> None:
    runtime = FakeRuntime()

    with a_client(runtime=runtime) as client:
        client.get("/health/ready")
        asked = len(runtime.timeouts_s)
        client.get("/health/ready")

    assert asked > 0
    assert runtime.timeouts_s == [2.0] * (2 * asked)


def test_models_tell_what_is_installed() -> None:
    absent = RuntimeModel("timesfm-2.5-200m", None, None, is_installed=False)

    with a_client(runtime=FakeRuntime(models=[CHRONOS, absent])) as client:
        models = _models(client)

    assert models["chronos2"]["installed"] is True
    assert models["timesfm-2.5-200m"]["installed"] is False
    assert models["granite-ttm-r2"]["installed"] is None
    assert models["ewma"]["installed"] is True


def test_models_are_told_although_the_runtime_cannot_list_its_own() -> None:
    ill = FakeRuntime(models_error=RuntimeProtocolError("no list"))

    with a_client(runtime=ill) as client:
        models = _models(client)

    assert models["chronos2"]["installed"] is None
    assert models["har"]["installed"] is True


def test_everything_is_allowed_in_dev(client: TestClient) -> None:
    models = _models(client)

    assert all(model["allowed"] for model in models.values())


def test_only_commercial_models_are_allowed_in_prod() -> None:
    with a_client(with_tollama(environment="prod"), runtime=FakeRuntime()) as client:
        models = _models(client)

    allowed = {name for name, model in models.items() if model["allowed"]}
    assert {"chronos2", "ewma", "kalman", "rolling_quantile", "har"} <= allowed
    assert "moirai-2.0-R-small" not in allowed
    assert {models[name]["license_tag"] for name in allowed} == {"commercial_ok"}
