import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import special

from tsfm_runner.core.transforms import (
    expit,
    logit,
    started_expit,
    started_logit,
    started_logit_slope,
)

inner_prices = arrays(float, 20, elements=st.floats(0.001, 0.999))


def test_even_odds_are_zero_log_odds() -> None:
    assert logit(np.array([0.5, 0.75]), eps=1e-6).tolist() == pytest.approx(
        [0, np.log(3)]
    )


def test_prices_at_the_edge_are_kept_off_by_eps() -> None:
    log_odds = logit(np.array([0.0, 1.0]), eps=0.2)

    assert log_odds.tolist() == pytest.approx([-np.log(4), np.log(4)])


def test_unknown_prices_stay_unknown() -> None:
    assert np.isnan(logit(np.array([np.nan]), eps=1e-6)).all()


@given(prices=inner_prices)
def test_expit_undoes_logit(prices: np.ndarray) -> None:
    assert expit(logit(prices, eps=1e-6)) == pytest.approx(prices, abs=1e-12)


@given(prices=inner_prices)
def test_mirrored_prices_have_mirrored_log_odds(prices: np.ndarray) -> None:
    mirrored = logit(1 - prices, eps=1e-6)

    assert mirrored == pytest.approx(-logit(prices, eps=1e-6), abs=1e-9)


@given(log_odds=arrays(float, 20, elements=st.floats(-700, 700)))
def test_expit_agrees_with_scipy(log_odds: np.ndarray) -> None:
    assert expit(log_odds) == pytest.approx(special.expit(log_odds), rel=1e-12)


def test_expit_of_huge_numbers_is_exact() -> None:
    assert expit(np.array([-1e300, 1e300])).tolist() == [0.0, 1.0]


def test_a_squeezed_price_by_hand() -> None:
    log_odds = started_logit(np.array([0.0, 0.5, 1.0]), start=0.5)

    assert log_odds.tolist() == pytest.approx([-np.log(3), 0, np.log(3)])


@given(prices=arrays(float, 20, elements=st.floats(0, 1)))
def test_started_expit_undoes_started_logit(prices: np.ndarray) -> None:
    there = started_logit(prices, start=0.01)

    assert started_expit(there, start=0.01) == pytest.approx(prices, abs=1e-12)


@given(prices=arrays(float, 20, elements=st.floats(0, 1)))
def test_mirrored_prices_have_mirrored_started_log_odds(prices: np.ndarray) -> None:
    mirrored = started_logit(1 - prices, start=0.01)

    assert mirrored == pytest.approx(-started_logit(prices, start=0.01), abs=1e-9)


def test_every_price_at_the_edge_stays_apart() -> None:
    log_odds = started_logit(np.array([0.0, 0.0005, 0.001, 0.002]), start=0.01)

    assert (np.diff(log_odds) > 0.03).all()


@given(price=st.floats(0.0001, 0.9999))
def test_the_slope_agrees_with_a_difference(price: float) -> None:
    around = started_logit(np.array([price - 1e-6, price + 1e-6]), start=0.01)

    slope = started_logit_slope(np.array([price]), start=0.01)

    assert slope.item() == pytest.approx(np.diff(around).item() / 2e-6, rel=1e-4)
