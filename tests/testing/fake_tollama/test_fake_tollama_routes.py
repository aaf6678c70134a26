"""The double as a daemon: models, limits, generations, and honest bands."""

import io
import json

import aiohttp
import numpy as np
import pytest
from tests.testing.fake_tollama.requests_to_fake import (
    TARGET,
    TIMES,
    a_body,
    one_series,
    told,
)

from tsfm_runner.adapters.tollama import TollamaRuntime, open_session
from tsfm_runner.core.ewma import ewma_quantiles
from tsfm_runner.testing.fake_tollama import (
    FakeTollamaOptions,
    create_fake_tollama,
    running_fake_tollama,
)


async def test_models_answer_the_ewma_band_of_their_series() -> None:
    body = a_body(
        one_series("a"), one_series("b", target=TARGET[2:], timestamps=TIMES[2:])
    )
    expected = ewma_quantiles(
        np.array([TARGET, [np.nan, np.nan, *TARGET[2:]]]),
        horizon=3,
        quantile_levels=[0.1, 0.9],
        half_life_steps=11,
        floor=np.full(2, 0.0005),
        floor_share=0.1,
    )

    async with running_fake_tollama(FakeTollamaOptions()) as url:
        _, answer = await told(url, "/v1/forecast", body)

    for number, forecast in enumerate(answer["forecasts"]):
        columns = list(forecast["quantiles"].values())
        assert pytest.approx(expected[number]) == np.array(columns).T
        assert forecast["mean"] == [0.45] * 3
        assert forecast["start_timestamp"] == "2026-01-01T00:30:00Z"


async def test_missing_values_are_carried_forward() -> None:
    holes = [0.1, None, 0.2, 0.3, 0.5, 0.45]
    text = json.dumps(a_body(one_series(target=holes))).replace("null", "NaN")
    filled = a_body(one_series(target=[0.1, 0.1, 0.2, 0.3, 0.5, 0.45]))

    async with running_fake_tollama(FakeTollamaOptions()) as url:
        _, expected = await told(url, "/v1/forecast", filled)
        async with (
            aiohttp.ClientSession(url) as session,
            session.post(
                "/v1/forecast",
                data=text,
                headers={"Content-Type": "application/json"},
            ) as response,
        ):
            answer = await response.json()

    assert answer["forecasts"] == expected["forecasts"]


async def test_series_of_nothing_but_holes_is_a_forecast_error() -> None:
    text = json.dumps(a_body()).replace(
        json.dumps(TARGET), "[NaN, NaN, NaN, NaN, NaN, NaN]"
    )

    async with (
        running_fake_tollama(FakeTollamaOptions()) as url,
        aiohttp.ClientSession(url) as session,
        session.post(
            "/v1/forecast", data=text, headers={"Content-Type": "application/json"}
        ) as response,
    ):
        assert response.status == 502
        assert (await response.json())["detail"]["code"] == "FORECAST_ERROR"


@pytest.mark.parametrize(
    ("freq", "start"),
    [
        ("h", "2026-01-01T06:00:00Z"),
        ("1D", "2026-01-07T00:00:00Z"),
        ("30s", "2026-01-01T00:03:00Z"),
        ("banana", "2026-01-01T00:30:00Z"),
        ("auto", "2026-01-01T00:30:00Z"),
    ],
)
async def test_first_step_lies_on_the_grid_of_the_freq(freq: str, start: str) -> None:
    async with running_fake_tollama(FakeTollamaOptions()) as url:
        _, answer = await told(url, "/v1/forecast", a_body(one_series(freq=freq)))

    assert answer["forecasts"][0]["start_timestamp"] == start


async def test_largest_body_is_taken_and_a_larger_one_refused() -> None:
    options = FakeTollamaOptions(max_body_mb=1)
    headers = {"Content-Type": "application/json", "X-Request-ID": "mine"}
    blanks = b" " * (2**20 - len(json.dumps(a_body())))

    async with (
        running_fake_tollama(options) as url,
        aiohttp.ClientSession(url) as session,
    ):
        for extra, status in ((b"", 200), (b" ", 413)):
            text = json.dumps(a_body()).encode() + blanks + extra
            async with session.post(
                "/v1/forecast", data=io.BytesIO(text), headers=headers
            ) as response:
                assert response.status == status
                answer = await response.json()
                assert ("X-Request-ID" in response.headers) == (status == 200)

    detail = "request body too large: 1048577 bytes exceeds 1 MB limit"
    assert answer == {"detail": detail}


