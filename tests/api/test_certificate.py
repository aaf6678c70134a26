"""What an answer says of its calibration, before anything was scored and after."""

from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.api.wire import (
    AS_OF_S,
    FORECAST,
    Json,
    a_client,
    a_request,
    prices,
)
from tests.fakes import FakeClock

from tsfm_runner.config import CalibrationConfig, Settings

STEP_S = 300
OBSERVATIONS = "/tsfm/observations"
# One score is enough, and nothing is kept from one request to the next.
EAGER = Settings.model_validate(
    {
        "cache": {"ttl_s": 0},
        "calibration": {"min_scores": 1, "min_segment_scores": 1},
    }
)
FIELDS = {"y": prices(60), "tick_size": 0.01, "horizon_steps": 2, "event_id": "rain"}


def a_wall_clock(now_s: float = AS_OF_S) -> FakeClock:
    clock = FakeClock()
    clock.now_s = now_s
    return clock


def asked(client: TestClient, **fields: Any) -> Json:  # noqa: ANN401 - JSON is any
    response = client.post(FORECAST, json=a_request(**FIELDS | fields))
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


def told(client: TestClient, market_id: str, *points: tuple[float, float]) -> Json:
    body = [{"market_id": market_id, "ts": ts, "y": y} for ts, y in points]
    response = client.post(OBSERVATIONS, json=body)
    assert response.status_code == 202, response.text
    answer: Json = response.json()
    return answer


def let_it_learn(client: TestClient, clock: FakeClock) -> None:
    """Let two bands be scored: three of their four steps end inside, one far out."""
    asked(client, market_id="a")
    asked(client, market_id="b", event_id="wind")
    for step, prices_then in enumerate(((0.43, 0.43), (0.43, 0.99)), start=1):
        clock.now_s = AS_OF_S + step * STEP_S
        for market_id, price in zip("ab", prices_then, strict=True):
            told(client, market_id, (AS_OF_S + step * STEP_S, price))
    # What comes of the next grid time lets those before be learned from.
    asked(client, market_id="a", as_of_ts="2026-02-20T12:10:00Z")
    clock.now_s = AS_OF_S + 3 * STEP_S
    told(client, "a", (AS_OF_S + 3 * STEP_S, 0.43))


def test_certificate_of_a_model_that_was_never_scored_says_so() -> None:
    settings = Settings(calibration=CalibrationConfig(prior_scores=0))

    with a_client(settings) as client:
        answer = asked(client)

    conformal = answer["conformal"]
    edges = conformal.pop("lower"), conformal.pop("upper")
    assert conformal == {
        "target_coverage": 0.9,
        "status": "uncalibrated",
        "segment": "category=none,moving=>=0.6,expiry=none,edge=>=0.12,age=>=36",
        "n": 0,
        "empirical_coverage": None,
        "coverage_ci": None,
        "state_version": 0,
        "updated_at": None,
    }
    assert [len(edge) for edge in edges] == [2, 2]
    assert answer["meta"]["band_calibration"] == "raw"
    assert answer["yhat_q"] != answer["yhat_q_raw"]  # widened, for want of scores


def test_certificate_tells_what_became_of_the_bands_before() -> None:
    clock = a_wall_clock()

    with a_client(EAGER, wall_clock=clock) as client:
        let_it_learn(client, clock)
        answer = asked(client, market_id="c")

    conformal = answer["conformal"]
    assert conformal["status"] == "calibrated"
    assert (conformal["n"], conformal["empirical_coverage"]) == (5, 0.8)
    low, high = conformal["coverage_ci"]
    assert 0 <= low < 0.8 < high <= 1
    assert conformal["state_version"] == 2
    assert conformal["updated_at"] == "2026-02-20T12:15:00.000Z"
    assert answer["meta"]["band_calibration"] == "conformal"
    assert answer["yhat_q"] != answer["yhat_q_raw"]


def test_calibrated_prices_stand_on_the_grid_in_plain_decimals() -> None:
    clock = a_wall_clock()

    with a_client(EAGER, wall_clock=clock) as client:
        let_it_learn(client, clock)
        answer = asked(client, market_id="c", quantiles=[0.05, 0.1, 0.5, 0.9, 0.95])

    conformal = answer["conformal"]
    columns = [*answer["yhat_q"].values(), conformal["lower"], conformal["upper"]]
    edges = [price for column in columns for price in column]
    assert answer["meta"]["band_calibration"] == "conformal"
    assert all(len(repr(price)) <= 4 for price in edges), edges
    assert conformal["lower"] == answer["yhat_q"]["0.05"]
    assert conformal["upper"] == answer["yhat_q"]["0.95"]


def test_without_calibration_the_band_is_left_as_it_was_drawn() -> None:
    settings = Settings(calibration=CalibrationConfig(enabled=False))

    with a_client(settings) as client:
        answer = asked(client)

    assert answer["conformal"]["status"] == "disabled"
    assert answer["meta"]["band_calibration"] == "raw"
    assert answer["yhat_q"] == answer["yhat_q_raw"]


def test_target_coverage_is_that_of_the_settings() -> None:
    settings = Settings(calibration=CalibrationConfig(target_coverage=0.8))

    with a_client(settings) as client:
        answer = asked(client)

    assert answer["conformal"]["target_coverage"] == 0.8
    assert answer["conformal"]["lower"] == pytest.approx(answer["yhat_q"]["0.1"])
    assert answer["conformal"]["upper"] == pytest.approx(answer["yhat_q"]["0.9"])


@pytest.mark.parametrize(
    ("levels", "known"),
    [
        ([0.1, 0.5, 0.9], {"q10", "q50", "q90"}),
        ([0.05, 0.5], {"q50"}),
        ([0.25], set()),
    ],
)
def test_last_step_has_the_levels_that_were_asked_for(
    client: TestClient, levels: list[float], known: set[str]
) -> None:
    answer = asked(client, quantiles=levels)

    names = {"q10": "0.1", "q50": "0.5", "q90": "0.9"}
    assert answer["conformal_last_step"] == {
        name: answer["yhat_q"][key][-1] if name in known else None
        for name, key in names.items()
    }


@pytest.mark.parametrize("tick_size", [5e-324, 1e-9, 0.5])
def test_whatever_the_tick_is_the_band_is_in_range_and_in_order(
    tick_size: float,
) -> None:
    clock = a_wall_clock()

    with a_client(EAGER, wall_clock=clock) as client:
        let_it_learn(client, clock)
        answer = asked(client, market_id="c", tick_size=tick_size)

    steps = zip(*answer["yhat_q"].values(), strict=True)
    assert all(0 <= low <= middle <= high <= 1 for low, middle, high in steps)
