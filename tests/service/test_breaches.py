"""New prices are held against the step of the earlier band that they belong to."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from tests.service.builders import CUTOFF, service, task

from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.domain.task import ForecastTask
from tsfm_runner.service.breaches import Breaches, PastBand, find_breaches, past_bands

BAND = PastBand(
    cutoff_s=CUTOFF.timestamp(),
    step_s=300,
    lower=np.array([0.45, 0.40, 0.35]),
    upper=np.array([0.55, 0.60, 0.65]),
)


def ending(price: float, minutes: float, market_id: str = "m") -> ForecastTask:
    """Return a task whose last price stands so many minutes after the band's own."""
    cutoff = CUTOFF + timedelta(minutes=minutes)
    return task([0.5, price], market_id=market_id, cutoff=cutoff)


@pytest.mark.parametrize(
    ("minutes", "price", "outside"),
    [
        (5, 0.55, ()),
        (5, 0.56, ("m",)),
        (5, 0.44, ("m",)),
        (10, 0.56, ()),
        (15, 0.66, ("m",)),
        (7, 0.58, ()),
        (1, 0.58, ("m",)),
    ],
)
def test_a_price_is_held_against_its_own_step(
    minutes: float, price: float, outside: tuple[str, ...]
) -> None:
    breaches = find_breaches([ending(price, minutes)], {"m": BAND})

    assert breaches == Breaches(1, outside)


@pytest.mark.parametrize("minutes", [-5, 0, 20])
def test_a_price_that_the_band_says_nothing_of_is_not_compared(minutes: float) -> None:
    breaches = find_breaches([ending(0.99, minutes)], {"m": BAND})

    assert breaches == Breaches(0, ())


def test_a_market_without_an_earlier_band_is_not_compared() -> None:
    breaches = find_breaches([ending(0.99, 5, "new")], {"m": BAND})

    assert breaches == Breaches(0, ())


def test_the_last_price_that_is_known_counts_at_its_own_time() -> None:
    stale = replace(ending(0.5, 10), context=np.array([0.5, 0.58, np.nan]))
    timed = replace(
        ending(0.5, 10),
        context=np.array([0.58, np.nan]),
        times_s=CUTOFF.timestamp() + np.array([300.0, 600.0]),
    )

    assert find_breaches([stale], {"m": BAND}) == Breaches(1, ("m",))
    assert find_breaches([timed], {"m": BAND}) == Breaches(1, ("m",))


async def test_what_is_kept_of_an_answer_are_its_outermost_levels() -> None:
    outcomes = await service().forecast_many(
        [task(market_id="band"), task(market_id="line", quantile_levels=(0.5,))],
        deadline_s=1,
    )
    answers = [outcome for outcome in outcomes if isinstance(outcome, ServedForecast)]

    kept = past_bands(answers)

    assert set(kept) == {"band"}
    assert (kept["band"].cutoff_s, kept["band"].step_s) == (CUTOFF.timestamp(), 300)
    assert np.array_equal(kept["band"].lower, answers[0].values[:, 0])
    assert np.array_equal(kept["band"].upper, answers[0].values[:, 2])
