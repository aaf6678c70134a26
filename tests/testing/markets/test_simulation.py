"""Simulated markets look like recorded ones and never differ between runs."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from tests.testing.markets.market_samples import END, SEED, sample

from tsfm_runner.testing.markets import (
    GENERATOR_VERSION,
    PRIORS,
    SimulatedMarkets,
    simulate_markets,
)


def small(prior: str = "venues", *, seed: int = 3) -> SimulatedMarkets:
    return simulate_markets(40, n_steps=50, step_s=300, seed=seed, end=END, prior=prior)


@pytest.mark.parametrize("prior", sorted(PRIORS))
def test_one_seed_gives_the_same_bytes(prior: str) -> None:
    first, again = small(prior), small(prior)

    assert first.prices.tobytes() == again.prices.tobytes()
    assert first.bids.tobytes() == again.bids.tobytes()
    assert first.listings == again.listings


@pytest.mark.parametrize("prior", sorted(PRIORS))
def test_another_seed_gives_other_markets(prior: str) -> None:
    first, other = small(prior), small(prior, seed=4)

    assert (first.prices != other.prices).any(axis=1).all()


def test_another_prior_gives_other_markets() -> None:
    one, other = (small(prior) for prior in ("venues", "broad"))

    assert (one.prices != other.prices).any(axis=1).all()
    categories = [{row.category for row in some.listings} for some in (one, other)]
    assert not categories[0] & categories[1]


def test_a_version_of_the_generator_has_its_prices() -> None:
    prices = small().prices[[0, 13, 31, 39], ::12]

    assert GENERATOR_VERSION == "1"
    assert prices.tolist() == [
        [0.755, 0.725, 0.75, 0.735, 0.76],
        [0.04, 0.03, 0.06, 0.06, 0.07],
        [0.965, 0.961, 0.906, 0.966, 0.998],
        [0.589, 0.597, 0.603, 0.4195, 0.1745],
    ]


@pytest.mark.parametrize("prior", sorted(PRIORS))
@pytest.mark.parametrize("step_s", [60, 3_600, 86_400])
def test_every_prior_gives_prices_at_any_step(prior: str, step_s: int) -> None:
    markets = simulate_markets(
        100, n_steps=60, step_s=step_s, seed=5, end=END, prior=prior
    )

    assert ((markets.prices >= 0) & (markets.prices <= 1)).all()
    is_quoted = np.isfinite(markets.bids)
    assert (is_quoted == np.isfinite(markets.asks)).all()
    assert (markets.bids[is_quoted] >= 0).all()
    assert (markets.asks[is_quoted] <= 1).all()
    assert (markets.bids[is_quoted] < markets.asks[is_quoted]).all()


def test_what_closes_within_the_recording_says_when() -> None:
    markets = small("broad")

    closes = [row.closes_at for row in markets.listings]
    assert any(markets.times[0] < close < END for close in closes)
    assert any(close > END for close in closes)


@pytest.mark.parametrize("n_markets", [1, 2, 17])
def test_as_many_markets_come_as_were_asked_for(n_markets: int) -> None:
    markets = simulate_markets(n_markets, n_steps=5, step_s=3_600, seed=1, end=END)

    assert markets.prices.shape == (n_markets, 5)
    assert len(markets.listings) == n_markets
    assert len({listing.market_id for listing in markets.listings}) == n_markets


def test_times_end_at_the_end_one_step_apart() -> None:
    markets = sample()

    steps = np.diff(np.array(markets.times))
    assert markets.times[-1] == END
    assert (steps == timedelta(minutes=5)).all()
    assert all(listing.closes_at >= END for listing in markets.listings)


def test_prices_are_probabilities_on_the_half_tick_grid() -> None:
    markets = sample()

    finest = np.array([min(row.tick_size, 0.001) for row in markets.listings])
    half_ticks = markets.prices / (finest[:, None] / 2)
    assert (markets.prices > 0).all()
    assert (markets.prices < 1).all()
    np.testing.assert_allclose(half_ticks, np.round(half_ticks), atol=1e-6)


def test_a_quoted_price_is_the_middle_of_bid_and_ask() -> None:
    markets = sample()

    is_quoted = np.isfinite(markets.bids)
    middle = (markets.bids + markets.asks)[is_quoted] / 2
    np.testing.assert_allclose(markets.prices[is_quoted], middle, atol=1e-6)
    assert (markets.asks[is_quoted] > markets.bids[is_quoted]).all()
    assert ((markets.bids[is_quoted] >= 0) & (markets.asks[is_quoted] <= 1)).all()
    assert 0.2 < is_quoted.mean() < 0.9


def test_liquidity_follows_how_often_the_price_moves() -> None:
    markets = sample()

    moved = np.mean(np.diff(markets.prices, axis=1) != 0, axis=1)
    bucket = np.array([listing.liquidity_bucket for listing in markets.listings])
    assert set(bucket) == {"low", "mid", "high"}
    assert moved[bucket == "low"].max() < moved[bucket == "mid"].min()
    assert moved[bucket == "mid"].max() < moved[bucket == "high"].min()


def test_markets_of_one_event_share_category_and_close() -> None:
    by_event: dict[str, set[tuple[str, datetime]]] = {}

    for listing in sample().listings:
        fact = (listing.category, listing.closes_at)
        by_event.setdefault(listing.event_id, set()).add(fact)

    assert 1 < len(by_event) < len(sample().listings)
    assert all(len(facts) == 1 for facts in by_event.values())


@pytest.mark.parametrize(
    ("step_s", "ties", "ties_of_12", "moved_of_12"),
    [(300, (0.45, 0.75), (0.2, 0.45), 0.02), (3_600, (0.15, 0.5), (0.05, 0.3), 0.03)],
)
def test_many_steps_are_ties_as_in_recorded_markets(
    step_s: int,
    ties: tuple[float, float],
    ties_of_12: tuple[float, float],
    moved_of_12: float,
) -> None:
    prices = sample(step_s, 600, 168).prices

    one, twelve = np.diff(prices, axis=1), prices[:, 12:] - prices[:, :-12]

    assert ties[0] < np.mean(one == 0) < ties[1]
    assert ties_of_12[0] < np.mean(twelve == 0) < ties_of_12[1]
    assert np.abs(twelve).mean() == pytest.approx(moved_of_12, rel=0.6)


def test_the_size_of_changes_clusters() -> None:
    sizes = np.abs(np.diff(sample().prices, axis=1))
    moves = sizes[np.count_nonzero(sizes, axis=1) >= 20]
    centred = moves - moves.mean(axis=1, keepdims=True)

    lag_one = (centred[:, 1:] * centred[:, :-1]).mean(axis=1) / centred.var(axis=1)

    assert 0.1 < lag_one.mean() < 0.5


@pytest.mark.parametrize(
    ("n_markets", "n_steps", "step_s"), [(0, 5, 300), (1, 1, 300), (1, 5, 0)]
)
def test_nothing_to_simulate_is_refused(
    n_markets: int, n_steps: int, step_s: int
) -> None:
    with pytest.raises(ValueError, match="at least 1 market"):
        simulate_markets(n_markets, n_steps=n_steps, step_s=step_s, seed=SEED, end=END)


def test_a_prior_of_no_name_is_refused() -> None:
    with pytest.raises(ValueError, match="venues, broad, got narrow"):
        small("narrow")


def test_an_end_without_a_time_zone_is_refused() -> None:
    naive = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)

    with pytest.raises(ValueError, match="time zone"):
        simulate_markets(1, n_steps=5, step_s=300, seed=SEED, end=naive)
