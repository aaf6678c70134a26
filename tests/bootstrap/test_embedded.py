"""The embedded rung: it is there by default, and answers where no daemon is."""

import asyncio
import os
import threading
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.adapters.embedded.stored import store_model
from tests.adapters.models.graphs import LEVELS
from tests.service.builders import task

from tsfm_runner.adapters.models import StoredModel
from tsfm_runner.adapters.models.store import SHIPPED_MODELS, stored_model
from tsfm_runner.bootstrap import build_app, open_backend
from tsfm_runner.bootstrap.runtimes import batch_limits
from tsfm_runner.bootstrap.tools import checked_registry
from tsfm_runner.config import Settings
from tsfm_runner.core.foundation.signature import NATIVE_LEVELS
from tsfm_runner.domain.forecast import FallbackReason, ServedForecast
from tsfm_runner.domain.task import ForecastTask, ModelChoice
from tsfm_runner.errors import ConfigurationError, ModelFileError
from tsfm_runner.service.batching import BatchLimits

THREADS = Path("/proc/self/task")
DEAD = "http://127.0.0.1:9"


def settings(
    folder: Path | None = None,
    *,
    embedded: dict[str, object] | None = None,
    **sections: Any,  # noqa: ANN401
) -> Settings:
    given = {"models_dir": folder, **(embedded or {})}
    return Settings.model_validate({"embedded": given, **sections})


async def answer(configured: Settings, asked: ForecastTask) -> ServedForecast:
    async with open_backend(configured) as backend:
        [served] = await backend.forecasts.forecast_many([asked], deadline_s=10)
    assert isinstance(served, ServedForecast)
    return served


def damage(stored: StoredModel) -> None:
    stored.file.write_bytes(stored.file.read_bytes()[:-1])


async def test_a_fresh_installation_answers_with_the_model_of_the_package() -> None:
    told = (await answer(Settings(), task())).provenance

    assert (told.runtime, told.model_name) == ("embedded", "tsfm-mini")
    assert (told.model_version, told.license_tag) == ("1", "commercial_ok")
    assert told.fallback_reason is None
    assert set(told.quantile_source.values()) == {"native"}


async def test_without_the_rung_a_baseline_answers_and_no_model_is_missed() -> None:
    off = settings(embedded={"enabled": False})

    told = (await answer(off, task())).provenance

    assert (told.runtime, told.fallback_reason) == ("baseline", None)


async def test_the_rung_stands_below_tollama_and_answers_for_it() -> None:
    configured = settings(tollama={"url": DEAD}, resilience={"max_retries": 0})

    told = (await answer(configured, task())).provenance

    assert told.runtime == "embedded"
    assert told.fallback_reason == FallbackReason.RUNTIME_UNAVAILABLE
    assert [(step.rung, step.is_taken) for step in told.route] == [
        ("tollama", False),
        ("embedded", True),
    ]


async def test_few_points_are_for_a_baseline() -> None:
    told = (await answer(Settings(), task([0.4, 0.5] * 15))).provenance

    assert told.runtime == "baseline"
    assert told.fallback_reason == FallbackReason.TOO_FEW_POINTS


def test_the_registry_tells_of_the_shipped_model_what_its_file_does() -> None:
    manifest = stored_model(SHIPPED_MODELS / "tsfm-mini" / "1").manifest
    listed = checked_registry(settings(embedded={"enabled": False})).models["tsfm-mini"]
    own = checked_registry(Settings()).models["tsfm-mini"]

    assert own == listed
    assert own.capabilities.quantile_levels == NATIVE_LEVELS
    assert manifest.license_tag == own.license_tag
    assert manifest.license_name.lower() == own.license_name


def test_production_serves_the_shipped_model() -> None:
    registry = checked_registry(Settings(environment="prod"))

    assert registry.is_allowed("tsfm-mini", "1")


async def test_models_of_the_user_are_known_listed_and_answer(tmp_path: Path) -> None:
    store_model(tmp_path, name="mine", license_tag="unknown", license_name="unknown")
    named = task(model=ModelChoice(name="mine"), quantile_levels=(0.05, 0.3))

    async with open_backend(settings(tmp_path)) as backend:
        [served] = await backend.forecasts.forecast_many([named], deadline_s=10)
        entries = {one.model.name: one for one in await backend.catalogue.entries()}
        [status] = await backend.catalogue.statuses()

    assert isinstance(served, ServedForecast)
    assert served.provenance.model_name == "mine"
    assert served.provenance.license_tag == "unknown"
    assert served.provenance.quantile_source == {0.05: "native", 0.3: "interpolated"}
    assert entries["mine"].is_installed
    assert entries["tsfm-mini"].is_installed
    assert entries["mine"].model.capabilities.quantile_levels == LEVELS
    assert (status.rung, status.error, status.mismatches) == ("embedded", None, ())


