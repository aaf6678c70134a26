"""Each fault, as a client sees it and as our adapter reads it."""

import asyncio
import json
from typing import Any

import aiohttp
import numpy as np
import pytest
from tests.adapters.tollama.tollama_stand_in import (
    TIMEOUT_S,
    a_call,
    runtime_at,
    series_of,
)

from tsfm_runner.domain.forecast import QuantileForecast
from tsfm_runner.errors import (
    ForecastRuntimeError,
    RuntimeOutputError,
    RuntimeProtocolError,
    RuntimeRefusedError,
    RuntimeTimeoutError,
    RuntimeUnavailableError,
)
from tsfm_runner.testing.fake_tollama import (
    FakeTollamaOptions,
    Fault,
    create_fake_tollama,
    running_fake_tollama,
    set_fault,
)

_SHORT_S = 0.2
_CALL = a_call(*series_of(["a", "b"]), model_name="chronos2")

_OF_THE_WHOLE = {
    Fault.UNAVAILABLE: RuntimeUnavailableError,
    Fault.FORECAST_ERROR: RuntimeRefusedError,
    Fault.INTERNAL: RuntimeUnavailableError,
    Fault.RATE_LIMITED: RuntimeUnavailableError,
    Fault.DROP: RuntimeUnavailableError,
    Fault.HANG: RuntimeTimeoutError,
    Fault.SLOW_DRIP: RuntimeTimeoutError,
    Fault.LATENCY: RuntimeTimeoutError,
    Fault.NOT_JSON: RuntimeProtocolError,
}
_OF_ONE_SERIES = {
    Fault.NAN: (RuntimeOutputError, QuantileForecast),
    Fault.SHORT: (RuntimeProtocolError, QuantileForecast),
    Fault.MISSING_QUANTILE: (RuntimeProtocolError, QuantileForecast),
    Fault.THIN: (QuantileForecast, RuntimeProtocolError),
    Fault.REORDER: (QuantileForecast, QuantileForecast),
    Fault.CROSSING: (QuantileForecast, QuantileForecast),
    Fault.OUT_OF_RANGE: (QuantileForecast, QuantileForecast),
}


