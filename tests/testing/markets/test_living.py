import itertools
from datetime import UTC, datetime, timedelta

import numpy as np

from tsfm_runner.testing.markets.living import (
    LIFE_STEPS,
    NEW_AGE,
    LivingMarkets,
    Sighting,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
N_MARKETS = 6


def course(seed: int, n_steps: int) -> list[list[Sighting]]:
    markets = LivingMarkets(N_MARKETS, seed=seed, start=START)
    return [markets.advance() for _ in range(n_steps)]


def test_a_seed_has_one_course() -> None:
    first, again, other = (course(seed, 20)[-1] for seed in (7, 7, 8))

    assert [one.listing for one in first] == [one.listing for one in again]
    assert all(
        (one.prices == two.prices).all() for one, two in zip(first, again, strict=True)
    )
    assert [one.prices[-1] for one in first] != [one.prices[-1] for one in other]


def test_who_closes_makes_room_for_a_young_market() -> None:
    steps = course(7, 2 * LIFE_STEPS)

    assert all(len(seen) in {N_MARKETS - 1, N_MARKETS} for seen in steps)
    names = {one.listing.market_id for seen in steps for one in seen}
    assert len(names) > 2 * N_MARKETS
    for number, seen in enumerate(steps):
        now = START + timedelta(minutes=5 * number)
        for one in seen:
            assert one.listing.closes_at > now
            assert NEW_AGE < one.prices.size <= LIFE_STEPS
            assert 0 <= one.prices.min() <= one.prices.max() <= 1


def test_histories_only_grow_but_for_the_silent_and_the_new() -> None:
    steps = course(3, 60)

    grown = 0
    for before, after in itertools.pairwise(steps):
        known = {one.listing.market_id: one.prices for one in before}
        for one in after:
            if one.listing.market_id in known:
                past = known[one.listing.market_id]
                assert one.prices[:-1].tolist() == past.tolist()
                grown += 1
    assert grown > 50 * (N_MARKETS - 1)


def test_there_is_news_a_silent_market_and_one_of_low_liquidity_soon() -> None:
    steps = course(7, 45)

    leaps = [
        abs(one.prices[-1] - one.prices[-2]) > 0.1
        for seen in steps[:15]
        for one in seen
    ]
    assert np.count_nonzero(leaps) >= 2
    assert len(steps[39]) == N_MARKETS
    assert len(steps[-1]) == N_MARKETS - 1
    assert any(one.listing.liquidity_bucket == "low" for one in steps[-1])
