"""The runtime computes in one thread, keeps to its time, and knows its models."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.adapters.chronos.fakes import FakePipeline, call_of, loaded, series

from tsfm_runner.adapters.chronos import ChronosRuntime, open_chronos
from tsfm_runner.adapters.chronos.checkpoint import Checkpoint
from tsfm_runner.adapters.chronos.revisions import describe
from tsfm_runner.config import ChronosConfig
from tsfm_runner.domain.forecast import QuantileForecast
from tsfm_runner.domain.model import RuntimeModel
from tsfm_runner.errors import (
    ConfigurationError,
    ModelNotInstalledError,
    RuntimeTimeoutError,
    RuntimeUnavailableError,
)

CONFIG = ChronosConfig.model_validate({"models": {"mine": "amazon/chronos-2"}})
FOUND = Checkpoint("mine", Path("x"), "abc", "Chronos2Pipeline", 512, (0.1, 0.5, 0.9))
SOON_S = 0.01
LATE_S = 30.0


@contextmanager
def _runtime(
    pipeline: FakePipeline, *, batch_size: int = 16
) -> Iterator[ChronosRuntime]:
    models = {"mine": (describe(FOUND, CONFIG), loaded(pipeline))}
    with ThreadPoolExecutor(max_workers=1) as executor:
        yield ChronosRuntime(models, executor, batch_size=batch_size)


async def test_a_forecast_is_computed_beside_the_event_loop() -> None:
    names: list[str] = []
    pipeline = FakePipeline(wait=lambda: names.append(threading.current_thread().name))

    with _runtime(pipeline) as runtime:
        (answer,) = await runtime.predict(call_of(series(1.0)), timeout_s=LATE_S)

    assert isinstance(answer, QuantileForecast)
    assert names != [threading.current_thread().name]


async def test_a_batch_is_no_larger_than_is_set() -> None:
    pipeline = FakePipeline()

    with _runtime(pipeline, batch_size=2) as runtime:
        await runtime.predict(call_of(*[series(1.0)] * 3), timeout_s=LATE_S)

    assert [len(inputs) for inputs in pipeline.asked] == [2, 1]


async def test_a_model_that_is_not_loaded_is_not_installed() -> None:
    call = replace(call_of(series(1.0)), model_name="other")

    with _runtime(FakePipeline()) as runtime, pytest.raises(ModelNotInstalledError):
        await runtime.predict(call, timeout_s=LATE_S)


async def test_a_call_ends_with_its_time_and_what_is_left_of_it_is_let_be() -> None:
    go_on = threading.Event()
    pipeline = FakePipeline(wait=go_on.wait)
    call = call_of(series(1.0), series(2.0))

    with _runtime(pipeline, batch_size=1) as runtime:
        with pytest.raises(RuntimeTimeoutError):
            await runtime.predict(call, timeout_s=SOON_S)
        go_on.set()
        await runtime.check_health(timeout_s=LATE_S)

    assert len(pipeline.asked) == 1


async def test_a_call_that_is_cancelled_is_let_be_too() -> None:
    has_begun, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        has_begun.set()
        go_on.wait()

    pipeline = FakePipeline(wait=wait)
    with _runtime(pipeline, batch_size=1) as runtime:
        call = call_of(series(1.0), series(2.0))
        asked = asyncio.create_task(runtime.predict(call, timeout_s=LATE_S))
        await asyncio.to_thread(has_begun.wait)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        go_on.set()
        await runtime.check_health(timeout_s=LATE_S)

    assert len(pipeline.asked) == 1


async def test_a_thread_that_hangs_is_not_well() -> None:
    go_on = threading.Event()

    with _runtime(FakePipeline(wait=go_on.wait)) as runtime:
        with pytest.raises(RuntimeTimeoutError):
            await runtime.predict(call_of(series(1.0)), timeout_s=SOON_S)
        with pytest.raises(RuntimeTimeoutError):
            await runtime.check_health(timeout_s=SOON_S)
        go_on.set()


async def test_every_model_is_listed_with_its_revision_and_licence() -> None:
    with _runtime(FakePipeline()) as runtime:
        listed = await runtime.list_models(timeout_s=LATE_S)

    assert listed == [RuntimeModel("mine", "abc", "apache-2.0", is_installed=True)]


async def test_a_closed_runtime_takes_no_calls() -> None:
    with _runtime(FakePipeline()) as runtime:
        runtime.close()

        with pytest.raises(RuntimeUnavailableError):
            await runtime.predict(call_of(series(1.0)), timeout_s=LATE_S)
        with pytest.raises(RuntimeUnavailableError):
            await runtime.check_health(timeout_s=LATE_S)


async def test_without_models_it_opens_and_has_none() -> None:
    async with open_chronos(ChronosConfig()) as runtime:
        assert await runtime.list_models(timeout_s=LATE_S) == []


async def test_a_source_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere")
    config = ChronosConfig.model_validate({"models": {"mine": nowhere}})

    with pytest.raises(ConfigurationError, match=r"chronos.models"):
        async with open_chronos(config):
            pytest.fail("it opened")
