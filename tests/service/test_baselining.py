import numpy as np
import pytest
from tests.service.builders import HAR_TABLE, SERIES, prepared

from tsfm_runner.config import BaselineConfig
from tsfm_runner.domain.task import MarketFacts, Transform
from tsfm_runner.service.baselining import Baselines
from tsfm_runner.service.preparing import PreparedTask
from tsfm_runner.service.routing import BASELINE_METHODS


def values(method: str, task: PreparedTask, **constants: float) -> np.ndarray:
    config = BaselineConfig(**constants)
    [band] = Baselines(config, HAR_TABLE).predict([method], [task])
    return band.values


@pytest.mark.parametrize("method", BASELINE_METHODS)
@pytest.mark.parametrize("space", ["logit", "identity"])
def test_every_method_answers_in_either_space(method: str, space: str) -> None:
    task = prepared(transform=Transform(space, 1e-6))  # type: ignore[arg-type]

    band = values(method, task)

    assert band.shape == (3, 3)
    assert (np.diff(band, axis=1) > 0).all()
    assert (np.diff(band[:, -1] - band[:, 0]) >= 0).all()


def test_methods_and_shapes_may_be_mixed_and_come_back_in_order() -> None:
    tasks = [prepared(horizon=2), prepared(horizon=5), prepared(horizon=2)]
    baselines = Baselines(BaselineConfig(), HAR_TABLE)

    bands = baselines.predict(["ewma", "har", "kalman"], tasks)

    assert [len(band.values) for band in bands] == [2, 5, 2]
    assert np.array_equal(bands[1].values, values("har", tasks[1]))
    assert np.array_equal(bands[2].values, values("kalman", tasks[2]))


def test_alike_tasks_are_computed_together() -> None:
    bands = Baselines(BaselineConfig(), HAR_TABLE).predict(
        ["ewma"] * 3, [prepared()] * 3
    )

    assert [band.batch_size for band in bands] == [3, 3, 3]


def test_in_log_odds_the_band_is_lopsided_near_the_edge() -> None:
    near_zero = np.where(np.arange(60) % 2, 0.02, 0.03)

    in_logit = prepared(near_zero, transform=Transform("logit", 1e-6))

    below, median, above = values("ewma", in_logit)[0]
    assert above - median > 1.1 * (median - below)
    assert median == pytest.approx(near_zero[-1], abs=1e-12)


@pytest.mark.parametrize("method", BASELINE_METHODS)
def test_a_market_that_lives_below_half_a_cent_has_a_band(method: str) -> None:
    cheap = np.where(np.arange(288) % 2, 0.004, 0.001)

    below, _, above = values(
        method, prepared(cheap, transform=Transform("logit", 1e-6))
    )[0]

    assert above - below > 0.002


def test_at_zero_the_band_starts_at_zero() -> None:
    resting = prepared(np.zeros(60), transform=Transform("logit", 1e-6))

    below, median, above = values("ewma", resting)[0]

    assert median == pytest.approx(0, abs=1e-15)
    assert below < 0 < above < 0.01


@pytest.mark.parametrize("method", BASELINE_METHODS)
def test_a_stale_price_is_forecast_as_many_steps_further(method: str) -> None:
    fresh = prepared(SERIES, horizon=8)
    stale = prepared(np.r_[SERIES, [np.nan] * 5], horizon=3)
    very_stale = prepared(np.r_[SERIES, [np.nan] * 100], horizon=288)

    assert values(method, stale) == pytest.approx(values(method, fresh)[5:])
    assert values(method, very_stale).shape == (288, 3)


@pytest.mark.parametrize("method", BASELINE_METHODS)
def test_a_market_with_few_changes_of_its_own_has_a_usual_width(method: str) -> None:
    band = values(method, prepared([0.4, 0.4]))[0]

    assert np.ptp(band) > 0.01


@pytest.mark.parametrize(
    ("method", "constants"),
    [
        ("ewma", {"ewma_half_life_steps": 2.0}),
        ("ewma", {"logit_start": 0.45}),
        ("kalman", {"kalman_half_life_steps": 2.0}),
        ("rolling_quantile", {"min_changes": 59}),
        ("ewma", {"prior_changes": 5_000}),
    ],
)
def test_changing_a_constant_changes_the_band(
    method: str, constants: dict[str, float]
) -> None:
    jumpy = SERIES + np.where(np.arange(60) > 40, 0.1, 0)
    task = prepared(jumpy, transform=Transform("logit", 1e-6))

    usual, changed = values(method, task), values(method, task, **constants)

    assert not np.allclose(usual, changed)


@pytest.mark.parametrize(
    "constants", [{"floor_price": 0.01}, {"floor_ticks": 5.0}, {"floor_share": 1.0}]
)
def test_the_floors_keep_a_resting_market_from_collapsing(
    constants: dict[str, float],
) -> None:
    moved_once = prepared(
        np.r_[np.full(40, 0.4), np.full(200, 0.5)], facts=MarketFacts(tick_size=0.01)
    )

    usual, wide = (values("ewma", moved_once, **c) for c in ({}, constants))

    assert np.ptp(wide[0]) > 2 * np.ptp(usual[0])
