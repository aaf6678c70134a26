"""The service answers with Chronos models of the settings, where they may be served."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.service.builders import task

from tsfm_runner.bootstrap import open_backend
from tsfm_runner.config import Settings
from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.domain.task import ModelChoice
from tsfm_runner.errors import ConfigurationError


def _settings(models: object, **sections: object) -> Settings:
    return Settings.model_validate({"chronos": {"models": models}, **sections})


async def test_the_name_of_a_stored_model_is_taken() -> None:
    with pytest.raises(ConfigurationError, match="names tsfm-mini, which is a stored"):
        async with open_backend(_settings({"tsfm-mini": "folder"})):
            pytest.fail("it opened")


async def test_without_the_embedded_rung_no_checkpoint_is_looked_at() -> None:
    off = _settings({"mine": "nowhere"}, embedded={"enabled": False})

    async with open_backend(off) as backend:
        assert "mine" not in backend.catalogue.registry.models


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    if find_spec("chronos") is None:
        pytest.skip("chronos-forecasting is not installed (the extra chronos)")
    from tests.adapters.chronos import tiny  # noqa: PLC0415 - needs the extra

    return tiny.make_chronos_2(tmp_path / "two")


async def test_a_request_is_answered_by_the_model_that_it_names(folder: Path) -> None:
    asked = task(
        model=ModelChoice("embedded", "mine"), quantile_levels=(0.1, 0.25, 0.999)
    )

    patient = _settings({"mine": str(folder)}, resilience={"attempt_timeout_s": 60})

    async with open_backend(patient) as backend:
        [answer] = await backend.forecasts.forecast_many([asked], deadline_s=60)
        [status] = await backend.catalogue.statuses()

    assert isinstance(answer, ServedForecast)
    told = answer.provenance
    assert (told.runtime, told.model_name) == ("embedded", "mine")
    assert told.quantile_source == {
        0.1: "native",
        0.25: "interpolated",
        0.999: "extrapolated",
    }
    assert (status.error, status.mismatches) == (None, ())


async def test_a_model_that_may_not_be_served_is_not_loaded(folder: Path) -> None:
    prod = _settings({"mine": str(folder)}, environment="prod")

    async with open_backend(prod) as backend:
        entries = {one.model.name: one for one in await backend.catalogue.entries()}

    assert entries["mine"].model.family == "chronos"
    assert not entries["mine"].is_allowed
    assert not entries["mine"].is_installed
