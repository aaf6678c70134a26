"""The real objects of a process: what starts, what refuses to, what is closed."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.api.wire import a_request, prices

from tsfm_runner.adapters.tollama import TollamaRuntime
from tsfm_runner.bootstrap import build_app, open_backend
from tsfm_runner.config import Settings
from tsfm_runner.errors import ConfigurationError, RuntimeUnavailableError

EVERYWHERE = "0.0.0.0"  # noqa: S104 - never bound, only asked about
KEY = "key-of-sixteen-characters-or-more"


def settings(**sections: object) -> Settings:
    return Settings.model_validate(sections)


async def test_without_an_address_there_is_no_tollama_rung() -> None:
    async with open_backend(settings()) as backend:
        assert backend.forecasts.predictors == {}
        assert await backend.catalogue.statuses() == []


async def test_with_an_address_tollama_is_asked_for_the_model_of_the_settings() -> None:
    configured = settings(tollama={"url": "http://127.0.0.1:9", "model": "toto"})

    async with open_backend(configured) as backend:
        runtime = backend.forecasts.predictors["tollama"].line.runtime

        assert isinstance(runtime, TollamaRuntime)
        assert backend.catalogue.runtimes == {"tollama": runtime}
        assert backend.forecasts.router.default_models == {"tollama": "toto"}


async def test_what_is_held_open_is_closed_at_the_end() -> None:
    configured = settings(tollama={"url": "http://127.0.0.1:9"})

    async with open_backend(configured) as backend:
        runtime = backend.catalogue.runtimes["tollama"]
        with pytest.raises(RuntimeUnavailableError):
            await runtime.check_health(timeout_s=5)

    with pytest.raises(RuntimeError, match="Session is closed"):
        await runtime.check_health(timeout_s=5)


async def test_every_forecast_has_an_id_of_its_own() -> None:
    async with open_backend(settings()) as backend:
        told = {backend.forecasts.new_id() for _ in range(1_000)}

    assert len(told) == 1_000


async def test_limits_of_the_settings_reach_the_predictor() -> None:
    configured = settings(
        tollama={
            "url": "http://127.0.0.1:9",
            "max_series_per_call": 3,
            "max_connections": 5,
        },
        resilience={"max_retries": 0, "max_split_calls": 7},
    )

    async with open_backend(configured) as backend:
        predictor = backend.forecasts.predictors["tollama"]

    assert predictor.max_series_per_call == 3
    assert predictor.max_split_calls == 7
    assert predictor.line.resilience.max_retries == 0
    assert predictor.line.turns._value == 5  # noqa: SLF001 - nothing else tells it


@pytest.mark.parametrize(
    ("sections", "told"),
    [
        ({"models_file": Path("/no/such/registry.yaml")}, "registry.yaml"),
        (
            {
                "environment": "prod",
                "tollama": {"url": "http://x", "model": "moirai-2.0-R-small"},
            },
            "moirai-2.0-R-small",
        ),
        (
            {"environment": "prod", "tollama": {"url": "http://x", "model": "mine"}},
            "mine",
        ),
        ({"server": {"host": EVERYWHERE}}, "auth.keys"),
        ({"server": {"host": "::"}}, "auth.keys"),
        ({"server": {"host": "192.0.2.7"}}, "auth.keys"),
        ({"server": {"host": "runner.example"}}, "auth.keys"),
        ({"server": {"host": ""}}, "auth.keys"),
        (
            {"auth": {"rates_per_minute": {"desk": 5}}},
            r"rates_per_minute names desk, which no key has \(keys: none\)",
        ),
        (
            {"auth": {"keys": {"desk": KEY}, "rates_per_minute": {"dseks": 5}}},
            r"rates_per_minute names dseks, which no key has \(keys: desk\)",
        ),
    ],
)
def test_settings_that_must_not_be_served_refuse_the_start(
    sections: dict[str, object], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        build_app(settings(**sections))


@pytest.mark.parametrize(
    "sections",
    [
        {"server": {"host": "127.0.0.1"}},
        {"server": {"host": "127.8.8.8"}},
        {"server": {"host": "::1"}},
        {"server": {"host": "localhost"}},
        {"server": {"host": EVERYWHERE}, "auth": {"keys": {"desk": KEY}}},
        {"server": {"host": EVERYWHERE}, "auth": {"allow_anonymous": True}},
        {"auth": {"keys": {"desk": KEY}, "rates_per_minute": {"desk": 5}}},
        {"environment": "prod"},
        {"environment": "prod", "tollama": {"url": "http://127.0.0.1:9"}},
        {"environment": "dev", "tollama": {"url": "http://x", "model": "mine"}},
    ],
)
def test_settings_that_may_be_served_start(sections: dict[str, object]) -> None:
    with TestClient(build_app(settings(**sections))) as client:
        response = client.get("/health/live")

    assert response.status_code == 200


def test_service_whose_runtime_is_away_answers_with_a_baseline() -> None:
    app = build_app(settings(tollama={"url": "http://127.0.0.1:9"}))

    with TestClient(app) as client:
        answer = client.post("/tsfm/forecast", json=a_request(y=prices(60))).json()
        ready = client.get("/health/ready").json()

    assert answer["meta"]["fallback_reason"] == "runtime_unavailable"
    assert ready["mode"] == "baseline_only"
    assert ready["runtimes"]["tollama"]["healthy"] is False


def test_sizes_of_the_settings_are_those_of_the_routes() -> None:
    app = build_app(settings(server={"max_body_bytes": 100, "max_batch_values": 5}))

    with TestClient(app) as client:
        large = client.post("/tsfm/forecast", content=b" " * 101)
        many = client.post("/tsfm/forecast/batch", content=b"[1,2,3,4,5]")

    assert large.status_code == 413
    assert "100 bytes" in large.json()["detail"]
    assert many.status_code == 413
    assert "5 values" in many.json()["detail"]


def test_keys_of_the_file_guard_and_may_have_rates(tmp_path: Path) -> None:
    path = tmp_path / "keys.yaml"
    path.write_text(f"desk: {KEY}", encoding="utf-8")
    auth = {"keys_file": path, "rates_per_minute": {"desk": 5}}

    app = build_app(settings(server={"host": EVERYWHERE}, auth=auth))

    with TestClient(app) as client:
        without = client.get("/tsfm/models")
        brought = client.get("/tsfm/models", headers={"X-API-Key": KEY})
    assert (without.status_code, brought.status_code) == (401, 200)
