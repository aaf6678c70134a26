from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from tests.service.builders import CUTOFF, task

from tsfm_runner.domain.task import Transform
from tsfm_runner.errors import InvalidTaskError

END_S = CUTOFF.timestamp()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"market_id": ""}, "market_id: must have 1 to 256 characters"),
        ({"market_id": "x" * 257}, "market_id: must have 1 to 256 characters"),
        ({"cutoff": datetime(2026, 2, 20)}, "cutoff: must carry a time zone"),  # noqa: DTZ001
        (
            {"cutoff": datetime(9999, 12, 31, tzinfo=UTC)},
            "cutoff: must lie in the years",
        ),
        ({"horizon": 0}, "horizon: must be between 1 and 288"),
        ({"horizon": 289}, "horizon: must be between 1 and 288"),
        ({"quantile_levels": ()}, "quantile_levels: must name 1 to 99 levels"),
        ({"quantile_levels": (0.0001, 0.5)}, "quantile_levels: must lie in"),
        ({"quantile_levels": (0.5, 0.9999)}, "quantile_levels: must lie in"),
        ({"quantile_levels": (0.5, 0.5)}, "quantile_levels: must be distinct"),
        ({"quantile_levels": (0.9, 0.5)}, "quantile_levels: must lie|must be"),
        ({"prices": [0.5]}, "context: must have 2 to 20000 points"),
        ({"prices": [0.5] * 20_001}, "context: must have 2 to 20000 points"),
        ({"prices": [[0.5, 0.5]]}, "context: must have 2 to 20000 points"),
        ({"prices": [np.nan, np.nan]}, "context: must have at least one value"),
        ({"prices": [0.5, 1.1]}, r"context: must lie in \[0, 1\]"),
        ({"prices": [0.5, -0.1]}, r"context: must lie in \[0, 1\]"),
        ({"times_s": np.array([END_S])}, "times_s: must have one time for each point"),
        ({"times_s": np.full(60, END_S)}, "times_s: must be strictly increasing"),
        ({"times_s": np.arange(60.0)}, "times_s: must end at the time"),
        (
            {"past_covariates": {"v": np.zeros(3)}},
            "past_covariates.v: must have one value for each point",
        ),
        (
            {"future_covariates": {"v": np.zeros(3)}},
            "future_covariates.v: must be known for the past too",
        ),
        (
            {
                "past_covariates": {"v": np.zeros(60)},
                "future_covariates": {"v": np.zeros(2)},
            },
            "future_covariates.v: must have one value for each step",
        ),
    ],
)
def test_a_task_that_breaks_a_rule_names_the_field(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidTaskError, match=message):
        task(**fields)


def test_a_task_at_every_limit_is_taken() -> None:
    columns = {"v": np.zeros(20_000)}

    big = task(
        [0.0, 1.0] * 10_000,
        market_id="x" * 256,
        horizon=288,
        quantile_levels=tuple(np.linspace(0.001, 0.999, 99).tolist()),
        times_s=END_S - np.arange(20_000.0)[::-1],
        past_covariates=columns,
        future_covariates={"v": np.zeros(288)},
    )

    assert len(big.step_times) == 288


@pytest.mark.parametrize("eps", [0.0, 1e-13, 0.5])
def test_an_eps_that_no_logit_survives_is_refused(eps: float) -> None:
    with pytest.raises(InvalidTaskError, match=r"transform\.eps: must"):
        Transform("logit", eps)


def test_steps_follow_the_cutoff() -> None:
    assert [time.isoformat() for time in task(horizon=2).step_times] == [
        "2026-02-20T12:05:00+00:00",
        "2026-02-20T12:10:00+00:00",
    ]


def test_memory_of_a_task_is_that_of_all_its_arrays() -> None:
    columns = {name: np.zeros(3) for name in ("a", "b")}

    plain = task([0.1, 0.2, 0.3], horizon=2)
    full = task(
        [0.1, 0.2, 0.3],
        horizon=2,
        times_s=END_S - np.arange(3.0)[::-1],
        past_covariates=columns,
        future_covariates={"a": np.zeros(2)},
    )

    assert plain.n_bytes == 8 * 3
    assert full.n_bytes == 8 * (3 + 3 + 2 * 3 + 2)