def _body(*series_ids: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
    times = [f"2026-01-01T00:{5 * count:02}:00Z" for count in range(4)]
    series = [
        {
            "id": name,
            "freq": "5min",
            "timestamps": times,
            "target": [0.1, 0.4, 0.2, 0.3],
        }
        for name in series_ids or ("a",)
    ]
    levels = [0.1, 0.5, 0.9]
    given = {"model": "chronos2", "horizon": 3, "quantiles": levels, "series": series}
    return {**given, **fields}


async def _forecasts(url: str, **headers: str) -> list[dict[str, Any]]:
    async with (
        aiohttp.ClientSession(url) as session,
        session.post("/v1/forecast", json=_body("a", "b"), headers=headers) as response,
    ):
        answer = await response.json()
    forecasts = answer["forecasts"]
    assert isinstance(forecasts, list)
    return forecasts


def test_every_fault_is_tried() -> None:
    assert set(_OF_THE_WHOLE) | set(_OF_ONE_SERIES) == set(Fault)


@pytest.mark.parametrize(("fault", "ours"), _OF_THE_WHOLE.items())
async def test_fault_of_the_whole_call_is_raised(
    fault: Fault, ours: type[ForecastRuntimeError]
) -> None:
    options = FakeTollamaOptions(fault=fault)
    timeout_s = _SHORT_S if ours is RuntimeTimeoutError else TIMEOUT_S

    async with running_fake_tollama(options) as url, runtime_at(url) as runtime:
        with pytest.raises(ForecastRuntimeError) as caught:
            await runtime.predict(_CALL, timeout_s=timeout_s)

    assert caught.type is ours


@pytest.mark.parametrize(("fault", "kinds"), _OF_ONE_SERIES.items())
async def test_fault_of_one_series_leaves_the_other(
    fault: Fault, kinds: tuple[type, type]
) -> None:
    options = FakeTollamaOptions(fault=fault)

    async with running_fake_tollama(options) as url, runtime_at(url) as runtime:
        answers = await runtime.predict(_CALL, timeout_s=TIMEOUT_S)

    assert tuple(map(type, answers)) == kinds


async def test_faults_spoil_what_they_say() -> None:
    async with running_fake_tollama(FakeTollamaOptions()) as url:
        good = await _forecasts(url)
        told = {
            fault: await _forecasts(url, **{"X-Fake-Fault": fault})
            for fault in _OF_ONE_SERIES
        }

    first = good[0]["quantiles"]
    assert first["0.1"] < first["0.5"] < first["0.9"]
    assert told[Fault.NAN][0]["quantiles"]["0.5"] == [None] * 3
    assert told[Fault.NAN][1] == good[1]
    assert told[Fault.CROSSING][0]["quantiles"]["0.1"] == first["0.9"]
    assert told[Fault.SHORT][0]["quantiles"]["0.9"] == first["0.9"][:2]
    assert set(told[Fault.MISSING_QUANTILE][0]["quantiles"]) == {"0.5", "0.9"}
    assert told[Fault.REORDER] == good[::-1]
    assert told[Fault.THIN] == good[:1]
    assert told[Fault.OUT_OF_RANGE][0]["quantiles"]["0.5"] == [1.7] * 3


@pytest.mark.parametrize("fault", list(_OF_ONE_SERIES))
async def test_faults_strike_the_smallest_request_too(fault: Fault) -> None:
    body = _body(horizon=1, quantiles=[])

    async with (
        running_fake_tollama(FakeTollamaOptions(fault=fault)) as url,
        aiohttp.ClientSession(url) as session,
        session.post("/v1/forecast", json=body) as response,
    ):
        assert response.status == 200


async def test_one_request_can_ask_for_a_fault_and_another_for_none() -> None:
    options = FakeTollamaOptions(fault=Fault.REORDER)

    async with running_fake_tollama(options) as url:
        spoiled = await _forecasts(url)
        good = await _forecasts(url, **{"X-Fake-Fault": "none"})
        thin = await _forecasts(url, **{"X-Fake-Fault": "thin"})

    assert [item["id"] for item in spoiled] == ["b", "a"]
    assert [item["id"] for item in good] == ["a", "b"]
    assert [item["id"] for item in thin] == ["a"]


@pytest.mark.parametrize(
    "headers", [{"X-Fake-Fault": "fire"}, {"X-Fake-Latency-Ms": "long"}]
)
async def test_wish_that_cannot_be_read_is_refused(headers: dict[str, str]) -> None:
    async with (
        running_fake_tollama(FakeTollamaOptions()) as url,
        aiohttp.ClientSession(url) as session,
        session.post("/v1/forecast", json=_body(), headers=headers) as response,
    ):
        assert response.status == 400


async def test_fault_can_be_changed_while_it_runs() -> None:
    app = create_fake_tollama(FakeTollamaOptions())

    async with running_fake_tollama(app) as url:
        before = await _forecasts(url)
        set_fault(app, Fault.REORDER)
        during = await _forecasts(url)
        set_fault(app, None)
        after = await _forecasts(url)

    assert before == after == during[::-1]


async def test_share_of_faults_is_the_rate_and_repeats_with_the_seed() -> None:
    options = FakeTollamaOptions(fault=Fault.REORDER, fault_rate=0.3, seed=7)

    async def struck() -> list[bool]:
        async with running_fake_tollama(options) as url:
            answers = [await _forecasts(url) for _ in range(60)]
        return [forecasts[0]["id"] == "b" for forecasts in answers]

    first, second = await struck(), await struck()

    assert first == second
    assert 0.1 < np.mean(first) < 0.5


async def test_bad_series_spoils_its_whole_request_and_no_other() -> None:
    options = FakeTollamaOptions(bad_series=frozenset({"b"}))

    async with running_fake_tollama(options) as url, runtime_at(url) as runtime:
        with pytest.raises(RuntimeRefusedError) as caught:
            await runtime.predict(_CALL, timeout_s=TIMEOUT_S)
        alone = await runtime.predict(
            a_call(*series_of(["a"]), model_name="chronos2"), timeout_s=TIMEOUT_S
        )

    assert caught.value.is_input
    assert isinstance(alone[0], QuantileForecast)


async def test_nan_is_an_internal_error_in_json_and_bare_in_ndjson() -> None:
    headers = {"X-Fake-Fault": "nan"}

    async with (
        running_fake_tollama(FakeTollamaOptions()) as url,
        aiohttp.ClientSession(url) as session,
    ):
        async with session.post(
            "/api/forecast", json=_body(stream=False), headers=headers
        ) as response:
            assert response.status == 500
            assert await response.text() == "Internal Server Error"
            assert "X-Request-ID" not in response.headers
        async with session.post(
            "/api/forecast", json=_body(), headers=headers
        ) as response:
            lines = (await response.text()).splitlines()

    assert "NaN" in lines[-1]
    assert json.loads(lines[-1])["done"] is True


async def _order_of_answers(options: FakeTollamaOptions) -> list[str]:
    """Return who is answered first when a slow request is followed by a quick one."""
    order = []

    async def ask(session: aiohttp.ClientSession, name: str, latency_ms: int) -> None:
        headers = {"X-Fake-Latency-Ms": str(latency_ms)}
        async with session.post("/v1/forecast", json=_body(), headers=headers) as reply:
            await reply.read()
        order.append(name)

    async with (
        running_fake_tollama(options) as url,
        aiohttp.ClientSession(url) as session,
    ):
        slow = asyncio.ensure_future(ask(session, "slow", 200))
        await asyncio.sleep(0.05)  # over real sockets no event tells of its arrival
        await asyncio.gather(slow, ask(session, "quick", 0))
    return order


@pytest.mark.parametrize(
    ("is_serial", "order"), [(True, ["slow", "quick"]), (False, ["quick", "slow"])]
)
async def test_serial_runner_takes_one_call_at_a_time(
    is_serial: bool,  # noqa: FBT001 - a column of the table
    order: list[str],
) -> None:
    options = FakeTollamaOptions(is_serial=is_serial)

    assert await _order_of_answers(options) == order


async def test_latency_is_told_as_time_of_inference() -> None:
    options = FakeTollamaOptions(latency_ms=20)

    async with (
        running_fake_tollama(options) as url,
        aiohttp.ClientSession(url) as session,
        session.post("/v1/forecast", json=_body()) as response,
    ):
        timing = (await response.json())["timing"]

    assert 15 < timing["inference_ms"] <= timing["total_ms"]


async def test_server_stops_although_requests_hang() -> None:
    options = FakeTollamaOptions(fault=Fault.HANG)

    async with asyncio.timeout(2), aiohttp.ClientSession() as session:
        async with running_fake_tollama(options) as url:
            hanging = asyncio.ensure_future(
                session.post(f"{url}/v1/forecast", json=_body())
            )
            await asyncio.sleep(0.05)  # as above
        with pytest.raises(aiohttp.ClientConnectionError):
            await hanging
