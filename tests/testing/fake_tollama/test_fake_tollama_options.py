"""Options are checked before the double is made."""

from typing import Any

import pytest

from tsfm_runner.testing.fake_tollama import FakeTollamaOptions


@pytest.mark.parametrize(
    "fields",
    [
        {"generation": 8},
        {"generation": -1},
        {"fault_rate": 1.1},
        {"fault_rate": -0.1},
        {"latency_ms": -1},
        {"fault_latency_ms": -1},
        {"max_body_mb": 0},
    ],
)
def test_options_that_make_no_sense_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        FakeTollamaOptions(**fields)
