"""The settings of Chronos: a model is a source, or a source and what is known of it."""

import json

import pytest
from pydantic import ValidationError

from tsfm_runner.adapters.settings import load_settings
from tsfm_runner.config import ChronosConfig, ChronosModelConfig


def test_no_model_runs_unless_one_is_named() -> None:
    assert ChronosConfig().models == {}
    assert ChronosConfig().allow_download is False


def test_a_source_alone_is_a_model() -> None:
    config = ChronosConfig.model_validate({"models": {"mine": "models/mine"}})

    assert config.models == {"mine": ChronosModelConfig(source="models/mine")}


def test_models_are_set_by_the_environment() -> None:
    mine = {"source": "x", "license_name": "mit", "license_tag": "commercial_ok"}
    environ = {"TSFM_CHRONOS__MODELS": json.dumps({"a": "b/c", "mine": mine})}

    loaded = load_settings(config_file=None, environ=environ, flags={})

    assert loaded.settings.chronos.models == {
        "a": ChronosModelConfig(source="b/c"),
        "mine": ChronosModelConfig(
            source="x", license_name="mit", license_tag="commercial_ok"
        ),
    }


@pytest.mark.parametrize(
    "given",
    [
        {"models": {"mine": ""}},
        {"models": {"mine": {}}},
        {"models": {"mine": 5}},
        {"models": {"a name": "folder"}},
        {"models": {"mine": {"source": "x", "license_name": "mit"}}},
        {"models": {"mine": {"source": "x", "license_tag": "commercial_ok"}}},
        {"models": {"mine": {"source": "x", "path": "y"}}},
        {"dtype": "float16"},
        {"threads": 0},
        {"batch_size": 0},
    ],
)
def test_settings_that_cannot_be_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ChronosConfig.model_validate(given)
