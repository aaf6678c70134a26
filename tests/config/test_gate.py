"""The settings of the gate: a stage is set in part, and outlived by its readings."""

import pytest
from pydantic import ValidationError

from tsfm_runner.adapters.settings import load_settings
from tsfm_runner.config import GateConfig, GateStageConfig


def test_what_is_left_out_of_a_stage_is_that_of_the_stage() -> None:
    config = GateConfig.model_validate({"canary_25": {"min_outcomes": 0}})

    assert config.canary_25 == GateStageConfig(
        window_minutes=360, min_forecasts=1_000, min_outcomes=0
    )
    assert config.canary_5 == GateConfig().canary_5


def test_a_stage_is_set_by_the_environment() -> None:
    environ = {"TSFM_GATE__FULL_100__WINDOW_MINUTES": "30"}

    gate = load_settings(config_file=None, environ=environ, flags={}).settings.gate

    assert gate.full_100.window_minutes == 30
    assert gate.full_100.min_forecasts == 5_000


@pytest.mark.parametrize(
    "given",
    [
        {"canary_5": {"minutes": 3}},
        {"canary_5": 5},
        {"canary_5": None},
        {"keep_days": 1.9},
        {"canary_5": {"window_minutes": 6_000}},
        {"doubt": 0},
        {"max_error_rate": 1},
    ],
)
def test_settings_that_cannot_be_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        GateConfig.model_validate(given)


def test_a_stage_may_be_handed_in_whole() -> None:
    stage = GateStageConfig(window_minutes=1, min_forecasts=2, min_outcomes=3)

    assert GateConfig(canary_5=stage).canary_5 is stage