async def test_long_series_are_taken() -> None:
    series = one_series(timestamps=[TIMES[0]] * 200_000, target=[0.5] * 200_000)

    async with running_fake_tollama(FakeTollamaOptions()) as url:
        status, answer = await told(url, "/v1/forecast", a_body(series, model="mock"))

    assert status == 200
    assert answer["forecasts"][0]["mean"] == [0.5] * 3


@pytest.mark.parametrize(
    ("keep_alive", "is_loaded", "expires"),
    [
        (None, True, False),
        ("5m", True, True),
        (60, True, True),
        (-1, True, False),
        (0, False, False),
        ("0s", False, False),
    ],
)
async def test_model_stays_loaded_as_long_as_was_wished(
    keep_alive: object,
    is_loaded: bool,  # noqa: FBT001 - a column of the table
    expires: bool,  # noqa: FBT001 - a column of the table
) -> None:
    async with running_fake_tollama(FakeTollamaOptions()) as url:
        before = await told(url, "/api/ps")
        await told(url, "/v1/forecast", a_body(keep_alive=keep_alive))
        _, after = await told(url, "/api/ps")

    assert before == (200, {"models": []})
    assert [model["name"] for model in after["models"]] == ["chronos2"] * is_loaded
    assert any(model["expires_at"] for model in after["models"]) == expires


async def test_model_can_be_used_once_it_is_pulled() -> None:
    async with running_fake_tollama(FakeTollamaOptions(models=())) as url:
        before, _ = await told(url, "/v1/forecast", a_body())
        _, pulled = await told(url, "/api/pull", {"model": "chronos2", "stream": False})
        after, _ = await told(url, "/v1/forecast", a_body())

    assert (before, after) == (404, 200)
    assert pulled["status"] == "success"


async def test_licence_must_be_accepted_before_a_model_is_pulled() -> None:
    wish = {"model": "moirai-2.0-R-small", "stream": False}

    async with running_fake_tollama(FakeTollamaOptions()) as url:
        refused, _ = await told(url, "/api/pull", wish)
        taken, _ = await told(url, "/api/pull", {**wish, "accept_license": True})

    assert (refused, taken) == (409, 200)


async def test_any_name_can_be_installed_from_the_start() -> None:
    async with running_fake_tollama(FakeTollamaOptions(models=("ours",))) as url:
        status, _ = await told(url, "/v1/forecast", a_body(model="ours"))
        _, shown = await told(url, "/api/show", {"model": "ours"})
        absent, _ = await told(url, "/v1/forecast", a_body())

    assert (status, absent) == (200, 404)
    assert shown["name"] == "ours"


async def test_listing_is_what_our_adapter_reads() -> None:
    async with (
        running_fake_tollama(FakeTollamaOptions()) as url,
        open_session(url, token=None) as session,
    ):
        runtime = TollamaRuntime(session, daemon_timeout_s=30, clock=lambda: 0.0)
        await runtime.check_health(timeout_s=5)
        models = await runtime.list_models(timeout_s=5)

    installed = {model.name for model in models if model.is_installed}
    licences = {model.name: model.license_name for model in models}
    assert installed == {"chronos2", "mock"}
    assert licences["chronos2"] == "apache-2.0"
    assert licences["moirai-2.0-R-small"] == "cc-by-nc-4.0"


async def test_key_is_asked_for_on_every_route() -> None:
    options = FakeTollamaOptions(api_key="the-key")
    paths = ("/v1/health", "/openapi.json", "/v1/models", "/api/tags", "/health/live")

    async with running_fake_tollama(options) as url:
        statuses = [(await told(url, path))[0] for path in paths]
        async with open_session(url, token="the-key") as session:
            runtime = TollamaRuntime(session, daemon_timeout_s=30, clock=lambda: 0.0)
            await runtime.check_health(timeout_s=5)

    assert statuses == [401] * len(paths)


async def test_data_that_would_have_to_be_fetched_is_refused() -> None:
    body = {"model": "mock", "horizon": 3, "data_url": "http://127.0.0.1/x.csv"}

    async with running_fake_tollama(FakeTollamaOptions()) as url:
        status, answer = await told(url, "/v1/forecast", body)

    assert status == 400
    assert "data_url" in answer["detail"]


async def test_two_doubles_share_nothing() -> None:
    options = FakeTollamaOptions(models=())
    first, second = create_fake_tollama(options), create_fake_tollama(options)

    async with running_fake_tollama(first) as one, running_fake_tollama(second) as two:
        await told(one, "/api/pull", {"model": "mock"})
        pulled = await told(one, "/api/tags")
        untouched = await told(two, "/api/tags")

    assert len(pulled[1]["models"]) == 1
    assert untouched == (200, {"models": []})
