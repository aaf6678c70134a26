import numpy as np
import pytest

from tsfm_runner.testing.markets.news import News, with_news

FLAT = np.full(40, 0.4)


def test_news_leaps_at_its_step_and_leaves_the_past_alone() -> None:
    prices = with_news(FLAT, News(10, 0.2), tick=0.01)

    assert prices[:10].tolist() == [0.4] * 10
    assert prices[10:] == pytest.approx(0.6)


@pytest.mark.parametrize(("onward", "end"), [(-1.0, 0.4), (0.0, 0.6), (1.0, 0.78)])
def test_what_comes_after_goes_on_stays_or_takes_it_back(
    onward: float, end: float
) -> None:
    prices = with_news(FLAT, News(10, 0.2, onward, n_steps=12), tick=0.01)

    assert prices[10] == pytest.approx(0.6)
    assert prices[22:] == pytest.approx(end)


def test_prices_stay_on_the_grid_and_off_the_edges() -> None:
    wild = np.array([0.5, 1.0, 0.0, 0.98, 0.02])

    prices = with_news(wild, News(1, 5.0, 3.0), tick=0.005)

    assert prices / 0.005 == pytest.approx(np.round(prices / 0.005))
    assert prices.min() >= 0.005
    assert prices.max() <= 0.995
