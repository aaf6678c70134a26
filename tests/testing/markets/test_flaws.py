"""Prices lag, flicker and slip, and come back."""

import numpy as np
import pytest
from tests.testing.markets.market_samples import flawless

from tsfm_runner.testing.markets.flaws import flickering, followed, slipping
from tsfm_runner.testing.markets.traits import MarketTraits

TICK = 0.01
N_STEPS, N = 400, 30
SHOWN = np.full((N_STEPS, N), 0.5)
TICKS = np.full((N_STEPS, N), TICK)


def flickered(
    markets: MarketTraits, shown: np.ndarray = SHOWN, *, is_mid: int = 1
) -> np.ndarray:
    mids = np.full(N, bool(is_mid))
    rng = np.random.default_rng(31)
    return flickering(shown, TICKS, markets, is_mid=mids, rng=rng)


def slipped(markets: MarketTraits, shown: np.ndarray = SHOWN) -> np.ndarray:
    return slipping(shown, TICKS, markets, rng=np.random.default_rng(32))


def test_a_sluggish_market_takes_in_a_part_at_a_time() -> None:
    fair = np.array([[0.2], [0.6], [0.6], [0.6]])

    seen = followed(fair, flawless(1, speed=0.5))

    assert seen[:, 0] == pytest.approx([0.2, 0.4, 0.5, 0.55])


def test_a_market_that_is_not_sluggish_sees_all_at_once() -> None:
    fair = np.random.default_rng(33).random((9, 2))
    markets = flawless(2)
    markets.speed[1] = 0.3

    seen = followed(fair, markets)

    assert (seen[:, 0] == fair[:, 0]).all()
    assert (seen[1:, 1] != fair[1:, 1]).all()


def test_changes_of_a_sluggish_market_follow_one_another() -> None:
    fair = 0.5 + np.cumsum(np.random.default_rng(34).normal(0, 1e-3, (5_000, 1)), 0)

    lagging, prompt = (
        np.diff(followed(fair, flawless(1, speed=speed))[:, 0]) for speed in (0.4, 1)
    )

    assert np.corrcoef(lagging[1:], lagging[:-1])[0, 1] == pytest.approx(0.6, abs=0.05)
    assert np.corrcoef(prompt[1:], prompt[:-1])[0, 1] == pytest.approx(0, abs=0.05)


def test_a_flicker_is_of_half_a_tick_or_of_a_whole_one() -> None:
    off = np.round((flickered(flawless(N, flicker_rate=0.2)) - SHOWN) / TICK, 9)

    assert set(np.unique(off)) == {-1, -0.5, 0, 0.5, 1}
    assert np.mean(np.abs(off) == 1) < np.mean(np.abs(off) == 0.5)


def test_a_flicker_comes_back() -> None:
    prices = flickered(flawless(N, flicker_rate=0.2))

    is_off = prices != SHOWN
    assert (is_off[:-1] & ~is_off[1:]).any(axis=0).all()
    assert 0.4 < is_off.mean() < 0.8
    assert np.abs(prices.mean() - 0.5) < TICK / 20


def test_a_quote_that_moves_ends_a_flicker() -> None:
    steps = np.arange(N_STEPS)[:, None] + np.zeros((1, N))
    shown = 0.2 + TICK * (steps // 2 % 40)
    rare = flawless(N, flicker_rate=0.01)

    is_off = np.abs(flickered(rare, shown) - shown) > TICK / 4

    assert is_off.any()
    assert is_off.mean() < 0.015  # a step or two each; else 60 % would be off


def test_only_middles_of_markets_that_flicker_do() -> None:
    flickers = flawless(N, flicker_rate=0.5)

    assert (flickered(flickers, is_mid=0) == SHOWN).all()
    assert (flickered(flawless(N)) == SHOWN).all()


def test_a_fat_finger_throws_a_price_off_for_a_moment() -> None:
    once = flawless(N, slip_rate=0.02, slip_size=0.2)

    off = np.abs(slipped(once) - SHOWN)

    thrown = off[off > 0]
    assert thrown.min() > 0.3 * 0.2 - TICK / 2
    assert thrown.max() < 0.2 + TICK / 2
    assert 0.01 < np.mean(off > 0) < 0.03
    assert (off[1:][off[:-1] > 0] == 0).mean() > 0.9


def test_what_is_left_of_a_slip_fades_until_the_price_is_back() -> None:
    lasting = flawless(N, slip_rate=0.004, slip_size=0.3, slip_memory=0.7)

    off = np.abs(slipped(lasting) - SHOWN)

    is_after, is_fresh = off[:-1] > 0, off[1:] > 0.8 * off[:-1] + TICK
    fading = off[1:][is_after & ~is_fresh] / off[:-1][is_after & ~is_fresh]
    assert fading.size > 100
    assert (off == 0).any(axis=0).all()
    assert fading.mean() == pytest.approx(0.65, abs=0.1)
    assert np.mean(off > 0) < 0.06  # 10 steps at most each


def test_slips_go_up_and_down() -> None:
    off = slipped(flawless(N, slip_rate=0.05, slip_size=0.2)) - SHOWN

    assert np.mean(off[off != 0] > 0) == pytest.approx(0.5, abs=0.1)


def test_only_markets_with_fat_fingers_slip() -> None:
    markets = flawless(N, slip_size=0.2)
    markets.slip_rate[0] = 0.5

    prices = slipped(markets)

    assert (prices[:, 1:] == SHOWN[:, 1:]).all()
    assert (prices[:, 0] != SHOWN[:, 0]).any()


def test_flaws_keep_prices_off_0_and_1() -> None:
    edge = np.full((N_STEPS, N), TICK / 2)
    markets = flawless(N, flicker_rate=0.5, slip_rate=0.5, slip_size=2.0)

    for prices in (flickered(markets, edge), slipped(markets, edge)):
        assert prices.min() == TICK / 2
        assert edge.min() < prices.max() <= 1 - TICK / 2
