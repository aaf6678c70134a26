"""Bands that are drawn without a service are those that it would answer."""

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from tests.evaluation.recordings import (
    STEP_S,
    make_design,
    make_market,
    make_markets,
)

from tsfm_runner.config import Settings
from tsfm_runner.core.arrays import FloatArray
from tsfm_runner.domain.recording import RecordedMarket
from tsfm_runner.domain.task import MarketFacts
from tsfm_runner.evaluation.design import Design, Part
from tsfm_runner.evaluation.drawing import draw_baseline
from tsfm_runner.evaluation.drawing_directly import Asked, Drawer, draw_directly

NATIVE = (0.1, 0.5, 0.9)
OWN, EWMA = ("mine", "7"), ("ewma", "1")
HORIZON = 2


def design(**sections: object) -> Design:
    settings = Settings.model_validate(sections)
    levels = (0.1, 0.3, 0.5, 0.7, 0.9)
    return make_design(horizon=HORIZON, quantile_levels=levels, settings=settings)


def part(*markets: RecordedMarket) -> Part:
    return Part("part", STEP_S, markets)


def flat(asked: Asked) -> FloatArray:
    """Return the last price, a tenth above and below it."""
    assert asked.step_minutes == STEP_S / 60
    assert asked.steps_to_close.shape == asked.contexts.shape[:1]
    bands = asked.contexts[:, -1:, None] + np.array([-0.1, 0, 0.1])
    return np.repeat(bands, HORIZON, axis=1)


def test_levels_between_those_of_the_model_are_interpolated() -> None:
    market = make_market("m", np.full(40, 0.5))

    found = draw_directly(part(market), design(), Drawer(OWN, NATIVE, flat), EWMA)

    near = 0.1 * NormalDist().inv_cdf(0.7) / NormalDist().inv_cdf(0.9)
    own = found["models"] == 0
    assert own.sum() == 40 - 31
    np.testing.assert_allclose(
        found["values"][own],
        np.full((9, HORIZON, 5), [0.4, 0.5 - near, 0.5, 0.5 + near, 0.6]),
        atol=1e-6,
    )
    assert found["values"].dtype == np.float32
    assert found["model_names"].tolist() == [list(OWN), list(EWMA)]


def test_the_baseline_stands_where_there_are_too_few_prices() -> None:
    markets = make_markets(3, n_points=50)
    given = design(preparation={"min_points": 20})

    found = draw_directly(part(*markets), given, Drawer(OWN, NATIVE, flat), EWMA)
    baseline = draw_baseline(part(*markets), given, "ewma")["values"]

    is_young = found["reasons"] == "too_few_points"
    assert is_young.sum() == 3 * 18
    assert (found["models"][is_young] == 1).all()
    assert (found["reasons"][~is_young] == "").all()
    np.testing.assert_array_equal(found["values"][is_young], baseline[is_young])


@pytest.mark.parametrize("method", ["har", "rolling_quantile"])
def test_markets_that_hardly_trade_are_for_the_baseline(method: str) -> None:
    quiet, loud = make_markets(2, n_points=40)
    low = MarketFacts(liquidity_bucket="low")
    markets = part(replace(quiet, facts=low), loud)

    found = draw_directly(markets, design(), Drawer(OWN, NATIVE, flat), (method, "1"))
    baseline = draw_baseline(markets, design(), method)["values"]

    n_each = 39
    assert set(found["reasons"][:n_each]) == {
        "too_few_points",
        "baseline_only_liquidity",
    }
    assert set(found["reasons"][n_each:]) == {"too_few_points", ""}
    np.testing.assert_array_equal(found["values"][:n_each], baseline[:n_each])


def test_a_band_without_numbers_is_made_up_for_by_the_baseline() -> None:
    market = make_market("m", 0.3 + 0.01 * (np.arange(40) % 7))

    def holey(asked: Asked) -> FloatArray:
        bands = flat(asked)
        bands[asked.contexts[:, -1] > 0.355] = np.nan
        return bands

    found = draw_directly(part(market), design(), Drawer(OWN, NATIVE, holey), EWMA)
    baseline = draw_baseline(part(market), design(), "ewma")["values"]

    is_lost = found["reasons"] == "invalid_output"
    assert is_lost.sum() == 1
    np.testing.assert_array_equal(found["values"][is_lost], baseline[is_lost])
    assert np.isfinite(found["values"]).all()


def test_a_context_is_told_as_a_caller_would_tell_it() -> None:
    prices = 0.3 + 0.01 * (np.arange(60) % 7)
    prices[20:24] = np.nan
    given = design(preparation={"context_length": 36, "min_points": 32})
    asked: list[Asked] = []

    def listening(one: Asked) -> FloatArray:
        asked.append(one)
        return flat(one)

    market = make_market("m", prices)
    draw_directly(part(market), given, Drawer(OWN, NATIVE, listening), EWMA)

    [one] = asked
    is_filled = np.isfinite(one.contexts) & ~one.is_observed
    assert is_filled.any()
    first = np.argmax(np.isfinite(one.contexts), axis=1)
    assert one.is_observed[np.arange(first.size), first].all()
    assert (one.contexts[is_filled] == prices[19]).all()


def test_a_price_that_stands_for_longer_than_a_context_is_all_of_it() -> None:
    prices = np.full(80, np.nan)
    prices[:3], prices[-1] = [0.4, 0.5, 0.6], 0.3
    config = {"context_length": 32, "min_points": 32, "max_gap_minutes": 6_000}

    found = draw_directly(
        part(make_market("m", prices)),
        design(preparation=config),
        Drawer(OWN, NATIVE, flat),
        EWMA,
    )

    own = found["values"][found["models"] == 0]
    np.testing.assert_allclose(own[:-1, 0, 2], 0.6, atol=1e-6)
    np.testing.assert_allclose(own[-1, 0, 2], 0.3, atol=1e-6)