async def test_the_default_may_be_a_model_of_the_user(tmp_path: Path) -> None:
    store_model(tmp_path, name="mine")

    served = await answer(settings(tmp_path, embedded={"model": "mine"}), task())

    assert served.provenance.model_name == "mine"
    assert served.provenance.fallback_reason is None


async def test_the_revision_that_was_added_last_takes_the_place_of_the_shipped(
    tmp_path: Path,
) -> None:
    store_model(tmp_path, name="tsfm-mini", revision="2", license_tag="research_only")

    told = (await answer(settings(tmp_path), task())).provenance

    assert (told.model_version, told.license_tag) == ("2", "research_only")


async def test_without_an_own_folder_that_of_the_user_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    store_model(tmp_path / "tsfm-runner" / "models", name="mine")

    served = await answer(Settings(), task(model=ModelChoice("embedded", "mine")))

    assert served.provenance.model_name == "mine"


def test_a_model_of_the_settings_that_is_not_there_stops_the_start() -> None:
    configured = settings(embedded={"model": "absent"})

    async def start() -> None:
        async with open_backend(configured):
            pass

    with pytest.raises(ConfigurationError, match=r"embedded\.model is absent, which"):
        asyncio.run(start())


@pytest.mark.parametrize("name", ["tsfm-mini", "mine"])
async def test_a_damaged_file_stops_the_start(tmp_path: Path, name: str) -> None:
    damage(store_model(tmp_path, name=name, revision="9"))

    with pytest.raises(ModelFileError, match="is damaged"):
        await answer(settings(tmp_path), task())


async def test_without_the_rung_no_file_is_looked_at(tmp_path: Path) -> None:
    damage(store_model(tmp_path))

    served = await answer(settings(tmp_path, embedded={"enabled": False}), task())

    assert served.provenance.runtime == "baseline"


def test_production_refuses_a_default_that_it_does_not_allow(tmp_path: Path) -> None:
    store_model(tmp_path, name="mine")
    configured = settings(tmp_path, embedded={"model": "mine"}, environment="prod")

    with pytest.raises(ConfigurationError, match=r"embedded\.model is mine, which"):
        build_app(configured)


def test_production_refuses_a_revision_whose_licence_is_unknown(tmp_path: Path) -> None:
    store_model(tmp_path, name="tsfm-mini", revision="2", license_tag="unknown")

    with pytest.raises(ConfigurationError, match="names 'tsfm-mini', which is unknown"):
        build_app(settings(tmp_path, environment="prod"))


async def test_what_production_does_not_allow_is_not_opened(tmp_path: Path) -> None:
    damage(store_model(tmp_path, name="mine"))

    served = await answer(settings(tmp_path, environment="prod"), task())

    assert served.provenance.model_name == "tsfm-mini"


async def test_the_thread_of_the_rung_ends_with_it() -> None:
    before = threading.active_count()

    await answer(Settings(), task())

    assert threading.active_count() == before


async def test_a_rung_is_asked_for_as_many_series_as_its_settings_say() -> None:
    few = settings(
        embedded={"max_series_per_call": 2}, tollama={"max_series_per_call": 7}
    )
    tasks = [task(market_id=f"m{number}") for number in range(5)]

    async with open_backend(few) as backend:
        served = await backend.forecasts.forecast_many(tasks, deadline_s=10)

    sizes = [
        one.provenance.batch_size for one in served if isinstance(one, ServedForecast)
    ]
    assert sorted(sizes) == [1, 2, 2, 2, 2]
    assert batch_limits(few, "embedded") == BatchLimits(2, 2 * 288, 1, 32)
    assert batch_limits(few, "tollama") == BatchLimits(7, 100_000, 2, 32)


@pytest.mark.skipif(not THREADS.exists(), reason="only Linux lists threads")
async def test_a_model_computes_with_as_many_threads_as_the_settings_say() -> None:
    few, many = (settings(embedded={"threads": n}) for n in (1, 3))

    async def threads_of(configured: Settings) -> int:
        async with open_backend(configured):
            return len(os.listdir(THREADS))  # noqa: PTH208 - it never waits

    assert await threads_of(many) - await threads_of(few) == 2


async def test_what_is_held_is_let_go_where_the_start_fails(tmp_path: Path) -> None:
    damage(store_model(tmp_path))
    before = threading.active_count()

    async with AsyncExitStack() as held:
        with pytest.raises(ModelFileError):
            await held.enter_async_context(open_backend(settings(tmp_path)))

    assert threading.active_count() == before
