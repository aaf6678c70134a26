"""The settings of models in our own process: what is set, and what cannot be."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from tsfm_runner.adapters.settings import load_settings
from tsfm_runner.config import EmbeddedConfig


def test_every_setting_is_set_by_the_environment() -> None:
    environ = {
        "TSFM_EMBEDDED__ENABLED": "false",
        "TSFM_EMBEDDED__MODEL": "mine",
        "TSFM_EMBEDDED__MODELS_DIR": "models",
        "TSFM_EMBEDDED__THREADS": "2",
        "TSFM_EMBEDDED__MAX_SERIES_PER_CALL": "8",
    }

    settings = load_settings(config_file=None, environ=environ, flags={}).settings

    assert settings.embedded == EmbeddedConfig(
        enabled=False,
        model="mine",
        models_dir=Path("models"),
        threads=2,
        max_series_per_call=8,
    )


@pytest.mark.parametrize(
    "given", [{"threads": 0}, {"max_series_per_call": 0}, {"path": "models"}]
)
def test_settings_that_cannot_be_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        EmbeddedConfig.model_validate(given)
