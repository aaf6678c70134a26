"""Our own client of tollama against our own service: each understands the other."""

import time
from collections.abc import AsyncIterator

import numpy as np
import pytest
from tests.adapters.tollama.tollama_stand_in import TIMEOUT_S, a_call, a_series
from tests.api.tollama.asking_as_tollama import speaking, walk
from tests.api.wire import FORECAST, Json, a_request, an_app, in_memory, started

from tsfm_runner.adapters.tollama import TollamaRuntime, open_session
from tsfm_runner.cli.serving import bind, running_service, url_of
from tsfm_runner.config import Settings
from tsfm_runner.domain.forecast import QuantileForecast
from tsfm_runner.errors import ModelNotInstalledError, RuntimeRefusedError

TOKEN = "a-key-between-two-services"


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """Serve for real, as a daemon would; give the address."""
    bound = bind("127.0.0.1", 0)
    settings = in_memory(speaking(auth={"keys": {"other": TOKEN}}))
    async with running_service(settings, bound):
        yield url_of(bound)


@pytest.fixture
async def runtime(url: str) -> AsyncIterator[TollamaRuntime]:
    async with open_session(url, token=TOKEN) as session:
        yield TollamaRuntime(session, daemon_timeout_s=30.0, clock=time.monotonic)


async def test_health_and_models_are_understood(runtime: TollamaRuntime) -> None:
    await runtime.check_health(timeout_s=TIMEOUT_S)
    models = await runtime.list_models(timeout_s=TIMEOUT_S)

    told = {model.name: model for model in models}
    assert {"tsfm-runner", "tsfm-mini", "ewma"} <= told.keys()
    assert all(model.is_installed for model in models)
    assert told["ewma"].license_name == "apache-2.0"
    assert told["ewma"].revision == "1"


async def test_a_call_is_answered_series_by_series(runtime: TollamaRuntime) -> None:
    series = [
        a_series(name, context=np.array(walk(100)) + shift)
        for name, shift in (("a", 0.0), ("b", 0.2))
    ]
    call = a_call(*series, model_name="tsfm-mini", horizon=12)

    first, second = await runtime.predict(call, timeout_s=TIMEOUT_S)

    assert isinstance(first, QuantileForecast)
    assert isinstance(second, QuantileForecast)
    assert first.values.shape == second.values.shape == (12, 3)
    assert (np.diff(first.values, axis=1) >= 0).all()
    assert second.values[0, 1] - first.values[0, 1] == pytest.approx(0.2, abs=0.05)


async def test_refusals_are_understood(runtime: TollamaRuntime) -> None:
    outside = a_series(context=np.array([0.1, 0.2, 1.3]))

    with pytest.raises(ModelNotInstalledError):
        await runtime.predict(a_call(model_name="chronos2"), timeout_s=TIMEOUT_S)
    with pytest.raises(RuntimeRefusedError) as refusal:
        await runtime.predict(a_call(outside, model_name="har"), timeout_s=TIMEOUT_S)

    assert refusal.value.is_input


async def test_one_service_may_be_the_daemon_of_another(url: str) -> None:
    tollama = {"url": url, "token": TOKEN, "model": "tsfm-runner"}
    asks = Settings.model_validate({"tollama": tollama})

    async with started(an_app(asks)) as client:
        response = await client.post(FORECAST, json=a_request(y=walk(100)))

    answer: Json = response.json()
    assert answer["meta"]["runtime"] == "tollama"
    assert answer["meta"]["model_name"] == "tsfm-runner"
    assert answer["meta"]["fallback_reason"] is None
